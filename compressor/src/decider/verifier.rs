//! Verification of a decider proof, step by step as the contract does it.
//!
//! Two foldings are the last: of the last step's witness with the one that was folded before it,
//! and of a random witness with what that gives. UC is the commitment to the witness before the
//! last step. Of what is folded with it only the differences are committed to, which is all that a
//! verifier needs: DN to the last step's witness less UC, DR to the random witness less what is
//! folded by then, UC + r1 DN. Folded:
//! ```text
//! F = UC + r1 DN + r2 DR,    F - b h = sum_j W_j [tau^j]_1
//! ```
//! What contract and circuit agree on is a vector v ([`DeciderStatement::v`]): the states before
//! and after, r1, r2, the three points and the results. The circuit's instance is three elements
//! and D, the commitment to its own v:
//! ```text
//! c   = keccak256(domain, D, v) mod r        the challenge
//! e_v = sum_j v_j c^j                        the circuit computes it too: its v is this one
//! e   = sum_j W_j c^j                        the same for the folded witness
//! e(A, B) = e(alpha, beta) e(IC(c, e_v, e), [1]_2) e(D, gamma') e(C, delta)
//! ```
//! and the opening `pi` shows that F is the commitment to W:
//! ```text
//! K = F - b h - e [1]_1 + c pi,     e(K, [1]_2) = e(pi, [tau]_2)
//! ```
//! Both equations are one product, the second to the power of t, a hash of all that they consist
//! of:
//! ```text
//! e(-A, B) e(alpha, beta) e(IC + t K, [1]_2) e(D, gamma') e(C, delta) e(-t pi, [tau]_2) = 1
//! ```
//! Accepted proofs are not unique: anybody can re-randomize A, B and C. What a proof states, all of
//! it, is the [`DeciderStatement`].

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{pairing::Pairing, AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInt, PrimeField, Zero};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use maci_nova_groth16::{
    convert::ToArk,
    valid_g1, valid_g2,
    words::{g1_words, g2_words, word, NotCanonical, Words, WORD},
    Proof, VerifyingKey,
};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_step_circuit::ARITY;
use sha3::{Digest, Keccak256};

/// The elements of v before the results.
pub const FIXED: usize = 27;

/// Public inputs of the circuit: c, e_v, e.
const PUBLIC_INPUTS: usize = 3;

/// The low bits of a coordinate, which are an element of v.
const LOW_BITS: u32 = 170;

/// Where the second coordinate's high bits begin in the element that both share. There are 84 of
/// each.
const HIGH_BITS: u32 = 85;

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeciderError {
    /// The proof is not 22 words long.
    #[error("the proof has {0} bytes, not {len}", len = DeciderProof::BYTES)]
    Length(usize),
    /// This word is not below its modulus.
    #[error("word {0} of the proof is not below the modulus")]
    NotCanonical(usize),
    /// The point that begins with this word is not of its group.
    #[error("the point at word {0} of the proof is not of its group")]
    Point(usize),
    /// The key is not one of a decider.
    #[error("the key is not one of a decider: it needs three public inputs, points of their groups, and different ones of G2")]
    Key,
    /// The equation does not hold: the proof is false or is for another statement.
    #[error("the proof is false")]
    False,
}

impl From<NotCanonical> for DeciderError {
    fn from(NotCanonical(word): NotCanonical) -> Self {
        DeciderError::NotCanonical(word)
    }
}

/// What verifies the proofs of a shape.
#[derive(Clone, Debug, PartialEq, Eq, CanonicalSerialize, CanonicalDeserialize)]
pub struct DeciderKey {
    /// The circuit's, with public inputs c, e_v and e.
    pub groth16: VerifyingKey,
    /// `[tau]_2` of the commitments.
    pub tau_2: G2Affine,
    /// The commitments' base for blinding.
    pub h: G1Affine,
}

/// What a proof states; the verifier has all of it from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeciderStatement {
    /// What the proof is bound to besides: where it is verified, which poll.
    pub domain: [u8; 32],
    /// The state before the first step, or a link to it ([`super::end`]).
    pub z0: [maci_nova_step_circuit::Fr; ARITY],
    /// The state after the last, or a link to it.
    pub z: [maci_nova_step_circuit::Fr; ARITY],
    /// The result of each option of the poll. Their number is not checked here: trailing options
    /// without votes may be left out or added by who makes the proof.
    pub results: Vec<OptionResult>,
}

/// The commitments and challenges of the last two foldings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// UC: the commitment to the witness before the last step.
    pub uc: G1Affine,
    /// DN: the one to the last step's witness, less UC.
    pub dn: G1Affine,
    /// DR: the one to the random witness, less UC + r1 DN.
    pub dr: G1Affine,
    /// The challenge of the last step's folding.
    pub r1: Fr,
    /// The challenge of the folding with the random witness.
    pub r2: Fr,
}

/// A proof: 22 words of 32 bytes, big endian. Infinity is (0, 0).
#[derive(Clone, Debug, PartialEq)]
pub struct DeciderProof {
    /// What F is made of.
    pub fold: Fold,
    /// D: the commitment to the circuit's v.
    pub d: G1Affine,
    /// A, B and C.
    pub groth16: Proof,
    /// e: the value of W at c.
    pub e: Fr,
    /// b: F's blinding.
    pub blind: Fr,
    /// pi: the opening of F.
    pub opening: G1Affine,
}

impl DeciderStatement {
    /// Everything that contract and circuit agree on, `27 + 2n` elements for n options:
    /// ```text
    /// z0[0..8], z[0..8], r1, r2,
    /// of UC, DN, DR each: x mod 2^170, y mod 2^170, (x >> 170) + 2^85 (y >> 170),
    /// of each option: votes (r - |votes| if negative), spent
    /// ```
    pub fn v(&self, fold: &Fold) -> Vec<Fr> {
        let states = self.z0.iter().chain(&self.z).map(ToArk::to_ark);
        let points = [&fold.uc, &fold.dn, &fold.dr];
        let results = self.results.iter();
        states
            .chain([fold.r1, fold.r2])
            .chain(points.into_iter().flat_map(packed))
            .chain(results.flat_map(|result| [Fr::from(result.votes), Fr::from(result.spent)]))
            .collect()
    }

    /// `c = keccak256(domain, D.x, D.y, v_0, v_1, ...) mod r`.
    pub fn challenge(&self, d: &G1Affine, v: &[Fr]) -> Fr {
        let mut hash = Keccak256::new();
        hash.update(self.domain);
        absorb_g1(&mut hash, d);
        v.iter().for_each(|element| absorb(&mut hash, element));
        finish(hash)
    }
}

/// `e_v = sum_j v_j c^j`.
pub fn evaluate(v: &[Fr], c: &Fr) -> Fr {
    v.iter().rev().fold(Fr::ZERO, |sum, value| sum * c + value)
}

/// A point in three elements.
fn packed(point: &G1Affine) -> [Fr; 3] {
    let [x, y] = [point.x, point.y].map(split);
    let high = Fr::from(x.1) + Fr::from(y.1) * Fr::from(1_u128 << HIGH_BITS);
    [x.0, y.0, high]
}

/// A coordinate mod 2^170, and what is above.
fn split(coordinate: Fq) -> (Fr, u128) {
    const BITS: u32 = LOW_BITS - 2 * u64::BITS;
    let [l0, l1, l2, l3] = coordinate.into_bigint().0;
    let low = BigInt::new([l0, l1, l2 & ((1 << BITS) - 1), 0]);
    let high = u128::from(l2 >> BITS) | u128::from(l3) << (u64::BITS - BITS);
    let low = Fr::from_bigint(low).expect("2^170 is below the modulus");
    (low, high)
}

impl Fold {
    /// `F = UC + r1 DN + r2 DR`.
    pub fn commitment(&self) -> G1Projective {
        self.dn * self.r1 + self.dr * self.r2 + self.uc
    }
}

/// What is derived from a statement and its proof.
#[derive(Clone, Copy)]
pub(super) struct Challenges {
    pub(super) c: Fr,
    pub(super) e_v: Fr,
    pub(super) t: Fr,
}

impl Challenges {
    fn new(statement: &DeciderStatement, proof: &DeciderProof) -> Self {
        let v = statement.v(&proof.fold);
        let c = statement.challenge(&proof.d, &v);
        Self::of(c, &v, proof)
    }

    pub(super) fn of(c: Fr, v: &[Fr], proof: &DeciderProof) -> Self {
        Challenges {
            c,
            e_v: evaluate(v, &c),
            t: proof.batching(&c),
        }
    }
}

/// Verifies that the proof is one for the statement.
///
/// # Errors
/// See [`DeciderError`].
pub fn verify(
    key: &DeciderKey,
    statement: &DeciderStatement,
    proof: &DeciderProof,
) -> Result<(), DeciderError> {
    key.check()?;
    equations(key, statement, proof)
}

/// Everything but the check of the key.
pub(super) fn equations(
    key: &DeciderKey,
    statement: &DeciderStatement,
    proof: &DeciderProof,
) -> Result<(), DeciderError> {
    proof.check_points()?;
    match holds(key, &Challenges::new(statement, proof), proof)? {
        true => Ok(()),
        false => Err(DeciderError::False),
    }
}

impl DeciderKey {
    /// What the contract's constructor checks too: no point is infinite or outside its group, and
    /// the points of G2 have different trapdoors, up to sign.
    fn check(&self) -> Result<(), DeciderError> {
        let VerifyingKey {
            alpha,
            beta,
            gamma_prime,
            delta,
            ic,
        } = &self.groth16;
        let mut g1 = ic.iter().chain([alpha, &self.h]);
        let generator = G2Affine::generator();
        let g2 = [beta, gamma_prime, delta, &self.tau_2, &generator];
        let sound = ic.len() == PUBLIC_INPUTS + 1
            && g1.all(|point| !point.is_zero() && valid_g1(point))
            && g2.iter().all(|point| !point.is_zero() && valid_g2(point))
            && (1..g2.len()).all(|i| g2[..i].iter().all(|other| other.x != g2[i].x));
        sound.then_some(()).ok_or(DeciderError::Key)
    }
}

/// Whether the product is one.
pub(super) fn holds(
    key: &DeciderKey,
    challenges: &Challenges,
    proof: &DeciderProof,
) -> Result<bool, DeciderError> {
    let Challenges { c, e_v, t } = *challenges;
    let instance = key.groth16.instance(&[c, e_v, proof.e]);
    let instance = instance.ok_or(DeciderError::Key)?;
    let Proof { a, b, c: last } = proof.groth16;
    let generator = G1Affine::generator();
    // K = F - b h - e [1]_1 + c pi
    let opened = proof.fold.commitment() - key.h * proof.blind - generator * proof.e;
    let k = opened + proof.opening * c;
    let left = [
        (-a).into_group(),
        key.groth16.alpha.into_group(),
        instance + k * t,
        proof.d.into_group(),
        last.into_group(),
        proof.opening * -t,
    ];
    let right = [
        b,
        key.groth16.beta,
        G2Affine::generator(),
        key.groth16.gamma_prime,
        key.groth16.delta,
        key.tau_2,
    ];
    let left = left.map(CurveGroup::into_affine);
    Ok(Bn254::multi_pairing(left, right).is_zero())
}

impl DeciderProof {
    /// The words of a proof.
    pub const WORDS: usize = 22;

    /// The bytes of a proof.
    pub const BYTES: usize = Self::WORDS * WORD;

    /// The proof as calldata:
    /// ```text
    /// UC DN DR (two words each) r1 r2 D(2) pA(2) pB(x.c1 x.c0 y.c1 y.c0) pC(2) e b pi(2)
    /// ```
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let Fold { uc, dn, dr, r1, r2 } = &self.fold;
        let mut all = Vec::with_capacity(Self::BYTES);
        [uc, dn, dr]
            .iter()
            .for_each(|point| push_g1(&mut all, point));
        [r1, r2].iter().for_each(|scalar| all.extend(word(*scalar)));
        push_g1(&mut all, &self.d);
        push_g1(&mut all, &self.groth16.a);
        all.extend(g2_words(&self.groth16.b).concat());
        push_g1(&mut all, &self.groth16.c);
        all.extend(word(&self.e));
        all.extend(word(&self.blind));
        push_g1(&mut all, &self.opening);
        all.try_into().expect("22 words")
    }

    /// Reads calldata. Every word is below its modulus, every point of its group.
    ///
    /// # Errors
    /// See [`DeciderError`]; no bytes cause a panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DeciderError> {
        if bytes.len() != Self::BYTES {
            return Err(DeciderError::Length(bytes.len()));
        }
        let mut words = Words::new(bytes);
        let [uc, dn, dr] = [words.g1()?, words.g1()?, words.g1()?];
        let [r1, r2] = [words.element()?, words.element()?];
        let proof = DeciderProof {
            fold: Fold { uc, dn, dr, r1, r2 },
            d: words.g1()?,
            groth16: Proof {
                a: words.g1()?,
                b: words.g2()?,
                c: words.g1()?,
            },
            e: words.element()?,
            blind: words.element()?,
            opening: words.g1()?,
        };
        proof.check_points()?;
        Ok(proof)
    }

    fn check_points(&self) -> Result<(), DeciderError> {
        let Fold { uc, dn, dr, .. } = &self.fold;
        let proof = &self.groth16;
        let points = [
            (0, uc),
            (2, dn),
            (4, dr),
            (8, &self.d),
            (10, &proof.a),
            (16, &proof.c),
            (20, &self.opening),
        ];
        match points.iter().find(|(_, point)| !valid_g1(point)) {
            Some((word, _)) => Err(DeciderError::Point(*word)),
            None if !valid_g2(&proof.b) => Err(DeciderError::Point(12)),
            None => Ok(()),
        }
    }

    /// `t = keccak256(c, e, b, pA, pB, pC, pi) mod r`. F, D and IC follow from c, which is a hash
    /// of what they are made of.
    fn batching(&self, c: &Fr) -> Fr {
        let mut hash = Keccak256::new();
        [c, &self.e, &self.blind]
            .into_iter()
            .for_each(|scalar| absorb(&mut hash, scalar));
        absorb_g1(&mut hash, &self.groth16.a);
        g2_words(&self.groth16.b)
            .iter()
            .for_each(|word| hash.update(word));
        absorb_g1(&mut hash, &self.groth16.c);
        absorb_g1(&mut hash, &self.opening);
        finish(hash)
    }
}

fn push_g1(all: &mut Vec<u8>, point: &G1Affine) {
    all.extend(g1_words(point).concat());
}

fn absorb<F: PrimeField<BigInt = BigInt<4>>>(hash: &mut Keccak256, element: &F) {
    hash.update(word(element));
}

fn absorb_g1(hash: &mut Keccak256, point: &G1Affine) {
    absorb(hash, &point.x);
    absorb(hash, &point.y);
}

fn finish(hash: Keccak256) -> Fr {
    Fr::from_be_bytes_mod_order(&hash.finalize())
}

#[cfg(test)]
mod tests;
