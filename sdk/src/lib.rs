//! Polls for wallets, pages and services: voting in one, creating one, paying out of one, verifying
//! one.

pub mod error;
mod hint;
mod kind;
#[cfg(feature = "operator")]
pub mod operator;
pub mod poll;
pub mod revert;
mod setting;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(feature = "verify")]
pub mod verify;
pub mod voter;

pub use error::Error;
pub use hint::Hint;
pub use kind::ErrorKind;
pub use setting::Setting;
