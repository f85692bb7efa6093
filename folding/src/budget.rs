//! What the folding costs: pinned, so that drift shows.
//!
//! Constraints, by part. Tests compare them with the circuits.

/// The most constraints that the CycleFold circuit may have.
pub const CYCLEFOLD_LIMIT: usize = 1_000;

/// Constraints of the CycleFold circuit.
pub const CYCLEFOLD_CONSTRAINTS: usize = 498;

/// The same by part. `rho Q`: a first doubling 4; of the 64 rounds each 5 for `2 acc + digit` and 2
/// for the digit; 2 sums of bits; zeta x.
pub const CYCLEFOLD: [(&str, usize); 6] = [
    ("P", 7),
    ("P + rho Q", 21),
    ("Q", 7),
    ("R", 2),
    ("coordinates", 6),
    ("rho Q", 455),
];

/// The most constraints that the augmented circuit may add to a step.
pub const OVERHEAD_LIMIT: usize = 5_800;

/// Constraints that the augmented circuit adds to a step with eight state elements, at t = 15.
pub const OVERHEAD: usize = 5_605;

/// The same by part.
///
/// A Poseidon permutation costs its S-boxes: 108 of 6 words, 204 of 17, 259 of 25, less one for
/// each word of the first block that nothing is absorbed in. The 254 canonical bits of a hash cost
/// 317.
///
/// * "challenges": delta absorbs 5 elements (108), alpha 1 + t = 16 (204), gamma 5 (108); delta and
///   alpha become variables (2); gamma's bits (317), their multiplier (64); delta and gamma times
///   `later` (2).
/// * "first step": whether i = 0 (3), and each of the 74 previous values: 8 of `z_0 - z`, a salt,
///   the sums of three points' limbs, `x` (2), beta (t), e, F (t), K (4), two points on Grumpkin
///   (4), `u_cf` and 20 inputs.
/// * "fold U": F(alpha) t, beta `2 t - 1`, x 2, e 5.
/// * "fold U_cf": the multiplier times `later` (1), 20 inputs, that the incoming point is on the
///   curve or infinity (7), whether the running one is infinity (3), a doubling (4), 6 for each of
///   128 bits (768), a complete addition (21).
/// * "incoming instance": `x_0` absorbs 39 elements (2 of 259), `x_1` 23 (258); both times `later`
///   (2).
/// * "inputs": a coordinate in limbs costs its 254 bits, and 62 to be below q; D and R are new, of
///   the running commitment only the bits are needed again.
/// * "outgoing instance": the same hashes, and 2 to publish them.
/// * "parameters": what the digest is.
/// * "rho_cf": 14 elements (202), and their hash's bits (317).
pub const OVERHEAD_PARTS: [(&str, usize); 9] = [
    ("challenges", 805),
    ("first step", 77),
    ("fold U", 51),
    ("fold U_cf", 824),
    ("incoming instance", 778),
    ("inputs", 1_772),
    ("outgoing instance", 778),
    ("parameters", 1),
    ("rho_cf", 519),
];
