//! `status`: where a poll is.

use maci_nova_coordinator::folded::Folded;
use maci_nova_sdk::poll::status::{status, Placement, Status as PollStatus};
use maci_nova_sdk::voter::messages_file;
use serde::Serialize;

use crate::arguments::voter::Status;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(flatten)]
    status: PollStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded: Option<Folded>,
}

/// Runs the command.
pub fn run(arguments: &Status, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let connection = Connection::read_only(&arguments.node, console)?;
    let poll = connection.poll()?;
    let now = connection.now()?;
    let mut status = status(&connection.chain, &poll, now)?;
    if let Some(path) = &arguments.messages {
        let messages = messages_file::read(path)?;
        status.sent = Some(Placement::find(
            &connection.chain,
            &poll,
            &messages,
            console,
        )?);
    }
    let folded = arguments
        .proof
        .as_ref()
        .map(|root| Folded::of_poll(root, &poll, status.joins, status.messages))
        .transpose()?;
    let document = Document { status, folded };
    console.show(&document, |out| {
        document.status.write(out)?;
        match &document.folded {
            Some(folded) => {
                writeln!(out)?;
                folded.write(out, document.status.now)
            }
            None => Ok(()),
        }
    })
}
