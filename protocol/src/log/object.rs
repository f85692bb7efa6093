//! A line's JSON object, read without losing duplicate keys and written in a fixed order.

use super::LogErrorKind;
use crate::babyjub::Point;
use crate::field::{to_decimal, Fr};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

enum Value {
    Text(String),
    Number(u64),
    List(Vec<String>),
}

/// The keys and values of a line, from which the known ones are taken one by one.
pub(super) struct Object(Vec<(String, Value)>);

impl Object {
    pub(super) fn parse(line: &[u8]) -> Result<Self, LogErrorKind> {
        let object: Object = serde_json::from_slice(line).map_err(|error| json_error(&error))?;
        for (i, (key, _)) in object.0.iter().enumerate() {
            if object.0[..i].iter().any(|(earlier, _)| earlier == key) {
                return Err(LogErrorKind::DuplicateField(key.clone()));
            }
        }
        Ok(object)
    }

    fn take(&mut self, field: &'static str) -> Result<Value, LogErrorKind> {
        let position = self.0.iter().position(|(key, _)| key == field);
        let position = position.ok_or(LogErrorKind::MissingField(field))?;
        Ok(self.0.swap_remove(position).1)
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<String, LogErrorKind> {
        match self.take(field)? {
            Value::Text(text) => Ok(text),
            _ => Err(LogErrorKind::WrongType {
                field,
                expected: "a string",
            }),
        }
    }

    pub(super) fn number(&mut self, field: &'static str) -> Result<u64, LogErrorKind> {
        match self.take(field)? {
            Value::Number(number) => Ok(number),
            _ => Err(LogErrorKind::WrongType {
                field,
                expected: "a number",
            }),
        }
    }

    pub(super) fn list(&mut self, field: &'static str) -> Result<Vec<String>, LogErrorKind> {
        match self.take(field)? {
            Value::List(list) => Ok(list),
            _ => Err(LogErrorKind::WrongType {
                field,
                expected: "a list of strings",
            }),
        }
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), LogErrorKind> {
        match self.0.into_iter().next() {
            Some((key, _)) => Err(LogErrorKind::UnknownField(key)),
            None => Ok(()),
        }
    }
}

/// The parser counts lines within its input, which is one line: only its column says something.
fn json_error(error: &serde_json::Error) -> LogErrorKind {
    if error.is_eof() {
        return LogErrorKind::Truncated;
    }
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    LogErrorKind::Json(format!("{reason} at column {}", error.column()))
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                    if fields.len() > MAX_FIELDS {
                        return Err(A::Error::custom("too many fields"));
                    }
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// More fields than any kind has.
const MAX_FIELDS: usize = 16;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string, a non-negative integer or a list of strings")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(text) = sequence.next_element()? {
                    list.push(text);
                }
                Ok(Value::List(list))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Writes one object. Keys and texts need no escapes: they are names and digits.
pub(super) struct Printer(String);

impl Printer {
    pub(super) fn new(kind: &str) -> Self {
        Printer(format!("{{\"kind\":\"{kind}\""))
    }

    fn value(mut self, field: &str, value: &str) -> Self {
        self.0.push_str(&format!(",\"{field}\":{value}"));
        self
    }

    pub(super) fn text(self, field: &str, text: &str) -> Self {
        self.value(field, &format!("\"{text}\""))
    }

    pub(super) fn number(self, field: &str, number: u64) -> Self {
        self.value(field, &number.to_string())
    }

    pub(super) fn element(self, field: &str, element: &Fr) -> Self {
        self.text(field, &to_decimal(element))
    }

    pub(super) fn elements(self, field: &str, elements: &[Fr]) -> Self {
        let texts: Vec<String> = elements
            .iter()
            .map(|x| format!("\"{}\"", to_decimal(x)))
            .collect();
        self.value(field, &format!("[{}]", texts.join(",")))
    }

    pub(super) fn point(self, field: &str, point: &Point) -> Self {
        self.elements(field, &[point.x, point.y])
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
