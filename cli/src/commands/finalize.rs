//! `finalize`: the count and a proof of it that a contract accepts.

use std::path::Path;

use maci_nova_chain::Chain;
use maci_nova_coordinator::coordinator::CoordinatorContext;
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_coordinator::finalize::{check_ahead, finalize};
use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_coordinator::parameters::parameters;
use maci_nova_coordinator::prove::decider::dry_run;
use maci_nova_coordinator::prove::session::ProveRequest;
use maci_nova_coordinator::segments::driver::SegmentCount;

use crate::arguments::coordinator::Finalize;
use crate::arguments::shared::Node;
use crate::broker::Jobs;
use crate::connection::{self, Connection};
use crate::console::Console;
use crate::failure::Failure;
use crate::key;
use crate::setup::source;

/// Runs the command.
pub fn run(arguments: &Finalize, console: &Console) -> Result<(), Failure> {
    match &arguments.log {
        Some(_) if arguments.segmented.broker.nats.is_some() => Err(Failure::Usage(
            "--nats is for a poll on its chain: workers prove no log's count".into(),
        )),
        Some(log) => of_log(arguments, log, console),
        None => send(arguments, console),
    }
}

/// The poll of a poll file, from its first event to the transaction that finalizes it.
fn send(arguments: &Finalize, console: &Console) -> Result<(), Failure> {
    let source = source(arguments.setup.ptau.as_ref(), console)?;
    let key = key::read(&arguments.key, console)?;
    console.listen()?;
    let node = Node {
        poll_file: arguments.poll_file.clone().unwrap_or_default(),
        endpoint: arguments.endpoint.clone(),
    };
    let mut connection = Connection::sending(&node, &arguments.sender, console)?;
    let poll = connection.poll()?;
    let sender = connection.sending_account()?;
    let jobs = Jobs::open(&arguments.segmented, console)?;
    let workers = jobs.as_ref().map(Jobs::workers);
    let directory = ProofDirectory::open(&arguments.out)?;
    // A poll that has its results may be this one's, sent before.
    if !directory.decider().exists() {
        let before = match workers.as_ref().map(|workers| workers.segments) {
            Some(SegmentCount::Of(segments)) => segments - 1,
            _ => 0,
        };
        check_ahead(&connection.chain, sender, &poll, before, console)?;
    }
    let parameters = parameters(poll.shape(), &source, console)?;
    let keys = connection.decider_keys(&poll, &parameters, console)?;
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
    let document = finalize(
        &mut connection.chain,
        sender,
        context,
        &directory,
        &keys,
        arguments.following.every.0,
    )?;
    connection.conclude(console.print(&document), console)
}

/// The poll of a log, for a verifier in an embedded EVM.
fn of_log(arguments: &Finalize, log: &Path, console: &Console) -> Result<(), Failure> {
    let source = source(arguments.setup.ptau.as_ref(), console)?;
    let key = key::read(&arguments.key, console)?;
    let log = PollLog::open(log)?;
    console.listen()?;
    let request = ProveRequest {
        log: &log,
        key: &key,
        out: &arguments.out,
        source,
        events_per_step: arguments.events_per_step,
        checkpoint_every: arguments.checkpoint_every,
        resume: arguments.resume,
    };
    console.print(&dry_run(&request, &console.keys(), console)?)
}
