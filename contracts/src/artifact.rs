//! Compiled contracts, and their libraries linked into them.

use std::collections::BTreeMap;

use alloy_primitives::{hex, Address, Bytes};
use alloy_sol_types::SolConstructor;
use serde::Deserialize;
use thiserror::Error;

/// Characters of an address in hexadecimal.
const ADDRESS_DIGITS: usize = 40;

/// A compiled contract as JSON with `abi`, `bytecode.object` and `bytecode.linkReferences`, as
/// Foundry writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The contract's name.
    pub name: &'static str,
    /// The file's content.
    pub json: &'static str,
}

/// Addresses of deployed libraries by their names.
pub type Libraries = BTreeMap<String, Address>;

/// Why no code came out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArtifactError {
    /// A library that the contract calls is not among the given ones.
    #[error("{contract} needs the library {library}")]
    MissingLibrary {
        /// The contract to be linked.
        contract: &'static str,
        /// The missing library.
        library: String,
    },
    /// The file is not an artifact, or its references lie outside the code.
    #[error("the artifact of {contract} is malformed: {reason}")]
    Malformed {
        /// The contract.
        contract: &'static str,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
struct File {
    bytecode: Bytecode,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bytecode {
    object: String,
    /// Source, then library, then places.
    #[serde(default)]
    link_references: BTreeMap<String, BTreeMap<String, Vec<Place>>>,
}

#[derive(Deserialize)]
struct Place {
    /// Byte of the code where the address goes.
    start: usize,
}

impl Artifact {
    /// The creation code with the libraries' addresses in it.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn link(&self, libraries: &Libraries) -> Result<Bytes, ArtifactError> {
        let malformed = |reason: String| ArtifactError::Malformed {
            contract: self.name,
            reason,
        };
        let file: File =
            serde_json::from_str(self.json).map_err(|error| malformed(error.to_string()))?;
        let mut digits = file.bytecode.object;
        let prefix = if digits.starts_with("0x") { 2 } else { 0 };
        let references = file.bytecode.link_references.into_values().flatten();
        for (library, places) in references {
            let address = libraries
                .get(&library)
                .ok_or_else(|| ArtifactError::MissingLibrary {
                    contract: self.name,
                    library: library.clone(),
                })?;
            let address = hex::encode(address);
            for Place { start } in places {
                let start = start
                    .checked_mul(2)
                    .and_then(|start| start.checked_add(prefix));
                let range = start.and_then(|start| Some(start..start.checked_add(ADDRESS_DIGITS)?));
                let range = range.filter(|range| digits.get(range.clone()).is_some());
                let range = range.ok_or_else(|| malformed("a reference is outside".to_owned()))?;
                digits.replace_range(range, &address);
            }
        }
        let code = hex::decode(&digits).map_err(|error| malformed(error.to_string()))?;
        Ok(code.into())
    }

    /// [`Artifact::link`], with constructor arguments behind the code.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn code(
        &self,
        libraries: &Libraries,
        arguments: &impl SolConstructor,
    ) -> Result<Bytes, ArtifactError> {
        let code = self.link(libraries)?;
        Ok([code.as_ref(), &arguments.abi_encode()].concat().into())
    }
}

macro_rules! artifacts {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $constant: Artifact = Artifact {
                name: $name,
                json: include_str!(concat!("../out/", $name, ".sol/", $name, ".json")),
            };
        )*

        /// All of them.
        pub const ALL: &[Artifact] = &[$($constant),*];
    };
}

artifacts! {
    /// Poseidon of two inputs.
    POSEIDON_T3 = "PoseidonT3";
    /// Poseidon of three inputs.
    POSEIDON_T4 = "PoseidonT4";
    /// Poseidon of four inputs.
    POSEIDON_T5 = "PoseidonT5";
    /// Poseidon of five inputs.
    POSEIDON_T6 = "PoseidonT6";
    /// Verifier of the final proof.
    DECIDER_VERIFIER = "DeciderVerifier";
    /// Verifier of join proofs.
    JOIN_VERIFIER = "JoinVerifier";
    /// Verifier of bundles of messages.
    BUNDLE_VERIFIER = "BundleVerifier";
    /// The verifier of each shape.
    VK_REGISTRY = "VkRegistry";
    /// What all polls execute.
    POLL = "Poll";
    /// Makes polls.
    POLL_FACTORY = "PollFactory";
    /// Sign-ups and polls.
    MACI = "MACI";
    /// Lets everybody in.
    FREE_FOR_ALL_GATEKEEPER = "FreeForAllGatekeeper";
    /// Lets owners of an ERC-721 token in.
    SIGN_UP_TOKEN_GATEKEEPER = "SignUpTokenGatekeeper";
    /// Lets in whom a policy of Excubiae lets in.
    EXCUBIAE_GATEKEEPER = "ExcubiaeGatekeeper";
    /// The same credits for everybody.
    CONSTANT_INITIAL_VOICE_CREDIT_PROXY = "ConstantInitialVoiceCreditProxy";
    /// Credits from the votes of an ERC-20.
    VOTES_INITIAL_VOICE_CREDIT_PROXY = "VotesInitialVoiceCreditProxy";
    /// An ERC-721 for trying out.
    SIGN_UP_TOKEN = "SignUpToken";
    /// An ERC-20 with votes for trying out.
    SAMPLE_TOKEN = "SampleToken";
}
