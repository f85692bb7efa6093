//! Putting the contracts on a chain, one transaction after the other, and going on where an earlier
//! attempt stopped.

use std::collections::BTreeMap;

use alloy_primitives::{keccak256, Address, Bytes, B256, U256};
use alloy_sol_types::SolConstructor;
use maci_nova_chain::{self as chain, BlockId, Chain, ChainError, Deployment};
use thiserror::Error;

use crate::artifact::{self, Artifact, ArtifactError, Libraries};
use crate::bindings::{
    ConstantInitialVoiceCreditProxy, ExcubiaeGatekeeper, FreeForAllGatekeeper, PollFactory,
    SampleToken, SignUpToken, SignUpTokenGatekeeper, VkRegistry, VotesInitialVoiceCreditProxy,
    MACI,
};
use crate::{decider, groth16};

mod gatekeeper;
mod requirements;

pub use gatekeeper::{ask, says_erc721, Gatekeeper, GatekeeperError, UnknownGatekeeper};
pub use requirements::lacking;

/// Why something could not be deployed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeployError {
    /// The code could not be put together.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The chain refused.
    #[error("{step:?}: {error}")]
    Chain {
        /// What was to be done.
        step: Step,
        /// Why it was not.
        error: ChainError,
    },
    /// What is already on the chain is not what the plan says.
    #[error("{0:?}: there is another one already")]
    Conflict(Step),
    /// People could not sign up.
    #[error(transparent)]
    Gatekeeper(#[from] GatekeeperError),
    /// The journal could not be written; the step itself is done.
    #[error("the journal: {0}")]
    Journal(String),
}

/// The steps of [`system`] in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// What decides who signs up. It comes first, since others may have to agree to it.
    Gatekeeper,
    /// The gatekeeper becomes the target of its policy. No contract is made.
    SetTarget,
    /// Poseidon of two inputs.
    PoseidonT3,
    /// Poseidon of three inputs.
    PoseidonT4,
    /// Poseidon of four inputs.
    PoseidonT5,
    /// Poseidon of five inputs.
    PoseidonT6,
    /// The registry of verifiers.
    VkRegistry,
    /// The verifier of the final proof.
    DeciderVerifier,
    /// The verifier becomes that of its shape. No contract is made.
    SetVerifier,
    /// The verifier of join proofs.
    JoinVerifier,
    /// The verifier of bundles of messages.
    BundleVerifier,
    /// What all polls execute.
    Poll,
    /// The factory of polls.
    PollFactory,
    /// Sign-ups and polls.
    Maci,
    /// The gatekeeper serves this MACI. No contract is made.
    SetMaci,
}

impl Step {
    /// All steps in their order. [`Gatekeeper::steps`] are those of one deployment.
    pub const ALL: [Step; 15] = [
        Step::Gatekeeper,
        Step::SetTarget,
        Step::PoseidonT3,
        Step::PoseidonT4,
        Step::PoseidonT5,
        Step::PoseidonT6,
        Step::VkRegistry,
        Step::DeciderVerifier,
        Step::SetVerifier,
        Step::JoinVerifier,
        Step::BundleVerifier,
        Step::Poll,
        Step::PollFactory,
        Step::Maci,
        Step::SetMaci,
    ];

    /// The step of this [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// Whether the step makes a contract.
    pub fn is_creation(self) -> bool {
        !matches!(self, Self::SetTarget | Self::SetVerifier | Self::SetMaci)
    }

    /// A name for files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gatekeeper => "Gatekeeper",
            Self::SetTarget => "setTarget",
            Self::PoseidonT3 => "PoseidonT3",
            Self::PoseidonT4 => "PoseidonT4",
            Self::PoseidonT5 => "PoseidonT5",
            Self::PoseidonT6 => "PoseidonT6",
            Self::VkRegistry => "VkRegistry",
            Self::DeciderVerifier => "DeciderVerifier",
            Self::SetVerifier => "setVerifier",
            Self::JoinVerifier => "JoinVerifier",
            Self::BundleVerifier => "BundleVerifier",
            Self::Poll => "Poll",
            Self::PollFactory => "PollFactory",
            Self::Maci => "MACI",
            Self::SetMaci => "setMaci",
        }
    }
}

/// Remembers which steps are done, so that a second attempt does not do them again.
pub trait Journal {
    /// The contract that the step made (for a call: that it was made to), if the step is done.
    fn done(&self, step: Step) -> Option<Address>;

    /// Remembers a step, as durably as a killed process demands.
    ///
    /// # Errors
    /// [`DeployError::Journal`].
    fn record(&mut self, step: Step, deployment: Deployment) -> Result<(), DeployError>;
}

impl Journal for BTreeMap<Step, Deployment> {
    fn done(&self, step: Step) -> Option<Address> {
        self.get(&step).map(|deployment| deployment.contract)
    }

    fn record(&mut self, step: Step, deployment: Deployment) -> Result<(), DeployError> {
        self.insert(step, deployment);
        Ok(())
    }
}

/// Depths and events of a circuit, as the contracts count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Depth of the state tree, 1 to 20.
    pub state_tree_depth: u8,
    /// Depth of the vote option trees, 1 to 10.
    pub vote_option_tree_depth: u8,
    /// Events in a step, 1 to 16.
    pub events_per_step: u8,
}

impl Shape {
    /// Options that a poll of this shape may have: 5^depth.
    pub fn max_options(&self) -> usize {
        5usize.saturating_pow(self.vote_option_tree_depth.into())
    }

    fn registered(&self) -> VkRegistry::Shape {
        VkRegistry::Shape {
            stateTreeDepth: self.state_tree_depth,
            voteOptionTreeDepth: self.vote_option_tree_depth,
            eventsPerStep: self.events_per_step,
        }
    }
}

/// What [`system`] puts on a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Shape of the first verifier.
    pub shape: Shape,
    /// Its key.
    pub decider_key: decider::Key,
    /// The join circuit's key.
    pub join_key: groth16::Key,
    /// The bundle circuit's key.
    pub bundle_key: groth16::Key,
    /// Messages that the bundle circuit has room for.
    pub bundle_messages: usize,
    /// Whether the keys were made without a ceremony.
    pub development_keys: bool,
    /// Whether such keys are refused.
    pub production: bool,
    /// Levels of a path in the join circuit, at most 32.
    pub join_depth: u8,
    /// Who may sign up.
    pub gatekeeper: Gatekeeper,
    /// Who may add verifiers later on. It is this account that sends [`Step::SetVerifier`].
    pub owner: Address,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Poseidon for 2 to 5 inputs, by the libraries' names.
    pub libraries: Libraries,
    /// The registry of verifiers.
    pub registry: Address,
    /// The verifier of the plan's shape.
    pub decider_verifier: Address,
    /// The verifier of join proofs.
    pub join_verifier: Address,
    /// The verifier of bundles of messages.
    pub bundle_verifier: Address,
    /// What all polls execute.
    pub poll: Address,
    /// The factory of polls.
    pub factory: Address,
    /// What decides who signs up.
    pub gatekeeper: Address,
    /// Sign-ups and polls.
    pub maci: Address,
}

/// Deploys everything that polls need, without the steps that the journal has. `from` pays.
///
/// # Errors
/// [`DeployError`]; what was done until then is in the journal. Where the gatekeeper can be known
/// to let nobody in, nothing is sent. [`GatekeeperError::TargetMissing`] and
/// [`GatekeeperError::MaciMissing`] say what somebody else has to do before it can go on.
pub fn system<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    plan: &Plan,
    journal: &mut dyn Journal,
) -> Result<Addresses, DeployError> {
    gatekeeper::check(chain, plan.gatekeeper, journal)?;
    let mut site = Site {
        chain,
        from,
        journal,
    };
    let gatekeeper = site.gatekeeper(plan.gatekeeper)?;
    let libraries = site.libraries()?;
    let registry = site.registry(plan, &libraries)?;
    let decider_verifier = site.contract(Step::DeciderVerifier, || {
        Ok(decider::deploy_code(
            &plan.decider_key,
            plan.shape.max_options(),
            plan.development_keys,
        ))
    })?;
    site.set_verifier(plan, registry, decider_verifier)?;
    let join_verifier = site.contract(Step::JoinVerifier, || {
        Ok(groth16::join_verifier_code(
            &plan.join_key,
            plan.development_keys,
        ))
    })?;
    let bundle_verifier = site.contract(Step::BundleVerifier, || {
        Ok(groth16::bundle_verifier_code(
            &plan.bundle_key,
            plan.bundle_messages,
            plan.development_keys,
        ))
    })?;
    let poll = site.contract(Step::Poll, || poll_implementation(&libraries))?;
    let factory = site.contract(Step::PollFactory, || poll_factory(&libraries, poll))?;
    let arguments = MACI::constructorCall {
        gatekeeper,
        factory,
        registry,
        joinVerifier: join_verifier,
        bundleVerifier: bundle_verifier,
        joinDepth: plan.join_depth,
    };
    let maci = site.contract(Step::Maci, || artifact::MACI.code(&libraries, &arguments))?;
    site.set_maci(plan.gatekeeper, gatekeeper, maci)?;
    Ok(Addresses {
        libraries,
        registry,
        decider_verifier,
        join_verifier,
        bundle_verifier,
        poll,
        factory,
        gatekeeper,
        maci,
    })
}

/// A chain, who pays, and what is done.
struct Site<'a, C: ?Sized> {
    chain: &'a mut C,
    from: Address,
    journal: &'a mut dyn Journal,
}

impl<C: Chain + ?Sized> Site<'_, C> {
    /// Deploys `code` unless the step is done.
    fn contract(
        &mut self,
        step: Step,
        code: impl FnOnce() -> Result<Bytes, ArtifactError>,
    ) -> Result<Address, DeployError> {
        if let Some(contract) = self.journal.done(step) {
            return Ok(contract);
        }
        let deployment = chain::deploy(self.chain, self.from, code()?)
            .map_err(|error| DeployError::Chain { step, error })?;
        self.journal.record(step, deployment)?;
        Ok(deployment.contract)
    }

    /// Sends a call, unless the contract says that it was (`seen`) and the journal has it. One that
    /// a reorganisation has undone is sent again.
    fn tie(
        &mut self,
        step: Step,
        from: Address,
        to: Address,
        call: &impl alloy_sol_types::SolCall,
        seen: bool,
    ) -> Result<(), DeployError> {
        match seen && self.journal.done(step).is_some() {
            true => Ok(()),
            false => self.transact(step, from, to, call, seen),
        }
    }

    fn transact(
        &mut self,
        step: Step,
        from: Address,
        to: Address,
        call: &impl alloy_sol_types::SolCall,
        seen: bool,
    ) -> Result<(), DeployError> {
        let failed = |error| DeployError::Chain { step, error };
        let (gas_used, block_number) = if seen {
            // It went through in some earlier block, which nobody noted.
            let newest = self.chain.block(BlockId::Latest).map_err(failed)?;
            (0, newest.number)
        } else {
            let receipt = chain::send(self.chain, from, to, call, U256::ZERO).map_err(failed)?;
            (receipt.gas_used, receipt.block_number)
        };
        let deployment = Deployment {
            contract: to,
            gas_used,
            block_number,
        };
        self.journal.record(step, deployment)
    }

    fn libraries(&mut self) -> Result<Libraries, DeployError> {
        let steps = [
            (Step::PoseidonT3, artifact::POSEIDON_T3),
            (Step::PoseidonT4, artifact::POSEIDON_T4),
            (Step::PoseidonT5, artifact::POSEIDON_T5),
            (Step::PoseidonT6, artifact::POSEIDON_T6),
        ];
        let mut libraries = Libraries::new();
        for (step, library) in steps {
            let address = self.contract(step, || library.link(&Libraries::new()))?;
            libraries.insert(library.name.to_owned(), address);
        }
        Ok(libraries)
    }

    fn registry(&mut self, plan: &Plan, libraries: &Libraries) -> Result<Address, DeployError> {
        self.contract(Step::VkRegistry, || {
            vk_registry(libraries, plan.owner, plan.production)
        })
    }

    fn set_verifier(
        &mut self,
        plan: &Plan,
        registry: Address,
        verifier: Address,
    ) -> Result<(), DeployError> {
        let step = Step::SetVerifier;
        let shape = plan.shape.registered();
        let query = VkRegistry::verifierOfCall {
            shape: shape.clone(),
        };
        let set = chain::view(self.chain, registry, &query)
            .map_err(|error| DeployError::Chain { step, error })?
            .verifier;
        let seen = already(step, set, verifier)?;
        let call = VkRegistry::setVerifierCall { shape, verifier };
        self.tie(step, plan.owner, registry, &call, seen)
    }
}

/// keccak256 of everything that [`system`] deploys, but for keys and addresses.
pub fn code_digest() -> B256 {
    let artifacts = [
        artifact::POSEIDON_T3,
        artifact::POSEIDON_T4,
        artifact::POSEIDON_T5,
        artifact::POSEIDON_T6,
        artifact::VK_REGISTRY,
        artifact::DECIDER_VERIFIER,
        artifact::JOIN_VERIFIER,
        artifact::BUNDLE_VERIFIER,
        artifact::POLL,
        artifact::POLL_FACTORY,
        artifact::FREE_FOR_ALL_GATEKEEPER,
        artifact::SIGN_UP_TOKEN_GATEKEEPER,
        artifact::EXCUBIAE_GATEKEEPER,
        artifact::MACI,
    ];
    let digests = artifacts.map(|artifact| keccak256(artifact.json));
    keccak256(digests.concat())
}

/// Whether what is set is what shall be; an error if it is something else.
fn already(step: Step, set: Address, wanted: Address) -> Result<bool, DeployError> {
    if set != Address::ZERO && set != wanted {
        return Err(DeployError::Conflict(step));
    }
    Ok(set == wanted)
}

/// Code that deploys the registry.
///
/// # Errors
/// [`ArtifactError`] if a library is missing.
pub fn vk_registry(
    libraries: &Libraries,
    owner: Address,
    production: bool,
) -> Result<Bytes, ArtifactError> {
    let arguments = VkRegistry::constructorCall { owner, production };
    artifact::VK_REGISTRY.code(libraries, &arguments)
}

/// Code that deploys what all polls execute.
///
/// # Errors
/// [`ArtifactError`] if a library is missing.
pub fn poll_implementation(libraries: &Libraries) -> Result<Bytes, ArtifactError> {
    artifact::POLL.link(libraries)
}

/// Code that deploys the factory of polls that execute the code at `implementation`.
///
/// # Errors
/// [`ArtifactError`] if a library is missing.
pub fn poll_factory(
    libraries: &Libraries,
    implementation: Address,
) -> Result<Bytes, ArtifactError> {
    artifact::POLL_FACTORY.code(libraries, &PollFactory::constructorCall { implementation })
}

/// Code that deploys a gatekeeper that lets everybody in. `owner`, who is not zero, names the MACI.
///
/// # Errors
/// [`ArtifactError`].
pub fn free_for_all_gatekeeper(owner: Address) -> Result<Bytes, ArtifactError> {
    let arguments = FreeForAllGatekeeper::constructorCall { owner };
    alone(artifact::FREE_FOR_ALL_GATEKEEPER, &arguments)
}

/// Code that deploys a gatekeeper that lets owners of `token`'s tokens in. `owner`, who is not
/// zero, names the MACI.
///
/// # Errors
/// [`ArtifactError`].
pub fn sign_up_token_gatekeeper(owner: Address, token: Address) -> Result<Bytes, ArtifactError> {
    let arguments = SignUpTokenGatekeeper::constructorCall { owner, token };
    alone(artifact::SIGN_UP_TOKEN_GATEKEEPER, &arguments)
}

/// Code that deploys an adapter to a policy of Excubiae. `owner`, who is not zero, names the MACI,
/// which the adapter refuses until the policy's own owner has made the adapter its target
/// (`setTarget`).
///
/// # Errors
/// [`ArtifactError`].
pub fn excubiae_gatekeeper(owner: Address, policy: Address) -> Result<Bytes, ArtifactError> {
    let arguments = ExcubiaeGatekeeper::constructorCall { owner, policy };
    alone(artifact::EXCUBIAE_GATEKEEPER, &arguments)
}

/// Code that deploys a proxy that gives everybody the same credits, below 2^32.
///
/// # Errors
/// [`ArtifactError`].
pub fn constant_credits(credits: u32) -> Result<Bytes, ArtifactError> {
    let arguments = ConstantInitialVoiceCreditProxy::constructorCall {
        credits: U256::from(credits),
    };
    alone(artifact::CONSTANT_INITIAL_VOICE_CREDIT_PROXY, &arguments)
}

/// Code that deploys a proxy that gives credits for votes of `token` at the block `snapshot`, one
/// for every `factor` of them (not 0).
///
/// # Errors
/// [`ArtifactError`].
pub fn votes_credits(token: Address, snapshot: u64, factor: U256) -> Result<Bytes, ArtifactError> {
    let arguments = VotesInitialVoiceCreditProxy::constructorCall {
        token,
        snapshot: U256::from(snapshot),
        factor,
    };
    alone(artifact::VOTES_INITIAL_VOICE_CREDIT_PROXY, &arguments)
}

/// Code that deploys the sample ERC-721, whose tokens `owner` gives.
///
/// # Errors
/// [`ArtifactError`].
pub fn sign_up_token(owner: Address) -> Result<Bytes, ArtifactError> {
    let arguments = SignUpToken::constructorCall { owner };
    alone(artifact::SIGN_UP_TOKEN, &arguments)
}

/// Code that deploys the sample ERC-20, which `owner` mints.
///
/// # Errors
/// [`ArtifactError`].
pub fn sample_token(owner: Address) -> Result<Bytes, ArtifactError> {
    let arguments = SampleToken::constructorCall { owner };
    alone(artifact::SAMPLE_TOKEN, &arguments)
}

fn alone(artifact: Artifact, arguments: &impl SolConstructor) -> Result<Bytes, ArtifactError> {
    artifact.code(&Libraries::new(), arguments)
}
