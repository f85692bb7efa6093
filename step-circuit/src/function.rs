//! What is folded: one function of a state, again and again.

use crate::constraints::{Constraints, Values};
use crate::num::{Gadget, Num};
use crate::Fr;

/// A step of a computation over a state of a fixed number of elements.
///
/// The constraints do not depend on the values.
pub trait StepFunction {
    /// Elements of the state.
    fn arity(&self) -> usize;

    /// Fills `g` with the constraints of one step from the state `z`, which has `arity` elements;
    /// returns the state after it, which has as many.
    fn fill<CS: Constraints<Fr>>(&self, g: &mut Gadget<'_, CS>, z: &[Num]) -> Vec<Num>;

    /// The values that [`fill`](Self::fill) may append, where they are made already.
    fn prepared(&self) -> Option<&Values<Fr>> {
        None
    }
}
