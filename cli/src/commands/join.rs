//! `join`: into a poll under a fresh key.

use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::known_root::KnownRoot;
use maci_nova_sdk::voter::sign_ups::newest_root;
use maci_nova_sdk::voter::{has_joined, join, join_key, sign_up_file, JoinRequest, Joined};
use serde::Serialize;

use crate::arguments::voter::Join;
use crate::connection::{second, Connection};
use crate::console::Console;
use crate::failure::Failure;
use crate::key;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    poll_key: String,
    state_index: u64,
    voice_credits: String,
    already_done: bool,
    gas: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: &Join, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let key = key::read(&arguments.key, console)?;
    let mut connection = Connection::sending(&arguments.node, &arguments.sender, console)?;
    let from = connection.sending_account()?;
    let poll = connection.poll()?;
    let wanted = join_key::Wanted::of(&connection.chain, &connection.file, &poll)?;
    let signed_up = match &arguments.key.key_file {
        Some(path) => sign_up_file::read(&sign_up_file::beside(path), poll.chain_id, poll.maci)?,
        None => None,
    };
    let known = known_roots(arguments, &connection, &poll, console)?;
    let named = arguments.join_key.as_deref();
    let prover = join_key::open(named, connection.path(), &wanted)?;
    let key_file = &arguments.poll_key_file;
    if !key_file.exists() && has_joined(&connection.chain, &poll, &key)? {
        return Err(poll.inconsistent(
            "the key has joined already; give the file of the key that it joined with in --poll-key-file",
        ).into());
    }
    // On disk before the poll has it: without it there is no vote.
    let poll_key = key::read_or_make(key_file, console)?.public_key();
    let request = JoinRequest {
        poll: &poll,
        signed_up,
        known: &known,
        prover: &prover,
        key: &key,
        poll_key: &poll_key,
        credit_data: &arguments.credit_data,
        min_credits: arguments.min_credits,
    };
    let joined = join(&mut connection.chain, from, &request, console)?;
    let shown = print(joined, poll_key.to_serialized(), console);
    connection.conclude(shown, console)
}

/// What is known of the tree of sign-ups, whatever the node shows.
fn known_roots(
    arguments: &Join,
    connection: &Connection,
    poll: &PollContract,
    console: &Console,
) -> Result<Vec<KnownRoot>, Failure> {
    let url = arguments.second_rpc_url.as_ref();
    let newest = match second(url, poll.chain_id, console)? {
        Some(other) => newest_root(&other, poll.maci)?,
        None => None,
    };
    Ok(connection.file.sign_ups.into_iter().chain(newest).collect())
}

fn print(joined: Joined, poll_key: String, console: &Console) -> Result<(), Failure> {
    let Joined {
        state_index,
        credits,
        gas,
    } = joined;
    let document = Document {
        poll_key,
        state_index,
        voice_credits: credits.to_string(),
        already_done: gas.is_none(),
        gas,
    };
    let text = format!("state index {state_index} and {credits} voice credits");
    console.show(&document, |out| match gas {
        Some(gas) => writeln!(out, "joined with {text} ({gas} gas)"),
        None => writeln!(out, "had joined with {text}"),
    })
}
