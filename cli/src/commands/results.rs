//! `results`: of a finalized poll, or what a proof file claims.

use std::path::Path;

use maci_nova_compressor::FinalProof;
use maci_nova_coordinator::directory;
use maci_nova_coordinator::prove::proof_file;
use maci_nova_sdk::poll::status;

use crate::arguments;
use crate::arguments::shared::Node;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::proof_document::ProofDocument;

/// Runs the command.
pub fn run(arguments: &arguments::voter::Results, console: &Console) -> Result<(), Failure> {
    match (&arguments.proof, &arguments.poll_file) {
        (Some(proof), _) => of_file(proof, console),
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
    console.listen()?;
    let connection = Connection::read_only(node, console)?;
    let poll = connection.poll()?;
    console.print(&status::results(&connection.chain, &poll)?)
}

fn of_file(proof: &Path, console: &Console) -> Result<(), Failure> {
    let path = directory::proof_file(proof);
    let proof: FinalProof = proof_file::read(&path, console.production, console)?;
    console.warn("these are claims, not verified; use verify");
    console.print(&ProofDocument::new(&proof, false))
}
