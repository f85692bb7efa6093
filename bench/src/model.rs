//! What a poll of N messages costs each way, made of what was measured.
//!
//! A [`Way`] has a line, seconds by messages, fitted to the times at which each message was proven, and what comes once
//! at the end. Where N messages were proven for real, the time is that one; beyond, the line's, and marked.

use serde::{Deserialize, Serialize};

use crate::configuration::{Configuration, Measurement, Method, Work};
use crate::figures::{self as is, Quantity};
use crate::plan::Plan;

/// Polls are compared up to this many messages.
pub const MOST_COMPARED: u64 = 1_000_000;

/// A row of the results: one figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The way of proving.
    pub method: Method,
    /// K, B, or the logarithm of a step's constraints.
    pub size: usize,
    /// Threads.
    pub threads: usize,
    /// Depth of the state tree.
    pub state_depth: usize,
    /// Depth of the vote option tree.
    pub vote_depth: usize,
    /// Messages of the poll, where it is a poll's.
    pub messages: Option<u64>,
    /// What it is of.
    pub quantity: String,
    /// In what.
    pub unit: String,
    /// The median.
    pub value: f64,
    /// The largest less the smallest; none of what is computed from other figures.
    pub spread: Option<f64>,
    /// How many runs; none of what is computed from other figures.
    pub runs: Option<usize>,
    /// Whether it was not measured, but comes from a line through what was, or from a count.
    pub extrapolated: bool,
}

/// A straight line through 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Seconds a message.
    pub slope: f64,
}

impl Line {
    /// The line of least squares through 0, which is where the time of no messages is: a few batches would give any
    /// other one.
    pub fn fit(points: &[(u64, f64)]) -> Option<Self> {
        let x = |point: &(u64, f64)| point.0 as f64;
        let both: f64 = points.iter().map(|point| x(point) * point.1).sum();
        let square: f64 = points.iter().map(|point| x(point).powi(2)).sum();
        (square > 0.0).then(|| Line {
            slope: both / square,
        })
    }

    /// Its value.
    pub fn at(&self, messages: u64) -> f64 {
        self.slope * messages as f64
    }
}

/// A value, and whether it was not measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// The value.
    pub value: f64,
    /// Not measured.
    pub extrapolated: bool,
}

/// A way of proving a poll.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// How.
    pub method: Method,
    /// K or B.
    pub size: usize,
    /// Threads.
    pub threads: usize,
    depths: (usize, usize),
    line: Line,
    series: Vec<(u64, f64)>,
    /// Messages whose proof, memory and gas were measured. (Check points are folded alone.)
    proven: u64,
    /// Seconds of the final proof.
    end: f64,
    gas: Option<f64>,
    bytes: Option<f64>,
    memory: Option<f64>,
}

impl Way {
    /// The way that a measurement is of; none of a calibration or a check point.
    fn new(measured: &Measurement, all: &[Measurement]) -> Option<Self> {
        let configuration = &measured.configuration;
        let of = |quantity: Quantity| measured.sample(quantity).map(|sample| sample.median);
        // Of folding and of the final proof, whichever is larger.
        let peak = [of(is::PEAK), of(is::PEAK_FINAL)];
        let peak = peak.into_iter().flatten().reduce(f64::max);
        let (end, bytes, memory) = match configuration.work {
            Work::Folding { .. } => (of(is::FINAL_SECONDS)?, of(is::FINAL_BYTES), peak),
            Work::Decider { .. } => (of(is::FINAL_SECONDS)?, of(is::CALLDATA_BYTES), peak),
            Work::Batch { .. } => (0.0, of(is::CALLDATA_BYTES), of(is::PEAK)),
            // Nothing is published: its proof holds the witness.
            Work::Library { .. } => (0.0, None, of(is::PEAK)),
            Work::CheckPoint { .. } | Work::DeciderKey { .. } | Work::Calibration { .. } => {
                return None
            }
        };
        // The decider's process folds too, but what it ends is the folding that is measured by itself.
        let folding = all.iter().find(|other| {
            let other = &other.configuration;
            matches!(configuration.work, Work::Decider { .. })
                && matches!(other.work, Work::Folding { .. })
                && (other.size(), other.threads) == (configuration.size(), configuration.threads)
        });
        let steps = &folding.unwrap_or(measured).series;
        let mut series = steps.clone();
        if matches!(
            configuration.work,
            Work::Folding { .. } | Work::Decider { .. }
        ) {
            let most = series.last().map_or(0, |point| point.0);
            let points = check_points(measured, all).into_iter();
            series.extend(points.filter(|point| point.0 > most));
        }
        Some(Way {
            method: configuration.method(),
            size: configuration.size(),
            threads: configuration.threads,
            depths: (configuration.state_depth, configuration.vote_depth),
            line: Line::fit(steps)?,
            proven: measured.series.iter().map(|point| point.0).max()?,
            series,
            end,
            gas: of(is::GAS),
            bytes,
            memory,
        })
    }

    /// For people: "folding, K = 1".
    pub fn name(&self) -> String {
        let how = match self.method {
            Method::Folding => "folding and Spartan",
            Method::FoldingDecider => "folding and decider",
            Method::Groth16Batches => "Groth16 batches",
            Method::NovaIvc => "Nova IVC, no final proof",
            Method::PastaSteps => "Pasta",
            Method::Bn254Steps => "BN254",
        };
        format!("{how}, {} = {}", self.method.size_name(), self.size)
    }

    /// Seconds of the final proof.
    pub fn final_seconds(&self) -> f64 {
        self.end
    }

    fn is_batched(&self) -> bool {
        self.method == Method::Groth16Batches
    }

    /// Proofs of a poll: a batch each, or one for all.
    pub fn proofs(&self, messages: u64) -> u64 {
        match self.is_batched() {
            true => messages.div_ceil(self.size as u64),
            false => 1,
        }
    }

    /// Messages that are paid for: whole steps, whole batches.
    fn filled(&self, messages: u64) -> u64 {
        messages.div_ceil(self.size as u64) * self.size as u64
    }

    /// Messages that the last batch or step has room for.
    pub fn padding(&self, messages: u64) -> u64 {
        self.filled(messages) - messages
    }

    fn most_measured(&self) -> u64 {
        self.series.iter().map(|point| point.0).max().unwrap_or(0)
    }

    /// Seconds in all.
    pub fn seconds(&self, messages: u64) -> Value {
        let point = self.series.iter().find(|point| point.0 >= messages);
        match point {
            // A check point that is far beyond is no measurement of fewer.
            Some((measured, seconds)) if measured - messages < self.size as u64 => Value {
                value: seconds + self.end,
                extrapolated: false,
            },
            _ => Value {
                value: self.line.at(self.filled(messages)) + self.end,
                extrapolated: true,
            },
        }
    }

    /// Seconds of so many messages by the line alone, without the final proof.
    pub fn line_at(&self, messages: u64) -> f64 {
        self.line.at(messages)
    }

    /// Of a figure that comes once, or once a proof: a multiple of it is a count.
    fn counted(&self, each: Option<f64>, messages: u64) -> Option<Value> {
        Some(Value {
            value: each? * self.proofs(messages) as f64,
            extrapolated: messages > self.proven || self.proofs(messages) > 1,
        })
    }

    /// Gas in all, where there is a contract.
    pub fn gas(&self, messages: u64) -> Option<Value> {
        self.counted(self.gas, messages)
    }

    /// Bytes that are published; none of the library's IVC, whose proof is not final and holds the witness.
    pub fn bytes(&self, messages: u64) -> Option<Value> {
        self.counted(self.bytes, messages)
    }

    /// Peak of memory, which no way has grow with the poll.
    pub fn memory(&self, messages: u64) -> Option<Value> {
        Some(Value {
            value: self.memory?,
            extrapolated: messages > self.proven,
        })
    }

    /// US dollars a thousand votes, where there is a contract.
    pub fn dollars(&self, messages: u64, prices: &Prices) -> Option<Value> {
        let (gas, seconds) = (self.gas(messages)?, self.seconds(messages));
        let all = prices.of_gas(gas.value) + prices.of_seconds(seconds.value);
        Some(Value {
            value: all * 1_000.0 / messages as f64,
            extrapolated: gas.extrapolated || seconds.extrapolated,
        })
    }
}

/// The check points of this way's folding.
fn check_points(measured: &Measurement, all: &[Measurement]) -> Vec<(u64, f64)> {
    let this = &measured.configuration;
    let mut points: Vec<(u64, f64)> = all
        .iter()
        .filter(|other| {
            let other = &other.configuration;
            matches!(other.work, Work::CheckPoint { .. })
                && (other.size(), other.threads) == (this.size(), this.threads)
        })
        .flat_map(|other| other.series.iter().copied())
        .collect();
    points.sort_by_key(|point| point.0);
    points
}

/// What things cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prices {
    /// Gwei for a unit of gas.
    pub gas: f64,
    /// US dollars for an ether.
    pub ether: f64,
    /// US dollars for an hour of the machine.
    pub machine: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Prices {
            gas: 1.0,
            ether: 3_000.0,
            machine: 0.1,
        }
    }
}

impl Prices {
    /// US dollars for so much gas.
    pub fn of_gas(&self, gas: f64) -> f64 {
        gas * self.gas * 1e-9 * self.ether
    }

    /// US dollars for so many seconds of the machine.
    pub fn of_seconds(&self, seconds: f64) -> f64 {
        seconds / 3_600.0 * self.machine
    }
}

/// Where one way becomes cheaper than another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Crossover {
    /// Of what.
    pub quantity: String,
    /// The way that is cheaper from there on.
    pub from_here: String,
    /// Than this one.
    pub than: String,
    /// From so many messages up to [`MOST_COMPARED`]; none where it is not so at [`MOST_COMPARED`].
    pub messages: Option<u64>,
    /// Whether the first of them is beyond what was measured. The last of them always is.
    pub extrapolated: bool,
}

/// All results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// What was measured.
    pub plan: Plan,
    /// When, as a date.
    pub date: String,
    /// What dollars are made of.
    pub prices: Prices,
    /// The measurements.
    pub measurements: Vec<Measurement>,
    /// Every figure, those of polls of N messages included.
    pub rows: Vec<Row>,
    /// Where folding becomes cheaper.
    pub crossovers: Vec<Crossover>,
}

impl Results {
    /// Of a plan's measurements.
    pub fn new(plan: &Plan, date: String, prices: Prices, measurements: &[Measurement]) -> Self {
        let mut results = Results {
            plan: plan.clone(),
            date,
            prices,
            measurements: measurements.to_vec(),
            rows: measurements.iter().flat_map(measured_rows).collect(),
            crossovers: Vec::new(),
        };
        let ways = results.ways();
        for way in &ways {
            let polls = plan.messages.iter();
            results
                .rows
                .extend(polls.flat_map(|n| poll_rows(way, *n, &prices)));
        }
        results.crossovers = crossovers(&results.main_ways());
        results
    }

    /// What the plan has and was not measured.
    pub fn missing(&self) -> Vec<Configuration> {
        let mut all = self.plan.configurations();
        all.retain(|one| {
            !self
                .measurements
                .iter()
                .any(|measured| measured.configuration == *one)
        });
        all
    }

    /// The ways that were measured.
    pub fn ways(&self) -> Vec<Way> {
        let all = &self.measurements;
        all.iter().filter_map(|one| Way::new(one, all)).collect()
    }

    /// Those with the first number of threads, which plots show.
    pub fn main_ways(&self) -> Vec<Way> {
        let threads = self.plan.threads[0];
        let mut ways = self.ways();
        ways.retain(|way| way.threads == threads);
        ways
    }
}

fn measured_rows(measured: &Measurement) -> Vec<Row> {
    let configuration = &measured.configuration;
    let messages = match configuration.work {
        Work::CheckPoint { .. } => Some(configuration.messages as u64),
        _ => None,
    };
    let row = |figure: &crate::configuration::Figure| Row {
        method: configuration.method(),
        size: configuration.size(),
        threads: configuration.threads,
        state_depth: configuration.state_depth,
        vote_depth: configuration.vote_depth,
        messages,
        quantity: figure.quantity.clone(),
        unit: figure.unit.clone(),
        value: figure.sample.median,
        spread: Some(figure.sample.spread),
        runs: Some(figure.sample.runs),
        extrapolated: false,
    };
    measured.figures.iter().map(row).collect()
}

fn poll_rows(way: &Way, messages: u64, prices: &Prices) -> Vec<Row> {
    let counted = |value: u64| {
        Some(Value {
            value: value as f64,
            extrapolated: messages > way.most_measured(),
        })
    };
    let values = [
        (is::TOTAL_SECONDS, Some(way.seconds(messages))),
        (is::TOTAL_GAS, way.gas(messages)),
        (is::TOTAL_BYTES, way.bytes(messages)),
        (is::TOTAL_MEMORY, way.memory(messages)),
        (is::PROOFS, counted(way.proofs(messages))),
        (is::PADDING, counted(way.padding(messages))),
        (is::DOLLARS, way.dollars(messages, prices)),
    ];
    let row = |((quantity, unit), value): (Quantity, Option<Value>)| {
        let Value {
            value,
            extrapolated,
        } = value?;
        Some(Row {
            method: way.method,
            size: way.size,
            threads: way.threads,
            state_depth: way.depths.0,
            vote_depth: way.depths.1,
            messages: Some(messages),
            quantity: quantity.into(),
            unit: unit.into(),
            value,
            spread: None,
            runs: None,
            extrapolated,
        })
    };
    values.into_iter().filter_map(row).collect()
}

/// What crossovers are looked for of.
pub const CROSSING: [Quantity; 3] = [is::TOTAL_SECONDS, is::TOTAL_GAS, is::TOTAL_BYTES];

type Of = fn(&Way, u64) -> Option<Value>;

/// Each folding against each size of batches.
fn crossovers(ways: &[Way]) -> Vec<Crossover> {
    let folded = ways
        .iter()
        .filter(|way| matches!(way.method, Method::Folding | Method::FoldingDecider));
    let quantities: [Of; 3] = [|way, n| Some(way.seconds(n)), Way::gas, Way::bytes];
    let mut found = Vec::new();
    for way in folded {
        for batches in ways.iter().filter(|way| way.is_batched()) {
            for ((quantity, _), of) in CROSSING.into_iter().zip(quantities) {
                if of(way, 1).is_some() && of(batches, 1).is_some() {
                    found.push(crossover(quantity, of, way, batches));
                }
            }
        }
    }
    found
}

/// The fewest messages from which on a way is cheaper for any poll up to the largest compared.
fn crossover(quantity: &str, of: Of, way: &Way, than: &Way) -> Crossover {
    let value = |way: &Way, n| of(way, n).map_or(0.0, |value| value.value);
    let last_dearer = (1..=MOST_COMPARED)
        .rev()
        .find(|n| value(way, *n) >= value(than, *n));
    let messages = match last_dearer {
        Some(MOST_COMPARED) => None,
        Some(last) => Some(last + 1),
        None => Some(1),
    };
    let at = messages.unwrap_or(MOST_COMPARED);
    let beyond = |way: &Way| of(way, at).is_some_and(|value| value.extrapolated);
    Crossover {
        quantity: quantity.into(),
        from_here: way.name(),
        than: than.name(),
        messages,
        extrapolated: beyond(way) || beyond(than),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_points() {
        let line = Line::fit(&[(1, 3.0), (2, 5.0), (3, 7.0)]).expect("points");
        // (1 * 3 + 2 * 5 + 3 * 7) / (1 + 4 + 9).
        assert!((line.slope - 34.0 / 14.0).abs() < 1e-9);
        assert_eq!(Line::fit(&[(4, 2.0)]).expect("a point").at(8), 4.0);
        assert_eq!(Line::fit(&[]), None);
    }

    fn way(method: Method, size: usize, each: f64, end: f64, gas: f64) -> Way {
        let slope = each / size as f64;
        Way {
            method,
            size,
            threads: 1,
            depths: (1, 1),
            line: Line { slope },
            series: vec![(size as u64, each)],
            proven: size as u64,
            end,
            gas: Some(gas),
            bytes: Some(32.0),
            memory: Some(1.0),
        }
    }

    #[test]
    fn batches_are_whole_and_what_is_beyond_is_marked() {
        let batches = way(Method::Groth16Batches, 5, 2.0, 0.0, 100.0);
        assert_eq!((batches.proofs(11), batches.padding(11)), (3, 4));
        let seconds = batches.seconds(11);
        assert!((seconds.value - 6.0).abs() < 1e-9 && seconds.extrapolated);
        assert_eq!(
            batches.seconds(3),
            Value {
                value: 2.0,
                extrapolated: false
            }
        );
        assert_eq!(batches.gas(11).expect("gas").value, 300.0);
    }

    /// 10 s and 0.1 s a message against 0.5 s a batch of one: 25 messages are as dear, 26 cheaper.
    #[test]
    fn a_crossover_is_where_it_stays_cheaper() {
        let folding = way(Method::FoldingDecider, 1, 0.1, 10.0, 450.0);
        let batches = way(Method::Groth16Batches, 1, 0.5, 0.0, 200.0);
        let found = crossovers(&[folding.clone(), batches]);
        let of = |name: &str| {
            let one = found
                .iter()
                .find(|one| one.quantity == name)
                .expect("compared");
            one.messages.expect("it crosses")
        };
        assert!((25..=26).contains(&of("total time")));
        assert_eq!(of("total gas"), 3);
        let never = way(Method::Groth16Batches, 1, 0.05, 0.0, 0.0);
        assert!(crossovers(&[folding, never])
            .iter()
            .any(|one| one.messages.is_none()));
    }
}
