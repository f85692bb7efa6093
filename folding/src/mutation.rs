//! For tests: assignments that differ from an honest one in one place.

use ff::PrimeField;
use maci_nova_step_circuit::recorder::Recorder;
use rand_core::OsRng;
use rayon::prelude::*;

/// Values to put in a variable's place.
fn others<F: PrimeField>(value: F) -> [F; 5] {
    let random = F::random(OsRng);
    [
        value + F::ONE,
        value - F::ONE,
        -value,
        F::ONE - value,
        random,
    ]
}

/// Asserts that an honest assignment is satisfied, and is not with any variable alone changed
/// (variable 0 is the constant one).
pub(crate) fn every_variable<F: PrimeField>(recorder: &Recorder<F>) {
    assert!(recorder.violated().is_none());
    let constraints = recorder.constraints_of_variables();
    for (variable, value) in recorder.assignment().iter().enumerate().skip(1) {
        for other in others(*value) {
            if other == *value {
                continue;
            }
            let holds = recorder.all_hold_with(&constraints[variable], variable, other);
            assert!(!holds, "variable {variable} can as well be {other:?}");
        }
    }
}

/// Asserts that `noticed` is true for every hint replaced alone.
pub(crate) fn every_hint<F: PrimeField>(hints: &[F], noticed: impl Fn((usize, F)) -> bool + Sync) {
    hints.par_iter().enumerate().for_each(|(hint, value)| {
        for other in [*value + F::ONE, F::ONE - value, F::random(OsRng)] {
            if other != *value {
                assert!(
                    noticed((hint, other)),
                    "hint {hint} can as well be {other:?}"
                );
            }
        }
    });
}
