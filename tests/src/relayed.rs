//! Ballots for a relayer, as its voters' clients make them.

use std::fs;
use std::time::Duration;

use maci_nova_chain::RpcUrl;
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_node::{HttpClient, HttpError};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::relay::{BallotDigest, Slot};
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::relay::document::{ballot_id, BallotDocument, RelayDocument};
use maci_nova_sdk::relay::ticket::Ticket;
use maci_nova_sdk::voter::join_proof::Prover;
use maci_nova_sdk::voter::sign_ups::SignUps;

use crate::town::Town;

/// The longest time for an answer.
const ANSWER: Duration = Duration::from_secs(20);

/// What tickets are made with.
#[derive(Debug)]
pub struct Clients {
    prover: Prover,
    sign_ups: SignUps,
    /// The poll.
    pub poll: PollContract,
}

/// A ballot that a relayer can be handed.
#[derive(Clone, Debug)]
pub struct Handed {
    /// Its digest.
    pub ballot: B256,
    /// Its messages.
    pub messages: Vec<SignedMessage>,
    /// What is sent.
    pub body: String,
}

impl Clients {
    /// Of the town's poll, with everybody who has signed up.
    pub fn new(town: &Town) -> Self {
        let path = town.path("poll.json");
        let file = PollFile::read(&path).expect("a poll file");
        let contract = file.poll(&path).expect("a poll");
        let chain = town.chain();
        let sign_ups = SignUps::read(&chain, file.contracts.maci, &()).expect("sign-ups");
        Clients {
            prover: Prover::read(&town.path("poll.join.key")).expect("the deployment's"),
            sign_ups,
            poll: PollContract::open(&chain, &file, contract).expect("the poll"),
        }
    }

    /// A voter's ballot with the ticket of a slot.
    pub fn hand(
        &self,
        town: &Town,
        voter: &str,
        relayer: &RelayDocument,
        number: u8,
        messages: Vec<SignedMessage>,
    ) -> Handed {
        let key = fs::read_to_string(town.path(&format!("{voter}.key"))).expect("a key");
        let key = PrivateKey::from_serialized(key.trim()).expect("a key");
        let digest = BallotDigest::of(messages.iter().map(|signed| &signed.message));
        let slot = Slot {
            day: relayer.day,
            number,
        };
        let relayer = relayer.relayer();
        let (prover, sign_ups) = (&self.prover, &self.sign_ups);
        let ticket = Ticket::make(prover, &key, sign_ups, &relayer, slot, &digest);
        let body = ticket.expect("a ticket").print_with(&messages);
        Handed {
            ballot: ballot_id(&digest),
            messages,
            body,
        }
    }
}

/// A relayer of one poll.
#[derive(Debug)]
pub struct RelayClient {
    http: HttpClient,
    poll: Address,
}

impl RelayClient {
    /// At an address such as 127.0.0.1:8787.
    pub fn new(address: &str, poll: Address) -> Self {
        let url: RpcUrl = format!("http://{address}").parse().expect("a URL");
        let http = HttpClient::new(&url, ANSWER).expect("a client");
        RelayClient { http, poll }
    }

    /// What it does.
    pub fn document(&self) -> Option<RelayDocument> {
        let answer = self.http.get(&format!("/relay/{}", self.poll)).ok()?;
        serde_json::from_slice(&answer.body).ok()
    }

    /// Hands something over; the status.
    ///
    /// # Errors
    /// [`HttpError`] where there is no answer.
    pub fn send(&self, body: &str) -> Result<u16, HttpError> {
        let path = format!("/relay/{}", self.poll);
        Ok(self.http.post(&path, body.to_owned())?.status)
    }

    /// Where a ballot is.
    pub fn ballot(&self, ballot: &B256) -> Option<BallotDocument> {
        let path = format!("/relay/{}/{ballot}", self.poll);
        let answer = self.http.get(&path).ok()?;
        serde_json::from_slice(&answer.body).ok()
    }
}
