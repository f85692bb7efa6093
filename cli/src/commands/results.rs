//! `results`: of a finalized poll, or what a proof file claims.

use std::path::Path;

use maci_nova_compressor::FinalProof;

use crate::arguments::{self, Node};
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::proof_document::ProofDocument;
use crate::{poll_status, proof_directory, proof_file};

/// Runs the command.
pub fn run(
    arguments: &arguments::Results,
    production: bool,
    console: &Console,
) -> Result<(), Failure> {
    match (&arguments.proof, &arguments.poll_file) {
        (Some(proof), _) => of_file(proof, production, console),
        (None, Some(poll_file)) => {
            let node = Node {
                poll_file: poll_file.clone(),
                endpoint: arguments.endpoint.clone(),
            };
            of_poll(&node, console)
        }
        (None, None) => Err(Failure::Usage("give --poll-file or --proof".into())),
    }
}

/// What the poll's contract has stored.
fn of_poll(node: &Node, console: &Console) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let connection = Connection::read_only(node, &interrupt, console)?;
    let poll = connection.poll()?;
    console.print(&poll_status::results(&connection.chain, &poll)?)
}

fn of_file(proof: &Path, production: bool, console: &Console) -> Result<(), Failure> {
    let path = proof_directory::proof_file(proof);
    let proof: FinalProof = proof_file::read(&path, production, console)?;
    console.warn("these are claims, not verified; use verify");
    ProofDocument::new(&proof, false).print(console)
}
