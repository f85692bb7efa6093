//! `status`: where a poll is.

use maci_nova_coordinator::folded::Folded;
use maci_nova_sdk::poll::status::{status, Placement, Status as PollStatus};
use maci_nova_sdk::relay::document::{BallotDocument, Stage};
use maci_nova_sdk::voter::messages_file;
use serde::Serialize;

use crate::arguments::voter::Status;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::relayer::Relayer;
use crate::relaying::state;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(flatten)]
    status: PollStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded: Option<Folded>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed: Option<Relayed>,
}

/// What a relayer says of messages.
#[derive(Serialize)]
struct Relayed {
    /// None if it knows nothing of them.
    ballot: Option<BallotDocument>,
}

impl Relayed {
    fn words(&self) -> String {
        let Some(ballot) = &self.ballot else {
            return "knows nothing of these messages".into();
        };
        let block = ballot.block.map(|block| format!(", in block {block}"));
        let block = block.unwrap_or_default();
        match ballot.state {
            Stage::Queued => "has them, and will publish them".into(),
            Stage::Sent => format!("has published them{block}, or is about to"),
            Stage::Confirmed => format!("has published them{block}"),
            Stage::Expired => "could not publish them in time, and will not".into(),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Status, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let connection = Connection::read_only(&arguments.node, console)?;
    let poll = connection.poll()?;
    let now = connection.now()?;
    let mut status = status(&connection.chain, &poll, now)?;
    let mut relayed = None;
    if let Some(path) = &arguments.messages {
        let messages = messages_file::read(path)?;
        if let Some(url) = &arguments.relayer {
            let relayer = Relayer::open(url, &poll)?;
            let ballot = state(&relayer, &messages)?;
            relayed = Some(Relayed { ballot });
        }
        status.sent = Some(Placement::find(
            &connection.chain,
            &poll,
            &messages,
            console,
        )?);
    }
    let folded = arguments
        .proof
        .as_ref()
        .map(|root| Folded::of_poll(root, &poll, status.joins, status.messages))
        .transpose()?;
    let document = Document {
        status,
        folded,
        relayed,
    };
    console.show(&document, |out| {
        document.status.write(out)?;
        if let Some(relayed) = &document.relayed {
            writeln!(out, "the relayer {}", relayed.words())?;
        }
        match &document.folded {
            Some(folded) => {
                writeln!(out)?;
                folded.write(out, document.status.now)
            }
            None => Ok(()),
        }
    })
}
