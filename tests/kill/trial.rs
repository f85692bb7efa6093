//! One command, killed and run again, and what may not be different then.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;

use crate::scenes::{Payments, Scene};
use maci_nova_tests::harness::Left;
use maci_nova_tests::town::Town;

/// A run is killed so many times at most before it is let to its end.
const MOST_KILLS: u64 = 3;

/// In the words of a command that was not told what came of the one before.
const TOLD: &str = "nothing was sent now";

/// How long after a transaction a run that sent it has seen its receipt and written what it has to.
const AFTER_SENDING: Duration = Duration::from_millis(150);

/// Between two looks at the accounts.
const LOOK: Duration = Duration::from_millis(2);

const TWO_32: f64 = (1_u64 << 32) as f64;

/// After so many faults a scene has told enough.
const MOST_FAULTS: usize = 5;

/// What came of a scene.
#[derive(Debug, Default)]
pub struct Tally {
    name: &'static str,
    kills: u32,
    trials: u32,
    /// Runs that were over before their moment came.
    faster: u32,
    seconds: f64,
    /// What was not as it has to be.
    pub faults: Vec<String>,
}

impl Tally {
    /// The columns.
    pub const HEAD: &'static str = "scene       kills  trials  too late  undisturbed  faults";
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<10}{:>7}{:>8}{:>10}{:>11.1} s{:>8}",
            self.name,
            self.kills,
            self.trials,
            self.faster,
            self.seconds,
            self.faults.len()
        )
    }
}

/// Kills a scene's command so many times.
pub fn run(scene: &mut dyn Scene, town: &mut Town, kills: u32, rng: &mut ChaCha20Rng) -> Tally {
    let folder = scene.prepare(town);
    let before = town.transactions();
    let begun = Instant::now();
    let undisturbed = finish(scene, town, &folder, before)
        .unwrap_or_else(|fault| panic!("{} undisturbed: {fault}", scene.name()));
    let time = begun.elapsed();
    let mut tally = Tally {
        name: scene.name(),
        seconds: time.as_secs_f64(),
        ..Tally::default()
    };
    fs::remove_dir_all(folder).expect("removed");
    while tally.kills < kills && tally.faults.len() < MOST_FAULTS {
        tally.trials += 1;
        let folder = scene.prepare(town);
        let said = trial(scene, town, &folder, time, rng, &mut tally, &undisturbed);
        match said {
            Ok(()) => fs::remove_dir_all(folder).expect("removed"),
            Err(fault) => {
                let fault = format!("{} {}: {fault}", scene.name(), tally.trials);
                eprintln!("{fault}");
                tally.faults.push(fault);
            }
        }
    }
    if let Err(fault) = scene.conclude(town) {
        tally.faults.push(format!("{}: {fault}", scene.name()));
    }
    tally
}

fn trial(
    scene: &mut dyn Scene,
    town: &mut Town,
    folder: &Path,
    time: Duration,
    rng: &mut ChaCha20Rng,
    tally: &mut Tally,
    undisturbed: &Left,
) -> Result<(), String> {
    let before = town.transactions();
    let mut starts = 1;
    for _ in 0..=rng.next_u64() % MOST_KILLS {
        let moment = Moment::draw(time, undisturbed.transactions, rng);
        starts += 1;
        if !kill_at(scene, town, folder, before, moment) {
            tally.faster += 1;
            break;
        }
        tally.kills += 1;
        eprintln!("{} {}: killed {moment}", scene.name(), tally.trials);
        scene.after_kill(folder)?;
    }
    let left = match (finish(scene, town, folder, before), scene.payments()) {
        // What landed is told, once, before another one is sent.
        (Err(told), Payments::EachRun) if told.contains(TOLD) => {
            starts += 1;
            finish(scene, town, folder, before)?
        }
        (left, _) => left?,
    };
    scene.compare(&left.document, &undisturbed.document)?;
    left.compare(
        undisturbed,
        match scene.payments() {
            Payments::Once => 1,
            Payments::EachRun => starts,
        },
    )
}

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after its start.
    Start(Duration),
    /// So long after so many transactions of the trial are in blocks.
    Sent(u64, Duration),
}

impl Moment {
    /// Where something is paid, half of them are close to a payment: those are a small part of a
    /// run's time.
    fn draw(time: Duration, transactions: u64, rng: &mut ChaCha20Rng) -> Self {
        let mut part = |time: Duration| time.mul_f64(f64::from(rng.next_u32()) / TWO_32);
        let (anywhere, after) = (part(time), part(AFTER_SENDING));
        match rng.next_u64() % 2 {
            0 if transactions > 0 => Moment::Sent(rng.next_u64() % transactions + 1, after),
            _ => Moment::Start(anywhere),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Start(time) => write!(f, "after {:.3} s", time.as_secs_f64()),
            Moment::Sent(count, time) => {
                let milliseconds = time.as_millis();
                write!(f, "{milliseconds} ms after transaction {count}")
            }
        }
    }
}

/// Whether it was killed: it may have ended before.
fn kill_at(scene: &dyn Scene, town: &Town, folder: &Path, before: u64, moment: Moment) -> bool {
    let mut command = town.command(folder, &scene.line());
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("runs");
    let mut ended = || child.try_wait().expect("asked").is_some();
    match moment {
        Moment::Start(time) => std::thread::sleep(time),
        Moment::Sent(count, time) => {
            while town.transactions() < before + count && !ended() {
                std::thread::sleep(LOOK);
            }
            std::thread::sleep(time);
        }
    }
    let ended = ended();
    child.kill().expect("killed");
    child.wait().expect("ended");
    !ended
}

/// Runs the command to its end.
fn finish(scene: &dyn Scene, town: &Town, folder: &Path, before: u64) -> Result<Left, String> {
    let output = town.command(folder, &scene.line()).arg("--json").output();
    Left::of(town, folder, before, &output.expect("runs"))
}
