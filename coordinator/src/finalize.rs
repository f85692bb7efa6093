//! The end of a poll on a chain: one proof in one transaction.

use std::time::Duration;

use maci_nova_chain::clock::duration;
use maci_nova_chain::{self as chain, BlockId, Chain, Observer};
use maci_nova_compressor::decider::{contract, Prover};
use maci_nova_contracts::alloy_primitives::{Address, B256, U256};
use maci_nova_contracts::bindings::{DeciderVerifier, Poll};
use maci_nova_contracts::decider::key_words;
use maci_nova_contracts::poll::PollState;
use maci_nova_protocol::tally::OptionResult;
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::operator::funds;
use maci_nova_sdk::poll::contract::{view, PollContract};
use maci_nova_sdk::poll::file::PollFile;

use crate::coordinator::{Coordinator, CoordinatorContext};
use crate::directory::ProofDirectory;
use crate::error::Error;
use crate::prove::decider::Proven;
use crate::prove::finalization::{calldata, Document, Finalization, SegmentProof, Transaction};
use crate::prove::keys::DeciderKeys;
use crate::segments::cost::SEGMENT_GAS;

/// Follows a poll to its end, proves and finalizes it. What was done before is not done again.
///
/// # Errors
/// As for [`prove`]; [`maci_nova_sdk::Error::OnChain`] if the poll has other results. What was done
/// is kept.
pub fn finalize<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    context: CoordinatorContext<'_>,
    directory: &ProofDirectory,
    keys: &DeciderKeys,
    every: Duration,
) -> Result<Document, Error> {
    let Proven {
        finalization,
        document,
    } = prove(chain, context, directory, keys, every)?;
    let sent = send(chain, from, context.poll, &finalization)?;
    // The poll has its results: nothing is left to be proven.
    directory.remove_checkpoint()?;
    Ok(document.finalized(&sent.segments, sent.last.as_ref()))
}

/// Follows a poll to its end and proves it. The proof is in the directory then, where
/// [`finalize`] finds it; nothing is sent.
///
/// # Errors
/// As for [`Coordinator::open`] and [`Coordinator::work`]; [`maci_nova_sdk::Error::OnChain`] if the
/// poll is over, or its deadline has passed. What was done is kept.
pub fn prove<C: Chain + ?Sized>(
    chain: &C,
    context: CoordinatorContext<'_>,
    directory: &ProofDirectory,
    keys: &DeciderKeys,
    every: Duration,
) -> Result<Proven, Error> {
    let (poll, observer) = (context.poll, context.observer);
    let path = directory.decider();
    let mut coordinator = Coordinator::open(context, directory)?;
    coordinator.read(chain)?;
    let stored = match coordinator.has_ended(chain)? {
        // One that is not of this poll is proven again.
        true => coordinator.conclusion(keys).stored(&path).ok(),
        false => None,
    };
    let proven = match stored {
        Some(stored) => {
            observer.note(&format!("{} has the proof", path.display()));
            if !coordinator.second_agrees()? {
                let text =
                    "the second node does not have the poll that was proven: nothing is sent";
                return Err(poll.not_now(text).into());
            }
            stored
        }
        None => {
            check_not_over(chain, poll)?;
            if context.workers.is_none() && directory.segments().plan.exists() {
                observer.warn("what is proven in segments is not used without --nats: the count is folded here, whole");
            }
            match context.workers {
                None => coordinator.follow(chain, every)?,
                Some(_) => coordinator.follow_to_the_end(chain, every)?,
            }
            check_deadline(chain, poll)?;
            coordinator.check_interrupt()?;
            // Where the node was late, the proof that is there could not be told to be the poll's.
            match coordinator.conclusion(keys).stored(&path) {
                Ok(stored) => stored,
                Err(_) => prove_ended(&mut coordinator, chain, directory, keys, every)?,
            }
        }
    };
    proven.document.write(&path)?;
    // With the proofs on disk their salts are needed no more, nor are jobs.
    directory.segments().remove()?;
    if let (Some(workers), false) = (context.workers, proven.finalization.segments.is_empty()) {
        workers.forget(&poll.domain(), observer);
    }
    coordinator.check_interrupt()?;
    Ok(proven)
}

/// Proves a poll that has ended: in segments, where there are workers and it is worth it, or whole.
fn prove_ended<C: Chain + ?Sized>(
    coordinator: &mut Coordinator<'_>,
    chain: &C,
    directory: &ProofDirectory,
    keys: &DeciderKeys,
    every: Duration,
) -> Result<Proven, Error> {
    if let Some(proven) = coordinator.prove_in_segments(chain, directory, keys, every)? {
        return coordinator.conclusion(keys).conclude(proven);
    }
    coordinator.follow(chain, every)?;
    coordinator.conclusion(keys).prove(coordinator.fold())
}

/// A poll that has its results, or was given up, needs no proof.
pub fn check_not_over<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<(), Error> {
    let text = match poll.state(chain)? {
        PollState::Finalized => "it has its results, proven elsewhere",
        PollState::Aborted => "it was aborted and takes no results any more",
        _ => return Ok(()),
    };
    Err(poll.inconsistent(text).into())
}

/// Gas of the transaction with a proof and the results of so many options, and a little more.
fn gas(options: u64) -> u64 {
    450_000 + 6_700 * options
}

/// Checks what can be known before there are keys and a proof: that the poll still takes one. That
/// the account cannot pay now for it, and for so many segments before it, is a warning, since there may be days until then.
///
/// # Errors
/// [`maci_nova_sdk::Error::OnChain`] if the poll is over, or its deadline has passed.
pub fn check_ahead<C: Chain + ?Sized>(
    chain: &C,
    from: Address,
    poll: &PollContract,
    segments: u32,
    observer: &dyn Observer,
) -> Result<(), Error> {
    check_not_over(chain, poll)?;
    check_deadline(chain, poll)?;
    let what = "what finalizes the poll";
    let gas = gas(poll.header().vote_options)
        .saturating_add(u64::from(segments) * (SEGMENT_GAS + SEGMENT_GAS / 8));
    match funds::require(chain, from, gas, what) {
        Err(error @ maci_nova_sdk::Error::OnChain(_)) => {
            observer.warn(&format!("{error}; give it money before the poll's end"));
            Ok(())
        }
        other => Ok(other?),
    }
}

/// Nobody takes a proof from the deadline on.
fn check_deadline<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<(), Error> {
    let newest = chain.block(BlockId::Latest);
    let now = newest.map_err(on_chain("read a block"))?.timestamp;
    let deadline = poll.deadline(chain)?;
    if now < deadline {
        return Ok(());
    }
    Err(Error::on_chain(format!(
        "poll {}: the deadline passed {} ago; anyone may abort it now, and depositors withdraw",
        poll.address,
        duration((now - deadline) as f64)
    )))
}

/// The transactions of a finalization; none for each that was sent before, by whomever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Of the segments before the last.
    pub segments: Vec<Option<Transaction>>,
    /// The one that gives the poll its results.
    pub last: Option<Transaction>,
}

/// Sends a proof to the poll, and before it those of its segments, unless the poll has its results already: then nothing is sent.
/// Anybody may send them.
///
/// # Errors
/// [`maci_nova_sdk::Error::OnChain`] if the poll has other results.
pub fn send<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    finalization: &Finalization,
) -> Result<Sent, Error> {
    if let Some(results) = stored(chain, poll)? {
        return agree(poll, &results, finalization).map(|()| Sent::default());
    }
    let mut sent = Sent::default();
    let failed = match send_all(chain, from, poll, finalization, &mut sent) {
        Ok(()) => return Ok(sent),
        Err(error) => error,
    };
    // Somebody else may have finalized it: whoever has seen these transactions, or counts too.
    match stored(chain, poll) {
        Ok(Some(results)) => agree(poll, &results, finalization).map(|()| sent),
        _ => Err(failed),
    }
}

/// Sends what is not there, and adds to what was sent.
fn send_all<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    finalization: &Finalization,
    sent: &mut Sent,
) -> Result<(), Error> {
    for segment in &finalization.segments {
        let transaction = send_segment(chain, from, poll, segment)?;
        sent.segments.push(transaction);
    }
    // The contract stores what was sent, or reverts.
    let receipt = chain
        .send(from, Some(poll.address), calldata(finalization), U256::ZERO)
        .map_err(on_chain("finalize the poll"))?;
    sent.last = Some(receipt.into());
    Ok(())
}

/// The results that the poll has.
fn stored<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
) -> Result<Option<Vec<OptionResult>>, Error> {
    match poll.state(chain)? {
        PollState::Finalized => Ok(Some(poll.results(chain)?)),
        _ => Ok(None),
    }
}

/// Whether they are those that were proven.
fn agree(
    poll: &PollContract,
    results: &[OptionResult],
    finalization: &Finalization,
) -> Result<(), Error> {
    match results == finalization.statement.results {
        true => Ok(()),
        false => Err(poll
            .inconsistent("its results are others than those that were proven")
            .into()),
    }
}

/// Sends the proof of a segment, unless its link is proven: by an earlier transaction, or by somebody who has seen this one.
fn send_segment<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    segment: &SegmentProof,
) -> Result<Option<Transaction>, Error> {
    let (_, link) = segment.links();
    let is_proven = |chain: &C| poll.ask(chain, &Poll::linkProvenCall { link });
    if is_proven(chain)? {
        return Ok(None);
    }
    match chain::send(chain, from, poll.address, &segment.call(), U256::ZERO) {
        Ok(receipt) => Ok(Some(receipt.into())),
        Err(error) => match is_proven(chain) {
            Ok(true) => Ok(None),
            // Of a node that cannot be asked either, the first failure says more.
            _ => Err(on_chain("have a segment verified")(error).into()),
        },
    }
}

/// Whether proofs of these keys are what the poll's verifier accepts.
pub fn check_verifier<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    prover: &Prover,
) -> Result<(), Error> {
    let call = DeciderVerifier::verifyingKeyCall {};
    let found = view(chain, poll.info.verifier, &call, "read the verifier's key")?;
    let key = contract::key(&prover.verifying_key()).map_err(Error::internal)?;
    match key_words(&key) == found {
        true => Ok(()),
        false => Err(Error::OtherParameters(format!(
            "the decider's keys in the cache are not those of the poll's verifier {}; the setup has to be the one that it was deployed with, and the proving key (decider-….key) that of its operator, in the cache folder",
            poll.info.verifier
        ))),
    }
}

/// Whether the proving key is the one that the deployment was made with, of which the poll file has the digest. Its verifying key
/// alone says nothing of its lists of points: with wrong ones the proof fails, when the poll is over and time runs.
///
/// # Errors
/// [`Error::OtherParameters`]; none where the poll file names no keys.
pub fn check_file(file: &PollFile, digest: [u8; 32]) -> Result<(), Error> {
    let found = B256::from(digest);
    match file.keys {
        Some(keys) if keys.decider != found => {
            Err(Error::OtherParameters(format!(
                "the decider's proving key in the cache has digest {}, and the deployment's {}: it is damaged or somebody else's; make it again with ceremony finish, or get the file of whoever deployed",
                found,
                keys.decider
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
