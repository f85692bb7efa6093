//! False claims, and the constraints that refuse them.

use std::sync::OnceLock;

use maci_nova_folding::RunningProof;
use nova_snark::frontend::{util_cs::witness_cs::WitnessCS, ConstraintSystem as _};

use super::*;
use crate::tests::{folded, parameters, poll};

/// Constraints at shape (2, 1, 1). A row of the augmented circuit costs two, a power row four.
const CONSTRAINTS: usize = 951_366;
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
    decider().witness(proof, results).expect("witness")
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

/// What the contract states of z_0 but for the poll's context is hashed nowhere: each element is held
/// against the one that every computation starts with.
#[test]
fn another_first_state() {
    let witness = witness();
    let honest = decider().agreed(&witness).expect("agreed");
    let violated = |place: usize| {
        let mut claimed = honest.map(|value| *value);
        claimed.z0[place] += Fr::ONE;
        let mut cs = WitnessCS::<Fr>::new();
        let mut g = Gadget::new(&mut cs);
        let filled = decider().fill_agreed(&mut g, &witness, &claimed, Fr::from(77));
        filled.expect("filled");
        g.violated()
    };
    // The context is hashed: with another one r_1 is another.
    assert_eq!(violated(0), Some("r_1"));
    for place in 1..honest.z0.len() {
        assert_eq!(violated(place), Some("z_0"), "element {place}");
    }
}

#[test]
fn the_size_is_pinned() {
    let constraints = decider().matrices().expect("made").constraints();
    assert_eq!(constraints, CONSTRAINTS);
    const { assert!(CONSTRAINTS <= LIMIT) };
}
