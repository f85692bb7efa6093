//! What was sent to a poll, all of it, and what it came to.

use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::chain::{BlockId, Chain, Log};
use maci_nova_protocol::log::{PublicFacts, Record};

use crate::console::Console;
use crate::failure::{on_chain, Failure};
use crate::poll_contract::{PollContract, Sent};
use crate::progress::Progress;

/// Blocks whose events are read at once.
const BLOCKS: u64 = 10_000;

/// The events of a finalized poll.
pub(super) struct History {
    /// What the joins, messages and top-ups come to.
    pub(super) facts: PublicFacts,
    /// The one event that says that there are results.
    pub(super) finalized: Log,
}

impl History {
    /// Reads the blocks from the poll's first to the newest.
    pub(super) fn read<C: Chain + ?Sized>(
        chain: &C,
        poll: &PollContract,
        console: &Console,
    ) -> Result<Self, Failure> {
        let newest = chain
            .block(BlockId::Latest)
            .map_err(on_chain("read the newest block"))?
            .number;
        let blocks = newest.saturating_add(1).saturating_sub(poll.first_block);
        let mut progress = Progress::counted(console, "reading the poll", "blocks", 0, blocks);
        let mut facts = PublicFacts::initial(poll.header().clone());
        let mut finalized = Vec::new();
        let mut from = poll.first_block;
        while from <= newest && from < u64::MAX {
            let to = newest.min(from.saturating_add(BLOCKS - 1));
            for sent in poll.sent(chain, from, to)? {
                absorb(&mut facts, poll, &sent)?;
            }
            let kind = vec![Poll::Finalized::SIGNATURE_HASH];
            finalized.extend(poll.logs(chain, from, to, kind)?);
            progress.at(to - poll.first_block);
            from = to.saturating_add(1);
        }
        progress.finish();
        match <[Log; 1]>::try_from(finalized) {
            Ok([finalized]) => Ok(History { facts, finalized }),
            Err(logs) => Err(poll.contradiction(&format!(
                "it has {} events that say that it is finalized, not one",
                logs.len()
            ))),
        }
    }
}

/// Adds an event, which must be the next one of its kind.
fn absorb(facts: &mut PublicFacts, poll: &PollContract, sent: &Sent) -> Result<(), Failure> {
    let (what, next) = match sent.record {
        Record::Join(_) => ("join", facts.join_count - 1),
        _ => ("message", facts.message_count),
    };
    if sent.position != next {
        return Err(poll.contradiction(&format!(
            "{what} {} comes where {next} should be: the node leaves events out",
            sent.position
        )));
    }
    facts.absorb(&sent.record).map_err(|error| {
        poll.contradiction(&format!("{what} {next} is not one of this poll: {error}"))
    })
}
