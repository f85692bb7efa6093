//! What `prove`, `verify` and `results` print.

use std::io::{self, Write};

use maci_nova_chain::words::count;
use maci_nova_compressor::FinalProof;
use maci_nova_coordinator::prove::setup_document::SetupDocument;
use maci_nova_protocol::field::to_decimal;
use maci_nova_sdk::poll::results::Results;
use serde::Serialize;

use crate::output::Output;

/// A proof's statement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProofDocument {
    #[serde(flatten)]
    results: Results,
    verified: bool,
    insecure: bool,
    #[serde(flatten)]
    setup: SetupDocument,
    parameters_digest: String,
    steps: u64,
    state_root: String,
}

impl ProofDocument {
    /// What `proof` states; `verified` says whether that has been checked.
    pub fn new(proof: &FinalProof, verified: bool) -> Self {
        let results = proof.results();
        let total = results.iter().map(|result| result.spent);
        ProofDocument {
            results: Results::new(results, total.fold(0, u128::saturating_add)),
            verified,
            insecure: !proof.origin().is_secure(),
            setup: proof.origin().into(),
            parameters_digest: proof.parameters().to_string(),
            steps: proof.steps(),
            state_root: to_decimal(&proof.state().state_root),
        }
    }

    /// The results stated.
    pub fn results(&self) -> &Results {
        &self.results
    }
}

impl Output for ProofDocument {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.results.write_table(out)?;
        let verdict = if self.verified {
            "verified"
        } else {
            "NOT verified"
        };
        let steps = count(self.steps, "step");
        writeln!(out, "\n{verdict}: {steps}, {} setup", self.setup)?;
        writeln!(out, "parameters {}", self.parameters_digest)
    }
}
