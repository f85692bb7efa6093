//! What the tests share: a server, jobs, and a look at what a server holds.

use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use maci_nova_jobs::{
    Announcement, Broker, BrokerOptions, BrokerUrl, Direction, JobId, JobKey, NatsServer,
    ServerError, ANNOUNCEMENT_VERSION,
};
use tempfile::TempDir;

/// A poll.
pub const POLL: [u8; 32] = [0x90; 32];

/// How long workers may be silent in these tests.
pub const ACK_WAIT: Duration = Duration::from_secs(1);

/// A server and its directory.
pub struct Server {
    pub nats: NatsServer,
    pub directory: TempDir,
}

/// A server, or `None`, and a line that says so, if none is installed; with
/// `MACI_NOVA_REQUIRE_NATS=1` that is a failure.
pub fn server() -> Option<Server> {
    server_with("")
}

/// The same, with more lines of its configuration.
pub fn server_with(settings: &str) -> Option<Server> {
    let directory = tempfile::tempdir().expect("directory");
    match NatsServer::start_with(directory.path(), settings) {
        Ok(nats) => Some(Server { nats, directory }),
        Err(error @ ServerError::NotInstalled) => {
            let required = std::env::var_os("MACI_NOVA_REQUIRE_NATS");
            assert!(required.is_none_or(|value| value != "1"), "{error}");
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// How the tests reach a server.
pub fn options(url: BrokerUrl) -> BrokerOptions {
    let mut options = BrokerOptions::new(url);
    options.ack_wait = ACK_WAIT;
    options.patience = Duration::from_secs(30);
    options
}

impl Server {
    pub fn options(&self) -> BrokerOptions {
        options(self.nats.url())
    }

    pub fn broker(&self) -> Broker {
        Broker::connect(&self.options()).expect("connected")
    }

    /// Sends a message as anybody can.
    pub fn send(&self, subject: &str, payload: &[u8]) {
        let url = self.nats.url().to_string();
        let address = url.strip_prefix("nats://").expect("a scheme");
        let mut stream = TcpStream::connect(address).expect("connected");
        let mut lines = BufReader::new(stream.try_clone().expect("a copy"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a greeting");
        write!(stream, "CONNECT {{\"verbose\":false}}\r\n").expect("sent");
        write!(stream, "PUB {subject} {}\r\n", payload.len()).expect("sent");
        stream.write_all(payload).expect("sent");
        write!(stream, "\r\nPING\r\n").expect("sent");
        while line != "PONG\r\n" {
            line.clear();
            lines.read_line(&mut line).expect("an answer");
            assert!(!line.is_empty() && !line.starts_with("-ERR"), "{line}");
        }
    }

    /// Does something with a stream as anybody can.
    pub fn with_stream<T, F: Future<Output = T>>(
        &self,
        stream: &str,
        action: impl FnOnce(Stream) -> F,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let client = async_nats::connect(self.nats.url().to_string());
            let context = async_nats::jetstream::new(client.await.expect("connected"));
            action(context.get_stream(stream).await.expect("a stream")).await
        })
    }

    /// How many messages a stream holds.
    pub fn messages(&self, stream: &str) -> u64 {
        self.with_stream(stream, |stream| async move {
            stream.cached_info().state.messages
        })
    }

    /// How many messages all streams hold: announcements, objects' parts, results.
    pub fn held(&self) -> [u64; 3] {
        ["maci-nova-jobs", "OBJ_maci-nova-jobs", "maci-nova-results"].map(|it| self.messages(it))
    }
}

/// A job of a segment.
pub struct Job {
    pub announcement: Announcement,
    pub plaintext: Vec<u8>,
    pub sealed: Vec<u8>,
}

/// A job of so many bytes.
pub fn job(key: &JobKey, poll: [u8; 32], segment: u32, bytes: usize) -> Job {
    let mut plaintext = format!("segment {segment}").into_bytes();
    plaintext.resize(bytes, 0x55);
    let announcement = Announcement {
        version: ANNOUNCEMENT_VERSION,
        parameters: [0x70; 32],
        keys: [3; 32],
        poll,
        segment,
        segments: 1_000,
        job: JobId::of(&plaintext),
        steps: 10,
        shape: [1, 2, 3],
    };
    let sealed = key.seal(&announcement.context(Direction::Job), &plaintext);
    Job {
        announcement,
        plaintext,
        sealed,
    }
}

/// A sealed result.
pub fn result(key: &JobKey, announcement: &Announcement, text: &[u8]) -> Vec<u8> {
    key.seal(&announcement.context(Direction::Result), text)
}

/// Long enough for whatever comes at all.
pub const SOON: Duration = Duration::from_secs(10);
/// Long enough to see that nothing comes.
pub const NOW: Duration = Duration::from_millis(300);
