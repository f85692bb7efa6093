//! Verifying a finalized poll with nothing but its chain.
//!
//! [`verify`] takes no one's word for the count: it rebuilds the poll's hash chains from the
//! events, takes the proof from the transaction that finalized the poll, and verifies it here, in
//! Rust, against the statement that follows from the events and the stored results. It also
//! compares the code of the poll, of MACI, of the factory, the registry, both verifiers and the
//! Poseidon libraries with the contracts that are part of this program, byte by byte, with the
//! poll's settings and the verifiers' keys in their places; and it rebuilds the tree of sign-ups
//! from MACI's events.
//!
//! # What follows from it
//!
//! * The stored results are those of a count of exactly the joins, messages and top-ups in the
//!   poll's events, all of them and in their order, under the header that the contract names.
//! * The contract's rules are the compiled contract's, for everything after its creation.
//! * Nobody can open the proof's commitments to something else by knowing the logarithm of the
//!   blindings' base: it is the one that this program hashes to the curve.
//!
//! # What is still trusted
//!
//! * **The setup behind the verifying key.** From a key alone nobody can tell which circuit it is
//!   for, nor whether somebody kept its trapdoors. Whoever has the proving key, or the transcript
//!   of the ceremony that made it, can check that; this does not, nor does it compare `[tau]_2`
//!   with a file of powers. A key that says that it is one for development, or that has the
//!   development setup's tau, is told apart and is INSECURE. [`KeyPolicy::digest`] is for who has it
//!   from somebody that checked.
//! * **MACI, the contract that the poll file names.** Its code is compared, and every sign-up and
//!   poll that it counts has its event. But code does not show what a contract's storage began
//!   with: whoever deployed it by other means than `deploy` may have put roots of trees that are
//!   not the sign-ups' where no sign-up has come to yet, and have joined with them. Whoever has the
//!   transaction that made it can look at its code.
//! * **Who may join and with how many credits.** Gatekeepers and proxies of credits are compared
//!   with the compiled ones; [`VerifiedPoll::unknown`] tells which are others. A policy's and a
//!   token's code is not compared. That the join verifier says that its key is one for development
//!   is told.
//! * **The node.** One that lies about everything, the contracts' code too, can show a poll that
//!   never was. Ask one that is your own, or several.
//! * Everything in `docs/soundness.md`.
//!
//! The proof of a poll that was finalized by way of another contract is not in the transaction's
//! input, where it is looked for; anybody who has it can give it. Of a count that was proven in
//! segments that is the last one's proof; those before it are in the poll's events.

mod code;
mod history;
pub mod import;
mod registers;
mod segments;

use maci_nova_chain::{BlockId, Chain, Log};
use maci_nova_compressor::decider::{self, DeciderError, DeciderProof, DeciderStatement};
use maci_nova_contracts::alloy_primitives::{Address, B256, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::Poll::{self, finalizeCall, finalizeFromCall};
use maci_nova_contracts::poll::PollState;
use maci_nova_contracts::words;
use maci_nova_protocol::hash_chain;
use maci_nova_protocol::log::PublicFacts;
use maci_nova_protocol::poll::State;
use maci_nova_protocol::tally::{results_root, OptionResult};
use maci_nova_protocol::Fr;

use crate::code::{check_poll, Comparison};
use crate::error::{on_chain, Error};
use crate::hint::Hint;
use crate::poll::contract::PollContract;
use crate::poll::keys::KeyPolicy;
use code::Verifier;
use history::History;
use maci_nova_chain::Observer;

/// A finalized poll whose results are proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPoll {
    /// What each option received.
    pub results: Vec<OptionResult>,
    /// Voice credits spent on all options.
    pub total_spent: u128,
    /// Those who joined.
    pub voters: u64,
    /// Places in the message chain: a message or a top-up takes one, a bundle one more than it has
    /// messages.
    pub messages: u64,
    /// The root of the state tree after the count.
    pub state_root: Fr,
    /// The contract that accepted the proof.
    pub verifier: Address,
    /// Why the proof shows nothing to somebody who does not trust whoever made the keys; `None` if
    /// there is no known reason.
    pub insecure: Option<String>,
    /// [`keys::digest`](crate::poll::keys::digest) of both verifying keys: names the ceremony that
    /// everything rests on.
    pub key_digest: B256,
    /// Contracts of others that decide who votes.
    pub unknown: Unknown,
    /// The transaction that finalized the poll.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
}

/// Whether the code of contracts that may be anybody's is another than that of the compiled ones: then
/// only who reads it knows what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What decides who signs up.
    pub gatekeeper: bool,
    /// What gives voters their credits.
    pub credits: bool,
}

/// What else [`verify`] demands, and where it finds the proof.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyOptions<'a> {
    /// Which keys are relied on.
    pub keys: KeyPolicy,
    /// The proof, for a poll that was finalized by way of another contract: [`whole`] for one of
    /// all of the count.
    pub proof: Option<&'a finalizeFromCall>,
}

/// Verifies a finalized poll.
///
/// # Errors
/// [`Error::OnChain`] with what contradicts what; [`Error::NotNow`] if the poll is not finalized yet,
/// or the node leaves something out; [`Error::InsecureKeys`]; [`Error::Chain`] if the chain does not
/// answer. Some come with a hint: [`Error::without_hint`] has the variant.
pub fn verify<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    options: &VerifyOptions<'_>,
    observer: &dyn Observer,
) -> Result<VerifiedPoll, Error> {
    require_finalized(chain, poll)?;
    let mut comparison = Comparison::new(chain)?;
    let system = comparison.system(poll.maci.address)?;
    check_poll(chain, poll, &system)?;
    let verifier = Verifier::read(chain, poll, &mut comparison)?;
    let insecure = verifier.insecure.as_deref();
    options.keys.check(verifier.digest, insecure)?;
    let unknown = Unknown {
        gatekeeper: !comparison.knows_gatekeeper(system.gatekeeper)?,
        credits: !comparison.knows_credits(poll.info.settings.credits)?,
    };
    registers::check(chain, poll.maci, observer)?;
    let history = History::read(chain, poll, observer)?;
    if !poll.chains(chain)?.are_of(&history.facts) {
        return Err(poll
            .not_now("its events do not lead to its hash chains: the node leaves some out, or the poll file's first block is too late; try again, or another node")
            .with_hint(Hint::OtherNode));
    }
    let count = Count::read(chain, poll, &history.finalized, options.proof)?;
    count.check_stored(chain, poll)?;
    let start = segments::verified_start(poll, &verifier, &history.segments, count.link)?;
    check_proof(poll, &verifier, &count, (start, &history.facts))?;
    require_same_chain(chain, poll, &history.finalized)?;
    Ok(VerifiedPoll {
        total_spent: total(&count.results).spent,
        results: count.results,
        voters: history.facts.next_state_index - 1,
        messages: history.facts.message_count,
        state_root: count.state_root,
        verifier: poll.info.verifier,
        insecure: verifier.insecure,
        key_digest: verifier.digest,
        unknown,
        transaction: history.finalized.transaction,
        block: history.finalized.block_number,
    })
}

fn require_finalized<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<(), Error> {
    let reason = match poll.state(chain)? {
        PollState::Finalized => return Ok(()),
        PollState::Aborted => poll.inconsistent("it was aborted, there are no results to verify"),
        PollState::Pending | PollState::Open | PollState::Ended => {
            poll.not_now("it is not finalized, there are no results to verify yet")
        }
    };
    Err(reason)
}

/// All that was read is of one chain only if none of it was replaced meanwhile. The last event
/// shows that: nothing before it is replaced without it.
fn require_same_chain<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    finalized: &Log,
) -> Result<(), Error> {
    let block = chain
        .block(BlockId::Number(finalized.block_number))
        .map_err(on_chain("read the block that finalized the poll"))?;
    match block.hash == finalized.block_hash {
        true => Ok(()),
        false => Err(poll.not_now("the chain was reorganised while it was read; verify again")),
    }
}

/// What the transaction that finalized the poll claims.
struct Count {
    /// Where its proof begins: 0 for the poll's first state.
    link: U256,
    state_root: Fr,
    tally_root: Fr,
    results: Vec<OptionResult>,
    proof: DeciderProof,
    event: Poll::Finalized,
}

impl Count {
    fn read<C: Chain + ?Sized>(
        chain: &C,
        poll: &PollContract,
        log: &Log,
        given: Option<&finalizeFromCall>,
    ) -> Result<Self, Error> {
        let event: Option<Poll::Finalized> = log.decode();
        let event = event
            .ok_or_else(|| poll.inconsistent("its event of the results is not of the form"))?;
        let call = match given {
            Some(given) => given.clone(),
            None => finalize_call(chain, poll, log.transaction)?,
        };
        if (call.newStateRoot, call.tallyRoot) != (event.stateRoot, event.tallyRoot) {
            return Err(poll.inconsistent(
                "the proof, or the transaction that finalized it, has other roots than its event",
            ));
        }
        let root = |word: U256| {
            words::to_scalar(word).ok_or_else(|| poll.inconsistent("a root is not a field element"))
        };
        let results = call.newResults.iter().map(|result| OptionResult {
            votes: result.votes,
            spent: result.spent,
        });
        Ok(Count {
            link: call.link,
            state_root: root(call.newStateRoot)?,
            tally_root: root(call.tallyRoot)?,
            results: results.collect(),
            proof: proof_of(poll, &call.proof)?,
            event,
        })
    }

    /// What the contract tells everybody must be what was claimed, and the claims must fit each
    /// other.
    fn check_stored<C: Chain + ?Sized>(&self, chain: &C, poll: &PollContract) -> Result<(), Error> {
        let header = poll.header();
        let sums = total(&self.results);
        let stored = poll.ask(chain, &Poll::totalsCall {})?;
        let computed = results_root(header.vote_option_tree_depth, &self.results);
        let checks = [
            (
                self.results.len() as u64 == header.vote_options,
                "the transaction that finalized it does not have one result for each option",
            ),
            (
                poll.results(chain)? == self.results,
                "its stored results are not those of the transaction that finalized it",
            ),
            (
                (stored.votes, stored.spent) == (sums.votes, sums.spent),
                "its stored totals are not the sums of its results",
            ),
            (
                (self.event.totals.votes, self.event.totals.spent) == (sums.votes, sums.spent),
                "the totals in its event are not the sums of its results",
            ),
            (
                poll.ask(chain, &Poll::stateRootCall {})? == self.event.stateRoot,
                "its stored state root is not that of its event",
            ),
            (
                computed == Ok(self.tally_root),
                "its tally root is not that of its results",
            ),
            (
                self.event.results.len() == self.results.len()
                    && self
                        .event
                        .results
                        .iter()
                        .zip(&self.results)
                        .all(|(told, one)| (told.votes, told.spent) == (one.votes, one.spent)),
                "the results in its event are not those of the transaction that finalized it",
            ),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, contradiction)) => Err(poll.inconsistent(contradiction)),
            None => Ok(()),
        }
    }

    /// What the proof has to show, from the events and not from what the contract keeps.
    fn statement(
        &self,
        poll: &PollContract,
        (start, facts): ([Fr; 8], &PublicFacts),
    ) -> DeciderStatement {
        let header = poll.header();
        // Without messages there is no head, and the cursor has not moved.
        let (message_head, message_cursor) = match facts.message_count {
            0 => (Fr::from(0), Fr::from(0)),
            _ => (facts.message_head, hash_chain::zero()),
        };
        let last = State {
            poll: header.context(),
            join_chain: facts.join_chain,
            next_state_index: Fr::from(facts.next_state_index),
            message_head,
            message_cursor,
            outer_cursor: Fr::from(0),
            state_root: self.state_root,
            tally_root: self.tally_root,
        };
        DeciderStatement {
            domain: poll.domain(),
            z0: start,
            z: last.to_array(),
            results: self.results.clone(),
        }
    }
}

/// A proof from its words.
fn proof_of(poll: &PollContract, proof: &[U256; 22]) -> Result<DeciderProof, Error> {
    let bytes: Vec<u8> = proof
        .iter()
        .flat_map(|word| word.to_be_bytes::<32>())
        .collect();
    DeciderProof::from_bytes(&bytes)
        .map_err(|error| poll.inconsistent(&format!("its proof is invalid: {error}")))
}

/// A call that proves all of a count, as one that proves the last part of it: its link is 0, which
/// stands for the poll's first state.
pub fn whole(call: finalizeCall) -> finalizeFromCall {
    finalizeFromCall {
        link: U256::ZERO,
        newStateRoot: call.newStateRoot,
        tallyRoot: call.tallyRoot,
        newResults: call.newResults,
        proof: call.proof,
    }
}

/// The call that finalized the poll, from the transaction's input.
fn finalize_call<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    transaction: B256,
) -> Result<finalizeFromCall, Error> {
    let input = chain
        .input(transaction)
        .map_err(on_chain("read the transaction that finalized the poll"))?;
    let input = input.ok_or_else(|| {
        poll.not_now(&format!(
            "this node does not have transaction {transaction}, which finalized it: some keep no old ones"
        ))
        .with_hint(Hint::OtherNodeOrProof)
    })?;
    let from = finalizeFromCall::abi_decode_validate(&input.calldata);
    // The contract takes no link 0 there: that is the whole's.
    let from = from.ok().filter(|call| call.link != U256::ZERO);
    let call = from.or_else(|| {
        let call = finalizeCall::abi_decode_validate(&input.calldata);
        call.ok().map(whole)
    });
    call.filter(|_| input.to == Some(poll.address))
        .ok_or_else(|| {
            poll.inconsistent(&format!(
                "transaction {transaction} finalized it by way of another contract, so the proof is not in the transaction's input"
            ))
            .with_hint(Hint::Proof)
        })
}

fn check_proof(
    poll: &PollContract,
    verifier: &Verifier,
    count: &Count,
    told: ([Fr; 8], &PublicFacts),
) -> Result<(), Error> {
    let statement = count.statement(poll, told);
    decider::verify(&verifier.key, &statement, &count.proof).map_err(|error| match error {
        DeciderError::False => {
            poll.inconsistent("the proof does not show that these are the results of its events")
        }
        other => poll.inconsistent(&format!("the proof cannot be verified: {other}")),
    })
}

/// Sums over all options. Wrong claims may pass 2^128; they are refused by what they are compared
/// with.
fn total(results: &[OptionResult]) -> OptionResult {
    let add = |sum: OptionResult, result: &OptionResult| OptionResult {
        votes: sum.votes.saturating_add(result.votes),
        spent: sum.spent.saturating_add(result.spent),
    };
    results.iter().fold(OptionResult::default(), add)
}

#[cfg(test)]
mod tests;
