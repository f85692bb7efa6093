//! The polls of `vectors/`, counted as MACI's own core counts them.

use std::fs::File;
use std::io::BufReader;

use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::count::Count;
use maci_nova_protocol::field::{from_decimal, from_i64};
use maci_nova_protocol::log::{LogIndex, LogReader, LogWriter, Record};
use maci_nova_protocol::poll::{Decision, Event, Rule, Transition};
use maci_nova_protocol::tally::results_root;
use maci_nova_tests::vectors::{coordinator, path, transitions, COUNTED_ALIKE, WIPED};
use serde_json::Value;

fn expected(poll: &str) -> Value {
    let path = path(&format!("polls/{poll}/expected.json"));
    serde_json::from_slice(&std::fs::read(path).expect("the vector")).expect("JSON")
}

fn log(poll: &str) -> File {
    File::open(path(&format!("polls/{poll}/poll.jsonl"))).expect("the vector's log")
}

fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(value: &Value) -> T {
    value.as_str().expect("a string").parse().expect("a number")
}

fn numbers<T: std::str::FromStr<Err = std::num::ParseIntError>>(value: &Value) -> Vec<T> {
    list(value).iter().map(number).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn point(value: &Value) -> Point {
    let coordinate =
        |i: usize| from_decimal(value[i].as_str().expect("a string")).expect("an element");
    Point {
        x: coordinate(0),
        y: coordinate(1),
    }
}

#[test]
fn counts_as_macis_core_does() {
    for name in COUNTED_ALIKE {
        let expected = expected(name);
        let (poll, transitions) = transitions(name);
        let results = poll.results();
        let votes: Vec<i128> = results.iter().map(|result| result.votes).collect();
        let spent: Vec<u128> = results.iter().map(|result| result.spent).collect();
        assert_eq!(votes, numbers(&expected["results"]), "{name}");
        assert_eq!(spent, numbers(&expected["perOptionSpent"]), "{name}");
        assert_eq!(
            poll.total_spent(),
            number(&expected["totalSpent"]),
            "{name}"
        );
        assert!(
            transitions.iter().any(|t| t.decision == Decision::Applied),
            "{name}"
        );
        let root = results_root(poll.header().vote_option_tree_depth, &results);
        assert_eq!(root, Ok(poll.state().tally_root), "{name}");
    }
}

#[test]
fn final_leaves_and_ballots() {
    for name in COUNTED_ALIKE {
        let expected = expected(name);
        let (poll, _) = transitions(name);
        let (leaves, ballots) = (list(&expected["leaves"]), list(&expected["ballots"]));
        assert_eq!(leaves.len() as u64, poll.next_state_index(), "{name}");
        assert_eq!(leaves.len(), ballots.len(), "{name}");
        for (index, (leaf, ballot)) in (0u64..).zip(leaves.iter().zip(ballots)).skip(1) {
            let voter = poll.leaf(index).expect("a voter");
            assert_eq!(voter.key, point(&leaf["publicKey"]), "{name} {index}");
            assert_eq!(
                voter.balance,
                number(&leaf["voiceCreditBalance"]),
                "{name} {index}"
            );
            assert_eq!(
                u128::from(voter.nonce),
                number(&ballot["nonce"]),
                "{name} {index}"
            );
            for (option, weight) in (0u64..).zip(numbers::<i128>(&ballot["votes"])) {
                assert_eq!(
                    i128::from(poll.weight(index, option)),
                    weight,
                    "{name} {index} {option}"
                );
            }
        }
        assert_eq!(poll.leaf(0), None);
        assert_eq!(poll.leaf(leaves.len() as u64), None);
    }
}

/// The decisions of a poll's messages in order of arrival.
fn decisions(transitions: &[Transition]) -> Vec<Decision> {
    let is_vote = |t: &&Transition| matches!(t.event, Event::Vote { .. });
    let votes = transitions.iter().filter(is_vote);
    votes.rev().map(|t| t.decision).collect()
}

/// What MACI's core said of each message, in order of arrival.
fn said(expected: &Value) -> Vec<&str> {
    let list = list(&expected["decisions"]).iter();
    list.map(|word| word.as_str().expect("a string")).collect()
}

/// Full voting, message by message: the reasons are the same too.
#[test]
fn full_voting_is_judged_as_macis_core_does() {
    let expected = expected("full");
    let said = said(&expected);
    let (_, transitions) = transitions("full");
    let decisions = decisions(&transitions);
    assert_eq!(decisions.len(), said.len());
    for (at, (decision, said)) in decisions.iter().zip(&said).enumerate() {
        let rules: &[Rule] = match *said {
            "applied" => &[],
            "invalid voice credits" => &[Rule::WholeBalance],
            // The core has no bound on a weight.
            "insufficient voice credits" => &[Rule::Credits, Rule::Weight],
            "invalid nonce" => &[Rule::Nonce],
            "invalid vote option index" => &[Rule::VoteOption],
            "invalid signature" => &[Rule::SignatureEquation],
            other => panic!("{other}"),
        };
        match decision {
            Decision::Applied => assert!(rules.is_empty(), "{at}: {said}"),
            Decision::Refused(rule) => assert!(rules.contains(rule), "{at}: {said}, {rule:?}"),
        }
    }
    // Each of them is there.
    for rule in [Rule::WholeBalance, Rule::Credits, Rule::Weight] {
        assert!(decisions.contains(&Decision::Refused(rule)));
    }
}

/// Weight 0 for another option would wipe a ballot that has spent everything. MACI's core takes it,
/// and a vote of 0 from a voter without credits; its circuit does not.
#[test]
fn weight_zero_does_not_wipe_a_ballot() {
    let expected = expected(WIPED);
    assert_eq!(said(&expected), ["applied"; 4]);
    assert_eq!(numbers::<i128>(&expected["results"]), [0, 0, 80, 0, 0]);
    let (poll, transitions) = transitions(WIPED);
    let refused = Decision::Refused(Rule::WholeBalance);
    let applied = Decision::Applied;
    assert_eq!(
        decisions(&transitions),
        [refused, applied, refused, applied]
    );
    let votes: Vec<i128> = poll.results().iter().map(|result| result.votes).collect();
    assert_eq!(votes, [0, 0, 180, 0, 0]);
    assert_eq!(poll.weight(1, 2), 100);
}

#[test]
fn the_count_without_trees_is_the_same() {
    for name in COUNTED_ALIKE {
        let index = LogIndex::scan(BufReader::new(log(name))).expect("a valid log");
        let secret = coordinator(name).secret_scalar();
        let mut count = Count::new(index.facts().header.clone(), secret).expect("its key");
        for join in index.joins(log(name)) {
            count.join(&join.expect("a join")).expect("room");
        }
        let (poll, transitions) = transitions(name);
        let mut decisions = transitions
            .iter()
            .filter(|t| !matches!(t.event, Event::Blind { .. } | Event::Join(_)))
            .map(|t| t.decision);
        for entry in index.messages_reversed(log(name)) {
            let entry = entry.expect("a message");
            let decision = entry.count(&mut count);
            assert_eq!(
                decision.expect("in the chain"),
                decisions.next(),
                "{name} line {}",
                entry.line_number
            );
        }
        assert_eq!(decisions.next(), None);
        assert_eq!(count.results(), poll.results());
        assert_eq!(count.total_spent(), poll.total_spent());
    }
}

/// Everything that a transition claims about the roots holds.
fn check(transition: &Transition) {
    let t = transition;
    let state_root = |leaf| t.state_path.root(leaf, t.path_index);
    assert_eq!(state_root(t.old_leaf), t.before.state_root);
    assert_eq!(state_root(t.new_leaf), t.after.state_root);
    let vote_root = |weight| t.vote_path.root(from_i64(weight), t.option_index);
    assert_eq!(vote_root(t.old_weight), t.leaf.vote_root);
    let tally_root = t.tally_path.root(t.old_result.hash(), t.option_index);
    assert_eq!(tally_root, t.before.tally_root);
    if matches!(t.event, Event::Vote { .. } | Event::TopUp { .. }) && t.path_index > 0 {
        assert_eq!(t.leaf.hash(), t.old_leaf);
    } else {
        assert_eq!(
            (t.leaf.balance, t.leaf.nonce, t.leaf.key),
            (0, 0, Point::default())
        );
    }
    if t.decision != Decision::Applied {
        assert_eq!(t.new_leaf, t.old_leaf);
        assert_eq!(t.before.tally_root, t.after.tally_root);
    }
}

#[test]
fn transitions_connect_the_states() {
    for name in COUNTED_ALIKE {
        let index = LogIndex::scan(BufReader::new(log(name))).expect("a valid log");
        let (poll, transitions) = transitions(name);
        for pair in transitions.windows(2) {
            assert_eq!(pair[0].after, pair[1].before, "{name}");
        }
        transitions.iter().for_each(check);
        let (last, all) = transitions.split_last().expect("events");
        assert_eq!(&last.after, poll.state());
        assert!(index.facts().completed_by(poll.state()), "{name}");
        assert!(
            all.iter().all(|t| !index.facts().completed_by(&t.after)),
            "{name}"
        );
    }
}

/// A log of version 1 in version 2, in which its messages have the anchor 0.
fn of_version_two(log: &str) -> String {
    let is_message = |line: &str| line.starts_with("{\"kind\":\"message\"");
    let lines = log.lines().map(|line| match is_message(line) {
        true => format!("{},\"anchor\":\"0\"}}\n", line.trim_end_matches('}')),
        false => format!("{line}\n"),
    });
    let (depth, signed) = (
        ",\"stateTreeDepth\"",
        ",\"signedWithin\":0,\"stateTreeDepth\"",
    );
    let lines: String = lines.collect();
    lines
        .replacen("\"version\":1", "\"version\":2", 1)
        .replacen(depth, signed, 1)
}

/// Logs of every version as version 3, which says the same: what has no bundle differs in its number.
#[test]
fn logs_are_written_as_they_were_read() {
    for name in COUNTED_ALIKE {
        let read = |log: &str| -> Vec<Record> {
            let records = LogReader::new(log.as_bytes());
            records
                .map(|record| record.expect("a valid line").1)
                .collect()
        };
        let path = path(&format!("polls/{name}/poll.jsonl"));
        let original = std::fs::read_to_string(path).expect("the log");
        let records = read(&original);
        let mut writer = LogWriter::new(Vec::new());
        for record in &records {
            writer.write(record).expect("valid again");
        }
        let written = String::from_utf8(writer.finish().expect("memory")).expect("text");
        let expected = match name {
            "full" => original.clone(),
            _ => of_version_two(&original),
        };
        let expected = expected.replacen("\"version\":2", "\"version\":3", 1);
        assert!(written == expected, "{name}");
        assert!(read(&written) == records, "{name}");
        let facts = |log: &str| {
            let index = LogIndex::scan(log.as_bytes()).expect("a valid log");
            index.facts().clone()
        };
        assert_eq!(facts(&written), facts(&original), "{name}");
    }
}
