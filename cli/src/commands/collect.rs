//! `collect`.

use crate::arguments::Collect;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Collect, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
