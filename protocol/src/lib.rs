//! The MACI protocol (private, collusion-resistant voting), without any proving: keys, commands and
//! messages as MACI's published packages compute them, the quinary trees, the tally, the poll log,
//! and the state machine that decides which message counts.
//!
//! Every value is an element of [`Fr`], the scalar field of BN254. A [`poll::Poll`] takes the joins
//! of a poll in the order in which they arrived and its votes and top-ups in the REVERSE order, and
//! gives for each event a [`poll::Transition`]: the states before and after, the decision with its
//! reason, and everything that a proof of that one step needs. [`count::Count`] makes the same
//! decisions without the trees.
//!
//! The crate does no file access and asks no operating system for randomness: it reads and writes
//! through `std::io` traits, and takes a random number generator as an argument where it needs one.

pub mod babyjub;
mod blake512;
pub mod bundle;
pub mod cipher;
pub mod command;
pub mod count;
pub mod eddsa;
pub mod field;
pub mod hash_chain;
pub mod keys;
pub mod lean_imt;
pub mod log;
pub mod membership;
pub mod message;
pub mod poll;
pub mod poseidon;
pub mod relay;
mod scalar;
pub mod tally;
pub mod tree;
mod words;

pub use field::Fr;
