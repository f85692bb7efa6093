//! Vectors that are overwritten when they are dropped.

use core::{
    fmt,
    ops::{Deref, DerefMut},
};

use ff::Field;
use serde::{Deserialize, Serialize};
use zeroize::optimization_barrier;

/// Elements that nobody but the prover may see: zeroed when dropped.
///
/// What this does not reach: copies that the proving library makes (its constraint systems and
/// products), the scalars' digits in multi-scalar multiplications, memory that a vector left when it grew, and single
/// elements, of which blindings and salts alone tell nothing about a vote.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent, bound = "F: Serialize + serde::de::DeserializeOwned")]
pub struct Secret<F: Field>(Vec<F>);

impl<F: Field> From<Vec<F>> for Secret<F> {
    fn from(elements: Vec<F>) -> Self {
        Secret(elements)
    }
}

impl<F: Field> Deref for Secret<F> {
    type Target = Vec<F>;

    fn deref(&self) -> &Vec<F> {
        &self.0
    }
}

impl<F: Field> DerefMut for Secret<F> {
    fn deref_mut(&mut self) -> &mut Vec<F> {
        &mut self.0
    }
}

impl<F: Field> Drop for Secret<F> {
    fn drop(&mut self) {
        self.0.fill(F::ZERO);
        // So that the writes are not dropped with the values.
        optimization_barrier(&self.0);
    }
}

impl<F: Field> fmt::Debug for Secret<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}
