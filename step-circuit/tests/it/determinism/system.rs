//! A recorded constraint system as the analysis reads it.

use std::collections::BTreeMap;

use ff::{Field, PrimeField};
use maci_nova_step_circuit::recorder::{self, Kind, Recorder};
use maci_nova_step_circuit::Fr;
use num_bigint::BigUint;

/// The variable that is always one.
pub const ONE: usize = 0;

/// Variables and their coefficients: sorted, each variable once, no coefficient 0.
pub type Row = Vec<(usize, Fr)>;

/// `a * b = c`, or `a^5 = c`.
pub struct Constraint {
    pub kind: Kind,
    pub a: Row,
    pub b: Row,
    pub c: Row,
    /// All of its variables but the constant one, each once.
    pub variables: Vec<usize>,
    /// Where it stands, index into [`System::places`].
    pub place: usize,
}

/// The path of the innermost namespace of a constraint, and what the constraint says.
pub type Place = (String, String);

/// Which hints of a namespace are given: the analysis shows that everything else follows from them.
#[derive(Clone, Copy)]
pub enum Which {
    All,
    /// Those that no constraint makes a bit.
    Elements,
    /// The first so many.
    First(usize),
}

/// Constraints, and what is given.
pub struct System {
    pub constraints: Vec<Constraint>,
    /// For each variable the constraints in which it stands.
    pub touching: Vec<Vec<usize>>,
    pub places: Vec<Place>,
    /// Whether a variable is given: the constant one, the inputs, and the hints that were named.
    pub given: Vec<bool>,
    /// The hints that are given in each namespace.
    pub given_hints: BTreeMap<String, Vec<usize>>,
}

impl System {
    /// The first `inputs` variables after the constant one are given, and the hints of `rules`.
    pub fn new(recorder: &Recorder, inputs: usize, rules: &[(&str, Which)]) -> Self {
        let mut places: BTreeMap<Place, usize> = BTreeMap::new();
        let mut constraints = Vec::with_capacity(recorder.constraints().len());
        for constraint in recorder.constraints() {
            let scope = recorder.scopes()[constraint.scope].clone();
            let next = places.len();
            let place = *places
                .entry((scope, constraint.name.clone()))
                .or_insert(next);
            constraints.push(Constraint::new(constraint, place));
        }
        let variables = recorder.assignment().len();
        let mut by_number = vec![(String::new(), String::new()); places.len()];
        for (place, number) in places {
            by_number[number] = place;
        }
        let mut system = System {
            touching: touching(&constraints, variables),
            constraints,
            places: by_number,
            given: (0..variables).map(|variable| variable <= inputs).collect(),
            given_hints: BTreeMap::new(),
        };
        for (scope, which) in rules {
            system.give(recorder, scope, *which);
        }
        system
    }

    fn give(&mut self, recorder: &Recorder, scope: &str, which: Which) {
        let hints = recorder.hints().iter();
        let of_scope = hints.filter(|hint| recorder.scopes()[hint.scope] == scope);
        let hints: Vec<usize> = of_scope.map(|hint| hint.variable).collect();
        let chosen: Vec<usize> = match which {
            Which::All => hints,
            Which::First(count) => hints.into_iter().take(count).collect(),
            Which::Elements => hints.into_iter().filter(|v| !self.is_bit(*v)).collect(),
        };
        for variable in &chosen {
            self.given[*variable] = true;
        }
        self.given_hints.insert(scope.to_owned(), chosen);
    }

    fn is_bit(&self, variable: usize) -> bool {
        let mut touching = self.touching[variable].iter();
        touching.any(|k| self.constraints[*k].is_bit_of() == Some(variable))
    }

    /// Gives variables a value: all that follows by constraints which become linear is put in for
    /// the variables that it is about, and those constraints go.
    ///
    /// # Panics
    /// When a constraint becomes false.
    pub fn fix(&mut self, values: &[(usize, Fr)]) {
        let was_linear: Vec<bool> = self
            .constraints
            .iter()
            .map(|constraint| constraint.linear().is_some())
            .collect();
        let mut changed = vec![];
        for (variable, value) in values {
            let row = sorted(&[(ONE, *value)]);
            changed.extend(self.put_in(*variable, &row));
        }
        while let Some(k) = changed.pop() {
            let linear = self.constraints[k].linear().filter(|_| !was_linear[k]);
            if let Some((variable, row)) = linear.and_then(|row| solve(&row)) {
                for variable in &self.constraints[k].variables {
                    self.touching[*variable].retain(|other| *other != k);
                }
                self.constraints[k].clear();
                changed.extend(self.put_in(variable, &row));
            }
        }
        // Where variables have cancelled, constraints are listed in which they no longer stand.
        self.touching = touching(&self.constraints, self.given.len());
    }

    /// Puts a row in for a variable; the constraints in which it stood.
    fn put_in(&mut self, variable: usize, row: &Row) -> Vec<usize> {
        let touched = core::mem::take(&mut self.touching[variable]);
        for k in &touched {
            self.constraints[*k].replace(variable, row);
            for (other, _) in row.iter().filter(|(other, _)| *other != ONE) {
                if !self.touching[*other].contains(k) {
                    self.touching[*other].push(*k);
                }
            }
        }
        touched
    }

    /// The place of a constraint.
    pub fn place(&self, constraint: usize) -> &Place {
        &self.places[self.constraints[constraint].place]
    }
}

/// For each variable the constraints in which it stands.
fn touching(constraints: &[Constraint], variables: usize) -> Vec<Vec<usize>> {
    let mut touching = vec![vec![]; variables];
    for (k, constraint) in constraints.iter().enumerate() {
        for variable in &constraint.variables {
            touching[*variable].push(k);
        }
    }
    touching
}

impl Constraint {
    fn new(recorded: &recorder::Constraint, place: usize) -> Self {
        let [a, b, c] = [&recorded.a, &recorded.b, &recorded.c].map(|row| sorted(row));
        let variables = variables([&a, &b, &c]);
        Constraint {
            kind: recorded.kind,
            a,
            b,
            c,
            variables,
            place,
        }
    }

    fn replace(&mut self, variable: usize, row: &Row) {
        for own in [&mut self.a, &mut self.b, &mut self.c] {
            *own = replaced(own, variable, row);
        }
        self.variables = variables([&self.a, &self.b, &self.c]);
    }

    /// Makes it say nothing.
    fn clear(&mut self) {
        (self.a, self.b, self.c, self.variables) = (vec![], vec![], vec![], vec![]);
    }

    /// The variable v, if this is `v (1 - v) = 0`.
    pub fn is_bit_of(&self) -> Option<usize> {
        match self.implication() {
            Some((a, b)) if a == b => Some(a),
            _ => None,
        }
    }

    /// The variables x and y, if this is `x (1 - y) = 0`: of bits, x implies y.
    pub fn implication(&self) -> Option<(usize, usize)> {
        if self.kind != Kind::Product {
            return None;
        }
        let x = single(&self.a)?;
        match self.b.as_slice() {
            [(ONE, one), (y, minus)] if *one == Fr::ONE && *minus == -Fr::ONE => {
                self.c.is_empty().then_some((x, *y))
            }
            _ => None,
        }
    }

    /// The combination that this makes 0, if one of its factors is constant, or what it raises.
    pub fn linear(&self) -> Option<Row> {
        let raised = [(ONE, constant(&self.a).unwrap_or(Fr::ZERO).pow_vartime([5]))];
        let (row, factor) = match (self.kind, constant(&self.a), constant(&self.b)) {
            (Kind::Power, Some(_), _) => (raised.as_slice(), Fr::ONE),
            (Kind::Product, _, Some(factor)) => (self.a.as_slice(), factor),
            (Kind::Product, Some(factor), None) => (self.b.as_slice(), factor),
            (Kind::Power, None, _) | (Kind::Product, None, None) => return None,
        };
        let scaled = row.iter().map(|(v, c)| (*v, *c * factor));
        let negated = self.c.iter().map(|(v, c)| (*v, -c));
        Some(sorted(&scaled.chain(negated).collect::<Vec<_>>()))
    }
}

fn sorted(row: &[(usize, Fr)]) -> Row {
    let mut sums: Row = Vec::with_capacity(row.len());
    let mut entries = row.to_vec();
    entries.sort_by_key(|(variable, _)| *variable);
    for (variable, coefficient) in entries {
        match sums.last_mut() {
            Some((last, sum)) if *last == variable => *sum += coefficient,
            _ => sums.push((variable, coefficient)),
        }
    }
    sums.retain(|(_, coefficient)| *coefficient != Fr::ZERO);
    sums
}

/// The row with another one in place of a variable.
fn replaced(row: &Row, variable: usize, by: &Row) -> Row {
    let factor = coefficient(row, variable);
    if factor == Fr::ZERO {
        return row.clone();
    }
    let rest = row.iter().copied().filter(|(v, _)| *v != variable);
    let scaled = by.iter().map(|(v, c)| (*v, *c * factor));
    sorted(&rest.chain(scaled).collect::<Vec<_>>())
}

/// The last variable of `row = 0` by the others; none if there is no variable.
fn solve(row: &Row) -> Option<(usize, Row)> {
    let (last, rest) = row.split_last()?;
    assert_ne!(last.0, ONE, "a constraint is false");
    let inverse = -Option::<Fr>::from(last.1.invert()).expect("no coefficient is 0");
    Some((
        last.0,
        rest.iter().map(|(v, c)| (*v, *c * inverse)).collect(),
    ))
}

/// The variables of rows but the constant one, each once.
pub fn variables<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Vec<usize> {
    let entries = rows.into_iter().flatten();
    let mut all: Vec<usize> = entries.map(|(v, _)| *v).filter(|v| *v != ONE).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The value of a row without variables.
pub fn constant(row: &Row) -> Option<Fr> {
    match row.as_slice() {
        [] => Some(Fr::ZERO),
        [(ONE, value)] => Some(*value),
        _ => None,
    }
}

/// The variable of a row that is exactly one, with coefficient 1.
pub fn single(row: &Row) -> Option<usize> {
    match row.as_slice() {
        [(variable, coefficient)] if *variable != ONE && *coefficient == Fr::ONE => Some(*variable),
        _ => None,
    }
}

/// The coefficient of a variable in a row.
pub fn coefficient(row: &Row, variable: usize) -> Fr {
    row.binary_search_by_key(&variable, |(v, _)| *v)
        .map_or(Fr::ZERO, |at| row[at].1)
}

/// `1 - sum of variables`, which are in increasing order.
pub fn one_minus(variables: &[usize]) -> Row {
    let negated = variables.iter().map(|variable| (*variable, -Fr::ONE));
    [(ONE, Fr::ONE)].into_iter().chain(negated).collect()
}

/// The integer in `[0, r)` that an element is.
pub fn integer(element: &Fr) -> BigUint {
    BigUint::from_bytes_le(element.to_repr().as_ref())
}

/// r.
pub fn modulus() -> BigUint {
    integer(&-Fr::ONE) + 1u8
}
