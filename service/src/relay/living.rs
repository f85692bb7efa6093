//! Which messages a poll takes now, and for how long.

use std::collections::HashMap;

use maci_nova_contracts::poll::PollState;
use maci_nova_node::RpcChain;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::Fr;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::voter::signing_window::Outlook;

use super::lookout::anchor_of;
use super::office::Fault;
use super::queue::Ballot;
use crate::progress::now;

/// In a poll whose messages have no anchors nothing makes them too old. A voter who has given a relayer
/// up votes again, and what was held back may not come after that.
const LIFE: u64 = 900;

/// Whether a ballot can be in a block yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The next block can have it.
    Alive,
    /// Not as this node sees it: it has another block than the ballot was signed after, or none, or is
    /// behind.
    Doubtful,
    /// No block can, whatever the node sees.
    Dead,
}

/// One look at a poll.
#[derive(Debug)]
pub(super) struct Living {
    state: PollState,
    outlook: Option<Outlook>,
    /// Of the blocks that were asked for.
    anchors: HashMap<u64, Option<Fr>>,
}

impl Living {
    pub(super) fn now(chain: &RpcChain, poll: &PollContract) -> Result<Self, Fault> {
        let state = poll.state(chain)?;
        let outlook = match poll.header().has_anchors() && state == PollState::Open {
            true => Some(Outlook::now(chain, poll)?),
            false => None,
        };
        Ok(Living {
            state,
            outlook,
            anchors: HashMap::new(),
        })
    }

    /// Blocks for which all of a ballot's messages are taken, this one not counted.
    pub(super) fn left(&self, ballot: &Ballot) -> u64 {
        let Some(outlook) = &self.outlook else {
            return match now().saturating_sub(ballot.time) < LIFE {
                true => u64::MAX,
                false => 0,
            };
        };
        let last = |signed: &SignedMessage| outlook.last(signed.block_number);
        let last = ballot.messages.iter().map(last).min();
        last.map_or(0, |last| last.saturating_sub(outlook.window.present))
    }

    /// Whether a ballot can be in a block yet.
    pub(super) fn of(
        &mut self,
        chain: &RpcChain,
        poll: &PollContract,
        ballot: &Ballot,
    ) -> Result<Life, Fault> {
        match self.state {
            PollState::Open => {}
            // A node that is behind.
            PollState::Pending => return Ok(Life::Doubtful),
            PollState::Ended | PollState::Finalized | PollState::Aborted => return Ok(Life::Dead),
        }
        if self.left(ballot) == 0 {
            return Ok(Life::Dead);
        }
        if self.outlook.is_none() {
            return Ok(Life::Alive);
        }
        for signed in &ballot.messages {
            if self.anchor(chain, poll, signed.block_number)? != Some(signed.message.anchor) {
                return Ok(Life::Doubtful);
            }
        }
        Ok(Life::Alive)
    }

    fn anchor(
        &mut self,
        chain: &RpcChain,
        poll: &PollContract,
        block: u64,
    ) -> Result<Option<Fr>, Fault> {
        if let Some(known) = self.anchors.get(&block) {
            return Ok(*known);
        }
        let anchor = anchor_of(chain, poll, block)?;
        self.anchors.insert(block, anchor);
        Ok(anchor)
    }
}
