//! Jobs to workers, results back.

use std::time::Duration;

use maci_nova_jobs::{BrokerError, Direction, JobKey, Load, Submitted};

use crate::support::{job, result, server, Server, NOW, POLL, SOON};

/// The stream of objects.
const OBJECTS: &str = "OBJ_maci-nova-jobs";

const OTHER_POLL: [u8; 32] = [0x91; 32];

#[test]
fn a_job_goes_to_a_worker_and_its_result_comes_back() {
    let Some(server) = server() else { return };
    let (driver, worker) = (server.broker(), server.broker());
    let key = JobKey::random();
    // Three chunks, the last of them short.
    let job = job(&key, POLL, 7, 300_000);
    let submitted = driver.submit(&job.announcement, &job.sealed);
    assert_eq!(submitted.expect("submitted"), Submitted::New);
    assert_eq!(driver.load().expect("load").jobs_waiting, 1);

    let taken = worker.take(SOON).expect("asked").expect("a job");
    assert_eq!(taken.announcement(), &job.announcement);
    assert_eq!((taken.deliveries(), taken.is_lost()), (1, false));
    let sealed = taken.fetch().expect("fetched");
    assert_eq!(sealed, job.sealed);
    let opened = key.open(&job.announcement.context(Direction::Job), &sealed);
    assert_eq!(opened.expect("opens")[..], job.plaintext);
    let load = driver.load().expect("load");
    assert_eq!((load.jobs_waiting, load.jobs_taken), (0, 1));
    let sealed = result(&key, &job.announcement, b"folded");
    taken.complete(&sealed).expect("completed");

    // Whoever reads, and however late.
    for _ in 0..2 {
        let mut results = driver.results(&POLL).expect("results");
        let reply = results.next(SOON).expect("asked").expect("a result");
        assert_eq!((reply.segment, reply.job), (7, job.announcement.job));
        let opened = key.open(&job.announcement.context(Direction::Result), &reply.sealed);
        assert_eq!(opened.expect("opens")[..], *b"folded");
        assert_eq!(results.next(NOW).expect("asked"), None);
        let mut others = driver.results(&OTHER_POLL).expect("results");
        assert_eq!(others.next(Duration::ZERO).expect("asked"), None);
    }
    assert_eq!(driver.load().expect("load"), Load::default());
    assert!(worker.take(NOW).expect("asked").is_none());
}

#[test]
fn a_job_is_in_the_queue_once_and_may_come_again() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let job = job(&key, POLL, 0, 1_000);
    let submit = || {
        broker
            .submit(&job.announcement, &job.sealed)
            .expect("submitted")
    };
    assert_eq!(submit(), Submitted::New);
    assert_eq!(submit(), Submitted::AlreadyThere);
    assert_eq!(server.held(), [1, 2, 0]);
    let taken = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(submit(), Submitted::AlreadyThere);
    assert!(broker.take(NOW).expect("asked").is_none());
    // Given back, and dropped.
    taken.give_back(Duration::from_millis(500));
    assert!(broker.take(NOW).expect("asked").is_none());
    let taken = broker.take(SOON).expect("asked").expect("a job");
    drop(taken);
    let taken = broker.take(NOW).expect("asked").expect("at once");
    assert_eq!(taken.deliveries(), 3);
    let sealed = result(&key, &job.announcement, b"folded");
    taken.complete(&sealed).expect("completed");
    // The same job, within the time for which the broker remembers what messages are called.
    assert_eq!(submit(), Submitted::New);
    broker.finish(&POLL, 0).expect("finished");
    assert_eq!(submit(), Submitted::New);
    assert!(broker.take(SOON).expect("asked").is_some());
}

#[test]
fn another_job_of_the_same_segment_takes_its_place() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let [first, second] = [1_000, 2_000].map(|bytes| job(&key, POLL, 3, bytes));
    for job in [&first, &second] {
        let submitted = broker.submit(&job.announcement, &job.sealed);
        assert_eq!(submitted.expect("submitted"), Submitted::New);
    }
    assert_eq!(server.held(), [1, 2, 0]);
    let taken = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(taken.announcement(), &second.announcement);
    assert_eq!(taken.fetch().expect("fetched"), second.sealed);
    // Also while a worker has it, which then hands over what nobody wants.
    let submitted = broker.submit(&first.announcement, &first.sealed);
    assert_eq!(submitted.expect("submitted"), Submitted::New);
    let sealed = result(&key, &second.announcement, b"folded");
    taken.complete(&sealed).expect("completed");
    let taken = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(taken.announcement(), &first.announcement);
}

#[test]
fn finished_jobs_are_not_delivered() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    for segment in 0..3 {
        let job = job(&key, POLL, segment, 1_000);
        broker
            .submit(&job.announcement, &job.sealed)
            .expect("submitted");
    }
    let taken = broker.take(SOON).expect("asked").expect("a job");
    let mine = taken.announcement().clone();
    broker.finish(&POLL, mine.segment).expect("finished");
    broker.finish(&POLL, 2).expect("finished");
    broker.finish(&POLL, 99).expect("nothing to do");
    assert_eq!(server.held(), [1, 2, 0]);
    // A late result harms nobody.
    taken
        .complete(&result(&key, &mine, b"late"))
        .expect("completed");
    let taken = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(taken.announcement().segment, 1);
    assert!(broker.take(NOW).expect("asked").is_none());
}

#[test]
fn a_forgotten_poll_leaves_nothing() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    for (poll, segment) in [(POLL, 0), (POLL, 10), (POLL, 1), (OTHER_POLL, 1)] {
        let job = job(&key, poll, segment, 1_000);
        broker
            .submit(&job.announcement, &job.sealed)
            .expect("submitted");
    }
    let taken = broker.take(SOON).expect("asked").expect("a job");
    let sealed = result(&key, taken.announcement(), b"folded");
    taken.complete(&sealed).expect("completed");
    let taken = broker.take(SOON).expect("asked").expect("a job");
    // What an interrupted put leaves: a part, and nothing that says so.
    let put = format!("{}.5.{}.0", hex::encode(POLL), "0".repeat(64));
    server.send(&format!("$O.maci-nova-jobs.C.{put}"), b"a part");
    broker.forget(&POLL).expect("forgotten");
    assert_eq!(server.held(), [1, 2, 0]);
    drop(taken);
    let taken = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(taken.announcement().poll, OTHER_POLL);
    taken.fetch().expect("the other poll's");
    drop(taken);
    broker.forget(&OTHER_POLL).expect("forgotten");
    assert_eq!(server.held(), [0; 3]);
}

#[test]
fn a_job_that_is_lost_or_damaged_is_named_and_put_again() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let job = job(&key, POLL, 0, 300_000);
    let submit = || {
        broker
            .submit(&job.announcement, &job.sealed)
            .expect("submitted")
    };
    submit();
    let taken = broker.take(SOON).expect("asked").expect("a job");
    // Bytes that belong to nobody, and then none at all.
    let chunk = chunk_subject(&server);
    server.send(&chunk, b"more");
    let lost = |reason: &str| match taken.fetch() {
        Err(error @ BrokerError::NoJob { .. }) => {
            assert!(error.is_transient());
            assert!(error.to_string().contains(reason), "{error}");
        }
        other => panic!("{:?}", other.map(|sealed| sealed.len())),
    };
    assert_eq!(
        taken.fetch().expect("what comes after it is not read"),
        job.sealed
    );
    purge(&server, &chunk);
    lost("chunks are missing");
    assert_eq!(submit(), Submitted::AlreadyThere);
    assert_eq!(taken.fetch().expect("fetched"), job.sealed);
    purge(&server, "$O.maci-nova-jobs.M.>");
    lost("nothing");
    assert_eq!(submit(), Submitted::AlreadyThere);
    assert_eq!(taken.fetch().expect("fetched"), job.sealed);
    // The right number of them, and other bytes.
    let chunk = chunk_subject(&server);
    purge(&server, &chunk);
    for part in job.sealed.chunks(128 << 10) {
        server.send(&chunk, &vec![0; part.len()]);
    }
    lost("damaged");
    assert_eq!(submit(), Submitted::AlreadyThere);
    assert_eq!(taken.fetch().expect("fetched"), job.sealed);
}

/// Where the chunks are of the one object that there is.
fn chunk_subject(server: &Server) -> String {
    server.with_stream(OBJECTS, |stream| async move {
        let next = stream.get_next_raw_message_by_subject("$O.maci-nova-jobs.C.>");
        next.await.expect("a chunk").subject.to_string()
    })
}

fn purge(server: &Server, subject: &str) {
    server.with_stream(OBJECTS, |stream| async move {
        stream.purge().filter(subject).await.expect("purged");
    });
}

#[test]
fn what_is_too_large_is_refused() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let job = job(&key, POLL, 0, 10_000);
    broker
        .submit(&job.announcement, &job.sealed)
        .expect("submitted");
    let mut options = server.options();
    options.largest_job = 10_000;
    let small = maci_nova_jobs::Broker::connect(&options).expect("connected");
    let too_large = |error: BrokerError| {
        assert!(matches!(error, BrokerError::TooLarge { .. }), "{error}");
        assert!(!error.is_transient());
    };
    too_large(
        small
            .submit(&job.announcement, &job.sealed)
            .expect_err("too large"),
    );
    let taken = small.take(SOON).expect("asked").expect("a job");
    too_large(taken.fetch().expect_err("too large"));
    too_large(taken.complete(&vec![0; 600_000]).expect_err("too large"));
    // It went to the next one.
    let taken = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(taken.fetch().expect("fetched"), job.sealed);
    taken.complete(&vec![0; 500_000]).expect("completed");
    let mut results = broker.results(&POLL).expect("results");
    let reply = results.next(SOON).expect("asked").expect("a result");
    assert_eq!(reply.sealed.len(), 500_000);
}

#[test]
fn who_waits_is_seen() {
    let Some(server) = server() else { return };
    let (driver, worker) = (server.broker(), server.broker());
    let waiting = std::thread::spawn(move || worker.take(Duration::from_secs(2)).expect("asked"));
    let start = std::time::Instant::now();
    while driver.load().expect("load").workers_waiting != 1 {
        assert!(start.elapsed() < Duration::from_secs(2), "nobody waits");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(waiting.join().expect("ends").is_none());
    assert_eq!(driver.load().expect("load").workers_waiting, 0);
}
