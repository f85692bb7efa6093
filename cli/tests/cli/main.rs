//! Runs the binary as people do: arguments, environment, files, signals; and reads what it prints.
#![cfg(unix)]

mod counting;
mod errors;
mod finalizing;
mod harness;
mod keys;
mod powers_of_tau;
mod proving;
mod stopping;
