//! Weights, costs and the two option trees: `protocol::tally` inside the circuit.

use ff::PrimeField;
use maci_nova_protocol::field::{from_i128, from_i64};
use maci_nova_protocol::poll::Transition;

use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::tree::{Path, Position};
use crate::Fr;

/// An option's place in a voter's ballot: the weight there now, opened against the vote root.
#[derive(Clone, Debug)]
pub struct OpenedWeight {
    /// The weight, `r - m` for one of m against the option.
    pub weight: Num,
    path: Path,
}

/// An option's place in the tally, opened against the tally root.
#[derive(Clone, Debug)]
pub struct OpenedResult {
    votes: Num,
    spent: Num,
    path: Path,
}

/// How much an applied vote changes. All 0 if it is not applied.
#[derive(Clone, Debug)]
pub struct Change {
    /// New weight less old, with their signs.
    pub weight: Num,
    /// Cost of the new weight less that of the old.
    pub cost: Num,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// What a weight costs: `w^2`, whatever its sign, or w if `linear`; two constraints.
    pub fn cost(&mut self, weight: &Num, linear: &Bit) -> Num {
        let square = self.mul(weight, weight);
        self.select(linear, weight, &square)
    }

    /// Opens the weight at `position` of the ballot with `vote_root`.
    pub fn open_weight(
        &mut self,
        transition: &Transition,
        position: &Position,
        vote_root: &Num,
    ) -> OpenedWeight {
        let weight = self.alloc(from_i64(transition.old_weight));
        let path = self.alloc_path(&transition.vote_path);
        let root = self.root(&weight, position, &path);
        self.enforce_equal("weight is in the ballot", &root, vote_root);
        OpenedWeight { weight, path }
    }

    /// The vote root after the weight changes.
    pub fn change_weight(
        &mut self,
        opened: &OpenedWeight,
        position: &Position,
        change: &Change,
    ) -> Num {
        self.root(&(&opened.weight + &change.weight), position, &opened.path)
    }

    /// Opens the result at `position` of the tally; a leaf is `P2(votes, spent)`.
    pub fn open_result(
        &mut self,
        transition: &Transition,
        position: &Position,
        tally_root: &Num,
    ) -> OpenedResult {
        let opened = OpenedResult {
            votes: self.alloc(from_i128(transition.old_result.votes)),
            spent: self.alloc(Fr::from_u128(transition.old_result.spent)),
            path: self.alloc_path(&transition.tally_path),
        };
        let leaf = self.hash([&opened.votes, &opened.spent]);
        let root = self.root(&leaf, position, &opened.path);
        self.enforce_equal("result is in the tally", &root, tally_root);
        opened
    }

    /// The tally root after `votes += change.weight`, `spent += change.cost`.
    pub fn change_result(
        &mut self,
        opened: &OpenedResult,
        position: &Position,
        change: &Change,
    ) -> Num {
        let votes = &opened.votes + &change.weight;
        let spent = &opened.spent + &change.cost;
        let leaf = self.hash([&votes, &spent]);
        self.root(&leaf, position, &opened.path)
    }
}
