//! Poll files on a disk.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use maci_nova_files::{as_text, create_atomically, read_at_most, write_atomically, Readers};

use super::{PollFile, PollFileError};
use crate::poll::metadata;

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
        self.check(path)?;
        let created = create_atomically(path, Readers::Everybody, |file| self.write(file));
        created.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => PollFileError::Exists(path.to_owned()),
            _ => failed("write", path)(error),
        })
    }

    /// Writes the file whether there is one or not. At any moment there is the old one or the new.
    ///
    /// # Errors
    /// [`PollFileError::Invalid`], [`PollFileError::Io`].
    pub fn replace(&self, path: &Path) -> Result<(), PollFileError> {
        self.check(path)?;
        let replaced = write_atomically(path, Readers::Everybody, |file| self.write(file));
        replaced.map_err(failed("write", path))
    }

    /// Puts what the poll is about beside the file at `path`, which names it from then on; where it is.
    ///
    /// # Errors
    /// [`PollFileError::Invalid`], [`PollFileError::Io`].
    pub fn describe(&mut self, path: &Path, document: &[u8]) -> Result<PathBuf, PollFileError> {
        let beside = metadata::beside(path);
        write_atomically(&beside, Readers::Everybody, |out| out.write_all(document))
            .map_err(failed("write", &beside))?;
        self.metadata = Some(metadata::digest(document));
        self.replace(path)?;
        Ok(beside)
    }

    fn write(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")
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
    read_at_most(File::open(path)?, LARGEST_FILE, &mut bytes)?;
    as_text(&bytes).map(str::to_owned)
}
