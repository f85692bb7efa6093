//! Whose ballot a key signs, and whether it can count.
//!
//! Messages are counted from the last to the first, so a voter's key is that of the join until a
//! message is counted that changes it; that one was published later. A ballot that is published
//! last is signed with the key of the join. A key that a ballot changes to signs what is published
//! before that ballot, and nothing after it.

use maci_nova_chain::{Chain, Observer};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::words;
use maci_nova_protocol::keys::PublicKey;

use crate::error::{request, Error};
use crate::hint::Hint;
use crate::poll::contract::PollContract;
use crate::voter::{find_join, joins, voter, Joined};

/// Who signs a ballot.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The key.
    pub key: &'a PublicKey,
    /// The voter; none is looked up by the key that they joined with.
    pub state_index: Option<u64>,
    /// Nonce of the ballot's message that is counted first.
    pub first_nonce: u64,
    /// The ballot is published before another one that changes to this key.
    pub before_key_change: bool,
}

impl Signer<'_> {
    /// The voter, if a ballot of this key can count.
    ///
    /// # Errors
    /// [`Error::OnChain`] if nobody joined with the key, or there is no such voter;
    /// [`Error::SigningKey`] if the voter joined with another key; [`Error::Request`] for a nonce
    /// that cannot count; [`Error::Chain`].
    pub fn find<C: Chain + ?Sized>(
        &self,
        chain: &C,
        poll: &PollContract,
        observer: &dyn Observer,
    ) -> Result<Joined, Error> {
        if self.before_key_change {
            return self.find_changed(chain, poll, observer);
        }
        let joined = match self.state_index {
            None => {
                let found = find_join(chain, poll, self.key, observer)?;
                found.ok_or_else(|| {
                    poll.inconsistent("no voter has joined with this key, and a key that a ballot changed to signs no later ballot: messages are counted from the last to the first")
                        .with_hint(Hint::KeyOfJoin)
                })?
            }
            Some(index) => {
                let event = join_of(chain, poll, index, observer)?;
                if !self.is_of(&event) {
                    return Err(Error::SigningKey(index).with_hint(Hint::KeyOfJoin));
                }
                voter(&event)?
            }
        };
        if self.first_nonce > 1 {
            observer.warn(&format!(
                "with the key of the join the message that is counted first has nonce 1; one with nonce {} counts only if later messages with the nonces before it leave the key as it is, which no ballot of this program does",
                self.first_nonce
            ));
        }
        Ok(joined)
    }

    /// The ballot that changes to this key is counted before, and uses the first nonces.
    fn find_changed<C: Chain + ?Sized>(
        &self,
        chain: &C,
        poll: &PollContract,
        observer: &dyn Observer,
    ) -> Result<Joined, Error> {
        let Some(index) = self.state_index else {
            return request(
                "the voter has to be named: nobody joins with a key that a ballot changes to",
            )
            .map_err(|error| error.with_hint(Hint::StateIndex));
        };
        if self.first_nonce < 2 {
            return request("a ballot before a change of the key goes on with the nonces of the ballot that changes it: its first nonce is one more than that one has messages, at least 2")
                .map_err(|error| error.with_hint(Hint::Nonce));
        }
        let joined = voter(&join_of(chain, poll, index, observer)?)?;
        observer.warn(&format!(
            "this ballot counts only if another ballot of state index {index} is published AFTER it, has {} messages, and changes to this key; if that one is in the poll already, this one is lost",
            self.first_nonce - 1
        ));
        Ok(joined)
    }

    fn is_of(&self, event: &Poll::Join) -> bool {
        let point = self.key.point();
        [&point.x, &point.y].map(words::scalar) == [event.x, event.y]
    }
}

fn join_of<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    index: u64,
    observer: &dyn Observer,
) -> Result<Poll::Join, Error> {
    // All are asked for, so that the node does not learn which one votes.
    let found = joins(chain, poll, observer)?;
    let number = U256::from(index);
    let event = found.into_iter().find(|event| event.stateIndex == number);
    event.ok_or_else(|| poll.inconsistent(&format!("there is no voter at state index {index}")))
}

#[cfg(test)]
mod tests;
