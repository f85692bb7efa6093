//! Accepted proofs without a circuit, by whoever knows the trapdoors.

use ff::{Field, FromUniformBytes};
use halo2curves::bn256::{Fr, G1Affine, G2Affine, G1, G2};
use maci_nova_compressor::decider::verifier::evaluate;
use maci_nova_compressor::decider::{DeciderStatement, Fold};
use maci_nova_contracts::decider::{self, Proof};
use maci_nova_contracts::groth16::{self, INPUTS};
use maci_nova_groth16::convert::{ToArk, ToHalo};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha512};

/// A multiple of the generator of G1.
pub fn g1(logarithm: Fr) -> G1Affine {
    (G1::generator() * logarithm).into()
}

fn g2(logarithm: Fr) -> G2Affine {
    (G2::generator() * logarithm).into()
}

/// The logarithms behind a decider's key, all but that of h.
#[derive(Clone)]
pub struct DeciderTrapdoors {
    alpha: Fr,
    beta: Fr,
    gamma_prime: Fr,
    delta: Fr,
    ic: [Fr; 4],
    pub tau: Fr,
    h: G1Affine,
}

impl DeciderTrapdoors {
    pub fn random(h: G1Affine, rng: &mut ChaCha20Rng) -> Self {
        let mut draw = || Fr::random(&mut *rng);
        DeciderTrapdoors {
            alpha: draw(),
            beta: draw(),
            gamma_prime: draw(),
            delta: draw(),
            ic: core::array::from_fn(|_| draw()),
            tau: draw(),
            h,
        }
    }

    pub fn key(&self) -> decider::Key {
        decider::Key {
            alpha: g1(self.alpha),
            beta: g2(self.beta),
            gamma_prime: g2(self.gamma_prime),
            delta: g2(self.delta),
            ic: self.ic.map(g1),
            tau: g2(self.tau),
            h: self.h,
        }
    }

    /// An accepted proof of any statement. Its blinding is 0, so that h does not matter.
    pub fn prove(&self, statement: &DeciderStatement, rng: &mut ChaCha20Rng) -> Proof {
        let mut draw = || Fr::random(&mut *rng);
        let [uc, dn, dr] = core::array::from_fn(|_| draw());
        let [r1, r2, d, pa, pb, e] = core::array::from_fn(|_| draw());
        let fold = Fold {
            uc: g1(uc).to_ark(),
            dn: g1(dn).to_ark(),
            dr: g1(dr).to_ark(),
            r1: r1.to_ark(),
            r2: r2.to_ark(),
        };
        let v = statement.v(&fold);
        let challenge = statement.challenge(&g1(d).to_ark(), &v);
        let (e_v, challenge) = (evaluate(&v, &challenge).to_halo(), challenge.to_halo());
        let ic = self.ic[0] + self.ic[1] * challenge + self.ic[2] * e_v + self.ic[3] * e;
        let rest = pa * pb - self.alpha * self.beta - ic - d * self.gamma_prime;
        let folded = uc + r1 * dn + r2 * dr;
        Proof {
            running: g1(uc),
            difference: g1(dn),
            random_difference: g1(dr),
            r1,
            r2,
            d: g1(d),
            a: g1(pa),
            b: g2(pb),
            c: g1(rest * invert(self.delta)),
            evaluation: e,
            blinding: Fr::ZERO,
            opening: g1((folded - e) * invert(self.tau - challenge)),
        }
    }
}

/// The logarithms behind a join circuit's key.
#[derive(Clone)]
pub struct PlainTrapdoors {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    ic: [Fr; INPUTS + 1],
}

impl PlainTrapdoors {
    pub fn random(rng: &mut ChaCha20Rng) -> Self {
        let mut draw = || Fr::random(&mut *rng);
        PlainTrapdoors {
            alpha: draw(),
            beta: draw(),
            gamma: draw(),
            delta: draw(),
            ic: core::array::from_fn(|_| draw()),
        }
    }

    pub fn key(&self) -> groth16::Key {
        groth16::Key {
            alpha: g1(self.alpha),
            beta: g2(self.beta),
            gamma: g2(self.gamma),
            delta: g2(self.delta),
            ic: self.ic.map(g1),
        }
    }

    /// An accepted proof of any inputs.
    pub fn prove(&self, inputs: &[Fr; INPUTS], rng: &mut ChaCha20Rng) -> groth16::Proof {
        let [a, b] = core::array::from_fn(|_| Fr::random(&mut *rng));
        let pairs = self.ic[1..].iter().zip(inputs);
        let ic = pairs.fold(self.ic[0], |sum, (base, input)| sum + *base * input);
        let rest = a * b - self.alpha * self.beta - self.gamma * ic;
        groth16::Proof {
            a: g1(a),
            b: g2(b),
            c: g1(rest * invert(self.delta)),
        }
    }
}

/// The secret of the development setup, as anybody computes it.
pub fn development_tau() -> Fr {
    let label =
        "maci-nova INSECURE development powers of tau, version 1: this tau is known to everybody";
    Fr::from_uniform_bytes(&Sha512::digest(label).into())
}

fn invert(value: Fr) -> Fr {
    let inverse: Option<Fr> = value.invert().into();
    inverse.expect("random values are not zero")
}
