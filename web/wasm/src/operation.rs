//! What an engine can do, and what comes of it, as JSON.

use std::path::Path;

use maci_nova_chain::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_chain::{clock, Chain, Log, Receipt};
use maci_nova_contracts::bindings::MACI;
use maci_nova_contracts::words;
use maci_nova_protocol::keys::PublicKey;
use maci_nova_protocol::log::{MessageReader, SignedMessage};
use maci_nova_protocol::relay::{BallotDigest, Slot, SLOTS};
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys::{self, KeyPolicy};
use maci_nova_sdk::poll::known_root::KnownRoot;
use maci_nova_sdk::poll::status::{results, status, Placement};
use maci_nova_sdk::relay::document::{ballot_id, BallotDocument, JoinDocument, RelayDocument};
use maci_nova_sdk::relay::ticket::Ticket;
use maci_nova_sdk::relay::watch;
use maci_nova_sdk::verify::{verify, VerifyOptions};
use maci_nova_sdk::voter::ballot::{Ballot, Choice};
use maci_nova_sdk::voter::budget::Budget;
use maci_nova_sdk::voter::evidence::{CreditsSource, Evidence};
use maci_nova_sdk::voter::sign_ups::{self, SignUps};
use maci_nova_sdk::voter::signer::Signer;
use maci_nova_sdk::voter::signing_window::{can_be_repeated, Outlook, Window};
use maci_nova_sdk::voter::{
    find_joins, has_joined, join, joined_already, prepare_join, publish, require_open,
    require_room, sign_up, top_up, JoinRequest, Joined,
};
use maci_nova_sdk::Error;
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

use crate::keys::Handle;
use crate::outcome::Failure;
use crate::progress::Speaker;
use crate::rehearsal::Rehearsal;
use crate::shared::{OpenPoll, PollHandle, Shared, POLL_FILE};

/// What can be asked for. Amounts of wei and tokens are decimal strings, keys and polls numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    tag = "operation",
    deny_unknown_fields
)]
pub enum Operation {
    /// Opens the poll that a poll file names.
    Open {
        /// The file's text.
        poll_file: String,
    },
    /// Where a poll is.
    Status {
        /// The poll.
        poll: PollHandle,
    },
    /// What is known of a voter. Whether the key that signed up has joined is not asked: the question
    /// would tell the node which voter it is.
    Voter {
        /// The poll.
        poll: PollHandle,
        /// The key that signs up.
        #[serde(default)]
        key: Option<Handle>,
        /// The key in the poll.
        #[serde(default)]
        poll_key: Option<Handle>,
    },
    /// Signs a key up.
    SignUp {
        /// A poll of the MACI.
        poll: PollHandle,
        /// The key.
        key: Handle,
        /// What the gatekeeper wants.
        #[serde(default)]
        evidence: Bytes,
    },
    /// Joins a poll.
    Join(JoinOrder),
    /// Makes a join for a relayer to send.
    RelayedJoin {
        /// The join.
        join: JoinOrder,
        /// What the relayer says of itself.
        relayer: RelayDocument,
    },
    /// Signs a ballot.
    Ballot(BallotOrder),
    /// Publishes signed messages.
    Publish {
        /// The poll.
        poll: PollHandle,
        /// Lines of JSON.
        messages: String,
        /// The fee for a message that was agreed to, in wei.
        #[serde(default)]
        message_fee: U256,
    },
    /// Where signed messages are in the poll.
    Placement {
        /// The poll.
        poll: PollHandle,
        /// Lines of JSON.
        messages: String,
    },
    /// Makes what a relayer is handed.
    Ticket(TicketOrder),
    /// What the chain shows of a ballot that a relayer has.
    Relayed {
        /// The poll.
        poll: PollHandle,
        /// Lines of JSON.
        messages: String,
        /// What the relayer says of it, if it says anything.
        #[serde(default)]
        ballot: Option<BallotDocument>,
    },
    /// Buys credits.
    TopUp(TopUpOrder),
    /// What the contract has stored.
    Results {
        /// The poll.
        poll: PollHandle,
    },
    /// Checks a finalized poll from its chain alone.
    Verify {
        /// The poll.
        poll: PollHandle,
        /// The digest of the ceremony's keys.
        #[serde(default)]
        key_digest: Option<B256>,
    },
}

fn one() -> u16 {
    1
}

/// How to join.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinOrder {
    /// The poll.
    poll: PollHandle,
    /// The key that signed up.
    key: Handle,
    /// The first key in the poll.
    poll_key: Handle,
    /// The key's own sign-up, if it was kept.
    #[serde(default)]
    signed_up: Option<KnownRoot>,
    /// For the contract that gives credits.
    #[serde(default)]
    credit_data: Bytes,
    /// With fewer credits the poll refuses.
    #[serde(default)]
    min_credits: u64,
}

/// What a ballot says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BallotOrder {
    /// The poll.
    poll: PollHandle,
    /// The key that joined.
    poll_key: Handle,
    /// Options and weights.
    choices: Vec<ChoiceOrder>,
    /// The key that it changes to in the end.
    #[serde(default)]
    new_key: Option<Handle>,
    /// The voter, where several joined with the key.
    #[serde(default)]
    state_index: Option<u64>,
    /// The fewest messages.
    #[serde(default = "one")]
    at_least: u16,
}

/// What a relayer is handed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TicketOrder {
    /// The poll.
    poll: PollHandle,
    /// The key that signed up.
    key: Handle,
    /// The key's own sign-up, if it was kept.
    #[serde(default)]
    signed_up: Option<KnownRoot>,
    /// Lines of JSON.
    messages: String,
    /// What the relayer says of itself.
    relayer: RelayDocument,
    /// Which of the day's tickets: one that was not used.
    slot: u8,
}

/// Credits for a voter.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopUpOrder {
    /// The poll.
    poll: PollHandle,
    /// For whom.
    state_index: u64,
    /// How many.
    credits: u64,
    /// The fee that was agreed to, in wei.
    #[serde(default)]
    message_fee: U256,
    /// The tokens that were agreed to.
    tokens: U256,
}

/// An option and its weight.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChoiceOrder {
    option: u64,
    weight: i64,
}

type Result<T> = std::result::Result<T, Failure>;

/// Does what is asked for, as far as the chain's answers go.
pub fn run(operation: &Operation, chain: &mut Rehearsal, shared: &mut Shared) -> Result<Value> {
    match operation {
        Operation::Open { poll_file } => open(chain, shared, poll_file),
        Operation::Status { poll } => describe(chain, shared.poll(*poll)?),
        Operation::Voter {
            poll,
            key,
            poll_key,
        } => find_voter(chain, shared, *poll, *key, *poll_key),
        Operation::SignUp {
            poll,
            key,
            evidence,
        } => enrol(chain, shared, *poll, *key, evidence),
        Operation::Join(order) => join_poll(chain, shared, order),
        Operation::RelayedJoin { join, relayer } => make_join(chain, shared, join, relayer),
        Operation::Ballot(order) => sign(chain, shared, order),
        Operation::Publish {
            poll,
            messages,
            message_fee,
        } => send(chain, shared.poll(*poll)?, messages, *message_fee),
        Operation::Placement { poll, messages } => {
            let poll = &shared.poll(*poll)?.contract;
            let placement = Placement::find(chain, poll, &read(messages)?, &Speaker)?;
            value(&placement)
        }
        Operation::Ticket(order) => make_ticket(chain, shared, order),
        Operation::Relayed {
            poll,
            messages,
            ballot,
        } => look(chain, shared.poll(*poll)?, messages, ballot.as_ref()),
        Operation::TopUp(order) => buy(chain, shared.poll(order.poll)?, order),
        Operation::Results { poll } => value(&results(chain, &shared.poll(*poll)?.contract)?),
        Operation::Verify { poll, key_digest } => {
            check(chain, &shared.poll(*poll)?.contract, *key_digest)
        }
    }
}

fn value<T: Serialize>(document: &T) -> Result<Value> {
    serde_json::to_value(document).map_err(|error| Error::internal(error).into())
}

fn read(messages: &str) -> Result<Vec<SignedMessage>> {
    let lines = MessageReader::new(messages.as_bytes());
    let read: std::result::Result<Vec<_>, _> =
        lines.map(|line| line.map(|(_, signed)| signed)).collect();
    read.map_err(|error| Failure::request(format!("these are no signed messages: {error}")))
}

fn print(messages: &[SignedMessage]) -> String {
    messages
        .iter()
        .map(|signed| signed.print() + "\n")
        .collect()
}

fn open(chain: &Rehearsal, shared: &mut Shared, text: &str) -> Result<Value> {
    let path = Path::new(POLL_FILE);
    let file = PollFile::parse(text, path).map_err(Error::from)?;
    let contract = file.poll(path).map_err(Error::from)?;
    let found = chain.chain_id().map_err(on_chain("read the chain id"))?;
    if found != file.chain_id {
        return Err(Failure::request(format!(
            "the poll is on chain {}, and the node or wallet is on chain {found}",
            file.chain_id
        )));
    }
    let poll = PollContract::open(chain, &file, contract)?;
    let evidence = Evidence::of(chain, poll.maci.address)?;
    let credits = CreditsSource::of(chain, poll.info.settings.credits)?;
    let insecure = keys::insecure(chain, &file.contracts)?;
    let (start, end) = poll.times();
    let header = poll.header();
    let settings = &poll.info.settings;
    let coordinator = PublicKey::new(header.coordinator_key);
    let coordinator = coordinator.map_err(|error| poll.inconsistent(&error.to_string()))?;
    let facts = json!({
        "chainId": poll.chain_id,
        "poll": poll.address,
        "maci": poll.maci.address,
        "pollId": header.poll_id,
        "owner": poll.info.owner,
        "startTime": start,
        "endTime": end,
        "options": header.vote_options,
        "mode": header.mode.name(),
        "signedWithin": header.signed_within,
        "coordinatorKey": coordinator.to_serialized(),
        "messageFee": settings.messageFee.to_string(),
        "topUps": poll.has_top_ups().then(|| json!({
            "token": settings.topUpToken,
            "creditUnit": settings.creditUnit.to_string(),
        })),
        "evidence": evidence,
        "credits": credits,
        "joinKey": file.keys.map(|keys| keys.join),
        "metadata": file.metadata,
        "rpcUrl": file.rpc_url.as_ref().map(ToString::to_string),
        "insecure": insecure,
    });
    let handle = shared.keep(OpenPoll {
        file,
        contract: poll,
    });
    Ok(json!({ "poll": handle, "facts": facts }))
}

fn describe(chain: &Rehearsal, poll: &OpenPoll) -> Result<Value> {
    let poll = &poll.contract;
    let now = clock::now(chain).map_err(on_chain("read the newest block"))?;
    let status = status(chain, poll, now)?;
    let call = MACI::rootCountCall {};
    let sign_ups = maci_nova_chain::view(chain, poll.maci.address, &call);
    let sign_ups: U256 = sign_ups.map_err(on_chain("read the sign-ups"))?;
    let is_open = matches!(status.state, "pending" | "open");
    let window = match poll.header().has_anchors() && is_open {
        true => Some(window(chain, poll)?),
        false => None,
    };
    let mut document = value(&status)?;
    document["signUps"] = json!(sign_ups.saturating_to::<u64>());
    document["window"] = value(&window)?;
    Ok(document)
}

/// Until when others can send again what has been sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Repeats {
    /// The present block, as contracts count.
    present: u64,
    /// The oldest block whose anchor the next block takes.
    oldest: u64,
    /// The last block, as far as can be told, that takes what was signed until now.
    last: u64,
    /// About how many seconds until then.
    seconds: u64,
    /// Whether the poll has a message that could be sent again.
    possible: bool,
    /// Whether a ballot after that block can still stand.
    followed: bool,
}

fn window(chain: &Rehearsal, poll: &PollContract) -> Result<Repeats> {
    let outlook = Outlook::now(chain, poll)?;
    let last = outlook.last(outlook.window.present);
    let blocks = last.saturating_sub(outlook.window.present);
    Ok(Repeats {
        present: outlook.window.present,
        oldest: outlook.window.oldest(),
        last,
        seconds: outlook.seconds_of(blocks),
        possible: can_be_repeated(chain, poll, &outlook)?,
        followed: outlook.is_followed(last),
    })
}

fn find_voter(
    chain: &Rehearsal,
    shared: &Shared,
    poll: PollHandle,
    key: Option<Handle>,
    poll_key: Option<Handle>,
) -> Result<Value> {
    let poll = &shared.poll(poll)?.contract;
    let signed_up = match key {
        Some(key) => sign_ups::find(chain, poll.maci, &shared.keys.public(key)?, &Speaker)?,
        None => None,
    };
    let in_time = signed_up.map(|root| root.index <= poll.info.settings.lastRoot.into());
    let joins = match poll_key {
        Some(key) => find_joins(chain, poll, &shared.keys.public(key)?, &Speaker)?,
        None => Vec::new(),
    };
    let joins: Vec<Value> = joins.into_iter().map(joined_document).collect();
    Ok(json!({ "signedUp": signed_up, "inTime": in_time, "joins": joins }))
}

fn joined_document(joined: Joined) -> Value {
    json!({ "stateIndex": joined.state_index, "credits": joined.credits })
}

fn enrol(
    chain: &mut Rehearsal,
    shared: &Shared,
    poll: PollHandle,
    key: Handle,
    evidence: &Bytes,
) -> Result<Value> {
    let maci = shared.poll(poll)?.contract.maci;
    let key = shared.keys.public(key)?;
    // What was sent here is not looked up again.
    let [x, y] = [&key.point().x, &key.point().y].map(words::scalar);
    let logs = chain.receipts().flat_map(|receipt| &receipt.logs);
    let sent = logs
        .filter(|log| log.address == maci.address)
        .filter_map(Log::decode::<MACI::SignUp>)
        .find(|event| (event.x, event.y) == (x, y));
    let found = match sent {
        Some(event) => Some(KnownRoot {
            index: event.index.saturating_to(),
            root: event.root.into(),
        }),
        None => sign_ups::find(chain, maci, &key, &Speaker)?,
    };
    let root = match found {
        Some(root) => root,
        None => {
            let from = account(chain)?;
            sign_up(chain, from, maci, &key, evidence.clone())?.root
        }
    };
    Ok(json!({ "signedUp": root, "gas": gas(chain) }))
}

fn account(chain: &Rehearsal) -> Result<Address> {
    let account = chain.accounts().first().copied();
    account.ok_or_else(|| Failure::request("there is no account to send from: connect a wallet"))
}

/// Of what was sent for this operation; none if nothing was.
fn gas(chain: &Rehearsal) -> Option<u64> {
    let all: Vec<u64> = chain.receipts().map(|receipt| receipt.gas_used).collect();
    (!all.is_empty()).then(|| all.iter().sum())
}

/// The request that an order is.
fn with_request<T>(
    shared: &Shared,
    order: &JoinOrder,
    act: impl FnOnce(&JoinRequest<'_>) -> Result<T>,
) -> Result<T> {
    let OpenPoll { file, contract } = shared.poll(order.poll)?;
    let known: Vec<KnownRoot> = file.sign_ups.into_iter().collect();
    act(&JoinRequest {
        poll: contract,
        signed_up: order.signed_up,
        known: &known,
        prover: shared.prover_of(file)?,
        key: shared.keys.get(order.key)?,
        poll_key: &shared.keys.public(order.poll_key)?,
        credit_data: &order.credit_data,
        min_credits: order.min_credits,
    })
}

fn join_poll(chain: &mut Rehearsal, shared: &Shared, order: &JoinOrder) -> Result<Value> {
    with_request(shared, order, |request| {
        let poll = request.poll;
        let sent: Vec<Receipt> = chain.receipts().cloned().collect();
        let joined = sent
            .iter()
            .find_map(|receipt| poll.joined_in(receipt, request.poll_key));
        let joined = match joined {
            // Another proof is another transaction: this one is not made again.
            Some(joined) => joined?,
            None if !sent.is_empty() => {
                let text = "the transaction went through without the poll's event of the join";
                return Err(poll.inconsistent(text).into());
            }
            None if has_joined(chain, poll, request.key)? => {
                joined_already(chain, poll, request.poll_key, &Speaker)?
            }
            None => {
                let from = account(chain)?;
                join(chain, from, request, &Speaker)?
            }
        };
        let mut document = joined_document(joined);
        document["gas"] = json!(gas(chain));
        Ok(document)
    })
}

fn make_join(
    chain: &Rehearsal,
    shared: &Shared,
    order: &JoinOrder,
    relayer: &RelayDocument,
) -> Result<Value> {
    with_request(shared, order, |request| {
        let relayer = relayer.clone().checked(request.poll);
        let relayer = relayer.map_err(Failure::request)?;
        // Not by the nullifier, which would tell the node who joins.
        let joined = find_joins(chain, request.poll, request.poll_key, &Speaker)?;
        if let Some(joined) = joined.first() {
            return Ok(json!({ "joined": joined_document(*joined) }));
        }
        let call = prepare_join(chain, relayer.account, request, &Speaker)?;
        let join = JoinDocument::from(&call);
        Ok(json!({ "nullifier": join.nullifier, "join": join }))
    })
}

fn sign(chain: &Rehearsal, shared: &Shared, order: &BallotOrder) -> Result<Value> {
    let BallotOrder {
        poll,
        poll_key,
        choices,
        new_key,
        state_index,
        at_least,
    } = order;
    let poll = &shared.poll(*poll)?.contract;
    let key = shared.keys.get(*poll_key)?;
    let choices: Vec<Choice> = choices
        .iter()
        .map(|&ChoiceOrder { option, weight }| Choice { option, weight })
        .collect();
    let signer = Signer {
        key: &key.public_key(),
        state_index: *state_index,
        first_nonce: 1,
        before_key_change: false,
    };
    let joined = signer.find(chain, poll, &Speaker)?;
    let ballot = Ballot {
        header: poll.header(),
        state_index: joined.state_index,
        key,
        choices: &choices,
        new_key: new_key.map(|key| shared.keys.public(key)).transpose()?,
        first_nonce: 1,
        at_least: *at_least,
    };
    ballot.check_votes().map_err(Error::from)?;
    let missing = ballot.missing(joined.credits, poll.has_top_ups());
    let missing = missing.map_err(Error::from)?;
    require_open(chain, poll)?;
    require_room(chain, poll, ballot.nonces().len())?;
    let outlook = match poll.header().has_anchors() {
        true => Some(Outlook::now(chain, poll)?),
        false => None,
    };
    let anchor = Window::newest(chain, poll)?;
    let messages = ballot.messages(&anchor).map_err(Error::from)?;
    let digest = BallotDigest::of(messages.iter().map(|signed| &signed.message));
    Ok(json!({
        "ballot": ballot_id(&digest),
        "messages": print(&messages),
        "count": messages.len(),
        "stateIndex": joined.state_index,
        "credits": joined.credits,
        "cost": ballot.cost().to_string(),
        "missing": missing.to_string(),
        "signedAfter": poll.header().has_anchors().then_some(anchor.block_number),
        "publishUntil": outlook.map(|outlook| outlook.last(anchor.block_number)),
    }))
}

fn send(chain: &mut Rehearsal, poll: &OpenPoll, messages: &str, fee: U256) -> Result<Value> {
    let messages = read(messages)?;
    let from = account(chain)?;
    let budget = Budget {
        message_fee: fee,
        tokens: U256::ZERO,
    };
    let published = publish(chain, from, &poll.contract, &messages, &budget, &Speaker)?;
    Ok(json!({
        "first": published.first,
        "count": messages.len(),
        "gas": gas(chain),
    }))
}

fn make_ticket(chain: &Rehearsal, shared: &Shared, order: &TicketOrder) -> Result<Value> {
    let TicketOrder {
        poll,
        key,
        signed_up,
        messages,
        relayer,
        slot: number,
    } = order;
    let OpenPoll {
        file,
        contract: poll,
    } = shared.poll(*poll)?;
    let relayer = relayer.clone().checked(poll).map_err(Failure::request)?;
    let messages = read(messages)?;
    if messages.len() > relayer.most_messages {
        return Err(Failure::request(format!(
            "the relayer takes ballots of at most {} messages, and this one has {}",
            relayer.most_messages,
            messages.len()
        )));
    }
    let prover = shared.prover_of(file)?;
    let known: Vec<KnownRoot> = file.sign_ups.into_iter().chain(*signed_up).collect();
    let last = poll.info.settings.lastRoot.into();
    let sign_ups = SignUps::read_knowing(chain, poll.maci, last, &known, &Speaker)?;
    let number = *number;
    if number >= SLOTS {
        return Err(Failure::request(format!(
            "a day has {SLOTS} tickets, from 0"
        )));
    }
    let slot = Slot {
        day: relayer.day,
        number,
    };
    let ballot = BallotDigest::of(messages.iter().map(|signed| &signed.message));
    let key = shared.keys.get(*key)?;
    let ticket = Ticket::make(prover, key, &sign_ups, &relayer.relayer(), slot, &ballot)?;
    Ok(json!({
        "ballot": ballot_id(&ballot),
        "body": ticket.print_with(&messages),
        "day": slot.day,
        "slot": slot.number,
    }))
}

fn look(
    chain: &Rehearsal,
    poll: &OpenPoll,
    messages: &str,
    ballot: Option<&BallotDocument>,
) -> Result<Value> {
    let poll = &poll.contract;
    let messages = read(messages)?;
    let found = match ballot {
        Some(ballot) => watch::found(chain, poll, ballot, &messages)?,
        None => None,
    };
    let late = watch::is_late(chain, poll, &messages);
    Ok(json!({ "found": found, "late": late }))
}

fn buy(chain: &mut Rehearsal, poll: &OpenPoll, order: &TopUpOrder) -> Result<Value> {
    let TopUpOrder {
        state_index,
        credits,
        message_fee,
        tokens,
        ..
    } = order;
    let from = account(chain)?;
    let budget = Budget {
        message_fee: *message_fee,
        tokens: *tokens,
    };
    let (poll, index) = (&poll.contract, *state_index);
    let topped = top_up(chain, from, poll, index, *credits, &budget, &Speaker)?;
    Ok(json!({
        "index": topped.index,
        "credits": topped.credits,
        "tokens": topped.tokens.to_string(),
        "gas": gas(chain),
    }))
}

fn check(chain: &Rehearsal, poll: &PollContract, digest: Option<B256>) -> Result<Value> {
    let options = VerifyOptions {
        keys: KeyPolicy {
            production: false,
            digest,
        },
        proof: None,
    };
    let verified = verify(chain, poll, &options, &Speaker)?;
    let results = results(chain, poll)?;
    let mut document = value(&results)?;
    document["voters"] = json!(verified.voters);
    document["messages"] = json!(verified.messages);
    document["verifier"] = json!(verified.verifier);
    document["insecure"] = json!(verified.insecure);
    document["keyDigest"] = json!(verified.key_digest);
    document["unknownGatekeeper"] = json!(verified.unknown.gatekeeper);
    document["unknownCredits"] = json!(verified.unknown.credits);
    document["transaction"] = json!(verified.transaction);
    document["block"] = json!(verified.block);
    Ok(document)
}
