//! The coordinator's service: it follows polls, folds joins as they come and messages when a poll
//! has ended, proves and finalizes, and shows how far it is.
//!
//! [`Config`](config::Config) says what, [`Service`](service::Service) does it. A poll's life is in
//! `worker`, which stands on `maci_nova_coordinator`: there is one pipeline, and what a service adds
//! is that it waits, tries again, takes turns and is watched.
//!
//! # Threads
//!
//! Each poll has a thread; what takes all cores is done in [`turns`]. HTTP has one thread, with the
//! only asynchronous runtime that serves, and reads what [`progress`] shows; it waits for nothing
//! else. One thread asks whether the node is there, and one judges messages as they arrive.
//!
//! # What is shown
//!
//! Nothing that a poll keeps secret, also in the time that things take: see [`progress`].
//! Errors' own words are for the log and for an administrator; others are told of what kind they
//! are.

pub mod check;
pub mod config;
mod error;
mod http;
mod judge;
pub mod key;
pub mod logs;
pub mod metrics;
mod node;
mod polls;
pub mod progress;
mod relay;
pub mod service;
pub mod stop;
pub mod turns;
mod worker;

pub use error::Error;
