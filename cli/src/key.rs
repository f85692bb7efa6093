//! The secret key: from a file or from the environment.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use maci_nova_chain::Observer;
use maci_nova_files::{as_text, create_atomically, read_at_most, without_mark, Readers};
use maci_nova_protocol::keys::PrivateKey;
use rand_core::OsRng;
use zeroize::Zeroizing;

use crate::arguments::shared::KeySource;

/// Holds the serialized key when no file is named.
pub const ENVIRONMENT: &str = "MACI_NOVA_KEY";

/// A serialized key has 71 characters; a file of more than this holds something else.
const LARGEST_FILE: u64 = 4096;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// Neither a file nor the environment variable is given.
    #[error("no key: give --key-file FILE or set {ENVIRONMENT}")]
    None,
    /// The file cannot be opened or read.
    #[error("cannot read key file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A new file cannot be written.
    #[error("cannot write key file {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there is no key. The text itself is never shown.
    #[error("{place} does not hold a secret key of the form macisk.<hex>: {reason}")]
    NoKey {
        /// The file or the variable.
        place: String,
        /// Why.
        reason: String,
    },
}

/// Reads the key that the arguments or the environment name.
pub fn read(source: &KeySource, observer: &dyn Observer) -> Result<PrivateKey, KeyFault> {
    match &source.key_file {
        Some(path) => read_file(path, observer),
        None => read_environment(),
    }
}

/// Reads the key of a file, which is made with a new key if it is not there.
pub fn read_or_make(path: &Path, observer: &dyn Observer) -> Result<PrivateKey, KeyFault> {
    let key = PrivateKey::random(&mut OsRng);
    match write_new(path, &key) {
        Ok(()) => {
            observer.note(&format!(
                "secret key written to {}; keep it safe",
                path.display()
            ));
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_file(path, observer),
        Err(source) => Err(KeyFault::Unwritable {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Reads the key of a file.
pub fn read_file(path: &Path, observer: &dyn Observer) -> Result<PrivateKey, KeyFault> {
    let unreadable = |source| KeyFault::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    warn_if_shared(path, &file, observer);
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST_FILE as usize + 1));
    read_at_most(file, LARGEST_FILE, &mut bytes).map_err(unreadable)?;
    let text = as_text(&bytes).map_err(unreadable)?;
    parse(text, format!("key file {}", path.display()))
}

fn read_environment() -> Result<PrivateKey, KeyFault> {
    // One that is empty is unset.
    let text = std::env::var_os(ENVIRONMENT).filter(|text| !text.is_empty());
    let text = text.ok_or(KeyFault::None)?;
    let text = Zeroizing::new(text.into_string().unwrap_or_default());
    parse(&text, format!("the environment variable {ENVIRONMENT}"))
}

fn parse(text: &str, place: String) -> Result<PrivateKey, KeyFault> {
    PrivateKey::from_serialized(without_mark(text).trim()).map_err(|error| {
        let reason = error.to_string();
        KeyFault::NoKey { place, reason }
    })
}

/// A file with something secret in it is its owner's alone.
#[cfg(unix)]
pub fn warn_if_shared(path: &Path, file: &File, observer: &dyn Observer) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = file.metadata() else {
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        observer.warn(&format!(
            "key file {path} is open to other users (mode {mode:04o}); chmod 600 {path}"
        ));
    }
}

/// As on Unix, where it can be told.
#[cfg(not(unix))]
pub fn warn_if_shared(_path: &Path, _file: &File, _observer: &dyn Observer) {}

/// Writes the key to a new file that only its owner can read. Never overwrites, and leaves no half
/// of a key.
pub fn write_new(path: &Path, key: &PrivateKey) -> io::Result<()> {
    create_atomically(path, Readers::Owner, |file| {
        // In two parts, since a text that grows leaves copies.
        file.write_all(key.to_serialized().as_bytes())?;
        file.write_all(b"\n")
    })
}
