//! Ballots: any choices, indices and nonces are messages or an error. An input has the state index,
//! the first nonce and a number that says what kind of ballot and poll it is, a line each, and then
//! choices as a ballot's file has them.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::{Header, Mode};
use maci_nova_protocol::Fr;
use maci_nova_sdk::voter::anchor::Anchor;
use maci_nova_sdk::voter::ballot::{Ballot, Choice};

/// More choices are no other case, and each is encrypted.
const MOST_CHOICES: usize = 8;

fn keys() -> &'static [PrivateKey; 3] {
    static KEYS: OnceLock<[PrivateKey; 3]> = OnceLock::new();
    KEYS.get_or_init(|| [1, 2, 3].map(|seed| PrivateKey::from_element(Fr::from(seed))))
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let mut number = || lines.next().and_then(|line| line.parse::<u64>().ok());
    let (Some(state_index), Some(first_nonce), Some(kind)) = (number(), number(), number()) else {
        return;
    };
    let choices: Result<Vec<Choice>, _> = lines.take(MOST_CHOICES).map(str::parse).collect();
    let Ok(choices) = choices else {
        return;
    };
    let [coordinator, key, new_key] = keys();
    let header = Header {
        poll_id: kind >> 8,
        coordinator_key: coordinator.public_key().point(),
        vote_options: 5,
        mode: Mode::ALL[kind as usize % Mode::ALL.len()],
        signed_within: 0,
        state_tree_depth: 2,
        vote_option_tree_depth: 1,
    };
    let ballot = Ballot {
        header: &header,
        state_index,
        key,
        choices: &choices,
        new_key: (kind & 16 != 0).then(|| new_key.public_key()),
        first_nonce,
        at_least: (kind >> 32) as u16 % 200,
    };
    let _ = (ballot.cost(), ballot.nonces());
    let checked = ballot.check_votes();
    match ballot.messages(&Anchor::NONE) {
        Ok(messages) => {
            assert!(checked.is_ok());
            assert_eq!(messages.len(), ballot.nonces().len());
        }
        // The new key is looked at by itself.
        Err(error) => assert!(checked.is_err() || choices.is_empty(), "{error}"),
    }
});
