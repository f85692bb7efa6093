//! Publishing signed messages as bundles.

use maci_nova_chain::words::count;
use maci_nova_chain::{Chain, ChainError, Observer, Receipt, Stage};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::{BundleVerifier, Poll};
use maci_nova_contracts::groth16::{key_of_bundles, Key};
use maci_nova_contracts::words;
use maci_nova_protocol::bundle::{elements, Bundle, ELEMENTS};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::message::Message;

use crate::bundle::proof::{BundleProver, BundleProverError};
use crate::error::{on_chain, Error};
use crate::poll::contract::{view, PollContract};
use crate::voter::anchor::Anchor;
use crate::voter::budget::Budget;
use crate::voter::signing_window::Outlook;
use crate::voter::{self, anchor_of, Published};

/// Elements of a message in calldata: its anchor is named by its place in a list.
const WORDS: usize = ELEMENTS - 1;

/// Messages with their proof, ready to be sent.
#[derive(Clone, Debug)]
pub struct ProvenBundle {
    bundle: Bundle,
    call: Poll::publishBundleCall,
}

impl ProvenBundle {
    /// Proves what the messages come to, in their order.
    ///
    /// # Errors
    /// [`BundleProverError::Size`] for none, [`BundleProverError::Bundle`] for more than the prover has
    /// room for, [`BundleProverError::Anchors`] if they were signed after more than 256 blocks;
    /// [`BundleProverError::Lists`] if the key is none of the circuit.
    pub fn new(
        prover: &BundleProver,
        messages: &[SignedMessage],
    ) -> Result<Self, BundleProverError> {
        let bare = messages.iter().map(|signed| signed.message).collect();
        let bundle = Bundle::new(bare)?;
        let (anchors, anchor_places) = anchors(messages)?;
        let proof = prover.prove(&bundle)?;
        let call = Poll::publishBundleCall {
            anchors,
            anchorPlaces: anchor_places,
            messages: bundle.messages().iter().map(words_of).collect(),
            inner: words::scalar(&bundle.inner()),
            proof: proof.words(),
        };
        Ok(ProvenBundle { bundle, call })
    }

    /// The messages.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What the poll takes for them, in wei.
    ///
    /// # Errors
    /// [`ChainError::Invalid`] if there is not so much.
    pub fn fee(&self, poll: &PollContract) -> Result<U256, ChainError> {
        let messages = U256::from(self.bundle.messages().len());
        let fee = poll.info.settings.messageFee.checked_mul(messages);
        fee.ok_or_else(|| ChainError::Invalid("the fee is more than there is money".into()))
    }

    /// The call as a transaction has it.
    pub fn calldata(&self) -> Bytes {
        self.call.abi_encode().into()
    }

    /// The call that publishes them.
    pub fn call(&self) -> &Poll::publishBundleCall {
        &self.call
    }
}

/// A message as the contract takes it.
fn words_of(message: &Message) -> [U256; WORDS] {
    let elements = elements(message);
    core::array::from_fn(|i| words::scalar(&elements[i + 1]))
}

/// The blocks after which messages were signed, each once, and for each message the place of its
/// own. Both are empty where there are no anchors.
fn anchors(messages: &[SignedMessage]) -> Result<(Vec<[U256; 2]>, Bytes), BundleProverError> {
    let mut kinds: Vec<Anchor> = Vec::new();
    let mut places = Vec::with_capacity(messages.len());
    for anchor in messages.iter().map(anchor_of) {
        let place = kinds.iter().position(|kind| *kind == anchor);
        let place = place.unwrap_or_else(|| {
            kinds.push(anchor);
            kinds.len() - 1
        });
        places.push(u8::try_from(place).map_err(|_| BundleProverError::Anchors)?);
    }
    if kinds == [Anchor::NONE] {
        return Ok((vec![], Bytes::new()));
    }
    let words = |anchor: &Anchor| {
        let number = U256::from(anchor.block_number);
        [number, words::scalar(&anchor.element)]
    };
    Ok((kinds.iter().map(words).collect(), places.into()))
}

/// The most messages that a bundle of a poll has room for.
///
/// # Errors
/// [`Error::Chain`] if the chain does not answer.
pub fn room<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<usize, Error> {
    let (verifier, call) = (
        poll.info.bundleVerifier,
        BundleVerifier::MAX_MESSAGESCall {},
    );
    let room = view(chain, verifier, &call, "read the bundle verifier")?;
    Ok(usize::try_from(room).unwrap_or(usize::MAX))
}

/// Publishes signed messages in their order, as few bundles as they need, whatever the poll has
/// already.
///
/// # Errors
/// [`Error::Price`] if the poll's fee is more than the budget, before anything is sent;
/// [`Error::Request`] without a message; [`Error::OnChain`] if the poll is over or would refuse an
/// anchor, [`Error::NotNow`] before its start; [`Error::Chain`]; [`Error::Partly`] once some of
/// several bundles are in the poll.
pub fn publish<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    prover: &BundleProver,
    messages: &[SignedMessage],
    budget: &Budget,
    observer: &dyn Observer,
) -> Result<Published, Error> {
    voter::require_some(messages.len())?;
    voter::require_open(chain, poll)?;
    require_key(chain, poll, prover)?;
    let bundles = messages.len().div_ceil(prover.room());
    voter::require_room(chain, poll, messages.len() + bundles)?;
    voter::check_anchors(chain, poll, messages, observer)?;
    budget.for_messages(poll, messages.len(), observer)?;
    let mut published = Published::default();
    for messages_of_one in messages.chunks(prover.room()) {
        let stage = observer.begin(Stage::Timed {
            label: "proving a bundle",
        });
        let proven = ProvenBundle::new(prover, messages_of_one)
            .map_err(|error| Error::Internal(error.to_string()))?;
        drop(stage);
        let sent = send(chain, from, poll, &proven, None);
        let receipt = sent.map_err(on_chain(format!(
            "publish a bundle of {}",
            count(messages_of_one.len() as u64, "message")
        )));
        let receipt = receipt.map_err(|error| published.stopped(messages.len(), error))?;
        let event: Poll::Bundle = voter::event(&receipt, poll.address)?;
        published.add(poll, messages_of_one.len(), event.index, &receipt)?;
    }
    Ok(published)
}

/// The same for those of the messages that the poll does not have, as
/// [`voter::publish`] does.
///
/// # Errors
/// As for [`publish`] and for [`voter::publish`].
pub fn publish_missing<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    prover: &BundleProver,
    messages: &[SignedMessage],
    budget: &Budget,
    observer: &dyn Observer,
) -> Result<Published, Error> {
    voter::publish_missing(chain, poll, messages, observer, |chain, missing| {
        publish(chain, from, poll, prover, missing, budget, observer)
    })
}

/// The poll takes no proof under another key than its verifier's.
///
/// # Errors
/// [`Error::OnChain`] if the prover's is another one; [`Error::Chain`].
pub fn require_key<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    prover: &BundleProver,
) -> Result<(), Error> {
    let (verifier, call) = (
        poll.info.bundleVerifier,
        BundleVerifier::verifyingKeyCall {},
    );
    let key = view(chain, verifier, &call, "read the bundle verifier")?;
    match key_of_bundles(&key) == Key::from(&prover.verifying_key()).to_words() {
        true => Ok(()),
        false => Err(poll.inconsistent("its bundle verifier has another key than the one at hand")),
    }
}

/// Sends a bundle, and gives up when the poll will no longer take one of its anchors. It takes the
/// place of the transaction that `replaces` names, see [`Chain::send_until`].
///
/// # Errors
/// As for [`Chain::send_until`].
pub fn send<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    proven: &ProvenBundle,
    replaces: Option<B256>,
) -> Result<Receipt, ChainError> {
    let fee = proven.fee(poll)?;
    let data = proven.calldata();
    let oldest = proven.call.anchors.iter().map(|[number, _]| *number).min();
    let Some(oldest) = oldest.and_then(|number| u64::try_from(number).ok()) else {
        return chain.send(from, Some(poll.address), data, fee);
    };
    let last_block = match Outlook::now(chain, poll) {
        Ok(outlook) => outlook.last_for_node(oldest),
        Err(error) => return Err(ChainError::Invalid(error.to_string())),
    };
    match last_block {
        Some(last) => chain.send_until(from, poll.address, data, fee, last, replaces),
        None => chain.send(from, Some(poll.address), data, fee),
    }
}
