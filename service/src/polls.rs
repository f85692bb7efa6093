//! Poll files that a configuration names.

use std::path::{Path, PathBuf};

use maci_nova_chain::RpcUrl;
use maci_nova_sdk::poll::file::PollFile;

use crate::config::{Config, NodeConfig};
use crate::error::Error;

/// The nodes that poll files name, which may be secret as the configuration's are. A file that cannot
/// be read is told of when it is needed.
pub(crate) fn urls(config: &Config) -> Vec<RpcUrl> {
    let counted = config.coordinator.iter().flat_map(|one| &one.polls);
    let relayed = config.relay.iter().flat_map(|one| &one.polls);
    let paths = counted.map(|poll| &poll.file).chain(relayed);
    let files = paths.filter_map(|path| PollFile::read(path).ok());
    files.filter_map(|file| file.rpc_url).collect()
}

/// The node that everything is read from: the configuration's, else that of the first poll file.
///
/// # Errors
/// [`Error::Config`] if none is named.
pub(crate) fn node<'a>(
    config: &NodeConfig,
    files: impl IntoIterator<Item = &'a PollFile>,
) -> Result<RpcUrl, Error> {
    let mut files = files.into_iter();
    let named = || files.next().and_then(|file| file.rpc_url.clone());
    let missing = "node: rpc_url is missing, and the poll files name no node";
    let url = config.rpc_url.clone().or_else(named);
    url.ok_or_else(|| Error::Config(missing.into()))
}

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
