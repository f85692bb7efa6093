//! The sizes that fix a step circuit.

use serde::{Deserialize, Serialize};

/// Largest depth of a state tree: 5^20 leaves. Indices are compared as numbers below 2^50, which
/// 5^22 is not.
pub const MAX_STATE_DEPTH: usize = 20;

/// Largest depth of a ballot's vote tree and of the tally tree: 5^10 options, far below 2^50.
pub const MAX_VOTE_DEPTH: usize = 10;

/// Most events a step may hold. A proof file names its shape, and who verifies it makes the
/// parameters of that shape: this bounds what a hostile file can cost them.
pub const MAX_EVENTS_PER_STEP: usize = 16;

/// The parameters of a step circuit: two circuits of one shape have the same constraints.
///
/// The fields are public to be read and for constants; [`Shape::new`], [`Shape::validate`] and
/// deserialization check the ranges, and so does everything that makes a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Sizes")]
pub struct Shape {
    /// Depth s of the state tree, 1..=20: room for 5^s - 1 voters.
    pub state_depth: usize,
    /// Depth v of vote trees and of the tally tree, 1..=10: room for 5^v options.
    pub vote_depth: usize,
    /// Events K in a step, 1..=16.
    pub events_per_step: usize,
}

/// A size out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The state tree's depth is not in 1..=20.
    #[error("the state tree depth is {0}, not between 1 and {MAX_STATE_DEPTH}")]
    StateDepth(usize),
    /// The vote tree's depth is not in 1..=10.
    #[error("the vote option tree depth is {0}, not between 1 and {MAX_VOTE_DEPTH}")]
    VoteDepth(usize),
    /// The number of events a step is not in 1..=16.
    #[error("{0} events a step, not between 1 and {MAX_EVENTS_PER_STEP}")]
    EventsPerStep(usize),
}

impl Shape {
    /// Checks the ranges.
    pub fn new(
        state_depth: usize,
        vote_depth: usize,
        events_per_step: usize,
    ) -> Result<Self, ShapeError> {
        let shape = Shape {
            state_depth,
            vote_depth,
            events_per_step,
        };
        shape.validate()?;
        Ok(shape)
    }

    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), ShapeError> {
        if !(1..=MAX_STATE_DEPTH).contains(&self.state_depth) {
            return Err(ShapeError::StateDepth(self.state_depth));
        }
        if !(1..=MAX_VOTE_DEPTH).contains(&self.vote_depth) {
            return Err(ShapeError::VoteDepth(self.vote_depth));
        }
        if !(1..=MAX_EVENTS_PER_STEP).contains(&self.events_per_step) {
            return Err(ShapeError::EventsPerStep(self.events_per_step));
        }
        Ok(())
    }
}

/// A shape as it is read, before its ranges are checked.
#[derive(Deserialize)]
struct Sizes {
    state_depth: usize,
    vote_depth: usize,
    events_per_step: usize,
}

impl TryFrom<Sizes> for Shape {
    type Error = ShapeError;

    fn try_from(sizes: Sizes) -> Result<Self, ShapeError> {
        Shape::new(sizes.state_depth, sizes.vote_depth, sizes.events_per_step)
    }
}
