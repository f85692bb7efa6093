//! What arguments of several roles have in common: keys, nodes, accounts, setups, times.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};
use maci_nova_bench::model::Prices;
use maci_nova_chain::RpcUrl;
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_coordinator::guardians::Threshold;
use maci_nova_coordinator::prove::cost;
use maci_nova_node::KEY_ENVIRONMENT;
use maci_nova_sdk::voter::budget::Budget;
use maci_nova_step_circuit::{Shape, ShapeError};

/// Arguments of `keygen`.
#[derive(Debug, Args)]
pub struct Keygen {
    /// New file for the secret key
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Make the key that seals segments of a count for other machines (worker, --job-key-file), in place of a person's
    #[arg(long, requires = "out", conflicts_with_all = ["guardians", "key_file", "recover", "check"])]
    pub job_key: bool,
    /// Also split the key among guardians, for instance 3-of-5: any three shares recover it, two tell nothing. The shares go to
    /// new files beside the key
    #[arg(long, value_name = "T-of-N")]
    pub guardians: Option<Threshold>,
    /// Split this key, in place of a new one
    #[arg(
        long,
        value_name = "FILE",
        requires = "guardians",
        conflicts_with = "out"
    )]
    pub key_file: Option<PathBuf>,
    /// Recover a key from these guardians' shares
    #[arg(long, value_name = "SHARE", num_args = 1.., conflicts_with_all = ["guardians", "key_file"])]
    pub recover: Vec<PathBuf>,
    /// Check one's own share: what a guardian does who gets one
    #[arg(long, value_name = "SHARE", conflicts_with_all = ["out", "guardians", "key_file", "recover"])]
    pub check: Option<PathBuf>,
}

/// What machines and gas cost.
#[derive(Clone, Copy, Debug, Args)]
pub struct PriceList {
    /// Price of gas, in gwei
    #[arg(long, value_name = "GWEI", default_value_t = 1.0)]
    pub gas_price: f64,
    /// Price of ether, in US dollars
    #[arg(long, value_name = "USD", default_value_t = 3_000.0)]
    pub ether_price: f64,
    /// Price of an hour of the machine, in US dollars
    #[arg(long, value_name = "USD", default_value_t = 0.1)]
    pub machine_price: f64,
}

/// What nobody pays.
const MOST_PRICE: f64 = 1e9;

impl PriceList {
    /// The prices.
    ///
    /// # Errors
    /// Says what a price is.
    pub fn prices(&self) -> Result<Prices, &'static str> {
        let prices = Prices {
            gas: self.gas_price,
            ether: self.ether_price,
            machine: self.machine_price,
        };
        let all = [prices.gas, prices.ether, prices.machine];
        match all.iter().all(|price| (0.0..=MOST_PRICE).contains(price)) {
            true => Ok(prices),
            false => Err("a price is a number from 0 to a billion"),
        }
    }
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

/// Where powers of tau come from.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("setup").required(true).args(["ptau", "insecure_setup"]))]
pub struct Setup {
    /// Powers-of-tau file of a public ceremony
    #[arg(long, value_name = "FILE")]
    pub ptau: Option<PathBuf>,
    /// INSECURE: a setup whose secret anyone can compute, for trying things out
    #[arg(long)]
    pub insecure_setup: bool,
}

/// The sizes that keys are made for: a ceremony's and a deployment's are the same unless somebody says otherwise.
#[derive(Clone, Copy, Debug, Args)]
pub struct Sizes {
    /// Depth of the state tree, 1 to 20: room for 5^s - 1 voters
    #[arg(long, value_name = "S", default_value_t = 10)]
    pub state_depth: usize,
    /// Depth of the vote option tree, 1 to 10: room for 5^v options
    #[arg(long, value_name = "V", default_value_t = 2)]
    pub vote_depth: usize,
    /// Events in one step, 1 to 16 [default: 1]
    #[arg(long, value_name = "K", conflicts_with = "expected_events")]
    pub events_per_step: Option<usize>,
    /// Voters and messages expected together: chooses the events in one step, as inspect advises for so many
    #[arg(long, value_name = "N")]
    pub expected_events: Option<u64>,
}

impl Sizes {
    /// The shape of these sizes.
    ///
    /// # Errors
    /// Says which is out of range.
    pub fn shape(&self) -> Result<Shape, ShapeError> {
        let (state_depth, vote_depth) = (self.state_depth, self.vote_depth);
        let one = Shape::new(state_depth, vote_depth, self.events_per_step.unwrap_or(1))?;
        Ok(match self.expected_events {
            None => one,
            Some(events) => Shape {
                events_per_step: cost::events_per_step(state_depth, vote_depth, events),
                ..one
            },
        })
    }
}

/// A node, if one is named.
#[derive(Clone, Debug, Args)]
pub struct Endpoint {
    /// A node of the poll's chain, in place of the poll file's. May hold an API key: then give it
    /// in the environment
    #[arg(
        long,
        value_name = "URL",
        env = "MACI_NOVA_RPC_URL",
        hide_env_values = true
    )]
    pub rpc_url: Option<RpcUrl>,
}

/// The poll file where none is named.
pub const POLL_FILE: &str = "poll.json";

/// Where a poll is, and a node of its chain.
#[derive(Debug, Args)]
pub struct Node {
    /// Poll file, as deploy and poll create write it
    #[arg(long, value_name = "FILE", default_value = POLL_FILE)]
    pub poll_file: PathBuf,
    /// A node.
    #[command(flatten)]
    pub endpoint: Endpoint,
}

/// The account that sends transactions and pays for them.
#[derive(Debug, Args)]
pub struct Sender {
    /// Encrypted keystore (version 3) of the sending account, as geth, ethers, web3.py, brownie,
    /// MyEtherWallet, Parity and others write it
    #[arg(long, value_name = "FILE", conflicts_with = "account_key_file")]
    pub keystore: Option<PathBuf>,
    /// File with the keystore's password; else MACI_NOVA_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE", requires = "keystore")]
    pub password_file: Option<PathBuf>,
    /// File with the sending account's key (64 digits, also after 0x); without keystore and file
    /// MACI_NOVA_ETH_KEY holds it
    #[arg(long, value_name = "FILE")]
    pub account_key_file: Option<PathBuf>,
    /// The most that a unit of gas may cost, in gwei: what the node recommends is paid up to this
    #[arg(long, value_name = "GWEI", default_value_t = 200)]
    pub max_fee: u64,
    /// The most of it that goes to whoever makes the block, in gwei: if the node recommends a higher
    /// tip, this is paid
    #[arg(long, value_name = "GWEI", default_value_t = 5)]
    pub max_tip: u64,
}

impl Sender {
    /// Whether an account is named, by arguments or in the environment.
    pub fn is_named(&self) -> bool {
        let is_set = |value: std::ffi::OsString| !value.is_empty();
        self.keystore.is_some()
            || self.account_key_file.is_some()
            || std::env::var_os(KEY_ENVIRONMENT).is_some_and(is_set)
    }
}

/// What the poll may take for messages and top-ups.
#[derive(Debug, Args)]
pub struct MessageFee {
    /// The most that the poll may take for each message or top-up, in wei, besides gas: a poll that
    /// asks for more gets nothing. status says what it asks
    #[arg(long, value_name = "WEI", default_value = "0")]
    pub max_message_fee: U256,
}

impl MessageFee {
    /// For messages alone.
    pub fn budget(&self) -> Budget {
        Budget {
            message_fee: self.max_message_fee,
            tokens: U256::ZERO,
        }
    }
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
            "m" | "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let seconds = number.checked_mul(seconds).ok_or_else(wrong)?;
        Ok(TimeSpan(Duration::from_secs(seconds)))
    }
}
