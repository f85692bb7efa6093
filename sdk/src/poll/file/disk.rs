//! Poll files on a disk.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use maci_nova_files::{as_text, directory_of, sync_directory};
use tempfile::NamedTempFile;

use super::{PollFile, PollFileError};

/// A poll file has about a thousand bytes; one of more than this holds something else.
pub(super) const LARGEST_FILE: u64 = 1 << 16;

impl PollFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// All of [`PollFileError`] but those of writing.
    pub fn read(path: &Path) -> Result<Self, PollFileError> {
        let text = read_text(path).map_err(failed("read", path))?;
        Self::parse(&text, path)
    }

    /// Reads the file of a poll of another file's deployment: the deployment without a poll, if the
    /// file is not there yet.
    ///
    /// # Errors
    /// Those of reading either, and [`PollFileError::OtherDeployment`].
    pub fn read_or_begin(path: &Path, deployment: &Path) -> Result<Self, PollFileError> {
        let begun = Self::read(deployment)?.without_poll();
        match Self::read(path) {
            Err(PollFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(begun)
            }
            Ok(file) if !file.same_deployment(&begun) => Err(PollFileError::OtherDeployment {
                path: path.to_owned(),
                deployment: deployment.to_owned(),
            }),
            read => read,
        }
    }

    /// Writes a new file.
    ///
    /// # Errors
    /// [`PollFileError::Exists`] if there is one, [`PollFileError::Invalid`],
    /// [`PollFileError::Io`].
    pub fn create(&self, path: &Path) -> Result<(), PollFileError> {
        let file = self.prepare(path)?;
        file.persist_noclobber(path).map_err(|error| {
            if error.error.kind() == io::ErrorKind::AlreadyExists {
                return PollFileError::Exists(path.to_owned());
            }
            failed("write", path)(error.error)
        })?;
        let _ = sync_directory(path);
        Ok(())
    }

    /// Writes the file whether there is one or not. At any moment there is the old one or the new.
    ///
    /// # Errors
    /// [`PollFileError::Invalid`], [`PollFileError::Io`].
    pub fn replace(&self, path: &Path) -> Result<(), PollFileError> {
        let file = self.prepare(path)?;
        file.persist(path)
            .map_err(|error| failed("write", path)(error.error))?;
        let _ = sync_directory(path);
        Ok(())
    }

    /// The file's content beside where it is to be.
    fn prepare(&self, path: &Path) -> Result<NamedTempFile, PollFileError> {
        self.check(path)?;
        let written = || {
            let mut file = NamedTempFile::new_in(directory_of(path))?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            make_readable(file.as_file())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        written().map_err(failed("write", path))
    }
}

fn failed<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> PollFileError + 'a {
    move |source| PollFileError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let length = File::open(path)?
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)?;
    if length as u64 > LARGEST_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    as_text(&bytes).map(str::to_owned)
}

/// Temporary files are their owner's alone; this one is for everybody.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &File) -> io::Result<()> {
    Ok(())
}
