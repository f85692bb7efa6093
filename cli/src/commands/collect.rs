//! `collect`: top-ups to the beneficiary and fees to the owner of a finalized poll.

use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_sdk::operator::payouts::{collect, Paid};
use maci_nova_sdk::poll::contract::PollContract;
use serde::Serialize;

use crate::arguments::operator::Collect;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    poll: String,
    tokens: String,
    fees: String,
    gas: u64,
}

/// Runs the command.
pub fn run(arguments: &Collect, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let mut connection = Connection::open(&arguments.node, Some(&arguments.sender), console)?;
    let (poll, from) = (connection.poll()?, connection.sending_account()?);
    let now = connection.now()?;
    let paid = collect(&mut connection.chain, from, &poll, now)?;
    let beneficiary = format!("the beneficiary {}", poll.info.settings.beneficiary);
    let owner = format!("the owner {}", poll.info.owner);
    let shown = print(&poll, &paid, [&beneficiary, &owner], console);
    connection.conclude(shown, console)
}

/// Says what was paid; tokens and fees to these.
pub fn print(
    poll: &PollContract,
    paid: &Paid,
    [tokens_to, fees_to]: [&str; 2],
    console: &Console,
) -> Result<(), Failure> {
    let Paid { tokens, fees, gas } = *paid;
    let document = Document {
        poll: poll.address.to_string(),
        tokens: tokens.to_string(),
        fees: fees.to_string(),
        gas,
    };
    console.show(&document, |out| {
        if tokens != U256::ZERO {
            let token = poll.info.settings.topUpToken;
            writeln!(out, "{tokens} of token {token} paid to {tokens_to}")?;
        }
        if fees != U256::ZERO {
            writeln!(out, "{fees} wei of fees paid to {fees_to}")?;
        }
        match paid.is_nothing() {
            true => writeln!(out, "there is nothing (more) to be paid"),
            false => writeln!(out, "{gas} gas"),
        }
    })
}
