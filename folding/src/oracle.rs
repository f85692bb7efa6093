//! The random oracle: Poseidon over Fr (the library's, 24 elements a permutation), natively and as
//! a gadget, and the inventory of what is hashed for what.
//!
//! Every hash begins with the parameters' digest plus a small number that says what the hash is
//! for. The lists of elements are written once, generic over values and circuit variables, so that
//! both sides absorb the same in the same order.

use halo2curves::bn256::Fr;
use maci_nova_step_circuit::num::{Bit, Gadget, Num};
use nova_snark::{
    frontend::{ConstraintSystem, SynthesisError},
    provider::poseidon::{PoseidonConstantsCircuit, PoseidonRO, PoseidonROCircuit},
    traits::{ROCircuitTrait, ROTrait},
};

use crate::limbs::PACKED_POINT;

/// Bits of a hash: all of an element.
const HASH_BITS: usize = 254;
/// Bits of a challenge.
pub const CHALLENGE_BITS: usize = 128;

/// What a hash is for, with what it absorbs after the digest.
#[derive(Clone, Debug)]
pub enum Query<'a, N> {
    /// `x_0`: binds the step's number, the states and the running instance. The salt keeps it from
    /// telling anything of the states: sums of such hashes are published (`blinding`).
    Running {
        step: &'a N,
        salt: &'a N,
        z0: &'a [N],
        z: &'a [N],
        commitment: &'a [N; PACKED_POINT],
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
        p: &'a [N; PACKED_POINT],
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
                salt,
                z0,
                z,
                commitment,
                u,
                x,
            } => vec![one(step), one(salt), z0, z, &commitment[..], one(u), &x[..]],
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
pub struct Oracle {
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
    pub fn constants(&self) -> &PoseidonConstantsCircuit<Fr> {
        &self.constants
    }

    /// The hash of a query under parameters with this digest.
    pub fn hash(&self, digest: Fr, query: &Query<'_, Fr>) -> Fr {
        let mut sponge = PoseidonRO::new(self.constants.clone());
        sponge.absorb(digest + Fr::from(query.tag()));
        for element in query.elements() {
            sponge.absorb(element);
        }
        sponge.squeeze(HASH_BITS, false)
    }

    /// The lowest 128 bits of a query's hash.
    pub fn challenge(&self, digest: Fr, query: &Query<'_, Fr>) -> u128 {
        use ff::PrimeField;
        let mut low = [0; 16];
        low.copy_from_slice(&self.hash(digest, query).to_repr().as_ref()[..16]);
        u128::from_le_bytes(low)
    }

    /// The hash of a query in a circuit.
    pub fn hash_in_circuit<CS: ConstraintSystem<Fr>>(
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
        g.adopt(&hash)
    }

    /// The lowest 128 bits of a query's hash in a circuit. The bits are those of the canonical
    /// integer, so there is one challenge and not two.
    pub fn challenge_in_circuit<CS: ConstraintSystem<Fr>>(
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

#[cfg(test)]
mod tests {
    use ff::Field;
    use maci_nova_step_circuit::recorder::Recorder;

    use super::*;

    fn names<const N: usize>(name: &str) -> [String; N] {
        core::array::from_fn(|i| format!("{name}{i}"))
    }

    /// Each query with names in the places of elements.
    fn with_queries<T>(body: impl Fn(&Query<'_, String>) -> T) -> Vec<T> {
        let one = |name: &str| name.to_owned();
        let (z0, z): ([String; 2], [String; 2]) = (names("z0_"), names("z_"));
        let queries = [
            Query::Running {
                step: &one("i"),
                salt: &one("salt"),
                z0: &z0,
                z: &z,
                commitment: &names("U.C"),
                u: &one("u"),
                x: &names("x"),
            },
            Query::CycleFold {
                commitment: &names("U_cf.C"),
                u: &one("u_cf"),
                x: &names::<3>("x_cf"),
            },
            Query::Challenge {
                x: &names("x"),
                commitment: &names("C"),
            },
            Query::CycleFoldChallenge {
                x1: &one("x1"),
                halves: &names("rho"),
                p: &names("P"),
                q: &names("C"),
                sum: &names("R"),
                commitment: &names("C_cf"),
            },
            Query::Blinding {
                x: &names("x"),
                commitment: &names("C"),
                random_commitments: [&names("W"), &names("E")],
                random_u: &one("u"),
                random_x: &names("rx"),
            },
            Query::CycleFoldBlinding {
                x1: &one("x1"),
                random_commitments: [&names("W"), &names("E")],
                random_scalars: &names::<3>("s"),
            },
        ];
        queries.iter().map(body).collect()
    }

    /// What each hash absorbs, in order, after the digest plus its tag.
    #[test]
    fn the_inventory_of_challenges() {
        let inventory = with_queries(|query| (query.tag(), query.elements().join(" ")));
        let expected = [
            "i salt z0_0 z0_1 z_0 z_1 U.C0 U.C1 U.C2 u x0 x1",
            "U_cf.C0 U_cf.C1 u_cf x_cf0 x_cf1 x_cf2",
            "x0 x1 C0 C1 C2",
            "x1 rho0 rho1 P0 P1 P2 C0 C1 C2 R0 R1 R2 C_cf0 C_cf1",
            "x0 x1 C0 C1 C2 W0 W1 W2 E0 E1 E2 u rx0 rx1",
            "x1 W0 W1 E0 E1 s0 s1 s2",
        ];
        for (i, (tag, elements)) in inventory.iter().enumerate() {
            assert_eq!((*tag, elements.as_str()), (i as u64, expected[i]));
        }
        assert_eq!(inventory.len(), expected.len());
    }

    #[test]
    fn the_circuit_hashes_as_the_native_side() {
        let oracle = Oracle::new();
        let digest = Fr::from(77);
        for count in [1usize, 15, 19, 30] {
            let x: Vec<Fr> = (0..count as u64).map(|i| Fr::from(i).square()).collect();
            let commitment = [Fr::from(3), Fr::from(4)];
            let native = Query::CycleFold {
                commitment: &commitment,
                u: &Fr::from(5),
                x: &x,
            };
            let mut recorder = Recorder::default();
            let mut g = Gadget::new(&mut recorder);
            let digest_num = g.alloc(digest);
            let nums: Vec<Num> = x.iter().map(|value| g.alloc(*value)).collect();
            let commitment = commitment.map(|value| g.alloc(value));
            let u = g.alloc(Fr::from(5));
            let query = Query::CycleFold {
                commitment: &commitment,
                u: &u,
                x: &nums,
            };
            let hash = oracle
                .hash_in_circuit(&mut g, &digest_num, &query)
                .expect("hashed");
            assert_eq!(hash.value(), oracle.hash(digest, &native));
            let bits = oracle
                .challenge_in_circuit(&mut g, &digest_num, &query)
                .expect("hashed");
            let value = bits
                .iter()
                .rev()
                .fold(0u128, |acc, bit| acc << 1 | u128::from(bit.value()));
            assert_eq!(value, oracle.challenge(digest, &native));
            assert!(recorder.violated().is_none());
        }
    }

    /// Queries of equal elements and different purposes have different hashes, and so have other
    /// digests.
    #[test]
    fn purposes_and_digests_are_separated() {
        let oracle = Oracle::new();
        let zero = Fr::ZERO;
        let queries = [
            Query::Running {
                step: &zero,
                salt: &zero,
                z0: &[],
                z: &[],
                commitment: &[zero; 3],
                u: &zero,
                x: &[zero; 2],
            },
            Query::CycleFold {
                commitment: &[zero; 2],
                u: &zero,
                x: &[zero; 5],
            },
        ];
        assert_eq!(queries[0].elements(), queries[1].elements());
        let hashes: Vec<Fr> = queries.iter().map(|q| oracle.hash(zero, q)).collect();
        assert_ne!(hashes[0], hashes[1]);
        assert_ne!(oracle.hash(Fr::from(9), &queries[0]), hashes[0]);
    }
}
