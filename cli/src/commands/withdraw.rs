//! `withdraw`: top-ups and fees back from a poll that was given up.

use maci_nova_chain::clock;

use crate::arguments::Withdraw;
use crate::commands::collect;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::{on_chain, Failure};
use crate::interrupt::Interrupt;
use crate::settlement::withdraw;

/// Runs the command.
pub fn run(arguments: &Withdraw, console: &Console) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let mut connection =
        Connection::sending(&arguments.node, &arguments.sender, &interrupt, console)?;
    let (poll, from) = (connection.poll()?, connection.sending_account()?);
    let now = clock::now(&connection.chain).map_err(on_chain("read the newest block"))?;
    let paid = withdraw(&mut connection.chain, from, &poll, now)?;
    collect::print(&poll, &paid, ["you", "you"], console)
}
