//! Transactions: filled, signed here, sent once, waited for.

use std::time::{Duration, Instant};

use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{
    Block, BlockId, BlockNumber, Bytes as NodeBytes, Eip1559TransactionRequest, NameOrAddress,
    TransactionReceipt, TransactionRequest, H160, H256, U256 as NodeWord, U64,
};
use ethers_core::utils::keccak256;
use ethers_providers::{JsonRpcError, Middleware, Provider, RpcError as _};
use maci_nova_chain::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_chain::refusal::{self, meaning, Meaning};
use maci_nova_chain::{Notice, Receipt};

use crate::account::Account;
use crate::error::RpcError;
use crate::logs;
use crate::outbox::{Kept, Outbox};
use crate::transport::Transport;
use crate::types::{
    alloy_address, alloy_hash, alloy_word, ethers_address, ethers_hash, ethers_word, small,
};

/// Transactions of one account that a node keeps for later blocks.
const MOST_QUEUED: u64 = 64;

/// Gas of a transaction for each 100 of the estimate: what it does may cost more by the time that
/// it is in a block.
const GAS_PERCENT: u64 = 125;

/// Times that the base fee may double before the transaction has to wait.
const BASE_FEE_FACTOR: u64 = 2;

/// Time between the first looks for a receipt, and between the later ones.
pub const FIRST_LOOK: Duration = Duration::from_millis(100);
pub const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// How often a receipt is looked for when another transaction could not be sent.
pub const LATE_LOOKS: u32 = 4;

/// How often a transaction is signed where the node names a nonce that is taken.
const NONCE_TRIES: u32 = 5;

/// A transaction that is of use for a long time is waited for so many times the usual limit at
/// most.
const LONGEST_WAIT: u32 = 12;

/// What nodes want for a transaction that takes another's place: a tenth more, and some an eighth.
const HIGHER: (u64, u64) = (9, 8);

/// What to send, without fees.
#[derive(Clone, Debug)]
pub struct Draft {
    pub from: H160,
    pub to: Option<H160>,
    pub data: NodeBytes,
    pub value: NodeWord,
}

impl Draft {
    /// From the project's own types.
    pub fn new(from: Address, to: Option<Address>, data: Bytes, value: U256) -> Self {
        Draft {
            from: ethers_address(from),
            to: to.map(ethers_address),
            data: NodeBytes(data.0),
            value: ethers_word(value),
        }
    }

    /// Whom it calls, what it pays and what with.
    pub fn parts(&self) -> (Option<Address>, U256, &[u8]) {
        (
            self.to.map(alloy_address),
            alloy_word(self.value),
            &self.data,
        )
    }

    /// The contract that it makes under this nonce.
    pub fn creates(&self, nonce: U256) -> Option<Address> {
        match self.to {
            Some(_) => None,
            // The account's nonces are below 2^64 (EIP-2681).
            None => Some(alloy_address(self.from).create(nonce.saturating_to())),
        }
    }

    /// Without fees, nonce and gas limit.
    pub fn request(&self) -> TypedTransaction {
        TypedTransaction::Legacy(self.legacy())
    }

    fn legacy(&self) -> TransactionRequest {
        TransactionRequest {
            from: Some(self.from),
            to: self.to.map(NameOrAddress::Address),
            data: Some(self.data.clone()),
            value: Some(self.value),
            ..TransactionRequest::default()
        }
    }

    fn fill(&self, chain_id: u64, nonce: NodeWord, gas: NodeWord, fees: Fees) -> TypedTransaction {
        match fees {
            Fees::Legacy { price } => TypedTransaction::Legacy(TransactionRequest {
                gas: Some(gas),
                gas_price: Some(price),
                nonce: Some(nonce),
                chain_id: Some(chain_id.into()),
                ..self.legacy()
            }),
            Fees::Market { most, tip } => TypedTransaction::Eip1559(Eip1559TransactionRequest {
                from: Some(self.from),
                to: self.to.map(NameOrAddress::Address),
                data: Some(self.data.clone()),
                value: Some(self.value),
                gas: Some(gas),
                nonce: Some(nonce),
                max_fee_per_gas: Some(most),
                max_priority_fee_per_gas: Some(tip),
                chain_id: Some(chain_id.into()),
                ..Eip1559TransactionRequest::default()
            }),
        }
    }
}

/// What a unit of gas may cost, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fees {
    /// Chains without a base fee.
    Legacy { price: NodeWord },
    /// EIP-1559.
    Market { most: NodeWord, tip: NodeWord },
}

impl Fees {
    /// The fees, below what the sender is willing to pay; an error if the next block wants more.
    fn within(self, max: NodeWord, base: Option<NodeWord>) -> Result<Self, RpcError> {
        let (asked, fees) = match self {
            Fees::Legacy { price } => (price, self),
            Fees::Market { most, tip } => {
                let most = most.min(max);
                let now = base.unwrap_or_default().saturating_add(tip);
                (now, Fees::Market { most, tip })
            }
        };
        match asked <= max {
            true => Ok(fees),
            false => Err(RpcError::TooDear {
                asked: alloy_word(asked),
                max: alloy_word(max),
            }),
        }
    }

    /// These fees, or what a transaction needs to take the place of one with those of `other`.
    fn above(self, other: Fees) -> Self {
        match (self, other.raised()) {
            (Fees::Legacy { price }, Fees::Legacy { price: least }) => Fees::Legacy {
                price: price.max(least),
            },
            (
                Fees::Market { most, tip },
                Fees::Market {
                    most: least,
                    tip: least_tip,
                },
            ) => Fees::Market {
                most: most.max(least),
                tip: tip.max(least_tip),
            },
            // A chain that has got a base fee meanwhile, or lost it.
            (fees, _) => fees,
        }
    }

    fn raised(self) -> Self {
        let raise = |fee: NodeWord| fee.saturating_mul(HIGHER.0.into()) / HIGHER.1 + 1;
        match self {
            Fees::Legacy { price } => Fees::Legacy {
                price: raise(price),
            },
            Fees::Market { most, tip } => Fees::Market {
                most: raise(most),
                tip: raise(tip),
            },
        }
    }

    /// The most that a unit of gas costs.
    fn most(self) -> NodeWord {
        match self {
            Fees::Legacy { price } => price,
            Fees::Market { most, .. } => most,
        }
    }

    /// Whether the sender is willing to pay them.
    fn are_within(self, limits: Limits) -> bool {
        let tip = match self {
            Fees::Legacy { .. } => NodeWord::zero(),
            Fees::Market { tip, .. } => tip,
        };
        self.most() <= limits.fee && tip <= limits.tip
    }
}

/// Who sends, and through which node.
#[derive(Debug)]
pub struct Sender<'a> {
    /// The node.
    pub node: &'a Provider<Transport>,
    /// Its chain.
    pub chain_id: u64,
    /// Who signs.
    pub key: &'a Account,
    /// What remembers what is sent.
    pub outbox: Option<Outbox>,
}

impl Sender<'_> {
    /// The account's address.
    pub fn account(&self) -> H160 {
        ethers_address(self.key.address())
    }

    fn keep(&self, signed: &Signed) -> Result<(), RpcError> {
        let Some(outbox) = &self.outbox else {
            return Ok(());
        };
        let (to, value, calldata) = signed.draft.parts();
        let kept = Kept {
            hash: signed.hash,
            to,
            value,
            calldata: calldata.to_vec().into(),
            signed: signed.encoded.0.clone().into(),
        };
        outbox.keep(alloy_word(signed.nonce), kept)
    }

    /// The transaction was not sent.
    fn forget(&self, signed: &Signed) {
        let forget = |outbox: &Outbox| outbox.forget(signed.hash);
        self.tidy(self.outbox.as_ref().map(forget));
    }

    /// What was sent is in a block, and did nothing.
    fn clear(&self) {
        self.tidy(self.outbox.as_ref().map(Outbox::clear));
    }

    /// What is left behind by mistake is looked for on the chain before anything is sent.
    fn tidy(&self, tidied: Option<Result<(), RpcError>>) {
        if let Some(Err(error)) = tidied {
            self.node.as_ref().observer().warn(&error.to_string());
        }
    }
}

/// A transaction, signed.
#[derive(Debug)]
struct Signed {
    encoded: NodeBytes,
    hash: B256,
    gas: NodeWord,
    nonce: NodeWord,
    fees: Fees,
    draft: Draft,
}

impl Signed {
    /// What it costs at most.
    fn price(&self) -> Notice {
        Notice::Price {
            gas: small(self.gas).unwrap_or(u64::MAX),
            most: alloy_word(self.gas.saturating_mul(self.fees.most())),
            value: alloy_word(self.draft.value),
        }
    }
}

/// Transactions with one nonce, so that at most one of them gets into a block: each took the place
/// of the one before. None was in a block when it became too old.
#[derive(Debug, Default)]
pub struct Overdue(Vec<Signed>);

impl Overdue {
    /// Whether one of them has this hash.
    pub fn has(&self, hash: B256) -> bool {
        self.0.iter().any(|signed| signed.hash == hash)
    }

    fn last(&self) -> Option<&Signed> {
        self.0.last()
    }
}

/// What a transaction may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wei for a unit of gas.
    pub fee: NodeWord,
    /// Wei of it for whoever makes the block.
    pub tip: NodeWord,
    /// The longest time until it is in a block; with a last block, until there is another block.
    pub wait: Duration,
    /// The last block that it is of use in.
    pub last_block: Option<u64>,
}

/// Sends a transaction and waits until it is in a block. It takes the place of those that are
/// `overdue`; with a last block those, and it, are left there if none is in a block. One of them
/// may get into a block then.
pub async fn send(
    sender: &Sender<'_>,
    draft: Draft,
    limits: Limits,
    overdue: &mut Option<Overdue>,
) -> Result<Receipt, RpcError> {
    let node = sender.node;
    let sent = match settle(node, overdue).await {
        Ok(Some(receipt)) => Ok(receipt),
        Ok(None) => send_last(sender, draft, limits, overdue).await,
        Err(error) => Err(error),
    };
    let outcome = match sent {
        Err(error) if !matches!(error, RpcError::Overdue { .. }) => {
            explain(node, error, overdue).await
        }
        outcome => outcome,
    };
    // One that had its effect stays remembered until that is written down, too.
    let had_none = matches!(
        outcome,
        Err(RpcError::RevertedOnChain { .. } | RpcError::OutOfGas { .. })
    );
    if had_none {
        sender.clear();
    }
    if limits.last_block.is_none() {
        // What is of use at any time is never replaced.
        *overdue = None;
    }
    outcome
}

/// The receipt of the one that has landed, if it had its effect. If it had none its nonce is used,
/// so that what is sent next begins anew.
async fn settle(
    node: &Provider<Transport>,
    overdue: &mut Option<Overdue>,
) -> Result<Option<Receipt>, RpcError> {
    let Some(waiting) = overdue else {
        return Ok(None);
    };
    let Some((signed, receipt)) = landed(node, &waiting.0).await? else {
        return Ok(None);
    };
    let outcome = conclude(node, signed, receipt).await;
    *overdue = None;
    match outcome {
        Err(RpcError::RevertedOnChain { .. } | RpcError::OutOfGas { .. }) => Ok(None),
        outcome => outcome.map(Some),
    }
}

async fn send_last(
    sender: &Sender<'_>,
    draft: Draft,
    limits: Limits,
    overdue: &mut Option<Overdue>,
) -> Result<Receipt, RpcError> {
    let node = sender.node;
    let before = overdue.as_ref().and_then(Overdue::last);
    if before.is_none() && limits.last_block.is_some() {
        notice_queue(node, draft.from).await?;
    }
    let (signed, published) = sign_and_publish(sender, &draft, limits, before).await?;
    let hash = signed.hash;
    overdue.get_or_insert_default().0.push(signed);
    published?;
    node.as_ref().observer().notice(&Notice::Sent { hash });
    let all = overdue.as_ref().map_or(&[][..], |waiting| &waiting.0);
    let (signed, receipt) = match wait(node, all, limits).await? {
        Some(landed) => landed,
        None => return Err(RpcError::Overdue { hash }),
    };
    let outcome = conclude(node, signed, receipt).await;
    *overdue = None;
    outcome
}

/// Signs and hands it to the node: an error if it was not sent, and beside the transaction one if
/// it perhaps was. Where the node names a nonce that is taken it is asked for the next one again:
/// one of its nodes is behind. (A nonce that is remembered here in place of the node's would leave
/// a gap when a reorganisation drops a transaction.)
async fn sign_and_publish(
    sender: &Sender<'_>,
    draft: &Draft,
    limits: Limits,
    before: Option<&Signed>,
) -> Result<(Signed, Result<(), RpcError>), RpcError> {
    let mut tries = 1;
    loop {
        let signed = prepare(sender, draft.clone(), limits, before).await?;
        sender.node.as_ref().observer().notice(&signed.price());
        sender.keep(&signed)?;
        match publish(sender.node, &signed).await {
            Err(RpcError::StaleNonce { .. }) if before.is_none() && tries < NONCE_TRIES => {
                sender.forget(&signed);
            }
            Ok(()) => return Ok((signed, Ok(()))),
            Err(error) if error.undecided().is_some() => return Ok((signed, Err(error))),
            Err(error) => {
                sender.forget(&signed);
                return Err(error);
            }
        }
        tries += 1;
        let transport = sender.node.as_ref();
        transport.pause(transport.late()).await?;
    }
}

/// What a failure means while others wait under the same nonce: one of them may have landed
/// meanwhile, or may land still.
async fn explain(
    node: &Provider<Transport>,
    error: RpcError,
    overdue: &mut Option<Overdue>,
) -> Result<Receipt, RpcError> {
    let Some(last) = overdue.as_ref().and_then(Overdue::last) else {
        return Err(error);
    };
    let (hash, nonce, account) = (last.hash, last.nonce, last.draft.from);
    if matches!(error, RpcError::Interrupted) {
        return Err(RpcError::Left { hash });
    }
    if matches!(error, RpcError::Left { .. }) {
        return Err(error);
    }
    if error.undecided().is_some() {
        let several = overdue.as_ref().is_some_and(|waiting| waiting.0.len() > 1);
        return Err(match several {
            true => RpcError::NoReceipt {
                hash,
                reason: format!(
                    "it is one of several with nonce {nonce}, any of which may count: {error}"
                ),
            },
            false => error,
        });
    }
    // A nonce that is used shows before the receipt does, where several nodes answer.
    for _ in 0..LATE_LOOKS {
        let all = overdue.as_ref().map_or(&[][..], |waiting| &waiting.0);
        match landed(node, all).await {
            Ok(Some((signed, receipt))) => {
                let outcome = conclude(node, signed, receipt).await;
                *overdue = None;
                return outcome;
            }
            Ok(None) => {}
            Err(_) => break,
        }
        if node.as_ref().pause(node.as_ref().late()).await.is_err() {
            break;
        }
    }
    // Somebody else has used the nonce: nothing is left to be replaced.
    if matches!(used_nonces(node, account).await, Ok(used) if used > nonce) {
        *overdue = None;
    }
    Err(RpcError::NoReceipt {
        hash,
        reason: format!(
            "it was sent with nonce {nonce}, and another one in its place was not: {error}"
        ),
    })
}

/// The next nonce. One that is far ahead of those in blocks leaves a gap, and what is signed with it
/// would wait for ever: no node holds so many.
async fn near_nonce(node: &Provider<Transport>, account: H160) -> Result<NodeWord, RpcError> {
    let nonce = next_nonce(node, account).await?;
    let used = used_nonces(node, account).await?;
    match nonce.saturating_sub(used) <= MOST_QUEUED.into() {
        true => Ok(nonce),
        false => Err(RpcError::Nonsense {
            method: "eth_getTransactionCount",
            reason: format!("it names {nonce} for the next nonce, and {used} are used"),
        }),
    }
}

/// Tells of transactions of the account that are in no block: this one has to wait for them.
async fn notice_queue(node: &Provider<Transport>, account: H160) -> Result<(), RpcError> {
    let used = used_nonces(node, account).await?;
    if next_nonce(node, account).await? > used {
        let nonce = used.low_u64();
        node.as_ref().observer().notice(&Notice::Queued { nonce });
    }
    Ok(())
}

/// What came of a transaction that is in a block.
async fn conclude(
    node: &Provider<Transport>,
    signed: &Signed,
    receipt: TransactionReceipt,
) -> Result<Receipt, RpcError> {
    if !succeeded(&receipt) {
        return Err(why_reverted(node, signed, &receipt).await);
    }
    let created = signed.draft.creates(alloy_word(signed.nonce));
    read_receipt_of(receipt, created)
}

/// The receipt of a transaction that makes the contract `created`, or none. The account and the
/// nonce say where a contract is (CREATE), so nobody is asked.
pub fn read_receipt_of(
    receipt: TransactionReceipt,
    created: Option<Address>,
) -> Result<Receipt, RpcError> {
    let receipt = read_receipt(receipt)?;
    match (created, receipt.contract) {
        (Some(made), Some(named)) if made != named => Err(RpcError::OtherContract {
            hash: receipt.transaction,
            made,
            named,
        }),
        _ => Ok(Receipt {
            contract: created,
            ..receipt
        }),
    }
}

/// A transaction of which the hash is known.
pub trait Hashed {
    /// The hash.
    fn hash(&self) -> B256;
}

impl Hashed for Signed {
    fn hash(&self) -> B256 {
        self.hash
    }
}

/// The one of these transactions that is in a block.
pub async fn landed<'a, T: Hashed>(
    node: &Provider<Transport>,
    sent: &'a [T],
) -> Result<Option<(&'a T, TransactionReceipt)>, RpcError> {
    for signed in sent {
        if let Some(receipt) = receipt_of(node, signed.hash()).await? {
            return Ok(Some((signed, receipt)));
        }
    }
    Ok(None)
}

/// The receipt of a transaction that is in a block, whether it had an effect or not.
pub async fn receipt_of(
    node: &Provider<Transport>,
    hash: B256,
) -> Result<Option<TransactionReceipt>, RpcError> {
    let receipt = node.get_transaction_receipt(ethers_hash(hash)).await;
    let receipt =
        receipt.map_err(|error| RpcError::of_provider("eth_getTransactionReceipt", error))?;
    // Some nodes show receipts of transactions that are in no block yet.
    Ok(receipt.filter(|receipt| receipt.block_number.is_some()))
}

/// Whether a transaction had an effect (EIP-658).
pub fn succeeded(receipt: &TransactionReceipt) -> bool {
    receipt.status == Some(U64::one())
}

/// A receipt in the project's own form.
pub fn read_receipt(receipt: TransactionReceipt) -> Result<Receipt, RpcError> {
    let transaction = alloy_hash(receipt.transaction_hash);
    let read = || {
        Some(Receipt {
            transaction,
            block_number: receipt.block_number?.as_u64(),
            block_hash: alloy_hash(receipt.block_hash?),
            gas_used: small(receipt.gas_used?)?,
            contract: receipt.contract_address.map(alloy_address),
            logs: receipt
                .logs
                .iter()
                .cloned()
                .map(logs::read)
                .collect::<Option<_>>()?,
        })
    };
    // It is in a block: what cannot be read must not look as if nothing had happened.
    read().ok_or_else(|| RpcError::NoReceipt {
        hash: transaction,
        reason: "the node's receipt is incomplete".to_owned(),
    })
}

/// The data that a contract reverts with; `None` if the error is no revert.
pub fn revert_data(answer: &JsonRpcError) -> Option<Bytes> {
    refusal::revert_data(answer.code, &answer.message, answer.data.as_ref())
}

async fn prepare(
    sender: &Sender<'_>,
    draft: Draft,
    limits: Limits,
    before: Option<&Signed>,
) -> Result<Signed, RpcError> {
    let node = sender.node;
    let newest = newest(node).await?;
    let estimate = estimate(node, &draft).await?;
    let gas = with_margin(estimate, newest.gas_limit);
    let fees = fees(node, newest.base_fee_per_gas, limits.tip).await?;
    let fees = fees.within(limits.fee, newest.base_fee_per_gas)?;
    let (nonce, fees) = match before {
        Some(before) => (before.nonce, fees.above(before.fees)),
        None => (near_nonce(node, draft.from).await?, fees),
    };
    if !fees.are_within(limits) {
        return Err(RpcError::TooDear {
            asked: alloy_word(fees.most()),
            max: alloy_word(limits.fee),
        });
    }
    let transaction = draft.fill(sender.chain_id, nonce, gas, fees);
    let encoded = sender
        .key
        .sign(&transaction)
        .map_err(|error| RpcError::Signing(error.to_string()))?;
    Ok(Signed {
        hash: B256::from(keccak256(&encoded)),
        encoded,
        gas,
        nonce,
        fees,
        draft,
    })
}

async fn newest(node: &Provider<Transport>) -> Result<Block<H256>, RpcError> {
    const METHOD: &str = "eth_getBlockByNumber";
    let newest = node.get_block(BlockNumber::Latest).await;
    newest
        .map_err(|error| RpcError::of_provider(METHOD, error))?
        .ok_or_else(|| RpcError::Nonsense {
            method: METHOD,
            reason: "there is no newest block".to_owned(),
        })
}

/// The first nonce that neither a block nor the node's pool has.
pub async fn next_nonce(node: &Provider<Transport>, account: H160) -> Result<NodeWord, RpcError> {
    nonces(node, account, BlockNumber::Pending).await
}

/// The first nonce that no block has.
pub async fn used_nonces(node: &Provider<Transport>, account: H160) -> Result<NodeWord, RpcError> {
    nonces(node, account, BlockNumber::Latest).await
}

async fn nonces(
    node: &Provider<Transport>,
    account: H160,
    block: BlockNumber,
) -> Result<NodeWord, RpcError> {
    let count = node.get_transaction_count(account, Some(block.into()));
    let count = count.await;
    count.map_err(|error| RpcError::of_provider("eth_getTransactionCount", error))
}

/// Gas that the transaction needs now. Fees are left out: a node would compare them with the
/// balance at a gas limit of its own.
async fn estimate(node: &Provider<Transport>, draft: &Draft) -> Result<NodeWord, RpcError> {
    node.estimate_gas(&draft.request(), None)
        .await
        .map_err(
            |error| match error.as_error_response().and_then(revert_data) {
                Some(data) => RpcError::Reverted { data },
                None => RpcError::of_provider("eth_estimateGas", error),
            },
        )
}

/// The most gas that a transaction may ask for on many chains (EIP-7825).
const TRANSACTION_LIMIT: u64 = 1 << 24;

/// The estimate and a margin, as far as a block and a transaction have room. (Where the estimate
/// itself is above that, the chain has other limits, or says so.)
fn with_margin(estimate: NodeWord, block_limit: NodeWord) -> NodeWord {
    let margin = estimate.saturating_mul(GAS_PERCENT.into()) / 100;
    margin
        .min(block_limit)
        .min(TRANSACTION_LIMIT.into())
        .max(estimate)
}

/// What the node recommends, with a tip of no more than `max_tip`.
async fn fees(
    node: &Provider<Transport>,
    base: Option<NodeWord>,
    max_tip: NodeWord,
) -> Result<Fees, RpcError> {
    let Some(base) = base else {
        let price = gas_price(node).await?;
        return Ok(Fees::Legacy { price });
    };
    const METHOD: &str = "eth_maxPriorityFeePerGas";
    let recommended: NodeWord = match node.request(METHOD, ()).await {
        Ok(tip) => tip,
        // Not every node has the method. The price that it recommends contains the tip.
        Err(error) if error.is_error_response() => gas_price(node).await?.saturating_sub(base),
        Err(error) => return Err(RpcError::of_provider(METHOD, error)),
    };
    let tip = recommended.min(max_tip);
    if tip < recommended {
        node.as_ref().observer().notice(&Notice::SmallerTip {
            recommended: alloy_word(recommended),
            paid: alloy_word(tip),
        });
    }
    let most = base
        .saturating_mul(BASE_FEE_FACTOR.into())
        .saturating_add(tip);
    Ok(Fees::Market { most, tip })
}

async fn gas_price(node: &Provider<Transport>) -> Result<NodeWord, RpcError> {
    let price = node.get_gas_price().await;
    price.map_err(|error| RpcError::of_provider("eth_gasPrice", error))
}

/// Hands the transaction to the node. The transport may do so several times: it is the same one,
/// with the same hash, so that it counts once.
async fn publish(node: &Provider<Transport>, signed: &Signed) -> Result<(), RpcError> {
    const METHOD: &str = "eth_sendRawTransaction";
    let Err(error) = node.send_raw_transaction(signed.encoded.clone()).await else {
        return Ok(());
    };
    let perhaps = |reason: String| RpcError::PerhapsSent {
        hash: signed.hash,
        reason,
    };
    let refused = RpcError::of_provider(METHOD, error);
    if let RpcError::Interrupted = refused {
        return Err(RpcError::Left { hash: signed.hash });
    }
    let RpcError::Refused {
        code,
        message,
        tries,
        ..
    } = &refused
    else {
        return Err(perhaps(refused.to_string()));
    };
    // A second try is refused if the first has arrived: the nonce is taken, the transaction known.
    // Where several nodes answer, one says so before another shows the transaction.
    let meaning = meaning(METHOD, *code, message);
    let looks = match meaning {
        Meaning::NonceTaken => LATE_LOOKS,
        _ => 1,
    };
    let transport = node.as_ref();
    for look in 1..=looks {
        match node.get_transaction(ethers_hash(signed.hash)).await {
            Ok(Some(_)) => return Ok(()),
            Ok(None) if meaning == Meaning::Known => return Ok(()),
            Ok(None) if look == looks => break,
            Ok(None) => {}
            Err(error) => {
                return Err(
                    match RpcError::of_provider("eth_getTransactionByHash", error) {
                        RpcError::Interrupted => RpcError::Left { hash: signed.hash },
                        _ => perhaps(refused.to_string()),
                    },
                )
            }
        }
        let pause = transport.pause(transport.late()).await;
        pause.map_err(|_| RpcError::Left { hash: signed.hash })?;
    }
    match meaning {
        // What came before the answer may have arrived, and words that nobody knows may come from
        // behind a node that has taken it.
        _ if *tries > 1 => Err(perhaps(refused.to_string())),
        Meaning::Unknown => Err(perhaps(refused.to_string())),
        Meaning::NonceTaken => Err(RpcError::StaleNonce {
            node: transport.name().to_owned(),
            nonce: alloy_word(signed.nonce),
            reason: message.clone(),
        }),
        _ => Err(refused),
    }
}

/// Waits for one of the transactions to be in a block; `None` if the last one is too old, and
/// another one that pays more can take its place.
async fn wait<'a>(
    node: &Provider<Transport>,
    sent: &'a [Signed],
    limits: Limits,
) -> Result<Option<(&'a Signed, TransactionReceipt)>, RpcError> {
    let Some(signed) = sent.last() else {
        return Ok(None);
    };
    let hash = signed.hash;
    let can_be_replaced = signed.fees.raised().are_within(limits);
    let started = Instant::now();
    let (mut moved, mut first, mut head) = (started, None, None);
    let mut look = FIRST_LOOK;
    let mut trouble = None;
    let unseen = |reason: String| RpcError::NoReceipt { hash, reason };
    let ended = |error: RpcError| match error {
        RpcError::Interrupted => RpcError::Left { hash },
        error => unseen(error.to_string()),
    };
    loop {
        // Before the receipts: what is in this block is then seen.
        if let Some(last) = limits.last_block {
            let newest = seen(newest(node).await, &mut trouble);
            let newest = newest.map_err(ended)?;
            let number = newest.and_then(|newest| newest.number);
            let number = number.map(|number| number.as_u64()).or(head);
            if number != head {
                (head, moved) = (number, Instant::now());
            }
            // Whatever the block says that it was sent after: there has to have been one for it.
            if number >= Some(last) && number > *first.get_or_insert(number) {
                let landed = landed(node, sent).await;
                // Whether it is in a block has to be known before another takes its place.
                let landed = landed.map_err(ended)?;
                if landed.is_none() && !can_be_replaced {
                    let reason =
                        "it is likely to be too old by now, and --max-fee and --max-tip allow no higher price";
                    return Err(unseen(reason.to_owned()));
                }
                return Ok(landed);
            }
        }
        let landed = seen(landed(node, sent).await, &mut trouble);
        if let Some(Some(landed)) = landed.map_err(ended)? {
            return Ok(Some(landed));
        }
        let waited = started.elapsed();
        let longest = limits.wait.saturating_mul(LONGEST_WAIT);
        let limit = (limits.wait + (moved - started)).min(longest);
        if waited >= limit {
            let seconds = waited.as_secs();
            let nonce = signed.nonce;
            let trouble = trouble.map_or_else(String::new, |trouble| format!(" ({trouble})"));
            return Err(unseen(format!(
                "none came in {seconds} s for nonce {nonce}{trouble}"
            )));
        }
        node.as_ref()
            .observer()
            .notice(&Notice::Pending { hash, waited });
        let pause = node.as_ref().pause(look.min(limit - waited));
        pause.await.map_err(RpcError::from).map_err(ended)?;
        look = look.saturating_mul(2).min(LONGEST_LOOK);
    }
}

/// What a look at the node gave, if anything. Whatever else the node says, what was sent is looked
/// for again: only an interruption ends that.
fn seen<T>(look: Result<T, RpcError>, trouble: &mut Option<String>) -> Result<Option<T>, RpcError> {
    match look {
        Err(RpcError::Interrupted) => Err(RpcError::Interrupted),
        Err(error) => {
            *trouble = Some(error.to_string());
            Ok(None)
        }
        Ok(value) => {
            *trouble = None;
            Ok(Some(value))
        }
    }
}

/// A receipt does not say why. The same call on the state after the block mostly does.
async fn why_reverted(
    node: &Provider<Transport>,
    signed: &Signed,
    receipt: &TransactionReceipt,
) -> RpcError {
    let gas_used = receipt.gas_used.and_then(small).unwrap_or(0);
    if receipt.gas_used == Some(signed.gas) {
        return RpcError::OutOfGas {
            hash: signed.hash,
            gas_used,
        };
    }
    let block = receipt.block_number.map(BlockId::from);
    let data = match node.call(&signed.draft.request(), block).await {
        Ok(_) => None,
        Err(error) => error.as_error_response().and_then(revert_data),
    };
    RpcError::RevertedOnChain {
        hash: signed.hash,
        data: data.unwrap_or_default(),
        gas_used,
    }
}
