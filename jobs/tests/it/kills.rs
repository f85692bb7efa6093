//! The driver, its workers and the broker are killed at random moments: nothing is lost, and
//! nothing is accepted twice or differently.

use std::path::Path;
use std::time::{Duration, Instant};

use maci_nova_jobs::JobKey;
use rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};

use crate::roles::{accepted, is_right, spawn_for, Accepted, Role};
use crate::support::{server, Server};

/// How many kills there are unless `MACI_NOVA_KILLS` says another number.
const KILLS: u32 = 10;

/// Who works, besides the driver.
const WORKERS: usize = 2;

/// The longest time between two kills, in milliseconds.
const BETWEEN: u64 = 500;

/// Numbers that follow from a seed.
struct Random {
    seed: u64,
    count: u64,
}

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.count += 1;
        let text = format!("{} {}", self.seed, self.count);
        let hash = Sha256::digest(text.as_bytes());
        u64::from_le_bytes(hash[..8].try_into().expect("8 bytes")) % end
    }
}

fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().expect("a number"))
}

/// What was accepted stays what it is.
struct Watch<'a> {
    folder: &'a Path,
    seen: Accepted,
}

impl Watch<'_> {
    fn look(&mut self) {
        let now = accepted(self.folder);
        for (segment, result) in &self.seen {
            assert_eq!(
                now.get(segment),
                Some(result),
                "segment {segment} has changed"
            );
        }
        self.seen = now;
    }

    /// Looks for so long.
    fn stay(&mut self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            self.look();
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Everybody who is killed.
struct Cast<'a> {
    server: &'a mut Server,
    folder: &'a Path,
    segments: u32,
    driver: Role,
    workers: Vec<Role>,
}

impl Cast<'_> {
    fn role(&self, role: &str) -> Role {
        spawn_for(role, self.server, self.folder, self.segments)
    }

    /// Kills one, and starts it again after a while.
    fn kill(&mut self, random: &mut Random, watch: &mut Watch<'_>) {
        let gone = Duration::from_millis(random.below(BETWEEN));
        match random.below(4) {
            0 => {
                self.driver.kill();
                watch.stay(gone);
                self.driver = self.role("driver");
            }
            1 => {
                self.server.nats.kill();
                watch.stay(gone);
                self.server.nats.restart().expect("restarted");
            }
            _ => {
                let index = random.below(WORKERS as u64) as usize;
                self.workers[index].kill();
                watch.stay(gone);
                self.workers[index] = self.role("worker");
            }
        }
    }
}

#[test]
fn kills_lose_nothing_and_change_nothing() {
    let Some(mut server) = server() else { return };
    let kills = number("MACI_NOVA_KILLS").map_or(KILLS, |kills| kills as u32);
    let seed = number("MACI_NOVA_SEED").unwrap_or_else(|| OsRng.next_u64());
    eprintln!("{kills} kills, MACI_NOVA_SEED={seed}");
    let mut random = Random { seed, count: 0 };
    let folder = tempfile::tempdir().expect("directory");
    JobKey::create(&folder.path().join("job-key")).expect("a key");
    // So many that there is work until the last kill.
    let segments = 8 + 4 * kills;
    let role = |role| spawn_for(role, &server, folder.path(), segments);
    let (driver, workers) = (
        role("driver"),
        (0..WORKERS).map(|_| role("worker")).collect(),
    );
    let mut watch = Watch {
        folder: folder.path(),
        seen: Accepted::new(),
    };
    let mut cast = Cast {
        server: &mut server,
        folder: folder.path(),
        segments,
        driver,
        workers,
    };
    for _ in 0..kills {
        watch.stay(Duration::from_millis(random.below(BETWEEN)));
        cast.kill(&mut random, &mut watch);
    }
    let during = watch.seen.len();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = cast.driver.ended() {
            break status;
        }
        // Two workers, each job twice, and as much again for a slow machine.
        assert!(
            start.elapsed() < Duration::from_secs(60 + 2 * u64::from(kills)),
            "stuck"
        );
        watch.stay(Duration::from_millis(50));
    };
    assert!(status.success(), "the driver: {status}");
    watch.look();
    eprintln!("{during} of {segments} segments were done among the kills");
    assert_eq!(watch.seen.len(), segments as usize);
    for (&segment, result) in &watch.seen {
        assert!(segment < segments && is_right(segment, result), "{segment}");
    }
    drop(cast);
    let [jobs, objects, _] = server.held();
    assert_eq!((jobs, objects), (0, 0));
}
