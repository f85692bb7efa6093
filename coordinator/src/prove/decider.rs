//! From a folded poll to a proof that a contract accepts: the end of both pipelines, of a log in a
//! file and of a poll on a chain.

use std::path::Path;

use maci_nova_chain::{Observer, Stage};
use maci_nova_compressor::decider::{DeciderStatement, Prover, ProverError, WHOLE};
use maci_nova_folding::Parameters;
use maci_nova_protocol::log::PublicFacts;
use maci_nova_sdk::poll::keys::KeyPolicy;

use crate::error::Error;
use crate::fold::Fold;
use crate::prove::dry_run::DryRunError;
use crate::prove::finalization::{Document, Finalization, Mismatch};
use crate::prove::keys::{self, DeciderKeys};
use crate::prove::session::{ProveRequest, ProvingSession};
use crate::prove::target::ProofTarget;

/// A proof that its target accepts, with everything that is to be said of it.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The proof.
    pub finalization: Finalization,
    /// What is written and printed of it.
    pub document: Document,
}

/// Makes the final proof of a folded poll, or reads a stored one.
#[derive(Debug)]
pub struct Conclusion<'a> {
    /// The keys.
    pub keys: &'a DeciderKeys,
    /// What was folded with.
    pub parameters: &'a Parameters,
    /// What the count is of.
    pub facts: &'a PublicFacts,
    /// Who is to accept the proof.
    pub target: ProofTarget<'a>,
    /// Shown progress.
    pub observer: &'a dyn Observer,
}

impl Conclusion<'_> {
    /// The proof in a file, which must be of this count and for this target.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Decider`] and [`Error::OtherLog`] for a file that is another
    /// proof's, or that does not pass.
    pub fn stored(&mut self, path: &Path) -> Result<Proven, Error> {
        let refused = |reason: String| Error::Decider {
            path: path.to_owned(),
            reason,
        };
        let finalization = Finalization::read(path)?;
        match finalization.check(self.facts, self.target.domain()) {
            Ok(()) => {}
            Err(Mismatch::Count) => return Err(Error::OtherLog(path.to_owned())),
            Err(Mismatch::Domain) => {
                return Err(refused(
                    "it is bound to another chain, poll or verifier".into(),
                ))
            }
        }
        self.accepted(finalization)
            .map_err(|error| refused(error.to_string()))
    }

    /// Proves a folded poll.
    ///
    /// # Errors
    /// [`maci_nova_sdk::Error::Internal`].
    pub fn prove(&mut self, folded: &Fold<'_>) -> Result<Proven, Error> {
        let finalization = prove(
            &self.keys.prover,
            folded,
            self.target.domain(),
            self.observer,
        )?;
        self.conclude(finalization)
    }

    /// The same of proofs that others have made.
    ///
    /// # Errors
    /// [`maci_nova_sdk::Error::Internal`] if they are not of the whole poll, or false.
    pub fn conclude(&mut self, finalization: Finalization) -> Result<Proven, Error> {
        finalization
            .check(self.facts, self.target.domain())
            .map_err(|_| Error::internal("the proof is not of the whole poll"))?;
        let stage = self.observer.begin(Stage::Timed { label: "verifying" });
        let proven = self.accepted(finalization).map_err(Error::internal)?;
        drop(stage);
        Ok(proven)
    }

    fn accepted(&mut self, finalization: Finalization) -> Result<Proven, DryRunError> {
        let acceptance = self.target.accept(&self.keys.prover, &finalization)?;
        let document = Document::new(&finalization, acceptance, self.keys, self.parameters)
            .map_err(DryRunError::Key)?;
        Ok(Proven {
            finalization,
            document,
        })
    }
}

/// Proves the poll for a verifier in an embedded EVM, which then accepts it. The proof is then in
/// the directory.
///
/// # Errors
/// See [`Error`]; [`Error::Interrupted`] if the observer asks to stop.
pub fn dry_run(
    request: &ProveRequest<'_>,
    policy: &KeyPolicy,
    observer: &dyn Observer,
) -> Result<Document, Error> {
    let session = ProvingSession::begin(request, observer)?;
    let path = session.directory().decider();
    let complete = session.is_complete(&path)?;
    let parameters = session.parameters()?;
    // Before the first step: what is refused or has no room is so at once.
    let keys = keys::decider(&parameters, policy, observer)?;
    session.check_interrupt()?;
    let mut conclusion = Conclusion {
        keys: &keys,
        parameters: &parameters,
        facts: request.log.facts(),
        target: ProofTarget::dry_run(&keys, session.shape())?,
        observer,
    };
    if complete {
        let document = conclusion.stored(&path)?.document;
        observer.note(&format!("{} is complete", path.display()));
        return Ok(document);
    }
    let folded = session.fold(&parameters)?;
    let document = conclusion.prove(&folded)?.document;
    // The proof is on disk before the checkpoint goes.
    document.write(&path)?;
    session.directory().remove_checkpoint()?;
    Ok(document)
}

/// Proves a folded poll for where the domain says.
fn prove(
    prover: &Prover,
    folded: &Fold<'_>,
    domain: [u8; 32],
    observer: &dyn Observer,
) -> Result<Finalization, Error> {
    let internal = |error: ProverError| Error::internal(error);
    let running = folded
        .proof()
        .engine_proof()
        .ok_or_else(|| Error::internal("no step was folded"))?;
    let stage = observer.begin(Stage::Timed {
        label: "decider proof",
    });
    let results = folded.results();
    let proof = prover
        .prove(running, domain, &WHOLE, &results)
        .map_err(internal)?;
    let seconds = stage.finish();
    observer.note(&format!("decider proof made in {seconds:.1} s"));
    Ok(Finalization {
        segments: vec![],
        statement: DeciderStatement::new(running, domain, &WHOLE, &results)
            .map_err(Error::internal)?,
        proof,
    })
}
