//! The code of contracts on a chain, which must be that of the compiled contracts here.
//!
//! Compiled contracts are deployed in an EVM that holds nothing else, with the arguments that the
//! contracts on the chain say they were made with. What comes out is what must be on the chain, but
//! for addresses: those of libraries, and the contract's own, are put in the places of the EVM's.
//!
//! Code has all immutable values in it, so a contract whose code is equal was also made with these
//! arguments. What its storage began with, code does not show.

use std::collections::BTreeSet;

use maci_nova_chain::{self as chain, Chain};
use maci_nova_contracts::alloy_primitives::{Address, Bytes};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::artifact::{self, Artifact, ArtifactError, Libraries};
use maci_nova_contracts::bindings::{
    BundleVerifier, ConstantInitialVoiceCreditProxy, DeciderVerifier, ExcubiaeGatekeeper,
    FreeForAllGatekeeper, JoinVerifier, PollFactory, SignUpTokenGatekeeper, VkRegistry,
    VotesInitialVoiceCreditProxy, MACI,
};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::poll::{arguments, clone_address, clone_code};
use maci_nova_contracts::{decider, deploy};
use rand_core::{OsRng, RngCore};

use crate::error::{on_chain, Error};
use crate::hint::Hint;
use crate::poll::contract::{view, PollContract};
use crate::poll::file::Contracts;

/// The libraries that contracts call.
const LIBRARIES: [Artifact; 4] = [
    artifact::POSEIDON_T3,
    artifact::POSEIDON_T4,
    artifact::POSEIDON_T5,
    artifact::POSEIDON_T6,
];

/// Completes "cannot ...".
const EMBEDDED: &str = "deploy the compiled contracts in the embedded EVM";

/// A chain, and an EVM with the compiled libraries.
pub(crate) struct Comparison<'a, C: ?Sized> {
    chain: &'a C,
    evm: Evm,
    deployer: Address,
    libraries: Libraries,
    /// Libraries of the chain whose code is known to be right.
    known: BTreeSet<(String, Address)>,
}

/// What MACI stands on, each with the compiled contract's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct System {
    /// The registry of verifiers.
    pub(crate) registry: Address,
    /// The verifier of join proofs.
    pub(crate) join_verifier: Address,
    /// The verifier of bundles.
    pub(crate) bundle_verifier: Address,
    /// The factory of polls.
    pub(crate) factory: Address,
    /// What all its polls execute.
    pub(crate) implementation: Address,
    /// What decides who signs up. Its code may be anybody's.
    pub(crate) gatekeeper: Address,
}

/// Checks that the poll is a clone of the compiled contract, made with what it says of itself: its
/// address is the hash of its code and arguments (CREATE2), so its storage was empty when it was
/// made, whatever the factory is.
pub(crate) fn check_poll<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    system: &System,
) -> Result<(), Error> {
    let other = || poll.inconsistent("its code is not the compiled contract's with its settings");
    let found = code_at(chain, poll.address)?;
    let implementation = found
        .get(IMPLEMENTATION..IMPLEMENTATION + Address::len_bytes())
        .map(Address::from_slice)
        .ok_or_else(other)?;
    let arguments = arguments(&poll.info);
    if implementation != system.implementation || found != clone_code(implementation, &arguments) {
        return Err(other());
    }
    if clone_address(system.factory, implementation, &arguments) != poll.address {
        return Err(poll.inconsistent(
            "it is not where its MACI's factory makes a poll of this code: it may have had another state at first",
        ));
    }
    Ok(())
}

/// Where the address of what it executes stands in the code of a clone.
const IMPLEMENTATION: usize = 10;

impl<'a, C: Chain + ?Sized> Comparison<'a, C> {
    /// With contracts of a chain.
    pub(crate) fn new(chain: &'a C) -> Result<Self, Error> {
        let chain_id = chain.chain_id().map_err(on_chain("read the chain id"))?;
        let mut evm = Evm::with_chain_id(chain_id);
        // Addresses of the EVM's contracts are found again in code. From an account drawn here
        // they are nothing else in it, by chance or by design.
        let mut drawn = [0; 20];
        OsRng.fill_bytes(&mut drawn);
        let deployer = Address::from(drawn);
        evm.add_account(deployer);
        let mut libraries = Libraries::new();
        for library in LIBRARIES {
            let code = library.link(&Libraries::new()).map_err(malformed)?;
            let deployed = chain::deploy(&mut evm, deployer, code).map_err(on_chain(EMBEDDED))?;
            libraries.insert(library.name.to_owned(), deployed.contract);
        }
        Ok(Comparison {
            chain,
            evm,
            deployer,
            libraries,
            known: BTreeSet::new(),
        })
    }

    /// MACI and all that it stands on but the gatekeeper.
    pub(crate) fn system(&mut self, maci: Address) -> Result<System, Error> {
        let what = "read MACI";
        let system = System {
            registry: view(self.chain, maci, &MACI::REGISTRYCall {}, what)?,
            join_verifier: view(self.chain, maci, &MACI::JOIN_VERIFIERCall {}, what)?,
            bundle_verifier: view(self.chain, maci, &MACI::BUNDLE_VERIFIERCall {}, what)?,
            factory: view(self.chain, maci, &MACI::FACTORYCall {}, what)?,
            gatekeeper: view(self.chain, maci, &MACI::GATEKEEPERCall {}, what)?,
            implementation: Address::ZERO,
        };
        self.registry(system.registry)?;
        self.join_verifier(system.join_verifier)?;
        self.bundle_verifier(system.bundle_verifier)?;
        let implementation = self.factory(system.factory)?;
        let arguments = MACI::constructorCall {
            gatekeeper: system.gatekeeper,
            factory: system.factory,
            registry: system.registry,
            joinVerifier: system.join_verifier,
            bundleVerifier: system.bundle_verifier,
            joinDepth: view(self.chain, maci, &MACI::JOIN_DEPTHCall {}, what)?,
        };
        let code = artifact::MACI.code(&self.libraries, &arguments);
        self.require("MACI", maci, code.map_err(malformed)?)?;
        Ok(System {
            implementation,
            ..system
        })
    }

    /// MACI of a deployment, which has to stand on the deployment's registry and join verifier.
    pub(crate) fn deployment(&mut self, contracts: &Contracts) -> Result<System, Error> {
        let system = self.system(contracts.maci.address)?;
        let stands_on = [
            ("registry", system.registry, contracts.registry),
            (
                "join verifier",
                system.join_verifier,
                contracts.join_verifier,
            ),
            (
                "bundle verifier",
                system.bundle_verifier,
                contracts.bundle_verifier,
            ),
        ];
        for (what, found, expected) in stands_on {
            if found != expected.address {
                return Err(Error::OnChain(format!(
                    "MACI {} has another {what}, {found}, than {}",
                    contracts.maci.address, expected.address
                )));
            }
        }
        Ok(system)
    }

    /// The key of a verifier of final proofs, whose code is the compiled contract's with this key.
    pub(crate) fn decider_verifier(
        &mut self,
        verifier: Address,
    ) -> Result<DeciderVerifier::VerifyingKey, Error> {
        let what = "read the verifier";
        let call = DeciderVerifier::verifyingKeyCall {};
        let said = view(self.chain, verifier, &call, what)?;
        let call = DeciderVerifier::DEVELOPMENTCall {};
        let development = view(self.chain, verifier, &call, what)?;
        let call = DeciderVerifier::MAX_OPTIONSCall {};
        let options = view(self.chain, verifier, &call, what)?;
        let invalid = || {
            Error::OnChain(format!(
                "the verifier {verifier} has a key or a size that is none"
            ))
        };
        let key = decider::Key::from_words(&said).ok_or_else(invalid)?;
        let options = usize::try_from(options).map_err(|_| invalid())?;
        let code = decider::deploy_code(&key, options, development);
        self.require("DeciderVerifier", verifier, code)?;
        Ok(said)
    }

    fn registry(&mut self, registry: Address) -> Result<(), Error> {
        let call = VkRegistry::PRODUCTIONCall {};
        let production = view(self.chain, registry, &call, "read the registry")?;
        // Its owner is in its storage, and not in its code.
        let code = deploy::vk_registry(&self.libraries, SENDER, production);
        self.require("VkRegistry", registry, code.map_err(malformed)?)?;
        self.lend(registry)
    }

    fn join_verifier(&mut self, verifier: Address) -> Result<(), Error> {
        let what = "read the join verifier";
        let arguments = JoinVerifier::constructorCall {
            key: view(
                self.chain,
                verifier,
                &JoinVerifier::verifyingKeyCall {},
                what,
            )?,
            development: view(
                self.chain,
                verifier,
                &JoinVerifier::DEVELOPMENTCall {},
                what,
            )?,
        };
        let code = artifact::JOIN_VERIFIER.code(&self.libraries, &arguments);
        self.require("JoinVerifier", verifier, code.map_err(malformed)?)?;
        self.lend(verifier)
    }

    fn bundle_verifier(&mut self, verifier: Address) -> Result<(), Error> {
        let what = "read the bundle verifier";
        let key = BundleVerifier::verifyingKeyCall {};
        let room = BundleVerifier::MAX_MESSAGESCall {};
        let development = BundleVerifier::DEVELOPMENTCall {};
        let arguments = BundleVerifier::constructorCall {
            key: view(self.chain, verifier, &key, what)?,
            maxMessages: view(self.chain, verifier, &room, what)?,
            development: view(self.chain, verifier, &development, what)?,
        };
        let code = artifact::BUNDLE_VERIFIER.code(&self.libraries, &arguments);
        self.require("BundleVerifier", verifier, code.map_err(malformed)?)?;
        self.lend(verifier)
    }

    fn factory(&mut self, factory: Address) -> Result<Address, Error> {
        let call = PollFactory::IMPLEMENTATIONCall {};
        let implementation = view(self.chain, factory, &call, "read the factory of polls")?;
        let code = deploy::poll_factory(&self.libraries, implementation);
        self.require("PollFactory", factory, code.map_err(malformed)?)?;
        self.implementation(implementation)?;
        Ok(implementation)
    }

    /// What a poll executes.
    pub(crate) fn implementation(&mut self, implementation: Address) -> Result<(), Error> {
        let code = deploy::poll_implementation(&self.libraries).map_err(malformed)?;
        self.require("Poll", implementation, code)
    }

    /// Whether a gatekeeper is one of the compiled ones. (Whom a policy or a token lets in is up to
    /// these.)
    pub(crate) fn knows_gatekeeper(&mut self, gatekeeper: Address) -> Result<bool, Error> {
        let ask = |error| on_chain("read the gatekeeper")(error);
        let (chain, call) = (self.chain, FreeForAllGatekeeper::OWNERCall {});
        // It may be no contract, or one no longer: MACI takes any address.
        if code_at(chain, gatekeeper)?.is_empty() {
            return Ok(false);
        }
        let owner = deploy::ask(chain, gatekeeper, &call).map_err(ask)?;
        let Some(owner) = owner.filter(|owner| !owner.is_zero()) else {
            return Ok(false);
        };
        let call = SignUpTokenGatekeeper::TOKENCall {};
        let token = deploy::ask(chain, gatekeeper, &call).map_err(ask)?;
        let call = ExcubiaeGatekeeper::POLICYCall {};
        let policy = deploy::ask(chain, gatekeeper, &call).map_err(ask)?;
        let code = match (token, policy) {
            (Some(token), _) => deploy::sign_up_token_gatekeeper(owner, token),
            (None, Some(policy)) => {
                self.lend(policy)?;
                deploy::excubiae_gatekeeper(owner, policy)
            }
            (None, None) => deploy::free_for_all_gatekeeper(owner),
        };
        self.is(gatekeeper, code.map_err(malformed)?)
    }

    /// Whether what gives voters their credits is one of the compiled contracts. (Whose votes a
    /// token counts is up to it.)
    pub(crate) fn knows_credits(&mut self, credits: Address) -> Result<bool, Error> {
        let constant = self.said(credits, &ConstantInitialVoiceCreditProxy::CREDITSCall {})?;
        if let Some(credits_each) = constant.and_then(|credits| u32::try_from(credits).ok()) {
            let code = deploy::constant_credits(credits_each).map_err(malformed)?;
            return self.is(credits, code);
        }
        let token = self.said(credits, &VotesInitialVoiceCreditProxy::TOKENCall {})?;
        let snapshot = self.said(credits, &VotesInitialVoiceCreditProxy::SNAPSHOTCall {})?;
        let factor = self.said(credits, &VotesInitialVoiceCreditProxy::FACTORCall {})?;
        let (Some(token), Some(snapshot), Some(factor)) = (token, snapshot, factor) else {
            return Ok(false);
        };
        let Ok(snapshot) = u64::try_from(snapshot) else {
            return Ok(false);
        };
        self.lend(token)?;
        let code = deploy::votes_credits(token, snapshot, factor).map_err(malformed)?;
        self.is(credits, code)
    }

    fn said<S: SolCall>(&self, contract: Address, call: &S) -> Result<Option<S::Return>, Error> {
        let told = deploy::ask(self.chain, contract, call);
        told.map_err(on_chain(format!("read the contract at {contract}")))
    }

    /// The contract at an address must have the code that this one deploys.
    pub(crate) fn require(&mut self, name: &str, there: Address, code: Bytes) -> Result<(), Error> {
        match self.is(there, code)? {
            true => Ok(()),
            false => Err(Error::OnChain(format!(
                "the code at {there} is not that of the compiled {name}: somebody made another contract, or the node lies"
            ))),
        }
    }

    /// Whether it has.
    fn is(&mut self, there: Address, code: Bytes) -> Result<bool, Error> {
        let found = code_at(self.chain, there)?;
        if found.is_empty() {
            return Err(Error::NotNow(format!(
                "the node shows no code at {there}, where there should be a contract: it is behind, or the chain was reset or reorganised; try again, or another node"
            ))
            .with_hint(Hint::OtherNode));
        }
        // A constructor that refuses its arguments leaves nothing that could be there.
        let Ok(deployed) = chain::deploy(&mut self.evm, self.deployer, code) else {
            return Ok(false);
        };
        let compiled = code_at(&self.evm, deployed.contract)?;
        let mut expected = compiled.to_vec();
        moved(&mut expected, &compiled, &deployed.contract, &there);
        for (name, here) in self.libraries.clone() {
            let Some(place) = places(&compiled, &here).first().copied() else {
                continue;
            };
            let Some(library) = found.get(place..place + Address::len_bytes()) else {
                return Ok(false);
            };
            let library = Address::from_slice(library);
            moved(&mut expected, &compiled, &here, &library);
            self.require_library(&name, here, library)?;
        }
        Ok(found == expected)
    }

    /// A library has its own address in its code, so that it can refuse to be called otherwise than
    /// by a delegation.
    fn require_library(&mut self, name: &str, here: Address, there: Address) -> Result<(), Error> {
        if !self.known.insert((name.to_owned(), there)) {
            return Ok(());
        }
        let compiled = code_at(&self.evm, here)?;
        let mut expected = compiled.to_vec();
        moved(&mut expected, &compiled, &here, &there);
        match code_at(self.chain, there)? == expected {
            true => Ok(()),
            false => Err(Error::OnChain(format!(
                "the code at {there}, which is called for {name}, is not that of {name}"
            ))),
        }
    }

    /// Puts the chain's code into the EVM, for a constructor that asks it. What no contract's code
    /// begins with (EIP-3541) is left out.
    fn lend(&mut self, contract: Address) -> Result<(), Error> {
        let code = code_at(self.chain, contract)?;
        if code.first() != Some(&0xef) {
            self.evm.set_code(contract, code);
        }
        Ok(())
    }
}

fn malformed(error: ArtifactError) -> Error {
    Error::Internal(error.to_string())
}

/// The code of a contract.
pub(crate) fn code_at<C: Chain + ?Sized>(chain: &C, contract: Address) -> Result<Bytes, Error> {
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
