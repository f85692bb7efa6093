//! A count that is proven in segments, on several machines.
//!
//! Folding is sequential, but deciding is not: natively a message takes less than a millisecond, so that the state at every boundary
//! is known early. The [driver] decides all messages, writes a [job] for each segment of a [plan] and hands the jobs, sealed, to
//! whatever [workers](worker) there are. Each folds its segment and proves it. No two proofs are merged: the contract verifies one
//! after another, and the states between them are hidden behind salted links ([`maci_nova_compressor::decider::end`]).
//!
//! Whoever has a job and the key that seals it reads every ballot of the poll. The driver verifies every proof that comes back,
//! and the first one that passes counts, so nobody but itself is trusted with the result.

pub mod cost;
pub mod driver;
pub mod job;
pub mod plan;
#[cfg(test)]
pub(crate) mod tests;
pub mod worker;
