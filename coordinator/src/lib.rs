//! The coordinator: from a poll's log, in a file or on its chain, to one proof of the count.

pub mod coordinator;
pub mod count;
pub mod directory;
pub mod error;
pub mod finalize;
pub mod fold;
pub mod log;
pub mod parameters;
pub mod prove;

pub use error::{Error, Kept};
