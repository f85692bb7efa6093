//! Quinary Merkle trees: a node is `P5` of its five children.
//!
//! A tree of depth d has 5^d leaves. A leaf's index in base 5, least significant digit first, gives
//! its position among its siblings from the leaves up.

use crate::field::Fr;
use crate::poseidon::hash;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// Children of a node.
pub const ARITY: usize = 5;

/// The leaf index is not below the tree's capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("leaf {index} is outside a tree of depth {depth}")]
pub struct TreeError {
    /// The index asked for.
    pub index: u64,
    /// The tree's depth.
    pub depth: usize,
}

/// The leaves of a tree: 5^depth, or `u64::MAX` if that is less (from depth 28).
pub fn capacity(depth: usize) -> u64 {
    u32::try_from(depth).map_or(u64::MAX, |depth| (ARITY as u64).saturating_pow(depth))
}

/// The root of a tree whose leaves all are `empty_leaf`.
pub fn empty_root(depth: usize, empty_leaf: Fr) -> Fr {
    (0..depth).fold(empty_leaf, |node, _| hash(&[node; ARITY]))
}

/// The roots of empty trees of depth 0 to `depth`.
pub(crate) fn empty_roots(depth: usize, empty_leaf: Fr) -> Vec<Fr> {
    let next = |node: &Fr| Some(hash(&[*node; ARITY]));
    std::iter::successors(Some(empty_leaf), next)
        .take(depth + 1)
        .collect()
}

/// What connects a leaf to the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// For each level, leaves first, the node's four siblings in order.
    #[serde(with = "siblings")]
    pub siblings: Vec<[Fr; 4]>,
}

/// Serde form of a path's levels.
mod siblings {
    use crate::field::{decimal::Element, Fr};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        levels: &[[Fr; 4]],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let levels: Vec<[Element; 4]> = levels.iter().map(|level| level.map(Element)).collect();
        levels.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<[Fr; 4]>, D::Error> {
        let levels = Vec::<[Element; 4]>::deserialize(deserializer)?.into_iter();
        Ok(levels.map(|level| level.map(|element| element.0)).collect())
    }
}

impl Path {
    /// The root of the tree that has `leaf` at `index` and these siblings. Of the index only the
    /// lowest `siblings.len()` base-5 digits count.
    pub fn root(&self, leaf: Fr, index: u64) -> Fr {
        let ancestors = self.ancestors(leaf, index);
        ancestors.last().map_or(leaf, |(_, root)| root)
    }

    /// The nodes above `leaf` with their indices, the root last.
    pub(crate) fn ancestors(&self, leaf: Fr, index: u64) -> impl Iterator<Item = (u64, Fr)> + '_ {
        let next = |state: &mut (u64, Fr), siblings: &[Fr; 4]| {
            let (index, node) = *state;
            let position = (index % ARITY as u64) as usize;
            let parent = hash(&with_child(siblings, position, node));
            *state = (index / ARITY as u64, parent);
            Some(*state)
        };
        self.siblings.iter().scan((index, leaf), next)
    }
}

/// Five children of their four siblings and the one at `position`.
fn with_child(siblings: &[Fr; 4], position: usize, child: Fr) -> [Fr; ARITY] {
    let mut children = [child; ARITY];
    children[..position].copy_from_slice(&siblings[..position]);
    children[position + 1..].copy_from_slice(&siblings[position..]);
    children
}

/// The four of five children that are not at `position`.
pub(crate) fn without_child(children: &[Fr; ARITY], position: usize) -> [Fr; 4] {
    let mut siblings = [children[0]; 4];
    siblings[..position].copy_from_slice(&children[..position]);
    siblings[position..].copy_from_slice(&children[position + 1..]);
    siblings
}

/// A tree that stores only the groups of five siblings in which something was set: about 44 bytes a
/// node on each level if the used leaves are neighbours, and `depth` groups for a lonely leaf.
#[derive(Clone)]
pub struct SparseTree {
    /// `empty[level]` is a node of that level with nothing set below it; level 0 is the leaves.
    empty: Vec<Fr>,
    /// `groups[level][i]` holds the nodes 5 i to 5 i + 4 of the level.
    groups: Vec<HashMap<u64, [Fr; ARITY]>>,
    root: Fr,
}

impl fmt::Debug for SparseTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SparseTree")
            .field("depth", &self.depth())
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl SparseTree {
    /// The tree whose leaves all are `empty_leaf`.
    pub fn new(depth: usize, empty_leaf: Fr) -> Self {
        let empty = empty_roots(depth, empty_leaf);
        SparseTree {
            root: empty[depth],
            groups: vec![HashMap::new(); depth],
            empty,
        }
    }

    /// Levels above the leaves.
    pub fn depth(&self) -> usize {
        self.groups.len()
    }

    /// The root.
    pub fn root(&self) -> Fr {
        self.root
    }

    /// The leaf at an index; the empty leaf if it was never set, or if the index is outside the
    /// tree.
    pub fn leaf(&self, index: u64) -> Fr {
        if self.groups.is_empty() && index == 0 {
            return self.root;
        }
        self.node(0, index)
    }

    fn node(&self, level: usize, index: u64) -> Fr {
        self.groups
            .get(level)
            .and_then(|groups| groups.get(&(index / ARITY as u64)))
            .map_or(self.empty[level], |group| {
                group[(index % ARITY as u64) as usize]
            })
    }

    fn check(&self, index: u64) -> Result<(), TreeError> {
        let depth = self.depth();
        if index < capacity(depth) {
            Ok(())
        } else {
            Err(TreeError { index, depth })
        }
    }

    /// Sets a leaf: `depth` hashes.
    ///
    /// # Errors
    /// [`TreeError`] if the index is not below 5^depth; nothing changes.
    pub fn set(&mut self, index: u64, leaf: Fr) -> Result<(), TreeError> {
        self.check(index)?;
        let mut index = index;
        let mut node = leaf;
        for level in 0..self.depth() {
            node = hash(self.store(level, index, node));
            index /= ARITY as u64;
        }
        self.root = node;
        Ok(())
    }

    /// Sets many leaves, hashing each node above them once.
    ///
    /// # Errors
    /// [`TreeError`] for the first index that is not below 5^depth; nothing changes.
    pub fn set_all(&mut self, leaves: &[(u64, Fr)]) -> Result<(), TreeError> {
        for (index, _) in leaves {
            self.check(*index)?;
        }
        let mut changed: Vec<(u64, Fr)> = leaves.to_vec();
        for level in 0..self.depth() {
            for (index, node) in &changed {
                self.store(level, *index, *node);
            }
            let parents: BTreeSet<u64> = changed
                .iter()
                .map(|(index, _)| index / ARITY as u64)
                .collect();
            let groups = &self.groups[level];
            let parent = |index: u64| groups.get(&index).map(|group| (index, hash(group)));
            changed = parents.into_iter().filter_map(parent).collect();
        }
        if let Some((_, root)) = changed.last() {
            self.root = *root;
        }
        Ok(())
    }

    /// Stores a node and gives the group that it is in.
    fn store(&mut self, level: usize, index: u64, node: Fr) -> &[Fr; ARITY] {
        let empty = self.empty[level];
        let group = self.groups[level]
            .entry(index / ARITY as u64)
            .or_insert([empty; ARITY]);
        group[(index % ARITY as u64) as usize] = node;
        group
    }

    /// The path of the leaf at an index.
    ///
    /// # Errors
    /// [`TreeError`] if the index is not below 5^depth.
    pub fn path(&self, index: u64) -> Result<Path, TreeError> {
        self.check(index)?;
        Ok(self.path_within(index))
    }

    /// Like [`SparseTree::path`], with the index modulo the capacity.
    pub(crate) fn path_within(&self, index: u64) -> Path {
        let mut index = index;
        let mut siblings = Vec::with_capacity(self.depth());
        for (groups, empty) in self.groups.iter().zip(&self.empty) {
            let unset = [*empty; ARITY];
            let group = groups.get(&(index / ARITY as u64)).unwrap_or(&unset);
            siblings.push(without_child(group, (index % ARITY as u64) as usize));
            index /= ARITY as u64;
        }
        Path { siblings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::Field;
    use proptest::prelude::*;

    /// All nodes of a small tree, from all its leaves.
    fn dense_root(leaves: &[Fr]) -> Fr {
        match leaves {
            [root] => *root,
            _ => {
                let parents: Vec<Fr> = leaves
                    .chunks_exact(ARITY)
                    .map(|group| hash(&std::array::from_fn::<Fr, ARITY, _>(|i| group[i])))
                    .collect();
                dense_root(&parents)
            }
        }
    }

    #[test]
    fn outside() {
        let mut tree = SparseTree::new(2, Fr::ZERO);
        let error = TreeError {
            index: 25,
            depth: 2,
        };
        assert_eq!(tree.set(25, Fr::ONE), Err(error));
        assert_eq!(tree.set_all(&[(1, Fr::ONE), (25, Fr::ONE)]), Err(error));
        assert_eq!(tree.path(25), Err(error));
        assert_eq!(tree.leaf(25), Fr::ZERO);
        assert_eq!(tree.root(), empty_root(2, Fr::ZERO));
        assert_eq!(capacity(10), 9_765_625);
        assert_eq!(capacity(27), 5u64.pow(27));
        assert_eq!(capacity(28), u64::MAX);
    }

    #[test]
    fn depth_zero() {
        let mut tree = SparseTree::new(0, Fr::ONE);
        assert_eq!(tree.root(), Fr::ONE);
        tree.set(0, Fr::from(3)).unwrap();
        assert_eq!((tree.root(), tree.leaf(0)), (Fr::from(3), Fr::from(3)));
        assert!(tree.set(1, Fr::ONE).is_err());
        assert_eq!(tree.path(0).unwrap().root(Fr::from(3), 0), tree.root());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn sparse_is_dense(
            empty in 0u64..3, depth in 1usize..=3,
            sets in prop::collection::vec((any::<u64>(), any::<u64>()), 0..12),
        ) {
            let empty = Fr::from(empty);
            let leaves = capacity(depth);
            let mut tree = SparseTree::new(depth, empty);
            let mut dense = vec![empty; leaves as usize];
            let sets: Vec<(u64, Fr)> = sets.iter().map(|(i, x)| (i % leaves, Fr::from(*x))).collect();
            for (index, leaf) in &sets {
                tree.set(*index, *leaf).unwrap();
                dense[*index as usize] = *leaf;
            }
            prop_assert_eq!(tree.root(), dense_root(&dense));
            let mut at_once = SparseTree::new(depth, empty);
            at_once.set_all(&sets).unwrap();
            prop_assert_eq!(at_once.root(), tree.root());
            for (index, leaf) in dense.iter().enumerate() {
                let path = tree.path(index as u64).unwrap();
                prop_assert_eq!(path.siblings.len(), depth);
                prop_assert_eq!(path.root(*leaf, index as u64), tree.root());
                prop_assert_ne!(path.root(*leaf + Fr::ONE, index as u64), tree.root());
                prop_assert_eq!(tree.leaf(index as u64), *leaf);
            }
        }
    }
}
