//! Reading a final proof, and checking it against a log.

use std::path::{Path, PathBuf};

use maci_nova_chain::{Observer, Stage};
use maci_nova_compressor::{verify, FinalProof, VerifierKey, VerifyError};
use maci_nova_folding::{Parameters, SetupOrigin, SetupSource};
use maci_nova_protocol::log::PublicFacts;

use crate::error::Error;

/// What is said wherever the development setup is used.
pub const INSECURE: &str =
    "INSECURE: this proof rests on the development setup; anyone can forge such proofs";

/// Reads a proof file and says so if it is INSECURE.
///
/// # Errors
/// [`Error::ProofFile`]; [`Error::InsecureProof`] in production.
pub fn read(path: &Path, production: bool, observer: &dyn Observer) -> Result<FinalProof, Error> {
    let proof = FinalProof::read(path).map_err(|source| Error::ProofFile {
        path: path.to_owned(),
        source,
    })?;
    if !proof.origin().is_secure() {
        if production {
            return Err(Error::InsecureProof);
        }
        observer.warn(INSECURE);
    }
    Ok(proof)
}

/// Where the parameters of a proof come from: for powers of tau, from the file given. A file that
/// is given is what the verifier trusts, so a proof that rests on something else is refused.
pub fn source(proof: &FinalProof, ptau: Option<&PathBuf>) -> Result<SetupSource, Error> {
    match (proof.origin(), ptau) {
        (SetupOrigin::InsecureDevelopment, None) => Ok(SetupSource::InsecureDevelopment),
        (origin @ SetupOrigin::InsecureDevelopment, Some(path)) => {
            Err(Error::OtherParameters(format!(
                "this proof was made with {origin}, not with {}",
                path.display()
            )))
        }
        (SetupOrigin::PowersOfTau { .. }, Some(path)) => Ok(SetupSource::PowersOfTau(path.clone())),
        (origin @ SetupOrigin::PowersOfTau { .. }, None) => {
            Err(Error::NoPowersOfTau(origin.to_string()))
        }
    }
}

/// Checks a proof against the public facts of a log. Takes seconds for the parameters.
///
/// # Errors
/// [`Error::Proof`] and [`Error::OtherLog`] if it is not accepted; [`Error::Setup`];
/// [`Error::OtherParameters`].
pub fn check(
    path: &Path,
    proof: &FinalProof,
    source: &SetupSource,
    facts: &PublicFacts,
    observer: &dyn Observer,
) -> Result<Parameters, Error> {
    let refused = |source| Error::Proof {
        path: path.to_owned(),
        source,
    };
    // What is cheap comes first; the circuit's depths are the log's, whatever the proof claims.
    if proof.header() != &facts.header {
        return Err(refused(VerifyError::OtherPoll));
    }
    if !facts.completed_by(proof.state()) {
        return Err(Error::OtherLog(path.to_owned()));
    }
    let shape = proof.shape();
    let depths = (
        facts.header.state_tree_depth,
        facts.header.vote_option_tree_depth,
    );
    if depths != (shape.state_depth, shape.vote_depth) {
        return Err(refused(VerifyError::PollShape));
    }
    let stage = observer.begin(Stage::Timed {
        label: "parameters",
    });
    let parameters = Parameters::setup(shape, source)?;
    drop(stage);
    check_origin(proof, source, &parameters)?;
    let stage = observer.begin(Stage::Timed { label: "verifying" });
    verify(&VerifierKey::new(&parameters), proof, facts).map_err(refused)?;
    drop(stage);
    Ok(parameters)
}

/// The file given must be the one that the proof was made with.
fn check_origin(
    proof: &FinalProof,
    source: &SetupSource,
    parameters: &Parameters,
) -> Result<(), Error> {
    let (claimed, given) = (proof.origin(), parameters.origin());
    if claimed == given {
        return Ok(());
    }
    let file = match source {
        SetupSource::PowersOfTau(path) => path.display().to_string(),
        SetupSource::InsecureDevelopment => "the development setup".into(),
    };
    Err(Error::OtherParameters(format!(
        "this proof was made with {claimed}; {file} gives {given}"
    )))
}
