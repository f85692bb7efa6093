//! `status`.

use crate::arguments::Status;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Status, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
