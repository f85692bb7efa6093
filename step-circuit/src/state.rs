//! The state that steps hand on, inside the circuit.

use maci_nova_protocol::poll::{State as NativeState, STATE_ELEMENTS};

use crate::num::Num;
use crate::Fr;

/// Elements of the state z.
pub const ARITY: usize = STATE_ELEMENTS;

/// `z = (poll, joinChain, nextStateIndex, messageHead, messageCursor, outerCursor, stateRoot,
/// tallyRoot)`.
#[derive(Clone, Debug)]
pub struct State {
    /// Commitment to the poll's constants.
    pub poll: Num,
    /// Chain of the joins so far.
    pub join_chain: Num,
    /// Index of the next voter: one more than there are.
    pub next_state_index: Num,
    /// End of the message chain, 0 before the first message is processed.
    pub message_head: Num,
    /// Link of the message chain, or of an open bundle's own, that comes next, 0 before the first
    /// message is processed.
    pub message_cursor: Num,
    /// Link of the message chain that comes after the open bundle, 0 if none is open.
    pub outer_cursor: Num,
    /// Root of the state tree.
    pub state_root: Num,
    /// Root of the tally tree.
    pub tally_root: Num,
}

impl State {
    /// From the elements in the order of z.
    pub fn from_array(z: [Num; ARITY]) -> Self {
        let [poll, join_chain, next_state_index, message_head, message_cursor, outer_cursor, state_root, tally_root] =
            z;
        State {
            poll,
            join_chain,
            next_state_index,
            message_head,
            message_cursor,
            outer_cursor,
            state_root,
            tally_root,
        }
    }

    /// The elements in the order of z.
    pub fn to_array(&self) -> [&Num; ARITY] {
        [
            &self.poll,
            &self.join_chain,
            &self.next_state_index,
            &self.message_head,
            &self.message_cursor,
            &self.outer_cursor,
            &self.state_root,
            &self.tally_root,
        ]
    }

    /// The values under the current assignment.
    pub fn value(&self) -> NativeState {
        let values: [Fr; ARITY] = self.to_array().map(Num::value);
        NativeState::from_array(values)
    }
}
