//! Polls for wallets, pages and services: voting in one, creating one, paying out of one, verifying
//! one.
//!
//! Everything here works on a [`Chain`](maci_nova_chain::Chain): a node's (`maci_nova_node`), the
//! embedded EVM (`maci_nova_contracts::evm`), or your own implementation, for instance over a
//! browser's wallet. Nothing here writes to a terminal: what is worth saying goes to an
//! [`Observer`](maci_nova_chain::Observer), and `&()` is one that ignores it.
//!
//! # A voter's way
//!
//! 1. [`PollFile::parse`](poll::file::PollFile::parse) reads what the operator has published, and
//!    [`PollContract::open`](poll::contract::PollContract::open) the poll that it names. The file
//!    holds a digest of what the poll's contract says of itself, so a node cannot lie about it.
//! 2. [`voter::sign_up`] registers a key once for all polls, as the gatekeeper allows.
//! 3. [`voter::join`] enters a poll under a fresh key, with a [proof](voter::join_proof) that some
//!    registered key is the voter's, which tells nobody which.
//! 4. [`Ballot`](voter::ballot::Ballot) turns choices into signed, encrypted messages;
//!    [`voter::cast`] signs them for a recent block and publishes them.
//!    [`Signer`](voter::signer::Signer) and [`Ballot::missing`](voter::ballot::Ballot::missing) tell
//!    whether they can count, and no poll takes more than the
//!    [`Budget`](voter::budget::Budget).
//! 5. [`status`](poll::status::status) tells where the poll is, and what came of it.
//!
//! ```
//! # use maci_nova_sdk::testing::{key, World};
//! use maci_nova_sdk::poll::status::status;
//! use maci_nova_sdk::voter::{self, ballot::{Ballot, Choice}, budget::Budget};
//!
//! # fn main() -> Result<(), maci_nova_sdk::Error> {
//! # let mut world = World::new();
//! # let poll = world.create(&world.terms());
//! # world.go_to(poll.times().0);
//! # world.join(&poll, 7);
//! # let (account, poll_key, now) = (world.account(0), key(1007), world.now());
//! # let chain = &mut world.evm;
//! // The key that joined, and two choices: 9 votes for option 2, 3 for option 4.
//! let choices = [(2, 9), (4, 3)].map(|(option, weight)| Choice { option, weight });
//! let ballot = Ballot {
//!     header: poll.header(),
//!     state_index: 1,
//!     key: &poll_key,
//!     choices: &choices,
//!     new_key: None,
//!     first_nonce: 1,
//!     at_least: 1,
//! };
//! assert_eq!(ballot.cost(), 9 * 9 + 3 * 3);
//! // Of 100 credits none is missing; and this poll may take nothing for its messages.
//! assert_eq!(ballot.missing(100, poll.has_top_ups())?, 0);
//! let budget = Budget::default();
//! let published = voter::cast(chain, account, &poll, &ballot.drafts()?, &budget, &())?;
//! assert_eq!(published.count, 2);
//! // Voting again: the last ballot counts.
//! let again = Ballot { choices: &choices[1..], ..ballot };
//! voter::cast(chain, account, &poll, &again.drafts()?, &budget, &())?;
//! assert_eq!(status(chain, &poll, now)?.messages, 3);
//! # Ok(())
//! # }
//! ```
//!
//! # An operator's way
//!
//! With the feature `operator`: [`deploy`](operator::deployment::deploy) puts the contracts on a
//! chain, [`create_or_find`](operator::poll_creation::create_or_find) makes a poll, and
//! [`payouts`](operator::payouts) has it paid out, or aborted and paid back. Each continues where
//! an earlier attempt stopped, and sends nothing twice. (Counting and proving is
//! `maci_nova_coordinator`.)
//!
//! # Anyone's way
//!
//! With the feature `verify`: [`verify`](verify::verify) checks a finalized poll with nothing but
//! its chain: events, code, proof and results have to agree. The module says what follows from that
//! and what is still trusted.
//!
//! # Features
//!
//! | feature | what | by default |
//! | --- | --- | --- |
//! | (none) | [`poll`] and [`voter`]; builds for `wasm32-unknown-unknown` | yes |
//! | `files` | poll files, message files and proving keys on a disk | yes |
//! | `operator` | [`operator`]; implies `files` | yes |
//! | `verify` | [`verify`](mod@verify) | yes |
//! | `testing` | for tests: a poll on the embedded EVM with known trapdoors | no |
//!
//! # Errors
//!
//! [`Error`] has an [`ErrorKind`] for whoever acts on it. Where something may help there is a
//! [`Hint`], and an error about a decision names its [`Setting`]: a program says both in its own
//! words.

pub mod bundle;
#[cfg(any(feature = "operator", feature = "verify"))]
mod code;
pub mod error;
mod hint;
mod kind;
#[cfg(feature = "operator")]
pub mod operator;
pub mod plain_proof;
pub mod poll;
pub mod relay;
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
