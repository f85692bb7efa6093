//! Proving keys of all circuits: from the user's cache, or made and kept there.

use std::sync::Arc;

use maci_nova_chain::clock::duration;
use maci_nova_chain::{Observer, Running, Stage};
use maci_nova_compressor::decider::{self, contract, DeciderKey};
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::decider::key_words;
use maci_nova_contracts::groth16::Key as PlainKey;
use maci_nova_folding::Parameters;
use maci_nova_groth16::{KeyCache, KeyEvent};
use maci_nova_sdk::bundle::proof::{BundleFacts, BundleProver, BundleProverError, ROOM};
use maci_nova_sdk::poll::keys::{self, KeyPolicy};
use maci_nova_sdk::voter::join_proof as join;
use rand_core::OsRng;

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

const BUNDLE: Words = Words {
    label: "bundle keys",
    making: "making the keys of bundles, once for all polls",
    insecure: "INSECURE: the keys of bundles were made by one machine; whoever made them can have messages counted that nobody sees",
};

/// The decider's keys.
#[derive(Debug)]
pub struct DeciderKeys {
    /// The keys.
    pub prover: decider::Prover,
    /// Whether they are those that somebody has named.
    pub are_known: bool,
}

/// What verifiers are deployed with.
#[derive(Debug)]
pub struct DeploymentKeys {
    /// The decider's.
    pub decider: decider::DeciderFacts,
    /// Those of join proofs.
    pub join: join::Prover,
    /// Those of bundles.
    pub bundle: BundleFacts,
}

/// The decider's keys, which are made if need be. Where somebody has named keys, the others have to be in the cache too:
/// all of them have one name.
///
/// # Errors
/// [`Error::Keys`]; those of [`KeyPolicy::check`].
pub fn decider(
    parameters: &Parameters,
    policy: &KeyPolicy,
    observer: &dyn Observer,
) -> Result<DeciderKeys, Error> {
    policy.require_digest()?;
    let DeciderKeys { prover, .. } = decider_alone(parameters, policy, observer)?;
    if policy.is_known() {
        let join = join(policy, observer)?;
        let bundle = bundle_facts(policy, observer)?;
        check(policy, &prover.verifying_key(), &join, &bundle)?;
    }
    Ok(DeciderKeys {
        prover,
        are_known: policy.is_known(),
    })
}

/// The decider's keys by themselves, of whatever ceremony: for whoever makes proofs that somebody else compares with the
/// deployment's.
///
/// # Errors
/// [`Error::Keys`].
pub fn decider_alone(
    parameters: &Parameters,
    policy: &KeyPolicy,
    observer: &dyn Observer,
) -> Result<DeciderKeys, Error> {
    let engine = Arc::clone(parameters.engine());
    let depth = parameters.shape().vote_depth;
    let make = |cache: &KeyCache, production: bool, report: Report<'_>| {
        decider::Prover::cached(engine, depth, cache, production, report).map_err(of_decider)
    };
    Ok(DeciderKeys {
        prover: cached(&DECIDER, policy, observer, make, decider::Prover::ceremony)?,
        are_known: false,
    })
}

/// What verifiers are deployed with; keys are made if need be. The decider's are not read as a whole, which takes less time and
/// memory than a prover.
///
/// # Errors
/// As [`decider()`].
pub fn deployment(
    parameters: &Parameters,
    policy: &KeyPolicy,
    observer: &dyn Observer,
) -> Result<DeploymentKeys, Error> {
    policy.require_digest()?;
    let join = join(policy, observer)?;
    join.try_out(&mut OsRng).map_err(|error| {
        Error::OtherParameters(format!(
            "nobody could join with the keys of join proofs in the cache: {error}; make them again with ceremony finish"
        ))
    })?;
    let bundle = bundle_facts(policy, observer)?;
    let decider = decider_facts(parameters, policy, observer)?;
    if policy.is_known() {
        check(policy, &decider.key, &join, &bundle)?;
    }
    Ok(DeploymentKeys {
        decider,
        join,
        bundle,
    })
}

/// Whether keys are those that somebody has named.
fn check(
    policy: &KeyPolicy,
    decider: &DeciderKey,
    join: &join::Prover,
    bundle: &BundleFacts,
) -> Result<(), Error> {
    let decider = contract::key(decider).map_err(Error::internal)?;
    let plain = [&join.verifying_key(), &bundle.key].map(|key| PlainKey::from(key).to_words());
    Ok(policy.check(keys::digest(&key_words(&decider), &plain), None)?)
}

fn decider_facts(
    parameters: &Parameters,
    policy: &KeyPolicy,
    observer: &dyn Observer,
) -> Result<decider::DeciderFacts, Error> {
    let depth = parameters.shape().vote_depth;
    let make = |cache: &KeyCache, production: bool, report: Report<'_>| {
        let engine = parameters.engine();
        decider::DeciderFacts::cached(engine, depth, cache, production, report).map_err(of_decider)
    };
    cached(&DECIDER, policy, observer, make, |facts| facts.ceremony)
}

fn of_decider(error: decider::ProverError) -> Error {
    match error {
        decider::ProverError::Cache(error) => error.into(),
        other => Error::internal(other),
    }
}

/// Keys that do not say they are a ceremony's are INSECURE. Of those that do it is said if nobody has named them.
fn tell_ceremony(
    ceremony: Option<[u8; 32]>,
    policy: &KeyPolicy,
    words: &Words,
    observer: &dyn Observer,
) {
    match ceremony {
        None => observer.warn(words.insecure),
        Some(_) if policy.is_known() => {}
        Some(ceremony) => observer.note(&format!(
            "{}: they say that they are of the ceremony {}, which nothing here has checked",
            words.label,
            B256::from(ceremony)
        )),
    }
}

/// The keys of join proofs.
///
/// # Errors
/// [`Error::Keys`].
pub fn join(policy: &KeyPolicy, observer: &dyn Observer) -> Result<join::Prover, Error> {
    let make = |cache: &KeyCache, production: bool, report: Report<'_>| {
        join::Prover::cached(cache, production, report).map_err(of_join)
    };
    cached(&JOIN, policy, observer, make, join::Prover::ceremony)
}

fn of_join(error: join::ProverError) -> Error {
    match error {
        join::ProverError::Cache(error) => error.into(),
        other => Error::internal(other),
    }
}

/// The keys of bundles.
///
/// # Errors
/// [`Error::Keys`].
pub fn bundle(policy: &KeyPolicy, observer: &dyn Observer) -> Result<BundleProver, Error> {
    let make = |cache: &KeyCache, production: bool, report: Report<'_>| {
        BundleProver::cached(cache, ROOM, production, report).map_err(of_bundle)
    };
    cached(&BUNDLE, policy, observer, make, BundleProver::ceremony)
}

/// What their verifier is deployed with.
fn bundle_facts(policy: &KeyPolicy, observer: &dyn Observer) -> Result<BundleFacts, Error> {
    let make = |cache: &KeyCache, production: bool, report: Report<'_>| {
        BundleFacts::cached(cache, ROOM, production, report).map_err(of_bundle)
    };
    cached(&BUNDLE, policy, observer, make, |facts| facts.ceremony)
}

fn of_bundle(error: BundleProverError) -> Error {
    match error {
        BundleProverError::Cache(error) => error.into(),
        other => Error::internal(other),
    }
}

/// Whom the cache tells what it does.
type Report<'a> = &'a mut dyn FnMut(KeyEvent<'_>);

/// Keys, or what others are told of them, from the user's cache. What happens meanwhile is said, and
/// where the keys come from.
fn cached<K>(
    words: &Words,
    policy: &KeyPolicy,
    observer: &dyn Observer,
    make: impl FnOnce(&KeyCache, bool, Report<'_>) -> Result<K, Error>,
    ceremony: impl FnOnce(&K) -> Option<[u8; 32]>,
) -> Result<K, Error> {
    let cache = KeyCache::of_user()?;
    let keys = obtain(words, observer, |report| {
        make(&cache, policy.takes_ceremonies_alone(), report)
    })?;
    tell_ceremony(ceremony(&keys), policy, words, observer);
    Ok(keys)
}

/// Says what happens while keys are obtained, and how long it took.
fn obtain<P>(
    words: &Words,
    observer: &dyn Observer,
    make: impl FnOnce(Report<'_>) -> Result<P, Error>,
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
