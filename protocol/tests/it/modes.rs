//! Full and negative voting, against a count in plain integers.

use std::collections::HashMap;

use crate::common::Scene;
use maci_nova_protocol::poll::{Decision, Mode, Rule};
use maci_nova_protocol::tally::results_root;
use proptest::prelude::*;

/// Bit 49 of a command's weight.
const AGAINST: u64 = 1 << 49;

/// Votes of the first voter, given in the order in which they are COUNTED, as (option, packed
/// weight).
fn decide(mode: Mode, credits: u64, votes: &[(u64, u64)]) -> (Scene, Vec<Decision>) {
    let mut scene = Scene::new(mode, &[credits]);
    let key = scene.voters[0].clone();
    let mut commands = Vec::new();
    let mut nonce = 1;
    // The nonces of those that are applied follow each other; which those are, the count says.
    for (option, weight) in votes {
        let mut command = scene.command();
        (command.vote_option_index, command.new_vote_weight) = (*option, *weight);
        command.nonce = nonce;
        commands.push(command);
        let mut trial = Scene::new(mode, &[credits]);
        commands
            .iter()
            .rev()
            .for_each(|command| trial.cast(command, &key));
        let applied = trial.decisions()[0] == Decision::Applied;
        nonce += u64::from(applied);
    }
    commands
        .iter()
        .rev()
        .for_each(|command| scene.cast(command, &key));
    let mut decisions = scene.decisions();
    decisions.reverse();
    (scene, decisions)
}

fn refused(rule: Rule) -> Decision {
    Decision::Refused(rule)
}

const APPLIED: Decision = Decision::Applied;

#[test]
fn full_voting_spends_everything() {
    let whole = refused(Rule::WholeBalance);
    for (votes, expected) in [
        (&[(2, 100)][..], &[APPLIED][..]),
        (&[(2, 99)], &[whole]),
        (&[(2, 101)], &[refused(Rule::Credits)]),
        (&[(2, 0)], &[whole]),
        // Nothing is left for another option; weight 0 there would wipe the ballot.
        (&[(2, 100), (3, 0)], &[APPLIED, whole]),
        (&[(2, 100), (2, 0)], &[APPLIED, whole]),
        (&[(2, 100), (3, 1)], &[APPLIED, refused(Rule::Credits)]),
        (&[(2, 100), (2, 100)], &[APPLIED, APPLIED]),
        (&[(2, 99), (3, 100)], &[whole, APPLIED]),
        (&[(2, 100 | AGAINST)], &[refused(Rule::Weight)]),
    ] {
        let (scene, decisions) = decide(Mode::Full, 100, votes);
        assert_eq!(decisions, expected, "{votes:?}");
        let (poll, _) = scene.count();
        let counted = expected.contains(&APPLIED);
        assert_eq!(poll.total_spent(), if counted { 100 } else { 0 });
    }
    // Who has nothing votes nothing.
    let (_, decisions) = decide(Mode::Full, 0, &[(2, 0)]);
    assert_eq!(decisions, [whole]);
}

/// In linear voting three top-ups of 2^48 - 1 and some credits would pay for a weight that nobody
/// can mean.
#[test]
fn a_weight_with_the_highest_bit_belongs_to_negative_voting() {
    for (mode, decision) in [
        (Mode::Quadratic, refused(Rule::Weight)),
        (Mode::Linear, refused(Rule::Weight)),
        (Mode::Full, refused(Rule::Weight)),
        (Mode::Negative, APPLIED),
    ] {
        let mut scene = Scene::new(mode, &[100]);
        let key = scene.voters[0].clone();
        let mut command = scene.command();
        command.new_vote_weight = AGAINST | 3;
        scene.cast(&command, &key);
        if mode != Mode::Negative {
            // Counted before the vote.
            (0..3).for_each(|_| scene.top_up(1, (1 << 48) - 1));
        }
        assert_eq!(scene.decisions().first(), Some(&decision), "{mode:?}");
    }
}

#[test]
fn the_largest_weights() {
    let largest = AGAINST - 1;
    for (mode, packed) in [
        (Mode::Linear, largest),
        (Mode::Negative, largest),
        (Mode::Negative, largest | AGAINST),
    ] {
        let mut scene = Scene::new(mode, &[100]);
        let key = scene.voters[0].clone();
        let mut command = scene.command();
        command.new_vote_weight = packed;
        scene.cast(&command, &key);
        (0..3).for_each(|_| scene.top_up(1, (1 << 48) - 1));
        let expected = match mode {
            Mode::Linear => APPLIED,
            _ => refused(Rule::Credits),
        };
        assert_eq!(scene.decisions()[0], expected, "{mode:?}");
    }
}

#[test]
fn against_an_option() {
    let votes = [
        (2, 3),
        (2, 3 | AGAINST),
        (4, 9 | AGAINST),
        (2, AGAINST),
        (4, 8),
    ];
    let (scene, decisions) = decide(Mode::Negative, 100, &votes);
    assert_eq!(decisions, [APPLIED; 5]);
    let (poll, _) = scene.count();
    assert_eq!((poll.weight(1, 2), poll.weight(1, 4)), (0, 8));
    assert_eq!(poll.leaf(1).expect("a voter").balance, 36);
    let (scene, decisions) = decide(Mode::Negative, 100, &[(2, 10 | AGAINST), (3, 1)]);
    assert_eq!(decisions, [APPLIED, refused(Rule::Credits)]);
    assert_eq!(scene.count().0.results()[2].votes, -10);
    assert_eq!(scene.count().0.results()[2].spent, 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Negative voting as it is meant, in plain integers: a voter's weights by option, paid for by
    /// their squares.
    #[test]
    fn negative_voting_is_what_it_says(
        votes in prop::collection::vec((0usize..3, 0u64..5, -9i64..10), 1..14),
    ) {
        const CREDITS: [u64; 3] = [100, 40, 0];
        let mut scene = Scene::new(Mode::Negative, &CREDITS);
        let mut reference: HashMap<(usize, u64), i64> = HashMap::new();
        let mut nonces = [1u64; 3];
        let mut commands = Vec::new();
        for (voter, option, weight) in votes {
            let mut command = scene.command();
            command.state_index = voter as u64 + 1;
            command.new_public_key = scene.voters[voter].public_key().point();
            command.vote_option_index = option;
            let sign = if weight < 0 { AGAINST } else { 0 };
            command.new_vote_weight = weight.unsigned_abs() | sign;
            command.nonce = nonces[voter];
            commands.push((voter, command));
            let others = reference.iter().filter(|(key, _)| key.0 == voter && key.1 != option);
            let spent: i64 = others.map(|(_, weight)| weight * weight).sum();
            if spent + weight * weight <= CREDITS[voter] as i64 {
                reference.insert((voter, option), weight);
                nonces[voter] += 1;
            }
        }
        for (voter, command) in commands.iter().rev() {
            let key = scene.voters[*voter].clone();
            scene.cast(command, &key);
        }
        let (poll, _) = scene.count();
        for option in 0..5 {
            let weights = || (0..3).filter_map(|voter| reference.get(&(voter, option)));
            let result = poll.results()[option as usize];
            prop_assert_eq!(result.votes, weights().map(|w| i128::from(*w)).sum::<i128>());
            prop_assert_eq!(result.spent, weights().map(|w| (w * w) as u128).sum::<u128>());
        }
        let spent = reference.values().map(|w| (w * w) as u128).sum::<u128>();
        prop_assert_eq!(poll.total_spent(), spent);
        for (voter, credits) in (0..3).zip(CREDITS) {
            let mut own = reference.iter().filter(|(key, _)| key.0 == voter);
            let paid: i64 = own.by_ref().map(|(_, w)| w * w).sum();
            let leaf = poll.leaf(voter as u64 + 1).expect("a voter");
            prop_assert_eq!(leaf.balance, u128::from(credits) - paid as u128);
            prop_assert_eq!(leaf.nonce, nonces[voter] - 1);
        }
        // What is proven is the root of these results, the negative ones among them.
        let depth = poll.header().vote_option_tree_depth;
        prop_assert_eq!(results_root(depth, &poll.results()), Ok(poll.state().tally_root));
    }
}
