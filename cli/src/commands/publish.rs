//! `publish`: messages of a file.

use maci_nova_chain::words;
use maci_nova_sdk::bundle::{self, publish::publish_missing};
use maci_nova_sdk::voter::{messages_file, publish, publish_again, Published};
use serde::Serialize;

use crate::arguments::voter::Publish;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// How many were sent now.
    messages: u64,
    /// How many the poll had already.
    already: u64,
    first_message: u64,
    /// Wei.
    fees: String,
    /// None if nothing was sent.
    gas: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: &Publish, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let messages = messages_file::read(&arguments.messages)?;
    let mut connection = Connection::sending(&arguments.node, &arguments.sender, console)?;
    let from = connection.sending_account()?;
    let poll = connection.poll()?;
    let budget = arguments.fee.budget();
    let prover = match arguments.bundle {
        true => Some(bundle::key::open(
            &connection.chain,
            &poll,
            arguments.bundle_key.as_deref(),
            connection.path(),
        )?),
        false => None,
    };
    let chain = &mut connection.chain;
    let published = match (&prover, arguments.again) {
        (None, true) => publish_again(chain, from, &poll, &messages, &budget, console),
        (None, false) => publish(chain, from, &poll, &messages, &budget, console),
        (Some(prover), true) => {
            bundle::publish::publish(chain, from, &poll, prover, &messages, &budget, console)
        }
        (Some(prover), false) => {
            publish_missing(chain, from, &poll, prover, &messages, &budget, console)
        }
    }?;
    let Published {
        first,
        count,
        already,
        fees,
        gas,
    } = published;
    let document = Document {
        messages: count,
        already,
        first_message: first,
        fees: fees.to_string(),
        gas: (count > 0).then_some(gas),
    };
    let all = words::count(count.saturating_add(already), "message");
    let shown = console.show(&document, |out| match (count, already) {
        (0, _) => writeln!(out, "the poll has the {all} already, from index {first} on"),
        (_, 0) => writeln!(out, "published {all} from index {first} on ({gas} gas)"),
        _ => writeln!(
            out,
            "published the last {count} of {all}, the first of which is at index {first} ({gas} gas)"
        ),
    });
    connection.conclude(shown, console)
}
