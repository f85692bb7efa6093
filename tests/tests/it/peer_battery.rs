//! Polls of one or two messages at the edges of the rules, made with MACI's own packages: what
//! becomes of each message here, natively and in the circuit, and what MACI's core and its compiled
//! circuit make of it.

use std::io::Cursor;

use maci_nova_protocol::count::Count;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::LogIndex;
use maci_nova_protocol::poll::Decision::{self, Applied, Refused};
use maci_nova_protocol::poll::Rule::{
    Credits, EncryptionKey, Nonce, Padding, PollId, SignatureEquation, SignatureKey, SignatureR8,
    SignatureScalar, StateIndex, Tag, VoteOption, Weight,
};
use maci_nova_protocol::poll::{Event, Poll, Transition};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit};
use maci_nova_tests::vectors::path;
use serde_json::Value;

/// What MACI makes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maci {
    Applies,
    Refuses,
    /// An exception: the count does not go on.
    Throws,
    /// No witness satisfies the circuit: the count cannot be proven.
    NoWitness,
    /// Its contract lets no such message in, so its circuit meets none.
    KeptOut,
}
use Maci::{Applies, KeptOut, NoWitness, Refuses, Throws};

struct Case {
    name: &'static str,
    /// Of the messages in order of arrival; they are processed from the last to the first.
    decisions: &'static [Decision],
    /// A message about which MACI's core or its circuit says something else, and what each of them
    /// says.
    differs: Option<(usize, Maci, Maci)>,
}

const fn agreed(name: &'static str, decisions: &'static [Decision]) -> Case {
    Case {
        name,
        decisions,
        differs: None,
    }
}

const fn differs(
    name: &'static str,
    decisions: &'static [Decision],
    (message, core, circuit): (usize, Maci, Maci),
) -> Case {
    Case {
        name,
        decisions,
        differs: Some((message, core, circuit)),
    }
}

const CASES: [Case; 57] = [
    agreed("9_then_4_on_another", &[Applied, Applied]),
    agreed("9_then_5_on_another_too_much", &[Refused(Credits), Applied]),
    agreed("R8_0_0", &[Refused(SignatureR8)]),
    agreed("R8_0_1_r_0", &[Applied]),
    agreed("R8_off_curve_1_1", &[Refused(SignatureR8)]),
    agreed("R8_order_2_h_for_it", &[Refused(SignatureEquation)]),
    agreed("R8_order_8", &[Refused(SignatureEquation)]),
    agreed("S_0", &[Refused(SignatureEquation)]),
    agreed("S_l", &[Refused(SignatureScalar)]),
    // S = r - 1.
    agreed("S_r_1", &[Refused(SignatureScalar)]),
    agreed("ciphertext_0_0", &[Refused(Tag)]),
    agreed("credits_exact_w_10", &[Applied]),
    agreed("credits_one_over_w_11", &[Refused(Credits)]),
    differs(
        "enc_key_0_0",
        &[Refused(EncryptionKey)],
        (0, Throws, KeptOut),
    ),
    agreed("enc_key_0_1", &[Applied]),
    differs(
        "enc_key_1_1_off_curve_product_of_the_core",
        &[Refused(EncryptionKey)],
        (0, Throws, KeptOut),
    ),
    differs(
        "enc_key_off_curve_as_0_1",
        &[Refused(EncryptionKey)],
        (0, Throws, KeptOut),
    ),
    // MACI's circuit takes the shared key (0, 1) for every encryption key of order 2.
    differs(
        "enc_key_order_2_as_0_1",
        &[Refused(Tag)],
        (0, Refuses, Applies),
    ),
    differs(
        "enc_key_order_2_true_product",
        &[Applied],
        (0, Applies, Refuses),
    ),
    // MACI's circuit divides by zero: one such message and its poll cannot be counted.
    differs("enc_key_order_4", &[Applied], (0, Applies, NoWitness)),
    differs("enc_key_order_8", &[Applied], (0, Applies, NoWitness)),
    agreed("enc_key_with_part_of_order_8", &[Applied]),
    agreed("index_of_other_voter", &[Refused(SignatureEquation)]),
    // The change itself: to a key off the curve, which the specification offers to a voter who
    // wants no key any more.
    differs(
        "key_0_0_then_forged",
        &[Refused(SignatureKey), Applied],
        (1, Refuses, Applies),
    ),
    differs(
        "key_0_1_then_forged",
        &[Refused(SignatureKey), Applied],
        (0, Applies, Refuses),
    ),
    differs(
        "key_1_1_off_curve_then_old",
        &[Refused(SignatureKey), Applied],
        (1, Refuses, Applies),
    ),
    agreed("key_change_later_new_key", &[Applied, Applied]),
    agreed(
        "key_change_later_old_key",
        &[Refused(SignatureEquation), Applied],
    ),
    agreed(
        "key_change_refused_by_credits_keeps_key",
        &[Applied, Refused(Credits)],
    ),
    // By the voter's own key plus the point of order 2: 8 A is what it was.
    agreed("key_order_2_signed_under_it", &[Applied, Applied]),
    differs(
        "key_order_2_then_forged",
        &[Refused(SignatureKey), Applied],
        (0, Applies, Refuses),
    ),
    // MACI's circuit only wants the key's x not to be 0. Whoever holds no key at all signs for
    // these.
    differs(
        "key_order_4_then_forged",
        &[Refused(SignatureKey), Applied],
        (0, Applies, Applies),
    ),
    differs(
        "key_order_8_then_forged",
        &[Refused(SignatureKey), Applied],
        (0, Applies, Applies),
    ),
    agreed("nonce_0", &[Refused(Nonce)]),
    agreed("nonce_2", &[Refused(Nonce)]),
    // Nonce 2^50 - 1; so are the other names with 2_50_1.
    agreed("nonce_2_50_1", &[Refused(Nonce)]),
    agreed("nonces_1_2_in_sending_order", &[Applied, Refused(Nonce)]),
    agreed("option_2_50_1", &[Refused(VoteOption)]),
    agreed("option_5_depth", &[Refused(VoteOption)]),
    agreed("option_6049261729", &[Refused(VoteOption)]),
    agreed("option_voteOptions_in_tree", &[Refused(VoteOption)]),
    differs("other_poll_id", &[Refused(PollId)], (0, Applies, Applies)),
    // MACI's circuit hashes the raw element; the command is 250 bits.
    differs(
        "packed_bit_250_set_signed_so",
        &[Refused(SignatureEquation)],
        (0, Refuses, Applies),
    ),
    differs(
        "packed_bits_250_251_signed_so",
        &[Refused(SignatureEquation)],
        (0, Refuses, Applies),
    ),
    // MACI's circuit decrypts without a check.
    differs(
        "padding_0_1_signed",
        &[Refused(Padding)],
        (0, Refuses, Applies),
    ),
    differs(
        "padding_1_signed",
        &[Refused(Padding)],
        (0, Refuses, Applies),
    ),
    agreed("reallocate_9_10_on_one_option", &[Applied, Applied]),
    agreed("same_message_twice", &[Refused(Nonce), Applied]),
    agreed("state_index_0", &[Refused(StateIndex)]),
    agreed("state_index_2_50_1", &[Refused(StateIndex)]),
    agreed("state_index_joins_1", &[Refused(StateIndex)]),
    differs("tag_1_signed", &[Refused(Tag)], (0, Refuses, Applies)),
    agreed("two_with_nonce_1", &[Refused(Nonce), Applied]),
    agreed("valid", &[Applied]),
    agreed("weight_0", &[Applied]),
    agreed("weight_2_50_1", &[Refused(Weight)]),
    agreed("wrong_signer", &[Refused(SignatureEquation)]),
];

/// The polls: one header, two voters with 100 credits each, and the messages of a case.
struct Battery {
    file: Value,
    coordinator: PrivateKey,
}

impl Battery {
    fn read() -> Self {
        let file = std::fs::read(path("peer-battery.json")).expect("the vectors");
        let file: Value = serde_json::from_slice(&file).expect("JSON");
        let key = file["coordinatorKey"].as_str().expect("a key");
        Battery {
            coordinator: PrivateKey::from_serialized(key).expect("a key"),
            file,
        }
    }

    fn names(&self) -> Vec<&str> {
        let polls = self.file["polls"].as_object().expect("the polls");
        polls.keys().map(String::as_str).collect()
    }

    fn log(&self, name: &str) -> Cursor<Vec<u8>> {
        let lines = |value: &Value| -> Vec<String> {
            let lines = value.as_array().expect("lines");
            lines.iter().map(Value::to_string).collect()
        };
        let mut log = lines(&self.file["head"]);
        log.extend(lines(&self.file["polls"][name]));
        Cursor::new(log.join("\n").into_bytes())
    }

    /// The poll after its last event, and all events in the order in which they are proven. The
    /// count without trees comes to the same.
    fn count(&self, name: &str) -> (Poll, Vec<Transition>) {
        let log = self.log(name);
        let index = LogIndex::scan(log.clone()).expect("a valid log");
        let header = index.facts().header.clone();
        let secret = self.coordinator.secret_scalar();
        let mut poll = Poll::new(header.clone(), secret).expect("the key of this poll");
        let mut count = Count::new(header, secret).expect("the key of this poll");
        let mut transitions = vec![poll.blind(Fr::from(42))];
        for join in index.joins(log.clone()) {
            let join = join.expect("a valid join");
            transitions.push(poll.join(&join).expect("room"));
            count.join(&join).expect("room");
        }
        for entry in index.messages_reversed(log) {
            let entry = entry.expect("a valid message");
            assert!(matches!(entry.event(), Event::Vote { .. }), "{name}");
            let transition = poll.process(&entry.event()).expect("in the chain");
            let decision = entry.count(&mut count);
            assert_eq!(decision, Ok(Some(transition.decision)), "{name}");
            transitions.push(transition);
        }
        assert!(index.facts().completed_by(poll.state()), "{name}");
        assert_eq!(poll.results(), count.results(), "{name}");
        (poll, transitions)
    }
}

/// Events before the messages: leaf 0 and two joins.
const BEFORE: usize = 3;

#[test]
fn every_poll_is_in_the_table() {
    let mut listed: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    listed.sort_unstable();
    let battery = Battery::read();
    let mut polls = battery.names();
    polls.sort_unstable();
    assert_eq!(polls, listed);
}

#[test]
fn every_message_is_judged_as_the_table_says() {
    let battery = Battery::read();
    for case in &CASES {
        let (_, transitions) = battery.count(case.name);
        let messages = transitions[BEFORE..].iter().rev();
        let decisions: Vec<Decision> = messages.map(|t| t.decision).collect();
        assert_eq!(decisions, case.decisions, "{}", case.name);
    }
}

/// Where both of MACI's parts say what is said here, the table calls it agreed.
#[test]
fn the_table_lists_differences_only() {
    for case in &CASES {
        let Some((message, core, circuit)) = case.differs else {
            continue;
        };
        let ours = match case.decisions[message] {
            Applied => Applies,
            Refused(_) => Refuses,
        };
        assert!((core, circuit) != (ours, ours), "{}", case.name);
    }
    assert_eq!(CASES.iter().filter(|c| c.differs.is_some()).count(), 19);
}

/// `prepare` compares what the circuit computes with the state machine's outcome.
#[test]
fn every_step_has_a_witness_and_the_same_outcome() {
    let battery = Battery::read();
    for case in &CASES {
        let (poll, transitions) = battery.count(case.name);
        let header = poll.header();
        let depths = (header.state_tree_depth, header.vote_option_tree_depth);
        let shape = Shape::new(depths.0, depths.1, 1).expect("depths in range");
        let secret = battery.coordinator.secret_scalar();
        for transition in &transitions[BEFORE..] {
            let circuit = StepCircuit::prepare(shape, header, secret, vec![transition.clone()]);
            let circuit = circuit.expect(case.name);
            let recording = circuit.record(&[]);
            assert_eq!(recording.violated, None, "{}", case.name);
            assert!(recording.recorder.violated().is_none(), "{}", case.name);
            assert_eq!(recording.after, *circuit.after(), "{}", case.name);
        }
    }
}
