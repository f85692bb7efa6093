//! The service as a whole: what it is made of, its start and its end.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::middleware::from_fn_with_state;
use axum::Router;
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_folding::SetupSource;
use maci_nova_node::Account;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys::KeyPolicy;
use tracing::{info, warn};

use crate::config::{Config, CoordinatorConfig, Finalize, GWEI};
use crate::error::Error;
use crate::http::api::{self, App};
use crate::http::limits::{around, Around, Buckets};
use crate::http::page;
use crate::http::token::Token;
use crate::http::Server;
use crate::judge::{self, Case};
use crate::key::Key;
use crate::logs::Redaction;
use crate::metrics::Metrics;
use crate::node::{NodeBoard, Pulse};
use crate::polls;
use crate::progress::Board;
use crate::relay::{self, http::Counter, Ground, Relay};
use crate::stop::Stop;
use crate::turns::Turns;
use crate::worker::{Desk, Office, Worker};

/// Between two looks whether a thread has ended.
const TICK: Duration = Duration::from_millis(20);

/// What no configuration holds: secrets, and what is for every command.
#[derive(Debug, Default)]
pub struct Secrets {
    /// For each poll of the configuration, its coordinator's key.
    pub keys: Vec<Arc<Key>>,
    /// The account that finalizes.
    pub account: Option<Account>,
    /// The account that relays.
    pub relay_account: Option<Account>,
    /// Which keys are relied on.
    pub policy: KeyPolicy,
}

/// A poll of the configuration.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Where its file is.
    pub path: PathBuf,
    /// What the file says.
    pub file: PollFile,
    /// When its proof is sent.
    pub finalize: Finalize,
}

/// A service that runs. It goes on until [`Service::stop`].
#[derive(Debug)]
pub struct Service {
    stop: Stop,
    server: Server,
    threads: Vec<JoinHandle<()>>,
    /// The folders are this process's alone.
    _directory: Option<ProofDirectory>,
    _relay: Option<Relay>,
}

/// The polls of a configuration.
///
/// # Errors
/// [`Error::PollFile`], [`Error::Config`].
pub fn polls(config: &CoordinatorConfig) -> Result<Vec<Poll>, Error> {
    let files = polls::read(config.polls.iter().map(|named| &*named.file))?;
    let polls = files.into_iter().zip(&config.polls);
    let polls = polls.map(|((path, file), named)| Poll {
        path,
        file,
        finalize: named.finalize.unwrap_or(config.finalize),
    });
    Ok(polls.collect())
}

/// The setup that a configuration names.
pub fn source(config: &CoordinatorConfig) -> SetupSource {
    match &config.ptau {
        Some(path) => SetupSource::PowersOfTau(path.clone()),
        None => SetupSource::InsecureDevelopment,
    }
}

/// What is being put together.
struct Parts {
    stop: Stop,
    metrics: Arc<Metrics>,
    redaction: Redaction,
    threads: Vec<JoinHandle<()>>,
}

impl Service {
    /// Starts everything. What the chain does not allow yet is waited for afterwards.
    ///
    /// # Errors
    /// [`Error`]; nothing runs then.
    pub fn start(config: &Config, secrets: Secrets) -> Result<Self, Error> {
        let named = polls::urls(config);
        let urls = [&config.node.rpc_url, &config.node.second_rpc_url];
        let urls = urls.into_iter().flatten().chain(&named);
        let mut parts = Parts {
            stop: Stop::default(),
            metrics: Arc::default(),
            redaction: Redaction::of(urls),
            threads: Vec::new(),
        };
        let token = config.http.token_file.as_deref();
        let token = token.map(Token::read).transpose()?;
        let node = Arc::new(NodeBoard::default());
        let mut directory = None;
        let mut boards = Vec::new();
        let mut workers = Vec::new();
        let mut cases = Vec::new();
        let relay = parts.relay(config, &secrets)?;
        if let Some(coordinator) = &config.coordinator {
            directory = Some(ProofDirectory::open(&coordinator.out)?);
            workers = parts.workers(config, coordinator, secrets)?;
            for worker in &workers {
                boards.push((Arc::clone(&worker.board), Arc::clone(&worker.desk)));
                cases.push(worker.case());
            }
        }
        let intakes = relay.as_ref().map(Relay::intakes).unwrap_or_default();
        let app = App {
            intakes,
            node: Arc::clone(&node),
            polls: boards.into(),
            metrics: Arc::clone(&parts.metrics),
            token,
            has_node: config.node.rpc_url.is_some(),
        };
        let server = Server::start(&config.http, parts.router(config, app))?;
        info!("listening on http://{}", server.address());
        parts.start(config, node, workers, cases)?;
        if let Some(relay) = &relay {
            parts.threads.extend(relay.start()?);
        }
        Ok(Service {
            stop: parts.stop,
            server,
            threads: parts.threads,
            _directory: directory,
            _relay: relay,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Asks everything to end, and waits so long for it; whether everything has ended. What goes on,
    /// a proof that is being made for instance, may be cut short by the end of the process: all that
    /// is kept is on disk.
    pub fn stop(self, most: Duration) -> bool {
        let begun = Instant::now();
        self.stop.ask();
        self.server.stop();
        let goes_on = || self.threads.iter().any(|thread| !thread.is_finished());
        while goes_on() && begun.elapsed() < most {
            std::thread::sleep(TICK);
        }
        let ended = !goes_on();
        match ended {
            true => info!("everything has ended"),
            false => info!("work that cannot be interrupted is left: the next start does it again"),
        }
        ended
    }
}

impl Parts {
    fn workers(
        &self,
        config: &Config,
        coordinator: &CoordinatorConfig,
        secrets: Secrets,
    ) -> Result<Vec<Worker>, Error> {
        let polls = polls(coordinator)?;
        let url = polls::node(&config.node, polls.iter().map(|poll| &poll.file))?;
        if secrets.keys.len() != polls.len() {
            return Err(Error::Config("a key is needed for each poll".into()));
        }
        warn_of_shared_keys(&secrets.keys);
        let office = Arc::new(Office {
            url,
            second: config.node.second_rpc_url.clone(),
            confirmations: config.node.confirmations,
            every: config.node.every,
            source: source(coordinator),
            checkpoint_every: coordinator.checkpoint_every,
            policy: secrets.policy,
            account: secrets.account,
            max_fee: U256::from(coordinator.max_fee) * GWEI,
            max_tip: U256::from(coordinator.max_tip) * GWEI,
            turns: Arc::new(Turns::new(coordinator.at_once)),
            stop: self.stop.clone(),
            parameters: HashMap::new().into(),
            sending: ().into(),
        });
        let workers = polls.into_iter().zip(secrets.keys).enumerate();
        workers
            .map(|(number, (poll, key))| {
                let contract = poll.file.poll(&poll.path)?;
                let root = coordinator.out.join(contract.address.to_checksum(None));
                let board = Board::new(
                    contract.address,
                    poll.file.chain_id,
                    poll.finalize,
                    root.clone(),
                    self.redaction.clone(),
                    Arc::clone(&self.metrics),
                );
                Ok(Worker {
                    office: Arc::clone(&office),
                    number,
                    path: poll.path,
                    file: poll.file,
                    contract,
                    key,
                    finalize: poll.finalize,
                    desk: Arc::new(Desk::new(root.clone(), self.stop.clone())),
                    root,
                    board: Arc::new(board),
                })
            })
            .collect()
    }

    fn relay(&self, config: &Config, secrets: &Secrets) -> Result<Option<Relay>, Error> {
        let Some(relay) = &config.relay else {
            return Ok(None);
        };
        let account = secrets.relay_account.clone();
        let account = account.ok_or_else(|| Error::Config("relay: an account is needed".into()))?;
        check_own_account(secrets)?;
        let ground = Ground {
            account,
            policy: secrets.policy,
            redaction: self.redaction.clone(),
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
        };
        Relay::open(&config.node, relay, ground).map(Some)
    }

    fn router(&self, config: &Config, app: App) -> Router {
        let http = &config.http;
        let around_all = Around {
            buckets: Arc::new(Buckets::new(http.requests_a_second, http.burst)),
            metrics: Arc::clone(&self.metrics),
        };
        api::router(app.clone())
            .merge(relay::http::router(Counter::new(Arc::clone(&app.intakes))))
            .merge(page::router(app))
            .layer(from_fn_with_state(around_all, around))
    }

    fn start(
        &mut self,
        config: &Config,
        board: Arc<NodeBoard>,
        workers: Vec<Worker>,
        cases: Vec<Case>,
    ) -> Result<(), Error> {
        let office = workers.first().map(|worker| worker.office.url.clone());
        if let Some(url) = config.node.rpc_url.clone().or(office) {
            let pulse = Pulse {
                board,
                url,
                every: config.node.every,
                redaction: self.redaction.clone(),
                metrics: Arc::clone(&self.metrics),
                stop: self.stop.clone(),
            };
            self.threads.push(pulse.start()?);
        }
        for worker in workers {
            self.threads.push(worker.start()?);
        }
        if !cases.is_empty() {
            self.threads.push(judge::start(cases, self.stop.clone())?);
        }
        Ok(())
    }
}

/// Two who send from one account would take each other's nonces.
pub(crate) fn check_own_account(secrets: &Secrets) -> Result<(), Error> {
    let address = |account: &Option<Account>| account.as_ref().map(Account::address);
    let relay = address(&secrets.relay_account);
    match relay.is_some() && relay == address(&secrets.account) {
        true => Err(Error::Config(
            "relay: its account is the coordinator's; each sends from an account of its own".into(),
        )),
        false => Ok(()),
    }
}

/// A coordinator who has read one poll's messages with a key can be made to read another's: they can
/// be sent to it again.
fn warn_of_shared_keys(keys: &[Arc<Key>]) {
    let mut public: Vec<String> = keys
        .iter()
        .map(|key| key.0.public_key().to_serialized())
        .collect();
    public.sort_unstable();
    if public.windows(2).any(|pair| pair[0] == pair[1]) {
        warn!("two polls have one coordinator's key: a message of one can be sent to the other, whose results then tell of it");
    }
}
