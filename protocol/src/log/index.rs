//! A log's places: reading its joins from any one on, its messages backwards, and adding to its
//! end.

use super::fingerprint::Fingerprint;
use super::reader::{parse, LogReader};
use super::record::{BundleLine, Line, Version};
use super::{FactError, LogError, LogErrorKind, PublicFacts, Record, MAX_LINE_LENGTH};
use crate::count::Count;
use crate::field::Fr;
use crate::hash_chain;
use crate::message::Join;
use crate::poll::{Decision, Event, Header, HeaderError, Poll, PollError, Transition};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// Where a join or a message starts and what its chain was before it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: u64,
    previous: Fr,
}

/// The same of a message, and what it was.
#[derive(Clone, Copy, Debug)]
struct MessageEntry {
    offset: u64,
    previous: Fr,
    fingerprint: Fingerprint,
}

/// Where a bundle is among the messages.
#[derive(Clone, Copy, Debug)]
struct BundleEntry {
    /// The position of its own entry.
    position: usize,
    messages: usize,
}

/// One pass over a log: its public facts, 40 bytes for each join and 56 for each message.
#[derive(Clone, Debug)]
pub struct LogIndex {
    facts: PublicFacts,
    version: Version,
    joins: Vec<Entry>,
    /// In the order of the chain: a bundle's own entry comes after those of its messages.
    messages: Vec<MessageEntry>,
    bundles: Vec<BundleEntry>,
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
        let index = LogIndex::after(header, Version::Three, line.len() as u64);
        Ok((index, line))
    }

    /// Reads a whole log from its start, checking every line.
    ///
    /// # Errors
    /// The [`LogError`] of the first bad line.
    pub fn scan<R: BufRead>(reader: R) -> Result<Self, LogError> {
        let mut log = LogReader::new(reader);
        let header = match log.next_record().transpose()?.map(|first| first.record) {
            Some(Record::Header(header)) => header,
            // A reader's first record is a header.
            _ => return Err(error(1, LogErrorKind::HeaderMissing)),
        };
        let mut index = LogIndex::after(header, log.version(), log.end());
        while let Some(result) = log.next_record() {
            let placed = result?;
            index
                .add(placed.offset, &placed.inside, &placed.record)
                .map_err(|kind| error(placed.line, kind.into()))?;
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
            bundles: Vec::new(),
            bytes,
        }
    }

    /// Adds a record to the end of a log whose last line has its end. Returns its lines, with their
    /// ends, which are to be written after [`LogIndex::bytes`] bytes.
    ///
    /// # Errors
    /// Any [`FactError`]; nothing changes.
    pub fn append(&mut self, record: &Record) -> Result<String, FactError> {
        if self.version != Version::Three {
            return Err(FactError::OldVersion);
        }
        let text = line(record);
        let ends = text.match_indices('\n');
        let inside: Vec<u64> = ends.map(|(at, _)| self.bytes + at as u64 + 1).collect();
        self.add(self.bytes, &inside, record)?;
        self.bytes += text.len() as u64;
        Ok(text)
    }

    /// Adds a record that starts at `offset`, the lines of a bundle's messages at `inside`.
    fn add(&mut self, offset: u64, inside: &[u64], record: &Record) -> Result<(), FactError> {
        let (joins, messages) = (self.facts.join_chain, self.facts.message_head);
        self.facts.absorb(record)?;
        if let Record::Join(_) = record {
            let previous = joins;
            self.joins.push(Entry { offset, previous });
            return Ok(());
        }
        // A bundle comes first in the order of processing, and its messages after it in reverse.
        let events = record.events(messages);
        let within = inside.iter().take(events.len().saturating_sub(1)).copied();
        let offsets = within.chain([offset]);
        for (event, offset) in events.into_iter().rev().zip(offsets) {
            self.messages.push(MessageEntry {
                offset,
                previous: event.previous().unwrap_or_default(),
                fingerprint: Fingerprint::of(&event),
            });
        }
        if let Record::Bundle(bundle) = record {
            self.bundles.push(BundleEntry {
                position: self.messages.len() - 1,
                messages: bundle.messages().len(),
            });
        }
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

    /// The line of the join at a position: the header is line 1.
    fn join_line(&self, position: usize) -> u64 {
        let offset = self
            .joins
            .get(position)
            .map_or(u64::MAX, |join| join.offset);
        // No join is inside a bundle, so all of its lines are on one side.
        let before = self.messages.partition_point(|other| other.offset < offset);
        2 + (position + before) as u64
    }

    /// The line of the message at a position. A bundle's own line comes before those of its
    /// messages.
    fn message_line(&self, position: usize) -> u64 {
        let offset = self.messages[position].offset;
        let before = self.joins.partition_point(|join| join.offset < offset);
        let line = match self.bundle_around(position) {
            Some(bundle) if bundle.position == position => position - bundle.messages,
            Some(_) => position + 1,
            None => position,
        };
        2 + (line + before) as u64
    }

    /// The bundle of which the message at a position is one, or which is itself there.
    fn bundle_around(&self, position: usize) -> Option<BundleEntry> {
        let at = self
            .bundles
            .partition_point(|bundle| bundle.position < position);
        let bundle = self.bundles.get(at).copied()?;
        (position + bundle.messages >= bundle.position).then_some(bundle)
    }

    fn parse(&self, line: &[u8]) -> Result<Line, LogErrorKind> {
        parse(line, |line| Line::parse(line, self.version)).map(|(line, _)| line)
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

    /// The messages, top-ups and bundles from the last to the first: a bundle, and then its messages.
    /// `reader` is the log that was scanned.
    ///
    /// Each is compared with what it was when the log was scanned, and checked against the message
    /// chain.
    pub fn messages_reversed<R: Read + Seek>(&self, reader: R) -> MessagesReversed<'_, R> {
        MessagesReversed {
            index: self,
            reader: Some(reader),
            left: self.messages.len(),
            head: self.facts.message_head,
            outer: None,
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
        let entry = self.index.joins.get(self.position);
        let (Some(entry), Some(reader)) = (entry, &mut self.reader) else {
            return Ok(None);
        };
        let line = self.index.join_line(self.position);
        let text = go_on(reader, self.at, entry.offset).map_err(|kind| error(line, kind.into()))?;
        self.at = Some(entry.offset + text.len() as u64);
        let changed = || error(line, LogErrorKind::Changed);
        let Ok(Line::Record(Record::Join(join))) = self.index.parse(&text) else {
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

/// A message, a top-up or a bundle of an indexed log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedMessage {
    /// Its place in the message chain, from 0. A bundle's own is after those of its messages.
    pub position: u64,
    /// Its line, from 1.
    pub line_number: u64,
    event: Event,
    /// The event's [`Event::link`], as it was when the log was scanned.
    link: Fr,
}

impl LoggedMessage {
    /// What is to be processed: [`Event::Vote`], [`Event::TopUp`] or [`Event::Bundle`].
    pub fn event(&self) -> Event {
        self.event
    }

    /// Like [`Poll::process`], without hashing the message again.
    ///
    /// # Errors
    /// Those of [`Poll::process`]; nothing changes.
    pub fn process(&self, poll: &mut Poll) -> Result<Transition, PollError> {
        poll.process_over(&self.event, self.link)
    }

    /// Like [`Count::process`], without hashing the message again.
    ///
    /// # Errors
    /// Those of [`Count::process`]; nothing changes.
    pub fn count(&self, count: &mut Count) -> Result<Option<Decision>, PollError> {
        count.process_over(&self.event, self.link)
    }
}

/// The messages of an indexed log from the last to the first, each bundle before its messages; made
/// by [`LogIndex::messages_reversed`]. Stops after the first error: [`LogErrorKind::Changed`] if the
/// log is not the indexed one.
#[derive(Debug)]
pub struct MessagesReversed<'a, R> {
    index: &'a LogIndex,
    reader: Option<R>,
    /// Messages still to come.
    left: usize,
    /// The message chain, or the bundle's own, after the next one to come.
    head: Fr,
    /// Within a bundle: the message chain before it.
    outer: Option<Fr>,
}

impl<R: Read + Seek> MessagesReversed<'_, R> {
    fn advance(&mut self) -> Result<Option<LoggedMessage>, LogError> {
        let (Some(position), Some(reader)) = (self.left.checked_sub(1), &mut self.reader) else {
            return Ok(None);
        };
        let MessageEntry {
            offset,
            previous,
            fingerprint,
        } = self.index.messages[position];
        let line = self.index.message_line(position);
        let text = read_line(reader, offset).map_err(|source| error(line, source.into()))?;
        let changed = || error(line, LogErrorKind::Changed);
        let parsed = self.index.parse(&text).map_err(|_| changed())?;
        let event = event(parsed, previous).ok_or_else(changed)?;
        if Fingerprint::of(&event) != fingerprint {
            return Err(changed());
        }
        let link = self.head;
        debug_assert_eq!(event.link(), Some(link));
        self.left = position;
        (self.head, self.outer) = match (&event, self.outer) {
            (Event::Bundle { inner, .. }, _) => (*inner, Some(previous)),
            (_, Some(outer)) if previous == hash_chain::bundle_start() => (outer, None),
            (_, outer) => (previous, outer),
        };
        Ok(Some(LoggedMessage {
            position: position as u64,
            line_number: line,
            event,
            link,
        }))
    }
}

/// What a line is to the poll; none for a header or a join.
fn event(line: Line, previous: Fr) -> Option<Event> {
    match line {
        Line::Record(Record::Message(message)) => {
            let message = *message;
            Some(Event::Vote { message, previous })
        }
        Line::Record(Record::TopUp(top_up)) => Some(Event::TopUp { top_up, previous }),
        Line::Bundle(BundleLine { inner, .. }) => Some(Event::Bundle { inner, previous }),
        Line::Record(Record::Header(_) | Record::Join(_) | Record::Bundle(_)) => None,
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
