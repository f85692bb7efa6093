//! Quinary Merkle paths as gadgets: `protocol::tree` inside the circuit.

use ff::{Field, PrimeField};
use maci_nova_protocol::tree::{Path as NativePath, ARITY};

use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// The digits of an index to base five, each as the four bits "digit >= 1, 2, 3, 4".
#[derive(Clone, Debug)]
pub struct Position {
    levels: Vec<[Bit; ARITY - 1]>,
}

/// The siblings on the way from a leaf to the root, leaf level first.
#[derive(Clone, Debug)]
pub struct Path {
    siblings: Vec<[Num; ARITY - 1]>,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// The position of leaf `index` in a tree of `depth`: `index = sum_l digit_l 5^l`. Unique, and
    /// it exists exactly for `index < 5^depth < r`; seven constraints a level.
    pub fn position(&mut self, index: &Num, depth: usize) -> Position {
        let mut rest = small_integer(&index.value());
        let mut weight = Fr::ONE;
        let mut sum = Num::zero();
        let mut levels = Vec::with_capacity(depth);
        for _ in 0..depth {
            let digit = self.digit((rest % ARITY as u128) as usize);
            for at_least in &digit {
                sum = sum.add_scaled(at_least.num(), weight);
            }
            rest /= ARITY as u128;
            weight *= Fr::from(ARITY as u64);
            levels.push(digit);
        }
        self.enforce_equal("digits make the index", &sum, index);
        Position { levels }
    }

    /// `digit >= k` for k = 1..=4, each of which implies the one before.
    fn digit(&mut self, digit: usize) -> [Bit; ARITY - 1] {
        let bits = [1, 2, 3, 4].map(|k| self.alloc_bit(digit >= k));
        for pair in bits.windows(2) {
            self.enforce(
                "digit >= k + 1 implies digit >= k",
                pair[1].num(),
                pair[0].not().num(),
                &Num::zero(),
            );
        }
        bits
    }

    /// New variables for the siblings; nothing is enforced.
    pub fn alloc_path(&mut self, path: &NativePath) -> Path {
        let siblings = path
            .siblings
            .iter()
            .map(|level| level.map(|s| self.alloc(s)));
        Path {
            siblings: siblings.collect(),
        }
    }

    /// The root of the tree that has `leaf` at `position`, with these siblings.
    pub fn root(&mut self, leaf: &Num, position: &Position, path: &Path) -> Num {
        assert_eq!(position.levels.len(), path.siblings.len());
        let mut node = leaf.clone();
        for (digit, siblings) in position.levels.iter().zip(&path.siblings) {
            let children = self.insert(&node, digit, siblings);
            node = self.hash([0, 1, 2, 3, 4].map(|i| &children[i]));
        }
        node
    }

    /// The five children with `node` at the digit: with `t_k = (digit >= k)` and
    /// `p_k = t_k (node - sibling_(k-1))`, child 0 is `node - p_1`, child k is
    /// `sibling_(k-1) + p_k - p_(k+1)`; four constraints.
    fn insert(
        &mut self,
        node: &Num,
        digit: &[Bit; ARITY - 1],
        siblings: &[Num; ARITY - 1],
    ) -> [Num; ARITY] {
        let shifts = [0, 1, 2, 3].map(|k| self.mul(digit[k].num(), &(node - &siblings[k])));
        [
            node - &shifts[0],
            &(&siblings[0] + &shifts[0]) - &shifts[1],
            &(&siblings[1] + &shifts[1]) - &shifts[2],
            &(&siblings[2] + &shifts[2]) - &shifts[3],
            &siblings[3] + &shifts[3],
        ]
    }
}

/// The value if it is below 2^128; a larger one has no position, so any digits will do.
fn small_integer(value: &Fr) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&value.to_repr().as_ref()[..16]);
    u128::from_le_bytes(bytes)
}
