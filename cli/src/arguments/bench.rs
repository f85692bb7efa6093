//! What `bench` takes.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args};

use super::shared::PriceList;

/// Depths of the state tree and of the vote option tree, as `10,3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depths(pub usize, pub usize);

impl FromStr for Depths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let depths = text
            .split_once(',')
            .and_then(|(state, vote)| Some(Depths(state.parse().ok()?, vote.parse().ok()?)));
        depths.ok_or_else(|| "two depths are separated by a comma, as in 10,3".into())
    }
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["out", "from", "child"]))]
pub struct Bench {
    /// Folder for the measurements and the report; made if it is not there, resumed if it is
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A few minutes, with small trees
    #[arg(long, conflicts_with = "full")]
    pub quick: bool,
    /// Two hours, with every size, and 1,000 and 10,000 messages folded for real
    #[arg(long)]
    pub full: bool,
    /// Depths of the state tree and of the vote option tree
    #[arg(long, value_name = "S,V")]
    pub depths: Option<Depths>,
    /// Events in one step of the folding, each 1 to 16
    #[arg(long, value_name = "K,...", value_delimiter = ',')]
    pub events_per_step: Option<Vec<usize>>,
    /// Messages in one batch
    #[arg(long, value_name = "B,...", value_delimiter = ',')]
    pub batch: Option<Vec<usize>>,
    /// Messages of the polls that are compared
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub messages: Option<Vec<u64>>,
    /// Leave out the proof for a contract, whose key takes a minute or more to make
    #[arg(long)]
    pub without_decider: bool,
    /// Take the decider's key from the user's cache where it is there: making it is then not measured
    #[arg(long, conflicts_with = "without_decider")]
    pub cached_keys: bool,
    /// Steps of 2^k constraints on the Pasta curves and on BN254, as in Nova's paper
    #[arg(long)]
    pub calibrate: bool,
    /// Put published figures and those of peers into the report
    #[arg(long)]
    pub literature: bool,
    /// What the machine is called in the results
    #[arg(long, value_name = "TEXT")]
    pub machine: Option<String>,
    /// What machines and gas cost.
    #[command(flatten)]
    pub prices: PriceList,
    /// Measure nothing: take the results.json of this folder
    #[arg(long, value_name = "DIR", requires = "write_docs")]
    pub from: Option<PathBuf>,
    /// Write the pages of this repository that are made of results into this folder
    #[arg(long, value_name = "DIR", requires = "from")]
    pub write_docs: Option<PathBuf>,
    /// Measure one configuration, for the process that started this one
    #[arg(long, hide = true)]
    pub child: Option<String>,
}
