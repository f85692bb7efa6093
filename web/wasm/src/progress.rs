//! What an operation says while it runs, for whoever shows it.

use std::cell::RefCell;

use maci_nova_chain::{Notice, Observer, Progress, Stage};
use serde::Serialize;

/// Something that an operation says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "text")]
pub enum Saying {
    /// Can be left out.
    Note(String),
    /// Must not be missed.
    Warning(String),
    /// Something begins that takes time.
    Stage(&'static str),
}

type Listener = Box<dyn Fn(&Saying)>;

thread_local! {
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Has this thread's operations say what they say to a listener.
pub fn listen(listener: Option<Listener>) {
    LISTENER.with(|held| *held.borrow_mut() = listener);
}

fn say(saying: &Saying) {
    LISTENER.with(|held| {
        if let Some(listener) = held.borrow().as_ref() {
            listener(saying);
        }
    });
}

/// Passes on what is said to this thread's [listener](listen).
#[derive(Clone, Copy, Debug)]
pub struct Speaker;

impl Observer for Speaker {
    fn note(&self, text: &str) {
        say(&Saying::Note(text.into()));
    }

    fn warn(&self, text: &str) {
        say(&Saying::Warning(text.into()));
    }

    fn notice(&self, notice: &Notice) {
        say(&Saying::Note(notice.to_string()));
    }

    fn stage(&self, stage: Stage) -> Box<dyn Progress> {
        // How far logs are read is known to who reads them.
        if let Stage::Timed { label } = stage {
            say(&Saying::Stage(label));
        }
        Box::new(())
    }
}
