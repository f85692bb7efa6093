//! Where a scenario takes place: a chain in this process, or a node's.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use maci_nova_chain::clock::{self, duration};
use maci_nova_chain::{
    Block, BlockId, Chain, ChainError, Log, Observer, Receipt, TransactionInput,
};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::evm::Evm;
use maci_nova_contracts::evm_node::{EvmNode, NodeError};
use maci_nova_node::RpcChain;
use maci_nova_sdk::error::on_chain;
use serde_json::{json, Value};

use crate::failure::Failure;

/// Between two looks at a chain whose time is waited for.
const LOOK: Duration = Duration::from_secs(1);

/// A chain whose time can be moved, or waited for.
#[derive(Debug)]
pub enum DemoChain {
    /// In this process.
    Embedded(Box<Evm>),
    /// In this process, and a node for others; its time is this machine's.
    Shared(SharedNode),
    /// A node's.
    Node {
        /// The node.
        chain: Box<RpcChain>,
        /// Whether it moves its time when it is told to.
        travels: bool,
    },
}

impl DemoChain {
    /// A new chain in this process.
    pub fn embedded() -> Self {
        DemoChain::Embedded(Box::default())
    }

    /// A node's chain. A node for development is told to move its time; another is waited for.
    pub fn node(chain: RpcChain) -> Self {
        // Only anvil knows the method, and it changes nothing.
        let info: Result<Value, _> = chain.request("anvil_nodeInfo", json!([]));
        DemoChain::Node {
            travels: info.is_ok(),
            chain: Box::new(chain),
        }
    }

    /// The chain.
    pub fn chain(&self) -> &dyn Chain {
        match self {
            DemoChain::Embedded(evm) => evm.as_ref(),
            DemoChain::Shared(node) => node,
            DemoChain::Node { chain, .. } => chain.as_ref(),
        }
    }

    /// The chain, to send to.
    pub fn chain_mut(&mut self) -> &mut dyn Chain {
        match self {
            DemoChain::Embedded(evm) => evm.as_mut(),
            DemoChain::Shared(node) => node,
            DemoChain::Node { chain, .. } => chain.as_mut(),
        }
    }

    /// Whether a long time passes at once.
    pub fn travels(&self) -> bool {
        match self {
            DemoChain::Embedded(_) => true,
            DemoChain::Shared(_) => false,
            DemoChain::Node { travels, .. } => *travels,
        }
    }

    /// An account for a person: there may be fewer accounts than people.
    pub fn account(&self, person: usize) -> Result<Address, Failure> {
        let accounts = self.chain().accounts();
        let account = person.checked_rem(accounts.len()).map(|i| accounts[i]);
        account.ok_or_else(|| Failure::Usage("there is no account to send from".into()))
    }

    /// The newest block's time, in seconds since 1970.
    pub fn now(&self) -> Result<u64, Failure> {
        let newest = self.chain().block(BlockId::Latest);
        Ok(newest.map_err(on_chain("read a block"))?.timestamp)
    }

    /// Until a block is of this time, or later.
    pub fn go_to(&mut self, timestamp: u64, observer: &dyn Observer) -> Result<(), Failure> {
        let now = self.now()?;
        if now >= timestamp {
            return Ok(());
        }
        match self {
            DemoChain::Embedded(evm) => {
                evm.set_next_timestamp(timestamp);
                evm.mine(1);
                Ok(())
            }
            DemoChain::Node {
                chain,
                travels: true,
            } => travel(chain, timestamp).map_err(Failure::Node),
            DemoChain::Shared(_) | DemoChain::Node { .. } => {
                let left = duration((timestamp - now) as f64);
                observer.note(&format!("waiting {left} for the chain's time"));
                self.wait(timestamp, observer)
            }
        }
    }

    fn wait(&self, timestamp: u64, observer: &dyn Observer) -> Result<(), Failure> {
        while self.now()? < timestamp {
            if observer.interrupted() {
                return Err(Failure::Interrupted("the poll stays as it is"));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// An embedded chain that others ask as a node, and that this process sends to.
#[derive(Clone, Debug)]
pub struct SharedNode(Arc<Mutex<EvmNode>>);

/// Between two blocks without transactions.
const BLOCK: Duration = Duration::from_secs(4);

impl SharedNode {
    /// One that begins now. From here on it has blocks as time passes.
    pub fn now() -> Self {
        let evm = Evm::starting_at(clock::here());
        let node = SharedNode(Arc::new(Mutex::new(EvmNode::new(evm))));
        let blocks = node.clone();
        thread::spawn(move || loop {
            thread::sleep(BLOCK);
            blocks.with(|node| node.evm.mine(1));
        });
        node
    }

    /// The answer to a request of JSON-RPC.
    pub fn answer(&self, method: &str, params: &Value) -> Result<Value, NodeError> {
        self.with(|node| node.answer(method, params))
    }

    /// The next block is of the present.
    fn with<T>(&self, act: impl FnOnce(&mut EvmNode) -> T) -> T {
        let mut node = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        node.evm.set_next_timestamp(clock::here());
        act(&mut node)
    }
}

impl Chain for SharedNode {
    fn chain_id(&self) -> Result<u64, ChainError> {
        self.with(|node| node.evm.chain_id())
    }

    fn accounts(&self) -> Vec<Address> {
        self.with(|node| node.evm.accounts())
    }

    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        self.with(|node| node.evm.send(from, to, calldata, value))
    }

    fn call(&self, to: Address, calldata: Bytes) -> Result<Bytes, ChainError> {
        self.with(|node| node.evm.call(to, calldata))
    }

    fn try_create(&self, code: Bytes) -> Result<Option<Bytes>, ChainError> {
        self.with(|node| node.evm.try_create(code))
    }

    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        self.with(|node| node.evm.logs(address, from_block, to_block, topics))
    }

    fn block(&self, block: BlockId) -> Result<Block, ChainError> {
        self.with(|node| node.evm.block(block))
    }

    fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.with(|node| node.evm.code(address))
    }

    fn input(&self, transaction: B256) -> Result<Option<TransactionInput>, ChainError> {
        self.with(|node| node.evm.input(transaction))
    }

    fn balance(&self, address: Address) -> Result<U256, ChainError> {
        self.with(|node| node.evm.balance(address))
    }
}

fn travel(chain: &RpcChain, timestamp: u64) -> Result<(), maci_nova_node::RpcError> {
    let _: Value = chain.request("evm_setNextBlockTimestamp", json!([timestamp]))?;
    let _: Value = chain.request("evm_mine", json!([]))?;
    Ok(())
}
