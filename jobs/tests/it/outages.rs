//! A broker that goes away, and comes back with what it had, or with nothing.

use std::time::{Duration, Instant};

use maci_nova_jobs::{Broker, BrokerError, JobKey, Submitted};

use crate::support::{job, options, result, server, Job, POLL, SOON};

#[test]
fn a_result_waits_for_the_broker() {
    let Some(mut server) = server() else { return };
    let (driver, worker) = (server.broker(), server.broker());
    let key = JobKey::random();
    let job = job(&key, POLL, 0, 1_000);
    driver
        .submit(&job.announcement, &job.sealed)
        .expect("submitted");
    let mut results = driver.results(&POLL).expect("results");
    assert_eq!(results.next(Duration::ZERO).expect("asked"), None);
    let taken = worker.take(SOON).expect("asked").expect("a job");
    server.nats.kill();
    let start = Instant::now();
    while !taken.is_lost() {
        assert!(start.elapsed() < SOON, "the loss is not seen");
        std::thread::sleep(Duration::from_millis(10));
    }
    let sealed = result(&key, taken.announcement(), b"folded");
    let completing = std::thread::spawn(move || taken.complete(&sealed));
    std::thread::sleep(Duration::from_secs(1));
    assert!(!completing.is_finished());
    server.nats.restart().expect("restarted");
    completing.join().expect("ends").expect("completed");
    assert!(results.next(SOON).expect("asked").is_some());
    assert_eq!(results.next(Duration::ZERO).expect("asked"), None);
    assert!(worker
        .take(Duration::from_secs(2))
        .expect("asked")
        .is_none());
}

#[test]
fn a_caller_goes_on_without_the_broker() {
    let Some(mut server) = server() else { return };
    let driver = server.broker();
    let key = JobKey::random();
    let job = job(&key, POLL, 0, 1_000);
    server.nats.kill();
    let start = Instant::now();
    let away = |error: BrokerError| {
        assert!(error.is_transient(), "{error}");
        assert!(matches!(error, BrokerError::Away { .. }), "{error}");
    };
    away(driver.take(Duration::from_secs(1)).expect_err("away"));
    assert!(start.elapsed() < Duration::from_secs(5));
    away(
        driver
            .submit(&job.announcement, &job.sealed)
            .expect_err("away"),
    );
    assert!(start.elapsed() < Duration::from_secs(15));
    // Those after it do not wait as long each.
    away(driver.load().expect_err("away"));
    away(driver.finish(&POLL, 0).expect_err("away"));
    away(
        driver
            .results(&POLL)
            .expect("made")
            .next(SOON)
            .expect_err("away"),
    );
    assert!(start.elapsed() < Duration::from_secs(16));
    away(Broker::connect(&server.options()).expect_err("away"));
    server.nats.restart().expect("restarted");
    let start = Instant::now();
    while !driver.is_connected() {
        assert!(start.elapsed() < Duration::from_secs(3), "it stays away");
        std::thread::sleep(Duration::from_millis(10));
    }
    // What was tried in vain has not happened behind the caller's back.
    let submitted = driver.submit(&job.announcement, &job.sealed);
    assert_eq!(submitted.expect("submitted"), Submitted::New);
}

#[test]
fn a_broker_that_lost_everything_is_told_again() {
    let Some(mut server) = server() else { return };
    let (driver, first, second) = (server.broker(), server.broker(), server.broker());
    let key = JobKey::random();
    let [a, b] = [0, 1].map(|segment| job(&key, POLL, segment, 1_000));
    for job in [&a, &b] {
        driver
            .submit(&job.announcement, &job.sealed)
            .expect("submitted");
    }
    let mut results = driver.results(&POLL).expect("results");
    let with_first = first.take(SOON).expect("asked").expect("a job");
    assert_eq!(with_first.announcement().segment, 0);
    server.nats.kill();
    server.nats.lose_everything().expect("lost");
    server.nats.restart().expect("restarted");
    // The other way round: what had the first number now has the second.
    for job in [&b, &a] {
        let submitted = driver.submit(&job.announcement, &job.sealed);
        assert_eq!(submitted.expect("submitted"), Submitted::New);
    }
    let with_second = second.take(SOON).expect("asked").expect("a job");
    assert_eq!(with_second.announcement().segment, 1);
    // It ends segment 0, which is taken from the queue, and not the other one, which has its
    // number.
    let sealed = result(&key, &a.announcement, b"folded");
    with_first.complete(&sealed).expect("completed");
    assert_eq!(server.messages("maci-nova-jobs"), 1);
    let reply = results.next(SOON).expect("asked").expect("a result");
    assert_eq!(reply.segment, 0);
    drop(with_second);
    let again = first.take(SOON).expect("asked").expect("a job");
    assert_eq!(again.announcement().segment, 1);
    assert_eq!(again.fetch().expect("fetched"), b.sealed);
    let sealed = result(&key, &b.announcement, b"folded");
    again.complete(&sealed).expect("completed");
    let reply = results.next(SOON).expect("asked").expect("a result");
    assert_eq!(reply.segment, 1);
    assert!(first.take(Duration::from_secs(2)).expect("asked").is_none());
}

#[test]
fn a_job_that_the_broker_would_never_deliver_is_announced_again() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let jobs = [0, 1, 2].map(|segment| job(&key, POLL, segment, 1_000));
    let submit = |job: &Job| {
        broker
            .submit(&job.announcement, &job.sealed)
            .expect("submitted")
    };
    for job in &jobs {
        submit(job);
    }
    // A server of 2.9 takes the others for delivered then, as it does when it was killed and has
    // lost the end of its queue.
    let subject = format!("maci-nova.jobs.{}.0", hex::encode(POLL));
    server.with_stream("maci-nova-jobs", |stream| async move {
        stream.purge().filter(subject).await.expect("purged");
    });
    for job in &jobs {
        submit(job);
        assert_eq!(submit(job), Submitted::AlreadyThere);
    }
    let mut segments = [(); 3].map(|()| {
        let taken = broker.take(SOON).expect("asked").expect("a job");
        let announcement = taken.announcement().clone();
        let sealed = result(&key, &announcement, b"folded");
        taken.complete(&sealed).expect("completed");
        announcement.segment
    });
    segments.sort_unstable();
    assert_eq!(segments, [0, 1, 2]);
    assert_eq!(server.messages("maci-nova-jobs"), 0);
}

#[test]
fn nobody_there_is_an_error_at_once() {
    let nowhere = options("nats://127.0.0.1:1".parse().expect("an address"));
    let start = Instant::now();
    let error = Broker::connect(&nowhere).expect_err("nobody there");
    assert!(matches!(error, BrokerError::Away { .. }), "{error}");
    assert!(start.elapsed() < SOON);
}
