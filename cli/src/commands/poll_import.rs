//! `poll import`: a poll file from the chain.

use std::path::Path;

use maci_nova_chain::checksummed;
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_protocol::keys::PublicKey;
use maci_nova_sdk::poll::file::PollFileError;
use maci_nova_sdk::verify::import::{import, Imported};
use maci_nova_sdk::Error as PollError;
use serde::Serialize;

use crate::arguments::operator::PollImport;
use crate::connection::{connect, second};
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    chain_id: u64,
    #[serde(with = "checksummed")]
    poll: Address,
    first_block: u64,
    poll_id: u64,
    #[serde(with = "checksummed")]
    maci: Address,
    #[serde(with = "checksummed")]
    owner: Address,
    coordinator_key: String,
    insecure: bool,
    key_digest: B256,
    poll_file: &'a Path,
}

/// Runs the command.
pub fn run(arguments: &PollImport, console: &Console) -> Result<(), Failure> {
    let path = &arguments.node.poll_file;
    if path.exists() {
        return Err(PollError::from(PollFileError::Exists(path.clone())).into());
    }
    let url = arguments.node.endpoint.rpc_url.as_ref();
    let url = url.ok_or_else(|| {
        Failure::Usage(
            "give --rpc-url or set MACI_NOVA_RPC_URL: the file is made from a node".into(),
        )
    })?;
    console.listen()?;
    let chain = connect(url, None, None, None, console)?;
    let since = arguments.since_block;
    let imported = import(&chain, arguments.address, since, Some(url), console)?;
    let chain_id = imported.file.chain_id;
    let second = second(arguments.second_rpc_url.as_ref(), chain_id, console)?;
    if let Some(other) = &second {
        imported.compare(&import(
            other,
            arguments.address,
            since,
            Some(url),
            console,
        )?)?;
    }
    let insecure = imported.insecure.as_deref();
    console.keys().check(imported.key_digest, insecure)?;
    if let Some(reason) = insecure {
        console.warn(format!("INSECURE: {reason}"));
    }
    imported.file.create(path)?;
    let nodes = match second {
        Some(_) => "two nodes agree on",
        None => "one node, for want of --second-rpc-url, decides",
    };
    console.warn(format!(
        "whoever gave you the address {} decides which poll this is, and {nodes} what {} says: its operator's own poll file is better",
        arguments.address,
        path.display()
    ));
    print(&imported, path, console)
}

fn print(imported: &Imported, path: &Path, console: &Console) -> Result<(), Failure> {
    let poll = &imported.poll;
    let key = PublicKey::new(poll.header().coordinator_key)
        .map_err(|error| poll.inconsistent(&error.to_string()))?;
    let document = Document {
        chain_id: poll.chain_id,
        poll: poll.address,
        first_block: poll.first_block,
        poll_id: poll.header().poll_id,
        maci: poll.info.maci,
        owner: poll.info.owner,
        coordinator_key: key.to_serialized(),
        insecure: imported.insecure.is_some(),
        key_digest: imported.key_digest,
        poll_file: path,
    };
    console.show(&document, |out| {
        let Document { poll, chain_id, .. } = &document;
        writeln!(out, "poll             {poll} on chain {chain_id}")?;
        writeln!(out, "poll id          {}", document.poll_id)?;
        writeln!(out, "maci             {}", document.maci)?;
        writeln!(out, "owner            {}", document.owner)?;
        writeln!(out, "coordinator key  {}", document.coordinator_key)?;
        writeln!(
            out,
            "keys             {}: compare it with the ceremony's",
            document.key_digest
        )?;
        writeln!(out, "poll file        {}", path.display())
    })
}
