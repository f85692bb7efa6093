//! `finalize`: the count and a proof of it that a contract accepts.

use std::path::Path;

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
    match &arguments.log {
        Some(log) => rehearse(arguments, log, production, console),
        None => Err(Failure::Internal("not here yet".into())),
    }
}

/// The poll of a log, for a verifier in an embedded EVM.
fn rehearse(
    arguments: &Finalize,
    log: &Path,
    production: bool,
    console: &Console,
) -> Result<(), Failure> {
    let source = source(arguments.setup.ptau.as_ref(), production, console)?;
    let key = key::read(&arguments.key, console)?;
    let log = PollLog::open(log)?;
    log.check_key(&key)?;
    let interrupt = Interrupt::listen()?;
    let job = Job {
        log: &log,
        key: &key,
        out: &arguments.out,
        source,
        events_per_step: arguments.events_per_step,
        checkpoint_every: arguments.checkpoint_every,
        resume: arguments.resume,
    };
    dry_run(&job, production, &interrupt, console)?.print(console)
}
