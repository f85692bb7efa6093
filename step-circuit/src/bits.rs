//! Bit decompositions and comparisons.

use ff::{Field, PrimeField};

use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// Bits of an element of [`Fr`].
pub const FIELD_BITS: usize = 254;

/// Bits that [`Gadget::less_than_constant`] compares at once: `3 * ceil(n / CHUNK) + CHUNK + 5`
/// constraints for n bits, least near `CHUNK = sqrt(3 n)`.
const CHUNK: usize = 32;

/// The modulus r, as 32 little-endian bytes.
pub(crate) fn modulus_le() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice((-Fr::ONE).to_repr().as_ref());
    // r - 1 is even, so adding 1 carries nowhere.
    bytes[0] += 1;
    bytes
}

/// Bit `i` of a little-endian integer.
pub(crate) fn bit_of(bytes_le: &[u8; 32], i: usize) -> bool {
    bytes_le[i / 8] >> (i % 8) & 1 == 1
}

/// The canonical integer of `value`, little-endian.
pub(crate) fn integer_le(value: &Fr) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(value.to_repr().as_ref());
    bytes
}

/// The small integer that bits `from..to` of `bytes_le` make.
fn chunk_of(bytes_le: &[u8; 32], from: usize, to: usize) -> u64 {
    (from..to)
        .rev()
        .fold(0, |acc, i| acc << 1 | u64::from(bit_of(bytes_le, i)))
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// The `n` bits of `a`, least significant first: `a = sum_i bits_i 2^i`; `n + 1` constraints.
    ///
    /// For `n < 254` the bits are unique and `a < 2^n` is enforced. With `n = 254` there may be two
    /// decompositions: see [`Gadget::canonical_bits`].
    pub fn bits(&mut self, a: &Num, n: usize) -> Vec<Bit> {
        let integer = integer_le(&a.value());
        let bits: Vec<Bit> = (0..n)
            .map(|i| self.alloc_bit(bit_of(&integer, i)))
            .collect();
        self.enforce_equal("sum of bits = a", &Num::from_bits_le(&bits), a);
        bits
    }

    /// The 254 bits of the integer in `[0, r)` that `a` is. Unique: without the comparison with r
    /// the prover could as well use the bits of `a + r` for every `a < 2^254 - r`.
    pub fn canonical_bits(&mut self, a: &Num) -> Vec<Bit> {
        let bits = self.bits(a, FIELD_BITS);
        let below = self.less_than_constant(&bits, &modulus_le());
        self.enforce_equal("a < r", below.num(), &Num::one());
        bits
    }

    /// Whether the integer of `bits` (least significant first, at most 256) is below `bound`.
    ///
    /// Both are cut into chunks of 32 bits. A one-hot hint names the highest chunk in which they
    /// differ: all chunks above it are equal, the difference there is not 0, and its sign decides.
    /// No chunk is named exactly if all are equal.
    pub fn less_than_constant(&mut self, bits: &[Bit], bound: &[u8; 32]) -> Bit {
        let differences = chunk_differences(bits, bound);
        let named = self.highest_difference(&differences);
        let mut difference = Num::zero();
        for (name, chunk) in named.iter().zip(&differences) {
            let part = self.mul(name.num(), chunk);
            difference = &difference + &part;
        }
        let any = named
            .iter()
            .fold(Num::zero(), |sum, name| &sum + name.num());
        self.enforce("at most one chunk", &any, &any.one_minus(), &Num::zero());
        // Named: not equal there. None named: all chunks are equal, so the difference is 0 and
        // so must be its "inverse", which nothing else would bind.
        let inverse = Option::<Fr>::from(difference.value().invert()).unwrap_or(Fr::ZERO);
        let inverse = self.alloc(inverse);
        self.enforce("named, different", &difference, &inverse, &any);
        self.enforce(
            "none named, no inverse",
            &inverse,
            &any.one_minus(),
            &Num::zero(),
        );
        // |difference| < 2^32, so the top of 33 bits of difference + 2^32 is its sign.
        let shifted = difference.add_constant(Fr::from(1 << CHUNK));
        let shifted_bits = self.bits(&shifted, CHUNK + 1);
        shifted_bits[CHUNK].not()
    }

    /// One bit a chunk, highest chunk first; all chunks before a named one (or all, if none is
    /// named) are enforced to be 0.
    fn highest_difference(&mut self, differences: &[Num]) -> Vec<Bit> {
        let first = differences.iter().position(|d| d.value() != Fr::ZERO);
        let mut seen = Num::zero();
        let mut named = Vec::with_capacity(differences.len());
        for (k, difference) in differences.iter().enumerate() {
            let name = self.alloc_bit(first == Some(k));
            seen = &seen + name.num();
            self.enforce(
                "equal above the named chunk",
                &seen.one_minus(),
                difference,
                &Num::zero(),
            );
            named.push(name);
        }
        named
    }

    /// Whether `a < b`, for `a, b < 2^n`, `n < 253`; the caller has bounded both.
    pub fn less_than(&mut self, a: &Num, b: &Num, n: usize) -> Bit {
        // a - b + 2^n has its bit n set exactly if a >= b.
        let shifted = (a - b).add_constant(power_of_two(n));
        self.bits(&shifted, n + 1)[n].not()
    }
}

/// `chunk of bits - chunk of bound`, highest chunk first.
fn chunk_differences(bits: &[Bit], bound: &[u8; 32]) -> Vec<Num> {
    let chunks = bits.len().div_ceil(CHUNK);
    debug_assert!((bits.len()..256).all(|i| !bit_of(bound, i)));
    (0..chunks)
        .rev()
        .map(|k| {
            let (from, to) = (k * CHUNK, bits.len().min((k + 1) * CHUNK));
            let bound_chunk = chunk_of(bound, from, to);
            Num::from_bits_le(&bits[from..to]).add_constant(-Fr::from(bound_chunk))
        })
        .collect()
}

/// `2^n` as a field element, n < 254.
pub(crate) fn power_of_two(n: usize) -> Fr {
    Fr::from(2).pow_vartime([n as u64])
}
