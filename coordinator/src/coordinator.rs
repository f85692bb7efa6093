//! The coordinator of a poll on a chain: follows it, folds joins as they come and, once the poll
//! has ended, messages from the last to the first; then proves, and finalizes in one transaction.
//!
//! Everything that takes time is on disk as soon as it is done. Stopped at any moment and opened
//! again, a coordinator goes on where it was.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_chain::clock::duration;
use maci_nova_chain::words::count;
use maci_nova_chain::{BlockId, Chain, ChainError, Notice, Observer};
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::poll::PollState;
use maci_nova_folding::Parameters;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::poll::contract::PollContract;

use crate::directory::ProofDirectory;
use crate::error::{Error, Kept, PollName};
use crate::fold::checkpoints::{Checkpoints, Interval};
use crate::fold::{Fold, FoldContext};
use crate::key;
use crate::log::chain_log::{Advance, ChainLog};
use crate::log::poll_log::PollLog;
use crate::prove::decider::Conclusion;
use crate::prove::finalization::Finalization;
use crate::prove::keys::DeciderKeys;
use crate::prove::target::ProofTarget;
use crate::segments::driver::{Driver, DriverContext, Workers};

/// Between two looks whether somebody has asked to stop.
const TICK: Duration = Duration::from_millis(200);

/// So often the chain may change while it is read; then it is looked at again later.
const MOST_ROLLBACKS: u32 = 3;

/// How long a node may be away from somebody who follows it.
const OUTAGE: Duration = Duration::from_secs(3600);

/// Between two lines while nothing happens.
const SILENCE: Duration = Duration::from_secs(60);

/// What a [`Coordinator`] works with. It is copied, and borrows everything.
#[derive(Clone, Copy)]
pub struct CoordinatorContext<'a> {
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
    /// Another node of the chain, which has to agree about what was sent before anything is proven:
    /// the results of a part of a poll tell how a part of the people voted, and a node that shows a
    /// part would learn them.
    pub second: Option<&'a dyn Chain>,
    /// Others who fold and prove, once the poll has ended; none if all of it is done here.
    pub workers: Option<&'a Workers<'a>>,
    /// Shown progress, and asked whether to stop.
    pub observer: &'a dyn Observer,
}

impl fmt::Debug for CoordinatorContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoordinatorContext")
            .field("poll", &self.poll.address)
            .field("confirmations", &self.confirmations)
            .field("checkpoint_every", &self.checkpoint_every)
            .finish_non_exhaustive()
    }
}

/// Whether a key is a poll's coordinator's.
///
/// # Errors
/// [`Error::WrongKey`].
pub fn check_key(key: &PrivateKey, poll: &PollContract) -> Result<(), Error> {
    key::check(key, poll.header(), PollName::Contract(poll.address))
}

/// How far a poll is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The poll goes on, or has blocks that are not confirmed.
    Open,
    /// It has ended, and everything that was sent to it was read.
    Ended,
    /// Everything that was sent to it is folded.
    Complete,
}

/// A poll that is followed and folded.
pub struct Coordinator<'a> {
    context: CoordinatorContext<'a>,
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
            .field("poll", &self.context.poll.address)
            .field("read_to", &self.log.read_to().map(|mark| mark.number))
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

impl<'a> Coordinator<'a> {
    /// Opens what is in the directory, or begins.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; what a directory or log cannot be opened with; [`Error::Checkpoint`]
    /// and [`Error::ForeignCheckpoint`] for a checkpoint that cannot be used.
    pub fn open(
        context: CoordinatorContext<'a>,
        directory: &'a ProofDirectory,
    ) -> Result<Self, Error> {
        check_key(context.key, context.poll)?;
        let log = ChainLog::open(
            &directory.log(),
            &directory.follower(),
            context.poll,
            context.confirmations,
        )?;
        let (fold, is_current) = fold(context, directory, log.log())?;
        Ok(Coordinator {
            context,
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

    /// The block up to which the chain was read; none if nothing was.
    pub fn read_to(&self) -> Option<u64> {
        self.log.read_to().map(|mark| mark.number)
    }

    /// Whether joins were read that fill a step and are not folded.
    pub fn has_joins_to_fold(&self) -> bool {
        self.fold.steps_of_joins(self.log()) > self.steps()
    }

    /// Reads what there is now, and folds it: all of it, once the poll has ended.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if somebody asks to stop; what is done is kept.
    pub fn work<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<Reached, Error> {
        if self.work_to_the_end(chain)? == Reached::Open {
            return Ok(Reached::Open);
        }
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

    /// Reads what there is now, and folds joins as long as the poll goes on.
    ///
    /// # Errors
    /// As for [`Coordinator::work`].
    pub fn work_to_the_end<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<Reached, Error> {
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
        Ok(Reached::Ended)
    }

    /// Works until everything is folded, looking at the chain every so often.
    ///
    /// # Errors
    /// As for [`Coordinator::work`].
    pub fn follow<C: Chain + ?Sized>(&mut self, chain: &C, every: Duration) -> Result<(), Error> {
        self.follow_by(chain, every, Self::work)
    }

    /// Works until the poll has ended and all of it was read.
    ///
    /// # Errors
    /// As for [`Coordinator::work`].
    pub fn follow_to_the_end<C: Chain + ?Sized>(
        &mut self,
        chain: &C,
        every: Duration,
    ) -> Result<(), Error> {
        self.follow_by(chain, every, Self::work_to_the_end)
    }

    fn follow_by<C: Chain + ?Sized>(
        &mut self,
        chain: &C,
        every: Duration,
        work: fn(&mut Self, &C) -> Result<Reached, Error>,
    ) -> Result<(), Error> {
        let mut said: Option<Instant> = None;
        let mut away: Option<Instant> = None;
        loop {
            match work(self, chain) {
                Ok(Reached::Ended | Reached::Complete) => return Ok(()),
                Ok(Reached::Open) => away = None,
                Err(failure) if is_transient(&failure) => {
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
                    Err(failure) if !is_transient(&failure) => return Err(failure),
                    _ => said = Some(Instant::now()),
                }
            }
            self.pause(every)?;
        }
    }

    /// What proves the count for the poll's verifier, once all is folded.
    pub fn conclusion<'c>(&'c self, keys: &'c DeciderKeys) -> Conclusion<'c> {
        Conclusion {
            keys,
            parameters: self.context.parameters,
            facts: self.log.log().facts(),
            target: ProofTarget::Poll(self.context.poll),
            observer: self.context.observer,
        }
    }

    /// Has the workers prove a poll that has ended, in segments. None if it is better proven whole.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if somebody asks to stop, and a chain that has taken events back meanwhile; what is done is kept.
    pub fn prove_in_segments<C: Chain + ?Sized>(
        &mut self,
        chain: &C,
        directory: &ProofDirectory,
        keys: &DeciderKeys,
        every: Duration,
    ) -> Result<Option<Finalization>, Error> {
        let context = self.context;
        let Some(workers) = context.workers else {
            return Ok(None);
        };
        if self.fold.is_complete(self.log.log()) {
            return Ok(None);
        }
        let with = DriverContext {
            workers,
            parameters: context.parameters,
            prover: &keys.prover,
            key: context.key,
            domain: context.poll.domain(),
            checkpoint_every: context.checkpoint_every,
            observer: context.observer,
        };
        let log = self.log.log();
        let Some(driver) = Driver::open(with, directory, &self.fold, log)? else {
            return Ok(None);
        };
        let facts = log.facts().clone();
        // The state machine comes to the end, where the running proof is not, however this ends.
        self.has_lost = true;
        let proven = driver.prove(&mut self.fold, log)?;
        // The chain may have changed meanwhile, and the node be away.
        self.follow_to_the_end(chain, every)?;
        if *self.log.log().facts() != facts {
            let text = "the chain has taken back blocks while its count was proven: run it again";
            return Err(context.poll.not_now(text).into());
        }
        Ok(Some(proven))
    }

    /// What is folded.
    pub fn fold(&self) -> &Fold<'a> {
        &self.fold
    }

    /// Reads the chain as far as it is confirmed. What is folded then is a beginning of the log.
    pub fn read<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<(), Error> {
        let mut rolled_back = 0;
        while rolled_back < MOST_ROLLBACKS {
            self.check_interrupt()?;
            let bytes = self.log().bytes();
            match self.log.advance(chain, self.context.poll)? {
                // Messages are folded of a whole log; one that grows was not whole.
                Advance::Read(_) => {
                    let has_grown = self.log().bytes() > bytes;
                    self.has_lost |= has_grown && self.fold.events() > self.fold.joins();
                }
                Advance::RolledBack => {
                    rolled_back += 1;
                    self.tell(&Notice::Reorganised);
                    self.has_lost = true;
                    // A node that is of two minds may be so for a while.
                    self.pause(TICK)?;
                }
                Advance::Gap(block) => {
                    let notice = Notice::LeftOut { block };
                    self.context.observer.notice(&notice);
                    let text = notice.to_string();
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

    /// Whether the poll has ended in a block that counts, and everything that was sent to it was
    /// read.
    pub fn has_ended<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<bool, Error> {
        if !self.is_past_the_end(chain)? {
            return Ok(false);
        }
        let mut chains = self.context.poll.chains(chain)?;
        if !chains.are_of(self.log.log().facts()) {
            // Of several nodes behind one address some may be late.
            self.pause(TICK)?;
            chains = self.context.poll.chains(chain)?;
        }
        if !chains.are_of(self.log.log().facts()) {
            let found = self.log.log();
            let text = format!(
                "the poll has ended with {} joins and {} messages, and the node's events are of {} and {}, or of others",
                chains.next_state_index.saturating_sub(1),
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

    fn is_past_the_end<C: Chain + ?Sized>(&self, chain: &C) -> Result<bool, Error> {
        let Some(read_to) = self.log.read_to() else {
            return Ok(false);
        };
        let (_, end) = self.context.poll.times();
        match chain.block(BlockId::Number(read_to.number)) {
            Ok(block) => Ok(block.hash == read_to.hash && block.timestamp >= end),
            // A node that has not come so far.
            Err(ChainError::UnknownBlock(_)) => Ok(false),
            Err(error) => Err(on_chain("read a block")(error).into()),
        }
    }

    /// Nodes have been seen to leave out events of new blocks. Once, everything is read again.
    fn read_again(&mut self, reason: &str, was_read_again: bool) -> Result<(), Error> {
        if was_read_again {
            let text = format!("{reason}, also when all is read again; use another node");
            return Err(self.context.poll.not_now(&text).into());
        }
        self.note(&format!("{reason}: reading all of it again"));
        self.has_lost = true;
        self.log.restart(self.context.poll)
    }

    /// Whether the other node, if there is one, has the same poll, which has ended, and in which
    /// the same was sent. Nothing is taken from the first one.
    pub(crate) fn second_agrees(&self) -> Result<bool, Error> {
        let Some(second) = self.context.second else {
            return Ok(true);
        };
        let poll = self.context.poll;
        let has_ended = matches!(poll.state(second)?, PollState::Ended | PollState::Finalized);
        let info = poll.ask(second, &Poll::pollInfoCall {})?;
        let chains = poll.chains(second)?;
        Ok(has_ended && info == poll.info && chains.are_of(self.log.log().facts()))
    }

    fn note(&self, text: &str) {
        self.context.observer.note(text);
    }

    /// For who counts, and for who reads.
    fn tell(&self, notice: &Notice) {
        self.context.observer.notice(notice);
        self.note(&notice.to_string());
    }

    fn is_complete<C: Chain + ?Sized>(&mut self, chain: &C) -> Result<bool, Error> {
        Ok(self.has_ended(chain)? && self.fold.is_complete(self.log.log()))
    }

    /// After the log has lost events, and perhaps got them back: keeps what was folded if it still
    /// is a beginning of the log, or may be once the log is as long again. Nothing is folded until
    /// then.
    fn rewind(&mut self, is_whole: bool) -> Result<(), Error> {
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

    fn say_what_is_waited_for<C: Chain + ?Sized>(&self, chain: &C) -> Result<(), Error> {
        let newest = chain.block(BlockId::Latest);
        let now = newest.map_err(on_chain("read a block"))?.timestamp;
        let (start, end) = self.context.poll.times();
        let log = self.log.log();
        let wait = match now {
            now if now < start => format!("starts in {}", duration((start - now) as f64)),
            now if now < end => format!("ends in {}", duration((end - now) as f64)),
            _ => format!(
                "has ended, waiting for {} confirmations",
                self.context.confirmations
            ),
        };
        self.context.observer.note(&format!(
            "{} and {} so far, {} folded; the poll {wait}",
            count(log.voters(), "join"),
            count(log.messages(), "message"),
            count(self.steps(), "step")
        ));
        Ok(())
    }

    fn pause(&self, time: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            self.check_interrupt()?;
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TICK));
        }
    }

    pub(crate) fn check_interrupt(&self) -> Result<(), Error> {
        match self.context.observer.interrupted() {
            true => Err(Error::Interrupted(Kept::Followed {
                joins: self.log.log().voters(),
                messages: self.log.log().messages(),
                steps: self.steps(),
            })),
            false => Ok(()),
        }
    }
}

/// Whether a node may answer later what it does not answer now.
fn is_transient(failure: &Error) -> bool {
    matches!(
        failure,
        Error::Poll(maci_nova_sdk::Error::Chain {
            source,
            ..
        }) if source.is_for_now()
    )
}

/// What was folded before, and whether the log leads there.
fn fold<'a>(
    context: CoordinatorContext<'a>,
    directory: &ProofDirectory,
    log: &PollLog,
) -> Result<(Fold<'a>, bool), Error> {
    let with = FoldContext {
        parameters: context.parameters,
        key: context.key,
        observer: context.observer,
    };
    let checkpoints = Checkpoints::new(directory.checkpoint(), context.checkpoint_every);
    let mut fold = Fold::open(with, checkpoints, context.poll.header(), None)?;
    let is_current = fold.catch_up(log)?;
    let done = fold.proof().steps();
    if is_current && done > 0 {
        context
            .observer
            .note(&format!("resuming after step {done}"));
    }
    Ok((fold, is_current))
}
