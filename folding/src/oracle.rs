//! The random oracle: Poseidon over Fr (the library's, 24 elements a permutation), natively and as a
//! gadget, and the inventory of what is hashed for what.
//!
//! Every hash begins with the parameters' digest plus a small number that says what the hash is for.
//! The lists of elements are written once, generic over values and circuit variables, so that both
//! sides absorb the same in the same order.

use halo2curves::bn256::Fr;
use maci_nova_step_circuit::num::{Bit, Gadget, Num};
use nova_snark::{
    frontend::{ConstraintSystem, SynthesisError},
    provider::poseidon::{PoseidonConstantsCircuit, PoseidonRO, PoseidonROCircuit},
    traits::{ROCircuitTrait, ROTrait},
};

use crate::limbs::{HALF_PACKED_POINT, PACKED_POINT};

/// Bits of a hash: all of an element.
const HASH_BITS: usize = 254;
/// Bits of a challenge.
pub(crate) const CHALLENGE_BITS: usize = 128;

/// What a hash is for, with what it absorbs after the digest.
#[derive(Clone, Debug)]
pub(crate) enum Query<'a, N> {
    /// `x_0`: binds the step's number, the states and the running instance.
    Running {
        step: &'a N,
        z0: &'a [N],
        z: &'a [N],
        commitment: &'a [N; HALF_PACKED_POINT],
        u: &'a N,
        x: &'a [N; 2],
    },
    /// `x_1`: binds the running CycleFold instance.
    CycleFold {
        commitment: &'a [N; 2],
        u: &'a N,
        x: &'a [N],
    },
    /// `rho`: after `x_0` and `x_1`, which bind both running instances and the states, and the
    /// commitment to the incoming witness and the cross term.
    Challenge {
        x: &'a [N; 2],
        commitment: &'a [N; PACKED_POINT],
    },
    /// `rho_cf`: after the running CycleFold instance (by `x_1`), all of the incoming one's public
    /// inputs, and the commitment to its witness and the cross term.
    CycleFoldChallenge {
        x1: &'a N,
        halves: &'a [N; 2],
        p: &'a [N; HALF_PACKED_POINT],
        q: &'a [N; PACKED_POINT],
        sum: &'a [N; PACKED_POINT],
        commitment: &'a [N; 2],
    },
    /// The challenge of the last folding, with a random instance: after everything above (by the
    /// first challenge's preimage) and all of the random instance.
    Blinding {
        x: &'a [N; 2],
        commitment: &'a [N; PACKED_POINT],
        random_commitments: [&'a [N; PACKED_POINT]; 2],
        random_u: &'a N,
        random_x: &'a [N; 2],
    },
    /// The same for the CycleFold instance. Elements of Fq are absorbed as two halves.
    CycleFoldBlinding {
        x1: &'a N,
        random_commitments: [&'a [N; 2]; 2],
        random_scalars: &'a [N],
    },
}

impl<N: Clone> Query<'_, N> {
    /// The number that is added to the digest.
    fn tag(&self) -> u64 {
        match self {
            Query::Running { .. } => 0,
            Query::CycleFold { .. } => 1,
            Query::Challenge { .. } => 2,
            Query::CycleFoldChallenge { .. } => 3,
            Query::Blinding { .. } => 4,
            Query::CycleFoldBlinding { .. } => 5,
        }
    }

    /// What is absorbed after the digest.
    fn elements(&self) -> Vec<N> {
        let one = core::slice::from_ref;
        let parts: Vec<&[N]> = match self {
            Query::Running {
                step,
                z0,
                z,
                commitment,
                u,
                x,
            } => vec![one(step), z0, z, &commitment[..], one(u), &x[..]],
            Query::CycleFold { commitment, u, x } => vec![&commitment[..], one(u), x],
            Query::Challenge { x, commitment } => vec![&x[..], &commitment[..]],
            Query::CycleFoldChallenge {
                x1,
                halves,
                p,
                q,
                sum,
                commitment,
            } => vec![
                one(x1),
                &halves[..],
                &p[..],
                &q[..],
                &sum[..],
                &commitment[..],
            ],
            Query::Blinding {
                x,
                commitment,
                random_commitments: [witness, error],
                random_u,
                random_x,
            } => vec![
                &x[..],
                &commitment[..],
                &witness[..],
                &error[..],
                one(random_u),
                &random_x[..],
            ],
            Query::CycleFoldBlinding {
                x1,
                random_commitments: [witness, error],
                random_scalars,
            } => vec![one(x1), &witness[..], &error[..], random_scalars],
        };
        parts.concat()
    }
}

/// The random oracle of one set of parameters.
#[derive(Clone)]
pub(crate) struct Oracle {
    constants: PoseidonConstantsCircuit<Fr>,
}

impl core::fmt::Debug for Oracle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Oracle").finish_non_exhaustive()
    }
}

impl Oracle {
    pub(crate) fn new() -> Self {
        Oracle {
            constants: PoseidonConstantsCircuit::default(),
        }
    }

    /// The Poseidon constants, for the parameters' digest.
    pub(crate) fn constants(&self) -> &PoseidonConstantsCircuit<Fr> {
        &self.constants
    }

    /// The hash of a query under parameters with this digest.
    pub(crate) fn hash(&self, digest: Fr, query: &Query<'_, Fr>) -> Fr {
        let mut sponge = PoseidonRO::new(self.constants.clone());
        sponge.absorb(digest + Fr::from(query.tag()));
        for element in query.elements() {
            sponge.absorb(element);
        }
        sponge.squeeze(HASH_BITS, false)
    }

    /// The lowest 128 bits of a query's hash.
    pub(crate) fn challenge(&self, digest: Fr, query: &Query<'_, Fr>) -> u128 {
        use ff::PrimeField;
        let mut low = [0; 16];
        low.copy_from_slice(&self.hash(digest, query).to_repr().as_ref()[..16]);
        u128::from_le_bytes(low)
    }

    /// The hash of a query in a circuit.
    pub(crate) fn hash_in_circuit<CS: ConstraintSystem<Fr>>(
        &self,
        g: &mut Gadget<'_, CS>,
        digest: &Num,
        query: &Query<'_, Num>,
    ) -> Result<Num, SynthesisError> {
        let mut sponge = PoseidonROCircuit::new(self.constants.clone());
        sponge.absorb(&g.export(&digest.add_constant(Fr::from(query.tag()))));
        for element in query.elements() {
            sponge.absorb(&g.export(&element));
        }
        let hash = sponge.squeeze_scalar(g.cs().namespace(|| "Poseidon"))?;
        Ok(g.adopt(&hash))
    }

    /// The lowest 128 bits of a query's hash in a circuit. The bits are those of the canonical
    /// integer, so there is one challenge and not two.
    pub(crate) fn challenge_in_circuit<CS: ConstraintSystem<Fr>>(
        &self,
        g: &mut Gadget<'_, CS>,
        digest: &Num,
        query: &Query<'_, Num>,
    ) -> Result<Vec<Bit>, SynthesisError> {
        let hash = self.hash_in_circuit(g, digest, query)?;
        let mut bits = g.canonical_bits(&hash);
        bits.truncate(CHALLENGE_BITS);
        Ok(bits)
    }
}
