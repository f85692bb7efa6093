//! The ends of what a proof is about: states that everybody sees, or links to them.
//!
//! A long count is proven in segments, whose proofs meet in states that nobody may see: their tallies
//! are partial. Such an end is shown as a link,
//! ```text
//! link = P5(P5(salt, z_0, z_1, z_2, z_3), z_4, z_5, z_6, z_7)
//! ```
//! with a salt of the prover's choice, and two segments follow each other when the link at the end of
//! one is that at the start of the other. Whoever knows no salt learns nothing of the state; two
//! states with one link are a collision of P5.
//!
//! In v each end has as many words as a state has elements:
//! ```text
//! a state   z_0, ..., z_7         z_2, the next voter's index, is at least 1
//! a link    link, 0, ..., 0
//! ```
//! Word 2 says which of them it is, so a list of words is one or the other, never both.

use ff::{Field, PrimeField};
use maci_nova_protocol::poseidon::hash;
use maci_nova_step_circuit::{
    constraints::Constraints,
    num::{Bit, Gadget, Num},
    secret::Secret,
    Fr, ARITY,
};
use rand_core::OsRng;
use zeroize::Zeroizing;

/// The word that is 0 in a link and no state's: the next voter's index.
const KIND: usize = 2;

/// What hides the state behind a link. Secret: with it, guesses of the state can be tried. Zeroed when
/// dropped.
#[derive(Clone)]
pub struct Salt(Secret<Fr>);

impl core::fmt::Debug for Salt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Salt(<secret>)")
    }
}

impl Salt {
    /// A new one, from the operating system's generator.
    pub fn random() -> Self {
        Salt(vec![Fr::random(OsRng)].into())
    }

    /// The link to a state.
    pub fn link(&self, state: &[Fr; ARITY]) -> Fr {
        let [a, b, c, d, e, f, g, h] = *state;
        hash(&[hash(&[self.element(), a, b, c, d]), e, f, g, h])
    }

    /// As 32 bytes, little endian, for whoever else proves a segment that begins or ends at the link.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.element().to_repr().into())
    }

    /// From these bytes; `None` where they are no field element.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let element = Option::from(Fr::from_repr((*bytes).into()));
        element.map(|element: Fr| Salt(vec![element].into()))
    }

    fn element(&self) -> Fr {
        self.0[0]
    }
}

/// How one end of what is proven is shown.
#[derive(Clone, Debug)]
pub enum End {
    /// The state itself: the poll's first, or its last.
    State,
    /// A link to it.
    Link(Salt),
}

impl End {
    /// Its words in v.
    pub fn words(&self, state: &[Fr; ARITY]) -> [Fr; ARITY] {
        match self {
            End::State => *state,
            End::Link(salt) => link_words(salt.link(state)),
        }
    }

    /// The salt, or what stands for it in the circuit where there is none.
    pub(super) fn salt(&self) -> Fr {
        match self {
            End::State => Fr::ZERO,
            End::Link(salt) => salt.element(),
        }
    }
}

/// Of a count that is proven whole: both states are everybody's.
pub const WHOLE: [End; 2] = [End::State, End::State];

/// The words of a link.
pub fn link_words(link: Fr) -> [Fr; ARITY] {
    let mut words = [Fr::ZERO; ARITY];
    words[0] = link;
    words
}

/// Enforces that `words` show `state`, and returns whether they are the state itself:
/// ```text
/// word_0 = visible z_0 + (1 - visible) link,    word_j = visible z_j,    visible = (word_2 != 0)
/// ```
pub(super) fn enforce_shown<CS: Constraints<Fr>>(
    g: &mut Gadget<'_, CS>,
    words: &[Num],
    state: &[Num],
    salt: Fr,
) -> Bit {
    let visible = g.is_zero(&words[KIND]).not();
    let salt = g.alloc(salt);
    let first = g.hash([&salt, &state[0], &state[1], &state[2], &state[3]]);
    let link = g.hash([&first, &state[4], &state[5], &state[6], &state[7]]);
    let shown = g.select(&visible, &state[0], &link);
    g.enforce_equal("an end's state or link", &shown, &words[0]);
    for (element, word) in state.iter().zip(words).skip(1) {
        g.enforce("an end's state", visible.num(), element, word);
    }
    visible
}
