//! Which configurations are measured, and on what.

use std::process::Command;

use maci_nova_step_circuit::Shape;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::configuration::{Configuration, Cycle, Work};
use crate::Error;

/// Messages of a batch at most: its circuit has 20,000 constraints a message.
const MOST_BATCH: usize = 1_000;
/// Messages that totals are computed for at most.
const MOST_MESSAGES: u64 = 1_000_000_000;
/// Logarithms of a step's constraints in a calibration.
const POWERS: [u32; 3] = [10, 13, 16];
/// The same in a full one.
const MANY_POWERS: [u32; 4] = [10, 13, 16, 18];
/// The same in a short one.
const FEW_POWERS: [u32; 2] = [10, 12];
/// Steps that are timed in a calibration.
const CALIBRATION_STEPS: usize = 5;
/// One thread is measured with batches up to this size.
const MOST_ALONE: usize = 20;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effort {
    /// A few minutes, small trees.
    Quick,
    /// Half an hour.
    Usual,
    /// Two hours, with check points.
    Full,
}

/// Who measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// This program's version.
    pub version: String,
    /// The commit of the clone that the program lies in, if it does; told, and not relied on.
    pub commit: String,
    /// SHA-256 of the program: measurements of another one are not mixed with these.
    #[serde(default)]
    pub program: String,
    /// The compiler that built it.
    pub compiler: String,
    /// The machine.
    pub machine: String,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// How much.
    pub effort: Effort,
    /// Depth of the state tree.
    pub state_depth: usize,
    /// Depth of the vote option tree.
    pub vote_depth: usize,
    /// Each K.
    pub events_per_step: Vec<usize>,
    /// Each B.
    pub batch: Vec<usize>,
    /// Each N.
    pub messages: Vec<u64>,
    /// Numbers of threads; the first is what plots show.
    pub threads: Vec<usize>,
    /// Messages that are proven for each configuration at least.
    pub sample: usize,
    /// Repetitions of a final proof.
    pub repeats: usize,
    /// Messages that are folded for real, whose times at 10, 100, 1,000 and so on are check points of the line.
    #[serde(default)]
    pub check_point: Option<usize>,
    /// Whether the proof for a contract is measured.
    pub decider: bool,
    /// Whether making its keys is: else they come from the user's cache.
    #[serde(default)]
    pub decider_keys: bool,
    /// Logarithms of a calibration's steps.
    pub calibration: Vec<u32>,
    /// Who measures.
    pub identity: Identity,
}

impl Plan {
    /// What is measured with this effort, if nothing else is said.
    pub fn new(effort: Effort) -> Self {
        let quick = effort == Effort::Quick;
        let (depths, events_per_step, batch): (_, &[usize], &[usize]) = match effort {
            Effort::Quick => ((2, 1), &[1, 4], &[1, 5]),
            Effort::Usual => ((10, 3), &[1, 2, 4, 8], &[1, 5, 20]),
            Effort::Full => ((10, 3), &[1, 2, 4, 8, 16], &[1, 5, 20, 50, 100]),
        };
        Plan {
            effort,
            state_depth: depths.0,
            vote_depth: depths.1,
            events_per_step: events_per_step.to_vec(),
            batch: batch.to_vec(),
            messages: vec![10, 100, 1_000, 10_000, 100_000, 1_000_000],
            threads: threads(),
            sample: if quick { 12 } else { 32 },
            repeats: if effort == Effort::Full { 3 } else { 2 },
            check_point: (effort == Effort::Full).then_some(10_000),
            decider: true,
            decider_keys: true,
            calibration: Vec::new(),
            identity: Identity::of_this_process(),
        }
    }

    /// The steps of a calibration with this effort.
    pub fn calibrated(mut self) -> Self {
        self.calibration = match self.effort {
            Effort::Quick => FEW_POWERS.to_vec(),
            Effort::Full => MANY_POWERS.to_vec(),
            Effort::Usual => POWERS.to_vec(),
        };
        self
    }

    /// Whether all of it is in range.
    ///
    /// # Errors
    /// [`Error::Request`] says what is not.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse = |text: String| Err(Error::Request(text));
        for k in &self.events_per_step {
            let shape = Shape::new(self.state_depth, self.vote_depth, *k);
            shape.map_err(|error| Error::Request(error.to_string()))?;
        }
        if self.events_per_step.is_empty() || self.batch.is_empty() || self.messages.is_empty() {
            return refuse(
                "there is nothing to compare: give at least one K, one B and one N".into(),
            );
        }
        if let Some(size) = self
            .batch
            .iter()
            .find(|size| !(1..=MOST_BATCH).contains(*size))
        {
            return refuse(format!(
                "a batch has 1 to {MOST_BATCH} messages, not {size}"
            ));
        }
        if let Some(messages) = self
            .messages
            .iter()
            .find(|n| !(1..=MOST_MESSAGES).contains(*n))
        {
            return refuse(format!(
                "a poll has 1 to {MOST_MESSAGES} messages here, not {messages}"
            ));
        }
        Ok(())
    }

    fn configuration(&self, work: Work, threads: usize) -> Configuration {
        Configuration {
            work,
            state_depth: self.state_depth,
            vote_depth: self.vote_depth,
            threads,
            messages: self.sample,
            repeats: self.repeats,
        }
    }

    /// All that is measured, in this order.
    pub fn configurations(&self) -> Vec<Configuration> {
        let mut all = Vec::new();
        let full = self.effort == Effort::Full;
        let (first, ks) = (&self.events_per_step[..1], &self.events_per_step[..]);
        for (i, threads) in self.threads.iter().enumerate() {
            let others = i > 0;
            // The first number of threads is measured with everything, the others where it does not take hours.
            for events_per_step in if others && !full { first } else { ks }.iter().copied() {
                all.push(self.configuration(Work::Folding { events_per_step }, *threads));
                all.push(self.configuration(Work::Library { events_per_step }, *threads));
            }
            let batch = self
                .batch
                .iter()
                .filter(|size| !others || **size <= MOST_ALONE);
            all.extend(batch.map(|size| self.configuration(Work::Batch { size: *size }, *threads)));
            if !self.decider || (others && !full) {
                continue;
            }
            // Each takes minutes.
            for events_per_step in if others || !full { first } else { ks }.iter().copied() {
                if self.decider_keys && !others {
                    all.push(self.configuration(Work::DeciderKey { events_per_step }, *threads));
                }
                all.push(self.configuration(Work::Decider { events_per_step }, *threads));
            }
        }
        if let Some(messages) = self.check_point {
            let work = Work::CheckPoint {
                events_per_step: self.events_per_step[0],
            };
            all.push(Configuration {
                messages,
                ..self.configuration(work, self.threads[0])
            });
        }
        for cycle in Cycle::ALL {
            all.extend(self.calibration.iter().map(|power| Configuration {
                messages: CALIBRATION_STEPS,
                ..self.configuration(
                    Work::Calibration {
                        cycle,
                        power: *power,
                    },
                    self.threads[0],
                )
            }));
        }
        all
    }

    /// Whether all but the commit is the same.
    fn repeats_as(&self, other: &Plan) -> bool {
        let mut other = other.clone();
        other.identity.commit.clone_from(&self.identity.commit);
        *self == other
    }

    /// What another plan has that is not this one's.
    pub fn difference(&self, other: &Plan) -> Option<&'static str> {
        let differs = [
            (
                self.identity.program != other.identity.program,
                "the program",
            ),
            (
                self.identity.version != other.identity.version,
                "the version",
            ),
            (
                self.identity.compiler != other.identity.compiler,
                "the compiler",
            ),
            (
                self.identity.machine != other.identity.machine,
                "the machine",
            ),
            (self.effort != other.effort, "--quick or --full"),
            (
                (self.state_depth, self.vote_depth) != (other.state_depth, other.vote_depth),
                "--depths",
            ),
            (
                self.events_per_step != other.events_per_step,
                "--events-per-step",
            ),
            (self.batch != other.batch, "--batch"),
            (self.messages != other.messages, "--messages"),
            (self.calibration != other.calibration, "--calibrate"),
            (self.decider != other.decider, "--without-decider"),
            (self.decider_keys != other.decider_keys, "--cached-keys"),
            (!self.repeats_as(other), "what is repeated"),
        ];
        differs
            .into_iter()
            .find(|(differs, _)| *differs)
            .map(|(_, what)| what)
    }
}

/// All that there are, and one.
fn threads() -> Vec<usize> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    match all {
        1 => vec![1],
        all => vec![all, 1],
    }
}

impl Identity {
    /// Of this program and this machine.
    pub fn of_this_process() -> Self {
        Identity {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: commit().unwrap_or_else(|| "unknown".into()),
            program: program().unwrap_or_default(),
            compiler: env!("MACI_NOVA_COMPILER").into(),
            machine: machine(),
        }
    }
}

/// SHA-256 of this process's program, where it can be read.
fn program() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    let mut hash = Sha256::new();
    std::io::copy(&mut std::fs::File::open(path).ok()?, &mut hash).ok()?;
    let bytes = hash.finalize();
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The commit of the clone that this program lies in, with a mark where something is changed.
fn commit() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let output = command
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(match changed.is_empty() {
        true => commit,
        false => format!("{commit} and changes"),
    })
}

/// The processor, its cores, and memory, as far as the system tells.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let value = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor =
        value("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.into());
    let memory = value("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(String::new(), |kib| {
            format!(", {} GB of memory", kib * 1024 / 1_000_000_000)
        });
    format!("{cores} cores of {processor}{memory}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_is_in_range_and_measures_each_thing_once() {
        for effort in [Effort::Quick, Effort::Usual, Effort::Full] {
            let plan = Plan::new(effort).calibrated();
            plan.validate().expect("in range");
            let all = plan.configurations();
            for (i, one) in all.iter().enumerate() {
                assert!(!all[..i].contains(one), "{one}");
            }
            assert_eq!(plan.difference(&plan.clone()), None);
            // Keys are made before they are loaded.
            let place = |work| all.iter().position(|one| one.work == work);
            for k in [1, 4] {
                let made = place(Work::DeciderKey { events_per_step: k });
                let loaded = place(Work::Decider { events_per_step: k });
                assert_eq!(made.is_some(), loaded.is_some());
                assert!(made <= loaded);
            }
        }
    }

    #[test]
    fn what_differs_is_named() {
        let plan = Plan::new(Effort::Quick);
        let mut other = plan.clone();
        other.batch.push(7);
        assert_eq!(plan.difference(&other), Some("--batch"));
        other = plan.clone();
        other.repeats += 1;
        assert_eq!(plan.difference(&other), Some("what is repeated"));
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for change in [
            (|plan: &mut Plan| plan.events_per_step = vec![17]) as fn(&mut Plan),
            |plan| plan.batch = vec![0],
            |plan| plan.messages = vec![0],
            |plan| plan.state_depth = 21,
            |plan| plan.batch.clear(),
        ] {
            let mut plan = Plan::new(Effort::Quick);
            change(&mut plan);
            assert!(
                matches!(plan.validate(), Err(Error::Request(_))),
                "{plan:?}"
            );
        }
    }
}
