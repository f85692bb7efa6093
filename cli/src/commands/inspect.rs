//! `inspect`: what a poll's circuit is made of, and what proving will take.

use std::collections::BTreeMap;
use std::io::{self, Write};

use maci_nova_chain::clock::duration;
use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_coordinator::prove::cost::PollCost;
use maci_nova_coordinator::prove::estimate::{self, Estimate};
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
    let recorder = StepCircuit::blank(asked.shape).record(&[]).recorder;
    let total = recorder.total();
    let estimate = match asked.poll {
        None => None,
        Some((voters, messages)) => Some(estimate::of(asked.shape, voters, messages, console)?),
    };
    let inspection = Inspection {
        shape: ShapeDocument::new(&asked.shape),
        gadgets: gadgets(recorder.costs(1)),
        step_constraints: total.constraints,
        step_entries: total.entries,
        estimate,
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
        match &self.estimate {
            Some(estimate) => write_estimate(out, estimate),
            None => Ok(()),
        }
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
