//! The circuits that a ceremony makes keys for: those of the decider, of join proofs and of bundles.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use maci_nova_ceremony::file::CeremonyFile;
use maci_nova_ceremony::verify::{verify, Verified};
use maci_nova_ceremony::{finish, Circuit, Phase1};
use maci_nova_chain::Observer;
use maci_nova_compressor::decider::{self, circuit::Decider, contract, CommitmentBases};
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::decider::key_words;
use maci_nova_contracts::groth16::Key;
use maci_nova_folding::SetupSource;
use maci_nova_groth16::{KeyCache, VerifyingKey};
use maci_nova_sdk::bundle::proof as bundle;
use maci_nova_sdk::plain_proof::PlainKey;
use maci_nova_sdk::poll::keys::digest;
use maci_nova_sdk::voter::join_proof as join;
use maci_nova_step_circuit::Shape;

use crate::error::Error;
use crate::parameters::parameters;

/// Verifies the ceremony of a shape's keys. Returns it, and their digest, which `--key-digest` takes.
///
/// # Errors
/// [`Error::Setup`]; [`Error::Ceremony`] with what is wrong with it; a request when it is about another shape.
pub fn verified(
    path: &Path,
    ptau: &Path,
    shape: Shape,
    observer: &dyn Observer,
) -> Result<(Verified, B256), Error> {
    let file = CeremonyFile::open(path)?;
    let found = shape_of(&file)?;
    if found != shape {
        return Err(Error::request(format!(
            "{} makes keys for polls of other sizes: give --state-depth {} --vote-depth {} --events-per-step {}",
            path.display(),
            found.state_depth,
            found.vote_depth,
            found.events_per_step
        )));
    }
    let subject = Subject::new(shape, ptau, observer)?;
    let verified = verify(path, &subject.circuits(), observer)?;
    let digest = subject.key_digest(&verified)?;
    Ok((verified, digest))
}

/// The shape that a file says its ceremony is about.
fn shape_of(file: &CeremonyFile) -> Result<Shape, Error> {
    let subject = &file.description().subject;
    let sizes = match subject.len() == NAMES.len() {
        true => NAMES.map(|name| subject.get(name)),
        false => [None; 3],
    };
    let [Some(state), Some(vote), Some(events)] = sizes else {
        return Err(Error::request(
            "the ceremony is not about polls of this program",
        ));
    };
    let size = |size: &u64| usize::try_from(*size).unwrap_or(usize::MAX);
    Ok(Shape::new(size(state), size(vote), size(events))?)
}

/// What a ceremony is about, as its file says it.
const NAMES: [&str; 3] = ["stateDepth", "voteDepth", "eventsPerStep"];

/// The least depth with room for all options that a poll on a chain can have. The decider has constraints for each leaf: a
/// file may say any depth, and a circuit for 5^10 of them would take all memory before it is known to be another one.
const MOST_VOTE_DEPTH: usize = 5;

/// The circuits of a shape, with their powers of tau.
#[derive(Debug)]
pub struct Subject {
    shape: Shape,
    /// All that is kept of the parameters, which have a hundred megabytes.
    commitments: CommitmentBases,
    circuits: [Circuit; 3],
    phase1: [Phase1; 3],
}

impl Subject {
    /// Makes the circuits, and reads and checks the powers of tau.
    ///
    /// # Errors
    /// [`Error::Setup`], [`Error::Ceremony`].
    pub fn new(shape: Shape, ptau: &Path, observer: &dyn Observer) -> Result<Self, Error> {
        if shape.vote_depth > MOST_VOTE_DEPTH {
            return Err(Error::request(format!(
                "a poll on a chain has at most 944 options, so that no contract needs keys for a vote option tree deeper than {MOST_VOTE_DEPTH}"
            )));
        }
        let source = SetupSource::PowersOfTau(ptau.to_owned());
        let (commitments, matrices) = {
            let parameters = parameters(shape, &source, observer)?;
            let engine = Arc::clone(parameters.engine());
            let commitments = CommitmentBases::of(&engine);
            let decider = Decider::new(engine, shape.vote_depth);
            (commitments, decider.matrices().map_err(Error::internal)?)
        };
        let circuits = [
            Circuit {
                name: decider::KEY_NAME,
                matrices,
                publics: decider::PUBLICS,
            },
            Circuit {
                name: join::KEY_NAME,
                matrices: join::matrices().map_err(Error::internal)?,
                publics: join::INPUTS,
            },
            Circuit {
                name: bundle::KEY_NAME,
                matrices: bundle::matrices(bundle::ROOM).map_err(Error::internal)?,
                publics: bundle::INPUTS,
            },
        ];
        let phase1 = [
            Phase1::read(ptau, circuits[0].domain(), observer)?,
            Phase1::read(ptau, circuits[1].domain(), observer)?,
            Phase1::read(ptau, circuits[2].domain(), observer)?,
        ];
        observer.note("the powers of tau are what they should be");
        Ok(Subject {
            shape,
            commitments,
            circuits,
            phase1,
        })
    }

    /// Of the shape that a file says it is about.
    ///
    /// # Errors
    /// As [`new`](Self::new); a request when the file is about something else.
    pub fn of_file(
        file: &CeremonyFile,
        ptau: &Path,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        Self::new(shape_of(file)?, ptau, observer)
    }

    /// What the file of a ceremony about this says.
    pub fn description(&self) -> BTreeMap<String, u64> {
        let shape = self.shape;
        let sizes = [shape.state_depth, shape.vote_depth, shape.events_per_step];
        let named = NAMES.into_iter().zip(sizes);
        named
            .map(|(name, size)| (name.to_owned(), size as u64))
            .collect()
    }

    /// The circuits with their powers of tau.
    pub fn circuits(&self) -> [(&Circuit, &Phase1); 3] {
        core::array::from_fn(|i| (&self.circuits[i], &self.phase1[i]))
    }

    /// The digest of all verifying keys after a ceremony, which `--key-digest` takes.
    ///
    /// # Errors
    /// A request, when it was verified for other circuits.
    pub fn key_digest(&self, verified: &Verified) -> Result<B256, Error> {
        let (circuits, file) = (self.circuits(), verified.file());
        if !verified.is_of(&circuits) {
            return Err(Error::request("the ceremony is about other circuits"));
        }
        let verifying = |i: usize| {
            let ((circuit, phase1), points) = (circuits[i], &file.head().points[i]);
            VerifyingKey {
                alpha: phase1.alpha_1(),
                beta: phase1.beta_2(),
                gamma_prime: points.gamma_prime,
                delta: points.delta_2,
                ic: circuit.ic(phase1),
            }
        };
        let decider =
            contract::key(&self.commitments.key(verifying(0))).map_err(Error::internal)?;
        let plain = |i: usize| {
            let key = PlainKey::new(&verifying(i).plain());
            let key = key.ok_or_else(|| Error::internal("a key of another circuit"))?;
            Ok::<_, Error>(Key::from(&key).to_words())
        };
        Ok(digest(&key_words(&decider), &[plain(1)?, plain(2)?]))
    }

    /// Makes the proving keys and keeps them in a cache, in the place of others of these circuits. Returns their digests.
    ///
    /// # Errors
    /// [`Error::Ceremony`], [`Error::Keys`].
    pub fn finish(
        &self,
        verified: &Verified,
        cache: &KeyCache,
        observer: &dyn Observer,
    ) -> Result<Vec<(&'static str, [u8; 32])>, Error> {
        let circuits = self.circuits();
        let keys = finish::finish(verified, &circuits, observer)?;
        let mut digests = Vec::with_capacity(keys.len());
        for ((circuit, _), key) in circuits.iter().zip(&keys) {
            digests.push((circuit.name, cache.keep(circuit.name, key)?));
        }
        Ok(digests)
    }
}
