//! `maci-nova`: every role's commands. Standard output is the result, standard error the progress.
//!
//! The program is [`run`]. What it does on a chain is public, so that it can be done, and tested,
//! on any [`Chain`](maci_nova_chain::Chain): a node's (`maci_nova_node`) or the one in this
//! process.

mod advice;
pub mod arguments;
mod broker;
mod commands;
pub mod connection;
pub mod console;
pub mod demo;
pub mod failure;
mod findings;
mod interrupt;
mod key;
pub mod output;
mod progress;
mod proof_document;
mod relayer;
mod relaying;
mod setup;

use std::process::ExitCode;

use arguments::{maci, Arguments, Command, Common, PollCommand};
use clap::{CommandFactory, FromArgMatches};
use commands::{
    abort, bench, ceremony, collect, deploy, doctor, export_log, finalize, inspect, join, keygen,
    poll_create, poll_import, process, prove, pubkey, publish, results, serve, signup, status,
    tally, topup, verify, vote, withdraw, worker,
};
use console::Console;
use failure::{exit_code, Failure};

/// Does what the command line says; what the process ends with.
pub fn run() -> ExitCode {
    unset_empty_variables(&Arguments::command());
    let matches = maci::with_maci(Arguments::command()).get_matches();
    if let Some(reason) = maci::needless(&matches) {
        let common = Common::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        return end(Err(Failure::Usage(reason)), &Console::new(&common));
    }
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let console = Console::new(&arguments.common);
    end(dispatch(&arguments, &console), &console)
}

fn end(outcome: Result<(), Failure>, console: &Console) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console.failure(&failure);
            ExitCode::from(exit_code(failure.kind()))
        }
    }
}

/// A variable that is set to nothing is unset: the parser would take it for a value. No other thread
/// runs yet.
fn unset_empty_variables(command: &clap::Command) {
    for name in command.get_arguments().filter_map(clap::Arg::get_env) {
        if std::env::var_os(name).is_some_and(|value| value.is_empty()) {
            std::env::remove_var(name);
        }
    }
    command.get_subcommands().for_each(unset_empty_variables);
}

fn dispatch(arguments: &Arguments, console: &Console) -> Result<(), Failure> {
    match &arguments.command {
        Command::Keygen(arguments) => keygen::run(arguments, console),
        Command::Pubkey(arguments) => pubkey::run(arguments, console),
        Command::Tally(arguments) => tally::run(arguments, console),
        Command::Prove(arguments) => prove::run(arguments, console),
        Command::Finalize(arguments) => finalize::run(arguments, console),
        Command::Verify(arguments) => verify::run(arguments, console),
        Command::Results(arguments) => results::run(arguments, console),
        Command::Inspect(arguments) => inspect::run(arguments, console),
        Command::Demo(arguments) => demo::run(arguments, console),
        Command::Bench(arguments) => bench::run(arguments, console),
        Command::Ceremony(command) => ceremony::run(command, console),
        Command::Deploy(arguments) => deploy::run(arguments, console),
        Command::Doctor(arguments) => doctor::run(arguments, console),
        Command::Poll(PollCommand::Create(arguments)) | Command::CreatePoll(arguments) => {
            poll_create::run(arguments, console)
        }
        Command::Poll(PollCommand::Import(arguments)) => poll_import::run(arguments, console),
        Command::Signup(arguments) => signup::run(arguments, console),
        Command::Join(arguments) => join::run(arguments, console),
        Command::Vote(arguments) => vote::run(arguments, console),
        Command::Publish(arguments) => publish::run(arguments, console),
        Command::Topup(arguments) => topup::run(arguments, console),
        Command::Status(arguments) => status::run(arguments, console),
        Command::Process(arguments) => process::run(arguments, console),
        Command::Worker(arguments) => worker::run(arguments, console),
        Command::Serve(arguments) => serve::run(arguments, console),
        Command::Abort(arguments) => abort::run(arguments, console),
        Command::Withdraw(arguments) => withdraw::run(arguments, console),
        Command::Collect(arguments) => collect::run(arguments, console),
        Command::ExportLog(arguments) => export_log::run(arguments, console),
    }
}
