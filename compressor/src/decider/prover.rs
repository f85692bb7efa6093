//! Keys and proofs of the decider.

use std::sync::Arc;

use ark_bn254::{Bn254, Fr as ArkFr, G1Affine as ArkG1, G2Affine as ArkG2};
use ark_ec::{pairing::Pairing, AffineRepr, CurveGroup};
use ark_ff::Zero;
use ff::Field;
use halo2curves::bn256::Fr;
use maci_nova_folding::{
    engine::{EngineError, IvcProof, PublicParams},
    relation::Commitment,
};
use maci_nova_groth16::{
    self as groth16,
    adapter::{Assignment, Matrices},
    convert::{ToArk, ToHalo},
    KeyFacts, ProvingKey, Trapdoors,
};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_step_circuit::{num::Gadget, secret::Secret};
use nova_snark::{
    frontend::SynthesisError,
    provider::Bn256EngineKZG,
    traits::{commitment::CommitmentEngineTrait, Engine as CurveEngine},
};

use super::{
    circuit::{self, Decider},
    DeciderKey, DeciderProof, DeciderStatement, End, Fold,
};

#[cfg(feature = "cache")]
mod cached;

/// Public variables of the circuit: c, e_v, e.
pub const PUBLICS: usize = 3;
/// Names the keys in the cache.
pub const KEY_NAME: &str = "decider";

/// Why there is no decider key or proof.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The running proof is not the engine's, or the results are too many.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The circuit could not be made or filled.
    #[error("{0}")]
    Circuit(#[from] circuit::CircuitError),
    /// The keys could not be made.
    #[error("{0}")]
    Setup(#[from] groth16::SetupError),
    /// The keys could not be obtained from the cache.
    #[cfg(feature = "cache")]
    #[error("{0}")]
    Cache(#[from] maci_nova_groth16::KeyCacheError),
    /// The proof could not be made: what is claimed is false.
    #[error("{0}")]
    Groth16(#[from] groth16::ProveError),
}

/// What makes decider proofs of one shape.
pub struct Prover {
    decider: Decider,
    matrices: Matrices,
    key: ProvingKey,
}

impl core::fmt::Debug for Prover {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Prover").finish_non_exhaustive()
    }
}

impl Prover {
    /// Makes the keys for an engine's running proofs and vote option trees of this depth.
    ///
    /// # Errors
    /// [`ProverError::Circuit`], [`ProverError::Setup`].
    pub fn setup(
        engine: Arc<PublicParams>,
        vote_depth: usize,
        trapdoors: Trapdoors,
    ) -> Result<Self, ProverError> {
        let decider = Decider::new(engine, vote_depth);
        let matrices = decider.matrices()?;
        let key = groth16::setup(&matrices, PUBLICS, trapdoors)?;
        Ok(Prover {
            decider,
            matrices,
            key,
        })
    }

    /// The ceremony that the keys say they come from, see [`ProvingKey::ceremony`].
    pub fn ceremony(&self) -> Option<[u8; 32]> {
        self.key.ceremony()
    }

    /// Constraints of the circuit.
    pub fn constraints(&self) -> usize {
        self.matrices.constraints()
    }

    /// Names the proving key: its [digest](ProvingKey::digest).
    pub fn digest(&self) -> [u8; 32] {
        self.key.digest()
    }

    /// What others are told of the keys.
    pub fn facts(&self) -> DeciderFacts {
        DeciderFacts::new(self.decider.engine(), self.key.facts(), self.constraints())
    }

    /// What verifies the proofs.
    pub fn verifying_key(&self) -> DeciderKey {
        DeciderKey::new(self.decider.engine(), self.key.verifying_key().clone())
    }

    /// Proves what a running proof has come to. `domain` says where and for what it is verified,
    /// and `ends` how its states are shown. Where the last one is not, there are no results.
    ///
    /// # Errors
    /// See [`ProverError`].
    pub fn prove(
        &self,
        proof: &IvcProof,
        domain: [u8; 32],
        ends: &[End; 2],
        results: &[OptionResult],
    ) -> Result<DeciderProof, ProverError> {
        let witness = self.decider.witness(proof, ends.clone(), results)?;
        let committed = self.decider.committed(&witness)?;
        let committed: Vec<ArkFr> = committed.iter().map(ToArk::to_ark).collect();
        let d = self.key.commit(&committed)?;
        let fold = self.fold(&witness)?;
        let statement = DeciderStatement::new(proof, domain, ends, results)?;
        let c: Fr = statement.challenge(&d, &statement.v(&fold)).to_halo();
        let assignment = Assignment::record(|cs| {
            self.decider
                .fill(&mut Gadget::new(cs), &witness, c)
                .map_err(|_| SynthesisError::Unsatisfiable(String::new()))
        })
        .map_err(circuit::CircuitError::from)?;
        let groth16 = groth16::prove(&self.key, &self.matrices, &assignment)?;
        let (value, quotient) = divide(witness.vector(), c);
        let opening = self.commit(&quotient);
        Ok(DeciderProof {
            fold,
            d,
            groth16,
            e: value.to_ark(),
            blind: witness.blind().to_ark(),
            opening,
        })
    }

    fn fold(&self, witness: &circuit::Witness) -> Result<Fold, ProverError> {
        let [uc, dn, dr] = witness.commitments().map(|commitment| point(&commitment));
        let (r1, r2) = self.decider.challenges(witness)?;
        Ok(Fold {
            uc,
            dn,
            dr,
            r1: r1.to_ark(),
            r2: r2.to_ark(),
        })
    }

    fn commit(&self, coefficients: &[Fr]) -> ArkG1 {
        let key = self.decider.engine().primary().key();
        let commitment = <Bn256EngineKZG as CurveEngine>::CE::commit(key, coefficients, &Fr::ZERO);
        point(&commitment)
    }
}

/// What others are told of the decider's keys: enough to deploy its verifier.
#[derive(Clone, Debug)]
pub struct DeciderFacts {
    /// The ceremony that they say they come from, see [`ProvingKey::ceremony`].
    pub ceremony: Option<[u8; 32]>,
    /// Names the proving key: its [digest](ProvingKey::digest).
    pub digest: [u8; 32],
    /// What verifies the proofs.
    pub key: DeciderKey,
    /// Constraints of the circuit.
    pub constraints: usize,
}

impl DeciderFacts {
    fn new(engine: &PublicParams, facts: KeyFacts, constraints: usize) -> Self {
        DeciderFacts {
            ceremony: facts.ceremony,
            digest: facts.digest,
            key: DeciderKey::new(engine, facts.verifying),
            constraints,
        }
    }
}

impl DeciderKey {
    /// Of an engine's decider.
    pub fn new(engine: &PublicParams, groth16: groth16::VerifyingKey) -> Self {
        CommitmentBases::of(engine).key(groth16)
    }
}

/// What a decider's verifier has of an engine's commitments: all that is needed of an engine where there is a verifying key.
#[derive(Clone, Copy, Debug)]
pub struct CommitmentBases {
    tau_2: ArkG2,
    h: ArkG1,
}

impl CommitmentBases {
    /// Of an engine.
    pub fn of(engine: &PublicParams) -> Self {
        let kzg = engine.primary().key();
        CommitmentBases {
            tau_2: kzg.tau_H().to_ark(),
            h: kzg.h().to_ark(),
        }
    }

    /// Whether a commitment less its blinding has this value at this point: `e(F - b h - e [1]_1 + c
    /// pi, [1]_2) = e(pi, [tau]_2)`.
    pub(crate) fn opens(
        &self,
        commitment: &ArkG1,
        blind: &ArkFr,
        (point, value): (&ArkFr, &ArkFr),
        opening: &ArkG1,
    ) -> bool {
        let opened = *commitment - self.h * blind - ArkG1::generator() * value + *opening * point;
        let pairs = [opened.into_affine(), -*opening];
        let product = Bn254::multi_pairing(pairs, [ArkG2::generator(), self.tau_2]);
        product.is_zero()
    }

    /// The decider's key with this one of its circuit.
    pub fn key(&self, groth16: groth16::VerifyingKey) -> DeciderKey {
        DeciderKey {
            groth16,
            tau_2: self.tau_2,
            h: self.h,
        }
    }
}

impl DeciderStatement {
    /// What [`Prover::prove`] proves of a running proof.
    ///
    /// # Errors
    /// [`EngineError::Statement`] when its states have not eight elements.
    pub fn new(
        proof: &IvcProof,
        domain: [u8; 32],
        [first, last]: &[End; 2],
        results: &[OptionResult],
    ) -> Result<Self, EngineError> {
        let [z0, z] = circuit::states(proof)?;
        Ok(DeciderStatement {
            domain,
            z0: first.words(&z0),
            z: last.words(&z),
            results: results.to_vec(),
        })
    }
}

pub(crate) fn point(commitment: &Commitment<Bn256EngineKZG>) -> ArkG1 {
    let (x, y) = maci_nova_folding::relation::coordinates::<Bn256EngineKZG>(commitment);
    if x == halo2curves::bn256::Fq::ZERO && y == halo2curves::bn256::Fq::ZERO {
        return ArkG1::zero();
    }
    halo2curves::bn256::G1Affine { x, y }.to_ark()
}

/// `p(c)` and `(p(X) - p(c)) / (X - c)`.
pub(crate) fn divide(p: &[Fr], c: Fr) -> (Fr, Secret<Fr>) {
    let mut quotient = vec![Fr::ZERO; p.len()];
    let mut sum = Fr::ZERO;
    for (i, coefficient) in p.iter().enumerate().rev() {
        quotient[i] = sum;
        sum = sum * c + coefficient;
    }
    (sum, quotient.into())
}

#[cfg(test)]
mod tests {
    use maci_nova_folding::{Parameters, SetupSource};
    use maci_nova_step_circuit::Shape;

    use super::*;
    use maci_nova_folding::testing::write_powers;

    /// A key is found by the circuit's digest, so these must differ.
    #[test]
    fn other_powers_and_other_trees_are_other_circuits() {
        let directory = tempfile::tempdir().expect("directory");
        let shape = Shape::new(1, 1, 1).expect("in range");
        let [two, three] = [2, 3].map(|tau| {
            let path = directory.path().join(tau.to_string());
            write_powers(&path, tau, 16);
            let source = SetupSource::PowersOfTau(path);
            let parameters = Parameters::setup(shape, &source).expect("parameters");
            Arc::clone(parameters.engine())
        });
        let [one, powers, tree] = [(&two, 1), (&three, 1), (&two, 2)].map(|(engine, depth)| {
            let decider = Decider::new(Arc::clone(engine), depth);
            decider.matrices().expect("recorded").digest()
        });
        assert_ne!(one, powers);
        assert_ne!(one, tree);
        assert_ne!(powers, tree);
    }
}
