//! The server of jobs that the arguments name.

use std::time::Duration;

use maci_nova_coordinator::segments::driver::{SegmentCount, Workers};
use maci_nova_coordinator::Error as CoordinatorError;
use maci_nova_jobs::{Broker, BrokerOptions, BrokerUrl, JobKey, LateBroker};

use crate::arguments::workers::{BrokerSource, Segmented};
use crate::console::Console;
use crate::failure::Failure;

/// For so long a worker keeps a proof that it cannot hand over.
const KEPT: Duration = Duration::from_secs(3600);

/// What a driver hands jobs out with.
#[derive(Debug)]
pub struct Jobs {
    broker: LateBroker,
    key: JobKey,
    segments: SegmentCount,
    patience: Duration,
}

impl Jobs {
    /// Of the arguments; none if they name no server. One that is away now may be there later.
    pub fn open(source: &Segmented, console: &Console) -> Result<Option<Self>, Failure> {
        let Some((options, key)) = options(&source.broker, console)? else {
            return Ok(None);
        };
        let broker = LateBroker::new(options);
        match broker.get() {
            Err(error) if error.is_transient() => {
                console.warn(format!("{error}: going on without it, until it is there"));
            }
            Err(error) => return Err(CoordinatorError::from(error).into()),
            Ok(_) => {}
        }
        Ok(Some(Jobs {
            broker,
            key,
            segments: source.segments,
            patience: source.patience.0,
        }))
    }

    /// Who proves segments.
    pub fn workers(&self) -> Workers<'_> {
        Workers {
            broker: &self.broker,
            key: &self.key,
            segments: self.segments,
            patience: self.patience,
        }
    }
}

/// A worker's connection, and the key that seals what goes through it.
pub fn connect(source: &BrokerSource, console: &Console) -> Result<(Broker, JobKey), Failure> {
    let Some((mut options, key)) = options(source, console)? else {
        let text = "worker needs --nats URL, the server of jobs, and --job-key-file FILE";
        return Err(Failure::Usage(text.into()));
    };
    options.patience = KEPT;
    let broker = Broker::connect(&options).map_err(CoordinatorError::from)?;
    Ok((broker, key))
}

fn options(
    source: &BrokerSource,
    console: &Console,
) -> Result<Option<(BrokerOptions, JobKey)>, Failure> {
    let (Some(url), Some(key)) = (&source.nats, &source.job_key_file) else {
        return Ok(None);
    };
    let url = parse(url)?;
    if console.production && !url.is_encrypted() && !url.is_loopback() {
        return Err(Failure::Usage(format!(
            "{url} is another machine, and --production wants TLS to it: tls://HOST:PORT"
        )));
    }
    let key = JobKey::read(key).map_err(|error| Failure::Input(error.to_string()))?;
    let mut options = BrokerOptions::new(url);
    options.credentials = source.nats_credentials.clone();
    options.root_certificate = source.nats_ca.clone();
    Ok(Some((options, key)))
}

/// A server's address. The argument parser would repeat one that is wrong, with the password that may be in it.
pub fn parse(url: &str) -> Result<BrokerUrl, Failure> {
    url.parse()
        .map_err(|error| Failure::Usage(format!("--nats: {error}")))
}
