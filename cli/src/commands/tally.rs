//! `tally`: the count alone.

use std::collections::BTreeMap;
use std::io::{self, Write};

use maci_nova_coordinator::count::{count, Count, Counted, APPLIED, REFUSED};
use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_protocol::poll::Decision;
use maci_nova_sdk::poll::results::Results;
use serde::{Serialize, Serializer};

use crate::arguments::coordinator::Tally;
use crate::console::Console;
use crate::failure::Failure;
use crate::key;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    results: Results,
    voters: u64,
    message_count: u64,
    decisions: BTreeMap<&'static str, u64>,
    #[serde(serialize_with = "as_messages")]
    messages: &'a [Counted],
}

/// Runs the command.
pub fn run(arguments: &Tally, console: &Console) -> Result<(), Failure> {
    let key = key::read(&arguments.key, console)?;
    let log = PollLog::open(&arguments.log)?;
    let counted = count(&log, &key, console)?;
    let results = Results::new(&counted.results, counted.total_spent);
    let decisions = counted.decisions();
    let document = Document {
        results,
        voters: log.voters(),
        message_count: log.messages(),
        decisions: decisions.clone(),
        messages: &counted.messages,
    };
    console.show(&document, |out| {
        document.results.write_table(out)?;
        write_decisions(out, &decisions)?;
        match arguments.messages {
            true => write_messages(out, &counted),
            false => Ok(()),
        }
    })
}

/// How many messages were applied, and how many refused by each rule.
type Decisions = BTreeMap<&'static str, u64>;

fn write_decisions(out: &mut dyn Write, decisions: &Decisions) -> io::Result<()> {
    write!(out, "\n{} messages: ", decisions.values().sum::<u64>())?;
    let applied = decisions.get(APPLIED).copied().unwrap_or(0);
    write!(out, "{applied} applied")?;
    for (rule, number) in decisions.iter().filter(|(name, _)| **name != APPLIED) {
        write!(out, ", {number} refused by rule {rule}")?;
    }
    writeln!(out)
}

fn write_messages(out: &mut dyn Write, counted: &Count) -> io::Result<()> {
    writeln!(out)?;
    for (i, message) in counted.messages.iter().enumerate() {
        let (index, line, kind) = (i + 1, message.line, message.kind());
        match message.decision {
            Decision::Applied => writeln!(out, "message {index} (line {line}): {kind} applied")?,
            Decision::Refused(rule) => {
                let name = rule.name();
                writeln!(
                    out,
                    "message {index} (line {line}): {kind} refused by rule {name}: {rule}"
                )?;
            }
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct MessageLine {
    index: usize,
    line: u64,
    kind: &'static str,
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl MessageLine {
    fn new(index: usize, message: &Counted) -> Self {
        let (decision, rule) = match message.decision {
            Decision::Applied => (APPLIED, None),
            Decision::Refused(rule) => (REFUSED, Some(rule)),
        };
        MessageLine {
            index,
            line: message.line,
            kind: message.kind(),
            decision,
            rule: rule.map(|rule| rule.name()),
            reason: rule.map(|rule| rule.to_string()),
        }
    }
}

/// One line after another: a poll may have millions.
fn as_messages<S: Serializer>(messages: &[Counted], serializer: S) -> Result<S::Ok, S::Error> {
    let lines = messages.iter().enumerate();
    serializer.collect_seq(lines.map(|(i, message)| MessageLine::new(i + 1, message)))
}
