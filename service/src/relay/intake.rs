//! What is taken, and what is not: all that is looked at when somebody wants something relayed.
//!
//! Only what everybody can see decides. A relayer that knew which messages count, and left the others
//! out, would tell whoever watches which do.
//!
//! Nothing here waits for a node: what is known of the poll was read before, by
//! [`lookout`](super::lookout).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use maci_nova_contracts::alloy_primitives::{Address, B256, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::log::{MessageReader, SignedMessage};
use maci_nova_protocol::membership::{self, Binding, JoinStatement, Nullifier, Terms};
use maci_nova_protocol::message::Message;
use maci_nova_protocol::relay::{BallotDigest, Relayer, DAY, SLOTS};
use maci_nova_protocol::Fr;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::relay::document::{
    ballot_id, BallotDocument, JoinDocument, JoinedDocument, Refusal, RelayDocument, Stage,
};
use maci_nova_sdk::relay::ticket::Ticket;
use maci_nova_sdk::voter::join_proof::{self, JoinKey, JoinProof};
use maci_nova_sdk::voter::signing_window::Outlook;
use maci_nova_sdk::ErrorKind;

use super::journal::{Journal, Record, Written};
use super::queue::Queue;
use crate::metrics::{self as names, Metrics};
use crate::stop::lock;

/// Gas of a bundle, of each message in it, and of a join: rounded up from what benches measure.
pub(crate) const GAS_A_BUNDLE: u64 = 320_000;
pub(crate) const GAS_A_MESSAGE: u64 = 16_000;
pub(crate) const GAS_A_JOIN: u64 = 600_000;

/// Seconds after midnight in which tickets of the day before are taken.
const LATE: u64 = 600;

/// How much is taken, and when it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Messages that may wait.
    pub queue: usize,
    /// Joins that may wait.
    pub joins: usize,
    /// Gas a day.
    pub gas: u64,
    /// The most that the poll may ask for each message, in wei.
    pub fee: U256,
    /// Blocks for which a message has to be good.
    pub margin: u64,
    /// The longest time that a ballot waits for others.
    pub wait: Duration,
    /// What was read longer ago is not relied on.
    pub stale: Duration,
}

/// What waits, with what is asked for.
#[derive(Clone, Copy, Debug)]
struct Load {
    messages: usize,
    joins: usize,
    /// Messages that a bundle has room for.
    room: usize,
    /// Gas that was used today.
    spent: u64,
}

impl Limits {
    /// Whether there is room for all of it, and gas.
    fn check(&self, load: &Load) -> Result<(), Refusal> {
        if load.messages > self.queue || load.joins > self.joins {
            return Err(Refusal::Full);
        }
        let bundles = load.messages.div_ceil(load.room.max(1)) as u64;
        let planned = bundles * GAS_A_BUNDLE
            + load.messages as u64 * GAS_A_MESSAGE
            + load.joins as u64 * GAS_A_JOIN;
        match load.spent.saturating_add(planned) <= self.gas {
            true => Ok(()),
            false => Err(Refusal::Budget),
        }
    }
}

/// What never changes about a poll.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub poll: PollContract,
    /// What its join verifier has.
    pub join_key: JoinKey,
    /// Messages that a bundle has room for.
    pub room: usize,
    /// Voice credits of each who joins by the relayer's account; none if its joins are not taken.
    pub credits: Option<u64>,
}

/// What was seen of a poll at some time.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub at: Instant,
    /// Whether the poll takes messages, and will for long enough.
    pub open: Result<(), Refusal>,
    /// None of a poll without anchors.
    pub outlook: Option<Outlook>,
    /// Of recent blocks.
    pub anchors: BTreeMap<u64, Fr>,
    /// Of the last sign-ups that the poll takes, by their index.
    pub roots: HashMap<u64, Fr>,
}

/// A ballot that somebody wants published.
#[derive(Debug)]
pub(crate) struct Request {
    pub ticket: Ticket,
    pub messages: Vec<SignedMessage>,
}

/// One whose messages the poll may take, with its digest: hashing takes time, which nobody gets for
/// nothing.
#[derive(Debug)]
pub(crate) struct Formed {
    request: Request,
    ballot: BallotDigest,
}

impl Formed {
    /// What it is named by.
    pub(crate) fn id(&self) -> B256 {
        ballot_id(&self.ballot)
    }
}

/// Something that is taken, and when that is on disk.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Just now.
    Now(Written),
    /// Before, perhaps a moment before.
    Before(Written),
}

/// What has gone wrong, and was not over when it was last tried.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub kind: ErrorKind,
    pub text: String,
}

/// A poll's relayer, as whoever asks sees it.
#[derive(Debug)]
pub(crate) struct Intake {
    pub address: Address,
    pub chain_id: u64,
    /// The account that pays.
    pub account: Address,
    pub limits: Limits,
    pub metrics: Arc<Metrics>,
    pub facts: Mutex<Option<Arc<Facts>>>,
    pub sight: Mutex<Option<Arc<Sight>>>,
    pub queue: Mutex<Queue>,
    pub journal: Journal,
    /// Of the look at the chain, and of sending.
    pub troubles: [Mutex<Option<Trouble>>; 2],
}

impl Request {
    /// A ticket, and messages below it; of more than so many one more.
    pub(crate) fn parse(body: &[u8], most: usize) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| Refusal::Form)?;
        let (first, rest) = text.split_once('\n').ok_or(Refusal::Form)?;
        let ticket = Ticket::parse(first.trim_end()).map_err(|_| Refusal::Form)?;
        let messages: Result<Vec<SignedMessage>, _> = MessageReader::new(rest.as_bytes())
            .take(most + 1)
            .map(|line| line.map(|(_, message)| message))
            .collect();
        Ok(Request {
            ticket,
            messages: messages.map_err(|_| Refusal::Form)?,
        })
    }
}

impl Intake {
    /// Where tickets are used.
    pub(crate) fn relayer(&self) -> Relayer {
        Relayer {
            chain_id: self.chain_id,
            account: membership::Address(self.account.into()),
            poll: membership::Address(self.address.into()),
        }
    }

    /// What is done for the poll.
    pub(crate) fn document(&self, now: u64) -> RelayDocument {
        let facts = lock(&self.facts).clone();
        let takes = self.sight().map(|_| ());
        let takes = takes.and_then(|()| self.check_fee(facts.as_deref()));
        let options = facts.as_deref().map_or(0, Facts::most_messages);
        RelayDocument {
            chain_id: self.chain_id,
            poll: self.address,
            account: self.account,
            takes: takes.is_ok(),
            reason: takes.err().map(|refusal| refusal.words().into()),
            day: now / DAY,
            slots: SLOTS,
            most_messages: options,
            margin: self.limits.margin,
            wait: self.limits.wait.as_secs(),
            joins: facts.is_some_and(|facts| facts.credits.is_some()),
            queued: lock(&self.queue).messages(),
        }
    }

    /// Where a ballot is that was taken before.
    pub(crate) fn known(&self, formed: &Formed) -> Option<(BallotDocument, Taken)> {
        let known = self.ballot(&formed.id())?;
        Some((known, Taken::Before(self.journal.settle())))
    }

    /// Where a ballot is.
    pub(crate) fn ballot(&self, ballot: &B256) -> Option<BallotDocument> {
        lock(&self.queue).ballot(ballot)
    }

    /// Where a join is.
    pub(crate) fn join(&self, nullifier: &U256) -> Option<JoinedDocument> {
        lock(&self.queue).join(nullifier).cloned()
    }

    fn facts(&self) -> Result<Arc<Facts>, Refusal> {
        lock(&self.facts).clone().ok_or(Refusal::Node)
    }

    /// What is known of the poll now, if it takes messages.
    fn sight(&self) -> Result<Arc<Sight>, Refusal> {
        if self.journal.has_failed() {
            return Err(Refusal::Disk);
        }
        let sight = lock(&self.sight).clone().ok_or(Refusal::Node)?;
        if sight.at.elapsed() > self.limits.stale {
            return Err(Refusal::Node);
        }
        sight.open?;
        Ok(sight)
    }

    fn check_fee(&self, facts: Option<&Facts>) -> Result<(), Refusal> {
        match facts {
            Some(facts) if facts.poll.info.settings.messageFee > self.limits.fee => {
                Err(Refusal::Fee)
            }
            _ => Ok(()),
        }
    }

    /// Whether it is a ticket with messages that the poll may take.
    pub(crate) fn form(&self, body: &[u8]) -> Result<Formed, Refusal> {
        let most = self.facts()?.most_messages();
        let request = Request::parse(body, most)?;
        check_messages(&request.messages, most)?;
        let messages = request.messages.iter().map(|signed| &signed.message);
        Ok(Formed {
            ballot: BallotDigest::of(messages),
            request,
        })
    }

    /// Everything about a ballot but its proof.
    pub(crate) fn examine(&self, formed: &Formed, now: u64) -> Result<(), Refusal> {
        let request = &formed.request;
        let facts = self.facts()?;
        let sight = self.sight()?;
        self.check_fee(Some(&facts))?;
        for signed in &request.messages {
            self.check_anchor(&sight, signed)?;
        }
        let ticket = &request.ticket;
        if sight.roots.get(&ticket.root_index) != Some(&ticket.root) {
            return Err(Refusal::UnknownRoot);
        }
        check_day(ticket.slot.day, now)?;
        self.check_room(&lock(&self.queue), request, &facts, now)
    }

    /// The anchor has to be that of its block, and good for long enough.
    fn check_anchor(&self, sight: &Sight, signed: &SignedMessage) -> Result<(), Refusal> {
        let (block, anchor) = (signed.block_number, signed.message.anchor);
        let Some(outlook) = &sight.outlook else {
            return match (block, anchor == Fr::from(0)) {
                (0, true) => Ok(()),
                _ => Err(Refusal::Form),
            };
        };
        let present = outlook.window.present;
        if outlook.last(block) < present.saturating_add(self.limits.margin) {
            return Err(Refusal::TooOld);
        }
        match sight.anchors.get(&block) == Some(&anchor) {
            true => Ok(()),
            false => Err(Refusal::UnknownBlock),
        }
    }

    /// Whether the ticket is unused, and there is room and gas for one more.
    fn check_room(
        &self,
        queue: &Queue,
        request: &Request,
        facts: &Facts,
        now: u64,
    ) -> Result<(), Refusal> {
        let Ticket {
            slot, nullifier, ..
        } = &request.ticket;
        if queue.is_used(slot.day, &word(&nullifier.0)) {
            return Err(Refusal::Used);
        }
        self.limits.check(&Load {
            messages: queue.messages() + request.messages.len(),
            joins: queue.waiting_joins().len(),
            room: facts.room,
            spent: queue.spent(now),
        })
    }

    /// Whether the ticket is one for the ballot: milliseconds of work.
    pub(crate) fn verify(&self, formed: &Formed) -> Result<(), Refusal> {
        let facts = self.facts()?;
        let (ticket, relayer) = (&formed.request.ticket, self.relayer());
        let verified = ticket.verify(&facts.join_key, &relayer, &formed.ballot);
        verified.map_err(|_| Refusal::Proof)
    }

    /// Takes what was examined and verified. It is taken once that is on disk. The same ballot
    /// again is where it was.
    pub(crate) fn take(
        &self,
        formed: &Formed,
        now: u64,
    ) -> Result<(BallotDocument, Taken), Refusal> {
        let facts = self.facts()?;
        let (request, id) = (&formed.request, formed.id());
        let mut queue = lock(&self.queue);
        if let Some(known) = queue.ballot(&id) {
            return Ok((known, Taken::Before(self.journal.settle())));
        }
        // Others may have come meanwhile.
        self.check_room(&queue, request, &facts, now)?;
        let record = Record::Ballot {
            ballot: id,
            time: now,
            day: request.ticket.slot.day,
            nullifier: word(&request.ticket.nullifier.0),
            messages: request.messages.iter().map(SignedMessage::print).collect(),
        };
        let written = self.journal.add(&record);
        queue.apply(record).map_err(|_| Refusal::Form)?;
        let document = queue.ballot(&id).ok_or(Refusal::Unknown)?;
        Ok((document, Taken::Now(written)))
    }

    /// Everything about a join but its proof.
    pub(crate) fn examine_join(&self, join: &JoinDocument, now: u64) -> Result<(), Refusal> {
        let facts = self.facts()?;
        let sight = self.sight()?;
        let credits = facts.credits.ok_or(Refusal::NoJoins)?;
        let key = point(&join.poll_key).ok_or(Refusal::Form)?;
        if !key.is_on_curve() || join.min_credits > credits {
            return Err(Refusal::Form);
        }
        if !sight.roots.contains_key(&join.root_index) {
            return Err(Refusal::UnknownRoot);
        }
        let queue = lock(&self.queue);
        self.check_join_room(&queue, &facts, now)
    }

    fn check_join_room(&self, queue: &Queue, facts: &Facts, now: u64) -> Result<(), Refusal> {
        self.limits.check(&Load {
            messages: queue.messages(),
            joins: queue.waiting_joins().len() + 1,
            room: facts.room,
            spent: queue.spent(now),
        })
    }

    /// Whether the proof is one for the join by the relayer's account: milliseconds of work.
    pub(crate) fn verify_join(&self, join: &JoinDocument) -> Result<(), Refusal> {
        let (facts, sight) = (self.facts()?, self.sight()?);
        let root = sight.roots.get(&join.root_index);
        let root = *root.ok_or(Refusal::UnknownRoot)?;
        let nullifier = words::to_scalar(join.nullifier).ok_or(Refusal::Form)?;
        let relayer = self.relayer();
        let statement = JoinStatement {
            root,
            nullifier: Nullifier(nullifier),
            scope: facts.poll.scope(),
            binding: Binding::new(&Terms {
                chain_id: self.chain_id,
                poll: relayer.poll,
                poll_key: point(&join.poll_key).ok_or(Refusal::Form)?,
                sender: relayer.account,
                credit_data: &[],
                min_credits: join.min_credits,
            }),
        };
        let proof = JoinProof::from_words(&join.proof).map_err(|_| Refusal::Form)?;
        join_proof::verify(&facts.join_key, &statement, &proof).map_err(|_| Refusal::Proof)
    }

    /// Takes a join that was examined and verified. The same again is where it was, unless the poll
    /// has refused it.
    pub(crate) fn take_join(
        &self,
        join: &JoinDocument,
        now: u64,
    ) -> Result<(JoinedDocument, Taken), Refusal> {
        let facts = self.facts()?;
        let mut queue = lock(&self.queue);
        match queue.join(&join.nullifier) {
            Some(known)
                if known.state != Stage::Expired || queue.is_refused(&join.nullifier, now) =>
            {
                return Ok((known.clone(), Taken::Before(self.journal.settle())))
            }
            _ => {}
        }
        self.check_join_room(&queue, &facts, now)?;
        let record = Record::Join {
            nullifier: join.nullifier,
            time: now,
            calldata: Poll::joinCall::from(join).abi_encode().into(),
        };
        let written = self.journal.add(&record);
        queue.apply(record).map_err(|_| Refusal::Form)?;
        let document = queue.join(&join.nullifier).cloned();
        Ok((document.ok_or(Refusal::Unknown)?, Taken::Now(written)))
    }

    /// What has gone wrong, and was not over when it was last tried.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.troubles
            .iter()
            .find_map(|trouble| lock(trouble).clone())
    }

    /// Counts what was refused, or taken.
    pub(crate) fn count(&self, outcome: &'static str) {
        let poll = self.address.to_string();
        let counter = self
            .metrics
            .counter(&names::RELAY_REQUESTS, &[&poll, outcome]);
        counter.increment(1);
    }

    /// Shows how much waits.
    pub(crate) fn show(&self, now: u64) {
        let poll = self.address.to_string();
        let queue = lock(&self.queue);
        let gauge = |metric, value: f64| self.metrics.gauge(metric, &[&poll]).set(value);
        gauge(&names::RELAY_QUEUE, queue.messages() as f64);
        gauge(&names::RELAY_JOINS, queue.waiting_joins().len() as f64);
        gauge(&names::RELAY_GAS, queue.spent(now) as f64);
    }
}

impl Facts {
    /// One message for each option, and one at least; no more than a bundle has room for.
    pub(crate) fn most_messages(&self) -> usize {
        let options = self.poll.header().vote_options;
        usize::try_from(options)
            .unwrap_or(usize::MAX)
            .min(self.room)
    }
}

/// As many as a ballot has, each once, and with keys that the poll takes.
fn check_messages(messages: &[SignedMessage], most: usize) -> Result<(), Refusal> {
    if messages.is_empty() || messages.len() > most {
        return Err(Refusal::Size);
    }
    let is_on_curve = |signed: &SignedMessage| signed.message.encryption_key.is_on_curve();
    if !messages.iter().all(is_on_curve) {
        return Err(Refusal::Form);
    }
    let different: HashSet<&Message> = messages.iter().map(|signed| &signed.message).collect();
    match different.len() == messages.len() {
        true => Ok(()),
        false => Err(Refusal::Repeated),
    }
}

/// Today's, and for some minutes yesterday's.
fn check_day(day: u64, now: u64) -> Result<(), Refusal> {
    let today = now / DAY;
    match day == today || day.checked_add(1) == Some(today) && now % DAY < LATE {
        true => Ok(()),
        false => Err(Refusal::Day),
    }
}

fn word(element: &Fr) -> B256 {
    words::scalar(element).into()
}

fn point([x, y]: &[U256; 2]) -> Option<Point> {
    Some(Point {
        x: words::to_scalar(*x)?,
        y: words::to_scalar(*y)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_a_ticket() {
        let midnight = 20_000 * DAY;
        for (day, now, expected) in [
            (20_000, midnight, true),
            (20_000, midnight + DAY - 1, true),
            (19_999, midnight + LATE - 1, true),
            (19_999, midnight + LATE, false),
            (19_998, midnight, false),
            (20_001, midnight, false),
            (u64::MAX, midnight, false),
        ] {
            assert_eq!(check_day(day, now).is_ok(), expected, "{day} at {now}");
        }
    }

    #[test]
    fn what_there_is_room_and_gas_for() {
        let limits = Limits {
            queue: 150,
            joins: 2,
            gas: 4_000_000,
            fee: U256::ZERO,
            margin: 8,
            wait: Duration::from_secs(1),
            stale: Duration::from_secs(1),
        };
        let check = |messages, joins, spent| {
            let room = 100;
            limits.check(&Load {
                messages,
                joins,
                room,
                spent,
            })
        };
        // Two bundles with 150 messages are 3,040,000 gas.
        assert_eq!(check(150, 0, 960_000), Ok(()));
        assert_eq!(check(150, 0, 960_001), Err(Refusal::Budget));
        assert_eq!(check(100, 2, 880_000), Ok(()));
        assert_eq!(check(100, 2, 880_001), Err(Refusal::Budget));
        assert_eq!(check(1, 0, u64::MAX), Err(Refusal::Budget));
        assert_eq!(check(151, 0, 0), Err(Refusal::Full));
        assert_eq!(check(0, 3, 0), Err(Refusal::Full));
    }

    /// What is planned with is no less than what is used, nor much more.
    #[test]
    fn gas_as_it_is_measured() {
        let measured = include_str!("../../../contracts/gas.json");
        let measured: HashMap<String, u64> = serde_json::from_str(measured).expect("JSON");
        for (name, planned) in [
            ("publishBundle of 10", GAS_A_BUNDLE + 10 * GAS_A_MESSAGE),
            ("publishBundle of 100", GAS_A_BUNDLE + 100 * GAS_A_MESSAGE),
            ("join, the first", GAS_A_JOIN),
        ] {
            let used = measured[name];
            assert!((used..2 * used).contains(&planned), "{name}: {used}");
        }
    }

    #[test]
    fn what_is_no_request() {
        for body in [
            &b""[..],
            b"\n",
            b"{}\n{}\n",
            b"\xff\xff\n",
            b"{\"kind\":\"message\"}\n",
        ] {
            assert_eq!(Request::parse(body, 5).err(), Some(Refusal::Form));
        }
    }
}
