//! What is asked and said by HTTP: one thread, a bounded number of connections, and nothing that
//! waits for work on a poll.

pub mod api;
pub mod limits;
pub mod page;
pub mod token;

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{watch, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::config::HttpConfig;
use crate::error::Error;
use limits::Peer;

/// How long a connection may take for a request's head, and how long it lives in all: who reads or
/// writes slowly has a place for no longer.
const HEAD: Duration = Duration::from_secs(10);
const LIFE: Duration = Duration::from_secs(60);

/// What a request's head may take, in bytes.
const HEAD_BYTES: usize = 16 << 10;

/// For requests that are being answered when the service ends.
const GRACE: Duration = Duration::from_millis(500);

/// After a connection that could not be taken, for instance for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A server on a thread of its own.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: thread::JoinHandle<()>,
}

impl Server {
    /// Listens, and answers with what the router says.
    pub(crate) fn start(config: &HttpConfig, router: Router) -> Result<Self, Error> {
        let address = config.listen;
        let failed = |source| Error::Listen { address, source };
        let listener = StdListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(Error::Thread)?;
        let (stop, stopped) = watch::channel(false);
        let connections = Arc::new(Semaphore::new(config.connections));
        let thread = thread::Builder::new().name("http".into()).spawn(move || {
            runtime.block_on(async move {
                match TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, router, connections, stopped).await,
                    Err(error) => warn!("cannot listen: {error}"),
                }
            });
        });
        Ok(Server {
            address: bound,
            stop,
            thread: thread.map_err(Error::Thread)?,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and ends when those that there are have their answers, or soon.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.thread.join();
    }
}

async fn serve(
    listener: TcpListener,
    router: Router,
    connections: Arc<Semaphore>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let next = async {
            let place = Arc::clone(&connections).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stopped.changed() => break,
        };
        match (place, accepted) {
            (Ok(place), Ok((stream, peer))) => {
                let answering = answer(stream, peer, router.clone(), place, stopped.clone());
                tokio::spawn(answering);
            }
            (_, Err(error)) => {
                debug!("a connection was not taken: {error}");
                sleep(PAUSE).await;
            }
            (Err(_), _) => break,
        }
    }
    drop(listener);
    let all = u32::try_from(connections.available_permits()).unwrap_or(u32::MAX);
    debug!("the server ends; {all} places are free");
    sleep(GRACE).await;
}

async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    _place: OwnedSemaphorePermit,
    mut stopped: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let router = router.layer(axum::Extension(Peer(peer.ip())));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let lived = timeout(LIFE, async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.as_mut().await
            }
        }
    });
    if let Ok(Err(error)) = lived.await {
        debug!("a connection ended: {error}");
    }
}
