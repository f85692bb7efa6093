//! One file for each command.

pub mod demo;
pub mod finalize;
pub mod inspect;
pub mod keygen;
pub mod prove;
pub mod pubkey;
pub mod results;
pub mod tally;
pub mod verify;
