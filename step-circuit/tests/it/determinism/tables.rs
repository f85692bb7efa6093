//! What is given, what is conditional, and what only checks. A failing test prints the lists of
//! conditions and checks as they are found, in the form that they have here.

use maci_nova_step_circuit::Shape;

use crate::determinism::propagation::Inventory;
use crate::determinism::system::Which;

/// Hints that are given.
pub struct Given {
    /// Path of their namespace.
    pub scope: &'static str,
    pub which: Which,
    /// How many there are.
    pub count: fn(&Shape) -> usize,
}

/// What is found at a place.
pub struct Pinned {
    /// Path of the innermost namespace.
    pub scope: &'static str,
    /// What the constraint says.
    pub says: &'static str,
    /// How many there are: in `poll` for a step, elsewhere for an event.
    pub count: usize,
    /// Why the divisor is not 0, or what a check binds.
    pub why: &'static str,
}

const fn pinned(
    scope: &'static str,
    says: &'static str,
    count: usize,
    why: &'static str,
) -> Pinned {
    Pinned {
        scope,
        says,
        count,
        why,
    }
}

/// The lines of a table.
pub fn source(inventory: &Inventory) -> String {
    let all = [
        STEP_CONDITIONS.as_slice(),
        &STEP_CHECKS,
        &MEMBERSHIP_CONDITIONS,
        &MEMBERSHIP_CHECKS,
    ];
    let line = |((scope, says), count): (&(String, String), &usize)| {
        let mut known = all.iter().copied().flatten();
        let known = known.find(|pinned| (pinned.scope, pinned.says) == (scope, says));
        let why = known.map_or("", |pinned| pinned.why);
        format!("    pinned({scope:?}, {says:?}, {count}, {why:?}),\n")
    };
    inventory.iter().map(line).collect()
}

/// Besides the eight elements of the state before.
pub const STEP_GIVEN: [Given; 6] = [
    // The event: its kind (join, vote, top-up, bundle), ten elements of ciphertext, the encryption
    // key, the link before, a top-up's index and amount, a message's anchor, a blind event's salt
    // or the end of a bundle's own chain.
    Given {
        scope: "event",
        which: Which::All,
        count: |shape| 21 * shape.events_per_step,
    },
    // The poll's id, the coordinator's key, the options, the two bits of the mode.
    Given {
        scope: "poll",
        which: Which::All,
        count: |_| 6,
    },
    // The coordinator's scalar. Its bits follow from the key, but only by a discrete logarithm.
    Given {
        scope: "poll/coordinator key",
        which: Which::First(251),
        count: |_| 251,
    },
    // The leaf, its preimage (key, balance, nonce, vote root), four siblings a level.
    Given {
        scope: "state leaf",
        which: Which::Elements,
        count: |shape| (6 + 4 * shape.state_depth) * shape.events_per_step,
    },
    // The weight, four siblings a level.
    Given {
        scope: "vote tree",
        which: Which::Elements,
        count: |shape| (1 + 4 * shape.vote_depth) * shape.events_per_step,
    },
    // Votes and spent, four siblings a level.
    Given {
        scope: "tally tree",
        which: Which::Elements,
        count: |shape| (2 + 4 * shape.vote_depth) * shape.events_per_step,
    },
];

const ON_CURVE: &str = "the Edwards law of points on the curve, whose denominators are not 0";
const LADDER: &str =
    "points that meet are neither equal nor opposite, none has order 2; or Edwards";

pub const STEP_CONDITIONS: [Pinned; 6] = [
    pinned(
        "chains",
        "the head is not 0",
        1,
        "a link is a hash, 0 for nobody; only the inverse depends on it, which nothing reads",
    ),
    pinned("decryption/shared key", "quotient * b = a", 398, LADDER),
    pinned("poll/coordinator key", "quotient * b = a", 128, LADDER),
    pinned("signature", "quotient * b = a", 2, ON_CURVE),
    pinned("signature/S B8", "quotient * b = a", 128, LADDER),
    pinned("signature/h 8 A", "quotient * b = a", 400, LADDER),
];

const BIT: &str = "what is given is a bit";

pub const STEP_CHECKS: [Pinned; 18] = [
    pinned(
        "chains",
        "link at the cursor",
        1,
        "a message but the first is the chain's next",
    ),
    pinned(
        "chains",
        "no join after a message",
        1,
        "joins are counted first",
    ),
    pinned(
        "chains",
        "no top-up or bundle in a bundle",
        1,
        "a bundle holds messages, and is closed before the next",
    ),
    pinned(
        "event",
        "a bundle's mark",
        1,
        "no message's link is taken for a bundle's",
    ),
    pinned("event", "bit * (1 - bit) = 0", 4, BIT),
    pinned(
        "event",
        "no salt",
        1,
        "only a blind event or a bundle has one",
    ),
    pinned("event", "one kind", 1, "an event is of one kind"),
    pinned("poll", "bit * (1 - bit) = 0", 2, BIT),
    pinned(
        "poll",
        "this is the poll",
        1,
        "the constants are those of the state",
    ),
    pinned("poll/coordinator key", "bit * (1 - bit) = 0", 251, BIT),
    pinned(
        "poll/coordinator key",
        "sk < ℓ",
        1,
        "of sk and sk + ℓ only sk",
    ),
    pinned(
        "poll/coordinator key",
        "sk B8 = key, x",
        1,
        "the scalar is the key's",
    ),
    pinned(
        "poll/coordinator key",
        "sk B8 = key, y",
        1,
        "the scalar is the key's",
    ),
    pinned("state leaf", "empty leaf", 1, "a join takes an empty leaf"),
    pinned(
        "state leaf",
        "leaf is in the state",
        1,
        "leaf and siblings are the state's",
    ),
    pinned("state leaf", "own leaf", 1, "the preimage is the target's"),
    pinned(
        "tally tree",
        "result is in the tally",
        1,
        "result and siblings are the tally's",
    ),
    pinned(
        "vote tree",
        "weight is in the ballot",
        1,
        "weight and siblings are the preimage's",
    ),
];

/// Besides root, nullifier, scope and binding.
pub const MEMBERSHIP_GIVEN: [Given; 2] = [
    // Whether a level is used, its side, its sibling.
    Given {
        scope: "levels",
        which: Which::All,
        count: |_| 96,
    },
    // The voter's scalar.
    Given {
        scope: "secret",
        which: Which::First(251),
        count: |_| 251,
    },
];

pub const MEMBERSHIP_CONDITIONS: [Pinned; 1] = [pinned("key", "quotient * b = a", 128, LADDER)];

pub const MEMBERSHIP_CHECKS: [Pinned; 8] = [
    pinned(
        "",
        "the key is in the tree",
        1,
        "leaf and path are the root's",
    ),
    pinned(
        "",
        "the nullifier is the key's",
        1,
        "one nullifier for a key and scope",
    ),
    pinned("levels", "bit * (1 - bit) = 0", 64, BIT),
    pinned(
        "levels",
        "levels are used from the first on",
        31,
        "a path has one form",
    ),
    pinned("levels", "no sibling", 32, "a path has one form"),
    pinned("levels", "no side", 32, "a path has one form"),
    pinned("secret", "bit * (1 - bit) = 0", 251, BIT),
    pinned("secret", "sk < ℓ", 1, "of sk and sk + ℓ only sk"),
];
