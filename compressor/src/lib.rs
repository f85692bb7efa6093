//! The final proof of a poll: what the coordinator publishes and anybody verifies.
//!
//! The running proof (`maci-nova-folding`) is folded once more with random satisfying instances, so
//! that it tells nothing about the votes, and both of its instances are then proven with Spartan
//! (ePrint 2019/550): on BN254 with HyperKZG, on Grumpkin with an inner-product argument.
//! [`decider`] makes the other final proof, which a contract verifies, and needs keys of its own.
//!
//! ```no_run
//! # use maci_nova_compressor::{verify, FinalProof, VerifierKey};
//! # use maci_nova_folding::{Parameters, RunningProof};
//! # use maci_nova_protocol::{log::PublicFacts, tally::OptionResult};
//! # fn publish(
//! #     parameters: Parameters,
//! #     running: RunningProof,
//! #     results: Vec<OptionResult>,
//! #     facts: PublicFacts,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let proof = FinalProof::prove(&parameters, &running, results)?;
//! proof.write("poll.proof".as_ref())?;
//!
//! let proof = FinalProof::read("poll.proof".as_ref())?;
//! let proven = verify(&VerifierKey::new(&parameters), &proof, &facts)?;
//! println!("{} voice credits were spent", proven.total_spent);
//! # Ok(())
//! # }
//! ```

mod claim;
pub mod decider;
mod final_proof;
mod hashes;
mod keys;
mod last_foldings;
mod reader;
mod snark;
mod snark_error;
mod strict_r1cs;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;
mod transcript;
mod verify;

pub use final_proof::{FinalProof, ProofFileError, ProveError};
pub use keys::VerifierKey;
pub use verify::{verify, ProvenResults, VerifyError};
