//! The relation of a bundle: `protocol::bundle` inside the circuit.
//!
//! Public inputs, in this order: inner, c, e, n. The circuit has N slots, of which the first n hold
//! messages. Of these the chain's end is `inner`, and `e` the value of their elements at `c`; what
//! is in the other slots enters neither. The order is that of the slots, and n at least 1.
//!
//! The protocol's module says why the elements are then those that a contract has.

use ff::Field;
use maci_nova_protocol::bundle::{elements, Bundle, BundleStatement, ELEMENTS, MAX_BUNDLE};
use maci_nova_protocol::hash_chain::bundle_start;
use maci_nova_protocol::message::Message;

use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::recording::Recording;
use crate::Fr;

pub use maci_nova_protocol::bundle::BUNDLE_INPUTS as INPUTS;

/// A circuit with room for no messages, or for more than a bundle has; or a bundle with more
/// messages than the circuit has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The room is not 1 to [`MAX_BUNDLE`].
    #[error("a bundle circuit has room for 1 to {MAX_BUNDLE} messages, not {0}")]
    Room(usize),
    /// There is no room for all messages.
    #[error("{messages} messages are too many for a bundle: there is room for {room}")]
    TooMany {
        /// Messages of the bundle.
        messages: usize,
        /// Messages that the circuit has room for.
        room: usize,
    },
}

/// A statement and the messages that it follows from.
#[derive(Clone, Debug)]
pub struct BundleCircuit {
    statement: BundleStatement,
    /// One for each slot.
    messages: Vec<Message>,
    used: usize,
}

/// What stands in slots that are not used.
const NOTHING: Message = Message {
    data: [Fr::ZERO; 10],
    encryption_key: maci_nova_protocol::babyjub::Point {
        x: Fr::ZERO,
        y: Fr::ZERO,
    },
    anchor: Fr::ZERO,
};

impl BundleCircuit {
    /// The circuit with room for so many messages, of a bundle's statement.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn prepare(room: usize, bundle: &Bundle) -> Result<Self, BundleError> {
        let messages = bundle.messages();
        check_room(room)?;
        if messages.len() > room {
            return Err(BundleError::TooMany {
                messages: messages.len(),
                room,
            });
        }
        let statement = BundleStatement::of(bundle);
        Ok(Self::from_claims(room, statement, messages.to_vec()))
    }

    /// The circuit of a statement that is only claimed: nothing is checked but what the constraints
    /// check. For tests of what they refuse.
    pub fn from_claims(room: usize, statement: BundleStatement, messages: Vec<Message>) -> Self {
        let used = messages.len();
        let mut messages = messages;
        messages.resize(room, NOTHING);
        BundleCircuit {
            statement,
            messages,
            used,
        }
    }

    /// A circuit of which only the constraints are wanted.
    ///
    /// # Errors
    /// [`BundleError::Room`].
    pub fn blank(room: usize) -> Result<Self, BundleError> {
        check_room(room)?;
        let bundle = Bundle::new(vec![NOTHING]).expect("one message");
        Self::prepare(room, &bundle)
    }

    /// Messages that there is room for.
    pub fn room(&self) -> usize {
        self.messages.len()
    }

    /// Fills a constraint system that has no inputs yet.
    pub fn fill<CS: Constraints<Fr>>(&self, gadget: &mut Gadget<'_, CS>) {
        let inputs = self.statement.to_array();
        let [inner, challenge, value, count] = inputs.map(|value| gadget.alloc_input(value));
        let used = gadget.scope("slots", |g| g.used_slots(self.used, self.room()));
        let mut chain = Num::constant(bundle_start());
        let mut sum = Num::zero();
        for (message, used) in self.messages.iter().zip(&used) {
            let message: [Num; ELEMENTS] =
                gadget.scope("message", |g| elements(message).map(|value| g.alloc(value)));
            let link = gadget.scope("link", |g| g.bundle_link(&chain, &message));
            let extended = gadget.scope("value", |g| g.extended(&sum, &challenge, &message));
            // A slot that is not used leaves both as they are.
            chain = gadget.scope("link", |g| g.select(used, &link, &chain));
            sum = gadget.scope("value", |g| g.select(used, &extended, &sum));
        }
        let slots = vec![Fr::ONE; used.len()];
        let used: Vec<Num> = used.iter().map(|bit| bit.num().clone()).collect();
        gadget.enforce_equal("n messages", &Num::dot(&used, &slots), &count);
        gadget.enforce_equal("the chain ends with inner", &chain, &inner);
        gadget.enforce_equal("the elements have the value e at c", &sum, &value);
    }

    /// The circuit with all its constraints and values, some hints replaced as in
    /// [`Gadget::with_replacements`].
    pub fn record(&self, replacements: &[(usize, Fr)]) -> Recording {
        Recording::of(replacements, |gadget| self.fill(gadget))
    }
}

fn check_room(room: usize) -> Result<(), BundleError> {
    match room {
        1..=MAX_BUNDLE => Ok(()),
        other => Err(BundleError::Room(other)),
    }
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// Which of the slots are used: the first so many, at least one.
    fn used_slots(&mut self, used: usize, room: usize) -> Vec<Bit> {
        let mut slots = vec![Bit::constant(true)];
        for slot in 1..room {
            let bit = self.alloc_bit(slot < used);
            let before = slots[slot - 1].not();
            self.enforce(
                "slots are used from the first on",
                bit.num(),
                before.num(),
                &Num::zero(),
            );
            slots.push(bit);
        }
        slots
    }

    /// `P3(chain, digest, anchor)`, the digest being `P4(P5(d0..d4), P5(d5..d9), key.x, key.y)`.
    fn bundle_link(&mut self, chain: &Num, message: &[Num; ELEMENTS]) -> Num {
        let [anchor, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, x, y] = message;
        let first = self.hash([d0, d1, d2, d3, d4]);
        let second = self.hash([d5, d6, d7, d8, d9]);
        let digest = self.hash([&first, &second, x, y]);
        self.hash([chain, &digest, anchor])
    }

    /// Horner's rule: `sum c^13 + v_0 c^12 + ... + v_12`.
    fn extended(&mut self, sum: &Num, challenge: &Num, message: &[Num; ELEMENTS]) -> Num {
        let elements = message.iter();
        elements.fold(sum.clone(), |sum, element| {
            &self.mul(&sum, challenge) + element
        })
    }
}
