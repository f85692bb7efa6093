//! Seeing on the chain what a relayer has done: nothing of it is the relayer's word.

use maci_nova_chain::{BlockId, Chain, Log};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::message::Message;

use crate::error::{on_chain, Error};
use crate::poll::contract::{PollContract, SENT};
use crate::relay::document::{BallotDocument, Stage};
use crate::voter::signing_window::Outlook;

/// What is left for publishing what the relayer has not published: so many blocks, and so many
/// seconds, but no more than this part of the window.
const RESERVE: (u64, u64) = (4, 60);
const PART: u64 = 3;

/// The ballot where the relayer says that it is, if it is there: whole, and in its order.
///
/// # Errors
/// [`Error::Chain`]; [`Error::OnChain`] if an event is not of the poll's form.
pub fn found<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    document: &BallotDocument,
    messages: &[SignedMessage],
) -> Result<Option<BallotDocument>, Error> {
    let Some(block) = document.block else {
        return Ok(None);
    };
    // This node may be behind.
    let newest = chain.block(BlockId::Latest);
    let newest = newest.map_err(on_chain("read the newest block"))?;
    if newest.number < block || messages.is_empty() {
        return Ok(None);
    }
    let topics = [SENT.to_vec()];
    let logs = chain.logs(poll.address, block, block, &topics);
    let logs = logs.map_err(on_chain("read the poll's events"))?;
    let mut there: Vec<(u64, Message, &Log)> = Vec::new();
    for log in &logs {
        let sent = poll.read(log)?;
        let messages = sent.messages();
        there.extend(
            messages
                .iter()
                .map(|(place, message)| (*place, **message, log)),
        );
    }
    let ours = |part: &&[(u64, Message, &Log)]| {
        let part = part.iter().map(|(_, message, _)| message);
        part.eq(messages.iter().map(|signed| &signed.message))
    };
    let found = there.windows(messages.len()).find(ours);
    Ok(found
        .and_then(|part| part.first())
        .map(|(first, _, log)| BallotDocument {
            ballot: document.ballot,
            state: Stage::Sent,
            messages: messages.len(),
            transaction: Some(log.transaction),
            block: Some(log.block_number),
            block_hash: Some(log.block_hash),
            first_message: Some(*first),
        }))
}

/// Whether it is time to publish it without the relayer. Where the node does not answer, nobody
/// can.
pub fn is_late<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    messages: &[SignedMessage],
) -> bool {
    if !poll.header().has_anchors() {
        return false;
    }
    let Ok(outlook) = Outlook::now(chain, poll) else {
        return false;
    };
    let (blocks, seconds) = RESERVE;
    let reserve = blocks.max(outlook.blocks_in(seconds));
    let reserve = reserve.min(outlook.window.blocks / PART);
    let last = messages
        .iter()
        .map(|signed| outlook.last(signed.block_number))
        .min();
    last.is_none_or(|last| last < outlook.window.present.saturating_add(reserve))
}
