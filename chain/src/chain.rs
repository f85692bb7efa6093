//! Transactions, calls, logs and blocks.

use alloy_primitives::{Address, Bytes, B256, U256};
use alloy_sol_types::{SolCall, SolEvent, SolInterface};
use thiserror::Error;

/// A chain with the accounts that it can send from.
///
/// Object-safe and synchronous: `&mut dyn Chain` is what commands take.
pub trait Chain {
    /// The chain id that transactions are signed for.
    ///
    /// # Errors
    /// [`ChainError::Transport`].
    fn chain_id(&self) -> Result<u64, ChainError>;

    /// The addresses that [`Chain::send`] can send from, the default one first.
    fn accounts(&self) -> Vec<Address>;

    /// Sends a transaction from one of [`Chain::accounts`] and waits until it is in a block.
    /// Without `to` it creates a contract: `calldata` is its code and the encoded constructor
    /// arguments. `value` is in wei.
    ///
    /// # Errors
    /// [`ChainError::Reverted`], whether the transaction reverted in a block or would have and was
    /// not sent; [`ChainError::Halted`] for other failures of execution; [`ChainError::NoContract`]
    /// for calldata to an address without code, which the EVM would take for a success;
    /// [`ChainError::UnknownAccount`]; [`ChainError::Invalid`] if it could not be executed at all
    /// (no funds, too much gas).
    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError>;

    /// Sends a call that is of no use after the block `last_block`, and stops waiting for it then.
    /// It takes the place of the transaction that `replaces` names, which an earlier call has left
    /// open ([`ChainError::Overdue`], or [`ChainError::Undecided`]): at most one of the two gets
    /// into a block, and the receipt of that one is returned. So the two have to be the same to the
    /// caller.
    ///
    /// # Errors
    /// As for [`Chain::send`], and [`ChainError::Overdue`].
    fn send_until(
        &mut self,
        from: Address,
        to: Address,
        calldata: Bytes,
        value: U256,
        last_block: u64,
        replaces: Option<B256>,
    ) -> Result<Receipt, ChainError> {
        // For chains where what is sent is in the next block.
        let _ = (last_block, replaces);
        self.send(from, Some(to), calldata, value)
    }

    /// The receipt of just this call, if an earlier process sent it and may not have known what
    /// came of it; it is looked for before anything is sent. Where nothing is remembered, there is
    /// none.
    ///
    /// # Errors
    /// As for [`Chain::send`], but that nothing is sent.
    fn earlier(
        &mut self,
        from: Address,
        to: Address,
        calldata: Bytes,
        value: U256,
    ) -> Result<Option<Receipt>, ChainError> {
        let _ = (from, to, calldata, value);
        Ok(None)
    }

    /// Executes a call on the newest state, changes nothing, and returns the contract's answer. The
    /// caller is the zero address.
    ///
    /// # Errors
    /// As for [`Chain::send`].
    fn call(&self, to: Address, calldata: Bytes) -> Result<Bytes, ChainError>;

    /// What code returns that is run as the creation of a contract, which changes nothing; `None`
    /// where a chain runs no code in this way.
    ///
    /// # Errors
    /// As for [`Chain::send`].
    fn try_create(&self, code: Bytes) -> Result<Option<Bytes>, ChainError> {
        let _ = code;
        Ok(None)
    }

    /// What a unit of gas costs now, in wei; `None` where gas costs nothing.
    ///
    /// # Errors
    /// [`ChainError::Transport`].
    fn gas_price(&self) -> Result<Option<U256>, ChainError> {
        Ok(None)
    }

    /// The logs of the contract `address` in the blocks `from_block..=to_block` in their order.
    /// `topics[i]` lists the values that topic `i` may have; an empty list, or none, allows all.
    ///
    /// # Errors
    /// [`ChainError::RangeTooLarge`] if fewer blocks have to be asked for at once, or
    /// [`ChainError::Transport`]. Blocks after the newest are not an error: they have no logs yet.
    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError>;

    /// A block's facts.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] if there is none of this number (yet).
    fn block(&self, block: BlockId) -> Result<Block, ChainError>;

    /// The code at an address, empty if there is no contract.
    ///
    /// # Errors
    /// [`ChainError::Transport`].
    fn code(&self, address: Address) -> Result<Bytes, ChainError>;

    /// What a transaction in a block was; `None` if no block has it.
    ///
    /// # Errors
    /// [`ChainError::Transport`].
    fn input(&self, transaction: B256) -> Result<Option<TransactionInput>, ChainError>;

    /// The balance of an address in wei.
    ///
    /// # Errors
    /// [`ChainError::Transport`].
    fn balance(&self, address: Address) -> Result<U256, ChainError>;
}

/// Which block is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockId {
    /// The newest one.
    Latest,
    /// The one of this number.
    Number(u64),
}

/// What identifies a block. After a reorganisation another hash is at the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Seconds since 1970; what contracts compare their times with.
    pub timestamp: u64,
}

/// A log of a contract and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// The event's signature hash and its indexed fields.
    pub topics: Vec<B256>,
    /// The other fields.
    pub data: Bytes,
    /// The block's number.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: B256,
    /// The transaction's hash.
    pub transaction: B256,
    /// Position among all logs of the block.
    pub index: u64,
}

impl Log {
    /// Reads it as the event `E`; `None` if it is another one.
    pub fn decode<E: SolEvent>(&self) -> Option<E> {
        E::decode_raw_log_validate(self.topics.iter().copied(), &self.data).ok()
    }
}

/// What a transaction asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionInput {
    /// The contract that was called; `None` if one was created.
    pub to: Option<Address>,
    /// What it was called with.
    pub calldata: Bytes,
}

/// A transaction that went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction's hash.
    pub transaction: B256,
    /// The block that it is in.
    pub block_number: u64,
    /// That block's hash.
    pub block_hash: B256,
    /// Gas of the whole transaction: intrinsic, calldata and execution.
    pub gas_used: u64,
    /// The contract that it created.
    pub contract: Option<Address>,
    /// Its logs in their order.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// The first event `E` of the contract `address`.
    pub fn event<E: SolEvent>(&self, address: Address) -> Option<E> {
        let mut logs = self.logs.iter().filter(|log| log.address == address);
        logs.find_map(Log::decode)
    }
}

/// What a deployment returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Where the contract is.
    pub contract: Address,
    /// Gas of the whole transaction.
    pub gas_used: u64,
    /// The block that it is in: the contract has no events before.
    pub block_number: u64,
}

/// Why a chain did not do what it was asked for. After an error of [`Chain::send`] no contract's
/// state has changed, except that after [`ChainError::Undecided`], [`ChainError::Left`] and
/// [`ChainError::Overdue`] it may have, or may still.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    /// The contract reverted.
    #[error("the contract reverted with 0x{}", alloy_primitives::hex::encode(data))]
    Reverted {
        /// The encoded error, empty if the contract named none.
        data: Bytes,
        /// Gas of the transaction; `None` if it was not sent because it would have reverted.
        gas_used: Option<u64>,
    },
    /// Execution stopped for another reason, for example out of gas.
    #[error("execution halted: {0}")]
    Halted(String),
    /// The transaction could not be executed at all.
    #[error("invalid transaction: {0}")]
    Invalid(String),
    /// Nothing is deployed at the address.
    #[error("there is no contract at {0}")]
    NoContract(Address),
    /// There is no key to send from this address.
    #[error("there is no key for the account {0}")]
    UnknownAccount(Address),
    /// There is no such block (yet).
    #[error("there is no block {0}")]
    UnknownBlock(u64),
    /// The node wants fewer blocks to be asked for at once.
    #[error("too many blocks or logs at once: {0}")]
    RangeTooLarge(String),
    /// The contract's answer is not what its interface says.
    #[error("the answer is not of the expected form: {0}")]
    Answer(String),
    /// The node could not be reached or did not answer properly; trying again may help.
    #[error("the node does not answer: {0}")]
    Transport(String),
    /// The node answers that it will not: the method is unknown, the caller not allowed.
    #[error("the node refuses: {0}")]
    Refused(String),
    /// The node takes no such transaction for now; trying again may help. Nothing was sent.
    #[error("not now: {0}")]
    NotNow(String),
    /// The transaction was sent, or perhaps was, and no block with it was seen. Whoever sends
    /// another may act twice.
    #[error("transaction {transaction} may be in a block, or get into one: {reason}")]
    Undecided {
        /// The transaction's hash.
        transaction: B256,
        /// What is known.
        reason: String,
    },
    /// The transaction is in no block yet, and as far as can be told of no use any more: see
    /// [`Chain::send_until`].
    #[error("transaction {transaction} is in no block yet, and is likely to be too old by now")]
    Overdue {
        /// The transaction's hash.
        transaction: B256,
    },
    /// Somebody asked to stop waiting for the transaction, which was sent, or perhaps was.
    #[error("interrupted; transaction {transaction} may be in a block, or get into one")]
    Left {
        /// The transaction's hash.
        transaction: B256,
    },
    /// What an earlier process sent is in the way: it is in a block, which that process did not
    /// see. Nothing was sent.
    #[error("{0}")]
    Earlier(String),
    /// What an earlier process signed cannot get into a block as things are, and may later. Nothing
    /// was sent.
    #[error("{0}")]
    Stuck(String),
    /// The file that remembers what is sent cannot be used. Nothing was sent.
    #[error("{reason}")]
    Memory {
        /// The file, and what is wrong with it.
        reason: String,
        /// Whether it was read, and is not as it was written.
        damaged: bool,
    },
    /// Somebody asked to stop waiting. Nothing was sent.
    #[error("interrupted")]
    Interrupted,
}

impl ChainError {
    /// Whether the same may go well later, with nobody doing anything. What a contract refuses has
    /// its own reasons, which this does not know.
    pub fn is_for_now(&self) -> bool {
        match self {
            Self::UnknownBlock(_)
            | Self::Transport(_)
            | Self::NotNow(_)
            | Self::Undecided { .. }
            | Self::Overdue { .. } => true,
            Self::Reverted { .. }
            | Self::Halted(_)
            | Self::Invalid(_)
            | Self::NoContract(_)
            | Self::UnknownAccount(_)
            | Self::Answer(_)
            | Self::RangeTooLarge(_)
            | Self::Refused(_)
            | Self::Earlier(_)
            | Self::Stuck(_)
            | Self::Memory { .. }
            | Self::Left { .. }
            | Self::Interrupted => false,
        }
    }

    /// The contract's own error, read as one of `E`, for example `Poll::PollErrors`.
    pub fn revert<E: SolInterface>(&self) -> Option<E> {
        match self {
            Self::Reverted { data, .. } => E::abi_decode_validate(data).ok(),
            _ => None,
        }
    }
}

/// Deploys a contract: `code` is its bytecode followed by the encoded constructor arguments.
///
/// # Errors
/// [`ChainError::Reverted`] if the constructor refuses its arguments, and as for [`Chain::send`].
pub fn deploy<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    code: Bytes,
) -> Result<Deployment, ChainError> {
    let receipt = chain.send(from, None, code, U256::ZERO)?;
    let contract = receipt.contract;
    Ok(Deployment {
        contract: contract.ok_or_else(|| ChainError::Answer("nothing was created".to_owned()))?,
        gas_used: receipt.gas_used,
        block_number: receipt.block_number,
    })
}

/// Sends a typed call with `value` wei.
///
/// # Errors
/// As for [`Chain::send`].
pub fn send<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    to: Address,
    call: &impl SolCall,
    value: U256,
) -> Result<Receipt, ChainError> {
    chain.send(from, Some(to), call.abi_encode().into(), value)
}

/// Executes a typed call without changing anything, and returns its typed answer.
///
/// # Errors
/// As for [`Chain::call`], and [`ChainError::Answer`] if what came back is not the call's return
/// value.
pub fn view<C: Chain + ?Sized, S: SolCall>(
    chain: &C,
    to: Address,
    call: &S,
) -> Result<S::Return, ChainError> {
    let answer = chain.call(to, call.abi_encode().into())?;
    S::abi_decode_returns_validate(&answer).map_err(|error| ChainError::Answer(error.to_string()))
}
