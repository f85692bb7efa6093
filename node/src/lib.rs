//! A chain behind a node's JSON-RPC. [ethers](https://docs.rs/ethers) speaks to the node and signs;
//! calldata, events and errors are those of the contracts' own bindings.
//!
//! ```no_run
//! use maci_nova_chain::Chain;
//! use maci_nova_node::{Account, AccountSource, Options, RpcChain};
//! # fn connect() -> Result<(), Box<dyn std::error::Error>> {
//! let account = Account::open(&AccountSource::Environment)?;
//! let options = Options {
//!     chain_id: Some(1),
//!     accounts: vec![account],
//!     ..Options::default()
//! };
//! let chain = RpcChain::connect(&"https://node.example/key".parse()?, options)?;
//! println!("{} wei", chain.balance(chain.accounts()[0])?);
//! # Ok(())
//! # }
//! ```

mod account;
mod client;
mod earlier;
mod error;
mod http;
mod keystore;
mod logs;
mod outbox;
mod retry;
mod send;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transport;
mod types;

pub use account::{Account, AccountError, AccountSource, KEY_ENVIRONMENT, PASSWORD_ENVIRONMENT};
pub use client::{Options, RpcChain};
pub use error::RpcError;
pub use http::{Answer, HttpClient, HttpError};
pub use retry::RetryPolicy;
