//! A broker that need not be there when a driver starts.

use std::sync::OnceLock;

use crate::broker::Broker;
use crate::error::BrokerError;
use crate::options::BrokerOptions;

/// A broker that is connected to once it is there. From then on the connection comes back by itself.
#[derive(Debug)]
pub struct LateBroker {
    options: BrokerOptions,
    broker: OnceLock<Broker>,
}

impl LateBroker {
    /// Connects to nothing yet.
    pub fn new(options: BrokerOptions) -> Self {
        LateBroker {
            options,
            broker: OnceLock::new(),
        }
    }

    /// What it is connected with.
    pub fn options(&self) -> &BrokerOptions {
        &self.options
    }

    /// The broker, if it is there or has been.
    ///
    /// # Errors
    /// Those of [`Broker::connect`].
    pub fn get(&self) -> Result<&Broker, BrokerError> {
        if let Some(broker) = self.broker.get() {
            return Ok(broker);
        }
        let broker = Broker::connect(&self.options)?;
        Ok(self.broker.get_or_init(|| broker))
    }
}

impl From<BrokerOptions> for LateBroker {
    fn from(options: BrokerOptions) -> Self {
        LateBroker::new(options)
    }
}
