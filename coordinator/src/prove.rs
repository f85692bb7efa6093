//! From a folded poll to a final proof: for a contract, or for anybody with the log.

pub mod ceremony;
pub mod cost;
pub mod decider;
pub mod dry_run;
pub mod estimate;
pub mod finalization;
pub mod keys;
pub mod proof_file;
pub mod session;
pub mod setup_document;
pub mod spartan;
pub mod target;
