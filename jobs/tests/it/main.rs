//! Jobs and results by way of a broker, which is a process of its own, and which is killed as the
//! driver and the workers are.
#![cfg(unix)]

mod access;
mod carrying;
mod kills;
mod outages;
mod roles;
mod rubbish;
mod support;
mod workers;
