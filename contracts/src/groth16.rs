//! The verifiers of plain Groth16 proofs, of joins and of bundles: their keys and their proofs. What
//! the public inputs are is the protocol's (`membership`, `bundle`).

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::{SolConstructor, SolValue};
use halo2curves::bn256::{G1Affine, G2Affine};

use crate::bindings::{BundleVerifier, JoinVerifier};
use crate::words;

/// Words of a proof in calldata.
pub const PROOF_WORDS: usize = 8;

/// Public inputs: root, nullifier, scope, binding; or inner, c, e, n.
pub const INPUTS: usize = 4;

/// A circuit's verifying key.
///
/// The contracts' constructors refuse a key with infinity in it, and one where `beta`, `gamma` and
/// `delta` are not all different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Groth16's alpha.
    pub alpha: G1Affine,
    /// Groth16's beta.
    pub beta: G2Affine,
    /// Groth16's gamma.
    pub gamma: G2Affine,
    /// Groth16's delta.
    pub delta: G2Affine,
    /// Constant term, then the bases of the public inputs in their order.
    pub ic: [G1Affine; INPUTS + 1],
}

/// A Groth16 proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Groth16's A.
    pub a: G1Affine,
    /// Groth16's B.
    pub b: G2Affine,
    /// Groth16's C.
    pub c: G1Affine,
}

impl Proof {
    /// The proof as the contract's argument: A.x A.y B.x.c1 B.x.c0 B.y.c1 B.y.c0 C.x C.y.
    pub fn words(&self) -> [U256; PROOF_WORDS] {
        let [ax, ay] = words::g1(&self.a);
        let [bx1, bx0, by1, by0] = words::g2(&self.b);
        let [cx, cy] = words::g1(&self.c);
        [ax, ay, bx1, bx0, by1, by0, cx, cy]
    }
}

/// Code that deploys the verifier of join proofs for `key`; `development` tells that it was made
/// without a ceremony.
pub fn join_verifier_code(key: &Key, development: bool) -> Bytes {
    let key = key.to_words();
    let arguments = JoinVerifier::constructorCall { key, development };
    [JoinVerifier::BYTECODE.as_ref(), &arguments.abi_encode()[..]]
        .concat()
        .into()
}

/// Code that deploys the verifier of bundles of at most `max_messages` messages for `key`.
pub fn bundle_verifier_code(key: &Key, max_messages: usize, development: bool) -> Bytes {
    let arguments = BundleVerifier::constructorCall {
        key: bundle_key(&key.to_words()),
        maxMessages: U256::from(max_messages),
        development,
    };
    let code = BundleVerifier::BYTECODE.as_ref();
    [code, &arguments.abi_encode()[..]].concat().into()
}

/// A verifying key as a contract has it: both verifiers' types have the same words.
pub type KeyWords = JoinVerifier::Groth16VerifyingKey;

/// The key of a bundle verifier.
pub fn bundle_key(words: &KeyWords) -> BundleVerifier::Groth16VerifyingKey {
    let decoded = BundleVerifier::Groth16VerifyingKey::abi_decode(&words.abi_encode());
    decoded.expect("the two types have the same words")
}

/// The key that a bundle verifier says it has.
pub fn key_of_bundles(words: &BundleVerifier::Groth16VerifyingKey) -> KeyWords {
    let decoded = KeyWords::abi_decode(&words.abi_encode());
    decoded.expect("the two types have the same words")
}

impl Key {
    /// The key as the constructors' argument.
    pub fn to_words(&self) -> KeyWords {
        KeyWords {
            alpha: g1(&self.alpha),
            beta: g2(&self.beta),
            gamma: g2(&self.gamma),
            delta: g2(&self.delta),
            ic: self.ic.each_ref().map(g1),
        }
    }
}

fn g1(point: &G1Affine) -> JoinVerifier::G1Point {
    let [x, y] = words::g1(point);
    JoinVerifier::G1Point { x, y }
}

fn g2(point: &G2Affine) -> JoinVerifier::G2Point {
    let [x1, x0, y1, y0] = words::g2(point);
    JoinVerifier::G2Point { x1, x0, y1, y0 }
}
