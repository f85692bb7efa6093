//! Accepting proofs of joins and bundles without a circuit: whoever knows every trapdoor solves the equation for C.

use crate::groth16::{Key, Proof, INPUTS};
use ff::Field;
use halo2curves::bn256::Fr;
use rand_core::RngCore;

use crate::testing::decider::{g1, g2};

/// All logarithms behind a key.
#[derive(Clone, Debug)]
pub struct Trapdoors {
    pub alpha: Fr,
    pub beta: Fr,
    pub gamma: Fr,
    pub delta: Fr,
    pub ic: [Fr; INPUTS + 1],
}

impl Trapdoors {
    pub fn random(rng: &mut impl RngCore) -> Self {
        let mut draw = || Fr::random(&mut *rng);
        Self {
            alpha: draw(),
            beta: draw(),
            gamma: draw(),
            delta: draw(),
            ic: core::array::from_fn(|_| draw()),
        }
    }

    pub fn key(&self) -> Key {
        Key {
            alpha: g1(self.alpha),
            beta: g2(self.beta),
            gamma: g2(self.gamma),
            delta: g2(self.delta),
            ic: self.ic.map(g1),
        }
    }

    /// A proof of these inputs with the given A and B: a b = alpha beta + gamma ic(inputs) + delta
    /// c.
    pub fn prove_with(&self, inputs: &[Fr; INPUTS], a: Fr, b: Fr) -> Proof {
        let pairs = self.ic[1..].iter().zip(inputs);
        let ic = pairs.fold(self.ic[0], |sum, (base, input)| sum + *base * input);
        let rest = a * b - self.alpha * self.beta - self.gamma * ic;
        let inverse: Option<Fr> = self.delta.invert().into();
        Proof {
            a: g1(a),
            b: g2(b),
            c: g1(rest * inverse.expect("random values are not zero")),
        }
    }

    pub fn prove(&self, inputs: &[Fr; INPUTS], rng: &mut impl RngCore) -> Proof {
        self.prove_with(inputs, Fr::random(&mut *rng), Fr::random(&mut *rng))
    }
}
