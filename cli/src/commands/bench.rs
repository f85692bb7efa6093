//! `bench`: folding beside fixed batches and the proving library's own IVC.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use maci_nova_bench::folder::Folder;
use maci_nova_bench::model::Results;
use maci_nova_bench::plan::{Effort, Plan};
use maci_nova_bench::runner::{self, Children};
use maci_nova_bench::{docs, report};
use maci_nova_chain::clock::utc;

use crate::arguments::bench::{Bench, Depths};
use crate::console::Console;
use crate::failure::Failure;

/// How the program starts itself for one measurement.
const CHILD: [&str; 2] = ["bench", "--child"];

/// Runs the command.
pub fn run(arguments: &Bench, console: &Console) -> Result<(), Failure> {
    if console.production {
        return Err(Failure::Insecure("what bench measures with"));
    }
    if let Some(configuration) = &arguments.child {
        let measured = runner::child(configuration)?;
        return console.result(|out| writeln!(out, "{measured}"));
    }
    match (&arguments.from, &arguments.write_docs, &arguments.out) {
        (Some(from), Some(folder), _) => write_docs(from, folder, console),
        (_, _, Some(out)) => measure(arguments, out, console),
        _ => Err(Failure::Usage("bench needs --out DIR".into())),
    }
}

fn write_docs(from: &Path, folder: &Path, console: &Console) -> Result<(), Failure> {
    docs::write_docs(&docs::read(from)?, folder)?;
    console.result(|out| writeln!(out, "{}", folder.display()))
}

fn measure(arguments: &Bench, out: &Path, console: &Console) -> Result<(), Failure> {
    let plan = plan(arguments);
    plan.validate()?;
    let prices = arguments.prices.prices();
    let prices = prices.map_err(|text| Failure::Usage(text.into()))?;
    console.listen()?;
    let mut folder = Folder::open(out, &plan)?;
    let keys = plan.decider_keys.then(|| out.join(KEYS));
    let children = Children::of_this_program(&CHILD, keys.clone())?;
    let failures = runner::run(&plan, &mut folder, &children, console)?;
    // What failed is tried again with the same command, and then they are needed.
    if let (Some(keys), true) = (keys, failures.is_empty()) {
        discard(&keys, console);
    }
    let results = Results::new(&plan, today(), prices, folder.finished());
    report::write_all(&results, arguments.literature, out)?;
    console.show(&results, |lines| {
        write!(lines, "{}", report::summary(&results))?;
        writeln!(lines, "{}", out.join("report.html").display())
    })?;
    // The report names what is missing; the same command tries it again.
    match failures.into_iter().next() {
        Some(failure) => Err(failure.into()),
        None => Ok(()),
    }
}

/// Keys that were made to measure how long that takes, half a gigabyte each.
fn discard(keys: &Path, console: &Console) {
    match std::fs::remove_dir_all(keys) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            console.warn(format!("cannot remove {}: {error}", keys.display()));
        }
        _ => {}
    }
}

fn plan(arguments: &Bench) -> Plan {
    let mut plan = Plan::new(match (arguments.quick, arguments.full) {
        (true, _) => Effort::Quick,
        (_, true) => Effort::Full,
        _ => Effort::Usual,
    });
    if let Some(Depths(state, vote)) = arguments.depths {
        (plan.state_depth, plan.vote_depth) = (state, vote);
    }
    if let Some(list) = &arguments.events_per_step {
        plan.events_per_step = ascending(list);
    }
    if let Some(list) = &arguments.batch {
        plan.batch = ascending(list);
    }
    if let Some(list) = &arguments.messages {
        plan.messages = ascending(list);
    }
    if let Some(machine) = &arguments.machine {
        plan.identity.machine.clone_from(machine);
    }
    plan.decider = !arguments.without_decider;
    plan.decider_keys = plan.decider && !arguments.cached_keys;
    match arguments.calibrate {
        true => plan.calibrated(),
        false => plan,
    }
}

/// Each number once, the smallest first.
fn ascending<T: Clone + Ord>(list: &[T]) -> Vec<T> {
    let all: BTreeSet<T> = list.iter().cloned().collect();
    all.into_iter().collect()
}

/// Where keys are made, in the folder of the measurements.
const KEYS: &str = "keys";

fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    utc(now.map_or(0, |time| time.as_secs()))
}
