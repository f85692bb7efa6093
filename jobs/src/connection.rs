//! A link to a broker, and the threads that serve it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::credentials::Credentials;
use crate::error::BrokerError;
use crate::link::Link;
use crate::options::BrokerOptions;

/// Threads that speak to the broker. They are apart from those that fold: signs of life go out
/// however busy the others are.
const THREADS: usize = 2;

/// A link to a broker, and the threads that serve it. Copies share both.
#[derive(Clone)]
pub(crate) struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    link: Arc<Link>,
    options: BrokerOptions,
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Without waiting, which is not allowed everywhere.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.link.broker())
    }
}

impl Connection {
    pub(crate) fn open(options: &BrokerOptions) -> Result<Self, BrokerError> {
        let credentials = options.credentials.as_deref().map(Credentials::read);
        let credentials = credentials.transpose()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("broker")
            .enable_all()
            .build()
            .map_err(BrokerError::Threads)?;
        let link = runtime.block_on(Link::connect(options, credentials))?;
        Ok(Connection {
            inner: Arc::new(Inner {
                link: Arc::new(link),
                options: options.clone(),
                runtime: Some(runtime),
            }),
        })
    }

    pub(crate) fn link(&self) -> &Link {
        &self.inner.link
    }

    /// For tasks, which may not hold the threads that they run on.
    pub(crate) fn shared_link(&self) -> Arc<Link> {
        Arc::clone(&self.inner.link)
    }

    pub(crate) fn options(&self) -> &BrokerOptions {
        &self.inner.options
    }

    fn runtime(&self) -> &Runtime {
        self.inner.runtime.as_ref().expect("until it is dropped")
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime().block_on(future)
    }

    pub(crate) fn spawn(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        self.runtime().spawn(future)
    }

    /// Waits for something, where waiting is allowed.
    pub(crate) fn finish(&self, future: impl Future<Output = ()> + Send + 'static) {
        match Handle::try_current() {
            Ok(_) => drop(self.spawn(future)),
            Err(_) => self.block_on(future),
        }
    }
}
