//! What a command ends with: a result on stdout, or a failure on stderr.

use std::io::{self, BufWriter, ErrorKind, Write};

use serde::Serialize;

use crate::console::{complain, one_line, Console};
use crate::failure::Failure;
use crate::poll_status::{ResultsDocument, Status};

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

    /// Writes a command's result, for people or as one JSON document.
    pub fn print(&self, output: &impl Output) -> Result<(), Failure> {
        match self.json {
            true => self.json_result(output),
            false => self.result(|out| output.write(out)),
        }
    }

    /// Writes a value as one JSON document.
    pub fn json_result(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.result(|out| {
            serde_json::to_writer(&mut *out, value)?;
            writeln!(out)
        })
    }

    /// The failure on stderr: a line for people, or a line of JSON.
    pub fn failure(&self, failure: &Failure) {
        if self.json {
            let document = ErrorDocument {
                error: ErrorBody {
                    kind: failure.kind().name(),
                    exit_code: failure.kind().exit_code(),
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

impl Output for Status {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        Status::write(self, out)
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
