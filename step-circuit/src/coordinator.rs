//! What is the same for all events of a step: the poll that the state commits to, and the
//! coordinator's scalar.

use maci_nova_protocol::babyjub::Scalar;
use maci_nova_protocol::poll::{Header, Mode};
use nova_snark::frontend::ConstraintSystem;

use crate::babyjub::{Point, ScalarWindows};
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// A poll's constants, opened from `P5(pollId, key.x, key.y, voteOptions, mode)`.
#[derive(Debug)]
pub struct PollContext {
    /// Below 2^50, as whoever checks the final proof has checked.
    pub poll_id: Num,
    /// At most 5^v, as whoever checks the final proof has checked.
    pub vote_options: Num,
    /// Whether a weight costs itself and not its square.
    pub linear: Bit,
    /// The coordinator's scalar.
    pub secret: ScalarWindows,
}

impl<CS: ConstraintSystem<Fr>> Gadget<'_, CS> {
    /// Opens `poll` and binds the scalar to the coordinator's key: `sk B8 = key` with the bits of
    /// `sk < ℓ`. Without the bound the prover could use `sk + ℓ`, which has the same public key
    /// and gives another shared key with an encryption key that has a part of low order.
    pub fn open_poll(&mut self, header: &Header, secret: &Scalar, poll: &Num) -> PollContext {
        let poll_id = self.alloc(Fr::from(header.poll_id));
        let key = self.alloc_point(&header.coordinator_key);
        let vote_options = self.alloc(Fr::from(header.vote_options));
        let linear = self.alloc_bit(header.mode == Mode::Linear);
        let opened = self.scope("poll context", |g| {
            g.hash([&poll_id, &key.x, &key.y, &vote_options, linear.num()])
        });
        self.enforce_equal("this is the poll", &opened, poll);
        let secret = self.scope("coordinator key", |g| g.open_secret(secret, &key));
        PollContext {
            poll_id,
            vote_options,
            linear,
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
