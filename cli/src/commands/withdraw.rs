//! `withdraw`.

use crate::arguments::Withdraw;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Withdraw, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
