//! `verify`: a proof against the log's public part, or a finalized poll from its chain alone.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use maci_nova_chain::checksummed;
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_coordinator::directory;
use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_coordinator::prove::finalization::{finalize_call, Finalization};
use maci_nova_coordinator::prove::proof_file;
use maci_nova_protocol::field::to_decimal;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::results::Results;
use maci_nova_sdk::verify::{verify, VerifiedPoll, VerifyOptions};
use serde::Serialize;

use crate::arguments::shared::{Node, POLL_FILE};
use crate::arguments::voter::Verify;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::output::Output;
use crate::proof_document::ProofDocument;

/// Runs the command.
pub fn run(arguments: &Verify, console: &Console) -> Result<(), Failure> {
    match (&arguments.log, &arguments.proof) {
        (Some(log), Some(proof)) => of_log(arguments, log, proof, console),
        _ => of_poll(arguments, console),
    }
}

fn of_poll(arguments: &Verify, console: &Console) -> Result<(), Failure> {
    let node = Node {
        poll_file: poll_file(arguments)?,
        endpoint: arguments.endpoint.clone(),
    };
    console.listen()?;
    let connection = Connection::open(&node, None, console)?;
    let poll = connection.poll()?;
    let given = arguments.proof.as_deref().map(directory::decider_file);
    let given = given.as_deref().map(Finalization::read);
    let given = given.transpose()?;
    let given = given.as_ref().map(finalize_call);
    let options = VerifyOptions {
        keys: console.keys(),
        proof: given.as_ref(),
    };
    let verified = verify(&connection.chain, &poll, &options, console)?;
    if let Some(reason) = &verified.insecure {
        console.warn(format!("INSECURE: {reason}"));
    }
    for (of_others, what) in [
        (verified.unknown.gatekeeper, "who may sign up"),
        (
            verified.unknown.credits,
            "how many voice credits each voter gets",
        ),
    ] {
        if of_others {
            console.warn(format!(
                "{what} is decided by a contract that is none of this program's: read its code"
            ));
        }
    }
    console.print(&VerifiedDocument::new(&poll, &verified))
}

/// The one that is named, or the one that every other command takes.
fn poll_file(arguments: &Verify) -> Result<PathBuf, Failure> {
    let default = Path::new(POLL_FILE);
    match &arguments.poll_file {
        Some(path) => Ok(path.clone()),
        None if default.exists() => Ok(default.to_owned()),
        None => Err(Failure::Usage(format!(
            "what is the proof of? give --log FILE, the poll log of a proof that prove made, or --poll-file FILE, a finalized poll's; there is no {POLL_FILE} here"
        ))),
    }
}

/// A poll that was verified from its chain.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifiedDocument {
    #[serde(flatten)]
    results: Results,
    verified: bool,
    insecure: bool,
    key_digest: B256,
    /// Whether the contract that decides who signs up is none of this program's.
    unknown_gatekeeper: bool,
    /// The same of the contract that gives credits.
    unknown_credits: bool,
    voters: u64,
    messages: u64,
    chain_id: u64,
    #[serde(with = "checksummed")]
    poll: Address,
    #[serde(with = "checksummed")]
    verifier: Address,
    state_root: String,
    transaction: B256,
    block: u64,
}

impl VerifiedDocument {
    fn new(poll: &PollContract, verified: &VerifiedPoll) -> Self {
        VerifiedDocument {
            results: Results::new(&verified.results, verified.total_spent),
            verified: true,
            insecure: verified.insecure.is_some(),
            key_digest: verified.key_digest,
            unknown_gatekeeper: verified.unknown.gatekeeper,
            unknown_credits: verified.unknown.credits,
            voters: verified.voters,
            messages: verified.messages,
            chain_id: poll.chain_id,
            poll: poll.address,
            verifier: verified.verifier,
            state_root: to_decimal(&verified.state_root),
            transaction: verified.transaction,
            block: verified.block,
        }
    }
}

impl Output for VerifiedDocument {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.results.write_table(out)?;
        let setup = if self.insecure { ", INSECURE keys" } else { "" };
        writeln!(
            out,
            "\nverified{setup}: {} voters, {} messages, chain {}",
            self.voters, self.messages, self.chain_id
        )?;
        writeln!(out, "poll        {}", self.poll)?;
        writeln!(out, "verifier    {}", self.verifier)?;
        writeln!(
            out,
            "keys        {}: compare it with the ceremony's",
            self.key_digest
        )?;
        writeln!(
            out,
            "transaction {}, in block {}",
            self.transaction, self.block
        )
    }
}

fn of_log(arguments: &Verify, log: &Path, proof: &Path, console: &Console) -> Result<(), Failure> {
    let path = directory::proof_file(proof);
    let proof = proof_file::read(&path, console.production, console)?;
    let source = proof_file::source(&proof, arguments.ptau.as_ref())?;
    let log = PollLog::open(log)?;
    proof_file::check(&path, &proof, &source, log.facts(), console)?;
    console.print(&ProofDocument::new(&proof, true))
}
