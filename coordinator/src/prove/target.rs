//! Where a proof is to be accepted: by a poll's verifier, or by one in an embedded EVM.

use maci_nova_compressor::decider::Prover;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_step_circuit::Shape;

use crate::error::Error;
use crate::prove::dry_run::{DryRun, DryRunError, CHAIN_ID};
use crate::prove::finalization::{calldata, Acceptance, Finalization};
use crate::prove::keys::DeciderKeys;

/// Who is to accept a proof.
#[derive(Debug)]
pub enum ProofTarget<'a> {
    /// A verifier in an embedded EVM.
    DryRun(Box<DryRun>),
    /// A poll, which asks its verifier when the proof is sent to it.
    Poll(&'a PollContract),
}

impl ProofTarget<'_> {
    /// A verifier of this prover's proofs in an EVM of its own.
    ///
    /// # Errors
    /// [`maci_nova_sdk::Error::Internal`] if the verifier refuses the key.
    pub fn dry_run(keys: &DeciderKeys, shape: Shape) -> Result<Self, Error> {
        let options = 5_usize.pow(shape.vote_depth as u32);
        let development = !keys.are_known;
        let verifier = DryRun::deploy(keys.prover.verifying_key(), options, development);
        Ok(ProofTarget::DryRun(Box::new(
            verifier.map_err(Error::internal)?,
        )))
    }

    /// What proofs have to be bound to.
    pub fn domain(&self) -> [u8; 32] {
        match self {
            ProofTarget::DryRun(verifier) => verifier.domain(),
            ProofTarget::Poll(poll) => poll.domain(),
        }
    }

    /// Verifies a proof in Rust and, in a dry run, by the contract.
    ///
    /// # Errors
    /// [`DryRunError`].
    pub fn accept(
        &mut self,
        prover: &Prover,
        finalization: &Finalization,
    ) -> Result<Acceptance, DryRunError> {
        match self {
            ProofTarget::DryRun(verifier) => {
                for segment in &finalization.segments {
                    verifier.verify(&segment.statement, &segment.proof)?;
                }
                let accepted = verifier.verify(&finalization.statement, &finalization.proof)?;
                Ok(Acceptance {
                    chain_id: CHAIN_ID,
                    poll: verifier.poll(),
                    verifier: verifier.verifier(),
                    gas: Some((accepted.gas, verifier.deployment_gas())),
                    calldata: accepted.calldata,
                })
            }
            ProofTarget::Poll(poll) => {
                finalization
                    .verify(&prover.verifying_key())
                    .map_err(DryRunError::Native)?;
                Ok(Acceptance {
                    chain_id: poll.chain_id,
                    poll: poll.address,
                    verifier: poll.info.verifier,
                    calldata: calldata(finalization),
                    gas: None,
                })
            }
        }
    }
}
