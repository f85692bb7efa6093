//! What a poll is about: its title, its options, in a document of JSON.
//!
//! The contract knows numbers of options alone. What they stand for is said by the poll's operator, and
//! the poll file pins the document's keccak256, byte for byte: so everybody who has the file from
//! somebody they trust votes on, and reads results of, the same text.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use maci_nova_contracts::alloy_primitives::{keccak256, B256};
use maci_nova_files::without_mark;
use serde::{Deserialize, Serialize};

/// The format that is read and written.
pub const VERSION: u32 = 1;

/// The longest document, in bytes.
pub const LARGEST: usize = 1 << 20;

/// The longest name of an option, and title, in characters.
pub const LONGEST_NAME: usize = 200;

/// The longest description, in characters.
pub const LONGEST_DESCRIPTION: usize = 10_000;

/// What a poll is about. All of it is plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The format, [`VERSION`].
    pub version: u32,
    /// What the poll is called.
    pub title: String,
    /// What it is about, in paragraphs with an empty line between them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Options 0, 1, ....
    pub options: Vec<OptionText>,
}

/// What an option stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptionText {
    /// In a few words.
    pub name: String,
    /// In more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// Why a document does not say what a poll is about.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// It is too long.
    #[error("the poll's description has more than {LARGEST} bytes")]
    Size,
    /// It is no such document.
    #[error("this is no description of a poll: {0}")]
    Form(String),
    /// A later format, or none.
    #[error("the poll's description has version {0}, {VERSION} is known")]
    Version(u32),
    /// A text is empty, too long, or has characters that are none.
    #[error("the poll's description: {0}")]
    Text(String),
    /// The poll has another number of options.
    #[error("the description has {found} options, and the poll has {expected}")]
    Options {
        /// The document's.
        found: usize,
        /// The poll's.
        expected: u64,
    },
    /// It is another one than the poll file's.
    #[error("this is not the description that the poll file names: its hash is {0}")]
    Other(B256),
}

impl Metadata {
    /// Reads a document.
    ///
    /// # Errors
    /// See [`MetadataError`]; no bytes cause a panic.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        if bytes.len() > LARGEST {
            return Err(MetadataError::Size);
        }
        let form = |error: &dyn std::fmt::Display| MetadataError::Form(error.to_string());
        let text = std::str::from_utf8(bytes).map_err(|error| form(&error))?;
        let metadata: Metadata =
            serde_json::from_str(without_mark(text)).map_err(|error| form(&error))?;
        if metadata.version != VERSION {
            return Err(MetadataError::Version(metadata.version));
        }
        metadata.check_texts()?;
        Ok(metadata)
    }

    /// The same for the document that a poll file names, and a poll with so many options.
    ///
    /// # Errors
    /// [`MetadataError::Other`], before anything is read; [`MetadataError::Options`]; as for
    /// [`parse`](Self::parse).
    pub fn parse_known(bytes: &[u8], known: &B256, options: u64) -> Result<Self, MetadataError> {
        let found = digest(bytes);
        if found != *known {
            return Err(MetadataError::Other(found));
        }
        let metadata = Self::parse(bytes)?;
        metadata.check_options(options)?;
        Ok(metadata)
    }

    /// An error unless the poll has so many options.
    ///
    /// # Errors
    /// [`MetadataError::Options`].
    pub fn check_options(&self, expected: u64) -> Result<(), MetadataError> {
        let found = self.options.len();
        match found as u64 == expected {
            true => Ok(()),
            false => Err(MetadataError::Options { found, expected }),
        }
    }

    fn check_texts(&self) -> Result<(), MetadataError> {
        check("the title", &self.title, LONGEST_NAME, false)?;
        check("it", &self.description, LONGEST_DESCRIPTION, true)?;
        let mut names = HashSet::new();
        for (number, option) in self.options.iter().enumerate() {
            if !names.insert(option.name.trim()) {
                let text = format!("option {number} has the name of another one");
                return Err(MetadataError::Text(text));
            }
            let name = format!("the name of option {number}");
            check(&name, &option.name, LONGEST_NAME, false)?;
            let description = format!("the description of option {number}");
            check(&description, &option.description, LONGEST_DESCRIPTION, true)?;
        }
        Ok(())
    }
}

/// Where it is published: `poll.metadata.json` beside `poll.json`.
pub fn beside(poll_file: &Path) -> PathBuf {
    let mut name = poll_file.file_stem().unwrap_or_default().to_owned();
    name.push(".metadata.json");
    poll_file.with_file_name(name)
}

/// keccak256 of a document, as poll files have it.
pub fn digest(document: &[u8]) -> B256 {
    keccak256(document)
}

/// A text is said as it is written: nothing in it turns the direction of what follows, or hides.
fn check(what: &str, text: &str, longest: usize, is_long: bool) -> Result<(), MetadataError> {
    let wrong = |problem: &str| Err(MetadataError::Text(format!("{what} {problem}")));
    if !is_long && text.trim().is_empty() {
        return wrong("is empty");
    }
    if text.chars().count() > longest {
        return wrong(&format!("has more than {longest} characters"));
    }
    let is_line_end = |c: char| is_long && matches!(c, '\n' | '\r' | '\t');
    match text
        .chars()
        .any(|c| (c.is_control() && !is_line_end(c)) || does_not_show(c))
    {
        true => wrong("has characters that do not show"),
        false => Ok(()),
    }
}

/// Unicode's characters that take no room, turn the direction of text, or look like nothing.
fn does_not_show(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use serde_json::{json, Value};

    use super::*;

    fn document() -> Value {
        json!({
            "version": 1,
            "title": "Which projects get the money",
            "description": "Of the year.\n\nAll of it.",
            "options": [{"name": "A well"}, {"name": "A bridge", "description": "Of wood."}],
        })
    }

    fn parse(document: &Value) -> Result<Metadata, MetadataError> {
        Metadata::parse(document.to_string().as_bytes())
    }

    #[test]
    fn a_document() {
        let metadata = parse(&document()).expect("a document");
        assert_eq!(metadata.options[1].name, "A bridge");
        assert!(metadata.check_options(2).is_ok());
        let other = metadata.check_options(3);
        assert!(matches!(
            other,
            Err(MetadataError::Options {
                found: 2,
                expected: 3
            })
        ));
        let again = serde_json::to_value(&metadata).expect("JSON");
        assert_eq!(again, document());
    }

    #[test]
    fn the_one_that_the_poll_file_names() {
        let bytes = document().to_string().into_bytes();
        let known = digest(&bytes);
        assert!(Metadata::parse_known(&bytes, &known, 2).is_ok());
        // The same content with other spaces is another document.
        let spaced = serde_json::to_vec_pretty(&document()).expect("JSON");
        let other = Metadata::parse_known(&spaced, &known, 2);
        assert!(matches!(other, Err(MetadataError::Other(_))));
        let fewer = Metadata::parse_known(&bytes, &known, 3);
        assert!(matches!(fewer, Err(MetadataError::Options { .. })));
    }

    #[test]
    fn what_is_no_document() {
        let changed = |pointer: &str, value: Value| {
            let mut document = document();
            *document.pointer_mut(pointer).expect("there") = value;
            parse(&document).err().map(|error| error.to_string())
        };
        for (pointer, value, expected) in [
            ("/version", json!(2), "version 2"),
            ("/title", json!(" "), "the title is empty"),
            ("/title", json!("x".repeat(201)), "more than 200"),
            ("/title", json!("a\nb"), "do not show"),
            ("/options/0/name", json!("A \u{202e}llew"), "option 0 has"),
            ("/options/1/name", json!(""), "option 1 is empty"),
            ("/options/1/name", json!("\u{3164}"), "do not show"),
            ("/options/1/name", json!("A\u{200f} bridge"), "do not show"),
            ("/options/1/name", json!("A\u{e0041} bridge"), "do not show"),
            (
                "/options/1/name",
                json!(" A well"),
                "the name of another one",
            ),
            ("/options/1/description", json!("\u{0}"), "do not show"),
            ("/options", json!(2), "no description"),
        ] {
            let error = changed(pointer, value).unwrap_or_default();
            assert!(error.contains(expected), "{pointer}: {error}");
        }
        let mut more = document();
        more["script"] = json!("x");
        assert!(matches!(parse(&more), Err(MetadataError::Form(_))));
        for bytes in [&b""[..], b"{", b"\xff", &[b' '; LARGEST + 1]] {
            assert!(Metadata::parse(bytes).is_err());
        }
    }
}
