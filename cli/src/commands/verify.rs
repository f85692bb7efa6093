//! `verify`: a proof against the log's public part.

use crate::arguments::Verify;
use crate::console::Console;
use crate::failure::Failure;
use crate::poll_log::PollLog;
use crate::proof_document::ProofDocument;
use crate::{proof_directory, proof_file};

/// Runs the command.
pub fn run(arguments: &Verify, production: bool, console: &Console) -> Result<(), Failure> {
    let path = proof_directory::proof_file(&arguments.proof);
    let proof = proof_file::read(&path, production, console)?;
    let source = proof_file::source(&proof, arguments.ptau.as_ref())?;
    let log = PollLog::open(&arguments.log)?;
    proof_file::check(&path, &proof, &source, log.facts(), console)?;
    ProofDocument::new(&proof, true).print(console)
}
