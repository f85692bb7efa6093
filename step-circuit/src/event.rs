//! One event as a relation: `protocol::poll` inside the circuit.
//!
//! Given the state before and the event that the hash chains fix, the state after is a function:
//! whether a message counts is computed here, never claimed.

use ff::{Field, PrimeField};
use maci_nova_protocol::hash_chain::bundle_start;
use maci_nova_protocol::poll::{Event, StateLeaf as NativeLeaf, Transition};
use maci_nova_protocol::tree::empty_root;

use crate::babyjub::Point;
use crate::bits::power_of_two;
use crate::cipher::Decryption;
use crate::command::{Command, FIELD_WIDTH};
use crate::constraints::Constraints;
use crate::coordinator::PollContext;
use crate::message::{Content, Digests, Kind};
use crate::num::{Bit, Gadget, Num};
use crate::shape::Shape;
use crate::state::State;
use crate::tally::{Change, OpenedWeight};
use crate::tree::{Path, Position};
use crate::Fr;

/// Bits within which `balance + cost(old) - cost(new)` lies, sign apart: a balance is below 2^99
/// and a cost's magnitude below 2^98.
///
/// The balance: `2^32` credits of a join and fewer than 2^50 top-ups of less than 2^48. Both
/// bounds, and that there are fewer than 2^50 messages, are checked where events enter the chains,
/// by the contract and by who reads a log, and not here: a chain that holds a larger amount may
/// have no proof. The cost: magnitudes of weights are below 2^49.
const CREDIT_BITS: usize = 102;

/// The preimage of a state leaf, bound to the state only where an event names the leaf.
#[derive(Clone, Debug)]
struct StateLeaf {
    key: Point,
    balance: Num,
    nonce: Num,
    vote_root: Num,
}

/// A leaf of the state tree, opened against the state root.
#[derive(Clone, Debug)]
struct OpenedLeaf {
    hash: Num,
    preimage: StateLeaf,
    position: Position,
    path: Path,
}

/// A decrypted vote.
#[derive(Clone, Debug)]
struct DecryptedVote {
    command: Command,
    is_authentic: Bit,
}

/// The weight of a command.
#[derive(Clone, Debug)]
struct Weight {
    /// With its sign: `r - m` for m against the option.
    signed: Num,
    /// Whether it is one of the poll's mode.
    is_valid: Bit,
}

/// The leaf that an event is about.
#[derive(Clone, Debug)]
struct Target {
    /// Of a message: `0 < index < nextStateIndex`.
    is_valid: Bit,
    /// The leaf's index: that of the message if valid, the next free one for a join, 0 otherwise.
    index: Num,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// The state after one event.
    pub fn event(
        &mut self,
        shape: &Shape,
        poll: &PollContext,
        state: &State,
        transition: &Transition,
    ) -> State {
        let (kind, content) = self.scope("event", |g| g.alloc_event(&transition.event));
        let digests = self.scope("digests", |g| g.digests(&kind, &content, &state.join_chain));
        let chained = self.scope("chains", |g| g.chains(state, &kind, &content, &digests));
        let vote = self.scope("decryption", |g| g.decrypt_vote(poll, &content));

        let target = self.scope("indices", |g| g.target(state, &kind, &content, &vote));
        let (option_is_valid, option_position) = self.scope("indices", |g| {
            g.vote_option(shape, poll, &kind, &vote.command)
        });
        let leaf = self.scope("state leaf", |g| {
            g.open_leaf(shape, state, &kind, &target, transition)
        });
        let opened_weight = self.scope("vote tree", |g| {
            g.open_weight(transition, &option_position, &leaf.preimage.vote_root)
        });
        let opened_result = self.scope("tally tree", |g| {
            g.open_result(transition, &option_position, &state.tally_root)
        });

        let signature_is_valid = self.scope("signature", |g| {
            let command = &vote.command;
            g.verify_signature(&leaf.preimage.key, &command.hash, &command.signature)
        });
        let (applied, change) = self.scope("rules", |g| {
            let is_anchored = g.is_anchored(&content, &vote.command);
            let weight = g.weight(poll, &vote.command);
            let (enough, change) = g.credits(poll, &leaf.preimage, &opened_weight, &weight.signed);
            let applied = g.applied(
                poll,
                &kind,
                &vote,
                &leaf.preimage,
                &[
                    &target.is_valid,
                    &option_is_valid,
                    &is_anchored,
                    &signature_is_valid,
                    &weight.is_valid,
                    &enough,
                ],
            );
            let change = g.only_if(&applied, &change);
            (applied, change)
        });

        let vote_root = self.scope("vote tree", |g| {
            g.change_weight(&opened_weight, &option_position, &change)
        });
        let tally_root = self.scope("tally tree", |g| {
            g.change_result(&opened_result, &option_position, &change)
        });
        let state_root = self.scope("state leaf", |g| {
            let topped_up = g.and(&kind.top_up, &target.is_valid);
            let amount = g.mul(topped_up.num(), &content.top_up_amount);
            let counted = StateLeaf {
                key: g.select_point(&applied, &vote.command.new_public_key, &leaf.preimage.key),
                balance: &(&leaf.preimage.balance - &change.cost) + &amount,
                nonce: &leaf.preimage.nonce + applied.num(),
                vote_root,
            };
            let new = g.joined_or(shape, &kind, &content, counted);
            // Exclusive: a bit each for a vote, a top-up and a join.
            let is_changed = Bit::assume(&(applied.num() + topped_up.num()) + kind.join.num());
            g.replace_leaf(&kind, &content, &leaf, &is_changed, &new)
        });
        State {
            state_root,
            tally_root,
            ..chained
        }
    }

    fn alloc_event(&mut self, event: &Event) -> (Kind, Content) {
        let kind = self.alloc_kind(event);
        let content = self.alloc_content(event, &kind);
        (kind, content)
    }

    /// Both chains after the event; its roots are those before.
    ///
    /// A message or a bundle takes the link that the cursor stands at. The first one sets head and
    /// cursor to its own link, which is not 0: with head 0 a join would still be possible, and a
    /// join is only possible with head 0.
    ///
    /// A message moves the cursor to the link before; a bundle to the end of its own chain, and
    /// keeps the link before until the first of its messages is processed, which starts that chain.
    /// Nobody knows what `bundleStart` is the hash of, so no other way leads out of a bundle, and
    /// nobody knows another way to `inner`: its messages are processed, each once, in order.
    fn chains(
        &mut self,
        state: &State,
        kind: &Kind,
        content: &Content,
        digests: &Digests,
    ) -> State {
        let link = &digests.message_link;
        let is_link = kind.link();
        let no_message_yet = self.is_zero(&state.message_head);
        let is_first = self.and(&is_link, &no_message_yet);
        let is_later = Bit::assume(is_link.num() - is_first.num());
        let off = link - &state.message_cursor;
        self.enforce("link at the cursor", is_later.num(), &off, &Num::zero());
        let inverse = Option::<Fr>::from(link.value().invert()).unwrap_or(Fr::ZERO);
        let inverse = self.alloc(inverse * is_first.num().value());
        self.enforce("the head is not 0", link, &inverse, is_first.num());
        self.enforce(
            "no join after a message",
            kind.join.num(),
            &state.message_head,
            &Num::zero(),
        );
        let (message_cursor, outer_cursor) = self.cursors(state, kind, content);
        State {
            join_chain: self.select(&kind.join, &digests.join_link, &state.join_chain),
            next_state_index: &state.next_state_index + kind.join.num(),
            message_head: self.select(&is_first, link, &state.message_head),
            message_cursor,
            outer_cursor,
            ..state.clone()
        }
    }

    /// Both cursors after the event.
    fn cursors(&mut self, state: &State, kind: &Kind, content: &Content) -> (Num, Num) {
        let outside = kind.bundle.num() + kind.top_up.num();
        let none = Num::zero();
        self.enforce(
            "no top-up or bundle in a bundle",
            &outside,
            &state.outer_cursor,
            &none,
        );
        let left = content.previous.add_constant(-bundle_start());
        let is_start = self.is_zero(&left);
        let closes = self.and(&kind.vote, &is_start);
        let next = self.select(&kind.message(), &content.previous, &state.message_cursor);
        let next = self.select(&kind.bundle, &content.salt, &next);
        let next = self.select(&closes, &state.outer_cursor, &next);
        let outer = self.select(&kind.bundle, &content.previous, &state.outer_cursor);
        let outer = self.mul(closes.not().num(), &outer);
        (next, outer)
    }

    /// Decrypts whatever is there. A key off the curve gives the shared key of the neutral element
    /// and is not authentic.
    fn decrypt_vote(&mut self, poll: &PollContext, content: &Content) -> DecryptedVote {
        let key = &content.encryption_key;
        let on_curve = self.is_on_curve(key);
        let safe = self.select_point(&on_curve, key, &Point::identity());
        let shared = self.scope("shared key", |g| g.mul_point(&poll.secret, &safe));
        let Decryption {
            plaintext,
            is_authentic,
        } = self.scope("cipher", |g| g.decrypt(&content.data, &shared));
        DecryptedVote {
            command: self.unpack_command(&plaintext),
            is_authentic: self.and(&on_curve, &is_authentic),
        }
    }

    fn target(
        &mut self,
        state: &State,
        kind: &Kind,
        content: &Content,
        vote: &DecryptedVote,
    ) -> Target {
        let claimed = self.select(
            &kind.top_up,
            &content.top_up_index,
            &vote.command.state_index,
        );
        let below = self.less_than(&claimed, &state.next_state_index, FIELD_WIDTH);
        let is_zero = self.is_zero(&claimed);
        let is_valid = self.and(&below, &is_zero.not());
        let is_used = self.and(&kind.message(), &is_valid);
        let of_message = self.mul(is_used.num(), &claimed);
        let of_join = self.mul(kind.join.num(), &state.next_state_index);
        Target {
            is_valid: is_used,
            index: &of_message + &of_join,
        }
    }

    /// Whether the option exists, and its position in the option trees (that of option 0 for an
    /// event that is not a vote or names no option).
    fn vote_option(
        &mut self,
        shape: &Shape,
        poll: &PollContext,
        kind: &Kind,
        command: &Command,
    ) -> (Bit, Position) {
        let claimed = &command.vote_option_index;
        let is_valid = self.less_than(claimed, &poll.vote_options, FIELD_WIDTH);
        let is_used = self.and(&kind.vote, &is_valid);
        let index = self.mul(is_used.num(), claimed);
        (is_used, self.position(&index, shape.vote_depth))
    }

    /// Opens the target. A message with a valid index gets that leaf's own preimage; a join gets an
    /// empty leaf; other events open leaf 0, whose preimage nobody knows and nothing reads.
    fn open_leaf(
        &mut self,
        shape: &Shape,
        state: &State,
        kind: &Kind,
        target: &Target,
        transition: &Transition,
    ) -> OpenedLeaf {
        let hash = self.alloc(transition.old_leaf);
        let preimage = self.alloc_preimage(&transition.leaf);
        let preimage_hash = self.hash_leaf(&preimage);
        let off = &hash - &preimage_hash;
        self.enforce("own leaf", target.is_valid.num(), &off, &Num::zero());
        self.enforce("empty leaf", kind.join.num(), &hash, &Num::zero());
        let position = self.position(&target.index, shape.state_depth);
        let path = self.alloc_path(&transition.state_path);
        let root = self.scope("state tree", |g| g.root(&hash, &position, &path));
        self.enforce_equal("leaf is in the state", &root, &state.state_root);
        OpenedLeaf {
            hash,
            preimage,
            position,
            path,
        }
    }

    fn alloc_preimage(&mut self, leaf: &NativeLeaf) -> StateLeaf {
        StateLeaf {
            key: self.alloc_point(&leaf.key),
            balance: self.alloc(Fr::from_u128(leaf.balance)),
            nonce: self.alloc(Fr::from(leaf.nonce)),
            vote_root: self.alloc(leaf.vote_root),
        }
    }

    /// `P5(key.x, key.y, balance, nonce, voteRoot)`.
    fn hash_leaf(&mut self, leaf: &StateLeaf) -> Num {
        self.hash([
            &leaf.key.x,
            &leaf.key.y,
            &leaf.balance,
            &leaf.nonce,
            &leaf.vote_root,
        ])
    }

    /// Whether the message has no anchor or the command's salt is the anchor:
    /// `anchor (salt - anchor) = 0`.
    ///
    /// Without this a coordinator, who has read an old command with its signature, could encrypt
    /// it again and send it as the poll's last message, which is counted first.
    fn is_anchored(&mut self, content: &Content, command: &Command) -> Bit {
        let off = self.mul(&content.anchor, &(&command.salt - &content.anchor));
        self.is_zero(&off)
    }

    /// The command's weight with its sign, `m (1 - 2 against)`.
    ///
    /// Of a vote that is applied it is -m only in the mode that has signs; "against 0" is 0.
    fn weight(&mut self, poll: &PollContext, command: &Command) -> Weight {
        let (magnitude, against) = (&command.weight_magnitude, &command.is_against);
        let subtracted = self.mul(against.num(), magnitude);
        Weight {
            signed: magnitude.add_scaled(&subtracted, -Fr::from(2)),
            is_valid: self.and(against, &poll.negative.not()).not(),
        }
    }

    /// Whether `balance + cost(old) >= cost(new)`, in full voting with equality and a new weight
    /// that is not 0; and what a vote changes if it is applied.
    ///
    /// Both weights have a magnitude below 2^49: the new one by its width, the old one because only
    /// applied votes write weights. Their costs are below 2^98, and at least 0 but for a new weight
    /// that is not one of the mode's: in linear voting that one would cost -m, and is refused. So
    /// what is left, 2^102 added, is above 0 and below 2^103, and its highest bit says whether it
    /// was negative.
    ///
    /// Where the leaf is not bound (an invalid index, a join, a blind event) balance and old weight
    /// are whatever the prover says. That decides nothing, since nothing is applied there whatever
    /// comes out here, and stops nobody: an honest prover says 0, for which the bits exist.
    fn credits(
        &mut self,
        poll: &PollContext,
        leaf: &StateLeaf,
        opened: &OpenedWeight,
        new_weight: &Num,
    ) -> (Bit, Change) {
        let old_cost = self.cost(&opened.weight, &poll.linear);
        let new_cost = self.cost(new_weight, &poll.linear);
        let change = Change {
            weight: new_weight - &opened.weight,
            cost: &new_cost - &old_cost,
        };
        let left = &leaf.balance - &change.cost;
        let shifted = left.add_constant(power_of_two(CREDIT_BITS));
        let bits = self.bits(&shifted, CREDIT_BITS + 1);
        let suffices = &bits[CREDIT_BITS];
        let nothing_left = self.is_zero(&left);
        let is_nothing = self.is_zero(new_weight);
        let spends_all = self.and(&nothing_left, &is_nothing.not());
        let is_partial = self.and(&poll.full, &spends_all.not());
        (self.and(suffices, &is_partial.not()), change)
    }

    /// Whether a vote is applied: all rules of the protocol hold.
    fn applied(
        &mut self,
        poll: &PollContext,
        kind: &Kind,
        vote: &DecryptedVote,
        leaf: &StateLeaf,
        others: &[&Bit],
    ) -> Bit {
        let next_nonce = leaf.nonce.add_constant(Fr::ONE);
        let nonce_is_next = self.is_equal(&vote.command.nonce, &next_nonce);
        let is_of_poll = self.is_equal(&vote.command.poll_id, &poll.poll_id);
        let mut rules = vec![&kind.vote, &vote.is_authentic, &nonce_is_next, &is_of_poll];
        rules.extend(others);
        self.all(&rules)
    }

    fn only_if(&mut self, condition: &Bit, change: &Change) -> Change {
        Change {
            weight: self.mul(condition.num(), &change.weight),
            cost: self.mul(condition.num(), &change.cost),
        }
    }

    /// The new voter's leaf for a join, `leaf` for other events.
    fn joined_or(
        &mut self,
        shape: &Shape,
        kind: &Kind,
        content: &Content,
        leaf: StateLeaf,
    ) -> StateLeaf {
        let empty = Num::constant(empty_root(shape.vote_depth, Fr::ZERO));
        StateLeaf {
            key: self.select_point(&kind.join, &content.join_key(), &leaf.key),
            balance: self.select(&kind.join, content.join_credits(), &leaf.balance),
            nonce: self.select(&kind.join, &Num::zero(), &leaf.nonce),
            vote_root: self.select(&kind.join, &empty, &leaf.vote_root),
        }
    }

    /// The state root with the new leaf: the hash of `new` if something changed, the salt for a
    /// blind event, the old leaf otherwise.
    fn replace_leaf(
        &mut self,
        kind: &Kind,
        content: &Content,
        old: &OpenedLeaf,
        is_changed: &Bit,
        new: &StateLeaf,
    ) -> Num {
        let new_hash = self.hash_leaf(new);
        let leaf = self.select(is_changed, &new_hash, &old.hash);
        let leaf = self.select(&kind.blind, &content.salt, &leaf);
        self.scope("state tree", |g| g.root(&leaf, &old.position, &old.path))
    }
}
