//! A circuit of its own, of a join or of a bundle, as it is recorded. A step's has a state too, see
//! [`step`](crate::step).

use crate::num::Gadget;
use crate::recorder::Recorder;
use crate::Fr;

/// A circuit with all its constraints and values.
#[derive(Debug)]
pub struct Recording {
    /// Constraints and values.
    pub recorder: Recorder,
    /// The hints' values.
    pub hints: Vec<Fr>,
    /// The first constraint that the values violate.
    pub violated: Option<&'static str>,
}

impl Recording {
    /// What `fill` fills an empty constraint system with, some hints replaced as in
    /// [`Gadget::with_replacements`].
    pub fn of(replacements: &[(usize, Fr)], fill: impl FnOnce(&mut Gadget<'_, Recorder>)) -> Self {
        let mut recorder = Recorder::default();
        let mut gadget = Gadget::with_replacements(&mut recorder, replacements);
        fill(&mut gadget);
        let hints = gadget.hints().to_vec();
        let violated = gadget.violated();
        Recording {
            recorder,
            hints,
            violated,
        }
    }
}
