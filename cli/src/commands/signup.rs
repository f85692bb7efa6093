//! `signup`.

use crate::arguments::Signup;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &Signup, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
