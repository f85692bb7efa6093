//! The decider: sizes, keys, proving and gas. Prints two tables in Markdown to stdout, progress to
//! stderr.
//!
//! ```text
//! cargo bench -p maci-nova-tests --bench decider [-- S,V ...]
//! ```
//! measures polls with state tree depth S and vote option tree depth V, one event a step; (2,1),
//! (4,2) and (10,3) if none is given. Everything is measured in a process of its own, so that a
//! peak of memory is that of one thing: making keys, loading them, proving 10 messages. The first
//! shape also proves 1,000 messages, whose gas differs by the price of calldata bytes alone.
//! Without `--bench`, as `cargo test --benches` starts it, it measures (1,1) with 10 messages to
//! show that it runs.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Instant;

use maci_nova_compressor::decider::{self, circuit::Decider, DeciderStatement, Prover};
use maci_nova_coordinator::prove::dry_run::DryRun;
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_groth16::{KeyCache, KeyEvent, ProvingKey};
use maci_nova_protocol::poll::Mode;
use maci_nova_protocol::tally::OptionResult;
use maci_nova_step_circuit::{Shape, StepCircuit};
use maci_nova_tests::hostile::HostilePoll;
use maci_nova_tests::measure::{peak_bytes, timed};

/// Public inputs of the decider's circuit: c, e_v and e.
const PUBLICS: usize = 3;
/// State and vote option tree depths that are measured if none are given.
const DEPTHS: [(usize, usize); 3] = [(2, 1), (4, 2), (10, 3)];
/// Messages of each poll.
const MESSAGES: usize = 10;
/// Messages of one more poll of the first shape.
const MANY: usize = 1_000;
/// Asks a child process for a measurement: its name, S,V, the cache folder and messages follow.
const CHILD: &str = "--measure";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [CHILD, what, depths, folder, messages] => child(what, depths, folder, messages),
        _ => {
            let given = words.len();
            words.retain(|word| *word != "--bench");
            let measuring = words.len() < given;
            let all: Option<Vec<Depths>> = words.iter().map(|word| depths(word)).collect();
            all.map(|all| compare(all, measuring))
        }
    };
    match done {
        Some(()) => ExitCode::SUCCESS,
        None => {
            eprintln!("arguments: [S,V]...");
            ExitCode::from(2)
        }
    }
}

type Depths = (usize, usize);

fn depths(text: &str) -> Option<Depths> {
    let (state, vote) = text.split_once(',')?;
    let depths = (state.parse().ok()?, vote.parse().ok()?);
    Shape::new(depths.0, depths.1, 1).ok()?;
    Some(depths)
}

/// What a child process printed: a name and a number a line.
type Figures = BTreeMap<String, f64>;

/// Measures everything and prints the tables.
fn compare(mut all: Vec<Depths>, measuring: bool) {
    if all.is_empty() {
        all = if measuring {
            DEPTHS.to_vec()
        } else {
            vec![(1, 1)]
        };
    }
    let folder = tempfile::tempdir().expect("a directory");
    let rows: Vec<Figures> = all
        .iter()
        .map(|depths| measure(*depths, folder.path()))
        .collect();
    let many = measuring.then(|| ask("proof", all[0], folder.path(), MANY));
    print_sizes(&all, &rows);
    println!();
    print_gas(&all, &rows, many.as_ref());
}

fn measure(depths: Depths, folder: &Path) -> Figures {
    let mut figures = Figures::new();
    for what in ["keys", "loading", "proof"] {
        figures.extend(ask(what, depths, folder, MESSAGES));
    }
    figures
}

fn print_sizes(all: &[Depths], rows: &[Figures]) {
    println!("| depths | constraints | making keys, s | its peak, MB | key file, bytes | circuit, s | loading keys, s | proving, s | its peak, MB | verifying, s |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for ((state, vote), figures) in all.iter().zip(rows) {
        let megabytes = |name: &str| match figures.get(name) {
            Some(bytes) => format!("{:.0}", bytes / 1e6),
            None => "not known".into(),
        };
        println!(
            "| ({state}, {vote}) | {} | {:.1} | {} | {} | {:.2} | {:.2} | {:.1} | {} | {:.4} |",
            figures["constraints"],
            figures["making"],
            megabytes("keys peak"),
            figures["bytes"],
            figures["circuit"],
            figures["loading"],
            figures["proving"],
            megabytes("proof peak"),
            figures["verifying"],
        );
    }
}

fn print_gas(all: &[Depths], rows: &[Figures], many: Option<&Figures>) {
    println!("| options | messages | gas | of it for calldata | the rest |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    let rows = all.iter().zip(rows);
    for ((_, vote), figures) in rows.chain(many.map(|many| (&all[0], many))) {
        let (gas, calldata) = (figures["gas"], figures["calldata gas"]);
        let (options, messages) = (5_u64.pow(*vote as u32), figures["messages"]);
        println!(
            "| {options} | {messages} | {gas} | {calldata} | {} |",
            gas - calldata
        );
    }
}

/// Runs a measurement in a process of its own.
fn ask(what: &str, (state, vote): Depths, folder: &Path, messages: usize) -> Figures {
    eprintln!("({state}, {vote}): {what}, {messages} messages");
    let output = Command::new(env::current_exe().expect("this program's path"))
        .args([CHILD, what, &format!("{state},{vote}")])
        .arg(folder)
        .arg(messages.to_string())
        .stderr(Stdio::inherit())
        .output()
        .expect("started");
    assert!(output.status.success(), "the process for {what} failed");
    let text = String::from_utf8(output.stdout).expect("text");
    let figures = text.lines().filter_map(|line| line.rsplit_once(' '));
    figures
        .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
        .collect()
}

/// What that process does.
fn child(what: &str, text: &str, folder: &str, messages: &str) -> Option<()> {
    let shape = depths(text).and_then(|(state, vote)| Shape::new(state, vote, 1).ok())?;
    let parameters = Parameters::setup(shape, &SetupSource::InsecureDevelopment);
    let parameters = parameters.expect("parameters");
    let cache = KeyCache::new(folder.into());
    match what {
        "keys" => make_keys(&parameters, &cache),
        "loading" => load(&parameters, &cache),
        "proof" => prove(&parameters, &cache, messages.parse().ok()?),
        _ => return None,
    }
    if let Some(bytes) = peak_bytes() {
        println!("{what} peak {bytes}");
    }
    Some(())
}

fn prover(parameters: &Parameters, cache: &KeyCache) -> (Prover, Option<f64>) {
    let mut begun = None;
    let (engine, depth) = (
        Arc::clone(parameters.engine()),
        parameters.shape().vote_depth,
    );
    let prover = Prover::cached(engine, depth, cache, false, &mut |event| match event {
        KeyEvent::Making(_) => begun = Some(Instant::now()),
        event => panic!("{event:?}"),
    });
    let prover = prover.expect("keys");
    (prover, begun.map(|begun| begun.elapsed().as_secs_f64()))
}

fn make_keys(parameters: &Parameters, cache: &KeyCache) {
    let (prover, making) = prover(parameters, cache);
    println!("constraints {}", prover.constraints());
    println!("making {}", making.expect("there was no key"));
}

fn load(parameters: &Parameters, cache: &KeyCache) {
    let (engine, depth) = (
        Arc::clone(parameters.engine()),
        parameters.shape().vote_depth,
    );
    let ((matrices, digest), circuit) = timed(|| {
        let matrices = Decider::new(engine, depth).matrices().expect("recorded");
        let digest = matrices.digest();
        (matrices, digest)
    });
    let path = cache.path("decider", &digest);
    let (key, loading) =
        timed(|| ProvingKey::read(&path, &digest, &matrices, PUBLICS).expect("read"));
    assert_eq!(key.matrices_digest(), digest);
    println!("circuit {circuit}");
    println!("loading {loading}");
    println!("bytes {}", path.metadata().expect("metadata").len());
}

fn prove(parameters: &Parameters, cache: &KeyCache, messages: usize) {
    let (prover, making) = prover(parameters, cache);
    assert!(making.is_none(), "the keys are there");
    let shape = parameters.shape();
    let (running, mut results) = fold(parameters, messages);
    let ivc = running.engine_proof().expect("steps");
    // All options that there can be.
    let options = 5_usize.pow(shape.vote_depth as u32);
    results.resize(options, OptionResult::default());
    let mut verifier = DryRun::deploy(prover.verifying_key(), options, true).expect("deployed");
    let domain = verifier.domain();
    let (proof, proving) = timed(|| prover.prove(ivc, domain, &results).expect("proven"));
    let statement = DeciderStatement::new(ivc, domain, &results).expect("seven elements");
    let (result, verifying) = timed(|| decider::verify(verifier.key(), &statement, &proof));
    result.expect("a true proof");
    let accepted = verifier.verify(&statement, &proof).expect("accepted");
    println!("proving {proving}");
    println!("verifying {verifying}");
    println!("messages {messages}");
    println!("gas {}", accepted.gas);
    println!("calldata gas {}", accepted.calldata_gas());
}

/// A poll with valid votes, folded, and its results.
fn fold(parameters: &Parameters, messages: usize) -> (RunningProof, Vec<OptionResult>) {
    let shape = parameters.shape();
    let depths = (shape.state_depth, shape.vote_depth);
    let voters = messages.min(if depths.0 == 1 { 4 } else { 24 });
    let (mut poll, mut transitions) = HostilePoll::new(1, Mode::Quadratic, depths, voters);
    transitions.extend(poll.vote(messages));
    let mut running = RunningProof::new(parameters, poll.header()).expect("begun");
    for transition in transitions {
        let (header, secret) = (poll.header(), poll.secret());
        let step = StepCircuit::prepare(shape, header, secret, vec![transition]);
        running
            .fold(parameters, step.expect("prepared"))
            .expect("folded");
    }
    (running, poll.poll().results())
}
