//! Points of `y^2 = x^3 + b` over a circuit's own field: BN254's first group in the CycleFold
//! circuit, Grumpkin in the augmented circuit.
//!
//! Both groups have prime order, so no point has `y = 0` (order 2) or `x = 0` (order 3: with
//! `a = 0` the tangent at such a point meets the curve only there). Infinity is encoded as (0, 0),
//! which is on neither curve: `y = 0` says infinity, and nothing else does.

use ff::PrimeField;
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Bit, Gadget, Num};

/// A point's coordinates; (0, 0) is infinity.
#[derive(Clone, Debug)]
pub struct Point<F: PrimeField> {
    pub x: Num<F>,
    pub y: Num<F>,
}

/// A curve and a point of it other than infinity.
#[derive(Clone, Copy, Debug)]
pub struct Curve<F> {
    /// The constant of `y^2 = x^3 + b`.
    pub b: F,
    /// Some finite point.
    pub generator: (F, F),
}

/// A point and whether it is infinity.
#[derive(Clone, Debug)]
pub struct Checked<F: PrimeField> {
    pub point: Point<F>,
    pub infinite: Bit<F>,
}

impl<F: PrimeField> Point<F> {
    pub fn alloc<CS: Constraints<F>>(g: &mut Gadget<'_, CS, F>, (x, y): (F, F)) -> Self {
        Point {
            x: g.alloc(x),
            y: g.alloc(y),
        }
    }
}

impl<F: PrimeField> Checked<F> {
    /// Enforces that `point` is on the curve or (0, 0). 7 constraints.
    pub fn new<CS: Constraints<F>>(
        g: &mut Gadget<'_, CS, F>,
        curve: &Curve<F>,
        point: &Point<F>,
    ) -> Self {
        let checked = Self::trusted(g, point);
        let finite = checked.infinite.not();
        g.enforce(
            "infinity is (0, 0)",
            checked.infinite.num(),
            &point.x,
            &Num::zero(),
        );
        let square = g.mul(&point.x, &point.x);
        let cube = g.mul(&square, &point.x);
        let right = cube.add_scaled(finite.num(), curve.b);
        g.enforce("y^2 = x^3 + b", &point.y, &point.y, &right);
        checked
    }

    /// A point that something else shows to be on the curve or (0, 0). 3 constraints.
    pub fn trusted<CS: Constraints<F>>(g: &mut Gadget<'_, CS, F>, point: &Point<F>) -> Self {
        Checked {
            point: point.clone(),
            infinite: g.is_zero(&point.y),
        }
    }

    /// The point itself, or the curve's fixed point in infinity's place.
    pub fn finite(&self, curve: &Curve<F>) -> Point<F> {
        let (x, y) = curve.generator;
        Point {
            x: self.point.x.add_scaled(self.infinite.num(), x),
            y: self.point.y.add_scaled(self.infinite.num(), y),
        }
    }
}

/// `2 p` of a finite point. 4 constraints.
pub fn double<F: PrimeField, CS: Constraints<F>>(
    g: &mut Gadget<'_, CS, F>,
    p: &Point<F>,
) -> Point<F> {
    let square = g.mul(&p.x, &p.x);
    // y != 0: no point has order 2.
    let slope = g.div_nonzero(&square.scale(F::from(3)), &p.y.scale(F::from(2)));
    let x = g.mul_sub(&slope, &slope, &p.x.scale(F::from(2)));
    let y = g.mul_sub(&slope, &(&p.x - &x), &p.y);
    Point { x, y }
}

/// `2 p + q` as `(p + q) + p`, without the ordinate of `p + q`. 5 constraints.
///
/// The caller shows that `p`, `q`, `p + q` are finite, `p != +-q` and `2 p + q` finite.
pub fn double_and_add<F: PrimeField, CS: Constraints<F>>(
    g: &mut Gadget<'_, CS, F>,
    p: &Point<F>,
    q: &Point<F>,
) -> Point<F> {
    let first = g.div_nonzero(&(&q.y - &p.y), &(&q.x - &p.x));
    let middle = g.mul_sub(&first, &first, &(&p.x + &q.x));
    // The second slope is (y_p - y_middle) / (x_p - x_middle), and
    // y_middle = first (x_p - x_middle) - y_p, so it is 2 y_p / (x_p - x_middle) - first.
    let sum = g.div_nonzero(&p.y.scale(F::from(2)), &(&p.x - &middle));
    let second = &sum - &first;
    let x = g.mul_sub(&second, &second, &(&p.x + &middle));
    let y = g.mul_sub(&second, &(&p.x - &x), &p.y);
    Point { x, y }
}

/// `p + t`, complete in `p` (infinite, equal to `t` or opposite); `t` is finite and counts as
/// infinity where `t_infinite` says so. 21 constraints.
pub fn add<F: PrimeField, CS: Constraints<F>>(
    g: &mut Gadget<'_, CS, F>,
    p: &Checked<F>,
    t: &Point<F>,
    t_infinite: &Bit<F>,
) -> Point<F> {
    let Checked { point, infinite } = p;
    // An infinite p has x = 0, which t has not: they count as different.
    let same_x = g.is_equal(&point.x, &t.x);
    let opposite_y = g.is_zero(&(&point.y + &t.y));
    let opposite = g.and(&same_x, &opposite_y);
    // Slope: (y_p - y_t) / (x_p - x_t), or 3 x_t^2 / 2 y_t where the abscissas are the same. The
    // denominator is nonzero in both cases.
    let square = g.mul(&t.x, &t.x);
    let chord = &point.y - &t.y;
    let numerator = g.select(&same_x, &square.scale(F::from(3)), &chord);
    let doubled = g.mul(same_x.num(), &t.y.scale(F::from(2)));
    let denominator = &(&point.x - &t.x) + &doubled;
    let slope = g.div_nonzero(&numerator, &denominator);
    let x = g.mul_sub(&slope, &slope, &(&point.x + &t.x));
    let y = g.mul_sub(&slope, &(&t.x - &x), &t.y);
    // Exactly one of: t counts as infinite (p), p is infinite (t), they are opposite (infinity),
    // none of these (the sum). Infinite and opposite exclude one another.
    let neither = &infinite.not().num().clone() - opposite.num();
    let take_t = g.mul(t_infinite.not().num(), infinite.num());
    let take_sum = g.mul(t_infinite.not().num(), &neither);
    let mut pick = |p: &Num<F>, t: &Num<F>, sum: &Num<F>| {
        let p = g.mul(t_infinite.num(), p);
        let t = g.mul(&take_t, t);
        let sum = g.mul(&take_sum, sum);
        &(&p + &t) + &sum
    };
    Point {
        x: pick(&point.x, &t.x, &x),
        y: pick(&point.y, &t.y, &y),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ff::Field;
    use halo2curves::{
        bn256::{self, Fq, Fr},
        group::{prime::PrimeCurveAffine, Group},
        grumpkin, CurveAffine,
    };
    use maci_nova_step_circuit::recorder::Recorder;
    use rand_core::OsRng;

    use super::*;

    /// The coordinates of a point; infinity is (0, 0).
    pub(crate) fn coordinates<A: CurveAffine>(point: A) -> (A::Base, A::Base) {
        let coordinates = point.coordinates();
        if bool::from(coordinates.is_none()) {
            return (A::Base::ZERO, A::Base::ZERO);
        }
        let coordinates = coordinates.expect("finite");
        (*coordinates.x(), *coordinates.y())
    }

    fn curve_of<A: CurveAffine + PrimeCurveAffine>() -> Curve<<A as CurveAffine>::Base>
    where
        <A as CurveAffine>::Base: PrimeField,
    {
        Curve {
            b: A::b(),
            generator: coordinates(<A as PrimeCurveAffine>::generator()),
        }
    }

    /// Runs `body` over allocated points; its value and the first violated constraint.
    fn run<F: PrimeField, T>(
        points: &[(F, F)],
        body: impl FnOnce(&mut Gadget<'_, Recorder<F>, F>, &[Point<F>]) -> T,
    ) -> (T, Option<&'static str>) {
        let mut recorder = Recorder::default();
        let mut gadget = Gadget::new(&mut recorder);
        let points: Vec<Point<F>> = points
            .iter()
            .map(|point| Point::alloc(&mut gadget, *point))
            .collect();
        let value = body(&mut gadget, &points);
        let violated = gadget.violated();
        if violated.is_none() {
            assert!(recorder.violated().is_none());
        }
        (value, violated)
    }

    fn value<F: PrimeField>(point: &Point<F>) -> (F, F) {
        (point.x.value(), point.y.value())
    }

    fn gadgets_agree<A>()
    where
        A: CurveAffine + PrimeCurveAffine<Curve = <A as CurveAffine>::CurveExt>,
        <A as CurveAffine>::Base: PrimeField,
        <A as CurveAffine>::CurveExt: Group + halo2curves::group::Curve<AffineRepr = A> + From<A>,
    {
        type Ext<A> = <A as CurveAffine>::CurveExt;
        let curve = curve_of::<A>();
        let affine = |point: Ext<A>| coordinates(halo2curves::group::Curve::to_affine(&point));
        let infinity = affine(Ext::<A>::identity());
        for _ in 0..8 {
            let (p, t) = (Ext::<A>::random(OsRng), Ext::<A>::random(OsRng));
            let (doubled, none) = run(&[affine(p)], |g, points| double(g, &points[0]));
            assert_eq!((value(&doubled), none), (affine(p + p), None));
            let (sum, none) = run(&[affine(p), affine(t)], |g, points| {
                double_and_add(g, &points[0], &points[1])
            });
            assert_eq!((value(&sum), none), (affine(p + p + t), None));
            let cases = [
                (p, p + t),
                (Ext::<A>::identity(), t),
                (t, t + t),
                (-t, Ext::<A>::identity()),
            ];
            for (p, sum) in cases {
                let (p, t) = (affine(p), affine(t));
                for (flag, expected) in [(false, affine(sum)), (true, p)] {
                    let (result, none) = run(&[p, t], |g, points| {
                        let p = Checked::new(g, &curve, &points[0]);
                        add(g, &p, &points[1], &Bit::constant(flag))
                    });
                    assert_eq!((value(&result), none), (expected, None), "{p:?} {flag}");
                }
            }
        }
        let finite = affine(Ext::<A>::random(OsRng));
        for (point, whether) in [(finite, false), (infinity, true)] {
            let (checked, none) = run(&[point], |g, p| Checked::new(g, &curve, &p[0]));
            assert_eq!((checked.infinite.value(), none), (whether, None));
            let expected = if whether { curve.generator } else { point };
            assert_eq!(value(&checked.finite(&curve)), expected);
        }
    }

    #[test]
    fn gadgets_agree_with_the_curves() {
        gadgets_agree::<bn256::G1Affine>();
        gadgets_agree::<grumpkin::G1Affine>();
    }

    fn refuses_points_off_the_curve<F: PrimeField>(curve: &Curve<F>) {
        let (x, y) = curve.generator;
        let off = [
            (x + F::ONE, y),
            (x, y + F::ONE),
            (x, F::ZERO),
            (F::ZERO, y),
            (F::ZERO, F::ONE),
            (F::ONE, F::ZERO),
        ];
        for point in off {
            let (_, violated) = run(&[point], |g, p| Checked::new(g, curve, &p[0]));
            assert!(violated.is_some(), "{point:?}");
        }
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        refuses_points_off_the_curve(&curve_of::<bn256::G1Affine>());
        refuses_points_off_the_curve(&curve_of::<grumpkin::G1Affine>());
    }

    /// What the encoding of infinity and the formulas rest on.
    #[test]
    fn no_finite_point_has_a_coordinate_of_zero() {
        fn check<F: PrimeField>(b: F) {
            // x = 0: y^2 = b. y = 0: x^3 = -b.
            assert!(bool::from(b.sqrt().is_none()));
            let exponent = |divisor: u64| {
                let order = num(-F::ONE);
                assert_eq!(&order % divisor, num_bigint::BigUint::from(0u8));
                (order / divisor).to_u64_digits()
            };
            assert_ne!((-b).pow_vartime(exponent(3)), F::ONE);
        }
        fn num<F: PrimeField>(value: F) -> num_bigint::BigUint {
            num_bigint::BigUint::from_bytes_le(value.to_repr().as_ref())
        }
        check(bn256::G1Affine::b());
        check(grumpkin::G1Affine::b());
        let _: (Fq, Fr) = (bn256::G1Affine::b(), grumpkin::G1Affine::b());
    }

    #[test]
    fn additions_that_the_formulas_exclude_are_noticed() {
        let curve = curve_of::<bn256::G1Affine>();
        let (x, y) = curve.generator;
        for other in [(x, y), (x, -y)] {
            let (_, violated) = run(&[(x, y), other], |g, points| {
                double_and_add(g, &points[0], &points[1])
            });
            assert_eq!(violated, Some("no division by zero"));
        }
    }
}
