//! A constraint system that keeps everything: for counts, densities and forgeries.

use std::collections::BTreeMap;

use ff::PrimeField;
use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};

use crate::constraints::{fifth, Constraints, Values};
use crate::secret::Secret;
use crate::Fr;

/// A linear combination as (variable, coefficient); variables are those of
/// [`Recorder::assignment`].
pub type Row<F = Fr> = Vec<(usize, F)>;

/// What a constraint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `a * b = c`.
    Product,
    /// `a^5 = c`; b is empty.
    Power,
}

/// One constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint<F = Fr> {
    /// What it says of its rows.
    pub kind: Kind,
    /// Left factor, or what is raised.
    pub a: Row<F>,
    /// Right factor.
    pub b: Row<F>,
    /// Product, or power.
    pub c: Row<F>,
    /// Path of the innermost namespace, index into [`Recorder::scopes`].
    pub scope: usize,
    /// What the constraint says.
    pub name: String,
}

/// The name that a hint's variable is allocated under.
pub(crate) const HINT: &str = "hint";

/// A variable whose value the prover chooses, until constraints bind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Number of the variable.
    pub variable: usize,
    /// Path of the innermost namespace, index into [`Recorder::scopes`].
    pub scope: usize,
}

/// Constraints and entries that a gadget adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Constraints.
    pub constraints: usize,
    /// Those among them that are power rows.
    pub powers: usize,
    /// Entries of the matrices that are not 0: three of the products, two of the powers.
    pub entries: usize,
}

/// Keeps constraints, assignment and namespaces.
///
/// Variables are numbered as they come, inputs and others alike; number 0 is the constant one.
#[derive(Debug)]
pub struct Recorder<F: PrimeField = Fr> {
    constraints: Vec<Constraint<F>>,
    assignment: Vec<F>,
    hints: Vec<Hint>,
    inputs: Vec<usize>,
    aux: Vec<usize>,
    stack: Vec<String>,
    scopes: Vec<String>,
    current: usize,
    powers: bool,
}

impl<F: PrimeField> Default for Recorder<F> {
    fn default() -> Self {
        Recorder {
            constraints: vec![],
            assignment: vec![F::ONE],
            hints: vec![],
            inputs: vec![0],
            aux: vec![],
            stack: vec![],
            scopes: vec![String::new()],
            current: 0,
            powers: false,
        }
    }
}

impl<F: PrimeField> Recorder<F> {
    /// With rows for fifth powers; a default one has products only.
    pub fn with_powers() -> Self {
        Recorder {
            powers: true,
            ..Self::default()
        }
    }

    /// All constraints in order.
    pub fn constraints(&self) -> &[Constraint<F>] {
        &self.constraints
    }

    /// Values of all variables; number 0 is one.
    pub fn assignment(&self) -> &[F] {
        &self.assignment
    }

    /// What a system that makes values alone has of this circuit: the rows are multiplied out.
    pub fn values(&self) -> Values<F> {
        let mut values = if self.powers {
            Values::with_powers()
        } else {
            Values::plain()
        };
        let of = |variables: &[usize]| -> Secret<F> {
            let values: Vec<F> = variables.iter().map(|v| self.assignment[*v]).collect();
            values.into()
        };
        // Number 0 is the constant one.
        values.inputs = of(&self.inputs[1..]);
        values.witness = of(&self.aux);
        for constraint in &self.constraints {
            let [a, b, c] = [&constraint.a, &constraint.b, &constraint.c]
                .map(|row| evaluate(row, &self.assignment));
            match constraint.kind {
                Kind::Product => values.product_values([a, b, c]),
                Kind::Power => values.power_values([a, c]),
            }
        }
        values
    }

    /// The hints in order; the other variables are inputs or have a constraint of their own.
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }

    /// Paths of all namespaces that hold constraints, as `outer/inner`.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The first constraint that an assignment of the same length does not satisfy.
    pub fn violated_by(&self, assignment: &[F]) -> Option<&Constraint<F>> {
        assert_eq!(assignment.len(), self.assignment.len());
        self.constraints
            .iter()
            .find(|constraint| !is_satisfied(constraint, assignment))
    }

    /// The first constraint that the recorded assignment does not satisfy.
    pub fn violated(&self) -> Option<&Constraint<F>> {
        self.violated_by(&self.assignment)
    }

    /// Whether constraint number `i` holds when `variable` has another value than recorded.
    pub fn holds_with(&self, i: usize, variable: usize, value: F) -> bool {
        let constraint = &self.constraints[i];
        let [a, b, c] = [&constraint.a, &constraint.b, &constraint.c].map(|row| {
            row.iter()
                .map(|(v, coefficient)| {
                    let value = if *v == variable {
                        value
                    } else {
                        self.assignment[*v]
                    };
                    value * coefficient
                })
                .sum::<F>()
        });
        constraint.kind.holds(a, b, c)
    }

    /// Whether all these constraints hold when `variable` has another value than recorded. With
    /// those of [`constraints_of_variables`](Self::constraints_of_variables): whether the variable
    /// alone can have it.
    pub fn all_hold_with(&self, constraints: &[usize], variable: usize, value: F) -> bool {
        let mut constraints = constraints.iter();
        constraints.all(|constraint| self.holds_with(*constraint, variable, value))
    }

    /// For each variable the constraints in which it stands.
    pub fn constraints_of_variables(&self) -> Vec<Vec<usize>> {
        let mut index = vec![vec![]; self.assignment.len()];
        for (i, constraint) in self.constraints.iter().enumerate() {
            let rows = [&constraint.a, &constraint.b, &constraint.c];
            for (variable, _) in rows.into_iter().flatten() {
                if index[*variable].last() != Some(&i) {
                    index[*variable].push(i);
                }
            }
        }
        index
    }

    /// What each namespace of the first `depth` levels costs, in order of their paths.
    pub fn costs(&self, depth: usize) -> BTreeMap<String, Cost> {
        let mut costs: BTreeMap<String, Cost> = BTreeMap::new();
        for constraint in &self.constraints {
            let path = &self.scopes[constraint.scope];
            let prefix: Vec<&str> = path.split('/').take(depth).collect();
            let cost = costs.entry(prefix.join("/")).or_default();
            cost.constraints += 1;
            cost.powers += usize::from(constraint.kind == Kind::Power);
            cost.entries += constraint.a.len() + constraint.b.len() + constraint.c.len();
        }
        costs
    }

    /// The cost of everything.
    pub fn total(&self) -> Cost {
        let mut total = Cost::default();
        for cost in self.costs(0).values() {
            total.constraints += cost.constraints;
            total.powers += cost.powers;
            total.entries += cost.entries;
        }
        total
    }

    fn number(&self, variable: Variable) -> usize {
        match variable.get_unchecked() {
            Index::Input(i) => self.inputs[i],
            Index::Aux(i) => self.aux[i],
        }
    }

    fn row(&self, lc: &LinearCombination<F>) -> Row<F> {
        lc.iter()
            .filter(|(_, coefficient)| **coefficient != F::ZERO)
            .map(|(variable, coefficient)| (self.number(variable), *coefficient))
            .collect()
    }

    fn push_value(&mut self, value: F) -> usize {
        self.assignment.push(value);
        self.assignment.len() - 1
    }

    fn enter(&mut self) {
        let path = self.stack.join("/");
        self.current = match self.scopes.iter().position(|scope| *scope == path) {
            Some(known) => known,
            None => {
                self.scopes.push(path);
                self.scopes.len() - 1
            }
        };
    }
}

fn evaluate<F: PrimeField>(row: &Row<F>, assignment: &[F]) -> F {
    row.iter()
        .map(|(variable, coefficient)| assignment[*variable] * coefficient)
        .sum()
}

fn is_satisfied<F: PrimeField>(constraint: &Constraint<F>, assignment: &[F]) -> bool {
    let [a, b, c] =
        [&constraint.a, &constraint.b, &constraint.c].map(|row| evaluate(row, assignment));
    constraint.kind.holds(a, b, c)
}

impl Kind {
    fn holds<F: PrimeField>(self, a: F, b: F, c: F) -> bool {
        match self {
            Kind::Product => a * b == c,
            Kind::Power => fifth(a) == c,
        }
    }
}

impl<F: PrimeField> Constraints<F> for Recorder<F> {
    fn has_powers(&self) -> bool {
        self.powers
    }

    fn enforce_power(
        &mut self,
        name: &'static str,
        l: LinearCombination<F>,
        o: LinearCombination<F>,
    ) {
        let constraint = Constraint {
            kind: Kind::Power,
            a: self.row(&l),
            b: vec![],
            c: self.row(&o),
            scope: self.current,
            name: name.into(),
        };
        self.constraints.push(constraint);
    }
}

impl<F: PrimeField> ConstraintSystem<F> for Recorder<F> {
    type Root = Self;

    fn alloc<V, A, AR>(&mut self, annotation: A, f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let number = self.push_value(f()?);
        if annotation().into() == HINT {
            self.hints.push(Hint {
                variable: number,
                scope: self.current,
            });
        }
        self.aux.push(number);
        Ok(Variable::new_unchecked(Index::Aux(self.aux.len() - 1)))
    }

    fn alloc_input<V, A, AR>(&mut self, _annotation: A, f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let number = self.push_value(f()?);
        self.inputs.push(number);
        Ok(Variable::new_unchecked(Index::Input(self.inputs.len() - 1)))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, annotation: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
        let constraint = Constraint {
            kind: Kind::Product,
            a: self.row(&a(LinearCombination::zero())),
            b: self.row(&b(LinearCombination::zero())),
            c: self.row(&c(LinearCombination::zero())),
            scope: self.current,
            name: annotation().into(),
        };
        self.constraints.push(constraint);
    }

    fn push_namespace<NR, N>(&mut self, name_fn: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
        self.stack.push(name_fn().into());
        self.enter();
    }

    fn pop_namespace(&mut self) {
        self.stack.pop();
        self.enter();
    }

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}
