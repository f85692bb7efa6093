//! The proving key of join proofs: proofs verify only if they are made under the key that the
//! poll's verifier was deployed with.

use std::io;
use std::path::{Path, PathBuf};

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::bindings::JoinVerifier;
use maci_nova_contracts::groth16::{Key, KeyWords};
use maci_nova_groth16::{KeyCache, KeyFileError};

use crate::error::Error;
use crate::hint::Hint;
use crate::poll::contract::{view, PollContract};
use crate::poll::file::PollFile;
use crate::voter::join_proof::{Prover, ProverError};

/// Where a deployment puts the key: `poll.join.key` beside `poll.json`.
pub fn beside(poll_file: &Path) -> PathBuf {
    let mut name = poll_file.file_stem().unwrap_or_default().to_owned();
    name.push(".join.key");
    poll_file.with_file_name(name)
}

/// Which key a poll's joins are made with.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// The one with this digest.
    Digest(B256),
    /// One of the key that a verifier has, as it says it: all that a chain tells.
    Verifier(Box<KeyWords>),
}

impl Wanted {
    /// As the poll file says, or else as the poll's verifier says.
    ///
    /// # Errors
    /// [`Error::Chain`] if the chain does not answer.
    pub fn of<C: Chain + ?Sized>(
        chain: &C,
        file: &PollFile,
        poll: &PollContract,
    ) -> Result<Self, Error> {
        if let Some(keys) = file.keys {
            return Ok(Wanted::Digest(keys.join));
        }
        let (verifier, call) = (poll.info.joinVerifier, JoinVerifier::verifyingKeyCall {});
        let key = view(chain, verifier, &call, "read the join verifier")?;
        Ok(Wanted::Verifier(Box::new(key)))
    }

    fn read(&self, path: &Path) -> Result<Prover, ProverError> {
        let key = match self {
            Wanted::Digest(digest) => return Prover::read_known(path, digest),
            Wanted::Verifier(key) => key,
        };
        let prover = Prover::read(path)?;
        let found = Key::from(&prover.verifying_key()).to_words();
        match found.abi_encode() == key.abi_encode() {
            true => Ok(prover),
            false => Err(KeyFileError::OtherKey(prover.digest()).into()),
        }
    }
}

/// The key that is wanted: from the file that is named, or else from beside the poll file or the
/// user's cache. No other key is used.
///
/// # Errors
/// [`Error::JoinKey`], with a hint where to put the key.
pub fn open(named: Option<&Path>, poll_file: &Path, wanted: &Wanted) -> Result<Prover, Error> {
    if let Some(path) = named {
        return wanted
            .read(path)
            .map_err(|error| refuse(path, poll_file, &error));
    }
    let beside = beside(poll_file);
    match wanted.read(&beside) {
        Err(error) if is_missing(&error) => {}
        read => return read.map_err(|error| refuse(&beside, poll_file, &error)),
    }
    let missing = || {
        Error::JoinKey(format!("there is no proving key {}", beside.display()))
            .with_hint(Hint::JoinKey(beside.clone()))
    };
    // Without a cache folder there is no key in it.
    let cache = KeyCache::of_user().map_err(|_| missing())?;
    let cached = Prover::cached_path(&cache).and_then(|path| wanted.read(&path));
    cached.map_err(|_| missing())
}

fn is_missing(error: &ProverError) -> bool {
    matches!(error, ProverError::File(KeyFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound)
}

fn refuse(path: &Path, poll_file: &Path, error: &ProverError) -> Error {
    let text = format!("proving key {}: {error}", path.display());
    match error {
        ProverError::File(KeyFileError::Io(_)) => Error::JoinKey(text),
        _ => Error::JoinKey(text).with_hint(Hint::JoinKey(beside(poll_file))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_has_the_poll_files_name() {
        let key = |path: &str| beside(Path::new(path)).display().to_string();
        assert_eq!(key("poll.json"), "poll.join.key");
        assert_eq!(key("polls/a.b.json"), "polls/a.b.join.key");
        assert_eq!(key("poll"), "poll.join.key");
    }
}
