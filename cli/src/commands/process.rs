//! `process`.

use crate::arguments::Process;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Process, _production: bool, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
