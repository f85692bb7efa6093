//! `publish`.

use crate::arguments::Publish;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Publish, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
