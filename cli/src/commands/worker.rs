//! `worker`: taking segments of counts from a broker, and proving them.

use maci_nova_chain::words::count;
use maci_nova_coordinator::segments::worker::{work, WorkerContext};

use crate::arguments::workers::Worker;
use crate::broker::connect;
use crate::console::Console;
use crate::failure::Failure;
use crate::setup::source;

/// Runs the command.
pub fn run(arguments: &Worker, console: &Console) -> Result<(), Failure> {
    let source = source(arguments.setup.ptau.as_ref(), console)?;
    if let Some(threads) = arguments.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.into())
            .build_global()
            .map_err(|error| Failure::Internal(error.to_string()))?;
    }
    console.listen()?;
    let (broker, key) = connect(&arguments.broker, console)?;
    console.note("waiting for segments");
    let report = work(&WorkerContext {
        broker: &broker,
        key: &key,
        source: &source,
        policy: console.keys(),
        most: arguments.most,
        observer: console,
    })?;
    console.show(&report, |out| {
        writeln!(
            out,
            "{} proven, {}",
            count(report.segments, "segment"),
            count(report.steps, "step")
        )
    })
}
