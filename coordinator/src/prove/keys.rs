//! Proving keys of both circuits: from the user's cache, or made and kept there.

use std::sync::Arc;

use maci_nova_chain::clock::duration;
use maci_nova_chain::{Observer, Running, Stage};
use maci_nova_compressor::decider;
use maci_nova_folding::Parameters;
use maci_nova_groth16::{KeyCache, KeyEvent, Origin};
use maci_nova_sdk::voter::join_proof as join;

use crate::error::Error;

/// Constraints for which keys are made in a second, on two cores.
const KEYS_PER_SECOND: usize = 20_000;

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
    observer: &dyn Observer,
) -> Result<decider::Prover, Error> {
    let cache = KeyCache::of_user()?;
    let engine = Arc::clone(parameters.engine());
    let depth = parameters.shape().vote_depth;
    let prover = obtain(&DECIDER, observer, |report| {
        decider::Prover::cached(engine, depth, &cache, production, report).map_err(of_decider)
    })?;
    warn_of_origin(prover.origin(), &DECIDER, observer);
    Ok(prover)
}

/// What others are told of the decider's keys, which are made if need be: enough to deploy its
/// verifier, in less time and memory than the keys take.
pub fn decider_facts(
    parameters: &Parameters,
    production: bool,
    observer: &dyn Observer,
) -> Result<decider::DeciderFacts, Error> {
    let cache = KeyCache::of_user()?;
    let depth = parameters.shape().vote_depth;
    let facts = obtain(&DECIDER, observer, |report| {
        decider::DeciderFacts::cached(parameters.engine(), depth, &cache, production, report)
            .map_err(of_decider)
    })?;
    warn_of_origin(facts.origin, &DECIDER, observer);
    Ok(facts)
}

fn of_decider(error: decider::ProverError) -> Error {
    match error {
        decider::ProverError::Cache(error) => error.into(),
        other => Error::internal(other),
    }
}

fn warn_of_origin(origin: Origin, words: &Words, observer: &dyn Observer) {
    if !origin.is_secure() {
        observer.warn(words.insecure);
    }
}

/// The keys of join proofs.
pub fn join(production: bool, observer: &dyn Observer) -> Result<join::Prover, Error> {
    let cache = KeyCache::of_user()?;
    let prover = obtain(&JOIN, observer, |report| {
        join::Prover::cached(&cache, production, report).map_err(|error| match error {
            join::ProverError::Cache(error) => error.into(),
            other => Error::internal(other),
        })
    })?;
    warn_of_origin(prover.origin(), &JOIN, observer);
    Ok(prover)
}

/// Says what happens while keys are obtained, and how long it took.
fn obtain<P>(
    words: &Words,
    observer: &dyn Observer,
    make: impl FnOnce(&mut dyn FnMut(KeyEvent<'_>)) -> Result<P, Error>,
) -> Result<P, Error> {
    let mut stage = Some(observer.begin(Stage::Timed { label: words.label }));
    let mut making = false;
    let mut report = |event: KeyEvent<'_>| {
        // A line would go through the bar.
        stage.take().map(Running::finish);
        making |= matches!(event, KeyEvent::Making(_));
        announce(words, &event, observer);
        stage = Some(observer.begin(Stage::Timed { label: words.label }));
    };
    let keys = make(&mut report)?;
    let seconds = stage.map(Running::finish).unwrap_or_default();
    let how = if making { "made" } else { "loaded" };
    observer.note(&format!("{} {how} in {seconds:.1} s", words.label));
    Ok(keys)
}

fn announce(words: &Words, event: &KeyEvent<'_>, observer: &dyn Observer) {
    match event {
        KeyEvent::Unusable(path, error) => {
            observer.note(&format!("{}: {error}", path.display()));
        }
        KeyEvent::Waiting => observer.note("another process is making these keys: waiting for it"),
        KeyEvent::Making(constraints) => {
            let seconds = constraints / KEYS_PER_SECOND + 1;
            observer.note(&format!(
                "{}: {constraints} constraints, about {} on two cores",
                words.making,
                duration(seconds as f64)
            ));
        }
    }
}
