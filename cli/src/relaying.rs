//! Having a relayer publish a ballot, or send a join, and seeing on the chain that it did.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_chain::clock::span;
use maci_nova_chain::{Observer, RpcUrl, Running, Stage};
use maci_nova_contracts::bindings::Poll;
use maci_nova_node::RpcChain;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::relay::BallotDigest;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::relay::document::{ballot_id, BallotDocument, JoinDocument, Stage as Place};
use maci_nova_sdk::relay::ticket::Ticket;
use maci_nova_sdk::relay::{used_tickets, watch};
use maci_nova_sdk::voter::join_proof::Prover;
use maci_nova_sdk::voter::sign_ups::SignUps;
use maci_nova_sdk::voter::{
    has_joined, join_key, joined_already, sign_up_file, JoinRequest, Joined,
};
use rand_core::OsRng;

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::key;
use crate::relayer::{RelayError, Relayer};

/// Between two questions.
const LOOK: Duration = Duration::from_secs(2);

/// What is refused for now is tried again for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest wait where blocks do not bound it, beyond the relayer's own.
const LONGEST: Duration = Duration::from_secs(600);

/// A relayer, and what ballots are relayed with.
pub struct Relay {
    relayer: Relayer,
    prover: Prover,
    sign_ups: SignUps,
    ticket_key_file: PathBuf,
}

impl Relay {
    /// Everything that does not depend on the ballot, and may take long: anchors age meanwhile.
    pub fn open(
        url: &RpcUrl,
        ticket_key_file: &Path,
        join_key: Option<&Path>,
        connection: &Connection,
        poll: &PollContract,
        console: &Console,
    ) -> Result<Self, Failure> {
        let relayer = Relayer::open(url, poll)?;
        let document = &relayer.document;
        if let (false, reason) = (document.takes, document.reason.as_deref()) {
            let reason = reason.unwrap_or("it does not say why");
            let text = format!("the relayer takes no ballots now: {reason}");
            return Err(RelayError::Ignored(text).into());
        }
        let (chain, maci) = (&connection.chain, poll.maci);
        let wanted = join_key::Wanted::of(chain, &connection.file, poll)?;
        let prover = join_key::open(join_key, connection.path(), &wanted)?;
        let own = sign_up_file::beside(ticket_key_file);
        let own = sign_up_file::read(&own, poll.chain_id, maci)?;
        let known: Vec<_> = connection.file.sign_ups.into_iter().chain(own).collect();
        let last = poll.info.settings.lastRoot.into();
        Ok(Relay {
            sign_ups: SignUps::read_knowing(chain, maci, last, &known, console)?,
            relayer,
            prover,
            ticket_key_file: ticket_key_file.to_owned(),
        })
    }

    /// Hands a ballot over and waits until the chain has it.
    pub fn ballot(
        &self,
        chain: &RpcChain,
        poll: &PollContract,
        messages: &[SignedMessage],
        console: &Console,
    ) -> Result<BallotDocument, Failure> {
        let relaying = Relaying {
            relay: self,
            poll,
            chain,
            console,
        };
        relaying.ballot(messages)
    }
}

/// A ballot on its way.
struct Relaying<'a> {
    relay: &'a Relay,
    poll: &'a PollContract,
    chain: &'a RpcChain,
    console: &'a Console,
}

impl Relaying<'_> {
    /// Hands a ballot over and waits until the chain has it, as this node shows it: the place of its
    /// first message. [`RelayError::Ignored`] if the chain does not have it in time.
    fn ballot(&self, messages: &[SignedMessage]) -> Result<BallotDocument, Failure> {
        let document = &self.relay.relayer.document;
        let most = document.most_messages;
        if messages.len() > most {
            return Err(RelayError::Unfit(format!(
                "the relayer takes ballots of at most {most} messages, and this one has {}",
                messages.len()
            ))
            .into());
        }
        let ballot = BallotDigest::of(messages.iter().map(|signed| &signed.message));
        let ticket = self.ticket(&ballot)?;
        let taken = again_for_now(
            self.console,
            "the relayer may have the ballot: status --messages tells whether the poll has it",
            || watch::is_late(self.chain, self.poll, messages),
            || self.relay.relayer.send(&ticket, messages),
        )?;
        self.console.note(format!(
            "the relayer has taken the ballot, and publishes it within about {}",
            span(document.wait)
        ));
        let progress = waiting(self.console);
        let there = self.wait(messages, taken);
        drop(progress);
        there
    }

    fn ticket(&self, ballot: &BallotDigest) -> Result<Ticket, Failure> {
        let (document, file) = (&self.relay.relayer.document, &self.relay.ticket_key_file);
        let key = key::read_file(file, self.console)?;
        let relayer = document.relayer();
        let path = used_tickets::beside(file);
        let slot = used_tickets::draw(&path, &relayer, document.day, &mut OsRng)?;
        let slot = slot.ok_or_else(|| {
            let text = "all tickets of this day are used: publish the ballot from an account, or wait for another day";
            RelayError::Unfit(text.into())
        })?;
        let progress = begin(self.console, "ticket");
        let ticket = Ticket::make(
            &self.relay.prover,
            &key,
            &self.relay.sign_ups,
            &relayer,
            slot,
            ballot,
        );
        drop(progress);
        Ok(ticket?)
    }

    fn wait(
        &self,
        messages: &[SignedMessage],
        taken: BallotDocument,
    ) -> Result<BallotDocument, Failure> {
        let begun = Instant::now();
        let longest = Duration::from_secs(self.relay.relayer.document.wait) + LONGEST;
        let id = taken.ballot;
        let mut known: Result<_, RelayError> = Ok(Some(taken));
        loop {
            let expired = match &known {
                Ok(Some(document)) => match watch::found(self.chain, self.poll, document, messages)
                {
                    Ok(Some(found)) => return Ok(found),
                    Ok(None) => document.state == Place::Expired,
                    Err(error) => {
                        self.console.note(error.to_string());
                        false
                    }
                },
                Ok(None) => false,
                Err(error) => {
                    self.console.note(error.to_string());
                    false
                }
            };
            let late =
                watch::is_late(self.chain, self.poll, messages) || begun.elapsed() >= longest;
            if expired || late {
                let text = "the relayer has taken the ballot and not published it in time";
                return Err(RelayError::Ignored(text.into()).into());
            }
            pause(
                self.console,
                "the relayer has the ballot, and may publish it",
            )?;
            known = self.relay.relayer.ballot(&id);
        }
    }
}

/// Where a relayer says that a ballot is.
pub fn state(
    relayer: &Relayer,
    messages: &[SignedMessage],
) -> Result<Option<BallotDocument>, Failure> {
    let ballot = BallotDigest::of(messages.iter().map(|signed| &signed.message));
    Ok(relayer.ballot(&ballot_id(&ballot))?)
}

/// Hands a join over and waits until the poll has it, as this node shows it.
pub fn join(
    relayer: &Relayer,
    chain: &RpcChain,
    request: &JoinRequest<'_>,
    call: &Poll::joinCall,
    console: &Console,
) -> Result<Joined, Failure> {
    const AGAIN: &str =
        "the relayer has the join; the same command again tells whether the poll has it";
    let (poll, begun) = (request.poll, Instant::now());
    let join = JoinDocument::from(call);
    let send = || relayer.send_join(&join);
    let interrupted =
        "the relayer may have the join: the same command again tells whether the poll has it";
    let taken = again_for_now(console, interrupted, || false, send)?;
    let mut known = Ok(Some(taken));
    console.note("the relayer has taken the join");
    let progress = waiting(console);
    loop {
        if let Ok(Some(document)) = &known {
            if document.state == Place::Expired {
                let text = "the poll refuses the join, says the relayer";
                return Err(RelayError::Unfit(text.into()).into());
            }
            // Anybody can join with the voter's poll key; the sign-up has to have been used.
            if document.state_index.is_some() && has_joined(chain, poll, request.key)? {
                drop(progress);
                return Ok(joined_already(chain, poll, request.poll_key, &())?);
            }
        }
        if begun.elapsed() >= LONGEST {
            return Err(RelayError::Ignored(AGAIN.into()).into());
        }
        pause(console, AGAIN)?;
        known = relayer.join(&join.nullifier);
    }
}

/// What is refused for now is tried again, as long as there is time to do without.
fn again_for_now<T>(
    console: &Console,
    interrupted: &'static str,
    is_late: impl Fn() -> bool,
    ask: impl Fn() -> Result<T, RelayError>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    loop {
        match ask() {
            Err(error) if error.is_for_now() && begun.elapsed() < PATIENCE && !is_late() => {
                console.note(format!("{error}; trying again"));
                pause(console, interrupted)?;
            }
            asked => return Ok(asked?),
        }
    }
}

fn waiting(observer: &dyn Observer) -> Running {
    begin(observer, "waiting for the relayer")
}

fn begin(observer: &dyn Observer, label: &'static str) -> Running {
    observer.begin(Stage::Timed { label })
}

fn pause(console: &Console, interrupted: &'static str) -> Result<(), Failure> {
    thread::sleep(LOOK);
    match console.interrupt.asked() {
        true => Err(Failure::Interrupted(interrupted)),
        false => Ok(()),
    }
}
