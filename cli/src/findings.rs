//! What was found ready, missing or unknown, as it is printed.

use std::io::{self, Write};

use maci_nova_coordinator::readiness::{Finding, State};
use serde::Serialize;

/// A finding, in JSON and as a line for people.
#[derive(Serialize)]
pub struct Line {
    name: &'static str,
    state: &'static str,
    text: String,
}

impl From<Finding> for Line {
    fn from(finding: Finding) -> Self {
        Line {
            name: finding.name,
            state: match finding.state {
                State::Ready => "ready",
                State::Unknown => "unknown",
                State::Missing(_) => "missing",
            },
            text: finding.text,
        }
    }
}

/// One for each finding.
pub fn lines(findings: Vec<Finding>) -> Vec<Line> {
    findings.into_iter().map(Line::from).collect()
}

/// For people.
///
/// # Errors
/// Those of writing.
pub fn write_lines(lines: &[Line], out: &mut dyn Write) -> io::Result<()> {
    for Line { name, state, text } in lines {
        writeln!(out, "{state:<8} {name:<14} {text}")?;
    }
    Ok(())
}
