//! A small poll whose messages arrive one by one and are then counted.

// Each test file uses a part of this.
#![allow(dead_code, unreachable_pub)]

use ff::Field;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::command::Command;
use maci_nova_protocol::count::Count;
use maci_nova_protocol::keys::{shared_key, PrivateKey};
use maci_nova_protocol::log::{LogIndex, LogWriter, PublicFacts, Record};
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::{Decision, Event, Header, Mode, Poll, Transition};
use maci_nova_protocol::Fr;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::io::Cursor;

pub const POLL_ID: u64 = 3;

pub struct Scene {
    pub rng: ChaCha20Rng,
    pub coordinator: PrivateKey,
    pub facts: PublicFacts,
    /// The voters' first keys; voter i has index i + 1.
    pub voters: Vec<PrivateKey>,
    /// What the next messages are sent with; 0 in a poll without anchors.
    pub anchor: Fr,
    /// Joins, messages and top-ups with the message chain before them.
    pub records: Vec<(Fr, Record)>,
}

pub fn header(coordinator: &PrivateKey, mode: Mode) -> Header {
    Header {
        poll_id: POLL_ID,
        coordinator_key: coordinator.public_key().point(),
        vote_options: 23,
        mode,
        signed_within: 0,
        state_tree_depth: 2,
        vote_option_tree_depth: 2,
    }
}

/// A point off the curve.
pub fn off_curve() -> Point {
    Point {
        x: Fr::ONE,
        y: Fr::ONE,
    }
}

impl Scene {
    /// Voters with these credits have joined a poll without anchors.
    pub fn new(mode: Mode, credits: &[u64]) -> Self {
        Self::of(|_| {}, mode, credits)
    }

    /// The same in a poll with anchors, the present one being 1000.
    pub fn anchored(mode: Mode, credits: &[u64]) -> Self {
        let mut scene = Self::of(|header| header.signed_within = 75, mode, credits);
        scene.anchor = Fr::from(1000);
        scene
    }

    fn of(change: impl FnOnce(&mut Header), mode: Mode, credits: &[u64]) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let coordinator = PrivateKey::random(&mut rng);
        let mut header = header(&coordinator, mode);
        change(&mut header);
        let mut scene = Scene {
            facts: PublicFacts::initial(header),
            rng,
            coordinator,
            voters: Vec::new(),
            anchor: Fr::ZERO,
            records: Vec::new(),
        };
        for voice_credits in credits {
            let key = PrivateKey::random(&mut scene.rng);
            let public_key = key.public_key().point();
            scene.voters.push(key);
            scene.publish(Record::Join(Join {
                public_key,
                voice_credits: *voice_credits,
            }));
        }
        scene
    }

    /// The first vote of the first voter.
    pub fn command(&self) -> Command {
        Command {
            state_index: 1,
            new_public_key: self.voters[0].public_key().point(),
            vote_option_index: 2,
            new_vote_weight: 3,
            nonce: 1,
            poll_id: POLL_ID,
            salt: match self.anchor {
                Fr::ZERO => Fr::from(11),
                anchor => anchor,
            },
        }
    }

    pub fn publish(&mut self, record: Record) {
        let previous = self.facts.message_head;
        self.facts.absorb(&record).expect("a record in range");
        self.records.push((previous, record));
    }

    /// A message of a command signed by a key.
    pub fn message(&mut self, command: &Command, signer: &PrivateKey) -> Message {
        let signature = command.sign(signer);
        self.seal(|shared| command.encrypt(&signature, shared))
    }

    /// A message whose data is made of the shared key.
    pub fn seal(&mut self, data: impl FnOnce(&Point) -> [Fr; 10]) -> Message {
        let key = PrivateKey::random(&mut self.rng);
        let shared = shared_key(&key.secret_scalar(), &self.facts.header.coordinator_key);
        Message {
            data: data(&shared),
            encryption_key: key.public_key().point(),
            anchor: self.anchor,
        }
    }

    pub fn publish_message(&mut self, message: Message) {
        self.publish(Record::Message(Box::new(message)));
    }

    pub fn cast(&mut self, command: &Command, signer: &PrivateKey) {
        let message = self.message(command, signer);
        self.publish_message(message);
    }

    pub fn top_up(&mut self, state_index: u64, amount: u64) {
        self.publish(Record::TopUp(TopUp {
            state_index,
            amount,
        }));
    }

    /// The poll after all joins.
    pub fn joined(&self) -> (Poll, Count) {
        let secret = self.coordinator.secret_scalar();
        let header = &self.facts.header;
        let mut poll = Poll::new(header.clone(), secret).expect("a valid header");
        let mut count = Count::new(header.clone(), secret).expect("a valid header");
        for (_, record) in &self.records {
            if let Record::Join(join) = record {
                poll.join(join).expect("room");
                count.join(join).expect("room");
            }
        }
        (poll, count)
    }

    /// The count, and the transitions of the messages in order of processing: the last message
    /// first.
    pub fn count(&self) -> (Poll, Vec<Transition>) {
        let (mut poll, mut count) = self.joined();
        let mut transitions = Vec::new();
        for (previous, record) in self.records.iter().rev() {
            if record.link().is_none() {
                continue;
            }
            for event in record.events(*previous) {
                let transition = poll.process(&event).expect("in the chain");
                let decision = count.process(&event).expect("in the chain");
                let is_bundle = matches!(event, Event::Bundle { .. });
                assert_eq!(decision.is_none(), is_bundle);
                assert_eq!(decision.unwrap_or(Decision::Applied), transition.decision);
                transitions.push(transition);
            }
        }
        assert!(self.facts.completed_by(poll.state()));
        assert_eq!(poll.results(), count.results());
        assert_eq!(poll.total_spent(), count.total_spent());
        assert_eq!(self.count_from_log(), transitions);
        (poll, transitions)
    }

    /// The transitions of the messages as they come out of a log.
    fn count_from_log(&self) -> Vec<Transition> {
        let mut log = LogWriter::new(Vec::new());
        let header = Record::Header(self.facts.header.clone());
        let records = self.records.iter().map(|(_, record)| record);
        for record in [&header].into_iter().chain(records) {
            log.write(record).expect("a valid record");
        }
        let log = log.finish().expect("written");
        let index = LogIndex::scan(&log[..]).expect("a valid log");
        let (mut poll, mut count) = self.joined();
        let messages = index.messages_reversed(Cursor::new(&log));
        let transitions = messages.map(|message| {
            let message = message.expect("unchanged");
            let decision = message.count(&mut count).expect("in the chain");
            let transition = message.process(&mut poll).expect("in the chain");
            assert_eq!(decision.unwrap_or(Decision::Applied), transition.decision);
            transition
        });
        transitions.collect()
    }

    /// The decisions in order of arrival.
    pub fn decisions(&self) -> Vec<Decision> {
        let (_, transitions) = self.count();
        transitions
            .iter()
            .rev()
            .map(|transition| transition.decision)
            .collect()
    }
}
