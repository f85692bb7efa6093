//! What proving a poll costs by the events in a step: rows, sizes of circuits, and with figures measured once seconds and
//! bytes. It is where the number of events in a step is chosen.
//!
//! More events in a step share one verifier of the step before, and cost the decider a few constraints a row. What they cost
//! most is its domain, which is a power of two.

use maci_nova_step_circuit::{Shape, StepCircuit};
use serde::Serialize;

/// Events in a step that are weighed.
pub const CHOICES: [usize; 5] = [1, 2, 4, 8, 16];

/// Rows of the augmented circuit beside the step's, about: 5,605 with one event, 5,890 with 16, whose beta is longer.
const VERIFIER_ROWS: usize = 5_620;
/// The decider's constraints: always, for a vote option, and for a row of the augmented circuit. (Counted at state depths 2 to
/// 10, vote option depths 1 to 4, 1 to 16 events; within 2% of each.)
const DECIDER_FIXED: f64 = 899_200.0;
const DECIDER_OPTION: f64 = 324.0;
const DECIDER_ROW: f64 = 3.94;

/// Seconds of a step, always and for a row. (Measured: 53 ms at 16,519 rows, 229 ms at 88,163; as all seconds here on two cores of
/// a virtual machine. What is reckoned with them is set to a machine's own pace, so that only their ratios count.)
const STEP_FIXED: f64 = 12.4e-3;
const STEP_ROW: f64 = 2.46e-6;
/// Seconds of the decider's proof for a row of it, and for an element of its domain. (Measured: 11.0 s at 1,020,093 and 2^20, 19.7 s at
/// 1,374,862 and 2^21.)
const DECIDER_SECONDS: f64 = 3.45e-6;
const DOMAIN_SECONDS: f64 = 7.13e-6;
/// Bytes at the peak, which is where the decider's keys are made. (Measured: 958 MB and 1,338 MB; 753 MB for the first's proof alone.)
const DECIDER_BYTES: f64 = 869.0;
const DOMAIN_BYTES: f64 = 68.0;
/// A larger choice is to save at least this part of the time: it takes more memory.
const WORTHWHILE: f64 = 0.1;

/// What the proof of a poll costs for a contract.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PollCost {
    /// K.
    pub events_per_step: usize,
    /// Rows of a step with the verifier of the step before.
    pub rows: usize,
    /// Steps, the blinding events included.
    pub steps: u64,
    /// Seconds of a step.
    pub seconds_per_step: f64,
    /// Constraints of the decider.
    pub decider_constraints: usize,
    /// The logarithm of its domain, which a powers-of-tau file has to have, where the constraints are not within
    /// 2% of a power of two.
    pub powers: u32,
    /// Seconds of its proof.
    pub decider_seconds: f64,
    /// Seconds of all steps and of the decider's proof. Keys and parameters, which are made once, are not in it.
    pub seconds: f64,
    /// Peak of memory in bytes: where the decider's keys are made, which takes a quarter more than its proof. Without the poll's own.
    pub memory_bytes: u64,
}

/// Rows of a step by the number of its events, for trees of some depths.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    state_depth: usize,
    vote_depth: usize,
    /// Of one event.
    first: usize,
    /// Of each further event.
    further: usize,
}

impl Rows {
    /// Counts them, in a fraction of a second.
    ///
    /// # Panics
    /// When a depth is not one that [`Shape::validate`] accepts.
    pub fn count(state_depth: usize, vote_depth: usize) -> Self {
        let [one, two] = [1, 2].map(|events_per_step| {
            let shape = Shape {
                state_depth,
                vote_depth,
                events_per_step,
            };
            let recording = StepCircuit::blank(shape).record(&[]);
            recording.recorder.total().constraints
        });
        Rows {
            state_depth,
            vote_depth,
            first: one,
            further: two - one,
        }
    }

    /// The shape with so many events in a step.
    pub(crate) fn shape(&self, events_per_step: usize) -> Shape {
        Shape {
            state_depth: self.state_depth,
            vote_depth: self.vote_depth,
            events_per_step,
        }
    }

    /// Rows with the verifier of the step before, about, of one event or more.
    pub fn of(&self, events_per_step: usize) -> usize {
        self.first + (events_per_step - 1) * self.further + VERIFIER_ROWS
    }

    /// The cost of a poll with so many events, its voters and messages, on a machine that takes `pace` times as long as the one that the
    /// figures are from.
    pub fn cost(&self, events_per_step: usize, events: u64, pace: f64) -> PollCost {
        let rows = self.of(events_per_step);
        let steps = steps(events_per_step, events);
        let options = 5u64.pow(self.vote_depth as u32) as f64;
        let decider = DECIDER_FIXED + DECIDER_OPTION * options + DECIDER_ROW * rows as f64;
        // The quotient has a row for each committed variable too: the step's, and the results.
        let quotient = decider + rows as f64 + 2.0 * options;
        let powers = (quotient as u64).next_power_of_two().ilog2();
        let domain = f64::from(powers).exp2();
        let seconds_per_step = pace * seconds_per_step(rows);
        let decider_seconds = pace * (quotient * DECIDER_SECONDS + domain * DOMAIN_SECONDS);
        PollCost {
            events_per_step,
            rows,
            steps,
            seconds_per_step,
            decider_constraints: decider as usize,
            powers,
            decider_seconds,
            seconds: steps as f64 * seconds_per_step + decider_seconds,
            memory_bytes: (quotient * DECIDER_BYTES + domain * DOMAIN_BYTES) as u64,
        }
    }

    /// The cost with each of [`CHOICES`].
    pub fn choices(&self, events: u64, pace: f64) -> Vec<PollCost> {
        let of = |events_per_step| self.cost(events_per_step, events, pace);
        CHOICES.into_iter().map(of).collect()
    }
}

/// The events in a step that so many events are proven fastest with; fewer where more save little. It does not depend on
/// the machine, so a ceremony and a deployment that expect the same choose the same.
///
/// # Panics
/// As [`Rows::count`].
pub fn events_per_step(state_depth: usize, vote_depth: usize, events: u64) -> usize {
    best(&Rows::count(state_depth, vote_depth).choices(events, 1.0))
}

/// The one of these, the smallest first, that is worth its memory.
pub fn best(choices: &[PollCost]) -> usize {
    worthwhile(choices, |cost| cost.seconds).map_or(1, |cost| cost.events_per_step)
}

/// The first of some choices, the cheapest first, than which no other one saves a tenth of the time.
pub fn worthwhile<C>(choices: &[C], seconds: impl Fn(&C) -> f64) -> Option<&C> {
    let least = choices.iter().map(&seconds).fold(f64::INFINITY, f64::min);
    choices
        .iter()
        .find(|choice| seconds(choice) * (1.0 - WORTHWHILE) <= least)
}

/// Seconds of a step of so many rows.
pub(crate) fn seconds_per_step(rows: usize) -> f64 {
    STEP_FIXED + STEP_ROW * rows as f64
}

/// Steps of so many events, and of the blinding events at the end.
pub(crate) fn steps(events_per_step: usize, events: u64) -> u64 {
    (events / events_per_step as u64).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What was counted: depths, events in a step, rows, constraints of the decider, the logarithm of its domain.
    const COUNTED: [(usize, usize, usize, usize, usize, u32); 14] = [
        (2, 1, 1, 13_999, 954_104, 20),
        (2, 1, 2, 21_466, 980_988, 20),
        (4, 1, 1, 14_457, 956_336, 20),
        (4, 1, 2, 22_382, 985_452, 20),
        (4, 1, 8, 70_175, 1_161_850, 21),
        (10, 1, 1, 15_831, 963_032, 20),
        (10, 2, 1, 16_282, 971_691, 20),
        (10, 2, 2, 26_032, 1_009_717, 20),
        (10, 3, 1, 16_739, 1_006_156, 20),
        (10, 3, 2, 26_934, 1_046_370, 21),
        (10, 3, 4, 47_597, 1_128_630, 21),
        (10, 3, 8, 88_383, 1_289_512, 21),
        (10, 3, 16, 169_949, 1_611_250, 21),
        (10, 4, 1, 17_190, 1_169_495, 21),
    ];

    #[test]
    fn sizes_are_about_those_that_were_counted() {
        let mut counts = BTreeMap::new();
        for (state, vote, k, rows, constraints, powers) in COUNTED {
            let of_depths = counts.entry((state, vote));
            let of_depths = of_depths.or_insert_with(|| Rows::count(state, vote));
            let cost = of_depths.cost(k, 0, 1.0);
            let off = |found: usize, counted: usize| (found as f64 / counted as f64 - 1.0).abs();
            assert!(off(cost.rows, rows) < 0.02, "{state} {vote} {k}: {cost:?}");
            assert!(
                off(cost.decider_constraints, constraints) < 0.02,
                "{state} {vote} {k}: {cost:?}"
            );
            assert_eq!(cost.powers, powers, "{state} {vote} {k}");
        }
    }

    #[test]
    fn more_events_are_worth_larger_steps() {
        let rows = Rows::count(10, 3);
        let chosen = [1, 100, 1_000, 10_000, 1_000_000, u64::MAX];
        let chosen = chosen.map(|events| best(&rows.choices(events, 1.0)));
        assert!(chosen.is_sorted(), "{chosen:?}");
        assert_eq!((chosen[0], chosen[1]), (1, 1));
        assert!(chosen[3] >= 4, "{chosen:?}");
        assert_eq!(events_per_step(10, 3, 10_000), chosen[3]);
    }

    #[test]
    fn no_number_of_events_is_too_much() {
        for (events_per_step, events, expected) in [
            (1, 0, 1),
            (1, 7, 8),
            (2, 7, 4),
            (1, u64::MAX - 1, u64::MAX),
            (1, u64::MAX, u64::MAX),
            (16, u64::MAX, u64::MAX / 16 + 1),
        ] {
            assert_eq!(steps(events_per_step, events), expected);
        }
    }
}
