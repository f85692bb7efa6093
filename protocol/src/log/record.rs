//! The kinds of records, and their JSON form.

use super::object::{Object, Printer};
use super::LogErrorKind;
use crate::babyjub::Point;
use crate::bundle::{Bundle, BundleSize, MAX_BUNDLE};
use crate::field::{from_decimal, to_u64, Fr};
use crate::hash_chain::Link;
use crate::message::{Join, Message, TopUp};
use crate::poll::{Event, Header, Mode};

/// Which edition of the poll log a line is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Messages have no anchors, and there are the modes `quadratic` and `linear`.
    One,
    /// There are no bundles.
    Two,
    /// What is written.
    #[default]
    Three,
}

impl Version {
    fn from_number(number: u64) -> Result<Self, LogErrorKind> {
        match number {
            1 => Ok(Version::One),
            2 => Ok(Version::Two),
            3 => Ok(Version::Three),
            other => Err(LogErrorKind::Version(other)),
        }
    }

    fn number(self) -> u64 {
        match self {
            Version::One => 1,
            Version::Two => 2,
            Version::Three => 3,
        }
    }
}

/// What a log tells: a line, or the lines of a bundle.
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
    /// Messages arrived as one link of the chain.
    Bundle(Bundle),
}

/// A line of a log.
pub(super) enum Line {
    /// A record of its own.
    Record(Record),
    /// The first line of a bundle.
    Bundle(BundleLine),
}

/// What a bundle's first line says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct BundleLine {
    /// The lines that follow.
    pub(super) messages: usize,
    /// What they come to.
    pub(super) inner: Fr,
}

impl Record {
    /// What it adds to the message chain; `None` for a header or a join.
    pub fn link(&self) -> Option<Link> {
        match self {
            Record::Header(_) | Record::Join(_) => None,
            Record::Message(message) => Some(Link::from(&**message)),
            Record::TopUp(top_up) => Some(Link::from(top_up)),
            Record::Bundle(bundle) => Some(Link::of_bundle(bundle.inner())),
        }
    }

    /// How many places of the message chain it takes: a bundle takes one for each message and one
    /// of its own, after them.
    pub fn places(&self) -> u64 {
        match self {
            Record::Header(_) | Record::Join(_) => 0,
            Record::Message(_) | Record::TopUp(_) => 1,
            Record::Bundle(bundle) => bundle.messages().len() as u64 + 1,
        }
    }

    /// What it is to the poll, in the order of processing: a bundle, and then its messages from the
    /// last to the first. `previous` is the message chain before it arrived.
    pub fn events(&self, previous: Fr) -> Vec<Event> {
        match self {
            Record::Header(_) => vec![],
            Record::Join(join) => vec![Event::Join(*join)],
            Record::Message(message) => {
                let message = **message;
                vec![Event::Vote { message, previous }]
            }
            Record::TopUp(top_up) => {
                let top_up = *top_up;
                vec![Event::TopUp { top_up, previous }]
            }
            Record::Bundle(bundle) => {
                let inner = bundle.inner();
                let within: Vec<Event> = bundle
                    .messages()
                    .iter()
                    .zip(bundle.chain())
                    .map(|(&message, previous)| Event::Vote { message, previous })
                    .collect();
                let first = Event::Bundle { inner, previous };
                core::iter::once(first)
                    .chain(within.into_iter().rev())
                    .collect()
            }
        }
    }

    /// Writes its lines in [`Version::Three`], without the end of the last.
    pub fn print(&self) -> String {
        match self {
            Record::Header(header) => print_header(header),
            Record::Join(join) => Printer::new("join")
                .point("publicKey", &join.public_key)
                .text("voiceCredits", &join.voice_credits.to_string()),
            Record::Message(message) => print_message(message),
            Record::TopUp(top_up) => Printer::new("topUp")
                .text("stateIndex", &top_up.state_index.to_string())
                .text("amount", &top_up.amount.to_string()),
            Record::Bundle(bundle) => return print_bundle(bundle),
        }
        .finish()
    }
}

impl Line {
    /// Reads a line of a log of this version, with or without its end, and says of which version
    /// the lines that follow are. A header is validated, and is of the version that it names;
    /// ranges that depend on the poll are not checked here.
    pub(super) fn parse(
        line: &[u8],
        mut version: Version,
    ) -> Result<(Self, Version), LogErrorKind> {
        let mut object = Object::parse(line)?;
        let kind = object.text("kind")?;
        let line = match (kind.as_str(), version) {
            ("poll", _) => {
                version = Version::from_number(object.number("version")?)?;
                Line::Record(Record::Header(header(&mut object, version)?))
            }
            ("join", _) => Line::Record(Record::Join(join(&mut object)?)),
            ("message", _) => {
                let message = message(&mut object, version)?;
                Line::Record(Record::Message(Box::new(message)))
            }
            ("topUp", _) => Line::Record(Record::TopUp(top_up(&mut object)?)),
            ("bundle", Version::Three) => Line::Bundle(bundle(&mut object)?),
            _ => return Err(LogErrorKind::UnknownKind(kind)),
        };
        object.finish()?;
        Ok((line, version))
    }
}

/// A message that waits to be published, and the block whose hash its anchor is made of: a line of
/// a file of messages.
///
/// As a line it is the message's of the log, with the field `blockNumber` as its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMessage {
    /// The message.
    pub message: Message,
    /// The block's number; 0 where the anchor is 0.
    pub block_number: u64,
}

impl SignedMessage {
    /// Reads a line, with or without its end.
    ///
    /// # Errors
    /// Those [`LogErrorKind`]s that a line alone can have.
    pub fn parse(line: &[u8]) -> Result<Self, LogErrorKind> {
        let mut object = Object::parse(line)?;
        let kind = object.text("kind")?;
        if kind != "message" {
            return Err(LogErrorKind::UnknownKind(kind));
        }
        let signed = SignedMessage {
            message: message(&mut object, Version::Three)?,
            block_number: object.number("blockNumber")?,
        };
        object.finish()?;
        Ok(signed)
    }

    /// Writes a line, without its end.
    pub fn print(&self) -> String {
        print_message(&self.message)
            .number("blockNumber", self.block_number)
            .finish()
    }
}

fn print_message(message: &Message) -> Printer {
    Printer::new("message")
        .elements("data", &message.data)
        .point("encryptionPublicKey", &message.encryption_key)
        .element("anchor", &message.anchor)
}

fn print_bundle(bundle: &Bundle) -> String {
    let first = Printer::new("bundle")
        .number("messages", bundle.messages().len() as u64)
        .element("inner", &bundle.inner());
    let messages = bundle.messages().iter().map(print_message);
    let lines = core::iter::once(first).chain(messages);
    lines.map(Printer::finish).collect::<Vec<_>>().join("\n")
}

fn print_header(header: &Header) -> Printer {
    Printer::new("poll")
        .number("version", Version::Three.number())
        .text("pollId", &header.poll_id.to_string())
        .point("coordinatorPublicKey", &header.coordinator_key)
        .number("voteOptions", header.vote_options)
        .text("mode", header.mode.name())
        .number("signedWithin", u64::from(header.signed_within))
        .number("stateTreeDepth", header.state_tree_depth as u64)
        .number("voteOptionTreeDepth", header.vote_option_tree_depth as u64)
}

fn header(object: &mut Object, version: Version) -> Result<Header, LogErrorKind> {
    let header = Header {
        poll_id: integer(object, "pollId")?,
        coordinator_key: point(object, "coordinatorPublicKey")?,
        vote_options: object.number("voteOptions")?,
        mode: mode(object, version)?,
        signed_within: match version {
            Version::One => 0,
            Version::Two | Version::Three => blocks(object, "signedWithin")?,
        },
        state_tree_depth: depth(object, "stateTreeDepth")?,
        vote_option_tree_depth: depth(object, "voteOptionTreeDepth")?,
    };
    header.validate().map_err(LogErrorKind::Header)?;
    Ok(header)
}

fn mode(object: &mut Object, version: Version) -> Result<Mode, LogErrorKind> {
    let name = object.text("mode")?;
    let known = match version {
        Version::One => &Mode::ALL[..2],
        Version::Two | Version::Three => &Mode::ALL[..],
    };
    let mode = Mode::from_name(&name).filter(|mode| known.contains(mode));
    mode.ok_or(LogErrorKind::Mode(name))
}

fn join(object: &mut Object) -> Result<Join, LogErrorKind> {
    Ok(Join {
        public_key: point(object, "publicKey")?,
        voice_credits: integer(object, "voiceCredits")?,
    })
}

fn message(object: &mut Object, version: Version) -> Result<Message, LogErrorKind> {
    Ok(Message {
        data: elements(object, "data")?,
        encryption_key: point(object, "encryptionPublicKey")?,
        anchor: match version {
            Version::One => Fr::from(0),
            Version::Two | Version::Three => element("anchor", &object.text("anchor")?)?,
        },
    })
}

fn bundle(object: &mut Object) -> Result<BundleLine, LogErrorKind> {
    let messages = object.number("messages")?;
    let messages = usize::try_from(messages).map_err(|_| LogErrorKind::Number("messages"))?;
    if !(1..=MAX_BUNDLE).contains(&messages) {
        return Err(LogErrorKind::Bundle(BundleSize(messages)));
    }
    Ok(BundleLine {
        messages,
        inner: element("inner", &object.text("inner")?)?,
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

fn blocks(object: &mut Object, field: &'static str) -> Result<u32, LogErrorKind> {
    u32::try_from(object.number(field)?).map_err(|_| LogErrorKind::Number(field))
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
