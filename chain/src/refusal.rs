//! What a node's error answers mean, from their codes and words: each client and each provider has
//! its own.

use alloy_primitives::Bytes;
use serde_json::Value;

use crate::ChainError;

/// The method that logs are asked for with.
pub const GET_LOGS: &str = "eth_getLogs";

/// JSON-RPC's code of a contract that reverts, as go-ethereum has introduced it.
pub const REVERT_CODE: i64 = 3;

/// What an error answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The same request may succeed in a moment.
    ForNow,
    /// The node has the transaction already.
    Known,
    /// Another transaction of the account has the nonce, in a block or in the node's pool.
    NonceTaken,
    /// No such transaction is taken for now: the pool is full, the price too low.
    NotNow,
    /// The answer will be the same until somebody changes something.
    Final,
    /// Words that nobody here knows.
    Unknown,
}

/// Codes of providers that refuse more requests: HTTP's own, and what is used in its place. For
/// logs they also say that there are too many results (EIP-1474).
const LIMIT_EXCEEDED: [i64; 5] = [429, -32005, -32007, -32016, -32029];

/// Words with which providers refuse for now, in lower case.
const FOR_NOW: [&str; 18] = [
    "rate limit",
    "ratelimit",
    "rate-limit",
    "rate exceeded",
    "too many requests",
    "request limit",
    "request count exceeded",
    "throttl",
    "capacity",
    "overloaded",
    "unavailable",
    "bad gateway",
    // A node that has the block and not yet its transactions' places.
    "indexing is in progress",
    // A provider with many nodes, some of which lag.
    "header not found",
    "try again",
    "please retry",
    "server busy",
    "cannot fulfill request",
];

/// The same for what takes too long: of logs it says that fewer blocks have to be asked for.
const TOO_SLOW: [&str; 3] = ["timed out", "timeout", "deadline exceeded"];

/// geth, erigon and reth; besu; nethermind; what was parity.
const KNOWN: [&str; 6] = [
    "already known",
    "known transaction",
    "alreadyknown",
    "already imported",
    "already exists",
    "already in the pool",
];

const NONCE_TAKEN: [&str; 11] = [
    "nonce too low",
    "nonce is too low",
    "nonce_too_low",
    "oldnonce",
    "invalid nonce",
    "nonce has already been used",
    "nonce already used",
    // With a nonce of the account's own that the node has not told.
    "replacement transaction underpriced",
    "transaction_replacement_underpriced",
    "replacementnotallowed",
    "same nonce",
];

const NOT_NOW: [&str; 15] = [
    "pool is full",
    "txpool is full",
    "pool limit",
    "mempool is full",
    "mempool full",
    "underpriced",
    "gas price too low",
    "feetoolow",
    "fee too low",
    "less than block base fee",
    "less than the block base fee",
    "fee cap less than",
    "nonce too high",
    "nonce_too_distant",
    "in-flight transaction limit",
];

const FINAL: [&str; 34] = [
    "insufficient funds",
    "insufficient balance",
    "insufficientfunds",
    "insufficient_balance",
    "upfront cost exceeds",
    "upfront_cost_exceeds",
    "gas required exceeds",
    "intrinsic gas",
    "intrinsic_gas",
    "gas limit",
    "gas_limit",
    "gaslimit",
    "gas allowance",
    "configured cap",
    "invalid sender",
    "invalid signature",
    "invalid_signature",
    "chain id",
    "chainid",
    "chain_id",
    "oversized",
    "not supported",
    "unsupported",
    "method not found",
    "not whitelisted",
    "does not exist",
    "not available",
    "unauthorized",
    "forbidden",
    "api key",
    "project id",
    "must be authenticated",
    "access denied",
    "out of gas",
];

/// Codes of JSON-RPC and of EIP-1474 for requests that are wrong, or that the node does not know.
const FINAL_CODES: [i64; 5] = [-32700, -32600, -32601, -32602, -32004];

/// Whether a contract speaks: what it says, in whatever words, is an answer.
fn is_revert(code: i64, message: &str) -> bool {
    code == REVERT_CODE || message.starts_with("execution reverted")
}

/// What the error answer to a request with this method means.
pub fn meaning(method: &str, code: i64, message: &str) -> Meaning {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if is_revert(code, &message) {
        return Meaning::Final;
    }
    if code == 429 || says(&FOR_NOW) {
        return Meaning::ForNow;
    }
    // Fewer logs may be had at once where waiting changes nothing.
    let is_slow = LIMIT_EXCEEDED.contains(&code) || says(&TOO_SLOW);
    if method != GET_LOGS && is_slow {
        return Meaning::ForNow;
    }
    let by_words = [
        (KNOWN.as_slice(), Meaning::Known),
        (NONCE_TAKEN.as_slice(), Meaning::NonceTaken),
        (NOT_NOW.as_slice(), Meaning::NotNow),
        (FINAL.as_slice(), Meaning::Final),
    ];
    let known = by_words.iter().find(|(words, _)| says(words));
    match known {
        Some((_, meaning)) => *meaning,
        None if FINAL_CODES.contains(&code) => Meaning::Final,
        None => Meaning::Unknown,
    }
}

/// Methods whose refusal says that the transaction cannot be executed.
const OF_TRANSACTIONS: [&str; 2] = ["eth_estimateGas", "eth_sendRawTransaction"];

/// JSON-RPC's code of a node that has trouble of its own.
const INTERNAL: i64 = -32603;

/// What an answer that is an error means to whoever uses a chain.
pub fn as_chain_error(method: &str, code: i64, message: &str, text: String) -> ChainError {
    let of_transactions = OF_TRANSACTIONS.contains(&method);
    if method == "eth_call" && is_of_execution(message) {
        return ChainError::Halted(text);
    }
    match meaning(method, code, message) {
        Meaning::NonceTaken | Meaning::NotNow if of_transactions => ChainError::NotNow(text),
        Meaning::Final if of_transactions => ChainError::Invalid(text),
        Meaning::Unknown if of_transactions && code != INTERNAL => ChainError::Invalid(text),
        Meaning::Unknown if method == GET_LOGS && code != INTERNAL => {
            ChainError::RangeTooLarge(text)
        }
        // A range of one block as well is refused in the words and codes of wrong requests.
        Meaning::Final if method == GET_LOGS && code != UNKNOWN_METHOD => {
            ChainError::RangeTooLarge(text)
        }
        Meaning::Final => ChainError::Refused(text),
        _ => ChainError::Transport(text),
    }
}

/// Whether the contract's code came to a bad end, in the words of the clients: the node has done what
/// it was asked for, and will say the same again.
fn is_of_execution(message: &str) -> bool {
    let message = message.to_lowercase();
    let ends = [
        "invalid opcode",
        "bad instruction",
        "invalidfeopcode",
        "opcodenotfound",
        "out of gas",
        "outofgas",
        "stack underflow",
        "stackunderflow",
        "stack limit",
        "stackoverflow",
        "invalid jump",
        "invalidjump",
    ];
    ends.iter().any(|end| message.contains(end))
}

/// JSON-RPC's code for a method that the node does not have.
const UNKNOWN_METHOD: i64 = -32601;

/// The data that a contract reverts with; `None` if the error is no revert.
pub fn revert_data(code: i64, message: &str, data: Option<&Value>) -> Option<Bytes> {
    (code == REVERT_CODE || message.contains("revert"))
        .then(|| data.and_then(hex_in).unwrap_or_default())
}

/// Nodes put the data into a text, into one that begins with "Reverted", or into a field `data`.
fn hex_in(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => text.trim_start_matches("Reverted ").parse().ok(),
        Value::Object(fields) => fields.get("data").and_then(hex_in),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn mean(method: &str, expected: Meaning, answers: &[(i64, &str)]) {
        for (code, message) in answers {
            assert_eq!(meaning(method, *code, message), expected, "{message}");
        }
    }

    #[test]
    fn answers_that_pass() {
        let answers = [
            (429, "slow down"),
            (-32000, "Rate limit reached"),
            (-32016, "too many requests, try later"),
            (-32000, "header not found"),
            (-32005, "limit"),
            (
                -32007,
                "50/second request limit reached - reduce calls per second",
            ),
            (-32007, "no more of this"),
            (-32000, "transaction indexing is in progress"),
            (-32603, "Throttled"),
            (-32000, "Service temporarily unavailable"),
            (-32002, "request timed out"),
            (-32000, "context deadline exceeded"),
            (-32603, "backend overloaded, please retry"),
        ];
        mean("eth_call", Meaning::ForNow, &answers);
    }

    #[test]
    fn answers_that_stay() {
        let answers = [
            (3, "execution reverted"),
            (3, "the deadline exceeded what is taken, try again"),
            (-32000, "execution reverted: timed out"),
            (-32601, "method not found"),
            (-32601, "the method eth_foo does not exist/is not available"),
            (-32602, "invalid params"),
            (-32000, "Unauthorized: invalid API key"),
            (-32002, "project ID is required"),
            (-32052, "API key is not allowed to access blockchain"),
        ];
        mean("eth_call", Meaning::Final, &answers);
        mean("eth_call", Meaning::Unknown, &[(-32603, "internal error")]);
    }

    #[test]
    fn answers_to_a_transaction() {
        let method = "eth_sendRawTransaction";
        let known = [
            (-32000, "already known"),
            (-32000, "Known transaction"),
            (-32010, "AlreadyKnown"),
            (
                -32010,
                "Transaction with the same hash was already imported.",
            ),
            (-32000, "ALREADY_EXISTS: already known"),
        ];
        mean(method, Meaning::Known, &known);
        let taken = [
            (-32000, "nonce too low: next nonce 6, tx nonce 5"),
            (
                -32010,
                "Transaction nonce is too low. Try incrementing the nonce.",
            ),
            (-32001, "Nonce too low"),
            (
                -32010,
                "OldNonce, Current nonce: 6, nonce of rejected tx: 5",
            ),
            (-32000, "replacement transaction underpriced"),
            (-32000, "INTERNAL_ERROR: nonce too low"),
            (-32003, "nonce too low"),
        ];
        mean(method, Meaning::NonceTaken, &taken);
        let later = [
            (-32000, "txpool is full"),
            (-32000, "transaction underpriced"),
            (
                -32000,
                "max fee per gas less than block base fee: address 0x01",
            ),
            (-32010, "FeeTooLow, MaxFeePerGas too low"),
            (-32006, "Nonce too high"),
        ];
        mean(method, Meaning::NotNow, &later);
        let never = [
            (-32000, "insufficient funds for gas * price + value"),
            (-32004, "Upfront cost exceeds account balance"),
            (-32010, "InsufficientFunds, Account balance: 0"),
            (-32000, "intrinsic gas too low"),
            (-32000, "exceeds block gas limit"),
            (-32000, "invalid sender"),
            (
                -32000,
                "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)",
            ),
            (-32601, "rpc method is not whitelisted"),
        ];
        mean(method, Meaning::Final, &never);
        let unknown = [(-32603, "internal error"), (-32000, "something else")];
        mean(method, Meaning::Unknown, &unknown);
    }

    #[test]
    fn too_many_logs_are_not_waited_for() {
        for (code, message) in [
            (-32005, "query returned more than 10000 results"),
            (-32000, "query timeout exceeded"),
            (-32007, "eth_getLogs is limited to a 10,000 range"),
        ] {
            let meaning = meaning("eth_getLogs", code, message);
            assert_ne!(meaning, Meaning::ForNow, "{message}");
        }
        let daily = [(-32005, "daily request count exceeded")];
        mean("eth_getLogs", Meaning::ForNow, &daily);
    }
}
