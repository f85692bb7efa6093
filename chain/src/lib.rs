//! A chain as everything in this project sees it: transactions, calls, logs and blocks.
//!
//! An embedded EVM is one [`Chain`], a node behind JSON-RPC another. [`Follower`] reads one that
//! may reorganise, [`Scan`] reads a contract's logs, [`clock`] its times. Whoever waits for a
//! chain, or watches something that takes long, is an [`Observer`].

mod chain;
pub mod checksummed;
pub mod clock;
mod follower;
mod observer;
pub mod refusal;
mod scan;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod url;
pub mod words;

pub use alloy_primitives;
pub use alloy_sol_types;

pub use chain::{
    deploy, send, view, Block, BlockId, Chain, ChainError, Deployment, Log, Receipt,
    TransactionInput,
};
pub use follower::{Follower, Mark, Range, Step};
pub use observer::{Notice, Observer, Progress, Running, Stage};
pub use scan::{Contract, Scan};
pub use url::{RpcUrl, UrlError};
