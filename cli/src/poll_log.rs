//! A poll log on disk, read once for its facts and again for its events.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use maci_nova_protocol::keys::{PrivateKey, PublicKey};
use maci_nova_protocol::log::{LogError, LogIndex, LoggedMessage, PublicFacts, Record};
use maci_nova_protocol::poll::{Event, Header, PollError};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, ShapeError};

use crate::failure::Failure;

/// Bytes read from the log at a time.
const BUFFER: usize = 1 << 16;

/// A log whose every line has been checked.
#[derive(Debug)]
pub struct PollLog {
    path: PathBuf,
    index: LogIndex,
}

/// An event and its line in the log; line 0 is none.
type Logged = (u64, Event);

/// Events of a log in the order in which they are proven.
pub struct Events<'a> {
    log: &'a PollLog,
    events: Box<dyn Iterator<Item = Result<Logged, LogError>> + Send + 'a>,
}

impl PollLog {
    /// Reads the whole log once.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let file = open(path)?;
        let index = LogIndex::scan(BufReader::with_capacity(BUFFER, file)).map_err(|source| {
            Failure::Log {
                path: path.to_owned(),
                source,
            }
        })?;
        Ok(PollLog {
            path: path.to_owned(),
            index,
        })
    }

    /// What everybody can know of the poll.
    pub fn facts(&self) -> &PublicFacts {
        self.index.facts()
    }

    /// The poll.
    pub fn header(&self) -> &Header {
        &self.facts().header
    }

    /// Number of voters. The join count is one more: leaf 0 is nobody's.
    pub fn voters(&self) -> u64 {
        self.facts().join_count.saturating_sub(1)
    }

    /// Number of messages, top-ups included.
    pub fn messages(&self) -> u64 {
        self.facts().message_count
    }

    /// The circuit for this poll.
    pub fn shape(&self, events_per_step: usize) -> Result<Shape, ShapeError> {
        let header = self.header();
        Shape::new(
            header.state_tree_depth,
            header.vote_option_tree_depth,
            events_per_step,
        )
    }

    /// Whether the key is the coordinator's.
    pub fn check_key(&self, key: &PrivateKey) -> Result<(), Failure> {
        let found = key.public_key();
        let expected = self.header().coordinator_key;
        if found.point() == expected {
            return Ok(());
        }
        Err(Failure::WrongKey {
            log: self.path.clone(),
            // The header's key has been checked: it is a point of the curve.
            expected: PublicKey::new(expected).map_or_else(
                |error| error.to_string(),
                |expected| expected.to_serialized(),
            ),
            found: found.to_serialized(),
        })
    }

    /// The log can be read again, from the end: it is a file and no pipe.
    pub fn require_file(&self) -> Result<(), Failure> {
        let is_file = std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.is_file());
        if is_file {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "poll log {} is not a file; messages are read from the end, so save it to one first",
            self.path.display()
        )))
    }

    /// All events: joins in order, messages in reverse, then a blinding event for each salt.
    pub fn events(&self, salts: Vec<Fr>) -> Result<Events<'_>, Failure> {
        self.require_file()?;
        let joins = self.index.joins(open(&self.path)?);
        let messages = self.index.messages_reversed(open(&self.path)?);
        let joins = joins.map(|join| Ok((0, Event::Join(join?))));
        let messages = messages.filter_map(|message| match message {
            Ok(message) => message_event(&message).map(|event| Ok((message.line_number, event))),
            Err(error) => Some(Err(error)),
        });
        let salts = salts.into_iter().map(|salt| Ok((0, Event::Blind { salt })));
        Ok(Events {
            log: self,
            events: Box::new(joins.chain(messages).chain(salts)),
        })
    }
}

impl Events<'_> {
    /// The poll's header.
    pub fn header(&self) -> &Header {
        self.log.header()
    }

    /// The state machine does not take an event. The log has been checked, so it has changed.
    pub fn refused(&self, error: &PollError) -> Failure {
        Failure::LogChanged {
            path: self.log.path.clone(),
            reason: error.to_string(),
        }
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Logged, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.events.next()?;
        Some(event.map_err(|source| Failure::Log {
            path: self.log.path.clone(),
            source,
        }))
    }
}

/// None for what is no message: the index yields none of these.
fn message_event(message: &LoggedMessage) -> Option<Event> {
    let previous = message.previous;
    match &message.record {
        Record::Message(message) => Some(Event::Vote {
            message: **message,
            previous,
        }),
        Record::TopUp(top_up) => Some(Event::TopUp {
            top_up: *top_up,
            previous,
        }),
        Record::Header(_) | Record::Join(_) => None,
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    let failed = |source| Failure::LogFile {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}
