//! Files that are for their owner's eyes alone.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use maci_nova_files::{as_text, read_at_most};
use zeroize::Zeroizing;

/// Why a file with a secret is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateFileError {
    /// Others than its owner can read or write it.
    #[error("{} is open to other users (mode {mode:03o}): chmod 600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It cannot be read or made.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} holds no {expected}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
}

/// The text of a file of at most so many bytes that nobody but its owner can read or write.
pub(crate) fn read(path: &Path, most: u64) -> Result<Zeroizing<String>, PrivateFileError> {
    let failed = |source| PrivateFileError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    // Of the file that is open: another one could have the name by now.
    check_mode(path, &file.metadata().map_err(failed)?)?;
    let room = usize::try_from(most).unwrap_or_default().saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    read_at_most(file, most, &mut bytes).map_err(failed)?;
    Ok(Zeroizing::new(as_text(&bytes).map_err(failed)?.to_owned()))
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &std::fs::Metadata) -> Result<(), PrivateFileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(PrivateFileError::Exposed {
            path: path.to_owned(),
            mode,
        }),
    }
}

/// Where there are no such modes, nothing is checked.
#[cfg(not(unix))]
fn check_mode(_: &Path, _: &std::fs::Metadata) -> Result<(), PrivateFileError> {
    Ok(())
}
