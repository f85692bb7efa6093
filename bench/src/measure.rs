//! Time and memory.

use std::time::Instant;

use serde::{Deserialize, Serialize};

/// What `work` returns, and the seconds that it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

/// The largest resident set of this process so far; none where the system does not tell.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Begins the peak anew, from what is resident now, so that what comes has a peak of its own. Where the system does not
/// do that, the peak is the whole process's: too high, never too low.
pub fn forget_peak() {
    // 5 resets VmHWM (proc(5)).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// One figure of several runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The median.
    pub median: f64,
    /// The largest less the smallest.
    pub spread: f64,
    /// How many.
    pub runs: usize,
}

impl Sample {
    /// Of these runs; none of none.
    pub fn of(runs: &[f64]) -> Option<Self> {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
            _ => sorted[middle],
        };
        Some(Sample {
            median,
            spread: last - first,
            runs: sorted.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_and_a_spread() {
        let sample = Sample::of(&[5.0, 1.0, 2.0]).expect("three runs");
        assert_eq!((sample.median, sample.spread, sample.runs), (2.0, 4.0, 3));
        assert_eq!(Sample::of(&[1.0, 3.0]).expect("two runs").median, 2.0);
        assert_eq!(Sample::of(&[]), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_is_at_least_what_is_held() {
        let held = std::hint::black_box(vec![1_u8; 32 << 20]);
        let peak = peak_bytes().expect("Linux tells");
        assert!(peak as usize > held.len());
    }
}
