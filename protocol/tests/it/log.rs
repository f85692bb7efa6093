//! The poll log: every reason to refuse a line, round trips, reading backwards.

use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom, Write};

use crate::common::{header, off_curve};
use ff::Field;
use maci_nova_protocol::bundle::Bundle;
use maci_nova_protocol::field::FieldError;
use maci_nova_protocol::hash_chain;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::{
    FactError, LogError, LogErrorKind, LogIndex, LogReader, LogWriter, PublicFacts, Record,
    MAX_LINE_LENGTH,
};
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::{Event, Header, HeaderError, Mode, State};
use maci_nova_protocol::Fr;
use proptest::prelude::*;

fn poll_header() -> Header {
    header(&PrivateKey::from_element(Fr::from(5)), Mode::Quadratic)
}

fn join(credits: u64) -> Record {
    Record::Join(Join {
        public_key: off_curve(),
        voice_credits: credits,
    })
}

fn message(seed: u64) -> Record {
    Record::Message(Box::new(Message {
        data: std::array::from_fn(|i| -Fr::from(seed * 10 + i as u64)),
        encryption_key: off_curve(),
        anchor: Fr::ZERO,
    }))
}

fn top_up(state_index: u64, amount: u64) -> Record {
    Record::TopUp(TopUp {
        state_index,
        amount,
    })
}

fn write(records: &[Record]) -> Vec<u8> {
    let mut writer = LogWriter::new(Vec::new());
    for record in records {
        writer.write(record).expect("a valid record");
    }
    writer.finish().expect("memory")
}

fn text(records: &[Record]) -> String {
    String::from_utf8(write(records)).expect("text")
}

fn sample() -> Vec<Record> {
    vec![
        Record::Header(poll_header()),
        join(100),
        message(1),
        join(7),
        top_up(2, 5),
        message(2),
    ]
}

fn read(log: &[u8]) -> Result<Vec<(u64, Record)>, LogError> {
    LogReader::new(log).collect()
}

/// The error of a log, the same from the reader and the index.
fn refuse(log: impl AsRef<[u8]>) -> LogError {
    let error = read(log.as_ref()).expect_err("a bad log");
    let indexed = LogIndex::scan(log.as_ref()).expect_err("a bad log");
    assert_eq!(indexed.to_string(), error.to_string());
    error
}

/// The error of the second line, after a valid header.
fn refuse_line(line: &str) -> LogErrorKind {
    let log = format!("{}{line}\n", text(&sample()[..1]));
    let error = refuse(log);
    assert_eq!(error.line, 2);
    error.kind
}

fn join_line(change: impl FnOnce(String) -> String) -> LogErrorKind {
    let log = text(&sample()[..2]);
    let line = log.lines().nth(1).expect("two lines").to_owned();
    let changed = change(line.clone());
    assert_ne!(changed, line);
    refuse_line(&changed)
}

fn header_line(change: impl FnOnce(String) -> String) -> LogErrorKind {
    let line = text(&sample()[..1]);
    let changed = change(line.clone());
    assert_ne!(changed, line);
    let error = refuse(changed);
    assert_eq!(error.line, 1);
    error.kind
}

#[test]
fn every_kind_of_line() {
    let records = sample();
    let log = write(&records);
    let read = read(&log).expect("a valid log");
    let lines: Vec<u64> = read.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6]);
    assert!(read.into_iter().map(|(_, record)| record).eq(records));
    let text = String::from_utf8(log).expect("text");
    assert!(text.contains("{\"kind\":\"topUp\",\"stateIndex\":\"2\",\"amount\":\"5\"}\n"));
}

#[test]
fn other_line_ends_and_key_orders() {
    let log = text(&sample());
    let without = log.trim_end();
    assert_eq!(read(without.as_bytes()).expect("valid").len(), 6);
    let carriage = log.replace('\n', "\r\n");
    assert_eq!(read(carriage.as_bytes()).expect("valid").len(), 6);
    let line = "{ \"amount\": \"5\", \"kind\": \"topUp\", \"stateIndex\": \"1\" }\n";
    let log = format!("{}{line}", text(&sample()[..2]));
    assert_eq!(read(log.as_bytes()).expect("valid")[2].1, top_up(1, 5));
}

#[test]
fn header_place() {
    assert!(matches!(
        refuse(""),
        LogError {
            line: 1,
            kind: LogErrorKind::HeaderMissing
        }
    ));
    let log = text(&sample());
    let (header, rest) = log.split_once('\n').expect("lines");
    assert!(matches!(
        refuse(rest),
        LogError {
            line: 1,
            kind: LogErrorKind::HeaderNotFirst
        }
    ));
    assert!(matches!(
        refuse_line(header),
        LogErrorKind::HeaderDuplicated
    ));
}

#[test]
fn header_contents() {
    let kind = header_line(|line| line.replace("\"version\":3", "\"version\":4"));
    assert!(matches!(kind, LogErrorKind::Version(4)));
    let kind = header_line(|line| line.replace("\"version\":3", "\"version\":1"));
    assert!(matches!(kind, LogErrorKind::UnknownField(field) if field == "signedWithin"));
    for blocks in [1, 4, 8191] {
        let within = format!("\"signedWithin\":{blocks}");
        let kind = header_line(|line| line.replace("\"signedWithin\":0", &within));
        let bounds = HeaderError::SignedWithin;
        assert!(matches!(kind, LogErrorKind::Header(error) if error == bounds));
    }
    let kind =
        header_line(|line| line.replace("\"signedWithin\":0", "\"signedWithin\":4294967296"));
    assert!(matches!(kind, LogErrorKind::Number("signedWithin")));
    let kind = header_line(|line| line.replace("quadratic", "Quadratic"));
    assert!(matches!(kind, LogErrorKind::Mode(mode) if mode == "Quadratic"));
    let kind = header_line(|line| line.replace(":23", ":26"));
    assert!(matches!(
        kind,
        LogErrorKind::Header(HeaderError::VoteOptions)
    ));
    let kind =
        header_line(|line| line.replace("\"pollId\":\"3\"", "\"pollId\":\"1125899906842624\""));
    assert!(matches!(kind, LogErrorKind::Header(HeaderError::PollId)));
    let kind = header_line(|line| line.replace(":23", ":\"23\""));
    let wrong = LogErrorKind::WrongType {
        field: "voteOptions",
        expected: "a number",
    };
    assert_eq!(kind.to_string(), wrong.to_string());
    for other in ["23.0", "-1", "1e2", "null", "true", "18446744073709551616"] {
        let kind = header_line(|line| line.replace(":23", &format!(":{other}")));
        assert!(matches!(kind, LogErrorKind::Json(_)), "{other}: {kind}");
    }
}

/// What the first edition wrote: no anchors, two modes.
fn first_version(records: &[Record]) -> String {
    text(records)
        .replace("\"version\":3", "\"version\":1")
        .replace(",\"signedWithin\":0", "")
        .replace(",\"anchor\":\"0\"", "")
}

#[test]
fn logs_of_the_first_version() {
    let log = first_version(&sample());
    let records = read(log.as_bytes()).expect("a valid log");
    assert!(records.into_iter().map(|(_, record)| record).eq(sample()));
    let mut index = LogIndex::scan(log.as_bytes()).expect("a valid log");
    let again = LogIndex::scan(&write(&sample())[..]).expect("a valid log");
    assert_eq!(index.facts(), again.facts());
    let reversed = |index: &LogIndex, log: &[u8]| -> Vec<Event> {
        let messages = index.messages_reversed(Cursor::new(log.to_vec()));
        messages
            .map(|message| message.expect("unchanged").event())
            .collect()
    };
    let second = write(&sample());
    assert_eq!(reversed(&index, log.as_bytes()), reversed(&again, &second));
    assert_eq!(index.append(&message(3)), Err(FactError::OldVersion));

    // Neither has what the other's lines have.
    let (header, _) = log.split_once('\n').expect("lines");
    let (_, rest) = text(&sample())
        .split_once('\n')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("lines");
    let kind = refuse(format!("{header}\n{rest}")).kind;
    assert!(matches!(kind, LogErrorKind::UnknownField(field) if field == "anchor"));
    let kind = refuse_line(log.lines().nth(2).expect("a message"));
    assert!(matches!(kind, LogErrorKind::MissingField("anchor")));
    for mode in ["full", "negative"] {
        let log = log.replace("quadratic", mode);
        assert!(matches!(refuse(log).kind, LogErrorKind::Mode(name) if name == mode));
    }
}

#[test]
fn every_mode() {
    for mode in Mode::ALL {
        let header = Header {
            mode,
            ..poll_header()
        };
        let records = [Record::Header(header)];
        assert_eq!(read(&write(&records)).expect("valid")[0].1, records[0]);
    }
}

#[test]
fn anchors() {
    let anchored = |anchor: u64| {
        let Record::Message(mut message) = message(1) else {
            unreachable!("a message");
        };
        message.anchor = Fr::from(anchor);
        Record::Message(message)
    };
    let with = Record::Header(Header {
        signed_within: 75,
        ..poll_header()
    });
    let without = Record::Header(poll_header());
    let line =
        |header: &Record, record: &Record| format!("{}\n{}\n", header.print(), record.print());
    let kind = refuse(line(&with, &anchored(0))).kind;
    assert!(matches!(kind, LogErrorKind::Fact(FactError::NoAnchor)));
    let kind = refuse(line(&without, &anchored(9))).kind;
    assert!(matches!(
        kind,
        LogErrorKind::Fact(FactError::UnexpectedAnchor)
    ));
    let log = line(&with, &anchored(9));
    assert_eq!(read(log.as_bytes()).expect("valid")[1].1, anchored(9));
    // The anchor is in the chain, and so is its absence.
    let head = |log: String| {
        LogIndex::scan(log.as_bytes())
            .expect("valid")
            .facts()
            .message_head
    };
    let mut heads = vec![
        head(line(&with, &anchored(9))),
        head(line(&with, &anchored(10))),
    ];
    heads.push(head(line(&without, &anchored(0))));
    heads.dedup();
    assert_eq!(heads.len(), 3);
}

#[test]
fn json() {
    for line in [
        "",
        "{",
        "[]",
        "7",
        "\"join\"",
        "{}x",
        "{\"kind\":join}",
        "{\"kind\":{}}",
        "\u{feff}{}",
    ] {
        let kind = refuse_line(line);
        assert!(matches!(kind, LogErrorKind::Json(_)), "{line}: {kind}");
    }
    let kind = join_line(|line| line.replace("[\"1\"", "[[\"1\"]"));
    assert!(matches!(kind, LogErrorKind::Json(_)));
    let deep = format!("{{\"kind\":{}", "[".repeat(10_000));
    assert!(matches!(refuse_line(&deep), LogErrorKind::Json(_)));
    let fields: Vec<String> = (0..20).map(|i| format!("\"{i}\":\"\"")).collect();
    assert!(matches!(
        refuse_line(&format!("{{{}}}", fields.join(","))),
        LogErrorKind::Json(_)
    ));
    let mut log = write(&sample()[..1]);
    log.extend(b"{\"kind\":\"\xff\"}\n");
    assert!(matches!(refuse(log).kind, LogErrorKind::Json(_)));
}

#[test]
fn fields() {
    let kind = refuse_line("{\"kind\":\"leave\"}");
    assert!(matches!(kind, LogErrorKind::UnknownKind(kind) if kind == "leave"));
    assert!(matches!(
        refuse_line("{}"),
        LogErrorKind::MissingField("kind")
    ));
    let kind = join_line(|line| line.replace(",\"voiceCredits\":\"100\"", ""));
    assert!(matches!(kind, LogErrorKind::MissingField("voiceCredits")));
    let kind = join_line(|line| line.replace('}', ",\"time\":\"0\"}"));
    assert!(matches!(kind, LogErrorKind::UnknownField(field) if field == "time"));
    let kind = join_line(|line| line.replace('}', ",\"voiceCredits\":\"9\"}"));
    assert!(matches!(kind, LogErrorKind::DuplicateField(field) if field == "voiceCredits"));
    let kind = join_line(|line| line.replace("\"100\"", "100"));
    let wrong = LogErrorKind::WrongType {
        field: "voiceCredits",
        expected: "a string",
    };
    assert_eq!(kind.to_string(), wrong.to_string());
    let kind = join_line(|line| line.replace("[\"1\",\"1\"]", "\"1\""));
    let wrong = LogErrorKind::WrongType {
        field: "publicKey",
        expected: "a list of strings",
    };
    assert_eq!(kind.to_string(), wrong.to_string());
}

#[test]
fn elements() {
    for (list, found) in [("[]", 0), ("[\"1\"]", 1), ("[\"1\",\"1\",\"1\"]", 3)] {
        let kind = join_line(|line| line.replace("[\"1\",\"1\"]", list));
        let LogErrorKind::WrongLength {
            field,
            expected,
            found: length,
        } = kind
        else {
            panic!("{kind}");
        };
        assert_eq!((field, expected, length), ("publicKey", 2, found));
    }
    let modulus = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
    let cases = [
        ("", FieldError::Empty),
        ("0x1", FieldError::LeadingZero),
        ("01", FieldError::LeadingZero),
        ("-1", FieldError::Digit),
        (" 1", FieldError::Digit),
        (modulus, FieldError::Range),
    ];
    for (text, error) in cases {
        let kind = join_line(|line| line.replace("[\"1\",", &format!("[\"{text}\",")));
        let LogErrorKind::Element { field, reason } = kind else {
            panic!("{text}: {kind}");
        };
        assert_eq!((field, reason), ("publicKey", error));
    }
    let kind = join_line(|line| line.replace("\"100\"", "\"18446744073709551616\""));
    assert!(matches!(kind, LogErrorKind::Number("voiceCredits")));
    let kind = join_line(|line| line.replace("\"100\"", "\"1e2\""));
    assert!(matches!(
        kind,
        LogErrorKind::Element {
            field: "voiceCredits",
            ..
        }
    ));
}

/// The header of a poll for four voters, and more records.
fn small_poll(records: &[Record]) -> Vec<Record> {
    let header = Header {
        state_tree_depth: 1,
        ..poll_header()
    };
    [&[Record::Header(header)], records].concat()
}

/// The last record is refused, by the facts and by the writer, and the same line by the reader.
fn refuse_fact(records: &[Record], expected: FactError) {
    let (last, before) = records.split_last().expect("records");
    let Record::Header(header) = &records[0] else {
        panic!("no header");
    };
    let mut facts = PublicFacts::initial(header.clone());
    let mut writer = LogWriter::new(Vec::new());
    writer.write(&before[0]).expect("a header");
    for record in &before[1..] {
        facts.absorb(record).expect("in range");
        writer.write(record).expect("in range");
    }
    let untouched = facts.clone();
    assert_eq!(facts.absorb(last), Err(expected));
    assert_eq!(facts, untouched);
    let error = writer.write(last).expect_err("out of range");
    assert!(matches!(error.kind, LogErrorKind::Fact(error) if error == expected));
    assert_eq!(error.line, records.len() as u64);

    let mut log = writer.finish().expect("memory");
    let line = match last {
        Record::Join(join) => {
            format!(
                "{{\"kind\":\"join\",\"publicKey\":[\"1\",\"1\"],\"voiceCredits\":\"{}\"}}",
                join.voice_credits
            )
        }
        Record::TopUp(top_up) => format!(
            "{{\"kind\":\"topUp\",\"stateIndex\":\"{}\",\"amount\":\"{}\"}}",
            top_up.state_index, top_up.amount
        ),
        other => panic!("{other:?}"),
    };
    log.extend(line.as_bytes());
    let error = refuse(log);
    assert!(matches!(error.kind, LogErrorKind::Fact(error) if error == expected));
    assert_eq!(error.line, records.len() as u64);
}

#[test]
fn facts() {
    refuse_fact(&small_poll(&[join(1 << 32)]), FactError::VoiceCredits);
    refuse_fact(
        &small_poll(&[join(1), join(2), join(3), join(4), join(5)]),
        FactError::TooManyJoins,
    );
    for index in [0, 2, u64::MAX] {
        refuse_fact(
            &small_poll(&[join(1), top_up(index, 1)]),
            FactError::TopUpStateIndex,
        );
    }
    for amount in [0, 1 << 48] {
        refuse_fact(
            &small_poll(&[join(1), top_up(1, amount)]),
            FactError::TopUpAmount,
        );
    }
    // A join that comes later does not help an earlier top-up.
    refuse_fact(&small_poll(&[top_up(1, 1)]), FactError::TopUpStateIndex);
    write(&small_poll(&[
        join((1 << 32) - 1),
        top_up(1, (1 << 48) - 1),
    ]));
}

#[test]
fn facts_without_a_line() {
    let mut facts = PublicFacts::initial(poll_header());
    assert_eq!(
        facts.absorb(&Record::Header(poll_header())),
        Err(FactError::Header)
    );
    facts.message_count = (1 << 50) - 2;
    assert_eq!(facts.absorb(&message(1)), Ok(()));
    assert_eq!(facts.absorb(&message(1)), Err(FactError::TooManyMessages));
    facts.absorb(&join(1)).expect("room");
    assert_eq!(facts.absorb(&top_up(1, 1)), Err(FactError::TooManyMessages));
}

#[test]
fn writer_wants_a_header() {
    let mut writer = LogWriter::new(Vec::new());
    let error = writer.write(&join(1)).expect_err("no header");
    assert!(matches!(
        error,
        LogError {
            line: 1,
            kind: LogErrorKind::HeaderNotFirst
        }
    ));
    let invalid = Header {
        vote_options: 0,
        ..poll_header()
    };
    let error = writer
        .write(&Record::Header(invalid))
        .expect_err("no options");
    assert!(matches!(
        error.kind,
        LogErrorKind::Header(HeaderError::VoteOptions)
    ));
    writer
        .write(&Record::Header(poll_header()))
        .expect("a header");
    let error = writer
        .write(&Record::Header(poll_header()))
        .expect_err("two");
    assert!(matches!(
        error,
        LogError {
            line: 2,
            kind: LogErrorKind::HeaderDuplicated
        }
    ));
}

/// Cut anywhere, a log is a valid shorter log (at the end of a line) or an error on its last line.
#[test]
fn truncated() {
    let log = write(&sample());
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    for length in 1..log.len() {
        let cut = &log[..length];
        let (done, next) = (lines(cut), log[length]);
        if cut.ends_with(b"\n") || next == b'\n' {
            assert!(read(cut).is_ok(), "{length}");
            continue;
        }
        let error = refuse(cut);
        assert!(
            matches!(error.kind, LogErrorKind::Truncated),
            "{length}: {error}"
        );
        assert_eq!(error.line, done + 1);
    }
}

#[test]
fn long_lines() {
    let with_line = |length: usize| {
        let line =
            text(&sample()[1..1]) + "{\"kind\":\"topUp\",\"stateIndex\":\"1\",\"amount\":\"5\"";
        let spaces = " ".repeat(length - line.len() - 2);
        text(&sample()[..2]) + &line + &spaces + "}\n"
    };
    assert_eq!(
        read(with_line(MAX_LINE_LENGTH).as_bytes())
            .expect("valid")
            .len(),
        3
    );
    let error = refuse(with_line(MAX_LINE_LENGTH + 1));
    assert!(matches!(
        error,
        LogError {
            line: 3,
            kind: LogErrorKind::LineTooLong
        }
    ));
    // Without any end: read no further than the bound.
    let endless = BufReader::new(io::repeat(b'x'));
    let error = LogIndex::scan(endless).expect_err("no log");
    assert!(matches!(
        error,
        LogError {
            line: 1,
            kind: LogErrorKind::LineTooLong
        }
    ));
}

#[test]
fn nothing_after_an_error() {
    let log = text(&sample()[..1]) + "x\n" + &text(&sample());
    let mut reader = LogReader::new(log.as_bytes());
    assert!(reader.next().is_some_and(|item| item.is_ok()));
    assert!(reader.next().is_some_and(|item| item.is_err()));
    assert!(reader.next().is_none());
}

/// A medium that fails from a position on.
struct Failing {
    inner: Cursor<Vec<u8>>,
    good: u64,
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.good.saturating_sub(self.inner.position());
        if left == 0 {
            return Err(io::Error::other("broken"));
        }
        Read::by_ref(&mut self.inner).take(left).read(buffer)
    }
}

impl Seek for Failing {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        if self.good == 0 {
            return Err(io::Error::other("broken"));
        }
        self.inner.seek(position)
    }
}

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}

#[test]
fn failing_media() {
    let log = write(&sample());
    let failing = |good: u64| Failing {
        inner: Cursor::new(log.clone()),
        good,
    };
    let is_io = |error: LogError| matches!(error.kind, LogErrorKind::Io(_));
    let error = LogIndex::scan(BufReader::new(failing(1000))).expect_err("a broken medium");
    assert!(is_io(error));
    let index = LogIndex::scan(&log[..]).expect("valid");
    assert!(index
        .joins(failing(0))
        .next()
        .is_some_and(|item| item.is_err_and(is_io)));
    let mut joins = index.joins(failing(300));
    assert!(joins.any(|item| item.is_err_and(is_io)));
    assert!(joins.next().is_none());
    let mut messages = index.messages_reversed(failing(1));
    assert!(messages.next().is_some_and(|item| item.is_err_and(is_io)));
    assert!(messages.next().is_none());
    let mut writer = LogWriter::new(failing(0));
    assert!(is_io(writer.write(&sample()[0]).expect_err("a full disk")));
    assert!(writer.finish().is_err_and(is_io));
}

#[test]
fn index_of_interleaved_records() {
    let records = sample();
    let log = write(&records);
    let index = LogIndex::scan(&log[..]).expect("valid");
    let mut facts = PublicFacts::initial(poll_header());
    let mut messages = Vec::new();
    for (record, line) in records.iter().zip(1..).skip(1) {
        if record.link().is_some() {
            let event = record.events(facts.message_head)[0];
            messages.push((messages.len() as u64, line, event));
        }
        facts.absorb(record).expect("in range");
    }
    assert_eq!(index.facts(), &facts);
    assert_eq!((facts.next_state_index, facts.message_count), (3, 3));
    let joins: Vec<Join> = index
        .joins(Cursor::new(&log))
        .collect::<Result<_, _>>()
        .expect("unchanged");
    let expected: Vec<Join> = records
        .iter()
        .filter_map(|record| match record {
            Record::Join(join) => Some(*join),
            _ => None,
        })
        .collect();
    assert_eq!(joins, expected);
    let reversed: Vec<_> = index
        .messages_reversed(Cursor::new(&log))
        .map(|item| item.expect("unchanged"))
        .map(|item| (item.position, item.line_number, item.event()))
        .collect();
    messages.reverse();
    assert_eq!(reversed, messages);
}

/// A log that grows has the index that a scan of it gives, whatever is asked in between.
#[test]
fn a_log_that_grows() {
    let records = sample();
    let (mut index, mut log) = LogIndex::begin(poll_header()).expect("a poll");
    for (record, written) in records[1..].iter().zip(2..) {
        log.push_str(&index.append(record).expect("in range"));
        assert_eq!(log, text(&records[..written]));
        assert_eq!(index.bytes(), log.len() as u64);
        let scanned = LogIndex::scan(log.as_bytes()).expect("valid");
        assert_eq!(format!("{index:?}"), format!("{scanned:?}"));
        let joins = index
            .joins(Cursor::new(&log))
            .map(|join| join.expect("unchanged"));
        let joins: Vec<Join> = joins.collect();
        for skipped in 0..=joins.len() + 1 {
            let after: Result<Vec<Join>, _> = index
                .joins_after(skipped as u64, Cursor::new(&log))
                .collect();
            let expected = joins.get(skipped..).unwrap_or_default();
            assert_eq!(after.expect("unchanged"), expected);
            let chain = joins.get(..skipped).map(|joins| {
                let start = hash_chain::zero();
                joins.iter().fold(start, hash_chain::extend_joins)
            });
            assert_eq!(index.join_chain_after(skipped as u64), chain);
        }
    }
    let before = format!("{index:?}");
    let error = index.append(&top_up(3, 1)).expect_err("nobody's");
    assert_eq!(error, FactError::TopUpStateIndex);
    let error = index.append(&records[0]).expect_err("a second one");
    assert_eq!(error, FactError::Header);
    assert_eq!(format!("{index:?}"), before);
    let invalid = Header {
        vote_options: 0,
        ..poll_header()
    };
    let error = LogIndex::begin(invalid).expect_err("no poll");
    assert_eq!(error, HeaderError::VoteOptions);
}

#[test]
fn only_a_header() {
    let log = write(&sample()[..1]);
    let index = LogIndex::scan(&log[..]).expect("valid");
    assert_eq!(index.facts(), &PublicFacts::initial(poll_header()));
    assert!(index.joins(Cursor::new(&log)).next().is_none());
    assert!(index.messages_reversed(Cursor::new(&log)).next().is_none());
    let state = State::initial(&poll_header());
    assert!(index.facts().completed_by(&state));
}

/// Digits of one record changed after the index was made, lengths kept.
#[test]
fn changed_log() {
    let log = text(&sample());
    let index = LogIndex::scan(log.as_bytes()).expect("valid");
    let changed = |from: &str, to: &str| {
        assert!(log.contains(from));
        log.replacen(from, to, 1)
    };
    let is_changed = |error: LogError| matches!(error.kind, LogErrorKind::Changed);

    let other_credits = changed("\"100\"", "\"101\"");
    let mut joins = index.joins(Cursor::new(&other_credits));
    let error = joins.next().expect("an item").expect_err("changed");
    assert_eq!(error.line, 2);
    assert!(is_changed(error));
    assert!(joins.next().is_none());
    // The second join is where and what it was.
    let mut joins = index.joins_after(1, Cursor::new(&other_credits));
    assert!(joins.next().is_some_and(|item| item.is_ok()));
    assert!(joins.next().is_none());
    let mut joins = index.joins(Cursor::new(changed("\"7\"", "\"8\"")));
    assert!(joins.next().is_some_and(|item| item.is_ok()));
    let error = joins.next().expect("an item").expect_err("changed");
    assert_eq!(error.line, 4);
    assert!(is_changed(error));
    for broken in [
        changed("\"join\"", "\"jojn\""),
        log.lines().take(3).collect(),
    ] {
        assert!(index
            .joins(Cursor::new(broken))
            .any(|item| item.is_err_and(is_changed)));
    }

    let other_amount = changed("\"amount\":\"5\"", "\"amount\":\"6\"");
    let mut messages = index.messages_reversed(Cursor::new(&other_amount));
    assert!(messages.next().is_some_and(|item| item.is_ok()));
    let error = messages.next().expect("an item").expect_err("changed");
    assert_eq!(error.line, 5);
    assert!(is_changed(error));
    assert!(messages.next().is_none());
    for broken in [
        changed("\"topUp\"", "\"topup\""),
        log[..100].to_owned(),
        String::new(),
    ] {
        let mut messages = index.messages_reversed(Cursor::new(broken));
        assert!(messages.any(|item| item.is_err_and(is_changed)));
    }
}

/// Whichever digit of a message, a top-up or a bundle's chain is another one.
#[test]
fn changed_digits() {
    let log = text(&bundled());
    let index = LogIndex::scan(log.as_bytes()).expect("valid");
    let (mut offset, mut tried) = (0, 0);
    for line in log.split_inclusive('\n') {
        // Of a bundle's own line the chain alone is read again.
        let from = line.find("\"inner\"").unwrap_or(0);
        let digits = (from..line.len()).filter(|at| line.as_bytes()[*at].is_ascii_digit());
        let is_message = !line.contains("\"join\"") && !line.contains("\"poll\"");
        for at in digits.step_by(7).filter(|_| is_message) {
            let mut other = log.clone().into_bytes();
            let digit = &mut other[offset + at];
            *digit = b'0' + (*digit - b'0' + 1) % 10;
            let mut messages = index.messages_reversed(Cursor::new(&other));
            let error = messages.find_map(Result::err);
            let error = error.unwrap_or_else(|| panic!("digit {at} of {line}"));
            assert!(matches!(error.kind, LogErrorKind::Changed), "{error}");
            tried += 1;
        }
        offset += line.len();
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn completeness() {
    let records = sample();
    let mut facts = PublicFacts::initial(poll_header());
    for record in &records[1..] {
        facts.absorb(record).expect("in range");
    }
    let complete = State {
        join_chain: facts.join_chain,
        next_state_index: Fr::from(3),
        message_head: facts.message_head,
        message_cursor: hash_chain::zero(),
        ..State::initial(&poll_header())
    };
    assert!(facts.completed_by(&complete));
    let changes: [fn(&mut State); 7] = [
        |state| state.poll += Fr::ONE,
        |state| state.join_chain += Fr::ONE,
        |state| state.next_state_index += Fr::ONE,
        |state| state.message_head += Fr::ONE,
        |state| state.message_cursor += Fr::ONE,
        |state| state.outer_cursor += Fr::ONE,
        |state| (state.message_head, state.message_cursor) = (Fr::ZERO, Fr::ZERO),
    ];
    for change in changes {
        let mut state = complete;
        change(&mut state);
        assert!(!facts.completed_by(&state));
    }
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        (0u64..1 << 32).prop_map(join),
        any::<u32>().prop_map(|seed| message(u64::from(seed))),
        (1u64..=3, 1u64..1 << 48).prop_map(|(index, amount)| top_up(index, amount)),
        (any::<u32>(), 1u64..5).prop_map(|(seed, count)| bundle(u64::from(seed), count)),
    ]
}

/// So many messages, numbered from `first` on.
fn bundle(first: u64, count: u64) -> Record {
    let messages = (first..first + count).map(|number| match message(number) {
        Record::Message(message) => *message,
        _ => unreachable!("a message"),
    });
    Record::Bundle(Bundle::new(messages.collect()).expect("a few"))
}

/// A join, a message, and bundles of three and of one.
fn bundled() -> Vec<Record> {
    vec![
        Record::Header(poll_header()),
        join(5),
        message(1),
        bundle(2, 3),
        join(6),
        bundle(9, 1),
        top_up(2, 7),
    ]
}

#[test]
fn bundles_take_their_places() {
    let records = bundled();
    let log = write(&records);
    let index = LogIndex::scan(&log[..]).expect("valid");
    // A message, three and their bundle, one and its bundle, a top-up.
    assert_eq!(index.facts().message_count, 8);
    let reversed: Vec<_> = index
        .messages_reversed(Cursor::new(&log))
        .map(|item| item.expect("unchanged"))
        .collect();
    let places: Vec<(u64, u64)> = reversed
        .iter()
        .map(|item| (item.position, item.line_number))
        .collect();
    let expected = [
        (7, 11),
        (6, 9),
        (5, 10),
        (4, 4),
        (3, 7),
        (2, 6),
        (1, 5),
        (0, 3),
    ];
    assert_eq!(places, expected);
    let mut facts = PublicFacts::initial(poll_header());
    let mut events = vec![];
    for record in &records[1..] {
        if record.link().is_some() {
            events.splice(0..0, record.events(facts.message_head));
        }
        facts.absorb(record).expect("in range");
    }
    assert!(reversed.iter().map(|item| item.event()).eq(events));
    let joins: Vec<u64> = index
        .joins(Cursor::new(&log))
        .map(|join| join.expect("unchanged").voice_credits)
        .collect();
    assert_eq!(joins, [5, 6]);
}

#[test]
fn bundles_that_are_none() {
    let text = text(&bundled());
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[3].starts_with("{\"kind\":\"bundle\",\"messages\":3,"));
    let refused = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        change(&mut lines);
        let error = refuse(lines.join("\n") + "\n");
        (error.line, error.kind.to_string())
    };
    // The last line of the bundle is where it does not add up.
    let inner = "the bundle's messages do not come to its \"inner\"".to_owned();
    assert_eq!(refused(&|lines| lines.swap(4, 5)), (7, inner.clone()));
    assert_eq!(
        refused(&|lines| lines[5] = lines[4].clone()),
        (7, inner.clone())
    );
    let other_inner = |lines: &mut Vec<String>| {
        let last = lines[3].rfind('"').expect("a quotation mark") - 1;
        let digit = if lines[3][last..].starts_with('1') {
            "2"
        } else {
            "1"
        };
        lines[3].replace_range(last..=last, digit);
    };
    assert_eq!(refused(&other_inner), (7, inner));
    let cut = "the bundle has 3 messages, and only 2 follow it".to_owned();
    assert_eq!(refused(&|lines| drop(lines.remove(6))), (7, cut.clone()));
    assert_eq!(
        refused(&|lines| lines[6] = lines[1].clone()),
        (7, cut.clone())
    );
    assert_eq!(
        refused(&|lines| lines[6] = lines[10].clone()),
        (7, cut.clone())
    );
    assert_eq!(
        refused(&|lines| lines[6] = lines[3].clone()),
        (7, cut.clone())
    );
    assert_eq!(refused(&|lines| lines.truncate(6)), (7, cut));
    for (count, said) in [
        ("0", "not 0"),
        ("301", "not 301"),
        ("4000000000000", "not 4000"),
    ] {
        let (line, text) = refused(&|lines| {
            lines[3] = lines[3].replace("\"messages\":3", &format!("\"messages\":{count}"));
        });
        assert_eq!(line, 4);
        assert!(text.contains(said), "{text}");
    }
    // Earlier versions have none.
    let (line, text) = refused(&|lines| {
        lines[0] = lines[0].replace("\"version\":3", "\"version\":2");
    });
    assert_eq!((line, text.as_str()), (4, "unknown kind \"bundle\""));
}

#[test]
fn a_bundle_of_another_poll() {
    // In a poll without anchors no message of a bundle has one.
    let Record::Bundle(honest) = bundle(1, 2) else {
        unreachable!("a bundle")
    };
    let mut messages = honest.messages().to_vec();
    messages[1].anchor = Fr::ONE;
    let foreign = Record::Bundle(Bundle::new(messages).expect("two"));
    let mut facts = PublicFacts::initial(poll_header());
    let before = facts.clone();
    assert_eq!(facts.absorb(&foreign), Err(FactError::UnexpectedAnchor));
    assert_eq!(facts, before);
    let mut with_anchors = poll_header();
    with_anchors.signed_within = 75;
    let mut facts = PublicFacts::initial(with_anchors);
    assert_eq!(facts.absorb(&bundle(1, 2)), Err(FactError::NoAnchor));
    // 2^50 places are too many, wherever in a bundle the last one is.
    let mut facts = before;
    facts.message_count = (1 << 50) - 3;
    assert_eq!(facts.absorb(&bundle(1, 2)), Err(FactError::TooManyMessages));
    facts.message_count -= 1;
    assert_eq!(facts.absorb(&bundle(1, 2)), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn round_trip(more in prop::collection::vec(record(), 0..20)) {
        let mut records = sample();
        // Top-ups above name one of three voters.
        records.push(join(1));
        records.extend(more);
        let log = write(&records);
        let read = read(&log).expect("valid");
        prop_assert!(read.iter().map(|(_, record)| record).eq(&records));
        prop_assert_eq!(write(&records), log.clone());

        let index = LogIndex::scan(&log[..]).expect("valid");
        let mut reversed: Vec<_> = index
            .messages_reversed(Cursor::new(&log))
            .collect::<Result<_, _>>()
            .expect("unchanged");
        reversed.reverse();
        let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
        let mut head = hash_chain::zero();
        let mut events = vec![];
        for record in records.iter().filter(|record| record.link().is_some()) {
            let own = record.events(head);
            events.extend(own.into_iter().rev());
            head = hash_chain::extend(head, record.link().expect("a message"));
        }
        prop_assert!(reversed.iter().map(|item| item.event()).eq(events));
        for (position, item) in reversed.iter().enumerate() {
            prop_assert_eq!(item.position, position as u64);
            let line = lines[item.line_number as usize - 1];
            let expected = match item.event() {
                Event::Vote { message, .. } => Record::Message(Box::new(message)).print(),
                Event::TopUp { top_up, .. } => Record::TopUp(top_up).print(),
                _ => "{\"kind\":\"bundle\"".to_owned(),
            };
            prop_assert!(line.starts_with(expected.as_bytes()));
        }
        prop_assert_eq!(index.facts().message_head, head);
    }

    /// Whatever the bytes, an error or records, never a panic.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..3000) {
        let mut log = write(&sample());
        let at = at.min(log.len());
        log.splice(at..at, bytes);
        let count = LogReader::new(&log[..]).filter(Result::is_ok).count();
        prop_assert!(count <= log.lines().count());
        if let Ok(index) = LogIndex::scan(&log[..]) {
            prop_assert!(index.joins(Cursor::new(&log)).all(|item| item.is_ok()));
        }
    }
}
