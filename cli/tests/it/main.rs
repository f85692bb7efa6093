//! Runs the binary as people do: arguments, environment, files, signals; and reads what it prints.
#![cfg(unix)]

mod bench;
mod ceremony;
// The client's tests use the rest of it.
#[allow(dead_code)]
mod counting;
mod errors;
mod finalizing;
mod harness;
mod keys;
mod node;
mod numbers;
mod polls;
mod powers_of_tau;
mod production;
mod proving;
mod relaying;
mod serving;
mod stopping;
mod workers;
