//! Reading a log line by line.

use super::facts::Sequence;
use super::record::{BundleLine, Line, SignedMessage, Version};
use super::{LogError, LogErrorKind, Record};
use crate::bundle::Bundle;
use crate::message::Message;
use std::io::{BufRead, Read};

/// The longest line, its end included, in bytes. An honest line has about 1200.
pub const MAX_LINE_LENGTH: usize = 1 << 16;

/// Some editors begin a file with it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The records of a log with their line numbers, from 1, in constant memory. Stops after the first
/// error.
///
/// Records that come out satisfy everything that does not need the hash chains: a valid header and
/// nothing before it, elements in range, no more voters than the state tree holds, top-ups for
/// voters who have joined.
#[derive(Debug)]
pub struct LogReader<R> {
    lines: Lines<R>,
    sequence: Sequence,
    version: Version,
    ended: bool,
}

impl<R: BufRead> LogReader<R> {
    /// Reads from the start of a log.
    pub fn new(reader: R) -> Self {
        LogReader {
            lines: Lines::new(reader),
            sequence: Sequence::default(),
            version: Version::default(),
            ended: false,
        }
    }

    /// The next record and where it is.
    pub(super) fn next_record(&mut self) -> Option<Result<Placed, LogError>> {
        if self.ended {
            return None;
        }
        let result = self.try_next().transpose()?;
        let line = self.lines.number;
        self.ended = result.is_err();
        Some(result.map_err(|kind| LogError { line, kind }))
    }

    /// The offset after the line that was read last.
    pub(super) fn end(&self) -> u64 {
        self.lines.end
    }

    /// The log's version, once its header is read.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    fn try_next(&mut self) -> Result<Option<Placed>, LogErrorKind> {
        let Some(line) = self.lines.next_line()? else {
            self.ended = true;
            return match self.sequence.has_header() {
                true => Ok(None),
                false => Err(LogErrorKind::HeaderMissing),
            };
        };
        let (line, version) = parse(line, |line| Line::parse(line, self.version))?;
        self.version = version;
        let (number, offset) = (self.lines.number, self.lines.offset);
        let (record, inside) = match line {
            Line::Record(record) => (record, vec![]),
            Line::Bundle(first) => self.bundle(first)?,
        };
        self.sequence.next(&record)?;
        Ok(Some(Placed {
            line: number,
            offset,
            record,
            inside,
        }))
    }

    /// A bundle whose first line was read, and where the lines of its messages start.
    fn bundle(&mut self, first: BundleLine) -> Result<(Record, Vec<u64>), LogErrorKind> {
        let mut messages = Vec::with_capacity(first.messages);
        let mut inside = Vec::with_capacity(first.messages);
        while messages.len() < first.messages {
            let Some(message) = self.message_line()? else {
                return Err(LogErrorKind::BundleCut {
                    expected: first.messages,
                    found: messages.len(),
                });
            };
            messages.push(message);
            inside.push(self.lines.offset);
        }
        let bundle = Bundle::new(messages).map_err(LogErrorKind::Bundle)?;
        match bundle.inner() == first.inner {
            true => Ok((Record::Bundle(bundle), inside)),
            false => Err(LogErrorKind::BundleInner),
        }
    }

    /// The message of the next line, if it is one's.
    fn message_line(&mut self) -> Result<Option<Message>, LogErrorKind> {
        let Some(line) = self.lines.next_line()? else {
            return Ok(None);
        };
        let (line, _) = parse(line, |line| Line::parse(line, self.version))?;
        Ok(match line {
            Line::Record(Record::Message(message)) => Some(*message),
            _ => None,
        })
    }
}

/// A record and where it is.
pub(super) struct Placed {
    /// Its line, from 1; its first if it is a bundle.
    pub(super) line: u64,
    /// Where that line starts, in bytes.
    pub(super) offset: u64,
    pub(super) record: Record,
    /// Where the lines of a bundle's messages start.
    pub(super) inside: Vec<u64>,
}

impl<R: BufRead> Iterator for LogReader<R> {
    type Item = Result<(u64, Record), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.next_record()?;
        Some(result.map(|placed| (placed.line, placed.record)))
    }
}

/// The messages of a file of messages with their line numbers, from 1, in constant memory. Nothing
/// is checked but the lines' form. Stops after the first error.
#[derive(Debug)]
pub struct MessageReader<R> {
    lines: Lines<R>,
    ended: bool,
}

impl<R: BufRead> MessageReader<R> {
    /// Reads from the first line.
    pub fn new(reader: R) -> Self {
        MessageReader {
            lines: Lines::new(reader),
            ended: false,
        }
    }
}

impl<R: BufRead> Iterator for MessageReader<R> {
    type Item = Result<(u64, SignedMessage), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let message = match self.lines.next_line() {
            Ok(line) => line
                .map(|line| parse(line, SignedMessage::parse))
                .transpose(),
            Err(kind) => Err(kind),
        };
        let line = self.lines.number;
        let message = message.transpose();
        self.ended = !matches!(message, Some(Ok(_)));
        Some(
            message?
                .map(|message| (line, message))
                .map_err(|kind| LogError { line, kind }),
        )
    }
}

/// Reads a line with its end. Only a line without an end can be truncated.
pub(super) fn parse<T>(
    line: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, LogErrorKind>,
) -> Result<T, LogErrorKind> {
    let complete = line.ends_with(b"\n");
    read(line).map_err(|kind| match kind {
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
        let line = match self.buffer.strip_prefix(BYTE_ORDER_MARK) {
            Some(line) if self.number == 1 => line,
            _ => &self.buffer[..],
        };
        Ok((length > 0).then_some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjub::Point;
    use crate::message::{Join, Message, TopUp};
    use crate::Fr;

    fn message() -> Message {
        Message {
            data: std::array::from_fn(|i| Fr::from(i as u64)),
            encryption_key: Point::base8(),
            anchor: Fr::from(6),
        }
    }

    fn signed() -> Vec<SignedMessage> {
        let signed = |block_number| SignedMessage {
            message: message(),
            block_number,
        };
        vec![signed(5), signed(u64::MAX), signed(0)]
    }

    #[test]
    fn records_come_back() {
        let top_up = TopUp {
            state_index: 7,
            amount: 8,
        };
        let join = Join {
            public_key: Point::base8(),
            voice_credits: 9,
        };
        for record in [
            Record::Message(Box::new(message())),
            Record::TopUp(top_up),
            Record::Join(join),
        ] {
            let line = record.print();
            let parse = |version| match Line::parse(line.as_bytes(), version)?.0 {
                Line::Record(record) => Ok(record),
                Line::Bundle(_) => Err(LogErrorKind::UnknownKind(String::new())),
            };
            assert_eq!(parse(Version::Two).unwrap(), record);
            assert_eq!(parse(Version::Three).unwrap(), record);
            // The first version's messages have no anchor.
            assert_eq!(
                parse(Version::One).is_ok(),
                record.link() != Some((&message()).into())
            );
        }
    }

    #[test]
    fn a_mark_in_front_of_a_file_is_no_part_of_it() {
        let lines: Vec<String> = signed().iter().map(SignedMessage::print).collect();
        let read = |text: &str| MessageReader::new(text.as_bytes()).collect::<Result<Vec<_>, _>>();
        let text = lines.join("\n");
        let marked = read(&format!("\u{feff}{text}")).unwrap();
        assert_eq!(marked, read(&text).unwrap());
        // Elsewhere it is.
        assert!(read(&lines.join("\n\u{feff}")).is_err());
        assert!(read(&format!("\u{feff}\u{feff}{text}")).is_err());
    }

    #[test]
    fn a_file_of_messages_comes_back() {
        let lines: Vec<String> = signed().iter().map(SignedMessage::print).collect();
        // The last line needs no end.
        let text = lines.join("\n");
        let read: Result<Vec<_>, _> = MessageReader::new(text.as_bytes()).collect();
        let numbered: Vec<(u64, SignedMessage)> = (1..).zip(signed()).collect();
        assert_eq!(read.unwrap(), numbered);
        assert_eq!(MessageReader::new(&b""[..]).count(), 0);
    }

    #[test]
    fn the_first_bad_line_is_the_last() {
        let good = signed()[0].print();
        let long = " ".repeat(MAX_LINE_LENGTH + 1);
        let of_a_log = Record::Message(Box::new(message())).print();
        for bad in [
            "",
            "{}",
            "[]",
            &good[..20],
            "{\"kind\":\"vote\"}",
            &long,
            &of_a_log,
        ] {
            let text = format!("{good}\n{bad}\n{good}\n");
            let read: Vec<_> = MessageReader::new(text.as_bytes()).collect();
            assert_eq!(read.len(), 2, "{bad}");
            assert_eq!(read[1].as_ref().unwrap_err().line, 2, "{bad}");
        }
        let text = format!("{good}\n{}", &good[..20]);
        let last = MessageReader::new(text.as_bytes()).last();
        let error = last.unwrap().unwrap_err();
        assert!(matches!(error.kind, LogErrorKind::Truncated), "{error}");
    }
}
