//! The node itself, asked every so often whether it is there: long work on a poll does not ask.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use maci_nova_chain::{BlockId, Chain, Notice, Observer, RpcUrl};
use maci_nova_node::{Options, RetryPolicy, RpcChain, RpcError};
use maci_nova_sdk::ErrorKind;
use serde::Serialize;
use tracing::{info, warn};

use crate::error::Error;
use crate::logs::Redaction;
use crate::metrics::{self as names, Metrics};
use crate::progress::now;
use crate::stop::{lock, Stop};

/// One answer is waited for so long, and asked for twice.
const ANSWER: Duration = Duration::from_secs(10);

/// The longest time between two looks at a node that does not answer.
const LONGEST: Duration = Duration::from_secs(60);

/// What kind of error a node's is.
pub(crate) fn kind_of(error: &RpcError) -> ErrorKind {
    match error {
        RpcError::Interrupted => ErrorKind::Interrupted,
        error if error.is_for_now() => ErrorKind::Later,
        _ => ErrorKind::Chain,
    }
}

/// What is known of the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// Whether it answered when it was last asked.
    pub up: bool,
    /// Its newest block.
    pub head: Option<u64>,
    /// That block's time, in seconds since 1970.
    pub time: Option<u64>,
    /// Since when it has not answered, in seconds since 1970.
    pub down_since: Option<u64>,
}

/// The node on the wall.
#[derive(Debug, Default)]
pub struct NodeBoard {
    view: Mutex<NodeView>,
}

impl NodeBoard {
    /// What is known.
    pub fn view(&self) -> NodeView {
        *lock(&self.view)
    }

    /// About when the next block will be, in seconds since 1970: contracts go by the chain's time,
    /// and a chain that waits for transactions may have had no block for long.
    pub fn now(&self) -> u64 {
        self.view().time.unwrap_or(0).max(now())
    }
}

/// Asks a node.
#[derive(Debug)]
pub(crate) struct Pulse {
    pub board: Arc<NodeBoard>,
    pub url: RpcUrl,
    pub every: Duration,
    pub redaction: Redaction,
    pub metrics: Arc<Metrics>,
    pub stop: Stop,
}

struct Quiet {
    stop: Stop,
    metrics: Arc<Metrics>,
}

impl Observer for Quiet {
    fn notice(&self, notice: &Notice) {
        if let Notice::Retrying { method, .. } = notice {
            self.metrics
                .counter(&names::RETRIES, &[method])
                .increment(1);
        }
    }

    fn interrupted(&self) -> bool {
        self.stop.asked()
    }
}

impl Pulse {
    /// Asks until the service ends.
    pub(crate) fn start(self) -> Result<thread::JoinHandle<()>, Error> {
        let thread = thread::Builder::new().name("node".into());
        thread.spawn(move || self.run()).map_err(Error::Thread)
    }

    fn run(&self) {
        let mut chain = None;
        let mut wait = self.every;
        while !self.stop.asked() {
            match self.look(&mut chain) {
                Ok((head, timestamp)) => {
                    self.found(head, timestamp);
                    wait = self.every;
                }
                Err(text) if !self.stop.asked() => {
                    self.missed(&text);
                    wait = wait.saturating_mul(2).min(LONGEST.max(self.every));
                }
                Err(_) => return,
            }
            self.stop.pause(wait);
        }
    }

    fn look(&self, chain: &mut Option<RpcChain>) -> Result<(u64, u64), String> {
        if chain.is_none() {
            let options = Options {
                patience: RetryPolicy {
                    tries: 2,
                    answer: ANSWER,
                    ..RetryPolicy::default()
                },
                observer: Arc::new(Quiet {
                    stop: self.stop.clone(),
                    metrics: Arc::clone(&self.metrics),
                }),
                ..Options::default()
            };
            let made = RpcChain::connect(&self.url, options);
            *chain = Some(made.map_err(|error| error.to_string())?);
        }
        let newest = chain.as_ref().map(|chain| chain.block(BlockId::Latest));
        match newest {
            Some(Ok(block)) => Ok((block.number, block.timestamp)),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("no connection".into()),
        }
    }

    fn found(&self, head: u64, timestamp: u64) {
        self.metrics.gauge(&names::NODE_UP, &[]).set(1.0);
        self.metrics.gauge(&names::HEAD, &[]).set(head as f64);
        let skew = timestamp as f64 - now() as f64;
        self.metrics.gauge(&names::SKEW, &[]).set(skew);
        let mut view = lock(&self.board.view);
        if view.down_since.is_some() {
            info!("the node answers again");
        }
        *view = NodeView {
            up: true,
            head: Some(head),
            time: Some(timestamp),
            down_since: None,
        };
    }

    fn missed(&self, text: &str) {
        self.metrics.gauge(&names::NODE_UP, &[]).set(0.0);
        self.metrics.counter(&names::RPC_ERRORS, &[]).increment(1);
        let mut view = lock(&self.board.view);
        if view.down_since.is_none() {
            warn!("the node does not answer: {}", self.redaction.apply(text));
        }
        view.up = false;
        view.down_since.get_or_insert_with(now);
    }
}
