//! The relayer: publishes ballots and joins of voters who have no money on the chain.
//!
//! It has no coordinator's key. What it takes depends only on what everybody can see
//! ([`intake`]), all that it takes is published in the order of arrival, a ballot whole and in one
//! bundle ([`sender`]), and nobody has to believe a word of it: the chain has the messages. What a
//! voter shows it is in `maci_nova_protocol::relay`.
//!
//! [`journal`] keeps what was taken and done, [`queue`] is the sum of it, [`lookout`] reads what is
//! known of a poll, and [`http`] is where people ask.

pub(crate) mod http;
pub(crate) mod intake;
mod journal;
mod living;
mod lookout;
mod office;
mod queue;
mod sender;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_node::Account;
use maci_nova_sdk::poll::keys::KeyPolicy;

use crate::config::{NodeConfig, RelayConfig, GWEI};
use crate::error::Error;
use crate::logs::Redaction;
use crate::metrics::Metrics;
use crate::polls;
use crate::stop::Stop;
use intake::{Intake, Limits};
use journal::Journal;
use lookout::Lookout;
use office::{Office, RelayedPoll};
use queue::Queue;
use sender::Sender;

/// What was read longer ago is not relied on, at least.
const STALE: Duration = Duration::from_secs(60);

/// A relayer that is put together.
#[derive(Debug)]
pub(crate) struct Relay {
    office: Arc<Office>,
    /// The folder is this process's alone.
    _directory: ProofDirectory,
}

/// What a relayer stands on.
pub(crate) struct Ground {
    pub account: Account,
    pub policy: KeyPolicy,
    pub redaction: Redaction,
    pub metrics: Arc<Metrics>,
    pub stop: Stop,
}

impl Relay {
    /// Reads what an earlier process has left.
    pub(crate) fn open(
        node: &NodeConfig,
        config: &RelayConfig,
        ground: Ground,
    ) -> Result<Self, Error> {
        let directory = ProofDirectory::open(&config.out)?;
        let files = polls::read(config.polls.iter().map(|path| &**path))?;
        let url = polls::node(node, files.iter().map(|(_, file)| file))?;
        let limits = Limits {
            queue: config.queue,
            joins: config.queue,
            gas: config.gas_a_day,
            fee: U256::from(config.message_fee),
            margin: config.margin,
            wait: config.wait,
            stale: STALE.max(node.every.saturating_mul(3)),
        };
        let Ground {
            account,
            policy,
            redaction,
            metrics,
            stop,
        } = ground;
        let mut relayed = Vec::with_capacity(files.len());
        for (path, file) in files {
            let contract = file.poll(&path)?;
            let address = contract.address;
            let name = format!("{}.jsonl", address.to_checksum(None));
            let mut queue = Queue::default();
            let journal = Journal::open(&config.out.join(name), |record| queue.apply(record))?;
            let intake = Intake {
                address,
                chain_id: file.chain_id,
                account: account.address(),
                limits,
                metrics: Arc::clone(&metrics),
                facts: Mutex::default(),
                sight: Mutex::default(),
                queue: Mutex::new(queue),
                journal,
                troubles: Default::default(),
            };
            relayed.push(RelayedPoll {
                path,
                file,
                contract,
                intake: Arc::new(intake),
            });
        }
        let office = Office {
            url,
            every: node.every,
            confirmations: config.confirmations,
            policy,
            account,
            max_fee: U256::from(config.max_fee) * GWEI,
            max_tip: U256::from(config.max_tip) * GWEI,
            out: config.out.clone(),
            bundle_key: config.bundle_key.clone(),
            joins: config.joins,
            polls: relayed,
            redaction,
            metrics,
            stop,
        };
        Ok(Relay {
            office: Arc::new(office),
            _directory: directory,
        })
    }

    /// What is asked by HTTP.
    pub(crate) fn intakes(&self) -> Arc<[Arc<Intake>]> {
        let polls = self.office.polls.iter();
        polls.map(|poll| Arc::clone(&poll.intake)).collect()
    }

    /// Starts to look and to send.
    pub(crate) fn start(&self) -> Result<[JoinHandle<()>; 2], Error> {
        let office = Arc::clone(&self.office);
        let looking = Lookout { office }.start()?;
        let sending = Sender::new(Arc::clone(&self.office)).start()?;
        Ok([looking, sending])
    }
}
