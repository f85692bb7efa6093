//! What was about to be sent when a poll was created, so that a process that is stopped before it
//! knows the poll finds it again, and does not create another.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use maci_nova_chain::{Chain, Contract, Log, Observer, Scan};
use maci_nova_contracts::alloy_primitives::{Address, Bytes};
use maci_nova_contracts::alloy_sol_types::{SolEvent, SolValue};
use maci_nova_contracts::bindings::{Poll, MACI};
use maci_nova_files::{write_atomically, Readers};
use serde::{Deserialize, Serialize};

use crate::error::{reading, Error};
use crate::poll::contract::view;
use crate::poll::file::PollFile;

/// The file beside a poll file, there only while a poll is created.
#[derive(Debug)]
pub struct Attempt(PathBuf);

/// What the file says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Record {
    chain_id: u64,
    owner: Address,
    /// The poll is not older than this block.
    block: u64,
    /// The settings as calldata has them.
    settings: Bytes,
}

impl Attempt {
    /// The attempt that belongs to a poll file.
    pub fn of(poll_file: &Path) -> Self {
        Attempt(poll_file.with_extension("create.json"))
    }

    /// Remembers what will be sent.
    pub fn begin(
        &self,
        file: &PollFile,
        owner: Address,
        block: u64,
        settings: &MACI::PollSettings,
    ) -> Result<(), Error> {
        let record = Record {
            chain_id: file.chain_id,
            owner,
            block,
            settings: settings.abi_encode().into(),
        };
        write_atomically(&self.0, Readers::Everybody, |out| {
            serde_json::to_writer(out, &record).map_err(io::Error::from)
        })
        .map_err(self.failed("write"))
    }

    /// The poll that an earlier attempt of the same owner has created, if it has.
    pub fn found<C: Chain + ?Sized>(
        &self,
        chain: &C,
        file: &PollFile,
        owner: Address,
        observer: &dyn Observer,
    ) -> Result<Option<Contract>, Error> {
        let Some(record) = self.read()? else {
            return Ok(None);
        };
        if (record.chain_id, record.owner) != (file.chain_id, owner) {
            return Ok(None);
        }
        let maci = Contract {
            first_block: record.block,
            ..file.contracts.maci
        };
        let scan = Scan {
            contract: maci,
            topics: &[vec![MACI::PollCreated::SIGNATURE_HASH]],
            what: "polls of MACI",
            observer,
        };
        let mut found = None;
        scan.each(chain, reading("polls of MACI"), |log| {
            if let Some(contract) = created_by(log, owner) {
                let call = Poll::pollInfoCall {};
                let info = view(chain, contract.address, &call, "read the poll")?;
                if info.settings.abi_encode() == record.settings {
                    found = Some(contract);
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The poll is in the poll file.
    pub fn end(&self) -> Result<(), Error> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failed("remove")(error))
            }
            _ => Ok(()),
        }
    }

    fn read(&self) -> Result<Option<Record>, Error> {
        match fs::read(&self.0) {
            // One that cannot be read was never whole, or is not ours: nothing is known of it.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read")(error)),
        }
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> Error + '_ {
        move |source| Error::Io {
            action,
            path: self.0.clone(),
            source,
        }
    }
}

fn created_by(log: &Log, owner: Address) -> Option<Contract> {
    let created: MACI::PollCreated = log.decode()?;
    (created.owner == owner).then_some(Contract {
        address: created.poll,
        first_block: log.block_number,
    })
}
