//! A poll's own code, and that of its verifier.

use maci_nova_chain::Chain;
use maci_nova_compressor::decider::{contract, DeciderKey};
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::bindings::{BundleVerifier, DeciderVerifier, JoinVerifier};
use maci_nova_contracts::decider::{deploy_code, Key};
use maci_nova_folding::{blinding_generator, known_tau};
use maci_nova_protocol::tree::capacity;

use crate::code::Comparison;
use crate::error::Error;
use crate::poll::contract::{view, PollContract};
use crate::poll::keys;

/// A poll's verifier whose code is known to be the compiled contract's with this key.
pub(super) struct Verifier {
    /// Its key.
    pub(super) key: DeciderKey,
    /// Why somebody may be able to forge, if a reason is known.
    pub(super) insecure: Option<String>,
    /// [`keys::digest`] of it and of the keys of joins and bundles.
    pub(super) digest: B256,
}

impl Verifier {
    /// Reads the verifier of a poll and compares its code.
    pub(super) fn read<C: Chain + ?Sized>(
        chain: &C,
        poll: &PollContract,
        comparison: &mut Comparison<'_, C>,
    ) -> Result<Self, Error> {
        let contract = poll.info.verifier;
        let what = "read the verifier";
        let said = view(chain, contract, &DeciderVerifier::verifyingKeyCall {}, what)?;
        // Whose code is compared with that of MACI's, which the poll names.
        let plain = keys::plain_keys(chain, poll.info.joinVerifier, poll.info.bundleVerifier)?;
        let development = view(chain, contract, &DeciderVerifier::DEVELOPMENTCall {}, what)?;
        let key = Key::from_words(&said)
            .ok_or_else(|| poll.inconsistent("its verifier's key has an invalid point"))?;
        let options = capacity(poll.header().vote_option_tree_depth) as usize;
        let code = deploy_code(&key, options, development);
        comparison.require("DeciderVerifier", contract, code)?;
        if key.h != blinding_generator() {
            return Err(poll.inconsistent(
                "the base of blindings in its verifier's key is not the one hashed to the curve: proofs may be forged",
            ));
        }
        Ok(Verifier {
            insecure: insecure(chain, poll, &key, development)?,
            digest: keys::digest(&said, &plain),
            key: contract::from_key(&key),
        })
    }
}

/// The first reason why whoever made the keys may be able to forge.
fn insecure<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    key: &Key,
    development: bool,
) -> Result<Option<String>, Error> {
    let call = JoinVerifier::DEVELOPMENTCall {};
    let joins = view(
        chain,
        poll.info.joinVerifier,
        &call,
        "read the join verifier",
    )?;
    let call = BundleVerifier::DEVELOPMENTCall {};
    let bundles = view(
        chain,
        poll.info.bundleVerifier,
        &call,
        "read the bundle verifier",
    )?;
    if let Some(setup) = known_tau(&key.tau) {
        return Ok(Some(format!("the verifier's key rests on {setup}")));
    }
    let reasons = [
        (development, keys::DECIDER),
        (joins, keys::JOIN),
        (bundles, keys::BUNDLE),
    ];
    let reason = reasons.into_iter().find(|(holds, _)| *holds);
    Ok(reason.map(|(_, reason)| reason.into()))
}
