//! What anybody can send who reaches the broker.

use std::time::Duration;

use maci_nova_jobs::{Direction, JobKey};

use crate::support::{job, result, server, NOW, POLL, SOON};

#[test]
fn rubbish_among_results_is_skipped() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let job = job(&key, POLL, 4, 1_000);
    broker
        .submit(&job.announcement, &job.sealed)
        .expect("submitted");
    let subject = |segment: &str| format!("maci-nova.results.{}.{segment}", hex::encode(POLL));
    let job_id = job.announcement.job;
    let other = "0".repeat(64);
    for (segment, payload) in [
        ("4", String::new()),
        ("4", "rubbish".into()),
        (
            "x",
            format!("{{\"version\":1,\"job\":\"{job_id}\",\"sealed\":\"AAAA\"}}"),
        ),
        (
            "4",
            format!("{{\"version\":9,\"job\":\"{job_id}\",\"sealed\":\"AAAA\"}}"),
        ),
        // These look like results, and do not open.
        (
            "4",
            format!("{{\"version\":1,\"job\":\"{job_id}\",\"sealed\":\"AAAA\"}}"),
        ),
        (
            "5",
            format!("{{\"version\":1,\"job\":\"{other}\",\"sealed\":\"\"}}"),
        ),
    ] {
        server.send(&subject(segment), payload.as_bytes());
    }
    let taken = broker.take(SOON).expect("asked").expect("a job");
    let sealed = result(&key, &job.announcement, b"folded");
    taken.complete(&sealed).expect("completed");
    let mut results = broker.results(&POLL).expect("results");
    let context = job.announcement.context(Direction::Result);
    for opens in [false, false, true] {
        let reply = results.next(SOON).expect("asked").expect("a reply");
        assert_eq!(
            key.open(&context, &reply.sealed).is_ok(),
            opens,
            "{reply:?}"
        );
    }
    assert_eq!(results.skipped(), 4);
    assert_eq!(results.next(Duration::ZERO).expect("asked"), None);
}

#[test]
fn rubbish_among_jobs_is_removed() {
    let Some(server) = server() else { return };
    let broker = server.broker();
    let key = JobKey::random();
    let [mine, other] = [1, 2].map(|segment| job(&key, POLL, segment, 1_000));
    let subject = |segment: u32| format!("maci-nova.jobs.{}.{segment}", hex::encode(POLL));
    server.send(&subject(7), b"rubbish");
    server.send("maci-nova.jobs.x.y", &mine.announcement.encode());
    // In another one's place.
    server.send(&subject(8), &mine.announcement.encode());
    // In its own place, where a driver then puts the right one.
    server.send(&subject(2), b"rubbish");
    // Of nothing: it is announced as it should be, and there is no such job.
    server.send(&subject(1), &mine.announcement.encode());
    broker
        .submit(&other.announcement, &other.sealed)
        .expect("submitted");
    let first = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(first.announcement(), &mine.announcement);
    assert!(first.fetch().expect_err("nothing").is_transient());
    let second = broker.take(SOON).expect("asked").expect("a job");
    assert_eq!(second.announcement(), &other.announcement);
    assert!(broker.take(NOW).expect("asked").is_none());
    assert_eq!(server.messages("maci-nova-jobs"), 2);
    // The right announcement of a job with other bytes does not open.
    let context = mine.announcement.context(Direction::Job);
    assert!(key.open(&context, &other.sealed).is_err());
}
