//! Circuits that are written with `bellpepper-core`, as steps.
//!
//! [`Bellpepper`] is a constraint system of that crate over one of the proving library's frontend, which was made from
//! it: variables, combinations and constraints go over one to one. [`BellpepperStep`] is a step as it was when Nova's
//! circuits were written so, and [`Step`] makes a step of the library of it. The state enters by copies, one
//! constraint an element, since `bellpepper-core` lets nobody make a number of a variable.
//!
//! ```
//! use bellpepper_core::{num::AllocatedNum, ConstraintSystem, SynthesisError};
//! use maci_nova_bench::bellpepper::{BellpepperStep, Step};
//! use maci_nova_protocol::Fr;
//! use nova_snark::nova::{PublicParams, RecursiveSNARK};
//! use nova_snark::provider::{Bn256EngineIPA, GrumpkinEngine};
//! use nova_snark::traits::snark::default_ck_hint;
//!
//! /// x becomes x^2.
//! #[derive(Clone)]
//! struct Square;
//!
//! impl BellpepperStep<Fr> for Square {
//!     fn arity(&self) -> usize {
//!         1
//!     }
//!
//!     fn synthesize<CS: ConstraintSystem<Fr>>(
//!         &self,
//!         cs: &mut CS,
//!         z: &[AllocatedNum<Fr>],
//!     ) -> Result<Vec<AllocatedNum<Fr>>, SynthesisError> {
//!         Ok(vec![z[0].square(cs.namespace(|| "x^2"))?])
//!     }
//! }
//!
//! let step = Step(Square);
//! let hint = default_ck_hint::<Bn256EngineIPA>();
//! let parameters = PublicParams::<Bn256EngineIPA, GrumpkinEngine, _>::setup(
//!     &step,
//!     &*hint,
//!     &*default_ck_hint(),
//! )?;
//! let z0 = [Fr::from(3)];
//! let mut proof = RecursiveSNARK::new(&parameters, &step, &z0)?;
//! for _ in 0..2 {
//!     proof.prove_step(&parameters, &step)?;
//! }
//! assert_eq!(proof.verify(&parameters, 2, &z0)?, [Fr::from(81)]);
//! # Ok::<(), nova_snark::errors::NovaError>(())
//! ```

use std::marker::PhantomData;

use bellpepper_core as theirs;
use ff::PrimeField;
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{self, ConstraintSystem, SynthesisError};

/// A constraint system of `bellpepper-core` over one of the proving library's.
#[derive(Debug)]
pub struct Bellpepper<'a, F: PrimeField, CS: ConstraintSystem<F>> {
    library: &'a mut CS,
    field: PhantomData<F>,
}

impl<'a, F: PrimeField, CS: ConstraintSystem<F>> Bellpepper<'a, F, CS> {
    /// Over this one.
    pub fn new(library: &'a mut CS) -> Self {
        Bellpepper {
            library,
            field: PhantomData,
        }
    }
}

fn to_library(variable: theirs::Variable) -> frontend::Variable {
    frontend::Variable::new_unchecked(match variable.get_unchecked() {
        theirs::Index::Input(i) => frontend::Index::Input(i),
        theirs::Index::Aux(i) => frontend::Index::Aux(i),
    })
}

fn from_library(variable: frontend::Variable) -> theirs::Variable {
    theirs::Variable::new_unchecked(match variable.get_unchecked() {
        frontend::Index::Input(i) => theirs::Index::Input(i),
        frontend::Index::Aux(i) => theirs::Index::Aux(i),
    })
}

fn combination<F: PrimeField>(
    make: impl FnOnce(theirs::LinearCombination<F>) -> theirs::LinearCombination<F>,
) -> frontend::LinearCombination<F> {
    let theirs = make(theirs::LinearCombination::zero());
    theirs.iter().fold(
        frontend::LinearCombination::zero(),
        |sum, (variable, value)| sum + (*value, to_library(variable)),
    )
}

/// Their error as the library's.
pub fn error_to_library(error: theirs::SynthesisError) -> SynthesisError {
    use theirs::SynthesisError as Theirs;
    match error {
        Theirs::AssignmentMissing => SynthesisError::AssignmentMissing,
        Theirs::DivisionByZero => SynthesisError::DivisionByZero,
        Theirs::PolynomialDegreeTooLarge => SynthesisError::PolynomialDegreeTooLarge,
        Theirs::UnconstrainedVariable => SynthesisError::UnconstrainedVariable,
        Theirs::IncompatibleLengthVector(what) => SynthesisError::IncompatibleLengthVector(what),
        other => SynthesisError::Unsatisfiable(other.to_string()),
    }
}

fn error_from_library(error: SynthesisError) -> theirs::SynthesisError {
    use theirs::SynthesisError as Theirs;
    match error {
        SynthesisError::AssignmentMissing => Theirs::AssignmentMissing,
        SynthesisError::DivisionByZero => Theirs::DivisionByZero,
        SynthesisError::PolynomialDegreeTooLarge => Theirs::PolynomialDegreeTooLarge,
        SynthesisError::UnconstrainedVariable => Theirs::UnconstrainedVariable,
        SynthesisError::IncompatibleLengthVector(what) => Theirs::IncompatibleLengthVector(what),
        _ => Theirs::Unsatisfiable,
    }
}

impl<F: PrimeField, CS: ConstraintSystem<F>> theirs::ConstraintSystem<F> for Bellpepper<'_, F, CS> {
    type Root = Self;

    fn alloc<V, A, AR>(
        &mut self,
        name: A,
        value: V,
    ) -> Result<theirs::Variable, theirs::SynthesisError>
    where
        V: FnOnce() -> Result<F, theirs::SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let made = self
            .library
            .alloc(name, || value().map_err(error_to_library));
        made.map(from_library).map_err(error_from_library)
    }

    fn alloc_input<V, A, AR>(
        &mut self,
        name: A,
        value: V,
    ) -> Result<theirs::Variable, theirs::SynthesisError>
    where
        V: FnOnce() -> Result<F, theirs::SynthesisError>,
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        let made = self
            .library
            .alloc_input(name, || value().map_err(error_to_library));
        made.map(from_library).map_err(error_from_library)
    }

    fn enforce<A, AR, LA, LB, LC>(&mut self, name: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
        LA: FnOnce(theirs::LinearCombination<F>) -> theirs::LinearCombination<F>,
        LB: FnOnce(theirs::LinearCombination<F>) -> theirs::LinearCombination<F>,
        LC: FnOnce(theirs::LinearCombination<F>) -> theirs::LinearCombination<F>,
    {
        // A witness generator throws constraints away: their combinations need not be copied.
        if self.library.is_witness_generator() {
            return;
        }
        self.library.enforce(
            name,
            |_| combination(a),
            |_| combination(b),
            |_| combination(c),
        );
    }

    fn push_namespace<NR, N>(&mut self, name: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
        self.library.get_root().push_namespace(name);
    }

    fn pop_namespace(&mut self) {
        self.library.get_root().pop_namespace();
    }

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }

    // Their witness generators may fill slices at once. This one is filled variable by variable: it need not say
    // that it is one, and constraints are then dropped in `enforce`.
}

/// A step that is written with `bellpepper-core`.
pub trait BellpepperStep<F: PrimeField>: Clone + Send + Sync {
    /// Elements of the state.
    fn arity(&self) -> usize;

    /// The state after `z`, with its constraints.
    ///
    /// # Errors
    /// Those of its gadgets.
    fn synthesize<CS: theirs::ConstraintSystem<F>>(
        &self,
        cs: &mut CS,
        z: &[theirs::num::AllocatedNum<F>],
    ) -> Result<Vec<theirs::num::AllocatedNum<F>>, theirs::SynthesisError>;
}

/// That step as the proving library takes it.
#[derive(Clone, Debug)]
pub struct Step<S>(pub S);

/// `a = b`.
fn equate<F: PrimeField, CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: String,
    a: frontend::Variable,
    b: frontend::Variable,
) {
    cs.enforce(
        || name,
        |combination| combination + a - b,
        |combination| combination + CS::one(),
        |combination| combination,
    );
}

impl<F: PrimeField, S: BellpepperStep<F>> nova_snark::traits::circuit::StepCircuit<F> for Step<S> {
    fn arity(&self) -> usize {
        self.0.arity()
    }

    fn synthesize<CS: ConstraintSystem<F>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<F>],
    ) -> Result<Vec<AllocatedNum<F>>, SynthesisError> {
        let mut copies = Vec::with_capacity(z.len());
        for (i, element) in z.iter().enumerate() {
            let value = element.get_value();
            let copy = theirs::num::AllocatedNum::alloc(
                theirs::ConstraintSystem::namespace(&mut Bellpepper::new(cs), || {
                    format!("state {i} of bellpepper")
                }),
                || value.ok_or(theirs::SynthesisError::AssignmentMissing),
            );
            let copy = copy.map_err(error_to_library)?;
            let variable = to_library(copy.get_variable());
            equate(
                cs,
                format!("state {i} is its copy"),
                variable,
                element.get_variable(),
            );
            copies.push(copy);
        }
        let next = self
            .0
            .synthesize(&mut Bellpepper::new(cs), &copies)
            .map_err(error_to_library)?;
        next.iter()
            .map(|element| {
                let variable = to_library(element.get_variable());
                Ok(AllocatedNum::from_parts(variable, element.get_value()))
            })
            .collect()
    }
}
