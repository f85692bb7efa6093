//! One poll event as a relation.
//!
//! The gadgets mirror the protocol crate file by file: who reads a rule there finds its gadget here
//! under the same name. [`StepCircuit`] holds K events and is a Nova step circuit over the eight
//! elements of the poll's state.
//!
//! Two properties are what the relation is for. *Nobody can stop the count*: every message that can
//! enter the chain has a satisfying witness, whoever made it and whatever is in it. What may enter
//! is decided elsewhere: that a join's credits and a top-up's index and amount are in range is
//! checked by the contract, or by who reads a log, and taken for granted here. *The coordinator has
//! no freedom*: given the state and the event, the state after is a function, and which joins and
//! messages there are, in which order, is fixed by two hash chains whose ends a verifier compares.
//! The coordinator chooses blind events alone, how many and with which salt, and they change leaf
//! 0, which belongs to nobody and decides nothing. Each gadget's documentation says how it keeps
//! both.
//!
//! A step that is folded has rows of two kinds, products and fifth powers ([`constraints`]).
//! Groth16 and the proving library have products only, and get the same step with three of them for
//! each power.
//!
//! [`membership`] is another relation, of a voter who joins, and [`bundle`] one more, of messages that
//! enter the chain together: they are proven alone, by whoever joins or publishes.

pub mod babyjub;
pub mod bits;
pub mod budget;
pub mod bundle;
pub mod cipher;
pub mod command;
pub mod constraints;
pub mod coordinator;
pub mod eddsa;
pub mod event;
pub mod function;
pub mod lean_imt;
pub mod membership;
pub mod message;
pub mod num;
pub mod poseidon;
pub mod recorder;
pub mod recording;
pub mod secret;
pub mod shape;
pub mod state;
pub mod step;
pub mod tally;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tree;

pub use function::StepFunction;
pub use halo2curves::bn256::Fr;
pub use shape::{Shape, ShapeError};
pub use state::ARITY;
pub use step::{StepCircuit, StepError};
