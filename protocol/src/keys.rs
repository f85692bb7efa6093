//! Private and public keys, their serialized forms, and the Diffie-Hellman shared key.
//!
//! Source: MACI's key objects; RFC 8032 section 5.1.5 for the shape of the derivation.

use crate::babyjub::{Point, Scalar};
use crate::blake512::blake512;
use crate::field::{self, Fr};
use crate::poseidon::hash;
use ff::Field;
use rand_core::{CryptoRng, RngCore};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const PRIVATE_PREFIX: &str = "macisk.";
const PUBLIC_PREFIX: &str = "macipk.";

/// Why a text or a point is not a key. No variant repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text does not start with `macisk.` or `macipk.`, whichever was expected.
    #[error("the key does not start with \"{0}\"")]
    Prefix(&'static str),
    /// What follows the prefix is not 1 to 64 hexadecimal digits.
    #[error("the key is not 1 to 64 hexadecimal digits after its prefix")]
    Hexadecimal,
    /// A private key or a coordinate is not below the field's modulus.
    #[error("the key is not below the modulus of the field")]
    Range,
    /// The point is not on the curve, or no point of the curve has the serialized coordinate.
    #[error("the public key is not a point of the curve")]
    Curve,
}

/// MACI's private key: a field element from which the secret scalar and the signature nonces derive.
///
/// `Debug` hides it and dropping it erases it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateKey(hidden)")
    }
}

impl PrivateKey {
    /// The key that is this element.
    pub fn from_element(element: Fr) -> Self {
        PrivateKey(Zeroizing::new(field::to_bytes(&element)))
    }

    /// A uniformly random key.
    pub fn random<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        Self::from_element(Fr::random(rng))
    }

    /// Reads `macisk.` and the hexadecimal, big-endian key.
    ///
    /// # Errors
    /// [`KeyError::Prefix`], [`KeyError::Hexadecimal`] or [`KeyError::Range`].
    pub fn from_serialized(text: &str) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(parse(text, PRIVATE_PREFIX)?);
        field::from_bytes(&bytes).ok_or(KeyError::Range)?;
        Ok(PrivateKey(bytes))
    }

    /// `macisk.` and 64 hexadecimal digits, big-endian: the key in the clear.
    pub fn to_serialized(&self) -> Zeroizing<String> {
        Zeroizing::new(print(PRIVATE_PREFIX, &self.0))
    }

    /// The secret scalar: the first half of BLAKE-512 of the key's decimal digits, read as a
    /// little-endian integer with bits 0, 1, 2 and 255 cleared and bit 254 set, divided by 8, modulo l.
    pub fn secret_scalar(&self) -> Scalar {
        let mut wide = self.pruned_integer();
        for i in 0..32 {
            let next = wide.get(i + 1).map_or(0, |byte| byte << 5);
            wide[i] = (wide[i] >> 3) | next;
        }
        Scalar::from_le_bytes_mod_order(wide.as_slice())
    }

    /// The public key: the secret scalar times B8.
    pub fn public_key(&self) -> PublicKey {
        let scalar = Zeroizing::new(self.secret_scalar().to_bytes());
        PublicKey(Point::mul_base8(&scalar))
    }

    /// BLAKE-512 of the key's decimal digits, which is how MACI's packages feed it to the hash.
    pub(crate) fn digest(&self) -> Zeroizing<[u8; 64]> {
        let element = field::from_bytes(&self.0).unwrap_or(Fr::ZERO);
        let digits = Zeroizing::new(field::to_decimal(&element));
        Zeroizing::new(blake512(digits.as_bytes()))
    }

    /// The first half of the digest with the bits of RFC 8032 cleared and set, little-endian.
    pub(crate) fn pruned_integer(&self) -> Zeroizing<[u8; 32]> {
        let digest = self.digest();
        let mut pruned = Zeroizing::new([0u8; 32]);
        pruned.copy_from_slice(&digest[..32]);
        pruned[0] &= 0xf8;
        pruned[31] &= 0x7f;
        pruned[31] |= 0x40;
        pruned
    }
}

/// A point of the curve that stands for a voter or a coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey(Point);

impl PublicKey {
    /// The key of a point on the curve (of any order).
    ///
    /// # Errors
    /// [`KeyError::Curve`] if the point is off the curve.
    pub fn new(point: Point) -> Result<Self, KeyError> {
        if point.is_on_curve() {
            Ok(PublicKey(point))
        } else {
            Err(KeyError::Curve)
        }
    }

    /// The point.
    pub fn point(&self) -> Point {
        self.0
    }

    /// `P2(x, y)`.
    pub fn hash(&self) -> Fr {
        hash(&[self.0.x, self.0.y])
    }

    /// `macipk.` and hexadecimal, big-endian: y, with bit 255 set if x is above (r - 1) / 2.
    pub fn to_serialized(&self) -> String {
        let mut packed = field::to_bytes(&self.0.y);
        packed[31] |= u8::from(is_upper_half(&self.0.x)) << 7;
        print(PUBLIC_PREFIX, &packed)
    }

    /// Reads what [`PublicKey::to_serialized`] writes.
    ///
    /// # Errors
    /// Any [`KeyError`].
    pub fn from_serialized(text: &str) -> Result<Self, KeyError> {
        let mut packed = parse(text, PUBLIC_PREFIX)?;
        let upper = packed[31] >> 7 == 1;
        packed[31] &= 0x7f;
        let y = field::from_bytes(&packed).ok_or(KeyError::Range)?;
        let x = Point::x_from_y(&y).ok_or(KeyError::Curve)?;
        let x = if is_upper_half(&x) == upper { x } else { -x };
        // x = 0 has one sign only.
        if is_upper_half(&x) != upper {
            return Err(KeyError::Curve);
        }
        Self::new(Point { x, y })
    }
}

/// Whether x > (r - 1) / 2, which holds for exactly one of x and -x unless x is 0: doubling wraps around r, which is
/// odd, so the result is odd.
fn is_upper_half(x: &Fr) -> bool {
    field::to_bytes(&x.double())[0] & 1 == 1
}

/// 1 to 64 hexadecimal digits after the prefix, as 32 little-endian bytes.
fn parse(text: &str, prefix: &'static str) -> Result<[u8; 32], KeyError> {
    let digits = text.strip_prefix(prefix).ok_or(KeyError::Prefix(prefix))?;
    if digits.is_empty() || digits.len() > 64 {
        return Err(KeyError::Hexadecimal);
    }
    let mut bytes = [0u8; 32];
    for (i, digit) in digits.chars().rev().enumerate() {
        let value = digit.to_digit(16).ok_or(KeyError::Hexadecimal)?;
        bytes[i / 2] |= (value as u8) << (4 * (i % 2));
    }
    Ok(bytes)
}

fn print(prefix: &str, little_endian: &[u8; 32]) -> String {
    let mut text = String::with_capacity(prefix.len() + 64);
    text.push_str(prefix);
    for byte in little_endian.iter().rev() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    text
}

/// The shared key of a private key and another's public key: secret scalar times point.
pub fn ecdh(private_key: &PrivateKey, public_key: &PublicKey) -> Point {
    shared_key(&private_key.secret_scalar(), &public_key.0)
}

/// The shared key of a secret scalar and an encryption key on the curve, of any order.
pub fn shared_key(scalar: &Scalar, encryption_key: &Point) -> Point {
    let mut bytes = scalar.to_bytes();
    let shared = encryption_key.mul(&bytes);
    bytes.zeroize();
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn texts_that_are_not_keys() {
        let private = PrivateKey::from_serialized;
        assert_eq!(private("macipk.01"), Err(KeyError::Prefix("macisk.")));
        assert_eq!(private(""), Err(KeyError::Prefix("macisk.")));
        assert_eq!(private("macisk."), Err(KeyError::Hexadecimal));
        assert_eq!(private("macisk.0g"), Err(KeyError::Hexadecimal));
        assert_eq!(private("macisk.é"), Err(KeyError::Hexadecimal));
        assert_eq!(
            private(&format!("macisk.{}", "0".repeat(65))),
            Err(KeyError::Hexadecimal)
        );
        assert_eq!(
            private(&format!("macisk.{}", "f".repeat(64))),
            Err(KeyError::Range)
        );

        let public = PublicKey::from_serialized;
        assert_eq!(public("macisk.01"), Err(KeyError::Prefix("macipk.")));
        assert_eq!(
            public(&format!("macipk.7{}", "f".repeat(63))),
            Err(KeyError::Range)
        );
        // y = 1 belongs to x = 0, which has no upper half.
        assert_eq!(
            public(&format!("macipk.8{}1", "0".repeat(62))),
            Err(KeyError::Curve)
        );
        assert_eq!(
            public("macipk.1").map(|key| key.point()),
            Ok(Point::IDENTITY)
        );
    }

    #[test]
    fn off_the_curve() {
        let point = Point {
            x: Fr::ONE,
            y: Fr::ONE,
        };
        assert_eq!(PublicKey::new(point), Err(KeyError::Curve));
        assert_eq!(PublicKey::new(Point::default()), Err(KeyError::Curve));
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(
            format!("{:?}", PrivateKey::from_element(Fr::from(77))),
            "PrivateKey(hidden)"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn serialized_round_trip(seed in any::<u64>()) {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let private = PrivateKey::random(&mut rng);
            let other = PrivateKey::random(&mut rng);
            let text = private.to_serialized();
            prop_assert_eq!(&PrivateKey::from_serialized(&text), &Ok(private.clone()));
            let public = private.public_key();
            prop_assert_eq!(PublicKey::from_serialized(&public.to_serialized()), Ok(public));
            prop_assert!(public.point().is_in_subgroup());
            prop_assert_eq!(ecdh(&private, &other.public_key()), ecdh(&other, &public));
        }
    }
}
