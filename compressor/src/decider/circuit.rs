//! The decider circuit: what one Groth16 proof says of a finished running proof.
//!
//! ```text
//! 1. x_1 = H(U_cf), 1 <= i <= 2^37; the last foldings ([`crate::last_foldings`]): x_0, all
//!    challenges, x'', beta'', e''
//! 2. sum_i pow_i(beta'') f_i(W'', 1, x'') = e''
//! 3. U_cf is satisfied modulo q by (W_cf, E_cf), and is their commitment
//! 4. each end shows its state, or a link to it ([`super::end`])
//! 5. the results' leaves hash to z_i's tally root where that state is shown, else to that of nothing
//! 6. e_v = sum_j v_j c^j,  e = sum_j W''_j c^j
//! ```
//! The commitments' own foldings are the verifier's: he has U.C, D, D_R, r_1 and r_2 in `v`. Public
//! inputs: c, e_v, e. Committed to before c is known: W'', x'', v.

use std::sync::Arc;

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, Fr};
use maci_nova_folding::{
    blinding::{Blinded, Foldings},
    curve::{Checked, Point},
    engine::{EngineError, IvcProof, PublicParams, Statement},
    limbs::PACKED_POINT,
    oracle::{hash_in_circuit, Query},
    relation::{coordinates, packed, Commitment},
    rows::{Rows, Term},
};
use maci_nova_groth16::adapter::Matrices;
use maci_nova_protocol::field::{from_i128, from_u128};
use maci_nova_protocol::tally::{results_root, OptionResult};
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Gadget, Num};
use maci_nova_step_circuit::secret::Secret;
use maci_nova_step_circuit::ARITY;
use nova_snark::{
    frontend::SynthesisError,
    provider::{Bn256EngineKZG, GrumpkinEngine},
    r1cs::{R1CSShape, SparseMatrix},
};
use num_bigint::{BigInt, BigUint, Sign};

use super::{
    end::{enforce_shown, End, WHOLE},
    nonnative::{self, enforce_product, reduce, Integer},
    pedersen,
};
use crate::last_foldings::{self, Stated, POINTS};

type Primary = Bn256EngineKZG;
type Secondary = GrumpkinEngine;

/// Factors of rows modulo q up to this take part in products; others are reduced first.
const SHORT: u32 = 4;
/// Bits of U_cf's scalar: a sum of 2^37 multipliers below 2^130.
const SCALAR_BITS: usize = 167;
/// Bits of U_cf's public inputs.
const INPUT_BITS: usize = 252;
/// Bits of the number of steps, less one.
const STEP_BITS: usize = 37;
/// Which element of a state is its tally's root.
const TALLY_ROOT: usize = ARITY - 1;

// They are those that the folding's steps and multipliers come to.
const _: () = {
    use maci_nova_folding::limbs::{self, MAX_STEPS, MULTIPLIER_BITS};
    assert!(MAX_STEPS == 1 << STEP_BITS);
    assert!(SCALAR_BITS == MULTIPLIER_BITS + STEP_BITS);
    assert!(INPUT_BITS == limbs::INPUT_BITS);
};

/// Everything that the circuit is about. Secret.
pub struct Witness {
    steps: u64,
    z0: [Fr; ARITY],
    z: [Fr; ARITY],
    /// How z_0 and z are shown.
    ends: [End; 2],
    foldings: Foldings,
    /// W''.
    w: Secret<Fr>,
    /// The folded commitment's blinding.
    blind: Fr,
    cyclefold_w: Secret<Fq>,
    cyclefold_e: Secret<Fq>,
    cyclefold_blind: Fq,
    results: Vec<OptionResult>,
}

impl core::fmt::Debug for Witness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Witness(<secret>)")
    }
}

/// The circuit of an engine and a vote option tree.
pub struct Decider {
    engine: Arc<PublicParams>,
    vote_depth: usize,
    pedersen: pedersen::Key,
}

impl core::fmt::Debug for Decider {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Decider").finish_non_exhaustive()
    }
}

/// What contract and circuit agree on, in its order.
struct Agreed<T> {
    /// The words of both ends.
    ends: [Vec<T>; 2],
    r1: T,
    r2: T,
    /// U.C, D and D_R.
    points: [[T; PACKED_POINT]; POINTS],
    /// Votes and spent credits of each option.
    results: Vec<[T; 2]>,
}

impl<T: Clone> Agreed<T> {
    fn elements(&self) -> Vec<T> {
        let mut all = self.ends.concat();
        all.extend([self.r1.clone(), self.r2.clone()]);
        all.extend(self.points.iter().flatten().cloned());
        all.extend(self.results.iter().flatten().cloned());
        all
    }

    fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Agreed<U> {
        Agreed {
            ends: [0, 1].map(|i| self.ends[i].iter().map(&mut f).collect()),
            r1: f(&self.r1),
            r2: f(&self.r2),
            points: [0, 1, 2].map(|i| [0, 1, 2].map(|k| f(&self.points[i][k]))),
            results: self
                .results
                .iter()
                .map(|[votes, spent]| [f(votes), f(spent)])
                .collect(),
        }
    }
}

/// `sum_j a_j c^j`.
fn evaluate(elements: &[Fr], c: Fr) -> Fr {
    elements.iter().rev().fold(Fr::ZERO, |sum, a| sum * c + a)
}

impl Decider {
    /// The circuit for polls with vote option trees of this depth.
    pub fn new(engine: Arc<PublicParams>, vote_depth: usize) -> Self {
        let relation = engine.secondary();
        let shape = relation.shape();
        let key = relation.key().generators();
        let mut generators = key[..shape.num_vars()].to_vec();
        generators.extend(&key[relation.half()..relation.half() + shape.num_cons()]);
        generators.push(relation.blinding_generator());
        Decider {
            pedersen: pedersen::Key::new(&generators),
            engine,
            vote_depth,
        }
    }

    /// The options that the circuit has room for.
    pub fn options(&self) -> usize {
        5usize.pow(self.vote_depth as u32)
    }

    /// The witness for a running proof, whose ends are shown so: folds it for the last times.
    /// Results that are missing are zero.
    ///
    /// # Errors
    /// When the proof is not the engine's, or there are more results than options.
    pub fn witness(
        &self,
        proof: &IvcProof,
        ends: [End; 2],
        results: &[OptionResult],
    ) -> Result<Witness, EngineError> {
        if results.len() > self.options() {
            return Err(EngineError::Statement("more results than options"));
        }
        let Blinded {
            foldings, opening, ..
        } = proof.blinded(&self.engine);
        let [z0, z] = states(proof)?;
        let cyclefold = proof.cyclefold_witness();
        let mut results = results.to_vec();
        results.resize(self.options(), OptionResult::default());
        Ok(Witness {
            steps: proof.statement().steps,
            z0,
            z,
            ends,
            foldings,
            w: opening.witness().to_vec().into(),
            blind: opening.blinding(),
            cyclefold_w: cyclefold.w.clone(),
            cyclefold_e: cyclefold.e.clone(),
            cyclefold_blind: cyclefold.blind,
            results,
        })
    }

    /// The tally root of options that have received nothing.
    fn empty_tally(&self) -> Fr {
        results_root(self.vote_depth, &[]).expect("no results are too many")
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<PublicParams> {
        &self.engine
    }

    /// The circuit's constraints.
    ///
    /// # Errors
    /// When a gadget of the library fails.
    pub fn matrices(&self) -> Result<Matrices, CircuitError> {
        let blank = self.blank();
        let matrices = Matrices::record(|cs| {
            self.fill(&mut Gadget::new(cs), &blank, Fr::ZERO)
                .map_err(|_| SynthesisError::Unsatisfiable(String::new()))
        })?;
        Ok(matrices)
    }

    /// The values that are committed to before the challenge is known, in the circuit's order.
    ///
    /// # Errors
    /// When the witness is of another engine.
    pub fn committed(&self, witness: &Witness) -> Result<Secret<Fr>, EngineError> {
        let instance = witness.foldings.fold(&self.engine, &witness.statement())?;
        let mut values = witness.w.to_vec();
        values.extend(&instance.x);
        values.extend(self.agreed(witness)?.elements());
        Ok(values.into())
    }

    /// r_1 and r_2.
    pub(crate) fn challenges(&self, witness: &Witness) -> Result<(Fr, Fr), EngineError> {
        let foldings = &witness.foldings;
        foldings.challenges(&self.engine, &witness.statement())
    }

    /// Some witness of the right lengths, to make the constraints with.
    fn blank(&self) -> Witness {
        fn zeros<F: Field>(count: usize) -> Secret<F> {
            vec![F::ZERO; count].into()
        }
        let (rows, secondary) = (self.engine.primary().rows(), self.engine.secondary());
        Witness {
            steps: 1,
            z0: [Fr::ZERO; ARITY],
            z: [Fr::ZERO; ARITY],
            ends: WHOLE,
            foldings: Foldings::blank(&self.engine),
            w: zeros(rows.variables()),
            blind: Fr::ZERO,
            cyclefold_w: zeros(secondary.shape().num_vars()),
            cyclefold_e: zeros(secondary.shape().num_cons()),
            cyclefold_blind: Fq::ZERO,
            results: vec![OptionResult::default(); self.options()],
        }
    }

    /// The values of `v`.
    fn agreed(&self, witness: &Witness) -> Result<Agreed<Fr>, EngineError> {
        let (r1, r2) = self.challenges(witness)?;
        let [first, last] = &witness.ends;
        Ok(Agreed {
            ends: [(first, &witness.z0), (last, &witness.z)].map(|(end, z)| end.words(z).to_vec()),
            r1,
            r2,
            points: witness.commitments().map(|commitment| packed(&commitment)),
            results: witness
                .results
                .iter()
                .map(|result| [from_i128(result.votes), from_u128(result.spent)])
                .collect(),
        })
    }

    /// Fills `g` with the circuit, for the challenge `c`.
    ///
    /// # Errors
    /// When the witness is of another engine, or a gadget of the library fails.
    pub fn fill<CS: Constraints<Fr>>(
        &self,
        g: &mut Gadget<'_, CS>,
        witness: &Witness,
        c: Fr,
    ) -> Result<(), CircuitError> {
        self.fill_agreed(g, witness, &self.agreed(witness)?, c)
    }

    /// The same with what is claimed to be agreed on.
    fn fill_agreed<CS: Constraints<Fr>>(
        &self,
        g: &mut Gadget<'_, CS>,
        witness: &Witness,
        agreed: &Agreed<Fr>,
        c: Fr,
    ) -> Result<(), CircuitError> {
        let instance = witness.foldings.fold(&self.engine, &witness.statement())?;
        let [c, e_v, e] = [c, evaluate(&agreed.elements(), c), evaluate(&witness.w, c)]
            .map(|value| g.alloc_input(value));
        let w: Vec<Num> = witness
            .w
            .iter()
            .map(|value| g.alloc_input(*value))
            .collect();
        let x: Vec<Num> = instance
            .x
            .iter()
            .map(|value| g.alloc_input(*value))
            .collect();
        let v = agreed.map(|value| g.alloc_input(*value));

        let cyclefold = g.scope("CycleFold", |g| self.cyclefold(g, witness));
        let states = [&witness.z0, &witness.z].map(|state| state.map(|value| g.alloc(value)));
        let (beta, sum) = self.fold(g, witness, &cyclefold, (&states, &v), &x);
        g.scope("claim", |g| {
            let claimed = weighted_rows(g, self.engine.primary().rows(), &w, &x, &beta);
            g.enforce_equal("the claim", &claimed, &sum);
        });
        let [_, visible] = g.scope("ends", |g| {
            [0, 1].map(|i| enforce_shown(g, &v.ends[i], &states[i], witness.ends[i].salt()))
        });
        g.scope("results", |g| {
            let root = tally_root(g, &v.results);
            let empty = Num::constant(self.empty_tally());
            // visible ? z_i's : that of nothing
            let [shown, stated] = [&states[1][TALLY_ROOT], &root].map(|root| root - &empty);
            g.enforce("results are in the tally", visible.num(), &shown, &stated);
        });
        g.scope("evaluations", |g| {
            let sum = horner(g, &v.elements(), &c);
            g.enforce_equal("e_v", &sum, &e_v);
            let sum = horner(g, &w, &c);
            g.enforce_equal("e", &sum, &e);
        });
        Ok(())
    }

    /// Part 1: the hashes and the last foldings; returns beta'' and e''.
    fn fold<CS: Constraints<Fr>>(
        &self,
        g: &mut Gadget<'_, CS>,
        witness: &Witness,
        cyclefold: &CycleFold,
        ([z0, z], v): (&[[Num; ARITY]; 2], &Agreed<Num>),
        x: &[Num],
    ) -> (Vec<Num>, Num) {
        let step = g.scope("steps", |g| {
            let less_one = g.alloc(Fr::from(witness.steps.wrapping_sub(1)));
            g.bits(&less_one, STEP_BITS);
            less_one.add_constant(Fr::ONE)
        });
        let digest = Num::constant(self.engine.digest());
        let x1 = hash_in_circuit(g, &digest, &cyclefold.query());
        let x1 = g.materialize(&x1);
        let stated = Stated {
            step: &step,
            z0,
            z,
            x1: &x1,
            points: &v.points,
        };
        let folded = g.scope("last foldings", |g| {
            last_foldings::fold(g, &self.engine, &stated, &witness.foldings)
        });
        g.enforce_equal("r_1", &folded.r1, &v.r1);
        g.enforce_equal("r_2", &folded.r2, &v.r2);
        for (folded, x) in folded.x.iter().zip(x) {
            g.enforce_equal("x''", folded, x);
        }
        (folded.beta, folded.e)
    }

    /// Part 3: the running CycleFold instance is satisfied, and the commitment to its witness.
    fn cyclefold<CS: Constraints<Fr>>(
        &self,
        g: &mut Gadget<'_, CS>,
        witness: &Witness,
    ) -> CycleFold {
        let instance = &witness.foldings.cyclefold;
        let scalars: Vec<BigUint> = witness
            .cyclefold_w
            .iter()
            .chain(witness.cyclefold_e.iter())
            .chain([&witness.cyclefold_blind])
            .map(integer)
            .collect();
        let (sum, integers) = g.scope("commitment", |g| self.pedersen.commit(g, &scalars));
        let commitment = Point::alloc(g, coordinates::<Secondary>(&instance.commitment));
        let commitment = Checked::trusted(g, &commitment).point;
        g.enforce_equal("commitment's x", &sum.x, &commitment.x);
        g.enforce_equal("commitment's y", &sum.y, &commitment.y);
        let (u, x) = g.scope("instance", |g| {
            let u = Integer::alloc(g, &integer(&instance.u), SCALAR_BITS);
            let inputs = instance.x.iter();
            let x: Vec<Integer> = inputs
                .map(|value| Integer::alloc(g, &integer(value), INPUT_BITS))
                .collect();
            (u, x)
        });
        g.scope("relation", |g| {
            let shape = self.engine.secondary().shape();
            let (w, error) = integers.split_at(shape.num_vars());
            let z: Vec<&Integer> = w.iter().chain([&u]).chain(&x).collect();
            for (row, error) in error[..shape.num_cons()].iter().enumerate() {
                relation_modulo_q(g, shape, row, &z, [&u, error]);
            }
        });
        CycleFold {
            commitment: [commitment.x, commitment.y],
            u: u.native.clone(),
            x: x.iter().map(|integer| integer.native.clone()).collect(),
        }
    }
}

/// The running CycleFold instance, natively.
struct CycleFold {
    commitment: [Num; 2],
    u: Num,
    x: Vec<Num>,
}

impl CycleFold {
    fn query(&self) -> Query<'_, Num> {
        Query::CycleFold {
            commitment: &self.commitment,
            u: &self.u,
            x: &self.x,
        }
    }
}

/// Why the decider's circuit cannot be made or filled.
#[derive(Debug, thiserror::Error)]
pub enum CircuitError {
    /// The proof is not the engine's.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// A gadget of the library failed.
    #[error("{0}")]
    Synthesis(#[from] SynthesisError),
}

impl Witness {
    /// W'': the coefficients of the polynomial that the folded commitment opens to.
    pub(crate) fn vector(&self) -> &[Fr] {
        &self.w
    }

    /// U.C, D and D_R.
    pub(crate) fn commitments(&self) -> [Commitment<Primary>; POINTS] {
        let Foldings {
            running,
            messages,
            random,
            ..
        } = &self.foldings;
        [running.commitment, messages.difference, random.difference]
    }

    /// The folded commitment's blinding.
    pub(crate) fn blind(&self) -> Fr {
        self.blind
    }

    fn statement(&self) -> Statement<'_> {
        Statement {
            steps: self.steps,
            z0: &self.z0,
            z: &self.z,
        }
    }
}

/// z_0 and z of a poll's proof.
pub(super) fn states(proof: &IvcProof) -> Result<[[Fr; ARITY]; 2], EngineError> {
    let array = |state: &[Fr]| {
        let array = state.try_into();
        array.map_err(|_| EngineError::Statement("the states have not eight elements"))
    };
    let Statement { z0, z, .. } = proof.statement();
    Ok([array(z0)?, array(z)?])
}

fn integer(scalar: &Fq) -> BigUint {
    BigUint::from_bytes_le(scalar.to_repr().as_ref())
}

/// A row of the CycleFold relation: `A z * B z = u C z + E` modulo q.
fn relation_modulo_q<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    shape: &R1CSShape<Secondary>,
    row: usize,
    z: &[&Integer],
    [u, error]: [&Integer; 2],
) {
    let [a, b, c] = [shape.A(), shape.B(), shape.C()].map(|matrix| combination(g, matrix, row, z));
    enforce_product(g, [&a, &b], [u, &c], error);
}

/// A row of a matrix times z, modulo q: short factors as they are, others reduced first.
fn combination<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    matrix: &SparseMatrix<Fq>,
    row: usize,
    z: &[&Integer],
) -> Integer {
    let span = matrix.indptr[row]..matrix.indptr[row + 1];
    let entries: Vec<(BigInt, &Integer)> = matrix.data[span.clone()]
        .iter()
        .zip(&matrix.indices[span])
        .map(|(factor, column)| (signed(factor), z[*column]))
        .collect();
    let short: Option<Vec<(i128, &Integer)>> = entries
        .iter()
        .map(|(factor, integer)| i128::try_from(factor).ok().map(|f| (f, *integer)))
        .collect();
    match short {
        Some(terms) if terms.iter().map(|(f, _)| f.unsigned_abs()).sum::<u128>() <= 1 << SHORT => {
            Integer::combine(&terms)
        }
        _ => reduce(g, &entries),
    }
}

/// The integer of least absolute value that an element of Fq is.
fn signed(element: &Fq) -> BigInt {
    let value = BigInt::from_bytes_le(Sign::Plus, element.to_repr().as_ref());
    let q = nonnative::modulus();
    if &value * 2 > q {
        value - q
    } else {
        value
    }
}

/// `sum_i pow_i(beta) f_i(w, 1, x)`: a constraint a product row, three a power row, and about one a
/// row for the weights.
fn weighted_rows<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    rows: &Rows,
    w: &[Num],
    x: &[Num],
    beta: &[Num],
) -> Num {
    let z = [w, &[Num::one()], x].concat();
    let value = |terms: &[Term]| {
        let nums: Vec<Num> = terms.iter().map(|(_, column)| z[*column].clone()).collect();
        let weights: Vec<Fr> = terms.iter().map(|(coefficient, _)| *coefficient).collect();
        Num::dot(&nums, &weights)
    };
    let mut level: Vec<Num> = Vec::with_capacity(rows.count());
    for i in 0..rows.products() {
        let [a, b, c] = rows.product(i).map(|terms| value(&terms));
        level.push(&g.mul(&a, &b) - &c);
    }
    for i in 0..rows.powers() {
        let [l, o] = rows.power(i).map(|terms| value(&terms));
        level.push(&g.fifth_power(&l) - &o);
    }
    // With nodes L and R of bit j, their parent is L + beta_j R.
    for beta in beta {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => left + &g.mul(beta, right),
                _ => pair[0].clone(),
            })
            .collect();
    }
    level.swap_remove(0)
}

/// `sum_j a_j c^j`: a constraint an element.
fn horner<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, elements: &[Num], c: &Num) -> Num {
    let Some((last, rest)) = elements.split_last() else {
        return Num::zero();
    };
    rest.iter().rev().fold(last.clone(), |sum, element| {
        let product = g.mul(&sum, c);
        &product + element
    })
}

/// The tally's root of all results.
fn tally_root<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, results: &[[Num; 2]]) -> Num {
    let mut level: Vec<Num> = results
        .iter()
        .map(|[votes, spent]| g.hash([votes, spent]))
        .collect();
    while level.len() > 1 {
        level = level
            .chunks(5)
            .map(|five| g.hash([&five[0], &five[1], &five[2], &five[3], &five[4]]))
            .collect();
    }
    level.remove(0)
}

#[cfg(test)]
mod forgeries;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod tests;
