//! A count that was proven in segments: the proofs before the last one, from the poll's events.

use std::collections::HashMap;

use maci_nova_chain::Log;
use maci_nova_compressor::decider::{self, end::link_words, DeciderStatement};
use maci_nova_contracts::{alloy_primitives::U256, bindings::Poll::SegmentProven, words};
use maci_nova_protocol::{poll::State, Fr};

use super::{code::Verifier, proof_of};
use crate::{error::Error, poll::contract::PollContract};

/// The words of where a proof begins: the first state for 0, else a link that segments lead to, all
/// of which are verified here.
pub(super) fn verified_start(
    poll: &PollContract,
    verifier: &Verifier,
    events: &[Log],
    link: U256,
) -> Result<[Fr; 8], Error> {
    let events = by_end(poll, events)?;
    // Each link was proven once, and after the one that it begins at; a node may say what it likes.
    let mut left = events.len();
    let mut to = link;
    while to != U256::ZERO {
        let event = events
            .get(&to)
            .ok_or_else(|| poll.left_out("the event of a segment of its count"))?;
        left = left
            .checked_sub(1)
            .ok_or_else(|| poll.inconsistent("the segments of its count go in a circle"))?;
        check(poll, verifier, event)?;
        to = event.from;
    }
    words_of(poll, link)
}

/// The events by where their segments end.
fn by_end(poll: &PollContract, events: &[Log]) -> Result<HashMap<U256, SegmentProven>, Error> {
    let mut found = HashMap::new();
    for log in events {
        let event: SegmentProven = log
            .decode()
            .ok_or_else(|| poll.inconsistent("an event of a segment is not of the form"))?;
        if found.insert(event.to, event).is_some() {
            return Err(poll.inconsistent("two of its segments end at the same link"));
        }
    }
    Ok(found)
}

/// The first state for 0, else the words of the link.
fn words_of(poll: &PollContract, link: U256) -> Result<[Fr; 8], Error> {
    if link == U256::ZERO {
        return Ok(State::initial(poll.header()).to_array());
    }
    let link = words::to_scalar(link);
    let link = link.ok_or_else(|| poll.inconsistent("a link is not a field element"))?;
    Ok(link_words(link))
}

fn check(poll: &PollContract, verifier: &Verifier, event: &SegmentProven) -> Result<(), Error> {
    let statement = DeciderStatement {
        domain: poll.domain(),
        z0: words_of(poll, event.from)?,
        z: words_of(poll, event.to)?,
        results: Vec::new(),
    };
    let proof = proof_of(poll, &event.proof)?;
    decider::verify(&verifier.key, &statement, &proof).map_err(|error| {
        poll.inconsistent(&format!("the proof of a segment of its count: {error}"))
    })
}
