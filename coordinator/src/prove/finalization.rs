//! A proof for the contract, or one for each segment of the count, and the file of it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use maci_nova_chain::{words::count, Receipt};
use maci_nova_compressor::decider;
use maci_nova_compressor::decider::{
    contract, end::link_words, DeciderError, DeciderKey, DeciderProof, DeciderStatement,
};
use maci_nova_contracts::alloy_primitives::{hex, Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::decider::Key;
use maci_nova_contracts::words;
use maci_nova_files::{as_text, write_atomically, Readers};
use maci_nova_folding::Parameters;
use maci_nova_protocol::field::{from_decimal, to_decimal};
use maci_nova_protocol::log::PublicFacts;
use maci_nova_protocol::poll::{State, STATE_ELEMENTS};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::Fr;
use maci_nova_sdk::poll::results::Results;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::prove::keys::DeciderKeys;
use crate::prove::setup_document::SetupDocument;

/// A decider proof and what it states: of the whole count, or of its last segment with those of all before.
#[derive(Clone, Debug)]
pub struct Finalization {
    /// The segments before the last, in order; none of a count that is proven whole.
    pub segments: Vec<SegmentProof>,
    /// The statement.
    pub statement: DeciderStatement,
    /// Its proof.
    pub proof: DeciderProof,
}

/// The proof of a segment that is not the last.
#[derive(Clone, Debug)]
pub struct SegmentProof {
    /// What it states: no results, and at its end a link.
    pub statement: DeciderStatement,
    /// Its proof.
    pub proof: DeciderProof,
}

impl SegmentProof {
    /// The links that it leads from and to, as the contract takes them; 0 is the first state.
    pub fn links(&self) -> (U256, U256) {
        (link(&self.statement.z0), link(&self.statement.z))
    }

    /// The call that has it verified.
    pub fn call(&self) -> Poll::proveSegmentCall {
        let (from, to) = self.links();
        Poll::proveSegmentCall {
            from,
            to,
            proof: contract::proof(&self.proof).words(),
        }
    }
}

/// The link that an end's words show; 0 for the first state.
fn link(end: &[Fr; STATE_ELEMENTS]) -> U256 {
    match *end == link_words(end[0]) {
        true => words::scalar(&end[0]),
        false => U256::ZERO,
    }
}

/// Everything about a proof that was verified, in Rust at least.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    #[serde(flatten)]
    results: Results,
    verified: bool,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    finalized: Option<bool>,
    insecure: bool,
    #[serde(flatten)]
    setup: SetupDocument,
    keys: &'static str,
    parameters_digest: String,
    constraints: usize,
    chain_id: u64,
    poll: String,
    verifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gas: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_gas: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    segments: Vec<SegmentDocument>,
    statement: StatementText,
    proof: Vec<String>,
    calldata: String,
    verifying_key: KeyText,
}

/// A segment before the last.
#[derive(Clone, Debug, Serialize)]
struct SegmentDocument {
    #[serde(flatten)]
    proven: SegmentText,
    calldata: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gas: Option<u64>,
}

/// Statement and proof of a segment before the last.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SegmentText {
    statement: StatementText,
    proof: Vec<String>,
}

/// Statement and proof of a [`Document`].
#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    segments: Vec<SegmentText>,
    statement: StatementText,
    proof: Vec<String>,
    results: Vec<StoredResult>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
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

impl SegmentDocument {
    fn new(segment: &SegmentProof) -> Self {
        SegmentDocument {
            proven: SegmentText::new(segment),
            calldata: hex::encode_prefixed(segment.call().abi_encode()),
            transaction: None,
            block: None,
            gas: None,
        }
    }
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
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let malformed = |reason: String| Error::Decider {
            path: path.to_owned(),
            reason: format!("it cannot be read: {reason}"),
        };
        let text = as_text(&bytes).map_err(|error| malformed(error.to_string()))?;
        let stored: Stored =
            serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        stored.finalization().map_err(malformed)
    }

    /// Whether it is of all that a log holds, for the verifier of this domain.
    ///
    /// # Errors
    /// [`Mismatch`].
    pub fn check(&self, facts: &PublicFacts, domain: [u8; 32]) -> Result<(), Mismatch> {
        let statement = &self.statement;
        let mut reached = State::initial(&facts.header).to_array();
        let mut is_joined = true;
        for SegmentProof { statement, .. } in &self.segments {
            // A state in its place would show a tally of a part.
            is_joined &= statement.z0 == reached && statement.z == link_words(statement.z[0]);
            reached = statement.z;
        }
        let is_whole = is_joined
            && statement.z0 == reached
            && facts.completed_by(&State::from_array(statement.z))
            && statement.results.len() as u64 == facts.header.vote_options;
        let statements = self.segments.iter().map(|segment| &segment.statement);
        let is_here = statements
            .chain([statement])
            .all(|statement| statement.domain == domain);
        match (is_whole, is_here) {
            (true, true) => Ok(()),
            (false, _) => Err(Mismatch::Count),
            (true, false) => Err(Mismatch::Domain),
        }
    }

    /// Verifies the proofs. What they are of is for [`check`](Self::check).
    ///
    /// # Errors
    /// [`DeciderError`].
    pub fn verify(&self, key: &DeciderKey) -> Result<(), DeciderError> {
        for SegmentProof { statement, proof } in &self.segments {
            decider::verify(key, statement, proof)?;
        }
        decider::verify(key, &self.statement, &self.proof)
    }
}

/// What a proof is not of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Another count: of another poll, or of a part of it.
    Count,
    /// Bound to another chain, poll or verifier.
    Domain,
}

impl Stored {
    fn finalization(&self) -> Result<Finalization, String> {
        let segments = self.segments.iter().map(SegmentText::segment);
        let results = self.results.iter().map(StoredResult::result);
        Ok(Finalization {
            segments: segments.collect::<Result<_, _>>()?,
            statement: self
                .statement
                .statement(results.collect::<Result<_, _>>()?)?,
            proof: proof_of(&self.proof)?,
        })
    }
}

impl SegmentText {
    fn new(segment: &SegmentProof) -> Self {
        SegmentText {
            statement: StatementText::new(&segment.statement),
            proof: texts(&contract::proof(&segment.proof).words()),
        }
    }

    fn segment(&self) -> Result<SegmentProof, String> {
        Ok(SegmentProof {
            statement: self.statement.statement(vec![])?,
            proof: proof_of(&self.proof)?,
        })
    }
}

/// What a segment is to prove, and its proof once there is one: as it is kept while others are proven.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatedText {
    statement: StatementText,
    results: Vec<StoredResult>,
    proof: Option<Vec<String>>,
}

impl StatedText {
    pub(crate) fn new(statement: &DeciderStatement) -> Self {
        let results = statement.results.iter();
        StatedText {
            statement: StatementText::new(statement),
            results: results.map(StoredResult::new).collect(),
            proof: None,
        }
    }

    pub(crate) fn prove(&mut self, proof: &DeciderProof) {
        let proof = || texts(&contract::proof(proof).words());
        self.proof.get_or_insert_with(proof);
    }

    pub(crate) fn statement(&self) -> Result<DeciderStatement, String> {
        let results = self.results.iter().map(StoredResult::result);
        self.statement.statement(results.collect::<Result<_, _>>()?)
    }

    /// None where there is none, or none that can be read.
    pub(crate) fn proof(&self) -> Option<DeciderProof> {
        proof_of(self.proof.as_ref()?).ok()
    }
}

/// The proof of its words.
fn proof_of(texts: &[String]) -> Result<DeciderProof, String> {
    let mut proof = vec![];
    for text in texts {
        proof.extend(word(text)?);
    }
    DeciderProof::from_bytes(&proof).map_err(|error| error.to_string())
}

impl StoredResult {
    fn new(result: &OptionResult) -> Self {
        StoredResult {
            votes: result.votes.to_string(),
            spent: result.spent.to_string(),
        }
    }

    fn result(&self) -> Result<OptionResult, String> {
        let wrong = |text: &str| format!("{text} is not a number of its range");
        Ok(OptionResult {
            votes: self.votes.parse().map_err(|_| wrong(&self.votes))?,
            spent: self.spent.parse().map_err(|_| wrong(&self.spent))?,
        })
    }
}

impl StatementText {
    fn new(statement: &DeciderStatement) -> Self {
        StatementText {
            domain: hex::encode_prefixed(statement.domain),
            z0: statement.z0.iter().map(to_decimal).collect(),
            z: statement.z.iter().map(to_decimal).collect(),
        }
    }

    fn statement(&self, results: Vec<OptionResult>) -> Result<DeciderStatement, String> {
        Ok(DeciderStatement {
            domain: word(&self.domain)?,
            z0: state(&self.z0)?,
            z: state(&self.z)?,
            results,
        })
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

/// Where a proof is accepted, and with which call.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The chain.
    pub chain_id: u64,
    /// Who asks the verifier.
    pub poll: Address,
    /// The verifier.
    pub verifier: Address,
    /// The transaction's input.
    pub calldata: Bytes,
    /// What a dry run tells: gas of the call, and of deploying the verifier.
    pub gas: Option<(u64, u64)>,
}

impl Document {
    /// Of a proof that was verified, in Rust at least.
    pub fn new(
        finalization: &Finalization,
        accepted: Acceptance,
        keys: &DeciderKeys,
        parameters: &Parameters,
    ) -> Result<Self, DeciderError> {
        let Finalization {
            segments,
            statement,
            proof,
        } = finalization;
        let key = contract::key(&keys.prover.verifying_key())?;
        let spent = statement.results.iter().map(|result| result.spent);
        Ok(Document {
            results: Results::new(&statement.results, spent.fold(0, u128::saturating_add)),
            verified: true,
            dry_run: accepted.gas.is_some(),
            finalized: None,
            insecure: !(keys.are_known && parameters.origin().is_secure()),
            setup: parameters.origin().into(),
            keys: match (keys.are_known, keys.prover.ceremony()) {
                (true, _) => "ceremony",
                (false, Some(_)) => "unknown",
                (false, None) => "INSECURE development",
            },
            parameters_digest: parameters.digest().to_string(),
            constraints: keys.prover.constraints(),
            chain_id: accepted.chain_id,
            poll: accepted.poll.to_checksum(None),
            verifier: accepted.verifier.to_checksum(None),
            transaction: None,
            block: None,
            gas: accepted.gas.map(|(gas, _)| gas),
            deployment_gas: accepted.gas.map(|(_, deployment)| deployment),
            segments: segments.iter().map(SegmentDocument::new).collect(),
            statement: StatementText::new(statement),
            proof: texts(&contract::proof(proof).words()),
            calldata: hex::encode_prefixed(&accepted.calldata),
            verifying_key: KeyText::new(&key),
        })
    }

    /// The poll has its results, from a transaction of now or from an earlier one; and so its segments their proofs.
    pub fn finalized(
        mut self,
        segments: &[Option<Transaction>],
        sent: Option<&Transaction>,
    ) -> Self {
        for (document, sent) in self.segments.iter_mut().zip(segments) {
            document.transaction = sent.map(|sent| sent.hash);
            document.block = sent.map(|sent| sent.block);
            document.gas = sent.map(|sent| sent.gas);
        }
        self.finalized = Some(true);
        self.transaction = sent.map(|sent| sent.hash);
        self.block = sent.map(|sent| sent.block);
        self.gas = sent.map(|sent| sent.gas);
        self
    }

    /// Gas of the transaction, if it was sent now.
    pub fn gas(&self) -> Option<u64> {
        self.gas
    }

    /// Gas of the transactions before it, of segments that were sent now.
    pub fn segments_gas(&self) -> Vec<u64> {
        let gas = self.segments.iter().filter_map(|segment| segment.gas);
        gas.collect()
    }

    /// The transaction, and its gas, if it was sent now.
    pub fn transaction(&self) -> Option<(B256, u64)> {
        self.transaction.zip(self.gas)
    }

    /// The results.
    pub fn results(&self) -> &Results {
        &self.results
    }

    /// Writes it to a file. It is public.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        write_atomically(path, Readers::Everybody, |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            writeln!(file)
        })
        .map_err(|source| Error::Io {
            action: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// As lines for people.
    pub fn write_lines(&self, out: &mut dyn Write) -> io::Result<()> {
        self.results.write_table(out)?;
        self.write_outcome(out)?;
        writeln!(
            out,
            "{} constraints, {} keys, {} setup",
            self.constraints, self.keys, self.setup
        )?;
        writeln!(out, "parameters {}", self.parameters_digest)
    }

    fn write_outcome(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.segments.is_empty() {
            let segments = count(self.segments.len() as u64 + 1, "segment");
            let before: u64 = self.segments_gas().iter().sum();
            write!(out, "\nproven in {segments}, gas {before} before the last")?;
        }
        match (self.finalized, self.gas, self.deployment_gas) {
            (Some(_), Some(gas), _) => {
                let Document { poll, block, .. } = self;
                let transaction = self.transaction.unwrap_or_default();
                let block = block.unwrap_or_default();
                writeln!(out, "\nfinalized: poll {poll}, block {block}, gas {gas}")?;
                writeln!(out, "transaction {transaction}")
            }
            (Some(_), None, _) => writeln!(out, "\nfinalized before: poll {}", self.poll),
            (None, gas, deployment) => {
                writeln!(out, "\nverified in Rust and by the contract (dry run)")?;
                writeln!(
                    out,
                    "gas of the call {}, of deploying the verifier {}",
                    gas.unwrap_or_default(),
                    deployment.unwrap_or_default()
                )
            }
        }
    }
}

fn texts(words: &[U256]) -> Vec<String> {
    let text = |word: &U256| hex::encode_prefixed(word.to_be_bytes::<32>());
    words.iter().map(text).collect()
}

/// 32 bytes from hexadecimal digits after 0x.
fn word(text: &str) -> Result<[u8; 32], String> {
    hex::decode_to_array(text).map_err(|error| format!("{text} is not a word: {error}"))
}

fn state(texts: &[String]) -> Result<[Fr; STATE_ELEMENTS], String> {
    let elements: Result<Vec<Fr>, _> = texts.iter().map(|text| from_decimal(text)).collect();
    let elements = elements.map_err(|error| error.to_string())?;
    elements
        .try_into()
        .map_err(|_| "a state has eight elements".into())
}

/// A transaction that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its hash.
    pub hash: B256,
    /// The block that it is in.
    pub block: u64,
    /// Gas of all of it.
    pub gas: u64,
}

impl From<Receipt> for Transaction {
    fn from(receipt: Receipt) -> Self {
        Transaction {
            hash: receipt.transaction,
            block: receipt.block_number,
            gas: receipt.gas_used,
        }
    }
}

/// The call that finalizes a poll, from the link that its last segment begins at; from 0 where it is the only one, which has a
/// call of its own: [`calldata`].
pub fn finalize_call(finalization: &Finalization) -> Poll::finalizeFromCall {
    let statement = &finalization.statement;
    let state = State::from_array(statement.z);
    let results = statement.results.iter();
    let results = results.map(|result| Poll::OptionResult {
        votes: result.votes,
        spent: result.spent,
    });
    Poll::finalizeFromCall {
        link: link(&statement.z0),
        newStateRoot: words::scalar(&state.state_root),
        tallyRoot: words::scalar(&state.tally_root),
        newResults: results.collect(),
        proof: contract::proof(&finalization.proof).words(),
    }
}

/// What the transaction that finalizes a poll is sent with.
pub fn calldata(finalization: &Finalization) -> Bytes {
    let call = finalize_call(finalization);
    match finalization.segments.is_empty() {
        false => call.abi_encode().into(),
        true => Poll::finalizeCall {
            newStateRoot: call.newStateRoot,
            tallyRoot: call.tallyRoot,
            newResults: call.newResults,
            proof: call.proof,
        }
        .abi_encode()
        .into(),
    }
}
