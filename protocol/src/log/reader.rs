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

/// The records of lines that are not a whole log, each by itself, with their line numbers, from 1, in constant memory.
/// Nothing is checked but the lines' form. Stops after the first error.
#[derive(Debug)]
pub struct RecordReader<R> {
    lines: Lines<R>,
    ended: bool,
}

impl<R: BufRead> RecordReader<R> {
    /// Reads from the first line.
    pub fn new(reader: R) -> Self {
        RecordReader {
            lines: Lines::new(reader),
            ended: false,
        }
    }
}

impl<R: BufRead> Iterator for RecordReader<R> {
    type Item = Result<(u64, Record), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let record = match self.lines.next_line() {
            Ok(line) => line.map(parse).transpose(),
            Err(kind) => Err(kind),
        };
        let line = self.lines.number;
        let record = record.transpose();
        self.ended = !matches!(record, Some(Ok(_)));
        Some(
            record?
                .map(|record| (line, record))
                .map_err(|kind| LogError { line, kind }),
        )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjub::Point;
    use crate::message::{Join, Message, TopUp};
    use crate::Fr;

    fn records() -> Vec<Record> {
        let public_key = Point::base8();
        let message = Message {
            data: std::array::from_fn(|i| Fr::from(i as u64)),
            encryption_key: public_key,
        };
        let top_up = TopUp {
            state_index: 7,
            amount: 8,
        };
        let join = Join {
            public_key,
            voice_credits: 9,
        };
        vec![
            Record::Message(Box::new(message)),
            Record::TopUp(top_up),
            Record::Join(join),
        ]
    }

    #[test]
    fn lines_without_a_log_come_back() {
        let lines: Vec<String> = records().iter().map(Record::print).collect();
        // The last line needs no end.
        let text = lines.join("\n");
        let read: Result<Vec<_>, _> = RecordReader::new(text.as_bytes()).collect();
        let numbered: Vec<(u64, Record)> = (1..).zip(records()).collect();
        assert_eq!(read.unwrap(), numbered);
        assert_eq!(RecordReader::new(&b""[..]).count(), 0);
        for (line, record) in lines.iter().zip(records()) {
            assert_eq!(Record::parse(line.as_bytes()).unwrap(), record);
        }
    }

    #[test]
    fn the_first_bad_line_is_the_last() {
        let good = records()[0].print();
        let long = " ".repeat(MAX_LINE_LENGTH + 1);
        for bad in ["", "{}", "[]", &good[..20], "{\"kind\":\"vote\"}", &long] {
            let text = format!("{good}\n{bad}\n{good}\n");
            let read: Vec<_> = RecordReader::new(text.as_bytes()).collect();
            assert_eq!(read.len(), 2, "{bad}");
            assert_eq!(read[1].as_ref().unwrap_err().line, 2, "{bad}");
        }
        let text = format!("{good}\n{}", &good[..20]);
        let last = RecordReader::new(text.as_bytes()).last();
        let error = last.unwrap().unwrap_err();
        assert!(matches!(error.kind, LogErrorKind::Truncated), "{error}");
    }
}
