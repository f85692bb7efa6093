//! What a proof will consist of: fixed when it is begun, kept in every checkpoint.

use ff::Field;
use maci_nova_protocol::field::{from_decimal, to_bytes, to_decimal};
use maci_nova_protocol::log::PublicFacts;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::Shape;
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// The version of the checkpoint's application section.
const VERSION: u32 = 2;

/// What a proof of a poll is begun with, kept in every checkpoint: the salts of blinding events, as
/// many as a step has events, and the log that is proven, unless it is still growing.
///
/// Events are joins, messages, and blinding events that fill the last step. There is at least one
/// of these, so that the final state reveals nothing. However often a proof is stopped, the salts
/// are the same, and so is the state that it ends in.
#[derive(Clone, PartialEq, Eq)]
pub struct BlindingPlan {
    log: Option<LogDigest>,
    salts: Vec<Fr>,
}

/// What a log comes to; two logs that agree here have the same events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogDigest {
    join_chain: String,
    // As it was called when the format was made.
    #[serde(rename = "joinCount")]
    next_state_index: u64,
    message_head: String,
    message_count: u64,
}

/// The application section: JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    version: u32,
    log: Option<LogDigest>,
    salts: Vec<String>,
}

impl Drop for Section {
    fn drop(&mut self) {
        self.salts.zeroize();
    }
}

impl core::fmt::Debug for BlindingPlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // A salt is what keeps the final state from telling anything.
        f.debug_struct("BlindingPlan")
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

impl BlindingPlan {
    /// For a log with these facts, or for one that grows, with salts from `rng`.
    pub fn new(
        facts: Option<&PublicFacts>,
        shape: &Shape,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Self {
        let salts = (0..shape.events_per_step).map(|_| Fr::random(&mut *rng));
        BlindingPlan {
            log: facts.map(LogDigest::new),
            salts: salts.collect(),
        }
    }

    /// Salts of the blinding events after all events of a log, in order.
    pub fn salts(&self, facts: &PublicFacts) -> &[Fr] {
        // At least one, and as many as fill the last step.
        let k = self.salts.len() as u64;
        let blinding = k - events(facts) % k;
        &self.salts[..blinding as usize]
    }

    /// A digest of all salts.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for salt in &self.salts {
            hash.update(to_bytes(salt));
        }
        hash.finalize().into()
    }

    /// Steps of the whole proof of a log.
    pub fn steps(&self, facts: &PublicFacts) -> u64 {
        events(facts) / self.salts.len() as u64 + 1
    }

    /// Whether the log may have grown since.
    pub fn is_of_growing_log(&self) -> bool {
        self.log.is_none()
    }

    /// For a checkpoint.
    pub fn to_bytes(&self) -> Vec<u8> {
        let section = Section {
            version: VERSION,
            log: self.log.clone(),
            salts: self.salts.iter().map(to_decimal).collect(),
        };
        serde_json::to_vec(&section).expect("strings and integers are always JSON")
    }

    /// From a checkpoint of a shape. The error says what is wrong.
    pub fn from_bytes(bytes: &[u8], shape: &Shape) -> Result<Self, String> {
        let section: Section = serde_json::from_slice(bytes)
            .map_err(|error| format!("its plan cannot be read: {error}"))?;
        if section.version != VERSION {
            let found = section.version;
            return Err(format!(
                "its plan has version {found}, this program knows version {VERSION}"
            ));
        }
        if section.salts.len() != shape.events_per_step {
            return Err("its plan has another number of blinding events".into());
        }
        let salts = section.salts.iter().map(|salt| from_decimal(salt));
        Ok(BlindingPlan {
            log: section.log.clone(),
            salts: salts
                .collect::<Result<_, _>>()
                .map_err(|error| format!("its plan has an invalid salt: {error}"))?,
        })
    }

    /// Whether it was made for a log with these facts, or for one that grows. The error says what
    /// differs.
    pub fn check(&self, facts: &PublicFacts) -> Result<(), String> {
        match &self.log {
            Some(log) => log.check(&LogDigest::new(facts)),
            None => Ok(()),
        }
    }
}

/// Joins and messages of a log. The next state index is one more than the joins: leaf 0 is
/// nobody's.
fn events(facts: &PublicFacts) -> u64 {
    facts.next_state_index.saturating_sub(1) + facts.message_count
}

impl LogDigest {
    pub(crate) fn new(facts: &PublicFacts) -> Self {
        LogDigest {
            join_chain: to_decimal(&facts.join_chain),
            next_state_index: facts.next_state_index,
            message_head: to_decimal(&facts.message_head),
            message_count: facts.message_count,
        }
    }

    fn check(&self, log: &LogDigest) -> Result<(), String> {
        if self == log {
            return Ok(());
        }
        Err(format!(
            "it was made for a log with {} voters and {} messages that is not this one ({} and {}); restore that log, or start over in another directory",
            self.next_state_index.saturating_sub(1),
            self.message_count,
            log.next_state_index.saturating_sub(1),
            log.message_count,
        ))
    }
}
