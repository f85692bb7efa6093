//! Bundles: from those that wait to a block that is deep enough.

use std::time::Instant;

use maci_nova_chain::words::count;
use maci_nova_chain::{BlockId, Chain, ChainError, Contract, Log, Receipt, Scan};
use maci_nova_contracts::alloy_primitives::{B256, U256};
use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::words;
use maci_nova_node::RpcChain;
use maci_nova_protocol::log::{Record as Sent, SignedMessage};
use maci_nova_sdk::bundle::proof::ROOM;
use maci_nova_sdk::bundle::publish::{self, ProvenBundle};
use maci_nova_sdk::error::{on_chain, reading};
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::voter::require_room;
use maci_nova_sdk::voter::signing_window::is_refused;
use maci_nova_sdk::Error as PollError;
use tracing::{info, warn};

use super::{newest, Case, Sender, PATIENCE};
use crate::metrics as names;
use crate::progress::now;
use crate::relay::intake::{GAS_A_BUNDLE, GAS_A_MESSAGE};
use crate::relay::journal::Record;
use crate::relay::living::{Life, Living};
use crate::relay::office::Fault;
use crate::relay::queue::{Attempt, Ballot, Flight};
use crate::stop::lock;

/// Blocks before the one that a bundle was in, or sent after, in which it may be after a
/// reorganisation.
const EARLIER: u64 = 64;

impl Sender {
    /// What became of what an earlier look, or an earlier process, has sent or was about to send.
    pub(super) fn settle(&mut self, chain: &mut RpcChain, case: &Case<'_>) -> Result<(), Fault> {
        let flight = lock(&case.intake.queue).flight().cloned();
        let (poll, account) = (&case.facts.poll, case.intake.account);
        let Some((flight, last)) = flight.and_then(|flight| {
            let last = flight.attempts.last()?.clone();
            Some((flight, last))
        }) else {
            return Ok(());
        };
        let fee = fee(poll, &flight, &last);
        let is_sure = match chain.earlier(account, poll.address, last.calldata.clone(), fee) {
            Ok(Some(receipt)) => return self.land(case, &flight, &receipt),
            // It was never signed, or reverted; or another one is in a block, as was seen before.
            Ok(None) => self.unseen.is_none(),
            // Another one of the same nonce is in a block, and nothing remembers it any more.
            Err(ChainError::Earlier(_)) => false,
            Err(error) => return Err(on_chain("find out what became of a bundle")(error).into()),
        };
        let after = flight.attempts.iter().map(|attempt| attempt.after).min();
        let inners: Vec<U256> = flight.attempts.iter().map(|one| one.inner).collect();
        let from = after.unwrap_or_default().saturating_sub(EARLIER);
        if let Some((inner, log, first)) = find(chain, poll, from, &inners)? {
            self.unseen = None;
            return case.write(landed(
                inner,
                &log,
                first,
                gas_of(flight.messages_of(inner)),
            ));
        }
        // What it has used, if it reverted, is not told.
        let gas = gas_of(flight.messages_of(last.inner));
        if is_sure {
            return case.write(Record::Grounded { gas, time: now() });
        }
        self.unless_seen(|| case.write(Record::Grounded { gas, time: now() }))
    }

    /// Does what cannot be undone once a bundle was in no block for long enough.
    fn unless_seen(&mut self, give_up: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
        let since = *self.unseen.get_or_insert_with(Instant::now);
        if since.elapsed() < PATIENCE {
            return Ok(());
        }
        self.unseen = None;
        give_up()
    }

    /// One of the flight's bundles is in a block.
    fn land(&mut self, case: &Case<'_>, flight: &Flight, receipt: &Receipt) -> Result<(), Fault> {
        let poll = &case.facts.poll;
        let is_ours = |inner: &U256| flight.attempts.iter().any(|one| one.inner == *inner);
        let logs = receipt
            .logs
            .iter()
            .filter(|log| log.address == poll.address);
        let mut bundles = logs.filter_map(|log| {
            let (inner, first) = bundle(poll, log)?;
            Some((inner, log, first))
        });
        let Some((inner, log, first)) = bundles.find(|(inner, ..)| is_ours(inner)) else {
            let text = format!(
                "transaction {} went through without the bundle that was sent",
                receipt.transaction
            );
            return Err(poll.inconsistent(&text).into());
        };
        self.unseen = None;
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
        case.write(landed(inner, log, first, receipt.gas_used))
    }

    /// Whether the landed bundle's block is deep enough, or was replaced.
    pub(super) fn follow(&mut self, chain: &mut RpcChain, case: &Case<'_>) -> Result<(), Fault> {
        let Some(before) = lock(&case.intake.queue).landed().cloned() else {
            return Ok(());
        };
        let (poll, inner) = (&case.facts.poll, before.inner());
        match chain.block(BlockId::Number(before.block)) {
            Ok(block) if block.hash == before.block_hash => {
                self.unseen = None;
                let deep = before.block.saturating_add(self.office.confirmations);
                if newest(chain)?.number >= deep {
                    case.write(Record::Confirmed { inner })?;
                    chain.tidy().map_err(on_chain("tidy up"))?;
                }
                return Ok(());
            }
            Ok(_) | Err(ChainError::UnknownBlock(_)) => {}
            Err(error) => return Err(on_chain("read a block")(error).into()),
        }
        let from = before.block.saturating_sub(EARLIER);
        if let Some((inner, log, first)) = find(chain, poll, from, &[inner])? {
            self.unseen = None;
            return case.write(landed(inner, &log, first, 0));
        }
        self.unless_seen(|| {
            warn!(poll = %poll.address, "the block with a bundle was replaced: it is sent again");
            case.write(Record::Vanished { inner })?;
            // A connection that knows nothing looks for the signed transaction first.
            let text = "a block that had a bundle was replaced by one that has not";
            Err(poll.not_now(text).into())
        })
    }

    /// Sends the first that wait, as many as a bundle has room for. Where they are in no block in
    /// time, those of them that still can be are sent in their place.
    pub(super) fn publish(&mut self, chain: &mut RpcChain, case: &Case<'_>) -> Result<(), Fault> {
        let (poll, intake) = (&case.facts.poll, case.intake);
        let waiting: Vec<Ballot> = lock(&intake.queue).waiting().iter().cloned().collect();
        let mut still = Vec::new();
        let mut living = Living::now(chain, poll)?;
        // One that may live yet keeps those behind it: the order stays that of arrival.
        for ballot in first_of(&waiting, case.facts.room.min(ROOM)) {
            match living.of(chain, poll, &ballot)? {
                Life::Alive => still.push(ballot),
                Life::Doubtful | Life::Dead => break,
            }
        }
        let mut replaces = None;
        while !still.is_empty() {
            // Before a proof is made for nothing.
            let messages: usize = still.iter().map(|ballot| ballot.messages.len()).sum();
            require_room(chain, poll, messages + 1)?;
            let proven = self.prove(case, &still)?;
            case.write(Record::Bundle {
                inner: words::scalar(&proven.bundle().inner()),
                ballots: still.iter().map(|ballot| ballot.id).collect(),
                calldata: proven.calldata(),
                after: newest(chain)?.number,
            })?;
            let sent = publish::send(chain, intake.account, poll, &proven, replaces);
            let flight = lock(&intake.queue).flight().cloned().unwrap_or_default();
            match sent {
                Ok(receipt) => return self.land(case, &flight, &receipt),
                Err(ChainError::Overdue { transaction }) => {
                    replaces = Some(transaction);
                    still = alive(chain, poll, still)?;
                }
                Err(error) => return failed(case, &flight, replaces, error),
            }
        }
        // What was sent may be in a block yet: the next look finds out.
        Ok(())
    }

    /// The last proof may do, where it could not be sent.
    fn prove(&mut self, case: &Case<'_>, ballots: &[Ballot]) -> Result<ProvenBundle, Fault> {
        let ids: Vec<B256> = ballots.iter().map(|ballot| ballot.id).collect();
        if let Some((_, proven)) = self.proven.as_ref().filter(|(of, _)| *of == ids) {
            return Ok(proven.clone());
        }
        let messages = ballots
            .iter()
            .flat_map(|ballot| ballot.messages.iter().cloned());
        let messages: Vec<SignedMessage> = messages.collect();
        let proven = ProvenBundle::new(case.prover, &messages)?;
        self.proven = Some((ids, proven.clone()));
        Ok(proven)
    }
}

fn alive(
    chain: &RpcChain,
    poll: &PollContract,
    ballots: Vec<Ballot>,
) -> Result<Vec<Ballot>, Fault> {
    let mut living = Living::now(chain, poll)?;
    let mut alive = Vec::new();
    for ballot in ballots {
        if living.of(chain, poll, &ballot)? == Life::Alive {
            alive.push(ballot);
        }
    }
    Ok(alive)
}

/// Whether what was sent can get into a block yet decides what becomes of it.
fn failed(
    case: &Case<'_>,
    flight: &Flight,
    replaces: Option<B256>,
    error: ChainError,
) -> Result<(), Fault> {
    let last = flight.attempts.last().map(|attempt| attempt.inner);
    let gas = match &error {
        ChainError::Reverted { gas_used, .. } => *gas_used,
        // Out of gas: all that it was given.
        ChainError::Halted(_) => last.map(|inner| gas_of(flight.messages_of(inner))),
        _ => None,
    };
    let is_open = matches!(
        error,
        ChainError::Undecided { .. }
            | ChainError::Left { .. }
            | ChainError::Earlier(_)
            | ChainError::Stuck(_)
    );
    // One that reverted in a block has taken the nonce of the one before; otherwise that one may be
    // in a block.
    if !is_open && (replaces.is_none() || gas.is_some()) {
        case.write(Record::Grounded {
            gas: gas.unwrap_or(0),
            time: now(),
        })?;
    }
    // The next look sees which messages are too old, or whose block was replaced.
    match is_refused(&error) {
        true => Ok(()),
        false => Err(on_chain("publish a bundle")(error).into()),
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

/// About what a bundle takes.
fn gas_of(messages: usize) -> u64 {
    GAS_A_BUNDLE + GAS_A_MESSAGE * messages as u64
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

/// What a bundle's messages come to, and the place of the first.
fn bundle(poll: &PollContract, log: &Log) -> Option<(U256, u64)> {
    let sent = poll.read(log).ok()?;
    match sent.record {
        Sent::Bundle(bundle) => Some((words::scalar(&bundle.inner()), sent.position)),
        _ => None,
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
    let failed = reading("bundles");
    scan.each(chain, failed, |log: &Log| -> Result<(), PollError> {
        let ours = bundle(poll, log).filter(|(inner, _)| inners.contains(inner));
        if let Some((inner, first)) = ours {
            found = Some((inner, log.clone(), first));
        }
        Ok(())
    })?;
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
