//! Poseidon as a gadget: `protocol::poseidon` inside the circuit.
//!
//! An S-box is one constraint in a system with power rows, and three otherwise (`x^2`, `x^4`,
//! `x^5`); everything else is linear. A round constant added to the constant first word costs
//! nothing. For k inputs (width t = k + 1) a hash has `8 t + R_P - 1` S-boxes: 80, 87, 99 and 107
//! for k = 2, 3, 4 and 5.

use maci_nova_protocol::poseidon::{parameters, permute_with};

use crate::constraints::Constraints;
use crate::num::{Gadget, Num};
use crate::Fr;

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// `Pk(inputs)`, k = 2..=5.
    pub fn hash<const K: usize>(&mut self, inputs: [&Num; K]) -> Num {
        let mut state = Vec::with_capacity(K + 1);
        state.push(Num::zero());
        state.extend(inputs.into_iter().cloned());
        let mut state = self.permute(state);
        state.swap_remove(0)
    }

    /// The Poseidon permutation; the width is the length of the state, one of `protocol`'s.
    pub fn permute(&mut self, state: Vec<Num>) -> Vec<Num> {
        if self.makes_values() {
            return self.permute_values(&state);
        }
        self.permute_combinations(state)
    }

    /// By the definition, so that what is recorded can be read beside it.
    fn permute_combinations(&mut self, mut state: Vec<Num>) -> Vec<Num> {
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

    /// The same S-boxes in the same order, in the fast form, which has other matrices between them.
    fn permute_values(&mut self, state: &[Num]) -> Vec<Num> {
        // Words that no variable is in cost nothing in the first round, where each has an S-box.
        let constant: Vec<bool> = state.iter().map(|w| w.as_constant().is_some()).collect();
        if constant.iter().all(|word| *word) {
            return self.permute_combinations(state.to_vec());
        }
        let mut values: Vec<Fr> = state.iter().map(Num::value).collect();
        let mut number = 0;
        permute_with(&mut values, &mut |x| {
            let known = constant.get(number).copied().unwrap_or(false);
            number += 1;
            let x = if known {
                Num::constant(x)
            } else {
                Num::from_value(x)
            };
            self.fifth_power(&x).value()
        });
        values.into_iter().map(Num::from_value).collect()
    }
}

fn mix(mds: &[Vec<Fr>], state: &[Num]) -> Vec<Num> {
    mds.iter().map(|row| Num::dot(state, row)).collect()
}

#[cfg(test)]
mod tests {
    use maci_nova_protocol::poseidon::{boxes, permute_wide, WIDTHS};

    use super::*;
    use crate::constraints::Values;
    use crate::recorder::Recorder;

    /// Which words of a state are constant: all choices where there are few, else some.
    fn choices(width: usize) -> Vec<Vec<bool>> {
        let choice = |bits: u32| (0..width).map(|i| bits >> i & 1 == 1).collect();
        if width <= 6 {
            return (0..1 << width).map(choice).collect();
        }
        let all = (1 << width) - 1;
        let alone = (0..width).flat_map(|i| [1 << i, all ^ (1 << i)]);
        let others = [0, all, 0b10101, 0x0f0f_0f0f & all, all ^ 0xfff];
        alone.chain(others).map(choice).collect()
    }

    fn words(width: usize) -> Vec<Fr> {
        let word = |i| Fr::from(0xabcd + i as u64).square() - Fr::from(7);
        (0..width).map(word).collect()
    }

    /// The state in a constraint system; the words that are not constant are inputs.
    fn state<CS: Constraints<Fr>>(g: &mut Gadget<'_, CS>, constant: &[bool]) -> Vec<Num> {
        let words = words(constant.len()).into_iter().zip(constant);
        words
            .map(|(word, constant)| match constant {
                true => Num::constant(word),
                false => g.alloc_input(word),
            })
            .collect()
    }

    fn values(state: &[Num]) -> Vec<Fr> {
        state.iter().map(Num::value).collect()
    }

    /// The permutation is made in three ways, by the definition with its combinations, by the
    /// definition with values alone, and in the fast form. They have the same variables and rows.
    fn agree(constant: &[bool], mut recorder: Recorder, empty: fn() -> Values<Fr>) {
        let mut native = words(constant.len());
        permute_wide(&mut native);
        let mut gadget = Gadget::new(&mut recorder);
        let before = state(&mut gadget, constant);
        let after = gadget.permute(before);
        assert_eq!(values(&after), native, "{constant:?}");
        assert!(recorder.violated().is_none());
        // A word that is constant spares an S-box; if all are, the result is.
        let spared = constant.iter().filter(|constant| **constant).count();
        let spared = if spared == constant.len() {
            boxes(spared)
        } else {
            spared
        };
        let rows = if recorder.has_powers() { 1 } else { 3 };
        let total = recorder.total().constraints;
        assert_eq!(total, rows * (boxes(constant.len()) - spared));
        for fast in [false, true] {
            let mut own = empty();
            let mut gadget = Gadget::new(&mut own);
            let before = state(&mut gadget, constant);
            let after = if fast {
                gadget.permute_values(&before)
            } else {
                gadget.permute_combinations(before)
            };
            assert_eq!(values(&after), native, "{constant:?}");
            assert!(own == recorder.values(), "{constant:?}, fast: {fast}");
            let known = after.iter().all(|word| word.as_constant().is_some());
            assert_eq!(known, constant.iter().all(|constant| *constant));
        }
    }

    #[test]
    fn values_alone_are_those_of_the_definition() {
        for width in WIDTHS {
            for constant in choices(width) {
                agree(&constant, Recorder::with_powers(), Values::with_powers);
                agree(&constant, Recorder::default(), Values::plain);
            }
        }
    }
}
