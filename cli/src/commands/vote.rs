//! `vote`: a ballot, published or written to a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use maci_nova_protocol::keys::PrivateKey;
use serde::Serialize;

use crate::arguments::{Choice, Vote};
use crate::ballot::Ballot;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::poll_contract::PollContract;
use crate::voter::{join_at, publish, the_join_of, Joined, Published};
use crate::{key, messages_file};

/// Bytes of a file with a ballot: more than a line for each of 5^10 options is no ballot.
const LARGEST_BALLOT: u64 = 1 << 28;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    state_index: u64,
    nonces: Vec<u64>,
    cost: String,
    voice_credits: String,
    out: Option<String>,
    first_message: Option<u64>,
    gas: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: &Vote, console: &Console) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let key = key::read(&arguments.key, console)?;
    let choices = choices(arguments)?;
    let mut connection = connect(arguments, &interrupt, console)?;
    let poll = connection.poll()?;
    let joined = find(arguments, &connection, &poll, &key, console)?;
    let mut ballot = Ballot {
        header: poll.header(),
        state_index: joined.state_index,
        key: &key,
        choices: &choices,
        new_key: None,
        first_nonce: arguments.nonce,
    };
    if let Some(path) = &arguments.new_key_file {
        // Only for a ballot that is one is a key file made.
        ballot.check_votes()?;
        ballot.new_key = Some(key::read_or_make(path, console)?.public_key());
    }
    let messages = ballot.messages()?;
    explain(&ballot, arguments.new_key_file.as_deref(), console);
    warn_of_cost(&ballot, joined.credits, console);
    let mut document = Document {
        state_index: joined.state_index,
        nonces: ballot.nonces(),
        cost: ballot.cost().to_string(),
        voice_credits: joined.credits.to_string(),
        out: None,
        first_message: None,
        gas: None,
    };
    if let Some(path) = &arguments.out {
        messages_file::write(path, &messages)?;
        document.out = Some(path.display().to_string());
    } else {
        let from = connection.sending_account()?;
        let Published { first, gas, .. } = publish(&mut connection.chain, from, &poll, &messages)?;
        (document.first_message, document.gas) = (Some(first), Some(gas));
    }
    document.print(console)
}

/// From the arguments, or from a file or standard input.
fn choices(arguments: &Vote) -> Result<Vec<Choice>, Failure> {
    let Some(path) = &arguments.ballot else {
        return Ok(arguments.votes.clone());
    };
    let unreadable = |source| Failure::Io {
        action: "read",
        path: path.clone(),
        source,
    };
    let input: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(unreadable)?),
    };
    let mut text = String::new();
    let read = input.take(LARGEST_BALLOT).read_to_string(&mut text);
    let length = read.map_err(unreadable)?;
    if length as u64 >= LARGEST_BALLOT {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(i, line)| {
            let wrong = |reason: String| {
                let path = path.display();
                Failure::Usage(format!("ballot {path}, line {}: {reason}", i + 1))
            };
            line.parse().map_err(wrong)
        })
        .collect()
}

/// With --out nothing is sent, so no account is needed.
fn connect(
    arguments: &Vote,
    interrupt: &Interrupt,
    console: &Console,
) -> Result<Connection, Failure> {
    match arguments.out {
        Some(_) => Connection::read_only(&arguments.node, interrupt, console),
        None => Connection::sending(&arguments.node, &arguments.sender, interrupt, console),
    }
}

/// The voter who is named, or who joined with the key.
fn find(
    arguments: &Vote,
    connection: &Connection,
    poll: &PollContract,
    key: &PrivateKey,
    console: &Console,
) -> Result<Joined, Failure> {
    let chain = &connection.chain;
    if let Some(index) = arguments.state_index {
        let joined = join_at(chain, poll, index, console)?;
        let text = || poll.contradiction(&format!("nobody has joined at state index {index}"));
        return joined.ok_or_else(text);
    }
    let joined = the_join_of(chain, poll, &key.public_key(), console)?;
    joined.ok_or_else(|| {
        poll.contradiction("nobody has joined with this key; give the poll key that you joined with, or name yourself with --state-index if a ballot changed to this key")
    })
}

fn explain(ballot: &Ballot<'_>, new_key_file: Option<&Path>, console: &Console) {
    let nonces: Vec<String> = ballot.nonces().iter().map(u64::to_string).collect();
    let key = match new_key_file {
        Some(path) => format!("the key of {}", path.display()),
        None => "one that nobody has, so that nothing sent before counts".into(),
    };
    console.note(format!(
        "a ballot for state index {}: published with nonces {}, counted from the last to the first; after it the key is {key}",
        ballot.state_index,
        nonces.join(", ")
    ));
}

/// Top-ups that are there already are counted after this ballot, so they do not help.
fn warn_of_cost(ballot: &Ballot<'_>, credits: u64, console: &Console) {
    let missing = ballot.cost().saturating_sub(u128::from(credits));
    if missing > 0 {
        console.warn(format!(
            "the ballot takes {} voice credits, and the voter joined with {credits}: without a top-up of {missing} AFTER this ballot a part of it is refused, and if that is its first vote, earlier ballots may count (top-ups that were sent before a ballot are not for it)",
            ballot.cost()
        ));
    }
}

impl Document {
    fn print(&self, console: &Console) -> Result<(), Failure> {
        if console.json {
            return console.json_result(self);
        }
        let count = self.nonces.len();
        let messages = if count == 1 { "message" } else { "messages" };
        console.result(|out| match (&self.out, self.first_message, self.gas) {
            (Some(path), ..) => writeln!(out, "{count} {messages} written to {path}; publish them"),
            (None, Some(first), Some(gas)) => {
                writeln!(
                    out,
                    "published {count} {messages} from index {first} on ({gas} gas)"
                )
            }
            _ => Ok(()),
        })
    }
}
