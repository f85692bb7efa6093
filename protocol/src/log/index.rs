//! Reading the messages of a log backwards.

use super::reader::{parse, LogReader};
use super::{LogError, LogErrorKind, PublicFacts, Record, MAX_LINE_LENGTH};
use crate::chain;
use crate::field::Fr;
use crate::message::Join;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// Where a message starts and what the message chain was before it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: u64,
    previous: Fr,
}

/// From message `position` on, a message's line number is its position plus `lines_before`.
#[derive(Clone, Copy, Debug)]
struct Run {
    position: u64,
    lines_before: u64,
}

/// One pass over a log: its public facts, and for each message 40 bytes (and 16 more where joins come between two
/// messages).
#[derive(Clone, Debug)]
pub struct LogIndex {
    facts: PublicFacts,
    entries: Vec<Entry>,
    runs: Vec<Run>,
    lines: u64,
}

impl LogIndex {
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
        let mut index = LogIndex {
            facts: PublicFacts::initial(header),
            entries: Vec::new(),
            runs: Vec::new(),
            lines: 1,
        };
        while let Some(result) = log.next_record() {
            let (line, offset, record) = result?;
            index.add(line, offset, &record)?;
        }
        Ok(index)
    }

    fn add(&mut self, line: u64, offset: u64, record: &Record) -> Result<(), LogError> {
        let previous = self.facts.message_head;
        let position = self.facts.message_count;
        self.facts
            .absorb(record)
            .map_err(|kind| error(line, kind.into()))?;
        self.lines = line;
        if matches!(record, Record::Join(_)) {
            return Ok(());
        }
        self.entries.push(Entry { offset, previous });
        let lines_before = line - position;
        if self
            .runs
            .last()
            .is_none_or(|run| run.lines_before != lines_before)
        {
            self.runs.push(Run {
                position,
                lines_before,
            });
        }
        Ok(())
    }

    /// The poll's public facts.
    pub fn facts(&self) -> &PublicFacts {
        &self.facts
    }

    fn line_number(&self, position: u64) -> u64 {
        let after = self.runs.partition_point(|run| run.position <= position);
        after
            .checked_sub(1)
            .map_or(0, |run| position + self.runs[run].lines_before)
    }

    /// The joins in order of arrival. `reader` is the log that was scanned; it is read from its start.
    ///
    /// An iterator that comes to its end without an error has given exactly the joins that were scanned.
    pub fn joins<R: Read + Seek>(&self, reader: R) -> Joins<'_, R> {
        let mut reader = reader;
        let (log, failure) = match reader.rewind() {
            Ok(()) => (Some(LogReader::new(BufReader::new(reader))), None),
            Err(source) => (None, Some(error(1, source.into()))),
        };
        Joins {
            index: self,
            log,
            failure,
            chain: chain::zero(),
            count: 1,
        }
    }

    /// The messages and top-ups from the last to the first. `reader` is the log that was scanned.
    ///
    /// Each is checked against the message chain before it comes out.
    pub fn messages_reversed<R: Read + Seek>(&self, reader: R) -> MessagesReversed<'_, R> {
        MessagesReversed {
            index: self,
            reader: Some(reader),
            left: self.entries.len(),
            head: self.facts.message_head,
        }
    }
}

fn error(line: u64, kind: LogErrorKind) -> LogError {
    LogError { line, kind }
}

/// The joins of an indexed log, in order of arrival; made by [`LogIndex::joins`]. Stops after the first error:
/// [`LogErrorKind::Changed`] if the log is not the indexed one, which may be seen only after the last join.
#[derive(Debug)]
pub struct Joins<'a, R> {
    index: &'a LogIndex,
    log: Option<LogReader<BufReader<R>>>,
    /// The first item, if the reader could not go to the start.
    failure: Option<LogError>,
    /// The join chain so far.
    chain: Fr,
    count: u64,
}

impl<R: Read> Joins<'_, R> {
    fn advance(&mut self) -> Result<Option<Join>, LogError> {
        let Some(log) = &mut self.log else {
            return self.failure.take().map_or(Ok(None), Err);
        };
        let facts = &self.index.facts;
        let changed = |line| Err(error(line, LogErrorKind::Changed));
        while self.count < facts.join_count {
            match log.next_record() {
                Some(Ok((_, _, Record::Join(join)))) => {
                    self.chain = chain::extend_joins(self.chain, &join);
                    self.count += 1;
                    return Ok(Some(join));
                }
                Some(Ok(_)) => {}
                Some(Err(failure)) if matches!(failure.kind, LogErrorKind::Io(_)) => {
                    return Err(failure)
                }
                Some(Err(failure)) => return changed(failure.line),
                None => return changed(self.index.lines),
            }
        }
        if self.chain == facts.join_chain {
            Ok(None)
        } else {
            changed(self.index.lines)
        }
    }
}

impl<R: Read> Iterator for Joins<'_, R> {
    type Item = Result<Join, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.log = None;
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

/// The messages of an indexed log from the last to the first; made by [`LogIndex::messages_reversed`]. Stops after the
/// first error: [`LogErrorKind::Changed`] if the log is not the indexed one.
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
        let entry = self.index.entries[position];
        let line = self.index.line_number(position as u64);
        let text = read_line(reader, entry.offset).map_err(|source| error(line, source.into()))?;
        let changed = || error(line, LogErrorKind::Changed);
        let record = parse(&text).map_err(|_| changed())?;
        let digest = record.digest().ok_or_else(changed)?;
        if chain::extend(entry.previous, digest) != self.head {
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

/// The line that starts at an offset, with its end if it has one; at most [`MAX_LINE_LENGTH`] bytes.
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
