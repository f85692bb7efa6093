//! How a count is cut into segments, and how far each of them is: one small file, from which a driver that was stopped goes on.
//!
//! **Secret** until the count is final: a salt with its link lets guesses of a partial tally be tried.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use maci_nova_compressor::decider::{end::Salt, DeciderProof, DeciderStatement, End};
use maci_nova_files::{write_atomically, Readers};
use maci_nova_jobs::JobId;
use maci_nova_protocol::log::PublicFacts;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::files::gone;
use crate::fold::blinding_plan::LogDigest;
use crate::prove::finalization::StatedText;
use crate::segments::job::SegmentPlace;

const VERSION: u32 = 1;

/// Fewest steps of a segment. One step's accumulated commitment is that of no step at all, which shows in its proof.
pub const MIN_STEPS: u64 = 2;

/// Most segments of a count. A transaction each: a hundred million gas is more than anybody should spend unasked.
pub const MAX_SEGMENTS: u32 = 256;

/// What segments of a count are cut for.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// The log that is counted.
    pub facts: &'a PublicFacts,
    /// What the proofs are bound to.
    pub domain: [u8; 32],
    /// The parameters' digest.
    pub parameters: [u8; 32],
    /// A digest of the salts of blinding events, without which the same log leads to other states.
    pub blinding: [u8; 32],
    /// Steps of the running proof, which are of the first segment.
    pub folded: u64,
    /// Steps of the whole count.
    pub steps: u64,
}

/// A count in segments.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    version: u32,
    #[serde(with = "hex")]
    domain: [u8; 32],
    #[serde(with = "hex")]
    parameters: [u8; 32],
    #[serde(with = "hex")]
    blinding: [u8; 32],
    log: LogDigest,
    /// Steps of the running proof when the plan was made.
    folded: u64,
    segments: Vec<Segment>,
}

/// How far a count in segments is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Segments with a proof.
    pub proven: u32,
    /// All of them.
    pub all: u32,
}

/// One of them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Segment {
    /// Steps of the count at its end.
    end: u64,
    /// What hides the state at its end; none for the last.
    #[serde(with = "salt")]
    salt: Option<Salt>,
    /// Its job, once that is written.
    job: Option<WrittenJob>,
}

/// A job that is on disk, and what is to be proven there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenJob {
    id: JobId,
    stated: StatedText,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("segments", &self.segments.len())
            .finish_non_exhaustive()
    }
}

/// The file of a plan, and the files of its jobs beside it.
#[derive(Clone, Debug)]
pub struct PlanFiles {
    /// The plan.
    pub plan: PathBuf,
    /// The folder of jobs.
    pub jobs: PathBuf,
}

impl PlanFiles {
    /// The sealed job of a segment.
    pub fn job(&self, segment: u32) -> PathBuf {
        self.jobs.join(format!("{segment}.job"))
    }

    /// The checkpoint of a segment that is proven here.
    pub fn checkpoint(&self, segment: u32) -> PathBuf {
        self.jobs.join(format!("{segment}.checkpoint"))
    }

    /// Removes all of them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self) -> Result<(), Error> {
        // The plan last: with it, what is left over is known.
        gone(&self.jobs, fs::remove_dir_all(&self.jobs))?;
        gone(&self.plan, fs::remove_file(&self.plan))
    }
}

impl Plan {
    /// Cuts what is not folded into so many segments of about the same length, or as many as it has steps for.
    pub fn new(cut: &Cut<'_>, segments: u32) -> Self {
        let left = cut.steps.saturating_sub(cut.folded);
        let most = (left / MIN_STEPS).clamp(1, u64::from(MAX_SEGMENTS));
        let count = u64::from(segments).clamp(1, most);
        let end = |segment: u64| {
            // left * segment / count, which may not fit 64 bits on the way.
            let steps = u128::from(left) * u128::from(segment) / u128::from(count);
            cut.folded + steps as u64
        };
        Plan {
            version: VERSION,
            domain: cut.domain,
            parameters: cut.parameters,
            blinding: cut.blinding,
            log: LogDigest::new(cut.facts),
            folded: cut.folded,
            segments: (1..=count)
                .map(|segment| Segment {
                    end: end(segment),
                    salt: (segment < count).then(Salt::random),
                    job: None,
                })
                .collect(),
        }
    }

    /// The one in a file, if there is one and it is of this count.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] for a file that is no plan.
    pub fn load(path: &Path, cut: &Cut<'_>) -> Result<Option<Self>, Error> {
        let bytes = match fs::read(path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(Error::Io {
                    action: "read",
                    path: path.to_owned(),
                    source,
                })
            }
        };
        let damaged = |reason: String| Error::Damaged(format!("{}: {reason}", path.display()));
        let plan: Plan = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(format!("it is no plan of segments: {error}")))?;
        if plan.version != VERSION {
            return Err(damaged(format!(
                "it has version {}, this program knows version {VERSION}",
                plan.version
            )));
        }
        if !plan.is_sound() {
            return Err(damaged("its segments do not follow each other".into()));
        }
        Ok(plan.is_of(cut).then_some(plan))
    }

    /// How many segments are proven, and of how many, by the file of a plan whatever it is of; none if there is no plan.
    pub fn progress(path: &Path) -> Option<Progress> {
        let bytes = Zeroizing::new(fs::read(path).ok()?);
        let plan: Plan = serde_json::from_slice(&bytes).ok()?;
        Some(Progress {
            proven: plan.len() - plan.unproven().len() as u32,
            all: plan.len(),
        })
    }

    /// Writes it for its owner alone.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self).map_err(Error::internal)?;
        let text = Zeroizing::new(text);
        write_atomically(path, Readers::Owner, |file| file.write_all(&text)).map_err(|source| {
            Error::Io {
                action: "write",
                path: path.to_owned(),
                source,
            }
        })
    }

    fn is_of(&self, cut: &Cut<'_>) -> bool {
        // The running proof may have come further, or have been begun anew. Jobs that are written do not depend on it; to write
        // one, all events after its steps are decided, from the first segment on.
        let are_written = self.segments.iter().all(|segment| segment.job.is_some());
        (are_written || cut.folded < self.end(0))
            && self.domain == cut.domain
            && self.parameters == cut.parameters
            && self.blinding == cut.blinding
            && self.log == LogDigest::new(cut.facts)
            && self.steps() == cut.steps
    }

    fn is_sound(&self) -> bool {
        let Some((last, before)) = self.segments.split_last() else {
            return false;
        };
        let mut begin = self.folded;
        let mut follows = |segment: &Segment| {
            let steps = segment
                .end
                .checked_sub(std::mem::replace(&mut begin, segment.end));
            steps.is_some_and(|steps| steps > 0)
        };
        self.segments.len() <= MAX_SEGMENTS as usize
            && self.segments.iter().all(&mut follows)
            && last.salt.is_none()
            && before.iter().all(|segment| segment.salt.is_some())
    }

    /// How many segments there are.
    pub fn len(&self) -> u32 {
        self.segments.len() as u32
    }

    /// Never: a count has a last step.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Steps of the whole count.
    pub fn steps(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.end)
    }

    /// Steps that the job of a segment has, from those that the running proof had when the plan was made.
    pub fn steps_of(&self, segment: u32) -> u64 {
        self.end(segment) - self.begin(segment)
    }

    /// Steps of the count at the end of a segment.
    pub fn end(&self, segment: u32) -> u64 {
        self.segments[segment as usize].end
    }

    fn begin(&self, segment: u32) -> u64 {
        match segment {
            0 => self.folded,
            _ => self.end(segment - 1),
        }
    }

    /// Steps of the running proof that the first job goes on from.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// Where a segment lies, and how its ends are shown.
    pub fn place(&self, segment: u32) -> SegmentPlace {
        let end = |salt: &Option<Salt>| salt.clone().map_or(End::State, End::Link);
        let from = match segment {
            0 => End::State,
            _ => end(&self.segments[segment as usize - 1].salt),
        };
        SegmentPlace {
            segment: (segment, self.len()),
            ends: [from, end(&self.segments[segment as usize].salt)],
        }
    }

    /// The job of a segment, and what is to be proven, once it is written.
    pub fn job(&self, segment: u32) -> Option<(JobId, DeciderStatement)> {
        let job = self.segments[segment as usize].job.as_ref()?;
        Some((job.id, job.stated.statement().ok()?))
    }

    /// The proof of a segment, once there is one.
    pub fn proof(&self, segment: u32) -> Option<DeciderProof> {
        let job = self.segments[segment as usize].job.as_ref()?;
        job.stated.proof()
    }

    /// The job of a segment has been written.
    pub fn written(&mut self, segment: u32, id: JobId, statement: &DeciderStatement) {
        self.segments[segment as usize].job = Some(WrittenJob {
            id,
            stated: StatedText::new(statement),
        });
    }

    /// A segment has a proof, which was verified. The first one stays.
    pub fn proven(&mut self, segment: u32, proof: &DeciderProof) {
        if let Some(job) = &mut self.segments[segment as usize].job {
            job.stated.prove(proof);
        }
    }

    /// The segments without a proof.
    pub fn unproven(&self) -> Vec<u32> {
        (0..self.len())
            .filter(|segment| self.proof(*segment).is_none())
            .collect()
    }
}

/// A salt as hexadecimal digits.
mod salt {
    use maci_nova_compressor::decider::end::Salt;
    use serde::{de::Error, Deserialize, Deserializer, Serialize, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        salt: &Option<Salt>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = salt
            .as_ref()
            .map(|salt| Zeroizing::new(hex::encode(salt.to_bytes())));
        text.as_ref()
            .map(|text| text.as_str())
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Salt>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.as_str(), bytes.as_mut_slice()).map_err(D::Error::custom)?;
        Salt::from_bytes(&bytes)
            .map(Some)
            .ok_or_else(|| D::Error::custom("a salt is not a field element"))
    }
}
