//! `results`: of a finalized poll, or what a proof file claims.

use std::path::Path;

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
    match &arguments.proof {
        Some(proof) => of_file(proof, production, console),
        None => Err(Failure::Internal("not here yet".into())),
    }
}

fn of_file(proof: &Path, production: bool, console: &Console) -> Result<(), Failure> {
    let path = proof_directory::proof_file(proof);
    let proof: FinalProof = proof_file::read(&path, production, console)?;
    console.warn("these are claims, not verified; use verify");
    ProofDocument::new(&proof, false).print(console)
}
