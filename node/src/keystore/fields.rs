//! A keystore's fields, in the spellings of all programs.

use maci_nova_chain::alloy_primitives::hex;
use serde_json::{Map, Value};

/// Hexadecimal digits of either case, with or without `0x`, and with or without a zero in front.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.unwrap_or(text);
    // The decoder would take a second 0x.
    let digits = Some(digits).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    match digits.len() % 2 {
        0 => hex::decode(digits).ok(),
        _ => hex::decode(format!("0{digits}")).ok(),
    }
}

/// An object's fields, whose names some programs write with capitals.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Fields)
    }

    /// What is not there and what is null is the same.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        let exact = self.0.get(name).filter(|value| !value.is_null());
        exact.or_else(|| {
            let mut fields = self.0.iter();
            let found =
                fields.find(|(other, value)| other.eq_ignore_ascii_case(name) && !value.is_null());
            found.map(|(_, value)| value)
        })
    }

    pub(super) fn object(&self, name: &str) -> Result<Fields<'a>, String> {
        let found = self.get(name).and_then(Fields::of);
        found.ok_or_else(|| format!("it has no object \"{name}\""))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, String> {
        let text = |value: &'a Value| {
            let wrong = || format!("its \"{name}\" is not a text");
            value.as_str().ok_or_else(wrong)
        };
        self.get(name).map(text).transpose()
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, String> {
        let found = self.optional_text(name)?;
        found.ok_or_else(|| format!("it has no \"{name}\""))
    }

    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, String> {
        decode(self.text(name)?)
            .ok_or_else(|| format!("its \"{name}\" is not of hexadecimal digits"))
    }

    /// A number, or its digits as a text.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let number = |value: &Value| {
            let number = match value {
                Value::String(digits) => digits.trim().parse().ok(),
                other => other.as_u64(),
            };
            number.ok_or_else(|| format!("its \"{name}\" is not a number below 2^64"))
        };
        self.get(name).map(number).transpose()
    }

    pub(super) fn needed(&self, name: &str) -> Result<u64, String> {
        let found = self.number(name)?;
        found.ok_or_else(|| format!("it has no \"{name}\""))
    }
}
