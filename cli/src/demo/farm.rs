//! Workers for the demo: processes of this program, and a NATS server between them, for as long as they are held.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use maci_nova_coordinator::segments::driver::{SegmentCount, Workers};
use maci_nova_jobs::{BrokerOptions, BrokerUrl, JobKey, LateBroker, NatsServer, ServerError};

use crate::failure::Failure;

/// With nobody who takes a job after this, something is wrong with the workers, and it is done here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Workers, and the server that they get their jobs from.
#[derive(Debug)]
pub struct Farm {
    workers: Vec<Child>,
    broker: LateBroker,
    key: JobKey,
    segments: SegmentCount,
    /// Ended last: workers say goodbye to it.
    _server: Option<NatsServer>,
}

/// What a farm is of.
#[derive(Debug)]
pub struct FarmRequest<'a> {
    /// How many workers.
    pub workers: u32,
    /// How many segments.
    pub segments: u32,
    /// The server of jobs; one is started if none is named.
    pub nats: Option<&'a BrokerUrl>,
    /// The server's credentials.
    pub credentials: Option<&'a Path>,
    /// Where the server, the key and the workers' logs are; it exists.
    pub directory: &'a Path,
}

impl Farm {
    /// Starts everything.
    ///
    /// # Errors
    /// [`Failure::Input`] where there is no server to start or none answers.
    pub fn start(request: &FarmRequest<'_>) -> Result<Self, Failure> {
        let FarmRequest {
            workers,
            segments,
            nats,
            credentials,
            directory,
        } = request;
        let server = match nats {
            Some(_) => None,
            None => Some(NatsServer::start(&directory.join("nats")).map_err(no_server)?),
        };
        let url = match (&server, nats) {
            (Some(server), _) => server.url(),
            (None, Some(url)) => (*url).clone(),
            (None, None) => return Err(Failure::Internal("no server".into())),
        };
        let key_file = directory.join("job.key");
        let key =
            JobKey::create(&key_file).map_err(|error| Failure::Internal(error.to_string()))?;
        let mut options = BrokerOptions::new(url.clone());
        options.credentials = credentials.map(Path::to_owned);
        let broker = LateBroker::new(options);
        broker.get().map_err(maci_nova_coordinator::Error::from)?;
        let mut farm = Farm {
            workers: vec![],
            broker,
            key,
            segments: SegmentCount::Of(*segments),
            _server: server,
        };
        for number in 1..=*workers {
            let log = directory.join(format!("worker-{number}.log"));
            let worker = spawn(&url, *credentials, &key_file, *workers, &log);
            farm.workers.push(worker.map_err(|source| Failure::Io {
                action: "start a worker with its log in",
                path: log,
                source,
            })?);
        }
        Ok(farm)
    }

    /// Who proves segments.
    pub fn workers(&self) -> Workers<'_> {
        Workers {
            broker: &self.broker,
            key: &self.key,
            segments: self.segments,
            patience: PATIENCE,
        }
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

fn spawn(
    url: &BrokerUrl,
    credentials: Option<&Path>,
    key: &Path,
    workers: u32,
    log: &PathBuf,
) -> io::Result<Child> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = (cores / workers.max(1) as usize).max(1);
    let log = File::create(log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["worker", "--insecure-setup", "--nats"])
        .arg(url.to_string())
        .arg("--job-key-file")
        .arg(key)
        .args(["--threads", &threads.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    if let Some(credentials) = credentials {
        command.arg("--nats-credentials").arg(credentials);
    }
    command.spawn()
}

fn no_server(error: ServerError) -> Failure {
    Failure::Input(format!(
        "{error}; or give a server that is there with --nats URL"
    ))
}
