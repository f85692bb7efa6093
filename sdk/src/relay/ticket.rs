//! A voter's ticket for a relayer: the proof that joins are made with, for one ballot.

use maci_nova_contracts::alloy_primitives::{hex, B256, U256};
use maci_nova_contracts::words;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::membership::{JoinStatement, Nullifier, Witness};
use maci_nova_protocol::relay::{BallotDigest, Relayer, Slot, SLOTS};
use maci_nova_protocol::Fr;
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::voter::join_proof::{self, JoinError, JoinKey, JoinProof, Prover};
use crate::voter::sign_ups::SignUps;

/// One of a sign-up's tickets for a day, spent on one ballot.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    /// Which.
    pub slot: Slot,
    /// The sign-up after which the tree had the root: the newest one tells least.
    pub root_index: u64,
    /// The root of the tree of sign-ups.
    pub root: Fr,
    /// Differs for each slot, day, poll, relayer and sign-up.
    pub nullifier: Nullifier,
    /// That somebody under the root has this nullifier, and means this ballot.
    pub proof: JoinProof,
}

/// Why a line is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// It is no object with a ticket's fields.
    #[error("the first line is not a ticket")]
    Form,
    /// There is no such slot.
    #[error("a day has {SLOTS} slots, from 0")]
    Slot,
    /// The root or the nullifier is not below the modulus.
    #[error("the ticket's root or nullifier is not below the modulus")]
    NotCanonical,
    /// The proof is none, of whatever statement.
    #[error("the ticket's proof is not one: {0}")]
    Proof(#[from] JoinError),
}

/// As a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    kind: Kind,
    day: u64,
    slot: u8,
    root_index: u64,
    root: B256,
    nullifier: B256,
    proof: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Ticket,
}

impl Ticket {
    /// Makes a sign-up's ticket for a ballot. Another proof each time, with the same nullifier.
    ///
    /// # Errors
    /// [`Error::OnChain`] if the key has not signed up in time for the poll; [`Error::JoinKey`] if
    /// the proving key is bad: a proof under it could tell who votes, and stays here.
    pub fn make(
        prover: &Prover,
        key: &PrivateKey,
        sign_ups: &SignUps,
        relayer: &Relayer,
        slot: Slot,
        ballot: &BallotDigest,
    ) -> Result<Self, Error> {
        let path = sign_ups.path(&key.public_key()).ok_or_else(|| {
            let text = "the key is not among the sign-ups that the poll takes, as far as this node tells; a relayer takes ballots from those alone";
            Error::OnChain(text.into())
        })?;
        let internal =
            |error: &dyn std::error::Error| Error::Internal(format!("no proof: {error}"));
        let witness = Witness::new(key, path).map_err(|error| internal(&error))?;
        let statement = witness.statement(slot.scope(relayer), slot.binding(relayer, ballot));
        let proof = prover.prove(statement, &witness);
        let ticket = Ticket {
            slot,
            root_index: sign_ups.last().unwrap_or_default(),
            root: statement.root,
            nullifier: statement.nullifier,
            proof: proof.map_err(|error| internal(&error))?,
        };
        match ticket.verify(&prover.verifying_key(), relayer, ballot) {
            Ok(()) => Ok(ticket),
            Err(error) => Err(Error::JoinKey(format!(
                "the ticket's proof does not verify under its own key, so it was not sent ({error}); the proving key is bad, get another one"
            ))),
        }
    }

    /// What the proof has to be one for.
    pub fn statement(&self, relayer: &Relayer, ballot: &BallotDigest) -> JoinStatement {
        JoinStatement {
            root: self.root,
            nullifier: self.nullifier,
            scope: self.slot.scope(relayer),
            binding: self.slot.binding(relayer, ballot),
        }
    }

    /// Verifies that the ticket is one for this ballot. Whether the root is one of the MACI's, and the
    /// nullifier unused, is for whoever takes it to know.
    ///
    /// # Errors
    /// [`JoinError::Point`], [`JoinError::False`].
    pub fn verify(
        &self,
        key: &JoinKey,
        relayer: &Relayer,
        ballot: &BallotDigest,
    ) -> Result<(), JoinError> {
        join_proof::verify(key, &self.statement(relayer, ballot), &self.proof)
    }

    /// As a line, without its end.
    pub fn print(&self) -> String {
        let line = Line {
            kind: Kind::Ticket,
            day: self.slot.day,
            slot: self.slot.number,
            root_index: self.root_index,
            root: words::scalar(&self.root).into(),
            nullifier: words::scalar(&self.nullifier.0).into(),
            proof: hex::encode_prefixed(self.proof.to_bytes()),
        };
        serde_json::to_string(&line).expect("strings and numbers")
    }

    /// What a relayer is handed: this line, and below it the ballot's messages as a file of messages
    /// has them.
    pub fn print_with(&self, messages: &[SignedMessage]) -> String {
        let lines = messages.iter().map(SignedMessage::print);
        let lines = std::iter::once(self.print()).chain(lines);
        lines.map(|line| line + "\n").collect()
    }

    /// Reads a line, with or without its end.
    ///
    /// # Errors
    /// See [`TicketError`]; no text causes a panic.
    pub fn parse(line: &str) -> Result<Self, TicketError> {
        let line: Line = serde_json::from_str(line).map_err(|_| TicketError::Form)?;
        if line.slot >= SLOTS {
            return Err(TicketError::Slot);
        }
        let element = |word: B256| words::to_scalar(U256::from_be_bytes(word.0));
        let elements = (element(line.root), element(line.nullifier));
        let (Some(root), Some(nullifier)) = elements else {
            return Err(TicketError::NotCanonical);
        };
        let proof = hex::decode(&line.proof).map_err(|_| TicketError::Form)?;
        Ok(Ticket {
            slot: Slot {
                day: line.day,
                number: line.slot,
            },
            root_index: line.root_index,
            root,
            nullifier: Nullifier(nullifier),
            proof: JoinProof::from_bytes(&proof)?,
        })
    }
}

/// One of a day's tickets that are not among the used ones, at random; `None` if all are.
pub fn choose<R: RngCore + CryptoRng>(used: &[u8], rng: &mut R) -> Option<u8> {
    let unused: Vec<u8> = (0..SLOTS).filter(|slot| !used.contains(slot)).collect();
    let last = unused.len().checked_sub(1)?;
    // Of 2^64 numbers for at most sixteen.
    Some(unused[(rng.next_u64() % (last as u64 + 1)) as usize])
}

#[cfg(test)]
mod tests;
