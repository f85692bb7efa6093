//! The compressed SNARK and its encoding.

use std::panic::{self, AssertUnwindSafe};

use ff::PrimeField;
use maci_nova_folding::{
    engine::{
        decode, encode, instance, relaxed_instance, EngineError, Primary, PrimarySnark, Secondary,
        SecondarySnark, Sizes,
    },
    layout::Layout,
};
use maci_nova_step_circuit::{Fr, StepCircuit};
use nova_snark::nova;

/// Bytes of a field element or a compressed point.
const ELEMENT_BYTES: usize = 32;

/// The proof of the library.
pub(crate) type CompressedSnark =
    nova::CompressedSNARK<Primary, Secondary, StepCircuit, PrimarySnark, SecondarySnark>;
/// The library's key to verify it.
pub(crate) type LibraryVerifierKey =
    nova::VerifierKey<Primary, Secondary, StepCircuit, PrimarySnark, SecondarySnark>;

/// Why encoded bytes are no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnarkError {
    /// The size is wrong, or an element or point is invalid.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// An element or point that is valid, but not encoded in the one way it should be.
    #[error("an element or point has a second encoding")]
    NotCanonical,
    /// It proves another state than the one stated.
    #[error("it proves another state")]
    OtherState,
    /// The library's verifier rejects, with its error.
    #[error("the verifier rejects it ({0})")]
    Rejected(String),
}

/// Encodes a proof of `z`; `z` itself is left out.
pub(crate) fn to_bytes(
    snark: &CompressedSnark,
    sizes: &Sizes,
    z: &[Fr],
) -> Result<Vec<u8>, SnarkError> {
    let mut bytes = layout(sizes)
        .pack(&encode(snark)?)
        .map_err(EngineError::from)?;
    let state = bytes.split_off(bytes.len() - z.len() * ELEMENT_BYTES);
    if state != state_bytes(z) {
        return Err(SnarkError::OtherState);
    }
    Ok(bytes)
}

/// Verifies an encoded proof that `steps` steps lead from `z0` to `z`.
///
/// Hostile bytes are an error: their size must be the one that the circuit's size implies, so every
/// vector has its length; each element is canonical and each point on its curve.
pub(crate) fn verify(
    key: &LibraryVerifierKey,
    sizes: &Sizes,
    bytes: &[u8],
    steps: usize,
    z0: &[Fr],
    z: &[Fr],
) -> Result<(), SnarkError> {
    let packed = [bytes, &state_bytes(z)].concat();
    let library = layout(sizes).unpack(&packed).map_err(EngineError::from)?;
    check_scalars(&packed)?;
    // Last resort: with the lengths fixed, no path of the library's verifier that can panic is
    // known, but a verifier must not end its process in any case.
    let verdict = panic::catch_unwind(AssertUnwindSafe(|| {
        let snark: CompressedSnark = decode(&library)?;
        if encode(&snark)? != library {
            return Err(SnarkError::NotCanonical);
        }
        snark
            .verify(key, steps, z0)
            .map_err(|error| SnarkError::Rejected(error.to_string()))
    }));
    match verdict {
        Ok(Ok(proven)) if proven == z => Ok(()),
        Ok(Ok(_)) => Err(SnarkError::OtherState),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(SnarkError::Rejected("by a panic".into())),
    }
}

fn state_bytes(z: &[Fr]) -> Vec<u8> {
    z.iter()
        .flat_map(|element| <[u8; ELEMENT_BYTES]>::from(element.to_repr()))
        .collect()
}

/// Elements of Fq that the library absorbs modulo r: in the running instance on Grumpkin its
/// scalar, in the incoming one both inputs, in the random one its scalar (indices of elements).
const ABSORBED_MODULO_R: [usize; 4] = [4, 7, 8, 14];

/// Requires those below r: above, two of them would be absorbed as one. (Honest ones are below but
/// with probability 2^-126.)
fn check_scalars(packed: &[u8]) -> Result<(), SnarkError> {
    for index in ABSORBED_MODULO_R {
        let mut bytes = [0u8; ELEMENT_BYTES];
        bytes.copy_from_slice(&packed[index * ELEMENT_BYTES..(index + 1) * ELEMENT_BYTES]);
        if bool::from(Fr::from_repr(bytes.into()).is_none()) {
            return Err(SnarkError::NotCanonical);
        }
    }
    Ok(())
}

/// The fields of the library's proof, in order.
fn layout(sizes: &Sizes) -> Layout {
    let commitment = |layout: Layout| layout.elements(1);
    // Grumpkin: running instance, its hash's blinding, incoming instance, their cross term;
    // random instance, the cross term with it.
    let layout = relaxed_instance(Layout::default()).elements(1);
    let layout = commitment(instance(layout));
    let layout = commitment(relaxed_instance(layout));
    // BN254: running instance, blinding, random instance, cross term.
    let layout = relaxed_instance(layout).elements(1);
    let layout = commitment(relaxed_instance(layout));
    // The blindings that are taken off the four commitments.
    let layout = layout.elements(4);
    let layout = primary_snark(layout, &Rounds::new(sizes.constraints.0, sizes.variables.0));
    let layout = secondary_snark(layout, &Rounds::new(sizes.constraints.1, sizes.variables.1));
    layout.vector(sizes.arity)
}

/// Rounds of the sum-checks of a Spartan proof.
struct Rounds {
    outer: usize,
    inner: usize,
    batch: usize,
}

impl Rounds {
    /// Rows and columns are padded to one power of two, unless both are powers of two already.
    fn new(constraints: usize, variables: usize) -> Self {
        let regular = constraints.is_power_of_two() && variables.is_power_of_two();
        let (rows, columns) = if regular {
            (constraints, variables)
        } else {
            let size = constraints.max(variables).next_power_of_two();
            (size, size)
        };
        let (outer, inner) = (rows.ilog2() as usize, columns.ilog2() as usize + 1);
        Rounds {
            outer,
            inner,
            batch: outer.max(inner - 1),
        }
    }
}

/// Spartan without its polynomial opening: each round polynomial without its linear term.
fn spartan(layout: Layout, rounds: &Rounds) -> Layout {
    layout
        .vector_of(rounds.outer, |round| round.vector(3))
        .elements(4)
        .vector_of(rounds.inner, |round| round.vector(2))
        .elements(1)
        .vector_of(rounds.batch, |round| round.vector(2))
        .vector(2)
}

/// HyperKZG: commitments to the folded polynomials, three witnesses, three evaluations of each.
fn primary_snark(layout: Layout, rounds: &Rounds) -> Layout {
    spartan(layout, rounds)
        .vector(rounds.batch - 1)
        .elements(3)
        .vector_of(rounds.batch, |evaluations| evaluations.elements(3))
}

/// The inner-product argument: left and right commitments of each round, the last scalar.
fn secondary_snark(layout: Layout, rounds: &Rounds) -> Layout {
    spartan(layout, rounds)
        .vector(rounds.batch)
        .vector(rounds.batch)
        .elements(1)
}
