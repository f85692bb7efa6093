//! Keys, proofs, and the two equations.

use core::fmt;

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{pairing::Pairing, AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{Field, UniformRand, Zero};
use ark_groth16::{r1cs_to_qap::LibsnarkReduction, Groth16};
use ark_relations::gr1cs::SynthesisError;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rand_chacha::ChaCha20Rng;
use rand_core::{OsRng, RngCore, SeedableRng};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::adapter::{Adapter, Assignment, Matrices};
use crate::multiples::sum;
use crate::quotient::quotient;

type Engine = Groth16<Bn254, LibsnarkReduction>;

/// The library's own: no committed part.
pub type PlainVerifyingKey = ark_groth16::VerifyingKey<Bn254>;

/// A, B and C.
pub type Proof = ark_groth16::Proof<Bn254>;

/// Everything that must be forgotten after a setup. Zeroed when dropped; copies that the generator
/// makes meanwhile cannot be reached.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Trapdoors {
    alpha: Fr,
    beta: Fr,
    delta: Fr,
    /// The committed part's own.
    rho: Fr,
    /// What the point x is drawn from.
    seed: [u8; 32],
}

impl Trapdoors {
    /// INSECURE: trapdoors from this machine's randomness, for development. Whoever runs this could
    /// keep them and then prove anything.
    pub fn insecure_development() -> Self {
        let mut seed = [0; 32];
        OsRng.fill_bytes(&mut seed);
        Trapdoors {
            alpha: nonzero(),
            beta: nonzero(),
            delta: nonzero(),
            rho: nonzero(),
            seed,
        }
    }
}

/// Trapdoors that a test knows.
#[cfg(any(test, feature = "testing"))]
impl Trapdoors {
    /// These, and x as [`Trapdoors::point`] has it of the seed.
    pub fn known([alpha, beta, delta, rho]: [Fr; 4], seed: [u8; 32]) -> Self {
        Trapdoors {
            alpha,
            beta,
            delta,
            rho,
            seed,
        }
    }

    /// What the generator draws for x, over a domain of so many rows.
    pub fn point(seed: [u8; 32], domain: usize) -> Fr {
        use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
        let domain = Radix2EvaluationDomain::<Fr>::new(domain).expect("a domain");
        domain.sample_element_outside_domain(&mut ChaCha20Rng::from_seed(seed))
    }
}

impl fmt::Debug for Trapdoors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

fn nonzero() -> Fr {
    loop {
        let element = Fr::rand(&mut OsRng);
        if !element.is_zero() {
            return element;
        }
    }
}

/// What verifies proofs.
#[derive(Clone, Debug, PartialEq, Eq, CanonicalSerialize, CanonicalDeserialize)]
pub struct VerifyingKey {
    /// `[alpha]_1`.
    pub alpha: G1Affine,
    /// `[beta]_2`.
    pub beta: G2Affine,
    /// `[rho]_2`: the committed part's.
    pub gamma_prime: G2Affine,
    /// `[delta]_2`.
    pub delta: G2Affine,
    /// The bases of 1 and of the public variables.
    pub ic: Vec<G1Affine>,
}

impl VerifyingKey {
    /// As the library has it where nothing is committed to: gamma is the generator.
    pub fn plain(&self) -> PlainVerifyingKey {
        PlainVerifyingKey {
            alpha_g1: self.alpha,
            beta_g2: self.beta,
            gamma_g2: G2Affine::generator(),
            delta_g2: self.delta,
            gamma_abc_g1: self.ic.clone(),
        }
    }

    /// `IC(publics) = IC_0 + sum_i pub_i IC_(i+1)`; `None` when there are not as many publics.
    pub fn instance(&self, publics: &[Fr]) -> Option<G1Projective> {
        let (constant, bases) = self.ic.split_first()?;
        if bases.len() != publics.len() {
            return None;
        }
        let terms = bases.iter().zip(publics).map(|(base, value)| *base * value);
        Some(terms.sum::<G1Projective>() + constant)
    }
}

/// What makes proofs.
#[derive(Clone, PartialEq)]
pub struct ProvingKey {
    /// Names the ceremony that the key says it comes from.
    pub(crate) ceremony: Option<[u8; 32]>,
    pub(crate) verifying: VerifyingKey,
    /// Bases of D: `[y_i / rho]_1`.
    pub(crate) committed: Vec<G1Affine>,
    /// The library's key, without bases of committed variables.
    pub(crate) inner: ark_groth16::ProvingKey<Bn254>,
    /// Digest of the circuit.
    pub(crate) matrices: [u8; 32],
}

/// Why no key can be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The circuit does not have as many instance variables.
    #[error("{publics} public variables of {instance} instance variables, the one included")]
    Publics {
        /// Public variables asked for.
        publics: usize,
        /// The circuit's instance variables.
        instance: usize,
    },
    /// There are more points of a kind than the circuit needs, or fewer.
    #[error("the points are not as many as the circuit needs")]
    Lengths,
    /// The generator refused the circuit.
    #[error("the circuit is refused: {0}")]
    Circuit(#[from] SynthesisError),
}

/// Why no proof can be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// Key, circuit and values are not of one size.
    #[error("the key, the circuit and the values do not belong together")]
    Size,
    /// The values violate this constraint.
    #[error("the values violate constraint {0}")]
    Unsatisfied(usize),
    /// The prover failed.
    #[error("the proof cannot be made: {0}")]
    Circuit(#[from] SynthesisError),
}

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There are not as many public values as the key has bases.
    #[error("not the key's number of public values")]
    Publics,
    /// A point is not of the group.
    #[error("a point is not of the group")]
    Point,
    /// The equation does not hold.
    #[error("the proof is false")]
    False,
}

/// Makes the keys of a circuit whose instance variables are 1, `publics` public ones, and committed
/// ones.
///
/// # Errors
/// See [`SetupError`].
pub fn setup(
    matrices: &Matrices,
    publics: usize,
    trapdoors: Trapdoors,
) -> Result<ProvingKey, SetupError> {
    let (one, instance) = (Fr::ONE, matrices.instance());
    if publics >= instance {
        return Err(SetupError::Publics { publics, instance });
    }
    let mut inner = Engine::generate_parameters_with_qap(
        Adapter::blank(matrices),
        trapdoors.alpha,
        trapdoors.beta,
        one,
        trapdoors.delta,
        G1Projective::generator(),
        G2Projective::generator(),
        &mut ChaCha20Rng::from_seed(trapdoors.seed),
    )?;
    let mut ic = core::mem::take(&mut inner.vk.gamma_abc_g1);
    let mut committed = ic.split_off(publics + 1);
    divide(&mut committed, &trapdoors.rho);
    inner.vk.gamma_abc_g1.clone_from(&ic);
    let verifying = VerifyingKey {
        alpha: inner.vk.alpha_g1,
        beta: inner.vk.beta_g2,
        gamma_prime: (G2Projective::generator() * trapdoors.rho).into_affine(),
        delta: inner.vk.delta_g2,
        ic,
    };
    Ok(ProvingKey {
        // This process has known the trapdoors.
        ceremony: None,
        verifying,
        committed,
        inner,
        matrices: matrices.digest(),
    })
}

/// Replaces `[y]_1` by `[y / rho]_1`. The originals go: with them D could be made for rho = 1.
fn divide(bases: &mut [G1Affine], rho: &Fr) {
    let inverse = Zeroizing::new(rho.inverse().expect("trapdoors are not 0"));
    let divided: Vec<_> = bases.iter().map(|base| *base * *inverse).collect();
    bases.copy_from_slice(&G1Projective::normalize_batch(&divided));
}

/// The points of a proving key, as a ceremony has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyParts {
    /// `[alpha]_1`.
    pub alpha_1: G1Affine,
    /// `[beta]_1`.
    pub beta_1: G1Affine,
    /// `[beta]_2`.
    pub beta_2: G2Affine,
    /// `[delta]_1`.
    pub delta_1: G1Affine,
    /// `[delta]_2`.
    pub delta_2: G2Affine,
    /// `[rho]_2`; the generator where nothing is committed to.
    pub gamma_prime: G2Affine,
    /// `[y_i]_1` of 1 and of the public variables.
    pub ic: Vec<G1Affine>,
    /// `[y_i / rho]_1` of the committed ones.
    pub committed: Vec<G1Affine>,
    /// `[u_i(x)]_1` of all variables.
    pub a: Vec<G1Affine>,
    /// `[v_i(x)]_1`.
    pub b_1: Vec<G1Affine>,
    /// `[v_i(x)]_2`.
    pub b_2: Vec<G2Affine>,
    /// `[x^j Z(x) / delta]_1`.
    pub h: Vec<G1Affine>,
    /// `[y_i / delta]_1` of the witness.
    pub l: Vec<G1Affine>,
}

impl ProvingKey {
    /// The key that a ceremony has made for a circuit, `transcript` being the hash that names it. That its points belong to the
    /// circuit, and that nobody knows the trapdoors, is what whoever made it has verified.
    ///
    /// # Errors
    /// [`SetupError::Lengths`] when there are not as many points of each kind as the circuit needs.
    pub fn of_ceremony(
        matrices: &Matrices,
        parts: KeyParts,
        transcript: [u8; 32],
    ) -> Result<Self, SetupError> {
        let vk = PlainVerifyingKey {
            alpha_g1: parts.alpha_1,
            beta_g2: parts.beta_2,
            gamma_g2: G2Affine::generator(),
            delta_g2: parts.delta_2,
            gamma_abc_g1: parts.ic.clone(),
        };
        let key = ProvingKey {
            ceremony: Some(transcript),
            verifying: VerifyingKey {
                alpha: parts.alpha_1,
                beta: parts.beta_2,
                gamma_prime: parts.gamma_prime,
                delta: parts.delta_2,
                ic: parts.ic,
            },
            committed: parts.committed,
            inner: ark_groth16::ProvingKey {
                vk,
                beta_g1: parts.beta_1,
                delta_g1: parts.delta_1,
                a_query: parts.a,
                b_g1_query: parts.b_1,
                b_g2_query: parts.b_2,
                h_query: parts.h,
                l_query: parts.l,
            },
            matrices: matrices.digest(),
        };
        match key.fits(matrices) {
            true => Ok(key),
            false => Err(SetupError::Lengths),
        }
    }

    /// Its points, for tests that compare them.
    #[cfg(any(test, feature = "testing"))]
    pub fn parts(&self) -> KeyParts {
        KeyParts {
            alpha_1: self.inner.vk.alpha_g1,
            beta_1: self.inner.beta_g1,
            beta_2: self.inner.vk.beta_g2,
            delta_1: self.inner.delta_g1,
            delta_2: self.inner.vk.delta_g2,
            gamma_prime: self.verifying.gamma_prime,
            ic: self.verifying.ic.clone(),
            committed: self.committed.clone(),
            a: self.inner.a_query.clone(),
            b_1: self.inner.b_g1_query.clone(),
            b_2: self.inner.b_g2_query.clone(),
            h: self.inner.h_query.clone(),
            l: self.inner.l_query.clone(),
        }
    }

    /// What verifies its proofs.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The ceremony that it says it comes from, by its transcript's hash; none for a key that one process made. Whoever can
    /// write a key's file can write this: whether the key is the ceremony's, its verifying key tells.
    pub fn ceremony(&self) -> Option<[u8; 32]> {
        self.ceremony
    }

    /// What verifies its proofs with `e(A, B) = e(alpha, beta) e(IC(publics), gamma) e(C, delta)`;
    /// `None` when there are committed variables.
    pub fn plain(&self) -> Option<&PlainVerifyingKey> {
        self.committed.is_empty().then_some(&self.inner.vk)
    }

    /// The number of committed variables.
    pub fn committed(&self) -> usize {
        self.committed.len()
    }

    /// Digest of the circuit that it belongs to, [`Matrices::digest`].
    pub fn matrices_digest(&self) -> [u8; 32] {
        self.matrices
    }

    /// `D = sum_i a_i [y_i / rho]_1`; it does not hide the values.
    ///
    /// # Errors
    /// [`ProveError::Size`] when there are not as many values as committed variables.
    pub fn commit(&self, values: &[Fr]) -> Result<G1Affine, ProveError> {
        if values.len() != self.committed.len() {
            return Err(ProveError::Size);
        }
        G1Projective::msm(&self.committed, values)
            .map(CurveGroup::into_affine)
            .map_err(|_| ProveError::Size)
    }
}

impl fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvingKey")
            .field("ceremony", &self.ceremony)
            .field("verifying", &self.verifying)
            .field("committed", &self.committed.len())
            .finish_non_exhaustive()
    }
}

/// Proves that values satisfy the circuit. Equal values give another proof each time: A, B and C
/// are blinded with fresh randomness and show nothing of the witness.
///
/// # Errors
/// See [`ProveError`]; nothing is proven of values that violate a constraint.
pub fn prove(
    key: &ProvingKey,
    matrices: &Matrices,
    assignment: &Assignment,
) -> Result<Proof, ProveError> {
    if !key.fits(matrices) || !matrices.fits(assignment) {
        return Err(ProveError::Size);
    }
    if let Some(constraint) = matrices.violated(assignment) {
        return Err(ProveError::Unsatisfied(constraint));
    }
    prove_unchecked(key, matrices, assignment)
}

/// The prover itself: of values that violate a constraint it makes a false proof. The key, the
/// circuit and the values are of one size.
pub(crate) fn prove_unchecked(
    key: &ProvingKey,
    matrices: &Matrices,
    assignment: &Assignment,
) -> Result<Proof, ProveError> {
    let [r, s] = [(); 2].map(|()| Zeroizing::new(Fr::rand(&mut OsRng)));
    Ok(prove_blinded(key, matrices, assignment, &r, &s)?)
}

/// With the values z of all variables and the quotient h:
/// ```text
/// A = [alpha + sum_i z_i u_i(x) + r delta]_1
/// B = [beta  + sum_i z_i v_i(x) + s delta]_2
/// C = [(sum_i z_i y_i over the witness + h(x) Z(x)) / delta + s A + r B - r s delta]_1
/// ```
/// as the library has it, which takes twice the memory beside the key.
fn prove_blinded(
    key: &ProvingKey,
    matrices: &Matrices,
    assignment: &Assignment,
    r: &Fr,
    s: &Fr,
) -> Result<Proof, SynthesisError> {
    let (inner, z) = (&key.inner, assignment.values());
    let h = quotient(matrices, assignment)?;
    // The last coefficient is 0.
    let quotient = sum(&inner.h_query, &h[..inner.h_query.len()]);
    drop(h);
    let witness = sum(&inner.l_query, assignment.witness());
    let a = sum(&inner.a_query, z) + inner.vk.alpha_g1 + inner.delta_g1 * r;
    let b1 = sum(&inner.b_g1_query, z) + inner.beta_g1 + inner.delta_g1 * s;
    let b = sum(&inner.b_g2_query, z) + inner.vk.beta_g2 + inner.vk.delta_g2 * s;
    let c = witness + quotient + a * s + b1 * r - inner.delta_g1 * (*r * s);
    Ok(Proof {
        a: a.into_affine(),
        b: b.into_affine(),
        c: c.into_affine(),
    })
}

/// Verifies the bare equation. The publics must depend on `d`, see the [crate's
/// documentation](crate).
///
/// # Errors
/// See [`VerifyError`].
pub fn verify(
    key: &VerifyingKey,
    publics: &[Fr],
    d: &G1Affine,
    proof: &Proof,
) -> Result<(), VerifyError> {
    let instance = key.instance(publics).ok_or(VerifyError::Publics)?;
    if ![d, &proof.a, &proof.c].into_iter().all(valid_g1) || !valid_g2(&proof.b) {
        return Err(VerifyError::Point);
    }
    // e(-A, B) e(alpha, beta) e(IC(publics), [1]_2) e(D, gamma') e(C, delta) = 1
    let left = [-proof.a, key.alpha, instance.into_affine(), *d, proof.c];
    let generator = G2Affine::generator();
    let right = [proof.b, key.beta, generator, key.gamma_prime, key.delta];
    match Bn254::multi_pairing(left, right).is_zero() {
        true => Ok(()),
        false => Err(VerifyError::False),
    }
}

/// Verifies a proof of a circuit without committed variables.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify_plain(
    key: &PlainVerifyingKey,
    publics: &[Fr],
    proof: &Proof,
) -> Result<(), VerifyError> {
    // The library leaves out publics that have no base, and bases that have no public.
    if key.gamma_abc_g1.len() != publics.len() + 1 {
        return Err(VerifyError::Publics);
    }
    if ![&proof.a, &proof.c].into_iter().all(valid_g1) || !valid_g2(&proof.b) {
        return Err(VerifyError::Point);
    }
    let prepared = ark_groth16::prepare_verifying_key(key);
    match Engine::verify_proof(&prepared, proof, publics) {
        Ok(true) => Ok(()),
        _ => Err(VerifyError::False),
    }
}

/// On the curve, which is the group.
pub fn valid_g1(point: &G1Affine) -> bool {
    point.is_on_curve()
}

/// On the curve and of order r.
pub fn valid_g2(point: &G2Affine) -> bool {
    point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve()
}

/// For tests: keys as nobody may have them.
#[cfg(any(test, feature = "testing"))]
mod known {
    use super::*;

    impl Trapdoors {
        /// The committed part's trapdoor.
        pub fn rho(&self) -> Fr {
            self.rho
        }
    }

    impl ProvingKey {
        /// What the key would be if the committed part had no trapdoor of its own: rho = 1.
        ///
        /// # Panics
        /// If rho is 0.
        pub fn without_own_trapdoor(&self, rho: &Fr) -> Self {
            let mut key = self.clone();
            divide(&mut key.committed, &rho.inverse().expect("not 0"));
            key.verifying.gamma_prime = G2Affine::generator();
            key
        }

        /// Changes the bases of A.
        pub fn replace_query(&mut self, change: impl FnOnce(&mut Vec<G1Affine>)) {
            change(&mut self.inner.a_query);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
