//! A node and the poll file that says what is on its chain.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use maci_nova_chain::{clock, Chain, Notice, Observer, RpcUrl};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_coordinator::finalize::{check_file, check_verifier};
use maci_nova_coordinator::prove::{self, keys::DeciderKeys};
use maci_nova_folding::Parameters;
use maci_nova_node::{Account, AccountSource, Options, RpcChain, RpcError};
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys::{self, CheckedKeys};

use crate::advice;
use crate::arguments::shared::{Node, Sender};
use crate::console::Console;
use crate::failure::Failure;

/// Wei.
const GWEI: U256 = U256::from_limbs([1_000_000_000, 0, 0, 0]);

/// Between two lines about a transaction that is waited for.
const PENDING: Duration = Duration::from_secs(10);

/// A poll file, and a node of its chain.
#[derive(Debug)]
pub struct Connection {
    path: PathBuf,
    /// What the poll file says.
    pub file: PollFile,
    /// The node.
    pub chain: RpcChain,
    /// What is known of the verifiers' keys, where they were looked at.
    pub keys: Option<CheckedKeys>,
}

impl Connection {
    /// Reads the poll file and connects to a node, with no account to send from. In production
    /// the keys of its deployment have to be those that somebody has named.
    pub fn read_only(node: &Node, console: &Console) -> Result<Self, Failure> {
        Self::open(node, None, console)?.checked(console)
    }

    /// The same with the account that the arguments name.
    pub fn sending(node: &Node, sender: &Sender, console: &Console) -> Result<Self, Failure> {
        Self::open(node, Some(sender), console)?.checked(console)
    }

    /// The same with a poll file that may not be on disk yet.
    pub fn sending_for(
        file: PollFile,
        node: &Node,
        sender: &Sender,
        console: &Console,
    ) -> Result<Self, Failure> {
        Self::of(file, node, Some(sender), console)?.checked(console)
    }

    /// The decider's keys, which have to be those of the poll's verifier and of its deployment. Before anything long: what is
    /// refused or has no room is so at once.
    pub fn decider_keys(
        &self,
        poll: &PollContract,
        parameters: &Parameters,
        console: &Console,
    ) -> Result<DeciderKeys, Failure> {
        let mut keys = prove::keys::decider(parameters, &console.keys(), console)?;
        // Whatever they are called here: for everybody else the verifier says that they are for development.
        let of_verifier = self.keys.as_ref();
        keys.are_known &= of_verifier.is_some_and(|keys| keys.insecure.is_none());
        check_verifier(&self.chain, poll, &keys.prover)?;
        check_file(&self.file, keys.prover.digest())?;
        Ok(keys)
    }

    fn checked(mut self, console: &Console) -> Result<Self, Failure> {
        let checked = keys::check(&self.chain, &self.file.contracts, &console.keys())?;
        if let Some(reason) = checked.insecure {
            console.warn(format!("INSECURE: {reason}"));
        }
        self.keys = Some(checked);
        Ok(self)
    }

    /// The same without a look at the keys: for commands that look at them themselves, and for
    /// those that only take money out.
    pub fn open(node: &Node, sender: Option<&Sender>, console: &Console) -> Result<Self, Failure> {
        Self::of(PollFile::read(&node.poll_file)?, node, sender, console)
    }

    fn of(
        file: PollFile,
        node: &Node,
        sender: Option<&Sender>,
        console: &Console,
    ) -> Result<Self, Failure> {
        let url = node.endpoint.rpc_url.as_ref().or(file.rpc_url.as_ref());
        let url = url.ok_or_else(|| no_node(&node.poll_file))?;
        let chain = connect(
            url,
            Some(file.chain_id),
            sender,
            Some(&node.poll_file),
            console,
        )?;
        Ok(Connection {
            path: node.poll_file.clone(),
            file,
            chain,
            keys: None,
        })
    }

    /// Where the poll file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The account that sends, if there is one.
    pub fn sender(&self) -> Option<Address> {
        self.chain.accounts().first().copied()
    }

    /// The account that sends; an error if the connection was made without one.
    pub fn sending_account(&self) -> Result<Address, Failure> {
        let missing = || Failure::Internal("no account to send from".into());
        self.sender().ok_or_else(missing)
    }

    /// About when the chain's next block will be, in seconds since 1970.
    pub fn now(&self) -> Result<u64, Failure> {
        Ok(clock::now(&self.chain).map_err(on_chain("read the newest block"))?)
    }

    /// How far the chain's clock is from this machine's, if it is minutes.
    pub fn clock_disagreement(&self) -> Result<Option<String>, Failure> {
        let found = clock::disagreement(&self.chain);
        Ok(found.map_err(on_chain("read the newest block"))?)
    }

    /// The end of a command that sends: what is shown is known, and nothing that the next command
    /// has to look for. (See [`RpcChain::tidy`].)
    pub fn conclude(
        mut self,
        shown: Result<(), Failure>,
        console: &Console,
    ) -> Result<(), Failure> {
        shown?;
        tidy(&mut self.chain, console);
        Ok(())
    }

    /// The poll that the file names.
    pub fn poll(&self) -> Result<PollContract, Failure> {
        let contract = self.file.poll(&self.path)?;
        let poll = PollContract::open(&self.chain, &self.file, contract)?;
        if let Some(keys) = &self.keys {
            keys.check_poll(&self.chain, &poll)?;
        }
        Ok(poll)
    }
}

fn no_node(path: &Path) -> Failure {
    Failure::Usage(format!(
        "poll file {} names no node; give --rpc-url or set MACI_NOVA_RPC_URL",
        path.display()
    ))
}

/// The account that the arguments name.
fn account(sender: &Sender) -> Result<Account, Failure> {
    let source = match (&sender.keystore, &sender.account_key_file) {
        (Some(path), _) => AccountSource::Keystore {
            path: path.clone(),
            password_file: sender.password_file.clone(),
        },
        (None, Some(path)) => AccountSource::KeyFile(path.clone()),
        (None, None) => AccountSource::Environment,
    };
    Ok(Account::open(&source)?)
}

/// Connects to a node, which must be of the chain if one is named, with the sender's account. What
/// that sends is remembered beside the poll file until it is seen in a block.
pub fn connect(
    url: &RpcUrl,
    chain_id: Option<u64>,
    sender: Option<&Sender>,
    poll_file: Option<&Path>,
    console: &Console,
) -> Result<RpcChain, Failure> {
    let options = Options {
        chain_id,
        accounts: sender.map(account).transpose()?.into_iter().collect(),
        max_fee: sender.map_or(U256::ZERO, |sender| U256::from(sender.max_fee) * GWEI),
        max_tip: sender.map_or(U256::ZERO, |sender| U256::from(sender.max_tip) * GWEI),
        outbox: poll_file.map(Path::to_owned),
        observer: Arc::new(Watcher {
            console: console.clone(),
            said: Mutex::new(None),
        }),
        ..Options::default()
    };
    RpcChain::connect(url, options).map_err(|error: RpcError| Failure::Node(error))
}

/// Forgets what an earlier process sent and is in a block. What stays is looked for again.
pub fn tidy(chain: &mut RpcChain, console: &Console) {
    if let Err(error) = chain.tidy() {
        console.note(format!(
            "what an earlier command sent is looked for again next time: {error}"
        ));
    }
}

/// The other node, if one is named.
pub fn second(
    url: Option<&RpcUrl>,
    chain_id: u64,
    console: &Console,
) -> Result<Option<RpcChain>, Failure> {
    url.map(|url| connect(url, Some(chain_id), None, None, console))
        .transpose()
}

/// Shows what is waited for, and ends waiting on Ctrl-C.
struct Watcher {
    console: Console,
    /// When a pending transaction was last spoken of.
    said: Mutex<Option<Instant>>,
}

impl Observer for Watcher {
    fn notice(&self, notice: &Notice) {
        if let Notice::Sent { .. } = notice {
            return;
        }
        if let Notice::Pending { waited, .. } = notice {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let quiet = said.is_some_and(|said| said.elapsed() < PENDING);
            if quiet || *waited < PENDING {
                return;
            }
            *said = Some(Instant::now());
        }
        self.console
            .note(format!("{notice}{}", advice::of_notice(notice)));
    }

    fn interrupted(&self) -> bool {
        self.console.interrupted()
    }
}
