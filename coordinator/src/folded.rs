//! How far a poll's proof is, for somebody who looks at its directory while another process may be
//! working there: nothing is locked, and nothing is written.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use maci_nova_chain::clock::moment;
use maci_nova_chain::words::count;
use maci_nova_folding::checkpoint::{self, CheckpointError, Facts};
use maci_nova_protocol::poll::Header;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_step_circuit::Shape;
use serde::Serialize;

use crate::directory::{self, decider_file};
use crate::error::Error;
use crate::prove::cost;
use crate::prove::finalization::Finalization;
use crate::segments::plan::{Plan, Progress};

/// What there is of a poll's proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Folded {
    /// The proof's directory.
    pub directory: PathBuf,
    /// Steps in the checkpoint; 0 if there is none.
    pub steps: u64,
    /// Steps of the whole proof, if nothing more were sent to the poll.
    pub steps_in_all: u64,
    /// When the checkpoint was written, in seconds since 1970.
    pub saved: Option<u64>,
    /// While a count is proven in segments, how many there are, and how many are proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<Progress>,
    /// Whether the proof for the contract is there, which takes the checkpoint's place.
    pub proven: bool,
}

impl Folded {
    /// What is in the directory `root` of a poll, which has so many joins and messages now.
    ///
    /// The files are as their writer left them: proofs are verified by whoever goes on with them.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such directory; [`Error::Checkpoint`] if there is a checkpoint
    /// of another poll, or something else in its place.
    pub fn of_poll(
        root: &Path,
        poll: &PollContract,
        joins: u64,
        messages: u64,
    ) -> Result<Self, Error> {
        let (shape, domain) = (poll.shape(), poll.domain());
        Self::read(root, poll.header(), shape, domain, joins, messages)
    }

    fn read(
        root: &Path,
        header: &Header,
        shape: Shape,
        domain: [u8; 32],
        joins: u64,
        messages: u64,
    ) -> Result<Self, Error> {
        fs::read_dir(root).map_err(|source| Error::Io {
            action: "read directory",
            path: root.to_owned(),
            source,
        })?;
        let path = directory::checkpoint_file(root);
        let facts = match checkpoint::facts(&path, header) {
            Ok(facts) => Some(facts),
            Err(CheckpointError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::Checkpoint { path, source }),
        };
        Ok(Folded {
            directory: root.to_owned(),
            steps: facts.as_ref().map_or(0, |facts| facts.steps),
            steps_in_all: cost::steps(shape.events_per_step, joins.saturating_add(messages)),
            saved: facts.as_ref().and_then(saved),
            segments: Plan::progress(&directory::plan_file(root)),
            // Another poll's, or a damaged one, is proven again.
            proven: Finalization::read(&decider_file(root))
                .is_ok_and(|found| found.statement.domain == domain),
        })
    }

    /// As lines, at the time `now`.
    pub fn write(&self, out: &mut dyn Write, now: u64) -> io::Result<()> {
        let folded = match (self.proven, self.saved) {
            (true, _) => "all: the proof for the contract is made".into(),
            (false, _) if self.segments.is_some() => {
                let Progress { proven, all } = self.segments.unwrap_or_default();
                format!("in segments: {proven} of {all} are proven")
            }
            (false, None) => "nothing yet".into(),
            (false, Some(saved)) => format!(
                "{} of {}, saved {}",
                self.steps,
                count(self.steps_in_all, "step"),
                moment(saved, now)
            ),
        };
        writeln!(
            out,
            "{:<16}{folded} ({})",
            "folded",
            self.directory.display()
        )
    }
}

fn saved(facts: &Facts) -> Option<u64> {
    let written: SystemTime = facts.written?;
    let since = written.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

#[cfg(test)]
mod tests {
    use maci_nova_folding::{Parameters, RunningProof, SetupSource};
    use maci_nova_protocol::poll::Mode;
    use maci_nova_step_circuit::testing::small_poll;

    use super::*;
    use crate::directory::ProofDirectory;

    #[test]
    fn a_directory_is_read_while_another_has_it() {
        let poll = small_poll(1, 1);
        let shape = Shape::new(1, 1, 2).expect("in range");
        let scratch = tempfile::tempdir().expect("directory");
        let root = scratch.path().join("proof");
        let read = |header: &Header| Folded::read(&root, header, shape, [7; 32], 2, 5);

        let missing = read(&poll.header).expect_err("no directory");
        assert!(matches!(missing, Error::Io { .. }));

        let directory = ProofDirectory::open(&root).expect("locked");
        let folded = read(&poll.header).expect("read");
        // Seven events and one that blinds, two in a step.
        assert_eq!((folded.steps, folded.steps_in_all), (0, 4));
        assert_eq!((folded.saved, folded.proven), (None, false));

        let parameters = Parameters::setup(shape, &SetupSource::InsecureDevelopment);
        let parameters = parameters.expect("parameters");
        let mut proof = RunningProof::new(&parameters, &poll.header).expect("begun");
        let events = poll.transitions[..2].to_vec();
        let step =
            maci_nova_step_circuit::StepCircuit::prepare(shape, &poll.header, poll.secret, events);
        proof
            .fold(&parameters, step.expect("prepared"))
            .expect("folded");
        let path = directory.checkpoint();
        checkpoint::save(&path, &parameters, &proof, b"plan").expect("saved");
        let folded = read(&poll.header).expect("read");
        assert_eq!((folded.steps, folded.steps_in_all), (1, 4));
        assert!(folded.saved.is_some());
        let mut text = Vec::new();
        folded
            .write(&mut text, folded.saved.expect("saved"))
            .expect("written");
        let text = String::from_utf8(text).expect("text");
        assert!(
            text.starts_with("folded          1 of 4 steps, saved "),
            "{text}"
        );

        let other = Header {
            mode: Mode::Linear,
            ..poll.header.clone()
        };
        assert!(matches!(
            read(&other),
            Err(Error::Checkpoint {
                source: CheckpointError::OtherPoll,
                ..
            })
        ));

        fs::write(directory.decider(), "{}").expect("written");
        assert!(!read(&poll.header).expect("read").proven);
        fs::write(&path, "short").expect("written");
        assert!(matches!(
            read(&poll.header),
            Err(Error::Checkpoint {
                source: CheckpointError::NotCheckpoint,
                ..
            })
        ));
    }
}
