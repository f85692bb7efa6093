//! One command with one fault, and what may not be different then.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Instant;

use maci_nova_tests::harness::{same, Left};
use maci_nova_tests::town::Town;
use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;

use crate::commands::Command;
use crate::proxy::{Answer, Proxy, Rule, ANSWERS};

/// One fault in so many lasts: a minute, until nobody asks any longer.
const LASTING: u64 = 16;
/// What may be sent and not known: it is told, and comes of it what may.
const SENDING: &str = "eth_sendRawTransaction";
/// How often what signs anew may be refused once its fault is over: it is told what landed, once.
const TOLD: usize = 1;

/// What came of a command's trials.
pub struct Tally {
    name: &'static str,
    trials: u32,
    /// Trials in which the fault was met: not every run asks as often as another one.
    met: u32,
    /// Trials in which the first run did what it should, may do it later, and will never.
    ends: [u32; 3],
    seconds: f64,
    /// What was not as it has to be.
    pub faults: Vec<String>,
}

/// The columns.
pub const HEAD: &str = "command     trials     met    done   later   never  undisturbed  faults";

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [done, later, never] = self.ends;
        write!(
            f,
            "{:<10}{:>8}{:>8}{done:>8}{later:>8}{never:>8}{:>11.1} s{:>8}",
            self.name,
            self.trials,
            self.met,
            self.seconds,
            self.faults.len()
        )
    }
}

/// Runs a command with so many faults, one at a time.
pub fn run(
    command: &mut Command,
    town: &mut Town,
    proxy: &Proxy,
    trials: u32,
    rng: &mut ChaCha20Rng,
) -> Tally {
    let folder = command.prepare(town);
    let before = town.transactions();
    proxy.follow(None);
    let begun = Instant::now();
    let stage = Stage {
        command,
        town,
        proxy,
        folder: &folder,
    };
    let undisturbed = started(stage);
    let undisturbed = Left::of(town, &folder, before, &undisturbed)
        .unwrap_or_else(|fault| panic!("{} undisturbed: {fault}", command.name));
    let mut tally = Tally {
        name: command.name,
        trials,
        met: 0,
        ends: [0; 3],
        seconds: begun.elapsed().as_secs_f64(),
        faults: vec![],
    };
    let calls = proxy.calls();
    fs::remove_dir_all(folder).expect("removed");
    for _ in 0..trials {
        let (rule, passes) = draw(&calls, rng);
        let folder = command.prepare(town);
        let stage = Stage {
            command,
            town,
            proxy,
            folder: &folder,
        };
        let said = trial(stage, &rule, passes, &undisturbed, &mut tally);
        match said {
            Ok(()) => fs::remove_dir_all(folder).expect("removed"),
            Err(fault) => {
                let fault = format!("{}, {rule}: {fault}", command.name);
                eprintln!("{fault}");
                tally.faults.push(fault);
            }
        }
    }
    tally
}

/// A fault, and whether whoever meets it once may be expected to ask again.
fn draw(calls: &[(String, usize)], rng: &mut ChaCha20Rng) -> (Rule, bool) {
    let mut below = |bound: usize| (rng.next_u64() % bound as u64) as usize;
    let (method, count) = &calls[below(calls.len())];
    let (_, answer, passes) = ANSWERS[below(ANSWERS.len())];
    // Too little gas is sent with another call's estimate, and is gone.
    let answer = match (method.as_str(), answer) {
        ("eth_estimateGas", Answer::Stale) => Answer::Null,
        _ => answer,
    };
    let lasts = below(LASTING as usize) == 0;
    let rule = Rule {
        method: method.clone(),
        after: below(*count),
        times: if lasts { usize::MAX } else { 1 },
        answer,
        arrives: below(2) == 0,
    };
    (rule, passes && !lasts)
}

/// Where a command is run.
#[derive(Clone, Copy)]
struct Stage<'a> {
    command: &'a Command,
    town: &'a Town,
    proxy: &'a Proxy,
    folder: &'a Path,
}

fn trial(
    stage: Stage<'_>,
    rule: &Rule,
    passes: bool,
    undisturbed: &Left,
    tally: &mut Tally,
) -> Result<(), String> {
    let Stage {
        command,
        town,
        proxy,
        folder,
    } = stage;
    let before = town.transactions();
    proxy.follow(Some(rule.clone()));
    let first = started(stage);
    let code = first.status.code();
    let said = String::from_utf8_lossy(&first.stderr).into_owned();
    if said.contains("panicked") || said.contains("internal error") {
        return Err(said);
    }
    let end = match code {
        Some(0) => 0,
        Some(9) => 1,
        Some(10) => 2,
        _ => return Err(format!("{code:?}: {said}")),
    };
    tally.ends[end] += 1;
    tally.met += u32::from(proxy.hits() > 0);
    if end != 0 && passes && rule.method != SENDING {
        return Err(format!("it was not asked again: {said}"));
    }
    let (mut last, mut starts) = (first, 1);
    if end != 0 {
        proxy.follow(None);
        let told = if command.signs_anew { TOLD } else { 0 };
        for _ in 0..=told {
            last = started(stage);
            starts += 1;
            if last.status.success() {
                break;
            }
        }
    }
    let payments = if command.signs_anew { starts } else { 1 };
    let checked = Left::of(town, folder, before, &last).and_then(|left| {
        same(command.fields, &left.document, &undisturbed.document)?;
        left.compare(undisturbed, payments)
    });
    checked.map_err(|fault| format!("{fault}; first: {}", one_line(&said)))
}

fn one_line(said: &str) -> &str {
    said.lines().last().unwrap_or("")
}

fn started(stage: Stage<'_>) -> Output {
    let Stage { command, town, .. } = stage;
    let output = town
        .command(stage.folder, &command.line)
        .arg("--json")
        .env("MACI_NOVA_RPC_URL", stage.proxy.url())
        .output();
    output.expect("runs")
}
