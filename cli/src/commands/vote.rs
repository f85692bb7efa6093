//! `vote`.

use crate::arguments::Vote;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Vote, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
