//! Proving keys of both circuits: from the user's cache, or made and kept there.

use std::sync::Arc;

use maci_nova_compressor::{decider, join};
use maci_nova_folding::Parameters;
use maci_nova_groth16::{KeyCache, KeyEvent};

use crate::console::Console;
use crate::failure::Failure;
use crate::progress::{duration, Progress};

/// Constraints for which keys are made in a second, on two cores.
const KEYS_PER_SECOND: usize = 25_000;

/// How keys are spoken of.
struct Words {
    /// Beside the clock.
    label: &'static str,
    /// While they are made.
    making: &'static str,
    /// Wherever keys of one machine are used.
    insecure: &'static str,
}

const DECIDER: Words = Words {
    label: "keys",
    making: "making the decider's keys, once for this shape and setup",
    insecure: "INSECURE: the decider's keys were made by one machine; whoever made them can forge proofs that contracts accept",
};

const JOIN: Words = Words {
    label: "join keys",
    making: "making the keys of join proofs, once for all polls",
    insecure: "INSECURE: the keys of join proofs were made by one machine; whoever made them can join polls without having signed up",
};

/// The decider's keys.
pub fn decider(
    parameters: &Parameters,
    production: bool,
    console: &Console,
) -> Result<decider::Prover, Failure> {
    let cache = KeyCache::of_user()?;
    let engine = Arc::clone(parameters.engine());
    let depth = parameters.shape().vote_depth;
    let prover = obtain(&DECIDER, console, |report| {
        decider::Prover::cached(engine, depth, &cache, production, report).map_err(|error| {
            match error {
                decider::ProverError::Cache(error) => error.into(),
                other => Failure::Internal(other.to_string()),
            }
        })
    })?;
    if !prover.origin().is_secure() {
        console.warn(DECIDER.insecure);
    }
    Ok(prover)
}

/// The keys of join proofs.
pub fn join(production: bool, console: &Console) -> Result<join::Prover, Failure> {
    let cache = KeyCache::of_user()?;
    let prover = obtain(&JOIN, console, |report| {
        join::Prover::cached(&cache, production, report).map_err(|error| match error {
            join::ProverError::Cache(error) => error.into(),
            other => Failure::Internal(other.to_string()),
        })
    })?;
    if !prover.origin().is_secure() {
        console.warn(JOIN.insecure);
    }
    Ok(prover)
}

/// Says what happens while keys are obtained, and how long it took.
fn obtain<P>(
    words: &Words,
    console: &Console,
    make: impl FnOnce(&mut dyn FnMut(KeyEvent<'_>)) -> Result<P, Failure>,
) -> Result<P, Failure> {
    let mut stage = Some(Progress::timed(console, words.label));
    let mut making = false;
    let mut report = |event: KeyEvent<'_>| {
        // A line would go through the bar.
        stage.take().map(Progress::finish);
        making |= matches!(event, KeyEvent::Making(_));
        announce(words, &event, console);
        stage = Some(Progress::timed(console, words.label));
    };
    let keys = make(&mut report)?;
    let seconds = stage.map(Progress::finish).unwrap_or_default();
    let how = if making { "made" } else { "loaded" };
    console.note(format!("{} {how} in {seconds:.1} s", words.label));
    Ok(keys)
}

fn announce(words: &Words, event: &KeyEvent<'_>, console: &Console) {
    match event {
        KeyEvent::Unusable(path, error) => {
            console.note(format!("{}: {error}", path.display()));
        }
        KeyEvent::Waiting => console.note("another process is making these keys: waiting for it"),
        KeyEvent::Making(constraints) => {
            let seconds = constraints / KEYS_PER_SECOND + 1;
            console.note(format!(
                "{}: {constraints} constraints, about {} on two cores",
                words.making,
                duration(seconds as f64)
            ));
        }
    }
}
