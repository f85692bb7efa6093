//! BabyJubJub as gadgets: `protocol::babyjub` inside the circuit.
//!
//! Points are on the twisted Edwards curve `a x^2 + y^2 = 1 + d x^2 y^2`, a = 168700 (a square),
//! d = 168696 (not a square), so its addition law has no exceptional case on the curve. The long
//! ladders run on the birationally equivalent Montgomery curve `v^2 = u^3 + A u^2 + u`,
//! A = 168698, where an addition costs half as much but divides by zero for equal and opposite
//! points. Every such addition below is shown not to meet one; where that cannot be shown, the
//! Edwards law is used. A division by zero would either stop the count (no witness) or, worse,
//! leave the quotient to the prover.

use std::sync::OnceLock;

use ff::Field;
use maci_nova_protocol::babyjub::{Point as NativePoint, Scalar};

use crate::bits::bit_of;
use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// Bits of a scalar below the subgroup order ℓ (2^250 < ℓ < 2^251).
pub const SCALAR_BITS: usize = 251;

/// Windows of two bits for which the multiple built so far stays below 2^250 < ℓ.
const SAFE_WINDOWS: usize = 125;

const EDWARDS_A: u64 = 168_700;
const EDWARDS_D: u64 = 168_696;
/// `A = 2 (a + d) / (a - d)`; the other coefficient `4 / (a - d)` is 1.
const MONTGOMERY_A: u64 = 168_698;

/// ℓ, the order of the prime subgroup, as 32 little-endian bytes.
pub(crate) fn subgroup_order_le() -> [u8; 32] {
    use ff::PrimeField;
    let minus_one = -maci_nova_protocol::babyjub::Scalar::ONE;
    let mut bytes = [0; 32];
    bytes.copy_from_slice(minus_one.to_repr().as_ref());
    // ℓ - 1 is even, so adding 1 carries nowhere.
    bytes[0] += 1;
    bytes
}

/// A pair of numbers: a point in affine Edwards coordinates, on the curve or not.
#[derive(Clone, Debug)]
pub struct Point {
    /// Edwards x.
    pub x: Num,
    /// Edwards y.
    pub y: Num,
}

impl Point {
    /// A constant point.
    pub fn constant(point: &NativePoint) -> Self {
        Point {
            x: Num::constant(point.x),
            y: Num::constant(point.y),
        }
    }

    /// The neutral element (0, 1).
    pub fn identity() -> Self {
        Point {
            x: Num::zero(),
            y: Num::one(),
        }
    }

    /// The value under the current assignment.
    pub fn value(&self) -> NativePoint {
        NativePoint {
            x: self.x.value(),
            y: self.y.value(),
        }
    }

    fn negate(&self) -> Point {
        Point {
            x: -&self.x,
            y: self.y.clone(),
        }
    }
}

/// A point of the Montgomery curve, not the one at infinity.
#[derive(Clone, Debug)]
struct MontgomeryPoint {
    u: Num,
    v: Num,
}

/// `(u, v) = ((1 + y) / (1 - y), u / x)`, for points other than (0, 1) and (0, -1).
fn to_montgomery(point: &NativePoint) -> (Fr, Fr) {
    let u = (Fr::ONE + point.y) * inverse_or_zero(Fr::ONE - point.y);
    (u, u * inverse_or_zero(point.x))
}

fn inverse_or_zero(value: Fr) -> Fr {
    Option::from(value.invert()).unwrap_or(Fr::ZERO)
}

/// A scalar of n bits, cut into windows for the products below.
///
/// The signed digits of an odd integer are its own bits: with `k_0 = 1`,
/// `sum_(i<n) k_i 2^i = sum_(i<n) d_i 2^i` where `d_i = 2 k_(i+1) - 1` and `d_(n-1) = 1`.
/// Window w is `2 d_(2w+1) + d_(2w)`, one of -3, -1, 1, 3. The windows are those of `scalar | 1`;
/// who uses them takes away the excess.
#[derive(Debug)]
pub struct ScalarWindows {
    windows: Vec<Window>,
    /// The three lowest bits of the scalar.
    low_bits: [Bit; 3],
}

#[derive(Debug)]
struct Window {
    /// The bit of `d_(2w+1)`: the window's sign.
    positive: Bit,
    /// The bit of `d_(2w)`.
    low: Bit,
    /// Whether both signs agree: the window's magnitude is 3, else 1.
    is_three: Bit,
}

/// The odd multiples that a window chooses from, in both coordinate systems.
struct OddMultiples {
    one: Point,
    three: Point,
    montgomery_one: MontgomeryPoint,
    montgomery_three: MontgomeryPoint,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// New variables for a point; nothing is enforced.
    pub fn alloc_point(&mut self, point: &NativePoint) -> Point {
        Point {
            x: self.alloc(point.x),
            y: self.alloc(point.y),
        }
    }

    /// Whether `a x^2 + y^2 = 1 + d x^2 y^2`.
    pub fn is_on_curve(&mut self, point: &Point) -> Bit {
        let xx = self.mul(&point.x, &point.x);
        let yy = self.mul(&point.y, &point.y);
        let xxyy = self.mul(&xx, &yy);
        let left = yy.add_scaled(&xx, Fr::from(EDWARDS_A));
        let right = xxyy.scale(Fr::from(EDWARDS_D)).add_constant(Fr::ONE);
        self.is_equal(&left, &right)
    }

    /// `condition ? when_true : when_false`, two constraints.
    pub fn select_point(
        &mut self,
        condition: &Bit,
        when_true: &Point,
        when_false: &Point,
    ) -> Point {
        Point {
            x: self.select(condition, &when_true.x, &when_false.x),
            y: self.select(condition, &when_true.y, &when_false.y),
        }
    }

    /// Whether both coordinates agree.
    pub fn is_equal_point(&mut self, a: &Point, b: &Point) -> Bit {
        let x = self.is_equal(&a.x, &b.x);
        let y = self.is_equal(&a.y, &b.y);
        self.and(&x, &y)
    }

    /// The Edwards sum of two points on the curve, six constraints: `x3 = (x1 y2 + y1 x2) / (1 + d
    /// x1 x2 y1 y2)`, `y3 = (y1 y2 - a x1 x2) / (1 - d x1 x2 y1 y2)`. The denominators are not 0 on
    /// the curve, d not being a square.
    pub fn add_points(&mut self, p: &Point, q: &Point) -> Point {
        let a = Fr::from(EDWARDS_A);
        let xy = self.mul(&p.x, &q.y);
        let yx = self.mul(&p.y, &q.x);
        // (y1 - a x1)(x2 + y2) = y1 y2 - a x1 x2 + y1 x2 - a x1 y2
        let cross = self.mul(&p.y.add_scaled(&p.x, -a), &(&q.x + &q.y));
        let y_numerator = &(&cross - &yx) + &xy.scale(a);
        let product = self.mul(&xy, &yx).scale(Fr::from(EDWARDS_D));
        let x = self.div_nonzero(&(&xy + &yx), &product.add_constant(Fr::ONE));
        let y = self.div_nonzero(&y_numerator, &product.one_minus());
        Point { x, y }
    }

    /// Twice a point on the curve, five constraints: `x3 = 2 x y / (a x^2 + y^2)`,
    /// `y3 = (y^2 - a x^2) / (2 - a x^2 - y^2)`. With the curve equation the denominators are
    /// `1 + d x^2 y^2` and `1 - d x^2 y^2`.
    pub fn double_point(&mut self, p: &Point) -> Point {
        let a = Fr::from(EDWARDS_A);
        let xy = self.mul(&p.x, &p.y);
        let xx = self.mul(&p.x, &p.x).scale(a);
        let yy = self.mul(&p.y, &p.y);
        let sum = &xx + &yy;
        let x = self.div_nonzero(&xy.scale(Fr::from(2)), &sum);
        let y = self.div_nonzero(&(&yy - &xx), &(&Num::constant(Fr::from(2)) - &sum));
        Point { x, y }
    }

    /// New variables for the bits of a scalar, least significant first: one integer below ℓ.
    pub fn alloc_scalar(&mut self, scalar: &Scalar) -> Vec<Bit> {
        let integer = scalar.to_bytes();
        let bits: Vec<Bit> = (0..SCALAR_BITS)
            .map(|i| self.alloc_bit(bit_of(&integer, i)))
            .collect();
        let canonical = self.less_than_constant(&bits, &subgroup_order_le());
        self.enforce_equal("sk < ℓ", canonical.num(), &Num::one());
        bits
    }

    /// Windows of a scalar of at least 251 bits, least significant first; a constraint a window.
    pub fn scalar_windows(&mut self, bits: &[Bit]) -> ScalarWindows {
        let digits = 2 * bits.len().div_ceil(2);
        let digit = |i: usize| match (i + 1 == digits, bits.get(i + 1)) {
            (true, _) => Bit::constant(true),
            (false, Some(bit)) => bit.clone(),
            (false, None) => Bit::constant(false),
        };
        let windows = (0..digits / 2)
            .map(|w| {
                let (positive, low) = (digit(2 * w + 1), digit(2 * w));
                let is_three = self.agree(&positive, &low);
                Window {
                    positive,
                    low,
                    is_three,
                }
            })
            .collect();
        ScalarWindows {
            windows,
            low_bits: [bits[0].clone(), bits[1].clone(), bits[2].clone()],
        }
    }

    /// Whether `a = b`: `1 - a - b + 2 a b`.
    fn agree(&mut self, a: &Bit, b: &Bit) -> Bit {
        let both = self.mul(a.num(), b.num());
        let sum = a.num() + b.num();
        Bit::assume(
            both.scale(Fr::from(2))
                .add_scaled(&sum, -Fr::ONE)
                .add_constant(Fr::ONE),
        )
    }

    /// `scalar * point` for a scalar below ℓ and ANY point on the curve, those of low order and
    /// those with a part of low order included.
    pub fn mul_point(&mut self, scalar: &ScalarWindows, point: &Point) -> Point {
        let two = self.double_point(point);
        let four = self.double_point(&two);
        let eight = self.double_point(&four);
        // 8 P is in the subgroup of odd order, where only the neutral element has x = 0.
        let is_low_order = self.is_zero(&eight.x);
        let base = Point::constant(&NativePoint::base8());
        let safe = self.select_point(&is_low_order, &base, point);
        let product = self.mul_large_order(scalar, &safe);
        let low_order_product = self.mul_low_order(&scalar.low_bits, [point, &two, &four]);
        self.select_point(&is_low_order, &low_order_product, &product)
    }

    /// `(scalar mod 8) * P` from P, 2 P and 4 P.
    fn mul_low_order(&mut self, bits: &[Bit; 3], multiples: [&Point; 3]) -> Point {
        let mut sum = Point::identity();
        for (i, (bit, multiple)) in bits.iter().zip(multiples).enumerate() {
            let term = self.select_point(bit, multiple, &Point::identity());
            sum = if i == 0 {
                term
            } else {
                self.add_points(&sum, &term)
            };
        }
        sum
    }

    /// Whether `8 * point` is the neutral element, and `scalar * 8 * point`, for any point on the
    /// curve and any scalar below 2^254.
    pub fn mul_cofactor_multiple(&mut self, scalar: &ScalarWindows, point: &Point) -> (Bit, Point) {
        let two = self.double_point(point);
        let four = self.double_point(&two);
        let eight = self.double_point(&four);
        // 8 P is in the subgroup of odd order, where only the neutral element has x = 0.
        let is_identity = self.is_zero(&eight.x);
        let base = Point::constant(&NativePoint::base8());
        let safe = self.select_point(&is_identity, &base, &eight);
        let product = self.mul_large_order(scalar, &safe);
        let product = self.select_point(&is_identity, &Point::identity(), &product);
        (is_identity, product)
    }

    /// `scalar * point` for a point P whose order is a multiple of ℓ, so that ℓ divides every
    /// integer k with `k P = (0, 1)`. P need not be in the subgroup.
    ///
    /// Per window of two bits, from the highest, `M <- 4 M + D P` with `M = m P`, D one of -3, -1,
    /// 1, 3. The highest window is positive, so after it m is 1 or 3, and after j windows
    /// `0 < m < 4^j`: `4 * 1 - 3 > 0` and `4 (4^j - 1) + 3 < 4^(j+1)`. So within the first 125
    /// windows `4 m + 3 < 4^125 = 2^250 < ℓ`, for the m before the window, and then
    /// - `R = 2 M` doubles no point of order two: ℓ would divide 2 m, and m, ℓ being odd;
    /// - R and D P are neither equal nor opposite: ℓ would divide `2 m - D` or `2 m + D`, which are
    ///   odd, so not 0, and between -ℓ and ℓ;
    /// - R + D P, which is therefore not the point at infinity, and R are neither equal nor
    ///   opposite: ℓ would divide D or `4 m + D`, which are not 0 and between -ℓ and ℓ.
    ///
    /// After them `m < ℓ` is odd, so M is of an order above two and has Edwards coordinates. What
    /// is left, one window for a scalar of 251 bits and two for one of 254, may run into multiples
    /// of ℓ and uses the Edwards law, which has no exception.
    fn mul_large_order(&mut self, scalar: &ScalarWindows, point: &Point) -> Point {
        let windows = &scalar.windows;
        let multiples = self.odd_multiples(point);
        let (last, safe) = windows.split_at(windows.len() - SAFE_WINDOWS);
        // The highest window is positive: its highest digit is the constant 1.
        let mut ladder = self.select_montgomery(&safe[SAFE_WINDOWS - 1], &multiples);
        for window in safe[..SAFE_WINDOWS - 1].iter().rev() {
            ladder = self.ladder_window(&ladder, window, &multiples);
        }
        let mut sum = self.montgomery_to_edwards(&ladder);
        for window in last.iter().rev() {
            sum = self.edwards_window(&sum, window, &multiples);
        }
        let excess = self.select_point(&scalar.low_bits[0], &Point::identity(), &point.negate());
        self.add_points(&sum, &excess)
    }

    fn odd_multiples(&mut self, point: &Point) -> OddMultiples {
        let one = self.edwards_to_montgomery(point);
        let two = self.double_montgomery(&one);
        // 2 P = ±P and 2 P = (0, 1) are impossible for a point of order above 3, and ℓ does not
        // divide 6, so that 3 P has Edwards coordinates.
        let montgomery_three = self.add_montgomery(&two, &one);
        let three = self.montgomery_to_edwards(&montgomery_three);
        OddMultiples {
            one: point.clone(),
            three,
            montgomery_one: one,
            montgomery_three,
        }
    }

    /// `D P`, three constraints.
    fn select_montgomery(&mut self, window: &Window, multiples: &OddMultiples) -> MontgomeryPoint {
        let (one, three) = (&multiples.montgomery_one, &multiples.montgomery_three);
        let v = self.select(&window.is_three, &three.v, &one.v);
        MontgomeryPoint {
            u: self.select(&window.is_three, &three.u, &one.u),
            v: self.mul(&window.positive.sign(), &v),
        }
    }

    /// `4 M + D P`, as `R = 2 M`, then `(R + D P) + R`, whose inner v is never needed.
    fn ladder_window(
        &mut self,
        ladder: &MontgomeryPoint,
        window: &Window,
        multiples: &OddMultiples,
    ) -> MontgomeryPoint {
        let digit = self.select_montgomery(window, multiples);
        let r = self.double_montgomery(ladder);
        // First addition: its slope and its u only.
        let slope = self.div_nonzero(&(&digit.v - &r.v), &(&digit.u - &r.u));
        let u = self.chord_u(&slope, &r.u, &digit.u);
        // Second addition, of (u, v) with v = slope (r.u - u) - r.v, and R: the slope is
        // (v - r.v) / (u - r.u) = -slope - 2 r.v / (u - r.u).
        let quotient = self.div_nonzero(&r.v.scale(Fr::from(2)), &(&r.u - &u));
        let slope = &quotient - &slope;
        let u = self.chord_u(&slope, &r.u, &u);
        self.chord_point(&slope, &r, u)
    }

    /// The u of a sum: `slope^2 = u3 + A + u1 + u2`.
    fn chord_u(&mut self, slope: &Num, u1: &Num, u2: &Num) -> Num {
        let others = (u1 + u2).add_constant(Fr::from(MONTGOMERY_A));
        self.mul_sub(slope, slope, &others)
    }

    /// The v of a sum: `slope (u1 - u3) = v3 + v1`.
    fn chord_point(&mut self, slope: &Num, p: &MontgomeryPoint, u: Num) -> MontgomeryPoint {
        let v = self.mul_sub(slope, &(&p.u - &u), &p.v);
        MontgomeryPoint { u, v }
    }

    /// The sum of two points that are neither equal nor opposite; three constraints.
    fn add_montgomery(&mut self, p: &MontgomeryPoint, q: &MontgomeryPoint) -> MontgomeryPoint {
        let slope = self.div_nonzero(&(&q.v - &p.v), &(&q.u - &p.u));
        let u = self.chord_u(&slope, &p.u, &q.u);
        self.chord_point(&slope, p, u)
    }

    /// Twice a point that is not of order two; four constraints.
    fn double_montgomery(&mut self, p: &MontgomeryPoint) -> MontgomeryPoint {
        let a = Fr::from(MONTGOMERY_A);
        let square = self.mul(&p.u, &p.u);
        let rise = square
            .scale(Fr::from(3))
            .add_scaled(&p.u, a.double())
            .add_constant(Fr::ONE);
        let slope = self.div_nonzero(&rise, &p.v.scale(Fr::from(2)));
        let u = self.chord_u(&slope, &p.u, &p.u);
        self.chord_point(&slope, p, u)
    }

    /// For points whose order is above 2, whose x is therefore not 0, nor y 1.
    fn edwards_to_montgomery(&mut self, point: &Point) -> MontgomeryPoint {
        let u = self.div_nonzero(&point.y.add_constant(Fr::ONE), &point.y.one_minus());
        let v = self.div_nonzero(&u, &point.x);
        MontgomeryPoint { u, v }
    }

    /// `x = u / v`, `y = (u - 1) / (u + 1)`, for points whose order is above 2: v is 0 only in the
    /// point of order two, and no point has u = -1 (`v^2 = A - 2 = d` would be a square).
    fn montgomery_to_edwards(&mut self, point: &MontgomeryPoint) -> Point {
        Point {
            x: self.div_nonzero(&point.u, &point.v),
            y: self.div_nonzero(
                &point.u.add_constant(-Fr::ONE),
                &point.u.add_constant(Fr::ONE),
            ),
        }
    }

    fn edwards_window(&mut self, sum: &Point, window: &Window, multiples: &OddMultiples) -> Point {
        let digit = self.select_point(&window.is_three, &multiples.three, &multiples.one);
        let digit = Point {
            x: self.mul(&window.positive.sign(), &digit.x),
            y: digit.y,
        };
        let two = self.double_point(sum);
        let four = self.double_point(&two);
        self.add_points(&four, &digit)
    }

    /// `scalar * B8` for any scalar of 251 bits.
    ///
    /// Windows from the lowest: the sum of windows below w has a magnitude below `4^w` and the next
    /// term is at least `4^w` and at most `3 * 4^w`, so their sum and difference are not 0 and of
    /// a magnitude below `4^(w+1)`, which is below ℓ for w < 125: they are neither equal nor
    /// opposite. The sum of 125 windows is odd and below ℓ, so it has Edwards coordinates. The last
    /// term, which also takes away the excess of scalar | 1, is added by the Edwards law.
    pub fn mul_base(&mut self, scalar: &ScalarWindows) -> Point {
        let windows = &scalar.windows;
        assert_eq!(windows.len(), SAFE_WINDOWS + 1);
        let base = BaseMultiples::get();
        let mut sum: Option<MontgomeryPoint> = None;
        for (window, multiples) in windows.iter().zip(&base.safe) {
            let term = multiples.chosen_by(window);
            sum = Some(match sum {
                None => term,
                Some(sum) => self.add_montgomery(&sum, &term),
            });
        }
        let sum = self.montgomery_to_edwards(&sum.expect("there is at least one window"));
        let low = &windows[SAFE_WINDOWS].low;
        let last = self.last_constant_window(low, &scalar.low_bits[0], &base.last);
        self.add_points(&sum, &last)
    }

    /// `D * 4^125 B8 - (1 - odd) * B8`, D = 3 if `low` else 1 (the highest digit is the constant
    /// 1): for D = 1 and 3, `last` has it of even scalars and of odd ones.
    fn last_constant_window(&mut self, low: &Bit, odd: &Bit, last: &[NativePoint; 4]) -> Point {
        let [p00, p10, p01, p11] = last;
        let both = self.and(low, odd);
        let coordinate = |v00: Fr, v10: Fr, v01: Fr, v11: Fr| {
            Num::constant(v00)
                .add_scaled(low.num(), v10 - v00)
                .add_scaled(odd.num(), v01 - v00)
                .add_scaled(both.num(), v11 - v10 - v01 + v00)
        };
        Point {
            x: coordinate(p00.x, p10.x, p01.x, p11.x),
            y: coordinate(p00.y, p10.y, p01.y, p11.y),
        }
    }
}

/// Multiples of the base point B8, which are constants of every step.
struct BaseMultiples {
    /// Of `4^w B8`, w below 125.
    safe: Vec<ConstantWindow>,
    /// `D 4^125 B8 - (1 - odd) B8`, (D, odd) being (1, 0), (3, 0), (1, 1), (3, 1).
    last: [NativePoint; 4],
}

impl BaseMultiples {
    fn get() -> &'static Self {
        static MULTIPLES: OnceLock<BaseMultiples> = OnceLock::new();
        MULTIPLES.get_or_init(|| {
            let base = NativePoint::base8();
            let mut power = base;
            let mut safe = Vec::with_capacity(SAFE_WINDOWS);
            for _ in 0..SAFE_WINDOWS {
                safe.push(ConstantWindow::new(&power));
                power = power.double().double();
            }
            let three = power.double().add(&power);
            let minus_base = NativePoint {
                x: -base.x,
                y: base.y,
            };
            let even = [power, three].map(|point| point.add(&minus_base));
            BaseMultiples {
                safe,
                last: [even[0], even[1], power, three],
            }
        })
    }
}

/// The multiples P and 3 P of a constant point.
struct ConstantWindow {
    u1: Fr,
    /// `u3 - u1`.
    u_step: Fr,
    /// `(v3 + v1) / 2` and `(v3 - v1) / 2`.
    v_halves: (Fr, Fr),
}

impl ConstantWindow {
    fn new(point: &NativePoint) -> Self {
        let (u1, v1) = to_montgomery(point);
        let (u3, v3) = to_montgomery(&point.double().add(point));
        let half = inverse_or_zero(Fr::from(2));
        ConstantWindow {
            u1,
            u_step: u3 - u1,
            v_halves: ((v3 + v1) * half, (v3 - v1) * half),
        }
    }

    /// The window's multiple. With `s = ±1` for both digits, u depends on whether they agree and v
    /// is odd in them: `v = (v3 (s1 + s0) + v1 (s1 - s0)) / 2`.
    fn chosen_by(&self, window: &Window) -> MontgomeryPoint {
        let (high, low) = (window.positive.sign(), window.low.sign());
        MontgomeryPoint {
            u: window
                .is_three
                .num()
                .scale(self.u_step)
                .add_constant(self.u1),
            v: high
                .scale(self.v_halves.0)
                .add_scaled(&low, self.v_halves.1),
        }
    }
}
