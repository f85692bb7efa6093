//! What was sent, sent again: by anybody, and by a coordinator who reads what it says.

mod common;

use common::Scene;
use maci_nova_protocol::command::Command;
use maci_nova_protocol::message::Message;
use maci_nova_protocol::poll::{Decision, Mode, Rule};
use maci_nova_protocol::Fr;

const APPLIED: Decision = Decision::Applied;

fn refused(rule: Rule) -> Decision {
    Decision::Refused(rule)
}

/// A scene in whose poll the first voter voted for option 2, and some blocks later for option 5.
/// With the first ballot's message and command.
fn two_ballots(anchored: bool) -> (Scene, Message, Command) {
    let mut scene = match anchored {
        true => Scene::anchored(Mode::Quadratic, &[100]),
        false => Scene::new(Mode::Quadratic, &[100]),
    };
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

/// What remains: as long as its anchor is taken, a ballot can be sent again. The voter answers with another.
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

/// A ballot's own messages, all of them again in any order: the one that is counted first is counted once, and the
/// others after it.
#[test]
fn copies_of_a_ballot_do_nothing() {
    for order in [[0, 1], [1, 0]] {
        for anchored in [true, false] {
            let mut scene = match anchored {
                true => Scene::anchored(Mode::Quadratic, &[100]),
                false => Scene::new(Mode::Quadratic, &[100]),
            };
            let key = scene.voters[0].clone();
            let mut second = scene.command();
            second.nonce = 2;
            let mut first = scene.command();
            (first.vote_option_index, first.new_vote_weight) = (5, 4);
            let messages = [scene.message(&second, &key), scene.message(&first, &key)];
            messages.iter().for_each(|m| scene.publish_message(*m));
            let honest = weights(&scene);
            assert_eq!(honest, (3, 4));
            order
                .iter()
                .for_each(|i| scene.publish_message(messages[*i]));
            assert_eq!(weights(&scene), honest);
            let applied = scene.decisions().into_iter().filter(|one| *one == APPLIED);
            assert_eq!(applied.count(), 2);
        }
    }
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
