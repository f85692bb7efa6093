//! What a final proof proves about a poll whose public facts one has.

use ff::Field;
use maci_nova_folding::{engine::Statement, ParametersDigest, SetupOrigin};
use maci_nova_protocol::{
    hash_chain,
    log::PublicFacts,
    poll::{HeaderError, State},
    tally::{results_root, OptionResult},
};
use maci_nova_step_circuit::{Fr, Shape};

use crate::{snark, FinalProof, VerifierKey};

/// What has been proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenResults {
    /// Votes and spent voice credits of each option.
    pub results: Vec<OptionResult>,
    /// Voice credits spent on all options.
    pub total_spent: u128,
    /// Steps that were folded.
    pub steps: u64,
    /// The setup that all of this rests on.
    pub origin: SetupOrigin,
    /// Root of the final state tree; blinded, so it reveals nothing.
    pub state_root: Fr,
}

/// Why a proof is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It was made with other parameters: another shape, setup or version of the circuit.
    #[error("the proof is for parameters {proof}, these are {key}")]
    OtherParameters {
        /// The proof's.
        proof: ParametersDigest,
        /// The verifier key's.
        key: ParametersDigest,
    },
    /// The shape it states is not that of its parameters.
    #[error("the proof states shape {proof:?}, its parameters have {key:?}")]
    OtherShape {
        /// The proof's.
        proof: Shape,
        /// The verifier key's.
        key: Shape,
    },
    /// The setup it states is not that of its parameters.
    #[error("the proof states the setup {proof}, its parameters have {key}")]
    OtherSetup {
        /// The proof's.
        proof: SetupOrigin,
        /// The verifier key's.
        key: SetupOrigin,
    },
    /// The facts' header is not that of a poll. The circuit relies on its ranges: option numbers
    /// that fit into the trees, a poll id of 50 bits, a coordinator key of the subgroup.
    #[error("the poll's header is invalid: {0}")]
    Header(#[from] HeaderError),
    /// The poll's header is not that of the facts.
    #[error("the proof is for another poll")]
    OtherPoll,
    /// The tree depths in the poll's header are not the circuit's.
    #[error("the poll's trees have other depths than the circuit")]
    PollShape,
    /// The voters who joined, or their order, keys or voice credits, are not those of the facts.
    #[error("the proof is for other voters than those who joined")]
    JoinChain,
    /// The number of voters is not that of the facts.
    #[error("the proof is for another number of voters than joined")]
    JoinCount,
    /// The messages are not those of the facts.
    #[error("the proof is for other messages than those that were sent")]
    MessageHead,
    /// Not all messages were processed.
    #[error("the proof leaves messages out")]
    MessagesLeft,
    /// There is not one result for each option.
    #[error("the proof has {found} results for {expected} options")]
    ResultsCount {
        /// The poll's options.
        expected: u64,
        /// Results in the proof.
        found: usize,
    },
    /// The results are not those of the proven tally.
    #[error("the results are not the proven ones")]
    Results,
    /// The proof states that there were no steps.
    #[error("the proof states that nothing was proven")]
    NoSteps,
    /// The SNARK is false or malformed.
    #[error("the proof is false: {0}")]
    False(String),
}

/// Verifies that `proof` counts the poll with these public facts, completely.
///
/// Accepting means: from the empty poll of `facts.header`, exactly the joins of `facts` and then
/// exactly its messages, in reverse order, lead to the results returned, under the protocol's
/// rules. Nothing in the proof is trusted, and no bytes in it cause a panic.
///
/// # Errors
/// The first check that fails, see [`VerifyError`].
pub fn verify(
    key: &VerifierKey,
    proof: &FinalProof,
    facts: &PublicFacts,
) -> Result<ProvenResults, VerifyError> {
    check_parameters(key, proof)?;
    check_poll(proof, facts)?;
    check_joins(&proof.state, facts)?;
    check_messages(&proof.state, facts)?;
    let total_spent = check_results(proof)?;
    check_snark(key, proof)?;
    Ok(ProvenResults {
        results: proof.results.clone(),
        total_spent,
        steps: proof.steps,
        origin: key.origin,
        state_root: proof.state.state_root,
    })
}

fn check_parameters(key: &VerifierKey, proof: &FinalProof) -> Result<(), VerifyError> {
    if proof.parameters != key.parameters {
        return Err(VerifyError::OtherParameters {
            proof: proof.parameters,
            key: key.parameters,
        });
    }
    if proof.shape != key.shape {
        return Err(VerifyError::OtherShape {
            proof: proof.shape,
            key: key.shape,
        });
    }
    if proof.origin != key.origin {
        return Err(VerifyError::OtherSetup {
            proof: proof.origin,
            key: key.origin,
        });
    }
    Ok(())
}

fn check_poll(proof: &FinalProof, facts: &PublicFacts) -> Result<(), VerifyError> {
    facts.header.validate()?;
    if proof.header != facts.header {
        return Err(VerifyError::OtherPoll);
    }
    let depths = (
        proof.header.state_tree_depth,
        proof.header.vote_option_tree_depth,
    );
    if depths != (proof.shape.state_depth, proof.shape.vote_depth) {
        return Err(VerifyError::PollShape);
    }
    Ok(())
}

fn check_joins(state: &State, facts: &PublicFacts) -> Result<(), VerifyError> {
    if state.join_chain != facts.join_chain {
        return Err(VerifyError::JoinChain);
    }
    if state.next_state_index != Fr::from(facts.next_state_index) {
        return Err(VerifyError::JoinCount);
    }
    Ok(())
}

/// Every message is processed: the head is the facts' and the cursor has reached the chain's start;
/// or there is none, and the state says that none was begun with. No bundle is open.
fn check_messages(state: &State, facts: &PublicFacts) -> Result<(), VerifyError> {
    // The contract has a 0 in its last state.
    if state.outer_cursor != Fr::ZERO {
        return Err(VerifyError::MessagesLeft);
    }
    let none = state.message_head == Fr::ZERO && state.message_cursor == Fr::ZERO;
    if none && facts.message_head == hash_chain::zero() {
        return Ok(());
    }
    if state.message_head != facts.message_head {
        return Err(VerifyError::MessageHead);
    }
    if state.message_cursor != hash_chain::zero() {
        return Err(VerifyError::MessagesLeft);
    }
    Ok(())
}

/// The results are the leaves under the proven tally root; returns what was spent in total.
fn check_results(proof: &FinalProof) -> Result<u128, VerifyError> {
    if proof.results.len() as u64 != proof.header.vote_options {
        return Err(VerifyError::ResultsCount {
            expected: proof.header.vote_options,
            found: proof.results.len(),
        });
    }
    let root = results_root(proof.header.vote_option_tree_depth, &proof.results)
        .map_err(|_| VerifyError::Results)?;
    if root != proof.state.tally_root {
        return Err(VerifyError::Results);
    }
    let spent = |sum: u128, result: &OptionResult| sum.checked_add(result.spent);
    proof
        .results
        .iter()
        .try_fold(0, spent)
        .ok_or(VerifyError::Results)
}

fn check_snark(key: &VerifierKey, proof: &FinalProof) -> Result<(), VerifyError> {
    if proof.steps == 0 {
        return Err(VerifyError::NoSteps);
    }
    let statement = Statement {
        steps: proof.steps,
        z0: &State::initial(&proof.header).to_array(),
        z: &proof.state.to_array(),
    };
    snark::verify(&key.engine, &proof.snark, &statement)
        .map_err(|error| VerifyError::False(error.to_string()))
}
