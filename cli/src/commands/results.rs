//! `results`: what a proof file claims.

use maci_nova_compressor::FinalProof;

use crate::arguments;
use crate::console::Console;
use crate::failure::Failure;
use crate::proof_document::ProofDocument;
use crate::{proof_directory, proof_file};

/// Runs the command.
pub fn run(
    arguments: &arguments::Results,
    production: bool,
    console: &Console,
) -> Result<(), Failure> {
    let path = proof_directory::proof_file(&arguments.proof);
    let proof: FinalProof = proof_file::read(&path, production, console)?;
    console.warn("these are claims, not verified; use verify");
    ProofDocument::new(&proof, false).print(console)
}
