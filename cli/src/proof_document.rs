//! What `prove`, `verify` and `results` print.

use std::io::{self, Write};

use maci_nova_compressor::FinalProof;
use maci_nova_folding::SetupOrigin;
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
    setup: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    powers_of_tau: Option<String>,
    parameters_digest: String,
    steps: String,
    state_root: String,
}

impl ProofDocument {
    /// What `proof` states; `verified` says whether that has been checked.
    pub fn new(proof: &FinalProof, verified: bool) -> Self {
        let (setup, powers_of_tau) = match proof.origin() {
            SetupOrigin::InsecureDevelopment => ("INSECURE development", None),
            origin @ SetupOrigin::PowersOfTau { .. } => ("powers of tau", Some(origin.to_string())),
        };
        let results = proof.results();
        let total = results.iter().map(|result| result.spent);
        ProofDocument {
            results: Results::new(results, total.fold(0, u128::saturating_add)),
            verified,
            insecure: !proof.origin().is_secure(),
            setup: setup.into(),
            powers_of_tau,
            parameters_digest: proof.parameters().to_string(),
            steps: proof.steps().to_string(),
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
        let setup = self.powers_of_tau.as_deref().unwrap_or(&self.setup);
        writeln!(out, "\n{verdict}: {} steps, {setup} setup", self.steps)?;
        writeln!(out, "parameters {}", self.parameters_digest)
    }
}
