//! Proving keys in files, so that they are made once.
//!
//! A file is [`MAGIC`], the hash that names the key's ceremony (32 zeros: INSECURE, made without one),
//! the circuit's digest, the key in `ark-serialize`'s uncompressed form, and the SHA-256 of all of
//! that. The hash covers every byte before it. It tells whether the file is the one that was
//! written, not who wrote it. So [`ProvingKey::read`], for this user's own files, refuses those
//! that others can have written, and checks all the same what costs little and what proofs hide
//! behind:
//! * the header, the number of points in each list, the length of the file;
//! * every point of G1 and of the verifying keys is of its group, every other one is on its curve;
//! * alpha, beta, gamma' and delta are not infinity, in either group; gamma is the generator;
//! * beta and delta are the same in both groups, by pairings;
//! * the two verifying keys agree.
//!
//! [`ProvingKey::read_foreign`], for a file that somebody else made, checks also that the bases of
//! B are of their group, which takes most of its time, and its digest.
//!
//! Neither checks that the lists belong to the circuit or to each other (the bases of B in both
//! groups, of A, C and D, and the powers behind the quotient), nor that nobody knows the trapdoors.
//! With wrong lists proofs fail; whether a key may be trusted is not for its file to
//! say: that is known of a verifying key alone, by its ceremony.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::{pairing::Pairing, AffineRepr};
use ark_ff::Zero;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, SerializationError};
use maci_nova_files::{
    check_own, trailing_digest, write_atomically, Exposure, Hashing, Readers, DIGEST_BYTES,
};
use rayon::prelude::*;

use crate::{adapter::Matrices, PlainVerifyingKey, ProvingKey, VerifyingKey};

const MAGIC: &[u8; 32] = b"maci-nova Groth16 key, version 3";
const HEADER_BYTES: u64 = (MAGIC.len() + 2 * DIGEST_BYTES) as u64;
/// In the place of a ceremony's hash.
const NO_CEREMONY: [u8; DIGEST_BYTES] = [0; DIGEST_BYTES];
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
    /// Others than this user may have written the file.
    #[error("the proving key's file {0}")]
    Exposed(#[from] Exposure),
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
    /// The two verifying keys in it differ, a trapdoor's points in both groups do, or one of them
    /// is infinity and hides nothing.
    #[error("the proving key contradicts itself")]
    Inconsistent,
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
            let (file, found) = hashing.finish();
            digest = found;
            file.write_all(&digest)
        })?;
        Ok(digest)
    }

    /// Reads the key of a circuit, whose digest is `circuit`, from a file of this user that
    /// [`write`](Self::write) made. What is checked is said in the module's documentation.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read(
        path: &Path,
        circuit: &[u8; DIGEST_BYTES],
        matrices: &Matrices,
        publics: usize,
    ) -> Result<Self, KeyFileError> {
        let sizes = Sizes::new(matrices, publics).ok_or(KeyFileError::OtherCircuit)?;
        let own = OwnFile::open(path, circuit)?;
        let mut body = BufReader::with_capacity(BUFFER_BYTES, own.file);
        let key = sizes.read(&mut body, own.ceremony, *circuit, point_on_curve)?;
        match own.bytes == sizes.file_bytes() {
            true => Ok(key),
            false => Err(KeyFileError::Damaged),
        }
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
    /// **a proof that [verifies](super::verify) under the key's own verifying key tells nothing of
    /// the witness**; one that does not may, and has to be thrown away by who made it. Which
    /// witnesses give a proof that verifies is up to the key all the same: whoever hears that it
    /// failed may learn something of the witness. And whether others can prove what is false
    /// depends on the trapdoors alone.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read_foreign(
        path: &Path,
        matrices: &Matrices,
        publics: usize,
        wanted: Option<&[u8; DIGEST_BYTES]>,
    ) -> Result<Self, KeyFileError> {
        Self::read_foreign_from(File::open(path)?, matrices, publics, wanted)
    }

    /// The same from whatever holds a file's bytes.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read_foreign_from(
        mut file: impl Read + Seek,
        matrices: &Matrices,
        publics: usize,
        wanted: Option<&[u8; DIGEST_BYTES]>,
    ) -> Result<Self, KeyFileError> {
        let sizes = Sizes::new(matrices, publics).ok_or(KeyFileError::OtherCircuit)?;
        let circuit = matrices.digest();
        let ceremony = check_header(&mut file, &circuit)?;
        if file.seek(SeekFrom::End(0))? != sizes.file_bytes() {
            return Err(KeyFileError::Damaged);
        }
        let digest = check_digest(&mut file)?;
        if wanted.is_some_and(|wanted| *wanted != digest) {
            return Err(KeyFileError::OtherKey(digest));
        }
        file.seek(SeekFrom::Start(HEADER_BYTES))?;
        let mut body = BufReader::with_capacity(BUFFER_BYTES, file);
        sizes.read(&mut body, ceremony, circuit, |bytes| point(bytes))
    }

    /// Whether the key has as many points of each kind as one of the circuit.
    pub(crate) fn fits(&self, matrices: &Matrices) -> bool {
        let publics = self.verifying.ic.len().checked_sub(1);
        let sizes = publics.and_then(|publics| Sizes::new(matrices, publics));
        sizes.is_some_and(|sizes| sizes.are_those_of(self))
    }

    /// What others are told of the key.
    pub fn facts(&self) -> KeyFacts {
        KeyFacts {
            ceremony: self.ceremony,
            digest: self.digest(),
            verifying: self.verifying.clone(),
        }
    }

    /// SHA-256 of the key, its ceremony's hash and the circuit's digest; what its file ends with.
    pub fn digest(&self) -> [u8; DIGEST_BYTES] {
        let mut hashing = Hashing::new(io::sink());
        self.write_content(&mut hashing)
            .expect("nothing is written that could fail");
        hashing.finish().1
    }

    fn write_content(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(MAGIC)?;
        writer.write_all(&self.ceremony.unwrap_or(NO_CEREMONY))?;
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
}

/// Whether `e(p, [1]_2) = e([1]_1, q)`: whether both are the same multiple of the generators.
fn is_same(p: &G1Affine, q: &G2Affine) -> bool {
    let (one, two) = (G1Affine::generator(), G2Affine::generator());
    Bn254::multi_pairing([*p, -one], [two, *q]).is_zero()
}

/// What others are told of a proving key: enough to deploy its verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// The ceremony that it says it comes from, see [`ProvingKey::ceremony`].
    pub ceremony: Option<[u8; DIGEST_BYTES]>,
    /// Its [digest](ProvingKey::digest).
    pub digest: [u8; DIGEST_BYTES],
    /// What verifies its proofs.
    pub verifying: VerifyingKey,
}

impl KeyFacts {
    /// Those of the key that [`ProvingKey::read`] reads, without its lists of points: neither time
    /// nor memory grows with the circuit, but for the hash over the file. So points of the lists are
    /// not checked; whoever proves does that.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read(
        path: &Path,
        circuit: &[u8; DIGEST_BYTES],
        matrices: &Matrices,
        publics: usize,
    ) -> Result<Self, KeyFileError> {
        let sizes = Sizes::new(matrices, publics).ok_or(KeyFileError::OtherCircuit)?;
        let own = OwnFile::open(path, circuit)?;
        let mut body = BufReader::with_capacity(BUFFER_BYTES, own.file);
        let verifying = sizes.verifying(&mut body)?;
        let committed = LENGTH_BYTES + G1_BYTES * sizes.committed;
        body.seek_relative(committed as i64)?;
        Trapdoored::read(&mut body, &sizes)?.check(&verifying)?;
        if own.bytes != sizes.file_bytes() {
            return Err(KeyFileError::Damaged);
        }
        Ok(KeyFacts {
            ceremony: own.ceremony,
            digest: own.digest,
            verifying,
        })
    }
}

/// A file of this user with the key of a circuit, and a hash that is right.
struct OwnFile {
    /// Its next byte is the first after the header.
    file: File,
    ceremony: Option<[u8; DIGEST_BYTES]>,
    digest: [u8; DIGEST_BYTES],
    bytes: u64,
}

impl OwnFile {
    fn open(path: &Path, circuit: &[u8; DIGEST_BYTES]) -> Result<Self, KeyFileError> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        check_own(&metadata)?;
        let ceremony = check_header(&mut file, circuit)?;
        let digest = check_digest(&mut file)?;
        file.seek(SeekFrom::Start(HEADER_BYTES))?;
        Ok(OwnFile {
            file,
            ceremony,
            digest,
            bytes: metadata.len(),
        })
    }
}

/// The points of trapdoors as the library keeps them: its verifying key, and beta and delta in G1.
struct Trapdoored {
    vk: PlainVerifyingKey,
    beta_g1: G1Affine,
    delta_g1: G1Affine,
}

impl Trapdoored {
    fn read(reader: &mut impl Read, sizes: &Sizes) -> Result<Self, KeyFileError> {
        let vk = PlainVerifyingKey {
            alpha_g1: point(reader)?,
            beta_g2: point(reader)?,
            gamma_g2: point(reader)?,
            delta_g2: point(reader)?,
            gamma_abc_g1: points(reader, sizes.ic)?,
        };
        Ok(Trapdoored {
            vk,
            beta_g1: point(reader)?,
            delta_g1: point(reader)?,
        })
    }

    /// The two verifying keys agree, gamma is the generator, no other trapdoor's point is infinity,
    /// and beta and delta are the same in both groups. (Infinity alone would be: with delta at
    /// infinity in both groups nothing blinds A and B.)
    fn check(&self, own: &VerifyingKey) -> Result<(), KeyFileError> {
        let (inner, beta, delta) = (&self.vk, &self.beta_g1, &self.delta_g1);
        let agree = own.alpha == inner.alpha_g1
            && own.beta == inner.beta_g2
            && own.delta == inner.delta_g2
            && own.ic == inner.gamma_abc_g1
            && inner.gamma_g2 == G2Affine::generator();
        let g2 = [&own.beta, &own.gamma_prime, &own.delta];
        let infinite = [&own.alpha, beta, delta]
            .into_iter()
            .any(AffineRepr::is_zero)
            || g2.into_iter().any(AffineRepr::is_zero);
        match agree && !infinite && is_same(beta, &own.beta) && is_same(delta, &own.delta) {
            true => Ok(()),
            false => Err(KeyFileError::Inconsistent),
        }
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
        Some(Sizes {
            ic,
            committed: matrices.instance().checked_sub(ic)?,
            variables: matrices.instance() + matrices.witness(),
            witness: matrices.witness(),
            h: matrices.domain() - 1,
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

    fn are_those_of(&self, key: &ProvingKey) -> bool {
        let inner = &key.inner;
        let bases = [
            inner.a_query.len(),
            inner.b_g1_query.len(),
            inner.b_g2_query.len(),
        ];
        [key.verifying.ic.len(), inner.vk.gamma_abc_g1.len()] == [self.ic; 2]
            && key.committed.len() == self.committed
            && bases == [self.variables; 3]
            && inner.h_query.len() == self.h
            && inner.l_query.len() == self.witness
    }

    /// What [`ProvingKey::write_content`] writes after the header. `base` checks a base of B.
    fn read<R: Read>(
        &self,
        reader: &mut R,
        ceremony: Option<[u8; DIGEST_BYTES]>,
        matrices: [u8; DIGEST_BYTES],
        base: Decode<G2Affine>,
    ) -> Result<ProvingKey, KeyFileError> {
        let verifying = self.verifying(reader)?;
        let committed = points(reader, self.committed)?;
        let trapdoored = Trapdoored::read(reader, self)?;
        trapdoored.check(&verifying)?;
        let inner = ark_groth16::ProvingKey {
            vk: trapdoored.vk,
            beta_g1: trapdoored.beta_g1,
            delta_g1: trapdoored.delta_g1,
            a_query: points(reader, self.variables)?,
            b_g1_query: points(reader, self.variables)?,
            b_g2_query: list(reader, self.variables, G2_BYTES, base)?,
            h_query: points(reader, self.h)?,
            l_query: points(reader, self.witness)?,
        };
        Ok(ProvingKey {
            ceremony,
            verifying,
            committed,
            inner,
            matrices,
        })
    }

    fn verifying(&self, reader: &mut impl Read) -> Result<VerifyingKey, KeyFileError> {
        Ok(VerifyingKey {
            alpha: point(reader)?,
            beta: point(reader)?,
            gamma_prime: point(reader)?,
            delta: point(reader)?,
            ic: points(reader, self.ic)?,
        })
    }
}

/// Reads a point from its bytes, and checks it.
type Decode<P> = fn(&mut &[u8]) -> Result<P, KeyFileError>;

/// A point of its group.
fn point<P: CanonicalDeserialize>(reader: &mut impl Read) -> Result<P, KeyFileError> {
    Ok(P::deserialize_uncompressed(reader)?)
}

/// A point of the curve that G2 is a part of.
fn point_on_curve(reader: &mut &[u8]) -> Result<G2Affine, KeyFileError> {
    let point = G2Affine::deserialize_uncompressed_unchecked(reader)?;
    match point.is_on_curve() {
        true => Ok(point),
        false => Err(SerializationError::InvalidData.into()),
    }
}

/// A list of so many points of G1.
fn points(reader: &mut impl Read, count: usize) -> Result<Vec<G1Affine>, KeyFileError> {
    list(reader, count, G1_BYTES, |bytes| point(bytes))
}

/// Points that are read at once, and then decoded by all processors.
const POINTS_AT_ONCE: usize = 1 << 14;

/// A list of so many points of `bytes` bytes each.
fn list<P: Send>(
    reader: &mut impl Read,
    count: usize,
    bytes: usize,
    decode: Decode<P>,
) -> Result<Vec<P>, KeyFileError> {
    let found = u64::deserialize_uncompressed(&mut *reader)?;
    if found != count as u64 {
        return Err(KeyFileError::OtherCircuit);
    }
    let mut all = Vec::with_capacity(count);
    let mut buffer = vec![0; bytes * count.min(POINTS_AT_ONCE)];
    while all.len() < count {
        let part = &mut buffer[..bytes * (count - all.len()).min(POINTS_AT_ONCE)];
        reader.read_exact(part)?;
        let decoded: Result<Vec<P>, _> = part
            .par_chunks_exact(bytes)
            .map(|mut point| decode(&mut point))
            .collect();
        all.append(&mut decoded?);
    }
    Ok(all)
}

/// Checks what a file begins with. Returns the ceremony that it names.
fn check_header(
    file: &mut impl Read,
    matrices: &[u8; DIGEST_BYTES],
) -> Result<Option<[u8; DIGEST_BYTES]>, KeyFileError> {
    let mut header = [0; HEADER_BYTES as usize];
    file.read_exact(&mut header)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => KeyFileError::NotKey,
            _ => KeyFileError::Io(error),
        })?;
    let (magic, rest) = header.split_at(MAGIC.len());
    let (ceremony, circuit) = rest.split_at(DIGEST_BYTES);
    if magic != MAGIC {
        return Err(KeyFileError::NotKey);
    }
    if circuit != matrices {
        return Err(KeyFileError::OtherCircuit);
    }
    let ceremony: [u8; DIGEST_BYTES] = ceremony.try_into().expect("split there");
    Ok((ceremony != NO_CEREMONY).then_some(ceremony))
}

/// The file's last 32 bytes, which are the hash of those before.
fn check_digest(file: &mut (impl Read + Seek)) -> Result<[u8; DIGEST_BYTES], KeyFileError> {
    trailing_digest(file)?.ok_or(KeyFileError::Damaged)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ark_bn254::{Fq, Fq2};

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::scheme::tests::{keys, matrices, PUBLICS};

    #[test]
    fn a_key_comes_back_as_it_was() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        let key = keys();
        let digest = key.write(&path).expect("written");
        assert_eq!(digest, key.digest());
        let read = read_own(&path).expect("read");
        assert!(read == *key);
        assert_eq!(read.digest(), digest);
        assert_eq!(read.ceremony(), None);
        assert_eq!(read_facts(&path).expect("read"), read.facts());

        let mut other = key.clone();
        other.ceremony = Some([9; 32]);
        assert_ne!(other.write(&path).expect("written"), digest);
        let read = read_own(&path).expect("read");
        assert_eq!(read.ceremony(), Some([9; 32]));
    }

    #[test]
    fn no_changed_file_is_read() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        keys().write(&path).expect("written");
        let honest = fs::read(&path).expect("read");
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            let error = read_own(&path).expect_err("refused");
            let of_facts = read_facts(&path).expect_err("refused");
            assert_eq!(error.to_string(), of_facts.to_string());
            error
        };
        for (at, bit) in [(0, 1), (31, 1)] {
            let mut bytes = honest.clone();
            bytes[at] ^= bit;
            assert!(matches!(refused(&bytes), KeyFileError::NotKey), "{at}");
        }
        let mut bytes = honest.clone();
        bytes[70] ^= 1;
        assert!(matches!(refused(&bytes), KeyFileError::OtherCircuit));
        // From byte 32 on it names its ceremony.
        for at in [
            32,
            63,
            96,
            honest.len() / 2,
            honest.len() - 33,
            honest.len() - 1,
        ] {
            let mut bytes = honest.clone();
            bytes[at] ^= 1;
            assert!(matches!(refused(&bytes), KeyFileError::Damaged), "{at}");
        }
        assert!(matches!(refused(&[]), KeyFileError::NotKey));
        for length in [96, 110, 130, honest.len() - 1] {
            let error = refused(&honest[..length]);
            assert!(matches!(error, KeyFileError::Damaged), "{length}");
        }
        let longer = [honest.as_slice(), &[0]].concat();
        assert!(matches!(refused(&longer), KeyFileError::Damaged));
        fs::remove_file(&path).expect("removed");
        let missing = read_own(&path);
        assert!(matches!(missing, Err(KeyFileError::Io(_))));
    }

    #[test]
    fn the_key_of_another_circuit_is_refused() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        keys().write(&path).expect("written");
        let other = ProvingKey::read(&path, &[7; 32], matrices(), PUBLICS);
        assert!(matches!(other, Err(KeyFileError::OtherCircuit)));
    }

    fn read_own(path: &Path) -> Result<ProvingKey, KeyFileError> {
        ProvingKey::read(path, &matrices().digest(), matrices(), PUBLICS)
    }

    fn read_facts(path: &Path) -> Result<KeyFacts, KeyFileError> {
        KeyFacts::read(path, &matrices().digest(), matrices(), PUBLICS)
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

    fn off_curve_2() -> G2Affine {
        let G2Affine { x, y, .. } = G2Affine::generator();
        G2Affine::new_unchecked(x, y + Fq2::new(Fq::from(1), Fq::from(0)))
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
    fn a_key_is_checked_point_by_point() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        let refused = |change: fn(&mut ProvingKey)| {
            let mut key = keys().clone();
            change(&mut key);
            key.write(&path).expect("written");
            [read_own(&path), read_foreign(&path)].map(|key| key.expect_err("refused"))
        };
        let off: [fn(&mut ProvingKey); 9] = [
            |key| key.inner.a_query[3] = off_curve(),
            |key| key.inner.b_g1_query[3] = off_curve(),
            |key| key.inner.h_query[1] = off_curve(),
            |key| key.inner.l_query[0] = off_curve(),
            |key| key.committed[1] = off_curve(),
            |key| key.verifying.alpha = off_curve(),
            |key| key.verifying.gamma_prime = outside_group(),
            |key| key.inner.vk.delta_g2 = outside_group(),
            |key| key.inner.b_g2_query[2] = off_curve_2(),
        ];
        for change in off {
            for error in refused(change) {
                assert!(matches!(error, KeyFileError::Malformed(_)), "{error}");
            }
        }
        let contradictions: [fn(&mut ProvingKey); 11] = [
            |key| key.inner.delta_g1 = G1Affine::zero(),
            |key| key.inner.beta_g1 = G1Affine::zero(),
            |key| {
                key.inner.vk.delta_g2 = G2Affine::zero();
                key.verifying.delta = G2Affine::zero();
            },
            // The same in both groups, and blinds nothing.
            |key| {
                key.inner.delta_g1 = G1Affine::zero();
                key.inner.vk.delta_g2 = G2Affine::zero();
                key.verifying.delta = G2Affine::zero();
            },
            |key| {
                key.inner.beta_g1 = G1Affine::zero();
                key.inner.vk.beta_g2 = G2Affine::zero();
                key.verifying.beta = G2Affine::zero();
            },
            |key| {
                key.inner.vk.alpha_g1 = G1Affine::zero();
                key.verifying.alpha = G1Affine::zero();
            },
            |key| key.verifying.gamma_prime = G2Affine::zero(),
            |key| key.inner.vk.gamma_g2 = key.verifying.gamma_prime,
            |key| core::mem::swap(&mut key.inner.beta_g1, &mut key.inner.delta_g1),
            |key| key.verifying.ic[1] = key.verifying.alpha,
            |key| key.verifying.beta = key.verifying.delta,
        ];
        for change in contradictions {
            for error in refused(change) {
                assert!(matches!(error, KeyFileError::Inconsistent), "{error}");
            }
            let error = read_facts(&path).expect_err("refused");
            assert!(matches!(error, KeyFileError::Inconsistent), "{error}");
        }
        // Left to whoever reads a file that somebody else made.
        let mut key = keys().clone();
        key.inner.b_g2_query[2] = outside_group();
        key.write(&path).expect("written");
        let error = read_foreign(&path).expect_err("refused");
        assert!(matches!(error, KeyFileError::Malformed(_)), "{error}");
        // Of the right size in all, with a list that is longer and one that is shorter.
        let errors = refused(|key| {
            let point = key.inner.a_query.pop().expect("a point");
            key.inner.b_g1_query.push(point);
        });
        for error in errors {
            assert!(matches!(error, KeyFileError::OtherCircuit), "{error}");
        }
        let [own, foreign] = refused(|key| key.inner.l_query.clear());
        assert!(matches!(own, KeyFileError::OtherCircuit), "{own}");
        assert!(matches!(foreign, KeyFileError::Damaged), "{foreign}");
    }

    /// Bytes between the key and the hash, which covers them.
    #[test]
    fn nothing_is_hidden_behind_a_key() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        keys().write(&path).expect("written");
        let mut bytes = fs::read(&path).expect("read");
        bytes.truncate(bytes.len() - DIGEST_BYTES);
        bytes.push(0);
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        fs::write(&path, bytes).expect("written");
        for key in [read_own(&path), read_foreign(&path)] {
            assert!(matches!(key, Err(KeyFileError::Damaged)), "{key:?}");
        }
        let facts = read_facts(&path);
        assert!(matches!(facts, Err(KeyFileError::Damaged)), "{facts:?}");
    }

    /// A list that is too short would make a wrong proof, or a panic.
    #[test]
    fn a_key_with_a_shorter_list_does_not_fit() {
        assert!(keys().fits(matrices()));
        let shorter: [fn(&mut ProvingKey); 8] = [
            |key| key.verifying.ic.truncate(1),
            |key| key.inner.vk.gamma_abc_g1.truncate(1),
            |key| key.committed.truncate(1),
            |key| key.inner.a_query.truncate(1),
            |key| key.inner.b_g1_query.truncate(1),
            |key| key.inner.b_g2_query.truncate(1),
            |key| key.inner.h_query.truncate(1),
            |key| key.inner.l_query.truncate(1),
        ];
        for (i, shorten) in shorter.into_iter().enumerate() {
            let mut key = keys().clone();
            shorten(&mut key);
            assert!(!key.fits(matrices()), "{i}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_own_file_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        keys().write(&path).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).expect("chmod");
        let error = read_own(&path).expect_err("refused");
        assert!(matches!(error, KeyFileError::Exposed(Exposure::Writable)));
        assert!(read_foreign(&path).is_ok());
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
