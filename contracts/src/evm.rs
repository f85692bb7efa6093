//! An Ethereum virtual machine in this process, with the rules and prices of the main network, and
//! a chain around it: every transaction is in a block of its own, time passes when it is told to.

use std::collections::BTreeMap;
use std::convert::Infallible;

use alloy_primitives::{address, bytes, keccak256, Address, Bytes, TxKind, B256, U256};
use maci_nova_chain::{Block, BlockId, Chain, ChainError, Log, Receipt, TransactionInput};
use revm::context::result::{ExecutionResult, ResultAndState};
use revm::context::{BlockEnv, Context, TxEnv};
use revm::database::{CacheDB, EmptyDB, WrapDatabaseRef};
use revm::state::{AccountInfo, Bytecode};
use revm::{DatabaseCommit, DatabaseRef, ExecuteEvm, MainBuilder, MainContext};

/// Gas that every transaction may use: the most that the main network allows (EIP-7825).
pub const GAS_LIMIT: u64 = 1 << 24;

/// The first account.
pub const SENDER: Address = Address::repeat_byte(0x11);

/// Accounts that a new EVM has.
pub const ACCOUNTS: u8 = 16;

/// The chain id unless another one is asked for.
pub const CHAIN_ID: u64 = 31_337;

/// The time of block 0, in seconds since 1970.
pub const GENESIS_TIME: u64 = 4_000_000_000;

/// Seconds from one block to the next, unless time is moved.
pub const BLOCK_TIME: u64 = 12;

/// Where the history contract is on chains that have it (EIP-2935).
pub const HISTORY: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");

/// The history contract's code, as EIP-2935 has it.
pub const HISTORY_CODE: Bytes = bytes!(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257"
    "611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
);

/// Blocks whose hashes the history contract has room for.
const HISTORY_BLOCKS: u64 = 8191;

/// Wei that every account starts with.
pub const FUNDS: u128 = 1_000_000_000_000_000_000_000_000;

/// An EVM and its state. Gas has no price. A clone is a snapshot.
#[derive(Clone, Debug)]
pub struct Evm {
    state: CacheDB<EmptyDB>,
    chain_id: u64,
    accounts: Vec<Address>,
    blocks: Vec<Block>,
    logs: Vec<Log>,
    inputs: BTreeMap<B256, TransactionInput>,
    next_timestamp: Option<u64>,
}

impl Default for Evm {
    fn default() -> Self {
        Self::new()
    }
}

impl Evm {
    /// An EVM without any contract, with [`ACCOUNTS`] accounts.
    pub fn new() -> Self {
        Self::with_chain_id(CHAIN_ID)
    }

    /// The same on another chain.
    pub fn with_chain_id(chain_id: u64) -> Self {
        Self::beginning(chain_id, GENESIS_TIME)
    }

    /// The same whose block 0 is of another time, in seconds since 1970.
    pub fn starting_at(time: u64) -> Self {
        Self::beginning(CHAIN_ID, time)
    }

    fn beginning(chain_id: u64, time: u64) -> Self {
        let mut evm = Self {
            state: CacheDB::default(),
            chain_id,
            accounts: Vec::new(),
            blocks: Vec::new(),
            logs: Vec::new(),
            inputs: BTreeMap::new(),
            next_timestamp: Some(time),
        };
        evm.push_block(evm.next_block(B256::ZERO));
        for i in 0..ACCOUNTS {
            evm.add_account(Address::repeat_byte(SENDER[0] + i));
        }
        evm
    }

    /// Adds an account with [`FUNDS`], which can send from now on; its code stays if it is a
    /// contract.
    pub fn add_account(&mut self, account: Address) {
        let code = self.info(account).unwrap_or_default();
        let balance = U256::from(FUNDS);
        let info = AccountInfo { balance, ..code };
        self.state.insert_account_info(account, info);
        if !self.accounts.contains(&account) {
            self.accounts.push(account);
        }
    }

    /// Puts code at an address, as an upgrade of the chain does, and as no transaction can. With
    /// [`HISTORY_CODE`] at [`HISTORY`] the chain has the history contract, which knows the blocks
    /// before as well.
    pub fn set_code(&mut self, account: Address, code: Bytes) {
        let code = Bytecode::new_raw(code);
        let info = AccountInfo {
            code_hash: code.hash_slow(),
            code: Some(code),
            ..self.info(account).unwrap_or_default()
        };
        self.state.insert_account_info(account, info);
    }

    /// The newest block.
    pub fn latest(&self) -> Block {
        self.blocks[self.blocks.len() - 1]
    }

    /// The storage of a contract, slots that hold 0 left out.
    pub fn storage(&self, contract: Address) -> BTreeMap<U256, U256> {
        let account = self.state.cache.accounts.get(&contract);
        let slots = account.into_iter().flat_map(|account| &account.storage);
        let held = slots.filter(|(_, value)| !value.is_zero());
        held.map(|(slot, value)| (*slot, *value)).collect()
    }

    /// Makes empty blocks.
    pub fn mine(&mut self, blocks: u64) {
        for _ in 0..blocks {
            self.push_block(self.next_block(B256::ZERO));
        }
    }

    /// Makes an empty block this many seconds after the newest one.
    pub fn advance_time(&mut self, seconds: u64) {
        self.set_next_timestamp(self.latest().timestamp + seconds);
        self.mine(1);
    }

    /// Gives the next block a time. An earlier time than the newest block's is taken for that.
    pub fn set_next_timestamp(&mut self, timestamp: u64) {
        self.next_timestamp = Some(timestamp.max(self.latest().timestamp));
    }

    /// The block after the newest one, with this transaction.
    fn next_block(&self, transaction: B256) -> Block {
        let latest = self.blocks.last();
        let number = latest.map_or(0, |block| block.number + 1);
        let parent = latest.map_or(B256::ZERO, |block| block.hash);
        let usual = latest.map_or(0, |block| block.timestamp + BLOCK_TIME);
        let timestamp = self.next_timestamp.unwrap_or(usual);
        let parts = [number, timestamp].map(u64::to_be_bytes).concat();
        let hash = keccak256([parent.as_slice(), transaction.as_slice(), &parts].concat());
        Block {
            number,
            hash,
            timestamp,
        }
    }

    fn push_block(&mut self, block: Block) {
        self.blocks.push(block);
        self.next_timestamp = None;
    }

    fn info(&self, address: Address) -> Option<AccountInfo> {
        let Ok(info) = self.state.basic_ref(address);
        info
    }

    fn require_contract(&self, address: Address) -> Result<(), ChainError> {
        let code = self.info(address);
        if code.is_none_or(|info| info.is_empty_code_hash()) {
            return Err(ChainError::NoContract(address));
        }
        Ok(())
    }

    /// Executes a transaction in `block` on the newest state, which stays as it is.
    fn execute(
        &self,
        caller: Address,
        kind: TxKind,
        data: Bytes,
        value: U256,
        block: Block,
    ) -> Result<ResultAndState, ChainError> {
        let invalid = |error: String| ChainError::Invalid(error);
        let nonce = self.info(caller).unwrap_or_default().nonce;
        let transaction = TxEnv::builder()
            .caller(caller)
            .kind(kind)
            .data(data)
            .value(value)
            .nonce(nonce)
            .chain_id(Some(self.chain_id))
            .gas_limit(GAS_LIMIT)
            .build()
            .map_err(|error| invalid(format!("{error:?}")))?;
        let past = Past {
            state: &self.state,
            blocks: &self.blocks,
            number: block.number,
        };
        let block = BlockEnv {
            number: U256::from(block.number),
            timestamp: U256::from(block.timestamp),
            ..BlockEnv::default()
        };
        Context::mainnet()
            .with_db(WrapDatabaseRef(past))
            .with_block(block)
            .modify_cfg_chained(|cfg| cfg.chain_id = self.chain_id)
            .build_mainnet()
            .transact(transaction)
            .map_err(|error| invalid(error.to_string()))
    }

    /// The transaction's logs, as the only ones of the block.
    fn keep_logs(&mut self, logs: Vec<alloy_primitives::Log>, receipt: &mut Receipt) {
        let placed = logs.into_iter().enumerate().map(|(index, log)| Log {
            address: log.address,
            topics: log.topics().to_vec(),
            data: log.data.data.clone(),
            block_number: receipt.block_number,
            block_hash: receipt.block_hash,
            transaction: receipt.transaction,
            index: index as u64,
        });
        receipt.logs = placed.collect();
        self.logs.extend(receipt.logs.iter().cloned());
    }
}

/// What a transaction of block `number` finds: the state, and the hashes of the blocks before.
struct Past<'a> {
    state: &'a CacheDB<EmptyDB>,
    blocks: &'a [Block],
    number: u64,
}

impl Past<'_> {
    fn hash(&self, number: u64) -> B256 {
        let index = usize::try_from(number).ok();
        let block = index.and_then(|index| self.blocks.get(index));
        block.map_or(B256::ZERO, |block| block.hash)
    }

    /// What every block's start writes into the history contract: the hash of block n stands in
    /// slot n mod 8191.
    fn history(&self, slot: U256) -> U256 {
        let slot = u64::try_from(slot).ok();
        let slot = slot.filter(|slot| *slot < HISTORY_BLOCKS);
        let newest = self.number.checked_sub(1);
        let number = newest.zip(slot).and_then(|(newest, slot)| {
            let back = (newest % HISTORY_BLOCKS + HISTORY_BLOCKS - slot) % HISTORY_BLOCKS;
            newest.checked_sub(back)
        });
        number.map_or(U256::ZERO, |number| self.hash(number).into())
    }
}

impl DatabaseRef for Past<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.state.basic_ref(address)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        self.state.code_by_hash_ref(code_hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        match address {
            HISTORY => Ok(self.history(slot)),
            _ => self.state.storage_ref(address, slot),
        }
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        Ok(self.hash(number))
    }
}

impl Chain for Evm {
    fn chain_id(&self) -> Result<u64, ChainError> {
        Ok(self.chain_id)
    }

    fn accounts(&self) -> Vec<Address> {
        self.accounts.clone()
    }

    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        if !self.accounts.contains(&from) {
            return Err(ChainError::UnknownAccount(from));
        }
        if let Some(to) = to.filter(|_| !calldata.is_empty()) {
            self.require_contract(to)?;
        }
        // The sender and the block's number make it a hash of its own.
        let number = self.blocks.len().to_be_bytes();
        let transaction = keccak256([from.as_slice(), &number, &calldata].concat());
        let block = self.next_block(transaction);
        let kind = to.map_or(TxKind::Create, TxKind::Call);
        let input = TransactionInput {
            to,
            calldata: calldata.clone(),
        };
        let ResultAndState { result, state } = self.execute(from, kind, calldata, value, block)?;
        self.state.commit(state);
        self.push_block(block);
        self.inputs.insert(transaction, input);
        let (logs, mut receipt) = read(result, transaction, block)?;
        self.keep_logs(logs, &mut receipt);
        Ok(receipt)
    }

    fn call(&self, to: Address, calldata: Bytes) -> Result<Bytes, ChainError> {
        self.require_contract(to)?;
        let kind = TxKind::Call(to);
        let latest = self.latest();
        match self
            .execute(Address::ZERO, kind, calldata, U256::ZERO, latest)?
            .result
        {
            ExecutionResult::Success { output, .. } => Ok(output.into_data()),
            other => Err(failure(other, None)),
        }
    }

    fn try_create(&self, code: Bytes) -> Result<Option<Bytes>, ChainError> {
        let (kind, latest) = (TxKind::Create, self.latest());
        match self
            .execute(Address::ZERO, kind, code, U256::ZERO, latest)?
            .result
        {
            ExecutionResult::Success { output, .. } => Ok(Some(output.into_data())),
            other => Err(failure(other, None)),
        }
    }

    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        let start = self
            .logs
            .partition_point(|log| log.block_number < from_block);
        let end = self
            .logs
            .partition_point(|log| log.block_number <= to_block);
        let range = self.logs.get(start..end).unwrap_or_default();
        let wanted = |log: &&Log| log.address == address && has_topics(log, topics);
        Ok(range.iter().filter(wanted).cloned().collect())
    }

    fn block(&self, block: BlockId) -> Result<Block, ChainError> {
        let BlockId::Number(number) = block else {
            return Ok(self.latest());
        };
        let index = usize::try_from(number).ok();
        let block = index.and_then(|index| self.blocks.get(index));
        block.copied().ok_or(ChainError::UnknownBlock(number))
    }

    fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        let Some(info) = self.info(address) else {
            return Ok(Bytes::new());
        };
        let code = match info.code {
            Some(code) => code,
            None => {
                let Ok(code) = self.state.code_by_hash_ref(info.code_hash);
                code
            }
        };
        Ok(code.original_bytes())
    }

    fn input(&self, transaction: B256) -> Result<Option<TransactionInput>, ChainError> {
        Ok(self.inputs.get(&transaction).cloned())
    }

    fn balance(&self, address: Address) -> Result<U256, ChainError> {
        Ok(self.info(address).unwrap_or_default().balance)
    }
}

/// A transaction that went through, its logs apart.
fn read(
    result: ExecutionResult,
    transaction: B256,
    block: Block,
) -> Result<(Vec<alloy_primitives::Log>, Receipt), ChainError> {
    let gas_used = result.gas_used();
    match result {
        ExecutionResult::Success { output, logs, .. } => {
            let receipt = Receipt {
                transaction,
                block_number: block.number,
                block_hash: block.hash,
                gas_used,
                contract: output.address().copied(),
                logs: Vec::new(),
            };
            Ok((logs, receipt))
        }
        other => Err(failure(other, Some(gas_used))),
    }
}

fn failure(result: ExecutionResult, gas_used: Option<u64>) -> ChainError {
    match result {
        ExecutionResult::Revert { output, .. } => ChainError::Reverted {
            data: output,
            gas_used,
        },
        ExecutionResult::Halt { reason, .. } => ChainError::Halted(format!("{reason:?}")),
        ExecutionResult::Success { .. } => ChainError::Invalid("it went through".to_owned()),
    }
}

/// Whether each topic is one of those asked for at its place.
fn has_topics(log: &Log, wanted: &[Vec<B256>]) -> bool {
    wanted.iter().enumerate().all(|(i, allowed)| {
        let topic = log.topics.get(i);
        allowed.is_empty() || topic.is_some_and(|topic| allowed.contains(topic))
    })
}
