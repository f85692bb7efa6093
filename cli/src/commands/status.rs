//! `status`: where a poll is.

use maci_nova_chain::clock;

use crate::arguments::Status;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::{on_chain, Failure};
use crate::interrupt::Interrupt;
use crate::messages_file;
use crate::poll_status::{status, Sent};

/// Runs the command.
pub fn run(arguments: &Status, console: &Console) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let connection = Connection::read_only(&arguments.node, &interrupt, console)?;
    let poll = connection.poll()?;
    let now = clock::now(&connection.chain).map_err(on_chain("read the newest block"))?;
    let mut status = status(&connection.chain, &poll, now)?;
    if let Some(path) = &arguments.messages {
        let messages = messages_file::read(path)?;
        status.sent = Some(Sent::find(&connection.chain, &poll, &messages, console)?);
    }
    console.print(&status)
}
