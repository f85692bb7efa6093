//! For tests and benches: a small poll with an event of each kind, and its steps.

use crate::{Fr, Shape, StepCircuit, StepError};
use maci_nova_protocol::{
    babyjub::{Point, Scalar},
    bundle::Bundle,
    command::Command,
    keys::{ecdh, PrivateKey, PublicKey},
    log::{PublicFacts, Record},
    message::{Join, Message, TopUp},
    poll::{Header, Mode, Poll, State, Transition},
    tally::OptionResult,
};

/// Voice credits that each voter joins with.
const CREDITS: u64 = 100;

/// A poll and all that its proof needs. Its secrets are no secrets.
#[derive(Debug)]
pub struct SmallPoll {
    /// The poll.
    pub header: Header,
    /// The coordinator's secret scalar.
    pub secret: Scalar,
    /// All events: joins, then messages in reverse, then a blind event.
    pub transitions: Vec<Transition>,
    /// What is public about it.
    pub facts: PublicFacts,
    /// The native count.
    pub results: Vec<OptionResult>,
    /// Voice credits spent.
    pub total_spent: u128,
    /// The state after all events.
    pub end: State,
}

/// A voter's key from a number.
pub fn key(number: u64) -> PrivateKey {
    PrivateKey::from_element(Fr::from(number))
}

/// A poll's header with the coordinator's key number 1000.
pub fn header(poll_id: u64, state_depth: usize, vote_depth: usize) -> Header {
    Header {
        poll_id,
        coordinator_key: point(&key(1000)),
        vote_options: 5,
        mode: Mode::Quadratic,
        signed_within: 0,
        state_tree_depth: state_depth,
        vote_option_tree_depth: vote_depth,
    }
}

fn point(key: &PrivateKey) -> Point {
    key.public_key().point()
}

/// A vote of the voter with key `voter`, keeping the key, encrypted with key `ephemeral`.
fn vote(header: &Header, voter: u64, fields: [u64; 4], ephemeral: u64) -> Message {
    let [state_index, option, weight, nonce] = fields;
    let command = Command::new(
        state_index,
        point(&key(voter)),
        option,
        weight,
        nonce,
        header.poll_id,
        Fr::from(ephemeral),
    )
    .expect("fields below 2^50");
    let coordinator = PublicKey::new(header.coordinator_key).expect("a key");
    let shared = ecdh(&key(ephemeral), &coordinator);
    Message {
        data: command.encrypt(&command.sign(&key(voter)), &shared),
        encryption_key: point(&key(ephemeral)),
        anchor: Fr::from(0),
    }
}

fn garbage() -> Message {
    Message {
        data: std::array::from_fn(|i| Fr::from(i as u64 + 7)),
        encryption_key: Point {
            x: Fr::from(3),
            y: Fr::from(5),
        },
        anchor: Fr::from(0),
    }
}

fn joins() -> Vec<Join> {
    (1..=3)
        .map(|voter| Join {
            public_key: point(&key(voter)),
            voice_credits: CREDITS,
        })
        .collect()
}

/// Two votes that count, one overridden, one that overspends, a top-up and garbage.
fn messages(header: &Header) -> Vec<Record> {
    let boxed = |message: Message| Record::Message(Box::new(message));
    vec![
        boxed(vote(header, 1, [1, 2, 9, 1], 51)),
        boxed(vote(header, 2, [2, 0, 20, 1], 52)),
        boxed(garbage()),
        Record::TopUp(TopUp {
            state_index: 3,
            amount: 50,
        }),
        boxed(vote(header, 3, [3, 4, 12, 1], 53)),
        boxed(vote(header, 2, [2, 1, 3, 1], 54)),
    ]
}

/// Runs the native state machine over the poll.
pub fn small_poll(state_depth: usize, vote_depth: usize) -> SmallPoll {
    let header = header(7, state_depth, vote_depth);
    let messages = messages(&header);
    build(header, messages)
}

/// The same voters and the same results, but the votes of the first two are swapped.
pub fn swapped_poll(state_depth: usize, vote_depth: usize) -> SmallPoll {
    let header = header(7, state_depth, vote_depth);
    let mut messages = messages(&header);
    let boxed = |message: Message| Record::Message(Box::new(message));
    messages[0] = boxed(vote(&header, 1, [1, 1, 3, 1], 51));
    messages[5] = boxed(vote(&header, 2, [2, 2, 9, 1], 54));
    build(header, messages)
}

/// The same voters; the first two messages are a bundle, and so is the last, which is a vote.
pub fn bundled_poll(state_depth: usize, vote_depth: usize) -> SmallPoll {
    let header = header(7, state_depth, vote_depth);
    let messages = messages(&header);
    let bundle = |records: &[Record]| {
        let messages = records.iter().map(|record| match record {
            Record::Message(message) => **message,
            _ => unreachable!("messages only"),
        });
        Record::Bundle(Bundle::new(messages.collect()).expect("one or two"))
    };
    let mut records = vec![bundle(&messages[..2])];
    records.extend_from_slice(&messages[2..5]);
    records.push(bundle(&messages[5..]));
    build(header, records)
}

/// The same voters, who send nothing.
pub fn silent_poll(state_depth: usize, vote_depth: usize) -> SmallPoll {
    build(header(7, state_depth, vote_depth), vec![])
}

fn build(header: Header, messages: Vec<Record>) -> SmallPoll {
    let secret = key(1000).secret_scalar();
    let mut poll = Poll::new(header.clone(), secret).expect("the coordinator's key");
    let mut facts = PublicFacts::initial(header.clone());
    let mut transitions = Vec::new();
    for join in joins() {
        facts.absorb(&Record::Join(join)).expect("in range");
        transitions.push(poll.join(&join).expect("room"));
    }
    let mut chained = Vec::new();
    for record in messages {
        chained.push((facts.message_head, record.clone()));
        facts.absorb(&record).expect("in range");
    }
    for (previous, record) in chained.into_iter().rev() {
        let events = record.events(previous);
        let processed = events.iter().map(|event| poll.process(event));
        transitions.extend(processed.map(|transition| transition.expect("in the chain")));
    }
    transitions.push(poll.blind(Fr::from(0xb11d)));
    SmallPoll {
        secret,
        transitions,
        facts,
        results: poll.results(),
        total_spent: poll.total_spent(),
        end: *poll.state(),
        header,
    }
}

impl SmallPoll {
    /// One step for each event.
    pub fn steps(&self) -> impl Iterator<Item = Result<StepCircuit, StepError>> + Send + '_ {
        let shape = self.shape();
        self.transitions.iter().map(move |transition| {
            StepCircuit::prepare(shape, &self.header, self.secret, vec![transition.clone()])
        })
    }

    /// The shape with one event a step.
    pub fn shape(&self) -> Shape {
        let (state, vote) = (
            self.header.state_tree_depth,
            self.header.vote_option_tree_depth,
        );
        Shape::new(state, vote, 1).expect("in range")
    }
}
