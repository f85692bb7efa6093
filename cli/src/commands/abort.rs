//! `abort`.

use crate::arguments::Abort;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Abort, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
