//! The tally: votes and spent voice credits of each option, kept as votes are processed.

use crate::command::FIELD_BITS;
use crate::field::{from_i128, from_u128, Fr};
use crate::poseidon::hash;
use crate::tree::{capacity, Path, SparseTree, TreeError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The highest of the 50 bits of a command's weight: the weight is one against the option.
const AGAINST: u64 = 1 << (FIELD_BITS - 1);

/// What weights mean and cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Mode {
    /// A weight costs its square.
    Quadratic = 0,
    /// A weight costs itself.
    Linear = 1,
    /// A weight costs itself, and a vote counts only if it spends the whole balance.
    Full = 2,
    /// A weight may be against an option, which is then counted as negative; it costs its square.
    Negative = 3,
}

impl Mode {
    /// All modes, by their number.
    pub const ALL: [Mode; 4] = [Mode::Quadratic, Mode::Linear, Mode::Full, Mode::Negative];

    /// The mode's name, as in the poll log.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Quadratic => "quadratic",
            Mode::Linear => "linear",
            Mode::Full => "full",
            Mode::Negative => "negative",
        }
    }

    /// The mode of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// The mode of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The mode in a poll's context, 0 to 3.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// [`Mode::number`] as an element.
    pub fn to_element(self) -> Fr {
        Fr::from(u64::from(self.number()))
    }

    /// Whether weights can be against an option.
    pub fn has_signs(self) -> bool {
        self == Mode::Negative
    }

    /// The weight that a command means, negative if it is against the option; `None` if it is not
    /// one of this mode's.
    ///
    /// Bits 0 to 48 of a command's weight are its magnitude. Bit 49 says "against" in negative
    /// voting; in the other modes a weight with it would be one that no voter can mean and that, in
    /// linear polls, some could pay for.
    pub fn weight(self, packed: u64) -> Option<i64> {
        // Below 2^49.
        let magnitude = (packed & (AGAINST - 1)) as i64;
        match packed & AGAINST != 0 {
            false => Some(magnitude),
            true => self.has_signs().then_some(-magnitude),
        }
    }

    /// The inverse of [`Mode::weight`]; `None` if the weight is not one of this mode's.
    pub fn pack_weight(self, weight: i64) -> Option<u64> {
        let sign = if weight < 0 { AGAINST } else { 0 };
        let packed = (weight.unsigned_abs() < AGAINST).then_some(weight.unsigned_abs() | sign)?;
        (self.weight(packed) == Some(weight)).then_some(packed)
    }

    /// The voice credits that a weight costs.
    pub fn cost(self, weight: i64) -> u128 {
        let magnitude = u128::from(weight.unsigned_abs());
        match self {
            Mode::Quadratic | Mode::Negative => magnitude * magnitude,
            Mode::Linear | Mode::Full => magnitude,
        }
    }
}

/// Why a change of the tally is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TallyError {
    /// The option is outside the tally tree.
    #[error(transparent)]
    Option(#[from] TreeError),
    /// The old weight is more than the option has, or a sum is out of range.
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
    /// The sum of the weights of all ballots; negative if more was given against the option than
    /// for it.
    pub votes: i128,
    /// The voice credits that these weights cost.
    pub spent: u128,
}

impl OptionResult {
    /// The tally tree's leaf: `P2(votes, spent)`, negative votes being `r - |votes|`.
    pub fn hash(&self) -> Fr {
        hash(&[from_i128(self.votes), from_u128(self.spent)])
    }

    /// The result after a weight changed: `votes + new - old` and `spent + cost(new) - cost(old)`.
    /// `None` if one of these is out of range, or votes are negative where weights have no signs.
    fn change(&self, old_weight: i64, new_weight: i64, mode: Mode) -> Option<Self> {
        let votes = self.votes.checked_add(i128::from(new_weight))?;
        let votes = votes.checked_sub(i128::from(old_weight))?;
        let spent = self.spent.checked_add(mode.cost(new_weight))?;
        let spent = spent.checked_sub(mode.cost(old_weight))?;
        (votes >= 0 || mode.has_signs()).then_some(OptionResult { votes, spent })
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
        old_weight: i64,
        new_weight: i64,
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

    /// Replaces a ballot's old weight for an option by a new one, and gives the option's new
    /// result.
    ///
    /// # Errors
    /// [`TallyError::Option`] or [`TallyError::OldWeight`]; nothing changes.
    pub fn apply(
        &mut self,
        option: u64,
        old_weight: i64,
        new_weight: i64,
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

/// The root of a tally tree with these results for options 0, 1, …: what a proven tally root must
/// be if these are the results.
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
    use ff::Field;
    use proptest::prelude::*;

    #[test]
    fn costs() {
        let largest = (1i64 << 49) - 1;
        let square = u128::from(largest.unsigned_abs()).pow(2);
        for mode in [Mode::Quadratic, Mode::Negative] {
            assert_eq!(mode.cost(largest), square);
        }
        assert_eq!(Mode::Negative.cost(-largest), square);
        for mode in [Mode::Linear, Mode::Full] {
            assert_eq!(mode.cost(9), 9);
        }
    }

    #[test]
    fn weights_of_a_command() {
        let largest = (1u64 << 49) - 1;
        for mode in Mode::ALL {
            assert_eq!(Mode::from_number(mode.number()), Some(mode));
            assert_eq!(Mode::from_name(mode.name()), Some(mode));
            for (packed, weight) in [(0, 0), (7, 7), (largest, largest as i64)] {
                assert_eq!(mode.weight(packed), Some(weight));
                assert_eq!(mode.pack_weight(weight), Some(packed));
            }
            let against = |packed| mode.weight(packed | 1 << 49);
            let signs = mode == Mode::Negative;
            assert_eq!(against(7), signs.then_some(-7));
            assert_eq!(against(largest), signs.then_some(-(largest as i64)));
            assert_eq!(mode.pack_weight(-7), signs.then_some(7 | 1 << 49));
            // Against nothing is nothing.
            assert_eq!(against(0), signs.then_some(0));
            assert_eq!(mode.pack_weight(1 << 49), None);
            assert_eq!(mode.pack_weight(i64::MIN), None);
        }
        assert_eq!(Mode::from_number(4), None);
        assert_eq!(Mode::from_name("Linear"), None);
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
            mode in prop::sample::select(&Mode::ALL[..]),
            votes in prop::collection::vec((0usize..3, 0u64..25, 0i64..1 << 49, any::<bool>()), 0..10),
        ) {
            let mut tally = Tally::new(2);
            let mut ballots = vec![[0i64; 25]; 3];
            for (voter, option, weight, against) in votes {
                let weight = if against && mode.has_signs() { -weight } else { weight };
                let old = std::mem::replace(&mut ballots[voter][option as usize], weight);
                tally.apply(option, old, weight, mode).unwrap();
            }
            let results = tally.results(25);
            for (option, result) in results.iter().enumerate() {
                let weights = ballots.iter().map(|ballot| ballot[option]);
                prop_assert_eq!(result.votes, weights.clone().map(i128::from).sum::<i128>());
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
