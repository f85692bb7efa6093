//! Putting the contracts on a chain, once, and knowing them again.

use std::path::Path;

use maci_nova_chain::{BlockId, Chain, ChainError, Deployment};
use maci_nova_chain::{Contract, Observer, RpcUrl};
use maci_nova_contracts::alloy_primitives::Address;
use maci_nova_contracts::alloy_sol_types::{SolCall, SolEvent};
use maci_nova_contracts::bindings::{
    ExcubiaeGatekeeper, FreeForAllGatekeeper, SignUpTokenGatekeeper, VkRegistry, MACI,
};
use maci_nova_contracts::deploy::{self, Addresses, DeployError, Gatekeeper, Plan, Shape, Step};
use maci_nova_contracts::{decider, groth16};
use maci_nova_protocol::membership::MAX_DEPTH;

use crate::code::Comparison;
use crate::error::{on_chain, Error};
use crate::hint::Hint;
use crate::operator::funds;
use crate::operator::journal::{FileJournal, Header, Subject};
use crate::poll::contract::view;
use crate::poll::file::{Contracts, KeyDigests, PollFile, PollFileError};

/// What is to be on the chain.
#[derive(Clone, Debug)]
pub struct Request {
    /// Shape of the polls.
    pub shape: Shape,
    /// Key of the decider's verifier.
    pub decider_key: decider::Key,
    /// Key of the verifier of join proofs.
    pub join_key: groth16::Key,
    /// Key of the verifier of bundles.
    pub bundle_key: groth16::Key,
    /// Messages that a bundle has room for.
    pub bundle_messages: usize,
    /// Digests of all proving keys.
    pub digests: KeyDigests,
    /// Whether the keys were made without a ceremony.
    pub development_keys: bool,
    /// Whether such keys are refused.
    pub production: bool,
    /// Who may sign up.
    pub gatekeeper: Gatekeeper,
}

/// What a deployment has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The poll file, as it is on disk.
    pub file: PollFile,
    /// Each step's name, contract and gas. Empty if everything was there already.
    pub steps: Vec<(&'static str, Address, u64)>,
}

impl Deployed {
    /// Gas of all steps.
    pub fn gas(&self) -> u64 {
        let gas = self.steps.iter().map(|(_, _, gas)| *gas);
        gas.fold(0, u64::saturating_add)
    }
}

/// Deploys everything that polls need and writes the poll file to `path`. What an earlier attempt
/// has done is not done again; if it has done everything, nothing is sent.
///
/// # Errors
/// What was done until then is in a journal beside the poll file, which is removed in the end.
pub fn deploy<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    request: &Request,
    path: &Path,
    rpc_url: Option<&RpcUrl>,
    observer: &dyn Observer,
) -> Result<Deployed, Error> {
    let chain_id = chain.chain_id().map_err(on_chain("read the chain id"))?;
    if let Some(file) = existing(path)? {
        check_existing(chain, chain_id, &file, request, path)?;
        observer.note(&format!(
            "{}: everything is deployed already",
            path.display()
        ));
        forget_journal(request, chain_id, from, path, observer);
        return Ok(Deployed {
            file,
            steps: vec![],
        });
    }
    check_chain(chain, from, path)?;
    warn_of_token(chain, request.gatekeeper, observer);
    let header = header(request, chain_id, from);
    let mut journal = FileJournal::open(FileJournal::path(path), &header, observer)?;
    if existing(path)?.is_some() {
        // Another process has done it since.
        drop(journal);
        return deploy(chain, from, request, path, rpc_url, observer);
    }
    if !journal.steps().is_empty() {
        journal.check_chain(chain)?;
        observer.note(&format!(
            "resuming: {} of {} steps are done",
            journal.steps().len(),
            request.gatekeeper.steps().count()
        ));
    }
    let addresses = match deploy::system(chain, from, &plan(request, from), &mut journal) {
        Ok(addresses) => addresses,
        Err(error) => return Err(stopped(journal, error)),
    };
    let contracts = contracts(&journal)?;
    let file = PollFile::new(chain_id, rpc_url, contracts, request.digests);
    check_code(chain, &contracts, request)?;
    if !has_gatekeeper(chain, &file, request.gatekeeper)? {
        return Err(Error::OnChain(format!(
            "MACI {} has another gatekeeper than the one that was asked for: the node lies",
            contracts.maci.address
        )));
    }
    check_calls(chain, &addresses, request)?;
    file.create(path)?;
    let steps = journal.steps().iter();
    let steps = steps.map(|(step, done)| (step.name(), done.contract, done.gas_used));
    let steps = steps.collect();
    journal.remove()?;
    Ok(Deployed { file, steps })
}

/// Gas of a whole deployment, and a little more.
const GAS: u64 = 31_000_000;

/// Checks what can be known before there are keys, which take minutes: whether the chain has what
/// the contracts need, and the account the money. Where a poll file or a journal is there, some or
/// all of it is paid already, and nothing is checked.
///
/// # Errors
/// [`Error::OnChain`] with what is lacking; [`Error::Chain`].
pub fn check_chain<C: Chain + ?Sized>(chain: &C, from: Address, path: &Path) -> Result<(), Error> {
    if path.exists() || FileJournal::path(path).exists() {
        return Ok(());
    }
    let lacking = deploy::lacking(chain).map_err(on_chain("run code on the chain"))?;
    if let Some(lacking) = lacking {
        return Err(Error::OnChain(format!(
            "this chain lacks {lacking}, which the contracts need; nothing was paid"
        )));
    }
    funds::require(chain, from, GAS, "the deployment")
}

/// The shape of a deployment's polls, which the registry tells.
pub fn shape<C: Chain + ?Sized>(chain: &C, file: &PollFile) -> Result<Shape, Error> {
    let Contracts {
        registry,
        decider_verifier,
        maci,
        ..
    } = &file.contracts;
    let mut told = false;
    let mut find = |from: u64, to: u64| {
        let topics = [vec![VkRegistry::VerifierSet::SIGNATURE_HASH]];
        let logs = chain
            .logs(registry.address, from, to, &topics)
            .map_err(on_chain("read the registry's events"))?;
        told |= !logs.is_empty();
        let mut events = logs.iter().filter_map(|log| log.decode());
        let is_ours = |event: &VkRegistry::VerifierSet| event.verifier == decider_verifier.address;
        Ok::<_, Error>(events.find(is_ours))
    };
    // A deployment sets its verifier before it has a MACI; verifiers of other shapes come later.
    let event = match find(registry.first_block, maci.first_block)? {
        Some(event) => Some(event),
        None => {
            let newest = chain.block(BlockId::Latest);
            let newest = newest.map_err(on_chain("read the newest block"))?.number;
            find(maci.first_block, newest)?
        }
    };
    if !told {
        let text = format!(
            "the node shows no verifier of the registry at {}: it lags or leaves events out; try again, or another node",
            registry.address
        );
        return Err(Error::NotNow(text).with_hint(Hint::OtherNode));
    }
    let event = event.ok_or_else(|| {
        Error::OnChain(format!(
            "the registry at {} does not have the verifier {} that the poll file names",
            registry.address, decider_verifier.address
        ))
    })?;
    Ok(Shape {
        state_tree_depth: event.shape.stateTreeDepth,
        vote_option_tree_depth: event.shape.voteOptionTreeDepth,
        events_per_step: event.shape.eventsPerStep,
    })
}

/// There must be a contract at the address; `what` is it.
pub fn require_code<C: Chain + ?Sized>(
    chain: &C,
    address: Address,
    what: &str,
) -> Result<(), Error> {
    let code = chain
        .code(address)
        .map_err(on_chain(format!("read the code at {address}")))?;
    match code.is_empty() {
        true => Err(Error::OnChain(format!(
            "there is no contract at {address}, which is to be {what}"
        ))),
        false => Ok(()),
    }
}

fn existing(path: &Path) -> Result<Option<PollFile>, Error> {
    match PollFile::read(path) {
        Ok(file) => Ok(Some(file)),
        Err(PollFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The file's contracts must be on the chain, and those that are asked for.
fn check_existing<C: Chain + ?Sized>(
    chain: &C,
    chain_id: u64,
    file: &PollFile,
    request: &Request,
    path: &Path,
) -> Result<(), Error> {
    let other = |what: &str| {
        Error::Request(format!(
            "poll file {} is of a deployment {what}",
            path.display()
        ))
        .with_hint(Hint::OtherPollFile)
    };
    if file.chain_id != chain_id {
        return Err(other(&format!(
            "on chain {}, not {chain_id}",
            file.chain_id
        )));
    }
    check_presence(chain, &file.contracts, path)?;
    match file.keys {
        None => return Err(other("that was read from a chain and names no keys")),
        Some(keys) if keys != request.digests => {
            return Err(other(
                "with other keys: its shape or its powers of tau differ",
            ))
        }
        Some(_) => {}
    }
    if shape(chain, file)? != request.shape {
        return Err(other("of another shape"));
    }
    let registry = file.contracts.registry.address;
    let what = "read the registry of verifiers";
    if view(chain, registry, &VkRegistry::PRODUCTIONCall {}, what)? != request.production {
        return Err(other("for production alone, or not"));
    }
    if !has_gatekeeper(chain, file, request.gatekeeper)? {
        return Err(other("with another gatekeeper"));
    }
    check_code(chain, &file.contracts, request)?;
    let maci = file.contracts.maci.address;
    let gatekeeper = view(chain, maci, &MACI::GATEKEEPERCall {}, "read MACI")?;
    if !is_tied(chain, gatekeeper, maci, request.gatekeeper)? {
        return Err(Error::OnChain(format!(
            "poll file {} names MACI {maci}, but its gatekeeper {gatekeeper} does not let anyone sign up there: it serves another MACI or none, or its policy guards another contract or none; the chain was reorganised, or the file is not of this deployment",
            path.display()
        )));
    }
    Ok(())
}

/// What is there must be what was asked for, byte by byte: whoever names another contract in one
/// answer, while all this is deployed, would let whom they want join, or prove what they want.
fn check_code<C: Chain + ?Sized>(
    chain: &C,
    contracts: &Contracts,
    request: &Request,
) -> Result<(), Error> {
    let mut comparison = Comparison::new(chain)?;
    let development = request.development_keys;
    let options = request.shape.max_options();
    let verifiers = [
        (
            "DeciderVerifier",
            contracts.decider_verifier,
            decider::deploy_code(&request.decider_key, options, development),
        ),
        (
            "JoinVerifier",
            contracts.join_verifier,
            groth16::join_verifier_code(&request.join_key, development),
        ),
        (
            "BundleVerifier",
            contracts.bundle_verifier,
            groth16::bundle_verifier_code(
                &request.bundle_key,
                request.bundle_messages,
                development,
            ),
        ),
    ];
    for (name, contract, code) in verifiers {
        comparison.require(name, contract.address, code)?;
    }
    let system = comparison.deployment(contracts)?;
    if let Gatekeeper::Existing(_) = request.gatekeeper {
        return Ok(());
    }
    match comparison.knows_gatekeeper(system.gatekeeper)? {
        true => Ok(()),
        false => Err(Error::OnChain(format!(
            "the code of gatekeeper {} is not that of a compiled one: somebody made another contract, or the node lies",
            system.gatekeeper
        ))),
    }
}

fn check_presence<C: Chain + ?Sized>(
    chain: &C,
    contracts: &Contracts,
    path: &Path,
) -> Result<(), Error> {
    let all = [
        contracts.registry,
        contracts.decider_verifier,
        contracts.join_verifier,
        contracts.bundle_verifier,
        contracts.maci,
    ];
    for Contract { address, .. } in all {
        let code = chain
            .code(address)
            .map_err(on_chain(format!("read the code at {address}")))?;
        if code.is_empty() {
            return Err(Error::OnChain(format!(
                "poll file {} names a contract at {address}, where there is none: the chain was reset or reorganised; remove the file to deploy anew",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Whether people sign up as the gatekeeper says.
fn has_gatekeeper<C: Chain + ?Sized>(
    chain: &C,
    file: &PollFile,
    gatekeeper: Gatekeeper,
) -> Result<bool, Error> {
    let maci = file.contracts.maci.address;
    let found = view(chain, maci, &MACI::GATEKEEPERCall {}, "read MACI")?;
    match gatekeeper {
        Gatekeeper::FreeForAll => is_free_for_all(chain, found),
        Gatekeeper::SignUpToken(token) => {
            let told = ask(chain, found, &SignUpTokenGatekeeper::TOKENCall {})?;
            Ok(told == Some(token))
        }
        Gatekeeper::Excubiae { policy } => {
            let told = ask(chain, found, &ExcubiaeGatekeeper::POLICYCall {})?;
            Ok(told == Some(policy))
        }
        Gatekeeper::Existing(address) => Ok(found == address),
    }
}

/// A gatekeeper that lets everybody in has nothing to tell but its owner. So does many another one,
/// which differs in its code.
fn is_free_for_all<C: Chain + ?Sized>(chain: &C, gatekeeper: Address) -> Result<bool, Error> {
    let token = ask(chain, gatekeeper, &SignUpTokenGatekeeper::TOKENCall {})?;
    let policy = ask(chain, gatekeeper, &ExcubiaeGatekeeper::POLICYCall {})?;
    let nothing_to_tell = token.is_none() && policy.is_none();
    Ok(nothing_to_tell && Comparison::new(chain)?.knows_gatekeeper(gatekeeper)?)
}

/// Whether the gatekeeper serves this MACI and, where it asks a policy, whether that still answers
/// it.
fn is_tied<C: Chain + ?Sized>(
    chain: &C,
    gatekeeper: Address,
    maci: Address,
    kind: Gatekeeper,
) -> Result<bool, Error> {
    let call = FreeForAllGatekeeper::maciCall {};
    if view(chain, gatekeeper, &call, "read the gatekeeper")? != maci {
        return Ok(false);
    }
    let asks_policy = match kind {
        Gatekeeper::FreeForAll | Gatekeeper::SignUpToken(_) => false,
        Gatekeeper::Excubiae { .. } => true,
        Gatekeeper::Existing(_) => {
            ask(chain, gatekeeper, &ExcubiaeGatekeeper::POLICYCall {})?.is_some()
        }
    };
    if !asks_policy {
        return Ok(true);
    }
    let guarded = ask(chain, gatekeeper, &ExcubiaeGatekeeper::isGuardedCall {})?;
    Ok(guarded == Some(true))
}

fn ask<C: Chain + ?Sized, S: SolCall>(
    chain: &C,
    gatekeeper: Address,
    call: &S,
) -> Result<Option<S::Return>, Error> {
    deploy::ask(chain, gatekeeper, call).map_err(on_chain("read the gatekeeper"))
}

/// A token need not say what it is, what it says need not be true, and some nodes have an error
/// where an old token knows no such question: this stops nobody.
fn warn_of_token<C: Chain + ?Sized>(chain: &C, gatekeeper: Gatekeeper, observer: &dyn Observer) {
    let Gatekeeper::SignUpToken(token) = gatekeeper else {
        return;
    };
    let says = deploy::says_erc721(chain, token);
    // That nothing is there is refused, not warned of.
    if !matches!(says, Ok(true) | Err(ChainError::NoContract(_))) {
        observer.warn(&format!(
            "the contract at {token} does not say (ERC-165) that it is an ERC-721; if it is not, no one can sign up"
        ));
    }
}

/// What a failed deployment means. Of one that was refused before anything was sent nothing is
/// left.
fn stopped(mut journal: FileJournal<'_>, error: DeployError) -> Error {
    let refused = matches!(error, DeployError::Gatekeeper(_)) && journal.steps().is_empty();
    let failure = journal.explain(error);
    match refused {
        true => journal.remove().err().unwrap_or(failure),
        false => failure,
    }
}

/// A journal that is left of this deployment, if the process was killed before it removed it.
fn forget_journal(
    request: &Request,
    chain_id: u64,
    from: Address,
    poll_file: &Path,
    observer: &dyn Observer,
) {
    let path = FileJournal::path(poll_file);
    if !path.exists() {
        return;
    }
    let left = FileJournal::open(path.clone(), &header(request, chain_id, from), observer);
    if left.and_then(FileJournal::remove).is_err() {
        observer.note(&format!(
            "{} is of another deployment and left alone",
            path.display()
        ));
    }
}

fn header(request: &Request, chain_id: u64, from: Address) -> Header {
    Header::from(Subject {
        chain_id,
        account: from,
        shape: request.shape,
        keys: request.digests,
        development_keys: request.development_keys,
        production: request.production,
        gatekeeper: request.gatekeeper,
    })
}

fn plan(request: &Request, from: Address) -> Plan {
    Plan {
        shape: request.shape,
        decider_key: request.decider_key.clone(),
        join_key: request.join_key.clone(),
        bundle_key: request.bundle_key.clone(),
        bundle_messages: request.bundle_messages,
        development_keys: request.development_keys,
        production: request.production,
        join_depth: MAX_DEPTH as u8,
        gatekeeper: request.gatekeeper,
        owner: from,
    }
}

/// Calls leave no code behind that would be missed after a reorganisation.
fn check_calls<C: Chain + ?Sized>(
    chain: &C,
    addresses: &Addresses,
    request: &Request,
) -> Result<(), Error> {
    let Shape {
        state_tree_depth,
        vote_option_tree_depth,
        events_per_step,
    } = request.shape;
    let call = VkRegistry::verifierOfCall {
        shape: VkRegistry::Shape {
            stateTreeDepth: state_tree_depth,
            voteOptionTreeDepth: vote_option_tree_depth,
            eventsPerStep: events_per_step,
        },
    };
    let what = "read the registry of verifiers";
    let registered = view(chain, addresses.registry, &call, what)?;
    if registered.verifier == addresses.decider_verifier
        && is_tied(
            chain,
            addresses.gatekeeper,
            addresses.maci,
            request.gatekeeper,
        )?
    {
        return Ok(());
    }
    Err(Error::NotNow(
        "the node does not show a call that was in a block: it is behind, or the chain was reorganised; deploy again: what is lost is sent again".into(),
    ))
}

fn contracts(journal: &FileJournal<'_>) -> Result<Contracts, Error> {
    let contract = |step: Step| {
        let done = journal.steps().get(&step);
        let done = done.ok_or_else(|| Error::Internal(format!("{} is missing", step.name())))?;
        let Deployment {
            contract,
            block_number,
            ..
        } = *done;
        Ok::<_, Error>(Contract {
            address: contract,
            first_block: block_number,
        })
    };
    Ok(Contracts {
        registry: contract(Step::VkRegistry)?,
        decider_verifier: contract(Step::DeciderVerifier)?,
        join_verifier: contract(Step::JoinVerifier)?,
        bundle_verifier: contract(Step::BundleVerifier)?,
        maci: contract(Step::Maci)?,
    })
}

#[cfg(test)]
mod tests;
