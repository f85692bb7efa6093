//! ethers' HTTP transport with patience: what is no answer is asked for again, an answer never.
//!
//! ethers' own `RetryClient` neither waits longer from try to try nor tells why it gave up, and its
//! errors show the node's whole address.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ethers_providers::{
    Http, HttpClientError, JsonRpcClient, JsonRpcError, ProviderError, RpcError,
};
use maci_nova_chain::{Notice, Observer, RpcUrl};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::retry::RetryPolicy;

/// How often the observer is asked whether to stop.
const TICK: Duration = Duration::from_millis(200);

/// Characters of an answer that is no JSON-RPC that an error shows.
const EXCERPT: usize = 80;

/// JSON-RPC's code of a contract that reverts.
const REVERTED: i64 = 3;

/// Codes of providers that refuse more requests: HTTP's own, and what is used in its place. For
/// logs they also say that there are too many results (EIP-1474).
const LIMIT_EXCEEDED: [i64; 5] = [429, -32005, -32007, -32016, -32029];

/// Words with which providers refuse for now, in lower case.
const FOR_NOW: [&str; 15] = [
    "rate limit",
    "ratelimit",
    "too many requests",
    "request limit",
    "request count exceeded",
    "throttl",
    "capacity",
    "overloaded",
    "temporarily unavailable",
    "service unavailable",
    "bad gateway",
    // A node that has the block and not yet its transactions' places.
    "indexing is in progress",
    // A provider with many nodes, some of which lag.
    "header not found",
    "try again",
    "please retry",
];

/// The same for what takes too long: of logs it says that fewer blocks have to be asked for.
const TOO_SLOW: [&str; 3] = ["timed out", "timeout", "deadline exceeded"];

/// JSON-RPC over HTTP. Answers other than success are returned at once unless they only say
/// "later".
#[derive(Clone)]
pub struct Transport {
    http: Http,
    node: String,
    patience: RetryPolicy,
    observer: Arc<dyn Observer>,
}

/// Why there is no result. The node's address shows as scheme and host.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransportError {
    /// No answer after all tries.
    #[error("{node} did not answer {method} in {tries} tries: {reason}")]
    Unreachable {
        node: String,
        method: String,
        tries: u32,
        reason: String,
    },
    /// The answer is an error.
    #[error("{node} refuses {method}: {} (code {})", answer.message, answer.code)]
    Answer {
        node: String,
        method: String,
        answer: JsonRpcError,
    },
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl RpcError for TransportError {
    fn as_error_response(&self) -> Option<&JsonRpcError> {
        match self {
            TransportError::Answer { answer, .. } => Some(answer),
            _ => None,
        }
    }

    fn as_serde_error(&self) -> Option<&serde_json::Error> {
        None
    }
}

impl From<TransportError> for ProviderError {
    fn from(error: TransportError) -> Self {
        ProviderError::JsonRpcClientError(Box::new(error))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("node", &self.node)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// A transport to the node. Connects with the first request.
    pub fn new(
        url: &RpcUrl,
        patience: RetryPolicy,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, String> {
        let mut client = reqwest::Client::builder()
            .timeout(patience.answer)
            // A node does not send its callers elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        if url.is_local() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(reason)?;
        Ok(Transport {
            http: Http::new_with_client(url.whole(), client),
            node: url.to_string(),
            patience,
            observer,
        })
    }

    /// The same connection with fewer tries.
    pub fn with_tries(&self, tries: u32) -> Self {
        let mut hasty = self.clone();
        hasty.patience.tries = hasty.patience.tries.min(tries);
        hasty
    }

    /// Who is told of waits.
    pub fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// Waits, unless the observer asks to stop.
    pub async fn pause(&self, time: Duration) -> Result<(), TransportError> {
        self.unless_interrupted(sleep(time)).await
    }

    async fn unless_interrupted<F: Future>(&self, future: F) -> Result<F::Output, TransportError> {
        let mut future = pin!(future);
        loop {
            if self.observer.interrupted() {
                return Err(TransportError::Interrupted);
            }
            if let Ok(output) = timeout(TICK, future.as_mut()).await {
                return Ok(output);
            }
        }
    }

    async fn once<T, R>(&self, method: &str, params: &T) -> Result<R, HttpClientError>
    where
        T: fmt::Debug + Serialize + Send + Sync,
        R: DeserializeOwned + Send,
    {
        // ethers leaves out parameters of size zero; a reference to them has a size.
        if size_of::<T>() == 0 {
            self.http.request(method, ()).await
        } else {
            self.http.request(method, params).await
        }
    }
}

#[async_trait]
impl JsonRpcClient for Transport {
    type Error = TransportError;

    async fn request<T, R>(&self, method: &str, params: T) -> Result<R, TransportError>
    where
        T: fmt::Debug + Serialize + Send + Sync,
        R: DeserializeOwned + Send,
    {
        let mut tries = 0;
        loop {
            let tried = self.once(method, &params);
            let fault = match self.unless_interrupted(tried).await? {
                Ok(result) => return Ok(result),
                Err(error) => Fault::of(error, method),
            };
            tries += 1;
            let reason = match fault {
                Fault::Answer(answer) => {
                    return Err(TransportError::Answer {
                        node: self.node.clone(),
                        method: method.to_owned(),
                        answer,
                    })
                }
                Fault::Passing(reason) => reason,
            };
            let Some(wait) = self.patience.wait(tries) else {
                return Err(TransportError::Unreachable {
                    node: self.node.clone(),
                    method: method.to_owned(),
                    tries,
                    reason,
                });
            };
            self.observer.notice(&Notice::Retrying {
                method: method.to_owned(),
                reason,
                tries,
                wait,
            });
            self.pause(wait).await?;
        }
    }
}

/// What went wrong with one try.
#[derive(Debug)]
enum Fault {
    /// The node's answer, which would be the same again.
    Answer(JsonRpcError),
    /// No answer, or one that says "later".
    Passing(String),
}

impl Fault {
    fn of(error: HttpClientError, method: &str) -> Self {
        match error {
            HttpClientError::ReqwestError(error) => Fault::Passing(reason(error)),
            HttpClientError::JsonRpcError(answer) => Fault::of_answer(answer, method),
            // Some nodes answer without an id, which ethers does not read.
            HttpClientError::SerdeJson { err, text } => match error_in(&text) {
                Some(answer) => Fault::of_answer(answer, method),
                None => {
                    Fault::Passing(format!("not a JSON-RPC answer ({err}): {}", excerpt(&text)))
                }
            },
        }
    }

    fn of_answer(answer: JsonRpcError, method: &str) -> Self {
        if is_for_now(&answer, method) {
            return Fault::Passing(answer.message);
        }
        Fault::Answer(answer)
    }
}

/// Whether the same request may succeed later.
fn is_for_now(answer: &JsonRpcError, method: &str) -> bool {
    let message = answer.message.to_lowercase();
    // What a contract says, in whatever words, is an answer.
    if answer.code == REVERTED || message.starts_with("execution reverted") {
        return false;
    }
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if answer.code == 429 || says(&FOR_NOW) {
        return true;
    }
    // Fewer logs may be had at once where waiting changes nothing.
    method != "eth_getLogs" && (LIMIT_EXCEEDED.contains(&answer.code) || says(&TOO_SLOW))
}

/// The error of an answer that has no id.
fn error_in(text: &str) -> Option<JsonRpcError> {
    #[derive(Deserialize)]
    struct Answer {
        error: JsonRpcError,
    }
    let answer: Answer = serde_json::from_str(text).ok()?;
    Some(answer.error)
}

/// What the innermost error says: the outer ones show the address.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn excerpt(text: &str) -> String {
    let mut excerpt: String = text.chars().take(EXCERPT).collect();
    if excerpt.len() < text.len() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: i64, message: &str) -> JsonRpcError {
        JsonRpcError {
            code,
            message: message.to_owned(),
            data: None,
        }
    }

    #[test]
    fn answers_that_pass() {
        for (code, message) in [
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
        ] {
            assert!(is_for_now(&answer(code, message), "eth_call"), "{message}");
        }
    }

    #[test]
    fn answers_that_stay() {
        for (code, message) in [
            (3, "execution reverted"),
            (3, "the deadline exceeded what is taken, try again"),
            (-32000, "execution reverted: timed out"),
            (-32000, "nonce too low"),
            (-32601, "method not found"),
            (-32602, "invalid params"),
        ] {
            assert!(!is_for_now(&answer(code, message), "eth_call"), "{message}");
        }
    }

    #[test]
    fn too_many_logs_are_not_waited_for() {
        for (code, message) in [
            (-32005, "query returned more than 10000 results"),
            (-32000, "query timeout exceeded"),
            (-32007, "eth_getLogs is limited to a 10,000 range"),
        ] {
            let refusal = answer(code, message);
            assert!(!is_for_now(&refusal, "eth_getLogs"), "{message}");
        }
        assert!(is_for_now(
            &answer(-32005, "daily request count exceeded"),
            "eth_getLogs"
        ));
    }

    #[test]
    fn errors_without_an_id_are_answers() {
        let text = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}"#;
        assert_eq!(error_in(text).expect("error").code, -32600);
        for text in ["", "<html>", r#"{"error":"no"}"#, r#"{"result":1}"#] {
            assert!(error_in(text).is_none(), "{text}");
        }
    }

    #[test]
    fn long_answers_are_cut() {
        assert_eq!(excerpt("short"), "short");
        let cut = excerpt(&"ü".repeat(100));
        assert_eq!(cut.chars().count(), EXCERPT + 1);
    }
}
