//! Poseidon as a gadget: `protocol::poseidon` inside the circuit.
//!
//! Each S-box costs three constraints (`x^2`, `x^4`, `x^5`); everything else is linear. A round
//! constant added to the constant first word costs nothing. For k inputs (width t = k + 1) a hash
//! costs `3 (8 t + R_P - 1)` constraints: 240, 261, 297 and 321 for k = 2, 3, 4 and 5.

use maci_nova_protocol::poseidon::parameters;
use nova_snark::frontend::ConstraintSystem;

use crate::num::{Gadget, Num};
use crate::Fr;

impl<CS: ConstraintSystem<Fr>> Gadget<'_, CS> {
    /// `Pk(inputs)`, k = 2..=5.
    pub fn hash<const K: usize>(&mut self, inputs: [&Num; K]) -> Num {
        let mut state = Vec::with_capacity(K + 1);
        state.push(Num::zero());
        state.extend(inputs.into_iter().cloned());
        let mut state = self.permute(state);
        state.swap_remove(0)
    }

    /// The Poseidon permutation; the width is the length of the state, 3..=6.
    pub fn permute(&mut self, mut state: Vec<Num>) -> Vec<Num> {
        let parameters = parameters(state.len());
        let half = parameters.full_rounds / 2;
        let partial = half..half + parameters.partial_rounds;
        for (round, constants) in parameters.round_constants.iter().enumerate() {
            for (word, constant) in state.iter_mut().zip(constants) {
                *word = word.add_constant(*constant);
            }
            let boxes = if partial.contains(&round) {
                1
            } else {
                state.len()
            };
            for word in state.iter_mut().take(boxes) {
                *word = self.fifth_power(word);
            }
            state = mix(&parameters.mds, &state);
        }
        state
    }

    fn fifth_power(&mut self, x: &Num) -> Num {
        if let Some(x) = x.as_constant() {
            return Num::constant(x * x * x * x * x);
        }
        let x2 = self.mul(x, x);
        let x4 = self.mul(&x2, &x2);
        self.mul(&x4, x)
    }
}

fn mix(mds: &[Vec<Fr>], state: &[Num]) -> Vec<Num> {
    mds.iter().map(|row| Num::dot(state, row)).collect()
}
