//! The contracts of a poll: Solidity sources, their compiled artifacts, Rust bindings, and an EVM
//! in this process to run them on.
//!
//! The compiled artifacts are part of this crate, verifying keys are constructor arguments, and
//! libraries are linked here, so neither a compiler nor Node is needed to deploy a system for new
//! keys.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//! use maci_nova_contracts::{deploy, evm::{Evm, SENDER}};
//! # fn run(plan: &deploy::Plan) -> Result<(), Box<dyn std::error::Error>> {
//! let mut evm = Evm::new();
//! let mut journal = BTreeMap::new();
//! let addresses = deploy::system(&mut evm, SENDER, plan, &mut journal)?;
//! for (step, deployment) in &journal {
//!     println!("{}: {} gas", step.name(), deployment.gas_used);
//! }
//! println!("voters sign up at {}", addresses.maci);
//! # Ok(())
//! # }
//! ```

pub mod artifact;
pub mod decider;
pub mod deploy;
#[cfg(feature = "evm")]
pub mod evm;
#[cfg(feature = "evm")]
pub mod evm_node;
pub mod groth16;
pub mod poll;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod words;

pub use alloy_primitives;
pub use alloy_sol_types;

/// Bindings made from the artifacts' ABI: calls, structs, events and custom errors under their
/// Solidity names, which are documented in the Solidity sources.
#[allow(missing_docs)]
pub mod bindings {
    use alloy_sol_types::sol;

    sol! {
        /// What is asked of a policy of Excubiae, and what it and its checker refuse with.
        #[derive(Debug, PartialEq, Eq)]
        interface ExcubiaePolicy {
            error AlreadyEnforced();
            error UnsuccessfulCheck();
            error TargetNotSet();
            error TargetOnly();
            error TargetAlreadySet();
            error OwnableUnauthorizedAccount(address account);
            error InvalidProof();
            error BalanceTooLow();
            error ScoreTooLow();
            error NotTokenOwner();
            error NotCriterionHat();
            error NotWearingCriterionHat();
            error InvalidProver();
            error InvalidGroup();
            error InvalidSchema();
            error AttesterNotTrusted();
            error AttestationRevoked();
            error NotYourAttestation();
            error InvalidEventId();
            error InvalidSigners();
            error InvalidWatermark();
            error InvalidSignal();
            error InvalidNullifierSeed();
            function guarded() external view returns (address);
            function owner() external view returns (address);
            function setTarget(address guarded) external;
        }
    }

    macro_rules! bindings {
        ($($name:ident = $path:literal;)*) => {
            $(sol!(
                #[derive(Debug, PartialEq, Eq)]
                #[sol(ignore_unlinked)]
                $name,
                $path
            );)*
        };
    }

    bindings! {
        BundleVerifier = "out/BundleVerifier.sol/BundleVerifier.json";
        ConstantInitialVoiceCreditProxy = "out/ConstantInitialVoiceCreditProxy.sol/ConstantInitialVoiceCreditProxy.json";
        DeciderVerifier = "out/DeciderVerifier.sol/DeciderVerifier.json";
        ExcubiaeGatekeeper = "out/ExcubiaeGatekeeper.sol/ExcubiaeGatekeeper.json";
        FreeForAllGatekeeper = "out/FreeForAllGatekeeper.sol/FreeForAllGatekeeper.json";
        JoinVerifier = "out/JoinVerifier.sol/JoinVerifier.json";
        MACI = "out/MACI.sol/MACI.json";
        Poll = "out/Poll.sol/Poll.json";
        PollFactory = "out/PollFactory.sol/PollFactory.json";
        SampleToken = "out/SampleToken.sol/SampleToken.json";
        SignUpToken = "out/SignUpToken.sol/SignUpToken.json";
        SignUpTokenGatekeeper = "out/SignUpTokenGatekeeper.sol/SignUpTokenGatekeeper.json";
        VkRegistry = "out/VkRegistry.sol/VkRegistry.json";
        VotesInitialVoiceCreditProxy = "out/VotesInitialVoiceCreditProxy.sol/VotesInitialVoiceCreditProxy.json";
    }
}
