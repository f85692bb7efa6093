//! The polls in `vectors/`, computed by MACI's own packages.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::LogIndex;
use maci_nova_protocol::poll::{Poll, Transition};
use maci_nova_protocol::Fr;

/// Names of the polls, smallest first.
pub const POLLS: [&str; 3] = ["small", "linear", "medium"];

/// Those and one in full voting: polls that are counted as MACI's core counts them.
pub const COUNTED_ALIKE: [&str; 4] = ["small", "linear", "medium", "full"];

/// The poll in full voting that is not: MACI's core takes votes of weight 0 from who has nothing
/// left, its circuit and this do not.
pub const WIPED: &str = "full-wiped";

/// A file in `vectors/`.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name)
}

/// The coordinator's key of a poll.
pub fn coordinator(poll: &str) -> PrivateKey {
    let text = std::fs::read_to_string(path(&format!("polls/{poll}/coordinator.key")))
        .expect("the vector's key file");
    PrivateKey::from_serialized(text.trim()).expect("a serialized key")
}

/// All events of a poll in the order in which they are proven: a blind one, the joins, the
/// messages from the last to the first.
pub fn transitions(poll: &str) -> (Poll, Vec<Transition>) {
    first_transitions(poll, usize::MAX)
}

/// The first so many of them, at least one.
pub fn first_transitions(poll: &str, limit: usize) -> (Poll, Vec<Transition>) {
    let open = || File::open(path(&format!("polls/{poll}/poll.jsonl"))).expect("the vector's log");
    let index = LogIndex::scan(BufReader::new(open())).expect("a valid log");
    let secret = coordinator(poll).secret_scalar();
    let mut state = Poll::new(index.facts().header.clone(), secret).expect("the key of this poll");
    let mut transitions = vec![state.blind(Fr::from(42))];
    for join in index.joins(BufReader::new(open())).take(limit - 1) {
        let join = join.expect("a valid join");
        transitions.push(state.join(&join).expect("a join before messages"));
    }
    let left = limit - transitions.len();
    for entry in index.messages_reversed(open()).take(left) {
        let entry = entry.expect("a valid message");
        let transition = entry.process(&mut state);
        transitions.push(transition.expect("consecutive messages"));
    }
    (state, transitions)
}
