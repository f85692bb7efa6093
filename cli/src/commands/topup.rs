//! `topup`: voice credits for a voter.

use maci_nova_sdk::voter::budget::Budget;
use maci_nova_sdk::voter::{top_up, ToppedUp};
use serde::Serialize;

use crate::arguments::voter::Topup;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    state_index: u64,
    index: u64,
    voice_credits: String,
    tokens: String,
    /// Wei.
    fees: String,
    gas: u64,
}

/// Runs the command.
pub fn run(arguments: &Topup, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let mut connection = Connection::sending(&arguments.node, &arguments.sender, console)?;
    let from = connection.sending_account()?;
    let poll = connection.poll()?;
    let Topup {
        state_index,
        amount,
        ..
    } = *arguments;
    let budget = Budget {
        tokens: arguments.max_tokens,
        ..arguments.fee.budget()
    };
    let chain = &mut connection.chain;
    let topped_up = top_up(chain, from, &poll, state_index, amount, &budget, console)?;
    console.note("the top-up is for ballots that were sent before it");
    let ToppedUp {
        index,
        credits,
        tokens,
        fee,
        gas,
    } = topped_up;
    let document = Document {
        state_index,
        index,
        voice_credits: credits.to_string(),
        tokens: tokens.to_string(),
        fees: fee.to_string(),
        gas,
    };
    let shown = console.show(&document, |out| {
        writeln!(
            out,
            "added {credits} voice credits to state index {state_index} for {tokens} of the token ({gas} gas)"
        )
    });
    connection.conclude(shown, console)
}
