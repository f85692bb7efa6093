//! Multi-scalar multiplication with bases that stay: the step's commitments on BN254.
//!
//! A scalar is `sum_j d_j 2^(c j)`, with digits of c bits and a sign. With tables of the bases times
//! `2^(c stride s)`, the windows `j = s stride + r` of all s go into the buckets of r together:
//! ```text
//! sum_i s_i P_i = sum_r 2^(c r) sum_b b B_(r,b),   B_(r,b) = the sum of +-2^(c stride s) P_i with |d_j| = b
//! ```
//! One table is Pippenger's method; as many as there are windows leave one set of buckets. Buckets
//! are summed in affine coordinates, pair by pair, with one inversion for many additions: six
//! multiplications each. A short scalar has few digits that are not 0, and costs as little; `r - s`
//! stands for a scalar that is nearer to r than to 0.
//!
//! Nothing here takes a time that is independent of the scalars. They are known to the process that
//! proves, and to nobody who could time it from inside.

use std::ops::Range;

use ff::{Field, PrimeField};
use halo2curves::{
    bn256::{Fq, Fr, G1Affine, G1},
    group::Group,
};
use rayon::prelude::*;

/// The most memory that tables take, in bytes.
const TABLES_BYTES: usize = 32 << 20;
/// Bits of a scalar's absolute value, `min(s, r - s)`, and the carry of the highest digit.
const SCALAR_BITS: usize = 254;
/// Entries of buckets that a thread takes at a time: their points fit into a core's cache.
const CHUNK: usize = 1 << 12;
/// Scalars whose digits a thread makes at a time.
const SCALARS_CHUNK: usize = 1 << 10;
/// The sign of an entry.
const NEGATIVE: u32 = 1 << 31;
/// Bits of a bucket's column when the buckets are summed up.
const COLUMN_BITS: usize = 6;

/// Affine coordinates; (0, 0), which is not on the curve, is infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    x: Fq,
    y: Fq,
}

const INFINITY: Point = Point {
    x: Fq::ZERO,
    y: Fq::ZERO,
};

impl Point {
    fn is_infinity(&self) -> bool {
        self.y == Fq::ZERO
    }
}

impl From<&G1Affine> for Point {
    fn from(point: &G1Affine) -> Self {
        Point {
            x: point.x,
            y: point.y,
        }
    }
}

impl From<Point> for G1 {
    fn from(point: Point) -> Self {
        match point.is_infinity() {
            true => G1::identity(),
            false => G1Affine {
                x: point.x,
                y: point.y,
            }
            .into(),
        }
    }
}

/// Bases with multiples of them.
pub(crate) struct FixedBases {
    /// Bits of a digit.
    window: usize,
    /// Sets of buckets.
    stride: usize,
    /// Bases.
    count: usize,
    /// `2^(window stride s)` times each base, one table after another.
    tables: Vec<Point>,
}

impl FixedBases {
    /// Tables for bases, within the memory that is theirs.
    pub(crate) fn new(bases: &[G1Affine]) -> Self {
        let bytes = bases.len().max(1) * size_of::<Point>();
        let most = (TABLES_BYTES / bytes).max(1);
        let plan = |window: usize| {
            let windows = SCALAR_BITS.div_ceil(window);
            let stride = windows.div_ceil(most);
            // Additions into buckets, and of buckets: two for each of 2^(window - 1), and twice
            // where a part is committed to ahead.
            let cost = bases.len() * windows + (stride << (window + 1));
            (cost, window, stride)
        };
        let (_, window, stride) = (4..=15).map(plan).min().expect("some windows");
        let more = SCALAR_BITS.div_ceil(window).div_ceil(stride) - 1;
        let mut last: Vec<Point> = bases.iter().map(Point::from).collect();
        let mut tables = Vec::with_capacity(bases.len() * (more + 1));
        tables.extend_from_slice(&last);
        for _ in 0..more {
            double(&mut last, window * stride);
            tables.extend_from_slice(&last);
        }
        FixedBases {
            window,
            stride,
            count: bases.len(),
            tables,
        }
    }

    /// `sum_i scalars_i bases_i` of the first bases.
    ///
    /// # Panics
    /// When there are more scalars than bases.
    pub(crate) fn multiply(&self, scalars: &[Fr]) -> G1 {
        self.multiply_around(0..0, scalars)
    }

    /// The same of the first bases that are not in `gap`.
    ///
    /// # Panics
    /// When there are more scalars than such bases.
    pub(crate) fn multiply_around(&self, gap: Range<usize>, scalars: &[Fr]) -> G1 {
        let taken = scalars.len() + gap.len();
        assert!(taken <= self.count, "a base for each scalar");
        let windows = SCALAR_BITS.div_ceil(self.window);
        let digits: Vec<i16> = self.digits(scalars, windows);
        let of_set = |r: usize| {
            let entries = self.sorted(&digits, &gap, scalars.len(), r);
            self.set(&entries)
        };
        let sums: Vec<G1> = (0..self.stride).into_par_iter().map(of_set).collect();
        sums.into_iter().rev().fold(G1::identity(), |sum, of_set| {
            (0..self.window).fold(sum, |sum, _| sum.double()) + of_set
        })
    }

    /// All digits: window by window, of each scalar.
    fn digits(&self, scalars: &[Fr], windows: usize) -> Vec<i16> {
        let of_each: Vec<Vec<i16>> = scalars
            .par_chunks(SCALARS_CHUNK)
            .map(|chunk| {
                let mut digits = vec![0; chunk.len() * windows];
                for (scalar, digits) in chunk.iter().zip(digits.chunks_mut(windows)) {
                    write_digits(scalar, self.window, digits);
                }
                digits
            })
            .collect();
        let mut by_window = vec![0; scalars.len() * windows];
        by_window
            .par_chunks_mut(scalars.len().max(1))
            .enumerate()
            .for_each(|(j, window)| {
                let all = of_each.iter().flat_map(|digits| digits.chunks(windows));
                for (digit, digits) in window.iter_mut().zip(all) {
                    *digit = digits[j];
                }
            });
        by_window
    }

    /// `sum_b b B_(r,b)`.
    fn set(&self, Entries { entries, ends }: &Entries) -> G1 {
        // Ranges of whole buckets with about as many entries.
        let mut ranges = vec![];
        let mut first = 0;
        for bucket in 0..ends.len() {
            let start = first_entry(ends, first);
            if ends[bucket] as usize - start >= CHUNK || bucket + 1 == ends.len() {
                ranges.push(first..bucket + 1);
                first = bucket + 1;
            }
        }
        let buckets: Vec<Vec<Point>> = ranges
            .into_par_iter()
            .map(|range| {
                let start = first_entry(ends, range.start);
                let lengths = range
                    .clone()
                    .map(|bucket| (ends[bucket] as usize - first_entry(ends, bucket)) as u32);
                let entries = &entries[start..ends[range.end - 1] as usize];
                sums(self.points(entries), lengths.collect())
            })
            .collect();
        weighted(&buckets.concat())
    }

    /// The entries of set r, with so many scalars for the bases that are not in `gap`.
    fn sorted(&self, digits: &[i16], gap: &Range<usize>, scalars: usize, r: usize) -> Entries {
        let windows = digits.len() / scalars.max(1);
        let tables: Vec<(usize, usize)> = (0..self.tables.len() / self.count.max(1))
            .map(|s| (s, s * self.stride + r))
            .filter(|(_, window)| *window < windows)
            .collect();
        let of_window = |window: usize| &digits[window * scalars..(window + 1) * scalars];
        let mut ends = vec![0u32; 1 << self.window];
        for (_, window) in &tables {
            for digit in of_window(*window).iter().filter(|digit| **digit != 0) {
                ends[number(*digit)] += 1;
            }
        }
        let mut total = 0;
        for end in &mut ends {
            // Where a digit's entries begin, until they are there.
            (*end, total) = (total, total + *end);
        }
        let mut entries = vec![0u32; total as usize];
        for (s, window) in tables {
            let digits = of_window(window).iter().enumerate();
            for (i, digit) in digits.filter(|(_, digit)| **digit != 0) {
                let base = if i < gap.start { i } else { i + gap.len() };
                let end = &mut ends[number(*digit)];
                let sign = if *digit < 0 { NEGATIVE } else { 0 };
                entries[*end as usize] = (s * self.count + base) as u32 | sign;
                *end += 1;
            }
        }
        let ends = ends.chunks_exact(2).map(|of_both| of_both[1]).collect();
        Entries { entries, ends }
    }

    fn points(&self, entries: &[u32]) -> Vec<Point> {
        let of_tables = |entry: &u32| self.tables[(entry & !NEGATIVE) as usize];
        let mut points: Vec<Point> = entries.iter().map(of_tables).collect();
        for (point, entry) in points.iter_mut().zip(entries) {
            if entry & NEGATIVE != 0 {
                point.y = -point.y;
            }
        }
        points
    }
}

/// What a set's buckets hold.
struct Entries {
    /// Places in the tables, with signs, bucket by bucket. In each the negative ones are the last:
    /// a sign that changes at random is a branch that no processor foretells.
    entries: Vec<u32>,
    /// Where each bucket ends. Bucket b holds the entries of b + 1.
    ends: Vec<u32>,
}

fn first_entry(ends: &[u32], bucket: usize) -> usize {
    bucket
        .checked_sub(1)
        .map_or(0, |before| ends[before] as usize)
}

/// The place of a digit that is not 0 in the order 1, -1, 2, -2, ...
fn number(digit: i16) -> usize {
    2 * (digit.unsigned_abs() as usize - 1) + usize::from(digit < 0)
}

/// Digits from `-2^(window - 1)` to `2^(window - 1)`, least significant first.
fn write_digits(scalar: &Fr, window: usize, digits: &mut [i16]) {
    let mut limbs = words(scalar);
    let negated = words(&-scalar);
    let negative = negated.iter().rev().lt(limbs.iter().rev());
    if negative {
        limbs = negated;
    }
    let (mask, half) = ((1u64 << window) - 1, 1i64 << (window - 1));
    let mut carry = 0;
    for (j, digit) in digits.iter_mut().enumerate() {
        let (word, bit) = (j * window / 64, j * window % 64);
        let low = limbs.get(word).map_or(0, |limb| limb >> bit);
        let high = match limbs.get(word + 1) {
            Some(limb) if bit > 0 => limb << (64 - bit),
            _ => 0,
        };
        let mut value = ((low | high) & mask) as i64 + carry;
        carry = i64::from(value > half);
        value -= carry << window;
        *digit = if negative { -value } else { value } as i16;
    }
    debug_assert_eq!(carry, 0, "the highest window has a bit to spare");
}

fn words(scalar: &Fr) -> [u64; 4] {
    let bytes: [u8; 32] = scalar.to_repr().into();
    core::array::from_fn(|i| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[8 * i..8 * i + 8]);
        u64::from_le_bytes(word)
    })
}

/// Sums of consecutive points, so many for each sum.
fn sums(mut points: Vec<Point>, mut lengths: Vec<u32>) -> Vec<Point> {
    let mut pairs = Vec::with_capacity(points.len() / 2);
    let mut first = 0;
    while lengths.iter().any(|length| *length > 1) {
        first = halve(&mut points, first, &mut lengths, &mut pairs);
    }
    let mut rest = points.drain(first..);
    lengths
        .into_iter()
        .map(|length| match length {
            0 => INFINITY,
            _ => rest.next().unwrap_or(INFINITY),
        })
        .collect()
}

/// Two points that are added.
struct Pair {
    denominator: Fq,
    /// The product of the denominators before it in its chain.
    before: Fq,
}

/// Adds the points of each sum from the first on, pair by pair. The sums of pairs take the last
/// places; returns where they begin.
///
/// Of one chain of products each would wait for the one before it: pairs take turns in two.
fn halve(points: &mut [Point], first: usize, lengths: &mut [u32], pairs: &mut Vec<Pair>) -> usize {
    pairs.clear();
    let mut chains = [Fq::ONE; 2];
    let mut start = first;
    for length in lengths.iter() {
        let end = start + *length as usize;
        for pair in points[start..end].chunks_exact(2) {
            let (denominator, before) = (denominator(&pair[0], &pair[1]), chains[0]);
            pairs.push(Pair {
                denominator,
                before,
            });
            chains = [chains[1], before * denominator];
        }
        start = end;
    }
    let inverse = (chains[0] * chains[1])
        .invert()
        .expect("no denominator is 0");
    let mut inverses = [inverse * chains[1], inverse * chains[0]];
    let (mut read, mut write) = (points.len(), points.len());
    let mut pairs = pairs.iter().rev();
    for length in lengths.iter_mut().rev() {
        if *length % 2 == 1 {
            (read, write) = (read - 1, write - 1);
            points[write] = points[read];
        }
        for pair in pairs.by_ref().take(*length as usize / 2) {
            (read, write) = (read - 2, write - 1);
            let inverse = inverses[1] * pair.before;
            points[write] = add(&points[read], &points[read + 1], &inverse);
            inverses = [inverses[1] * pair.denominator, inverses[0]];
        }
        *length = length.div_ceil(2);
    }
    write
}

/// What the slope of an addition is divided by, or 1 where there is none.
fn denominator(p: &Point, q: &Point) -> Fq {
    let difference = q.x - p.x;
    if p.is_infinity() || q.is_infinity() {
        return Fq::ONE;
    }
    if difference != Fq::ZERO {
        return difference;
    }
    match p.y == q.y {
        // No point has order 2.
        true => p.y.double(),
        false => Fq::ONE,
    }
}

/// `p + q`, the inverse of the denominator being known.
fn add(p: &Point, q: &Point, inverse: &Fq) -> Point {
    if p.is_infinity() {
        return *q;
    }
    if q.is_infinity() {
        return *p;
    }
    let numerator = if p.x != q.x {
        q.y - p.y
    } else if p.y == q.y {
        let square = p.x.square();
        square.double() + square
    } else {
        return INFINITY;
    };
    let slope = numerator * inverse;
    let x = slope.square() - p.x - q.x;
    Point {
        x,
        y: slope * (p.x - x) - p.y,
    }
}

/// Replaces each point by `2^times` it.
fn double(points: &mut [Point], times: usize) {
    points.par_chunks_mut(CHUNK / 4).for_each(|chunk| {
        for _ in 0..times {
            let twice: Vec<Point> = chunk.iter().flat_map(|point| [*point; 2]).collect();
            let sums = sums(twice, vec![2; chunk.len()]);
            chunk.copy_from_slice(&sums);
        }
    });
}

/// `sum_b (b + 1) B_b`: with `b + 1 = row 2^6 + column`, sums of rows and of columns first.
fn weighted(buckets: &[Point]) -> G1 {
    let columns = 1 << COLUMN_BITS;
    // Number 0 has no bucket.
    let mut all = vec![INFINITY];
    all.extend_from_slice(buckets);
    let rows = all.len().div_ceil(columns);
    all.resize(rows * columns, INFINITY);
    let transposed: Vec<Point> = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| row * columns + column))
        .map(|at| all[at])
        .collect();
    let (of_rows, of_columns) = rayon::join(
        || by_number(&sums(all, vec![columns as u32; rows])),
        || by_number(&sums(transposed, vec![rows as u32; columns])),
    );
    (0..COLUMN_BITS).fold(of_rows, |sum, _| sum.double()) + of_columns
}

/// `sum_i i P_i`.
fn by_number(points: &[Point]) -> G1 {
    let (mut running, mut sum) = (G1::identity(), G1::identity());
    for point in points.iter().skip(1).rev() {
        running += G1::from(*point);
        sum += running;
    }
    sum
}

#[cfg(test)]
mod tests {
    use halo2curves::{group::Curve as _, msm::msm_best};
    use rand_core::OsRng;

    use super::*;

    fn bases(count: usize) -> Vec<G1Affine> {
        let points: Vec<G1> = (0..count).map(|_| G1::random(OsRng)).collect();
        let mut affine = vec![G1Affine::default(); count];
        G1::batch_normalize(&points, &mut affine);
        affine
    }

    /// Scalars at the borders of digits and of the field, short ones of both signs, and any.
    fn scalars(count: usize) -> Vec<Fr> {
        let two = |exponent: u64| Fr::from(2).pow_vartime([exponent]);
        let mut edges = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2), -Fr::from(2)];
        let half = (-Fr::ONE) * Fr::from(2).invert().expect("not 0");
        edges.extend([half, half + Fr::ONE, -half]);
        for exponent in [3, 12, 13, 14, 63, 64, 65, 127, 128, 191, 192, 252, 253] {
            let power = two(exponent);
            edges.extend([
                power,
                power - Fr::ONE,
                power + Fr::ONE,
                -power,
                Fr::ONE - power,
            ]);
        }
        let any = core::iter::repeat_with(|| Fr::random(OsRng));
        edges.into_iter().chain(any).take(count).collect()
    }

    fn expected(scalars: &[Fr], bases: &[G1Affine]) -> G1 {
        msm_best(scalars, &bases[..scalars.len()])
    }

    #[test]
    fn sums_are_the_librarys() {
        for count in [1, 2, 5, 100, 1_000, 5_000] {
            let (bases, scalars) = (bases(count), scalars(count));
            let fixed = FixedBases::new(&bases);
            assert_eq!(fixed.multiply(&scalars), expected(&scalars, &bases));
            let fewer = &scalars[..count / 2];
            if !fewer.is_empty() {
                assert_eq!(fixed.multiply(fewer), expected(fewer, &bases));
            }
        }
        assert_eq!(FixedBases::new(&bases(3)).multiply(&[]), G1::identity());
    }

    #[test]
    fn parts_make_the_sum() {
        let (bases, scalars) = (bases(300), scalars(300));
        let fixed = FixedBases::new(&bases);
        for part in [0..300, 0..120, 120..170, 170..300, 40..40] {
            let rest = [&scalars[..part.start], &scalars[part.end..]].concat();
            let sums = [
                fixed.multiply_around(0..part.start, &scalars[part.clone()]),
                fixed.multiply_around(part, &rest),
            ];
            assert_eq!(sums[0] + sums[1], expected(&scalars, &bases));
        }
    }

    /// As many bases as leave no memory for a table of each window.
    #[test]
    fn tables_are_as_many_as_there_is_memory_for() {
        let one = bases(1)[0];
        let few = FixedBases::new(&vec![one; 1 << 10]);
        assert_eq!(few.stride, 1);
        let count = TABLES_BYTES / size_of::<Point>() / 3;
        let bases: Vec<G1Affine> = bases(1 << 12).into_iter().cycle().take(count).collect();
        let many = FixedBases::new(&bases);
        assert!(many.tables.len() <= 3 * count && many.stride > 1);
        let scalars = scalars(1 << 10);
        assert_eq!(many.multiply(&scalars), expected(&scalars, &bases));
    }

    /// Sums in which equal and opposite points, and infinity, meet.
    #[test]
    fn exceptional_sums() {
        let one = bases(1)[0];
        let opposite = -one;
        for count in [2, 3, 64, 257] {
            let same = vec![one; count];
            let mixed: Vec<G1Affine> = (0..count)
                .map(|i| [one, opposite, G1Affine::default()][i % 3])
                .collect();
            for bases in [same, mixed] {
                let fixed = FixedBases::new(&bases);
                for scalar in [Fr::ONE, -Fr::ONE, Fr::from(5), Fr::random(OsRng)] {
                    let scalars = vec![scalar; count];
                    let sum: G1 = bases.iter().map(|base| base * scalar).sum();
                    assert_eq!(fixed.multiply(&scalars), sum);
                }
            }
        }
    }

    #[test]
    fn digits_make_the_scalar() {
        for window in 4..=15 {
            for scalar in scalars(100) {
                let mut digits = vec![0; SCALAR_BITS.div_ceil(window)];
                write_digits(&scalar, window, &mut digits);
                let base = Fr::from(1 << window);
                let sum = digits.iter().rev().fold(Fr::ZERO, |sum, digit| {
                    let magnitude = Fr::from(u64::from(digit.unsigned_abs()));
                    sum * base + if *digit < 0 { -magnitude } else { magnitude }
                });
                assert_eq!(sum, scalar, "{window}");
                assert!(digits.iter().all(|d| d.unsigned_abs() <= 1 << (window - 1)));
            }
        }
    }
}
