//! Folding beside fixed batches, measured on one relation.
//!
//! A [`plan::Plan`] is a list of [`configuration::Configuration`]s. Each is measured in a process of its own
//! ([`runner::Children`]), so that a peak of memory is that configuration's alone; what is finished stays in the
//! folder ([`folder::Folder`]), so an interrupted run resumes. [`model`] makes of the measurements what a poll of N
//! messages costs each way, and [`report`] makes tables and plots of that.
//!
//! Everything proves the same: that the steps of one random poll ([`random_poll`]) lead from a state to a state, with
//! the constraints of `maci-nova-step-circuit`.
//! * [`folding`]: this workspace's folding, with Spartan or with the decider at the end;
//! * [`batches`]: one Groth16 proof for each B messages;
//! * [`library`]: the proving library's own IVC.
//!
//! [`bellpepper`] runs circuits that are written with `bellpepper-core` as steps, and [`calibration`] repeats the axis of
//! Nova's paper.

pub mod batches;
pub mod bellpepper;
pub mod calibration;
pub mod configuration;
pub mod docs;
mod error;
pub mod figures;
pub mod folder;
pub mod folding;
pub mod library;
pub mod literature;
pub mod measure;
pub mod model;
pub mod plan;
pub mod plots;
pub mod random_poll;
pub mod report;
pub mod runner;
pub mod scaling;

pub use error::Error;
