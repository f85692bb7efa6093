//! The contracts of a whole poll on the embedded chain.

mod abort;
mod anchors;
mod bounds;
mod chain_values;
mod clones;
mod creation;
mod credits;
mod deployment;
mod embedded;
mod finalization;
mod findings;
mod fuzz;
mod gas;
mod gatekeepers;
mod join_simulator;
mod join_verifier;
mod joins;
mod keys;
mod messages;
mod reentrancy;
mod registry;
mod sign_ups;
mod top_ups;
mod world;

// The same accepting proofs from known trapdoors as for the verifier alone.
#[path = "../decider/simulator.rs"]
#[allow(dead_code)]
mod simulator;
#[path = "../common/snapshot.rs"]
mod snapshot;
