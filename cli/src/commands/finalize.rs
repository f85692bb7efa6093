//! `finalize`: the count and a proof of it that a contract accepts.

use crate::arguments::Finalize;
use crate::console::Console;
use crate::failure::Failure;
use crate::finalizer::dry_run;
use crate::interrupt::Interrupt;
use crate::key;
use crate::poll_log::PollLog;
use crate::prover::{source, Job};

/// Runs the command.
pub fn run(arguments: &Finalize, production: bool, console: &Console) -> Result<(), Failure> {
    if !arguments.dry_run {
        return Err(Failure::Usage(
            "sending to a chain needs a poll file, which this version does not read; use --dry-run"
                .into(),
        ));
    }
    let proving = &arguments.proving;
    let source = source(proving, production, console)?;
    let key = key::read(&proving.key, console)?;
    let log = PollLog::open(&proving.log)?;
    log.check_key(&key)?;
    let interrupt = Interrupt::listen()?;
    let job = Job::new(proving, source, &log, &key);
    dry_run(&job, production, &interrupt, console)?.print(console)
}
