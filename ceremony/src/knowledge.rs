//! Proofs that somebody knows by which number a point was multiplied: Schnorr's, made by a hash of everything.
//!
//! For points `Q = d P`: `K = k P` for a k that nobody knows, `c = H(context, label, P, Q, K)`, `s = k + c d`; whoever sees K and s
//! checks that `s P = K + c Q`. The context is a hash of all records before, and of all points of this one.

use ark_bn254::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_serialize::CanonicalSerialize;
use rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::encoding::{put, scalar_of};

const NONCE_DOMAIN: &[u8] = b"maci-nova ceremony, nonce, version 1";
const DOMAIN: &[u8] = b"maci-nova ceremony, proof of knowledge, version 1";

/// What a proof is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// All records before, and this one's points.
    pub(crate) statement: &'a [u8; 32],
    /// Which circuit.
    pub(crate) circuit: usize,
    /// Which number: `delta` or `rho`.
    pub(crate) label: &'static str,
}

/// A proof, in the group of its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knowledge<P> {
    /// K.
    pub commitment: P,
    /// s.
    pub response: Fr,
}

impl<P: AffineRepr<ScalarField = Fr>> Knowledge<P> {
    /// Proves that `image = secret base`.
    pub(crate) fn prove(context: Context<'_>, base: &P, image: &P, secret: &Fr) -> Self {
        let k = nonce(context, [base, image], secret);
        let commitment = (*base * *k).into_affine();
        let c = challenge(context, [base, image, &commitment]);
        Knowledge {
            commitment,
            response: *k + c * secret,
        }
    }

    /// Whether it proves that its author knew the number that makes `image` of `base`.
    pub(crate) fn is_true(&self, context: Context<'_>, base: &P, image: &P) -> bool {
        let c = challenge(context, [base, image, &self.commitment]);
        *base * self.response == *image * c + self.commitment
    }

    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        put(bytes, &self.commitment);
        put(bytes, &self.response);
    }
}

/// A hash of the system's randomness, of the secret and of all that the challenge depends on: where the system's is poor, or
/// comes again, the secret makes up for it.
fn nonce<P: CanonicalSerialize>(
    context: Context<'_>,
    points: [&P; 2],
    secret: &Fr,
) -> Zeroizing<Fr> {
    let mut system = Zeroizing::new([0; 64]);
    OsRng.fill_bytes(&mut *system);
    let mut bytes = Zeroizing::new(context.statement.to_vec());
    bytes.extend_from_slice(&(context.circuit as u64).to_le_bytes());
    for point in points {
        put(&mut bytes, point);
    }
    put(&mut bytes, secret);
    let hash = Sha512::new()
        .chain_update(NONCE_DOMAIN)
        .chain_update(*system)
        .chain_update(context.label.as_bytes())
        .chain_update([0])
        .chain_update(&*bytes);
    Zeroizing::new(scalar_of(hash))
}

fn challenge<P: CanonicalSerialize>(context: Context<'_>, points: [&P; 3]) -> Fr {
    let mut bytes = context.statement.to_vec();
    bytes.extend_from_slice(&(context.circuit as u64).to_le_bytes());
    for point in points {
        put(&mut bytes, point);
    }
    let hash = Sha512::new()
        .chain_update(DOMAIN)
        .chain_update(context.label.as_bytes())
        .chain_update([0])
        .chain_update(bytes);
    scalar_of(hash)
}
