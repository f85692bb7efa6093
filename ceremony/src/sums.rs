//! Sums of points times scalars, which is what all checks are made of.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{pairing::Pairing, AffineRepr, VariableBaseMSM};
use ark_ff::{AdditiveGroup, UniformRand, Zero};
use rand_core::OsRng;

use crate::meter::Meter;
use crate::Error;

/// Terms at once: the library keeps some twenty words for each scalar, which for a million of them is more than all their points.
const AT_ONCE: usize = 1 << 17;

/// `sum_i s_i P_i`.
///
/// # Errors
/// [`Error::Interrupted`].
///
/// # Panics
/// If there are not as many scalars as points.
pub(crate) fn sum<P>(points: &[P], scalars: &[Fr], meter: &mut Meter<'_>) -> Result<P::Group, Error>
where
    P: AffineRepr<ScalarField = Fr>,
    P::Group: VariableBaseMSM<MulBase = P, ScalarField = Fr>,
{
    assert_eq!(points.len(), scalars.len());
    let mut sum = P::Group::ZERO;
    for (points, scalars) in points.chunks(AT_ONCE).zip(scalars.chunks(AT_ONCE)) {
        sum += P::Group::msm_unchecked(points, scalars);
        meter.add(points.len())?;
    }
    Ok(sum)
}

/// Random weights: two different lists of points have the same sum with a chance of 2^-128.
pub(crate) fn weights(count: usize) -> Vec<Fr> {
    (0..count)
        .map(|_| Fr::from(u128::rand(&mut OsRng)))
        .collect()
}

/// Whether `p / q = s / t`, that is `e(p, t) = e(q, s)`.
pub(crate) fn is_ratio(p: &G1Affine, q: &G1Affine, s: &G2Affine, t: &G2Affine) -> bool {
    Bn254::multi_pairing([*p, -*q], [*t, *s]).is_zero()
}
