//! `join`.

use crate::arguments::Join;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Join, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
