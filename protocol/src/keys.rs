//! Private and public keys, their serialized forms, and the Diffie-Hellman shared key.
//!
//! Source: MACI's key objects, 1.2 to 3.0; RFC 8032 section 5.1.5 for the shape of the derivation.

use crate::babyjub::{Point, Scalar};
use crate::blake512::blake512;
use crate::field::{self, Fr};
use crate::poseidon::hash;
use rand_core::{CryptoRng, RngCore};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const PRIVATE_PREFIX: &str = "macisk.";
const PUBLIC_PREFIX: &str = "macipk.";

/// Hexadecimal digits of a key.
const DIGITS: usize = 64;

/// A public key has more than two bytes of zeros in front once in 2^22 keys.
const FEWEST_PUBLIC_DIGITS: usize = DIGITS - 4;

/// Why a text or a point is not a key. No variant repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text does not start with `macisk.` or `macipk.`, whichever was expected.
    #[error("the key does not start with \"{0}\"")]
    Prefix(&'static str),
    /// What follows the prefix is not 1 to 64 hexadecimal digits.
    #[error("the key is not 1 to 64 hexadecimal digits after its prefix")]
    Hexadecimal,
    /// A public key has so many digits, and is not one of those that MACI's packages write with
    /// fewer than 64.
    #[error("the key has {0} of 64 digits: a part of it is missing")]
    Cut(usize),
    /// A public key's coordinate is not below the field's modulus.
    #[error("the key is not below the modulus of the field")]
    Range,
    /// The point is not on the curve, or no point of the curve has the serialized coordinate.
    #[error("the public key is not a point of the curve")]
    Curve,
}

/// Digits of the largest private key, 2^256 - 1.
const MAX_DIGITS: usize = 78;

/// MACI's private key: any integer below 2^256, from which the secret scalar and the signature
/// nonces derive.
///
/// It is the seed of a hash and nothing is computed with it, so it is never reduced: k and k + r
/// are different keys. `Debug` hides it and dropping it erases it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateKey(hidden)")
    }
}

impl PrivateKey {
    /// The key that is this element's integer, in [0, r).
    pub fn from_element(element: Fr) -> Self {
        PrivateKey(Zeroizing::new(field::to_bytes(&element)))
    }

    /// A uniformly random key of 256 bits, as MACI's packages draw it.
    pub fn random<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut_slice());
        PrivateKey(bytes)
    }

    /// Reads `macisk.` and the hexadecimal, big-endian key: 1 to 64 digits, upper or lower case.
    ///
    /// # Errors
    /// [`KeyError::Prefix`] or [`KeyError::Hexadecimal`].
    pub fn from_serialized(text: &str) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        parse(text, PRIVATE_PREFIX, &mut bytes)?;
        Ok(PrivateKey(bytes))
    }

    /// `macisk.` and 64 hexadecimal digits, big-endian, as MACI's packages write it: the key in the
    /// clear.
    pub fn to_serialized(&self) -> Zeroizing<String> {
        Zeroizing::new(print(PRIVATE_PREFIX, self.0.as_slice()))
    }

    /// The secret scalar: the first half of BLAKE-512 of the key's decimal digits, read as a
    /// little-endian integer with bits 0, 1, 2 and 255 cleared and bit 254 set, divided by 8,
    /// modulo l.
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
        let mut buffer = Zeroizing::new([0; MAX_DIGITS]);
        Zeroizing::new(blake512(decimal(&self.0, &mut buffer)))
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

    /// `macipk.` and hexadecimal, big-endian: y, with bit 255 set if x is above (r - 1) / 2. As
    /// MACI's packages write it, in whole bytes, and without those that are 0 in front (unlike a
    /// private key).
    pub fn to_serialized(&self) -> String {
        let mut packed = field::to_bytes(&self.0.y);
        packed[31] |= u8::from(is_upper_half(&self.0.x)) << 7;
        let length = packed.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
        print(PUBLIC_PREFIX, &packed[..length])
    }

    /// Reads what [`PublicKey::to_serialized`] writes for a key that somebody has, with or without
    /// zeros in front.
    ///
    /// Half of all texts that were cut are points of the curve, but an eighth of the curve's points
    /// alone are in the subgroup in which keys are. So a text that lacks one or two bytes in front,
    /// as one in 96 keys does, has to be in it; one that lacks more is refused.
    ///
    /// # Errors
    /// Any [`KeyError`].
    pub fn from_serialized(text: &str) -> Result<Self, KeyError> {
        let mut packed = [0; 32];
        let digits = parse(text, PUBLIC_PREFIX, &mut packed)?;
        if digits == DIGITS {
            return Self::unpack(packed);
        }
        let cut = Err(KeyError::Cut(digits));
        if digits < FEWEST_PUBLIC_DIGITS || digits % 2 != 0 {
            return cut;
        }
        match Self::unpack(packed) {
            Ok(key) if key.0.is_in_subgroup() => Ok(key),
            _ => cut,
        }
    }

    fn unpack(mut packed: [u8; 32]) -> Result<Self, KeyError> {
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

/// Whether x > (r - 1) / 2, which holds for exactly one of x and -x unless x is 0: doubling wraps
/// around r, which is odd, so the result is odd.
fn is_upper_half(x: &Fr) -> bool {
    field::to_bytes(&x.double())[0] & 1 == 1
}

/// Reads 1 to 64 hexadecimal digits after the prefix into little-endian bytes that are 0, and gives
/// their number.
fn parse(text: &str, prefix: &'static str, bytes: &mut [u8; 32]) -> Result<usize, KeyError> {
    let digits = text.strip_prefix(prefix).ok_or(KeyError::Prefix(prefix))?;
    if digits.is_empty() || digits.len() > DIGITS {
        return Err(KeyError::Hexadecimal);
    }
    for (i, digit) in digits.chars().rev().enumerate() {
        let value = digit.to_digit(16).ok_or(KeyError::Hexadecimal)?;
        bytes[i / 2] |= (value as u8) << (4 * (i % 2));
    }
    Ok(digits.len())
}

fn print(prefix: &str, little_endian: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + 2 * little_endian.len());
    text.push_str(prefix);
    for byte in little_endian.iter().rev() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    text
}

/// Writes the decimal digits of 32 little-endian bytes to the buffer's end, and gives them: no zero
/// in front, and one digit for 0. Nothing else is left of them: what is divided is erased, and
/// nothing is allocated.
fn decimal<'a>(little_endian: &[u8; 32], buffer: &'a mut [u8; MAX_DIGITS]) -> &'a [u8] {
    let mut quotient = Zeroizing::new(*little_endian);
    let mut first = MAX_DIGITS;
    loop {
        first -= 1;
        buffer[first] = b'0' + divide_by_ten(&mut quotient);
        if quotient.iter().all(|byte| *byte == 0) {
            return &buffer[first..];
        }
    }
}

/// Divides little-endian bytes by ten, and gives the remainder.
fn divide_by_ten(little_endian: &mut [u8; 32]) -> u8 {
    let mut remainder = 0u16;
    for byte in little_endian.iter_mut().rev() {
        let value = (remainder << 8) | u16::from(*byte);
        // The remainder is below 10, so the quotient is below 256.
        *byte = (value / 10) as u8;
        remainder = value % 10;
    }
    remainder as u8
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
    use ff::Field;
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
        assert_eq!(private("macisk.+1"), Err(KeyError::Hexadecimal));
        assert_eq!(private("macisk.0x1"), Err(KeyError::Hexadecimal));
        assert_eq!(private(" macisk.1"), Err(KeyError::Prefix("macisk.")));

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
        let identity = format!("macipk.{}1", "0".repeat(63));
        assert_eq!(
            public(&identity).map(|key| key.point()),
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
        let largest = format!("macisk.{}", "f".repeat(64));
        for key in [
            PrivateKey::from_element(Fr::from(77)),
            PrivateKey::from_serialized(&largest).unwrap(),
        ] {
            assert_eq!(format!("{key:?}"), "PrivateKey(hidden)");
        }
    }

    /// The field's modulus is no bound: the key above it is not the one below it, nor is it
    /// refused.
    #[test]
    fn keys_are_not_reduced() {
        let key = |text: &str| PrivateKey::from_serialized(&format!("macisk.{text}")).unwrap();
        let modulus = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
        assert_ne!(key(modulus), key("0"));
        assert_ne!(key(modulus).public_key(), key("0").public_key());
        let largest = key(&"f".repeat(64));
        assert_eq!(
            largest.to_serialized().as_str(),
            format!("macisk.{}", "f".repeat(64))
        );
        let public = largest.public_key().to_serialized();
        assert!(public.starts_with("macipk.2c557aab55"), "{public}");
    }

    #[test]
    fn random_keys_are_of_256_bits() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let mut union = [0u8; 32];
        for _ in 0..64 {
            let key = PrivateKey::random(&mut rng);
            union
                .iter_mut()
                .zip(&*key.0)
                .for_each(|(all, byte)| *all |= byte);
        }
        assert_eq!(union, [0xff; 32]);
    }

    #[test]
    fn public_keys_are_written_in_whole_bytes() {
        let key = |x: Fr, y: Fr| PublicKey::new(Point { x, y }).unwrap();
        assert_eq!(key(Fr::ZERO, Fr::ONE).to_serialized(), "macipk.01");
        // (x, 0) with a x^2 = 1.
        let x = Point::x_from_y(&Fr::ZERO).unwrap();
        let texts = [x, -x].map(|x| {
            let key = key(x, Fr::ZERO);
            let text = key.to_serialized();
            let whole = format!("macipk.{:0>64}", &text[7..]);
            assert_eq!(PublicKey::from_serialized(&whole), Ok(key));
            text
        });
        let zero = "macipk.00".to_owned();
        let upper = format!("macipk.80{}", "0".repeat(62));
        assert!(texts == [zero.clone(), upper.clone()] || texts == [upper, zero]);
    }

    /// A key is read with and without the zeros in front that MACI's packages leave out.
    #[test]
    fn public_keys_with_fewer_digits() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut short = 0;
        for _ in 0..600 {
            let key = PrivateKey::random(&mut rng).public_key();
            let text = key.to_serialized();
            let digits = &text[7..];
            short += usize::from(digits.len() < 64);
            assert_eq!(PublicKey::from_serialized(&text), Ok(key));
            let whole = format!("macipk.{digits:0>64}");
            assert_eq!(PublicKey::from_serialized(&whole), Ok(key));
        }
        assert!(short > 0);
    }

    /// At either end, by any number of digits.
    #[test]
    fn public_keys_that_were_cut() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let [mut cut, mut missed] = [0, 0];
        for _ in 0..100 {
            let text = PrivateKey::random(&mut rng).public_key().to_serialized();
            let digits = &text[7..];
            for left in 1..digits.len() {
                for part in [&digits[..left], &digits[digits.len() - left..]] {
                    match PublicKey::from_serialized(&format!("macipk.{part}")) {
                        Err(KeyError::Cut(found)) => assert_eq!(found, left),
                        Ok(_) if left == 62 || left == 60 => missed += 1,
                        other => panic!("{part}: {other:?}"),
                    }
                    cut += 1;
                }
            }
        }
        // Of 400 that could be keys of MACI's, one in 16 or fewer.
        assert!(missed < 50 && cut > 12_000, "{missed} of {cut}");
    }

    proptest! {
        #[test]
        fn decimal_digits_are_those_of_the_integer(bytes in any::<[u8; 32]>(), length in 0usize..33) {
            let mut bytes = bytes;
            bytes[length..].fill(0);
            let digits = num_bigint::BigUint::from_bytes_le(&bytes).to_str_radix(10);
            let mut buffer = [0; MAX_DIGITS];
            prop_assert_eq!(decimal(&bytes, &mut buffer), digits.as_bytes());
        }
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
