//! What was sent, sent again: by anybody, and by a coordinator who reads what it says.

use crate::common::Scene;
use maci_nova_protocol::command::Command;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::message::Message;
use maci_nova_protocol::poll::{Decision, Mode, Rule};
use maci_nova_protocol::Fr;

const APPLIED: Decision = Decision::Applied;

fn refused(rule: Rule) -> Decision {
    Decision::Refused(rule)
}

fn scene(anchored: bool) -> Scene {
    match anchored {
        true => Scene::anchored(Mode::Quadratic, &[100]),
        false => Scene::new(Mode::Quadratic, &[100]),
    }
}

/// A scene in whose poll the first voter voted for option 2, and some blocks later for option 5.
/// With the first ballot's message and command.
fn two_ballots(anchored: bool) -> (Scene, Message, Command) {
    let mut scene = scene(anchored);
    let key = scene.voters[0].clone();
    let first = scene.command();
    let message = scene.message(&first, &key);
    scene.publish_message(message);
    later(&mut scene);
    let mut second = scene.command();
    (second.vote_option_index, second.new_vote_weight) = (5, 4);
    scene.cast(&second, &key);
    (scene, message, first)
}

/// Another block's anchor, in a poll that has anchors.
fn later(scene: &mut Scene) {
    if scene.anchor != Fr::from(0) {
        scene.anchor += Fr::from(1);
    }
}

/// The weights of options 2 and 5.
fn weights(scene: &Scene) -> (i64, i64) {
    let (poll, _) = scene.count();
    (poll.weight(1, 2), poll.weight(1, 5))
}

#[test]
fn the_last_ballot_counts() {
    for anchored in [true, false] {
        let (scene, _, _) = two_ballots(anchored);
        assert_eq!(scene.decisions(), [refused(Rule::Nonce), APPLIED]);
        assert_eq!(weights(&scene), (0, 4));
    }
}

/// The contract takes the message with a newer anchor only. Without anchors the old ballot is back.
#[test]
fn a_third_party_sends_the_first_ballot_again() {
    for anchored in [true, false] {
        let (mut scene, message, _) = two_ballots(anchored);
        later(&mut scene);
        let anchor = scene.anchor;
        scene.publish_message(Message { anchor, ..message });
        let (last, weight) = match anchored {
            true => (refused(Rule::Anchor), (0, 4)),
            false => (APPLIED, (3, 0)),
        };
        assert_eq!(scene.decisions()[2], last);
        assert_eq!(weights(&scene), weight);
    }
}

/// Under another ciphertext the old command has its signature, and its salt with it.
#[test]
fn the_coordinator_encrypts_the_first_command_again() {
    for anchored in [true, false] {
        let (mut scene, _, first) = two_ballots(anchored);
        later(&mut scene);
        let signature = first.sign(&scene.voters[0]);
        let message = scene.seal(|shared| first.encrypt(&signature, shared));
        scene.publish_message(message);
        let weight = if anchored { (0, 4) } else { (3, 0) };
        assert_eq!(weights(&scene), weight);
        // With the salt of now the signature is not one of it.
        if anchored {
            let salt = scene.anchor;
            let changed = Command { salt, ..first };
            let message = scene.seal(|shared| changed.encrypt(&signature, shared));
            scene.publish_message(message);
            assert_eq!(scene.decisions()[3], refused(Rule::SignatureEquation));
            assert_eq!(weights(&scene), (0, 4));
        }
    }
}

/// What remains: as long as its anchor is taken, a ballot can be sent again. The voter answers with
/// another.
#[test]
fn within_the_window_a_repeated_ballot_counts_until_the_next() {
    let (mut scene, message, _) = two_ballots(true);
    scene.publish_message(message);
    assert_eq!(weights(&scene), (3, 0));
    later(&mut scene);
    let key = scene.voters[0].clone();
    let mut third = scene.command();
    (third.vote_option_index, third.new_vote_weight) = (5, 6);
    scene.cast(&third, &key);
    assert_eq!(weights(&scene), (0, 6));
}

/// A ballot for three options, as clients make it: each message sets a key that the next one
/// counted is signed with. In the order in which it is sent, so the last one is counted first.
fn ballot(scene: &mut Scene, votes: [(u64, u64); 3]) -> [Message; 3] {
    let mut signer = scene.voters[0].clone();
    let mut nonce = 0;
    let mut messages = votes.map(|(option, weight)| {
        let next = PrivateKey::random(&mut scene.rng);
        nonce += 1;
        let command = Command {
            vote_option_index: option,
            new_vote_weight: weight,
            new_public_key: next.public_key().point(),
            nonce,
            ..scene.command()
        };
        let message = scene.message(&command, &signer);
        signer = next;
        message
    });
    messages.reverse();
    messages
}

fn weights_of<const N: usize>(scene: &Scene, options: [u64; N]) -> [i64; N] {
    let (poll, _) = scene.count();
    options.map(|option| poll.weight(1, option))
}

/// One message, sent again, brings a whole ballot back: the rest of it is still in the chain.
#[test]
fn one_message_of_a_ballot_brings_it_back() {
    const OPTIONS: [u64; 6] = [1, 2, 3, 5, 6, 7];
    for anchored in [true, false] {
        let mut scene = scene(anchored);
        let first = ballot(&mut scene, [(1, 2), (2, 3), (3, 4)]);
        first.iter().for_each(|m| scene.publish_message(*m));
        later(&mut scene);
        let second = ballot(&mut scene, [(5, 1), (6, 5), (7, 2)]);
        second.iter().for_each(|m| scene.publish_message(*m));
        assert_eq!(weights_of(&scene, OPTIONS), [0, 0, 0, 1, 5, 2]);
        // The one that was counted first, which is the one that the key of the join has signed.
        later(&mut scene);
        let anchor = scene.anchor;
        scene.publish_message(Message { anchor, ..first[2] });
        let expected = match anchored {
            true => [0, 0, 0, 1, 5, 2],
            false => [2, 3, 4, 0, 0, 0],
        };
        assert_eq!(weights_of(&scene, OPTIONS), expected);
    }
}

/// Whoever sends a ballot's own messages again, before, between or after them, in any order and as
/// often as they like, does nothing: the one that is counted first is spent, and the others go on
/// from there.
#[test]
fn copies_of_a_ballot_do_nothing() {
    for anchored in [true, false] {
        let mut scene = scene(anchored);
        let messages = ballot(&mut scene, [(1, 2), (2, 3), (3, 4)]);
        let mut tried = 0;
        for length in 3..6u32 {
            for order in 0..3usize.pow(length) {
                let digits = (0..length).map(|at| order / 3usize.pow(at) % 3);
                let digits: Vec<usize> = digits.collect();
                if !holds_in_order(&digits) {
                    continue;
                }
                let mut copied = self::scene(anchored);
                digits
                    .iter()
                    .for_each(|i| copied.publish_message(messages[*i]));
                assert_eq!(weights_of(&copied, [1, 2, 3]), [2, 3, 4], "{digits:?}");
                let decisions = copied.decisions();
                let applied = decisions.iter().filter(|one| **one == APPLIED);
                assert_eq!(applied.count(), 3);
                tried += 1;
            }
        }
        // The ballot alone, and with one and two copies somewhere.
        assert_eq!(tried, 1 + 9 + 51);
    }
}

/// Whether 0, 1 and 2 come in this order, with anything between.
fn holds_in_order(digits: &[usize]) -> bool {
    let next = |next: usize, digit: &usize| next + usize::from(*digit == next);
    digits.iter().fold(0, next) == 3
}

/// Copies of a ballot's messages under a newer anchor are nothing at all, among its own messages
/// too.
#[test]
fn copies_under_another_anchor_do_nothing() {
    let mut scene = scene(true);
    let messages = ballot(&mut scene, [(1, 2), (2, 3), (3, 4)]);
    later(&mut scene);
    let anchor = scene.anchor;
    for message in messages {
        scene.publish_message(message);
        let copies = messages.map(|copied| Message { anchor, ..copied });
        copies.iter().for_each(|m| scene.publish_message(*m));
    }
    assert_eq!(weights_of(&scene, [1, 2, 3]), [2, 3, 4]);
}

#[test]
fn the_salt_is_the_anchor_or_the_message_does_not_count() {
    for (salt, decision) in [
        (Fr::from(1000), APPLIED),
        (Fr::from(1001), refused(Rule::Anchor)),
        (Fr::from(0), refused(Rule::Anchor)),
        (-Fr::from(1000), refused(Rule::Anchor)),
    ] {
        let mut scene = Scene::anchored(Mode::Quadratic, &[100]);
        let key = scene.voters[0].clone();
        let command = Command {
            salt,
            ..scene.command()
        };
        scene.cast(&command, &key);
        assert_eq!(scene.decisions(), [decision]);
    }
    // Without an anchor any salt will do, as MACI's clients draw it.
    for salt in [Fr::from(0), Fr::from(1000), -Fr::from(1)] {
        let mut scene = Scene::new(Mode::Quadratic, &[100]);
        let key = scene.voters[0].clone();
        let command = Command {
            salt,
            ..scene.command()
        };
        scene.cast(&command, &key);
        assert_eq!(scene.decisions(), [APPLIED]);
    }
}
