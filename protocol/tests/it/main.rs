//! The protocol without proofs: rules, modes, logs, replays.

mod common;
mod examples;
mod log;
mod modes;
mod replay;
mod rules;
mod sign_ups;
