//! The Pasta cycle that a calibration measures is that of `pasta_curves`.

use ff::{Field, PrimeField};
use nova_snark::provider::pasta::{pallas, vesta};
use nova_snark::provider::traits::DlogGroup;
use nova_snark::traits::Group as _;
use pasta_curves::arithmetic::{Coordinates, CurveAffine};
use pasta_curves::group::{Curve, Group};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Multiples of the generators, by the same scalars, have the same coordinates; so have the curves the same orders.
macro_rules! multiples_agree {
    ($library:ident, $pasta:ident) => {{
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let mut scalars = vec![
            pasta_curves::$pasta::Scalar::ONE,
            -pasta_curves::$pasta::Scalar::ONE,
        ];
        scalars.extend((0..8).map(|_| pasta_curves::$pasta::Scalar::random(&mut rng)));
        for scalar in scalars {
            let theirs = (pasta_curves::$pasta::Point::generator() * scalar).to_affine();
            let theirs: Coordinates<_> = theirs.coordinates().expect("not the identity");
            let same =
                $library::Scalar::from_repr(scalar.to_repr().into()).expect("the same field");
            let (x, y, infinite) = ($library::Point::gen() * same).to_coordinates();
            assert!(!infinite);
            assert_eq!(x.to_repr().as_ref(), theirs.x().to_repr().as_ref());
            assert_eq!(y.to_repr().as_ref(), theirs.y().to_repr().as_ref());
        }
        let (_, _, order, base) = $library::Point::group_params();
        let modulus = |text: &str| text.trim_start_matches("0x").to_owned();
        assert_eq!(
            format!("{order:x}"),
            modulus(pasta_curves::$pasta::Scalar::MODULUS)
        );
        assert_eq!(
            format!("{base:x}"),
            modulus(pasta_curves::$pasta::Base::MODULUS)
        );
    }};
}

#[test]
fn pallas_and_vesta_are_those_of_pasta_curves() {
    multiples_agree!(pallas, pallas);
    multiples_agree!(vesta, vesta);
}
