//! The server of jobs that the arguments name.

use maci_nova_coordinator::segments::driver::{SegmentCount, Workers};
use maci_nova_jobs::{Broker, BrokerOptions, JobKey};

use crate::arguments::workers::{BrokerSource, Segmented};
use crate::console::Console;
use crate::failure::Failure;

/// A connection, and the key that seals what goes through it.
#[derive(Debug)]
pub struct Connected {
    /// The server.
    pub broker: Broker,
    /// The key.
    pub key: JobKey,
    /// How the count is cut.
    segments: SegmentCount,
    patience: std::time::Duration,
}

impl Connected {
    /// The server and key that are named; none if there is no server.
    pub fn open(source: &BrokerSource, console: &Console) -> Result<Option<Self>, Failure> {
        let (Some(url), Some(key)) = (&source.nats, &source.job_key_file) else {
            return Ok(None);
        };
        if console.production && !url.is_encrypted() && !url.is_loopback() {
            return Err(Failure::Insecure(
                "a nats:// server on another machine, without TLS",
            ));
        }
        let key = JobKey::read(key).map_err(|error| Failure::Input(error.to_string()))?;
        let mut options = BrokerOptions::new(url.clone());
        options.credentials = source.nats_credentials.clone();
        options.root_certificate = source.nats_ca.clone();
        let broker = Broker::connect(&options).map_err(maci_nova_coordinator::Error::from)?;
        Ok(Some(Connected {
            broker,
            key,
            segments: SegmentCount::Auto,
            patience: std::time::Duration::ZERO,
        }))
    }

    /// The same for a driver.
    pub fn for_driver(source: &Segmented, console: &Console) -> Result<Option<Self>, Failure> {
        let connected = Self::open(&source.broker, console)?;
        Ok(connected.map(|connected| Connected {
            segments: source.segments,
            patience: source.patience.0,
            ..connected
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
