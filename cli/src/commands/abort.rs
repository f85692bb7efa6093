//! `abort`: giving a poll up.

use maci_nova_sdk::operator::payouts::abort;
use serde::Serialize;

use crate::arguments::operator::Abort;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    poll: String,
    state: &'static str,
    /// None if it was given up before.
    gas: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: &Abort, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let mut connection = Connection::open(&arguments.node, Some(&arguments.sender), console)?;
    let (poll, from) = (connection.poll()?, connection.sending_account()?);
    let now = connection.now()?;
    let gas = abort(&mut connection.chain, from, &poll, now)?;
    let document = Document {
        poll: poll.address.to_string(),
        state: "aborted",
        gas,
    };
    let shown = console.show(&document, |out| match gas {
        Some(gas) => writeln!(
            out,
            "poll {} is aborted ({gas} gas); withdraw pays back what was paid",
            poll.address
        ),
        None => writeln!(out, "poll {} was aborted already", poll.address),
    });
    connection.conclude(shown, console)
}
