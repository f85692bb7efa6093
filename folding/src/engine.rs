//! The folding engine: the proving library's Nova over the BN254/Grumpkin cycle.
//!
//! Everything that names a type of the library is here; the crate's public types wrap what this
//! module offers. It is generic over the step circuit, which the engine's own tests use.

use std::{cell::RefCell, fmt, path::Path, rc::Rc};

use halo2curves::bn256::Fr;
use nova_snark::{
    errors::NovaError,
    nova,
    provider::{hyperkzg, ipa_pc, Bn256EngineKZG, GrumpkinEngine},
    r1cs::R1CSShape,
    spartan,
    traits::{circuit::StepCircuit, snark::RelaxedR1CSSNARKTrait},
};

use crate::{
    layout::{Layout, LayoutError},
    silence::Silence,
};

/// BN254 with HyperKZG commitments: the curve of the step circuit.
pub type Primary = Bn256EngineKZG;
/// Grumpkin with Pedersen commitments.
pub type Secondary = GrumpkinEngine;
/// Public parameters of the library.
pub type PublicParams<C> = nova::PublicParams<Primary, Secondary, C>;
/// The library's running proof.
pub type RecursiveSnark<C> = nova::RecursiveSNARK<Primary, Secondary, C>;
/// Spartan on BN254, opened by HyperKZG.
pub type PrimarySnark =
    spartan::snark::RelaxedR1CSSNARK<Primary, hyperkzg::EvaluationEngine<Primary>>;
/// Spartan on Grumpkin, opened by the inner-product argument.
pub type SecondarySnark =
    spartan::snark::RelaxedR1CSSNARK<Secondary, ipa_pc::EvaluationEngine<Secondary>>;

/// Public inputs of each augmented circuit: the two hashes.
const PUBLIC_INPUTS: usize = 2;

/// Rows and columns of the two augmented circuits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// State elements between steps.
    pub arity: usize,
    /// Constraints on BN254 and on Grumpkin.
    pub constraints: (usize, usize),
    /// Witness variables on BN254 and on Grumpkin.
    pub variables: (usize, usize),
}

/// Why the engine refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The library's own error.
    #[error("{0}")]
    Library(#[from] NovaError),
    /// The library's encoder or decoder failed: an element that is not canonical, a point that is
    /// not on its curve.
    #[error("an element or point is invalid: {0}")]
    Encoding(String),
    /// Bytes of another size than the circuit's.
    #[error("{0}")]
    Layout(#[from] LayoutError),
}

/// Public parameters for a step circuit.
pub struct Engine<C: StepCircuit<Fr>> {
    parameters: PublicParams<C>,
    arity: usize,
}

impl<C: StepCircuit<Fr>> fmt::Debug for Engine<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("sizes", &self.sizes())
            .finish_non_exhaustive()
    }
}

/// Why [`Engine::setup`] failed.
#[derive(Debug)]
pub enum SetupFailure<E> {
    /// The powers could not be had.
    Powers(E),
    /// The library refused.
    Library(NovaError),
    /// The directory for the powers could not be made.
    Io(std::io::Error),
}

impl<C: StepCircuit<Fr>> Engine<C> {
    /// Synthesizes the augmented circuits for `blank` and takes the commitment keys.
    ///
    /// Called back once, with the number of points that the BN254 circuit needs (a power of two),
    /// `provide` writes the powers to the path given. (The library takes the powers from a
    /// directory only, and only it knows the augmented circuit's size.)
    pub fn setup<T: 'static, E: 'static>(
        blank: &C,
        provide: impl FnOnce(usize, &Path) -> Result<T, E> + 'static,
    ) -> Result<(Self, T), SetupFailure<E>> {
        let directory = private_directory().map_err(SetupFailure::Io)?;
        let path = directory.path().to_owned();
        let provide = RefCell::new(Some(provide));
        let provided = Rc::new(RefCell::new(None));
        let silence = Rc::new(RefCell::new(None));
        let (result, quiet) = (Rc::clone(&provided), Rc::clone(&silence));
        // The library asks for a lower bound of the key's size with the circuit in hand, then
        // reads the file.
        let primary = move |shape: &R1CSShape<Primary>| {
            let floor = PrimarySnark::ck_floor()(shape);
            let size = floor.max(shape.num_cons()).max(shape.num_vars());
            let count = size.next_power_of_two();
            let file = path.join(format!("ppot_pruned_{:02}.ptau", count.ilog2()));
            if let Some(provide) = provide.take() {
                *result.borrow_mut() = Some(provide(count, &file));
            }
            *quiet.borrow_mut() = Silence::begin().ok();
            floor
        };
        let heard = Rc::clone(&silence);
        let secondary = move |shape: &R1CSShape<Secondary>| {
            *heard.borrow_mut() = None;
            SecondarySnark::ck_floor()(shape)
        };
        let parameters =
            PublicParams::setup_with_ptau_dir(blank, &primary, &secondary, directory.path());
        *silence.borrow_mut() = None;
        let provided = match provided.take() {
            Some(Err(error)) => return Err(SetupFailure::Powers(error)),
            provided => provided.and_then(Result::ok),
        };
        let parameters = parameters.map_err(SetupFailure::Library)?;
        let value = provided.ok_or(SetupFailure::Library(NovaError::InternalError))?;
        let arity = blank.arity();
        Ok((Engine { parameters, arity }, value))
    }

    /// The library's parameters.
    pub fn parameters(&self) -> &PublicParams<C> {
        &self.parameters
    }

    /// The library's digest over both circuits, both commitment keys and the hash constants.
    pub fn digest(&self) -> Fr {
        self.parameters.digest()
    }

    /// Rows and columns.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            arity: self.arity,
            constraints: self.parameters.num_constraints(),
            variables: self.parameters.num_variables(),
        }
    }
}

/// A directory that only this user can enter, removed when dropped.
fn private_directory() -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("maci-nova-setup-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    builder.tempdir()
}

/// A proof of one step or more.
#[derive(Clone)]
pub struct Ivc<C: StepCircuit<Fr>> {
    snark: RecursiveSnark<C>,
}

impl<C: StepCircuit<Fr>> fmt::Debug for Ivc<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The witness is secret.
        f.debug_struct("Ivc")
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

impl<C: StepCircuit<Fr>> Ivc<C> {
    /// Proves the first step, from `z0`.
    pub fn first(engine: &Engine<C>, circuit: &C, z0: &[Fr]) -> Result<Self, EngineError> {
        let mut snark = RecursiveSnark::new(&engine.parameters, circuit, z0)?;
        // The constructor has executed the step; this call only counts it.
        snark.prove_step(&engine.parameters, circuit)?;
        Ok(Ivc { snark })
    }

    /// Proves one more step; `self` stays as it is.
    pub fn next(&self, engine: &Engine<C>, circuit: &C) -> Result<Self, EngineError> {
        let mut snark = self.snark.clone();
        snark.prove_step(&engine.parameters, circuit)?;
        Ok(Ivc { snark })
    }

    /// The state after the last step.
    pub fn z(&self) -> &[Fr] {
        self.snark.outputs()
    }

    /// The number of steps.
    pub fn steps(&self) -> u64 {
        self.snark.num_steps() as u64
    }

    /// Checks the whole proof: the hashes that bind both running instances, and that all three
    /// instances are satisfied by their witnesses. Returns the state proven.
    pub fn verify(&self, engine: &Engine<C>, z0: &[Fr]) -> Result<Vec<Fr>, EngineError> {
        let steps = self.snark.num_steps();
        Ok(self.snark.verify(&engine.parameters, steps, z0)?)
    }

    /// The library's object.
    pub fn snark(&self) -> &RecursiveSnark<C> {
        &self.snark
    }

    /// Encodes the proof with its witness: secret.
    pub fn encode(&self, sizes: &Sizes) -> Result<Vec<u8>, EngineError> {
        Ok(running_layout(sizes).pack(&encode(&self.snark)?)?)
    }

    /// Decodes; checks sizes and that every element and point is valid, not what they prove.
    pub fn decode(sizes: &Sizes, bytes: &[u8]) -> Result<Self, EngineError> {
        let library = running_layout(sizes).unpack(bytes)?;
        let snark = decode(&library)?;
        Ok(Ivc { snark })
    }

    /// Bytes of [`Ivc::encode`].
    pub fn encoded_size(sizes: &Sizes) -> usize {
        running_layout(sizes).packed_size()
    }
}

/// The library's encoding of a value.
pub fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, EngineError> {
    let config = bincode::config::standard().with_fixed_int_encoding();
    bincode::serde::encode_to_vec(value, config).map_err(|e| EngineError::Encoding(e.to_string()))
}

/// A value from the library's encoding, which it must fill.
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, EngineError> {
    let config = bincode::config::standard().with_fixed_int_encoding();
    let (value, used) = bincode::serde::decode_from_slice(bytes, config)
        .map_err(|e| EngineError::Encoding(e.to_string()))?;
    if used != bytes.len() {
        return Err(EngineError::Layout(LayoutError::Size {
            expected: used,
            found: bytes.len(),
        }));
    }
    Ok(value)
}

/// A relaxed instance: cmW, cmE, x, u.
pub fn relaxed_instance(layout: Layout) -> Layout {
    layout.elements(2).vector(PUBLIC_INPUTS).elements(1)
}

/// An instance: cmW, x.
pub fn instance(layout: Layout) -> Layout {
    layout.elements(1).vector(PUBLIC_INPUTS)
}

/// A relaxed witness: W, its blinding, E, its blinding.
fn relaxed_witness(layout: Layout, variables: usize, constraints: usize) -> Layout {
    layout
        .vector(variables)
        .elements(1)
        .vector(constraints)
        .elements(1)
}

/// z0, (W, U, blinding) on each curve, (w, u) on Grumpkin, the number of steps, z.
fn running_layout(sizes: &Sizes) -> Layout {
    let layout = Layout::default().vector(sizes.arity);
    let layout = relaxed_witness(layout, sizes.variables.0, sizes.constraints.0);
    let layout = relaxed_instance(layout).elements(1);
    let layout = relaxed_witness(layout, sizes.variables.1, sizes.constraints.1);
    let layout = relaxed_instance(layout).elements(1);
    let layout = layout.vector(sizes.variables.1).elements(1);
    instance(layout).counter().vector(sizes.arity)
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use ff::Field;
    use nova_snark::frontend::{num::AllocatedNum, ConstraintSystem, SynthesisError};

    use super::*;
    use crate::powers_of_tau::PowersOfTau;

    /// `z' = (z_6^2, z_0, ..., z_5)`; with `false_witness` the square's witness is another value.
    #[derive(Clone)]
    struct Rotate {
        false_witness: bool,
    }

    impl StepCircuit<Fr> for Rotate {
        fn arity(&self) -> usize {
            7
        }

        fn synthesize<CS: ConstraintSystem<Fr>>(
            &self,
            cs: &mut CS,
            z: &[AllocatedNum<Fr>],
        ) -> Result<Vec<AllocatedNum<Fr>>, SynthesisError> {
            let square = AllocatedNum::alloc(cs.namespace(|| "square"), || {
                let value = z[6].get_value().ok_or(SynthesisError::AssignmentMissing)?;
                Ok(value.square() + Fr::from(u64::from(self.false_witness)))
            })?;
            cs.enforce(
                || "z_6 * z_6 = square",
                |lc| lc + z[6].get_variable(),
                |lc| lc + z[6].get_variable(),
                |lc| lc + square.get_variable(),
            );
            let mut next = vec![square];
            next.extend_from_slice(&z[..6]);
            Ok(next)
        }
    }

    const HONEST: Rotate = Rotate {
        false_witness: false,
    };

    fn z0() -> Vec<Fr> {
        (2..9).map(Fr::from).collect()
    }

    fn rotate(z: &[Fr]) -> Vec<Fr> {
        let mut next = vec![z[6].square()];
        next.extend_from_slice(&z[..6]);
        next
    }

    fn engine() -> &'static Engine<Rotate> {
        static ENGINE: OnceLock<Engine<Rotate>> = OnceLock::new();
        ENGINE.get_or_init(|| {
            let provide = |count: usize, path: &Path| PowersOfTau::development(count).write(path);
            Engine::setup(&HONEST, provide).expect("parameters").0
        })
    }

    fn three_steps() -> Ivc<Rotate> {
        let engine = engine();
        let first = Ivc::first(engine, &HONEST, &z0()).expect("step");
        let second = first.next(engine, &HONEST).expect("step");
        second.next(engine, &HONEST).expect("step")
    }

    #[test]
    fn steps_compute_and_verify() {
        let engine = engine();
        let mut z = z0();
        let mut ivc = Ivc::first(engine, &HONEST, &z).expect("step");
        for steps in 1..=4 {
            z = rotate(&z);
            assert_eq!((ivc.steps(), ivc.z()), (steps, &z[..]));
            assert_eq!(ivc.verify(engine, &z0()).expect("true"), z);
            ivc = ivc.next(engine, &HONEST).expect("step");
        }
        let mut other = z0();
        other[3] += Fr::ONE;
        assert!(ivc.verify(engine, &other).is_err());
        assert!(ivc.verify(engine, &z0()[..6]).is_err());
    }

    #[test]
    fn a_false_step_does_not_verify() {
        let engine = engine();
        let lie = Rotate {
            false_witness: true,
        };
        let first = Ivc::first(engine, &lie, &z0()).expect("the prover does not check");
        assert!(first.verify(engine, &z0()).is_err());
        let later = three_steps().next(engine, &lie).expect("neither here");
        assert!(later.verify(engine, &z0()).is_err());
        let buried = later.next(engine, &HONEST).expect("step");
        assert!(buried.verify(engine, &z0()).is_err());
    }

    #[test]
    fn encoding_is_exact_and_canonical() {
        let (engine, ivc) = (engine(), three_steps());
        let sizes = engine.sizes();
        let bytes = ivc.encode(&sizes).expect("encoded");
        assert_eq!(bytes.len(), Ivc::<Rotate>::encoded_size(&sizes));
        let decoded = Ivc::<Rotate>::decode(&sizes, &bytes).expect("decoded");
        assert_eq!(decoded.encode(&sizes).expect("encoded"), bytes);
        assert_eq!(decoded.verify(engine, &z0()).expect("true"), ivc.z());
        // A decoded proof continues as the original does.
        let next = decoded.next(engine, &HONEST).expect("step");
        assert_eq!(next.verify(engine, &z0()).expect("true"), rotate(ivc.z()));
    }

    #[test]
    fn altered_encodings_do_not_verify() {
        let (engine, ivc) = (engine(), three_steps());
        let sizes = engine.sizes();
        let bytes = ivc.encode(&sizes).expect("encoded");
        for position in (0..bytes.len()).step_by(bytes.len() / 30) {
            let mut altered = bytes.clone();
            altered[position] ^= 1 << (position % 8);
            let verified = Ivc::<Rotate>::decode(&sizes, &altered)
                .and_then(|decoded| decoded.verify(engine, &z0()));
            assert!(verified.is_err(), "byte {position}");
        }
        for length in [0, 1, 31, bytes.len() - 1] {
            assert!(Ivc::<Rotate>::decode(&sizes, &bytes[..length]).is_err());
        }
        assert!(Ivc::<Rotate>::decode(&sizes, &[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn elements_that_are_not_canonical_are_refused() {
        let sizes = engine().sizes();
        let mut bytes = three_steps().encode(&sizes).expect("encoded");
        bytes[..32].fill(0xff);
        let decoded = Ivc::<Rotate>::decode(&sizes, &bytes);
        assert!(matches!(decoded, Err(EngineError::Encoding(_))));
    }

    #[test]
    fn setup_reports_the_providers_error() {
        let result = Engine::setup(&HONEST, |count, _| Err::<(), usize>(count));
        assert!(matches!(result, Err(SetupFailure::Powers(count)) if count >= 1 << 13));
        let silent = Engine::setup(&HONEST, |_, _| Ok::<(), ()>(()));
        assert!(matches!(silent, Err(SetupFailure::Library(_))));
    }
}
