//! The contracts of a poll: Solidity sources, their compiled artifacts, Rust bindings, and an EVM
//! in this process to run them on.
//!
//! So far there is the verifier of the final proof, `DeciderVerifier.sol`. The compiled artifact is
//! part of this crate and takes the verifying key as constructor argument, so neither a compiler
//! nor Node is needed to deploy a verifier for a new key.
//!
//! ```no_run
//! use maci_nova_contracts::{decider, evm::Evm};
//! # fn check(
//! #     key: &decider::Key,
//! #     statement: &decider::Statement,
//! #     proof: &decider::Proof,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let mut evm = Evm::new();
//! let verifier = evm.deploy(decider::deploy_code(key, 25))?;
//! let receipt = decider::verify(&mut evm, verifier.contract, statement, proof)?;
//! println!("{} gas", receipt.gas_used);
//! # Ok(())
//! # }
//! ```

pub mod decider;
pub mod evm;
pub mod words;

pub use alloy_primitives;
pub use alloy_sol_types;

/// Bindings made from the artifacts' ABI: calls, structs and custom errors under their Solidity
/// names, which are documented in the Solidity sources.
#[allow(missing_docs)]
pub mod bindings {
    use alloy_sol_types::sol;

    sol!(
        #[derive(Debug, PartialEq, Eq)]
        DeciderVerifier,
        "out/DeciderVerifier.sol/DeciderVerifier.json"
    );
}
