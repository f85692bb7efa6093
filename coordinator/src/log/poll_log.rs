//! A poll log on disk, read once for its facts and again for its events.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use maci_nova_files::{write_atomically, Readers};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::{FactError, LogError, LogIndex, LoggedMessage, PublicFacts, Record};
use maci_nova_protocol::poll::{Event, Header, Poll, PollError, Transition};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, ShapeError};

use crate::error::{Error, PollName};
use crate::key;

/// Bytes read from the log at a time.
const BUFFER: usize = 1 << 16;

/// A log whose every line has been checked.
#[derive(Debug)]
pub struct PollLog {
    path: PathBuf,
    index: LogIndex,
}

/// The next event of a log.
#[derive(Debug)]
pub enum Logged {
    /// A join or a blinding event.
    Event(Event),
    /// Something of the message chain.
    Message(LoggedMessage),
}

impl Logged {
    /// Takes it into a poll.
    pub fn process(&self, poll: &mut Poll) -> Result<Transition, PollError> {
        match self {
            Logged::Event(event) => poll.process(event),
            Logged::Message(message) => message.process(poll),
        }
    }
}

/// Events of a log in the order in which they are proven.
pub struct Events<'a> {
    log: &'a PollLog,
    events: Box<dyn Iterator<Item = Result<Logged, LogError>> + Send + 'a>,
}

impl fmt::Debug for Events<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("log", &self.log.path)
            .finish_non_exhaustive()
    }
}

impl PollLog {
    /// Reads the whole log once.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = open(path)?;
        let index = LogIndex::scan(BufReader::with_capacity(BUFFER, file)).map_err(|source| {
            Error::Log {
                path: path.to_owned(),
                source,
            }
        })?;
        Ok(PollLog {
            path: path.to_owned(),
            index,
        })
    }

    /// Makes a new log that has a header alone.
    pub fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        let (index, line) = LogIndex::begin(header.clone()).map_err(Error::internal)?;
        write_atomically(path, Readers::Everybody, |file| {
            file.write_all(line.as_bytes())
        })
        .map_err(failed("write", path))?;
        Ok(PollLog {
            path: path.to_owned(),
            index,
        })
    }

    /// The log with more records at its end, and the text that is to be written there: see
    /// [`PollLog::extend`].
    pub fn extended(&self, records: &[Record]) -> Result<(LogIndex, String), FactError> {
        let mut index = self.index.clone();
        let mut text = String::new();
        for record in records {
            text += &index.append(record)?;
        }
        Ok((index, text))
    }

    /// Writes what [`PollLog::extended`] gave to the end of the file, durably.
    pub fn extend(&mut self, (index, text): (LogIndex, String)) -> Result<(), Error> {
        let written = || {
            let mut file = File::options().write(true).open(&self.path)?;
            // Whatever was written there before and did not become part of the log goes.
            file.set_len(self.index.bytes())?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(text.as_bytes())?;
            file.sync_data()
        };
        written().map_err(failed("write", &self.path))?;
        self.index = index;
        Ok(())
    }

    /// Cuts the file to a length, at the end of a line, and reads it again.
    pub fn cut(path: &Path, bytes: u64) -> Result<Self, Error> {
        let cut = || {
            let file = File::options().write(true).open(path)?;
            file.set_len(bytes)?;
            file.sync_data()
        };
        cut().map_err(failed("cut", path))?;
        Self::open(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the log.
    pub fn bytes(&self) -> u64 {
        self.index.bytes()
    }

    /// What everybody can know of the poll.
    pub fn facts(&self) -> &PublicFacts {
        self.index.facts()
    }

    /// The join chain after the first so many joins, if there are as many.
    pub fn join_chain_after(&self, joins: u64) -> Option<Fr> {
        self.index.join_chain_after(joins)
    }

    /// The poll.
    pub fn header(&self) -> &Header {
        &self.facts().header
    }

    /// Number of voters. The next state index is one more: leaf 0 is nobody's.
    pub fn voters(&self) -> u64 {
        self.facts().next_state_index.saturating_sub(1)
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
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn check_key(&self, key: &PrivateKey) -> Result<(), Error> {
        key::check(key, self.header(), PollName::Log(self.path.clone()))
    }

    /// The log can be read again, from the end: it is a file and no pipe.
    pub fn require_file(&self) -> Result<(), Error> {
        let is_file = std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.is_file());
        if is_file {
            return Ok(());
        }
        Err(Error::request(format!(
            "poll log {} is not a file; messages are read from the end, so save it to one first",
            self.path.display()
        )))
    }

    /// All events: joins in order, messages in reverse, then a blinding event for each salt.
    pub fn events(&self, salts: Vec<Fr>) -> Result<Events<'_>, Error> {
        self.events_after(0, salts)
    }

    /// The same after the first so many of joins and messages.
    pub fn events_after(&self, done: u64, salts: Vec<Fr>) -> Result<Events<'_>, Error> {
        self.require_file()?;
        let joins = self.index.joins_after(done, open(&self.path)?);
        let messages = self.index.messages_reversed(open(&self.path)?);
        let counted = done.saturating_sub(self.voters());
        let counted = usize::try_from(counted).unwrap_or(usize::MAX);
        let joins = joins.map(|join| Ok(Logged::Event(Event::Join(join?))));
        let messages = messages.map(|message| Ok(Logged::Message(message?)));
        let messages = messages.skip(counted);
        let salts = salts.into_iter();
        let salts = salts.map(|salt| Ok(Logged::Event(Event::Blind { salt })));
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
    pub fn refused(&self, error: &PollError) -> Error {
        Error::LogChanged {
            path: self.log.path.clone(),
            reason: error.to_string(),
        }
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Logged, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.events.next()?;
        Some(event.map_err(|source| Error::Log {
            path: self.log.path.clone(),
            source,
        }))
    }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::LogFile {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}
