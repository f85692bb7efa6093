//! The vote trees of those who voted.
//!
//! Weights are with the voters; of the trees above them every node is kept that has one below it, so that a path takes no hash, and
//! a vote as many as the tree has levels.

use crate::field::{from_i64, Fr};
use crate::tree::{empty_roots, without_child, Path, ARITY};
use ff::Field;
use std::collections::HashMap;

/// Where a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    voter: u64,
    /// From 1: 0 would be the weights.
    level: u8,
    index: u64,
}

/// The ballots by voter; a voter who never voted has none.
#[derive(Clone, Debug)]
pub(crate) struct Ballots {
    /// Roots of empty vote trees, by depth.
    empty: Vec<Fr>,
    nodes: HashMap<Place, Fr>,
}

impl Ballots {
    pub(crate) fn new(depth: usize) -> Self {
        Ballots {
            empty: empty_roots(depth, Fr::ZERO),
            nodes: HashMap::new(),
        }
    }

    fn depth(&self) -> usize {
        self.empty.len() - 1
    }

    pub(crate) fn empty_root(&self) -> Fr {
        self.empty[self.depth()]
    }

    pub(crate) fn root(&self, voter: u64) -> Fr {
        self.node(voter, self.depth(), 0)
    }

    /// A node above the weights.
    fn node(&self, voter: u64, level: usize, index: u64) -> Fr {
        let node = self.nodes.get(&place(voter, level, index));
        node.copied().unwrap_or(self.empty[level])
    }

    /// The path of an option in the ballot with these weights, which are the voter's, sorted by
    /// option.
    pub(crate) fn path(&self, voter: u64, option: u64, weights: &[(u64, i64)]) -> Path {
        let mut siblings = Vec::with_capacity(self.depth());
        let mut index = option;
        for level in 0..self.depth() {
            let position = index % ARITY as u64;
            let first = index - position;
            let children: [Fr; ARITY] = std::array::from_fn(|i| {
                let index = first + i as u64;
                match level {
                    0 => weight(weights, index),
                    _ => self.node(voter, level, index),
                }
            });
            siblings.push(without_child(&children, position as usize));
            index /= ARITY as u64;
        }
        Path { siblings }
    }

    /// Writes a weight, whose path this is.
    pub(crate) fn set(&mut self, voter: u64, option: u64, weight: i64, path: &Path) {
        for (level, (index, node)) in (1..).zip(path.ancestors(from_i64(weight), option)) {
            self.nodes.insert(place(voter, level, index), node);
        }
    }
}

/// Trees have fewer than 256 levels.
fn place(voter: u64, level: usize, index: u64) -> Place {
    let level = level as u8;
    Place {
        voter,
        level,
        index,
    }
}

fn weight(weights: &[(u64, i64)], option: u64) -> Fr {
    let found = weights.binary_search_by_key(&option, |(option, _)| *option);
    found.map_or(Fr::ZERO, |at| from_i64(weights[at].1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::SparseTree;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn ballots_are_trees(
            votes in prop::collection::vec((0usize..2, 0u64..125, -3i64..4), 1..60),
        ) {
            let mut ballots = Ballots::new(3);
            let mut voters = [0, 1].map(|_| (SparseTree::new(3, Fr::ZERO), BTreeMap::new()));
            for (who, option, weight) in votes {
                let (tree, weights) = &mut voters[who];
                let voter = 7 + who as u64;
                let sorted: Vec<(u64, i64)> = weights.iter().map(|(o, w)| (*o, *w)).collect();
                let path = ballots.path(voter, option, &sorted);
                prop_assert_eq!(&path, &tree.path(option).unwrap());
                weights.insert(option, weight);
                ballots.set(voter, option, weight, &path);
                tree.set(option, from_i64(weight)).unwrap();
                for ((tree, _), voter) in voters.iter().zip(7..) {
                    prop_assert_eq!(ballots.root(voter), tree.root());
                }
            }
            prop_assert_eq!(ballots.root(9), ballots.empty_root());
        }
    }
}
