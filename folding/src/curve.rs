//! Points of `y^2 = x^3 + b` over a circuit's own field: BN254's first group in the CycleFold
//! circuit, Grumpkin in the augmented circuit.
//!
//! Both groups have prime order, so no point has `y = 0` (order 2) or `x = 0` (order 3: with
//! `a = 0` the tangent at such a point meets the curve only there). Infinity is encoded as (0, 0),
//! which is on neither curve: `y = 0` says infinity, and nothing else does.

use ff::PrimeField;
use maci_nova_step_circuit::num::{Bit, Gadget, Num};
use nova_snark::frontend::ConstraintSystem;

/// A point's coordinates; (0, 0) is infinity.
#[derive(Clone, Debug)]
pub(crate) struct Point<F: PrimeField> {
    pub(crate) x: Num<F>,
    pub(crate) y: Num<F>,
}

/// A curve and a point of it other than infinity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve<F> {
    /// The constant of `y^2 = x^3 + b`.
    pub(crate) b: F,
    /// Some finite point.
    pub(crate) generator: (F, F),
}

/// A point and whether it is infinity.
#[derive(Clone, Debug)]
pub(crate) struct Checked<F: PrimeField> {
    pub(crate) point: Point<F>,
    pub(crate) infinite: Bit<F>,
}

impl<F: PrimeField> Point<F> {
    pub(crate) fn alloc<CS: ConstraintSystem<F>>(
        g: &mut Gadget<'_, CS, F>,
        (x, y): (F, F),
    ) -> Self {
        Point {
            x: g.alloc(x),
            y: g.alloc(y),
        }
    }

    pub(crate) fn value(&self) -> (F, F) {
        (self.x.value(), self.y.value())
    }
}

impl<F: PrimeField> Checked<F> {
    /// Enforces that `point` is on the curve or (0, 0). 7 constraints.
    pub(crate) fn new<CS: ConstraintSystem<F>>(
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
    pub(crate) fn trusted<CS: ConstraintSystem<F>>(
        g: &mut Gadget<'_, CS, F>,
        point: &Point<F>,
    ) -> Self {
        Checked {
            point: point.clone(),
            infinite: g.is_zero(&point.y),
        }
    }

    /// The point itself, or the curve's fixed point in infinity's place.
    pub(crate) fn finite(&self, curve: &Curve<F>) -> Point<F> {
        let (x, y) = curve.generator;
        Point {
            x: self.point.x.add_scaled(self.infinite.num(), x),
            y: self.point.y.add_scaled(self.infinite.num(), y),
        }
    }
}

/// `2 p` of a finite point. 4 constraints.
pub(crate) fn double<F: PrimeField, CS: ConstraintSystem<F>>(
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
pub(crate) fn double_and_add<F: PrimeField, CS: ConstraintSystem<F>>(
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
/// infinity where `t_infinite` says so. 22 constraints.
pub(crate) fn add<F: PrimeField, CS: ConstraintSystem<F>>(
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
