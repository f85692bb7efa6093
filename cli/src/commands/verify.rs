//! `verify`: a proof against the log's public part, or a finalized poll from its chain alone.

use std::path::Path;

use crate::arguments::Verify;
use crate::console::Console;
use crate::failure::Failure;
use crate::poll_log::PollLog;
use crate::proof_document::ProofDocument;
use crate::{proof_directory, proof_file};

/// Runs the command.
pub fn run(arguments: &Verify, production: bool, console: &Console) -> Result<(), Failure> {
    match (&arguments.log, &arguments.proof) {
        (Some(log), Some(proof)) => of_log(arguments, log, proof, production, console),
        _ => Err(Failure::Internal("not here yet".into())),
    }
}

fn of_log(
    arguments: &Verify,
    log: &Path,
    proof: &Path,
    production: bool,
    console: &Console,
) -> Result<(), Failure> {
    let path = proof_directory::proof_file(proof);
    let proof = proof_file::read(&path, production, console)?;
    let source = proof_file::source(&proof, arguments.ptau.as_ref())?;
    let log = PollLog::open(log)?;
    proof_file::check(&path, &proof, &source, log.facts(), console)?;
    ProofDocument::new(&proof, true).print(console)
}
