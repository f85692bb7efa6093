//! `doctor`: what is missing on this machine for a poll in production.

use std::io::{self, Write};

use maci_nova_coordinator::readiness::{self, Finding, Plan, State};
use maci_nova_sdk::operator::deployment;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::ErrorKind;
use maci_nova_step_circuit::Shape;
use serde::Serialize;

use crate::arguments::operator::Doctor;
use crate::connection::connect;
use crate::console::Console;
use crate::failure::Failure;
use crate::findings::{lines, write_lines, Line};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    ready: bool,
    findings: Vec<Line>,
}

impl Output for Document {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_lines(&self.findings, out)
    }
}

/// Runs the command.
pub fn run(arguments: &Doctor, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let file = match &arguments.poll_file {
        Some(path) => Some(PollFile::read(path)?),
        None => None,
    };
    let (mut findings, of_file) = of_node(arguments, file.as_ref(), console)?;
    match plan(arguments, file.is_some(), of_file)? {
        Some(plan) => findings.extend(of_plan(&plan, arguments, file.as_ref(), console)),
        None => findings.extend(["keys", "time", "memory", "disk"].map(|name| Finding {
            name,
            state: State::Unknown,
            text: "the deployment's sizes are not known without its node".into(),
        })),
    }
    if console.interrupt.asked() {
        return Err(Failure::Interrupted("nothing is known"));
    }
    conclude(findings, console)
}

/// The poll to be ready for; none if a poll file is given whose node does not say what it is of.
fn plan(
    arguments: &Doctor,
    has_file: bool,
    of_file: Option<Deployed>,
) -> Result<Option<Plan>, Failure> {
    let (shape, settings) = match of_file {
        Some(deployed) => (deployed.shape, deployed.times),
        None if has_file => return Ok(None),
        None => (arguments.sizes.shape()?, None),
    };
    let times = settings.unwrap_or([
        arguments.proving.proving_time.seconds(),
        arguments.proving.proving_time_per_message.seconds(),
        arguments.proving.most_proving_time.seconds(),
    ]);
    let [base, each, most] = times;
    let more = arguments.messages.saturating_mul(each).min(most);
    Ok(Some(Plan {
        shape,
        voters: arguments.voters,
        messages: arguments.messages,
        proving_time: base.saturating_add(more),
    }))
}

fn of_plan(
    plan: &Plan,
    arguments: &Doctor,
    file: Option<&PollFile>,
    console: &Console,
) -> Vec<Finding> {
    let (ptau, policy) = (arguments.ptau.as_deref(), console.keys());
    let (mut findings, constraints) = readiness::of_keys(plan.shape, ptau, &policy, file, console);
    let (time, estimate) = readiness::of_time(plan, console);
    findings.push(time);
    findings.push(readiness::of_memory(constraints, estimate.as_ref()));
    findings.push(readiness::of_disk(plan, &arguments.out));
    findings
}

/// What a deployment tells of its polls.
struct Deployed {
    shape: Shape,
    /// Seconds for the proof, for each message, and at most for all messages, where there is a poll.
    times: Option<[u64; 3]>,
}

/// What a node says, and what it says of the deployment of a poll file.
fn of_node(
    arguments: &Doctor,
    file: Option<&PollFile>,
    console: &Console,
) -> Result<(Vec<Finding>, Option<Deployed>), Failure> {
    let url = arguments.endpoint.rpc_url.as_ref();
    let Some(url) = url.or(file.and_then(|file| file.rpc_url.as_ref())) else {
        let text = "none is named: give --rpc-url, or a poll file that names one";
        let finding = Finding {
            name: "node",
            state: State::Unknown,
            text: text.into(),
        };
        return Ok((vec![finding], None));
    };
    let chain_id = file.map(|file| file.chain_id);
    let chain = match connect(url, chain_id, None, None, console) {
        Ok(chain) => chain,
        Err(error) => {
            let finding = Finding {
                name: "node",
                state: State::Missing(error.kind()),
                text: error.to_string(),
            };
            return Ok((vec![finding], None));
        }
    };
    let findings = readiness::of_node(&chain, file, &console.keys());
    let Some(file) = file else {
        return Ok((findings, None));
    };
    let Ok(shape) = deployment::shape(&chain, file) else {
        return Ok((findings, None));
    };
    let sizes = [
        shape.state_tree_depth,
        shape.vote_option_tree_depth,
        shape.events_per_step,
    ];
    let [state, vote, events] = sizes.map(usize::from);
    let poll = file.poll.map(|poll| PollContract::open(&chain, file, poll));
    let settings = poll.and_then(Result::ok).map(|poll| poll.info.settings);
    let deployed = Deployed {
        shape: Shape::new(state, vote, events)?,
        times: settings.map(|settings| {
            let (each, most) = (settings.provingPerMessage, settings.provingMax);
            [settings.provingBase, each.into(), most.into()]
        }),
    };
    Ok((findings, Some(deployed)))
}

/// Everything that was found is printed; the exit code is that of the first thing that is missing.
fn conclude(findings: Vec<Finding>, console: &Console) -> Result<(), Failure> {
    let missing: Option<ErrorKind> = findings.iter().find_map(|finding| match finding.state {
        State::Missing(kind) => Some(kind),
        State::Ready | State::Unknown => None,
    });
    let count = |wanted: fn(&State) -> bool| {
        let states = findings.iter().map(|finding| &finding.state);
        states.filter(|state| wanted(state)).count()
    };
    let unknown = count(|state| *state == State::Unknown);
    let lacking = count(|state| matches!(state, State::Missing(_)));
    console.print(&Document {
        ready: missing.is_none() && unknown == 0,
        findings: lines(findings),
    })?;
    match missing {
        Some(kind) => Err(Failure::NotReady { kind, lacking }),
        None if unknown > 0 => Err(Failure::NotReady {
            kind: ErrorKind::Request,
            lacking: 0,
        }),
        None => Ok(()),
    }
}
