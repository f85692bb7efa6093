//! Where a scenario takes place: a chain in this process, or a node's.

use std::thread;
use std::time::Duration;

use maci_nova_chain::clock::duration;
use maci_nova_chain::{BlockId, Chain, Observer};
use maci_nova_contracts::alloy_primitives::Address;
use maci_nova_contracts::evm::Evm;
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
            DemoChain::Node { chain, .. } => chain.as_ref(),
        }
    }

    /// The chain, to send to.
    pub fn chain_mut(&mut self) -> &mut dyn Chain {
        match self {
            DemoChain::Embedded(evm) => evm.as_mut(),
            DemoChain::Node { chain, .. } => chain.as_mut(),
        }
    }

    /// Whether a long time passes at once.
    pub fn travels(&self) -> bool {
        match self {
            DemoChain::Embedded(_) => true,
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
            DemoChain::Node { .. } => {
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

fn travel(chain: &RpcChain, timestamp: u64) -> Result<(), maci_nova_node::RpcError> {
    let _: Value = chain.request("evm_setNextBlockTimestamp", json!([timestamp]))?;
    let _: Value = chain.request("evm_mine", json!([]))?;
    Ok(())
}
