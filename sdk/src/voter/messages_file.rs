//! Messages in a file, for whoever publishes them: those of a poll log, each with the block that it
//! was signed after.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use maci_nova_files::{create_atomically, Readers};
use maci_nova_protocol::log::{LogError, LogErrorKind, MessageReader, SignedMessage};

use crate::kind::ErrorKind;

/// Why messages are not read or written.
#[derive(Debug, thiserror::Error)]
pub enum MessagesError {
    /// Reading or writing failed.
    #[error("cannot {action} messages file {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not overwritten.
    #[error("{} already exists; name another file for the messages", .0.display())]
    Exists(PathBuf),
    /// A line is wrong.
    #[error("messages file {}: line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no message.
    #[error("messages file {} has no messages", .0.display())]
    Empty(PathBuf),
}

impl MessagesError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            MessagesError::Io { action, source, .. }
                if !["open", "read"].contains(action)
                    || source.kind() != io::ErrorKind::NotFound =>
            {
                ErrorKind::Io
            }
            MessagesError::Exists(_) => ErrorKind::Request,
            _ => ErrorKind::Input,
        }
    }
}

/// Writes messages to a new file.
///
/// # Errors
/// [`MessagesError::Exists`], [`MessagesError::Io`].
pub fn write(path: &Path, messages: &[SignedMessage]) -> Result<(), MessagesError> {
    // Some of a ballot's messages are no ballot.
    let written = create_atomically(path, Readers::Everybody, |file| {
        let mut out = BufWriter::new(file);
        for message in messages {
            writeln!(out, "{}", message.print())?;
        }
        out.flush()
    });
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => MessagesError::Exists(path.to_owned()),
        _ => failed("write", path)(source),
    })
}

/// Reads messages that the contract takes: of its form, and with keys on the curve.
///
/// # Errors
/// See [`MessagesError`].
pub fn read(path: &Path) -> Result<Vec<SignedMessage>, MessagesError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let lines = MessageReader::new(BufReader::new(file));
    let messages: Vec<SignedMessage> = lines
        .map(|line| accept(path, line))
        .collect::<Result<_, _>>()?;
    match messages.is_empty() {
        true => Err(MessagesError::Empty(path.to_owned())),
        false => Ok(messages),
    }
}

fn accept(
    path: &Path,
    line: Result<(u64, SignedMessage), LogError>,
) -> Result<SignedMessage, MessagesError> {
    let wrong = |line, reason: String| MessagesError::Line {
        path: path.to_owned(),
        line,
        reason,
    };
    match line {
        Err(LogError {
            kind: LogErrorKind::Io(source),
            ..
        }) => Err(failed("read", path)(source)),
        Err(LogError {
            line,
            kind: LogErrorKind::UnknownKind(_),
        }) => Err(wrong(
            line,
            "not a message; only messages can be published".into(),
        )),
        Err(LogError { line, kind }) => Err(wrong(line, kind.to_string())),
        Ok((_, signed)) if signed.message.encryption_key.is_on_curve() => Ok(signed),
        Ok((line, _)) => {
            let reason = "the encryption key is not on the curve, so the poll does not take it";
            Err(wrong(line, reason.into()))
        }
    }
}

fn failed<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> MessagesError + 'a {
    move |source| MessagesError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use maci_nova_protocol::babyjub::Point;
    use maci_nova_protocol::message::Message;
    use maci_nova_protocol::Fr;

    use super::*;

    fn message(seed: u64) -> SignedMessage {
        SignedMessage {
            message: Message {
                data: std::array::from_fn(|i| Fr::from(seed + i as u64)),
                encryption_key: Point::base8(),
                anchor: Fr::from(seed),
            },
            block_number: seed,
        }
    }

    #[test]
    fn messages_come_back_in_order_and_are_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("messages.jsonl");
        let messages: Vec<SignedMessage> = (0..3).map(message).collect();
        write(&path, &messages).unwrap();
        assert_eq!(read(&path).unwrap(), messages);
        let again = write(&path, &messages[..1]);
        assert!(matches!(again, Err(MessagesError::Exists(_))));
        assert_eq!(read(&path).unwrap(), messages);
        let missing = read(&directory.path().join("none"));
        assert!(matches!(missing, Err(MessagesError::Io { .. })));
    }

    #[test]
    fn a_bad_line_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("messages.jsonl");
        let good = message(1).print();
        let mut off = message(2);
        off.message.encryption_key.x = Fr::from(1);
        let order = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
        let top_up = r#"{"kind":"topUp","stateIndex":"1","amount":"50"}"#;
        for (bad, reason) in [
            (off.print(), "not on the curve"),
            (
                good.replacen("\"1\"", &format!("\"{order}\""), 1),
                "canonical",
            ),
            (top_up.to_owned(), "not a message"),
            ("nonsense".to_owned(), "JSON"),
            (good.replace("data", "date"), "field"),
            (good.replace(",\"blockNumber\":1", ""), "blockNumber"),
        ] {
            fs::write(&path, format!("{good}\n{bad}\n{good}\n")).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(
                error.contains("line 2") && error.contains(reason),
                "{error}"
            );
        }
        fs::write(&path, "").unwrap();
        assert!(matches!(read(&path), Err(MessagesError::Empty(_))));
    }
}
