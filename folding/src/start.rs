//! What is known of the first state.

use halo2curves::bn256::Fr;
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Gadget, Num};

/// The elements of z_0 that are the same in all computations under the same parameters.
///
/// The augmented circuit has their values as constants, so its hashes leave them out: what is not
/// hashed cannot be chosen either. They are part of the circuit, and with it of the parameters'
/// digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start(Vec<Option<Fr>>);

impl Start {
    /// Nothing is known of `arity` elements.
    pub fn unknown(arity: usize) -> Self {
        Start(vec![None; arity])
    }

    /// All elements are those of `z0`, but for those at these places.
    pub fn known_but_for(z0: &[Fr], free: &[usize]) -> Self {
        let known = z0.iter().enumerate();
        Start(
            known
                .map(|(at, value)| (!free.contains(&at)).then_some(*value))
                .collect(),
        )
    }

    /// Whether a computation may start from this state.
    pub fn admits(&self, z0: &[Fr]) -> bool {
        let mut pairs = self.0.iter().zip(z0);
        z0.len() == self.0.len() && pairs.all(|(known, value)| known.is_none_or(|k| k == *value))
    }

    /// The elements that are hashed: those that are not known, in their order.
    pub fn unknown_of<T: Clone>(&self, z0: &[T]) -> Vec<T> {
        let unknown = self.0.iter().zip(z0).filter(|(known, _)| known.is_none());
        unknown.map(|(_, element)| element.clone()).collect()
    }

    /// The elements that are known, and where they are.
    pub fn known(&self) -> impl Iterator<Item = (usize, Fr)> + '_ {
        let places = self.0.iter().enumerate();
        places.filter_map(|(at, known)| known.map(|value| (at, value)))
    }

    /// Some state that a computation may start from.
    pub fn example(&self) -> Vec<Fr> {
        self.0
            .iter()
            .map(|known| known.unwrap_or_default())
            .collect()
    }

    /// z_0 inside the circuit: constants, and variables with the values in `z0`.
    pub(crate) fn alloc<CS: Constraints<Fr>>(&self, g: &mut Gadget<'_, CS>, z0: &[Fr]) -> Vec<Num> {
        let elements = self.0.iter().zip(z0);
        elements
            .map(|(known, value)| match known {
                Some(known) => Num::constant(*known),
                None => g.alloc(*value),
            })
            .collect()
    }
}
