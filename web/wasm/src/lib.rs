//! The SDK for pages and wallets.
//!
//! The SDK reads a chain when it wants to, and waits. A page cannot wait: its wallet and its network
//! answer later. So an [`Engine`](engine::Engine) runs an [`operation`] until it lacks an
//! answer, says which ([`Need`](rehearsal::Need)), and runs it again from its beginning once it has
//! been told. What was answered before is remembered, so each question is asked once; nothing is
//! drawn, signed or proven before all that it depends on is known; and a transaction that was sent is
//! among the answers, so it is not sent again.
//!
//! Private keys stay in here, under numbers. What leaves is what is asked for by
//! [`export`](keys::Keys::export).
//!
//! On `wasm32-unknown-unknown` the crate is an ES module (`bindings.rs`), which the npm package in
//! `web/kit` wraps. Elsewhere it is a library, for its tests.

#[cfg(target_arch = "wasm32")]
pub mod bindings;
pub mod engine;
pub mod keys;
pub mod operation;
pub mod outcome;
pub mod progress;
pub mod rehearsal;
pub mod request;
pub mod shared;

#[cfg(test)]
mod tests;
