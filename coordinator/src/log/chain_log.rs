//! The poll log of a poll on a chain: a file that grows with the chain, and shrinks when the chain
//! reorganises.
//!
//! Beside the log is a file that says how far the chain was read, and how long the log was at which
//! block. The log is written first: what a stopped process has left behind it is cut off, and read
//! again.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use maci_nova_chain::{Chain, Follower, Mark, Range, Step};
use maci_nova_contracts::alloy_primitives::Address;
use maci_nova_files::{write_atomically, Readers};
use maci_nova_protocol::log::{LogIndex, PublicFacts, Record};
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::poll::contract::{PollContract, Sent};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::log::poll_log::PollLog;
use maci_nova_sdk::Hint;

/// The format of the file beside the log.
const VERSION: u32 = 1;

/// Blocks that are read at once.
const BLOCKS: u64 = 2_000;

/// A log and how far its chain was read.
pub struct ChainLog {
    log: PollLog,
    path: PathBuf,
    marks: Marks,
}

/// The file beside the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Marks {
    version: u32,
    chain_id: u64,
    poll: Address,
    /// With each block: bytes of the log.
    follower: Follower<u64>,
}

/// What [`ChainLog::advance`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// Blocks up to this one were read; there may be more.
    Read(u64),
    /// The chain has changed: the log has lost events, or is what it was. There may be more to
    /// read.
    RolledBack,
    /// The events up to this block do not follow the log: the node leaves some out, or has left
    /// some out before. Nothing was read.
    Gap(u64),
    /// Everything that has its confirmations was read.
    Idle,
    /// The node's newest block is before one that was read.
    Behind(u64),
}

impl fmt::Debug for ChainLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainLog")
            .field("path", &self.path)
            .field("read_to", &self.read_to().map(|mark| mark.number))
            .finish_non_exhaustive()
    }
}

impl ChainLog {
    /// Opens the log of a poll, or begins one.
    pub fn open(
        log: &Path,
        marks: &Path,
        poll: &PollContract,
        confirmations: u64,
    ) -> Result<Self, Error> {
        let mut read = match read(marks)? {
            Some(read) => read,
            None => return Self::begin(log, marks, poll, confirmations),
        };
        if (read.chain_id, read.poll) != (poll.chain_id, poll.address) {
            return Err(Error::hinted(
                Hint::OtherDirectory,
                format!(
                    "{} is of poll {} on chain {}, not of poll {} on chain {}",
                    marks.display(),
                    read.poll,
                    read.chain_id,
                    poll.address,
                    poll.chain_id
                ),
            ));
        }
        read.follower.set_confirmations(confirmations);
        let log = cut(log, &read, poll)?;
        match log {
            Some(log) => Ok(ChainLog {
                log,
                path: marks.to_owned(),
                marks: read,
            }),
            None => Err(Error::Damaged(format!(
                "the log beside {} is not the one that was read from the chain; remove both, and they are read again",
                marks.display()
            ))),
        }
    }

    fn begin(
        log: &Path,
        path: &Path,
        poll: &PollContract,
        confirmations: u64,
    ) -> Result<Self, Error> {
        // One that cannot be read is none, and is read again.
        if PollLog::open(log).is_ok_and(|log| log.header() != poll.header()) {
            return Err(Error::hinted(
                Hint::OtherDirectory,
                format!("{} is the log of another poll", log.display()),
            ));
        }
        let marks = Marks {
            version: VERSION,
            chain_id: poll.chain_id,
            poll: poll.address,
            follower: Follower::new(poll.first_block, confirmations),
        };
        let begun = ChainLog {
            log: PollLog::create(log, poll.header())?,
            path: path.to_owned(),
            marks,
        };
        begun.save()?;
        Ok(begun)
    }

    /// Drops everything, to be read again.
    pub fn restart(&mut self, poll: &PollContract) -> Result<(), Error> {
        self.marks.follower = self.marks.follower.anew();
        self.save()?;
        self.log = PollLog::cut(self.log.path(), header_bytes(poll)?)?;
        Ok(())
    }

    /// The log as far as it goes.
    pub fn log(&self) -> &PollLog {
        &self.log
    }

    /// The block up to which the chain was read.
    pub fn read_to(&self) -> Option<&Mark<u64>> {
        self.marks.follower.read_to()
    }

    /// Reads the next blocks that have their confirmations.
    pub fn advance<C: Chain + ?Sized>(
        &mut self,
        chain: &C,
        poll: &PollContract,
    ) -> Result<Advance, Error> {
        let step = self.marks.follower.next(chain, BLOCKS);
        match step.map_err(on_chain("follow the chain"))? {
            Step::Read(range) => self.read(chain, poll, range),
            Step::RolledBack(mark) => {
                // The marks first: a longer log is cut when it is opened.
                self.save()?;
                let bytes = match mark {
                    Some(mark) => mark.value,
                    None => header_bytes(poll)?,
                };
                self.log = PollLog::cut(self.log.path(), bytes)?;
                Ok(Advance::RolledBack)
            }
            Step::Idle => Ok(Advance::Idle),
            Step::Behind { newest } => Ok(Advance::Behind(newest)),
        }
    }

    fn read<C: Chain + ?Sized>(
        &mut self,
        chain: &C,
        poll: &PollContract,
        range: Range,
    ) -> Result<Advance, Error> {
        let to = range.to();
        let sent = poll.sent(chain, range.from(), to)?;
        let more = records(sent, self.log.facts()).map(|records| self.log.extended(&records));
        let bytes = match &more {
            Some(Ok((index, _))) => index.bytes(),
            // Whether the chain is still the same decides what this means.
            _ => self.log.bytes(),
        };
        let mut follower = self.marks.follower.clone();
        let kept = follower.keep(chain, range, bytes);
        if !kept.map_err(on_chain("follow the chain"))? {
            return Ok(Advance::RolledBack);
        }
        let Some(more) = more else {
            return Ok(Advance::Gap(to));
        };
        let more = more.map_err(|error| poll.inconsistent(&error.to_string()))?;
        self.log.extend(more)?;
        self.marks.follower = follower;
        self.save()?;
        Ok(Advance::Read(to))
    }

    fn save(&self) -> Result<(), Error> {
        write_atomically(&self.path, Readers::Everybody, |file| {
            serde_json::to_writer(file, &self.marks).map_err(io::Error::from)
        })
        .map_err(|source| Error::Io {
            action: "write",
            path: self.path.clone(),
            source,
        })
    }
}

/// The records, if they follow the log: each is the next of its kind.
fn records(sent: Vec<Sent>, facts: &PublicFacts) -> Option<Vec<Record>> {
    let mut joins = facts.next_state_index - 1;
    let mut messages = facts.message_count;
    let mut records = Vec::with_capacity(sent.len());
    for Sent { record, position } in sent {
        let (next, places) = match &record {
            Record::Join(_) => (&mut joins, 1),
            _ => (&mut messages, record.places()),
        };
        if position != *next {
            return None;
        }
        *next += places;
        records.push(record);
    }
    Some(records)
}

/// Bytes of a log without events.
fn header_bytes(poll: &PollContract) -> Result<u64, Error> {
    let (index, _) = LogIndex::begin(poll.header().clone()).map_err(Error::internal)?;
    Ok(index.bytes())
}

fn read(path: &Path) -> Result<Option<Marks>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Io {
                action: "read",
                path: path.to_owned(),
                source,
            })
        }
    };
    let unusable = |reason: String| {
        Error::Damaged(format!(
            "{} cannot be used ({reason}); remove it and the log beside it, and they are read again",
            path.display()
        ))
    };
    let marks: Marks =
        serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    match marks.version {
        VERSION => Ok(Some(marks)),
        found => Err(unusable(format!(
            "it has version {found}, this program knows {VERSION}"
        ))),
    }
}

/// The log, cut to the length that the last mark says. None if it is not that log.
fn cut(path: &Path, marks: &Marks, poll: &PollContract) -> Result<Option<PollLog>, Error> {
    let bytes = match marks.follower.read_to() {
        Some(mark) => mark.value,
        None => header_bytes(poll)?,
    };
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Io {
                action: "read",
                path: path.to_owned(),
                source,
            })
        }
    };
    if length < bytes {
        return Ok(None);
    }
    match PollLog::cut(path, bytes) {
        Ok(log) => Ok((log.header() == poll.header()).then_some(log)),
        Err(Error::Log { .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_sdk::testing::World;
    use maci_nova_sdk::ErrorKind;

    use super::*;

    /// A log that was read to its end, in a folder of its own.
    fn read_all(world: &World, poll: &PollContract) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let [log, marks] = ["poll.jsonl", "follower.json"].map(|name| directory.path().join(name));
        let mut followed = ChainLog::open(&log, &marks, poll, 0).unwrap();
        while !matches!(
            followed.advance(&world.evm, poll).unwrap(),
            Advance::Idle | Advance::Behind(_)
        ) {}
        assert_eq!(followed.log().voters(), 1);
        (directory, log, marks)
    }

    /// Files of ours that are damaged are input, not something that the chain refuses.
    #[test]
    fn damaged_files_are_named_and_are_input() {
        let (world, poll) = World::with_payments();
        let (_directory, log, marks) = read_all(&world, &poll);
        let whole = [fs::read(&log).unwrap(), fs::read(&marks).unwrap()];
        let refused = |name: &str| {
            let error = ChainLog::open(&log, &marks, &poll, 0).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Input, "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("remove"), "{text}");
        };
        let half = &whole[1][..whole[1].len() / 2];
        for damaged in [b"".as_slice(), b"{", b"{}", b"[]", half] {
            fs::write(&marks, damaged).unwrap();
            refused("follower.json");
        }
        fs::write(&marks, &whole[1]).unwrap();
        let half = &whole[0][..whole[0].len() / 2];
        for cut in [b"".as_slice(), half, &whole[0][..whole[0].len() - 1]] {
            fs::write(&log, cut).unwrap();
            refused("follower.json");
        }
        fs::remove_file(&log).unwrap();
        refused("follower.json");
        // As it was, it goes on.
        fs::write(&log, &whole[0]).unwrap();
        let followed = ChainLog::open(&log, &marks, &poll, 0).unwrap();
        assert_eq!(followed.log().voters(), 1);
        // Both removed, it is read again.
        for path in [&log, &marks] {
            fs::remove_file(path).unwrap();
        }
        ChainLog::open(&log, &marks, &poll, 0).unwrap();
    }
}
