//! The chain's side of `maci-nova`: a node's JSON-RPC, following a chain through reorganisations,
//! the poll file, and a decider proof on its way to the contract. The commands are in the binary.

pub mod contract;
pub mod dry_run;
pub mod follower;
pub mod poll_file;
pub mod rpc;
