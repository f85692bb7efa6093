//! Relaxed R1CS with one commitment to witness and error, and its folding.
//!
//! ```text
//! A z * B z = u C z + E,   z = (W, u, x),   commitment = Com(W || E; blind)
//! ```
//! Nova (ePrint 2021/370) commits to W and to E; here one vector commitment holds both, W in the
//! first half of the key and E in the second. Folding an instance with scalar 1 and error 0 needs
//! one commitment `C = Com(w || T)` to its witness and the cross term together:
//! ```text
//! commitment' = commitment + rho C,   W' = W + rho w,   E' = E + rho T
//! ```
//! so the other curve does one multiplication a step and not two. Soundness is Nova's: two answers
//! for one C open the running commitment to some (W, E) and C to some (w, T); binding makes a third
//! lie on these; and three roots of the relation, which is of degree 2 in rho, make each of its
//! coefficients zero: (W, E) satisfies the running instance (constant term), and w the incoming one
//! (square term: error 0 and scalar 1, since only C and no other commitment is added).

use core::fmt;

use ff::Field;
use halo2curves::bn256::Fr;
use maci_nova_step_circuit::{constraints::Values, secret::Secret};
use nova_snark::{
    errors::NovaError,
    provider::{Bn256EngineKZG, GrumpkinEngine},
    r1cs::R1CSShape,
    traits::{
        commitment::{CommitmentEngineTrait, CommitmentTrait, Len},
        Engine,
    },
};
use rand_core::OsRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::limbs::{pack, point_limbs, PACKED_POINT};

/// BN254 with HyperKZG commitments: the curve of the step circuit.
pub type Primary = Bn256EngineKZG;
/// Grumpkin with Pedersen commitments.
pub type Secondary = GrumpkinEngine;

/// The commitment engine of a curve.
type Ce<E> = <E as Engine>::CE;
/// Its commitments.
pub type Commitment<E> = <Ce<E> as CommitmentEngineTrait<E>>::Commitment;
/// Its keys.
pub type CommitmentKey<E> = <Ce<E> as CommitmentEngineTrait<E>>::CommitmentKey;

/// Why an instance and a witness do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// A vector's length is not the relation's.
    #[error("a vector has another length than the relation says")]
    Length,
    /// The commitment is to another witness.
    #[error("the commitment is to another witness")]
    Commitment,
    /// The equation does not hold.
    #[error("the witness does not satisfy the constraints")]
    Unsatisfied,
}

/// Constraints and the key that their witnesses are committed with.
pub struct Relation<E: Engine> {
    shape: R1CSShape<E>,
    key: CommitmentKey<E>,
    half: usize,
}

/// A relaxed instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Instance<E: Engine> {
    /// To witness and error.
    pub commitment: Commitment<E>,
    /// The scalar u.
    pub u: E::Scalar,
    /// The public inputs.
    pub x: Vec<E::Scalar>,
}

/// The witness of a relaxed instance: secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Witness<E: Engine> {
    /// W.
    pub w: Secret<E::Scalar>,
    /// E.
    pub e: Secret<E::Scalar>,
    /// The commitment's blinding.
    pub blind: E::Scalar,
}

/// `A z`, `B z` and `C z`.
#[derive(Clone)]
pub(crate) struct Products<E: Engine> {
    a: Secret<E::Scalar>,
    b: Secret<E::Scalar>,
    c: Secret<E::Scalar>,
}

/// What folding an incoming witness needs: its products, the cross term and their commitment.
pub(crate) struct Incoming<E: Engine> {
    products: Products<E>,
    cross: Secret<E::Scalar>,
    blind: E::Scalar,
    pub(crate) commitment: Commitment<E>,
}

/// A random satisfying instance, with the cross term of folding it into another.
pub struct Random<E: Engine> {
    /// Com(W || T), T the cross term.
    pub witness_commitment: Commitment<E>,
    /// Com(0 || E). (Nothing shows the 0, and nothing relies on it: see [`Instance::blind`].)
    pub error_commitment: Commitment<E>,
    /// The scalar.
    pub u: E::Scalar,
    /// The public inputs.
    pub x: Vec<E::Scalar>,
    w: Secret<E::Scalar>,
    cross: Secret<E::Scalar>,
    error: Secret<E::Scalar>,
    blinds: (E::Scalar, E::Scalar),
}

impl<E: Engine> fmt::Debug for Relation<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relation")
            .field("constraints", &self.shape.num_cons())
            .field("variables", &self.shape.num_vars())
            .field("inputs", &self.shape.num_io())
            .finish_non_exhaustive()
    }
}

impl<E: Engine> fmt::Debug for Witness<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness(<secret>)")
    }
}

impl<E: Engine> fmt::Debug for Random<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(<secret>)")
    }
}

impl<E: Engine> Relation<E> {
    /// The key's elements for a shape: two halves, each the least power of two that holds the
    /// variables and the constraints.
    pub fn key_size(shape: &R1CSShape<E>) -> usize {
        2 * Self::half_of(shape)
    }

    fn half_of(shape: &R1CSShape<E>) -> usize {
        let least = shape.num_vars().max(shape.num_cons());
        least.max(shape.num_io() + 1).next_power_of_two()
    }

    /// Constraints with a key of [`Relation::key_size`] elements or more.
    ///
    /// # Errors
    /// When the key is too short.
    pub fn new(shape: R1CSShape<E>, key: CommitmentKey<E>) -> Result<Self, NovaError> {
        let half = Self::half_of(&shape);
        if key.length() < 2 * half {
            return Err(NovaError::InvalidCommitmentKeyLength);
        }
        shape.precompute_sparse_matrices();
        Ok(Relation { shape, key, half })
    }

    /// The constraints.
    pub fn shape(&self) -> &R1CSShape<E> {
        &self.shape
    }

    /// The key.
    pub fn key(&self) -> &CommitmentKey<E> {
        &self.key
    }

    /// Where the error begins in the key: a power of two.
    pub fn half(&self) -> usize {
        self.half
    }

    /// `w || e` as one vector, each in its half.
    pub fn joined(&self, w: &[E::Scalar], e: &[E::Scalar]) -> Secret<E::Scalar> {
        let mut vector = Vec::with_capacity(self.half + e.len());
        vector.extend_from_slice(w);
        vector.resize(self.half, E::Scalar::ZERO);
        vector.extend_from_slice(e);
        vector.into()
    }

    /// `Com(w || e; blind)`.
    pub fn commit(&self, w: &[E::Scalar], e: &[E::Scalar], blind: &E::Scalar) -> Commitment<E> {
        Ce::<E>::commit(&self.key, &self.joined(w, e), blind)
    }

    /// Checks a relaxed instance and its witness: lengths, commitment, equation.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, instance: &Instance<E>, witness: &Witness<E>) -> Result<(), RelationError> {
        self.check_lengths(&instance.x, &witness.w)?;
        if witness.e.len() != self.shape.num_cons() {
            return Err(RelationError::Length);
        }
        let (committed, holds) = rayon::join(
            || self.commit(&witness.w, &witness.e, &witness.blind) == instance.commitment,
            || {
                let products = self.products(&witness.w, &instance.u, &instance.x)?;
                Ok(products.satisfy(&instance.u, Some(&witness.e)))
            },
        );
        match (committed, holds?) {
            (true, true) => Ok(()),
            (false, _) => Err(RelationError::Commitment),
            (_, false) => Err(RelationError::Unsatisfied),
        }
    }

    /// Checks that a witness satisfies the constraints with scalar 1 and error 0.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_incoming(&self, x: &[E::Scalar], w: &[E::Scalar]) -> Result<(), RelationError> {
        self.check_lengths(x, w)?;
        if self
            .products(w, &E::Scalar::ONE, x)?
            .satisfy(&E::Scalar::ONE, None)
        {
            return Ok(());
        }
        Err(RelationError::Unsatisfied)
    }

    fn check_lengths(&self, x: &[E::Scalar], w: &[E::Scalar]) -> Result<(), RelationError> {
        if x.len() == self.shape.num_io() && w.len() == self.shape.num_vars() {
            return Ok(());
        }
        Err(RelationError::Length)
    }

    /// The instance that every running one begins as: all zero, which satisfies any constraints.
    pub(crate) fn zero(&self) -> (Instance<E>, Witness<E>) {
        let zeros = |count| vec![E::Scalar::ZERO; count];
        let instance = Instance {
            commitment: Commitment::<E>::default(),
            u: E::Scalar::ZERO,
            x: zeros(self.shape.num_io()),
        };
        let witness = Witness {
            w: zeros(self.shape.num_vars()).into(),
            e: zeros(self.shape.num_cons()).into(),
            blind: E::Scalar::ZERO,
        };
        (instance, witness)
    }

    pub(crate) fn products(
        &self,
        w: &[E::Scalar],
        u: &E::Scalar,
        x: &[E::Scalar],
    ) -> Result<Products<E>, RelationError> {
        let mut z = Secret::from(Vec::with_capacity(w.len() + 1 + x.len()));
        z.extend_from_slice(w);
        z.push(*u);
        z.extend_from_slice(x);
        let (a, b, c) = self
            .shape
            .multiply_vec(&z)
            .map_err(|_| RelationError::Length)?;
        Ok(Products {
            a: a.into(),
            b: b.into(),
            c: c.into(),
        })
    }

    /// The error with which a witness satisfies an instance's scalar and public inputs.
    ///
    /// # Panics
    /// When they have other lengths than the relation.
    pub fn error_of(&self, instance: &Instance<E>, w: &[E::Scalar]) -> Secret<E::Scalar> {
        let products = self.products(w, &instance.u, &instance.x);
        let products = products.expect("lengths of the relation");
        products.error(&instance.u)
    }

    /// The products of a running instance.
    pub(crate) fn running_products(
        &self,
        instance: &Instance<E>,
        witness: &Witness<E>,
    ) -> Result<Products<E>, RelationError> {
        self.products(&witness.w, &instance.u, &instance.x)
    }

    /// Computes and commits to what folding these values with scalar 1 into the running instance
    /// needs.
    pub(crate) fn incoming(
        &self,
        u: &E::Scalar,
        running: &Products<E>,
        values: &Values<E::Scalar>,
    ) -> Result<Incoming<E>, RelationError> {
        self.check_lengths(&values.inputs, &values.witness)?;
        let [a, b, c] = values.products.clone();
        if a.len() != self.shape.num_cons() {
            return Err(RelationError::Length);
        }
        let products = Products { a, b, c };
        let cross = running.cross_term(u, &products, &E::Scalar::ONE);
        let blind = E::Scalar::random(&mut OsRng);
        let commitment = self.commit(&values.witness, &cross, &blind);
        Ok(Incoming {
            products,
            cross,
            blind,
            commitment,
        })
    }

    /// A random satisfying instance with the cross term of folding it into `instance`.
    ///
    /// # Errors
    /// When the instance or witness have other lengths than the relation.
    pub fn random(
        &self,
        instance: &Instance<E>,
        witness: &Witness<E>,
    ) -> Result<Random<E>, RelationError> {
        self.check_lengths(&instance.x, &witness.w)?;
        let scalars = |count: usize| -> Vec<E::Scalar> {
            (0..count)
                .into_par_iter()
                .map(|_| E::Scalar::random(&mut OsRng))
                .collect()
        };
        let (w, x) = (scalars(self.shape.num_vars()), scalars(self.shape.num_io()));
        let u = E::Scalar::random(&mut OsRng);
        let products = self.products(&w, &u, &x)?;
        let error = products.error(&u);
        let running = self.running_products(instance, witness)?;
        let cross = running.cross_term(&instance.u, &products, &u);
        let blinds = (E::Scalar::random(&mut OsRng), E::Scalar::random(&mut OsRng));
        let (witness_commitment, error_commitment) = rayon::join(
            || self.commit(&w, &cross, &blinds.0),
            || self.commit(&[], &error, &blinds.1),
        );
        Ok(Random {
            witness_commitment,
            error_commitment,
            u,
            x,
            w: w.into(),
            cross,
            error,
            blinds,
        })
    }
}

/// A strict instance folded into a random one: what can be proven of it in the open.
pub struct BlindedStrict<E: Engine> {
    /// To the strict instance's witness and the cross term.
    pub commitment: Commitment<E>,
    /// The random instance, a relaxed one.
    pub random: Instance<E>,
    /// The fold.
    pub instance: Instance<E>,
    /// Its witness: uniform, but for the error, which follows from it.
    pub witness: Witness<E>,
}

impl<E: Engine> fmt::Debug for BlindedStrict<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlindedStrict").finish_non_exhaustive()
    }
}

impl<E: Engine> Relation<E> {
    /// Folds values with scalar 1 and error 0 into a random relaxed instance; `challenge` is drawn
    /// from the commitment to the values and from the random instance.
    ///
    /// The random instance is the running one, as in Nova, and not the other way around: what shows
    /// that the values make every row 0 is the square term in the challenge, which no commitment
    /// enters. ([`Instance::blind`] would show that they do with some error.)
    ///
    /// # Errors
    /// When the values have other lengths than the relation, and those of `challenge`.
    pub fn blinded_strict<X: From<RelationError>>(
        &self,
        values: &Values<E::Scalar>,
        challenge: impl FnOnce(&Commitment<E>, &Instance<E>) -> Result<E::Scalar, X>,
    ) -> Result<BlindedStrict<E>, X> {
        let scalars = |count: usize| -> Vec<E::Scalar> {
            (0..count).map(|_| E::Scalar::random(&mut OsRng)).collect()
        };
        let (w, x) = (scalars(self.shape.num_vars()), scalars(self.shape.num_io()));
        let u = E::Scalar::random(&mut OsRng);
        let mut products = self.products(&w, &u, &x)?;
        let mut witness = Witness {
            e: products.error(&u),
            w: w.into(),
            blind: E::Scalar::random(&mut OsRng),
        };
        let random = Instance {
            commitment: self.commit(&witness.w, &witness.e, &witness.blind),
            u,
            x,
        };
        let incoming = self.incoming(&u, &products, values)?;
        let rho = challenge(&incoming.commitment, &random)?;
        witness.fold(&mut products, &rho, &values.witness, &incoming);
        Ok(BlindedStrict {
            commitment: incoming.commitment,
            instance: random.fold(&rho, &values.inputs, &incoming.commitment),
            random,
            witness,
        })
    }
}

impl Relation<nova_snark::provider::GrumpkinEngine> {
    /// The generator that blindings are multiplied by.
    pub fn blinding_generator(&self) -> halo2curves::grumpkin::G1Affine {
        let one = <Ce<nova_snark::provider::GrumpkinEngine> as CommitmentEngineTrait<_>>::commit(
            &self.key,
            &[],
            &Field::ONE,
        );
        let (x, y) = coordinates::<nova_snark::provider::GrumpkinEngine>(&one);
        halo2curves::grumpkin::G1Affine { x, y }
    }
}

impl<E: Engine> Products<E> {
    /// `A z * B z - u C z`.
    pub(crate) fn error(&self, u: &E::Scalar) -> Secret<E::Scalar> {
        let error: Vec<E::Scalar> = (&*self.a, &*self.b, &*self.c)
            .into_par_iter()
            .map(|(a, b, c)| *a * b - *u * c)
            .collect();
        error.into()
    }

    /// Whether `A z * B z - u C z` is `e` (or 0).
    fn satisfy(&self, u: &E::Scalar, e: Option<&[E::Scalar]>) -> bool {
        let error = self.error(u);
        match e {
            Some(e) => **error == *e,
            None => error.iter().all(|value| *value == E::Scalar::ZERO),
        }
    }

    /// `A z_1 * B z_2 + A z_2 * B z_1 - u_1 C z_2 - u_2 C z_1`.
    fn cross_term(&self, u: &E::Scalar, other: &Self, other_u: &E::Scalar) -> Secret<E::Scalar> {
        let cross: Vec<E::Scalar> = (0..self.a.len())
            .into_par_iter()
            .map(|i| {
                self.a[i] * other.b[i] + other.a[i] * self.b[i]
                    - *u * other.c[i]
                    - *other_u * self.c[i]
            })
            .collect();
        cross.into()
    }

    fn add_scaled(&mut self, other: &Self, scale: &E::Scalar) {
        add_scaled(&mut self.a, &other.a, scale);
        add_scaled(&mut self.b, &other.b, scale);
        add_scaled(&mut self.c, &other.c, scale);
    }
}

impl<E: Engine> Instance<E> {
    /// Folds an incoming instance (scalar 1) with this commitment to its witness and cross term.
    pub fn fold(&self, rho: &E::Scalar, x: &[E::Scalar], commitment: &Commitment<E>) -> Self {
        let mut folded = self.clone();
        folded.commitment = folded.commitment + *commitment * *rho;
        folded.u += *rho;
        add_scaled(&mut folded.x, x, rho);
        folded
    }

    /// Folds a random instance into a relaxed one: `commitment' = commitment + rho Com(W || T) + rho^2 Com(0 || E)`.
    ///
    /// For soundness only the constant term in rho counts, which says that the running instance is
    /// satisfied, **with whatever error its commitment holds**: of a strict instance this shows nothing
    /// (see [`Relation::blinded_strict`]); whatever the two commitments hold, the relation has degree 4 in rho at most, and
    /// five roots make that term zero.
    pub fn blind(
        &self,
        rho: &E::Scalar,
        witness_commitment: &Commitment<E>,
        error_commitment: &Commitment<E>,
        u: &E::Scalar,
        x: &[E::Scalar],
    ) -> Self {
        let mut folded = self.clone();
        folded.commitment =
            folded.commitment + *witness_commitment * *rho + *error_commitment * (*rho * *rho);
        folded.u += *rho * *u;
        add_scaled(&mut folded.x, x, rho);
        folded
    }
}

impl<E: Engine> Witness<E> {
    /// Folds an incoming witness and its cross term; the products too.
    pub(crate) fn fold(
        &mut self,
        products: &mut Products<E>,
        rho: &E::Scalar,
        w: &[E::Scalar],
        incoming: &Incoming<E>,
    ) {
        add_scaled(&mut self.w, w, rho);
        add_scaled(&mut self.e, &incoming.cross, rho);
        self.blind += *rho * incoming.blind;
        products.add_scaled(&incoming.products, rho);
    }

    /// Folds a random instance's witness.
    pub fn blind(&self, rho: &E::Scalar, random: &Random<E>) -> Self {
        let square = *rho * *rho;
        let mut folded = self.clone();
        add_scaled(&mut folded.w, &random.w, rho);
        add_scaled(&mut folded.e, &random.cross, rho);
        add_scaled(&mut folded.e, &random.error, &square);
        folded.blind += *rho * random.blinds.0 + square * random.blinds.1;
        folded
    }
}

/// `vector += scale * other`; both have one length.
fn add_scaled<F: Field>(vector: &mut [F], other: &[F], scale: &F) {
    assert_eq!(vector.len(), other.len(), "lengths were checked before");
    vector
        .par_iter_mut()
        .zip(other)
        .for_each(|(a, b)| *a += *scale * b);
}

/// The coordinates of a commitment; infinity is (0, 0).
pub fn coordinates<E: Engine>(commitment: &Commitment<E>) -> (E::Base, E::Base) {
    let (x, y, infinite) = commitment.to_coordinates();
    if infinite {
        return (E::Base::ZERO, E::Base::ZERO);
    }
    (x, y)
}

/// The elements that a commitment on BN254 is hashed as.
pub fn packed(commitment: &Commitment<Primary>) -> [Fr; PACKED_POINT] {
    pack(&point_limbs(&coordinates::<Primary>(commitment)))
}
