//! The field of every protocol value, and its canonical text form.

use ff::PrimeField;
pub use halo2curves::bn256::Fr;
use num_bigint::BigUint;

/// Digits of the largest element, r - 1.
const MAX_DIGITS: usize = 77;

/// Why a text or an integer is not an element of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The text is empty.
    #[error("the number is empty")]
    Empty,
    /// A character is not one of `0` to `9` (signs, spaces and prefixes included).
    #[error("the number has a character that is not a decimal digit")]
    Digit,
    /// The number starts with 0 and is not `0`.
    #[error("the number has a leading zero")]
    LeadingZero,
    /// The number is not below the field's modulus r.
    #[error("the number is not below the modulus of the field")]
    Range,
}

/// Reads a canonical decimal number: digits only, no leading zero except in `0` itself, below r.
///
/// # Errors
/// A [`FieldError`] that says which of these conditions failed.
pub fn from_decimal(text: &str) -> Result<Fr, FieldError> {
    let digits = text.as_bytes();
    match digits {
        [] => return Err(FieldError::Empty),
        [b'0', _, ..] => return Err(FieldError::LeadingZero),
        _ => {}
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(FieldError::Digit);
    }
    if digits.len() > MAX_DIGITS {
        return Err(FieldError::Range);
    }
    // Below 10^77 < 2^256: four limbs hold the number.
    let mut limbs = [0u64; 4];
    for chunk in digits.chunks(19) {
        multiply_add(
            &mut limbs,
            10u64.pow(chunk.len() as u32),
            small_decimal(chunk),
        );
    }
    from_limbs(limbs).ok_or(FieldError::Range)
}

/// The value of at most 19 digits.
fn small_decimal(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}

/// `limbs = limbs * factor + addend`, little-endian limbs. The caller keeps the result below 2^256.
fn multiply_add(limbs: &mut [u64; 4], factor: u64, addend: u64) {
    let mut carry = u128::from(addend);
    for limb in limbs {
        carry += u128::from(*limb) * u128::from(factor);
        *limb = carry as u64;
        carry >>= 64;
    }
}

fn from_limbs(limbs: [u64; 4]) -> Option<Fr> {
    let mut bytes = [0u8; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    from_bytes(&bytes)
}

/// The canonical decimal text of an element, the inverse of [`from_decimal`].
pub fn to_decimal(value: &Fr) -> String {
    let mut limbs = to_limbs(value);
    // 77 digits are five groups of 19 at most, least significant first.
    let groups: [u64; 5] = std::array::from_fn(|_| divide(&mut limbs, 10u64.pow(19)));
    let mut text = String::with_capacity(MAX_DIGITS);
    for group in groups.iter().rev() {
        match text.as_str() {
            "" if *group == 0 => {}
            "" => text.push_str(&group.to_string()),
            _ => text.push_str(&format!("{group:019}")),
        }
    }
    if text.is_empty() {
        text.push('0');
    }
    text
}

/// `limbs = limbs / divisor`, little-endian limbs; gives the remainder.
fn divide(limbs: &mut [u64; 4], divisor: u64) -> u64 {
    let divisor = u128::from(divisor);
    let mut remainder = 0u128;
    for limb in limbs.iter_mut().rev() {
        let value = (remainder << 64) | u128::from(*limb);
        *limb = (value / divisor) as u64;
        remainder = value % divisor;
    }
    remainder as u64
}

fn to_limbs(value: &Fr) -> [u64; 4] {
    let bytes = to_bytes(value);
    let limb = |chunk: &[u8]| {
        chunk
            .iter()
            .rev()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    std::array::from_fn(|i| limb(&bytes[8 * i..8 * i + 8]))
}

/// The element as an integer in [0, r).
pub fn to_biguint(value: &Fr) -> BigUint {
    BigUint::from_bytes_le(&to_bytes(value))
}

/// The element of an integer.
///
/// # Errors
/// [`FieldError::Range`] if the integer is not below r.
pub fn from_biguint(value: &BigUint) -> Result<Fr, FieldError> {
    let little_endian = value.to_bytes_le();
    let mut bytes = [0u8; 32];
    bytes
        .get_mut(..little_endian.len())
        .ok_or(FieldError::Range)?
        .copy_from_slice(&little_endian);
    from_bytes(&bytes).ok_or(FieldError::Range)
}

/// The 32 little-endian bytes of the element's integer in [0, r).
pub fn to_bytes(value: &Fr) -> [u8; 32] {
    value.to_repr().into()
}

/// The element of 32 little-endian bytes, or `None` if their integer is not below r.
pub fn from_bytes(bytes: &[u8; 32]) -> Option<Fr> {
    Fr::from_repr((*bytes).into()).into()
}

/// The element as an integer, if that is below 2^64.
pub fn to_u64(value: &Fr) -> Option<u64> {
    to_u128(value).and_then(|value| value.try_into().ok())
}

/// The element as an integer, if that is below 2^128.
pub fn to_u128(value: &Fr) -> Option<u128> {
    let bytes = to_bytes(value);
    let (low, high) = bytes.split_at(16);
    if high.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(
        low.iter()
            .rev()
            .fold(0, |sum, byte| (sum << 8) | u128::from(*byte)),
    )
}

/// The element of an integer below 2^128.
pub fn from_u128(value: u128) -> Fr {
    Fr::from_u128(value)
}

/// The element of a signed integer: that of a negative one is `r - |value|`.
pub fn from_i64(value: i64) -> Fr {
    from_i128(value.into())
}

/// The element of a signed integer: that of a negative one is `r - |value|`.
pub fn from_i128(value: i128) -> Fr {
    let magnitude = from_u128(value.unsigned_abs());
    if value < 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// Serde form of one element: its canonical decimal string where people read it, and elsewhere the 32
/// bytes of [`to_bytes`].
pub mod decimal {
    use super::{from_bytes, from_decimal, to_bytes, to_decimal, Fr};
    use serde::{de::Error, Deserialize, Deserializer, Serialize, Serializer};
    use std::borrow::Cow;

    /// An element in a list.
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Element(#[serde(with = "self")] pub(crate) Fr);

    /// Writes the element.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Fr, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.serialize_str(&to_decimal(value)),
            false => to_bytes(value).serialize(serializer),
        }
    }

    /// Reads the element from its canonical form.
    ///
    /// # Errors
    /// Those of the deserializer, and a custom one if the text or the bytes are no canonical element.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fr, D::Error> {
        if deserializer.is_human_readable() {
            let text = Cow::<'_, str>::deserialize(deserializer)?;
            return from_decimal(&text).map_err(D::Error::custom);
        }
        from_bytes(&<[u8; 32]>::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("the bytes are not below the modulus of the field"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::Field;
    use proptest::prelude::*;

    const MODULUS: &str =
        "21888242871839275222246405745257275088548364400416034343698204186575808495617";

    #[test]
    fn decimal_edges() {
        assert_eq!(from_decimal("0"), Ok(Fr::ZERO));
        assert_eq!(to_decimal(&Fr::ZERO), "0");
        assert_eq!(
            to_decimal(&Fr::from(10).pow_vartime([19])),
            "10000000000000000000"
        );
        assert_eq!(from_decimal("1"), Ok(Fr::ONE));
        assert_eq!(from_decimal(""), Err(FieldError::Empty));
        for text in ["00", "01", "007"] {
            assert_eq!(from_decimal(text), Err(FieldError::LeadingZero), "{text}");
        }
        for text in ["-1", "+1", " 1", "1 ", "0x1", "1e3", "١", "1.0"] {
            assert!(from_decimal(text).is_err(), "{text}");
        }
        assert_eq!(from_decimal("-1"), Err(FieldError::Digit));
        assert_eq!(from_decimal(MODULUS), Err(FieldError::Range));
        assert_eq!(from_decimal(&"9".repeat(77)), Err(FieldError::Range));
        assert_eq!(from_decimal(&"1".repeat(10_000)), Err(FieldError::Range));
        let largest = to_biguint(&-Fr::ONE).to_str_radix(10);
        assert_eq!(from_decimal(&largest), Ok(-Fr::ONE));
    }

    #[test]
    fn small_integers() {
        assert_eq!(to_u64(&Fr::from(u64::MAX)), Some(u64::MAX));
        assert_eq!(to_u64(&(Fr::from(u64::MAX) + Fr::ONE)), None);
        assert_eq!(to_u128(&from_u128(u128::MAX)), Some(u128::MAX));
        assert_eq!(to_u128(&(from_u128(u128::MAX) + Fr::ONE)), None);
        assert_eq!(to_u128(&-Fr::ONE), None);
        assert_eq!(from_i64(7), Fr::from(7));
        assert_eq!(from_i64(-7), -Fr::from(7));
        assert_eq!(from_i128(i128::MIN), -from_u128(1 << 127));
        assert_eq!(from_i128(0), Fr::ZERO);
    }

    #[test]
    fn biguint_range() {
        let modulus = BigUint::parse_bytes(MODULUS.as_bytes(), 10).unwrap();
        assert_eq!(from_biguint(&modulus), Err(FieldError::Range));
        assert_eq!(from_biguint(&(&modulus << 300)), Err(FieldError::Range));
        assert_eq!(from_biguint(&(modulus - 1u32)), Ok(-Fr::ONE));
    }

    proptest! {
        #[test]
        fn text_round_trip(bytes in any::<[u8; 32]>()) {
            let mut wide = [0u8; 64];
            wide[..32].copy_from_slice(&bytes);
            let value = <Fr as ff::FromUniformBytes<64>>::from_uniform_bytes(&wide);
            prop_assert_eq!(from_decimal(&to_decimal(&value)), Ok(value));
            prop_assert_eq!(to_decimal(&value), to_biguint(&value).to_str_radix(10));
            prop_assert_eq!(from_biguint(&to_biguint(&value)), Ok(value));
            prop_assert_eq!(from_bytes(&to_bytes(&value)), Some(value));
        }

        #[test]
        fn text_agrees_with_big_integers(text in "[1-9][0-9]{0,76}") {
            let integer = BigUint::parse_bytes(text.as_bytes(), 10).unwrap();
            prop_assert_eq!(from_decimal(&text), from_biguint(&integer));
        }
    }
}
