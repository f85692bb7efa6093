//! What follows from what is given.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use ff::Field;
use maci_nova_step_circuit::recorder::Kind;
use maci_nova_step_circuit::Fr;

use crate::determinism::structures::{DigitKind, Structures};
use crate::determinism::system::{coefficient, constant, Constraint, Place, System};

/// What a constraint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Its last unknown variable is a product, a power, or linear in what is known.
    Value,
    /// Its last unknown variable is a quotient: unique only where the divisor is not 0.
    Quotient,
    /// Of a test for 0.
    ZeroTest,
    /// Of a comparison by the highest difference.
    Comparison,
    /// Of digits.
    Digits(DigitKind),
    /// No variable needs it.
    Check,
}

/// How often something is found at a place.
pub type Inventory = BTreeMap<Place, usize>;

/// What an analysis comes to.
pub struct Report {
    /// Variables that do not follow from what is given.
    pub undetermined: Vec<usize>,
    /// What each constraint is for; one that has been taken away is a check.
    pub roles: Vec<Role>,
    /// Quotients: each is a condition.
    pub conditions: Inventory,
    /// Constraints that determine nothing.
    pub checks: Inventory,
}

/// What may be done next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Move {
    /// Solve a constraint for its last unknown variable.
    Solve,
    /// Take the bits of a constraint that are unknown for digits.
    Digits,
    /// Take what the group with this number gives.
    Group(usize),
}

/// Variables become known one after the other; a constraint is looked at again only when one of its
/// variables does. The earliest constraint goes first, so that what defines a variable is not taken
/// for a check of it.
struct Propagation<'a> {
    system: &'a System,
    structures: Structures<'a>,
    removed: Option<usize>,
    known: Vec<bool>,
    /// Of each constraint, and those among them that are not bits.
    unknown: Vec<usize>,
    unknown_elements: Vec<usize>,
    /// Unknown variables that a group needs, and the groups that need each variable.
    group_unknown: Vec<usize>,
    groups_of: BTreeMap<usize, Vec<usize>>,
    roles: Vec<Role>,
    /// With the constraint that it is about.
    moves: BinaryHeap<Reverse<(usize, Move)>>,
}

/// Whether the one unknown variable of a constraint is unique.
enum Solution {
    Unique,
    UniqueUnlessZero,
    Open,
}

/// Analyses a system, without one of its constraints if it is said.
pub fn analyse(system: &System, removed: Option<usize>) -> Report {
    let mut propagation = Propagation::new(system, removed);
    propagation.run();
    propagation.report()
}

impl<'a> Propagation<'a> {
    fn new(system: &'a System, removed: Option<usize>) -> Self {
        let structures = Structures::find(system, removed);
        let count = system.constraints.len();
        let mut propagation = Propagation {
            system,
            removed,
            known: vec![false; system.given.len()],
            unknown: system
                .constraints
                .iter()
                .map(|c| c.variables.len())
                .collect(),
            unknown_elements: vec![0; count],
            group_unknown: vec![],
            groups_of: BTreeMap::new(),
            roles: vec![Role::Check; count],
            moves: BinaryHeap::new(),
            structures,
        };
        for (k, constraint) in system.constraints.iter().enumerate() {
            let elements = constraint.variables.iter();
            let elements = elements.filter(|v| propagation.structures.bit[**v].is_none());
            propagation.unknown_elements[k] = elements.count();
        }
        for group in 0..propagation.group_count() {
            let needs = propagation.group(group).0.to_vec();
            propagation.group_unknown.push(needs.len());
            for variable in needs {
                propagation
                    .groups_of
                    .entry(variable)
                    .or_default()
                    .push(group);
            }
        }
        propagation
    }

    fn group_count(&self) -> usize {
        self.structures.zero_tests.len() + self.structures.comparisons.len()
    }

    /// What a group needs, gives and consists of.
    fn group(&self, group: usize) -> (&[usize], &[usize], &[usize], Role) {
        let zero_tests = &self.structures.zero_tests;
        if let Some(test) = zero_tests.get(group) {
            return (&test.needs, &test.gives, &test.members, Role::ZeroTest);
        }
        let comparison = &self.structures.comparisons[group - zero_tests.len()];
        let (needs, gives) = (&comparison.needs, &comparison.gives);
        (needs, gives, &comparison.members, Role::Comparison)
    }

    fn run(&mut self) {
        for variable in 0..self.known.len() {
            if self.system.given[variable] {
                self.learn(variable);
            }
        }
        // Constraints of one variable are ready from the start.
        for k in 0..self.unknown.len() {
            self.look_at(k);
        }
        while let Some(Reverse((k, next))) = self.moves.pop() {
            match next {
                Move::Solve => self.solve(k),
                Move::Digits => self.apply_digits(k),
                Move::Group(group) => self.apply_group(group),
            }
        }
    }

    fn learn(&mut self, variable: usize) {
        if core::mem::replace(&mut self.known[variable], true) {
            return;
        }
        let system = self.system;
        for k in &system.touching[variable] {
            self.unknown[*k] -= 1;
            if self.structures.bit[variable].is_none() {
                self.unknown_elements[*k] -= 1;
            }
            self.look_at(*k);
        }
        let mut ready = vec![];
        for group in self.groups_of.get(&variable).into_iter().flatten() {
            self.group_unknown[*group] -= 1;
            if self.group_unknown[*group] == 0 {
                ready.push(*group);
            }
        }
        for group in ready {
            let first = self.group(group).2.iter().min();
            let first = *first.expect("a group has members");
            self.moves.push(Reverse((first, Move::Group(group))));
        }
    }

    /// Notes what a constraint can be used for now.
    fn look_at(&mut self, k: usize) {
        if Some(k) == self.removed {
            return;
        }
        match (self.unknown[k], self.unknown_elements[k]) {
            (1, _) => self.moves.push(Reverse((k, Move::Solve))),
            (2.., 0) => self.moves.push(Reverse((k, Move::Digits))),
            _ => {}
        }
    }

    /// The one unknown variable, and whether the constraint determines it: with `a = α x + ..`,
    /// `b = β x + ..`, `c = γ x + ..` and β = 0 a product says `(α b - γ) x = ..`. A power with
    /// α = 0 says `γ x = ..`. One with γ = 0 would determine x too, as it has one fifth root, but
    /// what is raised has to be known from elsewhere: nothing in the circuits needs a root.
    fn solution(&self, constraint: &Constraint) -> (usize, Solution) {
        let mut unknown = constraint.variables.iter().filter(|v| !self.known[**v]);
        let x = *unknown.next().expect("one variable is unknown");
        let [in_a, in_b, in_c] =
            [&constraint.a, &constraint.b, &constraint.c].map(|row| coefficient(row, x));
        let (own, other) = match (in_a == Fr::ZERO, in_b == Fr::ZERO) {
            (true, true) => return (x, Solution::Unique),
            _ if constraint.kind == Kind::Power => return (x, Solution::Open),
            (false, true) => (in_a, &constraint.b),
            (true, false) => (in_b, &constraint.a),
            (false, false) => return (x, Solution::Open),
        };
        let solution = match constant(other) {
            Some(value) if own * value != in_c => Solution::Unique,
            None if in_c == Fr::ZERO => Solution::UniqueUnlessZero,
            _ => Solution::Open,
        };
        (x, solution)
    }

    fn solve(&mut self, k: usize) {
        if self.unknown[k] != 1 {
            return;
        }
        let (variable, solution) = self.solution(&self.system.constraints[k]);
        self.roles[k] = match solution {
            Solution::Unique => Role::Value,
            Solution::UniqueUnlessZero => Role::Quotient,
            Solution::Open => return,
        };
        self.learn(variable);
    }

    fn apply_group(&mut self, group: usize) {
        let (_, gives, members, role) = self.group(group);
        let (gives, members) = (gives.to_vec(), members.to_vec());
        if gives.iter().all(|variable| self.known[*variable]) {
            return;
        }
        for k in members {
            self.roles[k] = role;
        }
        for variable in gives {
            self.learn(variable);
        }
    }

    fn apply_digits(&mut self, k: usize) {
        if self.unknown[k] < 2 {
            return;
        }
        let Some(digits) = self.structures.digits(k, |v| v != 0 && !self.known[v]) else {
            return;
        };
        for member in digits.members {
            self.roles[member] = Role::Digits(digits.kind);
        }
        let system = self.system;
        for variable in &system.constraints[k].variables {
            self.learn(*variable);
        }
    }

    fn report(self) -> Report {
        let undetermined = (0..self.known.len()).filter(|v| !self.known[*v]);
        let mut conditions = Inventory::new();
        let mut checks = Inventory::new();
        for (k, role) in self.roles.iter().enumerate() {
            let inventory = match role {
                Role::Quotient => &mut conditions,
                Role::Check if Some(k) != self.removed => &mut checks,
                _ => continue,
            };
            *inventory.entry(self.system.place(k).clone()).or_default() += 1;
        }
        Report {
            undetermined: undetermined.collect(),
            conditions,
            checks,
            roles: self.roles,
        }
    }
}
