//! What is measured in one process.

use std::fmt;

use maci_nova_step_circuit::Shape;
use serde::{Deserialize, Serialize};

use crate::measure::Sample;

/// What is measured, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Work {
    /// Folding with so many events a step, and the Spartan proof at the end.
    #[serde(rename_all = "camelCase")]
    Folding {
        /// K.
        events_per_step: usize,
    },
    /// Folding alone, of many messages: does the line hold?
    #[serde(rename_all = "camelCase")]
    CheckPoint {
        /// K.
        events_per_step: usize,
    },
    /// Making the keys of the proof for a contract, which [`Work::Decider`] then loads: a process of its own, since it
    /// takes more memory than the proof.
    #[serde(rename_all = "camelCase")]
    DeciderKey {
        /// K.
        events_per_step: usize,
    },
    /// The proof for a contract, of a folded poll.
    #[serde(rename_all = "camelCase")]
    Decider {
        /// K.
        events_per_step: usize,
    },
    /// Groth16 with so many messages a proof.
    Batch {
        /// B.
        size: usize,
    },
    /// The proving library's own IVC.
    #[serde(rename_all = "camelCase")]
    Library {
        /// K.
        events_per_step: usize,
    },
    /// The proving library's IVC with a step of 2^power constraints.
    Calibration {
        /// Which curves.
        cycle: Cycle,
        /// The logarithm.
        power: u32,
    },
}

/// Two curves, each over the other's scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cycle {
    /// Pallas and Vesta, those of Nova's paper.
    Pasta,
    /// BN254 and Grumpkin.
    Bn254,
}

impl Cycle {
    /// Both.
    pub const ALL: [Cycle; 2] = [Cycle::Pasta, Cycle::Bn254];

    /// How results name it.
    pub fn method(self) -> Method {
        match self {
            Cycle::Pasta => Method::PastaSteps,
            Cycle::Bn254 => Method::Bn254Steps,
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Cycle::Pasta => "steps of 2^k on the Pasta curves",
            Cycle::Bn254 => "steps of 2^k on BN254 and Grumpkin",
        }
    }
}

/// A way of proving a count, as results name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// This workspace's folding, ended with Spartan.
    Folding,
    /// The same, ended with the decider, whose proof a contract verifies.
    FoldingDecider,
    /// One Groth16 proof for each B messages.
    Groth16Batches,
    /// The proving library's IVC, without a final proof.
    NovaIvc,
    /// The library's IVC on Pallas and Vesta, steps of 2^k.
    PastaSteps,
    /// The library's IVC on BN254 and Grumpkin, steps of 2^k.
    Bn254Steps,
}

impl Method {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Method::Folding => "folding",
            Method::FoldingDecider => "folding-decider",
            Method::Groth16Batches => "groth16-batches",
            Method::NovaIvc => "nova-ivc",
            Method::PastaSteps => "pasta-steps",
            Method::Bn254Steps => "bn254-steps",
        }
    }

    /// What its size is called.
    pub fn size_name(self) -> &'static str {
        match self {
            Method::Groth16Batches => "B",
            Method::PastaSteps | Method::Bn254Steps => "k",
            _ => "K",
        }
    }
}

/// What one process measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// What.
    pub work: Work,
    /// Depth of the state tree.
    pub state_depth: usize,
    /// Depth of the vote option tree.
    pub vote_depth: usize,
    /// Threads of the process.
    pub threads: usize,
    /// Messages at least, or for a calibration steps.
    pub messages: usize,
    /// Repetitions of what is done once for a poll: a final proof, a verification.
    pub repeats: usize,
}

impl Configuration {
    /// The way of proving.
    pub fn method(&self) -> Method {
        match self.work {
            Work::Folding { .. } | Work::CheckPoint { .. } => Method::Folding,
            Work::DeciderKey { .. } | Work::Decider { .. } => Method::FoldingDecider,
            Work::Batch { .. } => Method::Groth16Batches,
            Work::Library { .. } => Method::NovaIvc,
            Work::Calibration { cycle, .. } => cycle.method(),
        }
    }

    /// K, B, or the logarithm of a step's constraints.
    pub fn size(&self) -> usize {
        match self.work {
            Work::Folding { events_per_step }
            | Work::CheckPoint { events_per_step }
            | Work::DeciderKey { events_per_step }
            | Work::Decider { events_per_step }
            | Work::Library { events_per_step } => events_per_step,
            Work::Batch { size } => size,
            Work::Calibration { power, .. } => power as usize,
        }
    }

    /// About how many seconds it takes, on two cores: what progress is counted in.
    pub(crate) fn weight(&self) -> u64 {
        let (messages, size) = (self.messages as u64, self.size() as u64);
        let repeats = self.repeats as u64;
        let seconds = match self.work {
            Work::Folding { .. } => 10 + messages / 6 + repeats * size * 3 / 2,
            Work::Library { .. } => 12 + messages / 8 + size * 5 / 4,
            Work::CheckPoint { .. } => 3 + messages / 5,
            Work::DeciderKey { .. } => 42 + 6 * size,
            Work::Decider { .. } => 20 + messages / 6 + repeats * (18 + size),
            Work::Batch { .. } => 2 + size + messages.max(repeats * size) * 9 / 20,
            Work::Calibration { power, .. } => 10 + (1 << power) / 1_000,
        };
        // Two cores do most of it in two thirds of the time of one.
        match self.threads {
            1 => seconds + seconds / 2,
            _ => seconds,
        }
    }

    /// The shape of a step with this many events.
    pub(crate) fn shape(&self, events_per_step: usize) -> Shape {
        Shape {
            state_depth: self.state_depth,
            vote_depth: self.vote_depth,
            events_per_step,
        }
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.work {
            Work::Folding { .. } => "folding",
            Work::CheckPoint { .. } => "a check point of folding",
            Work::DeciderKey { .. } => "the decider's keys",
            Work::Decider { .. } => "the decider",
            Work::Batch { .. } => "Groth16 batches",
            Work::Library { .. } => "the library's IVC",
            Work::Calibration { cycle, .. } => cycle.name(),
        };
        let (name, size) = (self.method().size_name(), self.size());
        write!(f, "{what}, {name} = {size}, {} threads", self.threads)
    }
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is of, [`crate::figures`].
    pub quantity: String,
    /// In what.
    pub unit: String,
    /// The figure.
    #[serde(flatten)]
    pub sample: Sample,
}

/// What a process found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured.
    pub configuration: Configuration,
    /// The figures.
    pub figures: Vec<Figure>,
    /// Messages and the seconds that had passed when so many were proven, preparing included.
    pub series: Vec<(u64, f64)>,
    /// Seconds of the whole process: also of what is not measured.
    #[serde(default)]
    pub took: f64,
}

impl Measurement {
    pub(crate) fn new(configuration: &Configuration) -> Self {
        Measurement {
            configuration: *configuration,
            figures: Vec::new(),
            series: Vec::new(),
            took: 0.0,
        }
    }

    /// A figure of several runs; nothing of none.
    pub(crate) fn push(&mut self, (quantity, unit): (&str, &str), runs: &[f64]) {
        if let Some(sample) = Sample::of(runs) {
            self.figures.push(Figure {
                quantity: quantity.into(),
                unit: unit.into(),
                sample,
            });
        }
    }

    /// A figure that is the same in each run.
    pub(crate) fn count(&mut self, quantity: (&str, &str), value: usize) {
        self.push(quantity, &[value as f64]);
    }

    /// The process's peak of memory so far, where the system tells.
    pub(crate) fn peak(&mut self, quantity: (&str, &str)) {
        if let Some(bytes) = crate::measure::peak_bytes() {
            self.push(quantity, &[bytes as f64]);
        }
    }

    /// A figure by its quantity.
    pub fn sample(&self, (quantity, _): (&str, &str)) -> Option<Sample> {
        let found = self
            .figures
            .iter()
            .find(|figure| figure.quantity == quantity);
        found.map(|figure| figure.sample)
    }
}
