//! What the demo takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use maci_nova_chain::RpcUrl;

use super::shared::Sender;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Count, prove and verify a poll log that is built in, without a chain
    #[arg(long, value_enum, conflicts_with = "rpc_url")]
    pub poll: Option<DemoPoll>,
    /// What the poll's weights mean
    #[arg(long, value_enum, default_value_t = DemoMode::Quadratic, conflicts_with = "poll")]
    pub mode: DemoMode,
    /// Serve the page for voters, built into this folder (web/site/dist), over a poll on a chain in this process:
    /// people vote, then it is counted
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["poll", "rpc_url", "mode"])]
    pub web: Option<PathBuf>,
    /// How long the poll of --web is open
    #[arg(long, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1440), requires = "web")]
    pub minutes: u16,
    /// Have so many workers, processes of their own, prove the count of a larger poll in segments. Jobs go through a NATS server, which
    /// is started (nats-server has to be installed) unless --nats names one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16), conflicts_with_all = ["poll", "web", "rpc_url", "mode"])]
    pub workers: Option<u32>,
    /// Messages of that poll, ten of each voter
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..=5000), requires = "workers")]
    pub messages: u32,
    /// Segments that the count is cut into; as many as workers unless told, and at least two
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64), requires = "workers")]
    pub segments: Option<u32>,
    /// NATS server with JetStream for --workers
    #[arg(long, value_name = "URL", requires = "workers")]
    pub nats: Option<String>,
    /// File with its credentials
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub nats_credentials: Option<PathBuf>,
    /// Run the poll on this node, not in this process
    #[arg(long, value_name = "URL")]
    pub rpc_url: Option<RpcUrl>,
    /// Who sends everything on a node.
    #[command(flatten)]
    pub sender: Sender,
}

/// The modes that the demo's poll can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoMode {
    /// A weight costs its square.
    Quadratic,
    /// The same, and some vote against an option.
    Negative,
}

/// The polls that are built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoPoll {
    /// 5 voters, 16 messages
    Small,
    /// 20 voters, 120 messages
    Medium,
    /// Linear voting: 12 voters, 60 messages
    Linear,
}
