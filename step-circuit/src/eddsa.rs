//! EdDSA-Poseidon verification as a gadget: `protocol::eddsa` inside the circuit.

use crate::babyjub::{subgroup_order_le, Point, SCALAR_BITS};
use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::Fr;

/// A signature as it was decrypted: any three elements.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The commitment R8.
    pub r8: Point,
    /// The scalar S.
    pub s: Num,
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// Whether `signature` is one of `message` under `key`. All of: R8 and the key on the curve,
    /// `8 A` not the neutral element (or anybody could sign under A: h times it is nothing),
    /// `S < ℓ`, and `S B8 = R8 + h (8 A)` with `h = P5(R8.x, R8.y, A.x, A.y, m)` as an integer in
    /// `[0, r)`.
    ///
    /// Every combination of elements has a witness: points off the curve are replaced by the
    /// neutral element before anything is computed with them, a scalar of ℓ or more is cut to its
    /// lowest 251 bits, and the result is then false for that reason: a key off the curve too,
    /// because the neutral element in its place is one of low order.
    pub fn verify_signature(&mut self, key: &Point, message: &Num, signature: &Signature) -> Bit {
        let r8_on_curve = self.is_on_curve(&signature.r8);
        let key_on_curve = self.is_on_curve(key);
        let r8 = self.select_point(&r8_on_curve, &signature.r8, &Point::identity());
        let safe_key = self.select_point(&key_on_curve, key, &Point::identity());

        let (s_is_scalar, left) = self.scope("S B8", |g| g.mul_base_by_element(&signature.s));
        let h = self.scope("challenge", |g| {
            g.hash([&signature.r8.x, &signature.r8.y, &key.x, &key.y, message])
        });
        let (key_is_low, right) = self.scope("h 8 A", |g| {
            let bits = g.canonical_bits(&h);
            let windows = g.scalar_windows(&bits);
            g.mul_cofactor_multiple(&windows, &safe_key)
        });
        let right = self.add_points(&r8, &right);
        let holds = self.is_equal_point(&left, &right);
        self.all(&[&r8_on_curve, &key_is_low.not(), &s_is_scalar, &holds])
    }

    /// Whether `s < ℓ`, and `s * B8` if it is. The bits are canonical: those of `s + r`, which is
    /// above ℓ, would make a valid signature invalid.
    fn mul_base_by_element(&mut self, s: &Num) -> (Bit, Point) {
        let bits = self.canonical_bits(s);
        let is_scalar = self.less_than_constant(&bits, &subgroup_order_le());
        let windows = self.scalar_windows(&bits[..SCALAR_BITS]);
        (is_scalar, self.mul_base(&windows))
    }
}
