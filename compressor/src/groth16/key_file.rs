//! Proving keys in files, so that they are made once.
//!
//! A file is [`MAGIC`], a byte for the key's [`Origin`] (0: INSECURE development, 1: a ceremony), the
//! circuit's digest, the key in `ark-serialize`'s uncompressed form, and the SHA-256 of all of that.
//! [`ProvingKey::read`] does not check the points again: the hash tells whether the file is the one
//! that was written, and a directory that others may write to is no place for it.
//! [`ProvingKey::read_foreign`] is for a file that somebody else made, and takes nothing for granted.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, SerializationError};
use maci_nova_folding::files::{write_atomically, Readers};
use sha2::{Digest, Sha256};

use super::{Origin, PlainVerifyingKey, ProvingKey, VerifyingKey};
use crate::adapter::Matrices;

const MAGIC: &[u8; 32] = b"maci-nova Groth16 key, version 2";
const DIGEST_BYTES: usize = 32;
const HEADER_BYTES: u64 = (MAGIC.len() + 1 + DIGEST_BYTES) as u64;
const BUFFER_BYTES: usize = 1 << 18;

/// Why a key is not written or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("the proving key's file: {0}")]
    Io(#[from] io::Error),
    /// It is no proving key of this version.
    #[error("not a proving key of this version")]
    NotKey,
    /// The key belongs to another circuit.
    #[error("the proving key belongs to another circuit")]
    OtherCircuit,
    /// It is not what was written.
    #[error("the proving key's file is damaged")]
    Damaged,
    /// The key in it cannot be read.
    #[error("the proving key is malformed: {0}")]
    Malformed(#[from] SerializationError),
    /// It is another key than the one that was asked for.
    #[error("another proving key, with the digest 0x{}", hexadecimal(.0))]
    OtherKey([u8; DIGEST_BYTES]),
    /// The two verifying keys in it differ, or a point that blinds proofs is infinity.
    #[error("the proving key contradicts itself")]
    Inconsistent,
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Origin {
    /// In a file.
    fn byte(self) -> u8 {
        match self {
            Origin::InsecureDevelopment => 0,
            Origin::Ceremony => 1,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let all = [Origin::InsecureDevelopment, Origin::Ceremony];
        all.into_iter().find(|origin| origin.byte() == byte)
    }
}

impl ProvingKey {
    /// Writes the key and returns its [digest](Self::digest). Everybody may read it; a stop in
    /// between leaves no half of a file.
    ///
    /// # Errors
    /// As the file system gives them.
    pub fn write(&self, path: &Path) -> Result<[u8; DIGEST_BYTES], KeyFileError> {
        let mut digest = [0; DIGEST_BYTES];
        write_atomically(path, Readers::Everybody, |file| {
            let mut hashing = Hashing::new(file);
            self.write_content(&mut hashing)?;
            digest = hashing.hash.finalize().into();
            hashing.inner.write_all(&digest)
        })?;
        Ok(digest)
    }

    /// Reads the key of a circuit from a file that [`write`](Self::write) made.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read(path: &Path, matrices: &[u8; DIGEST_BYTES]) -> Result<Self, KeyFileError> {
        let mut file = File::open(path)?;
        let origin = check_header(&mut file, matrices)?;
        check_digest(&mut file)?;
        file.seek(SeekFrom::Start(HEADER_BYTES))?;
        let body = BufReader::with_capacity(BUFFER_BYTES, file);
        Self::read_body(body, origin, *matrices)
    }

    /// Reads the key of a circuit from a file that somebody else made, `wanted` being the digest of
    /// the only key that will do.
    ///
    /// No file causes a panic, or takes more memory than a key of the circuit. Its size and its
    /// digest are checked before the key is read, then every point: on the curve, of the group.
    ///
    /// What a key can do that was made to spy on who proves with it: A is blinded by `r [delta]_1`
    /// and B by `s [delta]_2`, with fresh r and s. Neither delta is infinity here, so A and B are
    /// uniform and independent whatever the other points are, and only one C makes them a proof. So
    /// **a proof that [verifies](super::verify) under the key's own verifying key tells nothing of the
    /// witness**; one that does not may, and has to be thrown away by who made it. Which witnesses give a
    /// proof that verifies is up to the key all the same: whoever hears that it failed may learn
    /// something of the witness. And whether others can prove what is false depends on the trapdoors
    /// alone.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read_foreign(
        path: &Path,
        matrices: &Matrices,
        publics: usize,
        wanted: Option<&[u8; DIGEST_BYTES]>,
    ) -> Result<Self, KeyFileError> {
        let sizes = Sizes::new(matrices, publics).ok_or(KeyFileError::OtherCircuit)?;
        let circuit = matrices.digest();
        let mut file = File::open(path)?;
        let origin = check_header(&mut file, &circuit)?;
        if file.metadata()?.len() != sizes.file_bytes() {
            return Err(KeyFileError::Damaged);
        }
        let digest = check_digest(&mut file)?;
        if wanted.is_some_and(|wanted| *wanted != digest) {
            return Err(KeyFileError::OtherKey(digest));
        }
        file.seek(SeekFrom::Start(HEADER_BYTES))?;
        let mut body = BufReader::with_capacity(BUFFER_BYTES, file);
        let key = sizes.read(&mut body, origin, circuit)?;
        match key.is_consistent() {
            true => Ok(key),
            false => Err(KeyFileError::Inconsistent),
        }
    }

    /// Whether the two verifying keys agree and neither delta is infinity.
    fn is_consistent(&self) -> bool {
        let (own, inner) = (&self.verifying, &self.inner.vk);
        own.alpha == inner.alpha_g1
            && own.beta == inner.beta_g2
            && own.delta == inner.delta_g2
            && own.ic == inner.gamma_abc_g1
            && !own.delta.is_zero()
            && !self.inner.delta_g1.is_zero()
    }

    /// SHA-256 of the key, its origin and the circuit's digest; what its file ends with.
    pub fn digest(&self) -> [u8; DIGEST_BYTES] {
        let mut hashing = Hashing::new(io::sink());
        self.write_content(&mut hashing)
            .expect("nothing is written that could fail");
        hashing.hash.finalize().into()
    }

    fn write_content(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(MAGIC)?;
        writer.write_all(&[self.origin.byte()])?;
        writer.write_all(&self.matrices)?;
        let result = self
            .verifying
            .serialize_uncompressed(&mut writer)
            .and_then(|()| self.committed.serialize_uncompressed(&mut writer))
            .and_then(|()| self.inner.serialize_uncompressed(&mut writer));
        result.map_err(|error| match error {
            SerializationError::IoError(error) => error,
            other => io::Error::other(other),
        })
    }

    fn read_body(
        mut reader: impl Read,
        origin: Origin,
        matrices: [u8; DIGEST_BYTES],
    ) -> Result<Self, KeyFileError> {
        Ok(ProvingKey {
            origin,
            verifying: CanonicalDeserialize::deserialize_uncompressed_unchecked(&mut reader)?,
            committed: CanonicalDeserialize::deserialize_uncompressed_unchecked(&mut reader)?,
            inner: CanonicalDeserialize::deserialize_uncompressed_unchecked(&mut reader)?,
            matrices,
        })
    }
}

/// How many points the key of a circuit has.
struct Sizes {
    ic: usize,
    committed: usize,
    variables: usize,
    witness: usize,
    h: usize,
}

const G1_BYTES: usize = 64;
const G2_BYTES: usize = 128;
const LENGTH_BYTES: usize = 8;

impl Sizes {
    /// `None` when the circuit does not have as many public variables.
    fn new(matrices: &Matrices, publics: usize) -> Option<Self> {
        let ic = publics.checked_add(1)?;
        // The quotient of polynomials that are interpolated over all constraints and instance
        // variables has one coefficient less than the domain has elements.
        let domain = (matrices.constraints() + matrices.instance).next_power_of_two();
        Some(Sizes {
            ic,
            committed: matrices.instance.checked_sub(ic)?,
            variables: matrices.instance + matrices.witness,
            witness: matrices.witness,
            h: domain - 1,
        })
    }

    /// Of a whole file.
    fn file_bytes(&self) -> u64 {
        // alpha; beta, delta and gamma or gamma'; ic.
        let verifying = G1_BYTES + 3 * G2_BYTES + LENGTH_BYTES + G1_BYTES * self.ic;
        let lists = 6 * LENGTH_BYTES;
        let g1 = self.committed + 2 * self.variables + self.h + self.witness + 2;
        let body = 2 * verifying + lists + G1_BYTES * g1 + G2_BYTES * self.variables;
        HEADER_BYTES + (body + DIGEST_BYTES) as u64
    }

    /// What [`ProvingKey::write_content`] writes after the header.
    fn read(
        &self,
        reader: &mut impl Read,
        origin: Origin,
        matrices: [u8; DIGEST_BYTES],
    ) -> Result<ProvingKey, KeyFileError> {
        let verifying = VerifyingKey {
            alpha: point(reader)?,
            beta: point(reader)?,
            gamma_prime: point(reader)?,
            delta: point(reader)?,
            ic: points(reader, self.ic)?,
        };
        let committed = points(reader, self.committed)?;
        let vk = PlainVerifyingKey {
            alpha_g1: point(reader)?,
            beta_g2: point(reader)?,
            gamma_g2: point(reader)?,
            delta_g2: point(reader)?,
            gamma_abc_g1: points(reader, self.ic)?,
        };
        let inner = ark_groth16::ProvingKey {
            vk,
            beta_g1: point(reader)?,
            delta_g1: point(reader)?,
            a_query: points(reader, self.variables)?,
            b_g1_query: points(reader, self.variables)?,
            b_g2_query: points::<G2Affine>(reader, self.variables)?,
            h_query: points::<G1Affine>(reader, self.h)?,
            l_query: points(reader, self.witness)?,
        };
        Ok(ProvingKey {
            origin,
            verifying,
            committed,
            inner,
            matrices,
        })
    }
}

/// A point of its group.
fn point<P: CanonicalDeserialize>(reader: &mut impl Read) -> Result<P, KeyFileError> {
    Ok(P::deserialize_uncompressed(reader)?)
}

/// A list of so many points of their group.
fn points<P: CanonicalDeserialize>(
    reader: &mut impl Read,
    count: usize,
) -> Result<Vec<P>, KeyFileError> {
    let found = u64::deserialize_uncompressed(&mut *reader)?;
    if found != count as u64 {
        return Err(KeyFileError::OtherCircuit);
    }
    (0..count).map(|_| point(reader)).collect()
}

fn check_header(file: &mut File, matrices: &[u8; DIGEST_BYTES]) -> Result<Origin, KeyFileError> {
    let mut header = [0; HEADER_BYTES as usize];
    file.read_exact(&mut header)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => KeyFileError::NotKey,
            _ => KeyFileError::Io(error),
        })?;
    let (magic, rest) = header.split_at(MAGIC.len());
    let (origin, circuit) = rest.split_at(1);
    if magic != MAGIC {
        return Err(KeyFileError::NotKey);
    }
    let origin = Origin::from_byte(origin[0]).ok_or(KeyFileError::NotKey)?;
    if circuit != matrices {
        return Err(KeyFileError::OtherCircuit);
    }
    Ok(origin)
}

/// The file's last 32 bytes, which are the hash of those before.
fn check_digest(file: &mut File) -> Result<[u8; DIGEST_BYTES], KeyFileError> {
    let content = file.metadata()?.len().checked_sub(DIGEST_BYTES as u64);
    let content = content.ok_or(KeyFileError::Damaged)?;
    file.seek(SeekFrom::Start(0))?;
    let mut hashing = Hashing::new(io::sink());
    let buffered = BufReader::with_capacity(BUFFER_BYTES, &mut *file);
    io::copy(&mut buffered.take(content), &mut hashing)?;
    let mut digest = [0; DIGEST_BYTES];
    file.seek(SeekFrom::Start(content))?;
    file.read_exact(&mut digest)?;
    match digest == *hashing.hash.finalize() {
        true => Ok(digest),
        false => Err(KeyFileError::Damaged),
    }
}

/// Passes bytes on and hashes them.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Hashing {
            inner,
            hash: Sha256::new(),
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ark_bn254::{Fq, Fq2};

    use super::super::tests::{keys, matrices, PUBLICS};
    use super::*;

    #[test]
    fn a_key_comes_back_as_it_was() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        let (key, matrices) = (keys(), matrices());
        let digest = key.write(&path).expect("written");
        assert_eq!(digest, key.digest());
        let read = ProvingKey::read(&path, &matrices.digest()).expect("read");
        assert!(read == *key);
        assert_eq!(read.digest(), digest);
        assert_eq!(read.origin(), Origin::InsecureDevelopment);

        let mut other = key.clone();
        other.origin = Origin::Ceremony;
        assert_ne!(other.write(&path).expect("written"), digest);
        let read = ProvingKey::read(&path, &matrices.digest()).expect("read");
        assert_eq!(read.origin(), Origin::Ceremony);
    }

    #[test]
    fn no_changed_file_is_read() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        let circuit = matrices().digest();
        keys().write(&path).expect("written");
        let honest = fs::read(&path).expect("read");
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            ProvingKey::read(&path, &circuit).expect_err("refused")
        };
        for (at, bit) in [(0, 1), (31, 1), (32, 2)] {
            let mut bytes = honest.clone();
            bytes[at] ^= bit;
            assert!(matches!(refused(&bytes), KeyFileError::NotKey), "{at}");
        }
        let mut bytes = honest.clone();
        bytes[41] ^= 1;
        assert!(matches!(refused(&bytes), KeyFileError::OtherCircuit));
        // Byte 32 is the origin: INSECURE keys do not pass for a ceremony's.
        for at in [
            32,
            65,
            honest.len() / 2,
            honest.len() - 33,
            honest.len() - 1,
        ] {
            let mut bytes = honest.clone();
            bytes[at] ^= 1;
            assert!(matches!(refused(&bytes), KeyFileError::Damaged), "{at}");
        }
        assert!(matches!(refused(&[]), KeyFileError::NotKey));
        for length in [65, 80, 97, honest.len() - 1] {
            let error = refused(&honest[..length]);
            assert!(matches!(error, KeyFileError::Damaged), "{length}");
        }
        let longer = [honest.as_slice(), &[0]].concat();
        assert!(matches!(refused(&longer), KeyFileError::Damaged));
        fs::remove_file(&path).expect("removed");
        let missing = ProvingKey::read(&path, &circuit);
        assert!(matches!(missing, Err(KeyFileError::Io(_))));
    }

    #[test]
    fn the_key_of_another_circuit_is_refused() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        keys().write(&path).expect("written");
        let other = ProvingKey::read(&path, &[7; 32]);
        assert!(matches!(other, Err(KeyFileError::OtherCircuit)));
    }

    fn read_foreign(path: &Path) -> Result<ProvingKey, KeyFileError> {
        ProvingKey::read_foreign(path, matrices(), PUBLICS, None)
    }

    #[test]
    fn a_foreign_key_is_the_one_that_was_asked_for() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        let digest = keys().write(&path).expect("written");
        let length = fs::metadata(&path).expect("metadata").len();
        let sizes = Sizes::new(matrices(), PUBLICS).expect("fits");
        assert_eq!(length, sizes.file_bytes());
        assert!(read_foreign(&path).expect("read") == *keys());
        let wanted = |digest| ProvingKey::read_foreign(&path, matrices(), PUBLICS, Some(digest));
        assert!(wanted(&digest).is_ok());
        let other = wanted(&[7; 32]);
        assert!(matches!(other, Err(KeyFileError::OtherKey(found)) if found == digest));
        let split = ProvingKey::read_foreign(&path, matrices(), PUBLICS - 1, None);
        assert!(split.is_err());
        let none = ProvingKey::read_foreign(&path, matrices(), usize::MAX - 1, None);
        assert!(matches!(none, Err(KeyFileError::OtherCircuit)));
    }

    fn off_curve() -> G1Affine {
        let G1Affine { x, y, .. } = G1Affine::generator();
        G1Affine::new_unchecked(x + Fq::from(1), y)
    }

    /// On the curve of G2, whose group is a small part of it.
    fn outside_group() -> G2Affine {
        let points = (1..).filter_map(|x| {
            let x = Fq2::new(Fq::from(x), Fq::from(0));
            G2Affine::get_point_from_x_unchecked(x, true)
        });
        let mut outside = points.filter(|point| !point.is_in_correct_subgroup_assuming_on_curve());
        outside.next().expect("nearly all points")
    }

    /// Files with a right hash, as whoever makes them can give them.
    #[test]
    fn a_foreign_key_is_checked_point_by_point() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        let refused = |change: fn(&mut ProvingKey)| {
            let mut key = keys().clone();
            change(&mut key);
            key.write(&path).expect("written");
            read_foreign(&path).expect_err("refused")
        };
        let off: [fn(&mut ProvingKey); 4] = [
            |key| key.inner.a_query[3] = off_curve(),
            |key| key.inner.l_query[0] = off_curve(),
            |key| key.verifying.alpha = off_curve(),
            |key| key.inner.b_g2_query[2] = outside_group(),
        ];
        for change in off {
            let error = refused(change);
            assert!(matches!(error, KeyFileError::Malformed(_)), "{error}");
        }
        let contradictions: [fn(&mut ProvingKey); 4] = [
            |key| key.inner.delta_g1 = G1Affine::zero(),
            |key| {
                key.inner.vk.delta_g2 = G2Affine::zero();
                key.verifying.delta = G2Affine::zero();
            },
            |key| key.verifying.ic[1] = key.verifying.alpha,
            |key| key.verifying.beta = key.verifying.delta,
        ];
        for change in contradictions {
            let error = refused(change);
            assert!(matches!(error, KeyFileError::Inconsistent), "{error}");
        }
        // Of the right size in all, with a list that is longer and one that is shorter.
        let error = refused(|key| {
            let point = key.inner.a_query.pop().expect("a point");
            key.inner.b_g1_query.push(point);
        });
        assert!(matches!(error, KeyFileError::OtherCircuit), "{error}");
        let error = refused(|key| key.inner.l_query.clear());
        assert!(matches!(error, KeyFileError::Damaged), "{error}");
    }

    /// A list that says it has 2^64 - 1 points takes no memory.
    #[test]
    fn a_foreign_lists_length_is_not_believed() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        keys().write(&path).expect("written");
        let mut bytes = fs::read(&path).expect("read");
        let at = HEADER_BYTES as usize + G1_BYTES + 3 * G2_BYTES;
        bytes[at..at + LENGTH_BYTES].fill(0xff);
        let content = bytes.len() - DIGEST_BYTES;
        let digest = Sha256::digest(&bytes[..content]);
        bytes[content..].copy_from_slice(&digest);
        fs::write(&path, bytes).expect("written");
        let error = read_foreign(&path).expect_err("refused");
        assert!(matches!(error, KeyFileError::OtherCircuit), "{error}");
    }
}
