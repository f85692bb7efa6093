//! From a folded poll to a proof that a contract accepts.

use std::path::Path;

use maci_nova_compressor::decider::{Prover, ProverError, Statement};
use maci_nova_folding::Parameters;
use maci_nova_protocol::poll::State;
use maci_nova_step_circuit::Shape;

use crate::dry_run::{DryRun, DryRunError};
use crate::failure::Failure;
use crate::finalization::{Document, Finalization, Place};
use crate::fold::Fold;
use crate::interrupt::Interrupt;
use crate::prover::{Attempt, Job};

pub use crate::proving_keys::decider as keys;
use maci_nova_chain::Observer;
use maci_nova_chain::Stage;

/// Proves the poll for a verifier in an embedded EVM, which then accepts it. The proof is then in
/// the directory.
pub fn dry_run(
    job: &Job<'_>,
    production: bool,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Document, Failure> {
    let attempt = Attempt::begin(job, interrupt, observer)?;
    let path = attempt.directory().decider();
    let complete = attempt.is_complete(&path)?;
    let parameters = attempt.parameters()?;
    // Before the first step: what is refused or has no room is so at once.
    let prover = keys(&parameters, production, observer)?;
    attempt.check_interrupt()?;
    let mut verifier = deploy(&prover, attempt.shape())?;
    if complete {
        let finalization = stored(&path, job, &verifier)?;
        let document = verified(&finalization, &mut verifier, &prover, &parameters)
            .map_err(|error| refused(&path, &error))?;
        observer.note(&format!("{} is complete", path.display()));
        return Ok(document);
    }
    let folded = attempt.fold(&parameters)?;
    let finalization = prove(&prover, &folded, verifier.domain(), observer)?;
    let stage = observer.begin(Stage::Timed { label: "verifying" });
    let document = verified(&finalization, &mut verifier, &prover, &parameters)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    drop(stage);
    // The proof is on disk before the checkpoint goes.
    document.write(&path)?;
    attempt.directory().remove_checkpoint()?;
    Ok(document)
}

/// A verifier of this prover's proofs in an EVM of its own.
pub fn deploy(prover: &Prover, shape: Shape) -> Result<DryRun, Failure> {
    let options = 5_usize.pow(shape.vote_depth as u32);
    DryRun::deploy(
        prover.verifying_key(),
        options,
        !prover.origin().is_secure(),
    )
    .map_err(|error| Failure::Internal(error.to_string()))
}

/// Proves a folded poll for where the domain says.
pub fn prove(
    prover: &Prover,
    folded: &Fold<'_>,
    domain: [u8; 32],
    observer: &dyn Observer,
) -> Result<Finalization, Failure> {
    let internal = |error: ProverError| Failure::Internal(error.to_string());
    let running = folded
        .proof()
        .engine_proof()
        .ok_or_else(|| Failure::Internal("no step was folded".into()))?;
    let stage = observer.begin(Stage::Timed {
        label: "decider proof",
    });
    let results = folded.results();
    let proof = prover.prove(running, domain, &results).map_err(internal)?;
    let seconds = stage.finish();
    observer.note(&format!("decider proof made in {seconds:.1} s"));
    Ok(Finalization {
        statement: Statement::new(running, domain, &results).map_err(internal)?,
        proof,
    })
}

/// What the verifier says, with everything that it was asked.
fn verified(
    finalization: &Finalization,
    verifier: &mut DryRun,
    prover: &Prover,
    parameters: &Parameters,
) -> Result<Document, DryRunError> {
    let accepted = verifier.verify(&finalization.statement, &finalization.proof)?;
    let place = Place::of_dry_run(verifier, &accepted);
    Document::new(finalization, place, prover, parameters).map_err(DryRunError::Key)
}

/// The proof in a file, which must be of the job's poll and for this verifier.
fn stored(path: &Path, job: &Job<'_>, verifier: &DryRun) -> Result<Finalization, Failure> {
    let finalization = Finalization::read(path)?;
    let (facts, statement) = (job.log.facts(), &finalization.statement);
    let state = State::from_array(statement.z);
    let options = statement.results.len() as u64;
    if statement.z0 != State::initial(&facts.header).to_array()
        || !facts.completed_by(&state)
        || options != facts.header.vote_options
    {
        return Err(Failure::OtherLog(path.to_owned()));
    }
    if statement.domain != verifier.domain() {
        return Err(refused(
            path,
            &"it is bound to another chain, poll or verifier",
        ));
    }
    Ok(finalization)
}

fn refused(path: &Path, reason: &dyn ToString) -> Failure {
    Failure::Decider {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
