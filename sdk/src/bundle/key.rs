//! The proving key of bundles: proofs verify only if they are made under the key that the poll's
//! verifier was deployed with. It has 48 MB, and who sends no bundles needs none.

use std::io;
use std::path::{Path, PathBuf};

use maci_nova_chain::Chain;
use maci_nova_groth16::{KeyCache, KeyFileError};

use crate::bundle::proof::{BundleProver, BundleProverError, ROOM};
use crate::bundle::publish::require_key;
use crate::error::Error;
use crate::poll::contract::PollContract;

/// Where an operator may put the key: `poll.bundle.key` beside `poll.json`.
pub fn beside(poll_file: &Path) -> PathBuf {
    let mut name = poll_file.file_stem().unwrap_or_default().to_owned();
    name.push(".bundle.key");
    poll_file.with_file_name(name)
}

/// The key of a poll's verifier: from the file that is named, or else from beside the poll file or the
/// user's cache. None is made, and no other one used.
///
/// # Errors
/// [`Error::BundleKey`] if it is not there or cannot be used; [`Error::OnChain`] if it is another one;
/// [`Error::Chain`].
pub fn open<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    named: Option<&Path>,
    poll_file: &Path,
) -> Result<BundleProver, Error> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => find(poll_file),
    };
    let prover = BundleProver::read(&path, ROOM, None).map_err(|error| refuse(&path, &error))?;
    require_key(chain, poll, &prover)?;
    Ok(prover)
}

/// The file beside the poll file, if it is there, else the cache's.
fn find(poll_file: &Path) -> PathBuf {
    let beside = beside(poll_file);
    let cached = || BundleProver::cached_path(&KeyCache::of_user().ok()?, ROOM).ok();
    match beside.exists() {
        true => beside,
        false => cached().filter(|path| path.exists()).unwrap_or(beside),
    }
}

fn refuse(path: &Path, error: &BundleProverError) -> Error {
    let path = path.display();
    Error::BundleKey(match error {
        BundleProverError::File(KeyFileError::Io(error))
            if error.kind() == io::ErrorKind::NotFound =>
        {
            format!("there is no proving key {path}: whoever deployed the poll's verifier has it in their cache (bundle-….key)")
        }
        error => format!("proving key {path}: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_has_the_poll_files_name() {
        let key = |path: &str| beside(Path::new(path)).display().to_string();
        assert_eq!(key("polls/poll.json"), "polls/poll.bundle.key");
    }
}
