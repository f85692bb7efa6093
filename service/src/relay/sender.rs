//! Sends what was taken, in the order of arrival: one transaction at a time.
//!
//! What is about to be sent is written down before, and what came of it after; the account's outbox
//! (see `maci_nova_node`) remembers the signed transaction between the two. So a start after a kill
//! finds out what became of the last one before it sends another.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use maci_nova_chain::words::count;
use maci_nova_chain::{Block, BlockId, Chain, ChainError, Contract, Log, Receipt, Scan};
use maci_nova_contracts::alloy_primitives::{B256, U256};
use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::poll::PollState;
use maci_nova_contracts::words;
use maci_nova_coordinator::prove::keys as proving_keys;
use maci_nova_node::RpcChain;
use maci_nova_protocol::log::{Record as Sent, SignedMessage};
use maci_nova_sdk::bundle::proof::{BundleProver, ROOM};
use maci_nova_sdk::bundle::publish::{self, require_key, ProvenBundle};
use maci_nova_sdk::error::{on_chain, reading};
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::voter::signing_window::{is_refused, Outlook};
use maci_nova_sdk::Error as PollError;
use tracing::{info, warn};

use super::intake::{Facts, Intake, GAS_A_BUNDLE, GAS_A_MESSAGE};
use super::journal::Record;
use super::lookout::anchor_of;
use super::office::{Fault, Office, RelayedPoll, SEND};
use super::queue::{Attempt, Ballot, Flight, Join, Landed, LandedJoin};
use crate::error::Error;
use crate::metrics as names;
use crate::progress::now;
use crate::stop::lock;

/// Looks at a chain without a bundle's block before it is sent again: a block that was replaced is
/// mostly followed by one with the same transactions.
const LOOKS: u32 = 5;

/// Blocks before the one that a bundle was in, in which it may be instead.
const EARLIER: u64 = 64;

/// What sends.
#[derive(Debug)]
pub(crate) struct Sender {
    pub office: Arc<Office>,
    prover: Option<Arc<BundleProver>>,
    /// Looks in a row at which the landed bundle was in no block.
    missed: u32,
}

/// A poll, and what is known of it.
struct Case<'a> {
    intake: &'a Intake,
    facts: &'a Facts,
    prover: &'a BundleProver,
}

impl Sender {
    pub(crate) fn new(office: Arc<Office>) -> Self {
        Sender {
            office,
            prover: None,
            missed: 0,
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
            // One account sends for all polls: what waits for a deeper block keeps all of them.
            let is_busy = |poll: &RelayedPoll| {
                let queue = lock(&poll.intake.queue);
                queue.flight().is_some() || queue.landed().is_some()
            };
            let busy = office.polls.iter().position(is_busy);
            for (number, relayed) in office.polls.iter().enumerate() {
                if office.stop.asked() || busy.is_some_and(|busy| busy != number) {
                    continue;
                }
                let visited =
                    office.with_chain(&mut chain, true, |chain| self.visit(chain, relayed));
                office.note(relayed, SEND, visited);
            }
            office.stop.pause(office.every.min(Duration::from_secs(2)));
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
            None => self.open_prover(chain, &facts.poll)?,
        };
        let case = Case {
            intake,
            facts: &facts,
            prover: &prover,
        };
        self.prover = Some(Arc::clone(&prover));
        let flight = lock(&intake.queue).flight().cloned();
        if let Some(flight) = flight {
            self.settle(chain, &case, &flight)?;
        }
        let landed = lock(&intake.queue).landed().cloned();
        if let Some(landed) = landed {
            self.follow(chain, &case, &landed)?;
            if lock(&intake.queue).landed().is_some() {
                return Ok(());
            }
        }
        let landed = lock(&intake.queue).landed_joins().to_vec();
        for join in landed {
            self.follow_join(chain, &case, &join)?;
        }
        self.expire(chain, &case)?;
        let joins: Vec<Join> = lock(&intake.queue)
            .waiting_joins()
            .iter()
            .cloned()
            .collect();
        for join in joins {
            self.join(chain, &case, &join)?;
            if self.is_due(chain, &case)? {
                break;
            }
        }
        if self.is_due(chain, &case)? {
            self.publish(chain, &case)?;
        }
        Ok(())
    }

    /// The proving key, which has to be of the poll's bundle verifier.
    fn open_prover(
        &self,
        chain: &RpcChain,
        poll: &PollContract,
    ) -> Result<Arc<BundleProver>, Fault> {
        let office = &self.office;
        let prover = match &office.bundle_key {
            Some(path) => BundleProver::read(path, ROOM, None)?,
            None => proving_keys::bundle(&office.policy, &office.watch())?,
        };
        require_key(chain, poll, &prover)?;
        Ok(Arc::new(prover))
    }

    /// Writes down what has happened, and waits until it is on disk.
    fn write(&self, case: &Case<'_>, record: Record) -> Result<(), Fault> {
        let mut queue = lock(&case.intake.queue);
        let written = case.intake.journal.add(&record);
        let applied = queue.apply(record);
        drop(queue);
        applied.map_err(|error| Fault::Journal(error.to_string()))?;
        match written.blocking_recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Fault::Journal(error)),
            Err(_) => Err(Fault::Journal("its thread has ended".into())),
        }
    }

    /// What became of what an earlier look, or an earlier process, has sent or was about to send.
    fn settle(&self, chain: &mut RpcChain, case: &Case<'_>, flight: &Flight) -> Result<(), Fault> {
        let poll = &case.facts.poll;
        let Some(last) = flight.attempts.last() else {
            return Ok(());
        };
        let fee = fee(poll, flight, last);
        let account = case.intake.account;
        match chain.earlier(account, poll.address, last.calldata.clone(), fee) {
            Ok(Some(receipt)) => return self.land(case, flight, &receipt),
            // Another one of the same nonce is in a block, or none is and none will be.
            Ok(None) | Err(ChainError::Earlier(_)) => {}
            Err(error) => return Err(on_chain("find out what became of a bundle")(error).into()),
        }
        let after = flight.attempts.iter().map(|attempt| attempt.after).min();
        let inners: Vec<U256> = flight.attempts.iter().map(|one| one.inner).collect();
        match find(chain, poll, after.unwrap_or(poll.first_block), &inners)? {
            Some((inner, log, first)) => {
                let messages = flight.messages_of(inner);
                let gas = GAS_A_BUNDLE + GAS_A_MESSAGE * messages as u64;
                self.write(case, landed(inner, &log, first, gas))
            }
            None => self.write(
                case,
                Record::Grounded {
                    gas: 0,
                    time: now(),
                },
            ),
        }
    }

    /// One of the flight's bundles is in a block.
    fn land(&self, case: &Case<'_>, flight: &Flight, receipt: &Receipt) -> Result<(), Fault> {
        let poll = &case.facts.poll;
        let bundle = |log: &Log| {
            let sent = poll.read(log).ok()?;
            match sent.record {
                Sent::Bundle(bundle) => {
                    Some((words::scalar(&bundle.inner()), log.clone(), sent.position))
                }
                _ => None,
            }
        };
        let is_ours = |inner: &U256| flight.attempts.iter().any(|one| one.inner == *inner);
        let mut logs = receipt
            .logs
            .iter()
            .filter(|log| log.address == poll.address);
        let found = logs.find_map(bundle).filter(|(inner, ..)| is_ours(inner));
        let Some((inner, log, first)) = found else {
            let text = format!(
                "transaction {} went through without the bundle that was sent",
                receipt.transaction
            );
            return Err(poll.inconsistent(&text).into());
        };
        let messages = flight.messages_of(inner);
        info!(
            poll = %poll.address,
            "relayed {} in block {} ({} gas)",
            count(messages as u64, "message"), receipt.block_number, receipt.gas_used
        );
        let address = poll.address.to_string();
        let metrics = &self.office.metrics;
        let counter = |metric| metrics.counter(metric, &[&address]);
        counter(&names::RELAY_BUNDLES).increment(1);
        counter(&names::RELAY_MESSAGES).increment(messages as u64);
        self.write(case, landed(inner, &log, first, receipt.gas_used))
    }

    /// Whether a bundle's block is deep enough, or was replaced.
    fn follow(
        &mut self,
        chain: &mut RpcChain,
        case: &Case<'_>,
        landed_before: &Landed,
    ) -> Result<(), Fault> {
        let poll = &case.facts.poll;
        let head = newest(chain)?;
        let inner = landed_before.inner();
        match chain.block(BlockId::Number(landed_before.block)) {
            Ok(block) if block.hash == landed_before.block_hash => {
                self.missed = 0;
                if head.number
                    >= landed_before
                        .block
                        .saturating_add(self.office.confirmations)
                {
                    self.write(case, Record::Confirmed { inner })?;
                    chain.tidy().map_err(on_chain("tidy up"))?;
                }
                return Ok(());
            }
            Ok(_) | Err(ChainError::UnknownBlock(_)) => {}
            Err(error) => return Err(on_chain("read a block")(error).into()),
        }
        let from = landed_before.block.saturating_sub(EARLIER);
        if let Some((inner, log, first)) = find(chain, poll, from, &[inner])? {
            self.missed = 0;
            return self.write(case, landed(inner, &log, first, 0));
        }
        self.missed += 1;
        if self.missed < LOOKS {
            return Ok(());
        }
        self.missed = 0;
        warn!(poll = %poll.address, "the block with a bundle was replaced: it is sent again");
        self.write(case, Record::Vanished { inner })?;
        // A connection that knows nothing looks for the signed transaction first.
        let text = "a block that had a bundle was replaced by one that has not";
        Err(poll.not_now(text).into())
    }

    fn follow_join(
        &self,
        chain: &RpcChain,
        case: &Case<'_>,
        landed: &LandedJoin,
    ) -> Result<(), Fault> {
        let head = newest(chain)?;
        if head.number < landed.block.saturating_add(self.office.confirmations) {
            return Ok(());
        }
        let nullifier = landed.join.nullifier;
        let is_there = case
            .facts
            .poll
            .ask(chain, &Poll::nullifierUsedCall { nullifier })?;
        self.write(
            case,
            match is_there {
                true => Record::JoinConfirmed { nullifier },
                false => Record::JoinVanished { nullifier },
            },
        )
    }

    /// Gives up what can be in no block any more: nobody can publish it.
    fn expire(&self, chain: &RpcChain, case: &Case<'_>) -> Result<(), Fault> {
        let waiting: Vec<Ballot> = lock(&case.intake.queue).waiting().iter().cloned().collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let living = Living::now(chain, &case.facts.poll)?;
        for ballot in waiting {
            if !living.has(chain, &case.facts.poll, &ballot)? {
                warn!(poll = %case.intake.address, "a ballot could not be published in time");
                case.intake.count("expired");
                self.write(case, Record::Expired { ballot: ballot.id })?;
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

    /// Sends the first that wait, as many as a bundle has room for. Where they are in no block in
    /// time, those of them that still can be are sent in their place.
    fn publish(&self, chain: &mut RpcChain, case: &Case<'_>) -> Result<(), Fault> {
        let (poll, intake) = (&case.facts.poll, case.intake);
        let room = case.facts.room.min(ROOM);
        let ballots = first_of(lock(&intake.queue).waiting(), room);
        let mut replaces = None;
        let mut still = ballots;
        while !still.is_empty() {
            self.begin(chain, case, &still)?;
            let messages: Vec<SignedMessage> = still
                .iter()
                .flat_map(|ballot| ballot.messages.iter().cloned())
                .collect();
            let proven = ProvenBundle::new(case.prover, &messages)?;
            let record = Record::Bundle {
                inner: words::scalar(&proven.bundle().inner()),
                ballots: still.iter().map(|ballot| ballot.id).collect(),
                calldata: proven.calldata(),
                after: newest(chain)?.number,
            };
            self.write(case, record)?;
            let sent = publish::send(chain, intake.account, poll, &proven, replaces);
            let flight = lock(&intake.queue).flight().cloned().unwrap_or_default();
            match sent {
                Ok(receipt) => return self.land(case, &flight, &receipt),
                Err(ChainError::Overdue { transaction }) => {
                    replaces = Some(transaction);
                    let living = Living::now(chain, poll)?;
                    let mut alive = Vec::new();
                    for ballot in still {
                        if living.has(chain, poll, &ballot)? {
                            alive.push(ballot);
                        }
                    }
                    still = alive;
                }
                Err(error) => return self.failed(case, replaces, error),
            }
        }
        // What waits may be in a block yet: the next look finds out.
        Ok(())
    }

    /// Before a proof is made for nothing.
    fn begin(&self, chain: &RpcChain, case: &Case<'_>, ballots: &[Ballot]) -> Result<(), Fault> {
        let messages: usize = ballots.iter().map(|ballot| ballot.messages.len()).sum();
        let limit = case.facts.poll.ask(chain, &Poll::messageLimitCall {})?;
        let there = case.facts.poll.chains(chain)?.message_count;
        match U256::from(there) + U256::from(messages + 1) <= limit {
            true => Ok(()),
            false => Err(case
                .facts
                .poll
                .inconsistent("it takes no more messages")
                .into()),
        }
    }

    /// Whether what was sent can get into a block yet decides what becomes of it.
    fn failed(
        &self,
        case: &Case<'_>,
        replaces: Option<B256>,
        error: ChainError,
    ) -> Result<(), Fault> {
        let gas = match &error {
            ChainError::Reverted { gas_used, .. } => *gas_used,
            _ => None,
        };
        let is_open = matches!(
            error,
            ChainError::Undecided { .. } | ChainError::Left { .. } | ChainError::Earlier(_)
        );
        // One that reverted in a block has taken the nonce of the one before; otherwise that one may
        // be in a block.
        if !is_open && (replaces.is_none() || gas.is_some()) {
            self.write(
                case,
                Record::Grounded {
                    gas: gas.unwrap_or(0),
                    time: now(),
                },
            )?;
        }
        // The next look sees which messages are too old, or whose block was replaced.
        match is_refused(&error) {
            true => Ok(()),
            false => Err(on_chain("publish a bundle")(error).into()),
        }
    }

    fn join(&self, chain: &mut RpcChain, case: &Case<'_>, join: &Join) -> Result<(), Fault> {
        let (poll, nullifier) = (&case.facts.poll, join.nullifier);
        let data = join.calldata.clone();
        let sent = chain.send(case.intake.account, Some(poll.address), data, U256::ZERO);
        let refused = |gas| Record::Refused {
            nullifier,
            gas,
            time: now(),
        };
        match sent {
            Ok(receipt) => {
                let event: Option<Poll::Join> = receipt.event(poll.address);
                let Some(event) = event else {
                    let text = "a join went through without the poll's event";
                    return Err(poll.inconsistent(text).into());
                };
                info!(poll = %poll.address, "relayed a join in block {}", receipt.block_number);
                self.write(
                    case,
                    Record::Joined {
                        nullifier,
                        transaction: receipt.transaction,
                        block: receipt.block_number,
                        state_index: event.stateIndex.saturating_to(),
                        gas: receipt.gas_used,
                        time: now(),
                    },
                )
            }
            Err(ChainError::Reverted { gas_used, .. }) => {
                case.intake.count("join-refused");
                self.write(case, refused(gas_used.unwrap_or(0)))
            }
            Err(error) => Err(on_chain("relay a join")(error).into()),
        }
    }
}

impl Flight {
    /// How many messages one of its bundles has.
    fn messages_of(&self, inner: U256) -> usize {
        let mut attempts = self.attempts.iter();
        let attempt = attempts.find(|attempt| attempt.inner == inner);
        let ids = attempt.map_or(&[][..], |attempt| &attempt.ballots);
        let ballots = self.ballots.iter().filter(|one| ids.contains(&one.id));
        ballots.map(|ballot| ballot.messages.len()).sum()
    }
}

/// What an attempt pays the poll, in wei.
fn fee(poll: &PollContract, flight: &Flight, attempt: &Attempt) -> U256 {
    let messages = flight.messages_of(attempt.inner);
    let fee = poll.info.settings.messageFee;
    fee.saturating_mul(U256::from(messages))
}

fn newest(chain: &RpcChain) -> Result<Block, Fault> {
    let newest = chain.block(BlockId::Latest);
    Ok(newest.map_err(on_chain("read the newest block"))?)
}

fn landed(inner: U256, log: &Log, first: u64, gas: u64) -> Record {
    Record::Landed {
        inner,
        transaction: log.transaction,
        block: log.block_number,
        block_hash: log.block_hash,
        first,
        gas,
        time: now(),
    }
}

/// The event of one of these bundles, and the place of its first message.
fn find(
    chain: &RpcChain,
    poll: &PollContract,
    from: u64,
    inners: &[U256],
) -> Result<Option<(U256, Log, u64)>, Fault> {
    let mut found = None;
    let scan = Scan {
        contract: Contract {
            address: poll.address,
            first_block: from.max(poll.first_block),
        },
        topics: &[vec![Poll::Bundle::SIGNATURE_HASH]],
        what: "bundles",
        observer: &(),
    };
    scan.each(
        chain,
        reading("bundles"),
        |log: &Log| -> Result<(), PollError> {
            let sent = poll.read(log)?;
            if let Sent::Bundle(bundle) = &sent.record {
                let inner = words::scalar(&bundle.inner());
                if inners.contains(&inner) {
                    found = Some((inner, log.clone(), sent.position));
                }
            }
            Ok(())
        },
    )?;
    Ok(found)
}

/// As many whole ballots as there is room for, from the first on.
fn first_of<'a>(waiting: impl IntoIterator<Item = &'a Ballot>, room: usize) -> Vec<Ballot> {
    let mut left = room;
    let fits = |ballot: &&Ballot| {
        let rest = left.checked_sub(ballot.messages.len());
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    waiting.into_iter().take_while(fits).cloned().collect()
}

/// Which messages the poll takes now, and for how long.
struct Living {
    is_open: bool,
    outlook: Option<Outlook>,
}

impl Living {
    fn now(chain: &RpcChain, poll: &PollContract) -> Result<Self, Fault> {
        let is_open = poll.state(chain)? == PollState::Open;
        let outlook = match is_open && poll.header().has_anchors() {
            true => Some(Outlook::now(chain, poll)?),
            false => None,
        };
        Ok(Living { is_open, outlook })
    }

    /// Blocks for which all of a ballot's messages are taken, this one not counted.
    fn left(&self, ballot: &Ballot) -> u64 {
        let Some(outlook) = &self.outlook else {
            return if self.is_open { u64::MAX } else { 0 };
        };
        let last = |signed: &SignedMessage| outlook.last(signed.block_number);
        let last = ballot.messages.iter().map(last).min();
        last.map_or(0, |last| last.saturating_sub(outlook.window.present))
    }

    /// Whether a block can have it, the next one for instance.
    fn has(&self, chain: &RpcChain, poll: &PollContract, ballot: &Ballot) -> Result<bool, Fault> {
        if self.left(ballot) == 0 {
            return Ok(false);
        }
        if self.outlook.is_none() {
            return Ok(true);
        }
        let mut signed: Vec<&SignedMessage> = ballot.messages.iter().collect();
        signed.dedup_by_key(|signed| (signed.block_number, signed.message.anchor));
        for signed in signed {
            let anchor = anchor_of(chain, poll, signed.block_number)?;
            if anchor != Some(signed.message.anchor) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
