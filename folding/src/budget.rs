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
pub const OVERHEAD_LIMIT: usize = 22_000;

/// Constraints that the augmented circuit adds to a step with eight state elements.
pub const OVERHEAD: usize = 8_125;

/// The same by part.
///
/// * A Poseidon permutation of 25 words costs 778, and a variable for each element absorbed; there
///   are six: both running instances in and out, and two challenges.
/// * A challenge's 128 canonical bits cost 316.
/// * A coordinate in limbs costs 254 bits, and 61 to be below q; C and R are new, of the running
///   commitment only the bits are needed again.
/// * The multiplication on Grumpkin costs 6 a bit, 768.
pub const OVERHEAD_PARTS: [(&str, usize); 8] = [
    ("first step", 43),
    ("fold U", 67),
    ("fold U_cf", 824),
    ("incoming instance", 1_600),
    ("inputs", 1_772),
    ("outgoing instance", 1_600),
    ("rho", 1_101),
    ("rho_cf", 1_110),
];
