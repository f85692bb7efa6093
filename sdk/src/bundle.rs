//! Bundles: many messages in one transaction, at a small part of the price of each. Anybody may
//! publish one; a [proof] shows the poll what its messages come to.

#[cfg(feature = "files")]
pub mod key;
pub mod proof;
pub mod publish;

#[cfg(test)]
mod tests;
