//! How long proving a poll will take and how much memory, before it starts.

use std::ops::ControlFlow;
use std::time::Instant;

use maci_nova_chain::{Observer, Stage};
use maci_nova_folding::{fold_all, Parameters, PipelineError, RunningProof, SetupSource};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::{Header, Mode, Poll};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit, StepError};
use serde::Serialize;

use crate::error::Error;
use crate::prove::cost::{self, steps, PollCost, Rows};

/// Steps folded to learn the pace. The first two are cheaper than the rest and do not count (there
/// is nothing to fold at the first, and only the first to fold at the second).
const SAMPLE_STEPS: usize = 6;
const SAMPLE_WARM_UP: usize = 2;
/// Larger steps are not tried; their time is scaled by the number of constraints.
const SAMPLE_EVENTS: usize = 4;

/// The final proof, made and verified, takes as long as so many steps. (Measured: 49, 39 and
/// 43 at 1, 8 and 16 events a step.)
const COMPRESSION_STEPS: f64 = 45.0;
/// Bytes at the peak, which is the final proof's: for each constraint, and for all else.
/// (Measured: 258 MB at 16,519 rows, 965 MB at 88,163, 1,808 MB at 169,729.)
const BYTES_PER_CONSTRAINT: u64 = 10_050;
const BYTES_FIXED: u64 = 90_000_000;
/// Bytes of the state machine for each voter, of the log's index for each message, and of a node of a ballot's tree.
const BYTES_PER_VOTER: u64 = 180;
const BYTES_PER_MESSAGE: u64 = 56;
const BYTES_PER_NODE: u64 = 90;

/// Figures for a poll.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Voters assumed.
    pub voters: u64,
    /// Messages assumed.
    pub messages: u64,
    /// Steps, the blinding event included.
    pub steps: u64,
    /// Constraints of the step with the verifier of the step before, on BN254.
    pub constraints: usize,
    /// Seconds of one step.
    pub seconds_per_step: f64,
    /// Seconds of everything: parameters, all steps, the final proof.
    pub seconds: f64,
    /// Peak of memory in bytes.
    pub memory_bytes: u64,
    /// How much longer this machine takes than the one that figures were measured on.
    pub pace: f64,
    /// The same for `finalize`, whose proof a contract takes.
    pub finalize: PollCost,
    /// That with other numbers of events in a step, at this machine's pace.
    pub choices: Vec<PollCost>,
    /// The number of events in a step that is worth its memory, [`cost::best`].
    pub best_events_per_step: usize,
    /// Where the figures come from.
    pub basis: String,
}

/// What folding a few steps showed.
struct Sample {
    shape: Shape,
    constraints: usize,
    setup_seconds: f64,
    step_seconds: f64,
}

/// Folds a few blinding steps of the shape, or of one with fewer events, and reckons from there.
pub fn of(
    shape: Shape,
    voters: u64,
    messages: u64,
    observer: &dyn Observer,
) -> Result<Estimate, Error> {
    let progress = observer.begin(Stage::Timed {
        label: "trying a few steps",
    });
    let sample = Sample::take(shape)?;
    drop(progress);
    let constraints = sample.constraints_of(shape);
    let scale = cost::seconds_per_step(constraints) / cost::seconds_per_step(sample.constraints);
    let events = voters.saturating_add(messages);
    let steps = steps(shape.events_per_step, events);
    let pace = sample.step_seconds / cost::seconds_per_step(sample.constraints);
    let rows = Rows::count(shape.state_depth, shape.vote_depth);
    let of_poll = poll_bytes(voters, messages, shape.vote_depth);
    let with_poll = |mut cost: PollCost| {
        cost.memory_bytes = cost.memory_bytes.saturating_add(of_poll);
        cost
    };
    let choices: Vec<PollCost> = rows
        .choices(events, pace)
        .into_iter()
        .map(with_poll)
        .collect();
    let seconds_per_step = sample.step_seconds * scale;
    let compression = seconds_per_step * COMPRESSION_STEPS;
    Ok(Estimate {
        voters,
        messages,
        steps,
        constraints,
        seconds_per_step,
        seconds: sample.setup_seconds * scale + steps as f64 * seconds_per_step + compression,
        memory_bytes: memory(constraints).saturating_add(of_poll),
        pace,
        finalize: with_poll(rows.cost(shape.events_per_step, events, pace)),
        best_events_per_step: cost::best(&choices),
        choices,
        basis: sample.basis(&shape),
    })
}

impl Sample {
    fn take(shape: Shape) -> Result<Self, Error> {
        let internal = |error: &dyn std::error::Error| Error::internal(error);
        let shape = Shape {
            events_per_step: shape.events_per_step.min(SAMPLE_EVENTS),
            ..shape
        };
        let start = Instant::now();
        let parameters = Parameters::setup(shape, &SetupSource::InsecureDevelopment)?;
        let setup_seconds = start.elapsed().as_secs_f64();
        let (header, key) = empty_poll(&shape);
        let mut proof =
            RunningProof::new(&parameters, &header).map_err(|error| internal(&error))?;
        let mut poll =
            Poll::new(header.clone(), key.secret_scalar()).map_err(|error| internal(&error))?;
        let steps = (0..SAMPLE_STEPS).map(|_| {
            let salts = 1..=shape.events_per_step as u64;
            let transitions = salts.map(|salt| poll.blind(Fr::from(salt))).collect();
            StepCircuit::prepare(shape, &header, key.secret_scalar(), transitions)
        });
        let mut begun = Instant::now();
        fold_all(&parameters, &mut proof, steps, &|| false, |proof| {
            if proof.steps() == SAMPLE_WARM_UP as u64 {
                begun = Instant::now();
            }
            ControlFlow::Continue(())
        })
        .map_err(|error: PipelineError<StepError>| internal(&error))?;
        let counted = (SAMPLE_STEPS - SAMPLE_WARM_UP) as f64;
        Ok(Sample {
            shape,
            constraints: parameters.constraints().0,
            setup_seconds,
            step_seconds: begun.elapsed().as_secs_f64() / counted,
        })
    }

    /// Constraints of the augmented circuit for `shape`, which differs in the number of events.
    fn constraints_of(&self, shape: Shape) -> usize {
        let events = shape.events_per_step - self.shape.events_per_step;
        if events == 0 {
            return self.constraints;
        }
        let count = |events_per_step| {
            let shape = Shape {
                events_per_step,
                ..shape
            };
            StepCircuit::blank(shape)
                .record(&[])
                .recorder
                .total()
                .constraints
        };
        self.constraints + events * (count(2) - count(1))
    }

    fn basis(&self, shape: &Shape) -> String {
        let scaled = match self.shape.events_per_step {
            k if k == shape.events_per_step => String::new(),
            k => format!(" with {k} events each, scaled by constraints"),
        };
        format!(
            "time from folding {SAMPLE_STEPS} steps on this machine just now{scaled}; memory and the final proof from figures measured once"
        )
    }
}

/// Of the final proof.
fn memory(constraints: usize) -> u64 {
    constraints as u64 * BYTES_PER_CONSTRAINT + BYTES_FIXED
}

/// Of the poll itself, whose voters all vote, each message for an option far from the others.
fn poll_bytes(voters: u64, messages: u64, vote_depth: usize) -> u64 {
    let below_the_root = vote_depth.saturating_sub(1) as u64;
    let of_voter = BYTES_PER_VOTER + BYTES_PER_NODE;
    let of_message = BYTES_PER_MESSAGE + BYTES_PER_NODE * below_the_root;
    let of_voters = voters.saturating_mul(of_voter);
    of_voters.saturating_add(messages.saturating_mul(of_message))
}

/// A poll of somebody who does not matter.
fn empty_poll(shape: &Shape) -> (Header, PrivateKey) {
    let key = PrivateKey::from_element(Fr::from(1));
    let header = Header {
        poll_id: 0,
        coordinator_key: key.public_key().point(),
        vote_options: 1,
        mode: Mode::Quadratic,
        signed_within: 0,
        state_tree_depth: shape.state_depth,
        vote_option_tree_depth: shape.vote_depth,
    };
    (header, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_events_is_too_much() {
        for (voters, messages) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX)] {
            assert_eq!(poll_bytes(voters, messages, 3), u64::MAX);
        }
    }
}
