//! The coordinator of a poll on a chain: follows it, folds joins as they come and, once the poll has
//! ended, messages from the last to the first; then proves, and finalizes in one transaction.
//!
//! Everything that takes time is on disk as soon as it is done. Stopped at any moment and opened
//! again, a coordinator goes on where it was.

use std::fmt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_chain::clock::duration;
use maci_nova_chain::Observer;
use maci_nova_chain::{self as chain, BlockId, Chain, ChainError};
use maci_nova_compressor::decider::{self, contract, Prover};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::bindings::{DeciderVerifier, Poll};
use maci_nova_contracts::decider::key_words;
use maci_nova_contracts::poll::PollState;
use maci_nova_folding::Parameters;
use maci_nova_protocol::keys::{PrivateKey, PublicKey};
use maci_nova_protocol::poll::State;

use crate::arguments::Interval;
use crate::chain_log::{Advance, ChainLog};
use crate::checkpoints::Checkpoints;
use crate::failure::{on_chain, Failure};
use crate::finalization::{finalize_call, Document, Finalization, Place, Transaction};
use crate::finalizer;
use crate::fold::{Fold, Tools};
use crate::interrupt::Interrupt;
use crate::poll_contract::{view, PollContract};
use crate::poll_log::PollLog;
use crate::proof_directory::ProofDirectory;

/// Between two looks whether somebody has asked to stop.
const TICK: Duration = Duration::from_millis(200);

/// So often the chain may change while it is read; then it is looked at again later.
const PATIENCE: u32 = 3;

/// How long a node may be away from somebody who follows it.
const OUTAGE: Duration = Duration::from_secs(3600);

/// Between two lines while nothing happens.
const SILENCE: Duration = Duration::from_secs(60);

/// What a coordinator works with.
#[derive(Clone, Copy)]
pub struct Office<'a> {
    /// The poll.
    pub poll: &'a PollContract,
    /// The coordinator's key.
    pub key: &'a PrivateKey,
    /// Parameters of the poll's shape.
    pub parameters: &'a Parameters,
    /// Blocks that have to follow one before it counts.
    pub confirmations: u64,
    /// How often a checkpoint is written.
    pub checkpoint_every: Interval,
    /// Another node of the chain, which has to agree about what was sent before anything is proven: the
    /// results of a part of a poll tell how a part of the people voted, and a node that shows a part
    /// would learn them.
    pub second: Option<&'a dyn Chain>,
    /// Whether somebody has asked to stop.
    pub interrupt: &'a Interrupt,
    /// Where progress is shown.
    pub observer: &'a dyn Observer,
}

impl fmt::Debug for Office<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office")
            .field("poll", &self.poll.address)
            .field("confirmations", &self.confirmations)
            .field("checkpoint_every", &self.checkpoint_every)
            .finish_non_exhaustive()
    }
}

/// How far a poll is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The poll goes on, or has blocks that are not confirmed.
    Open,
    /// Everything that was sent to it is folded.
    Complete,
}

/// A poll that is followed and folded.
pub struct Coordinator<'a> {
    office: Office<'a>,
    log: ChainLog,
    fold: Fold<'a>,
    /// The log has lost events since the fold was compared with it.
    has_lost: bool,
    /// All was read again because events were left out, and nothing else has been since.
    was_read_for_a_gap: bool,
    /// The same because the log was not the ended poll's.
    was_read_for_the_end: bool,
}

impl fmt::Debug for Coordinator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The running proof shows how people voted.
        f.debug_struct("Coordinator")
            .field("poll", &self.office.poll.address)
            .field("read_to", &self.log.read_to().map(|mark| mark.number))
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

impl<'a> Coordinator<'a> {
    /// Opens what is in the directory, or begins.
    pub fn open(office: Office<'a>, directory: &'a ProofDirectory) -> Result<Self, Failure> {
        check_key(office.poll, office.key)?;
        let log = ChainLog::open(
            &directory.log(),
            &directory.follower(),
            office.poll,
            office.confirmations,
        )?;
        let (fold, is_current) = fold(office, directory, log.log())?;
        Ok(Coordinator {
            office,
            log,
            fold,
            // Whether it is lost shows when the chain was read.
            has_lost: !is_current,
            was_read_for_a_gap: false,
            was_read_for_the_end: false,
        })
    }

    /// The log as far as it was read.
    pub fn log(&self) -> &PollLog {
        self.log.log()
    }

    /// Steps that are folded.
    pub fn steps(&self) -> u64 {
        self.fold.proof().steps()
    }

    /// Reads and folds what there is now.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] if somebody asks to stop; what is done is kept.
    pub fn work<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<Reached, Failure> {
        self.read(chain)?;
        if !self.has_ended(chain)? {
            // What is folded may not be a beginning of the log.
            if !self.has_lost {
                self.fold.fold_joins(self.log.log())?;
            }
            return Ok(Reached::Open);
        }
        if !self.second_agrees()? {
            self.note("the second node does not have this poll, or not its end: waiting for it");
            return Ok(Reached::Open);
        }
        // The log will not come back to what was folded.
        self.rewind(true)?;
        self.fold.fold_rest(self.log.log())?;
        // The chain may have changed meanwhile.
        self.read(chain)?;
        let complete = self.is_complete(chain)?;
        Ok(if complete {
            Reached::Complete
        } else {
            Reached::Open
        })
    }

    /// Works until everything is folded, looking at the chain every so often.
    ///
    /// # Errors
    /// As for [`Coordinator::work`].
    pub fn follow<C: Chain + ?Sized>(&mut self, chain: &C, every: Duration) -> Result<(), Failure> {
        let mut said: Option<Instant> = None;
        let mut away: Option<Instant> = None;
        loop {
            match self.work(chain) {
                Ok(Reached::Complete) => return Ok(()),
                Ok(Reached::Open) => away = None,
                Err(failure) if is_passing(&failure) => {
                    let since = *away.get_or_insert_with(Instant::now);
                    if since.elapsed() >= OUTAGE {
                        return Err(failure);
                    }
                    self.note(&failure.to_string());
                    self.pause(every)?;
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            if said.is_none_or(|said| said.elapsed() >= SILENCE) {
                match self.say_what_is_waited_for(chain) {
                    Err(failure) if !is_passing(&failure) => return Err(failure),
                    _ => said = Some(Instant::now()),
                }
            }
            self.pause(every)?;
        }
    }

    /// Proves the count for the poll's verifier. All has to be folded.
    pub fn prove(&self, prover: &Prover) -> Result<Finalization, Failure> {
        let (office, log) = (&self.office, self.log.log());
        let finalization =
            finalizer::prove(prover, &self.fold, office.poll.domain(), office.observer)?;
        check(&finalization, office.poll, log)?;
        decider::verify(
            &prover.verifying_key(),
            &finalization.statement,
            &finalization.proof,
        )
        .map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(finalization)
    }

    /// The proof in a file, if it is there and of the whole poll.
    pub fn stored(&self, prover: &Prover, path: &Path) -> Option<Finalization> {
        let finalization = Finalization::read(path).ok()?;
        let (statement, proof) = (&finalization.statement, &finalization.proof);
        check(&finalization, self.office.poll, self.log.log()).ok()?;
        decider::verify(&prover.verifying_key(), statement, proof).ok()?;
        Some(finalization)
    }

    /// Reads the chain as far as it is confirmed. What is folded then is a beginning of the log.
    pub fn read<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<(), Failure> {
        let mut rolled_back = 0;
        while rolled_back < PATIENCE {
            self.check_interrupt()?;
            let bytes = self.log().bytes();
            match self.log.advance(chain, self.office.poll)? {
                // Messages are folded of a whole log; one that grows was not whole.
                Advance::Read(_) => {
                    let has_grown = self.log().bytes() > bytes;
                    self.has_lost |= has_grown && self.fold.events() > self.fold.joins();
                }
                Advance::RolledBack => {
                    rolled_back += 1;
                    self.note("the chain was reorganised: reading again what has changed");
                    self.has_lost = true;
                    // A node that is of two minds may be so for a while.
                    self.pause(TICK)?;
                }
                Advance::Gap(block) => {
                    let text = format!("the node leaves out events before block {block}");
                    let again = std::mem::replace(&mut self.was_read_for_a_gap, true);
                    self.read_again(&text, again)?;
                }
                Advance::Idle => {
                    self.was_read_for_a_gap = false;
                    break;
                }
                Advance::Behind(newest) => {
                    self.note(&format!(
                        "the node is at block {newest}, before what was read"
                    ));
                    break;
                }
            }
        }
        self.rewind(false)
    }

    /// Whether the poll has ended in a block that counts, and everything that was sent to it was read.
    pub fn has_ended<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<bool, Failure> {
        if !self.is_past_the_end(chain)? {
            return Ok(false);
        }
        let mut chains = self.office.poll.chains(chain)?;
        if !chains.are_of(self.log.log().facts()) {
            // Of several nodes behind one address some may be late.
            self.pause(TICK)?;
            chains = self.office.poll.chains(chain)?;
        }
        if !chains.are_of(self.log.log().facts()) {
            let found = self.log.log();
            let text = format!(
                "the poll has ended with {} joins and {} messages, and the node's events are of {} and {}, or of others",
                chains.join_count.saturating_sub(1),
                chains.message_count,
                found.voters(),
                found.messages(),
            );
            let again = std::mem::replace(&mut self.was_read_for_the_end, true);
            self.read_again(&text, again)?;
            self.read(chain)?;
            return self.has_ended(chain);
        }
        self.was_read_for_the_end = false;
        Ok(true)
    }

    fn is_past_the_end<C: Chain + ?Sized>(&self, chain: &C) -> Result<bool, Failure> {
        let Some(read_to) = self.log.read_to() else {
            return Ok(false);
        };
        let (_, end) = self.office.poll.times();
        match chain.block(BlockId::Number(read_to.number)) {
            Ok(block) => Ok(block.hash == read_to.hash && block.timestamp >= end),
            // A node that has not come so far.
            Err(ChainError::UnknownBlock(_)) => Ok(false),
            Err(error) => Err(on_chain("read a block")(error)),
        }
    }

    /// Nodes have been seen to leave out events of new blocks. Once, everything is read again.
    fn read_again(&mut self, reason: &str, was_read_again: bool) -> Result<(), Failure> {
        if was_read_again {
            let text = format!("{reason}, also when all is read again; use another node");
            return Err(self.office.poll.contradiction(&text));
        }
        self.note(&format!("{reason}: reading all of it again"));
        self.has_lost = true;
        self.log.restart(self.office.poll)
    }

    /// Whether the other node, if there is one, has the same poll, which has ended, and in which the same
    /// was sent. Nothing is taken from the first one.
    fn second_agrees(&self) -> Result<bool, Failure> {
        let Some(second) = self.office.second else {
            return Ok(true);
        };
        let poll = self.office.poll;
        let has_ended = matches!(poll.state(second)?, PollState::Ended | PollState::Finalized);
        let info = poll.ask(second, &Poll::pollInfoCall {})?;
        let chains = poll.chains(second)?;
        Ok(has_ended && info == poll.info && chains.are_of(self.log.log().facts()))
    }

    fn note(&self, text: &str) {
        self.office.observer.note(text);
    }

    fn is_complete<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<bool, Failure> {
        Ok(self.has_ended(chain)? && self.fold.is_complete(self.log.log()))
    }

    /// After the log has lost events, and perhaps got them back: keeps what was folded if it still is a
    /// beginning of the log, or may be once the log is as long again. Nothing is folded until then.
    fn rewind(&mut self, is_whole: bool) -> Result<(), Failure> {
        let log = self.log.log();
        let joins = self.fold.joins();
        // Messages are folded of a whole log, which only the poll's end shows.
        let is_open = log.voters() < joins || self.fold.events() > joins;
        if !self.has_lost || (is_open && !is_whole) {
            return Ok(());
        }
        if !self.fold.is_prefix_of_joins(log) && !self.fold.catch_up(log)? {
            self.note("events that were folded are no more, or others: folding from the start");
            self.fold.restart()?;
        }
        self.has_lost = false;
        Ok(())
    }

    fn say_what_is_waited_for<C: Chain + ?Sized>(&self, chain: &C) -> Result<(), Failure> {
        let newest = chain.block(BlockId::Latest);
        let now = newest.map_err(on_chain("read a block"))?.timestamp;
        let (start, end) = self.office.poll.times();
        let log = self.log.log();
        let wait = match now {
            now if now < start => format!("starts in {}", duration((start - now) as f64)),
            now if now < end => format!("ends in {}", duration((end - now) as f64)),
            _ => format!(
                "has ended, waiting for {} confirmations",
                self.office.confirmations
            ),
        };
        self.office.observer.note(&format!(
            "{} joins and {} messages so far, {} steps folded; the poll {wait}",
            log.voters(),
            log.messages(),
            self.steps()
        ));
        Ok(())
    }

    fn pause(&self, time: Duration) -> Result<(), Failure> {
        let until = Instant::now() + time;
        loop {
            self.check_interrupt()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TICK));
        }
    }

    fn check_interrupt(&self) -> Result<(), Failure> {
        match self.office.interrupt.asked() {
            true => Err(Failure::Interrupted(format!(
                "nothing is lost: {} joins and {} messages are read, {} steps are folded; run the same command to go on",
                self.log.log().voters(),
                self.log.log().messages(),
                self.steps()
            ))),
            false => Ok(()),
        }
    }
}

/// Whether a node may answer later what it does not answer now.
fn is_passing(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Chain {
            source: ChainError::Transport(_) | ChainError::UnknownBlock(_),
            ..
        }
    )
}

/// Follows a poll to its end, proves and finalizes it. What was done before is not done again.
pub fn settle<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    office: Office<'_>,
    directory: &ProofDirectory,
    prover: &Prover,
    every: Duration,
) -> Result<Document, Failure> {
    let Office {
        poll,
        parameters,
        observer,
        ..
    } = office;
    let path = directory.decider();
    let mut coordinator = Coordinator::open(office, directory)?;
    coordinator.read(chain)?;
    let stored = match coordinator.has_ended(chain)? {
        true => coordinator.stored(prover, &path),
        false => None,
    };
    let finalization = match stored {
        Some(stored) => {
            observer.note(&format!("{} has the proof", path.display()));
            if !coordinator.second_agrees()? {
                let text =
                    "the second node does not have the poll that was proven: nothing is sent";
                return Err(poll.contradiction(text));
            }
            stored
        }
        None => {
            check_unsettled(chain, poll)?;
            coordinator.follow(chain, every)?;
            check_deadline(chain, poll)?;
            coordinator.check_interrupt()?;
            // Where the node was late, the proof that is there could not be told to be the poll's.
            match coordinator.stored(prover, &path) {
                Some(stored) => stored,
                None => coordinator.prove(prover)?,
            }
        }
    };
    let place = Place::of_poll(poll, &finalization);
    let document = Document::new(&finalization, place, prover, parameters)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    document.write(&path)?;
    coordinator.check_interrupt()?;
    let sent = finalize(chain, from, poll, &finalization)?;
    // The poll has its results: nothing is left to be proven.
    directory.remove_checkpoint()?;
    Ok(document.finalized(sent.as_ref()))
}

/// A poll that has its results, or was given up, needs no proof.
pub fn check_unsettled<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<(), Failure> {
    let text = match poll.state(chain)? {
        PollState::Finalized => {
            "it has its results, which somebody else proved: see results, or verify"
        }
        PollState::Aborted => "it was given up and takes no results any more",
        _ => return Ok(()),
    };
    Err(poll.contradiction(text))
}

/// Nobody takes a proof from the deadline on.
fn check_deadline<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<(), Failure> {
    let newest = chain.block(BlockId::Latest);
    let now = newest.map_err(on_chain("read a block"))?.timestamp;
    let deadline = poll.deadline(chain)?;
    if now < deadline {
        return Ok(());
    }
    Err(Failure::OnChain(format!(
        "poll {}: the deadline passed {} ago; anybody may abort it now, and depositors withdraw",
        poll.address,
        duration((now - deadline) as f64)
    )))
}

/// Sends a proof to the poll, unless the poll has its results already: then nothing is returned.
/// Anybody may send it.
pub fn finalize<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    finalization: &Finalization,
) -> Result<Option<Transaction>, Failure> {
    if poll.state(chain)? != PollState::Finalized {
        // The contract stores what was sent, or reverts.
        return send(chain, from, poll, finalization).map(Some);
    }
    match poll.results(chain)? == finalization.statement.results {
        true => Ok(None),
        false => Err(poll.contradiction("its results are others than those that were proven")),
    }
}

fn send<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    finalization: &Finalization,
) -> Result<Transaction, Failure> {
    let call = finalize_call(finalization);
    let receipt = chain::send(chain, from, poll.address, &call, U256::ZERO)
        .map_err(on_chain("finalize the poll"))?;
    Ok(Transaction {
        hash: receipt.transaction,
        block: receipt.block_number,
        gas: receipt.gas_used,
    })
}

/// Whether a proof is of the whole poll, as its contract will ask for it.
fn check(finalization: &Finalization, poll: &PollContract, log: &PollLog) -> Result<(), Failure> {
    let statement = &finalization.statement;
    let state = State::from_array(statement.z);
    let whole = statement.domain == poll.domain()
        && statement.z0 == State::initial(poll.header()).to_array()
        && log.facts().completed_by(&state)
        && statement.results.len() as u64 == poll.header().vote_options;
    match whole {
        true => Ok(()),
        false => Err(Failure::Internal(
            "the proof is not of the whole poll".into(),
        )),
    }
}

/// Whether proofs of these keys are what the poll's verifier accepts.
pub fn check_verifier<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    prover: &Prover,
) -> Result<(), Failure> {
    let call = DeciderVerifier::verifyingKeyCall {};
    let found = view(chain, poll.info.verifier, &call, "read the verifier's key")?;
    let key = contract::key(&prover.verifying_key())
        .map_err(|error| Failure::Internal(error.to_string()))?;
    match key_words(&key) == found {
        true => Ok(()),
        false => Err(Failure::OtherParameters(format!(
            "the decider's keys in the cache are not those of the poll's verifier {}; give the setup that it was deployed with, and the proving key (decider-….key) of who deployed it in the cache folder, which MACI_NOVA_CACHE names",
            poll.info.verifier
        ))),
    }
}

/// Whether the key is the coordinator's.
fn check_key(poll: &PollContract, key: &PrivateKey) -> Result<(), Failure> {
    let (found, expected) = (key.public_key(), poll.header().coordinator_key);
    if found.point() == expected {
        return Ok(());
    }
    Err(Failure::WrongPollKey {
        poll: poll.address,
        // The header's key has been checked: it is a point of the curve.
        expected: PublicKey::new(expected).map_or_else(
            |error| error.to_string(),
            |expected| expected.to_serialized(),
        ),
        found: found.to_serialized(),
    })
}

/// What was folded before, and whether the log leads there.
fn fold<'a>(
    office: Office<'a>,
    directory: &ProofDirectory,
    log: &PollLog,
) -> Result<(Fold<'a>, bool), Failure> {
    let tools = Tools {
        parameters: office.parameters,
        key: office.key,
        interrupt: office.interrupt,
        observer: office.observer,
    };
    let checkpoints = Checkpoints::new(directory.checkpoint(), office.checkpoint_every);
    let mut fold = Fold::open(tools, checkpoints, office.poll.header(), None)?;
    let is_current = fold.catch_up(log)?;
    let done = fold.proof().steps();
    if is_current && done > 0 {
        office.observer.note(&format!("going on after step {done}"));
    }
    Ok((fold, is_current))
}
