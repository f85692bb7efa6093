//! The verifier of the final proof: its key, what it is asked, and why it refuses.

use alloy_primitives::{Address, Bytes, B256, U256};
use alloy_sol_types::{SolCall, SolConstructor, SolInterface};
use halo2curves::bn256::{Fr, G1Affine, G2Affine};
use maci_nova_chain::{Chain, ChainError, Receipt};
use thiserror::Error;

use crate::bindings::DeciderVerifier::{
    self, constructorCall, verifyCall, DeciderVerifierErrors, G1Point, G2Point, VerifyingKey,
};
use crate::words;

/// Words of a proof in calldata.
pub const PROOF_WORDS: usize = 22;

/// Elements of a state.
pub const ARITY: usize = 8;

/// The decider's verifying key. Groth16's gamma is the generator of G2 and so not part of it.
///
/// The contract's constructor refuses a key with infinity in it, and one where `beta`,
/// `gamma_prime`, `delta`, `tau` and the generator are not all different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Groth16's alpha.
    pub alpha: G1Affine,
    /// Groth16's beta.
    pub beta: G2Affine,
    /// Own trapdoor of the committed part of the witness.
    pub gamma_prime: G2Affine,
    /// Groth16's delta.
    pub delta: G2Affine,
    /// Constant term, then the bases of the public inputs c, e_v and e.
    pub ic: [G1Affine; 4],
    /// `[tau]_2` of the powers of tau.
    pub tau: G2Affine,
    /// Base of the blinding of commitments.
    pub h: G1Affine,
}

impl Key {
    /// The inverse of [`key_words`]; `None` if a word is not below the modulus or a point not of
    /// its group. What else a key must be is checked by the constructor, and by whoever verifies
    /// with it.
    pub fn from_words(words: &VerifyingKey) -> Option<Self> {
        let g1 = |point: &G1Point| words::to_g1([point.x, point.y]);
        let g2 = |point: &G2Point| words::to_g2([point.x1, point.x0, point.y1, point.y0]);
        let [constant, c, e_v, e] = words.ic.each_ref().map(g1);
        Some(Self {
            alpha: g1(&words.alpha)?,
            beta: g2(&words.beta)?,
            gamma_prime: g2(&words.gammaPrime)?,
            delta: g2(&words.delta)?,
            ic: [constant?, c?, e_v?, e?],
            tau: g2(&words.tau)?,
            h: g1(&words.h)?,
        })
    }
}

/// A final proof in the order of calldata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// UC: commitment to the witness folded before the last step.
    pub running: G1Affine,
    /// DN: commitment to the last step's witness, less UC.
    pub difference: G1Affine,
    /// DR: commitment to a random witness, less the one folded so far, UC + r1 DN.
    pub random_difference: G1Affine,
    /// Challenge of the last step's folding.
    pub r1: Fr,
    /// Challenge of the folding with the random witness.
    pub r2: Fr,
    /// The committed part of Groth16's witness.
    pub d: G1Affine,
    /// Groth16's A.
    pub a: G1Affine,
    /// Groth16's B.
    pub b: G2Affine,
    /// Groth16's C.
    pub c: G1Affine,
    /// Value of the folded polynomial at the challenge.
    pub evaluation: Fr,
    /// Blinding of the folded commitment.
    pub blinding: Fr,
    /// KZG's opening proof.
    pub opening: G1Affine,
}

impl Proof {
    /// The proof as the contract's argument.
    pub fn words(&self) -> [U256; PROOF_WORDS] {
        let mut all = Vec::with_capacity(PROOF_WORDS);
        for point in [&self.running, &self.difference, &self.random_difference] {
            all.extend(words::g1(point));
        }
        all.extend([&self.r1, &self.r2].map(words::scalar));
        all.extend(words::g1(&self.d));
        all.extend(words::g1(&self.a));
        all.extend(words::g2(&self.b));
        all.extend(words::g1(&self.c));
        all.extend([&self.evaluation, &self.blinding].map(words::scalar));
        all.extend(words::g1(&self.opening));
        core::array::from_fn(|i| all[i])
    }
}

/// What one option received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OptionResult {
    /// Sum of the vote weights, those against the option subtracted.
    pub votes: i128,
    /// Voice credits spent for them.
    pub spent: u128,
}

/// What a final proof is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Binds the proof to its chain, poll and verifier.
    pub domain: [u8; 32],
    /// The first state, or a link to it and zeros.
    pub z0: [Fr; ARITY],
    /// The last state, or a link to it and zeros: then there are no results.
    pub z: [Fr; ARITY],
    /// Results of the first options; those left out received nothing.
    pub results: Vec<OptionResult>,
}

/// Code that deploys the verifier for `key`, for a shape with `max_options` options (5^voteDepth).
/// `development` tells that the key was made without a ceremony.
pub fn deploy_code(key: &Key, max_options: usize, development: bool) -> Bytes {
    let arguments = constructorCall {
        key: key_words(key),
        maxOptions: U256::from(max_options),
        development,
    };
    [
        DeciderVerifier::BYTECODE.as_ref(),
        &arguments.abi_encode()[..],
    ]
    .concat()
    .into()
}

/// Calldata of `verify`.
pub fn verify_calldata(statement: &Statement, proof: &Proof) -> Bytes {
    let results = statement.results.iter().map(|result| {
        let OptionResult { votes, spent } = *result;
        DeciderVerifier::OptionResult { votes, spent }
    });
    verifyCall {
        domain: B256::from(statement.domain),
        z0: statement.z0.each_ref().map(words::scalar),
        z: statement.z.each_ref().map(words::scalar),
        results: results.collect(),
        proof: proof.words(),
    }
    .abi_encode()
    .into()
}

/// Asks the verifier at `contract` in a transaction from `sender`, whose gas the receipt tells.
///
/// # Errors
/// [`VerifyError::Refused`] with the check that failed; [`VerifyError::Chain`] if the contract ran
/// out of gas, or there is none at the address.
pub fn verify<C: Chain + ?Sized>(
    chain: &mut C,
    sender: Address,
    contract: Address,
    statement: &Statement,
    proof: &Proof,
) -> Result<Receipt, VerifyError> {
    let calldata = verify_calldata(statement, proof);
    let receipt = chain.send(sender, Some(contract), calldata, U256::ZERO);
    receipt.map_err(VerifyError::from)
}

/// Why no acceptance was returned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The contract refused with one of its errors.
    #[error("the verifier refuses: {0}")]
    Refused(#[from] Refusal),
    /// The transaction failed outside the contract's checks.
    #[error(transparent)]
    Chain(ChainError),
}

impl From<ChainError> for VerifyError {
    fn from(error: ChainError) -> Self {
        match &error {
            ChainError::Reverted { data, .. } => {
                Refusal::decode(data).map_or(Self::Chain(error), Self::Refused)
            }
            _ => Self::Chain(error),
        }
    }
}

/// The errors of the contract, from the constructor and from `verify`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Calldata is not the one canonical ABI encoding.
    #[error("the calldata has the wrong length or layout")]
    MalformedCalldata,
    /// There are more results than the shape has options.
    #[error("{given} results, at most {max} are possible")]
    TooManyOptions {
        /// Results in calldata.
        given: U256,
        /// Options of the shape.
        max: U256,
    },
    /// An element of z0 (0 to 7) or z (8 to 15) is not below the group order.
    #[error("element {0} of the states is not canonical")]
    NonCanonicalState(U256),
    /// A word of the proof is not below its field's modulus.
    #[error("word {0} of the proof is not canonical")]
    NonCanonicalProof(U256),
    /// Votes of an option are not in the range of 128 bits with a sign, or spent credits not below
    /// 2^128.
    #[error("a result is out of range")]
    ResultOutOfRange,
    /// A point is not on its curve or not in its subgroup.
    #[error("a point is not in its group")]
    InvalidPoint,
    /// All inputs are well-formed and the equations do not hold.
    #[error("the proof does not prove this")]
    ProofRejected,
    /// A point of the key is not canonical, not in its group, or infinity.
    #[error("a point of the verifying key is not valid")]
    InvalidKey,
    /// Points of the key that need trapdoors of their own are the same up to sign.
    #[error("two points of the verifying key are the same")]
    DegenerateKey,
}

impl Refusal {
    /// Reads revert data; `None` if it is none of the contract's errors.
    pub fn decode(data: &[u8]) -> Option<Self> {
        use DeciderVerifierErrors as Error;
        let error = Error::abi_decode_validate(data).ok()?;
        Some(match error {
            Error::MalformedCalldata(_) => Self::MalformedCalldata,
            Error::TooManyOptions(fields) => Self::TooManyOptions {
                given: fields.given,
                max: fields.max,
            },
            Error::NonCanonicalState(fields) => Self::NonCanonicalState(fields.index),
            Error::NonCanonicalProof(fields) => Self::NonCanonicalProof(fields.index),
            Error::ResultOutOfRange(_) => Self::ResultOutOfRange,
            Error::InvalidPoint(_) => Self::InvalidPoint,
            Error::ProofRejected(_) => Self::ProofRejected,
            Error::InvalidKey(_) => Self::InvalidKey,
            Error::DegenerateKey(_) => Self::DegenerateKey,
        })
    }
}

/// The key as the constructor's argument.
pub fn key_words(key: &Key) -> VerifyingKey {
    VerifyingKey {
        alpha: g1(&key.alpha),
        beta: g2(&key.beta),
        gammaPrime: g2(&key.gamma_prime),
        delta: g2(&key.delta),
        ic: key.ic.each_ref().map(g1),
        tau: g2(&key.tau),
        h: g1(&key.h),
    }
}

fn g1(point: &G1Affine) -> G1Point {
    let [x, y] = words::g1(point);
    G1Point { x, y }
}

fn g2(point: &G2Affine) -> G2Point {
    let [x1, x0, y1, y0] = words::g2(point);
    G2Point { x1, x0, y1, y0 }
}
