//! `publish`: messages of a file.

use maci_nova_chain::words;
use maci_nova_sdk::voter::{messages_file, publish, Published};
use serde::Serialize;

use crate::arguments::voter::Publish;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    messages: u64,
    first_message: u64,
    gas: u64,
}

/// Runs the command.
pub fn run(arguments: &Publish, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let messages = messages_file::read(&arguments.messages)?;
    let mut connection = Connection::sending(&arguments.node, &arguments.sender, console)?;
    let from = connection.sending_account()?;
    let poll = connection.poll()?;
    let chain = &mut connection.chain;
    let Published { first, count, gas } = publish(chain, from, &poll, &messages, console)?;
    let document = Document {
        messages: count,
        first_message: first,
        gas,
    };
    console.show(&document, |out| {
        writeln!(
            out,
            "published {} from index {first} on ({gas} gas)",
            words::count(count, "message")
        )
    })
}
