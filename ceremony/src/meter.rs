//! How far a long computation is.

use maci_nova_chain::{Observer, Running, Stage};

use crate::Error;

/// Points that are done with, of all; and whether somebody has asked to stop.
pub(crate) struct Meter<'a> {
    observer: &'a dyn Observer,
    stage: Running,
    done: u64,
}

impl<'a> Meter<'a> {
    /// Of what takes no time, for whoever neither looks nor asks to stop.
    pub(crate) fn silent() -> Self {
        Meter::new(&(), "", 0)
    }

    /// Of so many points, under this label.
    pub(crate) fn new(observer: &'a dyn Observer, label: &'static str, total: usize) -> Self {
        let stage = Stage::Counted {
            label,
            unit: "points",
            done: 0,
            total: total as u64,
        };
        Meter {
            observer,
            stage: observer.begin(stage),
            done: 0,
        }
    }

    /// So many more are done.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) fn add(&mut self, count: usize) -> Result<(), Error> {
        self.done += count as u64;
        self.stage.at(self.done);
        match self.observer.interrupted() {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}
