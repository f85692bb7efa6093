//! What voters' commands take, and those of whoever looks at a poll.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use maci_nova_chain::RpcUrl;
use maci_nova_contracts::alloy_primitives::{Bytes, U256};
use maci_nova_sdk::voter::ballot::Choice;

use super::shared::{Endpoint, KeySource, MessageFee, Node, Sender};

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("events").args(["log", "poll_file"]))]
pub struct Verify {
    /// The poll log (JSON Lines); only its public part is used
    #[arg(long, value_name = "FILE", requires = "proof")]
    pub log: Option<PathBuf>,
    /// Directory of the proof, or the proof file itself. Without a log the decider.json of a poll
    /// that was finalized by way of another contract, or its directory
    #[arg(long, value_name = "DIR")]
    pub proof: Option<PathBuf>,
    /// Powers-of-tau file that the proof was made with (not for the development setup)
    #[arg(long, value_name = "FILE", requires = "log")]
    pub ptau: Option<PathBuf>,
    /// Verify a finalized poll from its chain alone; without a log poll.json, if it is there
    #[arg(long, value_name = "FILE")]
    pub poll_file: Option<PathBuf>,
    /// A node.
    #[command(flatten)]
    pub endpoint: Endpoint,
}

/// Arguments of `results`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["proof", "poll_file"]))]
pub struct Results {
    /// Directory of the proof, or the proof file itself
    #[arg(long, value_name = "DIR")]
    pub proof: Option<PathBuf>,
    /// Poll file of a finalized poll
    #[arg(long, value_name = "FILE")]
    pub poll_file: Option<PathBuf>,
    /// A node.
    #[command(flatten)]
    pub endpoint: Endpoint,
}

/// Arguments of `signup`.
#[derive(Debug, Args)]
pub struct Signup {
    /// Where it goes.
    #[command(flatten)]
    pub node: Node,
    /// Who sends.
    #[command(flatten)]
    pub sender: Sender,
    /// The voter's key.
    #[command(flatten)]
    pub key: KeySource,
    /// The ERC-721 token that lets the sender in, where the gatekeeper asks for one
    #[arg(long, value_name = "ID")]
    pub token_id: Option<U256>,
    /// What the gatekeeper wants to see (0x…), passed on as it is: with a policy of Excubiae, its
    /// evidence
    #[arg(long, value_name = "HEX", conflicts_with = "token_id")]
    pub gatekeeper_data: Option<Bytes>,
}

/// Arguments of `join`.
#[derive(Debug, Args)]
pub struct Join {
    /// Where it goes.
    #[command(flatten)]
    pub node: Node,
    /// Who sends, and whose credits are read.
    #[command(flatten)]
    pub sender: Sender,
    /// The key that has signed up.
    #[command(flatten)]
    pub key: KeySource,
    /// File of the voter's first key in the poll; made if it is not there
    #[arg(long, value_name = "FILE")]
    pub poll_key_file: PathBuf,
    /// Proving key of the join proof, which came with the poll file; else FILE.join.key beside it,
    /// else the cache's
    #[arg(long, value_name = "FILE")]
    pub join_key: Option<PathBuf>,
    /// What the poll's credit contract wants to know (0x…)
    #[arg(long, value_name = "HEX", default_value = "0x")]
    pub credit_data: Bytes,
    /// Another node, whose sign-ups the first one has to know: one alone may leave out whom it
    /// wants, to see who joins
    #[arg(long, value_name = "URL")]
    pub second_rpc_url: Option<RpcUrl>,
    /// Do not join for fewer voice credits: a sign-up joins a poll once. 0 where you mean to top up
    #[arg(long, value_name = "CREDITS", default_value_t = 1)]
    pub min_credits: u64,
    /// Have this relayer send the join, and pay
    #[arg(long, value_name = "URL", conflicts_with_all = ["credit_data", "keystore", "account_key_file"])]
    pub relayer: Option<RpcUrl>,
}

/// Arguments of `vote`.
#[derive(Debug, Args)]
pub struct Vote {
    /// Where it goes.
    #[command(flatten)]
    pub node: Node,
    /// Who sends. Anybody may: the message is signed by the voter's key.
    #[command(flatten)]
    pub sender: Sender,
    /// The voter's key in the poll, with which they joined.
    #[command(flatten)]
    pub key: KeySource,
    /// What it may cost.
    #[command(flatten)]
    pub fee: MessageFee,
    /// An option and the weight that it gets; once for each option
    #[arg(
        long = "vote",
        value_name = "OPTION=WEIGHT",
        required_unless_present_any = ["new_key_file", "ballot"],
        conflicts_with = "ballot"
    )]
    pub votes: Vec<Choice>,
    /// File with a line OPTION=WEIGHT for each option, or - for standard input: what is in
    /// arguments can be seen by others on this machine, and stays in the shell's history
    #[arg(long, value_name = "FILE")]
    pub ballot: Option<PathBuf>,
    /// The voter's index; without it the join with the key is looked up
    #[arg(long, value_name = "I")]
    pub state_index: Option<u64>,
    /// Keep the key that the ballot changes to in this file; made if it is not there. It signs
    /// what is sent BEFORE this ballot, never what is sent after it
    #[arg(long, value_name = "FILE")]
    pub new_key_file: Option<PathBuf>,
    /// The key is one of --new-key-file, and the ballot that changes to it is yet to be sent: this
    /// one counts only if it is sent before that one. Needs --state-index, and a --nonce that is
    /// one more than that ballot has messages
    #[arg(long)]
    pub before_key_change: bool,
    /// Nonce of the message that is counted first
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub nonce: u64,
    /// Send no fewer than N messages: everybody sees how many there are, which is the number of
    /// options in the ballot unless all voters pad to the same. What pads changes nothing, and is
    /// paid for. Up to 25 are one transaction
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub pad: u16,
    /// Write the messages to a new file, for publish, and send nothing
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Have this relayer publish the messages, and pay. They are written to --out first: if it does
    /// not, the account that is named publishes the same, or publish does
    #[arg(long, value_name = "URL", requires_all = ["out", "ticket_key_file"])]
    pub relayer: Option<RpcUrl>,
    /// File of the key that has signed up: it shows the relayer that you are one of those who did,
    /// and not which
    #[arg(long, value_name = "FILE", requires = "relayer")]
    pub ticket_key_file: Option<PathBuf>,
    /// Proving key of the join proof, with which tickets are made, too; else FILE.join.key beside
    /// the poll file, else the cache's
    #[arg(long, value_name = "FILE", requires = "relayer")]
    pub join_key: Option<PathBuf>,
}

/// Arguments of `publish`.
#[derive(Debug, Args)]
pub struct Publish {
    /// Where it goes.
    #[command(flatten)]
    pub node: Node,
    /// Who sends.
    #[command(flatten)]
    pub sender: Sender,
    /// What it may cost.
    #[command(flatten)]
    pub fee: MessageFee,
    /// Messages as vote --out writes them, a line each; published in this order, but for those
    /// that the poll has already
    #[arg(long, value_name = "FILE")]
    pub messages: PathBuf,
    /// Publish all of them, those that the poll has already as well, and pay for them again
    #[arg(long)]
    pub again: bool,
    /// Publish them in bundles of up to 100, at a small part of the price of each: of many voters, that
    /// is. Needs the bundles' proving key
    #[arg(long)]
    pub bundle: bool,
    /// The bundles' proving key; else FILE.bundle.key beside the poll file, else the cache's
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub bundle_key: Option<PathBuf>,
}

/// Arguments of `topup`.
#[derive(Debug, Args)]
pub struct Topup {
    /// Where it goes.
    #[command(flatten)]
    pub node: Node,
    /// Who sends, and pays.
    #[command(flatten)]
    pub sender: Sender,
    /// What it may cost besides the tokens.
    #[command(flatten)]
    pub fee: MessageFee,
    /// The most tokens that the credits may cost, in the token's smallest unit; without it the
    /// price is told, and nothing is sent
    #[arg(long, value_name = "N", default_value = "0")]
    pub max_tokens: U256,
    /// The voter's index in the poll
    #[arg(long, value_name = "I")]
    pub state_index: u64,
    /// Voice credits to add
    #[arg(long, value_name = "CREDITS")]
    pub amount: u64,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The poll.
    #[command(flatten)]
    pub node: Node,
    /// Also tell whether the messages of this file, which vote --out wrote, are in the poll, and in
    /// this order
    #[arg(long, value_name = "FILE")]
    pub messages: Option<PathBuf>,
    /// Also tell where this relayer says that the messages of that file are
    #[arg(long, value_name = "URL", requires = "messages")]
    pub relayer: Option<RpcUrl>,
    /// Also tell how far the coordinator's proof in this directory is, that of process and finalize
    #[arg(long, value_name = "DIR")]
    pub proof: Option<PathBuf>,
}
