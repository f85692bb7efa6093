//! How a broker is reached.

use std::path::PathBuf;
use std::time::Duration;

use crate::address::BrokerUrl;

/// How a broker is reached, and how patiently.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BrokerOptions {
    /// Where it is.
    pub url: BrokerUrl,
    /// A file with what shows the broker who this is: NATS' own credentials (`.creds`), an nkey's
    /// seed on a line, or `USER:PASSWORD`. Only its owner may read it. A password is sent as it
    /// is: without `tls://` everybody on the way reads it. The other two are never sent.
    pub credentials: Option<PathBuf>,
    /// A file with the certificates, in PEM, that alone vouch for the broker, in place of those
    /// that the system trusts. With it, nothing but TLS will do.
    pub root_certificate: Option<PathBuf>,
    /// How long a worker may be silent until its job goes to another one. It is a property of the
    /// queue: whoever makes the queue sets it, and the others go by what it says.
    pub ack_wait: Duration,
    /// The largest sealed job that is fetched, in bytes.
    pub largest_job: u64,
    /// For how long a result is held while the broker is away.
    pub patience: Duration,
}

impl BrokerOptions {
    /// A broker at an address, without credentials; 30 seconds of silence, jobs of up to one GiB,
    /// five minutes of patience.
    pub fn new(url: BrokerUrl) -> Self {
        BrokerOptions {
            url,
            credentials: None,
            root_certificate: None,
            ack_wait: Duration::from_secs(30),
            largest_job: 1 << 30,
            patience: Duration::from_secs(300),
        }
    }
}
