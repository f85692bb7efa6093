//! One file for each command.

pub mod abort;
pub mod bench;
pub mod ceremony;
pub mod collect;
pub mod deploy;
pub mod doctor;
pub mod export_log;
pub mod finalize;
pub mod inspect;
pub mod join;
pub mod keygen;
pub mod poll_create;
pub mod poll_import;
pub mod process;
pub mod prove;
pub mod pubkey;
pub mod publish;
pub mod results;
pub mod serve;
pub mod signup;
pub mod status;
pub mod tally;
pub mod topup;
pub mod verify;
pub mod vote;
pub mod withdraw;
