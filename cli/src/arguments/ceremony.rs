//! What the commands of a ceremony take.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use maci_nova_contracts::alloy_primitives::Bytes;

use super::shared::Sizes;

/// Commands of a ceremony.
#[derive(Debug, Subcommand)]
pub enum CeremonyCommand {
    /// Begin a ceremony for the keys of one shape of polls
    #[command(
        after_help = "Example: maci-nova ceremony new --ptau powers.ptau --state-depth 10 --drand-round 40000000 --out 0.ceremony\n\nThe powers of tau are those of a public ceremony, prepared for phase 2: compare the file with the hash that its\nceremony published. Round N of drand is published at 1692803367 + 3 (N - 1) seconds since 1970."
    )]
    New(New),
    /// Contribute: multiply by numbers that only you know, and forget them
    #[command(
        after_help = "Example: maci-nova ceremony contribute --from 3.ceremony --out 4.ceremony --ptau powers.ptau --name \"Ada Lovelace\"\n\nThe keys are safe if one contributor forgets. Publish the line that is printed: with it everyone finds your\ncontribution in the finished ceremony. The file is checked first, which takes the powers of tau, and most of the\ntime. Nothing is secret but what this process forgets."
    )]
    Contribute(Contribute),
    /// End the contributions with the randomness that was announced
    #[command(
        after_help = "Example: maci-nova ceremony beacon --from 7.ceremony --out last.ceremony --value 0x…\n\nNobody contributes after it."
    )]
    Beacon(Beacon),
    /// Check a ceremony: anyone can, from its file and the powers of tau
    #[command(
        after_help = "Example: maci-nova ceremony verify last.ceremony --ptau powers.ptau\n\nPrints who contributed, and the digest that verify --key-digest takes. Compare the powers of tau, the beacon and\nthe contributors' lines with what was published."
    )]
    Verify(Unfinished),
    /// Check a ceremony and make its keys, which production then uses
    #[command(
        after_help = "Example: maci-nova ceremony finish last.ceremony --ptau powers.ptau\n\nThe keys go to the user's cache folder, or to the one that MACI_NOVA_CACHE names, in the place of others of\nthe same circuits."
    )]
    Finish(Verify),
    /// Write a circuit's constraints to a file, for verifiers other than this program
    #[command(
        after_help = "Example: maci-nova ceremony export last.ceremony --ptau powers.ptau --circuit join --out join.r1cs\n\nThe file's SHA-256 is the circuit's digest in the ceremony. tests/verifier/verify.mjs is such a verifier."
    )]
    Export(Export),
}

/// Arguments of `ceremony new`.
#[derive(Debug, Args)]
pub struct New {
    /// Powers-of-tau file of a public ceremony, prepared for phase 2
    #[arg(long, value_name = "FILE")]
    pub ptau: PathBuf,
    /// What the polls' proofs are of.
    #[command(flatten)]
    pub sizes: Sizes,
    /// A round of drand's network quicknet, one every 3 seconds, whose signature will end the ceremony: later than the last
    /// contribution. The signature is checked by everybody
    #[arg(long, value_name = "N", required_unless_present = "beacon")]
    pub drand_round: Option<u64>,
    /// In place of a round of drand: what will end the ceremony, in words. Nobody checks it but people who read them
    #[arg(long, value_name = "TEXT", conflicts_with = "drand_round")]
    pub beacon: Option<String>,
    /// New file, for the first contributor
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `ceremony contribute`.
#[derive(Debug, Args)]
pub struct Contribute {
    /// The file of the contributor before
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// New file, for the next contributor
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The powers-of-tau file that it began with
    #[arg(long, value_name = "FILE")]
    pub ptau: PathBuf,
    /// Who you are, as everyone will read it
    #[arg(long, value_name = "TEXT")]
    pub name: String,
    /// File with randomness of your own, which is mixed with the system's
    #[arg(long, value_name = "FILE")]
    pub entropy_file: Option<PathBuf>,
}

/// Arguments of `ceremony beacon`.
#[derive(Debug, Args)]
pub struct Beacon {
    /// The file of the last contributor
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// New file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What was published, in hexadecimal digits: for a round of drand its signature
    #[arg(long, value_name = "HEX")]
    pub value: Bytes,
    /// Hash it 2^N times, so that who has a hand in it cannot try many values: 20 if left out, and 30 takes minutes. Not for a round
    /// of drand, where nobody has
    #[arg(long, value_name = "N")]
    pub iterations: Option<u8>,
}

/// Arguments of `ceremony export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The ceremony.
    #[command(flatten)]
    pub ceremony: Verify,
    /// Which circuit
    #[arg(long, value_name = "NAME")]
    pub circuit: String,
    /// New file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `ceremony verify`.
#[derive(Debug, Args)]
pub struct Unfinished {
    /// The ceremony.
    #[command(flatten)]
    pub ceremony: Verify,
    /// Also one that has not ended: what contributors and whoever passes files on may look at
    #[arg(long)]
    pub unfinished: bool,
}

/// Arguments of `ceremony finish`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The file of a ceremony that has ended
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The powers-of-tau file that it began with
    #[arg(long, value_name = "FILE")]
    pub ptau: PathBuf,
}
