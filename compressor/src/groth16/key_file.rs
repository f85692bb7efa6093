//! Proving keys in files, so that they are made once.
//!
//! A file is [`MAGIC`], a byte for the key's [`Origin`] (0: INSECURE development, 1: a ceremony), the
//! circuit's digest, the key in `ark-serialize`'s uncompressed form, and the SHA-256 of all of that.
//! The points are not checked again when they are read: the hash tells whether the file is the one
//! that was written, and a directory that others may write to is no place for it.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, SerializationError};
use maci_nova_folding::files::{write_atomically, Readers};
use sha2::{Digest, Sha256};

use super::{Origin, ProvingKey};

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

/// The file's last 32 bytes are the hash of those before.
fn check_digest(file: &mut File) -> Result<(), KeyFileError> {
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
        true => Ok(()),
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

    use super::super::tests::{keys, matrices};
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
}
