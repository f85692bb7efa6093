//! The proving library's own IVC for the same step circuit: the baseline that the folding engine is
//! compared with, in what it proves and in what it costs. Nothing outside this crate uses it.
//!
//! Both commitment keys are Pedersen's, which need no powers of tau; committing costs what it costs
//! under KZG, the same multi-scalar multiplication.

use std::fmt;

use maci_nova_step_circuit::{Fr, Shape, StepCircuit};
use nova_snark::errors::NovaError;
use nova_snark::nova;
use nova_snark::provider::{Bn256EngineIPA, GrumpkinEngine};
use nova_snark::traits::snark::default_ck_hint;

/// The library's public parameters for a shape.
pub struct Parameters {
    library: nova::PublicParams<Bn256EngineIPA, GrumpkinEngine, StepCircuit>,
}

impl Parameters {
    /// Makes them.
    ///
    /// # Errors
    /// The library's.
    pub fn setup(shape: Shape) -> Result<Self, NovaError> {
        let blank = StepCircuit::blank(shape);
        let library = nova::PublicParams::setup(&blank, &*default_ck_hint(), &*default_ck_hint())?;
        Ok(Parameters { library })
    }

    /// Constraints of the augmented circuits on BN254 and on Grumpkin.
    pub fn constraints(&self) -> (usize, usize) {
        self.library.num_constraints()
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters")
            .field("constraints", &self.constraints())
            .finish_non_exhaustive()
    }
}

/// The library's proof of one step or more.
pub struct RunningProof {
    library: nova::RecursiveSNARK<Bn256EngineIPA, GrumpkinEngine, StepCircuit>,
}

impl RunningProof {
    /// Proves the first step, from the state that it starts in.
    ///
    /// # Errors
    /// The library's.
    pub fn first(parameters: &Parameters, circuit: &StepCircuit) -> Result<Self, NovaError> {
        let z0 = circuit.before().to_array();
        let mut library = nova::RecursiveSNARK::new(&parameters.library, circuit, &z0)?;
        // The constructor has executed the step; this call only counts it.
        library.prove_step(&parameters.library, circuit)?;
        Ok(RunningProof { library })
    }

    /// Proves one more step, in place.
    ///
    /// # Errors
    /// The library's; the proof is then of no use.
    pub fn fold(
        &mut self,
        parameters: &Parameters,
        circuit: &StepCircuit,
    ) -> Result<(), NovaError> {
        self.library.prove_step(&parameters.library, circuit)
    }

    /// The state after the last step, as the circuit computed it.
    pub fn z(&self) -> &[Fr] {
        self.library.outputs()
    }

    /// Checks that the proof leads from `z0` to the state returned in `steps` steps.
    ///
    /// # Errors
    /// The library's, when it does not.
    pub fn verify(
        &self,
        parameters: &Parameters,
        steps: usize,
        z0: &[Fr],
    ) -> Result<Vec<Fr>, NovaError> {
        self.library.verify(&parameters.library, steps, z0)
    }

    /// Bytes of the proof with its witness: elements and compressed points of 32 bytes, as they
    /// are in a checkpoint, and a length of 8 before each vector.
    ///
    /// # Errors
    /// The encoder's.
    pub fn encoded_size(&self) -> Result<usize, bincode::error::EncodeError> {
        let config = bincode::config::standard().with_fixed_int_encoding();
        Ok(bincode::serde::encode_to_vec(&self.library, config)?.len())
    }
}

impl fmt::Debug for RunningProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The witness is secret.
        f.debug_struct("RunningProof")
            .field("steps", &self.library.num_steps())
            .finish_non_exhaustive()
    }
}
