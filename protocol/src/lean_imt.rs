//! The tree of sign-ups: a LeanIMT, a binary Merkle tree that grows with its leaves.
//!
//! A node is `P2` of its two children; a node without a right sibling is carried up unchanged, so
//! there is no empty value, and a tree of n leaves has ceil(log2 n) levels above them. The tree
//! itself does not tell a leaf from a node: what is put in has to ([`crate::membership::leaf`]).
//!
//! Source: the npm packages `@zk-kit/lean-imt` and `@zk-kit/lean-imt.sol`, which the contract uses.

use crate::field::Fr;
use crate::poseidon::hash;
use ff::Field;
use std::collections::hash_map::{Entry, HashMap};
use std::fmt;

/// Why a leaf is not inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// The leaf is 0.
    #[error("the leaf is 0")]
    Zero,
    /// The tree has the leaf already.
    #[error("the tree has the leaf already, at {0}")]
    Duplicate(usize),
}

/// No leaf has this index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("leaf {index} is not among the tree's {size}")]
pub struct IndexError {
    /// The index asked for.
    pub index: usize,
    /// The tree's leaves.
    pub size: usize,
}

/// One level of a [`Path`]: a node that has a sibling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The node's sibling.
    pub sibling: Fr,
    /// Whether the node is the right child, the sibling the left one.
    pub is_right: bool,
}

/// What connects a leaf to the root, leaves first. Levels at which the node is carried up are left
/// out, so a path is as long as its leaf has siblings above it: at most the tree's depth, and not
/// the same for all leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The levels at which there is a sibling.
    pub levels: Vec<Level>,
}

impl Path {
    /// The root of a tree that has `leaf` at this path.
    pub fn root(&self, leaf: Fr) -> Fr {
        self.levels.iter().fold(leaf, |node, level| {
            if level.is_right {
                hash(&[level.sibling, node])
            } else {
                hash(&[node, level.sibling])
            }
        })
    }
}

/// A tree with all its nodes: two elements a leaf, and an index of the leaves.
#[derive(Clone)]
pub struct LeanImt {
    /// `levels[0]` are the leaves; the last level is the root alone, or empty with no leaves.
    levels: Vec<Vec<Fr>>,
    positions: HashMap<Fr, usize>,
}

impl fmt::Debug for LeanImt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LeanImt")
            .field("size", &self.size())
            .field("root", &self.root())
            .finish_non_exhaustive()
    }
}

impl Default for LeanImt {
    fn default() -> Self {
        LeanImt {
            levels: vec![vec![]],
            positions: HashMap::new(),
        }
    }
}

impl LeanImt {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of leaves.
    pub fn size(&self) -> usize {
        self.levels[0].len()
    }

    /// Levels above the leaves: ceil(log2 size).
    pub fn depth(&self) -> usize {
        self.levels.len() - 1
    }

    /// The root; a tree without leaves has none.
    pub fn root(&self) -> Option<Fr> {
        self.levels[self.depth()].first().copied()
    }

    /// The index of a leaf.
    pub fn position(&self, leaf: &Fr) -> Option<usize> {
        self.positions.get(leaf).copied()
    }

    /// Appends a leaf and gives its index, counted from 0; at most one hash a level.
    ///
    /// # Errors
    /// [`LeafError`], and the tree is as it was.
    pub fn insert(&mut self, leaf: Fr) -> Result<usize, LeafError> {
        let index = self.size();
        if leaf == Fr::ZERO {
            return Err(LeafError::Zero);
        }
        match self.positions.entry(leaf) {
            Entry::Occupied(entry) => return Err(LeafError::Duplicate(*entry.get())),
            Entry::Vacant(entry) => entry.insert(index),
        };
        self.levels[0].push(leaf);
        self.update_last_path();
        Ok(index)
    }

    /// Computes the nodes above the last leaf: on each level the last one, which is new or had one
    /// child before.
    fn update_last_path(&mut self) {
        let mut level = 0;
        while let [_, _, ..] = self.levels[level][..] {
            let nodes = &self.levels[level];
            let position = (nodes.len() - 1) / 2;
            let parent = match nodes[2 * position..] {
                [left, right, ..] => hash(&[left, right]),
                _ => nodes[2 * position],
            };
            level += 1;
            if level == self.levels.len() {
                self.levels.push(vec![]);
            }
            self.levels[level].truncate(position);
            self.levels[level].push(parent);
        }
    }

    /// What connects a leaf to the root.
    ///
    /// # Errors
    /// [`IndexError`] if there is no such leaf.
    pub fn path(&self, index: usize) -> Result<Path, IndexError> {
        let size = self.size();
        if index >= size {
            return Err(IndexError { index, size });
        }
        let below_root = self.levels.iter().take(self.depth()).enumerate();
        let levels = below_root.filter_map(|(level, nodes)| {
            let position = index >> level;
            let sibling = nodes.get(position ^ 1)?;
            Some(Level {
                sibling: *sibling,
                is_right: position & 1 == 1,
            })
        });
        Ok(Path {
            levels: levels.collect(),
        })
    }
}
