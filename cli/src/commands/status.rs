//! `status`: where a poll is.

use maci_nova_sdk::poll::status::{status, Placement};
use maci_nova_sdk::voter::messages_file;

use crate::arguments::voter::Status;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

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
    console.print(&status)
}
