//! A relayer, as voters speak to it.

use std::time::Duration;

use maci_nova_chain::RpcUrl;
use maci_nova_contracts::alloy_primitives::{Address, B256, U256};
use maci_nova_node::{Answer, HttpClient, HttpError};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::relay::document::{
    shown, BallotDocument, JoinDocument, JoinedDocument, Refusal, RefusalDocument, RelayDocument,
};
use maci_nova_sdk::relay::ticket::Ticket;
use maci_nova_sdk::ErrorKind;
use serde::de::DeserializeOwned;

/// The longest time for an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Why a relayer does not do what it is asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RelayError {
    /// It does not answer.
    #[error("the relayer {0}")]
    Http(#[from] HttpError),
    /// It does not want to.
    #[error("the relayer refuses: {}", .0.error)]
    Refused(RefusalDocument),
    /// It, or what is before it, has too much to do.
    #[error("the relayer has too much to do (status {0})")]
    Busy(u16),
    /// Its answer is none.
    #[error("the relayer's answer cannot be understood (status {0})")]
    Nonsense(u16),
    /// It is one for something else, or cannot do what is asked for.
    #[error("{0}")]
    Unfit(String),
    /// It has taken something, and not done it.
    #[error("{0}")]
    Ignored(String),
}

impl RelayError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            RelayError::Http(_)
            | RelayError::Busy(_)
            | RelayError::Nonsense(_)
            | RelayError::Ignored(_) => ErrorKind::Later,
            RelayError::Refused(refusal) if refusal.code.is_for_now() => ErrorKind::Later,
            RelayError::Refused(_) | RelayError::Unfit(_) => ErrorKind::Chain,
        }
    }

    /// Whether the same may be taken a little later.
    pub fn is_for_now(&self) -> bool {
        match self {
            RelayError::Http(_) | RelayError::Busy(_) => true,
            RelayError::Refused(refusal) => refusal.code.is_for_now(),
            _ => false,
        }
    }
}

/// A relayer of a poll.
#[derive(Debug)]
pub struct Relayer {
    http: HttpClient,
    poll: Address,
    /// What it does for the poll.
    pub document: RelayDocument,
}

impl Relayer {
    /// Asks what a relayer does for a poll.
    pub fn open(url: &RpcUrl, poll: &PollContract) -> Result<Self, RelayError> {
        let http = HttpClient::new(url, ANSWER)?;
        let document: RelayDocument = read(http.get(&format!("/relay/{}", poll.address))?)?;
        let document = document.checked(poll);
        let document = document.map_err(|unfit| RelayError::Unfit(unfit.to_string()))?;
        Ok(Relayer {
            http,
            poll: poll.address,
            document,
        })
    }

    /// Hands a ballot over.
    pub fn send(
        &self,
        ticket: &Ticket,
        messages: &[SignedMessage],
    ) -> Result<BallotDocument, RelayError> {
        let body = ticket.print_with(messages);
        read(self.http.post(&format!("/relay/{}", self.poll), body)?)
    }

    /// Where a ballot is; none if nothing is known of it.
    pub fn ballot(&self, ballot: &B256) -> Result<Option<BallotDocument>, RelayError> {
        let path = format!("/relay/{}/{ballot}", self.poll);
        known(read(self.http.get(&path)?))
    }

    /// Hands a join over.
    pub fn send_join(&self, join: &JoinDocument) -> Result<JoinedDocument, RelayError> {
        let body = serde_json::to_string(join).map_err(|_| RelayError::Nonsense(0))?;
        let path = format!("/relay/{}/joins", self.poll);
        read(self.http.post(&path, body)?)
    }

    /// Where a join is; none if nothing is known of it.
    pub fn join(&self, nullifier: &U256) -> Result<Option<JoinedDocument>, RelayError> {
        let path = format!("/relay/{}/joins/{nullifier}", self.poll);
        known(read(self.http.get(&path)?))
    }
}

fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, RelayError> {
    let Answer { status, body } = answer;
    let nonsense = |_: serde_json::Error| RelayError::Nonsense(status);
    match status {
        200..=299 => serde_json::from_slice(&body).map_err(nonsense),
        _ => {
            let refusal = serde_json::from_slice::<RefusalDocument>(&body);
            let mut refusal = match (refusal, status) {
                (Ok(refusal), _) => refusal,
                // Of the limits of a service, and of proxies: in their own words.
                (Err(_), 408 | 429 | 502..=504) => return Err(RelayError::Busy(status)),
                (Err(error), _) => return Err(nonsense(error)),
            };
            refusal.error = shown(&refusal.error);
            Err(RelayError::Refused(refusal))
        }
    }
}

fn known<T>(read: Result<T, RelayError>) -> Result<Option<T>, RelayError> {
    match read {
        Err(RelayError::Refused(refusal)) if refusal.code == Refusal::Unknown => Ok(None),
        read => read.map(Some),
    }
}
