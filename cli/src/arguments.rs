//! What the command line takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use maci_nova_chain::RpcUrl;
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::deploy::Gatekeeper;
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_protocol::poll::Mode;
use maci_nova_sdk::operator::poll_creation::SignedWithin;
use maci_nova_sdk::voter::ballot::Choice;

/// Heading of the flags that every command takes.
const GENERAL: &str = "General options";

const AFTER_HELP: &str = "\
The coordinator's key comes from a file (--key-file) or from the environment variable
MACI_NOVA_KEY, never from an argument. The key of the account that sends transactions comes
from a keystore (--keystore), a key file (--account-key-file) or MACI_NOVA_ETH_KEY.

Standard output is the result, standard error the progress. With --json an error is one line of
JSON on standard error: {\"error\":{\"kind\":...,\"exitCode\":...,\"message\":...}}.

Exit codes:
    0  done
    1  an error inside the program
    2  arguments that are wrong or do not fit what they name
    3  a bad input file: missing or invalid poll log or key
    4  the key is not this poll's coordinator's
    5  parameters: a bad or too small powers-of-tau file, another setup, insecure in production
    6  a checkpoint that is corrupt or of another poll or other parameters
    7  the proof is invalid or not of this poll
    8  reading or writing failed, for instance a full disk
    9  a node that does not answer, or a contract that refuses
  130  interrupted

Try it: maci-nova demo";

/// Private, collusion-resistant voting whose whole count is one succinct proof.
#[derive(Debug, Parser)]
#[command(name = "maci-nova", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Clone, Copy, Debug, Args)]
pub struct Common {
    /// Print the result as JSON, an error as one line of JSON on stderr
    #[arg(long, global = true, help_heading = GENERAL)]
    pub json: bool,
    /// No progress on stderr; warnings and errors stay
    #[arg(long, short, global = true, help_heading = GENERAL)]
    pub quiet: bool,
    /// Refuse everything that rests on the INSECURE development setup
    #[arg(long, global = true, help_heading = GENERAL, env = "MACI_NOVA_PRODUCTION", value_parser = FalseyValueParser::new())]
    pub production: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key: the secret goes to a new file, the public key to stdout
    #[command(
        visible_alias = "genMaciKeypair",
        after_help = "Example: maci-nova keygen --out coordinator.key\n\nThe file is made with mode 0600 and never overwritten."
    )]
    Keygen(Keygen),
    /// Print the public key of a key file
    #[command(
        visible_alias = "genMaciPubkey",
        after_help = "Example: maci-nova pubkey --key-file coordinator.key"
    )]
    Pubkey(Pubkey),
    /// Count a poll, without a proof
    #[command(
        after_help = "Example: maci-nova tally --log poll.jsonl --key-file coordinator.key --messages"
    )]
    Tally(Tally),
    /// Count a poll and prove the count
    #[command(
        after_help = "Example: maci-nova prove --log poll.jsonl --key-file coordinator.key --out proof --ptau powers.ptau\n\nStopped at any moment, the same command with --resume goes on from the last checkpoint.\nThe checkpoint is secret: it shows how people voted."
    )]
    Prove(Proving),
    /// Count a poll and prove the count in one proof that a contract accepts
    #[command(
        after_help = "Examples: maci-nova finalize --poll-file poll.json --key-file coordinator.key --out proof --ptau powers.ptau --account-key-file eth.key\n          maci-nova finalize --log poll.jsonl --key-file coordinator.key --out proof --ptau powers.ptau --dry-run\n\nWith a poll file the poll is followed on its chain to its end, and the proof is sent to it.\nThe first run for a shape and setup makes keys, which takes minutes, and keeps them in the\nuser's cache folder, or in the one that MACI_NOVA_CACHE names. Stopped at any moment, the same\ncommand with --resume goes on; so it does from a checkpoint of prove."
    )]
    Finalize(Finalize),
    /// Check a proof against the poll log; no key is needed
    #[command(
        after_help = "Examples: maci-nova verify --log poll.jsonl --proof proof --ptau powers.ptau\n          maci-nova verify --poll-file poll.json\n\nWith a poll file everything is read from the chain: what was sent, the proof, the verifier's code\nand the results have to agree."
    )]
    Verify(Verify),
    /// Print a finalized poll's results, or what a proof file claims, without checking it
    #[command(
        after_help = "Examples: maci-nova results --poll-file poll.json\n          maci-nova results --proof proof --json"
    )]
    Results(Results),
    /// Show a poll's circuit, gadget by gadget, and how long proving will take
    #[command(
        after_help = "Examples: maci-nova inspect --log poll.jsonl\n          maci-nova inspect --state-depth 10 --vote-depth 3 --messages 100000 --voters 50000"
    )]
    Inspect(Inspect),
    /// Run a whole poll: deploy, sign up, join, vote, count, prove, finalize
    #[command(
        after_help = "Examples: maci-nova demo                                   on a chain in this process\n          maci-nova demo --rpc-url http://127.0.0.1:8545  on a node, with the account of --account-key-file\n          maci-nova demo --poll small                      a poll log that is built in, without a chain\n\nThe proof rests on the INSECURE development setup. Nothing is left on disk but keys in the cache."
    )]
    Demo(Demo),
    /// Put the contracts on a chain; where they are goes to a new poll file
    #[command(
        visible_aliases = ["deployVkRegistry", "setVks", "createMaci"],
        after_help = "Examples: maci-nova deploy --poll-file poll.json --rpc-url http://127.0.0.1:8545 --account-key-file eth.key --ptau powers.ptau --gatekeeper token:0x…\n          maci-nova deploy --rpc-url http://127.0.0.1:8545 --account-key-file eth.key --ptau powers.ptau --gatekeeper excubiae:0x…\n\nWhere somebody else owns the policy or the gatekeeper, the command stops and says what its owner has to call; then the\nsame command goes on. Stopped at any moment, the same command goes on where it was. The registry, its verifier and\nMACI are one deployment here, so deployVkRegistry, setVks and createMaci are names of this command:\nthe first does it, the others find it done. Publish poll.json, and poll.join.key, which voters\nneed to join."
    )]
    Deploy(Deploy),
    /// Create a poll
    #[command(subcommand)]
    Poll(PollCommand),
    /// Create a poll (as `poll create`)
    #[command(name = "createPoll", hide = true)]
    CreatePoll(PollCreate),
    /// Sign a key up, once for all polls
    #[command(
        after_help = "Examples: maci-nova signup --poll-file poll.json --key-file me.key --account-key-file eth.key\n          maci-nova signup --key-file me.key --account-key-file eth.key --token-id 7\n          maci-nova signup --key-file me.key --account-key-file eth.key --gatekeeper-data 0x…\n\nWhoever sends is who the gatekeeper lets in: a sign-up cannot be sent by somebody else."
    )]
    Signup(Signup),
    /// Join a poll under a fresh key, with a proof that you have signed up
    #[command(
        after_help = "Example: maci-nova join --poll-file poll.json --key-file me.key --poll-key-file poll.key --account-key-file eth.key\n\nThe proof tells nobody which sign-up it is. Whoever sends the transaction is seen, so send it\nfrom another account than the one that signed up, or through a relayer, if credits allow it."
    )]
    Join(Join),
    /// Vote, or change the key that votes
    #[command(after_help = "\
Examples: maci-nova vote --key-file poll.key --vote 2=9 --account-key-file eth.key
          maci-nova vote --key-file poll.key --vote 0=3 --vote 4=5 --account-key-file eth.key
          maci-nova vote --key-file poll.key --vote 2=9 --out message.jsonl

A ballot is all that you want, with the key that you JOINED with: it takes the place of every
earlier one, since messages are counted from the last to the first. The last ballot counts.
Each message has a nonce. The one that is counted first needs nonce 1, the next 2, and so on; so a
ballot of three votes is published as nonces 3, 2, 1. This command does it. The message that is
counted first also changes your key to one that nobody has, which signs the others, so that nothing
that was sent before can count. With --new-key-file the ballot ends with a key that you keep:
messages that it signed count if they were sent BEFORE this ballot. With --nonce you say the nonce
of the message that is counted first; nobody needs that but who has kept keys in this way.
Top-ups are counted in the same order: one that is sent AFTER a ballot pays for it, whoever sends it.
So a ballot that costs too much is not void: it counts as soon as somebody pays the rest.
Whoever has the key that you joined with, and sends last, decides: never give it away.")]
    Vote(Vote),
    /// Publish messages that vote --out or another MACI client made
    #[command(
        after_help = "Example: maci-nova publish --poll-file poll.json --messages message.jsonl --account-key-file eth.key\n\nAnybody may publish for anybody: messages are encrypted and signed."
    )]
    Publish(Publish),
    /// Add voice credits to a voter, paid in the poll's token
    #[command(
        after_help = "Example: maci-nova topup --poll-file poll.json --state-index 3 --amount 50 --account-key-file eth.key\n\nVote first, then top up: what is sent is counted from the last to the first, so a top-up is for\nballots that were sent BEFORE it, not for later ones."
    )]
    Topup(Topup),
    /// Show where a poll is
    #[command(after_help = "Example: maci-nova status --poll-file poll.json")]
    Status(Status),
    /// Follow a poll on its chain, and fold what can be folded
    #[command(
        after_help = "Example: maci-nova process --poll-file poll.json --key-file coordinator.key --out proof --ptau powers.ptau\n\nFolds joins as they come and, when the poll has ended, messages from the last to the first. Ends\nwhen all is folded, or with --once when nothing is left to do for now. Stopped at any moment,\nthe same command goes on where it was; finalize does the rest."
    )]
    Process(Process),
    /// Give a poll up whose deadline has passed without a result
    #[command(
        after_help = "Example: maci-nova abort --poll-file poll.json --account-key-file eth.key"
    )]
    Abort(Abort),
    /// Take your top-ups and fees back after a poll was given up
    #[command(
        after_help = "Example: maci-nova withdraw --poll-file poll.json --account-key-file eth.key"
    )]
    Withdraw(Withdraw),
    /// Pay top-ups to the beneficiary and fees to the owner after a poll was finalized
    #[command(
        after_help = "Example: maci-nova collect --poll-file poll.json --account-key-file eth.key"
    )]
    Collect(Collect),
    /// Write what was sent to a poll as a poll log
    #[command(after_help = "Example: maci-nova export-log --poll-file poll.json --out poll.jsonl")]
    ExportLog(ExportLog),
}

/// Commands about a poll itself.
#[derive(Debug, Subcommand)]
pub enum PollCommand {
    /// Create a poll of a deployment; its address goes to the poll file
    #[command(
        after_help = "Example: maci-nova poll create --poll-file poll.json --coordinator-key macipk.… --options 5 --start-in 10min --duration 7d --credits 100 --account-key-file eth.key"
    )]
    Create(PollCreate),
}

/// Arguments of `keygen`.
#[derive(Debug, Args)]
pub struct Keygen {
    /// New file for the secret key
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Where a secret key comes from.
#[derive(Debug, Args)]
pub struct KeySource {
    /// File with the key (`macisk.…`); without it the environment variable MACI_NOVA_KEY holds it
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Arguments of `pubkey`.
#[derive(Debug, Args)]
pub struct Pubkey {
    /// The key.
    #[command(flatten)]
    pub key: KeySource,
}

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
    /// Go on from the checkpoint in DIR, if there is one
    #[arg(long)]
    pub resume: bool,
    /// Powers-of-tau file of a public ceremony
    #[arg(long, value_name = "FILE")]
    pub ptau: Option<PathBuf>,
    /// INSECURE: a setup whose secret everybody can compute, for trying things out
    #[arg(long)]
    pub insecure_setup: bool,
    /// Events in one step, 1 to 16; part of the parameters
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub events_per_step: usize,
    /// How often to write a checkpoint: a time such as 30s, or a number of steps such as 100steps
    #[arg(long, value_name = "INTERVAL", default_value = "30s")]
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
    /// Go on from the checkpoint in DIR, if there is one (with a poll file always so)
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
    /// How often to write a checkpoint: a time such as 30s, or a number of steps such as 100steps
    #[arg(long, value_name = "INTERVAL", default_value = "30s")]
    pub checkpoint_every: Interval,
    /// How the chain is followed.
    #[command(flatten)]
    pub following: Following,
}

/// Where powers of tau come from.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("setup").required(true).args(["ptau", "insecure_setup"]))]
pub struct Setup {
    /// Powers-of-tau file of a public ceremony
    #[arg(long, value_name = "FILE")]
    pub ptau: Option<PathBuf>,
    /// INSECURE: a setup whose secret everybody can compute, for trying things out
    #[arg(long)]
    pub insecure_setup: bool,
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

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("events").required(true).args(["log", "poll_file"]))]
pub struct Verify {
    /// The poll log (JSON Lines); only its public part is used
    #[arg(long, value_name = "FILE", requires = "proof")]
    pub log: Option<PathBuf>,
    /// Directory of the proof, or the proof file itself. With a poll file the decider.json of a poll that
    /// was finalized by way of another contract
    #[arg(long, value_name = "DIR")]
    pub proof: Option<PathBuf>,
    /// Digest of the verifier's key, from whoever was at its ceremony; --production needs it
    #[arg(long, value_name = "HEX", requires = "poll_file")]
    pub key_digest: Option<B256>,
    /// Powers-of-tau file that the proof was made with (not for the development setup)
    #[arg(long, value_name = "FILE", requires = "log")]
    pub ptau: Option<PathBuf>,
    /// Verify a finalized poll from its chain alone
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

/// A node, if one is named.
#[derive(Clone, Debug, Args)]
pub struct Endpoint {
    /// A node of the poll's chain, in place of the poll file's. May hold an API key: then give it in
    /// the environment
    #[arg(
        long,
        value_name = "URL",
        env = "MACI_NOVA_RPC_URL",
        hide_env_values = true
    )]
    pub rpc_url: Option<RpcUrl>,
}

/// Where a poll is, and a node of its chain.
#[derive(Debug, Args)]
pub struct Node {
    /// Poll file, as deploy and poll create write it
    #[arg(long, value_name = "FILE", default_value = "poll.json")]
    pub poll_file: PathBuf,
    /// A node.
    #[command(flatten)]
    pub endpoint: Endpoint,
}

/// The account that sends transactions and pays for them.
#[derive(Debug, Args)]
pub struct Sender {
    /// Encrypted keystore of the sending account
    #[arg(long, value_name = "FILE", conflicts_with = "account_key_file")]
    pub keystore: Option<PathBuf>,
    /// File with the keystore's password; else MACI_NOVA_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE", requires = "keystore")]
    pub password_file: Option<PathBuf>,
    /// File with the sending account's key (0x…); without keystore and file MACI_NOVA_ETH_KEY holds it
    #[arg(long, value_name = "FILE")]
    pub account_key_file: Option<PathBuf>,
    /// The most that a unit of gas may cost, in gwei: nodes recommend prices
    #[arg(long, value_name = "GWEI", default_value_t = 1000)]
    pub max_fee: u64,
}

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
    /// Depth of the state tree, 1 to 20: room for 5^s - 1 voters
    #[arg(long, value_name = "S", default_value_t = 10)]
    pub state_depth: usize,
    /// Depth of the vote option tree, 1 to 10: room for 5^v options
    #[arg(long, value_name = "V", default_value_t = 2)]
    pub vote_depth: usize,
    /// Events in one step, 1 to 16
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub events_per_step: usize,
    /// Who may sign up: `free-for-all`, everybody and as often as they want; `token:ADDRESS`,
    /// owners of this ERC-721's tokens, once for each; `excubiae:ADDRESS`, whom this policy of
    /// Excubiae lets in; or the ADDRESS of a gatekeeper that is deployed and serves no MACI yet.
    /// Without it, it is asked for
    #[arg(long, value_name = "WHO", conflicts_with = "sign_up_token")]
    pub gatekeeper: Option<Gatekeeper>,
    /// As --gatekeeper token:ADDRESS
    #[arg(long, value_name = "ADDRESS")]
    pub sign_up_token: Option<Address>,
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
    /// The coordinator's public key (`macipk.…`)
    #[arg(long, value_name = "KEY")]
    pub coordinator_key: String,
    /// How many options there are
    #[arg(long, value_name = "N")]
    pub options: u32,
    /// What a weight w costs
    #[arg(long, value_enum, default_value_t = CostMode::Quadratic)]
    pub mode: CostMode,
    /// Take messages that were signed within so many blocks, 5 to 255 (8190 where the chain keeps its
    /// blocks' hashes, EIP-2935); else 15 minutes of this chain's blocks. `off` is for clients that know
    /// nothing of it, such as MACI v3's: anybody can then send an old ballot again and undo a newer one
    #[arg(long, value_name = "BLOCKS")]
    pub signed_within: Option<SignedWithin>,
    /// Only who is among the sign-ups up to this index may join, from 0; else everybody who signs up in time
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
    /// Time for the proof after the end, 1h to 365d; then anybody may give the poll up. Has to cover joins of the
    /// last moments, which do not add to it
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub proving_time: TimeSpan,
    /// Time for the proof that each message adds, 1s to 1h
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub proving_time_per_message: TimeSpan,
    /// The most time that all messages together add, at most 90d: as many messages are taken as fit
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub most_proving_time: TimeSpan,
    /// Voice credits that everybody starts with, below 2^32
    #[arg(long, value_name = "N")]
    pub credits: Option<u32>,
    /// A contract that says how many credits who joins has
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
    /// Proving key of the join proof, which came with the poll file; else FILE.join.key beside it, else
    /// the cache's
    #[arg(long, value_name = "FILE")]
    pub join_key: Option<PathBuf>,
    /// What the poll's credit contract wants to know (0x…)
    #[arg(long, value_name = "HEX", default_value = "0x")]
    pub credit_data: Bytes,
    /// Do not join for fewer voice credits: a sign-up joins a poll once
    #[arg(long, value_name = "CREDITS", default_value_t = 1)]
    pub min_credits: u64,
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
    /// An option and the weight that it gets; once for each option
    #[arg(
        long = "vote",
        value_name = "OPTION=WEIGHT",
        required_unless_present_any = ["new_key_file", "ballot"],
        conflicts_with = "ballot"
    )]
    pub votes: Vec<Choice>,
    /// File with a line OPTION=WEIGHT for each option, or - for standard input: what is in arguments can be
    /// seen by others on this machine, and stays in the shell's history
    #[arg(long, value_name = "FILE")]
    pub ballot: Option<PathBuf>,
    /// The voter's index; without it the join with the key is looked up
    #[arg(long, value_name = "I")]
    pub state_index: Option<u64>,
    /// Keep the key that the ballot changes to in this file; made if it is not there
    #[arg(long, value_name = "FILE")]
    pub new_key_file: Option<PathBuf>,
    /// Nonce of the message that is counted first
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub nonce: u64,
    /// Write the messages to a new file, for publish, and send nothing
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
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
    /// Messages as vote --out writes them, a line each; published in this order
    #[arg(long, value_name = "FILE")]
    pub messages: PathBuf,
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
    /// Whether the messages of this file, which vote --out wrote, are in the poll, and in this order
    #[arg(long, value_name = "FILE")]
    pub messages: Option<PathBuf>,
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
    /// How often to write a checkpoint: a time such as 30s, or a number of steps such as 100steps
    #[arg(long, value_name = "INTERVAL", default_value = "30s")]
    pub checkpoint_every: Interval,
    /// How the chain is followed.
    #[command(flatten)]
    pub following: Following,
    /// Do what can be done now, and end
    #[arg(long)]
    pub once: bool,
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

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Count, prove and verify a poll log that is built in, without a chain
    #[arg(long, value_enum, conflicts_with = "rpc_url")]
    pub poll: Option<DemoPoll>,
    /// What the poll's weights mean
    #[arg(long, value_enum, default_value_t = DemoMode::Quadratic, conflicts_with = "poll")]
    pub mode: DemoMode,
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

/// A length of time, with a unit: 90s, 10min, 2h, 7d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan(pub Duration);

impl TimeSpan {
    /// In whole seconds.
    pub fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

impl std::str::FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let wrong = || "not a number with a unit, such as 90s, 10min, 2h or 7d".to_owned();
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let seconds = match unit.trim() {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let seconds = number.checked_mul(seconds).ok_or_else(wrong)?;
        Ok(TimeSpan(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    /// What the program takes these words for.
    fn parse(line: &str) -> Result<Command, clap::Error> {
        let words = line.split_whitespace();
        let arguments = Arguments::try_parse_from(["maci-nova"].into_iter().chain(words))?;
        Ok(arguments.command)
    }

    #[test]
    fn a_deployment_has_the_names_of_its_parts() {
        for name in ["deploy", "deployVkRegistry", "setVks", "createMaci"] {
            let command = parse(&format!("{name} --insecure-setup")).expect(name);
            let Command::Deploy(deploy) = command else {
                panic!("{name}: {command:?}");
            };
            assert_eq!((deploy.state_depth, deploy.vote_depth), (10, 2));
            assert_eq!(deploy.node.poll_file, PathBuf::from("poll.json"));
        }
        assert!(parse("deploy").is_err(), "no powers of tau");
    }

    #[test]
    fn a_gatekeeper_has_one_name() {
        let address = Address::repeat_byte(9);
        let parsed = |more: &str| {
            let more = more.replace("ADDRESS", &address.to_string());
            match parse(&format!("deploy --insecure-setup {more}")) {
                Ok(Command::Deploy(deploy)) => Ok((deploy.gatekeeper, deploy.sign_up_token)),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.to_string()),
            }
        };
        let cases = [
            ("", (None, None)),
            ("--sign-up-token ADDRESS", (None, Some(address))),
            (
                "--gatekeeper free-for-all",
                (Some(Gatekeeper::FreeForAll), None),
            ),
            (
                "--gatekeeper excubiae:ADDRESS",
                (Some(Gatekeeper::Excubiae { policy: address }), None),
            ),
        ];
        for (more, expected) in cases {
            assert_eq!(parsed(more), Ok(expected), "{more}");
        }
        let error = parsed("--gatekeeper everybody").unwrap_err();
        for choice in ["free-for-all", "token:ADDRESS", "excubiae:ADDRESS"] {
            assert!(error.contains(choice), "{error}");
        }
        assert!(parsed("--gatekeeper free-for-all --sign-up-token ADDRESS").is_err());
    }

    #[test]
    fn evidence_is_a_token_or_bytes() {
        let Ok(Command::Signup(signup)) = parse("signup --gatekeeper-data 0x0102") else {
            panic!("not a sign-up");
        };
        assert_eq!(signup.gatekeeper_data, Some(vec![1, 2].into()));
        for wrong in [
            "--gatekeeper-data 0x012",
            "--gatekeeper-data yes",
            "--gatekeeper-data 0x01 --token-id 7",
        ] {
            assert!(parse(&format!("signup {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_poll_is_created_by_either_name() {
        let arguments = "--coordinator-key macipk.0 --options 5 --duration 7d --credits 100";
        for name in ["poll create", "createPoll"] {
            let command = parse(&format!("{name} {arguments}")).expect(name);
            let (Command::Poll(PollCommand::Create(create)) | Command::CreatePoll(create)) =
                command
            else {
                panic!("{name}: {command:?}");
            };
            assert_eq!((create.options, create.credits), (5, Some(100)));
            assert_eq!(create.start_in.seconds(), 60);
        }
        let token = format!("{:?}", Address::repeat_byte(9));
        for wrong in [
            "--credits-contract TOKEN",
            "--votes-token TOKEN --snapshot 1",
            "--end-at 5",
            "--votes-token TOKEN --snapshot 1 --votes-per-credit 1",
            "--start-in 5s --start-at 5",
            "--top-up-token TOKEN",
            "--beneficiary TOKEN",
            "--top-up-token TOKEN --beneficiary TOKEN",
            "--credit-unit 1",
            "--votes-per-credit 1",
        ] {
            let wrong = wrong.replace("TOKEN", &token);
            assert!(
                parse(&format!("createPoll {arguments} {wrong}")).is_err(),
                "{wrong}"
            );
        }
        for missing in [
            "--credits 1",
            "--duration 1d",
            "--duration 1d --votes-token TOKEN",
            "--duration 1d --votes-token TOKEN --snapshot 1",
        ] {
            let missing = missing.replace("TOKEN", &token);
            let line = format!("createPoll --coordinator-key macipk.0 --options 5 {missing}");
            assert!(parse(&line).is_err(), "{missing}");
        }
    }

    #[test]
    fn other_names_of_commands() {
        for (name, expected) in [
            ("genMaciKeypair --out file", "Keygen"),
            ("genMaciPubkey", "Pubkey"),
            ("status", "Status"),
            ("abort", "Abort"),
            ("withdraw", "Withdraw"),
            ("collect", "Collect"),
            ("results --poll-file poll.json", "Results"),
        ] {
            let command = format!("{:?}", parse(name).expect(name));
            assert!(command.starts_with(expected), "{command}");
        }
    }

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90s", 90), ("10min", 600), ("2h", 7200), ("7 d", 604_800)] {
            let time: TimeSpan = text.parse().expect(text);
            assert_eq!(time.seconds(), seconds);
        }
        for bad in ["", "s", "30", "-1s", "3m", "1.5h", "99999999999999999999s"] {
            assert!(bad.parse::<TimeSpan>().is_err(), "{bad}");
        }
        let most = format!("{}d", u64::MAX);
        assert!(most.parse::<TimeSpan>().is_err());
    }

    #[test]
    fn choices_are_pairs() {
        let choice = Choice {
            option: 2,
            weight: 9,
        };
        assert_eq!("2=9".parse(), Ok(choice));
        let against = Choice {
            weight: -9,
            ..choice
        };
        assert_eq!("2=-9".parse(), Ok(against));
        for bad in ["", "2", "2=", "=9", "2:9", "2=9=1", "-1=2", "a=b"] {
            assert!(bad.parse::<Choice>().is_err(), "{bad}");
        }
    }

    #[test]
    fn intervals_have_units() {
        assert_eq!("30s".parse(), Ok(Interval::Time(Duration::from_secs(30))));
        assert_eq!("1step".parse(), Ok(Interval::Steps(1)));
        assert_eq!("250 steps".parse(), Ok(Interval::Steps(250)));
        for bad in [
            "",
            "s",
            "0s",
            "0steps",
            "30",
            "-1s",
            "3m",
            "99999999999999999999s",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }
}
