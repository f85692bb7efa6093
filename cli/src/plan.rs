//! What a proof will consist of: fixed when it is begun, kept in every checkpoint.

use ff::Field;
use maci_nova_protocol::field::{from_decimal, to_decimal};
use maci_nova_protocol::log::PublicFacts;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::Shape;
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// The version of the checkpoint's application section.
const VERSION: u32 = 1;

/// All events of a poll: its joins, its messages, and the salts of the blinding events that fill
/// the last step. There is at least one, so that the final state reveals nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Plan {
    log: LogDigest,
    events: u64,
    events_per_step: u64,
    salts: Vec<Fr>,
}

/// What a log comes to; two logs that agree here have the same events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogDigest {
    join_chain: String,
    join_count: u64,
    message_head: String,
    message_count: u64,
}

/// The application section: JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    version: u32,
    log: LogDigest,
    salts: Vec<String>,
}

impl Drop for Section {
    fn drop(&mut self) {
        self.salts.zeroize();
    }
}

impl core::fmt::Debug for Plan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // A salt is what keeps the final state from telling anything.
        f.debug_struct("Plan")
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// For a log with these facts, with salts from `rng`.
    pub fn new(facts: &PublicFacts, shape: &Shape, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let log = LogDigest::new(facts);
        let events = log.events();
        let blinding = blinding_events(events, shape);
        Plan {
            log,
            events,
            events_per_step: shape.events_per_step as u64,
            salts: (0..blinding).map(|_| Fr::random(&mut *rng)).collect(),
        }
    }

    /// Salts of the blinding events, in order.
    pub fn salts(&self) -> &[Fr] {
        &self.salts
    }

    /// Steps of the whole proof.
    pub fn steps(&self) -> u64 {
        (self.events + self.salts.len() as u64) / self.events_per_step
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

    /// From a checkpoint that must belong to a log with these facts. The error says what differs.
    pub fn from_bytes(bytes: &[u8], facts: &PublicFacts, shape: &Shape) -> Result<Self, String> {
        let section: Section = serde_json::from_slice(bytes)
            .map_err(|error| format!("its plan cannot be read: {error}"))?;
        if section.version != VERSION {
            let found = section.version;
            return Err(format!(
                "its plan has version {found}, this program knows version {VERSION}"
            ));
        }
        section.log.check(&LogDigest::new(facts))?;
        let events = section.log.events();
        if section.salts.len() as u64 != blinding_events(events, shape) {
            return Err("its plan has another number of blinding events".into());
        }
        let salts = section.salts.iter().map(|salt| from_decimal(salt));
        Ok(Plan {
            log: section.log.clone(),
            events,
            events_per_step: shape.events_per_step as u64,
            salts: salts
                .collect::<Result<_, _>>()
                .map_err(|error| format!("its plan has an invalid salt: {error}"))?,
        })
    }
}

impl LogDigest {
    fn new(facts: &PublicFacts) -> Self {
        LogDigest {
            join_chain: to_decimal(&facts.join_chain),
            join_count: facts.join_count,
            message_head: to_decimal(&facts.message_head),
            message_count: facts.message_count,
        }
    }

    /// The join count is one more than the voters: leaf 0 is nobody's.
    fn events(&self) -> u64 {
        self.join_count.saturating_sub(1) + self.message_count
    }

    fn check(&self, log: &LogDigest) -> Result<(), String> {
        if self == log {
            return Ok(());
        }
        Err(format!(
            "it was made for a log with {} voters and {} messages that is not this one ({} and {}); restore that log, or start over in another --out",
            self.join_count.saturating_sub(1),
            self.message_count,
            log.join_count.saturating_sub(1),
            log.message_count,
        ))
    }
}

/// At least one, and as many as fill the last step.
fn blinding_events(events: u64, shape: &Shape) -> u64 {
    let k = shape.events_per_step as u64;
    k - events % k
}
