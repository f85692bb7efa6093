//! The vote trees of those who voted.
//!
//! A ballot with few weights is stored as these weights and its root; paths are hashed when needed.
//! A ballot with many keeps the nodes of its tree, so that a path costs the same for every ballot.

use crate::field::{from_i64, Fr};
use crate::poseidon::hash;
use crate::tree::{capacity, empty_roots, without_child, Path, SparseTree, ARITY};
use ff::Field;
use std::collections::HashMap;

/// A ballot with more weights than this keeps its tree.
const FEW: usize = 24;

#[derive(Clone, Debug)]
struct Ballot {
    root: Fr,
    tree: Option<Box<SparseTree>>,
}

/// The ballots by voter; a voter who never voted has none.
#[derive(Clone, Debug)]
pub(crate) struct Ballots {
    /// Roots of empty vote trees, by depth.
    empty: Vec<Fr>,
    ballots: HashMap<u64, Ballot>,
}

impl Ballots {
    pub(crate) fn new(depth: usize) -> Self {
        Ballots {
            empty: empty_roots(depth, Fr::ZERO),
            ballots: HashMap::new(),
        }
    }

    fn depth(&self) -> usize {
        self.empty.len() - 1
    }

    pub(crate) fn empty_root(&self) -> Fr {
        self.empty[self.depth()]
    }

    pub(crate) fn root(&self, voter: u64) -> Fr {
        self.ballots
            .get(&voter)
            .map_or(self.empty_root(), |ballot| ballot.root)
    }

    /// The path of an option in the ballot with these weights, which are the voter's, sorted by
    /// option.
    pub(crate) fn path(&self, voter: u64, option: u64, weights: &[(u64, i64)]) -> Path {
        if let Some(tree) = self
            .ballots
            .get(&voter)
            .and_then(|ballot| ballot.tree.as_ref())
        {
            return tree.path_within(option);
        }
        let mut siblings = Vec::with_capacity(self.depth());
        for level in 0..self.depth() {
            let first = option / capacity(level + 1) * ARITY as u64;
            let children = self.children(level, first, weights);
            let position = (option / capacity(level) % ARITY as u64) as usize;
            siblings.push(without_child(&children, position));
        }
        Path { siblings }
    }

    /// The nodes `first` to `first + 4` of a level.
    fn children(&self, level: usize, first: u64, weights: &[(u64, i64)]) -> [Fr; ARITY] {
        std::array::from_fn(|i| self.node(level, first + i as u64, weights))
    }

    fn node(&self, level: usize, index: u64, weights: &[(u64, i64)]) -> Fr {
        let leaves = capacity(level);
        let start = weights.partition_point(|(option, _)| *option < index * leaves);
        let end = weights.partition_point(|(option, _)| *option < (index + 1) * leaves);
        match &weights[start..end] {
            [] => self.empty[level],
            [(_, weight)] if level == 0 => from_i64(*weight),
            below => hash(&self.children(level - 1, index * ARITY as u64, below)),
        }
    }

    /// Writes a weight that leads to `root`; `weights` are the voter's with the new one among them.
    pub(crate) fn set(
        &mut self,
        voter: u64,
        option: u64,
        weight: i64,
        root: Fr,
        weights: &[(u64, i64)],
    ) {
        let empty = &self.empty;
        let new = || Ballot { root, tree: None };
        let ballot = self.ballots.entry(voter).or_insert_with(new);
        ballot.root = root;
        // Options are below the capacity, so setting them cannot fail.
        if let Some(tree) = &mut ballot.tree {
            let written = tree.set(option, from_i64(weight));
            debug_assert!(written.is_ok());
        } else if weights.len() > FEW {
            let mut tree = SparseTree::from_empty_roots(empty.clone());
            let leaves: Vec<(u64, Fr)> = weights.iter().map(|(o, w)| (*o, from_i64(*w))).collect();
            let written = tree.set_all(&leaves);
            debug_assert!(written.is_ok());
            ballot.tree = Some(Box::new(tree));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// Below and above the number of weights from which the tree is kept.
        #[test]
        fn ballots_are_trees(votes in prop::collection::vec((0u64..125, -3i64..4), 1..60)) {
            let mut ballots = Ballots::new(3);
            let mut tree = SparseTree::new(3, Fr::ZERO);
            let mut weights = BTreeMap::new();
            for (option, weight) in votes {
                let sorted = |weights: &BTreeMap<u64, i64>| -> Vec<(u64, i64)> {
                    weights.iter().map(|(o, w)| (*o, *w)).collect()
                };
                let path = ballots.path(7, option, &sorted(&weights));
                prop_assert_eq!(&path, &tree.path(option).unwrap());
                weights.insert(option, weight);
                let root = path.root(from_i64(weight), option);
                ballots.set(7, option, weight, root, &sorted(&weights));
                tree.set(option, from_i64(weight)).unwrap();
                prop_assert_eq!(ballots.root(7), tree.root());
            }
            prop_assert_eq!(ballots.root(8), ballots.empty_root());
        }
    }
}
