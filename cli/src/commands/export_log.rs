//! `export-log`.

use crate::arguments::ExportLog;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(_arguments: &ExportLog, _console: &Console) -> Result<(), Failure> {
    Err(Failure::Internal("not here yet".into()))
}
