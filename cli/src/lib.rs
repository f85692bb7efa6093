//! The chain's side of `maci-nova`: a node's JSON-RPC, following a chain through reorganisations,
//! and the poll file. The commands are in the binary.

pub mod follower;
pub mod poll_file;
pub mod rpc;
