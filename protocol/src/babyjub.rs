//! BabyJubJub, the twisted Edwards curve `168700 x^2 + y^2 = 1 + 168696 x^2 y^2` over the scalar
//! field of BN254.
//!
//! The group has order 8 l with l prime. 168700 is a square and 168696 is not, so the addition law
//! is complete: it holds for every pair of points of the curve, those of small order included.
//!
//! Source: EIP-2494; extended coordinates of Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves
//! Revisited" (ePrint 2008/522), sections 3.1 (unified addition) and 3.3 (doubling).

use crate::field::{to_bytes, Fr};
use ff::Field;

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use subtle::{Choice, ConditionallyNegatable, ConditionallySelectable, ConstantTimeEq};

pub use crate::scalar::Scalar;

/// The curve's coefficient a.
pub const COEFF_A: u64 = 168_700;

/// The curve's coefficient d.
pub const COEFF_D: u64 = 168_696;

/// [`COEFF_A`] and [`COEFF_D`] as elements.
const A: Fr = Fr::from_raw([COEFF_A, 0, 0, 0]);
const D: Fr = Fr::from_raw([COEFF_D, 0, 0, 0]);

// B8 = (5299619240641551281634865583518297030282874472190772894086521144482721001553,
//       16950150798460657717958625567821834550301663161624707787222815936182638968203),
// little-endian limbs.
const BASE8_X: Fr = Fr::from_raw([
    0x2893f3f6bb957051,
    0x2ab8d8010534e0b6,
    0x4eacb2e09d6277c1,
    0x0bb77a6ad63e739b,
]);
const BASE8_Y: Fr = Fr::from_raw([
    0x4b3c257a872d7d8b,
    0xfce0051fb9e13377,
    0x25572e1cd16bf9ed,
    0x25797203f7a0b249,
]);

/// The prime order l of the subgroup, as 32 little-endian bytes.
pub const SUBGROUP_ORDER: [u8; 32] = [
    0xf1, 0x26, 0x21, 0x39, 0xdc, 0x97, 0x72, 0x67, 0x0a, 0xee, 0x20, 0x39, 0xb8, 0xed, 0x3e, 0xab,
    0x0b, 0x2b, 0x30, 0xd0, 0xb6, 0x08, 0x0a, 0x37, 0x05, 0x34, 0x26, 0x5c, 0xce, 0x89, 0x0c, 0x06,
];

/// Two field elements: a point of the plane, which may or may not lie on the curve. Operations say
/// what they need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Point {
    /// The first coordinate.
    #[serde(with = "crate::field::decimal")]
    pub x: Fr,
    /// The second coordinate.
    #[serde(with = "crate::field::decimal")]
    pub y: Fr,
}

impl Point {
    /// The neutral element (0, 1).
    pub const IDENTITY: Point = Point {
        x: Fr::ZERO,
        y: Fr::ONE,
    };

    /// The base point B8 of order l.
    pub fn base8() -> Point {
        Point {
            x: BASE8_X,
            y: BASE8_Y,
        }
    }

    /// Whether `a x^2 + y^2 = 1 + d x^2 y^2`.
    pub fn is_on_curve(&self) -> bool {
        let (x2, y2) = (self.x.square(), self.y.square());
        A * x2 + y2 == Fr::ONE + D * x2 * y2
    }

    /// One of the x with (x, y) on the curve, if there is any: `x^2 = (1 - y^2) / (a - d y^2)`.
    pub(crate) fn x_from_y(y: &Fr) -> Option<Fr> {
        let y2 = y.square();
        let inverse: Option<Fr> = (A - D * y2).invert().into();
        inverse.and_then(|inverse| ((Fr::ONE - y2) * inverse).sqrt().into())
    }

    /// Whether `l P` is the neutral element, for a point on the curve.
    pub fn is_in_subgroup(&self) -> bool {
        self.mul(&SUBGROUP_ORDER) == Point::IDENTITY
    }

    /// The sum of two points on the curve.
    pub fn add(&self, other: &Point) -> Point {
        Extended::from(self).add(&Extended::from(other)).to_affine()
    }

    /// Twice a point on the curve.
    pub fn double(&self) -> Point {
        Extended::from(self).double().to_affine()
    }

    /// Eight times a point on the curve.
    pub fn mul_by_cofactor(&self) -> Point {
        Extended::from(self).mul_by_cofactor().to_affine()
    }

    /// `k P` for a point on the curve, of any order, and an integer k < 2^256 in little-endian
    /// bytes.
    ///
    /// The sequence of field operations and memory accesses does not depend on k. For a point off
    /// the curve the result means nothing.
    pub fn mul(&self, k_le: &[u8; 32]) -> Point {
        Extended::from(self).mul(k_le).to_affine()
    }

    /// `k B8`, like [`Point::mul`] of [`Point::base8`], from a precomputed table.
    pub fn mul_base8(k_le: &[u8; 32]) -> Point {
        Extended::mul_base8(k_le).to_affine()
    }
}

/// (X : Y : Z : T) with x = X / Z, y = Y / Z, T = X Y / Z; Z is never 0 for points of the curve.
#[derive(Clone, Copy)]
pub(crate) struct Extended {
    x: Fr,
    y: Fr,
    z: Fr,
    t: Fr,
}

impl From<&Point> for Extended {
    fn from(point: &Point) -> Self {
        Extended {
            x: point.x,
            y: point.y,
            z: Fr::ONE,
            t: point.x * point.y,
        }
    }
}

impl ConditionallySelectable for Extended {
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Extended {
            x: Fr::conditional_select(&a.x, &b.x, choice),
            y: Fr::conditional_select(&a.y, &b.y, choice),
            z: Fr::conditional_select(&a.z, &b.z, choice),
            t: Fr::conditional_select(&a.t, &b.t, choice),
        }
    }
}

/// Bits that one table lookup covers.
const WINDOW: usize = 4;
/// Those of 256 bits, and one for what they carry.
const WINDOWS: usize = 256 / WINDOW + 1;
/// The multiples 1 P to 8 P.
type Table = [Extended; 1 << (WINDOW - 1)];

impl Extended {
    const IDENTITY: Extended = Extended {
        x: Fr::ZERO,
        y: Fr::ONE,
        z: Fr::ONE,
        t: Fr::ZERO,
    };

    pub(crate) fn to_affine(self) -> Point {
        let inverse = self.z.invert().unwrap_or(Fr::ZERO);
        Point {
            x: self.x * inverse,
            y: self.y * inverse,
        }
    }

    /// Whether this is the given affine point.
    pub(crate) fn equals(&self, point: &Point) -> bool {
        self.x == point.x * self.z && self.y == point.y * self.z
    }

    pub(crate) fn add(&self, other: &Extended) -> Extended {
        let a = self.x * other.x;
        let b = self.y * other.y;
        let c = self.t * other.t * D;
        let d = self.z * other.z;
        let e = (self.x + self.y) * (other.x + other.y) - a - b;
        let f = d - c;
        let g = d + c;
        let h = b - a * A;
        Extended {
            x: e * f,
            y: g * h,
            z: f * g,
            t: e * h,
        }
    }

    pub(crate) fn double(&self) -> Extended {
        let [e, f, g, h] = self.double_factors();
        Extended {
            x: e * f,
            y: g * h,
            z: f * g,
            t: e * h,
        }
    }

    /// 16 P. A doubling takes no T, so that of the first three is left out.
    fn times_16(&self) -> Extended {
        let mut point = *self;
        for _ in 0..3 {
            let [e, f, g, h] = point.double_factors();
            point = Extended {
                x: e * f,
                y: g * h,
                z: f * g,
                t: Fr::ZERO,
            };
        }
        point.double()
    }

    /// E, F, G and H, of which the coordinates of 2 P are products.
    fn double_factors(&self) -> [Fr; 4] {
        let a = self.x.square();
        let b = self.y.square();
        let c = self.z.square().double();
        let d = a * A;
        let e = (self.x + self.y).square() - a - b;
        let g = d + b;
        let f = g - c;
        let h = d - b;
        [e, f, g, h]
    }

    /// `-P = (-x, y)`, or P.
    fn negate_if(mut self, choice: Choice) -> Extended {
        self.x.conditional_negate(choice);
        self.t.conditional_negate(choice);
        self
    }

    pub(crate) fn mul_by_cofactor(&self) -> Extended {
        self.double().double().double()
    }

    fn table(&self) -> Table {
        let mut table = [*self; 1 << (WINDOW - 1)];
        for i in 1..table.len() {
            table[i] = table[i - 1].add(self);
        }
        table
    }

    pub(crate) fn mul(&self, k_le: &[u8; 32]) -> Extended {
        self.mul_with(k_le, select)
    }

    /// The same in a time that depends on k.
    pub(crate) fn mul_vartime(&self, k_le: &[u8; 32]) -> Extended {
        self.mul_with(k_le, look_up)
    }

    fn mul_with(&self, k_le: &[u8; 32], choose: fn(&Table, i8) -> Extended) -> Extended {
        let table = self.table();
        let mut sum = Extended::IDENTITY;
        for digit in digits(k_le).into_iter().rev() {
            sum = sum.times_16();
            sum = sum.add(&choose(&table, digit));
        }
        sum
    }

    pub(crate) fn mul_base8(k_le: &[u8; 32]) -> Extended {
        Self::mul_base8_with(k_le, select)
    }

    /// The same in a time that depends on k.
    pub(crate) fn mul_base8_vartime(k_le: &[u8; 32]) -> Extended {
        Self::mul_base8_with(k_le, look_up)
    }

    fn mul_base8_with(k_le: &[u8; 32], choose: fn(&Table, i8) -> Extended) -> Extended {
        static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
            let mut base = Extended::from(&Point::base8());
            let next = |_| {
                let table = base.table();
                base = base.times_16();
                table
            };
            (0..WINDOWS).map(next).collect()
        });
        let mut sum = Extended::IDENTITY;
        for (digit, table) in digits(k_le).into_iter().zip(&*TABLES) {
            sum = sum.add(&choose(table, digit));
        }
        sum
    }
}

/// Digits from -8 to 7 with `k = sum_i digits[i] 16^i`. The sequence of operations does not depend on
/// k.
fn digits(k_le: &[u8; 32]) -> [i8; WINDOWS] {
    let mut digits = [0; WINDOWS];
    let mut carry = 0;
    for (window, digit) in digits.iter_mut().enumerate() {
        let byte = k_le.get(window / 2).map_or(0, |byte| *byte);
        // At most 16.
        let value = ((byte >> (WINDOW * (window % 2))) & 0x0f) + carry;
        carry = (value + 8) >> WINDOW;
        *digit = value as i8 - ((carry << WINDOW) as i8);
    }
    digits
}

/// The multiple of a digit, reading every entry.
fn select(table: &Table, digit: i8) -> Extended {
    // -1 for what is negative, and 0; a - -1 after the complement is -a.
    let sign = digit >> 7;
    let magnitude = ((digit ^ sign) - sign) as u8;
    let mut chosen = Extended::IDENTITY;
    for (multiple, entry) in (1u8..).zip(table) {
        chosen.conditional_assign(entry, multiple.ct_eq(&magnitude));
    }
    chosen.negate_if(Choice::from(sign as u8 & 1))
}

/// The multiple of a digit, reading that entry alone.
fn look_up(table: &Table, digit: i8) -> Extended {
    match usize::from(digit.unsigned_abs()).checked_sub(1) {
        None => Extended::IDENTITY,
        Some(at) => table[at].negate_if(Choice::from(u8::from(digit < 0))),
    }
}

/// Whether the integer of a field element, in [0, r), is below l.
pub fn is_scalar(value: &Fr) -> bool {
    Scalar::from_bytes(&to_bytes(value)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::from_i64;
    use ff::PrimeField;
    use proptest::prelude::*;

    fn integer(k: u64) -> [u8; 32] {
        let mut bytes = [0u8; 32];
        bytes[..8].copy_from_slice(&k.to_le_bytes());
        bytes
    }

    /// A point of order 8: l times a point of the curve with full order.
    fn order_eight() -> Point {
        let multiple = |y: u64| {
            let y = Fr::from(y);
            let x = Point::x_from_y(&y)?;
            let point = Point { x, y }.mul(&SUBGROUP_ORDER);
            let four = point.double().double();
            (four != Point::IDENTITY).then_some(point)
        };
        (2..).find_map(multiple).unwrap()
    }

    #[test]
    fn constants() {
        assert!(Point::base8().is_on_curve());
        assert_ne!(Point::base8(), Point::IDENTITY);
        assert!(Point::base8().is_in_subgroup());
        assert_eq!(Scalar::from_bytes(&SUBGROUP_ORDER), None);
        assert_eq!(
            Scalar::from_le_bytes_mod_order(&SUBGROUP_ORDER),
            Scalar::ZERO
        );
        // The law is complete.
        assert!(bool::from(A.sqrt().is_some()));
        assert!(bool::from(D.sqrt().is_none()));
        // The generator that the field's square roots rest on is no square.
        assert!(bool::from(
            Scalar::MULTIPLICATIVE_GENERATOR.sqrt().is_none()
        ));
    }

    #[test]
    fn small_orders() {
        let point = order_eight();
        let orders = [
            (8, point),
            (4, point.double()),
            (2, point.double().double()),
        ];
        for (order, point) in orders {
            assert!(point.is_on_curve());
            assert!(!point.is_in_subgroup());
            assert_eq!(point.mul(&integer(order)), Point::IDENTITY);
            assert_ne!(point.mul(&integer(order / 2)), Point::IDENTITY);
            assert_eq!(point.mul_by_cofactor(), Point::IDENTITY);
            let sum = (0..order).fold(Point::IDENTITY, |sum, _| sum.add(&point));
            assert_eq!(sum, Point::IDENTITY);
        }
        let two = point.double().double();
        assert_eq!(
            two,
            Point {
                x: Fr::ZERO,
                y: -Fr::ONE
            }
        );
    }

    #[test]
    fn largest_integer() {
        let mut one_more = Point::base8().mul(&[0xff; 32]).add(&Point::base8());
        assert_eq!(one_more, Point::mul_base8(&[0xff; 32]).add(&Point::base8()));
        // 2^256 B8 by doubling.
        let mut power = Point::base8();
        for _ in 0..256 {
            power = power.double();
        }
        assert_eq!(one_more, power);
        one_more.x += Fr::ONE;
        assert!(!one_more.is_on_curve());
    }

    #[test]
    fn digits_are_those_of_the_integer() {
        let mut integers = vec![[0; 32], [0xff; 32], [0x88; 32], [0x77; 32], [0x78; 32]];
        integers.extend((0..=300).map(integer));
        for k in integers {
            let value = digits(&k).into_iter().rev().fold(Fr::ZERO, |value, digit| {
                assert!((-8..8).contains(&digit));
                value * Fr::from(16) + from_i64(i64::from(digit))
            });
            let bytes = k.iter().rev();
            let expected = bytes.fold(Fr::ZERO, |value, byte| {
                value * Fr::from(256) + Fr::from(u64::from(*byte))
            });
            assert_eq!(value, expected, "{k:?}");
        }
    }

    #[test]
    fn every_digit_has_its_multiple() {
        let point = Point::base8();
        let table = Extended::from(&point).table();
        for digit in -8..8i8 {
            let multiple = point.mul(&integer(u64::from(digit.unsigned_abs())));
            let x = if digit < 0 { -multiple.x } else { multiple.x };
            for chosen in [select(&table, digit), look_up(&table, digit)] {
                let affine = chosen.to_affine();
                assert_eq!(affine, Point { x, y: multiple.y }, "{digit}");
                assert_eq!(chosen.t, affine.x * affine.y * chosen.z, "{digit}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn group_law(a in any::<[u8; 32]>(), b in any::<[u8; 32]>(), torsion in 0u64..8) {
            let torsion = order_eight().mul(&integer(torsion));
            let p = Point::mul_base8(&a).add(&torsion);
            let q = Point::mul_base8(&b);
            prop_assert!(p.is_on_curve());
            prop_assert_eq!(p.add(&q), q.add(&p));
            prop_assert_eq!(p.add(&p), p.double());
            prop_assert_eq!(p.double().double().double(), p.mul_by_cofactor());
            prop_assert_eq!(Point::base8().mul(&a), Point::mul_base8(&a));
            prop_assert!(Extended::from(&p).mul_vartime(&b).equals(&p.mul(&b)));
            prop_assert!(Extended::mul_base8_vartime(&a).equals(&Point::mul_base8(&a)));
            let sum = Scalar::from_le_bytes_mod_order(&a) + Scalar::from_le_bytes_mod_order(&b);
            prop_assert_eq!(Point::mul_base8(&sum.to_bytes()).add(&torsion), p.add(&q));
            let negative = Point { x: -p.x, y: p.y };
            prop_assert_eq!(p.add(&negative), Point::IDENTITY);
            prop_assert_eq!(p.is_in_subgroup(), torsion == Point::IDENTITY);
            // k (P + T) with T's part computed apart.
            let shifted = p.mul(&b);
            let apart = Point::mul_base8(&a).mul(&b).add(&torsion.mul(&integer(u64::from(b[0]))));
            prop_assert_eq!(shifted, apart);
        }
    }
}
