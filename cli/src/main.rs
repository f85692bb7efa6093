//! `maci-nova`: every role's commands. Standard output is the result, standard error the progress.

mod arguments;
mod checkpoints;
mod commands;
mod console;
mod count;
mod estimate;
mod failure;
mod finalization;
mod finalizer;
mod interrupt;
mod key;
mod plan;
mod poll_log;
mod progress;
mod proof_directory;
mod proof_document;
mod proof_file;
mod prover;
mod report;
mod steps;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser;
use commands::{demo, finalize, inspect, keygen, prove, pubkey, results, tally, verify};
use console::Console;
use failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let console = Console::new(&arguments.common);
    match run(&arguments, &console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console.failure(&failure);
            ExitCode::from(failure.kind().exit_code())
        }
    }
}

fn run(arguments: &Arguments, console: &Console) -> Result<(), Failure> {
    let production = arguments.common.production;
    match &arguments.command {
        Command::Keygen(arguments) => keygen::run(arguments, console),
        Command::Pubkey(arguments) => pubkey::run(arguments, console),
        Command::Tally(arguments) => tally::run(arguments, console),
        Command::Prove(arguments) => prove::run(arguments, production, console),
        Command::Finalize(arguments) => finalize::run(arguments, production, console),
        Command::Verify(arguments) => verify::run(arguments, production, console),
        Command::Results(arguments) => results::run(arguments, production, console),
        Command::Inspect(arguments) => inspect::run(arguments, console),
        Command::Demo(arguments) => demo::run(arguments, production, console),
    }
}
