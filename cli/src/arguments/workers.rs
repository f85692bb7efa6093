//! What the driver of a count in segments and its workers take.

use std::path::PathBuf;

use clap::Args;
use maci_nova_coordinator::segments::driver::SegmentCount;

use super::shared::{Setup, TimeSpan};

/// The NATS server that carries jobs, and what they are sealed with.
#[derive(Clone, Debug, Args)]
pub struct BrokerSource {
    /// NATS server with JetStream that carries segments of the count to workers: nats://HOST:PORT, or tls://HOST:PORT
    #[arg(
        long,
        value_name = "URL",
        env = "MACI_NOVA_NATS",
        requires = "job_key_file"
    )]
    pub nats: Option<String>,
    /// File with the key that seals jobs (keygen --job-key), the same for the driver and its workers: whoever has it and the
    /// server's data reads every ballot
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub job_key_file: Option<PathBuf>,
    /// File with the NATS server's credentials: a .creds file, an nkey seed, or USER:PASSWORD
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub nats_credentials: Option<PathBuf>,
    /// Certificate of the authority that the NATS server's certificate is of, if the system does not know it
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub nats_ca: Option<PathBuf>,
}

/// How a count is cut into segments, and who proves them.
#[derive(Clone, Debug, Args)]
pub struct Segmented {
    /// The server.
    #[command(flatten)]
    pub broker: BrokerSource,
    /// Segments of the count, each with a proof and a transaction of its own; auto has one for each worker that waits
    #[arg(long, value_name = "N|auto", default_value = "auto", requires = "nats")]
    pub segments: SegmentCount,
    /// After so much time without a proof, a job that no worker has is proven here
    #[arg(long, value_name = "TIME", default_value = "1min", requires = "nats")]
    pub patience: TimeSpan,
}

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct Worker {
    /// The server.
    #[command(flatten)]
    pub broker: BrokerSource,
    /// The powers of tau.
    #[command(flatten)]
    pub setup: Setup,
    /// End after so many segments
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub most: Option<u64>,
    /// Threads to prove with; as many as there are processors unless told
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}
