//! What a coordinator who leaves the honest path cannot do: a named test a rule, and every
//! variable and every hint of whole steps replaced.

use ff::{Field, PrimeField};
use maci_nova_protocol::babyjub::{Point, Scalar};
use maci_nova_protocol::cipher;
use maci_nova_protocol::keys::shared_key;
use maci_nova_protocol::message::Join;
use maci_nova_protocol::poll::{Decision, Event, Header, Mode, Rule, State, Transition};
use maci_nova_protocol::tree::Path;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::step::Recording;
use maci_nova_step_circuit::{Shape, StepCircuit};
use maci_nova_tests::hostile::{HostilePoll, Kind};
use num_bigint::BigUint;
use rayon::prelude::*;

/// A poll of three voters with some messages, depths 1 and 1, as single events.
struct Fixture {
    poll: HostilePoll,
    transitions: Vec<Transition>,
    messages: usize,
}

fn fixture(kinds: &[Kind], top_up_every: usize) -> Fixture {
    fixture_of(11, kinds, top_up_every)
}

fn fixture_of(seed: u64, kinds: &[Kind], top_up_every: usize) -> Fixture {
    fixture_in(Mode::Quadratic, 3, seed, kinds, top_up_every)
}

fn fixture_in(
    mode: Mode,
    voters: usize,
    seed: u64,
    kinds: &[Kind],
    top_up_every: usize,
) -> Fixture {
    let (mut poll, mut transitions) = HostilePoll::new(seed, mode, (1, 1), voters);
    let messages = transitions.len();
    let events = poll.process(kinds, top_up_every);
    transitions.extend(events.into_iter().map(|(_, transition)| transition));
    Fixture {
        poll,
        transitions,
        messages,
    }
}

impl Fixture {
    fn header(&self) -> &Header {
        self.poll.header()
    }

    fn claim(&self, transitions: Vec<Transition>) -> StepCircuit {
        let shape = Shape::new(1, 1, transitions.len()).expect("a small shape");
        StepCircuit::from_claims(shape, self.header(), self.poll.secret(), transitions)
    }

    /// The siblings of a leaf after the joins (depth 1: all other leaves).
    fn siblings(&self, index: u64) -> [Fr; 4] {
        let mut leaves = [Fr::ZERO; 5];
        for transition in &self.transitions[..self.messages] {
            leaves[usize::try_from(transition.path_index).expect("small")] = transition.new_leaf;
        }
        let others: Vec<Fr> = (0..5)
            .filter(|i| *i != index)
            .map(|i| leaves[usize::try_from(i).expect("small")])
            .collect();
        others.try_into().expect("four of five")
    }

    fn message(&self, i: usize) -> Transition {
        self.transitions[self.messages + i].clone()
    }
}

/// The first violated constraint of what is claimed.
fn violation(circuit: &StepCircuit, replacements: &[(usize, Fr)]) -> Option<String> {
    let Recording { recorder, .. } = circuit.record(replacements);
    recorder.violated().map(|c| c.name.clone())
}

fn refuses(circuit: &StepCircuit, reason: &str) {
    assert_eq!(violation(circuit, &[]).as_deref(), Some(reason));
}

#[test]
fn the_honest_steps_are_accepted() {
    let f = fixture(&[Kind::Valid, Kind::OtherSigner, Kind::Valid], 2);
    for transition in &f.transitions {
        assert_eq!(violation(&f.claim(vec![transition.clone()]), &[]), None);
    }
}

#[test]
fn wrong_old_weight() {
    let f = fixture(&[Kind::Valid], 0);
    let mut forged = f.message(0);
    forged.old_weight += 1;
    refuses(&f.claim(vec![forged]), "weight is in the ballot");
}

#[test]
fn wrong_old_result() {
    let f = fixture(&[Kind::Valid], 0);
    let mut forged = f.message(0);
    forged.old_result.votes += 1;
    refuses(&f.claim(vec![forged]), "result is in the tally");
}

/// The next voter's leaf, opened where it really is: the command's index fixes the position.
#[test]
fn the_leaf_of_another_voter() {
    let f = fixture(&[Kind::Valid, Kind::Valid], 0);
    let mut forged = f.message(0);
    let other = f.message(1);
    assert_ne!(other.path_index, forged.path_index);
    forged.leaf = other.leaf;
    forged.old_leaf = other.old_leaf;
    forged.state_path = Path {
        siblings: vec![f.siblings(other.path_index)],
    };
    let root = forged.state_path.root(other.old_leaf, other.path_index);
    assert_eq!(root, forged.before.state_root);
    refuses(&f.claim(vec![forged]), "leaf is in the state");
}

/// The leaf of a valid index claimed to be leaf 0, as for an invalid index.
#[test]
fn leaf_zero_for_a_valid_index() {
    let f = fixture(&[Kind::Valid], 0);
    let mut forged = f.message(0);
    let blind = f.transitions[0].clone();
    forged.old_leaf = blind.new_leaf;
    forged.leaf = blind.leaf;
    forged.state_path = Path {
        siblings: vec![f.siblings(0)],
    };
    refuses(&f.claim(vec![forged]), "own leaf");
}

/// A preimage that is not the leaf's: another key, so that the signature fails.
#[test]
fn wrong_key_in_the_leaf() {
    let f = fixture(&[Kind::Valid], 0);
    let mut forged = f.message(0);
    forged.leaf.key = Point::base8();
    refuses(&f.claim(vec![forged]), "own leaf");
}

#[test]
fn wrong_balance_in_the_leaf() {
    let f = fixture(&[Kind::TooExpensive], 0);
    let mut forged = f.message(0);
    forged.leaf.balance += 1000;
    refuses(&f.claim(vec![forged]), "own leaf");
}

#[test]
fn wrong_balance_in_a_topped_up_leaf() {
    let f = fixture(&[Kind::Valid], 1);
    let mut forged = f.message(0);
    assert!(matches!(forged.event, Event::TopUp { .. }));
    forged.leaf.balance += 1;
    refuses(&f.claim(vec![forged]), "own leaf");
}

#[test]
fn another_amount_in_a_top_up() {
    let f = fixture(&[Kind::Valid, Kind::Valid], 1);
    // The first message sets the cursor; the second must fit it.
    let mut forged = f.message(2);
    let Event::TopUp { top_up, .. } = &mut forged.event else {
        panic!("every second event is a top-up");
    };
    top_up.amount += 1;
    refuses(&f.claim(vec![forged]), "link at the cursor");
}

#[test]
fn a_skipped_message() {
    let f = fixture(&[Kind::Valid, Kind::Valid, Kind::Valid], 0);
    // The third in place of the second.
    let mut forged = f.message(2);
    forged.before = f.message(1).before;
    assert!(violation(&f.claim(vec![forged]), &[]).is_some());
    // The second message without the third: its link claimed to follow the one before that.
    let mut forged = f.message(1);
    let (
        Event::Vote { previous, .. },
        Event::Vote {
            previous: earlier, ..
        },
    ) = (&mut forged.event, f.message(2).event)
    else {
        panic!("votes");
    };
    *previous = earlier;
    refuses(&f.claim(vec![forged]), "link at the cursor");
}

/// The anchor that the chain has beside an old ballot's message, called another: the one that was
/// signed, or none.
#[test]
fn another_anchor() {
    let f = fixture(&[Kind::OtherAnchor, Kind::Valid], 0);
    let again = f.message(0);
    assert_eq!(again.decision, Decision::Refused(Rule::Anchor));
    let signed = command_salt(&f, &again);
    for anchor in [signed, Fr::ZERO] {
        let mut forged = again.clone();
        let Event::Vote { message, .. } = &mut forged.event else {
            unreachable!("a vote");
        };
        message.anchor = anchor;
        // The poll's last message fixes the head; one before it has to be at the cursor.
        let circuit = f.claim(vec![forged.clone()]);
        let honest = f.claim(vec![again.clone()]).record(&[]);
        match forged.before.message_head == Fr::ZERO {
            true => assert_ne!(
                circuit.record(&[]).after.message_head,
                honest.after.message_head
            ),
            false => refuses(&circuit, "link at the cursor"),
        }
    }
    let mut forged = f.message(1);
    let Event::Vote { message, .. } = &mut forged.event else {
        unreachable!("a vote");
    };
    message.anchor = Fr::ZERO;
    refuses(&f.claim(vec![forged]), "link at the cursor");
}

/// The salt that the command of a vote was signed with.
fn command_salt(f: &Fixture, transition: &Transition) -> Fr {
    plaintext(f, transition)[3]
}

/// What a vote's message says.
fn plaintext(f: &Fixture, transition: &Transition) -> [Fr; 9] {
    let Event::Vote { message, .. } = &transition.event else {
        unreachable!("a vote");
    };
    let shared = shared_key(&f.poll.secret(), &message.encryption_key);
    cipher::decrypt(&message.data, &shared).plaintext
}

/// A verdict is computed: what the witness claims to come out does not matter.
#[test]
fn a_claimed_verdict() {
    for mode in Mode::ALL {
        let kinds = [Kind::OtherAnchor, Kind::WeightHuge, Kind::Valid];
        let (mut poll, _) = HostilePoll::new(21, mode, (1, 1), 3);
        for (_, transition) in poll.process(&kinds, 0) {
            let honest = transition.after;
            let mut claimed = transition;
            claimed.decision = match claimed.decision {
                Decision::Applied => Decision::Refused(Rule::Anchor),
                Decision::Refused(_) => Decision::Applied,
            };
            claimed.after.state_root += Fr::ONE;
            let shape = Shape::new(1, 1, 1).expect("a small shape");
            let (header, secret) = (poll.header().clone(), poll.secret());
            let circuit = StepCircuit::from_claims(shape, &header, secret, vec![claimed]);
            assert_eq!(circuit.record(&[]).after, honest, "{mode:?}");
        }
    }
}

/// A poll's mode is in its context: the same events under another one are not those of the poll.
#[test]
fn another_mode() {
    let f = fixture(&[Kind::Valid], 0);
    for mode in Mode::ALL
        .into_iter()
        .filter(|mode| *mode != f.header().mode)
    {
        let header = Header {
            mode,
            ..f.header().clone()
        };
        let shape = Shape::new(1, 1, 1).expect("a small shape");
        let claims = vec![f.message(0)];
        let circuit = StepCircuit::from_claims(shape, &header, f.poll.secret(), claims);
        refuses(&circuit, "this is the poll");
    }
}

/// The bit of a command's weight that says "against", in the hints of a vote: bit 49 of the third
/// of five numbers.
fn sign_bit(f: &Fixture, transition: &Transition) -> (StepCircuit, usize, Fr) {
    let circuit = f.claim(vec![transition.clone()]);
    let hints = circuit.record(&[]).hints;
    let packed = integer(&plaintext(f, transition)[0]);
    let bit = bits_at(&hints, &packed, 254) + 149;
    let value = hints[bit];
    (circuit, bit, value)
}

/// A weight that nobody can mean, read without its sign; a vote against an option read as one for
/// it, and the other way round.
#[test]
fn another_sign() {
    for (mode, kind, is_against) in [
        (Mode::Quadratic, Kind::Against, true),
        (Mode::Linear, Kind::Against, true),
        (Mode::Full, Kind::Against, true),
        (Mode::Negative, Kind::Against, true),
        (Mode::Negative, Kind::AgainstZero, true),
        (Mode::Negative, Kind::Largest, false),
    ] {
        let f = fixture_in(mode, 3, 13, &[kind], 0);
        let (circuit, bit, value) = sign_bit(&f, &f.message(0));
        assert_eq!(value, Fr::from(u64::from(is_against)));
        let violated = violation(&circuit, &[(bit, Fr::ONE - value)]);
        assert!(violated.is_some(), "{mode:?} {kind:?}");
        // Neither bit, between the two.
        let half = Fr::from(2).invert().expect("2 is not 0");
        assert!(violation(&circuit, &[(bit, half)]).is_some());
    }
}

/// A step's last hints: the bits of what a vote leaves, before them four comparisons with zero (a
/// key of low order, two coordinates, the anchor), after them four (nothing left, weight 0, nonce,
/// poll), each with an inverse and a verdict.
const LEFT: usize = 103;
const COMPARISONS: usize = 8;

/// Votes that a rule of the second edition decides, and the rule.
fn decided() -> Vec<(Fixture, Option<Rule>)> {
    const WHOLE: Option<Rule> = Some(Rule::WholeBalance);
    const LOW: Option<Rule> = Some(Rule::SignatureKey);
    let cases: [(Mode, &[Kind], Option<Rule>); 17] = [
        (Mode::Quadratic, &[Kind::Valid], None),
        (Mode::Quadratic, &[Kind::Unanchored], None),
        (Mode::Quadratic, &[Kind::OtherAnchor], Some(Rule::Anchor)),
        (Mode::Negative, &[Kind::NoAnchor], Some(Rule::Anchor)),
        (Mode::Quadratic, &[Kind::AgainstZero], Some(Rule::Weight)),
        (Mode::Linear, &[Kind::Against], Some(Rule::Weight)),
        (Mode::Full, &[Kind::Against], Some(Rule::Weight)),
        (Mode::Negative, &[Kind::Against], None),
        (Mode::Negative, &[Kind::TooExpensive], Some(Rule::Credits)),
        (Mode::Full, &[Kind::Largest], None),
        (Mode::Full, &[Kind::Partial], WHOLE),
        (Mode::Full, &[Kind::TooExpensive], Some(Rule::Credits)),
        (Mode::Full, &[Kind::Valid, Kind::ZeroElsewhere], WHOLE),
        (Mode::Quadratic, &[Kind::LowOrderKey(0), Kind::Forged], LOW),
        (Mode::Quadratic, &[Kind::LowOrderKey(1), Kind::Forged], LOW),
        (Mode::Quadratic, &[Kind::LowOrderKey(2), Kind::Forged], LOW),
        (Mode::Quadratic, &[Kind::LowOrderKey(3), Kind::Forged], LOW),
    ];
    let made = cases.into_iter().map(|(mode, kinds, rule)| {
        let f = fixture_in(mode, 1, 17, kinds, 0);
        let last = f.message(kinds.len() - 1);
        let expected = rule.map_or(Decision::Applied, Decision::Refused);
        assert_eq!(last.decision, expected, "{mode:?} {kinds:?}");
        (f, rule)
    });
    made.collect()
}

impl Fixture {
    fn last(&self) -> Transition {
        self.transitions[self.transitions.len() - 1].clone()
    }
}

/// Where the bits of what is left begin in the hints of a step of one event.
fn left_at(circuit: &StepCircuit, hints: &[Fr]) -> usize {
    let left = hints.len() - COMPARISONS - LEFT;
    for bit in [left, left + LEFT - 1] {
        let recorder = circuit.record(&[(bit, Fr::ONE - hints[bit])]).recorder;
        let violated = recorder.violated().expect("another sum");
        assert_eq!(recorder.scopes()[violated.scope], "rules");
        assert_eq!(violated.name, "sum of bits = a");
    }
    left
}

/// What a low key, an anchor, a sign, a partial vote and the whole balance come to is no choice of
/// the prover's: every hint replaced alone, and every verdict together with its inverse.
#[test]
fn no_hint_of_the_rules_gives_a_choice() {
    for (f, rule) in decided() {
        let transition = f.last();
        let circuit = f.claim(vec![transition.clone()]);
        let honest = circuit.record(&[]);
        let left = left_at(&circuit, &honest.hints);
        let values = |hint: usize| {
            let value = honest.hints[hint];
            let other = [Fr::ZERO, Fr::ONE, value + Fr::ONE];
            other.into_iter().filter(move |other| *other != value)
        };
        let mut forged = Vec::new();
        for bit in left..left + LEFT {
            forged.push(vec![(bit, Fr::ONE - honest.hints[bit])]);
        }
        for start in [left - COMPARISONS, left + LEFT] {
            for inverse in (start..start + COMPARISONS).step_by(2) {
                let verdict = (inverse + 1, Fr::ONE - honest.hints[inverse + 1]);
                forged.push(vec![verdict]);
                for value in values(inverse) {
                    forged.push(vec![(inverse, value)]);
                    forged.push(vec![(inverse, value), verdict]);
                }
            }
        }
        forged.into_par_iter().for_each(|forged| {
            if let Some(after) = accepted(&circuit, &honest, &forged) {
                let fine = is_no_choice(&transition, &honest.after, &after);
                assert!(fine, "{rule:?} {forged:?}");
            }
        });
    }
}

/// Every variable of the votes that the second edition's rules decide, changed alone.
#[test]
fn no_variable_of_a_decided_vote_can_be_changed_alone() {
    for (f, _) in decided() {
        none_can_be_changed_alone(&f, f.last());
    }
}

#[test]
fn a_repeated_message() {
    let f = fixture(&[Kind::Garbage, Kind::Garbage], 0);
    let mut forged = f.message(0);
    forged.before = f.message(0).after;
    refuses(&f.claim(vec![forged]), "link at the cursor");
}

#[test]
fn a_join_after_a_vote() {
    let f = fixture(&[Kind::Garbage], 0);
    let join = f.transitions[f.messages - 1].clone();
    // Everything as for the last join but that a message has been processed.
    let mut forged = join;
    forged.before.message_head = f.message(0).after.message_head;
    forged.before.message_cursor = f.message(0).after.message_cursor;
    refuses(&f.claim(vec![forged]), "no join after a message");
}

#[test]
fn a_join_at_another_index() {
    let (mut poll, transitions) = HostilePoll::new(5, Mode::Quadratic, (1, 1), 2);
    let blind = poll.poll().blind(Fr::from(5));
    let mut forged = transitions[2].clone();
    // Over leaf 0, which is not empty.
    forged.before = blind.after;
    forged.old_leaf = blind.new_leaf;
    forged.state_path = blind.state_path.clone();
    let shape = Shape::new(1, 1, 1).expect("a small shape");
    let circuit = StepCircuit::from_claims(shape, poll.header(), poll.secret(), vec![forged]);
    refuses(&circuit, "empty leaf");
}

#[test]
fn more_credits_in_a_join() {
    let f = fixture(&[], 0);
    let honest = f.transitions[1].clone();
    let mut forged = honest.clone();
    let Event::Join(join) = &mut forged.event else {
        panic!("a join");
    };
    *join = Join {
        voice_credits: join.voice_credits + 1,
        ..*join
    };
    // It is satisfiable, and what it says stands in the join chain, which is not the poll's.
    let recording = f.claim(vec![forged]).record(&[]);
    assert!(recording.recorder.violated().is_none());
    assert_ne!(recording.after.join_chain, honest.after.join_chain);
}

#[test]
fn another_coordinator() {
    let f = fixture(&[Kind::Valid], 0);
    let shape = Shape::new(1, 1, 1).expect("a small shape");
    let other = f.poll.secret() + Scalar::ONE;
    let circuit = StepCircuit::from_claims(shape, f.header(), other, vec![f.message(0)]);
    refuses(&circuit, "sk B8 = key, x");
    let mut header = f.header().clone();
    header.coordinator_key = Point::base8();
    let circuit = StepCircuit::from_claims(shape, &header, Scalar::ONE, vec![f.message(0)]);
    refuses(&circuit, "this is the poll");
}

#[test]
fn a_stale_root() {
    let f = fixture(&[Kind::Valid, Kind::Valid, Kind::Valid, Kind::Valid], 0);
    let stale = |change: fn(&mut State, &State)| {
        let mut forged = f.message(3);
        change(&mut forged.before, &f.message(3).after);
        f.claim(vec![forged])
    };
    refuses(
        &stale(|z, other| z.state_root = other.state_root),
        "leaf is in the state",
    );
    let mut forged = f.message(0);
    forged.before.tally_root = Fr::from(1);
    refuses(&f.claim(vec![forged]), "result is in the tally");
}

fn modulus() -> BigUint {
    BigUint::from_bytes_le((-Fr::ONE).to_repr().as_ref()) + 1u8
}

fn order() -> BigUint {
    BigUint::from_bytes_le((-Scalar::ONE).to_repr().as_ref()) + 1u8
}

fn integer(value: &Fr) -> BigUint {
    BigUint::from_bytes_le(value.to_repr().as_ref())
}

/// Where the hints hold the n bits of `value`.
fn bits_at(hints: &[Fr], value: &BigUint, n: usize) -> usize {
    let is_bit = |i: usize, bit: bool| hints[i] == Fr::from(u64::from(bit));
    (0..=hints.len() - n)
        .find(|start| (0..n).all(|i| is_bit(start + i, value.bit(i as u64))))
        .expect("the circuit decomposes this value")
}

fn bits(start: usize, value: &BigUint, n: usize) -> Vec<(usize, Fr)> {
    (0..n)
        .map(|i| (start + i, Fr::from(u64::from(value.bit(i as u64)))))
        .collect()
}

/// Every decomposition of 254 bits: those of the value + r instead.
#[test]
fn non_canonical_bits() {
    let f = fixture(&[Kind::Valid; 12], 0);
    let mut tried = [0; 3];
    for i in 0..12 {
        let transition = f.message(i);
        let Event::Vote { message, .. } = &transition.event else {
            panic!("a vote");
        };
        let shared = shared_key(&f.poll.secret(), &message.encryption_key);
        let plain = cipher::decrypt(&message.data, &shared).plaintext;
        let command = maci_nova_protocol::command::Command::unpack(
            plain[0],
            Point {
                x: plain[1],
                y: plain[2],
            },
            plain[3],
        );
        let key = &transition.leaf.key;
        let challenge =
            maci_nova_protocol::poseidon::hash(&[plain[4], plain[5], key.x, key.y, command.hash()]);
        let circuit = f.claim(vec![transition.clone()]);
        let hints = circuit.record(&[]).hints;
        for (which, value) in [plain[0], plain[6], challenge].iter().enumerate() {
            let start = bits_at(&hints, &integer(value), 254);
            let other = integer(value) + modulus();
            if other.bits() > 254 {
                continue;
            }
            tried[which] += 1;
            let violated = violation(&circuit, &bits(start, &other, 254));
            assert_eq!(violated.as_deref(), Some("a < r"));
        }
    }
    assert!(tried.iter().all(|n| *n > 0), "{tried:?}");
}

/// The coordinator's scalar plus ℓ has the same public key.
#[test]
fn a_coordinator_scalar_above_the_order() {
    let scalar = |f: &Fixture| BigUint::from_bytes_le(f.poll.secret().to_repr().as_ref());
    // About one scalar in three has another one below 2^251.
    let f = (0..64)
        .map(|seed| fixture_of(seed, &[Kind::TorsionEncryption], 0))
        .find(|f| (scalar(f) + order()).bits() <= 251)
        .expect("one of 64 scalars is small enough");
    let secret = scalar(&f);
    let other = &secret + order();
    let circuit = f.claim(vec![f.message(0)]);
    let hints = circuit.record(&[]).hints;
    let start = bits_at(&hints, &secret, 251);
    let violated = violation(&circuit, &bits(start, &other, 251));
    assert_eq!(violated.as_deref(), Some("sk < ℓ"));
}

/// An unused slot that carries a valid vote: with kind "blind" nothing of it is applied, and the
/// prover cannot call it a vote.
#[test]
fn an_unused_slot_applies_nothing() {
    // A slot that is not a vote's opens option 0.
    let f = (0..64)
        .map(|seed| fixture_of(seed, &[Kind::Valid, Kind::Valid], 0))
        .find(|f| f.message(1).option_index == 0)
        .expect("one of 64 votes is for option 0");
    let (first, second) = (f.message(0), f.message(1));
    // Honest padding in the second slot: leaf 0, beside the leaf that the first vote changed.
    let salt = Fr::from(99);
    let mut siblings = f.siblings(0);
    siblings[usize::try_from(first.path_index).expect("small") - 1] = first.new_leaf;
    let mut padding = second.clone();
    padding.event = Event::Blind { salt };
    padding.path_index = 0;
    padding.old_leaf = f.transitions[0].new_leaf;
    padding.state_path = Path {
        siblings: vec![siblings],
    };
    let step = f.claim(vec![first.clone(), padding.clone()]);
    let honest = step.record(&[]);
    assert!(honest.recorder.violated().is_none());
    let blinded = State {
        state_root: padding.state_path.root(salt, 0),
        ..first.after
    };
    assert_eq!(honest.after, blinded);

    // The slot's content is that of the second vote.
    let slot = hint_at(&honest.hints, salt);
    let kind = slot - KIND_TO_SALT;
    let vote = f.claim(vec![first, second]).record(&[]).hints;
    assert_eq!(vote[kind + 1], Fr::ONE);
    let content: Vec<(usize, Fr)> = (kind + KIND_BITS..slot).map(|i| (i, vote[i])).collect();
    assert!(content.iter().any(|(i, value)| honest.hints[*i] != *value));
    let stuffed = step.record(&content);
    assert!(stuffed.recorder.violated().is_none());
    assert_eq!(stuffed.after, blinded);

    // Called a vote, with everything else as the second vote has it but leaf 0 opened.
    let mut called = content;
    called.push((kind + 1, Fr::ONE));
    called.push((slot, Fr::ZERO));
    assert!(violation(&step, &called).is_some());
}

fn hint_at(hints: &[Fr], value: Fr) -> usize {
    hints
        .iter()
        .rposition(|hint| *hint == value)
        .expect("the circuit allocates this value")
}

/// One event of each sort: applied and refused votes, a top-up, a join, a blind event.
fn samples() -> (Fixture, Vec<Transition>) {
    let kinds = [
        Kind::Valid,
        Kind::Valid,
        Kind::OtherSigner,
        Kind::IndexNext,
        Kind::OffCurveEncryption,
        Kind::TooExpensive,
        Kind::LowOrderEncryption(2),
    ];
    let f = fixture(&kinds, 6);
    let mut samples = vec![f.transitions[0].clone(), f.transitions[2].clone()];
    samples.extend(f.transitions[f.messages..].iter().cloned());
    assert!(samples
        .iter()
        .any(|t| t.decision == Decision::Refused(Rule::Credits)));
    (f, samples)
}

/// Every variable of a step alone, changed by four amounts: no other assignment that differs in
/// one variable satisfies. There is no exception.
#[test]
fn no_variable_can_be_changed_alone() {
    let (f, samples) = samples();
    for transition in samples {
        none_can_be_changed_alone(&f, transition);
    }
}

fn none_can_be_changed_alone(f: &Fixture, transition: Transition) {
    let changes = [Fr::ONE, -Fr::ONE, Fr::from(2), Fr::from(1 << 33)];
    let recorder = f.claim(vec![transition]).record(&[]).recorder;
    let touching = recorder.constraints_of_variables();
    let accepts =
        |variable: usize, value: Fr| recorder.all_hold_with(&touching[variable], variable, value);
    // Variable 0 is one.
    let free: Vec<usize> = (1..recorder.assignment().len())
        .into_par_iter()
        .filter(|&variable| {
            let value = recorder.assignment()[variable];
            changes
                .iter()
                .any(|change| accepts(variable, value + change))
        })
        .collect();
    assert!(free.is_empty(), "free variables: {free:?}");
}

/// Every hint of a step alone, with everything after it computed from the replacement. Where the
/// constraints accept, the outcome is one that [`is_no_choice`] lists.
///
/// Of the bits of long decompositions each sample takes every fourth, another fourth each time.
#[test]
fn no_hint_gives_a_choice_of_result() {
    let (f, samples) = samples();
    for (turn, transition) in samples.into_iter().enumerate() {
        let circuit = f.claim(vec![transition.clone()]);
        let honest = circuit.record(&[]);
        let is_bit = |i: usize| honest.hints[i] == Fr::ZERO || honest.hints[i] == Fr::ONE;
        let is_taken = |hint: &usize| {
            let mut around = hint.saturating_sub(16)..(hint + 16).min(honest.hints.len());
            (hint + turn).is_multiple_of(4) || !around.all(is_bit)
        };
        let hints: Vec<usize> = (0..honest.hints.len()).filter(is_taken).collect();
        hints.into_par_iter().for_each(|hint| {
            let value = honest.hints[hint];
            let other = if value == Fr::ONE {
                Fr::ZERO
            } else {
                value + Fr::ONE
            };
            if let Some(after) = accepted(&circuit, &honest, &[(hint, other)]) {
                assert!(
                    is_no_choice(&transition, &honest.after, &after),
                    "hint {hint} of {:?}",
                    transition.decision
                );
            }
        });
    }
}

/// Every pair of neighbouring hints of which the second is a bit: the (inverse, zero) pairs of all
/// comparisons with zero among them, which a change of one alone cannot get past.
#[test]
fn no_pair_of_hints_gives_a_choice_of_result() {
    let (f, samples) = samples();
    let refused = samples
        .into_iter()
        .filter(|t| matches!(t.decision, Decision::Refused(_)));
    for transition in refused.take(2) {
        let circuit = f.claim(vec![transition.clone()]);
        let honest = circuit.record(&[]);
        let is_bit = |i: usize| honest.hints[i] == Fr::ZERO || honest.hints[i] == Fr::ONE;
        let pairs: Vec<usize> = (0..honest.hints.len() - 1)
            .filter(|i| is_bit(i + 1) && (!is_bit(*i) || i.is_multiple_of(8)))
            .collect();
        assert!(pairs.len() > 100);
        pairs.into_par_iter().for_each(|i| {
            for first in [Fr::ZERO, Fr::ONE] {
                let forged = [(i, first), (i + 1, Fr::ONE - honest.hints[i + 1])];
                if let Some(after) = accepted(&circuit, &honest, &forged) {
                    assert!(is_no_choice(&transition, &honest.after, &after), "pair {i}");
                }
            }
        });
    }
}

/// Every event called every kind, or several, or none.
#[test]
fn no_event_passes_for_another_kind() {
    let (f, samples) = samples();
    let kind = kind_hint(&f);
    for transition in samples {
        let circuit = f.claim(vec![transition.clone()]);
        let honest = circuit.record(&[]);
        for bits in 0..1u64 << KIND_BITS {
            for salt in [honest.hints[kind + KIND_TO_SALT], Fr::ZERO, Fr::ONE] {
                let mut forged: Vec<(usize, Fr)> = (0..KIND_BITS)
                    .map(|i| (kind + i, Fr::from(bits >> i & 1)))
                    .collect();
                forged.push((kind + KIND_TO_SALT, salt));
                if let Some(after) = accepted(&circuit, &honest, &forged) {
                    let as_blind = bits == 0
                        && transition.path_index == 0
                        && after
                            == State {
                                state_root: transition.state_path.root(salt, 0),
                                ..transition.before
                            };
                    let fine = as_blind || is_no_choice(&transition, &honest.after, &after);
                    assert!(fine, "{:?} as {bits:04b}", transition.event);
                }
            }
        }
    }
}

/// A join, a vote, a top-up or a bundle; none for a blind event.
const KIND_BITS: usize = 4;

/// From the hint with the first bit of the kind to the salt: the kind, the data (10), the key (2),
/// the previous link, the anchor and the top-up (2) are between.
const KIND_TO_SALT: usize = KIND_BITS + 16;

/// The hint with the first bit of the kind.
fn kind_hint(f: &Fixture) -> usize {
    let blind = &f.transitions[0];
    hint_at(
        &f.claim(vec![blind.clone()]).record(&[]).hints,
        salt_of(blind),
    ) - KIND_TO_SALT
}

/// The state after, if the constraints accept the replacements.
fn accepted(circuit: &StepCircuit, honest: &Recording, forged: &[(usize, Fr)]) -> Option<State> {
    let assignment = circuit.assignment(forged);
    // The values say the same as the matrices.
    if assignment.violated.is_some() {
        return None;
    }
    assert!(honest.recorder.violated_by(&assignment.values).is_none());
    Some(assignment.after)
}

/// Whether a prover who reaches `after` where an honest one reaches `honest` has won nothing.
fn is_no_choice(transition: &Transition, honest: &State, after: &State) -> bool {
    // Content that nothing reads, such as the ciphertext in the slot of a top-up.
    if after == honest {
        return true;
    }
    // A blind event is possible in any state. It takes no message and changes leaf 0 only.
    let salts = [Fr::ZERO, Fr::ONE, salt_of(transition) + Fr::ONE];
    let is_blind = salts.iter().any(|salt| {
        let state_root = transition.state_path.root(*salt, 0);
        *after
            == State {
                state_root,
                ..transition.before
            }
    });
    if transition.path_index == 0 && is_blind {
        return true;
    }
    // Other voters than joined, or other messages than were sent: a join chain or a head that is
    // not the poll's. (Once the head is set, the cursor binds the messages, and no join is
    // possible.)
    let no_message_yet = transition.before.message_head == Fr::ZERO;
    no_message_yet
        && (after.join_chain != honest.join_chain || after.message_head != honest.message_head)
}

fn salt_of(transition: &Transition) -> Fr {
    match transition.event {
        Event::Blind { salt } => salt,
        _ => Fr::ZERO,
    }
}
