//! Field elements inside a circuit.
//!
//! A [`Num`] is a value together with the linear combination of variables that it stands for.
//! Linear operations cost no constraint. While only a witness is being made the combinations are
//! not built at all.

use core::ops::{Add, Neg, Sub};
use std::collections::BTreeMap;

use ff::PrimeField;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{
    ConstraintSystem as _, Index, LinearCombination, SynthesisError, Variable,
};

use crate::constraints::{fifth, Constraints, Values};
use crate::recorder::HINT;
use crate::Fr;

/// Variables and their coefficients, sorted by variable, each variable once.
type Terms<F> = Vec<(Variable, F)>;

/// The variable that is always one.
const ONE: Variable = Variable(Index::Input(0));

fn order(variable: Variable) -> (bool, usize) {
    match variable.get_unchecked() {
        Index::Input(i) => (false, i),
        Index::Aux(i) => (true, i),
    }
}

/// `a + scale * b`.
fn combine<F: PrimeField>(a: &Terms<F>, b: &Terms<F>, scale: F) -> Terms<F> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match order(a[i].0).cmp(&order(b[j].0)) {
            core::cmp::Ordering::Less => {
                out.push(a[i]);
                i += 1;
            }
            core::cmp::Ordering::Greater => {
                out.push((b[j].0, scale * b[j].1));
                j += 1;
            }
            core::cmp::Ordering::Equal => {
                let sum = a[i].1 + scale * b[j].1;
                if sum != F::ZERO {
                    out.push((a[i].0, sum));
                }
                i += 1;
                j += 1;
            }
        }
    }
    out.extend_from_slice(&a[i..]);
    out.extend(b[j..].iter().map(|&(v, c)| (v, scale * c)));
    out
}

/// A linear combination of circuit variables and its value.
#[derive(Clone, Debug)]
pub struct Num<F: PrimeField = Fr> {
    value: F,
    /// `None`: only the witness is being made, and this is not a constant.
    terms: Option<Terms<F>>,
}

impl<F: PrimeField> Num<F> {
    /// The constant `value`.
    pub fn constant(value: F) -> Self {
        let terms = if value == F::ZERO {
            vec![]
        } else {
            vec![(ONE, value)]
        };
        Num {
            value,
            terms: Some(terms),
        }
    }

    /// The constant 0.
    pub fn zero() -> Self {
        Self::constant(F::ZERO)
    }

    /// The constant 1.
    pub fn one() -> Self {
        Self::constant(F::ONE)
    }

    /// A variable of a constraint system, with its value.
    pub fn from_variable(variable: Variable, value: F) -> Self {
        Num {
            value,
            terms: Some(vec![(variable, F::ONE)]),
        }
    }

    /// A variable of which only the value is wanted (no constraint will be recorded).
    pub fn from_value(value: F) -> Self {
        Num { value, terms: None }
    }

    /// The value under the current assignment.
    pub fn value(&self) -> F {
        self.value
    }

    /// The value, if no variable is involved.
    pub fn as_constant(&self) -> Option<F> {
        match &self.terms {
            Some(terms) if terms.iter().all(|(v, _)| *v == ONE) => Some(self.value),
            _ => None,
        }
    }

    /// `factor * self`.
    pub fn scale(&self, factor: F) -> Self {
        let terms = self.terms.as_ref().map(|terms| {
            if factor == F::ZERO {
                vec![]
            } else {
                terms.iter().map(|&(v, c)| (v, factor * c)).collect()
            }
        });
        // Zero times a variable is a constant in both modes.
        if factor == F::ZERO {
            return Num::zero();
        }
        Num {
            value: factor * self.value,
            terms,
        }
    }

    /// `self + scale * other`.
    pub fn add_scaled(&self, other: &Num<F>, scale: F) -> Self {
        if scale == F::ZERO {
            return self.clone();
        }
        let terms = match (&self.terms, &other.terms) {
            (Some(a), Some(b)) => Some(combine(a, b, scale)),
            _ => None,
        };
        Num {
            value: self.value + scale * other.value,
            terms,
        }
    }

    /// `self + c`.
    pub fn add_constant(&self, c: F) -> Self {
        self + &Num::constant(c)
    }

    /// `1 - self`.
    pub fn one_minus(&self) -> Self {
        &Num::one() - self
    }

    /// `sum_i weights_i * nums_i`.
    pub fn dot(nums: &[Num<F>], weights: &[F]) -> Self {
        let value = nums.iter().zip(weights).map(|(n, w)| n.value * w).sum();
        let terms: Option<Vec<&Terms<F>>> = nums.iter().map(|num| num.terms.as_ref()).collect();
        Num {
            value,
            terms: terms.map(|terms| sum_terms(&terms, weights)),
        }
    }

    /// `sum_i nums_i * 2^i` (least significant first).
    pub fn from_bits_le(bits: &[Bit<F>]) -> Self {
        let powers = core::iter::successors(Some(F::ONE), |power| Some(power.double()));
        let powers: Vec<F> = powers.take(bits.len()).collect();
        let nums: Vec<Num<F>> = bits.iter().map(|bit| bit.0.clone()).collect();
        Self::dot(&nums, &powers)
    }

    /// The variable, if this is exactly one with coefficient 1.
    pub(crate) fn variable(&self) -> Option<Variable> {
        match self.terms.as_deref() {
            Some([(variable, coefficient)]) if *coefficient == F::ONE => Some(*variable),
            _ => None,
        }
    }

    pub(crate) fn linear_combination(&self) -> LinearCombination<F> {
        let mut lc = LinearCombination::zero();
        for &(variable, coefficient) in self.terms.iter().flatten() {
            lc = lc + (coefficient, variable);
        }
        lc
    }
}

/// Sums by rounds of pairs, so that long sums of short combinations stay near linear.
fn sum_terms<F: PrimeField>(items: &[&Terms<F>], weights: &[F]) -> Terms<F> {
    let scaled = |(terms, weight): (&&Terms<F>, &F)| combine(&vec![], terms, *weight);
    let mut level: Vec<Terms<F>> = items.iter().zip(weights).map(scaled).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [a, b] => combine(a, b, F::ONE),
                rest => rest.concat(),
            })
            .collect();
    }
    level.pop().unwrap_or_default()
}

impl<F: PrimeField> Add for &Num<F> {
    type Output = Num<F>;

    fn add(self, other: &Num<F>) -> Num<F> {
        self.add_scaled(other, F::ONE)
    }
}

impl<F: PrimeField> Sub for &Num<F> {
    type Output = Num<F>;

    fn sub(self, other: &Num<F>) -> Num<F> {
        self.add_scaled(other, -F::ONE)
    }
}

impl<F: PrimeField> Neg for &Num<F> {
    type Output = Num<F>;

    fn neg(self) -> Num<F> {
        self.scale(-F::ONE)
    }
}

/// A [`Num<F>`] that the constraints make 0 or 1.
#[derive(Clone, Debug)]
pub struct Bit<F: PrimeField = Fr>(Num<F>);

impl<F: PrimeField> Bit<F> {
    /// The constant bit.
    pub fn constant(value: bool) -> Self {
        Bit(if value { Num::one() } else { Num::zero() })
    }

    /// Takes `num` for a bit. The caller has constrained it to 0 or 1 and says why at the call.
    pub(crate) fn assume(num: Num<F>) -> Self {
        Bit(num)
    }

    /// The value under the current assignment (a value other than 0 counts as true).
    pub fn value(&self) -> bool {
        self.0.value != F::ZERO
    }

    /// The bit as a number.
    pub fn num(&self) -> &Num<F> {
        &self.0
    }

    /// `1 - self`.
    pub fn not(&self) -> Bit<F> {
        Bit(self.0.one_minus())
    }

    /// `2 * self - 1`: the bit as a sign, false for -1 and true for 1.
    pub fn sign(&self) -> Num<F> {
        self.0.scale(F::from(2)).add_constant(-F::ONE)
    }
}

/// A constraint system being filled, with the operations that cost constraints.
///
/// Values flow through allocation: everything that is computed later is computed from the value
/// that a hint was given, so a test can replace one hint and see an assignment in which all that
/// follows is consistent with the replacement.
#[derive(Debug)]
pub struct Gadget<'a, CS: Constraints<F>, F: PrimeField = Fr> {
    cs: &'a mut CS,
    symbolic: bool,
    hints: Hints<F>,
    replacements: BTreeMap<usize, F>,
    violated: Option<&'static str>,
}

/// The hints' values: secret, as they are all of the prover's freedom.
#[derive(Default)]
struct Hints<F: PrimeField>(Vec<F>);

impl<F: PrimeField> Drop for Hints<F> {
    fn drop(&mut self) {
        self.0.fill(F::ZERO);
        // So that the writes are not dropped with the values.
        core::hint::black_box(&self.0);
    }
}

impl<F: PrimeField> core::fmt::Debug for Hints<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "<{} secret hints>", self.0.len())
    }
}

impl<'a, CS: Constraints<F>, F: PrimeField> Gadget<'a, CS, F> {
    /// Fills `cs`.
    pub fn new(cs: &'a mut CS) -> Self {
        let symbolic = !cs.is_witness_generator();
        Gadget {
            cs,
            symbolic,
            hints: Hints(vec![]),
            replacements: BTreeMap::new(),
            violated: None,
        }
    }

    /// Fills `cs`, giving the hints with these numbers (from 0) other values than the honest ones:
    /// what a prover does who leaves the honest path at some places and goes on.
    pub fn with_replacements(cs: &'a mut CS, replacements: &[(usize, F)]) -> Self {
        let mut gadget = Self::new(cs);
        gadget.replacements = replacements.iter().copied().collect();
        gadget
    }

    /// The values of all hints so far.
    pub fn hints(&self) -> &[F] {
        &self.hints.0
    }

    /// The first constraint that the values do not satisfy, a division by zero included (which
    /// may leave a constraint satisfied, and its quotient free).
    pub fn violated(&self) -> Option<&'static str> {
        self.violated
    }

    /// Runs `body` inside the namespace `name`.
    pub fn scope<R>(&mut self, name: &'static str, body: impl FnOnce(&mut Self) -> R) -> R {
        self.cs.get_root().push_namespace(|| name);
        let out = body(self);
        self.cs.get_root().pop_namespace();
        out
    }

    /// A hint: a new variable that the prover is free to choose until a constraint binds it.
    pub fn alloc(&mut self, honest: F) -> Num<F> {
        let replacement = self.replacements.get(&self.hints.0.len());
        let value = replacement.copied().unwrap_or(honest);
        self.hints.0.push(value);
        self.new_variable(HINT, value)
    }

    /// A new variable that the caller binds at once by a constraint with one solution.
    fn define(&mut self, value: F) -> Num<F> {
        self.new_variable("", value)
    }

    fn new_variable(&mut self, name: &'static str, value: F) -> Num<F> {
        let variable = self
            .cs
            .alloc(|| name, || Ok(value))
            .expect("the closure that gives the value cannot fail");
        if self.symbolic {
            Num::from_variable(variable, value)
        } else {
            Num::from_value(value)
        }
    }

    /// A new public input that is `a`; one constraint.
    pub fn publish(&mut self, a: &Num<F>) {
        let variable = self
            .cs
            .alloc_input(|| "", || Ok(a.value))
            .expect("the closure that gives the value cannot fail");
        let input = if self.symbolic {
            Num::from_variable(variable, a.value)
        } else {
            Num::from_value(a.value)
        };
        self.enforce_equal("public input = a", &input, a);
    }

    /// A new public input with this value.
    pub fn alloc_input(&mut self, value: F) -> Num<F> {
        let variable = self
            .cs
            .alloc_input(|| "", || Ok(value))
            .expect("the closure that gives the value cannot fail");
        if self.symbolic {
            Num::from_variable(variable, value)
        } else {
            Num::from_value(value)
        }
    }

    /// The constraint system, for gadgets that are written for it.
    pub fn cs(&mut self) -> &mut CS {
        self.cs
    }

    /// Takes over a variable of a gadget that is not written with this one. Where only the
    /// constraints are wanted it may have no value, and any will do.
    ///
    /// # Errors
    /// When it has no value, and the witness is being made.
    pub fn adopt(&self, number: &AllocatedNum<F>) -> Result<Num<F>, SynthesisError> {
        if self.symbolic {
            let value = number.get_value().unwrap_or(F::ZERO);
            return Ok(Num::from_variable(number.get_variable(), value));
        }
        let value = number.get_value();
        Ok(Num::from_value(
            value.ok_or(SynthesisError::AssignmentMissing)?,
        ))
    }

    /// A variable equal to `a` for such gadgets; one constraint. (While only the witness is made,
    /// its number means nothing: those gadgets look at the value alone.)
    pub fn export(&mut self, a: &Num<F>) -> AllocatedNum<F> {
        let variable = self
            .cs
            .alloc(|| "", || Ok(a.value))
            .expect("the closure that gives the value cannot fail");
        let copy = if self.symbolic {
            Num::from_variable(variable, a.value)
        } else {
            Num::from_value(a.value)
        };
        self.enforce_equal("copy = a", &copy, a);
        AllocatedNum::from_parts(variable, Some(a.value))
    }

    /// `a * b = c`.
    pub fn enforce(&mut self, name: &'static str, a: &Num<F>, b: &Num<F>, c: &Num<F>) {
        if a.value * b.value != c.value {
            self.violated.get_or_insert(name);
        }
        if self.symbolic {
            self.cs.enforce(
                || name,
                |_| a.linear_combination(),
                |_| b.linear_combination(),
                |_| c.linear_combination(),
            );
        } else {
            self.cs.product_values([a.value, b.value, c.value]);
        }
    }

    /// `x^5`: one constraint where there are power rows, three otherwise, none of a constant.
    pub fn fifth_power(&mut self, x: &Num<F>) -> Num<F> {
        if let Some(x) = x.as_constant() {
            return Num::constant(fifth(x));
        }
        if !self.cs.has_powers() {
            let x2 = self.mul(x, x);
            let x4 = self.mul(&x2, &x2);
            return self.mul(&x4, x);
        }
        let power = self.define(fifth(x.value));
        if self.symbolic {
            let (l, o) = (x.linear_combination(), power.linear_combination());
            self.cs.enforce_power("x^5 = power", l, o);
        } else {
            self.cs.power_values([x.value, power.value]);
        }
        power
    }

    /// Whether only values are made: no combinations, no constraints.
    pub fn makes_values(&self) -> bool {
        !self.symbolic
    }

    /// Takes over the variables and rows of a part that was made before, but not its hints. Says no
    /// where constraints are wanted, or hints are replaced.
    pub fn append(&mut self, part: &Values<F>) -> bool {
        self.replacements.is_empty() && self.cs.append(part)
    }

    /// Variables so far that are not public inputs, where the constraint system counts them.
    pub fn variables(&self) -> Option<usize> {
        self.cs.variables()
    }

    /// `a = b`.
    pub fn enforce_equal(&mut self, name: &'static str, a: &Num<F>, b: &Num<F>) {
        self.enforce(name, &(a - b), &Num::one(), &Num::zero());
    }

    /// A new variable equal to `a`; one constraint.
    pub fn materialize(&mut self, a: &Num<F>) -> Num<F> {
        let copy = self.define(a.value);
        self.enforce_equal("copy = a", &copy, a);
        copy
    }

    /// `a * b`, one constraint (none if one of them is constant).
    pub fn mul(&mut self, a: &Num<F>, b: &Num<F>) -> Num<F> {
        if let Some(c) = a.as_constant() {
            return b.scale(c);
        }
        if let Some(c) = b.as_constant() {
            return a.scale(c);
        }
        let product = self.define(a.value * b.value);
        self.enforce("a * b = product", a, b, &product);
        product
    }

    /// `a * b - c`, one constraint. Unlike a product less c it is one variable, so combinations do
    /// not grow along a chain of them.
    pub fn mul_sub(&mut self, a: &Num<F>, b: &Num<F>, c: &Num<F>) -> Num<F> {
        let difference = self.define(a.value * b.value - c.value);
        self.enforce("a * b = difference + c", a, b, &(&difference + c));
        difference
    }

    /// `a / b`, one constraint. The caller shows that `b` is never 0: if it were, the quotient
    /// would be free (`a = 0`) or missing (`a != 0`).
    pub fn div_nonzero(&mut self, a: &Num<F>, b: &Num<F>) -> Num<F> {
        let inverse = Option::<F>::from(b.value.invert());
        if inverse.is_none() {
            self.violated.get_or_insert("no division by zero");
        }
        let quotient = self.define(a.value * inverse.unwrap_or(F::ZERO));
        self.enforce("quotient * b = a", &quotient, b, a);
        quotient
    }

    /// A new bit.
    pub fn alloc_bit(&mut self, value: bool) -> Bit<F> {
        let bit = self.alloc(F::from(u64::from(value)));
        self.enforce("bit * (1 - bit) = 0", &bit, &bit.one_minus(), &Num::zero());
        Bit(bit)
    }

    /// `condition ? when_true : when_false`, one constraint.
    pub fn select(
        &mut self,
        condition: &Bit<F>,
        when_true: &Num<F>,
        when_false: &Num<F>,
    ) -> Num<F> {
        let step = self.mul(condition.num(), &(when_true - when_false));
        when_false + &step
    }

    /// `a AND b`.
    pub fn and(&mut self, a: &Bit<F>, b: &Bit<F>) -> Bit<F> {
        // A product of bits is a bit.
        Bit(self.mul(a.num(), b.num()))
    }

    /// `a OR b`, as `1 - (1 - a)(1 - b)`.
    pub fn or(&mut self, a: &Bit<F>, b: &Bit<F>) -> Bit<F> {
        self.and(&a.not(), &b.not()).not()
    }

    /// All of `bits`.
    pub fn all(&mut self, bits: &[&Bit<F>]) -> Bit<F> {
        let mut all = Bit::constant(true);
        for bit in bits {
            all = self.and(&all, bit);
        }
        all
    }

    /// Whether `a = 0`; three constraints. `a * inverse = 1 - zero`, `a * zero = 0`, and
    /// `inverse * zero = 0` so that no variable is left free.
    pub fn is_zero(&mut self, a: &Num<F>) -> Bit<F> {
        let inverse_value = Option::<F>::from(a.value.invert()).unwrap_or(F::ZERO);
        let inverse = self.alloc(inverse_value);
        let zero = self.alloc(F::from(u64::from(a.value == F::ZERO)));
        self.enforce("a * inverse = 1 - zero", a, &inverse, &zero.one_minus());
        self.enforce("a * zero = 0", a, &zero, &Num::zero());
        self.enforce("inverse * zero = 0", &inverse, &zero, &Num::zero());
        // The first two leave 0 for a nonzero a and 1 for a = 0.
        Bit(zero)
    }

    /// Whether `a = b`.
    pub fn is_equal(&mut self, a: &Num<F>, b: &Num<F>) -> Bit<F> {
        self.is_zero(&(a - b))
    }
}
