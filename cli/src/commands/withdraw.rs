//! `withdraw`: top-ups and fees back from a poll that was given up.

use maci_nova_sdk::operator::payouts::withdraw;

use crate::arguments::operator::Withdraw;
use crate::commands::collect;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: &Withdraw, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let mut connection = Connection::open(&arguments.node, Some(&arguments.sender), console)?;
    let (poll, from) = (connection.poll()?, connection.sending_account()?);
    let now = connection.now()?;
    let paid = withdraw(&mut connection.chain, from, &poll, now)?;
    let shown = collect::print(&poll, &paid, ["you", "you"], console);
    connection.conclude(shown, console)
}
