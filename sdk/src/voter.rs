//! What a voter does on a chain: sign up, join a poll, publish messages, top up.

pub mod anchor;
pub mod ballot;
pub mod budget;
pub mod evidence;
#[cfg(feature = "files")]
pub mod join_key;
pub mod join_proof;
#[cfg(feature = "files")]
pub mod messages_file;
pub mod price;
#[cfg(feature = "files")]
pub mod sign_up_file;
pub mod sign_ups;
pub mod signer;
pub mod signing_window;

use std::collections::HashMap;

use crate::voter::join_proof::{JoinProof, JoinStatement, Prover};
use maci_nova_chain::clock::duration;
use maci_nova_chain::words::count;
use maci_nova_chain::{self as chain, Chain, ChainError, Log, Receipt};
use maci_nova_chain::{clock, Contract, Observer, Stage};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::{SolCall, SolEvent};
use maci_nova_contracts::bindings::{Poll, SampleToken, VotesInitialVoiceCreditProxy, MACI};
use maci_nova_contracts::poll::PollState;
use maci_nova_contracts::words;
use maci_nova_protocol::keys::{PrivateKey, PublicKey};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::membership::{self, Binding, Nullifier, Terms, Witness};
use maci_nova_protocol::message::{Message, AMOUNT_BITS};
use zeroize::Zeroizing;

use crate::error::{on_chain, reading, Error};
use crate::hint::Hint;
use crate::kind::ErrorKind;
use crate::poll::contract::{poll_key, view, PollContract};
use crate::poll::known_root::KnownRoot;
use crate::poll::status::Placement;
use crate::voter::anchor::Anchor;
use crate::voter::ballot::Draft;
use crate::voter::budget::Budget;
use crate::voter::sign_ups::SignUps;
use crate::voter::signing_window::{is_refused, Outlook, Window};

/// Messages of one transaction: with 250,000 gas each, less than half of what a transaction may
/// take.
pub const BATCH: usize = 25;

/// How often messages are signed, if the contract refuses their anchor each time.
const SIGNINGS: u32 = 5;

/// A key that has signed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedUp {
    /// Its index among all sign-ups, from 0, and the root that it led to: what to keep, for
    /// [`JoinRequest::signed_up`].
    pub root: KnownRoot,
    /// Gas of the transaction; none was sent if the key had signed up before.
    pub gas: Option<u64>,
}

/// Everything that a join depends on.
#[derive(Debug)]
pub struct JoinRequest<'a> {
    /// The poll.
    pub poll: &'a PollContract,
    /// The key's own sign-up, if it was kept: the tree of sign-ups must have it in its place.
    pub signed_up: Option<KnownRoot>,
    /// Other roots that the tree must have had: the poll file's, and the newest one that another
    /// node tells.
    pub known: &'a [KnownRoot],
    /// What makes the proof, under the key that the poll's verifier was deployed with.
    pub prover: &'a Prover,
    /// The key that has signed up.
    pub key: &'a PrivateKey,
    /// The voter's first key in the poll.
    pub poll_key: &'a PublicKey,
    /// Passed on to the contract that gives credits.
    pub credit_data: &'a Bytes,
    /// With fewer the poll refuses, so that the one join of a sign-up is not used up for less. At
    /// least 1 in a poll without top-ups, where who has none can never vote.
    pub min_credits: u64,
}

/// A voter in a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Their index, from 1.
    pub state_index: u64,
    /// Their voice credits, without top-ups.
    pub credits: u64,
    /// Gas of the transaction; none was sent if they had joined before.
    pub gas: Option<u64>,
}

/// Messages in the poll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Place of the first one in the poll's message chain, from 0. The others follow,
    /// unless there were several transactions and somebody else's came between.
    pub first: u64,
    /// How many were sent.
    pub count: u64,
    /// How many were in the poll before, so that they were not sent.
    pub already: u64,
    /// Fees that the poll took, in wei.
    pub fees: U256,
    /// Gas of all transactions.
    pub gas: u64,
}

/// A top-up in the poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToppedUp {
    /// Its place in the poll's message chain, from 0.
    pub index: u64,
    /// Voice credits that it added.
    pub credits: u64,
    /// Tokens that were paid, in their smallest unit.
    pub tokens: U256,
    /// The fee that the poll took, in wei.
    pub fee: U256,
    /// Gas of the transaction, and of approvals before it.
    pub gas: u64,
}

/// Signs a key up, unless it has signed up already.
///
/// # Errors
/// [`Error::Chain`]: also when the gatekeeper refuses.
pub fn sign_up<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    maci: Contract,
    key: &PublicKey,
    gatekeeper_data: Bytes,
) -> Result<SignedUp, Error> {
    let what = "sign up";
    let [x, y] = [&key.point().x, &key.point().y].map(words::scalar);
    let call = MACI::signUpCall {
        key: MACI::PublicKey { x, y },
        gatekeeperData: gatekeeper_data,
    };
    let receipt = match chain::send(chain, from, maci.address, &call, U256::ZERO) {
        Err(error) if is_signed_up(&error) => {
            let root = sign_ups::find(chain, maci, key, &())?;
            let root = root.ok_or_else(|| on_chain(what)(error))?;
            return Ok(SignedUp { root, gas: None });
        }
        sent => sent.map_err(on_chain(what))?,
    };
    let event: MACI::SignUp = event(&receipt, maci.address)?;
    Ok(SignedUp {
        root: KnownRoot {
            index: number(event.index)?,
            root: event.root.into(),
        },
        gas: Some(receipt.gas_used),
    })
}

fn is_signed_up(error: &ChainError) -> bool {
    matches!(error.revert(), Some(MACI::MACIErrors::LeafAlreadyExists(_)))
}

/// Whether a key that has signed up has joined the poll, under whatever key.
pub fn has_joined<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    key: &PrivateKey,
) -> Result<bool, Error> {
    let secret = Zeroizing::new(key.secret_scalar());
    let Nullifier(nullifier) = Nullifier::new(&secret, &poll.scope());
    let nullifier = words::scalar(&nullifier);
    poll.ask(chain, &Poll::nullifierUsedCall { nullifier })
}

/// Joins a poll, unless the key has joined it already under the same poll key.
///
/// # Errors
/// [`Error::Request`] if both keys are the same; [`Error::OnChain`] if the key has not signed up,
/// has joined under another poll key, or would get too few credits; [`Error::JoinKey`] for a bad
/// proving key; [`Error::Chain`].
pub fn join<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    request: &JoinRequest<'_>,
    observer: &dyn Observer,
) -> Result<Joined, Error> {
    let poll = request.poll;
    require_another_key(request)?;
    if has_joined(chain, poll, request.key)? {
        return joined_already(chain, poll, request.poll_key, observer);
    }
    let call = prepare_join(chain, from, request, observer)?;
    let receipt = match chain::send(chain, from, poll.address, &call, U256::ZERO) {
        // An earlier command's, which was in no block when this one looked.
        Err(ChainError::Earlier(_)) if has_joined(chain, poll, request.key)? => {
            return joined_already(chain, poll, request.poll_key, observer)
        }
        sent => sent.map_err(on_chain("join the poll"))?,
    };
    let event: Poll::Join = event(&receipt, poll.address)?;
    let joined = Joined {
        gas: Some(receipt.gas_used),
        ..voter(&event)?
    };
    match joined.credits < request.least_credits() {
        true => Err(poll.inconsistent("it gave fewer voice credits than the join asked for")),
        false => Ok(joined),
    }
}

/// The call with which `from` joins a poll for whoever has the keys: somebody else's account, if it
/// pays for joins. Whether the key has joined already is not looked at.
///
/// # Errors
/// As for [`join`].
pub fn prepare_join<C: Chain + ?Sized>(
    chain: &C,
    from: Address,
    request: &JoinRequest<'_>,
    observer: &dyn Observer,
) -> Result<Poll::joinCall, Error> {
    require_another_key(request)?;
    require_open(chain, request.poll)?;
    require_credits(chain, from, request)?;
    let sign_ups = sign_ups(chain, request, observer)?;
    let (statement, proof) = prove(request, from, &sign_ups, observer)?;
    Ok(Poll::joinCall {
        nullifier: words::scalar(&statement.nullifier.0),
        rootIndex: U256::from(sign_ups.last().unwrap_or_default()),
        pollKey: poll_key(&request.poll_key.point()),
        proof: proof.words(),
        creditData: request.credit_data.clone(),
        minCredits: U256::from(request.least_credits()),
    })
}

fn require_another_key(request: &JoinRequest<'_>) -> Result<(), Error> {
    if request.key.public_key() == *request.poll_key {
        let text = "the key in the poll has to be another one than the key that has signed up: the same would show who joins";
        return Err(Error::Request(text.into()));
    }
    Ok(())
}

impl JoinRequest<'_> {
    fn least_credits(&self) -> u64 {
        match self.poll.has_top_ups() {
            true => self.min_credits,
            false => self.min_credits.max(1),
        }
    }
}

/// Refuses, before a proof is made, what the contract would refuse. Where its credits can only be
/// asked for by the poll itself, the contract decides.
fn require_credits<C: Chain + ?Sized>(
    chain: &C,
    from: Address,
    request: &JoinRequest<'_>,
) -> Result<(), Error> {
    let call = VotesInitialVoiceCreditProxy::getVoiceCreditsCall {
        account: from,
        data: request.credit_data.clone(),
    };
    let credits = match chain::view(chain, request.poll.info.settings.credits, &call) {
        Ok(credits) => credits,
        Err(ChainError::Reverted { .. } | ChainError::Halted(_) | ChainError::Answer(_)) => {
            return Ok(())
        }
        Err(error) => return Err(on_chain("read the voice credits")(error)),
    };
    let least = request.least_credits();
    if credits >= U256::from(least) {
        return Ok(());
    }
    let text = format!(
        "account {from} would join with {credits} voice credits, and the least asked for is {least}: a sign-up joins a poll once, so nothing was sent"
    );
    let error = request.poll.inconsistent(&text);
    Err(match request.min_credits == least {
        true => error.with_hint(Hint::MinCredits),
        false => error,
    })
}

/// The tree of sign-ups, with everything that is known of it.
fn sign_ups<C: Chain + ?Sized>(
    chain: &C,
    request: &JoinRequest<'_>,
    observer: &dyn Observer,
) -> Result<SignUps, Error> {
    let maci = request.poll.maci;
    let last = request.poll.info.settings.lastRoot.into();
    let known: Vec<_> = request
        .known
        .iter()
        .chain(&request.signed_up)
        .copied()
        .collect();
    let sign_ups = SignUps::read_knowing(chain, maci, last, &known, observer)?;
    let position = sign_ups.position(&request.key.public_key());
    match request.signed_up {
        Some(own) if position != Some(own.index) => {
            Err(sign_ups::contradicted(maci, "your sign-up"))
        }
        _ => Ok(sign_ups),
    }
}

impl PollContract {
    /// The voter who joined with a key in a transaction; none if nobody did. The transaction may be
    /// that of several people.
    pub fn joined_in(&self, receipt: &Receipt, key: &PublicKey) -> Option<Result<Joined, Error>> {
        let [x, y] = [&key.point().x, &key.point().y].map(words::scalar);
        let logs = receipt.logs.iter();
        let event = logs
            .filter(|log| log.address == self.address)
            .filter_map(Log::decode::<Poll::Join>)
            .find(|event| (event.x, event.y) == (x, y))?;
        let gas = Some(receipt.gas_used);
        Some(voter(&event).map(|joined| Joined { gas, ..joined }))
    }
}

/// The voter who has joined with this poll key, where the key that has signed up has.
///
/// # Errors
/// [`Error::OnChain`] if it was another poll key; [`Error::Chain`].
pub fn joined_already<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    poll_key: &PublicKey,
    observer: &dyn Observer,
) -> Result<Joined, Error> {
    let joined = find_join(chain, poll, poll_key, observer)?;
    joined.ok_or_else(|| {
        poll.inconsistent("the key has joined already, under another poll key than this one; give the poll key that it joined with")
    })
}

/// Proves that the key has signed up, for this poll key and sender. What is returned verifies: a
/// proof that does not, under a key that somebody else made, could tell who joins, and stays here.
fn prove(
    request: &JoinRequest<'_>,
    from: Address,
    sign_ups: &SignUps,
    observer: &dyn Observer,
) -> Result<(JoinStatement, JoinProof), Error> {
    let key = request.key.public_key();
    let path = sign_ups.path(&key).ok_or_else(|| {
        let maci = request.poll.maci.address;
        match sign_ups.position(&key) {
            Some(index) => Error::OnChain(format!(
                "the key signed up too late for this poll: with index {index}, and the last that may join is {}",
                request.poll.info.settings.lastRoot
            )),
            None => Error::OnChain(format!(
                "the key has not signed up at MACI {maci}, as far as this node tells"
            ))
            .with_hint(Hint::SignUp),
        }
    })?;
    let internal = |error: &dyn std::error::Error| Error::Internal(format!("no proof: {error}"));
    let witness = Witness::new(request.key, path).map_err(|error| internal(&error))?;
    let statement = witness.statement(request.poll.scope(), binding(request, from));
    let progress = observer.begin(Stage::Timed {
        label: "join proof",
    });
    let proof = request.prover.prove(statement, &witness);
    drop(progress);
    let proof = proof.map_err(|error| internal(&error))?;
    match join_proof::verify(&request.prover.verifying_key(), &statement, &proof) {
        Ok(()) => Ok((statement, proof)),
        Err(error) => Err(Error::JoinKey(format!(
            "the join proof does not verify under its own key, so it was not sent ({error}); the proving key is bad, get another one"
        ))),
    }
}

fn binding(request: &JoinRequest<'_>, from: Address) -> Binding {
    Binding::new(&Terms {
        chain_id: request.poll.chain_id,
        poll: membership::Address(request.poll.address.into()),
        poll_key: request.poll_key.point(),
        sender: membership::Address(from.into()),
        credit_data: request.credit_data,
        min_credits: request.least_credits(),
    })
}

/// Signs and publishes a ballot in its order, [`BATCH`] messages in a transaction: each
/// transaction's are signed just before it is sent, after the one before is in a block. Where the
/// contract refuses the anchor, because the transaction waited too long or a block was replaced,
/// they are signed and sent again. Whether the ballot can count is what
/// [`Signer::find`](signer::Signer::find) and [`Ballot::missing`](ballot::Ballot::missing) tell.
///
/// # Errors
/// [`Error::Price`] if the poll's fee is more than the budget, before anything is sent;
/// [`Error::Request`] without a message; [`Error::OnChain`] if the poll is over, [`Error::NotNow`]
/// before its start; [`Error::Chain`].
pub fn cast<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    drafts: &[Draft],
    budget: &Budget,
    observer: &dyn Observer,
) -> Result<Published, Error> {
    require_some(drafts.len())?;
    require_open(chain, poll)?;
    require_room(chain, poll, drafts.len())?;
    budget.for_messages(poll, drafts.len(), observer)?;
    let mut published = Published::default();
    for batch in drafts.chunks(BATCH) {
        let what = published.describe(batch.len(), drafts.len());
        let receipt = sign_and_send(chain, from, poll, batch, &what)
            .map_err(|error| published.stopped(drafts.len(), error))?;
        published.add_batch(poll, batch.len(), &receipt)?;
    }
    Ok(published)
}

fn sign_and_send<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    drafts: &[Draft],
    what: &str,
) -> Result<Receipt, Error> {
    let mut waiting = None;
    for _ in 0..SIGNINGS {
        let sent = match sign(chain, poll, drafts) {
            Ok((anchor, messages, last_block)) => {
                let wait = last_block.map(|last_block| Wait {
                    last_block,
                    replaces: waiting,
                });
                send_batch(chain, from, poll, &messages, &anchor, wait)
            }
            Err(failure) => return Err(after(waiting, failure, what)),
        };
        match sent {
            Err(ChainError::Overdue { transaction }) => waiting = Some(transaction),
            Err(error) if is_refused(&error) => waiting = None,
            sent => return sent.map_err(on_chain(what)),
        }
    }
    let text = "its messages were too late each time; the chain is busy, or its clock or this machine's is wrong";
    Err(after(waiting, Error::NotNow(text.into()), what))
}

/// How long a transaction is waited for.
struct Wait {
    last_block: u64,
    /// The one that it takes the place of.
    replaces: Option<B256>,
}

/// Signs for the newest anchor; also the block after which it is no use to wait any longer.
fn sign<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    drafts: &[Draft],
) -> Result<(Anchor, Vec<Message>, Option<u64>), Error> {
    let anchor = Window::newest(chain, poll)?;
    let last_block = last_block(chain, poll, &anchor)?;
    let messages = drafts.iter().map(|draft| draft.sign(&anchor)).collect();
    Ok((anchor, messages, last_block))
}

/// A failure while a transaction waits, which may get into a block still.
fn after(waiting: Option<B256>, failure: Error, what: &str) -> Error {
    match waiting {
        None => failure,
        Some(transaction) if failure.kind() == ErrorKind::Interrupted => {
            on_chain(what)(ChainError::Left { transaction })
        }
        Some(transaction) => on_chain(what)(ChainError::Undecided {
            transaction,
            reason: failure.to_string(),
        }),
    }
}

/// After which block it is no use to wait for a transaction any longer.
fn last_block<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    anchor: &Anchor,
) -> Result<Option<u64>, Error> {
    if !poll.header().has_anchors() {
        return Ok(None);
    }
    let outlook = Outlook::now(chain, poll)?;
    Ok(outlook.last_for_node(anchor.block_number))
}

/// Publishes those of the signed messages that the poll does not have, in their order. Where an
/// earlier attempt has published the first ones, the others follow; where it has all of them,
/// nothing is sent.
///
/// # Errors
/// As for [`cast`]; [`Error::OnChain`] also if the poll has some of them, and what is missing would
/// not be in order; [`Error::NotNow`] also if the node does not show all of the poll's messages.
pub fn publish<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    messages: &[SignedMessage],
    budget: &Budget,
    observer: &dyn Observer,
) -> Result<Published, Error> {
    publish_missing(chain, poll, messages, observer, |chain, missing| {
        publish_again(chain, from, poll, missing, budget, observer)
    })
}

/// Those that the poll does not have, with what publishes them.
pub(crate) fn publish_missing<C: Chain + ?Sized>(
    chain: &mut C,
    poll: &PollContract,
    messages: &[SignedMessage],
    observer: &dyn Observer,
    publish: impl FnOnce(&mut C, &[SignedMessage]) -> Result<Published, Error>,
) -> Result<Published, Error> {
    require_some(messages.len())?;
    require_different(messages)?;
    let placement = Placement::find(chain, poll, messages, observer)?;
    let Some(begun) = placement.begun() else {
        let text = "it has some of these messages, and not in their order: as a ballot they may not count, and publishing the rest does not mend that";
        return Err(poll.inconsistent(text).with_hint(Hint::VoteAgain));
    };
    if begun == 0 {
        return publish(chain, messages);
    }
    let first = placement.places[0].first().copied().unwrap_or_default();
    let already = begun as u64;
    let of_all = count(messages.len() as u64, "message");
    observer.note(&format!("{already} of {of_all} are in the poll already, from index {first} on, and are not sent again"));
    let sent = match &messages[begun..] {
        [] => Published::default(),
        missing => publish(chain, missing)?,
    };
    Ok(Published {
        first,
        already,
        ..sent
    })
}

/// The same message twice is paid for twice, and counts once.
fn require_different(messages: &[SignedMessage]) -> Result<(), Error> {
    let mut seen = HashMap::new();
    for (number, signed) in (1..).zip(messages) {
        if let Some(before) = seen.insert(&signed.message, number) {
            return Err(Error::Request(format!(
                "message {number} is the same as message {before}; a message counts once"
            )));
        }
    }
    Ok(())
}

/// Publishes signed messages in their order, up to [`BATCH`] in a transaction, those of a
/// transaction signed after one block, whatever the poll has already.
///
/// # Errors
/// As for [`cast`].
pub fn publish_again<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    messages: &[SignedMessage],
    budget: &Budget,
    observer: &dyn Observer,
) -> Result<Published, Error> {
    require_some(messages.len())?;
    require_open(chain, poll)?;
    require_room(chain, poll, messages.len())?;
    check_anchors(chain, poll, messages, observer)?;
    budget.for_messages(poll, messages.len(), observer)?;
    let mut published = Published::default();
    let of_one_block = messages.chunk_by(|one, next| anchor_of(one) == anchor_of(next));
    for batch in of_one_block.flat_map(|messages| messages.chunks(BATCH)) {
        let what = published.describe(batch.len(), messages.len());
        let bare: Vec<Message> = batch.iter().map(|signed| signed.message).collect();
        let receipt = send_batch(chain, from, poll, &bare, &anchor_of(&batch[0]), None);
        published.add_batch(poll, batch.len(), &receipt.map_err(on_chain(what))?)?;
    }
    Ok(published)
}

pub(crate) fn anchor_of(signed: &SignedMessage) -> Anchor {
    Anchor {
        block_number: signed.block_number,
        element: signed.message.anchor,
    }
}

/// Refuses, before anything is paid, what the contract would refuse; warns of what it soon will.
pub(crate) fn check_anchors<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    messages: &[SignedMessage],
    observer: &dyn Observer,
) -> Result<(), Error> {
    let mut anchors: Vec<Anchor> = messages.iter().map(anchor_of).collect();
    anchors.dedup();
    if !poll.header().has_anchors() {
        let text = "its messages have no anchors, and these have; they are another poll's";
        let foreign = anchors.iter().any(|anchor| *anchor != Anchor::NONE);
        return match foreign {
            true => Err(poll.inconsistent(text)),
            false => Ok(()),
        };
    }
    let outlook = Outlook::now(chain, poll)?;
    let window = outlook.window;
    for anchor in anchors {
        let block = anchor.block_number;
        if block < window.oldest() {
            return Err(poll.inconsistent(&format!(
                "messages that were signed after block {block} are too old for it, it takes those since block {}; sign them again",
                window.oldest()
            )));
        }
        if poll.anchor_of(chain, block)?.anchor != words::scalar(&anchor.element) {
            return Err(poll.inconsistent(&format!(
                "messages were signed for another anchor than that of its block {block}: for another poll, or the block has been replaced; sign them again"
            )));
        }
        let left = outlook.last(block).saturating_sub(window.present);
        if left <= window.blocks / 4 {
            observer.warn(&format!(
                "messages that were signed after block {block} are taken for about {left} more blocks; if they come too late, sign them again"
            ));
        }
    }
    Ok(())
}

pub(crate) fn require_some(messages: usize) -> Result<(), Error> {
    match messages {
        0 => Err(Error::Request("there is no message to publish".into())),
        _ => Ok(()),
    }
}

impl Published {
    /// Adds messages of a transaction, of which the first has this index.
    pub(crate) fn add(
        &mut self,
        poll: &PollContract,
        messages: usize,
        index: U256,
        receipt: &Receipt,
    ) -> Result<(), Error> {
        if self.count == 0 {
            self.first = number(index)?;
        }
        self.count += messages as u64;
        let fees = poll.info.settings.messageFee;
        self.fees = fees.saturating_mul(U256::from(self.count));
        self.gas = self.gas.saturating_add(receipt.gas_used);
        Ok(())
    }

    fn add_batch(
        &mut self,
        poll: &PollContract,
        messages: usize,
        receipt: &Receipt,
    ) -> Result<(), Error> {
        let event: Poll::Message = event(receipt, poll.address)?;
        self.add(poll, messages, event.index, receipt)
    }

    /// What stopped a ballot after its first messages. Those are paid for, and do not count without
    /// the others, whose nonces come before theirs.
    pub(crate) fn stopped(&self, all: usize, error: Error) -> Error {
        match self.count {
            0 => error,
            count => Error::Partly {
                done: count,
                all: all as u64,
                error: Box::new(error),
            },
        }
    }

    /// Completes "cannot ...", of the next `batch` messages of `all`.
    fn describe(&self, batch: usize, all: usize) -> String {
        let done = self.count;
        match (done, all) {
            (0, 1) => "publish the message".into(),
            (0, all) if all == batch => format!("publish the {all} messages"),
            _ => format!(
                "publish messages {} to {} of {all} (those before are in the poll)",
                done + 1,
                done + batch as u64
            ),
        }
    }
}

fn send_batch<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    batch: &[Message],
    anchor: &Anchor,
    wait: Option<Wait>,
) -> Result<Receipt, ChainError> {
    let data = |message: &Message| message.data.each_ref().map(words::scalar);
    let key = |message: &Message| poll_key(&message.encryption_key);
    let fee = poll.info.settings.messageFee;
    let too_much = || ChainError::Invalid("the fee is more than there is money".into());
    let fee = fee
        .checked_mul(U256::from(batch.len()))
        .ok_or_else(too_much)?;
    let block_number = U256::from(anchor.block_number);
    let element = words::scalar(&anchor.element);
    if let [message] = batch {
        let call = Poll::publishMessageCall {
            data: data(message),
            encryptionKey: key(message),
            blockNumber: block_number,
            anchor: element,
        };
        return send_in_time(chain, from, poll, call.abi_encode(), fee, wait);
    }
    let call = Poll::publishMessageBatchCall {
        data: batch.iter().map(data).collect(),
        encryptionKeys: batch.iter().map(key).collect(),
        blockNumber: block_number,
        anchor: element,
    };
    send_in_time(chain, from, poll, call.abi_encode(), fee, wait)
}

fn send_in_time<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    calldata: Vec<u8>,
    fee: U256,
    wait: Option<Wait>,
) -> Result<Receipt, ChainError> {
    match wait {
        Some(Wait {
            last_block,
            replaces,
        }) => chain.send_until(
            from,
            poll.address,
            calldata.into(),
            fee,
            last_block,
            replaces,
        ),
        None => chain.send(from, Some(poll.address), calldata.into(), fee),
    }
}

/// Adds voice credits to a voter's, paid by `from` in the poll's token.
///
/// # Errors
/// [`Error::Price`] if the poll asks for more than the budget, before anything is sent;
/// [`Error::Request`] for an amount that cannot be paid; [`Error::OnChain`] if the poll has no
/// top-ups, is not open, or has no such voter; [`Error::Chain`].
pub fn top_up<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    state_index: u64,
    credits: u64,
    budget: &Budget,
    observer: &dyn Observer,
) -> Result<ToppedUp, Error> {
    if !poll.has_top_ups() {
        return Err(Error::OnChain("this poll has no top-ups".into()));
    }
    if credits == 0 || credits >> AMOUNT_BITS != 0 {
        let text = "a top-up is at least 1 and below 2^48 voice credits";
        return Err(Error::Request(text.into()));
    }
    require_open(chain, poll)?;
    if !(1..poll.chains(chain)?.next_state_index).contains(&state_index) {
        let text = format!("there is no voter at state index {state_index}");
        return Err(Error::OnChain(text));
    }
    let fee = budget.for_messages(poll, 1, observer)?;
    let amount = budget.for_credits(poll, credits, observer)?;
    let call = Poll::topUpCall {
        stateIndex: U256::from(state_index),
        amount,
    };
    // Before the approval: one that landed has used up its own.
    let earlier = chain.earlier(from, poll.address, call.abi_encode().into(), fee);
    let (approval, receipt) = match earlier.map_err(on_chain("top up"))? {
        Some(receipt) => (0, receipt),
        None => {
            let approval = approve(chain, from, poll, amount)?;
            let sent = chain::send(chain, from, poll.address, &call, fee);
            (approval, sent.map_err(on_chain("top up"))?)
        }
    };
    let event: Poll::TopUp = event(&receipt, poll.address)?;
    Ok(ToppedUp {
        index: number(event.index)?,
        credits: number(event.credits)?,
        tokens: amount,
        fee,
        gas: approval.saturating_add(receipt.gas_used),
    })
}

/// Lets the poll take the amount, unless it may already; the gas.
fn approve<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    amount: U256,
) -> Result<u64, Error> {
    let token = poll.info.settings.topUpToken;
    let what = "read the poll's token";
    let query = SampleToken::balanceOfCall { account: from };
    let balance = view(chain, token, &query, what)?;
    if balance < amount {
        return Err(Error::OnChain(format!(
            "the top-up takes {amount} of token {token}, and account {from} has {balance}"
        )));
    }
    let query = SampleToken::allowanceCall {
        owner: from,
        spender: poll.address,
    };
    let allowance: U256 = view(chain, token, &query, what)?;
    if allowance >= amount {
        return Ok(0);
    }
    // Some tokens let an allowance be changed to zero and from zero alone.
    let steps = [U256::ZERO, amount];
    let steps = &steps[usize::from(allowance.is_zero())..];
    let mut gas = 0_u64;
    for value in steps {
        let call = SampleToken::approveCall {
            spender: poll.address,
            value: *value,
        };
        let receipt = chain::send(chain, from, token, &call, U256::ZERO)
            .map_err(on_chain("approve the tokens"))?;
        gas = gas.saturating_add(receipt.gas_used);
    }
    Ok(gas)
}

/// The voter who joined with a key. Anybody can join with the key of somebody else, so there may be
/// several: an error.
///
/// # Errors
/// [`Error::OnChain`] if several voters joined with the key; [`Error::Chain`].
pub fn find_join<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    key: &PublicKey,
    observer: &dyn Observer,
) -> Result<Option<Joined>, Error> {
    match &find_joins(chain, poll, key, observer)?[..] {
        [] => Ok(None),
        [joined] => Ok(Some(*joined)),
        several => {
            let indices: Vec<String> = several
                .iter()
                .map(|joined| joined.state_index.to_string())
                .collect();
            Err(poll.inconsistent(&format!(
                "several voters joined with this key, with state indices {}; the key votes for each of them, if it is named",
                indices.join(", ")
            ))
            .with_hint(Hint::StateIndex))
        }
    }
}

/// All who joined with a key: its owner, and whoever else used it, which anybody can.
///
/// # Errors
/// [`Error::Chain`].
pub fn find_joins<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    key: &PublicKey,
    observer: &dyn Observer,
) -> Result<Vec<Joined>, Error> {
    let [x, y] = [&key.point().x, &key.point().y].map(words::scalar);
    let found = joins(chain, poll, observer)?;
    let of_key = found.iter().filter(|event| (event.x, event.y) == (x, y));
    of_key.map(voter).collect()
}

fn joins<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    observer: &dyn Observer,
) -> Result<Vec<Poll::Join>, Error> {
    // Before the events: some may come meanwhile, none can go.
    let least = poll.chains(chain)?.next_state_index - 1;
    let topics = &[vec![Poll::Join::SIGNATURE_HASH]];
    let scan = poll.scan(topics, "joins", observer);
    let mut found: Vec<Poll::Join> = Vec::new();
    scan.each(chain, reading("joins"), |log: &Log| {
        let event = log.decode();
        found.push(event.ok_or_else(|| poll.inconsistent("an event is not of the poll's form"))?);
        Ok(())
    })?;
    let in_order = (1_u64..).zip(&found);
    let is_whole = found.len() as u64 >= least
        && in_order
            .into_iter()
            .all(|(index, event)| event.stateIndex == U256::from(index));
    match is_whole {
        true => Ok(found),
        false => Err(poll.left_out("joins")),
    }
}

fn voter(event: &Poll::Join) -> Result<Joined, Error> {
    Ok(Joined {
        state_index: number(event.stateIndex)?,
        credits: number(event.credits)?,
        gas: None,
    })
}

/// An error unless the poll takes so many more messages: the first of a ballot alone are paid for
/// and do not count.
///
/// # Errors
/// [`Error::OnChain`] if it takes fewer; [`Error::Chain`].
pub fn require_room<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    messages: usize,
) -> Result<(), Error> {
    let limit = poll.ask(chain, &Poll::messageLimitCall {})?;
    let there = poll.chains(chain)?.message_count;
    let left = limit.saturating_sub(U256::from(there));
    match U256::from(messages) <= left {
        true => Ok(()),
        false => Err(poll.inconsistent(&format!(
            "it takes {left} more messages, and these are {messages}"
        ))),
    }
}

/// An error unless the poll takes joins, messages and top-ups, as far as can be seen. Blocks may be
/// rare, and the next one may be after the start: then the contract decides.
pub fn require_open<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<(), Error> {
    match poll.state(chain)? {
        PollState::Open => Ok(()),
        PollState::Pending => {
            let now = clock::now(chain).map_err(on_chain("read the newest block"))?;
            match poll.times().0.checked_sub(now) {
                None | Some(0) => Ok(()),
                Some(left) => Err(poll.not_now(&format!(
                    "it has not started; it does in {}",
                    duration(left as f64)
                ))),
            }
        }
        PollState::Ended | PollState::Finalized | PollState::Aborted => {
            Err(poll.inconsistent("it has ended and takes nothing any more"))
        }
    }
}

/// The event that a contract's transaction has to have.
pub(crate) fn event<E: SolEvent>(receipt: &Receipt, contract: Address) -> Result<E, Error> {
    receipt.event(contract).ok_or_else(|| {
        Error::OnChain(format!(
            "transaction {} went through without the contract's event {}",
            receipt.transaction,
            E::SIGNATURE
        ))
    })
}

fn number(word: U256) -> Result<u64, Error> {
    word.try_into()
        .map_err(|_| Error::OnChain(format!("the contract says {word}, which cannot be")))
}

#[cfg(test)]
mod tests;
