//! `status`: where a poll is.

use crate::arguments::Status;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::messages_file;
use crate::poll_status::{status, Sent};

/// Runs the command.
pub fn run(arguments: &Status, console: &Console) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let connection = Connection::read_only(&arguments.node, &interrupt, console)?;
    let poll = connection.poll()?;
    let now = connection.now()?;
    let mut status = status(&connection.chain, &poll, now)?;
    if let Some(path) = &arguments.messages {
        let messages = messages_file::read(path)?;
        status.sent = Some(Sent::find(&connection.chain, &poll, &messages, console)?);
    }
    console.print(&status)
}
