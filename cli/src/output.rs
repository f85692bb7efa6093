//! What a command ends with: a result on stdout, or a failure on stderr.

use std::io::{self, BufWriter, ErrorKind, Write};

use maci_nova_coordinator::prove::finalization::Document;
use maci_nova_sdk::poll::status::ResultsDocument;
use serde::Serialize;

use crate::console::{complain, one_line, Console};
use crate::failure::{exit_code, Failure};

/// A command's result.
pub trait Output: Serialize {
    /// As lines for people.
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;
}

impl Console {
    /// Writes the result to stdout. A reader that has gone away is no error.
    pub fn result(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut out = BufWriter::new(io::stdout().lock());
        match write(&mut out).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                // What is left in the buffer must not be tried again when it is dropped.
                let _ = out.into_parts();
                Err(Failure::Stdout(error))
            }
            Err(_) => {
                let _ = out.into_parts();
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Writes a command's result: as one JSON document, or as what `lines` writes for people.
    pub fn show(
        &self,
        document: &impl Serialize,
        lines: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        match self.json {
            true => self.result(|out| {
                serde_json::to_writer(&mut *out, document)?;
                writeln!(out)
            }),
            false => self.result(lines),
        }
    }

    /// The same for a result that knows its lines.
    pub fn print(&self, output: &impl Output) -> Result<(), Failure> {
        self.show(output, |out| output.write(out))
    }

    /// The failure on stderr: a line for people, or a line of JSON.
    pub fn failure(&self, failure: &Failure) {
        if self.json {
            let document = ErrorDocument {
                error: ErrorBody {
                    kind: failure.kind().name(),
                    exit_code: exit_code(failure.kind()),
                    message: one_line(&failure.to_string()),
                },
            };
            if let Ok(line) = serde_json::to_string(&document) {
                complain(&line);
            }
        } else {
            complain(&format!("error: {}", one_line(&failure.to_string())));
        }
    }
}

impl Output for Document {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_lines(out)
    }
}

impl Output for ResultsDocument {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        ResultsDocument::write(self, out)
    }
}

#[derive(Serialize)]
struct ErrorDocument {
    error: ErrorBody,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    kind: &'static str,
    exit_code: u8,
    message: String,
}
