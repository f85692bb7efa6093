//! The CycleFold circuit: one folding of commitments on BN254, `R = P + rho Q`, over the field Fq
//! of their coordinates (ePrint 2023/1192).
//!
//! Public inputs, in this order: the two halves of the challenge (64 bits each), then the limbs of
//! P, Q and R ([`crate::limbs`]). The augmented circuit has shown the halves and limbs to be in
//! range; here a coordinate is the linear combination of its limbs.
//!
//! The multiplier uses the curve's endomorphism `(x, y) -> (zeta x, y)`, which multiplies by a cube
//! root of unity `lambda` (Halo, ePrint 2019/1021, with the digits in another order): with `s_k`
//! and `t_k` the bits of the challenge's halves,
//! ```text
//! rho = 2^65 + sum_k 2^k (2 s_k - 1) lambda^(t_k),  k = 0..63
//! ```
//! so that a round of doubling and adding costs 7 constraints and takes in two bits.
//!
//! *Different challenges are different multipliers.* `rho = a + lambda b` with `|a|, |b| < 2^66`,
//! and the shortest vectors of the lattice `a + lambda b = 0 mod r` have about 127 bits, so rho
//! determines (a, b). Of `a - 2^65` and `b` exactly one is odd at each position, which tells `t_k`;
//! the sign must be the one that leaves exactly one odd for the next position.
//!
//! *No exceptional addition occurs in a round.* The accumulator is `alpha Q` with alpha in the ring
//! of Eisenstein integers: first 2, then `2 alpha + u`, u a unit. So `|alpha| >= 2` always, and
//! `alpha`, `alpha +- u`, `2 alpha + u` are not 0 and have norms below 2^136. An element that takes
//! Q, of prime order r, to infinity has a norm divisible by r.

use std::sync::OnceLock;

use ff::{Field, PrimeField, WithSmallOrderMulGroup};
use halo2curves::{
    bn256::{Fq, Fr, G1Affine, G1},
    group::Curve as _,
};
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Gadget, Num};

use crate::{
    curve::{add, double, double_and_add, Checked, Curve, Point},
    limbs::{limb_weight, point_limbs, LIMBS, POINT_LIMBS},
};

/// Public inputs: the challenge's halves and three points.
pub const PUBLIC_INPUTS: usize = 2 + 3 * POINT_LIMBS;

/// Bits of a half of the challenge.
pub const HALF: usize = 64;

/// A challenge of 128 bits for folding commitments on BN254.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The bits `s_k`: a set one adds, a clear one subtracts.
    pub signs: u64,
    /// The bits `t_k`: a set one applies the endomorphism.
    pub turns: u64,
}

impl Challenge {
    /// The lower half gives the signs.
    pub fn new(bits: u128) -> Self {
        Challenge {
            signs: bits as u64,
            turns: (bits >> HALF) as u64,
        }
    }

    /// The multiplier rho.
    pub fn multiplier(&self) -> Fr {
        let start = Fr::from(2);
        (0..HALF).rev().fold(start, |acc, k| {
            let unit = if self.turns >> k & 1 == 1 {
                lambda()
            } else {
                Fr::ONE
            };
            let sign = if self.signs >> k & 1 == 1 {
                unit
            } else {
                -unit
            };
            acc.double() + sign
        })
    }
}

/// The multiplier in the augmented circuit, from the bits of both halves: 64 constraints.
pub fn multiplier<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    signs: &[maci_nova_step_circuit::num::Bit],
    turns: &[maci_nova_step_circuit::num::Bit],
) -> Num {
    let step = lambda() - Fr::ONE;
    let digits: Vec<Num> = signs
        .iter()
        .zip(turns)
        .map(|(sign, turn)| {
            let unit = Num::one().add_scaled(turn.num(), step);
            g.mul(&sign.sign(), &unit)
        })
        .collect();
    let powers: Vec<Fr> = core::iter::successors(Some(Fr::ONE), |power| Some(power.double()))
        .take(HALF + 2)
        .collect();
    Num::dot(&digits, &powers[..HALF]).add_constant(powers[HALF + 1])
}

/// The cube root of unity of Fr that `(zeta x, y) = lambda (x, y)` is for.
pub fn lambda() -> Fr {
    roots().0
}

/// The cube root of unity of Fq: `(zeta x, y) = lambda (x, y)`.
fn zeta() -> Fq {
    roots().1
}

/// The library's root of Fr with whichever root of Fq belongs to it.
fn roots() -> (Fr, Fq) {
    static ROOTS: OnceLock<(Fr, Fq)> = OnceLock::new();
    *ROOTS.get_or_init(|| {
        let generator = G1Affine::generator();
        let turned = (G1::from(generator) * Fr::ZETA).to_affine();
        let zeta = turned.x * generator.x.invert().expect("the generator has x = 1");
        (Fr::ZETA, zeta)
    })
}

/// BN254's first group: `y^2 = x^3 + 3`.
fn curve() -> Curve<Fq> {
    Curve {
        b: Fq::from(3),
        generator: (Fq::ONE, Fq::from(2)),
    }
}

/// What an instance states: `sum = p + rho q`. Coordinates; (0, 0) is infinity.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub challenge: Challenge,
    pub p: (Fq, Fq),
    pub q: (Fq, Fq),
    pub sum: (Fq, Fq),
}

impl Claim {
    /// Some claim of the right form, to make the circuit's constraints with.
    pub fn blank() -> Self {
        Claim {
            challenge: Challenge::new(0),
            p: (Fq::ZERO, Fq::ZERO),
            q: (Fq::ZERO, Fq::ZERO),
            sum: (Fq::ZERO, Fq::ZERO),
        }
    }

    /// The public inputs, in either field.
    pub fn public_inputs<F: PrimeField>(&self) -> [F; PUBLIC_INPUTS] {
        let points = [&self.p, &self.q, &self.sum].map(point_limbs::<F>).concat();
        core::array::from_fn(|i| match i {
            0 => F::from(self.challenge.signs),
            1 => F::from(self.challenge.turns),
            _ => points[i - 2],
        })
    }

    /// Fills `g` with the circuit.
    pub fn fill<CS: Constraints<Fq>>(&self, g: &mut Gadget<'_, CS, Fq>) {
        let inputs = self.public_inputs().map(|value| g.alloc_input(value));
        self.fill_with(g, &inputs);
    }

    /// Fills `g` with the circuit over given inputs.
    pub fn fill_with<CS: Constraints<Fq>>(
        &self,
        g: &mut Gadget<'_, CS, Fq>,
        inputs: &[Num<Fq>; PUBLIC_INPUTS],
    ) {
        let curve = curve();
        let [p, q, sum] = [0, 1, 2].map(|i| point_of(g, &inputs[2 + i * POINT_LIMBS..]));
        let p = g.scope("P", |g| Checked::new(g, &curve, &p));
        let q = g.scope("Q", |g| Checked::new(g, &curve, &q));
        let finite = q.finite(&curve);
        let product = g.scope("rho Q", |g| self.multiply(g, &finite, inputs));
        let result = g.scope("P + rho Q", |g| add(g, &p, &product, &q.infinite));
        g.scope("R", |g| {
            g.enforce_equal("x of R", &result.x, &sum.x);
            g.enforce_equal("y of R", &result.y, &sum.y);
        });
    }

    /// `rho q` of a finite point.
    fn multiply<CS: Constraints<Fq>>(
        &self,
        g: &mut Gadget<'_, CS, Fq>,
        q: &Point<Fq>,
        inputs: &[Num<Fq>; PUBLIC_INPUTS],
    ) -> Point<Fq> {
        // Not the bits themselves, but y s_k and the digit's abscissa, x or zeta x: since x and y
        // are not 0, "0 or y" and "x or zeta x" say the same as "0 or 1", and the digit's point is
        // linear in them. With zeta x a variable, every other coefficient is short.
        let turned = g.materialize(&q.x.scale(zeta()));
        let signs = alloc_choices(g, [&Num::zero(), &q.y], self.challenge.signs, &inputs[0]);
        let abscissas = alloc_choices(g, [&q.x, &turned], self.challenge.turns, &inputs[1]);
        let mut acc = double(g, q);
        for k in (0..HALF).rev() {
            let digit = Point {
                x: abscissas[k].clone(),
                y: &signs[k].scale(Fq::from(2)) - &q.y,
            };
            acc = double_and_add(g, &acc, &digit);
        }
        acc
    }
}

/// For each bit of `half`, whose value is `integer`, the first choice where it is clear and the
/// second where it is set; they differ. 65 constraints: the integer's bits are unique, 64 of them
/// being below q.
fn alloc_choices<CS: Constraints<Fq>>(
    g: &mut Gadget<'_, CS, Fq>,
    [clear, set]: [&Num<Fq>; 2],
    half: u64,
    integer: &Num<Fq>,
) -> Vec<Num<Fq>> {
    let choices: Vec<Num<Fq>> = (0..HALF)
        .map(|k| {
            let choice = if half >> k & 1 == 1 { set } else { clear };
            let choice = g.alloc(choice.value());
            g.enforce(
                "one of the choices",
                &(&choice - clear),
                &(&choice - set),
                &Num::zero(),
            );
            choice
        })
        .collect();
    // sum_k 2^k (choice_k - clear) = integer (set - clear).
    let powers: Vec<Fq> = core::iter::successors(Some(Fq::ONE), |power| Some(power.double()))
        .take(HALF)
        .collect();
    let all = Fq::from(u64::MAX);
    let sum = Num::dot(&choices, &powers).add_scaled(clear, -all);
    g.enforce(
        "sum of bits = half of the challenge",
        &(set - clear),
        integer,
        &sum,
    );
    choices
}

/// The coordinates that six limbs make, as variables: 2 constraints.
fn point_of<CS: Constraints<Fq>>(g: &mut Gadget<'_, CS, Fq>, limbs: &[Num<Fq>]) -> Point<Fq> {
    let weights: [Fq; LIMBS] = core::array::from_fn(limb_weight);
    g.scope("coordinates", |g| Point {
        x: g.materialize(&Num::dot(&limbs[..LIMBS], &weights)),
        y: g.materialize(&Num::dot(&limbs[LIMBS..POINT_LIMBS], &weights)),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use halo2curves::group::Group;
    use maci_nova_step_circuit::constraints::Values;
    use maci_nova_step_circuit::recorder::Recorder;
    use rand_core::{OsRng, RngCore};

    use super::*;
    use crate::{
        budget,
        curve::tests::coordinates,
        mutation::{every_hint, every_variable},
    };

    fn affine(point: G1) -> (Fq, Fq) {
        coordinates(point.to_affine())
    }

    pub(crate) fn claim(challenge: Challenge, p: G1, q: G1) -> Claim {
        Claim {
            challenge,
            p: affine(p),
            q: affine(q),
            sum: affine(p + q * challenge.multiplier()),
        }
    }

    fn random_challenge() -> Challenge {
        Challenge {
            signs: OsRng.next_u64(),
            turns: OsRng.next_u64(),
        }
    }

    fn violation(claim: &Claim) -> Option<&'static str> {
        violation_with(claim, &claim.public_inputs())
    }

    fn violation_with(claim: &Claim, inputs: &[Fq; PUBLIC_INPUTS]) -> Option<&'static str> {
        let mut recorder = Recorder::default();
        let mut gadget = Gadget::new(&mut recorder);
        let inputs = inputs.map(|value| gadget.alloc_input(value));
        claim.fill_with(&mut gadget, &inputs);
        let violated = gadget.violated();
        if violated.is_none() {
            assert!(recorder.violated().is_none());
        }
        violated
    }

    #[test]
    fn the_roots_belong_together() {
        assert_ne!(lambda(), Fr::ONE);
        assert_eq!(lambda() * lambda() * lambda(), Fr::ONE);
        assert_eq!(zeta() * zeta() * zeta(), Fq::ONE);
        let point = G1::random(OsRng);
        let (x, y) = affine(point);
        assert_eq!(affine(point * lambda()), (zeta() * x, y));
    }

    #[test]
    fn true_claims_are_accepted() {
        let edges = [
            0,
            1,
            u64::MAX,
            1 << 63,
            (1 << 63) - 1,
            0x5555_5555_5555_5555,
        ];
        let mut challenges: Vec<Challenge> = (0..6).map(|_| random_challenge()).collect();
        for signs in edges {
            challenges.extend(edges.map(|turns| Challenge { signs, turns }));
        }
        for challenge in challenges {
            let (p, q) = (G1::random(OsRng), G1::random(OsRng));
            assert_eq!(violation(&claim(challenge, p, q)), None, "{challenge:?}");
        }
    }

    #[test]
    fn infinity_and_exceptional_sums_are_accepted_in_each_place() {
        for _ in 0..4 {
            let (challenge, q) = (random_challenge(), G1::random(OsRng));
            let product = q * challenge.multiplier();
            let zero = G1::identity();
            let cases = [
                (zero, q),
                (q, zero),
                (zero, zero),
                (product, q),
                (-product, q),
                (q, q),
                (-q, q),
            ];
            for (p, q) in cases {
                assert_eq!(violation(&claim(challenge, p, q)), None);
            }
        }
    }

    #[test]
    fn false_claims_are_refused() {
        let honest = claim(random_challenge(), G1::random(OsRng), G1::random(OsRng));
        let other = affine(G1::random(OsRng));
        let infinity = (Fq::ZERO, Fq::ZERO);
        let mut forged = vec![];
        for sum in [
            other,
            infinity,
            honest.p,
            honest.q,
            (honest.sum.0, -honest.sum.1),
        ] {
            forged.push(Claim { sum, ..honest });
        }
        for point in [other, infinity] {
            forged.push(Claim { p: point, ..honest });
            forged.push(Claim { q: point, ..honest });
        }
        for half in 0..2 {
            for bit in [0, 1, 31, 62, 63] {
                let mut challenge = honest.challenge;
                let half = if half == 0 {
                    &mut challenge.signs
                } else {
                    &mut challenge.turns
                };
                *half ^= 1 << bit;
                forged.push(Claim {
                    challenge,
                    ..honest
                });
            }
        }
        for (i, claim) in forged.iter().enumerate() {
            assert!(violation(claim).is_some(), "forgery {i}");
        }
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        let honest = claim(random_challenge(), G1::random(OsRng), G1::random(OsRng));
        let off = (honest.p.0, honest.p.1 + Fq::ONE);
        for claim in [
            Claim { p: off, ..honest },
            Claim { q: off, ..honest },
            Claim {
                q: (Fq::ZERO, Fq::ONE),
                ..honest
            },
        ] {
            let violated = violation(&claim);
            assert!(violated == Some("y^2 = x^3 + b"), "{violated:?}");
        }
        let claim = Claim {
            p: (Fq::ONE, Fq::ZERO),
            ..honest
        };
        assert_eq!(violation(&claim), Some("infinity is (0, 0)"));
    }

    /// Public inputs other than those of the witness's claim, each alone.
    #[test]
    fn every_public_input_counts() {
        let honest = claim(random_challenge(), G1::random(OsRng), G1::random(OsRng));
        let inputs = honest.public_inputs::<Fq>();
        assert_eq!(violation_with(&honest, &inputs), None);
        for i in 0..PUBLIC_INPUTS {
            for change in [Fq::ONE, -Fq::ONE, Fq::from(1 << 63)] {
                let mut inputs = inputs;
                inputs[i] += change;
                assert!(violation_with(&honest, &inputs).is_some(), "input {i}");
            }
        }
    }

    /// Reads the digits back from a + lambda b: no two challenges have one multiplier.
    #[test]
    fn multipliers_are_those_of_the_digits_and_differ() {
        for _ in 0..50 {
            let challenge = random_challenge();
            let (mut a, mut b) = (2i128 << HALF, 0i128);
            for k in 0..HALF {
                let sign = if challenge.signs >> k & 1 == 1 { 1 } else { -1 };
                let part = if challenge.turns >> k & 1 == 1 {
                    &mut b
                } else {
                    &mut a
                };
                *part += sign << k;
            }
            let signed = |value: i128| {
                let absolute = Fr::from_u128(value.unsigned_abs());
                if value < 0 {
                    -absolute
                } else {
                    absolute
                }
            };
            assert_eq!(challenge.multiplier(), signed(a) + lambda() * signed(b));

            a -= 2i128 << HALF;
            let (mut signs, mut turns) = (0u64, 0u64);
            for k in 0..HALF {
                assert_eq!((a ^ b) & 1, 1, "exactly one is odd");
                let turned = b & 1 != 0;
                let digit = if turned { &mut b } else { &mut a };
                let (mut low, mut high) = (*digit - 1, *digit + 1);
                (low, high) = (low / 2, high / 2);
                let rest = if turned { a / 2 } else { b / 2 };
                // The last digit leaves nothing; the others leave exactly one odd.
                let plus = if k == HALF - 1 {
                    low == 0
                } else {
                    (low ^ rest) & 1 == 1
                };
                signs |= u64::from(plus) << k;
                turns |= u64::from(turned) << k;
                let next = if plus { low } else { high };
                (a, b) = if turned { (rest, next) } else { (next, rest) };
            }
            assert_eq!(Challenge { signs, turns }, challenge);
        }
    }

    #[test]
    fn the_multiplier_in_the_augmented_circuit_is_the_same() {
        for challenge in [
            random_challenge(),
            Challenge::new(0),
            Challenge::new(u128::MAX),
        ] {
            let mut recorder = Recorder::<Fr>::default();
            let mut g = Gadget::new(&mut recorder);
            let bits = [challenge.signs, challenge.turns].map(|half| {
                (0..HALF)
                    .map(|k| g.alloc_bit(half >> k & 1 == 1))
                    .collect::<Vec<_>>()
            });
            let rho = multiplier(&mut g, &bits[0], &bits[1]);
            assert_eq!(rho.value(), challenge.multiplier());
        }
    }

    #[test]
    fn the_circuit_costs_what_is_pinned() {
        let mut recorder = Recorder::default();
        Claim::blank().fill(&mut Gadget::new(&mut recorder));
        let costs: Vec<(String, usize)> = recorder
            .costs(1)
            .into_iter()
            .map(|(part, cost)| (part, cost.constraints))
            .collect();
        let pinned = budget::CYCLEFOLD.map(|(part, count)| (part.to_owned(), count));
        assert_eq!(costs, pinned);
        let total = recorder.total().constraints;
        assert_eq!(total, budget::CYCLEFOLD_CONSTRAINTS);
        assert!(total <= budget::CYCLEFOLD_LIMIT);
    }

    /// Whether the circuit is violated with a hint replaced.
    fn violated_with(claim: &Claim, replacement: (usize, Fq)) -> bool {
        let mut cs = Values::<Fq>::plain();
        let mut gadget = Gadget::with_replacements(&mut cs, &[replacement]);
        claim.fill(&mut gadget);
        gadget.violated().is_some()
    }

    /// No variable is free, no hint has a second value.
    #[test]
    fn every_variable_and_every_hint_is_bound() {
        let (p, q) = (G1::random(OsRng), G1::random(OsRng));
        let zero = G1::identity();
        let challenge = random_challenge();
        let product = q * challenge.multiplier();
        for (p, q) in [
            (p, q),
            (zero, q),
            (p, zero),
            (zero, zero),
            (product, q),
            (-product, q),
        ] {
            let claim = claim(challenge, p, q);
            let mut recorder = Recorder::default();
            let mut gadget = Gadget::new(&mut recorder);
            claim.fill(&mut gadget);
            let hints = gadget.hints().to_vec();
            every_variable(&recorder);
            every_hint(&hints, |replacement| violated_with(&claim, replacement));
        }
    }
}
