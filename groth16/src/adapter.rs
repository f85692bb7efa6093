//! Circuits written with `nova-snark`'s frontend, for provers that take `ark-relations`.
//!
//! [`Matrices`] are the constraints of a circuit, [`Assignment`] the values of its variables, and
//! [`Adapter`] both as what `ark-relations` calls a synthesizer. Any circuit over BN254's scalar
//! field can be carried so.

use core::fmt;

use ark_relations::gr1cs::{
    self, ConstraintSynthesizer, ConstraintSystemRef, Variable as ArkVariable,
};
use halo2curves::bn256::Fr;
use nova_snark::frontend::{util_cs::witness_cs::WitnessCS, ConstraintSystem, SynthesisError};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::convert::ToArk;

mod matrices;

pub use matrices::{Matrices, Recorder, Row};

/// The values of a circuit's variables. They are secret, and zeroed when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Assignment {
    values: Vec<ark_bn254::Fr>,
    instance: usize,
}

impl Assignment {
    /// The values that a constraint system has been given: instance variables with the constant
    /// one first, and witness variables.
    pub fn new(instance: &[Fr], witness: &[Fr]) -> Self {
        Assignment {
            values: instance.iter().chain(witness).map(ToArk::to_ark).collect(),
            instance: instance.len(),
        }
    }

    #[cfg(test)]
    pub(crate) fn from_values(values: Vec<ark_bn254::Fr>, instance: usize) -> Self {
        Assignment { values, instance }
    }

    /// The values of a circuit that `synthesize` fills a witness generator with. (That generator's
    /// own copy of them is not zeroed.)
    ///
    /// # Errors
    /// As `synthesize` gives them.
    pub fn record<T>(
        synthesize: impl FnOnce(&mut WitnessCS<Fr>) -> Result<T, SynthesisError>,
    ) -> Result<Self, SynthesisError> {
        let mut generator = WitnessCS::new();
        synthesize(&mut generator)?;
        Ok(Self::from(&generator))
    }

    /// The constant one and the instance after it.
    pub fn instance(&self) -> &[ark_bn254::Fr] {
        &self.values[..self.instance]
    }

    /// The witness.
    pub fn witness(&self) -> &[ark_bn254::Fr] {
        &self.values[self.instance..]
    }

    /// Instance and witness.
    pub fn values(&self) -> &[ark_bn254::Fr] {
        &self.values
    }
}

impl From<&WitnessCS<Fr>> for Assignment {
    fn from(generator: &WitnessCS<Fr>) -> Self {
        Self::new(generator.input_assignment(), generator.aux_assignment())
    }
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A circuit as `ark-relations` takes it; without an assignment for making keys.
#[derive(Clone, Copy, Debug)]
pub struct Adapter<'a> {
    /// The constraints.
    pub matrices: &'a Matrices,
    /// The values of all variables.
    pub assignment: Option<&'a Assignment>,
}

impl<'a> Adapter<'a> {
    /// The circuit without values.
    pub fn blank(matrices: &'a Matrices) -> Self {
        Adapter {
            matrices,
            assignment: None,
        }
    }

    /// The circuit with values.
    pub fn new(matrices: &'a Matrices, assignment: &'a Assignment) -> Self {
        Adapter {
            matrices,
            assignment: Some(assignment),
        }
    }

    fn value(&self, column: usize) -> gr1cs::Result<ark_bn254::Fr> {
        self.assignment
            .and_then(|assignment| assignment.values().get(column).copied())
            .ok_or(gr1cs::SynthesisError::AssignmentMissing)
    }

    fn combination(
        &self,
        row: impl Iterator<Item = (ark_bn254::Fr, usize)>,
    ) -> gr1cs::LinearCombination<ark_bn254::Fr> {
        let variable = |column: usize| match column.checked_sub(self.matrices.instance()) {
            Some(i) => ArkVariable::witness(i),
            None if column == 0 => ArkVariable::One,
            None => ArkVariable::instance(column),
        };
        let terms = row.map(|(value, column)| (value, variable(column)));
        gr1cs::LinearCombination(terms.collect())
    }
}

impl ConstraintSynthesizer<ark_bn254::Fr> for Adapter<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<ark_bn254::Fr>) -> gr1cs::Result<()> {
        let (instance, witness) = (self.matrices.instance(), self.matrices.witness());
        if matches!(self.assignment, Some(assignment) if !self.matrices.fits(assignment)) {
            return Err(gr1cs::SynthesisError::AssignmentMissing);
        }
        for column in 1..instance {
            let _ = cs.new_input_variable(|| self.value(column))?;
        }
        for column in instance..instance + witness {
            let _ = cs.new_witness_variable(|| self.value(column))?;
        }
        for i in 0..self.matrices.constraints() {
            let [a, b, c] = self.matrices.constraint(i);
            cs.enforce_r1cs_constraint(
                || self.combination(a),
                || self.combination(b),
                || self.combination(c),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
