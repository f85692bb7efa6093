//! Groups of constraints that determine variables together, found by their form. A name of a
//! constraint is never looked at: what counts is what the constraints say. All are products.

use std::collections::BTreeMap;

use num_bigint::BigUint;

use crate::determinism::system::{
    coefficient, constant, integer, modulus, one_minus, single, variables, Constraint, Row, System,
    ONE,
};
use ff::Field;
use maci_nova_step_circuit::recorder::Kind;
use maci_nova_step_circuit::Fr;

/// All structures of a system from which one constraint may have been taken.
pub struct Structures<'a> {
    system: &'a System,
    removed: Option<usize>,
    /// For each variable the constraint that makes it a bit.
    pub bit: Vec<Option<usize>>,
    pub zero_tests: Vec<ZeroTest>,
    pub comparisons: Vec<Comparison>,
}

/// Whether `a = 0`: `a * inverse = 1 - zero`, `a * zero = 0`, `inverse * zero = 0`.
///
/// If a is not 0, the second makes zero 0 and the first gives the inverse. If a is 0, the first
/// makes zero 1 and the third makes the inverse 0.
pub struct ZeroTest {
    pub needs: Vec<usize>,
    pub gives: [usize; 2],
    pub members: [usize; 3],
}

/// The highest of the differences `d_1, .., d_m` that is not 0, by one bit n_j for each:
/// ```text
/// (1 - n_1 - .. - n_j) d_j = 0,  any = n_1 + .. + n_m,  any (1 - any) = 0,
/// D = n_1 d_1 + .. + n_m d_m,    D inverse = any,       inverse (1 - any) = 0
/// ```
/// If all differences are 0, so is D: no bit is set (the fifth) and the inverse is 0. Otherwise a
/// bit is set, or all differences were 0; exactly one is, say n_k. Then all before d_k are 0 and,
/// by the fifth, d_k is not: k is unique, and the inverse is that of d_k.
pub struct Comparison {
    pub needs: Vec<usize>,
    /// The bits and the inverse.
    pub gives: Vec<usize>,
    /// All but the products `n_j d_j`, which determine a variable each.
    pub members: Vec<usize>,
    /// Highest first.
    differences: Vec<Row>,
    /// The products `n_j d_j`.
    parts: Vec<usize>,
}

/// Bits that a linear constraint determines together once the rest of it is known.
pub struct Digits {
    pub members: Vec<usize>,
    pub kind: DigitKind,
}

/// How bits are unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DigitKind {
    /// Each bit's weight is above the sum of those below; all together are below r.
    Bits,
    /// As bits, but digits: bits of one weight of which each implies the one before.
    Position,
    /// 254 bits whose integer a comparison shows to be below r.
    Canonical,
}

impl<'a> Structures<'a> {
    pub fn find(system: &'a System, removed: Option<usize>) -> Self {
        let mut structures = Structures {
            system,
            removed,
            bit: vec![None; system.touching.len()],
            zero_tests: vec![],
            comparisons: vec![],
        };
        for (k, constraint) in structures.present() {
            if let Some(variable) = constraint.is_bit_of() {
                structures.bit[variable].get_or_insert(k);
            }
        }
        for (k, constraint) in structures.present() {
            let zero_test = structures.zero_test(k, constraint);
            structures.zero_tests.extend(zero_test);
            let comparison = structures.comparison(k, constraint);
            structures.comparisons.extend(comparison);
        }
        structures
    }

    /// The products. (A power has no row b: read as a product it would say something else.)
    fn present(&self) -> impl Iterator<Item = (usize, &'a Constraint)> {
        let (constraints, removed) = (&self.system.constraints, self.removed);
        let all = constraints.iter().enumerate();
        all.filter(move |(k, c)| Some(*k) != removed && c.kind == Kind::Product)
    }

    /// The product with this variable and form.
    fn beside(&self, variable: usize, form: impl Fn(&Constraint) -> bool) -> Option<usize> {
        let mut touching = self.system.touching[variable].iter().copied();
        touching.find(|k| {
            let constraint = &self.system.constraints[*k];
            Some(*k) != self.removed && constraint.kind == Kind::Product && form(constraint)
        })
    }

    fn zero_test(&self, k: usize, constraint: &Constraint) -> Option<ZeroTest> {
        let Constraint { a, b, c, .. } = constraint;
        let inverse = single(b)?;
        let [(ONE, _), (zero, _)] = c.as_slice() else {
            return None;
        };
        if *c != one_minus(&[*zero]) || constant(a).is_some() || inverse == *zero {
            return None;
        }
        let of_zero = |row: &Row| single(row) == Some(*zero);
        let second = self.beside(*zero, |other| {
            other.a == *a && of_zero(&other.b) && other.c.is_empty()
        })?;
        let third = self.beside(inverse, |other| {
            single(&other.a) == Some(inverse) && of_zero(&other.b) && other.c.is_empty()
        })?;
        Some(ZeroTest {
            needs: variables([a]),
            gives: [inverse, *zero],
            members: [k, second, third],
        })
    }

    /// `at_most` is `any (1 - any) = 0`.
    fn comparison(&self, at_most: usize, constraint: &Constraint) -> Option<Comparison> {
        let any = &constraint.a;
        let names: Vec<usize> = any.iter().map(|(variable, _)| *variable).collect();
        let is_sum = any.iter().all(|(v, c)| *v != ONE && *c == Fr::ONE);
        let none = one_minus(&names);
        if names.len() < 2 || !is_sum || constraint.b != none || !constraint.c.is_empty() {
            return None;
        }
        let constraints = &self.system.constraints;
        let named = self.beside(names[0], |other| {
            other.c == *any && single(&other.b).is_some()
        })?;
        let inverse = single(&constraints[named].b)?;
        let unnamed = self.beside(inverse, |other| {
            single(&other.a) == Some(inverse) && other.b == none && other.c.is_empty()
        })?;
        let mut members = vec![at_most, named, unnamed];
        let (mut differences, mut parts) = (vec![], vec![]);
        for (j, name) in names.iter().enumerate() {
            let equal_above = one_minus(&names[..=j]);
            let prefix =
                self.beside(*name, |other| other.a == equal_above && other.c.is_empty())?;
            let difference = &constraints[prefix].b;
            let product = self.beside(*name, |other| {
                single(&other.a) == Some(*name)
                    && other.b == *difference
                    && single(&other.c).is_some()
            })?;
            members.extend([self.bit[*name]?, prefix]);
            differences.push(difference.clone());
            parts.push(single(&constraints[product].c)?);
        }
        let mut sum: Row = parts.iter().map(|part| (*part, Fr::ONE)).collect();
        sum.sort_by_key(|(variable, _)| *variable);
        let needs = variables(&differences);
        let own = |variable: &usize| names.contains(variable) || *variable == inverse;
        if constraints[named].a != sum || needs.iter().any(own) {
            return None;
        }
        Some(Comparison {
            needs,
            gives: names.into_iter().chain([inverse]).collect(),
            members,
            differences,
            parts,
        })
    }

    /// How a linear constraint determines those of its variables that are unknown.
    pub fn digits(&self, constraint: usize, unknown: impl Fn(usize) -> bool) -> Option<Digits> {
        let row = self.system.constraints[constraint].linear()?;
        let unknown: Row = row.into_iter().filter(|(v, _)| unknown(*v)).collect();
        let mut members = vec![constraint];
        for (variable, _) in &unknown {
            members.push(self.bit[*variable]?);
        }
        // The sum is that of the bits, or its negative.
        [Fr::ONE, -Fr::ONE].into_iter().find_map(|sign| {
            let mut weights: BTreeMap<BigUint, Vec<usize>> = BTreeMap::new();
            for (variable, coefficient) in &unknown {
                let weight = integer(&(*coefficient * sign));
                weights.entry(weight).or_default().push(*variable);
            }
            let (kind, further) = self.unique(&weights)?;
            let members = members.iter().copied().chain(further).collect();
            Some(Digits { members, kind })
        })
    }

    /// Why no two choices of bits have the same sum, and what shows it besides.
    fn unique(&self, weights: &BTreeMap<BigUint, Vec<usize>>) -> Option<(DigitKind, Vec<usize>)> {
        let mut largest_sum = BigUint::ZERO;
        let mut kind = DigitKind::Bits;
        let mut members = vec![];
        for (weight, digit) in weights {
            if *weight <= largest_sum {
                return None;
            }
            if digit.len() > 1 {
                kind = DigitKind::Position;
                members.extend(self.ordered(digit)?);
            }
            largest_sum += weight * digit.len();
        }
        if largest_sum < modulus() {
            return Some((kind, members));
        }
        let bits: Option<Vec<usize>> = weights.values().map(|digit| only(digit)).collect();
        let bits = bits?;
        let are_powers = weights.keys().enumerate();
        let are_powers = { are_powers }.all(|(i, weight)| *weight == BigUint::from(1u8) << i);
        let mut comparisons = self.comparisons.iter();
        let shown = comparisons.find_map(|comparison| self.below_modulus(comparison, &bits));
        (are_powers && bits.len() == 254 && kind == DigitKind::Bits)
            .then_some((DigitKind::Canonical, shown?))
    }

    /// Implications that order the bits: each but one implies the next lower, so the number that
    /// are set says which.
    fn ordered(&self, digit: &[usize]) -> Option<Vec<usize>> {
        let mut members = vec![];
        let mut order: Vec<usize> = vec![];
        // The highest is implied by no other.
        for _ in digit {
            let rest = digit.iter().filter(|variable| !order.contains(variable));
            let free = |variable: &&usize| match order.last() {
                Some(last) => self.implies(*last, **variable).is_some(),
                None => !digit
                    .iter()
                    .any(|other| other != *variable && self.implies(*other, **variable).is_some()),
            };
            let next = *{ rest }.find(free)?;
            members.extend(order.last().and_then(|last| self.implies(*last, next)));
            order.push(next);
        }
        Some(members)
    }

    fn implies(&self, x: usize, y: usize) -> Option<usize> {
        self.beside(x, |constraint| constraint.implication() == Some((x, y)))
    }

    /// The constraint that makes the integer of `bits` be below r, if this comparison is with r:
    /// its differences are chunks of the bits less those of r, D + 2^w has w + 1 bits for chunks of
    /// at most w bits, and the highest of them, D's sign, is made 0. Then D is negative, so the
    /// integer is below r.
    fn below_modulus(&self, comparison: &Comparison, bits: &[usize]) -> Option<Vec<usize>> {
        let mut bound = BigUint::ZERO;
        let mut at = 0;
        let mut widest = 0;
        for difference in comparison.differences.iter().rev() {
            let (width, chunk) = chunk(difference, &bits[at..])?;
            bound += chunk << at;
            at += width;
            widest = widest.max(width);
        }
        if at != bits.len() || bound != modulus() {
            return None;
        }
        let sign_of =
            |constraint: &Constraint| self.sign_bit(constraint, &comparison.parts, widest);
        let sum = self.beside(comparison.parts[0], |other| sign_of(other).is_some())?;
        let sign = sign_of(&self.system.constraints[sum])?;
        Some(vec![self.made_zero(sign)?])
    }

    /// The highest of `width + 1` bits whose integer is `sum of parts + 2^width`.
    fn sign_bit(&self, constraint: &Constraint, parts: &[usize], width: usize) -> Option<usize> {
        let row = constraint.linear()?;
        let power = Fr::from(2).pow_vartime([width as u64]);
        if parts
            .iter()
            .any(|part| coefficient(&row, *part) != -Fr::ONE)
            || coefficient(&row, ONE) != -power
        {
            return None;
        }
        let rest = row.iter().filter(|(v, _)| *v != ONE && !parts.contains(v));
        let mut bits: Vec<(BigUint, usize)> = rest.map(|(v, c)| (integer(c), *v)).collect();
        bits.sort();
        let mut numbered = bits.iter().enumerate();
        let is_integer =
            numbered.all(|(i, (c, v))| *c == BigUint::from(1u8) << i && self.bit[*v].is_some());
        (is_integer && bits.len() == width + 1).then(|| bits[width].1)
    }

    /// The constraint that says `variable = 0`.
    fn made_zero(&self, variable: usize) -> Option<usize> {
        self.beside(variable, |constraint| {
            constraint.variables == [variable]
                && constraint
                    .linear()
                    .is_some_and(|row| matches!(row.as_slice(), [(v, _)] if *v == variable))
        })
    }
}

/// The width and the constant of `sum of bits 2^i - constant`, for the first of `bits`.
fn chunk(difference: &Row, bits: &[usize]) -> Option<(usize, BigUint)> {
    let own: Vec<&(usize, Fr)> = difference.iter().filter(|(v, _)| *v != ONE).collect();
    let width = own.len();
    if width == 0 || width > bits.len() {
        return None;
    }
    let mut power = Fr::ONE;
    for bit in &bits[..width] {
        if coefficient(difference, *bit) != power {
            return None;
        }
        power = power.double();
    }
    let constant = integer(&-coefficient(difference, ONE));
    (constant.bits() <= width as u64).then_some((width, constant))
}

fn only(digit: &[usize]) -> Option<usize> {
    match digit {
        [variable] => Some(*variable),
        _ => None,
    }
}
