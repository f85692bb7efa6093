//! A node as a [`Chain`].

use std::collections::HashSet;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ethers_core::types::{BlockId as NodeBlockId, BlockNumber, Filter, Topic, ValueOrArray};
use ethers_providers::{Middleware, Provider, RpcError as _};
use maci_nova_chain::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_chain::refusal::GET_LOGS;
use maci_nova_chain::{
    Block, BlockId, Chain, ChainError, Log, Notice, Observer, Receipt, RpcUrl, TransactionInput,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::account::Account;
use crate::earlier;
use crate::error::RpcError;
use crate::logs::{Query, Window};
use crate::outbox::{Outbox, OutboxLock};
use crate::retry::RetryPolicy;
use crate::send::{self, Draft, Overdue};
use crate::transport::Transport;
use crate::types::{
    alloy_address, alloy_hash, alloy_word, ethers_address, ethers_hash, ethers_word, small,
};

/// Tries where a failure may have a reason that trying does not change: the first contact with a
/// node, and logs of many blocks.
const FEW_TRIES: u32 = 3;

/// 200 gwei, and 5 gwei.
const MAX_FEE: U256 = U256::from_limbs([200_000_000_000, 0, 0, 0]);
const MAX_TIP: U256 = U256::from_limbs([5_000_000_000, 0, 0, 0]);

/// How long a node's block or transaction is waited for.
const RECEIPT: Duration = Duration::from_secs(300);

/// How to speak to a node.
#[derive(Clone)]
pub struct Options {
    /// The chain that the node must be of; `None` for any.
    pub chain_id: Option<u64>,
    /// Keys that transactions are sent with, the default one first.
    pub accounts: Vec<Account>,
    /// The most that a unit of gas may cost, in wei. A node recommends prices; this bounds what it
    /// can make an account pay.
    pub max_fee: U256,
    /// The most of it that goes to whoever makes the block (EIP-1559), in wei. Less than the node
    /// recommends is paid, rather than nothing sent.
    pub max_tip: U256,
    /// Limits of waiting for answers.
    pub patience: RetryPolicy,
    /// The longest time from sending a transaction to seeing it in a block.
    pub receipt: Duration,
    /// A path beside which, and named after which, there is a file for each account while something
    /// that it sent has not been seen in a block, or nobody has said that what came of it is written
    /// down ([`RpcChain::tidy`]): what comes later looks for that first. With none, whoever sends
    /// again after [`ChainError::Undecided`] may act twice.
    pub outbox: Option<PathBuf>,
    /// Who is told of waits, and ends them.
    pub observer: Arc<dyn Observer>,
}

impl Default for Options {
    /// Any chain, no accounts, and nobody who is told.
    fn default() -> Self {
        Options {
            chain_id: None,
            accounts: Vec::new(),
            max_fee: MAX_FEE,
            max_tip: MAX_TIP,
            patience: RetryPolicy::default(),
            receipt: RECEIPT,
            outbox: None,
            observer: Arc::new(()),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("chain_id", &self.chain_id)
            .field("accounts", &self.accounts)
            .field("max_fee", &self.max_fee)
            .field("max_tip", &self.max_tip)
            .field("patience", &self.patience)
            .field("receipt", &self.receipt)
            .field("outbox", &self.outbox)
            .finish_non_exhaustive()
    }
}

/// A chain behind a node's JSON-RPC over HTTP. Blocks while it waits; its errors as a [`Chain`] are
/// those of [`RpcError`] in the chain's own words.
///
/// Transactions are signed here and sent once. Reading is tried again with growing pauses if the
/// node does not answer; what it answers, a revert for instance, is never asked for again.
#[derive(Debug)]
pub struct RpcChain {
    runtime: Runtime,
    node: Provider<Transport>,
    hasty: Provider<Transport>,
    chain_id: u64,
    accounts: Vec<Account>,
    max_fee: U256,
    max_tip: U256,
    receipt: Duration,
    outbox: Option<PathBuf>,
    landed: Landed,
    /// Addresses that were seen to have code.
    contracts: HashSet<Address>,
    window: Mutex<Window>,
    /// What is in no block yet, and can be replaced.
    overdue: Vec<Overdue>,
}

/// What remembers a transaction that had its effect, while the caller may not have written down what
/// came of it: if the process ends before, killed or with an error, the next one finds it.
#[derive(Debug, Default)]
struct Landed {
    outbox: Option<Outbox>,
    /// Of accounts that this process has sent from: others wait until it ends.
    locks: Vec<(Address, OutboxLock)>,
}

impl Landed {
    fn forget(&mut self) {
        // One that stays is looked for on the chain before anything is sent.
        let _ = self.outbox.take().map(|outbox| outbox.clear());
    }

    fn is_locked(&self, account: Address) -> bool {
        self.locks.iter().any(|(locked, _)| *locked == account)
    }
}

/// Two processes with one account and one file would forget what the other has sent.
async fn lock(sender: &send::Sender<'_>, outbox: &Outbox) -> Result<OutboxLock, RpcError> {
    let mut said = false;
    loop {
        if let Some(lock) = outbox.lock()? {
            return Ok(lock);
        }
        let transport = sender.node.as_ref();
        if !std::mem::replace(&mut said, true) {
            transport
                .observer()
                .note("another process sends from this account: waiting for it to end");
        }
        transport.pause(LOCK_PAUSE).await?;
    }
}

/// Between two looks at another process's lock.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

impl RpcChain {
    /// Connects to a node and asks for its chain.
    ///
    /// # Errors
    /// [`RpcError::WrongChain`] if it is not the expected one; [`RpcError::Unreachable`] after a
    /// few tries; [`RpcError::Client`] if this machine lets no connection be made at all.
    pub fn connect(url: &RpcUrl, options: Options) -> Result<Self, RpcError> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| RpcError::Client(error.to_string()))?;
        let transport =
            Transport::new(url, options.patience, options.observer).map_err(RpcError::Client)?;
        let hasty = Provider::new(transport.with_tries(FEW_TRIES));
        let found = runtime
            .block_on(hasty.get_chainid())
            .map_err(|error| RpcError::of_provider("eth_chainId", error))?;
        let chain_id = small(found).ok_or_else(|| RpcError::Nonsense {
            method: "eth_chainId",
            reason: "the chain id has more than 64 bits".to_owned(),
        })?;
        if let Some(expected) = options.chain_id.filter(|expected| *expected != chain_id) {
            return Err(RpcError::WrongChain {
                expected,
                found: chain_id,
            });
        }
        Ok(RpcChain {
            runtime,
            node: Provider::new(transport),
            hasty,
            chain_id,
            accounts: options.accounts,
            max_fee: options.max_fee,
            max_tip: options.max_tip,
            receipt: options.receipt,
            outbox: options.outbox,
            landed: Landed::default(),
            contracts: HashSet::new(),
            window: Mutex::new(Window::new()),
            overdue: Vec::new(),
        })
    }

    /// The receipt of a transaction, for example one that
    /// [`ChainError::Undecided`] names; `None` if it is in no block.
    ///
    /// # Errors
    /// [`RpcError::RevertedOnChain`] without the contract's reason if it had no effect, and those
    /// of any request.
    pub fn receipt(&self, transaction: B256) -> Result<Option<Receipt>, RpcError> {
        let receipt = self.wait(send::receipt_of(&self.node, transaction))?;
        let Some(receipt) = receipt else {
            return Ok(None);
        };
        if !send::succeeded(&receipt) {
            return Err(RpcError::RevertedOnChain {
                hash: transaction,
                data: Bytes::new(),
                gas_used: receipt.gas_used.and_then(small).unwrap_or(0),
            });
        }
        send::read_receipt(receipt).map(Some)
    }

    /// Any other request, for nodes that can do more, such as moving the time of a test chain.
    ///
    /// # Errors
    /// [`RpcError::Refused`] if the node does not know the method, and those of any request.
    pub fn request<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, RpcError> {
        let answer: Value = self
            .wait(self.node.request(method, params))
            .map_err(|error| RpcError::of_provider(method, error))?;
        serde_json::from_value(answer).map_err(|error| RpcError::Nonsense {
            method,
            reason: error.to_string(),
        })
    }

    fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    fn account(&self, address: Address) -> Result<&Account, RpcError> {
        let mut accounts = self.accounts.iter();
        accounts
            .find(|account| account.address() == address)
            .ok_or(RpcError::UnknownAccount(address))
    }

    fn require_contract(&mut self, address: Address) -> Result<(), RpcError> {
        if self.contracts.contains(&address) {
            return Ok(());
        }
        if self.read_code(address)?.is_empty() {
            return Err(RpcError::NoContract(address));
        }
        self.contracts.insert(address);
        Ok(())
    }

    fn read_code(&self, address: Address) -> Result<Bytes, RpcError> {
        let code = self.wait(self.node.get_code(ethers_address(address), None));
        let code = code.map_err(|error| RpcError::of_provider("eth_getCode", error))?;
        Ok(code.0.into())
    }

    fn transact(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
        last_block: Option<u64>,
        replaces: Option<B256>,
    ) -> Result<Receipt, RpcError> {
        if let Some(to) = to.filter(|_| !calldata.is_empty()) {
            self.require_contract(to)?;
        }
        let draft = Draft::new(from, to, calldata, value);
        let limits = send::Limits {
            fee: ethers_word(self.max_fee),
            tip: ethers_word(self.max_tip),
            wait: self.receipt,
            last_block,
        };
        let replaced = |waiting: &Overdue| replaces.is_some_and(|hash| waiting.has(hash));
        let place = self.overdue.iter().position(replaced);
        let mut overdue = place.map(|place| self.overdue.swap_remove(place));
        if overdue.is_none() {
            if let Some(receipt) = self.settle(&draft, from)? {
                return Ok(receipt);
            }
        }
        let sender = self.sender(from)?;
        let sent = self.wait(send::send(&sender, draft, limits, &mut overdue));
        let landed = sender.outbox.filter(|_| sent.is_ok());
        self.overdue.extend(overdue);
        self.landed.outbox = landed;
        sent
    }

    /// For a command that ends well: what this or an earlier process sent and is in a block is
    /// nothing that the next one has to look for. What is in none stays. Without this the next
    /// process takes the last transaction for one whose end nobody knows.
    ///
    /// # Errors
    /// As for [`Chain::send`]; nothing is sent.
    pub fn tidy(&mut self) -> Result<(), ChainError> {
        self.landed.forget();
        let accounts: Vec<Address> = self.accounts.iter().map(Account::address).collect();
        for account in accounts {
            let sender = self.sender(account)?;
            self.wait(earlier::tidy(&sender))?;
        }
        Ok(())
    }

    fn sender(&self, from: Address) -> Result<send::Sender<'_>, RpcError> {
        let outbox = self.outbox.as_deref();
        Ok(send::Sender {
            node: &self.node,
            chain_id: self.chain_id,
            key: self.account(from)?,
            outbox: outbox.map(|path| Outbox::of(path, self.chain_id, from)),
        })
    }

    /// What an earlier process left, which comes before what is sent now; the receipt if it is just
    /// that.
    fn settle(&mut self, draft: &Draft, from: Address) -> Result<Option<Receipt>, RpcError> {
        // Who sends the next one has written down what came of the last.
        self.landed.forget();
        let sender = self.sender(from)?;
        let lock = match &sender.outbox {
            Some(outbox) if !self.landed.is_locked(from) => Some(self.wait(lock(&sender, outbox))?),
            _ => None,
        };
        let found = self.wait(earlier::settle(&sender, draft, self.receipt));
        let outbox = sender.outbox.filter(|_| matches!(found, Ok(Some(_))));
        self.landed.locks.extend(lock.map(|lock| (from, lock)));
        self.landed.outbox = outbox;
        let found = found?;
        if let Some(receipt) = &found {
            self.node.as_ref().observer().note(&format!(
                "an earlier command sent transaction {}, which is in block {}: nothing is sent now",
                receipt.transaction, receipt.block_number
            ));
        }
        Ok(found)
    }

    fn read_creation(&self, code: Bytes) -> Result<Bytes, RpcError> {
        let creation = Draft::new(Address::ZERO, None, code, U256::ZERO).request();
        let answer = self.wait(self.node.call(&creation, Some(BlockNumber::Latest.into())));
        let answer = answer.map_err(|error| RpcError::of_provider("eth_call", error))?;
        Ok(answer.0.into())
    }

    fn read_call(&self, to: Address, calldata: Bytes) -> Result<Bytes, RpcError> {
        let call = Draft::new(Address::ZERO, Some(to), calldata, U256::ZERO).request();
        let answer = self.wait(self.node.call(&call, Some(BlockNumber::Latest.into())));
        let answer = answer.map_err(|error| {
            match error.as_error_response().and_then(send::revert_data) {
                Some(data) => RpcError::Reverted { data },
                None => RpcError::of_provider("eth_call", error),
            }
        })?;
        if answer.is_empty() && self.read_code(to)?.is_empty() {
            return Err(RpcError::NoContract(to));
        }
        Ok(answer.0.into())
    }

    fn read_logs(&self, query: Query<'_>) -> Result<Vec<Log>, RpcError> {
        // Nodes differ in what they say of blocks that are not there yet.
        let newest = self.read_block(BlockId::Latest)?.number;
        let last = query.to.min(newest);
        let mut window = *self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let mut logs = Vec::new();
        let mut next = Some(query.from);
        while let Some(from) = next.filter(|from| *from <= last) {
            let to = last.min(from.saturating_add(window.blocks() - 1));
            let part = Query { from, to, ..query };
            if let Some(answer) = self.read_part(&part, &mut window)? {
                logs.extend(answer);
                // After the last block that there can be there is none.
                next = to.checked_add(1);
            }
        }
        *self.window.lock().unwrap_or_else(PoisonError::into_inner) = window;
        Ok(logs)
    }

    /// `None` if the node does not want to answer for so many blocks: the window has become
    /// smaller.
    fn read_part(
        &self,
        query: &Query<'_>,
        window: &mut Window,
    ) -> Result<Option<Vec<Log>>, RpcError> {
        let blocks = query.to - query.from + 1;
        let node = if blocks > 1 { &self.hasty } else { &self.node };
        match self.wait(node.get_logs(&filter(query))) {
            Ok(answer) => {
                window.accepted();
                query.read(answer).map(Some)
            }
            Err(error) => {
                let answered = error.is_error_response();
                let error = RpcError::of_provider(GET_LOGS, error);
                if blocks == 1 || matches!(error, RpcError::Interrupted) {
                    return Err(error);
                }
                if answered {
                    window.refused(blocks);
                } else {
                    window.failed(blocks);
                }
                let blocks = window.blocks();
                let observer = self.node.as_ref().observer();
                observer.notice(&Notice::SmallerRange { blocks });
                Ok(None)
            }
        }
    }

    fn read_block(&self, block: BlockId) -> Result<Block, RpcError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let number = match block {
            BlockId::Latest => BlockNumber::Latest,
            BlockId::Number(number) => BlockNumber::Number(number.into()),
        };
        let found = self.wait(self.node.get_block(NodeBlockId::Number(number)));
        let found = found.map_err(|error| RpcError::of_provider(METHOD, error))?;
        let found = match (found, block) {
            (Some(found), _) => found,
            (None, BlockId::Number(number)) => return Err(RpcError::UnknownBlock(number)),
            (None, BlockId::Latest) => return Err(RpcError::UnknownBlock(0)),
        };
        let read = || {
            Some(Block {
                number: found.number?.as_u64(),
                hash: alloy_hash(found.hash?),
                timestamp: small(found.timestamp)?,
            })
        };
        let nonsense = |reason: &str| RpcError::Nonsense {
            method: METHOD,
            reason: reason.to_owned(),
        };
        let read = read().ok_or_else(|| nonsense("a block without number or hash"))?;
        if matches!(block, BlockId::Number(number) if number != read.number) {
            return Err(nonsense("another block than asked for"));
        }
        Ok(read)
    }

    fn read_input(&self, transaction: B256) -> Result<Option<TransactionInput>, RpcError> {
        const METHOD: &str = "eth_getTransactionByHash";
        let found = self.wait(self.node.get_transaction(ethers_hash(transaction)));
        let found = found.map_err(|error| RpcError::of_provider(METHOD, error))?;
        // Nodes show transactions that are in no block yet.
        let Some(found) = found.filter(|found| found.block_number.is_some()) else {
            return Ok(None);
        };
        if alloy_hash(found.hash) != transaction {
            return Err(RpcError::Nonsense {
                method: METHOD,
                reason: "another transaction than asked for".to_owned(),
            });
        }
        Ok(Some(TransactionInput {
            to: found.to.map(alloy_address),
            calldata: found.input.0.into(),
        }))
    }
}

/// The query as ethers writes it.
fn filter(query: &Query<'_>) -> Filter {
    let mut filter = Filter::new()
        .from_block(query.from)
        .to_block(query.to)
        .address(ethers_address(query.address));
    for (place, allowed) in filter.topics.iter_mut().zip(query.topics) {
        let values: Vec<_> = allowed
            .iter()
            .copied()
            .map(|topic| Some(ethers_hash(topic)))
            .collect();
        *place = (!values.is_empty()).then_some(Topic::from(ValueOrArray::Array(values)));
    }
    filter
}

impl Chain for RpcChain {
    fn chain_id(&self) -> Result<u64, ChainError> {
        Ok(self.chain_id)
    }

    fn accounts(&self) -> Vec<Address> {
        self.accounts.iter().map(Account::address).collect()
    }

    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        Ok(self.transact(from, to, calldata, value, None, None)?)
    }

    fn earlier(
        &mut self,
        from: Address,
        to: Address,
        calldata: Bytes,
        value: U256,
    ) -> Result<Option<Receipt>, ChainError> {
        Ok(self.settle(&Draft::new(from, Some(to), calldata, value), from)?)
    }

    fn send_until(
        &mut self,
        from: Address,
        to: Address,
        calldata: Bytes,
        value: U256,
        last_block: u64,
        replaces: Option<B256>,
    ) -> Result<Receipt, ChainError> {
        let last_block = Some(last_block);
        Ok(self.transact(from, Some(to), calldata, value, last_block, replaces)?)
    }

    fn call(&self, to: Address, calldata: Bytes) -> Result<Bytes, ChainError> {
        Ok(self.read_call(to, calldata)?)
    }

    fn try_create(&self, code: Bytes) -> Result<Option<Bytes>, ChainError> {
        match self.read_creation(code) {
            Ok(answer) => Ok(Some(answer)),
            // The code ran, to an end that is no answer; nodes say so in words of their own.
            Err(RpcError::Refused { message, .. }) => Err(ChainError::Halted(message)),
            Err(error) => Err(error.into()),
        }
    }

    fn gas_price(&self) -> Result<Option<U256>, ChainError> {
        let price = self.wait(self.node.get_gas_price());
        let price = price.map_err(|error| RpcError::of_provider("eth_gasPrice", error))?;
        Ok(Some(alloy_word(price)))
    }

    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        Ok(self.read_logs(Query {
            address,
            from: from_block,
            to: to_block,
            topics,
        })?)
    }

    fn block(&self, block: BlockId) -> Result<Block, ChainError> {
        Ok(self.read_block(block)?)
    }

    fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        Ok(self.read_code(address)?)
    }

    fn input(&self, transaction: B256) -> Result<Option<TransactionInput>, ChainError> {
        Ok(self.read_input(transaction)?)
    }

    fn balance(&self, address: Address) -> Result<U256, ChainError> {
        let balance = self.wait(self.node.get_balance(ethers_address(address), None));
        let balance = balance.map_err(|error| RpcError::of_provider("eth_getBalance", error))?;
        Ok(alloy_word(balance))
    }
}
