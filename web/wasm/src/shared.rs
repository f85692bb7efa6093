//! Keys, polls and proving keys, under numbers and digests.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::Path;

use maci_nova_chain::alloy_primitives::B256;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::voter::join_proof::Prover;
use maci_nova_sdk::{Error, Hint};

use crate::keys::{Keys, KeysError};
use crate::outcome::Failure;

/// What errors call a poll file.
pub const POLL_FILE: &str = "poll.json";

/// A poll's number.
pub type PollHandle = u32;

/// A poll that was opened.
#[derive(Clone, Debug)]
pub struct OpenPoll {
    /// Where it is said to be.
    pub file: PollFile,
    /// As its contract says it.
    pub contract: PollContract,
}

/// Everything that operations share.
#[derive(Debug, Default)]
pub struct Shared {
    /// Private keys.
    pub keys: Keys,
    polls: Vec<OpenPoll>,
    /// The proving keys of joins that were loaded, by their digests.
    provers: HashMap<B256, Prover>,
}

impl Shared {
    /// A poll.
    pub fn poll(&self, handle: PollHandle) -> Result<&OpenPoll, Failure> {
        let poll = self.polls.get(handle as usize);
        poll.ok_or_else(|| Failure::request("this poll has not been opened"))
    }

    /// Keeps a poll.
    pub fn keep(&mut self, poll: OpenPoll) -> PollHandle {
        self.polls.push(poll);
        (self.polls.len() - 1) as PollHandle
    }

    /// The proving key that a poll file names.
    pub fn prover_of(&self, file: &PollFile) -> Result<&Prover, Failure> {
        let digest = file.keys.map(|keys| keys.join).ok_or_else(|| {
            Failure::request(
                "the poll file was made from a chain, and names no proving key of joins",
            )
        })?;
        self.provers.get(&digest).ok_or_else(|| {
            Error::JoinKey(format!(
                "the proving key of joins with digest {digest} has not been loaded"
            ))
            .with_hint(Hint::JoinKey(Path::new("poll.join.key").to_owned()))
            .into()
        })
    }

    /// Loads a proving key: that with this digest, and no other.
    pub fn load_prover(&mut self, bytes: &[u8], digest: B256) -> Result<(), Failure> {
        // It is what it was: its points are not checked again, which takes seconds.
        if self.provers.contains_key(&digest) {
            return Ok(());
        }
        let prover = Prover::read_from(Cursor::new(bytes), Some(&digest.0));
        let prover =
            prover.map_err(|error| Error::JoinKey(format!("the proving key of joins: {error}")))?;
        self.provers.insert(digest, prover);
        Ok(())
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Failure {
            kind: maci_nova_sdk::ErrorKind::Input.name(),
            message: error.to_string(),
            hint: None,
        }
    }
}
