//! `demo`: a whole poll on a chain, or an example log without one.

pub mod chain;
mod example;
mod farm;
pub mod gas_report;
pub mod scenario;
mod table;
mod web;

use std::time::Instant;

use ff::Field;
use maci_nova_chain::words::count;
use maci_nova_folding::SetupSource;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::message::Message;
use maci_nova_protocol::poll::Mode;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::Shape;
use rand_core::OsRng;
use serde::Serialize;
use tempfile::TempDir;

use crate::arguments::demo::{Demo, DemoMode};
use crate::broker;
use crate::connection;
use crate::console::Console;
use crate::failure::Failure;
use chain::DemoChain;
use farm::{Farm, FarmRequest};
use gas_report::{Action, GasReport, Timed};
use maci_nova_coordinator::parameters::parameters;
use maci_nova_coordinator::prove::{self, finalization};
use maci_nova_sdk::operator::poll_creation::SignedWithin;
use maci_nova_sdk::poll::keys::KeyPolicy;
use maci_nova_sdk::poll::results::Results;
use maci_nova_sdk::verify::{self, VerifyOptions};
use maci_nova_sdk::voter::anchor::Anchor;
use maci_nova_sdk::voter::ballot::Choice;
use scenario::{Keys, Scenario, Setting, Voter};

/// 624 voters, 5 options, one event a step.
const SHAPE: Shape = Shape {
    state_depth: 4,
    vote_depth: 1,
    events_per_step: 1,
};

const OPTIONS: usize = 5;

/// Voice credits that everybody starts with.
const CREDITS: u32 = 100;

/// 15 minutes of blocks of 12 seconds.
const SIGNED_WITHIN: SignedWithin = SignedWithin::Blocks(75);

/// Seconds until the poll starts and until it ends, where they pass at once.
const TIMES: (u64, u64) = (3600, 7 * 24 * 3600);

/// The same where they have to be waited for.
const SHORT_TIMES: (u64, u64) = (60, 300);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(flatten)]
    finalization: finalization::Document,
    voters: u64,
    messages: u64,
    calls: Vec<Action>,
    stages: Vec<Timed>,
}

/// Runs the command.
pub fn run(arguments: &Demo, console: &Console) -> Result<(), Failure> {
    if console.production {
        return Err(Failure::Insecure("demo"));
    }
    match (arguments.poll, &arguments.web) {
        (Some(poll), _) => example::run(poll, console),
        (None, Some(site)) => web::run(site, arguments.minutes, console),
        (None, None) => whole_poll(arguments, console),
    }
}

/// A folder for as long as it is held.
fn scratch() -> Result<TempDir, Failure> {
    tempfile::tempdir().map_err(|source| Failure::Io {
        action: "make a temporary directory in",
        path: std::env::temp_dir(),
        source,
    })
}

/// Parameters and keys for development.
fn keys(console: &Console) -> Result<Keys, Failure> {
    console.warn("INSECURE: a demo's parameters and keys are for development");
    let parameters = parameters(SHAPE, &SetupSource::InsecureDevelopment, console)?;
    let any = KeyPolicy::default();
    Ok(Keys {
        decider: prove::keys::decider(&parameters, &any, console)?,
        join: prove::keys::join(&any, console)?,
        bundle: prove::keys::bundle(&any, console)?,
        parameters,
    })
}

fn whole_poll(arguments: &Demo, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let stage = match &arguments.rpc_url {
        Some(url) => {
            let sender = Some(&arguments.sender);
            DemoChain::node(connection::connect(url, None, sender, None, console)?)
        }
        None => DemoChain::embedded(),
    };
    let directory = scratch()?;
    let mut gas = GasReport::default();
    let start = Instant::now();
    let keys = keys(console)?;
    gas.done("parameters and keys", start);
    let setting = Setting {
        options: OPTIONS as u32,
        mode: match arguments.mode {
            DemoMode::Quadratic => Mode::Quadratic,
            DemoMode::Negative => Mode::Negative,
        },
        signed_within: SIGNED_WITHIN,
        credits: CREDITS,
        times: match stage.travels() {
            true => TIMES,
            false => SHORT_TIMES,
        },
    };
    console.note("deploying the contracts, and creating a poll");
    let scenario = Scenario::begin(stage, setting, &keys, directory.path(), gas, console)?;
    let document = match arguments.workers {
        None => play(scenario, console)?,
        Some(workers) => {
            let directory = scratch()?;
            let nats = arguments.nats.as_deref().map(broker::parse).transpose()?;
            let request = FarmRequest {
                workers,
                segments: arguments.segments.unwrap_or(workers.max(2)),
                nats: nats.as_ref(),
                credentials: arguments.nats_credentials.as_deref(),
                directory: directory.path(),
            };
            play_large(scenario, &request, arguments.messages, console)?
        }
    };
    console.print(&document)
}

/// A poll of so many messages, whose count workers prove in segments.
fn play_large(
    mut poll: Scenario<'_>,
    request: &FarmRequest<'_>,
    messages: u32,
    console: &Console,
) -> Result<Document, Failure> {
    let note = |text: &str| console.note(text);
    note("workers: processes of their own, which get sealed jobs from a NATS server");
    let farm = Farm::start(request)?;
    let people = messages.div_ceil(2 * OPTIONS as u32) as usize;
    note(&format!(
        "sign up, and join: {}",
        count(people as u64, "voter")
    ));
    let mut voters = poll.timed("sign up", |poll| {
        (1..=people)
            .map(|person| poll.sign_up(person))
            .collect::<Result<Vec<_>, _>>()
    })?;
    poll.open()?;
    poll.timed("join", |poll| {
        voters.iter_mut().try_for_each(|voter| poll.join(voter))
    })?;
    note("process: joins are folded while the poll goes on");
    poll.timed("fold joins", |poll| poll.work())?;
    note("vote: two ballots each, of five messages; the second takes the first one's place");
    let ballot = |voter: usize, weight: usize| -> Vec<Choice> {
        (0..OPTIONS)
            .map(|option| choice(option as u64, 1 + ((voter + weight * option) % 4) as i64))
            .collect()
    };
    let mut wanted = vec![];
    poll.timed("vote", |poll| {
        for (number, voter) in voters.iter().enumerate() {
            poll.vote(voter, &ballot(number, 3))?;
        }
        for (number, voter) in voters.iter().enumerate() {
            let choices = ballot(number, 1);
            poll.vote(voter, &choices)?;
            wanted.extend(choices);
        }
        Ok(())
    })?;
    note("the poll ends");
    poll.close()?;
    note("finalize: a proof of each segment, by the workers; a transaction each");
    let finalization = poll.timed("prove and finalize", |poll| {
        poll.finalize_with(Some(&farm.workers()))
    })?;
    conclude(poll, finalization, voters.len(), &wanted, console)
}

/// The poll, with everything that MACI is for. What people want is added up on the way: it has to
/// be the result.
fn play(mut poll: Scenario<'_>, console: &Console) -> Result<Document, Failure> {
    let note = |text: &str| console.note(text);
    note("sign up: seven people with a token each, one of them sells their vote");
    let mut voters = poll.timed("sign up", |poll| {
        (1..=7)
            .map(|person| poll.sign_up(person))
            .collect::<Result<Vec<_>, _>>()
    })?;
    poll.open()?;
    note("join: under fresh keys, with a proof that does not tell whose they are");
    poll.timed("join", |poll| {
        voters[..5]
            .iter_mut()
            .try_for_each(|voter| poll.join(voter))
    })?;
    note("process: joins are folded while the poll goes on");
    poll.timed("fold joins", |poll| poll.work())?;

    let mut wanted = vec![];
    poll.timed("vote", |poll| {
        first_ballots(poll, &voters, &mut wanted, console)
    })?;
    note("join: two more, while messages wait");
    poll.timed("join", |poll| {
        voters[5..]
            .iter_mut()
            .try_for_each(|voter| poll.join(voter))
    })?;
    poll.timed("fold joins", |poll| poll.work())?;
    poll.timed("vote", |poll| {
        note("override: Ben votes again, unseen; the sold vote counts nothing");
        let choices = [choice(2, 9)];
        wanted.extend(choices);
        poll.vote(&voters[1], &choices)
    })?;
    note("the poll ends");
    poll.close()?;
    note("process: messages are folded from the last to the first");
    poll.timed("fold messages", |poll| poll.work())?;
    note("finalize: one proof, one transaction");
    let finalization = poll.timed("prove and finalize", |poll| poll.finalize())?;
    conclude(poll, finalization, voters.len(), &wanted, console)
}

/// What was finalized has to be what people wanted, and to be verified from the chain.
fn conclude(
    mut poll: Scenario<'_>,
    finalization: finalization::Document,
    voters: usize,
    wanted: &[Choice],
    console: &Console,
) -> Result<Document, Failure> {
    console.note("verify: everything once more, from the chain alone");
    let verified = poll.timed("verify", |poll| {
        let contract = poll.poll().clone();
        Ok(verify::verify(
            poll.chain(),
            &contract,
            &VerifyOptions::default(),
            console,
        )?)
    })?;
    if *finalization.results() != expected(wanted)
        || Results::new(&verified.results, verified.total_spent) != *finalization.results()
    {
        return Err(Failure::Internal(
            "the results are not what the voters wanted".into(),
        ));
    }
    Ok(Document {
        finalization,
        voters: voters as u64,
        messages: verified.messages,
        calls: poll.gas_report().actions().to_vec(),
        stages: poll.gas_report().stages().to_vec(),
    })
}

/// What people send while the poll is young. What shall be counted goes to `wanted`.
fn first_ballots(
    poll: &mut Scenario<'_>,
    voters: &[Voter],
    wanted: &mut Vec<Choice>,
    console: &Console,
) -> Result<(), Failure> {
    let note = |text: &str| console.note(text);
    let [ada, ben, cleo, dan, eve] = [0, 1, 2, 3, 4].map(|i: usize| &voters[i]);
    let negative = poll.poll().header().mode.has_signs();
    let adas = match negative {
        true => [choice(0, 8), choice(3, -6)],
        false => [choice(0, 8), choice(3, 6)],
    };
    note(match negative {
        true => "vote: Ada's, for one option and against another",
        false => "vote: Ada's, for two options",
    });
    wanted.extend(adas);
    poll.vote(ada, &adas)?;
    note("vote: Ben's, as he was paid for; the briber watches");
    poll.vote(ben, &[choice(1, 10)])?;
    note("key change: Cleo's new key votes, and a later message makes it hers");
    change_key(poll, cleo, wanted)?;
    note("top-up: Dan votes with 144 credits of 100, and buys 50");
    let choices = [choice(0, 12)];
    wanted.extend(choices);
    poll.vote(dan, &choices)?;
    poll.top_up(dan, 50)?;
    note("not to be counted: Eve overspends; garbage; a vote for Ada with another voter's key");
    poll.vote(eve, &[choice(1, 11)])?;
    let garbage = garbage(&poll.anchor()?);
    poll.publish(eve.account, &[garbage])?;
    let thief = Voter {
        poll_key: eve.poll_key.clone(),
        ..ada.clone()
    };
    poll.vote(&thief, &[choice(1, 9)])?;
    note("bundle: Ada and Dan vote again as before, in one transaction that Eve pays for");
    let dans = [choice(0, 12)];
    poll.bundle(eve.account, &[(ada, &adas), (dan, &dans)])
}

/// A message by a key that is not the voter's yet, and then the ballot that makes it theirs:
/// counted in reverse, both are right.
fn change_key(
    poll: &mut Scenario<'_>,
    voter: &Voter,
    wanted: &mut Vec<Choice>,
) -> Result<(), Failure> {
    let new_key = PrivateKey::random(&mut OsRng);
    let by_new_key = Voter {
        poll_key: new_key.clone(),
        ..voter.clone()
    };
    let (before, after) = ([choice(4, 2)], [choice(3, 5)]);
    let mut ballot = poll.ballot(&by_new_key, &before);
    ballot.first_nonce = 2;
    let messages = ballot.messages(&poll.anchor()?)?;
    poll.publish(voter.account, &messages)?;
    let mut ballot = poll.ballot(voter, &after);
    ballot.new_key = Some(new_key.public_key());
    let messages = ballot.messages(&poll.anchor()?)?;
    wanted.extend(before.into_iter().chain(after));
    poll.publish(voter.account, &messages)
}

fn choice(option: u64, weight: i64) -> Choice {
    Choice { option, weight }
}

/// The sum of what people want, at quadratic cost.
fn expected(wanted: &[Choice]) -> Results {
    let mut results = vec![Default::default(); OPTIONS];
    for Choice { option, weight } in wanted {
        let result: &mut maci_nova_protocol::tally::OptionResult = &mut results[*option as usize];
        result.votes += i128::from(*weight);
        // The same for weights against an option.
        result.spent += Mode::Negative.cost(*weight);
    }
    let spent = results.iter().map(|result| result.spent).sum();
    Results::new(&results, spent)
}

/// Elements that nobody encrypted.
fn garbage(anchor: &Anchor) -> SignedMessage {
    SignedMessage {
        message: Message {
            data: core::array::from_fn(|_| Fr::random(OsRng)),
            encryption_key: PrivateKey::random(&mut OsRng).public_key().point(),
            anchor: anchor.element,
        },
        block_number: anchor.block_number,
    }
}
