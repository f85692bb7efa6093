//! A log's places: reading its joins from any one on, its messages backwards, and adding to its
//! end.

use super::reader::{parse, LogReader};
use super::record::Version;
use super::{FactError, LogError, LogErrorKind, PublicFacts, Record, MAX_LINE_LENGTH};
use crate::field::Fr;
use crate::hash_chain;
use crate::message::Join;
use crate::poll::{Header, HeaderError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// Where a join or a message starts and what its chain was before it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: u64,
    previous: Fr,
}

/// One pass over a log: its public facts, and 40 bytes for each join and each message.
#[derive(Clone, Debug)]
pub struct LogIndex {
    facts: PublicFacts,
    version: Version,
    joins: Vec<Entry>,
    messages: Vec<Entry>,
    /// Length of the log.
    bytes: u64,
}

impl LogIndex {
    /// The index of a new log, and the log's first line with its end.
    ///
    /// # Errors
    /// [`HeaderError`] if the header is not that of a poll.
    pub fn begin(header: Header) -> Result<(Self, String), HeaderError> {
        header.validate()?;
        let line = line(&Record::Header(header.clone()));
        let index = LogIndex::after(header, Version::Two, line.len() as u64);
        Ok((index, line))
    }

    /// Reads a whole log from its start, checking every line.
    ///
    /// # Errors
    /// The [`LogError`] of the first bad line.
    pub fn scan<R: BufRead>(reader: R) -> Result<Self, LogError> {
        let mut log = LogReader::new(reader);
        let header = match log.next_record() {
            Some(Ok((_, _, Record::Header(header)))) => header,
            Some(Err(error)) => return Err(error),
            // A reader's first record is a header.
            _ => return Err(error(1, LogErrorKind::HeaderMissing)),
        };
        let mut index = LogIndex::after(header, log.version(), log.end());
        while let Some(result) = log.next_record() {
            let (line, offset, record) = result?;
            index
                .add(offset, &record)
                .map_err(|kind| error(line, kind.into()))?;
            index.bytes = log.end();
        }
        Ok(index)
    }

    /// The index of a log of a header alone.
    fn after(header: Header, version: Version, bytes: u64) -> Self {
        LogIndex {
            facts: PublicFacts::initial(header),
            version,
            joins: Vec::new(),
            messages: Vec::new(),
            bytes,
        }
    }

    /// Adds a record to the end of a log whose last line has its end. Returns the line, with its
    /// end, which is to be written after [`LogIndex::bytes`] bytes.
    ///
    /// # Errors
    /// Any [`FactError`]; nothing changes.
    pub fn append(&mut self, record: &Record) -> Result<String, FactError> {
        if self.version != Version::Two {
            return Err(FactError::OldVersion);
        }
        self.add(self.bytes, record)?;
        let line = line(record);
        self.bytes += line.len() as u64;
        Ok(line)
    }

    fn add(&mut self, offset: u64, record: &Record) -> Result<(), FactError> {
        let (joins, messages) = (self.facts.join_chain, self.facts.message_head);
        self.facts.absorb(record)?;
        let (entries, previous) = match record {
            Record::Join(_) => (&mut self.joins, joins),
            _ => (&mut self.messages, messages),
        };
        entries.push(Entry { offset, previous });
        Ok(())
    }

    /// The poll's public facts.
    pub fn facts(&self) -> &PublicFacts {
        &self.facts
    }

    /// The log's length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The join chain after the first `joins` joins, if there are as many.
    pub fn join_chain_after(&self, joins: u64) -> Option<Fr> {
        let entry = usize::try_from(joins)
            .ok()
            .and_then(|at| self.joins.get(at));
        match entry {
            Some(entry) => Some(entry.previous),
            None => (joins == self.joins.len() as u64).then_some(self.facts.join_chain),
        }
    }

    /// The line of the record at `position` of `entries`, the others being those of the other kind:
    /// the header is line 1.
    fn line_number(entries: &[Entry], others: &[Entry], position: usize) -> u64 {
        let offset = entries.get(position).map_or(u64::MAX, |entry| entry.offset);
        let before = others.partition_point(|other| other.offset < offset);
        2 + (position + before) as u64
    }

    fn parse(&self, line: &[u8]) -> Result<Record, LogErrorKind> {
        parse(line, |line| Record::parse(line, self.version))
    }

    /// The joins in order of arrival. `reader` is the log that was scanned.
    ///
    /// Each is checked against the join chain before it comes out.
    pub fn joins<R: Read + Seek>(&self, reader: R) -> Joins<'_, R> {
        self.joins_after(0, reader)
    }

    /// The same after the first `joins` joins: none if there are no more.
    pub fn joins_after<R: Read + Seek>(&self, joins: u64, reader: R) -> Joins<'_, R> {
        let position = usize::try_from(joins).unwrap_or(usize::MAX);
        Joins {
            index: self,
            reader: Some(BufReader::new(reader)),
            position: position.min(self.joins.len()),
            at: None,
        }
    }

    /// The messages and top-ups from the last to the first. `reader` is the log that was scanned.
    ///
    /// Each is checked against the message chain before it comes out.
    pub fn messages_reversed<R: Read + Seek>(&self, reader: R) -> MessagesReversed<'_, R> {
        MessagesReversed {
            index: self,
            reader: Some(reader),
            left: self.messages.len(),
            head: self.facts.message_head,
        }
    }
}

fn line(record: &Record) -> String {
    let mut line = record.print();
    line.push('\n');
    line
}

fn error(line: u64, kind: LogErrorKind) -> LogError {
    LogError { line, kind }
}

/// The joins of an indexed log, in order of arrival; made by [`LogIndex::joins`]. Stops after the
/// first error: [`LogErrorKind::Changed`] if the log is not the indexed one.
#[derive(Debug)]
pub struct Joins<'a, R> {
    index: &'a LogIndex,
    reader: Option<BufReader<R>>,
    /// Joins that came out or were skipped.
    position: usize,
    /// Where the reader stands, once it was told.
    at: Option<u64>,
}

impl<R: Read + Seek> Joins<'_, R> {
    fn advance(&mut self) -> Result<Option<Join>, LogError> {
        let (joins, messages) = (&self.index.joins, &self.index.messages);
        let (Some(entry), Some(reader)) = (joins.get(self.position), &mut self.reader) else {
            return Ok(None);
        };
        let line = LogIndex::line_number(joins, messages, self.position);
        let text = go_on(reader, self.at, entry.offset).map_err(|kind| error(line, kind.into()))?;
        self.at = Some(entry.offset + text.len() as u64);
        let changed = || error(line, LogErrorKind::Changed);
        let Ok(Record::Join(join)) = self.index.parse(&text) else {
            return Err(changed());
        };
        self.position += 1;
        let after = self.index.join_chain_after(self.position as u64);
        if after != Some(hash_chain::extend_joins(entry.previous, &join)) {
            return Err(changed());
        }
        Ok(Some(join))
    }
}

/// The line that starts at an offset, for a reader that stands at `at`; at most [`MAX_LINE_LENGTH`]
/// bytes.
fn go_on<R: Read + Seek>(
    reader: &mut BufReader<R>,
    at: Option<u64>,
    offset: u64,
) -> io::Result<Vec<u8>> {
    let forward = at.and_then(|at| offset.checked_sub(at));
    match forward.and_then(|forward| i64::try_from(forward).ok()) {
        // What is in the buffer stays there.
        Some(forward) => reader.seek_relative(forward)?,
        None => drop(reader.seek(SeekFrom::Start(offset))?),
    }
    let mut line = Vec::new();
    Read::take(reader, MAX_LINE_LENGTH as u64).read_until(b'\n', &mut line)?;
    Ok(line)
}

impl<R: Read + Seek> Iterator for Joins<'_, R> {
    type Item = Result<Join, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.reader = None;
        }
        item
    }
}

/// A message or top-up of an indexed log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedMessage {
    /// Its number in order of arrival, from 0.
    pub position: u64,
    /// Its line, from 1.
    pub line_number: u64,
    /// The message or top-up.
    pub record: Record,
    /// The message chain before it.
    pub previous: Fr,
}

/// The messages of an indexed log from the last to the first; made by
/// [`LogIndex::messages_reversed`]. Stops after the first error: [`LogErrorKind::Changed`] if the
/// log is not the indexed one.
#[derive(Debug)]
pub struct MessagesReversed<'a, R> {
    index: &'a LogIndex,
    reader: Option<R>,
    /// Messages still to come.
    left: usize,
    /// The message chain after the next one to come.
    head: Fr,
}

impl<R: Read + Seek> MessagesReversed<'_, R> {
    fn advance(&mut self) -> Result<Option<LoggedMessage>, LogError> {
        let (Some(position), Some(reader)) = (self.left.checked_sub(1), &mut self.reader) else {
            return Ok(None);
        };
        let (joins, messages) = (&self.index.joins, &self.index.messages);
        let entry = messages[position];
        let line = LogIndex::line_number(messages, joins, position);
        let text = read_line(reader, entry.offset).map_err(|source| error(line, source.into()))?;
        let changed = || error(line, LogErrorKind::Changed);
        let record = self.index.parse(&text).map_err(|_| changed())?;
        let link = record.link().ok_or_else(changed)?;
        if hash_chain::extend(entry.previous, link) != self.head {
            return Err(changed());
        }
        self.left = position;
        self.head = entry.previous;
        Ok(Some(LoggedMessage {
            position: position as u64,
            line_number: line,
            record,
            previous: entry.previous,
        }))
    }
}

impl<R: Read + Seek> Iterator for MessagesReversed<'_, R> {
    type Item = Result<LoggedMessage, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.reader = None;
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

/// The line that starts at an offset, with its end if it has one; at most [`MAX_LINE_LENGTH`]
/// bytes.
fn read_line<R: Read + Seek>(reader: &mut R, offset: u64) -> io::Result<Vec<u8>> {
    const CHUNK: usize = 2048;
    reader.seek(SeekFrom::Start(offset))?;
    let mut line = Vec::with_capacity(CHUNK);
    while line.len() < MAX_LINE_LENGTH {
        let start = line.len();
        let read = Read::take(&mut *reader, CHUNK as u64).read_to_end(&mut line)?;
        if let Some(end) = line[start..].iter().position(|byte| *byte == b'\n') {
            line.truncate(start + end + 1);
            break;
        }
        if read == 0 {
            break;
        }
    }
    Ok(line)
}
