//! `demo --poll`: an example log that is built in is counted, proven and verified, without a chain.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maci_nova_coordinator::count::count;
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_coordinator::prove::proof_file;
use maci_nova_coordinator::prove::session::ProveRequest;
use maci_nova_coordinator::prove::spartan::prove;
use maci_nova_coordinator::{directory, Error};
use maci_nova_folding::SetupSource;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_sdk::poll::results::Results;
use serde::{Deserialize, Serialize};

use super::scratch;
use crate::arguments::demo::DemoPoll;
use crate::console::Console;
use crate::failure::Failure;
use crate::output::Output;
use crate::proof_document::ProofDocument;

/// Between two checkpoints.
const CHECKPOINTS: Duration = Duration::from_secs(30);

/// A poll with the results that MACI's own core computed.
struct Example {
    name: &'static str,
    log: &'static str,
    key: &'static str,
    expected: &'static str,
}

macro_rules! example {
    ($name:literal) => {
        Example {
            name: $name,
            log: include_str!(concat!(
                "../../../tests/vectors/polls/",
                $name,
                "/poll.jsonl"
            )),
            key: include_str!(concat!(
                "../../../tests/vectors/polls/",
                $name,
                "/coordinator.key"
            )),
            expected: include_str!(concat!(
                "../../../tests/vectors/polls/",
                $name,
                "/expected.json"
            )),
        }
    };
}

impl From<DemoPoll> for Example {
    fn from(poll: DemoPoll) -> Self {
        match poll {
            DemoPoll::Small => example!("small"),
            DemoPoll::Medium => example!("medium"),
            DemoPoll::Linear => example!("linear"),
        }
    }
}

/// The part of `expected.json` that is compared.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    results: Vec<String>,
    per_option_spent: Vec<String>,
    total_spent: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(flatten)]
    proof: ProofDocument,
    poll: &'static str,
    voters: u64,
    messages: u64,
    stages: Vec<Stage>,
}

#[derive(Serialize)]
struct Stage {
    stage: &'static str,
    seconds: f64,
}

/// The demo's files and how far it is.
struct Stages<'a> {
    console: &'a Console,
    done: Vec<Stage>,
}

impl Stages<'_> {
    fn run<T>(
        &mut self,
        stage: &'static str,
        what: &str,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.console.note(format!("{stage}: {what}"));
        let start = Instant::now();
        let value = work()?;
        let seconds = start.elapsed().as_secs_f64();
        self.console
            .note(format!("{stage}: done in {seconds:.1} s"));
        let seconds = (seconds * 1000.0).round() / 1000.0;
        self.done.push(Stage { stage, seconds });
        Ok(value)
    }
}

/// Runs the command.
pub fn run(poll: DemoPoll, console: &Console) -> Result<(), Failure> {
    let example = Example::from(poll);
    console.listen()?;
    let directory = scratch()?;
    let log = PollLog::open(&write(directory.path(), "poll.jsonl", example.log)?)?;
    let key = PrivateKey::from_serialized(example.key.trim())
        .map_err(|error| Failure::Internal(error.to_string()))?;
    let (voters, messages) = (log.voters(), log.messages());
    console.note(format!(
        "poll {}: {voters} voters, {messages} messages; made by MACI's own packages",
        example.name
    ));
    let mut stages = Stages {
        console,
        done: vec![],
    };
    let results = tally(&mut stages, &example, &log, &key)?;
    let out = directory.path().join("proof");
    stages.run(
        "prove",
        "every join and message is folded into one proof (INSECURE development setup)",
        || {
            let request = ProveRequest {
                log: &log,
                key: &key,
                out: &out,
                source: SetupSource::InsecureDevelopment,
                events_per_step: 1,
                checkpoint_every: Interval::Time(CHECKPOINTS),
                resume: false,
            };
            prove(&request, console).map_err(without_resume)
        },
    )?;
    let document = stages.run(
        "verify",
        "the proof file against the log, without the key",
        || {
            let path = directory::proof_file(&out);
            let proof = proof_file::read(&path, console.production, console)?;
            let source = proof_file::source(&proof, None)?;
            proof_file::check(&path, &proof, &source, log.facts(), console)?;
            Ok(ProofDocument::new(&proof, true))
        },
    )?;
    if document.results() != &results {
        return Err(Failure::Internal(
            "the proof has other results than the count".into(),
        ));
    }
    let document = Document {
        proof: document,
        poll: example.name,
        voters,
        messages,
        stages: stages.done,
    };
    console.show(&document, |out| document.proof.write(out))
}

/// Counts, and compares with what MACI's own core has computed.
fn tally(
    stages: &mut Stages<'_>,
    example: &Example,
    log: &PollLog,
    key: &PrivateKey,
) -> Result<Results, Failure> {
    let console = stages.console;
    let expected: Expected = serde_json::from_str(example.expected)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    let what = "every message is decrypted and applied or refused";
    let results = stages.run("tally", what, || {
        let counted = count(log, key, console)?;
        Ok(Results::new(&counted.results, counted.total_spent))
    })?;
    if results
        != Results::from_decimals(
            &expected.results,
            &expected.per_option_spent,
            expected.total_spent,
        )
    {
        let text = "the count differs from that of MACI's own core";
        return Err(Failure::Internal(text.into()));
    }
    console.note("tally: equal to what MACI's own core computed");
    Ok(results)
}

/// The demo's files go with it.
fn without_resume(error: Error) -> Failure {
    match error {
        Error::Interrupted(_) => Failure::Interrupted("the demo leaves nothing behind"),
        other => other.into(),
    }
}

fn write(directory: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = directory.join(name);
    match fs::write(&path, text) {
        Ok(()) => Ok(path),
        Err(source) => Err(Failure::Io {
            action: "write",
            path,
            source,
        }),
    }
}
