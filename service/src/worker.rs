//! A poll's life: it is looked for, followed while it is open, folded, proven and finalized. Each
//! poll has a thread of its own; what takes all cores is done in turns.
//!
//! Everything is on disk as soon as it is done (see `maci_nova_coordinator`), so the process may end
//! at any line here: the next one begins at the top, and finds what there is.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use maci_nova_chain::{BlockId, Chain, Contract, Observer, RpcUrl};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::poll::PollState;
use maci_nova_coordinator::coordinator::{Coordinator, CoordinatorContext, Reached};
use maci_nova_coordinator::directory::{log_file, ProofDirectory};
use maci_nova_coordinator::finalize::{self, check_ahead, check_file, check_verifier};
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_coordinator::parameters::parameters;
use maci_nova_coordinator::prove::finalization::Finalization;
use maci_nova_coordinator::prove::keys::{self as proving_keys, DeciderKeys};
use maci_nova_coordinator::Error as CoordinatorError;
use maci_nova_files::{write_atomically, Readers};
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_node::{Account, Options, RpcChain, RpcError};
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys::{self, CheckedKeys, KeyPolicy};
use maci_nova_sdk::{Error as PollError, ErrorKind};
use maci_nova_step_circuit::Shape;
use tracing::error;

use crate::config::Finalize;
use crate::error::Error;
use crate::judge::Case;
use crate::key::Key;
use crate::node::kind_of;
use crate::progress::{Board, Phase, Read, Watch};
use crate::stop::{lock, Stop};
use crate::turns::{Claim, Turns, Urgency};

/// The first and the longest pause before what failed is tried again: of what passes by itself, and
/// of what somebody has to do something about.
const SOON: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
const SLOWLY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));

/// Between two looks at a poll that is over.
const OVER: Duration = Duration::from_secs(60);

/// Blocks after which a poll that is over stays so.
const SETTLED: u64 = 64;

/// Says that an administrator has agreed to send the proof, also after the process has ended.
const APPROVED: &str = "approved";

/// What all polls of a service share.
#[derive(Debug)]
pub(crate) struct Office {
    pub url: RpcUrl,
    pub second: Option<RpcUrl>,
    pub confirmations: u64,
    pub every: Duration,
    pub source: SetupSource,
    pub checkpoint_every: Interval,
    pub policy: KeyPolicy,
    pub account: Option<Account>,
    /// In wei.
    pub max_fee: U256,
    /// In wei.
    pub max_tip: U256,
    pub turns: Arc<Turns>,
    pub stop: Stop,
    /// Made once for each shape, as long as a poll needs them.
    pub parameters: Mutex<HashMap<Shape, Weak<Parameters>>>,
    /// One transaction of the account at a time: two would have one nonce.
    pub sending: Mutex<()>,
}

/// A poll, and its thread's part of the office.
#[derive(Debug)]
pub(crate) struct Worker {
    pub office: Arc<Office>,
    /// Its number among the polls.
    pub number: usize,
    pub path: PathBuf,
    pub file: PollFile,
    pub contract: Contract,
    pub key: Arc<Key>,
    pub finalize: Finalize,
    pub root: PathBuf,
    pub board: Arc<Board>,
    pub desk: Arc<Desk>,
}

/// Where an administrator's word for a poll arrives.
#[derive(Debug)]
pub(crate) struct Desk {
    root: PathBuf,
    retry: AtomicBool,
    stop: Stop,
}

impl Desk {
    pub(crate) fn new(root: PathBuf, stop: Stop) -> Self {
        Desk {
            root,
            retry: AtomicBool::new(false),
            stop,
        }
    }

    /// The proof is to be sent. When this returns it is on disk.
    pub(crate) fn approve(&self) -> std::io::Result<()> {
        write_atomically(&self.root.join(APPROVED), Readers::Owner, |_| Ok(()))?;
        self.stop.wake();
        Ok(())
    }

    fn is_approved(&self) -> bool {
        self.root.join(APPROVED).exists()
    }

    /// What failed is to be tried again now.
    pub(crate) fn retry(&self) {
        self.retry.store(true, Ordering::SeqCst);
        self.stop.wake();
    }

    fn takes_retry(&self) -> bool {
        self.retry.swap(false, Ordering::SeqCst)
    }
}

/// Why work on a poll stops.
#[derive(Debug)]
enum Fault {
    Coordinator(CoordinatorError),
    /// While the proof was being sent.
    Sending(CoordinatorError),
    Node(RpcError),
    Panic,
}

impl Fault {
    fn kind(&self) -> ErrorKind {
        match self {
            Fault::Coordinator(error) | Fault::Sending(error) => error.kind(),
            Fault::Node(error) => kind_of(error),
            Fault::Panic => ErrorKind::Internal,
        }
    }

    fn text(&self) -> String {
        match self {
            Fault::Coordinator(error) | Fault::Sending(error) => error.to_string(),
            Fault::Node(error) => error.to_string(),
            Fault::Panic => "the work on this poll has panicked".into(),
        }
    }
}

impl From<CoordinatorError> for Fault {
    fn from(error: CoordinatorError) -> Self {
        Fault::Coordinator(error)
    }
}

impl From<PollError> for Fault {
    fn from(error: PollError) -> Self {
        Fault::Coordinator(error.into())
    }
}

impl From<RpcError> for Fault {
    fn from(error: RpcError) -> Self {
        Fault::Node(error)
    }
}

/// A poll that was found on its chain.
struct Found {
    chain: RpcChain,
    second: Option<RpcChain>,
    poll: PollContract,
    keys: CheckedKeys,
}

impl Found {
    /// The newest block's time, which the contract goes by.
    fn now(&self) -> Result<u64, Fault> {
        let newest = self.chain.block(BlockId::Latest);
        Ok(newest.map_err(on_chain("read a block"))?.timestamp)
    }
}

/// Growing pauses.
#[derive(Debug, Default)]
struct Pauses(u32);

impl Pauses {
    fn next(&mut self, (first, longest): (Duration, Duration)) -> Duration {
        let doublings = self.0.min(16);
        self.0 += 1;
        first.saturating_mul(1 << doublings).min(longest)
    }
}

/// What comes after a part of a poll's life.
enum Next {
    /// The poll is looked at again from the start.
    Again,
    /// Nothing is left to be done, ever.
    Over,
}

impl Worker {
    /// Works on a thread of its own until the poll is over or the service ends.
    pub(crate) fn start(self) -> Result<thread::JoinHandle<()>, Error> {
        let thread = thread::Builder::new().name(format!("poll {}", self.number));
        thread.spawn(move || self.run()).map_err(Error::Thread)
    }

    /// Its messages, as they arrive.
    pub(crate) fn case(&self) -> Case {
        Case {
            board: Arc::clone(&self.board),
            key: Arc::clone(&self.key),
            log: log_file(&self.root),
            judged: 0,
        }
    }

    fn run(&self) {
        let mut pauses = Pauses::default();
        while !self.office.stop.asked() {
            let lived = catch_unwind(AssertUnwindSafe(|| self.live()));
            let fault = match lived {
                Ok(Ok(Next::Over)) => return,
                Ok(Ok(Next::Again)) => {
                    pauses = Pauses::default();
                    continue;
                }
                Ok(Err(fault)) => fault,
                Err(_) => Fault::Panic,
            };
            // Asked to end, or to give the turn up.
            if fault.kind() == ErrorKind::Interrupted {
                continue;
            }
            self.wait_after(&fault, &mut pauses);
        }
    }

    /// Money may have been spent on what fails while it is sent: somebody has to look at it. What is
    /// wrong with files and keys stays wrong.
    fn wait_after(&self, fault: &Fault, pauses: &mut Pauses) {
        let kind = fault.kind();
        let pause = match kind {
            ErrorKind::Later | ErrorKind::Io => Some(SOON),
            _ if matches!(fault, Fault::Sending(_)) => None,
            // A node of another chain or without a method, or another process in the folder.
            ErrorKind::Chain | ErrorKind::Internal | ErrorKind::Request => Some(SLOWLY),
            _ => None,
        };
        let _ = self.desk.takes_retry();
        self.board.fail(kind, &fault.text(), pause.is_some());
        let Some(pause) = pause else {
            error!(poll = %self.board.poll, "stopped until an administrator asks for another try, or a restart");
            self.board.enter(Phase::Failed);
            while !self.office.stop.asked() && !self.desk.takes_retry() {
                self.office.stop.pause(OVER);
            }
            return;
        };
        self.pause(pauses.next(pause));
    }

    /// As long as nobody asks for more.
    fn pause(&self, time: Duration) {
        let begun = std::time::Instant::now();
        while !self.office.stop.asked() && !self.desk.takes_retry() {
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            self.office.stop.pause(left);
        }
    }

    fn watch(&self, yields: bool) -> Watch {
        let turns = || (Arc::clone(&self.office.turns), self.number);
        Watch {
            board: Arc::clone(&self.board),
            stop: self.office.stop.clone(),
            turns: yields.then(turns),
        }
    }

    /// From the first look at the poll to its end, as far as it goes.
    fn live(&self) -> Result<Next, Fault> {
        if !self.board.phase().is_over() {
            self.board.enter(Phase::Connecting);
        }
        let found = self.find()?;
        match found.poll.state(&found.chain)? {
            PollState::Finalized => return self.after(found, Phase::Finalized),
            PollState::Aborted => return self.after(found, Phase::Aborted),
            _ if found.now()? >= found.poll.deadline(&found.chain)? => {
                return self.after(found, Phase::Expired)
            }
            _ => {}
        }
        self.board.recover_from_the_node();
        self.wait_for_the_start(&found)?;
        let directory = ProofDirectory::open(&self.root)?;
        let parameters = self.prepare(&found)?;
        let Some(claim) = self.follow(&found, &parameters, &directory)? else {
            return Ok(Next::Again);
        };
        self.conclude(found, &parameters, &directory, claim)?;
        Ok(Next::Again)
    }

    fn connect(&self, url: &RpcUrl, sends: bool) -> Result<RpcChain, Fault> {
        let office = &self.office;
        let account = office.account.clone().filter(|_| sends);
        let options = Options {
            chain_id: Some(self.file.chain_id),
            accounts: account.into_iter().collect(),
            max_fee: office.max_fee,
            max_tip: office.max_tip,
            outbox: sends.then(|| self.path.clone()),
            observer: Arc::new(self.watch(false)),
            ..Options::default()
        };
        Ok(RpcChain::connect(url, options)?)
    }

    fn find(&self) -> Result<Found, Fault> {
        let office = &self.office;
        let chain = self.connect(&office.url, true)?;
        let second = office.second.as_ref();
        let second = second.map(|url| self.connect(url, false)).transpose()?;
        let keys = keys::check(&chain, &self.file.contracts, &office.policy)?;
        if let Some(reason) = keys.insecure.filter(|_| !self.board.is_insecure()) {
            self.watch(false).warn(&format!("INSECURE: {reason}"));
        }
        let poll = PollContract::open(&chain, &self.file, self.contract)?;
        keys.check_poll(&chain, &poll)?;
        let deadline = poll.deadline(&chain)?;
        let insecure = keys.insecure.is_some();
        self.board.set_times(poll.times(), deadline, insecure);
        Ok(Found {
            chain,
            second,
            poll,
            keys,
        })
    }

    fn wait_for_the_start(&self, found: &Found) -> Result<(), Fault> {
        while found.now()? < found.poll.times().0 {
            self.board.enter(Phase::Pending);
            self.board.recover();
            self.rest()?;
        }
        Ok(())
    }

    /// Until the next look at the chain.
    fn rest(&self) -> Result<(), Fault> {
        self.pause(self.office.every);
        self.check_stop()
    }

    fn check_stop(&self) -> Result<(), Fault> {
        match self.office.stop.asked() {
            true => Err(Fault::Node(RpcError::Interrupted)),
            false => Ok(()),
        }
    }

    fn urgency(&self, found: &Found, has_ended: bool) -> Result<Urgency, Fault> {
        Ok(match has_ended {
            true => Urgency::Ended(found.poll.deadline(&found.chain)?),
            false => Urgency::Open(found.poll.times().1),
        })
    }

    /// Parameters, and a look at the keys: what is missing is missed before the poll's end.
    fn prepare(&self, found: &Found) -> Result<Arc<Parameters>, Fault> {
        let shape = found.poll.shape();
        let office = &self.office;
        let known = |made: &HashMap<Shape, Weak<Parameters>>| made.get(&shape)?.upgrade();
        let claim = office.turns.claim(self.number, self.urgency(found, false)?);
        while !claim.wait(office.every, &|| office.stop.asked()) {
            self.check_stop()?;
            self.board.enter(Phase::Queued);
        }
        self.board.enter(Phase::Preparing);
        let made = known(&lock(&office.parameters));
        if let Some(made) = made {
            return Ok(made);
        }
        let watch = self.watch(false);
        let made = Arc::new(parameters(shape, &office.source, &watch)?);
        // Where the poll has ended they are read soon enough.
        if found.now()? < found.poll.times().1 {
            self.keys(found, &made)?;
        }
        lock(&office.parameters).insert(shape, Arc::downgrade(&made));
        Ok(made)
    }

    /// The decider's keys, which have to be those of the poll's verifier.
    fn keys(&self, found: &Found, parameters: &Parameters) -> Result<DeciderKeys, Fault> {
        let watch = self.watch(false);
        let mut keys = proving_keys::decider(parameters, &self.office.policy, &watch)?;
        // Whatever they are called here: for others the verifier says that they are for development.
        keys.are_known &= found.keys.insecure.is_none();
        check_verifier(&found.chain, &found.poll, &keys.prover)?;
        check_file(&self.file, keys.prover.digest())?;
        Ok(keys)
    }

    fn context<'a>(
        &'a self,
        found: &'a Found,
        parameters: &'a Parameters,
        observer: &'a Watch,
    ) -> CoordinatorContext<'a> {
        CoordinatorContext {
            poll: &found.poll,
            key: &self.key.0,
            parameters,
            confirmations: self.office.confirmations,
            checkpoint_every: self.office.checkpoint_every,
            second: found.second.as_ref().map(|second| second as &dyn Chain),
            workers: None,
            observer,
        }
    }

    /// Until all is folded; the turn then. None if the poll is over, or to be looked at again.
    fn follow<'a>(
        &'a self,
        found: &Found,
        parameters: &Parameters,
        directory: &ProofDirectory,
    ) -> Result<Option<Claim<'a>>, Fault> {
        let watch = self.watch(true);
        let context = self.context(found, parameters, &watch);
        let mut coordinator = Coordinator::open(context, directory)?;
        let mut claim = None;
        let mut pauses = Pauses::default();
        loop {
            self.check_stop()?;
            match self.look(found, &mut coordinator, &mut claim) {
                Ok(Looked::Folded) => return Ok(claim),
                Ok(Looked::Over) => return Ok(None),
                Ok(Looked::Waits) => {}
                Ok(Looked::Nothing) => {
                    claim = None;
                    self.rest()?;
                }
                // The node may be away for long; what was read and folded stays in memory.
                Err(fault) if fault.kind() == ErrorKind::Later => {
                    claim = None;
                    self.board.fail(ErrorKind::Later, &fault.text(), true);
                    self.pause(pauses.next(SOON));
                    continue;
                }
                Err(fault) => return Err(fault),
            }
            self.board.recover();
            pauses = Pauses::default();
        }
    }

    /// One look at the chain, and what there is to be done now, if it is this poll's turn.
    fn look<'a>(
        &'a self,
        found: &Found,
        coordinator: &mut Coordinator<'_>,
        claim: &mut Option<Claim<'a>>,
    ) -> Result<Looked, Fault> {
        let (chain, office) = (&found.chain, &self.office);
        coordinator.read(chain)?;
        let deadline = found.poll.deadline(chain)?;
        self.board.set_deadline(deadline);
        self.show(coordinator);
        if found.now()? >= deadline
            || matches!(
                found.poll.state(chain)?,
                PollState::Finalized | PollState::Aborted
            )
        {
            return Ok(Looked::Over);
        }
        let has_ended = coordinator.has_ended(chain)?;
        if !has_ended && !coordinator.has_joins_to_fold() {
            self.board.enter(match found.now()? < found.poll.times().1 {
                true => Phase::Open,
                false => Phase::Ended,
            });
            return Ok(Looked::Nothing);
        }
        let urgency = self.urgency(found, has_ended)?;
        let claimed = claim.take();
        let claimed = claimed.unwrap_or_else(|| office.turns.claim(self.number, urgency));
        let claimed = claim.insert(claimed);
        if !claimed.wait(Duration::ZERO, &|| false) {
            self.board.enter(Phase::Queued);
            claimed.wait(office.every, &|| office.stop.asked());
            return Ok(Looked::Waits);
        }
        self.board.enter(Phase::Folding);
        let reached = coordinator.work(chain)?;
        self.show(coordinator);
        Ok(match (reached, has_ended) {
            (Reached::Ended | Reached::Complete, _) => Looked::Folded,
            (Reached::Open, true) => {
                self.board.enter(Phase::Ended);
                Looked::Nothing
            }
            (Reached::Open, false) => Looked::Nothing,
        })
    }

    fn show(&self, coordinator: &Coordinator<'_>) {
        let (log, fold) = (coordinator.log(), coordinator.fold());
        self.board.set_read(Read {
            joins: log.voters(),
            messages: log.messages(),
            to: coordinator.read_to(),
            steps: coordinator.steps(),
            join_steps: fold.steps_of_joins(log),
            total: fold.total(log),
        });
    }

    /// Proves what is folded, and sends the proof, or waits until somebody says so.
    fn conclude(
        &self,
        mut found: Found,
        parameters: &Parameters,
        directory: &ProofDirectory,
        claim: Claim<'_>,
    ) -> Result<(), Fault> {
        self.board.enter(Phase::Preparing);
        let keys = self.keys(&found, parameters)?;
        let (watch, every) = (self.watch(false), self.office.every);
        let context = self.context(&found, parameters, &watch);
        finalize::prove(&found.chain, context, directory, &keys, every)?;
        if self.finalize == Finalize::Ask && !self.desk.is_approved() {
            // That may take days, in which others have the turn and the memory.
            drop((keys, claim));
            return self.wait_for_approval(&found);
        }
        let account = self.account(&found.chain)?;
        let _alone = lock(&self.office.sending);
        self.check_stop()?;
        check_ahead(&found.chain, account, &found.poll, 0, &watch)?;
        self.board.enter(Phase::Sending);
        let chain = &mut found.chain;
        let context = CoordinatorContext {
            poll: &found.poll,
            key: &self.key.0,
            parameters,
            confirmations: self.office.confirmations,
            checkpoint_every: self.office.checkpoint_every,
            second: found.second.as_ref().map(|second| second as &dyn Chain),
            workers: None,
            observer: &watch,
        };
        let document = finalize::finalize(chain, account, context, directory, &keys, every);
        let document = document.map_err(Fault::Sending)?;
        self.board.set_finalized(document.transaction());
        if let Err(error) = found.chain.tidy() {
            watch.note(&format!(
                "what was sent is looked for again next time: {error}"
            ));
        }
        Ok(())
    }

    fn account(&self, chain: &RpcChain) -> Result<Address, Fault> {
        let missing = || PollError::Request("no account to send from".into());
        Ok(*chain.accounts().first().ok_or_else(missing)?)
    }

    /// Until an administrator has agreed, or the poll takes no proof any more.
    fn wait_for_approval(&self, found: &Found) -> Result<(), Fault> {
        let mut looked = std::time::Instant::now();
        while !self.desk.is_approved() {
            self.board.enter(Phase::Asking);
            self.rest()?;
            if looked.elapsed() >= OVER {
                looked = std::time::Instant::now();
                let is_over = found.poll.state(&found.chain)? != PollState::Ended
                    || found.now()? >= found.poll.deadline(&found.chain)?;
                if is_over {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A poll that is over is looked at until a reorganisation can no longer make it go on.
    fn after(&self, found: Found, phase: Phase) -> Result<Next, Fault> {
        self.board.enter(phase);
        self.board.recover();
        let Found { chain, poll, .. } = found;
        let block = || -> Result<u64, Fault> {
            let newest = chain.block(BlockId::Latest);
            Ok(newest.map_err(on_chain("read a block"))?.number)
        };
        let state = poll.state(&chain)?;
        if state == PollState::Finalized {
            self.remove_secrets(&chain, &poll)?;
        }
        let settled = block()?.saturating_add(self.office.confirmations.max(SETTLED));
        while block()? < settled || phase == Phase::Expired {
            self.pause(OVER);
            self.check_stop()?;
            if poll.state(&chain)? != state {
                return Ok(Next::Again);
            }
        }
        Ok(Next::Over)
    }

    /// The checkpoint shows how people voted, and is of no use where our proof was accepted.
    fn remove_secrets(&self, chain: &RpcChain, poll: &PollContract) -> Result<(), Fault> {
        if !self.root.exists() {
            return Ok(());
        }
        let directory = ProofDirectory::open(&self.root)?;
        let Ok(proven) = Finalization::read(&directory.decider()) else {
            return Ok(());
        };
        if proven.statement.results == poll.results(chain)? {
            directory.remove_checkpoint()?;
        }
        Ok(())
    }
}

/// What one look at the chain has come to.
enum Looked {
    /// Everything is folded.
    Folded,
    /// The poll takes no proof any more.
    Over,
    /// It is another poll's turn; this one has waited.
    Waits,
    /// Nothing is left to be done for now.
    Nothing,
}
