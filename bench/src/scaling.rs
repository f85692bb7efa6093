//! A count of a million messages in segments, by 1 to 256 workers: a simulation with the times that jobs were measured to take.
//!
//! A job is its messages' foldings and a proof of its own. The driver decides messages one after the other and hands a job out as
//! soon as its messages are decided; workers take jobs in their order. Machines are all alike, and none fails. Where the proof was not
//! measured at some K, its time is that of another K times what [`Rows`] says of the two.

use std::fmt::Write;

use maci_nova_coordinator::prove::cost::{worthwhile, Rows};
use maci_nova_coordinator::segments::cost::{schedule, DECIDE_SECONDS};
use maci_nova_coordinator::segments::plan::MAX_SEGMENTS;

use crate::configuration::Method;
use crate::model::{Prices, Results, Way};

/// Messages of the poll.
pub const MESSAGES: u64 = 1_000_000;

/// Workers that are tried.
pub const WORKERS: [u32; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Jobs of each worker, on average, that are tried. More have the last ones end together, and each costs a proof.
const ROUNDS: [u32; 6] = [1, 2, 3, 4, 6, 8];

/// What the count takes by so many workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simulated {
    /// Machines that prove.
    pub workers: u32,
    /// K.
    pub events_per_step: usize,
    /// Segments, each with a transaction of its own.
    pub segments: u32,
    /// Seconds from the poll's end to the last proof.
    pub seconds: f64,
    /// Seconds of all workers together.
    pub worker_seconds: f64,
    /// Gas of all transactions.
    pub gas: f64,
    /// US dollars of the machines and of the gas.
    pub dollars: f64,
}

/// What transactions of a count cost.
#[derive(Clone, Copy, Debug)]
pub struct Gas {
    /// A segment before the last.
    pub segment: f64,
    /// The one that finalizes.
    pub finalize: f64,
}

/// How long jobs take with so many events in a step.
struct Pace {
    folding: Way,
    /// Seconds of a segment's proof.
    proof: f64,
}

/// By each number of workers the best number of segments, for each number of events in a step that was measured.
pub fn simulate(results: &Results, gas: Gas) -> Vec<Simulated> {
    let paces = paces(results);
    paces
        .iter()
        .flat_map(|pace| WORKERS.map(|workers| best(pace, workers, gas, &results.prices)))
        .collect()
}

fn paces(results: &Results) -> Vec<Pace> {
    let ways = results.main_ways();
    let of = |method| ways.iter().filter(move |way| way.method == method);
    let Some(known) = of(Method::FoldingDecider).next() else {
        return Vec::new();
    };
    let rows = Rows::count(results.plan.state_depth, results.plan.vote_depth);
    let reckoned = |size| rows.cost(size, MESSAGES, 1.0).decider_seconds;
    let pace = |folding: &Way| {
        let measured = of(Method::FoldingDecider).find(|way| way.size == folding.size);
        let scaled = reckoned(folding.size) / reckoned(known.size) * known.final_seconds();
        Pace {
            folding: folding.clone(),
            proof: measured.map_or(scaled, Way::final_seconds),
        }
    };
    of(Method::Folding).map(pace).collect()
}

fn best(pace: &Pace, workers: u32, gas: Gas, prices: &Prices) -> Simulated {
    let tried = ROUNDS.map(|rounds| {
        let segments = (workers * rounds).min(MAX_SEGMENTS);
        run(pace, workers, segments, gas, prices)
    });
    // Each segment is paid for.
    *worthwhile(&tried, |one| one.seconds).unwrap_or(&tried[0])
}

/// One run: so many segments of about the same length.
fn run(pace: &Pace, workers: u32, segments: u32, gas: Gas, prices: &Prices) -> Simulated {
    let end = |segment: u32| MESSAGES * u64::from(segment) / u64::from(segments);
    let jobs: Vec<(f64, f64)> = (0..segments)
        .map(|segment| {
            let messages = end(segment + 1) - end(segment);
            let decided = end(segment + 1) as f64 * DECIDE_SECONDS;
            (decided, pace.folding.line_at(messages) + pace.proof)
        })
        .collect();
    let worker_seconds = jobs.iter().map(|job| job.1).sum();
    let seconds = schedule(jobs, workers);
    let gas = f64::from(segments - 1) * gas.segment + gas.finalize;
    Simulated {
        workers,
        events_per_step: pace.folding.size,
        segments,
        seconds,
        worker_seconds,
        gas,
        dollars: prices.of_gas(gas) + prices.of_seconds(worker_seconds + seconds),
    }
}

/// The fastest by each number of workers.
pub fn fastest(simulated: &[Simulated]) -> Vec<Simulated> {
    let of = |workers: u32| {
        let same = simulated.iter().filter(|one| one.workers == workers);
        same.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).copied()
    };
    WORKERS.into_iter().filter_map(of).collect()
}

/// All runs, for machines.
pub fn csv(simulated: &[Simulated]) -> String {
    let mut text =
        "messages,workers,events_per_step,segments,seconds,worker_seconds,gas,dollars\n".to_owned();
    for one in simulated {
        let _ = writeln!(
            text,
            "{MESSAGES},{},{},{},{:.0},{:.0},{:.0},{:.2}",
            one.workers,
            one.events_per_step,
            one.segments,
            one.seconds,
            one.worker_seconds,
            one.gas,
            one.dollars
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::docs;

    const GAS: Gas = Gas {
        segment: 400_000.0,
        finalize: 500_000.0,
    };

    /// Of what this repository's pages are made of.
    fn simulated() -> Vec<Simulated> {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        simulate(&docs::read(&data).expect("results"), GAS)
    }

    #[test]
    fn more_workers_take_less_time_and_deciding_is_a_floor() {
        let all = simulated();
        let fastest = fastest(&all);
        assert_eq!(fastest.len(), WORKERS.len());
        let faster = |two: &[Simulated]| two[1].seconds < two[0].seconds;
        assert!(fastest[..6].windows(2).all(faster));
        assert!(fastest
            .windows(2)
            .all(|two| two[1].seconds <= two[0].seconds));
        let floor = MESSAGES as f64 * DECIDE_SECONDS;
        assert!(all.iter().all(|one| one.seconds > floor));
        // One worker does all of it, one after the other.
        let one = &fastest[0];
        assert!(one.seconds >= one.worker_seconds);
        // Nobody waits long as long as workers are few: 8 take about an eighth.
        let eight = &fastest[3];
        assert!(eight.seconds < one.seconds / 5.0, "{one:?} {eight:?}");
    }

    #[test]
    fn a_row_for_each_run() {
        let all = simulated();
        let csv = csv(&all);
        assert_eq!(csv.lines().count(), all.len() + 1);
        assert!(all.len() > WORKERS.len() && all.len().is_multiple_of(WORKERS.len()));
    }
}
