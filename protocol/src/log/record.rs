//! The four kinds of lines, and their JSON form.

use super::object::{Object, Printer};
use super::LogErrorKind;
use crate::babyjub::Point;
use crate::field::{from_decimal, to_u64, Fr};
use crate::message::{Join, Message, TopUp};
use crate::poll::{Header, Mode};

const VERSION: u64 = 1;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The poll's header.
    Header(Header),
    /// A voter joined.
    Join(Join),
    /// A message arrived.
    Message(Box<Message>),
    /// A top-up arrived.
    TopUp(TopUp),
}

impl Record {
    /// What the message adds to the message chain; `None` for a header or a join.
    pub fn digest(&self) -> Option<Fr> {
        match self {
            Record::Header(_) | Record::Join(_) => None,
            Record::Message(message) => Some(message.digest()),
            Record::TopUp(top_up) => Some(top_up.digest()),
        }
    }

    /// Reads a line, with or without its end. A header is validated; ranges that depend on the poll are not checked here.
    ///
    /// # Errors
    /// Those [`LogErrorKind`]s that a line alone can have.
    pub fn parse(line: &[u8]) -> Result<Self, LogErrorKind> {
        let mut object = Object::parse(line)?;
        let kind = object.text("kind")?;
        let record = match kind.as_str() {
            "poll" => header(&mut object).map(Record::Header),
            "join" => join(&mut object).map(Record::Join),
            "message" => message(&mut object).map(Box::new).map(Record::Message),
            "topUp" => top_up(&mut object).map(Record::TopUp),
            _ => return Err(LogErrorKind::UnknownKind(kind)),
        }?;
        object.finish()?;
        Ok(record)
    }

    /// Writes a line, without its end.
    pub fn print(&self) -> String {
        match self {
            Record::Header(header) => print_header(header),
            Record::Join(join) => Printer::new("join")
                .point("publicKey", &join.public_key)
                .text("voiceCredits", &join.voice_credits.to_string()),
            Record::Message(message) => Printer::new("message")
                .elements("data", &message.data)
                .point("encryptionPublicKey", &message.encryption_key),
            Record::TopUp(top_up) => Printer::new("topUp")
                .text("stateIndex", &top_up.state_index.to_string())
                .text("amount", &top_up.amount.to_string()),
        }
        .finish()
    }
}

fn print_header(header: &Header) -> Printer {
    let mode = match header.mode {
        Mode::Quadratic => "quadratic",
        Mode::Linear => "linear",
    };
    Printer::new("poll")
        .number("version", VERSION)
        .text("pollId", &header.poll_id.to_string())
        .point("coordinatorPublicKey", &header.coordinator_key)
        .number("voteOptions", header.vote_options)
        .text("mode", mode)
        .number("stateTreeDepth", header.state_tree_depth as u64)
        .number("voteOptionTreeDepth", header.vote_option_tree_depth as u64)
}

fn header(object: &mut Object) -> Result<Header, LogErrorKind> {
    let version = object.number("version")?;
    if version != VERSION {
        return Err(LogErrorKind::Version(version));
    }
    let header = Header {
        poll_id: integer(object, "pollId")?,
        coordinator_key: point(object, "coordinatorPublicKey")?,
        vote_options: object.number("voteOptions")?,
        mode: match object.text("mode")?.as_str() {
            "quadratic" => Mode::Quadratic,
            "linear" => Mode::Linear,
            other => return Err(LogErrorKind::Mode(other.to_owned())),
        },
        state_tree_depth: depth(object, "stateTreeDepth")?,
        vote_option_tree_depth: depth(object, "voteOptionTreeDepth")?,
    };
    header.validate().map_err(LogErrorKind::Header)?;
    Ok(header)
}

fn join(object: &mut Object) -> Result<Join, LogErrorKind> {
    Ok(Join {
        public_key: point(object, "publicKey")?,
        voice_credits: integer(object, "voiceCredits")?,
    })
}

fn message(object: &mut Object) -> Result<Message, LogErrorKind> {
    Ok(Message {
        data: elements(object, "data")?,
        encryption_key: point(object, "encryptionPublicKey")?,
    })
}

fn top_up(object: &mut Object) -> Result<TopUp, LogErrorKind> {
    Ok(TopUp {
        state_index: integer(object, "stateIndex")?,
        amount: integer(object, "amount")?,
    })
}

fn depth(object: &mut Object, field: &'static str) -> Result<usize, LogErrorKind> {
    usize::try_from(object.number(field)?).map_err(|_| LogErrorKind::Number(field))
}

fn element(field: &'static str, text: &str) -> Result<Fr, LogErrorKind> {
    from_decimal(text).map_err(|reason| LogErrorKind::Element { field, reason })
}

/// An integer below 2^64 as a decimal string.
fn integer(object: &mut Object, field: &'static str) -> Result<u64, LogErrorKind> {
    let element = element(field, &object.text(field)?)?;
    to_u64(&element).ok_or(LogErrorKind::Number(field))
}

fn elements<const N: usize>(
    object: &mut Object,
    field: &'static str,
) -> Result<[Fr; N], LogErrorKind> {
    let texts = object.list(field)?;
    let wrong_length = LogErrorKind::WrongLength {
        field,
        expected: N,
        found: texts.len(),
    };
    let texts: [String; N] = texts.try_into().map_err(|_| wrong_length)?;
    let mut elements = [Fr::from(0); N];
    for (slot, text) in elements.iter_mut().zip(&texts) {
        *slot = element(field, text)?;
    }
    Ok(elements)
}

fn point(object: &mut Object, field: &'static str) -> Result<Point, LogErrorKind> {
    let [x, y] = elements(object, field)?;
    Ok(Point { x, y })
}
