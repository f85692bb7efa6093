//! `poll-create`.

use crate::arguments::PollCreate;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &PollCreate, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
