//! What whoever runs polls does: deploy the contracts, create a poll, have it paid out.

pub mod coordinator_keys;
pub mod deployment;
pub mod funds;
mod journal;
pub mod payouts;
mod poll_attempt;
pub mod poll_creation;
mod probes;
pub mod votes_credits;
