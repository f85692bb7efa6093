//! Keys, proofs and statements as the contract's types.

use maci_nova_contracts::decider as contract;
use maci_nova_groth16::{
    convert::{ToArk, ToHalo},
    VerifyingKey,
};

use super::{DeciderError, DeciderKey, DeciderProof, DeciderStatement};

/// The key that the verifier is deployed with.
///
/// # Errors
/// [`DeciderError::Key`] when it does not have three public inputs.
pub fn key(key: &DeciderKey) -> Result<contract::Key, DeciderError> {
    let groth16 = &key.groth16;
    let ic: Vec<_> = groth16.ic.iter().map(ToHalo::to_halo).collect();
    Ok(contract::Key {
        alpha: groth16.alpha.to_halo(),
        beta: groth16.beta.to_halo(),
        gamma_prime: groth16.gamma_prime.to_halo(),
        delta: groth16.delta.to_halo(),
        ic: ic.try_into().map_err(|_| DeciderError::Key)?,
        tau: key.tau_2.to_halo(),
        h: key.h.to_halo(),
    })
}

/// The inverse of [`key`]: the contract's key as the verification in Rust takes it.
pub fn from_key(key: &contract::Key) -> DeciderKey {
    DeciderKey {
        groth16: VerifyingKey {
            alpha: key.alpha.to_ark(),
            beta: key.beta.to_ark(),
            gamma_prime: key.gamma_prime.to_ark(),
            delta: key.delta.to_ark(),
            ic: key.ic.iter().map(ToArk::to_ark).collect(),
        },
        tau_2: key.tau.to_ark(),
        h: key.h.to_ark(),
    }
}

/// The proof as calldata has it.
pub fn proof(proof: &DeciderProof) -> contract::Proof {
    let fold = &proof.fold;
    contract::Proof {
        running: fold.uc.to_halo(),
        difference: fold.dn.to_halo(),
        random_difference: fold.dr.to_halo(),
        r1: fold.r1.to_halo(),
        r2: fold.r2.to_halo(),
        d: proof.d.to_halo(),
        a: proof.groth16.a.to_halo(),
        b: proof.groth16.b.to_halo(),
        c: proof.groth16.c.to_halo(),
        evaluation: proof.e.to_halo(),
        blinding: proof.blind.to_halo(),
        opening: proof.opening.to_halo(),
    }
}

/// The statement as calldata has it.
pub fn statement(statement: &DeciderStatement) -> contract::Statement {
    let results = statement.results.iter();
    let results = results.map(|result| contract::OptionResult {
        votes: result.votes,
        spent: result.spent,
    });
    contract::Statement {
        domain: statement.domain,
        z0: statement.z0,
        z: statement.z,
        results: results.collect(),
    }
}
