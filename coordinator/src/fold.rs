//! A running proof on its way: its checkpoint, and the state machine that makes its steps.

pub mod blinding_plan;
pub mod checkpoints;
pub mod steps;

use std::fmt;
use std::ops::ControlFlow;

use maci_nova_chain::{Observer, Stage};
use maci_nova_folding::{fold_all, Outcome, Parameters, PipelineError, RunningProof};
use maci_nova_protocol::field::to_u64;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::PublicFacts;
use maci_nova_protocol::poll::{Header, Poll};
use maci_nova_protocol::tally::OptionResult;
use rand_core::OsRng;

use crate::error::{Error, Kept};
use crate::fold::blinding_plan::BlindingPlan;
use crate::fold::checkpoints::Checkpoints;
use crate::fold::steps::Steps;
use crate::log::poll_log::PollLog;

/// What folding needs beside the log.
#[derive(Clone, Copy, Debug)]
pub struct FoldContext<'a> {
    /// The parameters.
    pub parameters: &'a Parameters,
    /// The coordinator's key.
    pub key: &'a PrivateKey,
    /// Shown progress, and asked whether to stop.
    pub observer: &'a dyn Observer,
}

/// The running proof of a poll.
pub struct Fold<'a> {
    context: FoldContext<'a>,
    checkpoints: Checkpoints,
    plan: BlindingPlan,
    proof: RunningProof,
    /// In the state that the proof has reached, once it has caught up.
    poll: Poll,
}

impl fmt::Debug for Fold<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The running proof shows how people voted.
        f.debug_struct("Fold")
            .field("checkpoint", &self.checkpoints.path())
            .field("steps", &self.proof.steps())
            .finish_non_exhaustive()
    }
}

impl<'a> Fold<'a> {
    /// From the checkpoint if there is one, which [`Fold::catch_up`] has to follow, or from the
    /// first event. `facts` are those of the log if it does not grow any more.
    pub fn open(
        context: FoldContext<'a>,
        mut checkpoints: Checkpoints,
        header: &Header,
        facts: Option<&PublicFacts>,
    ) -> Result<Self, Error> {
        if !checkpoints.path().exists() {
            return Self::begin(context, checkpoints, header, facts);
        }
        let (proof, plan) = checkpoints.load(context.parameters, header)?;
        if let Some(facts) = facts {
            plan.check(facts)
                .map_err(|reason| checkpoints.foreign(reason))?;
        }
        Ok(Fold {
            poll: machine(header, context.key)?,
            context,
            checkpoints,
            plan,
            proof,
        })
    }

    fn begin(
        context: FoldContext<'a>,
        mut checkpoints: Checkpoints,
        header: &Header,
        facts: Option<&PublicFacts>,
    ) -> Result<Self, Error> {
        let proof = nothing(context.parameters, header)?;
        let plan = BlindingPlan::new(facts, &context.parameters.shape(), &mut OsRng);
        // From here on the blinding is fixed: whatever happens, the final state is the same.
        checkpoints.save(context.parameters, &proof, &plan)?;
        Ok(Fold {
            poll: machine(header, context.key)?,
            context,
            checkpoints,
            plan,
            proof,
        })
    }

    /// Drops what was folded and begins with the first event.
    ///
    /// # Errors
    /// [`Error::ForeignCheckpoint`] if it was folded of a log that does not grow.
    pub fn restart(&mut self) -> Result<(), Error> {
        if !self.plan.is_of_growing_log() {
            return Err(self.foreign("it was made of a log in a file"));
        }
        let header = self.proof.header().clone();
        self.proof = nothing(self.context.parameters, &header)?;
        self.poll = machine(&header, self.context.key)?;
        // The file stays until there are new steps: the chain may yet give back what was folded.
        self.checkpoints.forget();
        Ok(())
    }

    /// Counts again what is folded. False if the log does not lead to the state that the proof has
    /// reached: it is another log, or has lost events.
    pub fn catch_up(&mut self, log: &PollLog) -> Result<bool, Error> {
        let (done, total) = (self.proof.steps(), self.plan.steps(log.facts()));
        self.poll = machine(log.header(), self.context.key)?;
        if done > total {
            return Ok(false);
        }
        let events = log.events(self.plan.salts(log.facts()).to_vec())?;
        let FoldContext {
            parameters,
            key,
            observer,
        } = self.context;
        let mut steps = Steps::new(events, &mut self.poll, key, parameters.shape());
        let mut progress = observer.begin(Stage::Counted {
            label: "counting",
            unit: "steps",
            done: 0,
            total: done,
        });
        for step in 0..done {
            if !steps.pass()? {
                return Ok(false);
            }
            progress.at(step + 1);
            if observer.interrupted() {
                drop(steps);
                return Err(self.interrupted(total));
            }
        }
        drop(progress);
        drop(steps);
        Ok(self.poll.state() == self.proof.state())
    }

    /// Whether what is folded is a beginning of the log's joins, or nothing.
    pub fn is_prefix_of_joins(&self, log: &PollLog) -> bool {
        let state = self.proof.state();
        let joins = self.events();
        log.join_chain_after(joins) == Some(state.join_chain)
            && state == self.poll.state()
            && self.poll.next_state_index() == joins + 1
    }

    /// Steps that a log's joins fill.
    pub fn steps_of_joins(&self, log: &PollLog) -> u64 {
        log.voters() / self.events_per_step()
    }

    /// Folds joins of a log that may grow, as many as fill steps. Only joins may have been folded.
    pub fn fold_joins(&mut self, log: &PollLog) -> Result<(), Error> {
        let steps = self.steps_of_joins(log);
        self.fold(log, steps)
    }

    /// Folds all that is left of a log that does not grow any more.
    pub fn fold_rest(&mut self, log: &PollLog) -> Result<(), Error> {
        let steps = self.plan.steps(log.facts());
        self.fold(log, steps)
    }

    /// The steps that are left of a log that does not grow any more, for others to fold. What is folded here cannot go on
    /// afterwards, unless it catches up.
    ///
    /// # Errors
    /// What the log cannot be read with.
    pub fn rest<'b>(&'b mut self, log: &'b PollLog) -> Result<Steps<'b>, Error> {
        let salts = self.plan.salts(log.facts()).to_vec();
        let events = log.events_after(self.events(), salts)?;
        let FoldContext {
            parameters, key, ..
        } = self.context;
        Ok(Steps::new(events, &mut self.poll, key, parameters.shape()))
    }

    /// Whether all of a log is folded that does not grow any more.
    pub fn is_complete(&self, log: &PollLog) -> bool {
        log.facts().completed_by(self.proof.state())
            && self.proof.steps() == self.plan.steps(log.facts())
    }

    /// Steps of the whole proof of a log that does not grow any more.
    pub fn total(&self, log: &PollLog) -> u64 {
        self.plan.steps(log.facts())
    }

    /// A digest of what blinds the last state.
    pub(crate) fn blinding(&self) -> [u8; 32] {
        self.plan.digest()
    }

    /// The proof.
    pub fn proof(&self) -> &RunningProof {
        &self.proof
    }

    /// Results in the state that the proof has reached, one for each option.
    pub fn results(&self) -> Vec<OptionResult> {
        self.poll.results()
    }

    /// The checkpoint does not fit what is to be proven.
    pub fn foreign(&self, reason: &str) -> Error {
        self.checkpoints.foreign(reason.into())
    }

    /// Joins that are folded.
    pub fn joins(&self) -> u64 {
        let count = to_u64(&self.proof.state().next_state_index);
        count.unwrap_or_default().saturating_sub(1)
    }

    /// Events that are folded.
    pub fn events(&self) -> u64 {
        self.proof.steps() * self.events_per_step()
    }

    /// Events of a step, at least 1.
    pub fn events_per_step(&self) -> u64 {
        self.context.parameters.shape().events_per_step as u64
    }

    /// Folds until so many steps are done. However it ends, the checkpoint then holds every step
    /// folded, unless it cannot be written.
    fn fold(&mut self, log: &PollLog, total: u64) -> Result<(), Error> {
        let done = self.proof.steps();
        if done >= total {
            return Ok(());
        }
        let salts = self.plan.salts(log.facts()).to_vec();
        let events = log.events_after(self.events(), salts)?;
        let FoldContext {
            parameters,
            key,
            observer,
        } = self.context;
        let steps = Steps::new(events, &mut self.poll, key, parameters.shape());
        let mut progress = observer.begin(Stage::Counted {
            label: "proving",
            unit: "steps",
            done,
            total,
        });
        let mut unsaved = None;
        let (plan, checkpoints) = (&self.plan, &mut self.checkpoints);
        let left = usize::try_from(total - done).unwrap_or(usize::MAX);
        let producer = steps.take(left);
        let outcome = fold_all(
            parameters,
            &mut self.proof,
            producer,
            &|| observer.interrupted(),
            |proof| {
                progress.at(proof.steps());
                match checkpoints.save_if_due(parameters, proof, plan) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(failure) => {
                        unsaved = Some(failure);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        let seconds = progress.finish();
        if let Some(failure) = unsaved {
            return Err(failure);
        }
        let saved = checkpoints.save_rest(parameters, &self.proof, plan);
        match outcome {
            Err(PipelineError::Producer(failure)) => return Err(failure),
            Err(PipelineError::Fold(error)) => return Err(Error::internal(error)),
            Ok(_) => saved?,
        }
        if outcome.is_ok_and(|outcome| outcome == Outcome::Stopped) {
            return Err(self.interrupted(total));
        }
        let folded = self.proof.steps() - done;
        let rate = folded as f64 / seconds.max(1e-9);
        observer.note(&format!(
            "{folded} steps proven in {seconds:.1} s, {rate:.1} steps/s"
        ));
        Ok(())
    }

    /// The observer asked to stop before so many steps were done.
    fn interrupted(&self, total: u64) -> Error {
        Error::Interrupted(Kept::Steps {
            done: self.proof.steps(),
            total,
            checkpoint: self.checkpoints.path().to_owned(),
            of_chain: self.plan.is_of_growing_log(),
        })
    }
}

fn nothing(parameters: &Parameters, header: &Header) -> Result<RunningProof, Error> {
    RunningProof::new(parameters, header).map_err(Error::internal)
}

fn machine(header: &Header, key: &PrivateKey) -> Result<Poll, Error> {
    Poll::new(header.clone(), key.secret_scalar()).map_err(Error::internal)
}
