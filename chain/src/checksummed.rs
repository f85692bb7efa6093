//! Addresses as people read them, with their checksum (EIP-55): for `#[serde(with = ...)]`.

use alloy_primitives::Address;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// With its checksum.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

/// A checksum, if there is one, has to be right.
///
/// # Errors
/// Those of the deserializer, and one that says what is wrong with the address.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text
        .strip_prefix("0x")
        .ok_or_else(|| D::Error::custom("an address begins with 0x"))?;
    let has = |case: fn(&char) -> bool| digits.chars().any(|digit| case(&digit));
    if has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) {
        return Address::parse_checksummed(&text, None)
            .map_err(|error| D::Error::custom(format!("address {text}: {error}")));
    }
    text.parse()
        .map_err(|error| D::Error::custom(format!("address {text}: {error}")))
}
