//! `join`: into a poll under a fresh key.

use maci_nova_chain::RpcUrl;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::known_root::KnownRoot;
use maci_nova_sdk::voter::sign_ups::newest_root;
use maci_nova_sdk::voter::{
    has_joined, join, join_key, joined_already, prepare_join, sign_up_file, JoinRequest, Joined,
};
use serde::Serialize;

use crate::arguments::voter::Join;
use crate::connection::{second, Connection};
use crate::console::Console;
use crate::failure::Failure;
use crate::key;
use crate::relayer::{RelayError, Relayer};
use crate::relaying;

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
    let mut connection = match arguments.relayer {
        Some(_) => Connection::read_only(&arguments.node, console)?,
        None => Connection::sending(&arguments.node, &arguments.sender, console)?,
    };
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
    let (joined, before) = match &arguments.relayer {
        Some(url) => relay(url, &connection, &request, console)?,
        None => {
            let from = connection.sending_account()?;
            let joined = join(&mut connection.chain, from, &request, console)?;
            (joined, joined.gas.is_none())
        }
    };
    let shown = print(joined, before, poll_key.to_serialized(), console);
    connection.conclude(shown, console)
}

/// Has a relayer send the join, unless the key has joined already; whether it had.
fn relay(
    url: &RpcUrl,
    connection: &Connection,
    request: &JoinRequest<'_>,
    console: &Console,
) -> Result<(Joined, bool), Failure> {
    let (chain, poll, poll_key) = (&connection.chain, request.poll, request.poll_key);
    if has_joined(chain, poll, request.key)? {
        return Ok((joined_already(chain, poll, poll_key, console)?, true));
    }
    let relayer = Relayer::open(url, poll)?;
    if !relayer.document.joins {
        let text = "the relayer takes no joins for this poll";
        return Err(RelayError::Unfit(text.into()).into());
    }
    let call = prepare_join(chain, relayer.document.account, request, console)?;
    let joined = relaying::join(&relayer, chain, request, &call, console)?;
    Ok((joined, false))
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

fn print(joined: Joined, before: bool, poll_key: String, console: &Console) -> Result<(), Failure> {
    let Joined {
        state_index,
        credits,
        gas,
    } = joined;
    let document = Document {
        poll_key,
        state_index,
        voice_credits: credits.to_string(),
        already_done: before,
        gas,
    };
    let text = format!("state index {state_index} and {credits} voice credits");
    console.show(&document, |out| match (before, gas) {
        (false, Some(gas)) => writeln!(out, "joined with {text} ({gas} gas)"),
        (false, None) => writeln!(out, "joined with {text}, by the relayer"),
        (true, _) => writeln!(out, "had joined with {text}"),
    })
}
