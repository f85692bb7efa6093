//! `export-log`: what was sent to a poll, as a poll log.

use maci_nova_chain::words::count;
use maci_nova_chain::{Observer, Stage};
use maci_nova_coordinator::log::chain_log::{Advance, ChainLog};
use serde::Serialize;

use crate::arguments::coordinator::ExportLog;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    log: String,
    voters: u64,
    messages: u64,
    block: Option<u64>,
    whole: bool,
}

/// Runs the command.
pub fn run(arguments: &ExportLog, console: &Console) -> Result<(), Failure> {
    let path = &arguments.out;
    if path.exists() {
        return Err(Failure::Usage(format!(
            "{} already exists; give another --out",
            path.display()
        )));
    }
    console.listen()?;
    let connection = Connection::open(&arguments.node, None, console)?;
    let (chain, poll) = (&connection.chain, connection.poll()?);
    let io = |action| {
        move |source| Failure::Io {
            action,
            path: path.clone(),
            source,
        }
    };
    // Made beside its place, so that nobody takes half of it for all.
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let scratch = tempfile::tempdir_in(parent.unwrap_or(".".as_ref()));
    let scratch = scratch.map_err(io("make a directory beside"))?;
    let (log, marks) = (scratch.path().join("log"), scratch.path().join("marks"));
    let mut log = ChainLog::open(&log, &marks, &poll, arguments.confirmations)?;
    let stage = (console as &dyn Observer).begin(Stage::Timed {
        label: "reading the chain",
    });
    loop {
        if console.interrupted() {
            return Err(Failure::Interrupted("nothing was written"));
        }
        match log.advance(chain, &poll)? {
            Advance::Read(_) | Advance::RolledBack => {}
            Advance::Gap(block) => {
                return Err(poll
                    .not_now(&format!(
                        "the node leaves out events before block {block}; use another node"
                    ))
                    .into())
            }
            Advance::Idle | Advance::Behind(_) => break,
        }
    }
    stage.finish();
    let whole = poll.chains(chain)?.are_of(log.log().facts());
    let (voters, messages) = (log.log().voters(), log.log().messages());
    let document = Document {
        log: path.display().to_string(),
        voters,
        messages,
        block: log.read_to().map(|mark| mark.number),
        whole,
    };
    std::fs::rename(log.log().path(), path).map_err(io("write"))?;
    console.show(&document, |out| {
        writeln!(
            out,
            "{}: {}, {}",
            path.display(),
            count(voters, "join"),
            count(messages, "message")
        )?;
        if !whole {
            writeln!(out, "there is more in blocks without their confirmations")?;
        }
        Ok(())
    })
}
