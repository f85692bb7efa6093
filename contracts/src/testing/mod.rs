//! For tests: accepting proofs without circuits, from known trapdoors.
// What each thing is stands in the equation that it appears in.
#![allow(missing_docs)]

pub mod decider;
pub mod groth16;
