//! `status`: where a poll is.

use crate::arguments::Status;
use crate::clock;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::poll_status::status;

/// Runs the command.
pub fn run(arguments: &Status, console: &Console) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let connection = Connection::read_only(&arguments.node, &interrupt, console)?;
    let poll = connection.poll()?;
    let now = clock::now(&connection.chain)?;
    status(&connection.chain, &poll, now)?.print(console)
}
