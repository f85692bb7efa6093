//! What the coordinator's commands take.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use maci_nova_chain::RpcUrl;
use maci_nova_coordinator::fold::checkpoints::Interval;

use super::shared::{Endpoint, KeySource, Node, Sender, Setup, TimeSpan};

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
    #[arg(long)]
    pub once: bool,
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
}
