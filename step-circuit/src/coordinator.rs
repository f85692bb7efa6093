//! What is the same for all events of a step: the poll that the state commits to, and the
//! coordinator's scalar.

use maci_nova_protocol::babyjub::Scalar;
use maci_nova_protocol::poll::Header;

use crate::babyjub::{Point, ScalarWindows};
use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// A poll's constants, opened from `P5(pollId, key.x, key.y, voteOptions, mode)`.
#[derive(Debug)]
pub struct PollContext {
    /// Below 2^50, as whoever checks the final proof has checked.
    pub poll_id: Num,
    /// At most 5^v, as whoever checks the final proof has checked.
    pub vote_options: Num,
    /// Whether a weight costs itself and not its square: modes 1 and 2.
    pub linear: Bit,
    /// Whether a vote has to spend the whole balance: mode 2.
    pub full: Bit,
    /// Whether weights may be against an option: mode 3.
    pub negative: Bit,
    /// The coordinator's scalar.
    pub secret: ScalarWindows,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// Opens `poll` and binds the scalar to the coordinator's key: `sk B8 = key` with the bits of
    /// `sk < ℓ`. Without the bound the prover could use `sk + ℓ`, which has the same public key
    /// and gives another shared key with an encryption key that has a part of low order.
    pub fn open_poll(&mut self, header: &Header, secret: &Scalar, poll: &Num) -> PollContext {
        let poll_id = self.alloc(Fr::from(header.poll_id));
        let key = self.alloc_point(&header.coordinator_key);
        let vote_options = self.alloc(Fr::from(header.vote_options));
        let low = self.alloc_bit(header.mode.number() & 1 != 0);
        let high = self.alloc_bit(header.mode.number() & 2 != 0);
        let mode = low.num() + &high.num().scale(Fr::from(2));
        let negative = self.and(&low, &high);
        // Of mode = low + 2 high: high without low, and one of both without the other.
        let full = Bit::assume(high.num() - negative.num());
        let linear = Bit::assume(full.num() + &(low.num() - negative.num()));
        let opened = self.scope("poll context", |g| {
            g.hash([&poll_id, &key.x, &key.y, &vote_options, &mode])
        });
        self.enforce_equal("this is the poll", &opened, poll);
        let secret = self.scope("coordinator key", |g| g.open_secret(secret, &key));
        PollContext {
            poll_id,
            vote_options,
            linear,
            full,
            negative,
            secret,
        }
    }

    fn open_secret(&mut self, secret: &Scalar, key: &Point) -> ScalarWindows {
        let bits = self.alloc_scalar(secret);
        let windows = self.scalar_windows(&bits);
        let public = self.mul_base(&windows);
        self.enforce_equal("sk B8 = key, x", &public.x, &key.x);
        self.enforce_equal("sk B8 = key, y", &public.y, &key.y);
        windows
    }
}
