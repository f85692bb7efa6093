//! Paths in the tree of sign-ups as gadgets: `protocol::lean_imt` inside the circuit.
//!
//! The number of levels is the prover's secret. A path of d levels uses the first d of
//! [`MAX_DEPTH`]; above, the node is handed on. Which levels are used, on which side and with which
//! sibling has one representation for each path:
//! * levels are used from the first on. Gaps would skip hashes and so say nothing that a path
//!   without them does not say, but one path would have many assignments;
//! * a level that is not used has side 0 and sibling 0. No constraint of the node looks at them
//!   there; left free, they would be values that nothing binds.

use maci_nova_protocol::lean_imt::{Level as NativeLevel, Path as NativePath};
use maci_nova_protocol::membership::MAX_DEPTH;

use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// One level of a path.
#[derive(Clone, Debug)]
struct Level {
    /// Whether the node has a sibling here.
    used: Bit,
    /// Whether the node is the right child; 0 where the level is not used.
    is_right: Bit,
    /// 0 where the level is not used.
    sibling: Num,
}

/// What connects a leaf to the root, leaves first.
#[derive(Clone, Debug)]
pub struct LeanPath {
    levels: Vec<Level>,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// New variables for a path of at most [`MAX_DEPTH`] levels (what is above is not looked at),
    /// in their one representation; five constraints a level, but four at the first.
    pub fn alloc_lean_path(&mut self, path: &NativePath) -> LeanPath {
        let mut levels: Vec<Level> = Vec::with_capacity(MAX_DEPTH);
        for i in 0..MAX_DEPTH {
            let level = self.alloc_level(path.levels.get(i));
            if let Some(below) = levels.last() {
                self.enforce(
                    "levels are used from the first on",
                    level.used.num(),
                    below.used.not().num(),
                    &Num::zero(),
                );
            }
            levels.push(level);
        }
        LeanPath { levels }
    }

    fn alloc_level(&mut self, level: Option<&NativeLevel>) -> Level {
        let used = self.alloc_bit(level.is_some());
        let is_right = self.alloc_bit(level.is_some_and(|level| level.is_right));
        let sibling = self.alloc(level.map_or(Fr::from(0), |level| level.sibling));
        let unused = used.not();
        let zero = Num::zero();
        self.enforce("no side", is_right.num(), unused.num(), &zero);
        self.enforce("no sibling", &sibling, unused.num(), &zero);
        Level {
            used,
            is_right,
            sibling,
        }
    }

    /// The root of a tree that has `leaf` at this path; 242 constraints a level:
    /// ```text
    /// shift = is_right (node - sibling),  hash = P2(node - shift, sibling + shift)
    /// node' = node + used (hash - node)
    /// ```
    pub fn lean_root(&mut self, leaf: &Num, path: &LeanPath) -> Num {
        let mut node = leaf.clone();
        for level in &path.levels {
            let shift = self.mul(level.is_right.num(), &(&node - &level.sibling));
            let hash = self.hash([&(&node - &shift), &(&level.sibling + &shift)]);
            // One variable, so that combinations do not grow from level to level.
            node = self.mul_sub(level.used.num(), &(&hash - &node), &-&node);
        }
        node
    }
}
