//! Sends what was taken, in the order of arrival: one transaction at a time.
//!
//! What is about to be sent is written down before, and what came of it after; the account's outbox
//! (see `maci_nova_node`) remembers the signed transaction between the two. So a start after a kill
//! finds out what became of the last one before it sends another.
//!
//! What cannot be undone is not decided by one look at one node, which may be behind: that a bundle
//! is in no block, or that a ballot can be in none.

mod bundles;
mod joins;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_chain::{Block, BlockId, Chain};
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_node::RpcChain;
use maci_nova_sdk::bundle::key;
use maci_nova_sdk::bundle::proof::BundleProver;
use maci_nova_sdk::bundle::publish::ProvenBundle;
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::poll::contract::PollContract;
use tracing::warn;

use super::intake::{Facts, Intake};
use super::journal::Record;
use super::living::{Life, Living};
use super::office::{Fault, Office, RelayedPoll, SEND};
use super::queue::Ballot;
use crate::error::Error;
use crate::progress::now;
use crate::stop::lock;

/// Between two looks at what waits.
const LOOK: Duration = Duration::from_secs(2);

/// For so long something has to look the same before it is believed that it will stay so.
const PATIENCE: Duration = Duration::from_secs(12);

/// The first and the longest pause after a bundle that could not be sent.
const REST: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(120));

/// What sends.
#[derive(Debug)]
pub(crate) struct Sender {
    pub office: Arc<Office>,
    prover: Option<Arc<BundleProver>>,
    /// Since when the bundle in flight, or the landed one, has been in no block.
    unseen: Option<Instant>,
    /// Since when ballots have been doubtful.
    doubts: HashMap<B256, Instant>,
    /// When a bundle of which poll could not be sent, and how often in a row.
    failed: HashMap<Address, (Instant, u32)>,
    /// The last proof, for when it could not be sent.
    proven: Option<(Vec<B256>, ProvenBundle)>,
}

/// A poll, and what is known of it.
struct Case<'a> {
    intake: &'a Intake,
    facts: &'a Facts,
    prover: &'a BundleProver,
}

impl Case<'_> {
    /// Writes down what has happened, and waits until it is on disk.
    fn write(&self, record: Record) -> Result<(), Fault> {
        let mut queue = lock(&self.intake.queue);
        let written = self.intake.journal.add(&record);
        let applied = queue.apply(record);
        drop(queue);
        applied.map_err(|error| Fault::Journal(error.to_string()))?;
        match written.blocking_recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Fault::Journal(error)),
            Err(_) => Err(Fault::Journal("its thread has ended".into())),
        }
    }
}

impl Sender {
    pub(crate) fn new(office: Arc<Office>) -> Self {
        Sender {
            office,
            prover: None,
            unseen: None,
            doubts: HashMap::new(),
            failed: HashMap::new(),
            proven: None,
        }
    }

    /// Sends until the service ends.
    pub(crate) fn start(self) -> Result<thread::JoinHandle<()>, Error> {
        let thread = thread::Builder::new().name("relay sender".into());
        thread.spawn(move || self.run()).map_err(Error::Thread)
    }

    fn run(mut self) {
        let office = Arc::clone(&self.office);
        let mut chain = None;
        while !office.stop.asked() {
            for (number, relayed) in office.polls.iter().enumerate() {
                // One account sends for all polls: what waits for a deeper block keeps all of them,
                // or the next transaction would take the place of its own in the outbox.
                let busy = office.polls.iter().position(is_busy);
                if office.stop.asked() || busy.is_some_and(|busy| busy != number) {
                    continue;
                }
                let visited =
                    office.with_chain(&mut chain, true, |chain| self.visit(chain, relayed));
                office.note(relayed, SEND, visited);
            }
            office.stop.pause(office.every.min(LOOK));
        }
    }

    fn visit(&mut self, chain: &mut RpcChain, relayed: &RelayedPoll) -> Result<(), Fault> {
        let intake = &*relayed.intake;
        // The lookout says why there are none.
        let Some(facts) = lock(&intake.facts).clone() else {
            return Ok(());
        };
        let prover = match &self.prover {
            Some(prover) => Arc::clone(prover),
            None => self.open_prover(chain, &facts.poll, &relayed.path)?,
        };
        self.prover = Some(Arc::clone(&prover));
        let case = Case {
            intake,
            facts: &facts,
            prover: &prover,
        };
        self.settle(chain, &case)?;
        self.follow(chain, &case)?;
        if is_busy(relayed) {
            return Ok(());
        }
        self.follow_joins(chain, &case)?;
        self.expire(chain, &case)?;
        self.join(chain, &case)?;
        if !self.may_try(intake.address) || !self.is_due(chain, &case)? {
            return Ok(());
        }
        let published = self.publish(chain, &case);
        let before = self.failed.remove(&intake.address);
        if published.is_err() {
            let times = before.map_or(0, |(_, times)| times + 1);
            self.failed.insert(intake.address, (Instant::now(), times));
        }
        published
    }

    /// The proving key, which has to be of the poll's bundle verifier.
    fn open_prover(
        &self,
        chain: &RpcChain,
        poll: &PollContract,
        poll_file: &Path,
    ) -> Result<Arc<BundleProver>, Fault> {
        let named = self.office.bundle_key.as_deref();
        Ok(Arc::new(key::open(chain, poll, named, poll_file)?))
    }

    /// A node that refuses, or a price that is too high, is not asked all the time.
    fn may_try(&self, poll: Address) -> bool {
        let (first, longest) = REST;
        self.failed.get(&poll).is_none_or(|(then, times)| {
            let rest = first.saturating_mul(1 << (*times).min(10)).min(longest);
            then.elapsed() >= rest
        })
    }

    /// Gives up what can be in no block any more: nobody can publish it.
    fn expire(&mut self, chain: &RpcChain, case: &Case<'_>) -> Result<(), Fault> {
        let waiting: Vec<Ballot> = lock(&case.intake.queue).waiting().iter().cloned().collect();
        if waiting.is_empty() {
            self.doubts.clear();
            return Ok(());
        }
        let mut living = Living::now(chain, &case.facts.poll)?;
        for ballot in waiting {
            let is_dead = match living.of(chain, &case.facts.poll, &ballot)? {
                Life::Dead => true,
                Life::Doubtful => {
                    let since = self.doubts.entry(ballot.id).or_insert_with(Instant::now);
                    since.elapsed() >= PATIENCE
                }
                Life::Alive => {
                    self.doubts.remove(&ballot.id);
                    false
                }
            };
            if is_dead {
                warn!(poll = %case.intake.address, "a ballot could not be published in time");
                case.intake.count("expired");
                case.write(Record::Expired { ballot: ballot.id })?;
                self.doubts.remove(&ballot.id);
            }
        }
        Ok(())
    }

    /// Whether what waits is sent now: there is a bundle of it, or somebody has waited for long
    /// enough, or cannot wait any longer.
    fn is_due(&self, chain: &RpcChain, case: &Case<'_>) -> Result<bool, Fault> {
        let limits = &case.intake.limits;
        let queue = lock(&case.intake.queue);
        let Some(first) = queue.waiting().front() else {
            return Ok(false);
        };
        let age = now().saturating_sub(first.time);
        if queue.messages() >= case.facts.room || age >= limits.wait.as_secs() {
            return Ok(true);
        }
        let waiting: Vec<Ballot> = queue.waiting().iter().cloned().collect();
        drop(queue);
        let living = Living::now(chain, &case.facts.poll)?;
        let left = waiting.iter().map(|ballot| living.left(ballot)).min();
        Ok(left.is_some_and(|left| left <= limits.margin))
    }
}

/// Whether a bundle of the poll is on its way, or its block not deep enough.
fn is_busy(relayed: &RelayedPoll) -> bool {
    let queue = lock(&relayed.intake.queue);
    queue.flight().is_some() || queue.landed().is_some()
}

fn newest(chain: &RpcChain) -> Result<Block, Fault> {
    let newest = chain.block(BlockId::Latest);
    Ok(newest.map_err(on_chain("read the newest block"))?)
}
