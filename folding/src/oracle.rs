//! The random oracle: Poseidon over Fr, natively and as a gadget, and the inventory of what is
//! hashed for what.
//!
//! A hash is a sponge of one capacity word, which starts as the parameters' digest and a number that
//! says what the hash is for. Both are constants to whoever proves something of hashes: with a
//! capacity of his choice he could run the permutation backwards. The augmented circuit, which its
//! own digest cannot be written into before it is known, has a row for that (`rows.rs`). Number and
//! parameters fix how many elements are absorbed, so there is no padding; the width is the one that
//! needs the fewest S-boxes for so many. The lists of elements are written once, generic over values
//! and circuit variables, so that both sides absorb the same in the same order.

use ff::{Field, PrimeField};
use halo2curves::bn256::Fr;
use maci_nova_protocol::poseidon::{boxes, parameters, permute_wide};
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Bit, Gadget, Num};

use crate::claims::QUOTIENT;
use crate::limbs::PACKED_POINT;

/// Bits of a challenge.
pub const CHALLENGE_BITS: usize = 128;

/// The digest has 31 bytes, and the number is above them.
const TAG_BIT: u64 = 248;

/// Widths of the sponges.
const SPONGES: [usize; 3] = [6, 17, 25];

/// What a hash is for, with what it absorbs.
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
        x: &'a [N; 2],
        beta: &'a [N],
        e: &'a N,
    },
    /// `x_1`: binds the running CycleFold instance.
    CycleFold {
        commitment: &'a [N; 2],
        u: &'a N,
        x: &'a [N],
    },
    /// `delta`: after `x_0` and `x_1`, which bind both running instances and the states, and the
    /// commitment to the incoming witness, by its difference from the running one.
    Delta {
        x: &'a [N; 2],
        difference: &'a [N; PACKED_POINT],
    },
    /// `alpha`: after all that delta is after, and F.
    Alpha { delta: &'a N, f: &'a [N] },
    /// `gamma`: after all that alpha is after, and K.
    Gamma { alpha: &'a N, k: &'a [N; QUOTIENT] },
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
    /// The challenge of the last folding, with a random instance: after all that gamma is after,
    /// by the whole hash that gamma is made of, and all of the random instance.
    Blinding {
        gamma: &'a N,
        difference: &'a [N; PACKED_POINT],
        random_x: &'a [N; 2],
        random_e: &'a N,
        k: &'a [N; QUOTIENT],
    },
    /// The same for the CycleFold instance. Elements of Fq are absorbed as two halves.
    CycleFoldBlinding {
        x1: &'a N,
        random_commitments: [&'a [N; 2]; 2],
        random_scalars: &'a [N],
    },
}

impl<N: Clone> Query<'_, N> {
    /// What the capacity word has besides the digest.
    fn domain(&self) -> Fr {
        Fr::from(self.tag()) * Fr::from(2).pow_vartime([TAG_BIT])
    }

    fn tag(&self) -> u64 {
        match self {
            Query::Running { .. } => 0,
            Query::CycleFold { .. } => 1,
            Query::Delta { .. } => 2,
            Query::Alpha { .. } => 3,
            Query::Gamma { .. } => 4,
            Query::CycleFoldChallenge { .. } => 5,
            Query::Blinding { .. } => 6,
            Query::CycleFoldBlinding { .. } => 7,
        }
    }

    /// What is absorbed.
    fn elements(&self) -> Vec<N> {
        let one = core::slice::from_ref;
        let parts: Vec<&[N]> = match self {
            Query::Running {
                step,
                salt,
                z0,
                z,
                commitment,
                x,
                beta,
                e,
            } => vec![
                one(step),
                one(salt),
                z0,
                z,
                &commitment[..],
                &x[..],
                beta,
                one(e),
            ],
            Query::CycleFold { commitment, u, x } => vec![&commitment[..], one(u), x],
            Query::Delta { x, difference } => vec![&x[..], &difference[..]],
            Query::Alpha { delta, f } => vec![one(delta), f],
            Query::Gamma { alpha, k } => vec![one(alpha), &k[..]],
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
                gamma,
                difference,
                random_x,
                random_e,
                k,
            } => vec![
                one(gamma),
                &difference[..],
                &random_x[..],
                one(random_e),
                &k[..],
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

/// The width that takes so many elements with the fewest S-boxes.
fn width(elements: usize) -> usize {
    let cost = |width: &usize| elements.div_ceil(width - 1) * boxes(*width);
    let best = SPONGES.into_iter().min_by_key(cost);
    best.expect("there are three")
}

/// Everything that the sponges are made of, for the parameters' digest: for each width its rounds,
/// its round constants and its matrix.
pub(crate) fn constants() -> Vec<u8> {
    let mut bytes = vec![];
    for width in SPONGES {
        let parameters = parameters(width);
        for count in [width, parameters.full_rounds, parameters.partial_rounds] {
            bytes.extend((count as u64).to_le_bytes());
        }
        let rows = parameters.round_constants.iter().chain(&parameters.mds);
        for element in rows.flatten() {
            bytes.extend(element.to_repr().as_ref());
        }
    }
    bytes
}

/// The hash of a query under parameters with this digest.
pub fn hash(digest: Fr, query: &Query<'_, Fr>) -> Fr {
    let elements = query.elements();
    let mut state = vec![Fr::ZERO; width(elements.len())];
    state[0] = digest + query.domain();
    for block in elements.chunks(state.len() - 1) {
        for (word, element) in state[1..].iter_mut().zip(block) {
            *word += element;
        }
        permute_wide(&mut state);
    }
    state[1]
}

/// The lowest 128 bits of a hash.
pub fn low_bits(hash: Fr) -> u128 {
    let mut low = [0; 16];
    low.copy_from_slice(&hash.to_repr().as_ref()[..16]);
    u128::from_le_bytes(low)
}

/// The hash of a query in a circuit: a combination of as many variables as the sponge is wide.
pub fn hash_in_circuit<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    digest: &Num,
    query: &Query<'_, Num>,
) -> Num {
    let elements = query.elements();
    let mut state = vec![Num::zero(); width(elements.len())];
    state[0] = digest.add_constant(query.domain());
    for block in elements.chunks(state.len() - 1) {
        for (word, element) in state[1..].iter_mut().zip(block) {
            *word = &*word + element;
        }
        state = g.permute(state);
    }
    state.swap_remove(1)
}

/// The lowest 128 bits of an element in a circuit. The bits are those of the canonical integer, so
/// there is one challenge and not two.
pub fn low_bits_in_circuit<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, hash: &Num) -> Vec<Bit> {
    let mut bits = g.canonical_bits(hash);
    bits.truncate(CHALLENGE_BITS);
    bits
}

#[cfg(test)]
mod tests;
