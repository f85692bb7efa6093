//! Sums of multiples of points, each term by the library that is faster at it: `ark-ec` knows short
//! scalars, `halo2curves` sums buckets in affine coordinates where there are many, which takes two
//! thirds of the time for scalars of full size.

use ark_bn254::Fr;
use ark_ec::{AffineRepr, VariableBaseMSM};
use ark_ff::PrimeField;
use halo2curves::{group::Curve, msm::msm_best, CurveAffine};
use maci_nova_step_circuit::secret::Secret;
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::convert::{ToArk, ToHalo};

/// Terms that are summed at once: the libraries copy them, and their scalars twice.
const TERMS_AT_ONCE: usize = 1 << 18;
/// From so many long scalars on `msm_best` sums in affine coordinates.
const AFFINE_FROM: usize = 1 << 13;

/// `sum_i scalar_i base_i`.
pub(crate) fn sum<P>(bases: &[P], scalars: &[Fr]) -> P::Group
where
    P: AffineRepr<ScalarField = Fr, Group: VariableBaseMSM<MulBase = P>>,
    P: ToHalo<Halo: CurveAffine<ScalarExt = <Fr as ToHalo>::Halo> + ToArk<Ark = P>>,
{
    let parts = bases
        .chunks(TERMS_AT_ONCE)
        .zip(scalars.chunks(TERMS_AT_ONCE));
    parts.map(|(bases, scalars)| part(bases, scalars)).sum()
}

fn part<P>(bases: &[P], scalars: &[Fr]) -> P::Group
where
    P: AffineRepr<ScalarField = Fr, Group: VariableBaseMSM<MulBase = P>>,
    P: ToHalo<Halo: CurveAffine<ScalarExt = <Fr as ToHalo>::Halo> + ToArk<Ark = P>>,
{
    // What a page proves has fewer terms, and its module is to be small.
    if cfg!(target_arch = "wasm32") || bases.len() < AFFINE_FROM {
        return P::Group::msm_unchecked(bases, scalars);
    }
    // `msm_best` takes every base for another point than infinity.
    let terms = bases.par_iter().zip(scalars);
    let long: Vec<bool> = terms
        .map(|(base, scalar)| !base.is_zero() && is_long(scalar))
        .collect();
    let places = |of_long: bool| -> Vec<usize> {
        let all = long.iter().enumerate();
        all.filter(|(_, long)| **long == of_long)
            .map(|(i, _)| i)
            .collect()
    };
    let (short, long) = (places(false), places(true));
    if long.len() < AFFINE_FROM {
        return P::Group::msm_unchecked(bases, scalars);
    }
    // Of known lengths: no vector grows and leaves scalars behind.
    let short_bases: Vec<P> = short.par_iter().map(|i| bases[*i]).collect();
    let short: Vec<Fr> = short.par_iter().map(|i| scalars[*i]).collect();
    let long_bases: Vec<P::Halo> = long.par_iter().map(|i| bases[*i].to_halo()).collect();
    let long: Vec<_> = long.par_iter().map(|i| scalars[*i].to_halo()).collect();
    let (short, long) = (Zeroizing::new(short), Secret::from(long));
    let of_long = msm_best(&long, &long_bases).to_affine().to_ark();
    P::Group::msm_unchecked(&short_bases, &short) + of_long
}

/// Whether neither it nor its negative fits into 64 bits.
fn is_long(scalar: &Fr) -> bool {
    let fits = |value: Fr| value.into_bigint().0[1..] == [0; 3];
    !fits(*scalar) && !fits(-*scalar)
}

#[cfg(test)]
mod tests {
    use ark_bn254::{G1Affine, G2Affine};
    use ark_ec::CurveGroup;
    use ark_ff::{Field, UniformRand, Zero};
    use rand_core::OsRng;

    use super::*;

    /// Short scalars of both signs, those at the border, and any.
    fn scalars(count: usize) -> Vec<Fr> {
        let border = Fr::from(u64::MAX);
        let edges = [
            Fr::zero(),
            Fr::ONE,
            border,
            border + Fr::ONE,
            Fr::from(1u64 << 40),
        ];
        let edges = edges.into_iter().flat_map(|scalar| [scalar, -scalar]);
        let any = core::iter::repeat_with(|| Fr::rand(&mut OsRng));
        edges.chain(any).take(count).collect()
    }

    fn sums_are_the_plain_ones<P>()
    where
        P: AffineRepr<ScalarField = Fr, Group: VariableBaseMSM<MulBase = P>>,
        P: ToHalo<Halo: CurveAffine<ScalarExt = <Fr as ToHalo>::Halo> + ToArk<Ark = P>>,
    {
        // Infinity, the generator and others, each with every kind of scalar.
        let points: Vec<P> = (0..7u64)
            .map(|i| (P::generator() * Fr::from(i)).into_affine())
            .collect();
        for count in [0, 1, 40, 2 * AFFINE_FROM] {
            let scalars = scalars(count);
            for shift in [0, 3] {
                let mut totals = [Fr::zero(); 7];
                let mut bases = vec![];
                for (i, scalar) in scalars.iter().enumerate() {
                    let at = (i + shift) % points.len();
                    totals[at] += scalar;
                    bases.push(points[at]);
                }
                let terms = points.iter().zip(totals);
                let expected: P::Group = terms.map(|(point, total)| *point * total).sum();
                assert!(sum(&bases, &scalars) == expected, "{count}");
            }
        }
    }

    #[test]
    fn sums_are_the_plain_ones_in_both_groups() {
        sums_are_the_plain_ones::<G1Affine>();
        sums_are_the_plain_ones::<G2Affine>();
    }

    /// More terms than are taken at once, most of them zero.
    #[test]
    fn parts_add_up() {
        let count = 2 * TERMS_AT_ONCE + 3;
        let bases = vec![G1Affine::generator(); count];
        let mut scalars = vec![Fr::zero(); count];
        let at = [0, TERMS_AT_ONCE - 1, TERMS_AT_ONCE, count - 1];
        let mut total = Fr::zero();
        for place in at {
            scalars[place] = Fr::rand(&mut OsRng);
            total += scalars[place];
        }
        assert!(sum(&bases, &scalars) == G1Affine::generator() * total);
    }
}
