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
use maci_nova_chain::refusal::{meaning, Meaning};
use maci_nova_chain::{Notice, Observer, RpcUrl};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::retry::RetryPolicy;

/// How often the observer is asked whether to stop.
const TICK: Duration = Duration::from_millis(200);

/// The longest of these pauses.
const LATE: Duration = Duration::from_secs(1);

/// Characters of an answer that is no JSON-RPC that an error shows.
const EXCERPT: usize = 80;

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
        tries: u32,
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

    /// Scheme and host of the node.
    pub fn name(&self) -> &str {
        &self.node
    }

    /// Time between looks for what another node of the same provider may not show yet.
    pub fn late(&self) -> Duration {
        self.patience.longest.min(LATE)
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
                        tries,
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
        match meaning(method, answer.code, &answer.message) {
            Meaning::ForNow => Fault::Passing(answer.message),
            _ => Fault::Answer(answer),
        }
    }
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
pub(crate) fn reason(error: reqwest::Error) -> String {
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
