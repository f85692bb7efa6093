//! `inspect`: what a poll's circuit is made of, and what proving will take.

use std::collections::BTreeMap;
use std::io::{self, Write};

use maci_nova_bench::model::Prices;
use maci_nova_chain::clock::duration;
use maci_nova_chain::words::count;
use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_coordinator::machine::Machine;
use maci_nova_coordinator::prove::cost::{PollCost, Rows};
use maci_nova_coordinator::prove::estimate::{self, Estimate};
use maci_nova_coordinator::segments::cost::{
    best, best_on, best_segments, Load, SegmentsCost, CORES_PER_WORKER,
};
use maci_nova_step_circuit::recorder::Cost;
use maci_nova_step_circuit::{Shape, StepCircuit};
use serde::Serialize;

use crate::arguments::coordinator::Inspect;
use crate::console::Console;
use crate::failure::Failure;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspection {
    shape: ShapeDocument,
    gadgets: Vec<Gadget>,
    step_constraints: usize,
    step_entries: usize,
    estimate: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<WorkersDocument>,
}

/// The count in segments, on several machines.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkersDocument {
    /// Events in a step and segments as they are worth most.
    best: Priced,
    /// With the events in a step that were asked for: the best numbers of segments for fewer and for more workers.
    choices: Vec<Priced>,
    this_machine: MachineDocument,
    gas_price_gwei: f64,
    ether_price_dollars: f64,
    machine_price_dollars: f64,
}

/// What workers this machine has room for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MachineDocument {
    cores: usize,
    free_bytes: u64,
    /// With as many workers as it has cores and memory for; none if that is not even one.
    best: Option<Priced>,
}

/// What it takes, and what that costs.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Priced {
    #[serde(flatten)]
    cost: SegmentsCost,
    /// Of the machines, and of the gas.
    dollars: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShapeDocument {
    state_depth: usize,
    vote_depth: usize,
    events_per_step: usize,
    most_voters: u64,
    most_options: u64,
}

#[derive(Debug, Serialize)]
struct Gadget {
    name: String,
    constraints: usize,
    entries: usize,
}

/// The sizes asked for.
struct Asked {
    shape: Shape,
    /// Voters and messages to estimate for.
    poll: Option<(u64, u64)>,
}

/// Runs the command.
pub fn run(arguments: &Inspect, console: &Console) -> Result<(), Failure> {
    let asked = asked(arguments)?;
    let prices = arguments.prices.prices();
    let prices = prices.map_err(|text| Failure::Usage(text.into()))?;
    let recorder = StepCircuit::blank(asked.shape).record(&[]).recorder;
    let total = recorder.total();
    let estimate = match asked.poll {
        None => None,
        Some((voters, messages)) => Some(estimate::of(asked.shape, voters, messages, console)?),
    };
    let workers = match (arguments.workers, &estimate) {
        (None, _) => None,
        (Some(workers), Some(estimate)) => Some(WorkersDocument::new(
            &asked.shape,
            estimate,
            workers,
            &prices,
        )),
        (Some(_), None) => {
            let text = "--workers needs --messages N (and --voters N), or --log FILE";
            return Err(Failure::Usage(text.into()));
        }
    };
    let inspection = Inspection {
        shape: ShapeDocument::new(&asked.shape),
        gadgets: gadgets(recorder.costs(1)),
        step_constraints: total.constraints,
        step_entries: total.entries,
        estimate,
        workers,
    };
    console.show(&inspection, |out| inspection.write(out))
}

fn asked(arguments: &Inspect) -> Result<Asked, Failure> {
    let k = arguments.events_per_step;
    if let Some(path) = &arguments.log {
        let log = PollLog::open(path)?;
        let header = log.header();
        return Ok(Asked {
            shape: Shape::new(header.state_tree_depth, header.vote_option_tree_depth, k)?,
            poll: Some((log.voters(), log.messages())),
        });
    }
    let (Some(state_depth), Some(vote_depth)) = (arguments.state_depth, arguments.vote_depth)
    else {
        let text = "inspect needs --log FILE, or --state-depth S and --vote-depth V";
        return Err(Failure::Usage(text.into()));
    };
    let asks = arguments.messages.is_some() || arguments.voters.is_some();
    let poll = (
        arguments.voters.unwrap_or(0),
        arguments.messages.unwrap_or(0),
    );
    Ok(Asked {
        shape: Shape::new(state_depth, vote_depth, k)?,
        poll: asks.then_some(poll),
    })
}

/// The dearest first.
fn gadgets(costs: BTreeMap<String, Cost>) -> Vec<Gadget> {
    let mut gadgets: Vec<Gadget> = costs
        .into_iter()
        .map(|(name, cost)| Gadget {
            name,
            constraints: cost.constraints,
            entries: cost.entries,
        })
        .collect();
    gadgets.sort_by_key(|gadget| std::cmp::Reverse(gadget.constraints));
    gadgets
}

impl ShapeDocument {
    fn new(shape: &Shape) -> Self {
        let capacity = |depth: usize| 5u64.pow(depth as u32);
        ShapeDocument {
            state_depth: shape.state_depth,
            vote_depth: shape.vote_depth,
            events_per_step: shape.events_per_step,
            most_voters: capacity(shape.state_depth) - 1,
            most_options: capacity(shape.vote_depth),
        }
    }
}

impl Inspection {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let shape = &self.shape;
        writeln!(
            out,
            "state tree depth {}: up to {} voters",
            shape.state_depth, shape.most_voters
        )?;
        writeln!(
            out,
            "vote option tree depth {}: up to {} options",
            shape.vote_depth, shape.most_options
        )?;
        writeln!(out, "events in a step: {}\n", shape.events_per_step)?;
        writeln!(
            out,
            "{:<20}{:>14}{:>16}",
            "gadget", "constraints", "entries"
        )?;
        for gadget in &self.gadgets {
            let Gadget {
                name,
                constraints,
                entries,
            } = gadget;
            writeln!(out, "{name:<20}{constraints:>14}{entries:>16}")?;
        }
        let (constraints, entries) = (self.step_constraints, self.step_entries);
        writeln!(out, "{:<20}{constraints:>14}{entries:>16}", "one step")?;
        if let Some(estimate) = &self.estimate {
            write_estimate(out, estimate)?;
        }
        match &self.workers {
            Some(workers) => workers.write(out),
            None => Ok(()),
        }
    }
}

impl WorkersDocument {
    fn new(shape: &Shape, estimate: &Estimate, workers: u32, prices: &Prices) -> Self {
        let rows = Rows::count(shape.state_depth, shape.vote_depth);
        let load = |workers| Load {
            events: estimate.voters.saturating_add(estimate.messages),
            workers,
            pace: estimate.pace,
        };
        let priced = |cost: SegmentsCost| {
            // The driver's machine, as long as it takes; and each worker's, as long as it works.
            Priced {
                cost,
                dollars: prices.of_seconds(cost.seconds + cost.worker_seconds)
                    + prices.of_gas(cost.gas as f64),
            }
        };
        let mut numbers = vec![
            1,
            workers / 4,
            workers / 2,
            workers,
            workers.saturating_mul(2),
        ];
        numbers.retain(|workers| *workers > 0);
        numbers.dedup();
        let choices = numbers.into_iter().map(load);
        let machine = Machine::this();
        WorkersDocument {
            best: priced(best(&rows, &load(workers))),
            choices: choices
                .map(|load| priced(best_segments(&rows, shape.events_per_step, &load)))
                .collect(),
            this_machine: MachineDocument {
                cores: machine.cores,
                free_bytes: machine.free_bytes,
                best: best_on(&rows, &load(1), &machine).map(|cost| Priced {
                    cost,
                    dollars: prices.of_seconds(cost.seconds) + prices.of_gas(cost.gas as f64),
                }),
            },
            gas_price_gwei: prices.gas,
            ether_price_dollars: prices.ether,
            machine_price_dollars: prices.machine,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "\n{:>8}{:>10}{:>8}{:>16}{:>12}{:>12}{:>14}{:>14}{:>10}",
            "workers",
            "segments",
            "events",
            "end to proof",
            "worker MB",
            "job MB",
            "store GB",
            "gas",
            "dollars"
        )?;
        for priced in &self.choices {
            priced.write(out)?;
        }
        let SegmentsCost {
            workers,
            segments,
            events_per_step,
            deciding_seconds,
            ..
        } = self.best.cost;
        writeln!(
            out,
            "with {} in a step as many as are worth it:",
            count(events_per_step as u64, "event")
        )?;
        self.best.write(out)?;
        writeln!(
            out,
            "advice: {} for {}; deciding all messages, on the coordinator's machine, takes {}",
            count(segments.into(), "segment"),
            count(workers.into(), "worker"),
            duration(deciding_seconds),
        )?;
        self.this_machine.write(out)?;
        writeln!(
            out,
            "(machines like this one at {} dollars an hour; gas at {} gwei and {} dollars for an ether, without that of results)",
            self.machine_price_dollars, self.gas_price_gwei, self.ether_price_dollars
        )
    }
}

impl MachineDocument {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (cores, megabytes) = (self.cores as u64, self.free_bytes / 1_000_000);
        let cores = count(cores, "core");
        let Some(best) = &self.best else {
            return writeln!(
                out,
                "this machine ({cores}, {megabytes} MB free) has no memory for a worker"
            );
        };
        let workers = count(best.cost.workers.into(), "worker");
        let threads = self.cores.min(CORES_PER_WORKER);
        writeln!(
            out,
            "this machine ({cores}, {megabytes} MB free) has room for {workers}, with --threads {threads}:"
        )?;
        best.write(out)
    }
}

impl Priced {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let cost = &self.cost;
        writeln!(
            out,
            "{:>8}{:>10}{:>8}{:>16}{:>12}{:>12}{:>14.1}{:>14}{:>10.2}",
            cost.workers,
            cost.segments,
            cost.events_per_step,
            duration(cost.seconds),
            cost.worker_bytes / 1_000_000,
            cost.job_bytes / 1_000_000,
            cost.store_bytes as f64 / 1e9,
            cost.gas,
            self.dollars
        )
    }
}

fn write_estimate(out: &mut dyn Write, estimate: &Estimate) -> io::Result<()> {
    writeln!(
        out,
        "\nproving {} voters and {} messages: {} steps of {:.3} s, about {} and {} MB of memory",
        estimate.voters,
        estimate.messages,
        estimate.steps,
        estimate.seconds_per_step,
        duration(estimate.seconds),
        estimate.memory_bytes / 1_000_000,
    )?;
    writeln!(
        out,
        "finalize, with the proof that a contract takes: about {} and {} MB; its keys are made once, from powers of tau 2^{}",
        duration(estimate.finalize.seconds),
        estimate.finalize.memory_bytes / 1_000_000,
        estimate.finalize.powers,
    )?;
    writeln!(out, "({})\n", estimate.basis)?;
    write_choices(out, &estimate.choices)?;
    writeln!(
        out,
        "advice for so many: --events-per-step {}, which ceremony, deploy and doctor choose with --expected-events {}",
        estimate.best_events_per_step,
        estimate.voters.saturating_add(estimate.messages),
    )
}

/// What `finalize` takes, by the events in a step.
fn write_choices(out: &mut dyn Write, choices: &[PollCost]) -> io::Result<()> {
    writeln!(
        out,
        "{:<20}{:>14}{:>16}{:>12}{:>16}",
        "events in a step", "rows", "finalize", "MB", "powers of tau"
    )?;
    for choice in choices {
        let (seconds, powers) = (duration(choice.seconds), format!("2^{}", choice.powers));
        writeln!(
            out,
            "{:<20}{:>14}{:>16}{:>12}{:>16}",
            choice.events_per_step,
            choice.rows,
            seconds,
            choice.memory_bytes / 1_000_000,
            powers
        )?;
    }
    Ok(())
}
