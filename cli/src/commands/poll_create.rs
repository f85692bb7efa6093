//! `poll create`: a new poll of a deployment.

use std::fs::File;
use std::io;
use std::path::Path;

use maci_nova_chain::clock::moment;
use maci_nova_files::{read_at_most, write_atomically, Readers};
use maci_nova_protocol::keys::PublicKey;
use maci_nova_sdk::operator::poll_creation::{
    create_or_find, Created, Credits, End, Start, Terms, TopUps,
};
use maci_nova_sdk::operator::votes_credits::VotesCredits;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::metadata::{self, Metadata};
use maci_nova_sdk::voter::join_key;
use maci_nova_sdk::Error as PollError;
use serde::Serialize;

use crate::arguments::operator::PollCreate;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    chain_id: u64,
    poll: String,
    first_block: u64,
    poll_id: u64,
    coordinator_key: String,
    options: u64,
    mode: &'static str,
    /// How many blocks an anchor is good for; 0 if messages have none.
    signed_within: u32,
    start_time: u64,
    end_time: u64,
    /// None if the poll was there already.
    gas: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: &PollCreate, console: &Console) -> Result<(), Failure> {
    let terms = terms(arguments)?;
    // Before anything is paid for.
    let described = Description::read(arguments)?;
    console.listen()?;
    let mut connection = connection(arguments, console)?;
    let from = connection.sending_account()?;
    let now = connection.now()?;
    if let Some(sentence) = connection.clock_disagreement()? {
        console.warn(sentence);
    }
    let path = connection.path().to_owned();
    let Connection { file, chain, .. } = &mut connection;
    let (poll, created) = create_or_find(chain, from, file, &path, &terms, now, console)?;
    if let Some(described) = &described {
        described.keep(file, &path, console)?;
    }
    if let Some(deployment) = &arguments.deployment {
        copy_join_key(deployment, &path, console)?;
    }
    let shown = print(&poll, &terms, created, now, console);
    connection.conclude(shown, console)
}

/// What the poll is about, byte for byte.
struct Description {
    bytes: Vec<u8>,
}

impl Description {
    /// The file that is named, if it fits the poll that is asked for.
    fn read(arguments: &PollCreate) -> Result<Option<Self>, Failure> {
        let Some(path) = &arguments.metadata else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let file = File::open(path);
        let read = file.and_then(|file| read_at_most(file, metadata::LARGEST as u64, &mut bytes));
        read.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => {
                Failure::Input(format!("cannot read {}: {source}", path.display()))
            }
            _ => Failure::Io {
                action: "read",
                path: path.clone(),
                source,
            },
        })?;
        let fits = Metadata::parse(&bytes)
            .and_then(|metadata| metadata.check_options(arguments.options.into()));
        match fits {
            Ok(()) => Ok(Some(Description { bytes })),
            Err(error) => Err(Failure::Input(format!("{}: {error}", path.display()))),
        }
    }

    /// Puts it beside the poll file, which names it from then on.
    fn keep(&self, file: &mut PollFile, path: &Path, console: &Console) -> Result<(), Failure> {
        let beside = file.describe(path, &self.bytes).map_err(PollError::from)?;
        console.note(format!(
            "{}: what the poll is about; publish it with the poll file",
            beside.display()
        ));
        Ok(())
    }
}

/// With the poll file, or one of the same deployment that becomes it.
fn connection(arguments: &PollCreate, console: &Console) -> Result<Connection, Failure> {
    let PollCreate { node, sender, .. } = arguments;
    let Some(deployment) = &arguments.deployment else {
        return Connection::sending(node, sender, console);
    };
    if *deployment == node.poll_file {
        return Err(Failure::Usage(format!(
            "--deployment and --poll-file are both {}: give the other poll a file of its own",
            deployment.display()
        )));
    }
    let file = PollFile::read_or_begin(&node.poll_file, deployment)?;
    Connection::sending_for(file, node, sender, console)
}

/// Voters look for the key beside their poll file. Who has none here has published it already.
fn copy_join_key(deployment: &Path, poll_file: &Path, console: &Console) -> Result<(), Failure> {
    let [old, new] = [deployment, poll_file].map(join_key::beside);
    if new.exists() {
        return Ok(());
    }
    let Ok(mut key) = File::open(&old) else {
        return Ok(());
    };
    write_atomically(&new, Readers::Everybody, |out| {
        io::copy(&mut key, out).map(|_| ())
    })
    .map_err(|source| Failure::Io {
        action: "write",
        path: new.clone(),
        source,
    })?;
    console.note(format!(
        "{}: the key that voters join with; publish it with the poll file",
        new.display()
    ));
    Ok(())
}

/// What the arguments ask for.
fn terms(arguments: &PollCreate) -> Result<Terms, Failure> {
    let key = arguments.coordinator_key.trim();
    let coordinator_key = PublicKey::from_serialized(key).map_err(|error| {
        Failure::Usage(format!(
            "--coordinator-key: {error}; give what keygen or pubkey prints"
        ))
    })?;
    Ok(Terms {
        coordinator_key,
        options: arguments.options,
        mode: arguments.mode.into(),
        signed_within: arguments.signed_within,
        last_sign_up: arguments.last_sign_up,
        start: match arguments.start_at {
            Some(time) => Start::At(time),
            None => Start::In(arguments.start_in.seconds()),
        },
        end: match (arguments.end_at, arguments.duration) {
            (Some(time), _) => End::At(time),
            (None, Some(duration)) => End::After(duration.seconds()),
            (None, None) => return Err(Failure::Usage("give --duration or --end-at".into())),
        },
        proving_base: arguments.proving.proving_time.seconds(),
        proving_per_message: arguments.proving.proving_time_per_message.seconds(),
        proving_max: arguments.proving.most_proving_time.seconds(),
        credits: credits(arguments)?,
        top_ups: top_ups(arguments)?,
        message_fee: arguments.message_fee,
    })
}

fn credits(arguments: &PollCreate) -> Result<Credits, Failure> {
    match (
        arguments.credits,
        arguments.credits_contract,
        arguments.votes_token,
        arguments.snapshot.zip(arguments.votes_per_credit),
    ) {
        (Some(credits), None, None, _) => Ok(Credits::Constant(credits)),
        (None, Some(contract), None, _) => Ok(Credits::Contract(contract)),
        (None, None, Some(token), Some((snapshot, factor))) => Ok(Credits::Votes(VotesCredits {
            token,
            snapshot,
            factor,
        })),
        _ => Err(Failure::Usage(
            "give one of --credits, --credits-contract and --votes-token with --snapshot and --votes-per-credit".into(),
        )),
    }
}

fn top_ups(arguments: &PollCreate) -> Result<Option<TopUps>, Failure> {
    match (
        arguments.top_up_token,
        arguments.credit_unit,
        arguments.beneficiary,
    ) {
        (None, None, None) => Ok(None),
        (Some(token), Some(unit), Some(beneficiary)) => Ok(Some(TopUps {
            token,
            unit,
            beneficiary,
        })),
        _ => Err(Failure::Usage(
            "--top-up-token, --credit-unit and --beneficiary need each other".into(),
        )),
    }
}

fn print(
    poll: &PollContract,
    terms: &Terms,
    created: Option<Created>,
    now: u64,
    console: &Console,
) -> Result<(), Failure> {
    let (start, end) = poll.times();
    let document = Document {
        chain_id: poll.chain_id,
        poll: poll.address.to_string(),
        first_block: poll.first_block,
        poll_id: poll.header().poll_id,
        coordinator_key: terms.coordinator_key.to_serialized(),
        options: poll.header().vote_options,
        mode: poll.header().mode.name(),
        signed_within: poll.header().signed_within,
        start_time: start,
        end_time: end,
        gas: created.map(|created| created.gas),
    };
    console.show(&document, |out| {
        writeln!(out, "poll     {}", poll.address)?;
        writeln!(out, "poll id  {}", poll.header().poll_id)?;
        writeln!(out, "start    {}", moment(start, now))?;
        writeln!(out, "end      {}", moment(end, now))?;
        match created {
            Some(created) => writeln!(out, "gas      {}", created.gas),
            None => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use maci_nova_sdk::testing::{public_key, World};
    use maci_nova_sdk::ErrorKind;

    use super::*;
    use crate::arguments::{Arguments, Command, PollCommand};

    fn arguments(more: &str) -> PollCreate {
        let key = public_key(1).to_serialized();
        let line = format!("maci-nova poll create --coordinator-key {key} {more}");
        let arguments = Arguments::try_parse_from(line.split_whitespace());
        match arguments.map(|arguments| arguments.command) {
            Ok(Command::Poll(PollCommand::Create(create))) => *create,
            other => panic!("{more}: {other:?}"),
        }
    }

    /// What becomes of a poll with these arguments: why there is none, or nothing.
    fn outcome(more: &str) -> Option<ErrorKind> {
        let mut world = World::new();
        let token = world.token();
        let arguments = arguments(&more.replace("TOKEN", &token.to_string()));
        let terms = match terms(&arguments) {
            Ok(terms) => terms,
            Err(failure) => return Some(failure.kind()),
        };
        let (path, now) = (world.path(), world.now());
        let from = world.account(0);
        let (evm, file) = (&mut world.evm, &mut world.file);
        let created = create_or_find(evm, from, file, &path, &terms, now, &());
        created.err().map(|error| error.kind())
    }

    /// The largest number that each argument takes is a poll, or a request that says what is wrong
    /// with it.
    #[test]
    fn no_number_is_too_much() {
        const MOST: &str = "18446744073709551615";
        const WORD: &str =
            "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        let usual = "--options 5 --duration 1h --credits 100";
        let with = |more: &str| format!("{usual} {more}");
        for more in [
            with(&format!("--start-in {MOST}s")),
            with("--start-in 213503982334601d"),
            with(&format!("--start-at {MOST}")),
            with("--start-at 0"),
            with(&format!("--proving-time {MOST}s")),
            with("--proving-time 0s"),
            with(&format!("--proving-time-per-message {MOST}s")),
            with("--proving-time-per-message 4294967296s"),
            with("--proving-time-per-message 0s"),
            with(&format!("--most-proving-time {MOST}s")),
            with("--most-proving-time 4294967295s"),
            with("--most-proving-time 0s"),
            with("--top-up-token TOKEN --beneficiary TOKEN --credit-unit 0"),
            format!("--options 5 --duration {MOST}s --credits 1"),
            "--options 5 --duration 0s --credits 1".into(),
            format!("--options 5 --end-at {MOST} --credits 1"),
            "--options 5 --end-at 0 --credits 1".into(),
            format!("--options 5 --start-at {MOST} --end-at {MOST} --credits 1"),
            "--options 4294967295 --duration 1h --credits 1".into(),
            "--options 0 --duration 1h --credits 1".into(),
        ] {
            assert_eq!(outcome(&more), Some(ErrorKind::Request), "{more}");
        }
        for more in [
            "--options 5 --duration 1h --credits 4294967295".into(),
            with("--last-sign-up 4294967295"),
            with(&format!(
                "--top-up-token TOKEN --beneficiary TOKEN --credit-unit {WORD}"
            )),
            with(&format!("--message-fee {WORD}")),
        ] {
            assert_eq!(outcome(&more), None, "{more}");
        }
    }
}
