//! A connection to a broker: it comes back by itself, and finds the streams there or makes them.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{self, pull, AckPolicy, Consumer};
use async_nats::jetstream::context::RequestErrorKind;
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{object_store, Context, ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use serde::de::IgnoredAny;
use serde::Deserialize;
use tokio::time::{sleep, timeout, Instant};

use crate::credentials::Credentials;
use crate::error::BrokerError;
use crate::names::{ALL_JOBS, ALL_RESULTS, JOBS, OBJECTS, RESULTS, WORKERS};
use crate::options::BrokerOptions;

/// For how long a broker that is away is waited for, and one call that moves little.
pub(crate) const CALL: Duration = Duration::from_secs(10);

/// For how long one question waits for its answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// How often the connection is tried while nothing else is said: two that fail in a row are a
/// broker that is away.
const PING: Duration = Duration::from_secs(5);

/// Between two tries to connect again.
const RECONNECT: Duration = Duration::from_millis(500);

/// Between two looks at whether the connection is there.
const LOOK: Duration = Duration::from_millis(20);

/// After what time the broker throws away what nobody has: a count takes days.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many jobs are with workers at once, at most.
const TAKEN: i64 = 65_536;

/// How many workers wait at once, at most.
const WAITING: i64 = 4_096;

/// The streams, as they were found over one connection.
pub(crate) struct Ready {
    pub(crate) context: Context,
    pub(crate) jobs: Stream,
    pub(crate) results: Stream,
    pub(crate) objects: Stream,
    pub(crate) workers: Consumer<pull::Config>,
    /// Which connection, counted from the first.
    connection: u64,
}

impl Ready {
    /// When the queue was made. In another one, the same numbers stand for other jobs.
    pub(crate) fn queue(&self) -> String {
        format!("{:?}", self.jobs.cached_info().created)
    }

    /// When the stream of results was made.
    pub(crate) fn collection(&self) -> String {
        format!("{:?}", self.results.cached_info().created)
    }

    /// How long a worker may be silent.
    pub(crate) fn ack_wait(&self) -> Duration {
        self.workers.cached_info().config.ack_wait
    }
}

/// Why one try failed.
pub(crate) enum Failure {
    /// It may go well the next time.
    Again(String),
    /// It will not.
    Final(BrokerError),
}

/// A try that another one may make good.
pub(crate) fn again(error: impl fmt::Display) -> Failure {
    Failure::Again(error.to_string())
}

/// For how long something is tried.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// In all.
    pub(crate) whole: Duration,
    /// While the broker is away, counted from when it was missed first: a caller with many calls
    /// does not wait so long for each of them.
    pub(crate) away: Duration,
}

impl Patience {
    /// Of a call that moves little.
    pub(crate) const CALL: Self = Patience {
        whole: CALL,
        away: CALL,
    };

    /// Of one that moves so many bytes, at no less than a megabyte in a second.
    pub(crate) fn of(bytes: u64) -> Self {
        Patience {
            whole: CALL + Duration::from_secs(bytes >> 20),
            away: CALL,
        }
    }

    /// Of one that waits for the broker all the time.
    pub(crate) fn all(whole: Duration) -> Self {
        Patience {
            whole,
            away: Duration::MAX,
        }
    }
}

/// A connection to a broker.
pub(crate) struct Link {
    client: Client,
    context: Context,
    broker: String,
    ack_wait: Duration,
    ready: tokio::sync::Mutex<Option<Arc<Ready>>>,
    away_since: Mutex<Option<Instant>>,
    /// What the broker has complained of last.
    complaint: Arc<Mutex<Option<String>>>,
}

impl Link {
    pub(crate) async fn connect(
        options: &BrokerOptions,
        credentials: Option<Credentials>,
    ) -> Result<Self, BrokerError> {
        let broker = options.url.to_string();
        let complaint = Arc::new(Mutex::new(None));
        let connecting = connect_options(options, credentials, Arc::clone(&complaint))?;
        let client = match timeout(CALL, connecting.connect(&broker)).await {
            Ok(connected) => connected.map_err(|error| refusal(&broker, &error))?,
            Err(_) => return Err(away(&broker, "it does not answer")),
        };
        check_server(&client, &broker)?;
        let context = ContextBuilder::new().timeout(ANSWER).build(client.clone());
        let link = Link {
            client,
            context,
            broker,
            ack_wait: options.ack_wait,
            ready: tokio::sync::Mutex::default(),
            away_since: Mutex::default(),
            complaint,
        };
        link.check_account().await?;
        let streams = |_| async { Ok(()) };
        link.call("make the streams", Patience::CALL, streams)
            .await?;
        Ok(link)
    }

    /// Whether this account may keep anything. The library's own question does not understand the
    /// answer of a server that is older than 2.10.
    async fn check_account(&self) -> Result<(), BrokerError> {
        #[derive(Deserialize)]
        struct Account {
            error: Option<IgnoredAny>,
        }
        let none = BrokerError::NoJetStream {
            broker: self.broker.clone(),
        };
        match self.context.request("INFO", &()).await {
            Ok(Account { error: None }) => Ok(()),
            Ok(Account { error: Some(_) }) => Err(none),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Err(none),
            Err(error) => Err(self.away(&error.to_string())),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn broker(&self) -> &str {
        &self.broker
    }

    /// Whether the connection is there, as far as is known.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    fn connections(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Returns when the connection breaks over which these streams were found.
    pub(crate) async fn broken(&self, ready: &Ready) {
        while self.is_connected() && self.connections() == ready.connection {
            sleep(5 * LOOK).await;
        }
    }

    /// The streams; they are looked for, or made, once for each connection.
    pub(crate) async fn ready(&self) -> Result<Arc<Ready>, Failure> {
        let mut known = self.ready.lock().await;
        let connection = self.connections();
        if let Some(ready) = known
            .as_ref()
            .filter(|ready| ready.connection == connection)
        {
            return Ok(Arc::clone(ready));
        }
        let ready = Arc::new(self.make_ready(connection).await?);
        *known = Some(Arc::clone(&ready));
        Ok(ready)
    }

    /// Has the streams looked for again.
    pub(crate) async fn look_again(&self) {
        *self.ready.lock().await = None;
    }

    async fn make_ready(&self, connection: u64) -> Result<Ready, Failure> {
        let context = &self.context;
        let jobs = context.get_or_create_stream(jobs_config());
        let jobs = jobs.await.map_err(again)?;
        check_stream(JOBS, &jobs_config(), &jobs.cached_info().config)?;
        let results = context.get_or_create_stream(results_config());
        let results = results.await.map_err(again)?;
        check_stream(RESULTS, &results_config(), &results.cached_info().config)?;
        let objects = match context.get_stream(OBJECTS).await {
            Ok(stream) => stream,
            Err(_) => {
                let made = context.create_object_store(objects_config()).await;
                made.map_err(again)?;
                context.get_stream(OBJECTS).await.map_err(again)?
            }
        };
        let workers = jobs.get_or_create_consumer(WORKERS, self.workers_config());
        let workers = workers.await.map_err(again)?;
        check_workers(&workers.cached_info().config)?;
        Ok(Ready {
            context: context.clone(),
            jobs,
            results,
            objects,
            workers,
            connection,
        })
    }

    fn workers_config(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(WORKERS.into()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            max_deliver: -1,
            max_ack_pending: TAKEN,
            max_waiting: WAITING,
            ..Default::default()
        }
    }

    fn away(&self, reason: &str) -> BrokerError {
        match self.complaint.lock().expect("not poisoned").as_deref() {
            Some(words) => away(&self.broker, &format!("{reason}; it last said: {words}")),
            None => away(&self.broker, reason),
        }
    }

    /// Waits for the connection.
    async fn connected(&self, away: Duration, deadline: Instant) -> Result<(), BrokerError> {
        loop {
            if self.is_connected() {
                *self.away_since.lock().expect("not poisoned") = None;
                return Ok(());
            }
            let since = {
                let mut since = self.away_since.lock().expect("not poisoned");
                *since.get_or_insert_with(Instant::now)
            };
            if since.elapsed() >= away || Instant::now() >= deadline {
                return Err(self.away("there is no connection"));
            }
            sleep(LOOK).await;
        }
    }

    /// Tries something until it is done, cannot be done, or patience ends.
    pub(crate) async fn call<T, F>(
        &self,
        action: &'static str,
        patience: Patience,
        attempt: impl Fn(Arc<Ready>) -> F,
    ) -> Result<T, BrokerError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = Instant::now() + patience.whole;
        loop {
            self.connected(patience.away, deadline).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            let whole = async { attempt(self.ready().await?).await };
            match timeout(left, whole).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(Failure::Final(error))) => return Err(error),
                Ok(Err(Failure::Again(reason))) => {
                    self.look_again().await;
                    if Instant::now() + PAUSE < deadline {
                        sleep(PAUSE).await;
                        continue;
                    }
                    return Err(match self.is_connected() {
                        true => BrokerError::Unable {
                            broker: self.broker.clone(),
                            action,
                            reason,
                        },
                        false => self.away(&reason),
                    });
                }
                Err(_) => {
                    self.look_again().await;
                    let seconds = patience.whole.as_secs();
                    return Err(self.away(&format!("no answer within {seconds} s")));
                }
            }
        }
    }
}

fn connect_options(
    options: &BrokerOptions,
    credentials: Option<Credentials>,
    complaint: Arc<Mutex<Option<String>>>,
) -> Result<ConnectOptions, BrokerError> {
    let mut connecting = ConnectOptions::new()
        .name("maci-nova")
        .connection_timeout(ANSWER)
        .request_timeout(Some(ANSWER))
        .ping_interval(PING)
        // What a server says of others is not what the options name: they may be elsewhere, and in the clear.
        .ignore_discovered_servers()
        .reconnect_delay_callback(|tries| match tries {
            0 | 1 => Duration::ZERO,
            _ => RECONNECT,
        })
        .require_tls(options.url.is_encrypted() || options.root_certificate.is_some())
        .event_callback(move |event| {
            let complaint = Arc::clone(&complaint);
            async move {
                if let Event::ServerError(error) = event {
                    *complaint.lock().expect("not poisoned") = Some(error.to_string());
                }
            }
        });
    if let Some(path) = &options.root_certificate {
        // A file that is missing is known now, and not at the first handshake.
        std::fs::File::open(path).map_err(BrokerError::Certificate)?;
        connecting = connecting.add_root_certificates(path.clone());
    }
    if let (Some(credentials), Some(path)) = (credentials, &options.credentials) {
        connecting = credentials.apply(connecting).map_err(|source| {
            BrokerError::Credentials(crate::private::PrivateFileError::Io {
                path: path.clone(),
                source,
            })
        })?;
    }
    Ok(connecting)
}

fn away(broker: &str, reason: &str) -> BrokerError {
    BrokerError::Away {
        broker: broker.to_owned(),
        reason: reason.to_owned(),
    }
}

fn refusal(broker: &str, error: &async_nats::ConnectError) -> BrokerError {
    let (broker, reason) = (broker.to_owned(), error.to_string());
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            BrokerError::Refused { broker, reason }
        }
        ConnectErrorKind::Tls => BrokerError::Tls { broker, reason },
        _ if of_tls(error) => BrokerError::Tls { broker, reason },
        _ => BrokerError::Away { broker, reason },
    }
}

/// Whether it is the encryption that failed, which the library takes for a connection's failure.
fn of_tls(error: &async_nats::ConnectError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    let inner = source.and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<async_nats::rustls::Error>())
}

fn check_server(client: &Client, broker: &str) -> Result<(), BrokerError> {
    let info = client.server_info();
    if !client.is_server_compatible(2, 9, 0) {
        return Err(BrokerError::TooOld {
            broker: broker.to_owned(),
            version: info.version,
        });
    }
    match info.jetstream {
        true => Ok(()),
        false => Err(BrokerError::NoJetStream {
            broker: broker.to_owned(),
        }),
    }
}

/// A queue from which a job goes to one worker, and that holds one job at most for a segment,
/// however often it is announced.
fn jobs_config() -> stream::Config {
    stream::Config {
        name: JOBS.into(),
        description: Some("Segments of polls that wait for workers".into()),
        subjects: vec![ALL_JOBS.into()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        max_age: KEPT,
        num_replicas: 1,
        ..Default::default()
    }
}

fn results_config() -> stream::Config {
    stream::Config {
        name: RESULTS.into(),
        description: Some("What workers have made of segments of polls".into()),
        subjects: vec![ALL_RESULTS.into()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        max_age: KEPT,
        num_replicas: 1,
        ..Default::default()
    }
}

fn objects_config() -> object_store::Config {
    object_store::Config {
        bucket: JOBS.into(),
        description: Some("Sealed jobs".into()),
        max_age: KEPT,
        storage: StorageType::File,
        num_replicas: 1,
        ..Default::default()
    }
}

/// What must hold of a stream that is there already; sizes and ages are its operator's affair.
fn check_stream(
    stream: &'static str,
    wanted: &stream::Config,
    found: &stream::Config,
) -> Result<(), Failure> {
    let other = |reason: String| Failure::Final(BrokerError::OtherStream { stream, reason });
    if found.subjects != wanted.subjects {
        return Err(other(format!("it holds {:?}", found.subjects)));
    }
    if found.retention != wanted.retention {
        return Err(other(format!("its retention is {:?}", found.retention)));
    }
    if found.storage != wanted.storage {
        return Err(other(format!("its storage is {:?}", found.storage)));
    }
    let one = |config: &stream::Config| {
        let new = config.discard_new_per_subject && config.discard == DiscardPolicy::New;
        new && config.max_messages_per_subject == 1
    };
    match one(wanted) && !one(found) {
        true => Err(other("it holds many jobs for a segment".into())),
        false => Ok(()),
    }
}

fn check_workers(found: &consumer::Config) -> Result<(), Failure> {
    let other = |reason: &str| {
        Err(Failure::Final(BrokerError::OtherStream {
            stream: JOBS,
            reason: reason.into(),
        }))
    };
    if found.ack_policy != AckPolicy::Explicit {
        return other("its workers do not acknowledge");
    }
    if !found.filter_subject.is_empty() && found.filter_subject != ALL_JOBS {
        return other("its workers see a part of it");
    }
    Ok(())
}
