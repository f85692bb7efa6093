//! What an event brings, its digest, and the two hash chains: `protocol::message` and
//! `protocol::hash_chain` inside the circuit.

use ff::Field;
use maci_nova_protocol::babyjub::Point as NativePoint;
use maci_nova_protocol::hash_chain::bundle_mark;
use maci_nova_protocol::poll::Event;

use crate::babyjub::Point;
use crate::cipher::CIPHERTEXT_LEN;
use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// Which of the five events this is: exactly one bit is set.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Leaf 0 is replaced.
    pub blind: Bit,
    /// A voter joins.
    pub join: Bit,
    /// A message is processed.
    pub vote: Bit,
    /// Credits are added to a leaf.
    pub top_up: Bit,
    /// A bundle is opened.
    pub bundle: Bit,
}

impl Kind {
    /// A vote or a top-up.
    pub fn message(&self) -> Bit {
        // At most one of the two is set.
        Bit::assume(self.vote.num() + self.top_up.num())
    }

    /// A vote, a top-up or a bundle: what the message chain holds.
    pub fn link(&self) -> Bit {
        // At most one of the three is set.
        Bit::assume(self.message().num() + self.bundle.num())
    }
}

/// The content of an event. One set of variables serves votes and joins: a join's key is
/// `(data[0], encryption_key.x)` and its credits are `encryption_key.y`, so that one hash of four
/// serves as the last hash of a message digest and as the link of the join chain.
#[derive(Clone, Debug)]
pub struct Content {
    /// The ciphertext of a vote.
    pub data: [Num; CIPHERTEXT_LEN],
    /// The encryption key of a vote, any two elements.
    pub encryption_key: Point,
    /// The message chain before this message or bundle; within a bundle, the bundle's own.
    pub previous: Num,
    /// The anchor that a message was sent with; 0 for a top-up, as the contract has it in the
    /// chain; a bundle's mark.
    pub anchor: Num,
    /// The leaf that a top-up is for, below 2^50 where it enters the chain.
    pub top_up_index: Num,
    /// The credits that a top-up adds, below 2^48 where it enters the chain.
    pub top_up_amount: Num,
    /// The new leaf 0 of a blind event; the end of a bundle's own chain; 0 in other events.
    pub salt: Num,
}

impl Content {
    /// The key of a join.
    pub fn join_key(&self) -> Point {
        Point {
            x: self.data[0].clone(),
            y: self.encryption_key.x.clone(),
        }
    }

    /// The voice credits of a join.
    pub fn join_credits(&self) -> &Num {
        &self.encryption_key.y
    }
}

/// Digests of an event's content.
#[derive(Clone, Debug)]
pub struct Digests {
    /// `P4(joinChain, key.x, key.y, credits)`; meaningful for a join only.
    pub join_link: Num,
    /// `P3(previous, digest, anchor)`, for a bundle `P3(previous, inner, mark)`; meaningful for
    /// these only.
    pub message_link: Num,
}

/// An event's content as plain values.
#[derive(Clone, Debug)]
struct Values {
    data: [Fr; CIPHERTEXT_LEN],
    encryption_key: NativePoint,
    previous: Fr,
    anchor: Fr,
    top_up: (Fr, Fr),
    salt: Fr,
}

impl Values {
    fn of(event: &Event) -> Self {
        let zero = NativePoint {
            x: Fr::ZERO,
            y: Fr::ZERO,
        };
        let mut values = Values {
            data: [Fr::ZERO; CIPHERTEXT_LEN],
            encryption_key: zero,
            previous: Fr::ZERO,
            anchor: Fr::ZERO,
            top_up: (Fr::ZERO, Fr::ZERO),
            salt: Fr::ZERO,
        };
        match event {
            Event::Blind { salt } => values.salt = *salt,
            Event::Join(join) => {
                values.data[0] = join.public_key.x;
                values.encryption_key = NativePoint {
                    x: join.public_key.y,
                    y: Fr::from(join.voice_credits),
                };
            }
            Event::Vote { message, previous } => {
                values.data = message.data;
                values.encryption_key = message.encryption_key;
                values.anchor = message.anchor;
                values.previous = *previous;
            }
            Event::Bundle { inner, previous } => {
                values.salt = *inner;
                values.anchor = bundle_mark();
                values.previous = *previous;
            }
            Event::TopUp { top_up, previous } => {
                values.top_up = (Fr::from(top_up.state_index), Fr::from(top_up.amount));
                values.previous = *previous;
            }
        }
        values
    }
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// Allocates an event's kind: four bits of which at most one is set; the fifth is what is
    /// left.
    pub fn alloc_kind(&mut self, event: &Event) -> Kind {
        let join = self.alloc_bit(matches!(event, Event::Join(_)));
        let vote = self.alloc_bit(matches!(event, Event::Vote { .. }));
        let top_up = self.alloc_bit(matches!(event, Event::TopUp { .. }));
        let bundle = self.alloc_bit(matches!(event, Event::Bundle { .. }));
        let any = &(&(join.num() + vote.num()) + top_up.num()) + bundle.num();
        self.enforce("one kind", &any, &any.one_minus(), &Num::zero());
        Kind {
            blind: Bit::assume(any).not(),
            join,
            vote,
            top_up,
            bundle,
        }
    }

    /// Allocates an event's content.
    pub fn alloc_content(&mut self, event: &Event, kind: &Kind) -> Content {
        let values = Values::of(event);
        let content = Content {
            data: values.data.map(|element| self.alloc(element)),
            encryption_key: self.alloc_point(&values.encryption_key),
            previous: self.alloc(values.previous),
            anchor: self.alloc(values.anchor),
            top_up_index: self.alloc(values.top_up.0),
            top_up_amount: self.alloc(values.top_up.1),
            salt: self.alloc(values.salt),
        };
        // No freedom where nothing reads it.
        let other = Bit::assume(kind.blind.not().num() - kind.bundle.num());
        self.enforce("no salt", other.num(), &content.salt, &Num::zero());
        let off = content.anchor.add_constant(-bundle_mark());
        self.enforce("a bundle's mark", kind.bundle.num(), &off, &Num::zero());
        content
    }

    /// The digests of an event. A message's is `P4(P5(d0..d4), P5(d5..d9), epk.x, epk.y)`, a
    /// top-up's `P3(1, stateIndex, amount)`, a bundle's the end of its own chain.
    pub fn digests(&mut self, kind: &Kind, content: &Content, join_chain: &Num) -> Digests {
        let d = &content.data;
        let first = self.hash([&d[0], &d[1], &d[2], &d[3], &d[4]]);
        let second = self.hash([&d[5], &d[6], &d[7], &d[8], &d[9]]);
        let first = self.select(&kind.join, join_chain, &first);
        let second = self.select(&kind.join, &d[0], &second);
        let key = &content.encryption_key;
        let four = self.hash([&first, &second, &key.x, &key.y]);
        let top_up = self.hash([&Num::one(), &content.top_up_index, &content.top_up_amount]);
        let digest = self.select(&kind.top_up, &top_up, &four);
        let digest = self.select(&kind.bundle, &content.salt, &digest);
        let message_link = self.hash([&content.previous, &digest, &content.anchor]);
        Digests {
            join_link: four,
            message_link,
        }
    }
}
