//! What circuits are filled into: constraint systems with rows of two kinds.
//!
//! ```text
//! product:  <a, z> <b, z> = <c, z>          power:  <l, z>^5 = <o, z>
//! ```
//! A power row is Poseidon's S-box in one row and one variable. Systems that have only products,
//! among them all of the proving library's, get three of these instead.

use ff::PrimeField;
use nova_snark::frontend::shape_cs::ShapeCS;
use nova_snark::frontend::util_cs::witness_cs::WitnessCS;
use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use nova_snark::traits::Engine;

use crate::secret::Secret;

/// A constraint system that may have power rows.
pub trait Constraints<F: PrimeField>: ConstraintSystem<F> {
    /// Whether fifth powers have rows of their own. Constant for a system.
    fn has_powers(&self) -> bool {
        false
    }

    /// Adds the row `l^5 = o`. Only called where [`has_powers`](Self::has_powers) says that there
    /// are such rows, and where constraints are wanted.
    fn enforce_power(
        &mut self,
        name: &'static str,
        l: LinearCombination<F>,
        o: LinearCombination<F>,
    ) {
        // Products that say the same would need variables that nobody has allocated.
        let _ = (l, o);
        unreachable!("no power rows here: {name}");
    }

    /// Told of each product row in order, where only values are made.
    fn product_values(&mut self, _values: [F; 3]) {}

    /// Told of each power row in order, where only values are made: l and o.
    fn power_values(&mut self, _values: [F; 2]) {}

    /// Takes over a part that was made before, if it can.
    fn append(&mut self, _part: &Values<F>) -> bool {
        false
    }

    /// Variables so far that are not public inputs, where they are counted.
    fn variables(&self) -> Option<usize> {
        None
    }
}

impl<F: PrimeField> Constraints<F> for WitnessCS<F> {}
impl<E: Engine> Constraints<E::Scalar> for ShapeCS<E> {}

/// `x^5`.
pub fn fifth<F: PrimeField>(x: F) -> F {
    x.square().square() * x
}

/// Any constraint system, with products only. It is told of no row's values.
#[derive(Debug)]
pub struct Plain<'a, CS>(pub &'a mut CS);

impl<F: PrimeField, CS: ConstraintSystem<F>> Constraints<F> for Plain<'_, CS> {}

impl<F: PrimeField, CS: ConstraintSystem<F>> ConstraintSystem<F> for Plain<'_, CS> {
    type Root = Self;

    fn alloc<V, A, AR>(&mut self, annotation: A, f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.0.alloc(annotation, f)
    }

    fn alloc_input<V, A, AR>(&mut self, annotation: A, f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.0.alloc_input(annotation, f)
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, annotation: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
        self.0.enforce(annotation, a, b, c);
    }

    fn push_namespace<NR, N>(&mut self, name_fn: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
        self.0.get_root().push_namespace(name_fn);
    }

    fn pop_namespace(&mut self) {
        self.0.get_root().pop_namespace();
    }

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }

    fn is_witness_generator(&self) -> bool {
        self.0.is_witness_generator()
    }
}

/// The values of a circuit's variables and rows: secret, overwritten when dropped.
///
/// A linear map of the variables' values is a linear map of the rows' values, so whoever folds
/// assignments folds these along and multiplies with no matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values<F: PrimeField> {
    powers: bool,
    /// The public inputs, without the constant one.
    pub inputs: Secret<F>,
    /// All other variables.
    pub witness: Secret<F>,
    /// `<a, z>`, `<b, z>` and `<c, z>` of each product row.
    pub products: [Secret<F>; 3],
    /// `<l, z>` and `<o, z>` of each power row.
    pub fifths: [Secret<F>; 2],
}

impl<F: PrimeField> Values<F> {
    /// Of a circuit with power rows.
    pub fn with_powers() -> Self {
        Values {
            powers: true,
            ..Self::default()
        }
    }

    /// Of a circuit with products only.
    pub fn plain() -> Self {
        Self::default()
    }
}

impl<F: PrimeField> Constraints<F> for Values<F> {
    fn has_powers(&self) -> bool {
        self.powers
    }

    fn product_values(&mut self, values: [F; 3]) {
        for (all, value) in self.products.iter_mut().zip(values) {
            all.push(value);
        }
    }

    fn power_values(&mut self, values: [F; 2]) {
        for (all, value) in self.fifths.iter_mut().zip(values) {
            all.push(value);
        }
    }

    /// Variables and rows. A part has no inputs of its own: where it was made for, they are others.
    fn append(&mut self, part: &Self) -> bool {
        if self.powers != part.powers || !part.inputs.is_empty() {
            return false;
        }
        let own = [&mut self.witness].into_iter();
        let own = own.chain(&mut self.products).chain(&mut self.fifths);
        let more = [&part.witness].into_iter();
        let more = more.chain(&part.products).chain(&part.fifths);
        for (own, more) in own.zip(more) {
            own.extend_from_slice(more);
        }
        true
    }

    fn variables(&self) -> Option<usize> {
        Some(self.witness.len())
    }
}

impl<F: PrimeField> ConstraintSystem<F> for Values<F> {
    type Root = Self;

    fn alloc<V, A, AR>(&mut self, _annotation: A, f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.witness.push(f()?);
        Ok(Variable::new_unchecked(Index::Aux(self.witness.len() - 1)))
    }

    fn alloc_input<V, A, AR>(&mut self, _annotation: A, f: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.inputs.push(f()?);
        // Number 0 is the constant one.
        Ok(Variable::new_unchecked(Index::Input(self.inputs.len())))
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, _annotation: A, _a: LA, _b: LB, _c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
        // Without its values the rows after it would have the wrong places.
        unreachable!(
            "a gadget tells the values of its rows: one that states them has no place here"
        );
    }

    fn push_namespace<NR, N>(&mut self, _name: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
    }

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }

    fn is_witness_generator(&self) -> bool {
        true
    }
}
