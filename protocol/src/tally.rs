//! The tally: votes and spent voice credits of each option, kept as votes are processed.

use crate::field::{from_u128, Fr};
use crate::poseidon::hash;
use crate::tree::{capacity, Path, SparseTree, TreeError};
use ff::Field;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a weight costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The square of the weight. As an element, 0.
    Quadratic,
    /// The weight. As an element, 1.
    Linear,
}

impl Mode {
    /// The voice credits that a weight costs.
    pub fn cost(self, weight: u64) -> u128 {
        match self {
            Mode::Quadratic => u128::from(weight) * u128::from(weight),
            Mode::Linear => u128::from(weight),
        }
    }

    /// The mode in a poll's context: 0 or 1.
    pub fn to_element(self) -> Fr {
        match self {
            Mode::Quadratic => Fr::ZERO,
            Mode::Linear => Fr::ONE,
        }
    }
}

/// Why a change of the tally is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TallyError {
    /// The option is outside the tally tree.
    #[error(transparent)]
    Option(#[from] TreeError),
    /// The old weight is more than the option has, or a sum passes 2^128.
    #[error("the old weight was never counted for this option")]
    OldWeight,
    /// There are more results than the tree has leaves.
    #[error("{count} results do not fit in a tally tree of depth {depth}")]
    TooManyResults {
        /// How many there are.
        count: usize,
        /// The tree's depth.
        depth: usize,
    },
}

/// One option's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionResult {
    /// The sum of the weights of all ballots.
    pub votes: u128,
    /// The voice credits that these weights cost.
    pub spent: u128,
}

impl OptionResult {
    /// The tally tree's leaf: `P2(votes, spent)`.
    pub fn hash(&self) -> Fr {
        hash(&[from_u128(self.votes), from_u128(self.spent)])
    }

    /// The result after a weight changed: `votes + new - old` and `spent + cost(new) - cost(old)`. `None` if one of
    /// these is negative or passes 2^128.
    fn change(&self, old_weight: u64, new_weight: u64, mode: Mode) -> Option<Self> {
        let votes = self.votes.checked_add(u128::from(new_weight))?;
        let spent = self.spent.checked_add(mode.cost(new_weight))?;
        Some(OptionResult {
            votes: votes.checked_sub(u128::from(old_weight))?,
            spent: spent.checked_sub(mode.cost(old_weight))?,
        })
    }
}

/// The results of the options that have any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results(BTreeMap<u64, OptionResult>);

impl Results {
    pub(crate) fn get(&self, option: u64) -> OptionResult {
        self.0.get(&option).copied().unwrap_or_default()
    }

    pub(crate) fn apply(
        &mut self,
        option: u64,
        old_weight: u64,
        new_weight: u64,
        mode: Mode,
    ) -> Result<OptionResult, TallyError> {
        let result = self
            .get(option)
            .change(old_weight, new_weight, mode)
            .ok_or(TallyError::OldWeight)?;
        self.0.insert(option, result);
        Ok(result)
    }

    pub(crate) fn list(&self, vote_options: u64) -> Vec<OptionResult> {
        (0..vote_options).map(|option| self.get(option)).collect()
    }

    /// Every weight is below 2^50 and paid from a balance, so the sum stays far below 2^128.
    pub(crate) fn total_spent(&self) -> u128 {
        self.0
            .values()
            .fold(0, |sum, result| sum.saturating_add(result.spent))
    }
}

/// The tally with its tree: the leaf of an option is `P2(votes, spent)`, the empty leaf `P2(0, 0)`.
#[derive(Clone, Debug)]
pub struct Tally {
    results: Results,
    tree: SparseTree,
}

impl Tally {
    /// The tally of a poll without votes, for up to 5^depth options.
    pub fn new(depth: usize) -> Self {
        Tally {
            results: Results::default(),
            tree: SparseTree::new(depth, OptionResult::default().hash()),
        }
    }

    /// Votes and spent credits of an option; zeros for one without votes.
    pub fn result(&self, option: u64) -> OptionResult {
        self.results.get(option)
    }

    /// The leaf of an option.
    pub fn leaf(&self, option: u64) -> Fr {
        self.tree.leaf(option)
    }

    /// The root.
    pub fn root(&self) -> Fr {
        self.tree.root()
    }

    /// The path of an option's leaf.
    ///
    /// # Errors
    /// [`TreeError`] if the option is outside the tree.
    pub fn path(&self, option: u64) -> Result<Path, TreeError> {
        self.tree.path(option)
    }

    /// Like [`Tally::path`], with the option modulo the tree's capacity.
    pub(crate) fn path_within(&self, option: u64) -> Path {
        self.tree.path_within(option)
    }

    /// Replaces a ballot's old weight for an option by a new one, and gives the option's new result.
    ///
    /// # Errors
    /// [`TallyError::Option`] or [`TallyError::OldWeight`]; nothing changes.
    pub fn apply(
        &mut self,
        option: u64,
        old_weight: u64,
        new_weight: u64,
        mode: Mode,
    ) -> Result<OptionResult, TallyError> {
        if option >= capacity(self.tree.depth()) {
            let depth = self.tree.depth();
            return Err(TreeError {
                index: option,
                depth,
            }
            .into());
        }
        let result = self.results.apply(option, old_weight, new_weight, mode)?;
        self.tree.set(option, result.hash())?;
        Ok(result)
    }

    /// The results of the options 0 to `vote_options - 1`.
    pub fn results(&self, vote_options: u64) -> Vec<OptionResult> {
        self.results.list(vote_options)
    }

    /// The voice credits spent on all options.
    pub fn total_spent(&self) -> u128 {
        self.results.total_spent()
    }
}

/// The root of a tally tree with these results for options 0, 1, …: what a proven tally root must be if these are the
/// results.
///
/// # Errors
/// [`TallyError::TooManyResults`] if there are more than 5^depth.
pub fn results_root(depth: usize, results: &[OptionResult]) -> Result<Fr, TallyError> {
    let count = results.len();
    if count as u64 > capacity(depth) {
        return Err(TallyError::TooManyResults { count, depth });
    }
    let empty = OptionResult::default();
    let mut tree = SparseTree::new(depth, empty.hash());
    let used = (0u64..)
        .zip(results)
        .filter(|(_, result)| **result != empty);
    let leaves: Vec<(u64, Fr)> = used
        .map(|(option, result)| (option, result.hash()))
        .collect();
    tree.set_all(&leaves)?;
    Ok(tree.root())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::empty_root;
    use proptest::prelude::*;

    #[test]
    fn costs() {
        assert_eq!(
            Mode::Quadratic.cost(u64::MAX),
            u128::from(u64::MAX) * u128::from(u64::MAX)
        );
        assert_eq!(Mode::Linear.cost(9), 9);
    }

    #[test]
    fn refusals() {
        let mut tally = Tally::new(1);
        let root = tally.root();
        assert_eq!(root, empty_root(1, hash(&[Fr::ZERO, Fr::ZERO])));
        assert!(matches!(
            tally.apply(5, 0, 1, Mode::Linear),
            Err(TallyError::Option(_))
        ));
        assert_eq!(
            tally.apply(0, 1, 0, Mode::Linear),
            Err(TallyError::OldWeight)
        );
        assert_eq!(tally.root(), root);
        assert!(tally.path(5).is_err());
        let six = [OptionResult::default(); 6];
        let error = TallyError::TooManyResults { count: 6, depth: 1 };
        assert_eq!(results_root(1, &six), Err(error));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn ballots_add_up(
            linear in any::<bool>(),
            votes in prop::collection::vec((0usize..3, 0u64..25, 0u64..1 << 50), 0..10),
        ) {
            let mode = if linear { Mode::Linear } else { Mode::Quadratic };
            let mut tally = Tally::new(2);
            let mut ballots = vec![[0u64; 25]; 3];
            for (voter, option, weight) in votes {
                let old = std::mem::replace(&mut ballots[voter][option as usize], weight);
                tally.apply(option, old, weight, mode).unwrap();
            }
            let results = tally.results(25);
            for (option, result) in results.iter().enumerate() {
                let weights = ballots.iter().map(|ballot| ballot[option]);
                prop_assert_eq!(result.votes, weights.clone().map(u128::from).sum::<u128>());
                prop_assert_eq!(result.spent, weights.map(|w| mode.cost(w)).sum::<u128>());
                let path = tally.path(option as u64).unwrap();
                prop_assert_eq!(path.root(result.hash(), option as u64), tally.root());
                prop_assert_eq!(tally.leaf(option as u64), result.hash());
            }
            prop_assert_eq!(results_root(2, &results), Ok(tally.root()));
            prop_assert_eq!(tally.total_spent(), results.iter().map(|r| r.spent).sum::<u128>());
        }
    }
}
