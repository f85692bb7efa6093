//! `process`: following a poll, and folding what can be folded.

use maci_nova_chain::words::count;
use maci_nova_chain::Chain;
use maci_nova_coordinator::coordinator::{Coordinator, CoordinatorContext, Reached};
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_coordinator::finalize::check_not_over;
use maci_nova_coordinator::parameters::parameters;
use serde::Serialize;

use crate::arguments::coordinator::Process;
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

/// Runs the command.
pub fn run(arguments: &Process, console: &Console) -> Result<(), Failure> {
    let source = source(arguments.setup.ptau.as_ref(), console)?;
    let key = key::read(&arguments.key, console)?;
    console.listen()?;
    let connection = Connection::read_only(&arguments.node, console)?;
    let (chain, poll) = (&connection.chain, connection.poll()?);
    check_not_over(chain, &poll)?;
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
        observer: console,
    };
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
