//! What the coordinator's commands take.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use maci_nova_chain::RpcUrl;
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_service::logs::{Format, Level};

use super::shared::{Endpoint, KeySource, Node, PriceList, Sender, Setup, TimeSpan};
use super::workers::Segmented;

/// Arguments of `tally`.
#[derive(Debug, Args)]
pub struct Tally {
    /// The poll log (JSON Lines)
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// The coordinator's key.
    #[command(flatten)]
    pub key: KeySource,
    /// List every message with its decision (JSON always does)
    #[arg(long, short)]
    pub messages: bool,
}

/// What is proven and how: arguments of `prove` and `finalize`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("setup").required(true).args(["ptau", "insecure_setup"]))]
pub struct Proving {
    /// The poll log (JSON Lines)
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// The coordinator's key.
    #[command(flatten)]
    pub key: KeySource,
    /// Directory for the checkpoint and the proof; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Resume from the checkpoint in DIR, if there is one
    #[arg(long)]
    pub resume: bool,
    /// Powers-of-tau file of a public ceremony
    #[arg(long, value_name = "FILE")]
    pub ptau: Option<PathBuf>,
    /// INSECURE: a setup whose secret anyone can compute, for trying things out
    #[arg(long)]
    pub insecure_setup: bool,
    /// Events in one step, 1 to 16; part of the parameters
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub events_per_step: usize,
    /// How often to write a checkpoint: a time such as 2s, or a number of steps such as 100steps
    #[arg(long, value_name = "INTERVAL", default_value = "2s")]
    pub checkpoint_every: Interval,
}

/// Arguments of `finalize`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("events").required(true).args(["log", "poll_file"]))]
pub struct Finalize {
    /// Poll file of the poll to be finalized
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub poll_file: Option<PathBuf>,
    /// A node.
    #[command(flatten)]
    pub endpoint: Endpoint,
    /// Who sends the transaction.
    #[command(flatten)]
    pub sender: Sender,
    /// The poll log (JSON Lines) of a dry run
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub log: Option<PathBuf>,
    /// Send nothing: verify the call in an embedded EVM and print what it costs
    #[arg(long, requires = "log")]
    pub dry_run: bool,
    /// The coordinator's key.
    #[command(flatten)]
    pub key: KeySource,
    /// Directory for the log, the checkpoint and the proof; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Resume from the checkpoint in DIR, if there is one (with a poll file always so)
    #[arg(long)]
    pub resume: bool,
    /// The powers of tau.
    #[command(flatten)]
    pub setup: Setup,
    /// Events in one step of a dry run, 1 to 16; a poll on a chain has its own
    #[arg(
        long,
        value_name = "K",
        default_value_t = 1,
        conflicts_with = "poll_file"
    )]
    pub events_per_step: usize,
    /// How often to write a checkpoint: a time such as 2s, or a number of steps such as 100steps
    #[arg(long, value_name = "INTERVAL", default_value = "2s")]
    pub checkpoint_every: Interval,
    /// How the chain is followed.
    #[command(flatten)]
    pub following: Following,
    /// Who proves.
    #[command(flatten)]
    pub segmented: Segmented,
}

/// How a chain is followed.
#[derive(Clone, Debug, Args)]
pub struct Following {
    /// Blocks that have to follow one before it counts
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub confirmations: u64,
    /// Time between two looks at the chain
    #[arg(long, value_name = "TIME", default_value = "6s")]
    pub every: TimeSpan,
    /// Another node, which has to agree about what was sent before anything is proven
    #[arg(long, value_name = "URL")]
    pub second_rpc_url: Option<RpcUrl>,
}

/// Arguments of `process`.
#[derive(Debug, Args)]
pub struct Process {
    /// The poll.
    #[command(flatten)]
    pub node: Node,
    /// The coordinator's key.
    #[command(flatten)]
    pub key: KeySource,
    /// Directory for the log, the checkpoint and the proof; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The powers of tau.
    #[command(flatten)]
    pub setup: Setup,
    /// How often to write a checkpoint: a time such as 2s, or a number of steps such as 100steps
    #[arg(long, value_name = "INTERVAL", default_value = "2s")]
    pub checkpoint_every: Interval,
    /// How the chain is followed.
    #[command(flatten)]
    pub following: Following,
    /// Do what can be done now, and end
    #[arg(long, conflicts_with = "nats")]
    pub once: bool,
    /// Who proves.
    #[command(flatten)]
    pub segmented: Segmented,
}

/// Arguments of `serve`: what the configuration says is said here in its place.
#[derive(Debug, Args)]
pub struct Serve {
    /// The configuration (TOML); docs/serving.md describes it
    #[arg(long, value_name = "FILE", env = "MACI_NOVA_CONFIG")]
    pub config: PathBuf,
    /// Start nothing: hold the configuration against its chain, and say what does not fit
    #[arg(long)]
    pub check: bool,
    /// A node.
    #[command(flatten)]
    pub endpoint: Endpoint,
    /// Another node, which has to agree about what was sent before anything is proven. May hold an
    /// API key: then give it in the environment
    #[arg(
        long,
        value_name = "URL",
        env = "MACI_NOVA_SECOND_RPC_URL",
        hide_env_values = true
    )]
    pub second_rpc_url: Option<RpcUrl>,
    /// The coordinator's key.
    #[command(flatten)]
    pub key: KeySource,
    /// Encrypted keystore of the account that finalizes
    #[arg(long, value_name = "FILE", conflicts_with = "account_key_file")]
    pub keystore: Option<PathBuf>,
    /// File with the keystore's password; else MACI_NOVA_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE", requires = "keystore")]
    pub password_file: Option<PathBuf>,
    /// File with the key of the account that finalizes; MACI_NOVA_ETH_KEY holds it else
    #[arg(long, value_name = "FILE")]
    pub account_key_file: Option<PathBuf>,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT", env = "MACI_NOVA_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// File with the administrator's token
    #[arg(long, value_name = "FILE", env = "MACI_NOVA_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Folder for logs, checkpoints and proofs, one of each poll
    #[arg(long, value_name = "DIR", env = "MACI_NOVA_OUT")]
    pub out: Option<PathBuf>,
    /// Lines for people or for programs: text or json
    #[arg(long, value_name = "FORMAT", env = "MACI_NOVA_LOG_FORMAT")]
    pub log_format: Option<Format>,
    /// The least important lines that are written: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", env = "MACI_NOVA_LOG_LEVEL")]
    pub log_level: Option<Level>,
}

/// Arguments of `export-log`.
#[derive(Debug, Args)]
pub struct ExportLog {
    /// The poll.
    #[command(flatten)]
    pub node: Node,
    /// New file for the log
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Blocks that have to follow one before it counts
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub confirmations: u64,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("poll").required(true).multiple(true).args(["log", "state_depth"]))]
pub struct Inspect {
    /// Take depths and counts from this poll log
    #[arg(long, value_name = "FILE", conflicts_with_all = ["state_depth", "vote_depth", "messages", "voters"])]
    pub log: Option<PathBuf>,
    /// Depth of the state tree, 1 to 20: room for 5^s - 1 voters
    #[arg(long, value_name = "S", requires = "vote_depth")]
    pub state_depth: Option<usize>,
    /// Depth of the vote option tree, 1 to 10: room for 5^v options
    #[arg(long, value_name = "V", requires = "state_depth")]
    pub vote_depth: Option<usize>,
    /// Events in one step, 1 to 16
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub events_per_step: usize,
    /// Messages to estimate for
    #[arg(long, value_name = "N")]
    pub messages: Option<u64>,
    /// Voters to estimate for
    #[arg(long, value_name = "N")]
    pub voters: Option<u64>,
    /// Machines like this one that prove segments of the count (worker): into how many it is cut, and what that takes
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub workers: Option<u32>,
    /// What machines and gas cost.
    #[command(flatten)]
    pub prices: PriceList,
}
