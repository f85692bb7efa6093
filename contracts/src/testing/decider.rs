//! Accepting proofs without a circuit: whoever knows every trapdoor solves the equations for the
//! last point of each. The transcript is computed here a second time, after the specification and
//! with other arithmetic than the contract's.

use crate::decider::{deploy_code, Key, OptionResult, Proof, Statement, PROOF_WORDS};
use crate::evm::{Evm, SENDER};
use crate::words;
use alloy_primitives::{keccak256, Address, Bytes, U256};
use ff::{Field, PrimeField};
use halo2curves::bn256::{Fr, G1Affine, G2Affine, G1, G2};
use maci_nova_chain::{deploy, Chain, ChainError, Receipt};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// Options of the shape that tests verify for.
pub const MAX_OPTIONS: usize = 125;

/// Order of the groups.
pub fn group_order() -> U256 {
    words::scalar(&-Fr::ONE) + U256::ONE
}

/// Modulus of the coordinates.
pub fn base_modulus() -> U256 {
    words::coordinate(&-halo2curves::bn256::Fq::ONE) + U256::ONE
}

/// A seeded generator, so that every figure is the same each time.
pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// All logarithms behind a key.
#[derive(Clone, Debug)]
pub struct Trapdoors {
    pub alpha: Fr,
    pub beta: Fr,
    pub gamma_prime: Fr,
    pub delta: Fr,
    pub ic: [Fr; 4],
    pub tau: Fr,
    pub h: Fr,
}

/// Logarithms and scalars of a proof that a prover is free to choose.
#[derive(Clone, Debug)]
pub struct Choices {
    pub running: Fr,
    pub difference: Fr,
    pub random_difference: Fr,
    pub r1: Fr,
    pub r2: Fr,
    pub d: Fr,
    pub a: Fr,
    pub b: Fr,
    pub evaluation: Fr,
    pub blinding: Fr,
}

impl Choices {
    pub fn random(rng: &mut impl RngCore) -> Self {
        let mut draw = || Fr::random(&mut *rng);
        Self {
            running: draw(),
            difference: draw(),
            random_difference: draw(),
            r1: draw(),
            r2: draw(),
            d: draw(),
            a: draw(),
            b: draw(),
            evaluation: draw(),
            blinding: draw(),
        }
    }

    fn folded(&self) -> Fr {
        self.running + self.r1 * self.difference + self.r2 * self.random_difference
    }
}

impl Trapdoors {
    pub fn random(rng: &mut impl RngCore) -> Self {
        let mut draw = || Fr::random(&mut *rng);
        Self {
            alpha: draw(),
            beta: draw(),
            gamma_prime: draw(),
            delta: draw(),
            ic: [draw(), draw(), draw(), draw()],
            tau: draw(),
            h: draw(),
        }
    }

    pub fn key(&self) -> Key {
        Key {
            alpha: g1(self.alpha),
            beta: g2(self.beta),
            gamma_prime: g2(self.gamma_prime),
            delta: g2(self.delta),
            ic: self.ic.map(g1),
            tau: g2(self.tau),
            h: g1(self.h),
        }
    }

    /// An accepting proof of any statement.
    pub fn prove(&self, statement: &Statement, choices: &Choices) -> Proof {
        let mut proof = Proof {
            running: g1(choices.running),
            difference: g1(choices.difference),
            random_difference: g1(choices.random_difference),
            r1: choices.r1,
            r2: choices.r2,
            d: g1(choices.d),
            a: g1(choices.a),
            b: g2(choices.b),
            c: G1Affine::default(),
            evaluation: choices.evaluation,
            blinding: choices.blinding,
            opening: G1Affine::default(),
        };
        let transcript = Transcript::of(&Case::new(statement, &proof));
        proof.c = g1(self.groth_c(choices, &transcript));
        proof.opening = g1(self.opening(choices, transcript.c));
        proof
    }

    /// The C that makes Groth16's equation hold.
    fn groth_c(&self, choices: &Choices, transcript: &Transcript) -> Fr {
        let ic = self.ic[0]
            + self.ic[1] * transcript.c
            + self.ic[2] * transcript.ev
            + self.ic[3] * choices.evaluation;
        let rest =
            choices.a * choices.b - self.alpha * self.beta - ic - choices.d * self.gamma_prime;
        rest * invert(self.delta)
    }

    /// The pi that makes KZG's equation hold: F - b h - e = (tau - c) pi.
    fn opening(&self, choices: &Choices, c: Fr) -> Fr {
        let value = choices.folded() - choices.blinding * self.h - choices.evaluation;
        value * invert(self.tau - c)
    }

    /// Random choices for which pi is infinity; the evaluation is what it takes.
    pub fn without_opening(&self, rng: &mut impl RngCore) -> Choices {
        let mut choices = Choices::random(rng);
        choices.evaluation = choices.folded() - choices.blinding * self.h;
        choices
    }

    /// Choices for which Groth16's C is infinity: A is solved for.
    pub fn without_c(&self, statement: &Statement, rng: &mut impl RngCore) -> Choices {
        let mut choices = Choices::random(rng);
        choices.a = Fr::ZERO;
        let proof = self.prove(statement, &choices);
        let transcript = Transcript::of(&Case::new(statement, &proof));
        let missing = -self.groth_c(&choices, &transcript) * self.delta;
        choices.a = missing * invert(choices.b);
        choices
    }
}

fn invert(value: Fr) -> Fr {
    value.invert().expect("random values are not zero")
}

/// A multiple of the generator of G1.
pub fn g1(logarithm: Fr) -> G1Affine {
    (G1::generator() * logarithm).into()
}

/// A multiple of the generator of G2.
pub fn g2(logarithm: Fr) -> G2Affine {
    (G2::generator() * logarithm).into()
}

/// A statement with full-size states and results of every size.
pub fn statement(options: usize, rng: &mut impl RngCore) -> Statement {
    let mut domain = [0; 32];
    rng.fill_bytes(&mut domain);
    Statement {
        domain,
        z0: core::array::from_fn(|_| Fr::random(&mut *rng)),
        z: core::array::from_fn(|_| Fr::random(&mut *rng)),
        results: (0..options).map(|_| result(rng)).collect(),
    }
}

fn result(rng: &mut impl RngCore) -> OptionResult {
    let mut draw = || {
        let wide = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        wide.checked_shr(rng.next_u32() % 129).unwrap_or(0)
    };
    let (magnitude, spent) = (draw() >> 1, draw());
    let votes = magnitude as i128;
    OptionResult {
        // -1 - v: every size below 0 as well.
        votes: if spent % 2 == 0 { votes } else { !votes },
        spent,
    }
}

/// The word of a number with a sign: two's complement in 256 bits.
pub fn signed_word(value: i128) -> U256 {
    let magnitude = U256::from(value.unsigned_abs());
    if value < 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// A deployed verifier with what it takes to make it accept.
#[derive(Clone, Debug)]
pub struct Setting {
    pub trapdoors: Trapdoors,
    pub evm: Evm,
    pub contract: Address,
}

impl Setting {
    pub fn new(rng: &mut impl RngCore) -> Self {
        let trapdoors = Trapdoors::random(rng);
        let mut evm = Evm::new();
        let code = deploy_code(&trapdoors.key(), MAX_OPTIONS, false);
        let deployment = deploy(&mut evm, SENDER, code);
        let contract = deployment.expect("a random key is valid").contract;
        Self {
            trapdoors,
            evm,
            contract,
        }
    }

    /// A statement with an accepting proof, as words.
    pub fn case(&self, options: usize, rng: &mut impl RngCore) -> Case {
        let statement = statement(options, rng);
        let proof = self.trapdoors.prove(&statement, &Choices::random(rng));
        Case::new(&statement, &proof)
    }

    pub fn call(&mut self, calldata: impl Into<Bytes>) -> Result<Receipt, ChainError> {
        let to = Some(self.contract);
        self.evm.send(SENDER, to, calldata.into(), U256::ZERO)
    }
}

/// The arguments of `verify` as words that need not be canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub domain: U256,
    /// z0, then z.
    pub states: [U256; 16],
    /// Votes and spent of each option in turn.
    pub results: Vec<U256>,
    pub proof: [U256; PROOF_WORDS],
}

impl Case {
    pub fn new(statement: &Statement, proof: &Proof) -> Self {
        let states: Vec<_> = statement.z0.iter().chain(&statement.z).collect();
        let results = statement.results.iter();
        Self {
            domain: U256::from_be_bytes(statement.domain),
            states: core::array::from_fn(|i| words::scalar(states[i])),
            results: results
                .flat_map(|result| [signed_word(result.votes), U256::from(result.spent)])
                .collect(),
            proof: proof.words(),
        }
    }

    /// Calldata written word by word, without the ABI library's checks.
    pub fn calldata(&self) -> Vec<u8> {
        let head = 1 + 16 + 1 + PROOF_WORDS;
        let mut all = vec![self.domain];
        all.extend(self.states);
        all.push(U256::from(32 * head));
        all.extend(self.proof);
        all.push(U256::from(self.results.len() / 2));
        all.extend(&self.results);
        let words = all.iter().flat_map(|word| word.to_be_bytes::<32>());
        selector().into_iter().chain(words).collect()
    }
}

fn selector() -> [u8; 4] {
    let signature =
        "verify(bytes32,uint256[8],uint256[8],(int128,uint128)[],uint256[22])".as_bytes();
    core::array::from_fn(|i| keccak256(signature)[i])
}

/// Everything that is derived from the arguments before a point is touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    pub v: Vec<U256>,
    pub c: Fr,
    pub ev: Fr,
    pub t: Fr,
}

impl Transcript {
    pub fn of(case: &Case) -> Self {
        let v = agreed(case);
        let c = challenge([case.domain, case.proof[8], case.proof[9]].iter().chain(&v));
        let mut power = Fr::ONE;
        let mut ev = Fr::ZERO;
        for element in &v {
            ev += field(*element) * power;
            power *= c;
        }
        let [e, b] = [case.proof[18], case.proof[19]];
        let batched = [words::scalar(&c), e, b];
        let t = challenge(
            batched
                .iter()
                .chain(&case.proof[10..18])
                .chain(&case.proof[20..22]),
        );
        Self { v, c, ev, t }
    }
}

/// v: states, r1, r2, three elements for each of three points, results.
fn agreed(case: &Case) -> Vec<U256> {
    let mut v = case.states.to_vec();
    v.extend(&case.proof[6..8]);
    let limb = U256::from(2).pow(U256::from(170));
    for point in case.proof[..6].chunks(2) {
        let [x, y] = [point[0], point[1]];
        let high = U256::from(2).pow(U256::from(85)) * (y / limb);
        v.extend([x % limb, y % limb, x / limb + high]);
    }
    v.extend(case.results.chunks(2).flat_map(|result| {
        // A negative word w is -(2^256 - w), in the field r - (2^256 - w).
        let votes = result[0];
        let votes = if votes.bit(255) {
            group_order() - (-votes)
        } else {
            votes
        };
        [votes, result[1]]
    }));
    v
}

fn challenge<'a>(words: impl Iterator<Item = &'a U256>) -> Fr {
    let bytes: Vec<u8> = words.flat_map(|word| word.to_be_bytes::<32>()).collect();
    field(U256::from_be_bytes(keccak256(bytes).0))
}

/// A word modulo the group order.
fn field(word: U256) -> Fr {
    let mut bytes = <Fr as PrimeField>::Repr::default();
    bytes
        .as_mut()
        .copy_from_slice(&(word % group_order()).to_le_bytes::<32>());
    Fr::from_repr(bytes).expect("it is reduced")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decider::verify_calldata;

    #[test]
    fn the_words_are_the_abi_encoding() {
        let mut rng = rng(1);
        for options in [0, 1, 5] {
            let statement = statement(options, &mut rng);
            let trapdoors = Trapdoors::random(&mut rng);
            let proof = trapdoors.prove(&statement, &Choices::random(&mut rng));
            let written = Case::new(&statement, &proof).calldata();
            assert_eq!(written, verify_calldata(&statement, &proof).to_vec());
        }
    }
}
