//! `process`: following a poll, and folding what can be folded.

use maci_nova_chain::Chain;
use serde::Serialize;

use crate::arguments::Process;
use crate::connection::{self, Connection};
use crate::console::Console;
use crate::coordinator::{check_unsettled, Coordinator, Office, Reached};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::proof_directory::ProofDirectory;
use crate::prover::source;
use crate::{key, parameters};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    complete: bool,
    voters: String,
    messages: String,
    steps: String,
}

/// Runs the command.
pub fn run(arguments: &Process, production: bool, console: &Console) -> Result<(), Failure> {
    let source = source(arguments.setup.ptau.as_ref(), production, console)?;
    let key = key::read(&arguments.key, console)?;
    let interrupt = Interrupt::listen()?;
    let connection = Connection::read_only(&arguments.node, &interrupt, console)?;
    let (chain, poll) = (&connection.chain, connection.poll()?);
    check_unsettled(chain, &poll)?;
    let directory = ProofDirectory::open(&arguments.out)?;
    let parameters = parameters::parameters(poll.shape(), &source, console)?;
    let second = connection::second(&arguments.following, poll.chain_id, &interrupt, console)?;
    let office = Office {
        poll: &poll,
        key: &key,
        parameters: &parameters,
        confirmations: arguments.following.confirmations,
        checkpoint_every: arguments.checkpoint_every,
        second: second.as_ref().map(|second| second as &dyn Chain),
        interrupt: &interrupt,
        observer: console,
    };
    let mut coordinator = Coordinator::open(office, &directory)?;
    let complete = match arguments.once {
        true => coordinator.work(chain)? == Reached::Complete,
        false => {
            coordinator.follow(chain, arguments.following.every.0)?;
            true
        }
    };
    print(&coordinator, complete, console)
}

fn print(coordinator: &Coordinator<'_>, complete: bool, console: &Console) -> Result<(), Failure> {
    let document = Document {
        complete,
        voters: coordinator.log().voters().to_string(),
        messages: coordinator.log().messages().to_string(),
        steps: coordinator.steps().to_string(),
    };
    if console.json {
        return console.json_result(&document);
    }
    console.result(|out| {
        let Document {
            voters,
            messages,
            steps,
            ..
        } = &document;
        writeln!(
            out,
            "{voters} joins, {messages} messages, {steps} steps folded"
        )?;
        match complete {
            true => writeln!(out, "all is folded: finalize proves it"),
            false => writeln!(out, "the poll goes on"),
        }
    })
}
