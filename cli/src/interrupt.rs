//! Ctrl-C and termination: the first asks to stop, the second stops at once.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use maci_nova_sdk::ErrorKind;

use crate::failure::{exit_code, Failure};

const PROMISE: &str = "stopping after the current step (again to stop at once)";

/// Whether Ctrl-C was pressed, or the process was told to end.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes over the signals.
    pub fn listen(&self) -> Result<(), Failure> {
        self.take_over(true)
    }

    /// The same where standard error is a log, which has lines of its own.
    pub fn listen_silently(&self) -> Result<(), Failure> {
        self.take_over(false)
    }

    fn take_over(&self, says_so: bool) -> Result<(), Failure> {
        let flag = Arc::clone(&self.asked);
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(exit_code(ErrorKind::Interrupted)));
            }
            if says_so {
                let _ = writeln!(std::io::stderr().lock(), "{PROMISE}");
            }
        })
        .map_err(|error| Failure::Internal(format!("cannot listen for Ctrl-C: {error}")))
    }

    /// Asks, as a signal does.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Whether a signal has come.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}
