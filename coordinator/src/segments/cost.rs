//! What a count in segments takes: hours, bytes and gas by the number of workers, and into how many segments it is cut.
//!
//! Seconds are those of [`crate::prove::cost`], which a machine's own pace scales.

use maci_nova_step_circuit::Shape;
use serde::Serialize;

use crate::machine::Machine;
use crate::prove::cost::{worthwhile, Rows, CHOICES};
use crate::segments::job::transition_bytes;
use crate::segments::plan::{MAX_SEGMENTS, MIN_STEPS};

/// Seconds to decide an event and write its part of a job, on one core. (Measured with 200,000 voters and a million messages, state depth 10,
/// vote option depth 3.)
pub const DECIDE_SECONDS: f64 = 1.02e-3;

/// Gas of `proveSegment`, and of the transaction that finalizes, without its results. (Measured: contracts/gas.json.)
pub const SEGMENT_GAS: u64 = 397_569;
const FINALIZE_GAS: u64 = 450_000;

/// Larger jobs are not made as long as there is a choice: they are in memory as a whole.
const JOB_BYTES: u64 = 1 << 29;

/// Bytes of a job beside its transitions, at most: a running proof of the largest steps, and results.
const JOB_OVERHEAD: u64 = 64 << 20;

/// Bytes of the driver's memory for an event, beside a job that it writes and seals. (Measured with a million messages: 143, and
/// those of ballots.)
const DRIVER_EVENT_BYTES: u64 = 400;

/// Cores that one fold keeps busy.
pub const CORES_PER_WORKER: usize = 2;

/// A count, and who is there to prove it.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Voters and messages.
    pub events: u64,
    /// Machines that prove, at least 1.
    pub workers: u32,
    /// How much longer each takes than the machine that the figures are from.
    pub pace: f64,
}

/// What it takes to prove a count in segments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentsCost {
    /// K.
    pub events_per_step: usize,
    /// Machines that prove.
    pub workers: u32,
    /// Segments, each with a transaction of its own.
    pub segments: u32,
    /// Steps of the longest segment.
    pub steps: u64,
    /// Seconds from the poll's end to the last proof.
    pub seconds: f64,
    /// Seconds in which the driver decides all messages, while workers begin.
    pub deciding_seconds: f64,
    /// Seconds of one segment on one worker: its steps, and its proof.
    pub segment_seconds: f64,
    /// Seconds of all workers together.
    pub worker_seconds: f64,
    /// Bytes of the largest job.
    pub job_bytes: u64,
    /// Bytes of all jobs, on the driver's disk and again in the broker's store.
    pub store_bytes: u64,
    /// Bytes of a worker's memory at its peak.
    pub worker_bytes: u64,
    /// Gas of all transactions, without that of the results: 6,700 for each option.
    pub gas: u64,
}

/// What a count takes with so many events in a step and so many segments.
pub fn cost(rows: &Rows, events_per_step: usize, load: &Load, segments: u32) -> SegmentsCost {
    let whole = rows.cost(events_per_step, load.events, load.pace);
    let steps = whole.steps.div_ceil(u64::from(segments));
    let segment_seconds = steps as f64 * whole.seconds_per_step + whole.decider_seconds;
    let deciding_seconds = load.events as f64 * DECIDE_SECONDS * load.pace;
    let decided = |segment: u32| {
        let part = f64::from(segment + 1) / f64::from(segments);
        part * deciding_seconds
    };
    let jobs = (0..segments).map(|segment| (decided(segment), segment_seconds));
    let event_bytes = transition_bytes(&rows.shape(events_per_step)) as u64;
    let job_bytes = steps
        .saturating_mul(events_per_step as u64)
        .saturating_mul(event_bytes);
    SegmentsCost {
        events_per_step,
        workers: load.workers,
        segments,
        steps,
        seconds: schedule(jobs, load.workers),
        deciding_seconds,
        segment_seconds,
        worker_seconds: f64::from(segments) * segment_seconds,
        job_bytes,
        store_bytes: load.events.saturating_mul(event_bytes),
        // Sealed and open, for a moment.
        worker_bytes: whole
            .memory_bytes
            .saturating_add(job_bytes.saturating_mul(2)),
        gas: FINALIZE_GAS + u64::from(segments - 1) * SEGMENT_GAS,
    }
}

/// When the last of some jobs is done, each given as when it is there and how long it takes, by workers that take them in order.
pub fn schedule(jobs: impl IntoIterator<Item = (f64, f64)>, workers: u32) -> f64 {
    let mut free = vec![0.0_f64; workers.max(1) as usize];
    let mut end = 0.0_f64;
    for (ready, seconds) in jobs {
        let next = (0..free.len()).min_by(|a, b| free[*a].total_cmp(&free[*b]));
        let worker = &mut free[next.unwrap_or(0)];
        *worker = worker.max(ready) + seconds;
        end = end.max(*worker);
    }
    end
}

/// The segments that a count is worth with so many events in a step.
pub fn best_segments(rows: &Rows, events_per_step: usize, load: &Load) -> SegmentsCost {
    let numbers = numbers(rows, events_per_step, load).into_iter();
    let costs = numbers.map(|segments| cost(rows, events_per_step, load, segments));
    pick(&costs.collect::<Vec<_>>())
}

/// Numbers of segments to try: as many as there are workers, a part of that, or some rounds of them.
fn numbers(rows: &Rows, events_per_step: usize, load: &Load) -> Vec<u32> {
    let most = rows.cost(events_per_step, load.events, 1.0).steps / MIN_STEPS;
    let most = most.clamp(1, u64::from(MAX_SEGMENTS)) as u32;
    let workers = load.workers.max(1);
    let parts = (0..=8).rev().map(|shift| workers >> shift);
    let rounds = [2, 3, 4, 6, 8].map(|rounds| workers.saturating_mul(rounds));
    let numbers = parts.chain(rounds).filter(|segments| *segments >= 1);
    numbers.map(|segments| segments.min(most)).collect()
}

/// The events in a step and the segments that a count is worth, chosen together.
pub fn best(rows: &Rows, load: &Load) -> SegmentsCost {
    let choices = CHOICES.map(|events_per_step| best_segments(rows, events_per_step, load));
    pick(&choices)
}

/// The same with as many workers as one machine has cores and memory for, beside the driver; `None` if that is not even one.
pub fn best_on(rows: &Rows, load: &Load, machine: &Machine) -> Option<SegmentsCost> {
    let most = (machine.cores / CORES_PER_WORKER).clamp(1, MAX_SEGMENTS as usize) as u32;
    let of = |workers| Load { workers, ..*load };
    let fitting = |events_per_step| {
        // More segments have smaller jobs.
        let mut numbers = numbers(rows, events_per_step, &of(most));
        numbers.extend(self::numbers(rows, events_per_step, &of(MAX_SEGMENTS)));
        numbers.sort_unstable();
        let costs = numbers.into_iter().filter_map(|segments| {
            let one = cost(rows, events_per_step, &of(1), segments);
            let driver = load.events.saturating_mul(DRIVER_EVENT_BYTES);
            let driver = driver.saturating_add(one.job_bytes.saturating_mul(2));
            let workers = machine.free_bytes.saturating_sub(driver) / one.worker_bytes.max(1);
            let workers = workers.min(most.min(segments).into()) as u32;
            (workers > 0).then(|| cost(rows, events_per_step, &of(workers), segments))
        });
        let costs: Vec<SegmentsCost> = costs.collect();
        (!costs.is_empty()).then(|| pick(&costs))
    };
    let costs: Vec<SegmentsCost> = CHOICES.into_iter().filter_map(fitting).collect();
    (!costs.is_empty()).then(|| pick(&costs))
}

/// The first that is worth it, of those whose jobs are small enough, if any are.
fn pick(costs: &[SegmentsCost]) -> SegmentsCost {
    let smallest = costs.iter().map(|cost| cost.job_bytes).min().unwrap_or(0);
    let fits = |cost: &&SegmentsCost| cost.job_bytes <= smallest.max(JOB_BYTES);
    let fitting: Vec<SegmentsCost> = costs.iter().filter(fits).copied().collect();
    *worthwhile(&fitting, |cost| cost.seconds).unwrap_or(&costs[0])
}

/// The fewest segments whose jobs have at most so many bytes each.
pub(crate) fn least_segments(shape: &Shape, steps: u64, largest: u64) -> u64 {
    let step = (shape.events_per_step * transition_bytes(shape)) as u64;
    // Beside its transitions a job has a running proof, perhaps, and results.
    let room = largest.saturating_sub(JOB_OVERHEAD).max(step);
    steps.div_ceil(room / step).max(1)
}

/// Into how many segments so many steps are cut for so many workers that wait; 1 where it is not worth it.
pub(crate) fn segments(shape: &Shape, steps: u64, workers: u64) -> u32 {
    let load = Load {
        events: steps.saturating_mul(shape.events_per_step as u64),
        workers: workers.clamp(1, u64::from(MAX_SEGMENTS)) as u32,
        pace: 1.0,
    };
    let rows = Rows::count(shape.state_depth, shape.vote_depth);
    best_segments(&rows, shape.events_per_step, &load).segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(events: u64, workers: u32) -> Load {
        Load {
            events,
            workers,
            pace: 1.0,
        }
    }

    #[test]
    fn jobs_are_taken_in_order_by_whoever_is_free() {
        assert_eq!(schedule([(0.0, 2.0), (0.0, 2.0), (0.0, 2.0)], 2), 4.0);
        assert_eq!(schedule([(1.0, 2.0), (5.0, 2.0)], 2), 7.0);
        assert_eq!(schedule([(0.0, 1.0); 6], 3), 2.0);
        assert_eq!(schedule([], 3), 0.0);
    }

    #[test]
    fn more_workers_are_faster_and_small_counts_are_whole() {
        let rows = Rows::count(10, 3);
        let seconds = [1, 2, 4, 16, 64, 256].map(|workers| best(&rows, &load(1_000_000, workers)));
        let [one, .., sixteen, _, many] = seconds;
        let few = &seconds[..4];
        assert!(few.windows(2).all(|two| two[1].seconds < two[0].seconds));
        assert!(one.seconds > 10.0 * sixteen.seconds, "{one:?} {sixteen:?}");
        // No number of workers is faster than deciding, which the driver does alone.
        let floor = many.deciding_seconds;
        assert!((floor..1.3 * floor).contains(&many.seconds), "{many:?}");
        assert!(seconds.iter().all(|cost| cost.job_bytes <= JOB_BYTES));

        assert_eq!(best(&rows, &load(20, 8)).segments, 1);
        assert_eq!(best(&rows, &load(0, 8)).segments, 1);
        assert!(best_segments(&rows, 1, &load(u64::MAX, 256)).segments <= MAX_SEGMENTS);
    }

    #[test]
    fn a_machine_has_workers_for_its_cores_and_its_memory() {
        let rows = Rows::count(10, 3);
        let load = load(1_000_000, 1);
        let on = |cores, free_bytes| best_on(&rows, &load, &Machine { cores, free_bytes });
        let [all, two] = [on(16, u64::MAX), on(2, u64::MAX)].map(|cost| cost.expect("it fits"));
        assert_eq!((all.workers, two.workers), (8, 1));
        assert!(all.seconds < two.seconds);
        // The less memory there is, the smaller are jobs, and the fewer their workers.
        let mut before = all;
        for free in [8, 4, 2].map(|gigabytes| gigabytes << 30) {
            let here = on(16, free).expect("it fits");
            assert!(
                u64::from(here.workers) * here.worker_bytes < free,
                "{here:?}"
            );
            assert!(here.seconds >= before.seconds, "{here:?} {before:?}");
            before = here;
        }
        assert!(before.workers < 8, "{before:?}");
        assert_eq!(on(16, 1 << 20), None);
    }

    #[test]
    fn what_waits_decides_how_a_count_is_cut() {
        let shape = Shape::new(10, 3, 1).expect("in range");
        let cut = |steps, workers| segments(&shape, steps, workers);
        assert_eq!((cut(100_000, 0), cut(10, 5), cut(1, 1)), (1, 1, 1));
        assert_eq!(cut(20_000, 2), 2);
        assert_eq!(cut(20_000, 8), 8);
        // However few workers there are, jobs have to fit into memory.
        assert!(cut(1_000_000, 1) > 1);
    }

    #[test]
    fn jobs_are_no_larger_than_the_broker_takes() {
        let shape = Shape::new(10, 3, 1).expect("in range");
        let gigabyte = 1 << 30;
        assert_eq!(least_segments(&shape, 1_000, gigabyte), 1);
        let segments = least_segments(&shape, 1_000_000, gigabyte);
        assert!((3..8).contains(&segments), "{segments}");
        // A step is the least there is.
        assert_eq!(least_segments(&shape, 10, 0), 10);
    }
}
