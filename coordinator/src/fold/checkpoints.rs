//! The checkpoint of a proof on its way: when to write it, and what the proof alone does not tell.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maci_nova_folding::checkpoint::{self, CheckpointError};
use maci_nova_folding::{Parameters, RunningProof};
use maci_nova_protocol::poll::{Header, State};

use crate::error::Error;
use crate::fold::blinding_plan::BlindingPlan;

/// How often a checkpoint is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// When so much time has passed since the last one.
    Time(Duration),
    /// After so many steps, at least 1.
    Steps(u64),
}

impl Interval {
    /// Whether it has passed since a moment, and so many steps ago.
    pub fn is_due(&self, since: Instant, steps: u64) -> bool {
        match self {
            Interval::Time(time) => since.elapsed() >= *time,
            Interval::Steps(most) => steps >= *most,
        }
    }
}

impl std::str::FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or("not a number above 0 with a unit, such as 30s or 100steps")?;
        match unit.trim() {
            "s" | "seconds" => Ok(Interval::Time(Duration::from_secs(number))),
            "step" | "steps" => Ok(Interval::Steps(number)),
            _ => Err("the unit is s or steps, as in 30s or 100steps".into()),
        }
    }
}

/// One checkpoint file.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    every: Interval,
    /// Steps in the file, and when it was written.
    steps: u64,
    written: Instant,
}

impl Checkpoints {
    /// A file that is not there yet, or that [`Checkpoints::load`] reads.
    pub fn new(path: PathBuf, every: Interval) -> Self {
        Checkpoints {
            path,
            every,
            steps: 0,
            written: Instant::now(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file, which must be of this poll and these parameters.
    pub fn load(
        &mut self,
        parameters: &Parameters,
        header: &Header,
    ) -> Result<(RunningProof, BlindingPlan), Error> {
        let loaded = checkpoint::load(&self.path, parameters, header)
            .map_err(|error| self.failure(error))?;
        let plan = BlindingPlan::from_bytes(&loaded.application, &parameters.shape())
            .map_err(|reason| self.foreign(reason))?;
        if *loaded.proof.start() != State::initial(header) {
            return Err(self.foreign("it is of a part of the count".into()));
        }
        self.steps = loaded.proof.steps();
        Ok((loaded.proof, plan))
    }

    /// Writes the file.
    pub fn save(
        &mut self,
        parameters: &Parameters,
        proof: &RunningProof,
        plan: &BlindingPlan,
    ) -> Result<(), Error> {
        checkpoint::save(&self.path, parameters, proof, &plan.to_bytes())
            .map_err(|error| self.failure(error))?;
        self.steps = proof.steps();
        self.written = Instant::now();
        Ok(())
    }

    /// What is to be written next is another proof than the file's.
    pub fn forget(&mut self) {
        self.steps = 0;
    }

    /// Writes the file if the interval has passed.
    pub fn save_if_due(
        &mut self,
        parameters: &Parameters,
        proof: &RunningProof,
        plan: &BlindingPlan,
    ) -> Result<(), Error> {
        let steps = proof.steps().saturating_sub(self.steps);
        if self.every.is_due(self.written, steps) {
            self.save(parameters, proof, plan)?;
        }
        Ok(())
    }

    /// Writes the file unless it holds this proof already.
    pub fn save_rest(
        &mut self,
        parameters: &Parameters,
        proof: &RunningProof,
        plan: &BlindingPlan,
    ) -> Result<(), Error> {
        if self.steps == proof.steps() {
            return Ok(());
        }
        self.save(parameters, proof, plan)
    }

    /// The file does not fit what is to be proven.
    pub fn foreign(&self, reason: String) -> Error {
        Error::ForeignCheckpoint {
            path: self.path.clone(),
            reason,
        }
    }

    fn failure(&self, source: CheckpointError) -> Error {
        Error::Checkpoint {
            path: self.path.clone(),
            source,
        }
    }
}
