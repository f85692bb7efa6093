//! What the commands of whoever runs polls take.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use maci_nova_chain::RpcUrl;
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::deploy::Gatekeeper;
use maci_nova_protocol::poll::Mode;
use maci_nova_sdk::operator::poll_creation::SignedWithin;

use super::shared::{Endpoint, Node, Sender, Setup, Sizes, TimeSpan};

/// Arguments of `deploy`.
#[derive(Debug, Args)]
pub struct Deploy {
    /// Where it goes.
    #[command(flatten)]
    pub node: Node,
    /// Who sends.
    #[command(flatten)]
    pub sender: Sender,
    /// The powers of tau.
    #[command(flatten)]
    pub setup: Setup,
    /// What the polls' proofs are of.
    #[command(flatten)]
    pub sizes: Sizes,
    /// The last file of the ceremony that the keys are of: it is verified, in place of --key-digest
    #[arg(long, value_name = "FILE", requires = "ptau")]
    pub ceremony: Option<PathBuf>,
    /// Who may sign up: `free-for-all`, anyone, as often as they want; `token:ADDRESS`,
    /// owners of this ERC-721's tokens, once for each; `excubiae:ADDRESS`, whom this policy of
    /// Excubiae lets in; or the ADDRESS of a gatekeeper that is deployed and serves no MACI yet.
    /// If left out, the command asks
    #[arg(long, value_name = "WHO", conflicts_with = "sign_up_token")]
    pub gatekeeper: Option<Gatekeeper>,
    /// As --gatekeeper token:ADDRESS
    #[arg(long, value_name = "ADDRESS")]
    pub sign_up_token: Option<Address>,
}

/// How long a poll leaves for its proof: as a poll is created with it, and as a machine is judged by it before.
#[derive(Clone, Copy, Debug, Args)]
pub struct ProvingTime {
    /// Time for the proof after the end, 1h to 365d; then anyone may abort the poll. Has to cover
    /// joins of the last moments, which do not add to it
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub proving_time: TimeSpan,
    /// Time for the proof that each message adds, 1s to 1h
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub proving_time_per_message: TimeSpan,
    /// The most time that all messages together add, at most 90d: the poll takes only as many
    /// messages as fit
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub most_proving_time: TimeSpan,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Poll file of a deployment that is there: its node shows its events, and its verifiers' keys are the named ones
    #[arg(long, value_name = "FILE")]
    pub poll_file: Option<PathBuf>,
    /// A node.
    #[command(flatten)]
    pub endpoint: Endpoint,
    /// Powers-of-tau file of a public ceremony
    #[arg(long, value_name = "FILE")]
    pub ptau: Option<PathBuf>,
    /// What the polls' proofs are of, where no poll file tells.
    #[command(flatten)]
    pub sizes: Sizes,
    /// Voters to be ready for
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub voters: u64,
    /// Messages to be ready for
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub messages: u64,
    /// Time for the proof, where the poll file has no poll, whose own counts.
    #[command(flatten)]
    pub proving: ProvingTime,
    /// Where the log, the checkpoint and the proof will be
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
}

/// Arguments of `poll create`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("start").args(["start_in", "start_at"]))]
#[command(group = ArgGroup::new("end").required(true).args(["duration", "end_at"]))]
#[command(group = ArgGroup::new("voice_credits").required(true).args(["credits", "credits_contract", "votes_token"]))]
pub struct PollCreate {
    /// Where it goes.
    #[command(flatten)]
    pub node: Node,
    /// Who sends, and owns the poll.
    #[command(flatten)]
    pub sender: Sender,
    /// Poll file of a deployment that has a poll already: --poll-file is then a new file, for
    /// another poll of the same contracts
    #[arg(long, value_name = "FILE")]
    pub deployment: Option<PathBuf>,
    /// The coordinator's public key (`macipk.…`)
    #[arg(long, value_name = "KEY")]
    pub coordinator_key: String,
    /// How many options there are
    #[arg(long, value_name = "N")]
    pub options: u32,
    /// What a weight w costs
    #[arg(long, value_enum, default_value_t = CostMode::Quadratic)]
    pub mode: CostMode,
    /// Take messages that were signed within so many blocks, 5 to 255 (8190 where the chain keeps
    /// its blocks' hashes, EIP-2935); else 15 minutes of this chain's blocks. `off` is for clients
    /// that know nothing of it, such as MACI v3's: anyone can then send an old ballot again and
    /// undo a newer one
    #[arg(long, value_name = "BLOCKS")]
    pub signed_within: Option<SignedWithin>,
    /// Only sign-ups up to this index may join, from 0; otherwise all that are made in time
    #[arg(long, value_name = "INDEX")]
    pub last_sign_up: Option<u32>,
    /// Start so long from now
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub start_in: TimeSpan,
    /// Start at this time, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    pub start_at: Option<u64>,
    /// End so long after the start, for instance 7d
    #[arg(long, value_name = "TIME")]
    pub duration: Option<TimeSpan>,
    /// End at this time, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    pub end_at: Option<u64>,
    /// Time for the proof.
    #[command(flatten)]
    pub proving: ProvingTime,
    /// Voice credits that every voter starts with, below 2^32
    #[arg(long, value_name = "N")]
    pub credits: Option<u32>,
    /// Contract that says how many credits each voter gets
    #[arg(long, value_name = "ADDRESS")]
    pub credits_contract: Option<Address>,
    /// Credits from the votes of this ERC-20 (ERC20Votes), at --snapshot
    #[arg(long, value_name = "ADDRESS", requires_all = ["snapshot", "votes_per_credit"])]
    pub votes_token: Option<Address>,
    /// The block (or time, as the token counts) whose votes are read
    #[arg(long, value_name = "BLOCK", requires = "votes_token")]
    pub snapshot: Option<u64>,
    /// Votes, in the token's smallest unit, for one credit
    #[arg(long, value_name = "N", requires = "votes_token")]
    pub votes_per_credit: Option<U256>,
    /// ERC-20 that pays for top-ups; without it there are none
    #[arg(long, value_name = "ADDRESS", requires_all = ["beneficiary", "credit_unit"])]
    pub top_up_token: Option<Address>,
    /// Tokens, in their smallest unit, for one credit
    #[arg(long, value_name = "N", requires = "top_up_token")]
    pub credit_unit: Option<U256>,
    /// Who receives the tokens of top-ups once the poll is finalized
    #[arg(long, value_name = "ADDRESS", requires = "top_up_token")]
    pub beneficiary: Option<Address>,
    /// Wei for each message and each top-up, paid to the poll's owner
    #[arg(long, value_name = "WEI", default_value = "0")]
    pub message_fee: U256,
    /// What the poll is about: a title, and a name for each option (JSON, see docs/web.md). The poll
    /// file names it by its hash, and it is copied beside it
    #[arg(long, value_name = "FILE")]
    pub metadata: Option<PathBuf>,
}

/// Arguments of `poll import`.
#[derive(Debug, Args)]
pub struct PollImport {
    /// The poll's address, from someone you trust: it decides which poll this is
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
    /// The new file, and the node that it is made from.
    #[command(flatten)]
    pub node: Node,
    /// A block before the deployment, if you know one: older ones are not searched
    #[arg(long, value_name = "BLOCK", default_value_t = 0)]
    pub since_block: u64,
    /// Another node, from which the same file has to come
    #[arg(long, value_name = "URL")]
    pub second_rpc_url: Option<RpcUrl>,
}

/// What a weight costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CostMode {
    /// Its square.
    Quadratic,
    /// Itself.
    Linear,
    /// Itself, and all voice credits go to one option.
    Full,
    /// Its square; weights may be against an option.
    Negative,
}

impl From<CostMode> for Mode {
    fn from(mode: CostMode) -> Self {
        match mode {
            CostMode::Quadratic => Mode::Quadratic,
            CostMode::Linear => Mode::Linear,
            CostMode::Full => Mode::Full,
            CostMode::Negative => Mode::Negative,
        }
    }
}

/// Arguments of `abort`.
#[derive(Debug, Args)]
pub struct Abort {
    /// The poll.
    #[command(flatten)]
    pub node: Node,
    /// Who sends.
    #[command(flatten)]
    pub sender: Sender,
}

/// Arguments of `withdraw`.
#[derive(Debug, Args)]
pub struct Withdraw {
    /// The poll.
    #[command(flatten)]
    pub node: Node,
    /// Who sends, and gets their own back.
    #[command(flatten)]
    pub sender: Sender,
}

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct Collect {
    /// The poll.
    #[command(flatten)]
    pub node: Node,
    /// Who sends.
    #[command(flatten)]
    pub sender: Sender,
}
