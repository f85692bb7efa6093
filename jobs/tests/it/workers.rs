//! Workers that fall silent, and such as only look like it.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use maci_nova_jobs::{JobKey, Load};

use crate::roles;
use crate::support::{job, result, server, Job, ACK_WAIT, POLL, SOON};

#[test]
fn a_killed_workers_job_goes_to_another() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let job = job(&key, POLL, 0, 1_000);
    broker
        .submit(&job.announcement, &job.sealed)
        .expect("submitted");
    let mut stuck = roles::spawn("stuck", &server, server.directory.path());
    let output = stuck.take_output();
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("has a job")));
    // As long as it lives, it keeps the job.
    assert!(broker.take(2 * ACK_WAIT).expect("asked").is_none());
    stuck.kill();
    let start = Instant::now();
    let taken = broker.take(SOON).expect("asked").expect("a job");
    assert!(start.elapsed() < 3 * ACK_WAIT, "{:?}", start.elapsed());
    assert_eq!(taken.deliveries(), 2);
    assert_eq!(taken.fetch().expect("fetched"), job.sealed);
}

#[test]
fn a_finished_job_of_a_killed_worker_is_nobodys() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let [first, second] = [0, 1].map(|segment| job(&key, POLL, segment, 1_000));
    let submit = |job: &Job| {
        broker
            .submit(&job.announcement, &job.sealed)
            .expect("submitted")
    };
    submit(&first);
    let mut stuck = roles::spawn("stuck", &server, server.directory.path());
    let output = stuck.take_output();
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("has a job")));
    stuck.kill();
    broker.finish(&POLL, 0).expect("finished");
    submit(&second);
    // Also when the time of the first one runs out, which is not there any more.
    let taken = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(taken.announcement().segment, 1);
    assert!(broker.take(2 * ACK_WAIT).expect("asked").is_none());
    submit(&first);
    let again = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(again.announcement().segment, 0);
    for taken in [taken, again] {
        let sealed = result(&key, taken.announcement(), b"folded");
        taken.complete(&sealed).expect("completed");
    }
    let start = Instant::now();
    while broker.load().expect("load") != Load::default() {
        assert!(start.elapsed() < SOON, "{:?}", broker.load());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_busy_worker_keeps_its_job() {
    let Some(server) = server() else { return };
    let (driver, worker) = (server.broker(), server.broker());
    let key = JobKey::random();
    let job = job(&key, POLL, 0, 1_000);
    driver
        .submit(&job.announcement, &job.sealed)
        .expect("submitted");
    let taken = worker.take(SOON).expect("asked").expect("a job");
    let end = Instant::now() + 4 * ACK_WAIT;
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    std::thread::scope(|scope| {
        for _ in 0..3 * cores {
            scope.spawn(|| {
                while Instant::now() < end {
                    std::hint::black_box(());
                }
            });
        }
        let other = driver.take(4 * ACK_WAIT).expect("asked");
        assert!(other.is_none(), "it went to another worker");
    });
    let sealed = result(&key, taken.announcement(), b"folded");
    taken.complete(&sealed).expect("completed");
    assert!(driver.take(ACK_WAIT).expect("asked").is_none());
    let mut results = driver.results(&POLL).expect("results");
    assert!(results.next(SOON).expect("asked").is_some());
    assert_eq!(results.next(Duration::ZERO).expect("asked"), None);
}
