//! Messages are decrypted and judged as they arrive, by the plain count: what could not be counted
//! shows while the poll is open, not when time runs. What the count says is forgotten at once, and
//! it has a thread of its own, so that nothing that shows waits for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_coordinator::count::count;
use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_coordinator::Error as CoordinatorError;

use crate::error::Error;
use crate::key::Key;
use crate::progress::{Board, Phase};
use crate::stop::Stop;

/// Between two looks at the logs, at least.
const PAUSE: Duration = Duration::from_secs(30);

/// The count has at most one of so many parts of the time: it begins with the newest message, so all
/// is counted again.
const SHARE: u32 = 20;

/// A log that cannot be read may be just being written.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);

/// A poll whose messages are judged.
#[derive(Debug)]
pub(crate) struct Case {
    pub board: Arc<Board>,
    pub key: Arc<Key>,
    pub log: PathBuf,
    /// Bytes of the log that was judged last.
    pub judged: u64,
}

/// Judges until the service ends.
pub(crate) fn start(cases: Vec<Case>, stop: Stop) -> Result<thread::JoinHandle<()>, Error> {
    let thread = thread::Builder::new().name("judge".into());
    let run = move || judge(cases, &stop);
    thread.spawn(run).map_err(Error::Thread)
}

fn judge(mut cases: Vec<Case>, stop: &Stop) {
    while !stop.asked() {
        let begun = Instant::now();
        for case in &mut cases {
            if !stop.asked() {
                case.judge(stop);
            }
        }
        let wait = begun.elapsed().saturating_mul(SHARE).max(PAUSE);
        let until = Instant::now() + wait;
        while !stop.asked() && Instant::now() < until {
            stop.pause(until.saturating_duration_since(Instant::now()));
        }
    }
}

impl Case {
    /// While the poll is open: later the proof itself counts.
    fn judge(&mut self, stop: &Stop) {
        let is_open = matches!(
            self.board.phase(),
            Phase::Open | Phase::Queued | Phase::Ended
        );
        let bytes = self.bytes();
        if !is_open || bytes == self.judged {
            return;
        }
        self.judged = bytes;
        match self.count(stop) {
            Ok(()) => self.board.settle(),
            Err(error) if self.bytes() == bytes && !stop.asked() => {
                let text = format!("what was sent cannot be counted: {error}");
                self.board.alarm(error.kind(), &text);
            }
            // It was written while it was read.
            Err(_) => self.judged = 0,
        }
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |metadata| metadata.len())
    }

    fn count(&self, stop: &Stop) -> Result<(), CoordinatorError> {
        let mut tries = 1;
        loop {
            let log = PollLog::open(&self.log);
            // The count is dropped: it is nobody's to see.
            match log.and_then(|log| count(&log, &self.key.0, &()).map(drop)) {
                Err(_) if tries < TRIES && !stop.asked() => tries += 1,
                outcome => return outcome,
            }
            stop.pause(AGAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_protocol::keys::PrivateKey;
    use maci_nova_sdk::ErrorKind;

    use super::*;
    use crate::progress::tests::board;

    #[test]
    fn what_cannot_be_counted_shows_while_the_poll_is_open() {
        let polls = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/polls/small/");
        let read = |name| std::fs::read_to_string(format!("{polls}{name}")).expect("read");
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("poll.jsonl");
        std::fs::write(&log, read("poll.jsonl")).expect("written");
        let key = PrivateKey::from_serialized(read("coordinator.key").trim()).expect("a key");
        let board = board();
        let mut case = Case {
            board: Arc::clone(&board),
            key: Arc::new(Key(key)),
            log: log.clone(),
            judged: 0,
        };
        let stop = Stop::default();
        case.judge(&stop);
        assert_eq!(case.judged, 0, "it is not open");
        board.enter(Phase::Open);
        case.judge(&stop);
        assert!(board.view(0, true).last_error.is_none());
        std::fs::write(&log, read("poll.jsonl") + "{\"kind\":\"message\"}\n").expect("written");
        case.judge(&stop);
        // The chain may do well.
        board.recover();
        let trouble = board.view(0, true).last_error.expect("it shows");
        assert_eq!(trouble.kind, ErrorKind::Input.name());
    }
}
