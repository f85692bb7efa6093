//! What was sent to a poll, all of it, and what it came to.

use maci_nova_chain::{Chain, Log, Observer};
use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::Poll;
use maci_nova_protocol::log::{PublicFacts, Record};

use crate::error::{reading, Error};
use crate::hint::Hint;
use crate::poll::contract::{PollContract, Sent, SENT};

/// The events of a finalized poll.
pub(super) struct History {
    /// What the joins, messages and top-ups come to.
    pub(super) facts: PublicFacts,
    /// The one event that says that there are results.
    pub(super) finalized: Log,
    /// Those of the segments that were proven before.
    pub(super) segments: Vec<Log>,
}

impl History {
    /// Reads the blocks from the poll's first to the newest.
    pub(super) fn read<C: Chain + ?Sized>(
        chain: &C,
        poll: &PollContract,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let mut facts = PublicFacts::initial(poll.header().clone());
        let (mut finalized, mut segments) = (Vec::new(), Vec::new());
        let count = [
            Poll::Finalized::SIGNATURE_HASH,
            Poll::SegmentProven::SIGNATURE_HASH,
        ];
        let kinds = [SENT.as_slice(), &count].concat();
        let topics = &[kinds];
        let scan = poll.scan(topics, "poll's events", observer);
        scan.each(chain, reading("poll's events"), |log| {
            let of_count = match log.topics.first() {
                Some(&Poll::Finalized::SIGNATURE_HASH) => Some(&mut finalized),
                Some(&Poll::SegmentProven::SIGNATURE_HASH) => Some(&mut segments),
                _ => None,
            };
            if let Some(of_count) = of_count {
                of_count.push(log.clone());
                return Ok(());
            }
            absorb(&mut facts, poll, &poll.read(log)?)
        })?;
        match <[Log; 1]>::try_from(finalized) {
            Ok([finalized]) => Ok(History {
                facts,
                finalized,
                segments,
            }),
            // The contract says that it is finalized.
            Err(logs) if logs.is_empty() => Err(poll.left_out("the event of its results")),
            Err(logs) => Err(poll.inconsistent(&format!(
                "it has {} events that say that it is finalized, not one",
                logs.len()
            ))),
        }
    }
}

/// Adds an event, which must be the next one of its kind.
fn absorb(facts: &mut PublicFacts, poll: &PollContract, sent: &Sent) -> Result<(), Error> {
    let (what, next) = match sent.record {
        Record::Join(_) => ("join", facts.next_state_index - 1),
        _ => ("message", facts.message_count),
    };
    if sent.position != next {
        let text = format!(
            "{what} {} comes where {next} should be: the node leaves events out; try again, or another node",
            sent.position
        );
        return Err(poll.not_now(&text).with_hint(Hint::OtherNode));
    }
    facts.absorb(&sent.record).map_err(|error| {
        // The contract's code was compared: it takes nothing of the kind.
        poll.not_now(&format!(
            "{what} {next} is not one of this poll ({error}): the node leaves events out or changes them; try again, or another node"
        ))
        .with_hint(Hint::OtherNode)
    })
}
