//! False claims, and the constraints that refuse them.

use std::sync::OnceLock;

use maci_nova_folding::RunningProof;
use nova_snark::frontend::{util_cs::witness_cs::WitnessCS, ConstraintSystem as _};

use super::*;
use crate::decider::{end::link_words, Salt};
use crate::tests::{folded, parameters, poll};

/// Constraints at shape (2, 1, 1). A row of the augmented circuit costs two, a power row four.
const CONSTRAINTS: usize = 954_104;
/// The most there may be.
const LIMIT: usize = 2_500_000;

/// The circuit of the small poll's shape.
pub(super) fn decider() -> &'static Decider {
    static DECIDER: OnceLock<Decider> = OnceLock::new();
    DECIDER.get_or_init(|| Decider::new(Arc::clone(parameters().engine()), 1))
}

/// A true witness of a poll.
pub(super) fn witness_of(running: &RunningProof, results: &[OptionResult]) -> Witness {
    let proof = running.engine_proof().expect("steps");
    decider().witness(proof, WHOLE, results).expect("witness")
}

/// A true witness of the small poll, another one each time.
pub(super) fn witness() -> Witness {
    witness_of(folded(), &poll().results)
}

pub(super) fn violation(witness: &Witness) -> Option<&'static str> {
    let mut cs = WitnessCS::<Fr>::new();
    let mut g = Gadget::new(&mut cs);
    let c = Fr::from(0x1234_5678_9abc_def0);
    decider().fill(&mut g, witness, c).expect("filled");
    g.violated()
}

/// What a prover claims, and the constraint that refuses it. Whatever he can keep consistent
/// with his claim is so: challenges and folded scalars are computed anew.
#[test]
fn false_claims_are_refused() {
    let mut witness = witness();
    assert_eq!(violation(&witness), None);
    type Change = fn(&mut Witness);
    /// A change of one place by one, and back.
    macro_rules! by_one {
        ($refusal:expr, $one:expr, $($place:tt)+) => {
            ($refusal, |w| w.$($place)+ += $one, |w| w.$($place)+ -= $one)
        };
    }
    const CLAIM: &str = "the claim";
    const COMMITMENT: &str = "commitment's x";
    let claims: [(&str, Change, Change); 18] = [
        by_one!(CLAIM, Fr::ONE, z0[0]),
        by_one!(CLAIM, Fr::ONE, z[6]),
        by_one!(CLAIM, 1, steps),
        by_one!(CLAIM, Fr::ONE, foldings.salt),
        by_one!(CLAIM, Fr::ONE, foldings.running.x[1]),
        by_one!(CLAIM, Fr::ONE, foldings.running.beta[3]),
        by_one!(CLAIM, Fr::ONE, foldings.running.e),
        by_one!(CLAIM, Fr::ONE, foldings.messages.f[0]),
        by_one!(CLAIM, Fr::ONE, foldings.messages.k[2]),
        by_one!(CLAIM, Fr::ONE, foldings.random.x[0]),
        by_one!(CLAIM, Fr::ONE, foldings.random.e),
        by_one!(CLAIM, Fr::ONE, foldings.random.k[3]),
        by_one!(CLAIM, Fr::ONE, w[7]),
        by_one!(COMMITMENT, Fq::ONE, cyclefold_w[7]),
        by_one!(COMMITMENT, Fq::ONE, cyclefold_e[7]),
        by_one!(COMMITMENT, Fq::ONE, cyclefold_blind),
        by_one!("carry", Fq::ONE, foldings.cyclefold.x[9]),
        by_one!("results are in the tally", 1, results[1].votes),
    ];
    for (i, (refusal, claim, back)) in claims.into_iter().enumerate() {
        claim(&mut witness);
        let violated = violation(&witness);
        assert_eq!(violated, Some(refusal), "claim {i}");
        back(&mut witness);
    }
    assert_eq!(violation(&witness), None);
}

/// The constraint that refuses what the contract is told, where the circuit has a true witness.
fn refusal(witness: &Witness, told: impl FnOnce(&mut Agreed<Fr>)) -> Option<&'static str> {
    let mut agreed = decider().agreed(witness).expect("agreed");
    told(&mut agreed);
    let mut cs = WitnessCS::<Fr>::new();
    let mut g = Gadget::new(&mut cs);
    let filled = decider().fill_agreed(&mut g, witness, &agreed, Fr::from(77));
    filled.expect("filled");
    g.violated()
}

/// Shows the ends so; where the last state is hidden there are no results.
fn show(witness: &mut Witness, ends: &[End; 2]) {
    witness.ends.clone_from(ends);
    if matches!(ends[1], End::Link(_)) {
        witness.results.fill(OptionResult::default());
    }
}

const STATE: &str = "an end's state";
const STATE_OR_LINK: &str = "an end's state or link";

/// Each end may show its state or a link to it, and no word of either may be another. (All words are
/// looked at below, without the rest of the circuit.)
#[test]
fn ends_show_states_or_links() {
    let link = || End::Link(Salt::random());
    let shown = [
        WHOLE,
        [End::State, link()],
        [link(), link()],
        [link(), End::State],
    ];
    for (i, ends) in shown.into_iter().enumerate() {
        let mut witness = witness();
        show(&mut witness, &ends);
        assert_eq!(refusal(&witness, |_| ()), None, "{i}");
        for (k, end) in ends.iter().enumerate() {
            for word in [0, 2, ARITY - 1] {
                let refused = refusal(&witness, |agreed| agreed.ends[k][word] += Fr::ONE);
                let first = word == 0 || matches!(end, End::Link(_)) && word == 2;
                let expected = if first { STATE_OR_LINK } else { STATE };
                assert_eq!(refused, Some(expected), "{i}, end {k}, word {word}");
            }
        }
    }
}

/// Every word of an end is bound, and what it shows is told by one of them.
#[test]
fn every_word_of_an_end_is_bound() {
    let state: [Fr; ARITY] = core::array::from_fn(|i| Fr::from(i as u64 + 5));
    let shown = |words: [Fr; ARITY], salt: Fr| {
        let mut cs = WitnessCS::<Fr>::new();
        let mut g = Gadget::new(&mut cs);
        let [words, state] = [words, state].map(|all| all.map(Num::from_value));
        let visible = enforce_shown(&mut g, &words, &state, salt);
        (g.violated(), visible.num().value() == Fr::ONE)
    };
    for end in [End::State, End::Link(Salt::random())] {
        let words = end.words(&state);
        let visible = matches!(end, End::State);
        assert_eq!(shown(words, end.salt()), (None, visible));
        for word in 0..ARITY {
            let mut other = words;
            other[word] += Fr::ONE;
            assert!(shown(other, end.salt()).0.is_some(), "{end:?}, {word}");
            other[word] = Fr::ZERO;
            let same = other == words;
            assert_eq!(
                shown(other, end.salt()).0.is_none(),
                same,
                "{end:?}, {word}"
            );
        }
    }
}

/// Links of other states, with other salts, in other words, and states in the place of links.
#[test]
fn links_to_other_states() {
    let mut witness = witness();
    let salt = Salt::random();
    show(&mut witness, &[salt.clone(), salt.clone()].map(End::Link));
    let (first, last) = (witness.z0, witness.z);
    assert_ne!(first, last);
    let told =
        |k: usize, words: [Fr; ARITY]| refusal(&witness, |agreed| agreed.ends[k] = words.to_vec());
    assert_eq!(told(0, End::Link(salt.clone()).words(&first)), None);
    // What is true may be shown: who hides states does not tell the contract of them.
    assert_eq!(told(0, first), None);
    let wrong = [
        End::Link(salt.clone()).words(&last),
        End::Link(Salt::random()).words(&first),
        link_words(Fr::ZERO),
        last,
    ];
    for (i, words) in wrong.into_iter().enumerate() {
        assert!(told(0, words).is_some(), "{i}");
    }
    // A link's words and a state's mixed, either way.
    let mut mixed = End::Link(salt.clone()).words(&first);
    mixed[1..].copy_from_slice(&first[1..]);
    assert_eq!(told(0, mixed), Some(STATE_OR_LINK));
    mixed[2] = Fr::ZERO;
    assert_eq!(told(0, mixed), Some(STATE));
    let mut stripped = first;
    stripped[2] = Fr::ZERO;
    assert_eq!(told(0, stripped), Some(STATE_OR_LINK));
}

/// What a salt hides is every element: no two states have one link.
#[test]
fn links_are_of_all_elements() {
    let salt = Salt::random();
    let state: [Fr; ARITY] = core::array::from_fn(|i| Fr::from(i as u64 + 1));
    let link = salt.link(&state);
    for i in 0..ARITY {
        let mut other = state;
        other[i] += Fr::ONE;
        assert_ne!(salt.link(&other), link, "element {i}");
    }
    assert_ne!(Salt::random().link(&state), link);
    let again = Salt::from_bytes(&salt.to_bytes()).expect("an element");
    assert_eq!(again.link(&state), link);
    assert!(Salt::from_bytes(&[0xff; 32]).is_none());
    assert!(!format!("{salt:?}").contains(char::is_numeric));
}

/// Where the last state is hidden there are no results to hold against it.
#[test]
fn results_belong_to_a_state_that_is_shown() {
    let mut witness = witness();
    witness.results[1].votes += 1;
    assert_eq!(violation(&witness), Some("results are in the tally"));
    witness.ends[0] = End::Link(Salt::random());
    assert_eq!(violation(&witness), Some("results are in the tally"));
    witness.ends[1] = End::Link(Salt::random());
    assert_eq!(violation(&witness), Some("results are in the tally"));
    // True ones as little: nothing is said of a state that is hidden.
    witness.results.clone_from(&poll().results);
    assert_eq!(violation(&witness), Some("results are in the tally"));
    witness.results.fill(OptionResult::default());
    assert_eq!(violation(&witness), None);
}

#[test]
fn the_size_is_pinned() {
    let constraints = decider().matrices().expect("made").constraints();
    assert_eq!(constraints, CONSTRAINTS);
    const { assert!(CONSTRAINTS <= LIMIT) };
}
