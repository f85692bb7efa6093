//! Ballots as they are counted.

use maci_nova_protocol::count::Count;
use maci_nova_protocol::hash_chain;
use maci_nova_protocol::log::Record;
use maci_nova_protocol::message::{Join, TopUp};
use maci_nova_protocol::poll::Mode;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::*;

const OPTIONS: u64 = 5;
const CREDITS: u64 = 100;

/// A poll with two voters; the second one votes nothing.
struct World {
    coordinator: PrivateKey,
    header: Header,
    key: PrivateKey,
    sent: Vec<Record>,
}

fn key(seed: u64) -> PrivateKey {
    PrivateKey::from_element(Fr::from(seed))
}

fn choice(option: u64, weight: i64) -> Choice {
    Choice { option, weight }
}

impl World {
    fn new() -> Self {
        let coordinator = key(1);
        World {
            header: Header {
                poll_id: 77,
                coordinator_key: coordinator.public_key().point(),
                vote_options: OPTIONS,
                mode: Mode::Quadratic,
                signed_within: 0,
                state_tree_depth: 2,
                vote_option_tree_depth: 1,
            },
            coordinator,
            key: key(2),
            sent: vec![],
        }
    }

    /// The first voter's ballot with the key of the join.
    fn ballot<'a>(&'a self, choices: &'a [Choice]) -> Ballot<'a> {
        Ballot {
            header: &self.header,
            state_index: 1,
            key: &self.key,
            choices,
            new_key: None,
            first_nonce: 1,
            at_least: 1,
        }
    }

    fn publish(&mut self, messages: Vec<SignedMessage>) {
        let messages = messages.into_iter().map(|signed| signed.message);
        let records = messages.map(Box::new).map(Record::Message);
        self.sent.extend(records);
    }

    fn vote(&mut self, choices: &[Choice]) {
        let messages = self.ballot(choices).messages(&Anchor::NONE).unwrap();
        self.publish(messages);
    }

    fn top_up(&mut self, amount: u64) {
        let state_index = 1;
        self.sent.push(Record::TopUp(TopUp {
            state_index,
            amount,
        }));
    }

    /// The weights that are counted.
    fn count(&self) -> Vec<i128> {
        let secret = self.coordinator.secret_scalar();
        let mut count = Count::new(self.header.clone(), secret).unwrap();
        for key in [&self.key, &key(3)] {
            let join = Join {
                public_key: key.public_key().point(),
                voice_credits: CREDITS,
            };
            count.join(&join).unwrap();
        }
        let mut heads = vec![hash_chain::zero()];
        for record in &self.sent {
            let head = heads[heads.len() - 1];
            heads.push(hash_chain::extend(head, record.link().unwrap()));
        }
        for (record, head) in self.sent.iter().zip(heads).rev() {
            match record {
                Record::Message(message) => count.vote(message, head).unwrap(),
                Record::TopUp(top_up) => count.top_up(top_up, head).unwrap(),
                other => panic!("{other:?}"),
            };
        }
        count.results().iter().map(|result| result.votes).collect()
    }
}

/// A ballot that 100 credits pay for.
fn random_choices(rng: &mut ChaCha20Rng) -> Vec<Choice> {
    let mut options: Vec<u64> = (0..OPTIONS).collect();
    let count = 1 + rng.next_u64() % OPTIONS;
    let pick = |_| {
        let option = options.swap_remove((rng.next_u64() % options.len() as u64) as usize);
        choice(option, (rng.next_u64() % 5) as i64)
    };
    (0..count).map(pick).collect()
}

fn weights(choices: &[Choice]) -> Vec<i128> {
    let weight = |option| {
        let choice = choices.iter().find(|choice| choice.option == option);
        choice.map_or(0, |choice| i128::from(choice.weight))
    };
    (0..OPTIONS).map(weight).collect()
}

#[test]
fn the_last_ballot_is_the_only_one() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    for _ in 0..12 {
        let mut world = World::new();
        for _ in 0..1 + rng.next_u64() % 3 {
            let choices = random_choices(&mut rng);
            world.vote(&choices);
            assert_eq!(world.count(), weights(&choices), "{choices:?}");
        }
    }
}

#[test]
fn nonces_go_down() {
    let world = World::new();
    let choices = [choice(0, 1), choice(1, 2), choice(4, 3)];
    let mut ballot = world.ballot(&choices);
    assert_eq!(ballot.nonces(), [3, 2, 1]);
    assert_eq!(ballot.cost(), 1 + 4 + 9);
    ballot.first_nonce = 7;
    assert_eq!(ballot.nonces(), [9, 8, 7]);
    assert_eq!(ballot.messages(&Anchor::NONE).unwrap().len(), 3);
}

/// After a bribe the briber has the key, and every key that it was changed to.
#[test]
fn a_bribe_is_worth_nothing() {
    let mut world = World::new();
    let bribers = key(9);
    let mut ballot = world.ballot(&[]);
    ballot.new_key = Some(bribers.public_key());
    let change = ballot.messages(&Anchor::NONE).unwrap();
    let choices = [choice(3, 9)];
    let mut ballot = world.ballot(&choices);
    ballot.key = &bribers;
    let early = ballot.messages(&Anchor::NONE).unwrap();
    ballot.first_nonce = 2;
    let bought = ballot.messages(&Anchor::NONE).unwrap();
    let nonce_one = early;
    // In whatever order the briber asks for them.
    world.publish(bought);
    world.publish(change);
    world.publish(nonce_one);
    assert_eq!(world.count()[3], 9, "the bribe works until");
    world.vote(&[choice(1, 4), choice(2, 4)]);
    assert_eq!(world.count(), [0, 4, 4, 0, 0]);
}

#[test]
fn a_kept_key_lets_what_it_signed_before_count() {
    let mut world = World::new();
    let kept = key(5);
    let choices = [choice(0, 2), choice(1, 3)];
    let mut ballot = world.ballot(&choices);
    ballot.key = &kept;
    ballot.first_nonce = 3;
    let before = ballot.messages(&Anchor::NONE).unwrap();
    world.publish(before);
    assert_eq!(world.count(), [0; 5]);
    let choices = [choice(1, 7), choice(4, 1)];
    let mut ballot = world.ballot(&choices);
    ballot.new_key = Some(kept.public_key());
    let last = ballot.messages(&Anchor::NONE).unwrap();
    world.publish(last);
    assert_eq!(world.count(), [2, 3, 0, 0, 1]);
}

#[test]
fn a_key_change_alone_takes_back_everything() {
    let mut world = World::new();
    world.vote(&[choice(0, 5), choice(1, 5)]);
    let mut ballot = world.ballot(&[]);
    ballot.new_key = Some(key(5).public_key());
    assert_eq!((ballot.nonces(), ballot.cost()), (vec![1], 0));
    let change = ballot.messages(&Anchor::NONE).unwrap();
    world.publish(change);
    assert_eq!(world.count(), [0; 5]);
}

#[test]
fn a_top_up_is_for_ballots_before_it() {
    let mut world = World::new();
    world.top_up(69);
    world.vote(&[choice(2, 13)]);
    assert_eq!(world.count(), [0; 5]);
    world.top_up(69);
    assert_eq!(world.count(), [0, 0, 13, 0, 0]);
}

/// What the module's documentation warns of.
#[test]
fn a_ballot_that_costs_too_much_is_cut_off() {
    let mut world = World::new();
    let earlier = [choice(4, 1), choice(3, 1), choice(2, 1)];
    world.vote(&earlier);
    // The earlier ballot is void as soon as one message of the later one is counted.
    world.vote(&[choice(0, 9), choice(1, 9), choice(2, 1)]);
    assert_eq!(world.count(), [9, 0, 0, 0, 0]);
    world.top_up(63);
    assert_eq!(world.count(), [9, 9, 1, 0, 0]);
    // But not if that one is refused which is counted first.
    let mut world = World::new();
    world.vote(&earlier);
    world.vote(&[choice(0, 11), choice(1, 1)]);
    assert_eq!(world.count(), [0, 0, 1, 1, 1]);
}

/// What a stranger who tops up another voter can do, and cannot.
#[test]
fn a_top_up_by_a_stranger_revives_a_decoy() {
    let real = [choice(2, 3)];
    let decoy = [choice(4, 11)];
    let mut world = World::new();
    world.vote(&real);
    world.vote(&decoy);
    assert_eq!(world.count(), [0, 0, 3, 0, 0]);
    world.top_up(20);
    assert_eq!(world.count(), [0, 0, 3, 0, 0]);
    world.top_up(1);
    assert_eq!(world.count(), [0, 0, 0, 0, 11]);
    // A ballot that counts, sent after it, is in nobody else's hands.
    world.vote(&real);
    world.top_up(1000);
    assert_eq!(world.count(), [0, 0, 3, 0, 0]);
}

/// A voter who changes their mind with the same file for the kept key.
#[test]
fn ballots_that_change_to_the_same_key_are_not_mixed() {
    let mut world = World::new();
    let kept = key(5);
    for choices in [
        &[choice(0, 1), choice(1, 1), choice(2, 1)][..],
        &[choice(4, 3)],
    ] {
        let mut ballot = world.ballot(choices);
        ballot.new_key = Some(kept.public_key());
        let messages = ballot.messages(&Anchor::NONE).unwrap();
        world.publish(messages);
    }
    assert_eq!(world.count(), [0, 0, 0, 0, 3]);
}

/// Somebody who has the voter's first key cannot take a ballot over in its middle.
#[test]
fn the_first_key_signs_one_message_alone() {
    let mut world = World::new();
    let choices = [choice(4, 2)];
    let mut ballot = world.ballot(&choices);
    ballot.first_nonce = 2;
    let in_the_middle = ballot.messages(&Anchor::NONE).unwrap();
    world.publish(in_the_middle);
    world.vote(&[choice(0, 1)]);
    assert_eq!(world.count(), [1, 0, 0, 0, 0]);
}

#[test]
fn every_message_has_a_key_of_its_own() {
    let world = World::new();
    let choices = [choice(0, 1), choice(1, 1), choice(2, 1)];
    let mut keys = Vec::new();
    for _ in 0..2 {
        let messages = world.ballot(&choices).messages(&Anchor::NONE).unwrap();
        keys.extend(messages.iter().map(|signed| signed.message.encryption_key));
        assert!(messages
            .iter()
            .all(|signed| signed.message.encryption_key.is_on_curve()));
    }
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), 6);
}

#[test]
fn ballots_that_are_none() {
    let world = World::new();
    let refused = |choices: &[Choice], change: fn(&mut Ballot<'_>)| {
        let mut ballot = world.ballot(choices);
        change(&mut ballot);
        ballot.messages(&Anchor::NONE).unwrap_err()
    };
    let fine = [choice(0, 1), choice(4, 1)];
    assert_eq!(refused(&[], |_| {}), BallotError::Empty);
    assert_eq!(
        refused(&fine, |ballot| ballot.state_index = 0),
        BallotError::StateIndex
    );
    assert_eq!(
        refused(&fine, |ballot| ballot.first_nonce = 0),
        BallotError::Nonce
    );
    let option = BallotError::Option { option: 5, last: 4 };
    assert_eq!(refused(&[choice(5, 1)], |_| {}), option);
    let twice = [choice(3, 1), choice(0, 2), choice(3, 1)];
    assert_eq!(refused(&twice, |_| {}), BallotError::Twice(3));
    assert_eq!(
        refused(&fine, |ballot| ballot.new_key =
            Some(ballot.key.public_key())),
        BallotError::SameKey
    );
    let field = |error| match error {
        BallotError::Command(CommandError { field }) => field,
        other => panic!("{other}"),
    };
    for weight in [1 << 49, 1 << 50, -1, i64::MIN] {
        let mode = "quadratic";
        let refused = refused(&[choice(0, weight)], |_| {});
        assert_eq!(refused, BallotError::Weight { weight, mode });
    }
    let index: fn(&mut Ballot<'_>) = |ballot| ballot.state_index = 1 << 50;
    assert_eq!(field(refused(&fine, index)), "state index");
    for nonce in [(1 << 50) - 1, u64::MAX - 1, u64::MAX] {
        let mut ballot = world.ballot(&fine);
        ballot.first_nonce = nonce;
        assert_eq!(
            field(ballot.messages(&Anchor::NONE).unwrap_err()),
            "nonce",
            "{nonce}"
        );
    }
}

#[test]
fn weights_against_an_option() {
    let mut world = World::new();
    world.header.mode = Mode::Negative;
    world.vote(&[choice(0, 9)]);
    let choices = [choice(0, -8), choice(3, 6), choice(4, 0)];
    assert_eq!(world.ballot(&choices).cost(), 100);
    world.vote(&choices);
    assert_eq!(world.count(), [-8, 0, 0, 6, 0]);
    for weight in [1 << 49, -(1 << 49)] {
        let choices = [choice(0, weight)];
        let refused = world.ballot(&choices).drafts().unwrap_err();
        assert!(matches!(refused, BallotError::Weight { .. }), "{refused}");
    }
}

#[test]
fn full_voting_is_one_vote_with_everything() {
    let mut world = World::new();
    world.header.mode = Mode::Full;
    world.vote(&[choice(1, 100)]);
    assert_eq!(world.count(), [0, 100, 0, 0, 0]);
    let key = key(9).public_key();
    let refused = |choices: &[Choice]| {
        let mut ballot = world.ballot(choices);
        ballot.new_key = Some(key);
        ballot.drafts().unwrap_err()
    };
    for choices in [&[][..], &[choice(0, 0)], &[choice(0, 50), choice(1, 50)]] {
        assert_eq!(refused(choices), BallotError::NotFull);
    }
    assert!(matches!(
        refused(&[choice(0, -1)]),
        BallotError::Weight { .. }
    ));
    // What is less than everything is sent if somebody insists, and does not count.
    world.vote(&[choice(2, 99)]);
    assert_eq!(world.count(), [0, 100, 0, 0, 0]);
}

/// An old ballot that is sent again under the anchor of now, or as it was in a poll without
/// anchors.
#[test]
fn a_ballot_that_somebody_sends_again() {
    for anchors in [true, false] {
        let mut world = World::new();
        world.header.signed_within = if anchors { 75 } else { 0 };
        let anchor = |block_number: u64| match anchors {
            true => Anchor {
                block_number,
                element: Fr::from(block_number),
            },
            false => Anchor::NONE,
        };
        let old = world
            .ballot(&[choice(0, 9)])
            .messages(&anchor(100))
            .unwrap();
        let new = world
            .ballot(&[choice(1, 5)])
            .messages(&anchor(200))
            .unwrap();
        world.publish(old.clone());
        world.publish(new);
        assert_eq!(world.count(), [0, 5, 0, 0, 0]);
        let mut again = old;
        for signed in &mut again {
            signed.message.anchor = anchor(300).element;
        }
        world.publish(again);
        let undone = if anchors {
            [0, 5, 0, 0, 0]
        } else {
            [9, 0, 0, 0, 0]
        };
        assert_eq!(world.count(), undone);
    }
}

/// What pads a ballot changes nothing: not the count, nor what was sent before it, nor the key that
/// it changes to.
#[test]
fn a_padded_ballot_is_counted_as_it_is() {
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let kept = key(5);
    let nothing = [choice(3, 0)];
    for mode in Mode::ALL {
        for round in 0..4_u16 {
            let mut world = World::new();
            world.header.mode = mode;
            let choices = match mode {
                Mode::Full => vec![choice(u64::from(round), CREDITS as i64)],
                _ => random_choices(&mut rng),
            };
            world.vote(&[choice(4, if mode == Mode::Full { 100 } else { 3 })]);
            let ballot = Ballot {
                at_least: 5 + round,
                new_key: Some(kept.public_key()),
                ..world.ballot(&choices)
            };
            let messages = ballot.messages(&Anchor::NONE).unwrap();
            assert_eq!(messages.len(), usize::from(5 + round));
            assert_eq!(messages.len(), ballot.nonces().len());
            assert_eq!(ballot.cost(), world.ballot(&choices).cost());
            // The new key signs what is sent before: it is counted after the ballot.
            let key_alone = Ballot {
                key: &kept,
                first_nonce: u64::from(6 + round),
                ..world.ballot(&nothing)
            };
            if mode != Mode::Full {
                let before = key_alone.messages(&Anchor::NONE).unwrap();
                world.publish(before);
            }
            world.publish(messages);
            let mut expected = weights(&choices);
            if mode != Mode::Full {
                expected[3] = 0;
            }
            assert_eq!(world.count(), expected, "{mode:?} {choices:?}");
        }
    }
}

/// A key change alone can be padded, too, and so can what does not count as a whole.
#[test]
fn padding_of_what_is_less_than_a_ballot() {
    let mut world = World::new();
    let kept = key(5);
    let change = Ballot {
        at_least: 3,
        new_key: Some(kept.public_key()),
        ..world.ballot(&[])
    };
    let messages = change.messages(&Anchor::NONE).unwrap();
    assert_eq!(messages.len(), 3);
    let by_new_key = [choice(2, 4)];
    let before = Ballot {
        key: &kept,
        first_nonce: 4,
        ..world.ballot(&by_new_key)
    };
    let before = before.messages(&Anchor::NONE).unwrap();
    world.publish(before);
    world.publish(messages);
    assert_eq!(world.count(), [0, 0, 4, 0, 0]);

    // The second choice costs too much: the first one counts, padded or not.
    for at_least in [1, 6] {
        let mut world = World::new();
        let choices = [choice(0, 8), choice(1, 7)];
        let ballot = Ballot {
            at_least,
            ..world.ballot(&choices)
        };
        let messages = ballot.messages(&Anchor::NONE).unwrap();
        world.publish(messages);
        assert_eq!(world.count(), [8, 0, 0, 0, 0], "{at_least}");
    }
}

/// What somebody has to add, and where nobody can.
#[test]
fn what_a_ballot_is_short_of() {
    let mut world = World::new();
    let costs_100 = [choice(0, 8), choice(1, 6)];
    let costs_101 = [choice(0, 10), choice(1, 1)];
    for first_nonce in [1, 2] {
        let missing = |world: &World, choices, top_ups| {
            let ballot = Ballot {
                first_nonce,
                ..world.ballot(choices)
            };
            ballot.missing(CREDITS, top_ups)
        };
        for top_ups in [false, true] {
            assert_eq!(missing(&world, &costs_100, top_ups), Ok(0));
        }
        assert_eq!(missing(&world, &costs_101, true), Ok(1));
        let (cost, credits) = (101, CREDITS);
        let refused = Err(BallotError::TooDear { cost, credits });
        assert_eq!(missing(&world, &costs_101, false), refused);
    }
    world.header.mode = Mode::Full;
    for (weight, refused) in [(99, true), (100, false), (101, true)] {
        let choices = [choice(0, weight)];
        let missing = world.ballot(&choices).missing(CREDITS, false);
        assert_eq!(missing.is_err(), refused, "{weight}");
        let cost = weight as u128;
        let credits = CREDITS;
        if refused {
            assert_eq!(missing, Err(BallotError::NotWhole { cost, credits }));
        }
    }
}
