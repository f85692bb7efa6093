//! Poll files that a configuration names.

use std::path::{Path, PathBuf};

use maci_nova_sdk::poll::file::PollFile;

use crate::error::Error;

/// Reads poll files, which have to be of one MACI and each of another poll.
///
/// # Errors
/// [`Error::PollFile`], [`Error::Config`].
pub(crate) fn read<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
) -> Result<Vec<(PathBuf, PollFile)>, Error> {
    let mut polls: Vec<(PathBuf, PollFile)> = Vec::new();
    for path in paths {
        let file = PollFile::read(path)?;
        let contract = file.poll(path)?;
        if let Some((first, other)) = polls.first() {
            if !other.same_deployment(&file) {
                let text = format!(
                    "{} is of another deployment than {}",
                    path.display(),
                    first.display()
                );
                return Err(Error::Config(text));
            }
        }
        let is_same = |(_, other): &&(PathBuf, PollFile)| {
            other.poll.map(|poll| poll.address) == Some(contract.address)
        };
        if let Some((same, _)) = polls.iter().find(is_same) {
            let text = format!("{} and {} are of one poll", path.display(), same.display());
            return Err(Error::Config(text));
        }
        polls.push((path.to_owned(), file));
    }
    Ok(polls)
}
