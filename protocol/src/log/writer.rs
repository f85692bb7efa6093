//! Writing a log.

use super::facts::Sequence;
use super::{LogError, LogErrorKind, Record};
use std::io::Write;

/// Writes the records of one poll, checking that a reader will accept them.
#[derive(Debug)]
pub struct LogWriter<W> {
    writer: W,
    sequence: Sequence,
    lines: u64,
}

impl<W: Write> LogWriter<W> {
    /// Writes a log from its start. Each record is one small write: give a buffered writer.
    pub fn new(writer: W) -> Self {
        LogWriter {
            writer,
            sequence: Sequence::default(),
            lines: 0,
        }
    }

    /// Writes the next record, the header first.
    ///
    /// # Errors
    /// Those of [`super::LogReader`] for a record that may not come here, before anything is
    /// written, and [`LogErrorKind::Io`].
    pub fn write(&mut self, record: &Record) -> Result<(), LogError> {
        let line = self.lines + 1;
        self.try_write(record)
            .map_err(|kind| LogError { line, kind })?;
        self.lines = line;
        Ok(())
    }

    fn try_write(&mut self, record: &Record) -> Result<(), LogErrorKind> {
        if let Record::Header(header) = record {
            header.validate().map_err(LogErrorKind::Header)?;
        }
        self.sequence.next(record)?;
        let mut text = record.print();
        text.push('\n');
        self.writer.write_all(text.as_bytes())?;
        Ok(())
    }

    /// The writer, flushed.
    ///
    /// # Errors
    /// [`LogErrorKind::Io`] if flushing fails.
    pub fn finish(mut self) -> Result<W, LogError> {
        let flushed = self.writer.flush().map_err(LogErrorKind::Io);
        flushed.map_err(|kind| LogError {
            line: self.lines,
            kind,
        })?;
        Ok(self.writer)
    }
}
