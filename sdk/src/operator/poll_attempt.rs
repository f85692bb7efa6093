//! What was about to be sent when a poll was created, so that a process that is stopped before it
//! knows the poll finds it again, and does not create another.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use maci_nova_chain::{BlockId, Chain, Contract, Log, Observer, Scan};
use maci_nova_contracts::alloy_primitives::{keccak256, Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::{SolEvent, SolValue};
use maci_nova_contracts::bindings::{Poll, MACI};
use maci_nova_files::{write_atomically, Readers};
use serde::{Deserialize, Serialize};

use crate::error::{on_chain, reading, Error};
use crate::hint::Hint;
use crate::poll::contract::view;
use crate::poll::file::PollFile;

/// Blocks that a reorganisation may take back, with the poll in a lower one then.
const REORGANISED: u64 = 64;

/// The file beside a poll file, there only while a poll is created.
#[derive(Debug)]
pub struct Attempt(PathBuf);

/// What the file says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Record {
    chain_id: u64,
    owner: Address,
    /// The poll is not older than this block,
    block: u64,
    /// when its MACI had so many polls.
    polls: U256,
    /// Contracts for the credits, which are there already.
    credits: Vec<CreditsContract>,
    /// The settings of each attempt as calldata has them. The first one may still get into a block
    /// when the second is made.
    settings: Vec<Bytes>,
}

/// A contract that gives credits.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreditsContract {
    /// Digest of the code that deploys it.
    code: B256,
    /// Where it is.
    contract: Address,
}

impl Attempt {
    /// The attempt that belongs to a poll file.
    pub fn of(poll_file: &Path) -> Self {
        Attempt(poll_file.with_extension("create.json"))
    }

    /// Remembers what will be sent, beside what was perhaps sent before.
    pub fn begin<C: Chain + ?Sized>(
        &self,
        chain: &C,
        file: &PollFile,
        owner: Address,
        settings: &MACI::PollSettings,
    ) -> Result<(), Error> {
        let mut record = self.of_owner_or_new(chain, file, owner)?;
        record.settings.push(settings.abi_encode().into());
        self.write(&record)
    }

    /// The contract for the credits that an earlier attempt has deployed with this code.
    pub fn credits<C: Chain + ?Sized>(
        &self,
        chain: &C,
        file: &PollFile,
        owner: Address,
        code: &[u8],
    ) -> Result<Option<Address>, Error> {
        let Some(record) = self.of_owner(file, owner)? else {
            return Ok(None);
        };
        let digest = keccak256(code);
        let mut known = record.credits.iter();
        let Some(known) = known.find(|known| known.code == digest) else {
            return Ok(None);
        };
        let contract = known.contract;
        let found = chain.code(contract);
        let found = found.map_err(on_chain(format!("read the code at {contract}")))?;
        // A reorganisation may have taken it.
        Ok((!found.is_empty()).then_some(contract))
    }

    /// Remembers a contract for the credits.
    pub fn keep_credits<C: Chain + ?Sized>(
        &self,
        chain: &C,
        file: &PollFile,
        owner: Address,
        code: &[u8],
        contract: Address,
    ) -> Result<(), Error> {
        let mut record = self.of_owner_or_new(chain, file, owner)?;
        let code = keccak256(code);
        record.credits.retain(|known| known.code != code);
        record.credits.push(CreditsContract { code, contract });
        self.write(&record)
    }

    /// The poll that an earlier attempt of the same owner has created, if it has.
    ///
    /// # Errors
    /// [`Error::NotNow`] if the node does not show all polls since then.
    pub fn found<C: Chain + ?Sized>(
        &self,
        chain: &C,
        file: &PollFile,
        owner: Address,
        observer: &dyn Observer,
    ) -> Result<Option<Contract>, Error> {
        let Some(record) = self.of_owner(file, owner)? else {
            return Ok(None);
        };
        let since = polls(chain, file)?.saturating_sub(record.polls);
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
        let (mut found, mut seen) = (None, 0_u64);
        scan.each(chain, reading("polls of MACI"), |log| {
            let created: Option<MACI::PollCreated> = log.decode();
            seen += u64::from(created.is_some_and(|created| created.index >= record.polls));
            if let Some(contract) = created_by(log, owner) {
                let call = Poll::pollInfoCall {};
                let info = view(chain, contract.address, &call, "read the poll")?;
                if record.settings.contains(&info.settings.abi_encode().into()) {
                    found = Some(contract);
                }
            }
            Ok(())
        })?;
        match found {
            None if U256::from(seen) < since => Err(Error::NotNow(format!(
                "the node leaves out polls of MACI {}, of which one may be the one that was created before ({} has the attempt); try again, or another node",
                maci.address,
                self.0.display()
            ))
            .with_hint(Hint::OtherNode)),
            found => Ok(found),
        }
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

    /// What is known of attempts of the owner on the file's chain.
    fn of_owner(&self, file: &PollFile, owner: Address) -> Result<Option<Record>, Error> {
        let ours = |record: &Record| (record.chain_id, record.owner) == (file.chain_id, owner);
        Ok(self.read()?.filter(ours))
    }

    fn of_owner_or_new<C: Chain + ?Sized>(
        &self,
        chain: &C,
        file: &PollFile,
        owner: Address,
    ) -> Result<Record, Error> {
        if let Some(record) = self.of_owner(file, owner)? {
            return Ok(record);
        }
        // The block before the count: what comes between is seen, and not waited for.
        let newest = chain.block(BlockId::Latest);
        let newest = newest.map_err(on_chain("read the newest block"))?.number;
        let polls = polls(chain, file)?;
        Ok(Record {
            chain_id: file.chain_id,
            owner,
            block: newest.saturating_sub(REORGANISED),
            polls,
            credits: Vec::new(),
            settings: Vec::new(),
        })
    }

    fn write(&self, record: &Record) -> Result<(), Error> {
        write_atomically(&self.0, Readers::Everybody, |out| {
            serde_json::to_writer(out, record).map_err(io::Error::from)
        })
        .map_err(self.failed("write"))
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

/// How many polls the MACI has.
fn polls<C: Chain + ?Sized>(chain: &C, file: &PollFile) -> Result<U256, Error> {
    let maci = file.contracts.maci.address;
    view(
        chain,
        maci,
        &MACI::pollCountCall {},
        "read the polls of MACI",
    )
}

fn created_by(log: &Log, owner: Address) -> Option<Contract> {
    let created: MACI::PollCreated = log.decode()?;
    (created.owner == owner).then_some(Contract {
        address: created.poll,
        first_block: log.block_number,
    })
}
