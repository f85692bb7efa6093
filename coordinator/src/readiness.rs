//! What is missing on a machine for a poll in production.
//!
//! Each [`Finding`] is of one thing, and stands by itself: one that is missing keeps nobody from looking at the others.

use std::path::Path;

use maci_nova_chain::clock::{self, duration};
use maci_nova_chain::{BlockId, Chain, Observer};
use maci_nova_contracts::deploy;
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::operator::deployment;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys::{self, KeyPolicy};
use maci_nova_sdk::ErrorKind;
use maci_nova_step_circuit::Shape;

use crate::error::Error;
use crate::finalize::check_file;
use crate::machine::Machine;
use crate::parameters::parameters;
use crate::prove::estimate::{self, Estimate};
use crate::prove::keys as proving_keys;

/// Bytes for a proof that a contract takes, at its peak, for each constraint of the decider's circuit and a little more. (Measured:
/// 751 at 1,003,418 constraints with two threads; 960 while the keys were made.)
const BYTES_PER_CONSTRAINT: u64 = 1_200;
/// Bytes on disk: of checkpoints, of which two are there for a moment, and of the log of a poll for each event.
const CHECKPOINT_BYTES: u64 = 300_000_000;
const EVENT_BYTES: u64 = 1_000;
/// Proving is to take at most this part of its time, so that a night without power ends no poll.
const MARGIN: f64 = 0.5;
/// What one thing is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As it has to be.
    Ready,
    /// Not looked at, since nothing was given to look at, or what it needs is missing.
    Unknown,
    /// Missing, or not as it has to be: as a command that needs it would end.
    Missing(ErrorKind),
}

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The thing, in one word or two.
    pub name: &'static str,
    /// What it is like.
    pub state: State,
    /// In words: a figure, or what to do.
    pub text: String,
}

/// The poll that a machine is to be ready for.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Its shape.
    pub shape: Shape,
    /// Its voters.
    pub voters: u64,
    /// Its messages.
    pub messages: u64,
    /// Seconds for the proof after its end.
    pub proving_time: u64,
}

impl Finding {
    fn ready(name: &'static str, text: impl Into<String>) -> Self {
        Finding {
            name,
            state: State::Ready,
            text: text.into(),
        }
    }

    fn unknown(name: &'static str, text: impl Into<String>) -> Self {
        Finding {
            name,
            state: State::Unknown,
            text: text.into(),
        }
    }

    fn missing(name: &'static str, kind: ErrorKind, text: impl Into<String>) -> Self {
        Finding {
            name,
            state: State::Missing(kind),
            text: text.into(),
        }
    }
}

/// The powers of tau and the proving keys, and how many constraints the decider has where these are there. The keys have to be
/// those of a poll file too, if one is given.
pub fn of_keys(
    shape: Shape,
    ptau: Option<&Path>,
    policy: &KeyPolicy,
    file: Option<&PollFile>,
    observer: &dyn Observer,
) -> (Vec<Finding>, Option<usize>) {
    let no_powers = |kind, text: String| {
        let powers = Finding::missing("powers of tau", kind, text);
        let keys = Finding::unknown("keys", "they belong to powers of tau");
        (vec![powers, keys], None)
    };
    let Some(path) = ptau else {
        let text = "no file: give --ptau, a powers-of-tau file of a public ceremony";
        return no_powers(ErrorKind::Parameters, text.into());
    };
    let source = SetupSource::PowersOfTau(path.to_owned());
    let parameters = match parameters(shape, &source, observer) {
        Ok(parameters) => parameters,
        Err(error) => return no_powers(error.kind(), error.to_string()),
    };
    let text = format!("{}: {}", path.display(), parameters.origin());
    let powers = Finding::ready("powers of tau", text);
    let (keys, constraints) = match of_proving_keys(&parameters, policy, file, observer) {
        Ok(constraints) => (
            Finding::ready(
                "keys",
                "in the cache, and their verifying keys are those that were named",
            ),
            Some(constraints),
        ),
        Err(error) => (
            Finding::missing("keys", error.kind(), error.to_string()),
            None,
        ),
    };
    (vec![powers, keys], constraints)
}

fn of_proving_keys(
    parameters: &Parameters,
    policy: &KeyPolicy,
    file: Option<&PollFile>,
    observer: &dyn Observer,
) -> Result<usize, Error> {
    let policy = KeyPolicy {
        production: true,
        ..*policy
    };
    let keys = proving_keys::deployment(parameters, &policy, observer)?;
    if let Some(file) = file {
        check_file(file, keys.decider.digest)?;
    }
    Ok(keys.decider.constraints)
}

/// Memory for folding, and for the proof of a decider with so many constraints.
pub fn of_memory(constraints: Option<usize>, estimate: Option<&Estimate>) -> Finding {
    let free = Machine::this().free_bytes;
    let (Some(constraints), Some(estimate)) = (constraints, estimate) else {
        return Finding::unknown(
            "memory",
            format!(
                "{} MB are free; what the proof needs, its keys tell",
                free / 1_000_000
            ),
        );
    };
    let proof = constraints as u64 * BYTES_PER_CONSTRAINT;
    compare("memory", proof.max(estimate.memory_bytes), free)
}

/// Room on the disk that a folder is on.
pub fn of_disk(plan: &Plan, folder: &Path) -> Finding {
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.filter(|folder| !folder.as_os_str().is_empty());
    let events = plan.voters.saturating_add(plan.messages);
    let needed = CHECKPOINT_BYTES.saturating_add(events.saturating_mul(EVENT_BYTES));
    match fs4::available_space(there.unwrap_or(Path::new("."))) {
        Ok(free) => compare("disk", needed, free),
        Err(error) => Finding::unknown("disk", format!("{}: {error}", folder.display())),
    }
}

fn compare(name: &'static str, needed: u64, free: u64) -> Finding {
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let text = format!(
        "{} MB are free, about {} MB are needed",
        megabytes(free),
        megabytes(needed)
    );
    match free >= needed {
        true => Finding::ready(name, text),
        false => Finding::missing(name, ErrorKind::Io, text),
    }
}

/// Whether the proof is made in time.
pub fn of_time(plan: &Plan, observer: &dyn Observer) -> (Finding, Option<Estimate>) {
    let estimate = match estimate::of(plan.shape, plan.voters, plan.messages, observer) {
        Ok(estimate) => estimate,
        Err(error) => return (Finding::unknown("time", error.to_string()), None),
    };
    let text = format!(
        "{} voters and {} messages take about {} on this machine, of {} that the poll gives",
        plan.voters,
        plan.messages,
        duration(estimate.seconds),
        duration(plan.proving_time as f64)
    );
    let finding = match estimate.seconds <= plan.proving_time as f64 * MARGIN {
        true => Finding::ready("time", text),
        false => Finding::missing(
            "time",
            ErrorKind::Request,
            format!("{text}: give the poll twice as much as it takes (--proving-time), or prove on a faster machine"),
        ),
    };
    (finding, Some(estimate))
}

/// A node, for the poll of a poll file or for one that is to come.
pub fn of_node<C: Chain + ?Sized>(
    chain: &C,
    file: Option<&PollFile>,
    policy: &KeyPolicy,
) -> Vec<Finding> {
    let finding = |name, result: Result<String, Error>| match result {
        Ok(text) => Finding::ready(name, text),
        Err(error) => Finding::missing(name, error.kind(), error.to_string()),
    };
    let mut findings = vec![finding("node", of_chain(chain))];
    if findings[0].state != State::Ready {
        return findings;
    }
    findings.push(finding("clock", of_clock(chain)));
    if let Some(file) = file {
        findings.push(finding("logs", of_logs(chain, file)));
        findings.push(finding("verifiers", of_verifiers(chain, file, policy)));
    }
    findings
}

/// The chain has what contracts need.
fn of_chain<C: Chain + ?Sized>(chain: &C) -> Result<String, Error> {
    let id = chain.chain_id().map_err(on_chain("read the chain id"))?;
    let newest = chain.block(BlockId::Latest);
    let newest = newest.map_err(on_chain("read the newest block"))?.number;
    let lacking = deploy::lacking(chain).map_err(on_chain("run code on the chain"))?;
    if let Some(lacking) = lacking {
        return Err(Error::on_chain(format!(
            "chain {id} lacks {lacking}, which the contracts need"
        )));
    }
    Ok(format!("chain {id}, block {newest}"))
}

/// This machine has the chain's time.
fn of_clock<C: Chain + ?Sized>(chain: &C) -> Result<String, Error> {
    let disagreement = clock::disagreement(chain).map_err(on_chain("read the newest block"))?;
    match disagreement {
        Some(text) => Err(Error::on_chain(text)),
        None => Ok("this machine's and the chain's agree".into()),
    }
}

/// The node shows events as old as the deployment.
fn of_logs<C: Chain + ?Sized>(chain: &C, file: &PollFile) -> Result<String, Error> {
    // What is read here was sent when the contracts were deployed.
    deployment::shape(chain, file)?;
    Ok("it shows the deployment's events".into())
}

fn of_verifiers<C: Chain + ?Sized>(
    chain: &C,
    file: &PollFile,
    policy: &KeyPolicy,
) -> Result<String, Error> {
    let policy = KeyPolicy {
        production: true,
        ..*policy
    };
    let checked = keys::check(chain, &file.contracts, &policy)?;
    if let Some(poll) = file.poll {
        checked.check_poll(chain, &PollContract::open(chain, file, poll)?)?;
    }
    Ok("their keys are those that were named, and all code is this program's".into())
}

#[cfg(test)]
mod tests {
    use maci_nova_sdk::testing::World;

    use super::*;

    fn plan(voters: u64, messages: u64, proving_time: u64) -> Plan {
        Plan {
            shape: Shape::new(2, 1, 1).expect("in range"),
            voters,
            messages,
            proving_time,
        }
    }

    #[test]
    fn room_is_compared_with_what_is_needed() {
        let folder = tempfile::tempdir().expect("a folder");
        let few = of_disk(&plan(1, 1, 1), &folder.path().join("not").join("there"));
        assert_eq!(few.state, State::Ready, "{few:?}");
        for (voters, messages) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX)] {
            let many = of_disk(&plan(voters, messages, 1), folder.path());
            assert_eq!(many.state, State::Missing(ErrorKind::Io), "{many:?}");
        }
        assert_eq!(compare("memory", 5, 5).state, State::Ready);
        assert_eq!(compare("memory", 5, 4).state, State::Missing(ErrorKind::Io));
    }

    #[test]
    fn a_proof_takes_half_of_its_time_at_most() {
        let (enough, estimate) = of_time(&plan(1, 1, 30 * 86_400), &());
        assert_eq!(enough.state, State::Ready, "{enough:?}");
        assert!(estimate.is_some());
        let (late, _) = of_time(&plan(10, 1_000_000_000, 3_600), &());
        assert_eq!(late.state, State::Missing(ErrorKind::Request), "{late:?}");
    }

    #[test]
    fn keys_without_powers_of_tau_are_missing() {
        let shape = Shape::new(2, 1, 1).expect("in range");
        let policy = KeyPolicy::default();
        let states = |ptau| {
            let (findings, constraints) = of_keys(shape, ptau, &policy, None, &());
            assert_eq!(constraints, None);
            findings
                .into_iter()
                .map(|finding| finding.state)
                .collect::<Vec<_>>()
        };
        let missing = [State::Missing(ErrorKind::Parameters), State::Unknown];
        assert_eq!(states(None), missing);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ptau");
        std::fs::write(&path, "no powers").expect("written");
        assert_eq!(states(Some(&path)), missing);
    }

    /// The world's keys are for development.
    #[test]
    fn a_node_is_looked_at_for_a_poll() {
        let world = World::new();
        let policy = KeyPolicy::default();
        let findings = of_node(&world.evm, Some(&world.file), &policy);
        let states: Vec<_> = findings
            .iter()
            .map(|finding| (finding.name, finding.state.clone()))
            .collect();
        assert_eq!(
            states,
            [
                ("node", State::Ready),
                // The world's time is its own.
                ("clock", State::Missing(ErrorKind::Chain)),
                ("logs", State::Ready),
                ("verifiers", State::Missing(ErrorKind::Parameters)),
            ],
            "{findings:?}"
        );
        let none = of_node(&world.evm, None, &policy);
        let ready = none.iter().filter(|finding| finding.state == State::Ready);
        let ready: Vec<_> = ready.map(|finding| finding.name).collect();
        assert_eq!(ready, ["node"], "{none:?}");
    }
}
