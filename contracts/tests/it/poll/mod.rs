//! The contracts of a whole poll on the embedded chain.

mod abort;
mod anchors;
mod bounds;
mod bundles;
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
mod join_verifier;
mod joins;
mod keys;
mod messages;
mod reentrancy;
mod registry;
mod segments;
mod sign_ups;
mod top_ups;
pub mod world;
