//! Bundles: messages that enter the message chain together, as one link.
//!
//! Hashing on a chain is dear, so a contract does not compute what the messages come to. It takes the
//! end of the bundle's own chain, and a proof about a number. With v_0, v_1, ... the elements of all
//! messages in their order (of each the anchor, d0 to d9, the one-time key's x and y: 13):
//! ```text
//! inner = fold of P3(head, digest, anchor) over the n messages, from BUNDLE_START
//! c     = keccak256(inner, 64, n, v_0, v_1, ...) mod r, of 32-byte words
//! e     = sum_k v_k c^(13 n - 1 - k)
//! ```
//! The contract computes c and e from the calldata, the circuit inner and e from elements that it is
//! given. `inner` and the calldata are fixed before c is known, and `inner` fixes the circuit's
//! elements, or a Poseidon hash has a collision: two different lists of 13 n elements have the same
//! value at c with probability 13 n / r. So the circuit's elements are the calldata's.

use crate::field::Fr;
use crate::hash_chain;
use crate::message::Message;
use crate::words::{digest, element, integer};
use ff::Field;

/// Elements of each message.
pub const ELEMENTS: usize = 13;

/// The most messages of a bundle: so many fill what nodes take as one transaction (128 KiB).
pub const MAX_BUNDLE: usize = 300;

/// From 1 to [`MAX_BUNDLE`] messages that enter the message chain together, as one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    messages: Vec<Message>,
    /// The bundle's own chain before each message.
    chain: Vec<Fr>,
    inner: Fr,
}

/// A bundle of no messages, or of too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a bundle has 1 to {MAX_BUNDLE} messages, not {0}")]
pub struct BundleSize(pub usize);

impl Bundle {
    /// The messages in order of arrival.
    ///
    /// # Errors
    /// [`BundleSize`] if there are none or more than [`MAX_BUNDLE`].
    pub fn new(messages: Vec<Message>) -> Result<Self, BundleSize> {
        if !(1..=MAX_BUNDLE).contains(&messages.len()) {
            return Err(BundleSize(messages.len()));
        }
        let mut inner = hash_chain::bundle_start();
        let mut chain = Vec::with_capacity(messages.len());
        for message in &messages {
            chain.push(inner);
            inner = hash_chain::extend(inner, message.into());
        }
        Ok(Bundle {
            messages,
            chain,
            inner,
        })
    }

    /// The messages in order of arrival: at least one.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The bundle's own chain before each message.
    pub fn chain(&self) -> impl Iterator<Item = Fr> + '_ {
        self.chain.iter().copied()
    }

    /// The end of the bundle's own chain: the fold of `P3(previous, digest, anchor)` over its
    /// messages from [`hash_chain::bundle_start`].
    pub fn inner(&self) -> Fr {
        self.inner
    }
}

/// Public inputs of a proof of a bundle: inner, c, e, n.
pub const BUNDLE_INPUTS: usize = 4;

/// What is proven of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleStatement {
    /// The end of the bundle's own chain.
    pub inner: Fr,
    /// Where the polynomial of the elements is evaluated.
    pub challenge: Fr,
    /// Its value there.
    pub value: Fr,
    /// The number of messages.
    pub messages: Fr,
}

impl BundleStatement {
    /// What is true of a bundle.
    pub fn of(bundle: &Bundle) -> Self {
        let elements: Vec<Fr> = bundle.messages.iter().flat_map(elements).collect();
        let count = bundle.messages.len() as u64;
        let mut words = vec![element(&bundle.inner), integer(64), integer(count)];
        words.extend(elements.iter().map(element));
        let challenge = digest(&words);
        let value = elements
            .iter()
            .fold(Fr::ZERO, |sum, element| sum * challenge + element);
        BundleStatement {
            inner: bundle.inner,
            challenge,
            value,
            messages: Fr::from(count),
        }
    }

    /// The proof's public inputs in their order.
    pub fn to_array(&self) -> [Fr; BUNDLE_INPUTS] {
        [self.inner, self.challenge, self.value, self.messages]
    }
}

/// A message's elements in the order of a bundle.
pub fn elements(message: &Message) -> [Fr; ELEMENTS] {
    let [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9] = message.data;
    let key = &message.encryption_key;
    [
        message.anchor,
        d0,
        d1,
        d2,
        d3,
        d4,
        d5,
        d6,
        d7,
        d8,
        d9,
        key.x,
        key.y,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjub::Point;

    fn message(number: u64) -> Message {
        Message {
            data: core::array::from_fn(|i| Fr::from(number + i as u64)),
            encryption_key: Point {
                x: Fr::from(number * 2),
                y: Fr::from(number * 3),
            },
            anchor: Fr::from(number * 5),
        }
    }

    #[test]
    fn a_bundle_has_one_to_three_hundred_messages() {
        assert_eq!(Bundle::new(vec![]), Err(BundleSize(0)));
        let many = vec![message(1); MAX_BUNDLE + 1];
        assert_eq!(Bundle::new(many.clone()), Err(BundleSize(MAX_BUNDLE + 1)));
        Bundle::new(many[1..].to_vec()).expect("the most");
    }

    #[test]
    fn the_chain_is_that_of_the_messages() {
        let messages = [message(1), message(2), message(3)];
        let bundle = Bundle::new(messages.to_vec()).expect("three");
        let mut chain: Vec<Fr> = bundle.chain().collect();
        chain.push(bundle.inner());
        assert_eq!(chain[0], hash_chain::bundle_start());
        for (i, message) in messages.iter().enumerate() {
            assert_eq!(chain[i + 1], hash_chain::extend(chain[i], message.into()));
        }
    }

    /// The statement tells bundles apart by any element, their order and their number.
    #[test]
    fn statements_of_other_bundles_differ() {
        let of = |messages: &[Message]| {
            BundleStatement::of(&Bundle::new(messages.to_vec()).expect("some"))
        };
        let own = [message(1), message(2)];
        let honest = of(&own);
        let mut others = vec![of(&own[..1]), of(&[own[1], own[0]]), of(&[own[0], own[0]])];
        for i in 0..ELEMENTS {
            let mut changed = own;
            let slot = match i {
                0 => &mut changed[1].anchor,
                11 => &mut changed[1].encryption_key.x,
                12 => &mut changed[1].encryption_key.y,
                _ => &mut changed[1].data[i - 1],
            };
            *slot += Fr::ONE;
            others.push(of(&changed));
        }
        for other in others {
            let pairs = honest.to_array().into_iter().zip(other.to_array());
            assert!(pairs.take(3).all(|(own, other)| own != other));
        }
    }
}
