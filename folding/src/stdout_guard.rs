//! Keeps stdout clean while the proving library reads points of G2.
//!
//! halo2curves 0.9.0 prints a line for each bit of a constant while it checks that a point of
//! BN254's G2 is in the subgroup, and the library checks each that it reads. Stdout carries
//! results, so for these milliseconds it leads to the null device.

use std::io;

/// While this lives, what the process writes to stdout is lost.
///
/// Only one lives at a time: beginning another waits.
pub(crate) struct StdoutGuard {
    #[cfg(unix)]
    _redirect: unix::Redirect,
}

impl StdoutGuard {
    /// Redirects stdout until the value is dropped.
    pub(crate) fn begin() -> io::Result<Self> {
        Ok(StdoutGuard {
            #[cfg(unix)]
            _redirect: unix::Redirect::begin()?,
        })
    }
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::OpenOptions,
        io::{self, Write},
        os::fd::{AsFd, OwnedFd},
        sync::{Mutex, MutexGuard, PoisonError},
    };

    use rustix::stdio::dup2_stdout;

    /// Two redirections that overlap would restore each other's null device.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    pub(super) struct Redirect {
        stdout: OwnedFd,
        _turn: MutexGuard<'static, ()>,
    }

    impl Redirect {
        pub(super) fn begin() -> io::Result<Self> {
            let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            let null = OpenOptions::new().write(true).open("/dev/null")?;
            io::stdout().flush()?;
            let stdout = io::stdout().as_fd().try_clone_to_owned()?;
            dup2_stdout(&null)?;
            Ok(Redirect {
                stdout,
                _turn: turn,
            })
        }
    }

    impl Drop for Redirect {
        fn drop(&mut self) {
            // Nothing can be done about a failure here, and nothing proven depends on it.
            let _ = io::stdout().flush();
            let _ = dup2_stdout(&self.stdout);
        }
    }
}
