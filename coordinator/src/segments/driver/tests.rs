//! A driver that is stopped, a server that loses everything, workers that lie: the proofs that are taken are true.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use maci_nova_chain::Observer;
use maci_nova_folding::SetupSource;
use maci_nova_jobs::{
    Broker, BrokerOptions, Direction, JobKey, LateBroker, NatsServer, ServerError,
};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_sdk::poll::keys::KeyPolicy;

use super::{Driver, DriverContext, SegmentCount, Workers};
use crate::directory::ProofDirectory;
use crate::error::{Error, Kept};
use crate::fold::checkpoints::{Checkpoints, Interval};
use crate::fold::{Fold, FoldContext};
use crate::log::poll_log::PollLog;
use crate::prove::finalization::Finalization;
use crate::segments::tests::{decider_keys, parameters};
use crate::segments::worker::{work, WorkerContext};

const DOMAIN: [u8; 32] = [5; 32];
const EVERY: Interval = Interval::Steps(2);
const HOUR: Duration = Duration::from_secs(3600);

/// Hears what is said, and asks to stop when it is told to.
#[derive(Default)]
struct Ears {
    stops: AtomicBool,
    warnings: Mutex<Vec<String>>,
}

impl Observer for Ears {
    fn warn(&self, text: &str) {
        self.warnings
            .lock()
            .expect("not poisoned")
            .push(text.into());
    }

    fn interrupted(&self) -> bool {
        self.stops.load(Ordering::SeqCst)
    }
}

/// MACI's small poll: its log and its coordinator's key.
fn poll() -> (PollLog, PrivateKey) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/polls/small");
    let key = std::fs::read_to_string(folder.join("coordinator.key")).expect("a key");
    let log = PollLog::open(&folder.join("poll.jsonl")).expect("a log");
    (log, PrivateKey::from_serialized(key.trim()).expect("a key"))
}

/// A server; `None`, and a line that says so, if none is installed. With `MACI_NOVA_REQUIRE_NATS=1` that is a failure.
fn server(directory: &Path) -> Option<NatsServer> {
    match NatsServer::start(directory) {
        Ok(server) => Some(server),
        Err(error @ ServerError::NotInstalled) => {
            let required = std::env::var_os("MACI_NOVA_REQUIRE_NATS");
            assert!(required.is_none_or(|value| value != "1"), "{error}");
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

struct Scene<'a> {
    log: &'a PollLog,
    key: &'a PrivateKey,
    root: &'a Path,
    broker: &'a Broker,
    late: &'a LateBroker,
    job_key: &'a JobKey,
}

impl Scene<'_> {
    /// Runs the command as a new process would: from what is on disk.
    fn drive(&self, ears: &Ears, patience: Duration) -> Result<Finalization, Error> {
        let directory = ProofDirectory::open(self.root)?;
        let context = FoldContext {
            parameters: parameters(),
            key: self.key,
            observer: ears,
        };
        let checkpoints = Checkpoints::new(directory.checkpoint(), EVERY);
        let facts = Some(self.log.facts());
        let mut fold = Fold::open(context, checkpoints, self.log.header(), facts)?;
        assert!(fold.catch_up(self.log)?);
        fold.fold_joins(self.log)?;
        let workers = Workers {
            broker: self.late,
            key: self.job_key,
            segments: SegmentCount::Of(2),
            patience,
        };
        let context = DriverContext {
            workers: &workers,
            parameters: parameters(),
            prover: &decider_keys().prover,
            key: self.key,
            domain: DOMAIN,
            checkpoint_every: EVERY,
            observer: ears,
        };
        let driver = Driver::open(context, &directory, &fold, self.log)?.expect("two segments");
        driver.prove(&mut fold, self.log)
    }

    /// Takes a job and sends this in the place of its proof, sealed with some key.
    fn lie(&self, key: &JobKey, result: &[u8]) {
        let mut taken = None;
        while taken.is_none() {
            taken = self.broker.take(Duration::from_secs(30)).expect("asked");
        }
        let taken = taken.expect("a job");
        let context = taken.announcement().context(Direction::Result);
        taken.complete(&key.seal(&context, result)).expect("sent");
    }
}

/// What a driver leaves that is stopped when both jobs are there and nobody has taken one: its plan.
fn stopped_with_two_jobs(scene: &Scene<'_>) -> PathBuf {
    let ears = Ears::default();
    let stopped = thread::scope(|scope| {
        scope.spawn(|| {
            while scene.broker.load().expect("counted").jobs_waiting < 2 {
                thread::sleep(Duration::from_millis(50));
            }
            ears.stops.store(true, Ordering::SeqCst);
        });
        scene.drive(&ears, HOUR)
    });
    match stopped {
        Err(Error::Interrupted(Kept::Segments {
            done: 0,
            total: 2,
            plan,
        })) => plan,
        other => panic!("not stopped: {other:?}"),
    }
}

#[cfg(unix)]
fn for_its_owner_alone(plan: &Path, root: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| {
        let metadata = std::fs::metadata(path).expect("there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!((mode(plan), mode(&root.join("segments"))), (0o600, 0o700));
    assert_eq!(mode(&root.join("segments/0.job")), 0o600);
}

#[cfg(not(unix))]
fn for_its_owner_alone(_: &Path, _: &Path) {}

#[test]
fn a_driver_that_was_stopped_goes_on_and_takes_true_proofs_alone() {
    let scratch = tempfile::tempdir().expect("directory");
    let Some(mut server) = server(&scratch.path().join("nats")) else {
        return;
    };
    let late = LateBroker::new(BrokerOptions::new(server.url()));
    let broker = late.get().expect("connected");
    let (log, key) = poll();
    let job_key = JobKey::random();
    let root = scratch.path().join("proof");
    let scene = Scene {
        log: &log,
        key: &key,
        root: &root,
        broker,
        late: &late,
        job_key: &job_key,
    };

    let plan = stopped_with_two_jobs(&scene);
    let planned = std::fs::read_to_string(&plan).expect("a plan");
    assert_eq!(planned.matches("\"salt\": \"").count(), 1);
    for_its_owner_alone(&plan, &root);

    // With another key nobody could open what is there.
    let other = Scene {
        job_key: &JobKey::random(),
        ..scene
    };
    let refused = other.drive(&Ears::default(), HOUR);
    assert!(
        matches!(&refused, Err(Error::Damaged(text)) if text.contains("job key")),
        "{refused:?}"
    );

    // The server loses all of it. Then two workers lie, one without the key; another does its work, and goes.
    server.kill();
    server.lose_everything().expect("lost");
    server.restart().expect("started");
    let ears = Ears::default();
    let proven = thread::scope(|scope| {
        scope.spawn(|| {
            scene.lie(&JobKey::random(), b"nothing");
            scene.lie(&job_key, &[0; 22 * 32]);
            let context = WorkerContext {
                broker,
                key: &job_key,
                source: &SetupSource::InsecureDevelopment,
                policy: KeyPolicy::default(),
                most: Some(1),
                observer: &(),
            };
            assert_eq!(work(&context).expect("worked").segments, 1);
        });
        scene.drive(&ears, Duration::from_secs(10))
    });
    let proven = proven.expect("proven");
    assert_eq!(proven.check(log.facts(), DOMAIN), Ok(()));
    let verifying_key = decider_keys().prover.verifying_key();
    proven.verify(&verifying_key).expect("true");
    let warnings = ears.warnings.lock().expect("not poisoned").join("\n");
    assert_eq!(warnings.matches("is not taken").count(), 2, "{warnings}");
    // The salts are those of the plan: whatever happens, a segment has one statement.
    let kept = std::fs::read_to_string(&plan).expect("a plan");
    let salt = |text: &str| {
        let from = text.find("\"salt\": \"").expect("a salt");
        text[from..from + 75].to_owned()
    };
    assert_eq!(salt(&kept), salt(&planned));
    assert!(!root.join("segments/0.job").exists() && !root.join("segments/1.checkpoint").exists());

    // Run again it does nothing, without a server.
    drop(server);
    let again = scene.drive(&Ears::default(), HOUR).expect("proven");
    assert_eq!(again.segments[0].links(), proven.segments[0].links());
    assert_eq!(again.proof, proven.proof);
}
