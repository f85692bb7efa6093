//! `prove`: the count and its proof.

use crate::arguments::Proving;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::key;
use crate::poll_log::PollLog;
use crate::proof_document::ProofDocument;
use crate::prover::{prove, source, Job};

/// Runs the command.
pub fn run(arguments: &Proving, production: bool, console: &Console) -> Result<(), Failure> {
    let source = source(arguments.ptau.as_ref(), production, console)?;
    let key = key::read(&arguments.key, console)?;
    let log = PollLog::open(&arguments.log)?;
    log.check_key(&key)?;
    let interrupt = Interrupt::listen()?;
    let job = Job::new(arguments, source, &log, &key);
    let proof = prove(&job, &interrupt, console)?;
    ProofDocument::new(&proof, true).print(console)
}
