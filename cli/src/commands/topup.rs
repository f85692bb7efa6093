//! `topup`.

use crate::arguments::Topup;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Topup, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
