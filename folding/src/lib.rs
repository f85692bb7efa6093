//! The running proof of a poll: public parameters, folding, checkpoints.
//!
//! A poll's events become steps (`maci-nova-step-circuit`); each is folded into one
//! [`RunningProof`] whose size does not grow, while the poll is open or after it. The engine is
//! ProtoGalaxy's folding of claims (ePrint 2023/1106) with CycleFold (ePrint 2023/1192) over BN254
//! and Grumpkin;
//! `docs/folding.md` describes it, [`budget`] says what it costs.
//!
//! ```no_run
//! # use maci_nova_folding::{Parameters, RunningProof, SetupSource};
//! # use maci_nova_protocol::poll::Header;
//! # use maci_nova_step_circuit::{Shape, StepCircuit};
//! # fn fold(
//! #     shape: Shape,
//! #     header: Header,
//! #     steps: Vec<StepCircuit>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let ptau = SetupSource::PowersOfTau("pot16.ptau".into());
//! let parameters = Parameters::setup(shape, &ptau)?;
//! let mut proof = RunningProof::new(&parameters, &header)?;
//! for step in steps {
//!     proof.fold(&parameters, step)?;
//! }
//! assert_eq!(&proof.verify(&parameters)?, proof.state());
//! # Ok(())
//! # }
//! ```

#[doc(hidden)]
pub mod accumulator;
mod augmented;
#[doc(hidden)]
pub mod blinding;
pub mod budget;
pub mod checkpoint;
#[doc(hidden)]
pub mod claims;
#[doc(hidden)]
pub mod curve;
#[doc(hidden)]
pub mod cyclefold;
#[doc(hidden)]
pub mod engine;
mod fixed_base;
#[doc(hidden)]
pub mod layout;
#[doc(hidden)]
pub mod limbs;
#[cfg(test)]
mod mutation;
#[doc(hidden)]
pub mod oracle;
pub mod pipeline;
mod powers_of_tau;
pub mod ptau_file;
#[doc(hidden)]
pub mod relation;
#[doc(hidden)]
pub mod rows;
mod running_proof;
mod setup;
mod stdout_guard;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use engine::blinding_generator;
pub use limbs::MAX_STEPS;
pub use pipeline::{fold_all, Outcome, PipelineError, Stop};
pub use powers_of_tau::{known_tau, read_powers_of_tau};
pub use ptau_file::PtauError;
pub use running_proof::{FoldError, RunningProof};
pub use setup::{Parameters, ParametersDigest, SetupError, SetupOrigin, SetupSource};
