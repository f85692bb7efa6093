//! `process`: following a poll, and folding what can be folded.

use maci_nova_chain::words::count;
use maci_nova_chain::Chain;
use maci_nova_coordinator::coordinator::{Coordinator, CoordinatorContext, Reached};
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_coordinator::finalize::{check_not_over, prove};
use maci_nova_coordinator::parameters::parameters;
use maci_nova_coordinator::prove::finalization::Finalization;
use serde::Serialize;

use crate::arguments::coordinator::Process;
use crate::broker::Jobs;
use crate::connection::{self, Connection};
use crate::console::Console;
use crate::failure::Failure;
use crate::key;
use crate::setup::source;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    complete: bool,
    voters: u64,
    messages: u64,
    steps: u64,
}

/// What is there once workers have proven all of it.
#[derive(Serialize)]
struct ProvenDocument {
    proven: bool,
    segments: u64,
}

/// Runs the command.
pub fn run(arguments: &Process, console: &Console) -> Result<(), Failure> {
    let source = source(arguments.setup.ptau.as_ref(), console)?;
    let key = key::read(&arguments.key, console)?;
    console.listen()?;
    let connection = Connection::read_only(&arguments.node, console)?;
    let (chain, poll) = (&connection.chain, connection.poll()?);
    check_not_over(chain, &poll)?;
    let jobs = Jobs::open(&arguments.segmented, console)?;
    let workers = jobs.as_ref().map(Jobs::workers);
    let directory = ProofDirectory::open(&arguments.out)?;
    let parameters = parameters(poll.shape(), &source, console)?;
    let second = connection::second(
        arguments.following.second_rpc_url.as_ref(),
        poll.chain_id,
        console,
    )?;
    let context = CoordinatorContext {
        poll: &poll,
        key: &key,
        parameters: &parameters,
        confirmations: arguments.following.confirmations,
        checkpoint_every: arguments.checkpoint_every,
        second: second.as_ref().map(|second| second as &dyn Chain),
        workers: workers.as_ref(),
        observer: console,
    };
    if context.workers.is_some() {
        let keys = connection.decider_keys(&poll, &parameters, console)?;
        let every = arguments.following.every.0;
        let proven = prove(chain, context, &directory, &keys, every)?;
        return print_proven(&proven.finalization, console);
    }
    let mut coordinator = Coordinator::open(context, &directory)?;
    let complete = match arguments.once {
        true => coordinator.work(chain)? == Reached::Complete,
        false => {
            coordinator.follow(chain, arguments.following.every.0)?;
            true
        }
    };
    print(&coordinator, complete, console)
}

fn print_proven(finalization: &Finalization, console: &Console) -> Result<(), Failure> {
    let document = ProvenDocument {
        proven: true,
        segments: finalization.segments.len() as u64 + 1,
    };
    console.show(&document, |out| {
        writeln!(
            out,
            "all is proven, in {}: finalize sends it",
            count(document.segments, "segment")
        )
    })
}

fn print(coordinator: &Coordinator<'_>, complete: bool, console: &Console) -> Result<(), Failure> {
    let document = Document {
        complete,
        voters: coordinator.log().voters(),
        messages: coordinator.log().messages(),
        steps: coordinator.steps(),
    };
    console.show(&document, |out| {
        let log = coordinator.log();
        writeln!(
            out,
            "{}, {}, {} folded",
            count(log.voters(), "join"),
            count(log.messages(), "message"),
            count(coordinator.steps(), "step")
        )?;
        match complete {
            true => writeln!(out, "all is folded: finalize proves it"),
            false => writeln!(out, "the poll goes on"),
        }
    })
}
