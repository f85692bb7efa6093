//! The code of a poll's contracts, which must be that of the compiled contracts here.
//!
//! Compiled contracts are deployed in an EVM that holds nothing else, with the arguments that the
//! contracts on the chain say they were made with. What comes out is what must be on the chain, but
//! for addresses: those of libraries, and of what polls execute, are put in the places of the
//! EVM's.

use maci_nova_chain::{self as chain, Chain};
use maci_nova_compressor::decider::{contract, DeciderKey};
use maci_nova_contracts::alloy_primitives::{keccak256, Address, Bytes, B256};
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::artifact::{self, Artifact, ArtifactError, Libraries};
use maci_nova_contracts::bindings::{DeciderVerifier, JoinVerifier, MACI};
use maci_nova_contracts::decider::{deploy_code, Key};
use maci_nova_contracts::deploy::poll_implementation;
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::poll::{arguments, clone_address, clone_code};
use maci_nova_folding::{blinding_generator, is_development_tau};
use maci_nova_protocol::tree::capacity;
use rand_core::{OsRng, RngCore};

use crate::error::{on_chain, Error};
use crate::poll::contract::{view, PollContract};
use crate::poll::keys;

/// The libraries that a poll calls.
const LIBRARIES: [Artifact; 3] = [
    artifact::POSEIDON_T4,
    artifact::POSEIDON_T5,
    artifact::POSEIDON_T6,
];

/// A poll's verifier whose code is known to be the compiled contract's with this key.
pub(super) struct Verifier {
    /// Its key.
    pub(super) key: DeciderKey,
    /// Why somebody may be able to forge, if a reason is known.
    pub(super) insecure: Option<&'static str>,
    /// keccak256 of the key, encoded as the contract's constructor takes it.
    pub(super) digest: B256,
}

impl Verifier {
    /// Reads the verifier of a poll and compares its code.
    pub(super) fn read<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<Self, Error> {
        let contract = poll.info.verifier;
        let what = "read the verifier";
        let said = view(chain, contract, &DeciderVerifier::verifyingKeyCall {}, what)?;
        let development = view(chain, contract, &DeciderVerifier::DEVELOPMENTCall {}, what)?;
        let key = Key::from_words(&said)
            .ok_or_else(|| poll.inconsistent("its verifier's key has an invalid point"))?;
        let options = capacity(poll.header().vote_option_tree_depth) as usize;
        let mut evm = Evm::new();
        let code = deploy_code(&key, options, development);
        let deployed = chain::deploy(&mut evm, SENDER, code).map_err(|error| {
            poll.inconsistent(&format!("its verifier's key is invalid: {error}"))
        })?;
        if code_at(chain, contract)? != code_at(&evm, deployed.contract)? {
            return Err(poll.inconsistent(
                "the code of its verifier is not the compiled contract's with its key",
            ));
        }
        if key.h != blinding_generator() {
            return Err(poll.inconsistent(
                "the base of blindings in its verifier's key is not the one hashed to the curve: proofs may be forged",
            ));
        }
        Ok(Verifier {
            insecure: insecure(chain, poll, &key, development)?,
            digest: keccak256(said.abi_encode()),
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
) -> Result<Option<&'static str>, Error> {
    let call = JoinVerifier::DEVELOPMENTCall {};
    let joins = view(
        chain,
        poll.info.joinVerifier,
        &call,
        "read the join verifier",
    )?;
    let reasons = [
        (
            is_development_tau(&key.tau),
            "the verifier's key rests on the development setup, whose secret is public",
        ),
        (development, keys::DECIDER),
        (joins, keys::JOIN),
    ];
    let found = reasons.into_iter().find(|(applies, _)| *applies);
    Ok(found.map(|(_, reason)| reason))
}

/// Checks that the poll is a clone of the compiled contract, made with what it says of itself: its
/// address is the hash of its code and arguments (CREATE2), so its storage was empty when it was
/// made, whatever the factory is. Compares the code of what it executes, and of the libraries that
/// this calls.
pub(super) fn check_poll<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<(), Error> {
    let other = || poll.inconsistent("its code is not the compiled contract's with its settings");
    let found = code_at(chain, poll.address)?;
    let implementation = found
        .get(IMPLEMENTATION..IMPLEMENTATION + Address::len_bytes())
        .map(Address::from_slice)
        .ok_or_else(other)?;
    let arguments = arguments(&poll.info);
    if found != clone_code(implementation, &arguments) {
        return Err(other());
    }
    let what = "read the factory of polls";
    let factory = view(chain, poll.info.maci, &MACI::FACTORYCall {}, what)?;
    if clone_address(factory, implementation, &arguments) != poll.address {
        return Err(poll.inconsistent(
            "it is not where its MACI's factory makes a poll of this code: it may have had another state at first",
        ));
    }
    check_implementation(chain, poll, implementation)
}

/// Where the address of what it executes stands in the code of a clone.
const IMPLEMENTATION: usize = 10;

fn check_implementation<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    implementation: Address,
) -> Result<(), Error> {
    let other = || {
        poll.inconsistent(&format!(
            "the code at {implementation}, which it executes, is not that of a poll"
        ))
    };
    let found = code_at(chain, implementation)?;
    let mut evm = Evm::with_chain_id(poll.chain_id);
    // Libraries are found again by their addresses. From an account drawn here they are at
    // addresses that nothing else in the code is, by chance or by design.
    let mut drawn = [0; 20];
    OsRng.fill_bytes(&mut drawn);
    let deployer = Address::from(drawn);
    evm.add_account(deployer);
    let libraries = libraries(&mut evm, deployer)?;
    let code = poll_implementation(&libraries).map_err(malformed)?;
    let deployed = chain::deploy(&mut evm, deployer, code).map_err(on_chain(EMBEDDED))?;
    let compiled = code_at(&evm, deployed.contract)?;
    let mut expected = compiled.to_vec();
    // It has its own address in its code, so that it can refuse to be called otherwise than by a
    // clone.
    moved(
        &mut expected,
        &compiled,
        &deployed.contract,
        &implementation,
    );
    for (name, here) in &libraries {
        let there = places(&compiled, here)
            .first()
            .and_then(|place| found.get(*place..place + Address::len_bytes()))
            .ok_or_else(other)?;
        let there = Address::from_slice(there);
        moved(&mut expected, &compiled, here, &there);
        check_library(chain, poll, &evm, name, *here, there)?;
    }
    match found == expected {
        true => Ok(()),
        false => Err(other()),
    }
}

/// A library has its own address in its code, so that it can refuse to be called otherwise than by
/// a delegation.
fn check_library<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    evm: &Evm,
    name: &str,
    here: Address,
    there: Address,
) -> Result<(), Error> {
    let compiled = code_at(evm, here)?;
    let mut expected = compiled.to_vec();
    moved(&mut expected, &compiled, &here, &there);
    match code_at(chain, there)? == expected {
        true => Ok(()),
        false => Err(poll.inconsistent(&format!(
            "the code at {there}, which it calls, is not that of {name}"
        ))),
    }
}

fn libraries(evm: &mut Evm, deployer: Address) -> Result<Libraries, Error> {
    let mut libraries = Libraries::new();
    for library in LIBRARIES {
        let code = library.link(&Libraries::new()).map_err(malformed)?;
        let deployed = chain::deploy(evm, deployer, code).map_err(on_chain(EMBEDDED))?;
        libraries.insert(library.name.to_owned(), deployed.contract);
    }
    Ok(libraries)
}

/// Completes "cannot ...".
const EMBEDDED: &str = "deploy the compiled contracts in the embedded EVM";

fn malformed(error: ArtifactError) -> Error {
    Error::Internal(error.to_string())
}

fn code_at<C: Chain + ?Sized>(chain: &C, contract: Address) -> Result<Bytes, Error> {
    chain
        .code(contract)
        .map_err(on_chain(format!("read the code at {contract}")))
}

/// Where an address stands in code.
fn places(code: &[u8], address: &Address) -> Vec<usize> {
    let windows = code.windows(Address::len_bytes()).enumerate();
    let found = windows.filter(|(_, window)| *window == address.as_slice());
    found.map(|(place, _)| place).collect()
}

/// Puts `there` into `code` where `compiled` has `here`.
fn moved(code: &mut [u8], compiled: &[u8], here: &Address, there: &Address) {
    for place in places(compiled, here) {
        if let Some(slot) = code.get_mut(place..place + Address::len_bytes()) {
            slot.copy_from_slice(there.as_slice());
        }
    }
}
