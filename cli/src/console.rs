//! How the program speaks to people: everything but results goes to stderr.

use std::io::{self, BufRead, IsTerminal, Write};

use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_sdk::poll::keys::KeyPolicy;

use crate::arguments::Common;
use crate::failure::Failure;
use crate::interrupt::Interrupt;

/// How to speak.
#[derive(Clone, Debug)]
pub struct Console {
    /// Results and errors as JSON.
    pub json: bool,
    /// Neither progress nor notes.
    pub quiet: bool,
    /// Nothing that is INSECURE.
    pub production: bool,
    /// The keys that polls rest on, where somebody has named them.
    pub key_digest: Option<B256>,
    /// Whether to stop.
    pub interrupt: Interrupt,
}

impl Console {
    /// As the flags say.
    pub fn new(common: &Common) -> Self {
        Console {
            json: common.json,
            quiet: common.quiet,
            production: common.production,
            key_digest: common.key_digest.and_then(|digest| digest.0),
            interrupt: Interrupt::default(),
        }
    }

    /// Which keys are relied on.
    pub fn keys(&self) -> KeyPolicy {
        KeyPolicy {
            production: self.production,
            digest: self.key_digest,
        }
    }

    /// From here on Ctrl-C stops the work after its current step, not the process.
    pub fn listen(&self) -> Result<(), Failure> {
        self.interrupt.listen()
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
}

/// A line on stderr, if anybody listens.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", one_line(text));
}

/// Replaces line breaks and other control characters, which input may bring into a message.
pub(crate) fn one_line(text: &str) -> String {
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
