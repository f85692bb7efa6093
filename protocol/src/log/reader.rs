//! Reading a log line by line.

use super::facts::Sequence;
use super::{LogError, LogErrorKind, Record};
use std::io::{BufRead, Read};

/// The longest line, its end included, in bytes. An honest line has about 1200.
pub const MAX_LINE_LENGTH: usize = 1 << 16;

/// The records of a log with their line numbers, from 1, in constant memory. Stops after the first error.
///
/// Records that come out satisfy everything that does not need the hash chains: a valid header and nothing before it,
/// elements in range, no more voters than the state tree holds, top-ups for voters who have joined.
#[derive(Debug)]
pub struct LogReader<R> {
    lines: Lines<R>,
    sequence: Sequence,
    ended: bool,
}

impl<R: BufRead> LogReader<R> {
    /// Reads from the start of a log.
    pub fn new(reader: R) -> Self {
        LogReader {
            lines: Lines::new(reader),
            sequence: Sequence::default(),
            ended: false,
        }
    }

    /// The next record with its line number and the offset of its line in bytes.
    pub(super) fn next_record(&mut self) -> Option<Result<(u64, u64, Record), LogError>> {
        if self.ended {
            return None;
        }
        let result = self.try_next().transpose()?;
        let line = self.lines.number;
        self.ended = result.is_err();
        let placed = |record| (line, self.lines.offset, record);
        Some(result.map(placed).map_err(|kind| LogError { line, kind }))
    }

    /// The offset after the line that was read last.
    pub(super) fn end(&self) -> u64 {
        self.lines.end
    }

    fn try_next(&mut self) -> Result<Option<Record>, LogErrorKind> {
        let Some(line) = self.lines.next_line()? else {
            self.ended = true;
            return match self.sequence.has_header() {
                true => Ok(None),
                false => Err(LogErrorKind::HeaderMissing),
            };
        };
        let record = parse(line)?;
        self.sequence.next(&record)?;
        Ok(Some(record))
    }
}

impl<R: BufRead> Iterator for LogReader<R> {
    type Item = Result<(u64, Record), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.next_record()?;
        Some(result.map(|(line, _, record)| (line, record)))
    }
}

/// The record of a line with its end. Only a line without an end can be truncated.
pub(super) fn parse(line: &[u8]) -> Result<Record, LogErrorKind> {
    let complete = line.ends_with(b"\n");
    Record::parse(line).map_err(|kind| match kind {
        LogErrorKind::Truncated if complete => {
            LogErrorKind::Json("the line ends too early".to_owned())
        }
        other => other,
    })
}

#[derive(Debug)]
struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Of the line that was read last, from 1.
    number: u64,
    /// Where that line starts.
    offset: u64,
    /// Where it ends.
    end: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Lines {
            reader,
            buffer: Vec::new(),
            number: 0,
            offset: 0,
            end: 0,
        }
    }

    fn next_line(&mut self) -> Result<Option<&[u8]>, LogErrorKind> {
        self.buffer.clear();
        self.number += 1;
        self.offset = self.end;
        let limit = MAX_LINE_LENGTH as u64 + 1;
        let mut limited = Read::take(&mut self.reader, limit);
        let length = limited.read_until(b'\n', &mut self.buffer)?;
        if length > MAX_LINE_LENGTH {
            return Err(LogErrorKind::LineTooLong);
        }
        self.end += length as u64;
        Ok((length > 0).then_some(&self.buffer[..]))
    }
}
