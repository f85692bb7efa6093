//! A voter's own sign-ups, kept beside their key: with them no node can leave the voter out of the
//! tree, or put them into one of its own, without their noticing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use maci_nova_chain::Contract;
use maci_nova_contracts::alloy_primitives::Address;
use maci_nova_files::{as_text, read_at_most, write_atomically, Readers};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::hint::Hint;
use crate::poll::known_root::KnownRoot;

/// The format that is read and written.
const VERSION: u32 = 1;

/// Hundreds of sign-ups.
const LARGEST_FILE: u64 = 1 << 16;

/// One key's sign-ups, at most one for each MACI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignUpFile {
    version: u32,
    sign_ups: Vec<Kept>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kept {
    chain_id: u64,
    maci: Address,
    signed_up: KnownRoot,
}

/// Where the sign-ups of the key in a file are kept: in the key's file's name with `.signup` after
/// it.
pub fn beside(key_file: &Path) -> PathBuf {
    let mut name = key_file.as_os_str().to_owned();
    name.push(".signup");
    name.into()
}

/// The sign-up at a MACI, if the file is there and has it.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Io`].
pub fn read(path: &Path, chain_id: u64, maci: Contract) -> Result<Option<KnownRoot>, Error> {
    let file = load(path)?;
    Ok(file.and_then(|file| file.find(chain_id, maci)))
}

impl SignUpFile {
    fn find(&self, chain_id: u64, maci: Contract) -> Option<KnownRoot> {
        let mut kept = self.sign_ups.iter();
        let found = kept.find(|kept| (kept.chain_id, kept.maci) == (chain_id, maci.address));
        found.map(|kept| kept.signed_up)
    }
}

/// Keeps a sign-up. One that is kept already is not replaced: a sign-up does not change.
///
/// # Errors
/// [`Error::OnChain`] if another one is kept; [`Error::Damaged`], [`Error::Io`].
pub fn keep(path: &Path, chain_id: u64, maci: Contract, signed_up: KnownRoot) -> Result<(), Error> {
    let mut file = load(path)?.unwrap_or(SignUpFile {
        version: VERSION,
        sign_ups: Vec::new(),
    });
    match file.find(chain_id, maci) {
        Some(known) if known == signed_up => return Ok(()),
        Some(known) => {
            return Err(Error::OnChain(format!(
                "the node says that the sign-up has index {}, and {} that it has index {} and another root: the node lies, or the file is of another key",
                signed_up.index,
                path.display(),
                known.index
            ))
            .with_hint(Hint::OtherNode))
        }
        None => file.sign_ups.push(Kept {
            chain_id,
            maci: maci.address,
            signed_up,
        }),
    }
    // Whose sign-up it is is for the voter to know.
    let written = write_atomically(path, Readers::Owner, |out| {
        serde_json::to_writer_pretty(&mut *out, &file)?;
        writeln!(out)
    });
    written.map_err(failed("write", path))
}

fn load(path: &Path) -> Result<Option<SignUpFile>, Error> {
    if matches!(fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| read_at_most(file, LARGEST_FILE, &mut bytes));
    read.map_err(failed("read", path))?;
    let damaged = |reason: String| Error::Damaged {
        path: path.to_owned(),
        reason,
    };
    let text = as_text(&bytes).map_err(|error| damaged(error.to_string()))?;
    let file: SignUpFile =
        serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    match file.version == VERSION {
        true => Ok(Some(file)),
        false => Err(damaged(format!(
            "it has version {}, {VERSION} is known",
            file.version
        ))),
    }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_contracts::alloy_primitives::B256;

    use super::*;
    use crate::kind::ErrorKind;

    fn maci(byte: u8) -> Contract {
        Contract {
            address: Address::repeat_byte(byte),
            first_block: 7,
        }
    }

    fn root(index: u64) -> KnownRoot {
        KnownRoot {
            index,
            root: B256::repeat_byte(index as u8),
        }
    }

    #[test]
    fn each_maci_has_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = beside(&directory.path().join("me.key"));
        assert!(path.ends_with("me.key.signup"));
        assert_eq!(read(&path, 1, maci(1)).unwrap(), None);
        for (chain_id, byte, index) in [(1, 1, 3), (1, 2, 4), (2, 1, 5), (1, 1, 3)] {
            keep(&path, chain_id, maci(byte), root(index)).unwrap();
        }
        for (chain_id, byte, index) in [(1, 1, 3), (1, 2, 4), (2, 1, 5)] {
            assert_eq!(
                read(&path, chain_id, maci(byte)).unwrap(),
                Some(root(index))
            );
        }
        assert_eq!(read(&path, 2, maci(2)).unwrap(), None);
        // A node that tells something else later does not change it.
        keep(&path, 1, maci(1), root(6)).unwrap_err();
        assert_eq!(read(&path, 1, maci(1)).unwrap(), Some(root(3)));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_its_owners() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signup");
        keep(&path, 1, maci(1), root(3)).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn damaged_files_are_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signup");
        for text in ["", "{", r#"{"version":2,"signUps":[]}"#, r#"{"version":1}"#] {
            fs::write(&path, text).unwrap();
            let error = read(&path, 1, maci(1)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input, "{text}: {error}");
            keep(&path, 1, maci(1), root(3)).unwrap_err();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = read(&path, 1, maci(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    }
}
