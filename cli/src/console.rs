//! The two channels: stdout carries the result, stderr everything else.

use std::io::{self, BufRead, BufWriter, ErrorKind, IsTerminal, Write};

use maci_nova_chain::{Observer, Progress, Stage};
use serde::Serialize;

use crate::arguments::Common;
use crate::failure::Failure;
use crate::poll_status::{ResultsDocument, Status};
use crate::progress::Bar;

/// A command's result.
pub trait Output: Serialize {
    /// As lines for people.
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// How to speak.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// Results and errors as JSON.
    pub json: bool,
    /// Neither progress nor notes.
    pub quiet: bool,
}

impl Console {
    /// As the flags say.
    pub fn new(common: &Common) -> Self {
        Console {
            json: common.json,
            quiet: common.quiet,
        }
    }

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

    /// A line on stderr that `--quiet` leaves out.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            complain(text.as_ref());
        }
    }

    /// A line on stderr that always shows.
    pub fn warn(&self, text: impl AsRef<str>) {
        complain(&format!("warning: {}", text.as_ref()));
    }

    /// Asks on stderr, which `--quiet` does not leave out; nothing where nobody could answer.
    pub fn ask(&self, question: &str) -> Option<String> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return None;
        }
        let mut out = io::stderr().lock();
        write!(out, "{question}").and_then(|()| out.flush()).ok()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).ok()?;
        Some(answer)
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

impl Observer for Console {
    fn note(&self, text: &str) {
        Console::note(self, text);
    }

    fn warn(&self, text: &str) {
        Console::warn(self, text);
    }

    fn stage(&self, stage: Stage) -> Box<dyn Progress> {
        Box::new(Bar::new(self, stage))
    }
}

/// A line on stderr, if anybody listens.
fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", one_line(text));
}

/// Replaces line breaks and other control characters, which input may bring into a message.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn messages_stay_on_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[31mc\r"), "a b [31mc ");
    }
}
