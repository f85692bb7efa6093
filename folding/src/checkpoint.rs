//! Running proofs on disk.
//!
//! A checkpoint holds the witness of the folded steps: it is as secret as the coordinator's key,
//! and written for its owner only (mode 0600). Whether it is of all of the count so far or of a part
//! of it, [`RunningProof::start`] tells.
//!
//! Format (integers little endian):
//! ```text
//! magic "MNOVACKP" | version u32 | parameters' digest 32 | poll context 32 | steps u64
//!   | proof length u64 | application length u64 | SHA-256 of the above
//! state before the first step 8 x 32 | proof | application section | SHA-256 of everything above
//! ```

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
    time::SystemTime,
};

use ff::PrimeField;
use maci_nova_files::{write_atomically, Readers};
use maci_nova_protocol::field::{from_bytes, to_bytes};
use maci_nova_protocol::poll::{Header, State, STATE_ELEMENTS};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    engine::{EngineError, IvcProof},
    FoldError, Parameters, ParametersDigest, RunningProof,
};

const MAGIC: &[u8; 8] = b"MNOVACKP";
const VERSION: u32 = 4;
const HASH_BYTES: usize = 32;
const START_BYTES: usize = STATE_ELEMENTS * 32;
/// Magic, version, two digests, three integers.
const FIELDS_BYTES: usize = 8 + 4 + 32 + 32 + 8 + 8 + 8;
const HEAD_BYTES: usize = FIELDS_BYTES + HASH_BYTES;

/// The largest application section: 1 GiB.
pub const MAX_APPLICATION_BYTES: usize = 1 << 30;

/// Why a checkpoint could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file cannot be opened, read or written.
    #[error("the checkpoint cannot be read or written: {0}")]
    Io(#[source] io::Error),
    /// There is no space left to write it. The checkpoint before it is unchanged.
    #[error("no space is left to write the checkpoint: {0}")]
    DiskFull(#[source] io::Error),
    /// The file does not begin as a checkpoint does.
    #[error("not a checkpoint")]
    NotCheckpoint,
    /// The format's version is not known here.
    #[error("the checkpoint has version {0}, this program knows version {VERSION}")]
    Version(u32),
    /// It was made with other parameters: another shape, setup or version of the circuit.
    #[error("the checkpoint is for parameters {found}, these are {expected}")]
    OtherParameters {
        /// The parameters given.
        expected: ParametersDigest,
        /// The checkpoint's.
        found: ParametersDigest,
    },
    /// It was made for another poll.
    #[error("the checkpoint is for another poll")]
    OtherPoll,
    /// The file ends too early.
    #[error("the checkpoint is truncated: {found} bytes of {expected}")]
    Truncated {
        /// Bytes that its head promises, or the head's own size.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The bytes are not those that were written.
    #[error("the checkpoint is corrupt: {0}")]
    Corrupt(String),
    /// The bytes are intact, but the proof in them does not verify.
    #[error("the checkpoint's proof is false: {0}")]
    Invalid(#[source] FoldError),
    /// The application section to be saved is larger than [`MAX_APPLICATION_BYTES`].
    #[error("the application section has {0} bytes, more than {MAX_APPLICATION_BYTES}")]
    ApplicationSize(usize),
    /// The proof to be saved was not begun with the parameters given.
    #[error("the proof to be saved has other parameters")]
    ProofParameters,
    /// The engine could not encode the proof.
    #[error("the proof cannot be encoded: {0}")]
    Encoding(String),
}

impl From<io::Error> for CheckpointError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                CheckpointError::DiskFull(error)
            }
            _ => CheckpointError::Io(error),
        }
    }
}

/// What a checkpoint holds.
#[derive(Debug)]
pub struct Checkpoint {
    /// The proof, verified.
    pub proof: RunningProof,
    /// What the application put beside it. Intact, but its meaning is the application's to check.
    pub application: Vec<u8>,
}

/// Saves a proof and the application's own bytes, replacing the file at `path` atomically.
///
/// # Errors
/// Those of [`encode`]; [`CheckpointError::Io`], [`CheckpointError::DiskFull`] (the old file is then
/// unchanged).
pub fn save(
    path: &Path,
    parameters: &Parameters,
    proof: &RunningProof,
    application: &[u8],
) -> Result<(), CheckpointError> {
    let bytes = encode(parameters, proof, application)?;
    write_atomically(path, Readers::Owner, |writer| writer.write_all(&bytes))?;
    Ok(())
}

/// The bytes of a checkpoint, for whoever keeps them elsewhere: secret.
///
/// # Errors
/// [`CheckpointError::ApplicationSize`], [`CheckpointError::ProofParameters`],
/// [`CheckpointError::Encoding`].
pub fn encode(
    parameters: &Parameters,
    proof: &RunningProof,
    application: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CheckpointError> {
    if proof.parameters() != parameters.digest() {
        return Err(CheckpointError::ProofParameters);
    }
    if application.len() > MAX_APPLICATION_BYTES {
        return Err(CheckpointError::ApplicationSize(application.len()));
    }
    let sizes = parameters.engine().sizes();
    let encoded = match proof.engine_proof() {
        None => Zeroizing::default(),
        Some(proof) => proof
            .encode(&sizes)
            .map_err(|error| CheckpointError::Encoding(error.to_string()))?,
    };
    let head = Head {
        parameters: proof.parameters(),
        poll: context_bytes(proof.header()),
        steps: proof.steps(),
        proof_length: encoded.len() as u64,
        application_length: application.len() as u64,
    };
    // At once as long as it gets: one that grows leaves secrets behind.
    let length = HEAD_BYTES + START_BYTES + encoded.len() + application.len() + HASH_BYTES;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    bytes.extend_from_slice(&head.to_bytes());
    for element in proof.start().to_array() {
        bytes.extend_from_slice(&to_bytes(&element));
    }
    bytes.extend_from_slice(&encoded);
    bytes.extend_from_slice(application);
    let hash = Sha256::digest(bytes.as_slice());
    bytes.extend_from_slice(&hash);
    Ok(bytes)
}

/// Loads a checkpoint of the poll `header` made with `parameters`, and verifies its proof. It may
/// begin in any state: that is for the caller to look at.
///
/// # Errors
/// Any of [`CheckpointError`] but those that say they are for saving. A file's lengths are compared
/// with what the parameters imply before memory is taken for them.
pub fn load(
    path: &Path,
    parameters: &Parameters,
    header: &Header,
) -> Result<Checkpoint, CheckpointError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    read(file, length, parameters, header)
}

/// The same from the bytes of [`encode`].
///
/// # Errors
/// As [`load`].
pub fn decode(
    bytes: &[u8],
    parameters: &Parameters,
    header: &Header,
) -> Result<Checkpoint, CheckpointError> {
    read(Cursor::new(bytes), bytes.len() as u64, parameters, header)
}

fn read(
    mut source: impl Read,
    length: u64,
    parameters: &Parameters,
    header: &Header,
) -> Result<Checkpoint, CheckpointError> {
    let bytes = read_head(&mut source, length)?;
    let head = Head::from_bytes(&bytes)?;
    head.check_for(parameters, header)?;
    head.check_length(length)?;
    let Body {
        start,
        proof,
        application,
    } = head.read_body(&mut source, &bytes)?;
    let proof = match head.steps {
        0 => None,
        steps => Some(decode_proof(parameters, &proof, steps)?),
    };
    let proof = RunningProof::from_engine(parameters, header, start, proof)
        .map_err(CheckpointError::Invalid)?;
    Ok(Checkpoint { proof, application })
}

/// What a checkpoint says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The parameters that it was made with.
    pub parameters: ParametersDigest,
    /// Steps that are folded.
    pub steps: u64,
    /// When it was written, as far as the file system tells.
    pub written: Option<SystemTime>,
}

/// Reads the first bytes of a checkpoint of the poll `header`. Neither parameters nor memory are
/// needed; the proof is not verified, nor the hash over everything.
///
/// # Errors
/// [`CheckpointError::Io`], [`CheckpointError::NotCheckpoint`], [`CheckpointError::Version`],
/// [`CheckpointError::OtherPoll`], [`CheckpointError::Truncated`], [`CheckpointError::Corrupt`].
pub fn facts(path: &Path, header: &Header) -> Result<Facts, CheckpointError> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let head = Head::from_bytes(&read_head(&mut file, metadata.len())?)?;
    head.check_poll(header)?;
    head.check_length(metadata.len())?;
    Ok(Facts {
        parameters: head.parameters,
        steps: head.steps,
        written: metadata.modified().ok(),
    })
}

/// What follows the head.
struct Body {
    start: State,
    proof: Zeroizing<Vec<u8>>,
    application: Vec<u8>,
}

/// The first part of the file.
struct Head {
    parameters: ParametersDigest,
    poll: [u8; 32],
    steps: u64,
    proof_length: u64,
    application_length: u64,
}

impl Head {
    fn to_bytes(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.parameters.0);
        bytes.extend_from_slice(&self.poll);
        for integer in [self.steps, self.proof_length, self.application_length] {
            bytes.extend_from_slice(&integer.to_le_bytes());
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        let mut head = [0; HEAD_BYTES];
        head.copy_from_slice(&bytes);
        head
    }

    /// Parses the fields after magic and version, having checked the head's hash.
    fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> Result<Self, CheckpointError> {
        let (fields, hash) = bytes.split_at(FIELDS_BYTES);
        if Sha256::digest(fields).as_slice() != hash {
            return Err(CheckpointError::Corrupt("its head was altered".into()));
        }
        let array = |start: usize| -> [u8; 32] {
            let mut array = [0; 32];
            array.copy_from_slice(&fields[start..start + 32]);
            array
        };
        let integer = |start: usize| {
            let mut array = [0; 8];
            array.copy_from_slice(&fields[start..start + 8]);
            u64::from_le_bytes(array)
        };
        Ok(Head {
            parameters: ParametersDigest(array(12)),
            poll: array(44),
            steps: integer(76),
            proof_length: integer(84),
            application_length: integer(92),
        })
    }

    fn check_for(&self, parameters: &Parameters, header: &Header) -> Result<(), CheckpointError> {
        if self.parameters != parameters.digest() {
            return Err(CheckpointError::OtherParameters {
                expected: parameters.digest(),
                found: self.parameters,
            });
        }
        self.check_poll(header)?;
        let expected = match self.steps {
            0 => 0,
            _ => IvcProof::encoded_size(&parameters.engine().sizes()),
        };
        if self.proof_length != expected as u64 {
            return Err(CheckpointError::Corrupt("a proof of another size".into()));
        }
        if self.application_length > MAX_APPLICATION_BYTES as u64 {
            let text = "its application section is too large";
            return Err(CheckpointError::Corrupt(text.into()));
        }
        Ok(())
    }

    fn check_poll(&self, header: &Header) -> Result<(), CheckpointError> {
        match self.poll == context_bytes(header) {
            true => Ok(()),
            false => Err(CheckpointError::OtherPoll),
        }
    }

    /// Compares the file's length with the lengths stated.
    fn check_length(&self, found: u64) -> Result<(), CheckpointError> {
        let fixed = (HEAD_BYTES + START_BYTES + HASH_BYTES) as u64;
        let expected = fixed
            .saturating_add(self.proof_length)
            .saturating_add(self.application_length);
        if found < expected {
            return Err(CheckpointError::Truncated { expected, found });
        }
        if found > expected {
            return Err(CheckpointError::Corrupt("bytes follow its end".into()));
        }
        Ok(())
    }

    /// Reads the rest, and checks the hash over everything.
    fn read_body(
        &self,
        source: &mut impl Read,
        head: &[u8; HEAD_BYTES],
    ) -> Result<Body, CheckpointError> {
        let mut start = [0; START_BYTES];
        let mut proof = Zeroizing::new(vec![0; self.proof_length as usize]);
        let mut application = vec![0; self.application_length as usize];
        let mut hash = [0; HASH_BYTES];
        source.read_exact(&mut start)?;
        source.read_exact(&mut proof)?;
        source.read_exact(&mut application)?;
        source.read_exact(&mut hash)?;
        let computed = Sha256::new()
            .chain_update(head)
            .chain_update(start)
            .chain_update(proof.as_slice())
            .chain_update(&application)
            .finalize();
        if computed.as_slice() != hash {
            return Err(CheckpointError::Corrupt("its hash is wrong".into()));
        }
        let start = state(&start)
            .ok_or_else(|| CheckpointError::Corrupt("its first state is none".into()))?;
        Ok(Body {
            start,
            proof,
            application,
        })
    }
}

/// The state of its elements' bytes.
fn state(bytes: &[u8; START_BYTES]) -> Option<State> {
    let mut elements = [Default::default(); STATE_ELEMENTS];
    for (element, chunk) in elements.iter_mut().zip(bytes.chunks_exact(32)) {
        *element = from_bytes(chunk.try_into().ok()?)?;
    }
    Some(State::from_array(elements))
}

/// Reads the head; checks magic and version.
fn read_head(source: &mut impl Read, length: u64) -> Result<[u8; HEAD_BYTES], CheckpointError> {
    let mut bytes = [0; HEAD_BYTES];
    let available = length.min(HEAD_BYTES as u64) as usize;
    source.read_exact(&mut bytes[..available])?;
    if available < MAGIC.len() || &bytes[..8] != MAGIC {
        return Err(CheckpointError::NotCheckpoint);
    }
    if available < HEAD_BYTES {
        return Err(CheckpointError::Truncated {
            expected: HEAD_BYTES as u64,
            found: length,
        });
    }
    let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    if version != VERSION {
        return Err(CheckpointError::Version(version));
    }
    Ok(bytes)
}

fn decode_proof(
    parameters: &Parameters,
    bytes: &[u8],
    steps: u64,
) -> Result<IvcProof, CheckpointError> {
    let corrupt = |error: EngineError| CheckpointError::Corrupt(error.to_string());
    let proof = IvcProof::decode(parameters.engine(), bytes).map_err(corrupt)?;
    if proof.steps() != steps {
        let text = "its head states another number of steps than its proof";
        return Err(CheckpointError::Corrupt(text.into()));
    }
    Ok(proof)
}

fn context_bytes(header: &Header) -> [u8; 32] {
    header.context().to_repr().into()
}
