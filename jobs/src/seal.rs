//! What makes jobs and results unreadable, and unchangeable, for whoever carries them:
//! XChaCha20-Poly1305 under a key that the coordinator's own machines share.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{Key, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use maci_nova_files::{create_atomically, Readers};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::private::{self, PrivateFileError};

/// Bytes of a key.
const KEY: usize = 32;

/// Bytes of a nonce: so many that random ones never meet.
const NONCE: usize = 24;

/// Bytes of a tag.
const TAG: usize = 16;

/// By how many bytes what is sealed is longer than what it holds.
pub const SEAL_BYTES: usize = NONCE + TAG;

/// What the associated data begins with: a later form of the seal has another one.
const SEAL_DOMAIN: &[u8; 23] = b"maci-nova job seal, v1\n";

/// What a job's name is a hash of, before the job.
const NAME_DOMAIN: &[u8; 23] = b"maci-nova job name, v1\n";

/// What a job is called: a hash of what it holds before it is sealed. Jobs hold secrets of 254
/// bits, so the name tells nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId([u8; 32]);

impl JobId {
    /// The name of the job that holds these bytes.
    pub fn of(plaintext: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(NAME_DOMAIN)
            .chain_update(plaintext);
        JobId(hash.finalize().into())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What should be a job's name is something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a job: it has 64 hexadecimal digits")]
pub struct JobIdError;

impl FromStr for JobId {
    type Err = JobIdError;

    fn from_str(text: &str) -> Result<Self, JobIdError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| JobIdError)?;
        Ok(JobId(bytes))
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which way something travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the driver to a worker.
    Job,
    /// From a worker to the driver.
    Result,
}

/// What sealed bytes belong to. They open for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Digest of the parameters that are folded with.
    pub parameters: [u8; 32],
    /// Digest of the poll.
    pub poll: [u8; 32],
    /// Which part of the count, from 0.
    pub segment: u32,
    /// The job.
    pub job: JobId,
    /// Which way.
    pub direction: Direction,
}

impl Context {
    /// All of it at fixed places, so that no two contexts are the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let direction = match self.direction {
            Direction::Job => 1,
            Direction::Result => 2,
        };
        let mut data = SEAL_DOMAIN.to_vec();
        data.extend(self.parameters);
        data.extend(self.poll);
        data.extend(self.segment.to_le_bytes());
        data.extend(self.job.0);
        data.push(direction);
        data
    }
}

/// Why sealed bytes are not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// They are fewer than a seal has.
    #[error("sealed bytes are cut short")]
    Short,
    /// They were changed, or sealed for something else, or with another key.
    #[error("sealed bytes do not open: they were changed, or are not of this job and key")]
    Refused,
}

/// The key that jobs and results are sealed with. Who has it can open every ballot that a job
/// holds.
pub struct JobKey(Box<Zeroizing<[u8; KEY]>>);

impl fmt::Debug for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobKey(<secret>)")
    }
}

impl JobKey {
    /// A new one, of the system's randomness.
    pub fn random() -> Self {
        let mut key = Box::new(Zeroizing::new([0; KEY]));
        OsRng.fill_bytes(&mut key[..]);
        JobKey(key)
    }

    /// The one in a file: 64 hexadecimal digits and a newline.
    ///
    /// # Errors
    /// [`PrivateFileError`], also if others than its owner can read or write the file.
    pub fn read(path: &Path) -> Result<Self, PrivateFileError> {
        // Room for a newline of two bytes.
        let text = private::read(path, 2 * KEY as u64 + 2)?;
        let mut key = Box::new(Zeroizing::new([0; KEY]));
        hex::decode_to_slice(text.trim_end(), &mut key[..]).map_err(|_| {
            PrivateFileError::Form {
                path: path.to_owned(),
                expected: "job key: 64 hexadecimal digits",
            }
        })?;
        Ok(JobKey(key))
    }

    /// A new one in a new file, which only its owner can read.
    ///
    /// # Errors
    /// [`PrivateFileError::Io`], also if there is a file of that name, which stays as it is.
    pub fn create(path: &Path) -> Result<Self, PrivateFileError> {
        let key = JobKey::random();
        let mut text = Zeroizing::new([b'\n'; 2 * KEY + 1]);
        hex::encode_to_slice(&key.0[..], &mut text[..2 * KEY]).expect("two digits for each byte");
        create_atomically(path, Readers::Owner, |file| file.write_all(&text[..])).map_err(
            |source| PrivateFileError::Io {
                path: path.to_owned(),
                source,
            },
        )?;
        Ok(key)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(&self.0[..]))
    }

    /// Seals bytes for what they belong to: a random nonce, the encrypted bytes, and a tag.
    ///
    /// # Panics
    /// If there are more than 256 GiB, which the cipher does not take.
    pub fn seal(&self, context: &Context, plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = XNonce::default();
        OsRng.fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(plaintext.len() + SEAL_BYTES);
        sealed.extend(&nonce);
        sealed.extend_from_slice(plaintext);
        let tag = self
            .cipher()
            .encrypt_in_place_detached(&nonce, &context.associated_data(), &mut sealed[NONCE..])
            .expect("not that much");
        sealed.extend(&tag);
        sealed
    }

    /// Opens what was sealed for exactly this.
    ///
    /// # Errors
    /// [`SealError`], whatever differs.
    pub fn open(&self, context: &Context, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, rest) = sealed.split_at_checked(NONCE).ok_or(SealError::Short)?;
        let body = rest.len().checked_sub(TAG).ok_or(SealError::Short)?;
        let (body, tag) = rest.split_at(body);
        let mut plaintext = Zeroizing::new(body.to_vec());
        self.cipher()
            .decrypt_in_place_detached(
                XNonce::from_slice(nonce),
                &context.associated_data(),
                &mut plaintext,
                Tag::from_slice(tag),
            )
            .map_err(|_| SealError::Refused)?;
        Ok(plaintext)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"leaves, paths, and the coordinator's scalar";

    fn context() -> Context {
        Context {
            parameters: [1; 32],
            poll: [2; 32],
            segment: 3,
            job: JobId::of(TEXT),
            direction: Direction::Job,
        }
    }

    #[test]
    fn what_is_sealed_opens() {
        let key = JobKey::random();
        for text in [&b""[..], TEXT, &[7; 100_000]] {
            let sealed = key.seal(&context(), text);
            assert_eq!(sealed.len(), text.len() + SEAL_BYTES);
            assert_eq!(&key.open(&context(), &sealed).expect("opens")[..], text);
        }
    }

    #[test]
    fn a_seal_hides_and_differs_each_time() {
        let key = JobKey::random();
        let [first, second] = [key.seal(&context(), TEXT), key.seal(&context(), TEXT)];
        assert_ne!(first[..NONCE], second[..NONCE]);
        assert_ne!(first[NONCE..], second[NONCE..]);
        assert!(!first
            .windows(6)
            .any(|window| TEXT.windows(6).any(|w| w == window)));
    }

    #[test]
    fn a_seal_opens_for_nothing_else() {
        let key = JobKey::random();
        let sealed = key.seal(&context(), TEXT);
        let mut others = vec![context(); 7];
        others[0].parameters[31] ^= 1;
        others[1].poll[0] ^= 1;
        others[2].segment ^= 1;
        others[3].segment = u32::MAX;
        others[4].job = JobId::of(b"another");
        others[5].direction = Direction::Result;
        std::mem::swap(&mut others[6].parameters, &mut context().poll);
        for other in others {
            let opened = key.open(&other, &sealed);
            assert_eq!(opened.expect_err("other"), SealError::Refused, "{other:?}");
        }
        let other = JobKey::random().open(&context(), &sealed);
        assert_eq!(other.expect_err("key"), SealError::Refused);
    }

    #[test]
    fn a_result_is_no_job() {
        let key = JobKey::random();
        let result = Context {
            direction: Direction::Result,
            ..context()
        };
        let sealed = key.seal(&result, TEXT);
        assert!(key.open(&result, &sealed).is_ok());
        assert!(key.open(&context(), &sealed).is_err());
    }

    #[test]
    fn a_changed_or_shortened_seal_does_not_open() {
        let key = JobKey::random();
        let sealed = key.seal(&context(), TEXT);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 0x80;
            assert!(key.open(&context(), &changed).is_err(), "byte {place}");
            assert!(key.open(&context(), &sealed[..place]).is_err(), "{place}");
            assert!(key.open(&context(), &sealed[place + 1..]).is_err());
        }
        let longer = [&sealed[..], &[0]].concat();
        assert!(key.open(&context(), &longer).is_err());
    }

    #[test]
    fn a_key_says_nothing() {
        assert_eq!(format!("{:?}", JobKey::random()), "JobKey(<secret>)");
    }

    #[test]
    fn a_name_is_of_the_bytes_alone() {
        let name = JobId::of(TEXT);
        assert_eq!(name, JobId::of(TEXT));
        assert_ne!(name, JobId::of(&TEXT[1..]));
        assert_eq!(name.to_string().parse(), Ok(name));
        let json = serde_json::to_string(&name).expect("JSON");
        assert_eq!(json, format!("\"{name}\""));
        assert_eq!(serde_json::from_str::<JobId>(&json).expect("read"), name);
        for text in ["", "0", &name.to_string()[1..], &"g".repeat(64)] {
            assert_eq!(text.parse::<JobId>(), Err(JobIdError));
        }
    }

    #[test]
    fn a_key_is_kept_in_a_file() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        let key = JobKey::create(&path).expect("made");
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!((text.len(), text.ends_with('\n')), (65, true));
        let sealed = key.seal(&context(), TEXT);
        let read = JobKey::read(&path).expect("read");
        assert!(read.open(&context(), &sealed).is_ok());
        let again = JobKey::create(&path).expect_err("it is there");
        assert!(matches!(again, PrivateFileError::Io { .. }), "{again}");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_or_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        JobKey::create(&path).expect("made");
        let mode = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
            JobKey::read(&path)
        };
        for open in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644] {
            let error = mode(open).expect_err("open");
            assert!(matches!(error, PrivateFileError::Exposed { mode, .. } if mode == open));
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        assert!(mode(0o400).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_key_is_refused_by_name() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("key");
        let digits = "0".repeat(64);
        for text in [
            "",
            "\n",
            &digits[1..],
            &digits.replace('0', "x"),
            &"0".repeat(500),
        ] {
            let written = |file: &mut dyn Write| file.write_all(text.as_bytes());
            maci_nova_files::write_atomically(&path, Readers::Owner, written).expect("written");
            let error = JobKey::read(&path).expect_err("no key").to_string();
            assert!(error.contains("key"), "{error}");
        }
        let missing = JobKey::read(&directory.path().join("none")).expect_err("nothing");
        assert!(matches!(missing, PrivateFileError::Io { .. }), "{missing}");
    }
}
