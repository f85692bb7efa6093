//! What an account has sent and not seen in a block, in a file: a process that ends before it knows
//! leaves there what the next one has to look for before it sends anything.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt;
use maci_nova_chain::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_files::{write_atomically, Readers};
use serde::{Deserialize, Serialize};

use crate::error::RpcError;

/// The format that this program reads and writes.
const VERSION: u32 = 1;

/// The file of one account. It is there only while something is open.
#[derive(Clone, Debug)]
pub struct Outbox {
    path: PathBuf,
    chain_id: u64,
    account: Address,
}

/// As long as it is there, no other process sends from the account with this file.
#[derive(Debug)]
pub struct OutboxLock {
    path: PathBuf,
    file: File,
}

impl OutboxLock {
    /// Whether the path still names the locked file.
    #[cfg(unix)]
    fn is_there(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let inode = |metadata: io::Result<fs::Metadata>| metadata.map(|found| found.ino()).ok();
        let found = inode(fs::metadata(&self.path));
        found.is_some() && found == inode(self.file.metadata())
    }

    #[cfg(not(unix))]
    fn is_there(&self) -> bool {
        true
    }
}

impl Drop for OutboxLock {
    fn drop(&mut self) {
        // While it is locked: whoever waits for it looks whether it is still there.
        #[cfg(unix)]
        if self.is_there() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Transactions of one nonce, so that at most one of them gets into a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    version: u32,
    chain_id: u64,
    account: Address,
    /// Their nonce.
    pub nonce: U256,
    /// In the order in which they took each other's place.
    pub transactions: Vec<Kept>,
}

/// A transaction that was about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kept {
    /// Its hash.
    pub hash: B256,
    /// The contract that it calls; none if it creates one.
    pub to: Option<Address>,
    /// What it pays, in wei.
    pub value: U256,
    /// What it calls the contract with.
    pub calldata: Bytes,
    /// As a node takes it.
    pub signed: Bytes,
}

impl Kept {
    /// Whether it does the same as the other.
    pub fn is(&self, to: Option<Address>, value: U256, calldata: &[u8]) -> bool {
        (self.to, self.value) == (to, value) && *self.calldata == *calldata
    }

    /// Whether it calls the same function of the same contract.
    pub fn is_like(&self, to: Option<Address>, calldata: &[u8]) -> bool {
        self.to.is_some() && self.to == to && self.calldata.get(..4) == calldata.get(..4)
    }
}

impl Outbox {
    /// The file of an account, beside `path` and named after it.
    pub fn of(path: &Path, chain_id: u64, account: Address) -> Self {
        Outbox {
            path: path.with_extension(format!("{account:#x}.sent.json")),
            chain_id,
            account,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is anything: what is open, or a lock, of whoever holds it or was killed.
    pub fn has_files(&self) -> bool {
        self.path.exists() || self.lock_path().exists()
    }

    fn lock_path(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    /// Keeps other processes from it until the lock is dropped; none if another one has it.
    pub fn lock(&self) -> Result<Option<OutboxLock>, RpcError> {
        let path = self.lock_path();
        let failed = |error| self.failed("lock", error);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        if !file.try_lock_exclusive().map_err(failed)? {
            return Ok(None);
        }
        // The one before may have removed it between the two.
        let lock = OutboxLock { path, file };
        Ok(lock.is_there().then_some(lock))
    }

    /// What is open. A file of another chain tells nothing of this one.
    pub fn read(&self) -> Result<Option<Entry>, RpcError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", error)),
        };
        let entry: Entry =
            serde_json::from_slice(&bytes).map_err(|error| self.damaged(error.to_string()))?;
        if entry.version != VERSION {
            let text = format!("it has version {}, {VERSION} is known", entry.version);
            return Err(self.damaged(text));
        }
        let is_ours = (entry.chain_id, entry.account) == (self.chain_id, self.account);
        Ok(is_ours
            .then_some(entry)
            .filter(|entry| !entry.transactions.is_empty()))
    }

    /// Remembers what is about to be sent, after others of the same nonce.
    pub fn keep(&self, nonce: U256, kept: Kept) -> Result<(), RpcError> {
        let before = self.read()?.filter(|entry| entry.nonce == nonce);
        let mut entry = before.unwrap_or(Entry {
            version: VERSION,
            chain_id: self.chain_id,
            account: self.account,
            nonce,
            transactions: Vec::new(),
        });
        entry.transactions.push(kept);
        self.write(&entry)
    }

    /// One of them was not sent.
    pub fn forget(&self, hash: B256) -> Result<(), RpcError> {
        let Some(mut entry) = self.read()? else {
            return Ok(());
        };
        entry.transactions.retain(|kept| kept.hash != hash);
        match entry.transactions.is_empty() {
            true => self.clear(),
            false => self.write(&entry),
        }
    }

    /// Nothing is open.
    pub fn clear(&self) -> Result<(), RpcError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failed("remove", error))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, entry: &Entry) -> Result<(), RpcError> {
        write_atomically(&self.path, Readers::Owner, |out| {
            serde_json::to_writer(out, entry).map_err(io::Error::from)
        })
        .map_err(|error| self.failed("write", error))
    }

    fn failed(&self, action: &'static str, error: io::Error) -> RpcError {
        RpcError::Outbox {
            action,
            path: self.path.clone(),
            reason: error.to_string(),
            damaged: false,
        }
    }

    fn damaged(&self, reason: String) -> RpcError {
        RpcError::Outbox {
            action: "read",
            path: self.path.clone(),
            reason,
            damaged: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(seed: u8) -> Kept {
        Kept {
            hash: B256::repeat_byte(seed),
            to: Some(Address::repeat_byte(1)),
            value: U256::from(seed),
            calldata: vec![1, 2, 3, 4, seed].into(),
            signed: vec![seed].into(),
        }
    }

    #[test]
    fn what_is_open_is_kept_until_it_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("poll.json");
        let outbox = Outbox::of(&path, 1, Address::repeat_byte(2));
        assert_eq!(outbox.read().unwrap(), None);
        let [five, six] = [5, 6].map(U256::from);
        outbox.keep(five, kept(1)).unwrap();
        outbox.keep(five, kept(2)).unwrap();
        let entry = outbox.read().unwrap().unwrap();
        assert_eq!((entry.nonce, entry.transactions.len()), (five, 2));
        // Neither another account nor another chain has it.
        for other in [
            Outbox::of(&path, 1, Address::repeat_byte(3)),
            Outbox::of(&path, 2, Address::repeat_byte(2)),
        ] {
            assert_eq!(other.read().unwrap(), None);
        }
        outbox.forget(kept(2).hash).unwrap();
        assert_eq!(outbox.read().unwrap().unwrap().transactions, [kept(1)]);
        outbox.keep(six, kept(3)).unwrap();
        assert_eq!(outbox.read().unwrap().unwrap().transactions, [kept(3)]);
        outbox.forget(kept(3).hash).unwrap();
        assert!(!outbox.path().exists());
        outbox.clear().unwrap();
    }

    /// Whoever cannot read what is open must not send.
    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::of(&directory.path().join("poll.json"), 1, Address::ZERO);
        for text in ["", "{", "{}", "[]"] {
            fs::write(outbox.path(), text).unwrap();
            assert!(outbox.read().is_err(), "{text}");
            assert!(outbox.keep(U256::ZERO, kept(1)).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_the_same_and_what_is_like_it() {
        let one = kept(1);
        let (to, other) = (one.to, Some(Address::ZERO));
        assert!(one.is(to, one.value, &one.calldata));
        assert!(!one.is(to, U256::ZERO, &one.calldata));
        assert!(!one.is(other, one.value, &one.calldata));
        assert!(!one.is(to, one.value, &kept(2).calldata));
        assert!(one.is_like(to, &kept(2).calldata));
        assert!(!one.is_like(to, &[4, 3, 2, 1]));
        assert!(!one.is_like(other, &one.calldata));
        // Contracts that are created have nothing in common.
        let created = Kept { to: None, ..one };
        assert!(!created.is_like(None, &created.calldata));
    }
}
