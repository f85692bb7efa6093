//! A broker of one's own, for demonstrations and tests.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand_core::{OsRng, RngCore};

use crate::address::BrokerUrl;

/// The program.
const PROGRAM: &str = "nats-server";

/// The files in its directory.
const CONFIGURATION: &str = "nats-server.conf";
const LOG: &str = "nats-server.log";

/// How long it may take to start.
const START: Duration = Duration::from_secs(20);

/// Between two looks at whether it has started.
const LOOK: Duration = Duration::from_millis(20);

/// Ports that are tried. They are below those that systems give to connections that go out: while
/// the server is down its clients keep trying, and one of them would be given the server's own
/// port some time, would reach itself there, and keep the server from coming back.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How many of them.
const TRIES: u32 = 20;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The program is not there.
    #[error("there is no {PROGRAM}: apt-get install nats-server")]
    NotInstalled,
    /// Its directory cannot be used, or the program not be started.
    #[error("cannot start {PROGRAM} in {}: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended, or takes no connections.
    #[error("{PROGRAM} {reason}; it says why in {}", log.display())]
    Failed {
        /// What happened.
        reason: String,
        /// What it writes.
        log: PathBuf,
    },
}

/// A server on this machine, which only this machine reaches. All that it keeps is in its
/// directory. Dropped, it is killed.
#[derive(Debug)]
pub struct NatsServer {
    directory: PathBuf,
    settings: String,
    port: u16,
    process: Option<Child>,
}

impl NatsServer {
    /// Starts a server that keeps what it has in this directory, which is made. Everybody on this
    /// machine may use it.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn start(directory: &Path) -> Result<Self, ServerError> {
        NatsServer::start_with(directory, "")
    }

    /// The same, with more lines of its configuration.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn start_with(directory: &Path, settings: &str) -> Result<Self, ServerError> {
        let mut server = NatsServer {
            directory: directory.to_owned(),
            settings: settings.to_owned(),
            port: 0,
            process: None,
        };
        fs::create_dir_all(directory).map_err(|source| server.failed(source))?;
        let mut tries = 0;
        loop {
            tries += 1;
            server.port = free_port().map_err(|source| server.failed(source))?;
            match server.run() {
                // Somebody else may have taken the port by now.
                Err(ServerError::Failed { .. }) if tries < TRIES && server.lost_the_port() => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
    }

    /// Where it is.
    pub fn url(&self) -> BrokerUrl {
        let url = format!("nats://127.0.0.1:{}", self.port);
        url.parse().expect("an address")
    }

    /// Ends it at once. What it has written stays; it may have acknowledged more.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again where it was, with what it has kept.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.kill();
        self.run()
    }

    /// Throws away what it has kept. It must be down.
    ///
    /// # Errors
    /// [`ServerError::Io`].
    pub fn lose_everything(&mut self) -> Result<(), ServerError> {
        let store = self.directory.join("store");
        fs::remove_dir_all(store).map_err(|source| self.failed(source))
    }

    fn log(&self) -> PathBuf {
        self.directory.join(LOG)
    }

    fn failed(&self, source: io::Error) -> ServerError {
        match source.kind() {
            io::ErrorKind::NotFound if self.directory.is_dir() => ServerError::NotInstalled,
            _ => ServerError::Io {
                path: self.directory.clone(),
                source,
            },
        }
    }

    fn lost_the_port(&self) -> bool {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        log.contains("address already in use")
    }

    /// The configuration, with names that are relative to the directory.
    fn configure(&self, sync: &str) -> io::Result<()> {
        let (port, settings) = (self.port, &self.settings);
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\n\
             max_payload: 1MB\n\
             jetstream {{\n  store_dir: \"store\"\n{sync}}}\n\
             {settings}\n"
        );
        fs::write(self.directory.join(CONFIGURATION), text)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["-c", CONFIGURATION]);
        command.current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    fn run(&mut self) -> Result<(), ServerError> {
        let io = |source| self.failed(source);
        // Acknowledged data survives the machine's end only if each message is written through.
        // Servers before 2.10 do not know this, nor any other interval: they write through every
        // two minutes, and even one that is killed alone may lose the last that it has
        // acknowledged. This one is no place for what must not be lost.
        self.configure("  sync_interval: always\n").map_err(io)?;
        let mut check = self.command();
        check.arg("-t").stdout(Stdio::null()).stderr(Stdio::null());
        if !check.status().map_err(io)?.success() {
            self.configure("").map_err(io)?;
        }
        let log = File::create(self.log()).map_err(io)?;
        let mut command = self.command();
        let copy = log.try_clone().map_err(io)?;
        let process = command.stdout(copy).stderr(log).spawn().map_err(io)?;
        self.process = Some(process);
        self.wait()
    }

    /// Waits until it greets.
    fn wait(&mut self) -> Result<(), ServerError> {
        let start = Instant::now();
        let failed = |reason: String, log| Err(ServerError::Failed { reason, log });
        loop {
            let process = self.process.as_mut().expect("started");
            if let Ok(Some(status)) = process.try_wait() {
                self.process = None;
                return failed(format!("has ended ({status})"), self.log());
            }
            if greets(self.port) {
                return Ok(());
            }
            if start.elapsed() > START {
                self.kill();
                let seconds = START.as_secs();
                return failed(format!("takes no connection in {seconds} s"), self.log());
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn greets(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(stream) = TcpStream::connect_timeout(&address, START) else {
        return false;
    };
    let mut line = String::new();
    let _ = stream.set_read_timeout(Some(START));
    // Also a server that wants TLS says this much in the clear.
    BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with("INFO ")
}

fn free_port() -> io::Result<u16> {
    let count = u32::from(PORTS.end - PORTS.start);
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let offset = u16::try_from(OsRng.next_u32() % count).expect("fewer than ports");
        let port = PORTS.start + offset;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}
