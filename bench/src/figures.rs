//! Names of what is measured, and its units, as results have them.

/// A quantity and its unit.
pub type Quantity = (&'static str, &'static str);

/// Constraints of a step by itself.
pub const STEP_CONSTRAINTS: Quantity = ("step constraints", "");
/// Witness variables of a step by itself.
pub const STEP_VARIABLES: Quantity = ("step variables", "");
/// Entries of a step's matrices that are not 0.
pub const STEP_ENTRIES: Quantity = ("step non-zeros", "");
/// Constraints of the step with the verifier of the step before.
pub const CONSTRAINTS: Quantity = ("constraints", "");
/// Witness variables of the same.
pub const VARIABLES: Quantity = ("variables", "");
/// Entries of its matrices that are not 0.
pub const ENTRIES: Quantity = ("non-zeros", "");
/// Constraints on the other curve.
pub const SECOND_CONSTRAINTS: Quantity = ("second curve constraints", "");
/// Variables on the other curve.
pub const SECOND_VARIABLES: Quantity = ("second curve variables", "");
/// Entries on the other curve.
pub const SECOND_ENTRIES: Quantity = ("second curve non-zeros", "");
/// Constraints of a step on both curves that are not the step's own.
pub const OVERHEAD: Quantity = ("recursion overhead", "");
/// Making parameters.
pub const PARAMETERS_SECONDS: Quantity = ("parameters", "s");
/// Their size: both circuits and both commitment keys, uncompressed.
pub const PARAMETERS_BYTES: Quantity = ("parameters size", "bytes");
/// Making the witness of a step or of a batch.
pub const PREPARING: Quantity = ("preparing", "s");
/// Folding a step, or proving a batch.
pub const PROVING: Quantity = ("proving", "s");
/// Preparing, for a message.
pub const PREPARING_MESSAGE: Quantity = ("preparing a message", "s");
/// Folding or proving, for a message.
pub const PROVING_MESSAGE: Quantity = ("proving a message", "s");
/// Peak of memory while folding, or while proving a batch with its key loaded.
pub const PEAK: Quantity = ("peak of memory", "bytes");
/// Peak of memory while the final proof is made, with its key.
pub const PEAK_FINAL: Quantity = ("peak of memory with the final proof", "bytes");
/// A running proof on disk.
pub const CHECKPOINT_BYTES: Quantity = ("checkpoint", "bytes");
/// Making the final proof.
pub const FINAL_SECONDS: Quantity = ("final proof", "s");
/// Its size.
pub const FINAL_BYTES: Quantity = ("final proof size", "bytes");
/// Verifying what is published, in Rust.
pub const VERIFYING: Quantity = ("verifying", "s");
/// Making the proving key; absent where it came from the cache. The decider's is written to its file in that time.
pub const KEY_SECONDS: Quantity = ("proving key", "s");
/// Peak of memory while it is made.
pub const KEY_PEAK: Quantity = ("peak of memory making the proving key", "bytes");
/// Its file.
pub const KEY_BYTES: Quantity = ("proving key size", "bytes");
/// Loading it from its file.
pub const KEY_LOADING: Quantity = ("loading the proving key", "s");
/// Rows of the evaluation domain of a Groth16 circuit.
pub const DOMAIN: Quantity = ("evaluation domain", "");
/// Gas of a transaction that verifies one proof.
pub const GAS: Quantity = ("gas of a verification", "gas");
/// The part of it that is the price of calldata.
pub const CALLDATA_GAS: Quantity = ("gas of its calldata", "gas");
/// Gas of the verifier's deployment.
pub const DEPLOYMENT_GAS: Quantity = ("gas of the verifier", "gas");
/// Bytes of its calldata.
pub const CALLDATA_BYTES: Quantity = ("calldata", "bytes");

/// Of a poll of N messages: seconds in all.
pub const TOTAL_SECONDS: Quantity = ("total time", "s");
/// Of a poll of N messages: gas in all.
pub const TOTAL_GAS: Quantity = ("total gas", "gas");
/// Of a poll of N messages: bytes that are published.
pub const TOTAL_BYTES: Quantity = ("total bytes", "bytes");
/// Of a poll of N messages: peak of memory.
pub const TOTAL_MEMORY: Quantity = ("total memory", "bytes");
/// Of a poll of N messages: proofs.
pub const PROOFS: Quantity = ("proofs", "");
/// Of a poll of N messages: places of the last batch that are empty.
pub const PADDING: Quantity = ("padding", "messages");
/// US dollars a thousand votes.
pub const DOLLARS: Quantity = ("dollars a thousand votes", "USD");
