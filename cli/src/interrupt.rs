//! Ctrl-C and termination: the first asks to stop, the second stops at once.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::failure::{Failure, Kind};

const PROMISE: &str = "stopping after the current step (again to stop at once)";

/// Whether somebody asked to stop.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes over the signals.
    pub fn listen() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(Kind::Interrupted.exit_code()));
            }
            let _ = writeln!(std::io::stderr().lock(), "{PROMISE}");
        })
        .map_err(|error| Failure::Internal(format!("cannot listen for Ctrl-C: {error}")))?;
        Ok(Interrupt { asked })
    }

    /// Leaves the signals alone: nobody asks, unless with [`Interrupt::ask`].
    pub fn deaf() -> Self {
        Interrupt {
            asked: Arc::default(),
        }
    }

    /// Asks, as a signal does.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Whether a signal has come.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// The flag itself, for whoever polls it.
    pub fn flag(&self) -> &AtomicBool {
        &self.asked
    }
}
