//! The verifier of join proofs: its key and its proofs. What their public inputs are is the
//! protocol's `membership`.

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::SolConstructor;
use halo2curves::bn256::{G1Affine, G2Affine};

use crate::bindings::JoinVerifier::{self, constructorCall, G1Point, G2Point, JoinVerifyingKey};
use crate::words;

/// Words of a proof in calldata.
pub const PROOF_WORDS: usize = 8;

/// Public inputs: root, nullifier, scope, binding.
pub const INPUTS: usize = 4;

/// The join circuit's verifying key.
///
/// The contract's constructor refuses a key with infinity in it, and one where `beta`, `gamma` and
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

/// Code that deploys the verifier for `key`; `development` tells that it was made without a
/// ceremony.
pub fn deploy_code(key: &Key, development: bool) -> Bytes {
    let key = key_words(key);
    let arguments = constructorCall { key, development };
    [JoinVerifier::BYTECODE.as_ref(), &arguments.abi_encode()[..]]
        .concat()
        .into()
}

/// The key as the constructor's argument.
pub fn key_words(key: &Key) -> JoinVerifyingKey {
    JoinVerifyingKey {
        alpha: g1(&key.alpha),
        beta: g2(&key.beta),
        gamma: g2(&key.gamma),
        delta: g2(&key.delta),
        ic: key.ic.each_ref().map(g1),
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
