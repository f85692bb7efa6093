//! What the command line takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

/// Heading of the flags that every command takes.
const GENERAL: &str = "General options";

const AFTER_HELP: &str = "\
The coordinator's key comes from a file (--key-file) or from the environment variable
MACI_NOVA_KEY, never from an argument.

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
        after_help = "Example: maci-nova keygen --out coordinator.key\n\nThe file is made with mode 0600 and never overwritten."
    )]
    Keygen(Keygen),
    /// Print the public key of a key file
    #[command(after_help = "Example: maci-nova pubkey --key-file coordinator.key")]
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
        after_help = "Example: maci-nova finalize --log poll.jsonl --key-file coordinator.key --out proof --ptau powers.ptau --dry-run\n\nThe first run for a shape and setup makes keys, which takes minutes, and keeps them in the\nuser's cache folder, or in the one that MACI_NOVA_CACHE names. Stopped at any moment, the same\ncommand with --resume goes on; so it does from a checkpoint of prove."
    )]
    Finalize(Finalize),
    /// Check a proof against the poll log; no key is needed
    #[command(
        after_help = "Example: maci-nova verify --log poll.jsonl --proof proof --ptau powers.ptau"
    )]
    Verify(Verify),
    /// Print what a proof file claims, without checking it
    #[command(after_help = "Example: maci-nova results --proof proof --json")]
    Results(Results),
    /// Show a poll's circuit, gadget by gadget, and how long proving will take
    #[command(
        after_help = "Examples: maci-nova inspect --log poll.jsonl\n          maci-nova inspect --state-depth 10 --vote-depth 3 --messages 100000 --voters 50000"
    )]
    Inspect(Inspect),
    /// Count, prove and verify an example poll that is built in
    #[command(
        after_help = "Example: maci-nova demo --poll small\n\nThe proof rests on the INSECURE development setup. Nothing is left on disk."
    )]
    Demo(Demo),
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
    /// Events in one step, 1 to 64; part of the parameters
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub events_per_step: usize,
    /// How often to write a checkpoint: a time such as 30s, or a number of steps such as 100steps
    #[arg(long, value_name = "INTERVAL", default_value = "30s")]
    pub checkpoint_every: Interval,
}

/// Arguments of `finalize`.
#[derive(Debug, Args)]
pub struct Finalize {
    /// What is proven and how.
    #[command(flatten)]
    pub proving: Proving,
    /// Send nothing: verify the call in an embedded EVM and print what it costs
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The poll log (JSON Lines); only its public part is used
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// Directory of the proof, or the proof file itself
    #[arg(long, value_name = "DIR")]
    pub proof: PathBuf,
    /// Powers-of-tau file that the proof was made with (not for the development setup)
    #[arg(long, value_name = "FILE")]
    pub ptau: Option<PathBuf>,
}

/// Arguments of `results`.
#[derive(Debug, Args)]
pub struct Results {
    /// Directory of the proof, or the proof file itself
    #[arg(long, value_name = "DIR")]
    pub proof: PathBuf,
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
    /// Events in one step, 1 to 64
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
    /// Which poll
    #[arg(long, value_enum, default_value_t = DemoPoll::Medium)]
    pub poll: DemoPoll,
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

/// How often a checkpoint is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// When so much time has passed since the last one.
    Time(Duration),
    /// After so many steps, at least 1.
    Steps(u64),
}

impl std::str::FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or("not a number above 0 with a unit, such as 30s or 100steps")?;
        match unit.trim() {
            "s" | "seconds" => Ok(Interval::Time(Duration::from_secs(number))),
            "step" | "steps" => Ok(Interval::Steps(number)),
            _ => Err("the unit is s or steps, as in 30s or 100steps".into()),
        }
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
