//! What the gadgets cost: pinned, so that drift shows.
//!
//! The figures are those of one event, K = 1, at the reference depths. Tests compare them with the
//! circuit; benches, commands and documents read them from here. The folding has power rows, and so
//! has its step ([`constraints`](crate::constraints)). What Groth16 proves has products only.

use crate::shape::Shape;

/// The shape that budgets and benches are for: 9.7 million voters, 125 options, one event a step.
pub const REFERENCE: Shape = Shape {
    state_depth: 10,
    vote_depth: 3,
    events_per_step: 1,
};

/// The most constraints that a step of the reference shape may have.
pub const CONSTRAINT_LIMIT: usize = 11_500;

/// Constraints of the whole reference step, power rows included.
pub const CONSTRAINTS: usize = 11_134;

/// Power rows of the reference step: its S-boxes.
pub const POWERS: usize = 4_947;

/// Variables of the reference step but one and the state before.
pub const VARIABLES: usize = 11_090;

/// Entries of the five matrices of the reference step that are not 0.
pub const ENTRIES: usize = 172_602;

/// Constraints a further event adds to a step.
pub const CONSTRAINTS_A_FURTHER_EVENT: usize = 10_195;

/// Constraints of the reference step in a system with products only, where an S-box takes three:
/// `CONSTRAINTS + 2 POWERS`.
pub const PLAIN_CONSTRAINTS: usize = 21_028;

/// The most that it may have there.
pub const PLAIN_CONSTRAINT_LIMIT: usize = 21_500;

/// Entries of its three matrices that are not 0.
pub const PLAIN_ENTRIES: usize = 460_347;

/// Constraints a further event adds to it.
pub const PLAIN_CONSTRAINTS_A_FURTHER_EVENT: usize = 19_875;

/// Constraints of each gadget of the reference step, by the two outer levels of its namespace.
pub const GADGETS: [(&str, usize); 22] = [
    ("chains", 19),
    ("decryption", 9),
    ("decryption/cipher", 361),
    ("decryption/command hash", 99),
    ("decryption/packed bits", 317),
    ("decryption/shared key", 1568),
    ("digests", 490),
    ("event", 7),
    ("indices", 136),
    ("output", 8),
    ("poll", 4),
    ("poll/coordinator key", 820),
    ("poll/poll context", 107),
    ("rules", 140),
    ("signature", 32),
    ("signature/S B8", 883),
    ("signature/challenge", 107),
    ("signature/h 8 A", 2014),
    ("state leaf", 299),
    ("state leaf/state tree", 2220),
    ("tally tree", 827),
    ("vote tree", 667),
];

/// Constraints of a bundle's proof: for the first message that there is room for, and for each
/// further one.
pub const BUNDLE_CONSTRAINTS: (usize, usize) = (1_212, 1_217);

/// Constraints of a voter's proof of membership.
pub const MEMBERSHIP_CONSTRAINTS: usize = 9_222;

/// Entries of its three matrices that are not 0.
pub const MEMBERSHIP_ENTRIES: usize = 235_431;

/// Constraints of its parts, by the outer level of their namespace.
pub const MEMBERSHIP_GADGETS: [(&str, usize); 8] = [
    ("", 2),
    ("binding", 1),
    ("key", 505),
    ("leaf", 258),
    ("levels", 159),
    ("nullifier", 240),
    ("path", 7744),
    ("secret", 313),
];
