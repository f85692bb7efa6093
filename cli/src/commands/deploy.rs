//! `deploy`.

use crate::arguments::Deploy;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Deploy, _production: bool, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
