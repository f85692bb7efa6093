//! The final proof for anybody who has the poll's log.

use maci_nova_chain::{Observer, Stage};
use maci_nova_compressor::{verify, FinalProof, VerifierKey};
use maci_nova_folding::Parameters;

use crate::error::Error;
use crate::fold::Fold;
use crate::prove::proof_file;
use crate::prove::session::{ProveRequest, ProvingSession};

/// Proves the poll and returns the proof that is then in the directory.
///
/// # Errors
/// See [`Error`]; [`Error::Interrupted`] if the observer asks to stop.
pub fn prove(request: &ProveRequest<'_>, observer: &dyn Observer) -> Result<FinalProof, Error> {
    let session = ProvingSession::begin(request, observer)?;
    let path = session.directory().proof();
    if session.is_complete(&path)? {
        let proof = proof_file::read(&path, false, observer)?;
        proof_file::check(
            &path,
            &proof,
            &request.source,
            request.log.facts(),
            observer,
        )?;
        observer.note(&format!("{} is complete", path.display()));
        return Ok(proof);
    }
    let parameters = session.parameters()?;
    let folded = session.fold(&parameters)?;
    let proof = compress(request, &parameters, &folded, observer)?;
    // The proof is on disk before the checkpoint goes.
    proof
        .write(&path)
        .map_err(|source| Error::ProofFile { path, source })?;
    session.directory().remove_checkpoint()?;
    Ok(proof)
}

/// The final proof, verified.
fn compress(
    request: &ProveRequest<'_>,
    parameters: &Parameters,
    folded: &Fold<'_>,
    observer: &dyn Observer,
) -> Result<FinalProof, Error> {
    let internal = |error: &dyn std::error::Error| Error::internal(error);
    let stage = observer.begin(Stage::Timed {
        label: "final proof",
    });
    let proof = FinalProof::prove(parameters, folded.proof(), folded.results())
        .map_err(|error| internal(&error))?;
    let key = VerifierKey::new(parameters);
    verify(&key, &proof, request.log.facts()).map_err(|error| internal(&error))?;
    let seconds = stage.finish();
    observer.note(&format!("final proof made and verified in {seconds:.1} s"));
    Ok(proof)
}
