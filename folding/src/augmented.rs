//! The augmented circuit F': one step of the computation, and one folding of the step before into
//! the running instances (`docs/folding.md`).
//!
//! ```text
//! 1.  i = 0:  z_i = z_0, and everything "previous" is zero: both running instances, both
//!             commitments, the folded commitment, F and K.
//!     i > 0:  the incoming instance's public inputs ARE the hashes of the running instances,
//!             x_0 = H(i, s_i, z_0, z_i, U), x_1 = H(U_cf): computed here, not supplied and compared.
//! 2.  delta = RO(x_0, x_1, D), D the commitment to the incoming witness less U.C;
//!     alpha = RO(delta, F);  gamma = RO(alpha, K), 128 bits.
//! 3.  U' = (R, x + gamma ((x_0, x_1) - x), beta + alpha (delta, delta^2, delta^4, ..),
//!           (1 - gamma) F(alpha) + gamma (gamma - 1) K(gamma));  R is claimed, and
//! 4.  u_cf = (C_cf, x_cf), x_cf = (gamma, U.C, D, R), says R = U.C + gamma D.
//! 5.  rho_cf = RO(x_1, x_cf, C_cf);  U_cf' = (U_cf.C + rho_cf C_cf, u_cf + rho_cf,
//!             X_cf + rho_cf x_cf).
//! 6.  z_{i+1} = F(z_i); public: H(i + 1, s_{i+1}, z_0, z_{i+1}, U'), H(U_cf').
//! ```
//! All hashes begin with the parameters' digest, which a row of its own says. The salt s_{i+1} is the
//! prover's choice. At i = 0 delta and both multipliers are multiplied by 0,
//! so that step 6 hashes the default instances.

use ff::{Field, PrimeField};
use halo2curves::{
    bn256::{Fq, Fr},
    grumpkin::G1Affine,
    CurveAffine,
};
use maci_nova_step_circuit::{
    constraints::Constraints,
    num::{Bit, Gadget, Num},
    StepFunction,
};

use crate::{
    claims::{self, QUOTIENT},
    curve::{add, double, double_and_add, Checked, Curve, Point},
    cyclefold::{self, HALF},
    limbs::PointLimbs,
    oracle::{hash_in_circuit, low_bits_in_circuit, Query, CHALLENGE_BITS},
};

/// Grumpkin: `y^2 = x^3 - 17` over Fr.
fn grumpkin() -> Curve<Fr> {
    let generator = G1Affine::generator();
    Curve {
        b: G1Affine::b(),
        generator: (generator.x, generator.y),
    }
}

/// Everything that the prover supplies to a step. Coordinates (0, 0) are infinity. The salts are
/// secret.
#[derive(Clone)]
pub(crate) struct Inputs {
    /// The parameters' digest.
    pub(crate) digest: Fr,
    /// i.
    pub(crate) step: u64,
    pub(crate) z0: Vec<Fr>,
    /// z_i.
    pub(crate) z: Vec<Fr>,
    /// The salt of the incoming instance's hash, and that of the outgoing one's.
    pub(crate) salt: Fr,
    pub(crate) next_salt: Fr,
    /// U.
    pub(crate) running: Running,
    /// D: the commitment to the incoming witness less U's.
    pub(crate) difference: (Fq, Fq),
    /// `F_1..F_t`.
    pub(crate) f: Vec<Fr>,
    /// `K_0..K_3`.
    pub(crate) k: [Fr; QUOTIENT],
    /// R: claimed to be `U.C + gamma D`.
    pub(crate) folded: (Fq, Fq),
    /// U_cf.
    pub(crate) cyclefold: CycleFoldRunning,
    /// C_cf: to the CycleFold circuit's witness and its cross term.
    pub(crate) cyclefold_commitment: (Fr, Fr),
}

/// The running instance on BN254, as F' takes it.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) commitment: (Fq, Fq),
    pub(crate) x: [Fr; 2],
    pub(crate) beta: Vec<Fr>,
    pub(crate) e: Fr,
}

/// The running CycleFold instance, as F' takes it: its scalars are integers below 2^252.
#[derive(Clone, Debug)]
pub(crate) struct CycleFoldRunning {
    pub(crate) commitment: (Fr, Fr),
    pub(crate) u: Fr,
    pub(crate) x: [Fr; cyclefold::PUBLIC_INPUTS],
}

impl Inputs {
    /// Step 0 from `z0`, with t elements of beta.
    pub(crate) fn first(digest: Fr, z0: &[Fr], next_salt: Fr, t: usize) -> Self {
        Inputs {
            digest,
            step: 0,
            z0: z0.to_vec(),
            z: z0.to_vec(),
            salt: Fr::ZERO,
            next_salt,
            running: Running {
                commitment: (Fq::ZERO, Fq::ZERO),
                x: [Fr::ZERO; 2],
                beta: vec![Fr::ZERO; t],
                e: Fr::ZERO,
            },
            difference: (Fq::ZERO, Fq::ZERO),
            f: vec![Fr::ZERO; t],
            k: [Fr::ZERO; QUOTIENT],
            folded: (Fq::ZERO, Fq::ZERO),
            cyclefold: CycleFoldRunning {
                commitment: (Fr::ZERO, Fr::ZERO),
                u: Fr::ZERO,
                x: [Fr::ZERO; cyclefold::PUBLIC_INPUTS],
            },
            cyclefold_commitment: (Fr::ZERO, Fr::ZERO),
        }
    }
}

/// The inputs as variables.
struct Variables {
    digest: Num,
    step: Num,
    z0: Vec<Num>,
    z: Vec<Num>,
    salt: Num,
    next_salt: Num,
    running_commitment: PointLimbs,
    running_x: [Num; 2],
    beta: Vec<Num>,
    e: Num,
    difference: PointLimbs,
    f: Vec<Num>,
    k: [Num; QUOTIENT],
    folded: PointLimbs,
    cyclefold_commitment: Point<Fr>,
    cyclefold_u: Num,
    cyclefold_x: [Num; cyclefold::PUBLIC_INPUTS],
    incoming_cyclefold: Point<Fr>,
}

impl Variables {
    fn alloc<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, inputs: &Inputs) -> Self {
        let Inputs {
            digest,
            step,
            z0,
            z,
            salt,
            next_salt,
            running,
            difference,
            f,
            k,
            folded,
            cyclefold,
            cyclefold_commitment,
        } = inputs;
        Variables {
            digest: g.alloc(*digest),
            step: g.alloc(Fr::from(*step)),
            z0: z0.iter().map(|value| g.alloc(*value)).collect(),
            z: z.iter().map(|value| g.alloc(*value)).collect(),
            salt: g.alloc(*salt),
            next_salt: g.alloc(*next_salt),
            running_commitment: g.scope("limbs of U.C", |g| {
                PointLimbs::alloc_hashed(g, &running.commitment)
            }),
            running_x: running.x.map(|value| g.alloc(value)),
            beta: running.beta.iter().map(|value| g.alloc(*value)).collect(),
            e: g.alloc(running.e),
            difference: g.scope("limbs of D", |g| PointLimbs::alloc(g, difference)),
            f: f.iter().map(|value| g.alloc(*value)).collect(),
            k: k.map(|value| g.alloc(value)),
            folded: g.scope("limbs of R", |g| PointLimbs::alloc(g, folded)),
            cyclefold_commitment: Point::alloc(g, cyclefold.commitment),
            cyclefold_u: g.alloc(cyclefold.u),
            cyclefold_x: cyclefold.x.map(|value| g.alloc(value)),
            incoming_cyclefold: Point::alloc(g, *cyclefold_commitment),
        }
    }

    /// Everything that must be 0 at i = 0: all that is "previous", F, K and the claimed R included.
    /// Limbs, being in range, count by their sums.
    fn previous(&self) -> Vec<Num> {
        let mut all: Vec<Num> = self.z0.iter().zip(&self.z).map(|(a, b)| a - b).collect();
        all.push(self.salt.clone());
        all.push(self.running_commitment.sum());
        all.extend(self.running_x.iter().cloned());
        all.extend(self.beta.iter().cloned());
        all.push(self.e.clone());
        all.push(self.difference.sum());
        all.extend(self.f.iter().chain(&self.k).cloned());
        all.push(self.folded.sum());
        for point in [&self.cyclefold_commitment, &self.incoming_cyclefold] {
            all.extend([point.x.clone(), point.y.clone()]);
        }
        all.push(self.cyclefold_u.clone());
        all.extend(self.cyclefold_x.iter().cloned());
        all
    }
}

/// Fills `g` with F' around `function`; returns `z_{i+1}`, which has another length than z_i only
/// if the function is not of its arity.
pub(crate) fn fill<CS: Constraints<Fr>, S: StepFunction>(
    g: &mut Gadget<'_, CS>,
    inputs: &Inputs,
    function: &S,
) -> Vec<Fr> {
    let v = g.scope("inputs", |g| Variables::alloc(g, inputs));
    let first = g.scope("first step", |g| {
        let first = g.is_zero(&v.step);
        for value in v.previous() {
            g.enforce("nothing before step 0", first.num(), &value, &Num::zero());
        }
        first
    });
    let later = first.not();
    let x = g.scope("incoming instance", |g| incoming(g, &v, &later));
    let challenges = g.scope("challenges", |g| Challenges::new(g, &v, &x, &later));
    let folded = g.scope("fold U", |g| fold_claim(g, &v, &x, &challenges));
    let cyclefold = fold_cyclefold(g, &v, &later, &x[1], &challenges.halves);
    let z_next = g.scope("step", |g| function.fill(g, &v.z));
    g.scope("outgoing instance", |g| {
        let step = v.step.add_constant(Fr::ONE);
        let query = Query::Running {
            step: &step,
            salt: &v.next_salt,
            z0: &v.z0,
            z: &z_next,
            commitment: &v.folded.pack(),
            x: &folded.x,
            beta: &folded.beta,
            e: &folded.e,
        };
        let x0 = hash_in_circuit(g, &v.digest, &query);
        let x1 = hash_in_circuit(g, &v.digest, &cyclefold.query());
        g.publish(&x0);
        g.publish(&x1);
    });
    // The last product row, since its constant is put in when the digest of all rows is known.
    g.scope("parameters", |g| {
        let digest = Num::constant(inputs.digest);
        g.enforce("the parameters' digest", &v.digest, &Num::one(), &digest);
    });
    z_next.iter().map(Num::value).collect()
}

/// The incoming instance's public inputs: the hashes of the running instances, 0 at i = 0.
fn incoming<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, v: &Variables, later: &Bit) -> [Num; 2] {
    let running = Query::Running {
        step: &v.step,
        salt: &v.salt,
        z0: &v.z0,
        z: &v.z,
        commitment: &v.running_commitment.pack(),
        x: &v.running_x,
        beta: &v.beta,
        e: &v.e,
    };
    let x0 = hash_in_circuit(g, &v.digest, &running);
    let cyclefold = Query::CycleFold {
        commitment: &[
            v.cyclefold_commitment.x.clone(),
            v.cyclefold_commitment.y.clone(),
        ],
        u: &v.cyclefold_u,
        x: &v.cyclefold_x,
    };
    let x1 = hash_in_circuit(g, &v.digest, &cyclefold);
    [x0, x1].map(|hash| g.mul(later.num(), &hash))
}

/// The challenges of folding U; delta and gamma are 0 at i = 0.
struct Challenges {
    delta: Num,
    alpha: Num,
    gamma: Num,
    /// The 128 bits that gamma is made of, as the CycleFold instance has them.
    halves: [Num; 2],
}

impl Challenges {
    fn new<CS: Constraints<Fr>>(
        g: &mut Gadget<'_, CS>,
        v: &Variables,
        x: &[Num; 2],
        later: &Bit,
    ) -> Self {
        let query = Query::Delta {
            x,
            difference: &v.difference.pack(),
        };
        let delta = hash_in_circuit(g, &v.digest, &query);
        // One variable in place of a combination, which several rows would have to repeat.
        let delta = g.materialize(&delta);
        let query = Query::Alpha {
            delta: &delta,
            f: &v.f,
        };
        let alpha = hash_in_circuit(g, &v.digest, &query);
        let alpha = g.materialize(&alpha);
        let query = Query::Gamma {
            alpha: &alpha,
            k: &v.k,
        };
        let hash = hash_in_circuit(g, &v.digest, &query);
        let bits = low_bits_in_circuit(g, &hash);
        let (signs, turns) = bits.split_at(HALF);
        let gamma = cyclefold::multiplier(g, signs, turns);
        Challenges {
            delta: g.mul(later.num(), &delta),
            alpha,
            gamma: g.mul(later.num(), &gamma),
            halves: [signs, turns].map(Num::from_bits_le),
        }
    }
}

/// U' without its commitment.
struct FoldedClaim {
    x: [Num; 2],
    beta: Vec<Num>,
    e: Num,
}

/// Folds the incoming instance into the running claim. At i = 0 it stays 0: F, beta, delta and
/// gamma are.
fn fold_claim<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    v: &Variables,
    x: &[Num; 2],
    challenges: &Challenges,
) -> FoldedClaim {
    let Challenges {
        delta,
        alpha,
        gamma,
        ..
    } = challenges;
    let value = claims::evaluate_in_circuit(g, &v.e, &v.f, alpha);
    FoldedClaim {
        x: [0, 1].map(|k| &v.running_x[k] + &g.mul(gamma, &(&x[k] - &v.running_x[k]))),
        beta: claims::moved_in_circuit(g, &v.beta, delta, alpha),
        e: claims::on_line_in_circuit(g, [&value, &Num::zero()], &v.k, gamma),
    }
}

/// The folded CycleFold instance.
struct FoldedCycleFold {
    commitment: [Num; 2],
    u: Num,
    x: Vec<Num>,
}

impl FoldedCycleFold {
    fn query(&self) -> Query<'_, Num> {
        Query::CycleFold {
            commitment: &self.commitment,
            u: &self.u,
            x: &self.x,
        }
    }
}

/// Folds the instance that says `R = U.C + gamma D` into the running one.
fn fold_cyclefold<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    v: &Variables,
    later: &Bit,
    x1: &Num,
    halves: &[Num; 2],
) -> FoldedCycleFold {
    let bits = g.scope("rho_cf", |g| {
        let query = Query::CycleFoldChallenge {
            x1,
            halves,
            p: &v.running_commitment.pack(),
            q: &v.difference.pack(),
            sum: &v.folded.pack(),
            commitment: &[
                v.incoming_cyclefold.x.clone(),
                v.incoming_cyclefold.y.clone(),
            ],
        };
        let hash = hash_in_circuit(g, &v.digest, &query);
        low_bits_in_circuit(g, &hash)
    });
    g.scope("fold U_cf", |g| {
        let rho = g.mul(later.num(), &multiplier(&bits));
        let points = [&v.running_commitment, &v.difference, &v.folded];
        let incoming = halves.iter().chain(points.iter().flat_map(|p| &p.0));
        let x = v
            .cyclefold_x
            .iter()
            .zip(incoming)
            .map(|(running, incoming)| running + &g.mul(&rho, incoming))
            .collect();
        let sum = fold_commitment(g, &v.cyclefold_commitment, &v.incoming_cyclefold, &bits);
        FoldedCycleFold {
            commitment: [sum.x, sum.y],
            u: &v.cyclefold_u + &rho,
            x,
        }
    })
}

/// `2^128 + 2 k + 1` for the integer k of the bits: what [`multiply`] multiplies by. Below 2^130,
/// which the limbs' sizes count on.
fn multiplier(bits: &[Bit]) -> Num {
    let start = Fr::from_u128(1 << 127).double() + Fr::ONE;
    Num::from_bits_le(bits)
        .scale(Fr::from(2))
        .add_constant(start)
}

/// The same natively.
pub(crate) fn cyclefold_multiplier<F: PrimeField>(challenge: u128) -> F {
    let half = F::from_u128(1 << 127) + F::from_u128(challenge);
    half.double() + F::ONE
}

/// `running + rho_cf incoming` on Grumpkin; the incoming point is shown to be on the curve, the
/// running one is so by induction (it is (0, 0) at i = 0 and a result of this function after).
fn fold_commitment<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    running: &Point<Fr>,
    incoming: &Point<Fr>,
    bits: &[Bit],
) -> Point<Fr> {
    let curve = grumpkin();
    let incoming = Checked::new(g, &curve, incoming);
    let running = Checked::trusted(g, running);
    let product = multiply(g, &incoming.finite(&curve), bits);
    add(g, &running, &product, &incoming.infinite)
}

/// `(2^n + 2 k + 1) p`, k the integer of the n = 128 bits, p finite: from `2 p`, each bit doubles
/// and adds p or subtracts it. 6 constraints a bit.
///
/// The accumulator is `m p` with `2 <= m < 2^130`, far below the group's prime order, so none of
/// `m`, `m +- 1`, `2 m +- 1` is 0 modulo the order: no exceptional addition.
fn multiply<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, p: &Point<Fr>, bits: &[Bit]) -> Point<Fr> {
    debug_assert_eq!(bits.len(), CHALLENGE_BITS);
    let mut acc = double(g, p);
    for bit in bits.iter().rev() {
        let signed = Point {
            x: p.x.clone(),
            y: g.mul(&p.y, &bit.sign()),
        };
        acc = double_and_add(g, &acc, &signed);
    }
    acc
}

#[cfg(test)]
pub(crate) mod tests {
    use maci_nova_step_circuit::{recorder::Recorder, Shape, StepCircuit};

    use super::*;
    use crate::budget;

    /// How many hints the inputs of a step are; they come first.
    pub(crate) fn input_hints(inputs: &Inputs) -> usize {
        let mut recorder = Recorder::default();
        let mut gadget = Gadget::new(&mut recorder);
        Variables::alloc(&mut gadget, inputs);
        gadget.hints().len()
    }

    #[test]
    fn the_parts_cost_what_is_pinned() {
        let mut recorder = Recorder::with_powers();
        let step = StepCircuit::blank(Shape::new(2, 1, 1).expect("in range"));
        let inputs = Inputs::first(Fr::ONE, &step.before().to_array(), Fr::ONE, 15);
        let mut gadget = Gadget::new(&mut recorder);
        fill(&mut gadget, &inputs, &step);
        assert_eq!(gadget.violated(), None);
        assert!(recorder.violated().is_none());
        let own: usize = step.record(&[]).recorder.total().constraints;
        let mut costs: Vec<(String, usize)> = recorder
            .costs(1)
            .into_iter()
            .map(|(part, cost)| (part, cost.constraints))
            .collect();
        let of_step = costs.iter().find(|(part, _)| part.starts_with("step"));
        assert_eq!(of_step.expect("a step").1, own);
        costs.retain(|(part, _)| part != "step");
        let pinned = budget::OVERHEAD_PARTS.map(|(part, count)| (part.to_owned(), count));
        assert_eq!(costs, pinned);
        let total = recorder.total().constraints - own;
        assert_eq!(total, budget::OVERHEAD);
        assert!(total <= budget::OVERHEAD_LIMIT);
    }

    /// The native multiplier is the circuit's.
    #[test]
    fn multipliers_agree() {
        for challenge in [0, 1, u128::MAX, 1 << 127, 0x1234_5678_9abc_def0] {
            let mut recorder = Recorder::default();
            let mut gadget = Gadget::new(&mut recorder);
            let bits: Vec<Bit> = (0..CHALLENGE_BITS)
                .map(|i| gadget.alloc_bit(challenge >> i & 1 == 1))
                .collect();
            let native: Fr = cyclefold_multiplier(challenge);
            assert_eq!(multiplier(&bits).value(), native);
        }
    }

    /// `running + rho_cf incoming` in all exceptional cases, and with the incoming point off the
    /// curve.
    #[test]
    fn commitments_fold_as_points_do() {
        use halo2curves::{
            group::{Curve as _, Group},
            grumpkin::G1,
        };
        use rand_core::OsRng;

        use crate::curve::tests::coordinates;

        let challenges = [0u128, 1, u128::MAX, 1 << 127, 0x5555_5555 << 70];
        for challenge in challenges {
            let rho: Fq = cyclefold_multiplier(challenge);
            let (incoming, zero) = (G1::random(OsRng), G1::identity());
            let product = incoming * rho;
            let cases = [
                (G1::random(OsRng), incoming),
                (zero, incoming),
                (incoming, zero),
                (zero, zero),
                (product, incoming),
                (-product, incoming),
            ];
            for (running, incoming) in cases {
                let mut recorder = Recorder::default();
                let mut g = Gadget::new(&mut recorder);
                let bits: Vec<Bit> = (0..CHALLENGE_BITS)
                    .map(|i| g.alloc_bit(challenge >> i & 1 == 1))
                    .collect();
                let [p, q] = [running, incoming]
                    .map(|point| Point::alloc(&mut g, coordinates(point.to_affine())));
                let sum = fold_commitment(&mut g, &p, &q, &bits);
                assert_eq!(g.violated(), None);
                let expected = coordinates((running + incoming * rho).to_affine());
                assert_eq!((sum.x.value(), sum.y.value()), expected);
                assert!(recorder.violated().is_none());
            }
        }
    }
}
