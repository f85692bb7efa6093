//! Values of `halo2curves` and of `ark-bn254`, one as the other.

use ark_ff::{BigInt, PrimeField as _};
use ff::PrimeField;
use halo2curves::{
    bn256::{Fq, Fq2, Fr, G1Affine, G2Affine},
    group::cofactor::CofactorCurveAffine,
};

/// Values of `halo2curves` as those of `ark-bn254`.
pub trait ToArk {
    /// The type there.
    type Ark;

    /// The same value. Points keep their coordinates as they are, on the curve or not.
    fn to_ark(&self) -> Self::Ark;
}

/// Values of `ark-bn254` as those of `halo2curves`.
pub trait ToHalo {
    /// The type there.
    type Halo;

    /// The same value. Points keep their coordinates as they are, on the curve or not.
    fn to_halo(&self) -> Self::Halo;
}

/// The canonical little-endian limbs of an element.
fn limbs<F: PrimeField>(element: &F) -> BigInt<4> {
    let repr = element.to_repr();
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().zip(repr.as_ref().chunks(8)) {
        let bytes = bytes.iter().rev();
        *limb = bytes.fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    BigInt::new(limbs)
}

/// Limbs as 32 bytes, little endian.
pub fn bytes(limbs: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, limb) in bytes.chunks_mut(8).zip(limbs) {
        bytes.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

macro_rules! convert_field {
    ($halo:ty, $ark:ty) => {
        impl ToArk for $halo {
            type Ark = $ark;

            fn to_ark(&self) -> $ark {
                <$ark>::from_bigint(limbs(self)).expect("canonical for the same modulus")
            }
        }

        impl ToHalo for $ark {
            type Halo = $halo;

            fn to_halo(&self) -> $halo {
                let mut repr = <$halo as PrimeField>::Repr::default();
                repr.as_mut().copy_from_slice(&bytes(self.into_bigint().0));
                Option::from(<$halo>::from_repr(repr)).expect("canonical for the same modulus")
            }
        }
    };
}

convert_field!(Fr, ark_bn254::Fr);
convert_field!(Fq, ark_bn254::Fq);

impl ToArk for Fq2 {
    type Ark = ark_bn254::Fq2;

    fn to_ark(&self) -> ark_bn254::Fq2 {
        ark_bn254::Fq2::new(self.c0().to_ark(), self.c1().to_ark())
    }
}

impl ToHalo for ark_bn254::Fq2 {
    type Halo = Fq2;

    fn to_halo(&self) -> Fq2 {
        Fq2::new(self.c0.to_halo(), self.c1.to_halo())
    }
}

// Infinity is (0, 0) in both libraries.
macro_rules! convert_point {
    ($halo:ty, $ark:ty) => {
        impl ToArk for $halo {
            type Ark = $ark;

            fn to_ark(&self) -> $ark {
                <$ark>::new_unchecked(self.x.to_ark(), self.y.to_ark())
            }
        }

        impl ToHalo for $ark {
            type Halo = $halo;

            fn to_halo(&self) -> $halo {
                let mut point = <$halo>::identity();
                (point.x, point.y) = (self.x.to_halo(), self.y.to_halo());
                point
            }
        }
    };
}

convert_point!(G1Affine, ark_bn254::g1::G1Affine);
convert_point!(G2Affine, ark_bn254::g2::G2Affine);

#[cfg(test)]
mod tests {
    use ark_ec::{AffineRepr, CurveGroup};
    use ff::Field;
    use halo2curves::group::Curve;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(7)
    }

    #[test]
    fn field_elements_convert_both_ways() {
        let mut rng = rng();
        for _ in 0..50 {
            let (scalar, coordinate) = (Fr::random(&mut rng), Fq::random(&mut rng));
            assert_eq!(scalar.to_ark().to_halo(), scalar);
            assert_eq!(coordinate.to_ark().to_halo(), coordinate);
        }
        assert_eq!(Fr::from(258).to_ark(), ark_bn254::Fr::from(258));
        assert_eq!((-Fr::ONE).to_ark(), -ark_bn254::Fr::from(1));
        assert_eq!((-Fq::ONE).to_ark(), -ark_bn254::Fq::from(1));
        assert_eq!(Fr::ZERO.to_ark(), ark_bn254::Fr::from(0));
        // Products too: the same field, not only the same representation.
        let (a, b) = (Fr::random(&mut rng), Fr::random(&mut rng));
        assert_eq!((a * b).to_ark(), a.to_ark() * b.to_ark());
    }

    #[test]
    fn points_convert_both_ways() {
        use halo2curves::bn256::{G1, G2};
        let mut rng = rng();
        let scalar = Fr::random(&mut rng);
        let ark = scalar.to_ark();

        let g1 = (G1::generator() * scalar).to_affine();
        let same = (ark_bn254::G1Affine::generator() * ark).into_affine();
        assert_eq!(g1.to_ark(), same);
        assert_eq!(same.to_halo(), g1);

        let g2 = (G2::generator() * scalar).to_affine();
        let same = (ark_bn254::G2Affine::generator() * ark).into_affine();
        assert_eq!(g2.to_ark(), same);
        assert_eq!(same.to_halo(), g2);

        let infinity = G1Affine::identity();
        assert!(infinity.to_ark().is_zero());
        assert_eq!(infinity.to_ark().to_halo(), infinity);
        let infinity = G2Affine::identity();
        assert!(infinity.to_ark().is_zero());
        assert_eq!(infinity.to_ark().to_halo(), infinity);
    }
}
