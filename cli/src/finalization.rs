//! A proof for the contract: on disk, as `finalize` writes it, and printed.

use std::fs;
use std::path::Path;

use crate::contract;
use crate::dry_run::{Accepted, DryRun, DryRunError, CHAIN_ID};
use maci_nova_compressor::decider::{DeciderProof, Prover, Statement};
use maci_nova_contracts::alloy_primitives::{hex, U256};
use maci_nova_contracts::decider::Key;
use maci_nova_contracts::words;
use maci_nova_folding::files::{write_atomically, Readers};
use maci_nova_folding::{Parameters, SetupOrigin};
use maci_nova_protocol::field::{from_decimal, to_decimal};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::Fr;
use serde::{Deserialize, Serialize};

use crate::console::Console;
use crate::failure::Failure;
use crate::report::Results;

/// A decider proof and what it states.
#[derive(Clone, Debug)]
pub struct Finalization {
    /// The statement.
    pub statement: Statement,
    /// Its proof.
    pub proof: DeciderProof,
}

/// Everything about a proof that the verifier has accepted.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    #[serde(flatten)]
    results: Results,
    verified: bool,
    dry_run: bool,
    insecure: bool,
    setup: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    powers_of_tau: Option<String>,
    keys: &'static str,
    parameters_digest: String,
    constraints: usize,
    chain_id: String,
    poll: String,
    verifier: String,
    gas: u64,
    deployment_gas: u64,
    statement: StatementText,
    proof: Vec<String>,
    calldata: String,
    verifying_key: KeyText,
}

/// Statement and proof of a [`Document`].
#[derive(Deserialize)]
struct Stored {
    statement: StatementText,
    proof: Vec<String>,
    results: Vec<StoredResult>,
}

#[derive(Deserialize)]
struct StoredResult {
    votes: String,
    spent: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StatementText {
    domain: String,
    z0: Vec<String>,
    z: Vec<String>,
}

/// The words of the key, named as the contract's constructor has them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyText {
    alpha: Vec<String>,
    beta: Vec<String>,
    gamma_prime: Vec<String>,
    delta: Vec<String>,
    ic: Vec<Vec<String>>,
    tau: Vec<String>,
    h: Vec<String>,
}

impl Finalization {
    /// Reads the file of a [`Document`].
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(|source| Failure::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let malformed = |reason: String| Failure::Decider {
            path: path.to_owned(),
            reason: format!("it cannot be read: {reason}"),
        };
        let stored: Stored =
            serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        stored.finalization().map_err(malformed)
    }
}

impl Stored {
    fn finalization(&self) -> Result<Finalization, String> {
        let mut proof = vec![];
        for text in &self.proof {
            proof.extend(word(text)?);
        }
        let results = self.results.iter().map(StoredResult::result);
        Ok(Finalization {
            statement: Statement {
                domain: word(&self.statement.domain)?,
                z0: state(&self.statement.z0)?,
                z: state(&self.statement.z)?,
                results: results.collect::<Result<_, _>>()?,
            },
            proof: DeciderProof::from_bytes(&proof).map_err(|error| error.to_string())?,
        })
    }
}

impl StoredResult {
    fn result(&self) -> Result<OptionResult, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text} is no number"));
        Ok(OptionResult {
            votes: number(&self.votes)?,
            spent: number(&self.spent)?,
        })
    }
}

impl StatementText {
    fn new(statement: &Statement) -> Self {
        StatementText {
            domain: hex::encode_prefixed(statement.domain),
            z0: statement.z0.iter().map(to_decimal).collect(),
            z: statement.z.iter().map(to_decimal).collect(),
        }
    }
}

impl KeyText {
    fn new(key: &Key) -> Self {
        KeyText {
            alpha: texts(&words::g1(&key.alpha)),
            beta: texts(&words::g2(&key.beta)),
            gamma_prime: texts(&words::g2(&key.gamma_prime)),
            delta: texts(&words::g2(&key.delta)),
            ic: key.ic.iter().map(|base| texts(&words::g1(base))).collect(),
            tau: texts(&words::g2(&key.tau)),
            h: texts(&words::g1(&key.h)),
        }
    }
}

impl Document {
    /// Of a proof that the verifier has accepted.
    pub fn new(
        finalization: &Finalization,
        accepted: &Accepted,
        verifier: &DryRun,
        prover: &Prover,
        parameters: &Parameters,
    ) -> Result<Self, DryRunError> {
        let Finalization { statement, proof } = finalization;
        let key = contract::key(verifier.key()).map_err(DryRunError::Key)?;
        let spent = statement.results.iter().map(|result| result.spent);
        let (setup, powers_of_tau) = match parameters.origin() {
            SetupOrigin::InsecureDevelopment => ("INSECURE development", None),
            origin @ SetupOrigin::PowersOfTau { .. } => ("powers of tau", Some(origin.to_string())),
        };
        let secure_keys = prover.origin().is_secure();
        Ok(Document {
            results: Results::new(&statement.results, spent.fold(0, u128::saturating_add)),
            verified: true,
            dry_run: true,
            insecure: !(secure_keys && parameters.origin().is_secure()),
            setup: setup.into(),
            powers_of_tau,
            keys: match secure_keys {
                true => "ceremony",
                false => "INSECURE development",
            },
            parameters_digest: parameters.digest().to_string(),
            constraints: prover.constraints(),
            chain_id: CHAIN_ID.to_string(),
            poll: verifier.poll().to_checksum(None),
            verifier: verifier.verifier().to_checksum(None),
            gas: accepted.gas,
            deployment_gas: verifier.deployment_gas(),
            statement: StatementText::new(statement),
            proof: texts(&contract::proof(proof).words()),
            calldata: hex::encode_prefixed(&accepted.calldata),
            verifying_key: KeyText::new(&key),
        })
    }

    /// Writes it to a file. It is public.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        write_atomically(path, Readers::Everybody, |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            writeln!(file)
        })
        .map_err(|source| Failure::Io {
            action: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// Prints it.
    pub fn print(&self, console: &Console) -> Result<(), Failure> {
        if console.json {
            return console.json_result(self);
        }
        console.result(|out| {
            self.results.write_table(out)?;
            let setup = self.powers_of_tau.as_deref().unwrap_or(&self.setup);
            writeln!(out, "\nverified in Rust and by the contract (dry run)")?;
            writeln!(
                out,
                "gas of the call {}, of deploying the verifier {}",
                self.gas, self.deployment_gas
            )?;
            writeln!(
                out,
                "{} constraints, {} keys, {setup} setup",
                self.constraints, self.keys
            )?;
            writeln!(out, "parameters {}", self.parameters_digest)
        })
    }
}

fn texts(words: &[U256]) -> Vec<String> {
    let text = |word: &U256| hex::encode_prefixed(word.to_be_bytes::<32>());
    words.iter().map(text).collect()
}

/// 32 bytes from hexadecimal digits after 0x.
fn word(text: &str) -> Result<[u8; 32], String> {
    hex::decode_to_array(text).map_err(|error| format!("{text} is no word: {error}"))
}

fn state(texts: &[String]) -> Result<[Fr; 7], String> {
    let elements: Result<Vec<Fr>, _> = texts.iter().map(|text| from_decimal(text)).collect();
    let elements = elements.map_err(|error| error.to_string())?;
    elements
        .try_into()
        .map_err(|_| "a state has seven elements".into())
}
