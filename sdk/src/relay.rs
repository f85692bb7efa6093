//! Relayers, who publish ballots and joins and pay for them: what voters show them, and what is said
//! between the two.
//!
//! A relayer is not trusted with anything but the price of gas: it cannot read, change or forge a
//! message, and whether it published a ballot as a whole and in order is seen on the chain
//! ([`Placement`](crate::poll::status::Placement)). What it can do is to leave something out; then the
//! same messages are published without it.

pub mod document;
pub mod ticket;
#[cfg(feature = "files")]
pub mod used_tickets;
pub mod watch;
