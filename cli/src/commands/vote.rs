//! `vote`: a ballot, published or written to a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use maci_nova_chain::words::{count, ether};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_files::as_text;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::relay::document::BallotDocument;
use maci_nova_sdk::voter::ballot::{Ballot, Choice};
use maci_nova_sdk::voter::budget::Budget;
use maci_nova_sdk::voter::signer::Signer;
use maci_nova_sdk::voter::signing_window::{can_be_repeated, Outlook, Window};
use maci_nova_sdk::voter::{cast, messages_file, publish, require_open, Published};
use serde::Serialize;

use crate::arguments::voter::Vote;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::key;
use crate::relaying::Relay;

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
    /// The last block, as far as can be told, in which what was written to the file can be
    /// published; none without anchors.
    publish_until: Option<u64>,
    /// The last block, as far as can be told, in which others can send what was signed until now,
    /// once more or at all; none without anchors, where that is so until the poll's end.
    replayable_until: Option<u64>,
    first_message: Option<u64>,
    /// Where the relayer has published it, if it was asked to and has.
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed: Option<BallotDocument>,
    /// Wei.
    fees: Option<String>,
    gas: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: &Vote, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let key = key::read(&arguments.key, console)?;
    let choices = choices(arguments)?;
    let mut connection = connect(arguments, console)?;
    let poll = connection.poll()?;
    let signer = Signer {
        key: &key.public_key(),
        state_index: arguments.state_index,
        first_nonce: arguments.nonce,
        before_key_change: arguments.before_key_change,
    };
    let joined = signer.find(&connection.chain, &poll, console)?;
    let mut ballot = Ballot {
        header: poll.header(),
        state_index: joined.state_index,
        key: &key,
        choices: &choices,
        new_key: None,
        first_nonce: arguments.nonce,
        at_least: arguments.pad,
    };
    // Only for a ballot that can count, and is paid for, is a key file made.
    ballot.check_votes()?;
    check_cost(&ballot, joined.credits, &poll, console)?;
    let (budget, messages) = (arguments.fee.budget(), ballot.nonces().len());
    if arguments.out.is_none() {
        budget.for_messages(&poll, messages, &())?;
    }
    let relay = open_relay(arguments, &connection, &poll, console)?;
    if let Some(path) = &arguments.new_key_file {
        ballot.new_key = Some(key::read_or_make(path, console)?.public_key());
    }
    let drafts = ballot.drafts()?;
    explain(&ballot, arguments.new_key_file.as_deref(), console);
    let outlook = match poll.header().has_anchors() {
        true => Some(Outlook::now(&connection.chain, &poll)?),
        false => None,
    };
    warn_of_replays(&connection, &poll, outlook.as_ref(), console)?;
    let mut document = Document {
        state_index: joined.state_index,
        nonces: ballot.nonces(),
        cost: ballot.cost().to_string(),
        voice_credits: joined.credits.to_string(),
        out: None,
        publish_until: None,
        replayable_until: outlook.map(|outlook| outlook.last(outlook.window.present)),
        first_message: None,
        relayed: None,
        fees: None,
        gas: None,
    };
    if let Some(path) = &arguments.out {
        require_open(&connection.chain, &poll)?;
        let anchor = Window::newest(&connection.chain, &poll)?;
        let signed = ballot.messages(&anchor)?;
        messages_file::write(path, &signed)?;
        document.out = Some(path.display().to_string());
        document.publish_until = outlook.map(|outlook| outlook.last(anchor.block_number));
        match &relay {
            None => tell_fee(&poll, messages, console),
            Some(relay) => {
                let kept = Kept {
                    path,
                    messages: &signed,
                    budget: &budget,
                };
                let done = kept.relay(relay, &mut connection, &poll, console)?;
                document.set_done(done);
            }
        }
    } else {
        let from = connection.sending_account()?;
        let chain = &mut connection.chain;
        let published = cast(chain, from, &poll, &drafts, &budget, console)?;
        document.set_published(&published);
    }
    connection.conclude(document.print(console), console)
}

/// The relayer that is named, if one is.
fn open_relay(
    arguments: &Vote,
    connection: &Connection,
    poll: &PollContract,
    console: &Console,
) -> Result<Option<Relay>, Failure> {
    let (Some(url), Some(key_file)) = (&arguments.relayer, &arguments.ticket_key_file) else {
        return Ok(None);
    };
    let join_key = arguments.join_key.as_deref();
    Relay::open(url, key_file, join_key, connection, poll, console).map(Some)
}

/// A signed ballot in a file.
struct Kept<'a> {
    path: &'a Path,
    messages: &'a [SignedMessage],
    budget: &'a Budget,
}

/// Who has published a ballot.
enum Done {
    /// The relayer.
    Relayed(BallotDocument),
    /// The account that is named.
    Published(Published),
}

impl Kept<'_> {
    /// What the relayer does not publish the account that is named does, the same bytes: other ones of
    /// the same voter could be undone by what the relayer has.
    fn relay(
        &self,
        relay: &Relay,
        connection: &mut Connection,
        poll: &PollContract,
        console: &Console,
    ) -> Result<Done, Failure> {
        let error = match relay.ballot(&connection.chain, poll, self.messages, console) {
            Ok(relayed) => return Ok(Done::Relayed(relayed)),
            Err(Failure::Relayer(error)) => error,
            Err(failure) => return Err(failure),
        };
        let Some(from) = connection.sender() else {
            return Err(Failure::Unrelayed {
                error,
                messages: self.path.to_owned(),
            });
        };
        console.warn(format!(
            "{error}: account {from} publishes the same messages"
        ));
        let chain = &mut connection.chain;
        let published = publish(chain, from, poll, self.messages, self.budget, console)?;
        Ok(Done::Published(published))
    }
}

/// From the arguments, or from a file or standard input.
fn choices(arguments: &Vote) -> Result<Vec<Choice>, Failure> {
    let Some(path) = &arguments.ballot else {
        return Ok(arguments.votes.clone());
    };
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::InvalidData => {
            Failure::Input(format!("cannot read ballot {}: {source}", path.display()))
        }
        _ => Failure::Io {
            action: "read",
            path: path.clone(),
            source,
        },
    };
    let input: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(unreadable)?),
    };
    let mut bytes = Vec::new();
    let read = input.take(LARGEST_BALLOT).read_to_end(&mut bytes);
    let length = read.map_err(unreadable)?;
    if length as u64 >= LARGEST_BALLOT {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    let text = as_text(&bytes).map_err(unreadable)?;
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(i, line)| {
            let wrong = |reason: String| {
                let path = path.display();
                Failure::Input(format!("ballot {path}, line {}: {reason}", i + 1))
            };
            line.parse().map_err(wrong)
        })
        .collect()
}

/// With --out nothing is sent, so no account is needed, unless what a relayer does not publish is to
/// be.
fn connect(arguments: &Vote, console: &Console) -> Result<Connection, Failure> {
    let sends = match (&arguments.out, &arguments.relayer) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(_)) => arguments.sender.is_named(),
    };
    match sends {
        true => Connection::sending(&arguments.node, &arguments.sender, console),
        false => Connection::read_only(&arguments.node, console),
    }
}

fn explain(ballot: &Ballot<'_>, new_key_file: Option<&Path>, console: &Console) {
    let nonces: Vec<String> = ballot.nonces().iter().map(u64::to_string).collect();
    let key = match new_key_file {
        Some(path) => format!(
            "the key of {}, which signs only what is sent before this ballot (to vote again, use the key that you joined with)",
            path.display()
        ),
        None => "one that is forgotten, so that nothing sent before counts".into(),
    };
    console.note(format!(
        "a ballot for state index {}: to be published with nonces {}, counted from the last to the first; after it the key is {key}",
        ballot.state_index,
        nonces.join(", ")
    ));
}

/// What was sent before can be sent again by others as long as its anchor is taken.
fn warn_of_replays(
    connection: &Connection,
    poll: &PollContract,
    outlook: Option<&Outlook>,
    console: &Console,
) -> Result<(), Failure> {
    let Some(outlook) = outlook else {
        console.warn("this poll takes what was signed at any time: anyone who has seen an earlier ballot of yours can send it again after this one, until the poll ends, and it counts in place of this one");
        return Ok(());
    };
    if !can_be_repeated(&connection.chain, poll, outlook)? {
        console.note(format!(
            "no message that is in the poll can be sent again; a ballot of yours that you gave away or tried to send since block {} still can",
            outlook.window.oldest()
        ));
        return Ok(());
    }
    let last = outlook.last(outlook.window.present);
    let after = match outlook.is_followed(last) {
        true => "a ballot that you send after that stands",
        false => "that is until the poll ends, so vote again as late as you can",
    };
    console.warn(format!(
        "if you have voted before, others can send that ballot again until about block {last} (as contracts count), and it then counts in place of this one; {after}"
    ));
    Ok(())
}

/// Whoever publishes a file pays, and has to agree to it.
fn tell_fee(poll: &PollContract, messages: usize, console: &Console) {
    let fee = poll.info.settings.messageFee;
    if !fee.is_zero() {
        console.note(format!(
            "whoever publishes them pays the poll {}, {} for each message",
            ether(fee.saturating_mul(U256::from(messages))),
            ether(fee)
        ));
    }
}

/// Refuses what can never count. Where somebody may top the voter up, what is missing is said.
fn check_cost(
    ballot: &Ballot<'_>,
    credits: u64,
    poll: &PollContract,
    console: &Console,
) -> Result<(), Failure> {
    let missing = ballot.missing(credits, poll.has_top_ups())?;
    if missing > 0 {
        console.warn(format!(
            "the ballot takes {} voice credits, and the voter joined with {credits}: without a top-up of {missing} AFTER this ballot (topup --state-index {} --amount {missing}) a part of it is refused, and if that is its first vote, earlier ballots may count (top-ups that were sent before a ballot are not for it)",
            ballot.cost(),
            ballot.state_index
        ));
    }
    Ok(())
}

impl Document {
    fn set_published(&mut self, published: &Published) {
        (self.first_message, self.gas) = (Some(published.first), Some(published.gas));
        self.fees = Some(published.fees.to_string());
    }

    fn set_done(&mut self, done: Done) {
        match done {
            Done::Published(published) => self.set_published(&published),
            Done::Relayed(relayed) => {
                self.first_message = relayed.first_message;
                self.relayed = Some(relayed);
            }
        }
    }

    fn print(&self, console: &Console) -> Result<(), Failure> {
        let messages = count(self.nonces.len() as u64, "message");
        console.show(self, |out| {
            match (&self.out, self.first_message, self.gas) {
                (Some(_), Some(first), None) => {
                    writeln!(out, "relayed {messages} from index {first} on")
                }
                (Some(path), None, _) => match self.publish_until {
                    Some(block) => writeln!(
                        out,
                        "{messages} written to {path}; publish them until block {block}"
                    ),
                    None => writeln!(out, "{messages} written to {path}; publish them"),
                },
                (_, Some(first), Some(gas)) => {
                    writeln!(
                        out,
                        "published {messages} from index {first} on ({gas} gas)"
                    )
                }
                _ => Ok(()),
            }
        })
    }
}
