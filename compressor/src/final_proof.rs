//! The file that a coordinator publishes.
//!
//! Format (integers little endian, field elements 32 bytes little endian and below r):
//! ```text
//! magic "MNOVAPRF" | version u32 | parameters' digest 32
//! shape: state depth u32, vote depth u32, events per step u32
//! setup: 0 u8 (INSECURE development) or 1 u8, digest of the powers 32, power u32
//! poll: id u64, coordinator's key x, y, vote options u64,
//!       mode u8 (0 quadratic, 1 linear, 2 full, 3 negative), signedWithin u32 (blocks),
//!       state tree depth u32, vote option tree depth u32
//! steps u64 | final state, 8 elements
//! number of results u64 | of each option votes i128, spent u128
//! SNARK: length u32, bytes | SHA-256 of everything above
//! ```
//! A proof has one encoding: what is read is written back the same.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use ff::PrimeField;
use maci_nova_files::{write_atomically, Readers};
use maci_nova_folding::{Parameters, ParametersDigest, RunningProof, SetupOrigin};
use maci_nova_protocol::{
    babyjub::Point,
    poll::{Header, Mode, State, STATE_ELEMENTS},
    tally::{results_root, OptionResult},
};
use maci_nova_step_circuit::Shape;
use sha2::{Digest, Sha256};

use crate::{reader::Reader, snark};

const MAGIC: &[u8; 8] = b"MNOVAPRF";
const VERSION: u32 = 5;
const HASH_BYTES: usize = 32;
const RESULT_BYTES: usize = 32;
/// 5^10 results (312 MB) and a megabyte for the rest bound any file.
const MAX_FILE_BYTES: u64 = 9_765_625 * RESULT_BYTES as u64 + (1 << 20);

/// Why no final proof could be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The running proof was begun with other parameters.
    #[error("the running proof belongs to other parameters")]
    OtherParameters,
    /// The running proof has no steps.
    #[error("there is nothing to prove: no step has been folded")]
    NoSteps,
    /// The running proof does not begin where the poll does: its proof would be of a part of the count.
    #[error("the running proof is of a part of the count")]
    Segment,
    /// The results are not those in the running proof's tally, or not one for each option.
    #[error("the results are not those of the proof's tally")]
    Results,
    /// The engine or the proving library failed.
    #[error("the proof system failed: {0}")]
    Library(String),
}

/// Why bytes are not a final proof, or a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProofFileError {
    /// The file cannot be opened, read or written.
    #[error("the proof cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The bytes do not begin as a proof does.
    #[error("not a proof file")]
    NotProof,
    /// The format's version is not known here.
    #[error("the proof has version {0}, this program knows version {VERSION}")]
    Version(u32),
    /// The bytes end too early.
    #[error("the proof file is truncated")]
    Truncated,
    /// The bytes are not those that were written.
    #[error("the proof file is corrupt: its hash is wrong")]
    Corrupt,
    /// A field has a value that it cannot have.
    #[error("the proof file is malformed: {0}")]
    Malformed(&'static str),
}

/// A proof that a poll was counted rightly, with the count. Public; reveals nothing else.
///
/// All it states is only claimed until [`crate::verify()`] has accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalProof {
    pub(crate) parameters: ParametersDigest,
    pub(crate) shape: Shape,
    pub(crate) origin: SetupOrigin,
    pub(crate) header: Header,
    pub(crate) steps: u64,
    pub(crate) state: State,
    pub(crate) results: Vec<OptionResult>,
    pub(crate) snark: Vec<u8>,
}

impl FinalProof {
    /// Compresses a running proof. `results` are those of the native count, one for each option.
    ///
    /// # Errors
    /// See [`ProveError`]. It is not checked that the poll's events are complete.
    pub fn prove(
        parameters: &Parameters,
        running: &RunningProof,
        results: Vec<OptionResult>,
    ) -> Result<Self, ProveError> {
        let digest = parameters.digest();
        if running.parameters() != digest {
            return Err(ProveError::OtherParameters);
        }
        let proof = running.engine_proof().ok_or(ProveError::NoSteps)?;
        if *running.start() != State::initial(running.header()) {
            return Err(ProveError::Segment);
        }
        check_results(running, &results)?;
        let snark = snark::prove(parameters.engine(), proof)
            .map_err(|error| ProveError::Library(error.to_string()))?;
        Ok(FinalProof {
            parameters: digest,
            shape: parameters.shape(),
            origin: parameters.origin(),
            header: running.header().clone(),
            steps: running.steps(),
            state: *running.state(),
            results,
            snark,
        })
    }

    /// The parameters that it claims to be made with.
    pub fn parameters(&self) -> ParametersDigest {
        self.parameters
    }

    /// The shape claimed: what to make the parameters for.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The setup claimed: which powers of tau to make the parameters with.
    pub fn origin(&self) -> SetupOrigin {
        self.origin
    }

    /// The poll that it claims to count.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The number of steps claimed.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The final state claimed.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The results claimed, one for each option.
    pub fn results(&self) -> &[OptionResult] {
        &self.results
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.parameters.0);
        write_shape(&mut bytes, &self.shape);
        write_origin(&mut bytes, &self.origin);
        write_header(&mut bytes, &self.header);
        bytes.extend_from_slice(&self.steps.to_le_bytes());
        for element in self.state.to_array() {
            bytes.extend_from_slice(element.to_repr().as_ref());
        }
        bytes.extend_from_slice(&(self.results.len() as u64).to_le_bytes());
        for result in &self.results {
            bytes.extend_from_slice(&result.votes.to_le_bytes());
            bytes.extend_from_slice(&result.spent.to_le_bytes());
        }
        bytes.extend_from_slice(&(self.snark.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.snark);
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// Reads a file's bytes. Memory is taken in proportion to the bytes there are.
    ///
    /// # Errors
    /// [`ProofFileError::NotProof`], [`ProofFileError::Version`], [`ProofFileError::Truncated`],
    /// [`ProofFileError::Corrupt`], [`ProofFileError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofFileError> {
        let mut reader = Reader::new(bytes);
        let magic = reader.bytes(MAGIC.len());
        if !matches!(magic, Ok(magic) if magic == MAGIC) {
            return Err(ProofFileError::NotProof);
        }
        let version = reader.u32()?;
        if version != VERSION {
            return Err(ProofFileError::Version(version));
        }
        let proof = read_fields(&mut reader)?;
        let hash: [u8; HASH_BYTES] = reader.array()?;
        if reader.left() != 0 {
            return Err(ProofFileError::Malformed("bytes follow its end"));
        }
        let computed = Sha256::digest(&bytes[..bytes.len() - HASH_BYTES]);
        if computed.as_slice() != hash {
            return Err(ProofFileError::Corrupt);
        }
        Ok(proof)
    }

    /// Writes the file, replacing one that is there atomically.
    ///
    /// # Errors
    /// [`ProofFileError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), ProofFileError> {
        let bytes = self.to_bytes();
        write_atomically(path, Readers::Everybody, |writer| writer.write_all(&bytes))?;
        Ok(())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ProofFileError::Io`] and those of [`FinalProof::from_bytes`].
    pub fn read(path: &Path) -> Result<Self, ProofFileError> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(ProofFileError::Malformed("it is larger than any proof"));
        }
        FinalProof::from_bytes(&bytes)
    }
}

fn check_results(running: &RunningProof, results: &[OptionResult]) -> Result<(), ProveError> {
    let header = running.header();
    let root = results_root(header.vote_option_tree_depth, results);
    let counted = results.len() as u64 == header.vote_options;
    match root {
        Ok(root) if counted && root == running.state().tally_root => Ok(()),
        _ => Err(ProveError::Results),
    }
}

fn write_shape(bytes: &mut Vec<u8>, shape: &Shape) {
    for size in [shape.state_depth, shape.vote_depth, shape.events_per_step] {
        bytes.extend_from_slice(&(size as u32).to_le_bytes());
    }
}

fn read_shape(reader: &mut Reader<'_>) -> Result<Shape, ProofFileError> {
    let mut sizes = [0; 3];
    for size in &mut sizes {
        *size = reader.u32()? as usize;
    }
    Shape::new(sizes[0], sizes[1], sizes[2])
        .map_err(|_| ProofFileError::Malformed("a size of the circuit is out of range"))
}

fn write_origin(bytes: &mut Vec<u8>, origin: &SetupOrigin) {
    match origin {
        SetupOrigin::InsecureDevelopment => bytes.push(0),
        SetupOrigin::PowersOfTau { digest, power } => {
            bytes.push(1);
            bytes.extend_from_slice(digest);
            bytes.extend_from_slice(&power.to_le_bytes());
        }
    }
}

fn read_origin(reader: &mut Reader<'_>) -> Result<SetupOrigin, ProofFileError> {
    match reader.u8()? {
        0 => Ok(SetupOrigin::InsecureDevelopment),
        1 => Ok(SetupOrigin::PowersOfTau {
            digest: reader.array()?,
            power: reader.u32()?,
        }),
        _ => Err(ProofFileError::Malformed("the setup is of no known kind")),
    }
}

fn write_header(bytes: &mut Vec<u8>, header: &Header) {
    bytes.extend_from_slice(&header.poll_id.to_le_bytes());
    bytes.extend_from_slice(header.coordinator_key.x.to_repr().as_ref());
    bytes.extend_from_slice(header.coordinator_key.y.to_repr().as_ref());
    bytes.extend_from_slice(&header.vote_options.to_le_bytes());
    bytes.push(header.mode.number());
    bytes.extend_from_slice(&header.signed_within.to_le_bytes());
    for depth in [header.state_tree_depth, header.vote_option_tree_depth] {
        bytes.extend_from_slice(&(depth as u32).to_le_bytes());
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<Header, ProofFileError> {
    let header = Header {
        poll_id: reader.u64()?,
        coordinator_key: Point {
            x: reader.element()?,
            y: reader.element()?,
        },
        vote_options: reader.u64()?,
        mode: Mode::from_number(reader.u8()?)
            .ok_or(ProofFileError::Malformed("the poll's mode is unknown"))?,
        signed_within: reader.u32()?,
        state_tree_depth: reader.u32()? as usize,
        vote_option_tree_depth: reader.u32()? as usize,
    };
    header
        .validate()
        .map_err(|_| ProofFileError::Malformed("the poll's header is invalid"))?;
    Ok(header)
}

fn read_fields(reader: &mut Reader<'_>) -> Result<FinalProof, ProofFileError> {
    Ok(FinalProof {
        parameters: ParametersDigest(reader.array()?),
        shape: read_shape(reader)?,
        origin: read_origin(reader)?,
        header: read_header(reader)?,
        steps: reader.u64()?,
        state: read_state(reader)?,
        results: read_results(reader)?,
        snark: read_snark(reader)?,
    })
}

fn read_state(reader: &mut Reader<'_>) -> Result<State, ProofFileError> {
    let mut elements = [Default::default(); STATE_ELEMENTS];
    for element in &mut elements {
        *element = reader.element()?;
    }
    Ok(State::from_array(elements))
}

fn read_results(reader: &mut Reader<'_>) -> Result<Vec<OptionResult>, ProofFileError> {
    let count = reader.u64()?;
    if count > (reader.left() / RESULT_BYTES) as u64 {
        return Err(ProofFileError::Truncated);
    }
    (0..count)
        .map(|_| {
            Ok(OptionResult {
                votes: reader.i128()?,
                spent: reader.u128()?,
            })
        })
        .collect()
}

fn read_snark(reader: &mut Reader<'_>) -> Result<Vec<u8>, ProofFileError> {
    let length = reader.u32()?;
    Ok(reader.bytes(length as usize)?.to_vec())
}
