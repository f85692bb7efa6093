//! The folding engine beside the proving library's own IVC, at state tree depth 10 and vote option
//! tree depth 3: sizes, time and memory. Prints a table in Markdown to stdout, progress to stderr.
//!
//! ```text
//! cargo bench -p maci-nova-tests --bench engines [-- [--steps N] [K]...]
//! ```
//! measures N steps (8 if not given) with each number K of events a step (1, 2, 4 and 8). Each step
//! is folded by one engine and then by the other, so that noise of the machine hits both. Without
//! `--bench`, as `cargo test --benches` starts it, it takes one step with K = 1 to show that it
//! runs.

use std::env;
use std::process::{Command, ExitCode, Stdio};

use maci_nova_folding::{checkpoint, Parameters, RunningProof, SetupSource};
use maci_nova_protocol::poll::{Header, Mode, State, Transition};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit};
use maci_nova_tests::baseline;
use maci_nova_tests::hostile::{HostilePoll, Kind};
use maci_nova_tests::measure::{peak_bytes, timed};

const STATE_DEPTH: usize = 10;
const VOTE_DEPTH: usize = 3;
/// The numbers of events a step that are measured if none is given.
const EVENTS_PER_STEP: [usize; 4] = [1, 2, 4, 8];
/// Steps that are timed if no number is given.
const STEPS: usize = 8;
/// Steps that hold the blind event and the joins.
const JOINING: usize = 2;
/// Steps before those that are timed. The first ones fold instances that are zero or nearly, and a
/// step of the folding engine commits to the witness of the step before it: all that are timed
/// shall commit to witnesses of messages.
const WARM_UP: usize = JOINING + 1;
/// Steps after the warm-up in a process that only shows its peak of memory.
const PEAK_STEPS: usize = 2;
/// Asks a child process for its peak of memory; an engine's name and K follow.
const PEAK: &str = "--peak";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match Task::parse(&arguments) {
        Some(Task::Compare {
            steps,
            events_per_step,
        }) => compare(steps, &events_per_step),
        Some(Task::Peak {
            which,
            events_per_step,
        }) => show_peak(which, events_per_step),
        None => {
            eprintln!("arguments: [--steps N] [K]..., K from 1 to 16");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// What the process is started for.
enum Task {
    Compare {
        steps: usize,
        events_per_step: Vec<usize>,
    },
    Peak {
        which: Which,
        events_per_step: usize,
    },
}

impl Task {
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if let [PEAK, name, number] = words[..] {
            return Some(Task::Peak {
                which: Which::from_name(name)?,
                events_per_step: number.parse().ok()?,
            });
        }
        let given = words.len();
        words.retain(|word| *word != "--bench");
        let measuring = words.len() < given;
        let (mut steps, mut all) = if measuring {
            (STEPS, EVENTS_PER_STEP.to_vec())
        } else {
            (1, vec![1])
        };
        if let ["--steps", number, ..] = words[..] {
            steps = number.parse().ok().filter(|steps| *steps > 0)?;
            words.drain(..2);
        }
        if !words.is_empty() {
            let number = |word: &&str| word.parse().ok().filter(|k| shape(*k).validate().is_ok());
            all = words.iter().map(number).collect::<Option<_>>()?;
        }
        Some(Task::Compare {
            steps,
            events_per_step: all,
        })
    }
}

fn shape(events_per_step: usize) -> Shape {
    Shape {
        state_depth: STATE_DEPTH,
        vote_depth: VOTE_DEPTH,
        events_per_step,
    }
}

/// One of the two that are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Library,
    Folding,
}

impl Which {
    const BOTH: [Which; 2] = [Which::Library, Which::Folding];

    fn name(self) -> &'static str {
        match self {
            Which::Library => "library",
            Which::Folding => "maci-nova",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|which| which.name() == name)
    }

    fn begin(self, shape: Shape, header: &Header) -> Box<dyn Engine> {
        eprintln!(
            "K = {}: parameters of {}",
            shape.events_per_step,
            self.name()
        );
        match self {
            Which::Library => Box::new(Library::begin(shape, header)),
            Which::Folding => Box::new(Folding::begin(shape, header)),
        }
    }
}

/// Parameters, and the proof of the steps so far.
trait Engine {
    /// Constraints on BN254 and on Grumpkin.
    fn constraints(&self) -> (usize, usize);
    /// Proves one more step.
    fn fold(&mut self, circuit: &StepCircuit);
    /// The state proven.
    fn verify(&self) -> Vec<Fr>;
    /// Bytes of the proof with its witness.
    fn checkpoint_bytes(&self) -> u64;
}

struct Library {
    parameters: baseline::Parameters,
    z0: Vec<Fr>,
    steps: usize,
    proof: Option<baseline::RunningProof>,
}

impl Library {
    fn begin(shape: Shape, header: &Header) -> Self {
        Library {
            parameters: baseline::Parameters::setup(shape).expect("parameters"),
            z0: State::initial(header).to_array().to_vec(),
            steps: 0,
            proof: None,
        }
    }

    fn proof(&self) -> &baseline::RunningProof {
        self.proof.as_ref().expect("a step was folded")
    }
}

impl Engine for Library {
    fn constraints(&self) -> (usize, usize) {
        self.parameters.constraints()
    }

    fn fold(&mut self, circuit: &StepCircuit) {
        self.steps += 1;
        match &mut self.proof {
            None => {
                let first = baseline::RunningProof::first(&self.parameters, circuit);
                self.proof = Some(first.expect("proven"));
            }
            Some(proof) => proof.fold(&self.parameters, circuit).expect("folded"),
        }
    }

    fn verify(&self) -> Vec<Fr> {
        let state = self.proof().verify(&self.parameters, self.steps, &self.z0);
        state.expect("a true proof")
    }

    fn checkpoint_bytes(&self) -> u64 {
        self.proof().encoded_size().expect("encoded") as u64
    }
}

struct Folding {
    parameters: Parameters,
    proof: RunningProof,
}

impl Folding {
    fn begin(shape: Shape, header: &Header) -> Self {
        let parameters =
            Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
        let proof = RunningProof::new(&parameters, header).expect("begun");
        Folding { parameters, proof }
    }
}

impl Engine for Folding {
    fn constraints(&self) -> (usize, usize) {
        self.parameters.constraints()
    }

    fn fold(&mut self, circuit: &StepCircuit) {
        let folded = self.proof.fold(&self.parameters, circuit.clone());
        folded.expect("folded");
    }

    fn verify(&self) -> Vec<Fr> {
        let state = self.proof.verify(&self.parameters).expect("a true proof");
        state.to_array().to_vec()
    }

    fn checkpoint_bytes(&self) -> u64 {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("checkpoint");
        checkpoint::save(&path, &self.parameters, &self.proof, &[]).expect("saved");
        std::fs::metadata(&path).expect("metadata").len()
    }
}

/// Events for the warm-up and `steps` more steps.
struct Events {
    poll: HostilePoll,
    shape: Shape,
    transitions: Vec<Transition>,
}

impl Events {
    /// A blind event and joins in the first steps, then valid messages.
    fn new(shape: Shape, steps: usize) -> Self {
        let k = shape.events_per_step;
        let depths = (shape.state_depth, shape.vote_depth);
        let (mut poll, mut transitions) =
            HostilePoll::new(1, Mode::Quadratic, depths, JOINING * k - 1);
        let messages = poll.process(&vec![Kind::Valid; (WARM_UP - JOINING + steps) * k], 0);
        transitions.extend(messages.into_iter().map(|(_, transition)| transition));
        Events {
            poll,
            shape,
            transitions,
        }
    }

    /// The events of one step after another.
    fn steps(&self) -> impl Iterator<Item = &[Transition]> {
        self.transitions.chunks(self.shape.events_per_step)
    }

    fn prepare(&self, events: &[Transition]) -> StepCircuit {
        let (header, secret) = (self.poll.header(), self.poll.secret());
        StepCircuit::prepare(self.shape, header, secret, events.to_vec()).expect("a valid step")
    }

    fn last_state(&self) -> Vec<Fr> {
        let last = &self.transitions[self.transitions.len() - 1];
        last.after.to_array().to_vec()
    }
}

/// A row of the table.
struct Row {
    which: Which,
    events_per_step: usize,
    constraints: (usize, usize),
    step_seconds: f64,
    /// The median over all steps of this engine's time as a part of the library's for the same
    /// step.
    part_of_library: f64,
    preparing_seconds: f64,
    peak_bytes: Option<u64>,
    checkpoint_bytes: u64,
}

impl Row {
    fn print_head() {
        println!("| K | engine | constraints, BN254 | Grumpkin | s a step | s an event | of the library's time | s to prepare an event | peak of memory, MB | checkpoint, bytes |");
        println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    }

    fn print(&self) {
        let k = self.events_per_step;
        let peak = self.peak_bytes.map(|bytes| (bytes / 1_000_000).to_string());
        println!(
            "| {k} | {} | {} | {} | {:.3} | {:.3} | {:.2} | {:.4} | {} | {} |",
            self.which.name(),
            self.constraints.0,
            self.constraints.1,
            self.step_seconds,
            self.step_seconds / k as f64,
            self.part_of_library,
            self.preparing_seconds / k as f64,
            peak.as_deref().unwrap_or("not known"),
            self.checkpoint_bytes,
        );
    }
}

/// Measures everything and prints the table.
fn compare(steps: usize, events_per_step: &[usize]) {
    let rows: Vec<Row> = events_per_step
        .iter()
        .flat_map(|k| measure(*k, steps))
        .collect();
    Row::print_head();
    rows.iter().for_each(Row::print);
}

/// Folds the same steps with both engines, each step with one after the other.
fn measure(events_per_step: usize, steps: usize) -> [Row; 2] {
    let events = Events::new(shape(events_per_step), steps);
    let mut engines = Which::BOTH.map(|which| which.begin(events.shape, events.poll.header()));
    let mut preparing = Vec::new();
    let mut folding = Vec::new();
    for (i, step) in events.steps().enumerate() {
        let (circuit, prepared) = timed(|| events.prepare(step));
        let folded = engines
            .each_mut()
            .map(|engine| timed(|| engine.fold(&circuit)).1);
        eprintln!("K = {events_per_step}, step {i}: {folded:.3?} s");
        if i >= WARM_UP {
            preparing.push(prepared);
            folding.push(folded);
        }
    }
    let preparing = median(preparing);
    [0, 1].map(|i| {
        let (which, engine) = (Which::BOTH[i], &engines[i]);
        let seconds = folding.iter().map(|pair| pair[i]);
        let parts = folding.iter().map(|pair| pair[i] / pair[0]);
        // What was timed is a proof, and of the state machine's outcome.
        assert_eq!(engine.verify(), events.last_state(), "{}", which.name());
        Row {
            which,
            events_per_step,
            constraints: engine.constraints(),
            step_seconds: median(seconds.collect()),
            part_of_library: median(parts.collect()),
            preparing_seconds: preparing,
            peak_bytes: peak_of_child(which, events_per_step),
            checkpoint_bytes: engine.checkpoint_bytes(),
        }
    })
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    if seconds.len().is_multiple_of(2) {
        return (seconds[middle - 1] + seconds[middle]) / 2.0;
    }
    seconds[middle]
}

/// The peak of memory of a process that does nothing but make the parameters of one engine and
/// fold a few steps.
fn peak_of_child(which: Which, events_per_step: usize) -> Option<u64> {
    let output = Command::new(env::current_exe().expect("this program's path"))
        .args([PEAK, which.name(), &events_per_step.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("started");
    assert!(output.status.success(), "the process for the peak failed");
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// What that process does. It prints nothing where the system does not tell.
fn show_peak(which: Which, events_per_step: usize) {
    let events = Events::new(shape(events_per_step), PEAK_STEPS);
    let mut engine = which.begin(events.shape, events.poll.header());
    for step in events.steps() {
        engine.fold(&events.prepare(step));
    }
    if let Some(bytes) = peak_bytes() {
        println!("{bytes}");
    }
}
