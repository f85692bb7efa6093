//! EdDSA over BabyJubJub with Poseidon as the challenge hash.
//!
//! Source: zk-kit's EdDSA-Poseidon, with which MACI's packages sign. It has the shape of RFC 8032,
//! section 5.1, and differs: BLAKE-512 takes the place of SHA-512, and hashes the private key's
//! decimal digits; the challenge is Poseidon of coordinates, not a hash of encoded points; and the
//! cofactor stands at the key alone. With k the pruned integer, a multiple of 8, the key is `A = (k
//! / 8) B8` and `S = r + h k`, so `S B8 = R8 + h 8 A`, which is neither of the RFC's two equations:
//! a part of low order counts in R8 and not in A.
//!
//! What a key must be for anything to verify is this project's own. MACI's packages take every key
//! on the curve, and its circuit those whose x is not 0.

use crate::babyjub::{is_scalar, Extended, Point, Scalar};
use crate::blake512::blake512;
use crate::field::{self, Fr};
use crate::keys::PrivateKey;
use crate::poseidon::hash;
use ff::Field;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// A signature, as it travels in a message: nothing about it is checked until [`verify`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The nonce's point, `r B8`.
    pub r8: Point,
    /// The response S, an integer below l if honest.
    #[serde(with = "crate::field::decimal")]
    pub s: Fr,
}

/// Which rule of a signature fails; the first in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// R8 is not on the curve.
    #[error("the signature's point is not on the curve")]
    R8,
    /// The public key is not on the curve, or of low order: `8 A` is the identity, and anybody
    /// could sign under it.
    #[error("the public key is not a point of the curve, or one of low order")]
    PublicKey,
    /// S is not below the subgroup order l.
    #[error("the signature's scalar is not below the subgroup order")]
    Scalar,
    /// `S B8 = R8 + h 8 A` does not hold.
    #[error("the signature's equation does not hold")]
    Equation,
}

/// Signs a field element, deterministically.
///
/// With `k` the pruned integer of the key and `d` the second half of its digest: `r = blake512(d,
/// message) mod l` (32 little-endian bytes of the message), `R8 = r B8`, `S = r + h k mod l`.
pub fn sign(private_key: &PrivateKey, message: Fr) -> Signature {
    let digest = private_key.digest();
    let mut preimage = Zeroizing::new([0u8; 64]);
    preimage[..32].copy_from_slice(&digest[32..]);
    preimage[32..].copy_from_slice(&field::to_bytes(&message));
    let nonce_digest = Zeroizing::new(blake512(preimage.as_slice()));
    let mut nonce = Scalar::from_le_bytes_mod_order(nonce_digest.as_slice());
    let nonce_bytes = Zeroizing::new(nonce.to_bytes());
    let r8 = Point::mul_base8(&nonce_bytes);
    let challenge = challenge(&r8, &private_key.public_key().point(), message);
    let mut key = Scalar::from_le_bytes_mod_order(private_key.pruned_integer().as_slice());
    let response = nonce + Scalar::from_le_bytes_mod_order(&field::to_bytes(&challenge)) * key;
    nonce.zeroize();
    key.zeroize();
    // l < r: a canonical scalar is a canonical element.
    let s = field::from_bytes(&response.to_bytes()).unwrap_or(Fr::ZERO);
    Signature { r8, s }
}

/// Checks a signature of a message under a key, both as they come: any two elements are a key or an
/// R8 here. How long it takes depends on all of them: no secret of a key is among them, but to whoever
/// counts a poll they are parts of a decrypted message.
///
/// # Errors
/// The first [`SignatureError`] that applies.
pub fn verify(
    public_key: &Point,
    message: Fr,
    signature: &Signature,
) -> Result<(), SignatureError> {
    if !signature.r8.is_on_curve() {
        return Err(SignatureError::R8);
    }
    let eight = Extended::from(public_key).mul_by_cofactor();
    if !public_key.is_on_curve() || eight.equals(&Point::IDENTITY) {
        return Err(SignatureError::PublicKey);
    }
    if !is_scalar(&signature.s) {
        return Err(SignatureError::Scalar);
    }
    let h = challenge(&signature.r8, public_key, message);
    let right = Extended::from(&signature.r8).add(&eight.mul_vartime(&field::to_bytes(&h)));
    let left = Extended::mul_base8_vartime(&field::to_bytes(&signature.s)).to_affine();
    if right.equals(&left) {
        Ok(())
    } else {
        Err(SignatureError::Equation)
    }
}

/// `h = P5(R8.x, R8.y, A.x, A.y, message)`, as an integer in [0, r).
fn challenge(r8: &Point, public_key: &Point, message: Fr) -> Fr {
    hash(&[r8.x, r8.y, public_key.x, public_key.y, message])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjub::SUBGROUP_ORDER;

    fn signed() -> (PrivateKey, Point, Signature) {
        let key = PrivateKey::from_element(Fr::from(7));
        let point = key.public_key().point();
        let signature = sign(&key, Fr::from(5));
        (key, point, signature)
    }

    #[test]
    fn honest() {
        let (_, key, signature) = signed();
        assert_eq!(verify(&key, Fr::from(5), &signature), Ok(()));
        assert_eq!(
            verify(&key, Fr::from(6), &signature),
            Err(SignatureError::Equation)
        );
    }

    #[test]
    fn each_rule() {
        let (_, key, signature) = signed();
        let message = Fr::from(5);
        let off = Point {
            x: Fr::ONE,
            y: Fr::ONE,
        };
        let changed = Signature {
            r8: off,
            ..signature
        };
        assert_eq!(verify(&off, message, &changed), Err(SignatureError::R8));
        for key in [off, Point::IDENTITY, Point::default()] {
            assert_eq!(
                verify(&key, message, &signature),
                Err(SignatureError::PublicKey)
            );
        }
        // The point of order 2, (0, -1).
        let order_two = Point {
            x: Fr::ZERO,
            y: -Fr::ONE,
        };
        assert!(order_two.is_on_curve());
        assert_eq!(
            verify(&order_two, message, &signature),
            Err(SignatureError::PublicKey)
        );
        let l = field::from_bytes(&SUBGROUP_ORDER).unwrap();
        let changed = Signature {
            s: signature.s + l,
            ..signature
        };
        assert_eq!(verify(&key, message, &changed), Err(SignatureError::Scalar));
        let changed = Signature {
            r8: signature.r8.double(),
            ..signature
        };
        assert_eq!(
            verify(&key, message, &changed),
            Err(SignatureError::Equation)
        );
    }

    /// The equation multiplies the key by 8 and R8 by nothing: a torsion part counts in R8 only.
    #[test]
    fn torsion() {
        let (private, key, signature) = signed();
        let message = Fr::from(5);
        let order_two = Point {
            x: Fr::ZERO,
            y: -Fr::ONE,
        };
        let changed = Signature {
            r8: signature.r8.add(&order_two),
            ..signature
        };
        assert_eq!(
            verify(&key, message, &changed),
            Err(SignatureError::Equation)
        );

        // Under A + T the challenge differs, but 8 (A + T) = 8 A: a signature made for that
        // challenge verifies.
        let shifted = key.add(&order_two);
        let nonce = Scalar::from(99);
        let r8 = Point::mul_base8(&nonce.to_bytes());
        let h =
            Scalar::from_le_bytes_mod_order(&field::to_bytes(&challenge(&r8, &shifted, message)));
        let s = nonce + h * Scalar::from_le_bytes_mod_order(private.pruned_integer().as_slice());
        let s = field::from_bytes(&s.to_bytes()).unwrap();
        assert_eq!(verify(&shifted, message, &Signature { r8, s }), Ok(()));
    }
}
