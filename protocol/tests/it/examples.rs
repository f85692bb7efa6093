//! The worked examples of MACI's documentation.

use crate::common::Scene;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::{Decision, Mode, Rule};

/// The key change page: of voter 1's two votes with nonce 1 the later one, which also changes the
/// key, counts.
#[test]
fn key_change() {
    let mut scene = Scene::new(Mode::Quadratic, &[100, 100]);
    let (first, second) = (scene.voters[0].clone(), scene.voters[1].clone());
    let changed = PrivateKey::random(&mut scene.rng);

    let mut command = scene.command();
    (command.vote_option_index, command.new_vote_weight) = (0, 9);
    scene.cast(&command, &first);

    let mut other = scene.command();
    (
        other.state_index,
        other.vote_option_index,
        other.new_vote_weight,
    ) = (2, 1, 3);
    other.new_public_key = second.public_key().point();
    scene.cast(&other, &second);

    command.new_vote_weight = 5;
    command.new_public_key = changed.public_key().point();
    scene.cast(&command, &first);

    let (poll, _) = scene.count();
    let results = poll.results();
    assert_eq!((results[0].votes, results[0].spent), (5, 25));
    assert_eq!((results[1].votes, results[1].spent), (3, 9));
    assert_eq!(poll.total_spent(), 34);
    assert_eq!(
        poll.leaf(1).map(|leaf| leaf.key),
        Some(changed.public_key().point())
    );
    assert_eq!(
        poll.leaf(2).map(|leaf| leaf.key),
        Some(second.public_key().point())
    );
    let expected = [
        Decision::Refused(Rule::Nonce),
        Decision::Applied,
        Decision::Applied,
    ];
    assert_eq!(scene.decisions(), expected);
}

/// Alice sells her key: the bribed vote after the key change is refused, as her later vote is
/// processed first.
#[test]
fn bribed_key_change() {
    let mut scene = Scene::new(Mode::Quadratic, &[100]);
    let alice = scene.voters[0].clone();
    let bob = PrivateKey::random(&mut scene.rng);

    let mut command = scene.command();
    command.new_public_key = bob.public_key().point();
    command.new_vote_weight = 0;
    scene.cast(&command, &alice);
    command.new_vote_weight = 9;
    command.nonce = 2;
    scene.cast(&command, &bob);
    let mut command = scene.command();
    command.new_vote_weight = 4;
    scene.cast(&command, &alice);

    let expected = [
        Decision::Refused(Rule::Nonce),
        Decision::Refused(Rule::SignatureEquation),
        Decision::Applied,
    ];
    assert_eq!(scene.decisions(), expected);
    assert_eq!(scene.count().0.results()[2].votes, 4);
}

enum Sent {
    TopUp,
    Vote { weight: u64, nonce: u64 },
}

/// The weight that counts in the end, of a voter with 100 credits.
fn final_weight(sent: [Sent; 3]) -> i64 {
    let mut scene = Scene::new(Mode::Quadratic, &[100]);
    let voter = scene.voters[0].clone();
    for event in sent {
        match event {
            Sent::TopUp => scene.top_up(1, 350),
            Sent::Vote { weight, nonce } => {
                let mut command = scene.command();
                (command.new_vote_weight, command.nonce) = (weight, nonce);
                scene.cast(&command, &voter);
            }
        }
    }
    let (poll, _) = scene.count();
    poll.weight(1, 2)
}

/// The top-up note, case 1: the top-up is processed last, too late for the vote of weight 20.
#[test]
fn top_up_first() {
    let large = Sent::Vote {
        weight: 20,
        nonce: 2,
    };
    let small = Sent::Vote {
        weight: 9,
        nonce: 1,
    };
    assert_eq!(final_weight([Sent::TopUp, large, small]), 9);
}

/// The top-up note, case 2: the top-up is processed between, and the vote of weight 20 overrides
/// the other.
#[test]
fn top_up_between() {
    let large = Sent::Vote {
        weight: 20,
        nonce: 2,
    };
    let small = Sent::Vote {
        weight: 9,
        nonce: 1,
    };
    assert_eq!(final_weight([large, Sent::TopUp, small]), 20);
}
