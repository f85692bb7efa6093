//! What a relayer has taken and done, a line each, on disk before anybody is told.
//!
//! A line is added and never changed; the state is what the lines make of an empty one, so a start
//! goes through them. One thread writes: lines that come while it waits for the disk are synced
//! together.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread;

use maci_nova_contracts::alloy_primitives::{Bytes, B256, U256};
use maci_nova_files::{open_to_append, Readers};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::error::Error;

/// A line that cannot follow those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot follow the lines before it")]
pub(crate) struct Contradiction;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Record {
    /// A ballot was taken.
    Ballot {
        /// Its digest.
        ballot: B256,
        /// When, in seconds since 1970.
        time: u64,
        /// The day of its ticket.
        day: u64,
        /// The nullifier of its ticket.
        nullifier: B256,
        /// Its messages, as lines of a file of messages.
        messages: Vec<String>,
    },
    /// A bundle is about to be sent. It takes the place of those that were, if any.
    Bundle {
        /// What its messages come to.
        inner: U256,
        /// Its ballots in their order.
        ballots: Vec<B256>,
        /// The call.
        calldata: Bytes,
        /// The newest block then.
        after: u64,
    },
    /// The bundle is in a block.
    Landed {
        inner: U256,
        transaction: B256,
        block: u64,
        block_hash: B256,
        /// The place of its first message.
        first: u64,
        /// None where it was found without a receipt, or again.
        gas: u64,
        time: u64,
    },
    /// None of the bundles that were about to be sent is in a block, nor will be.
    Grounded {
        /// Of what reverted.
        gas: u64,
        time: u64,
    },
    /// The block with the bundle was replaced, and no other one has it.
    Vanished { inner: U256 },
    /// The bundle's block is deep enough.
    Confirmed { inner: U256 },
    /// The ballot can no longer be published.
    Expired { ballot: B256 },
    /// A join was taken.
    Join {
        /// The sign-up's in the poll.
        nullifier: U256,
        time: u64,
        calldata: Bytes,
    },
    /// The join is in a block.
    Joined {
        nullifier: U256,
        transaction: B256,
        block: u64,
        state_index: u64,
        gas: u64,
        time: u64,
    },
    /// The join's block is deep enough.
    JoinConfirmed { nullifier: U256 },
    /// The join's block was replaced, and no other one has it.
    JoinVanished { nullifier: U256 },
    /// The poll does not take the join.
    Refused {
        nullifier: U256,
        gas: u64,
        time: u64,
    },
}

/// Tells when a line is on disk.
pub(crate) type Written = oneshot::Receiver<Result<(), String>>;

type Line = (Vec<u8>, oneshot::Sender<Result<(), String>>);

/// The lines of a poll. When it is dropped, what was added is written.
#[derive(Debug)]
pub(crate) struct Journal {
    lines: Sender<Line>,
    failed: Arc<AtomicBool>,
}

impl Journal {
    /// Reads what there is, and goes on after it. The last line may have been cut by the end of a
    /// process: nobody was told of it, and it is removed.
    pub(crate) fn open(
        path: &Path,
        visit: impl FnMut(Record) -> Result<(), Contradiction>,
    ) -> Result<Self, Error> {
        let failed = |action| {
            let path = path.to_owned();
            move |source| Error::Io {
                action,
                path,
                source,
            }
        };
        let opened = open_to_append(path, Readers::Owner);
        let mut file = opened.map_err(failed("open relayer's journal"))?;
        let whole = read(&file, path, visit)?;
        let length = file.metadata().map_err(failed("read relayer's journal"))?;
        if length.len() > whole {
            file.set_len(whole)
                .and_then(|()| file.sync_all())
                .map_err(failed("mend relayer's journal"))?;
        }
        let (lines, received) = channel();
        let failed = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&failed);
        thread::Builder::new()
            .name("journal".into())
            .spawn(move || write(&mut file, &received, &told))
            .map_err(Error::Thread)?;
        Ok(Journal { lines, failed })
    }

    /// Adds a line. Lines are on disk in the order of the calls.
    pub(crate) fn add(&self, record: &Record) -> Written {
        let mut line = serde_json::to_vec(record).expect("strings and numbers");
        line.push(b'\n');
        self.send(line)
    }

    /// Whether a line could not be written: nothing is, from then on.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Tells when all lines that were added are on disk.
    pub(crate) fn settle(&self) -> Written {
        self.send(vec![])
    }

    fn send(&self, line: Vec<u8>) -> Written {
        let (done, written) = oneshot::channel();
        // Without its thread the answer is an error, too.
        let _ = self.lines.send((line, done));
        written
    }
}

/// Shows the lines that are whole, and tells their length.
fn read(
    file: &File,
    path: &Path,
    mut visit: impl FnMut(Record) -> Result<(), Contradiction>,
) -> Result<u64, Error> {
    let mut lines = BufReader::new(file);
    let (mut number, mut whole, mut line) = (0, 0, Vec::new());
    loop {
        line.clear();
        number += 1;
        let damaged = |reason| Error::Journal {
            path: PathBuf::from(path),
            line: number,
            reason,
        };
        let read = lines.read_until(b'\n', &mut line);
        read.map_err(|error| damaged(error.to_string()))?;
        if line.pop() != Some(b'\n') {
            return Ok(whole);
        }
        let record = serde_json::from_slice(&line);
        let record = record.map_err(|error| damaged(error.to_string()))?;
        visit(record).map_err(|error| damaged(error.to_string()))?;
        whole += line.len() as u64 + 1;
    }
}

/// After an error nothing is written any more: what came first has to be first on disk.
fn write(file: &mut File, lines: &Receiver<Line>, failed: &AtomicBool) {
    let mut failure: Option<String> = None;
    while let Ok(first) = lines.recv() {
        let together: Vec<Line> = std::iter::once(first).chain(lines.try_iter()).collect();
        let bytes: Vec<u8> = together.iter().flat_map(|(line, _)| line.clone()).collect();
        let written = match &failure {
            None => append(file, &bytes).map_err(|error| error.to_string()),
            Some(failure) => Err(failure.clone()),
        };
        failure = written.clone().err();
        failed.store(failure.is_some(), Ordering::SeqCst);
        for (_, done) in together {
            let _ = done.send(written.clone());
        }
    }
}

fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()
}
