//! `ceremony`: keys that nobody's machine made.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::SystemTime;

use maci_nova_ceremony::contribute::{contribute, end_with, Receipt};
use maci_nova_ceremony::drand::Round;
use maci_nova_ceremony::file::{begin, CeremonyFile};
use maci_nova_ceremony::record::Kind;
use maci_nova_ceremony::{verify, Beacon, Record};
use maci_nova_chain::clock::duration;
use maci_nova_contracts::alloy_primitives::{Bytes, B256};
use maci_nova_coordinator::prove::ceremony::Subject;
use maci_nova_files::{create_atomically, Readers};
use maci_nova_groth16::KeyCache;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::arguments::ceremony::{self as arguments, CeremonyCommand};
use crate::console::Console;
use crate::failure::Failure;
use crate::output::Output;

/// The logarithm of the number of hashes of a beacon in whose value somebody may have a hand.
const ITERATIONS: u8 = 20;

/// Runs the command.
pub fn run(command: &CeremonyCommand, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    match command {
        CeremonyCommand::New(arguments) => new(arguments, console),
        CeremonyCommand::Contribute(arguments) => next(arguments, console),
        CeremonyCommand::Beacon(arguments) => end(arguments, console),
        CeremonyCommand::Verify(arguments) => check(arguments, console),
        CeremonyCommand::Finish(arguments) => make_keys(arguments, console),
        CeremonyCommand::Export(arguments) => export(arguments, console),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    file: String,
    circuits: Vec<CircuitLine>,
    beacon: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CircuitLine {
    name: String,
    circuit: B256,
    powers_of_tau: B256,
}

fn circuits(file: &CeremonyFile) -> Vec<CircuitLine> {
    let circuits = file.description().circuits.iter();
    circuits
        .map(|circuit| CircuitLine {
            name: circuit.name.clone(),
            circuit: circuit.circuit.into(),
            powers_of_tau: circuit.powers_of_tau.into(),
        })
        .collect()
}

impl CircuitLine {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}: circuit {}", self.name, self.circuit)?;
        writeln!(out, "{}: powers of tau {}", self.name, self.powers_of_tau)
    }
}

impl Output for Begun {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.file)?;
        for circuit in &self.circuits {
            circuit.write(out)?;
        }
        writeln!(out, "beacon: {}", self.beacon)
    }
}

fn new(arguments: &arguments::New, console: &Console) -> Result<(), Failure> {
    let announcement = announcement(arguments)?;
    let subject = Subject::new(arguments.sizes.shape()?, &arguments.ptau, console)?;
    begin(
        &arguments.out,
        &subject.description(),
        &subject.circuits(),
        &announcement,
        console,
    )?;
    console.print(&Begun {
        file: arguments.out.display().to_string(),
        circuits: circuits(&CeremonyFile::open(&arguments.out)?),
        beacon: announcement,
    })
}

/// What is announced: a round that nobody knows yet, or what somebody says in words.
fn announcement(arguments: &arguments::New) -> Result<String, Failure> {
    let Some(number) = arguments.drand_round else {
        return Ok(arguments.beacon.clone().unwrap_or_default());
    };
    let unknown = || Failure::Usage(format!("drand has no round {number} that a clock shows"));
    let round = Round::new(number).ok_or_else(unknown)?;
    match seconds_until(&round) {
        left if left <= 0 => Err(Failure::Usage(format!(
            "{round} was published {} ago: name one that is published after the last contribution",
            duration(-left as f64)
        ))),
        _ => Ok(round.to_string()),
    }
}

/// As this machine's clock has it.
fn seconds_until(round: &Round) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    round.time() as i64 - now.map_or(0, |now| now.as_secs() as i64)
}

/// A contribution is worth nothing to those who know the beacon already.
fn warn_of_beacon(announced: &str, console: &Console) {
    let Ok(round) = announced.parse::<Round>() else {
        return;
    };
    let left = seconds_until(&round);
    if left <= 0 {
        console.warn(format!(
            "{round}, which ends this ceremony, was published {} ago: contributions after it do not make the keys any safer, and nobody can tell them from earlier ones. Begin another ceremony, with a later round",
            duration(-left as f64)
        ));
    } else {
        console.note(format!(
            "{round} ends this ceremony, in {}",
            duration(left as f64)
        ));
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Contributed {
    file: String,
    number: usize,
    name: String,
    transcript: B256,
}

impl Output for Contributed {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Contributed {
            number,
            name,
            transcript,
            ..
        } = self;
        writeln!(out, "contribution {number} of {name}: {transcript}")
    }
}

fn print(receipt: &Receipt, name: &str, file: &Path, console: &Console) -> Result<(), Failure> {
    console.print(&Contributed {
        file: file.display().to_string(),
        number: receipt.number,
        name: name.into(),
        transcript: receipt.transcript.into(),
    })
}

fn next(arguments: &arguments::Contribute, console: &Console) -> Result<(), Failure> {
    let entropy = match &arguments.entropy_file {
        None => Zeroizing::new(Vec::new()),
        Some(path) => Zeroizing::new(std::fs::read(path).map_err(|source| Failure::Io {
            action: "read",
            path: path.clone(),
            source,
        })?),
    };
    let arguments::Contribute {
        from,
        out,
        name,
        ptau,
        ..
    } = arguments;
    let file = CeremonyFile::open(from)?;
    warn_of_beacon(&file.description().beacon, console);
    let subject = Subject::of_file(&file, ptau, console)?;
    let receipt = contribute(from, out, &subject.circuits(), name, &entropy, console)?;
    console.note(format!("{} goes to the next contributor", out.display()));
    print(&receipt, name, out, console)
}

fn end(arguments: &arguments::Beacon, console: &Console) -> Result<(), Failure> {
    let round = Round::announced(&CeremonyFile::open(&arguments.from)?.description().beacon)?;
    let usual = if round.is_some() { 0 } else { ITERATIONS };
    let beacon = Beacon {
        value: arguments.value.to_vec(),
        iterations: arguments.iterations.unwrap_or(usual),
    };
    let receipt = end_with(&arguments.from, &arguments.out, beacon, console)?;
    console.note(format!(
        "{} is the last file: publish it, for everybody to verify",
        arguments.out.display()
    ));
    print(&receipt, "beacon", &arguments.out, console)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    file: String,
    circuit: B256,
}

impl Output for Exported {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}: circuit {}", self.file, self.circuit)
    }
}

fn export(arguments: &arguments::Export, console: &Console) -> Result<(), Failure> {
    let file = CeremonyFile::open(&arguments.ceremony.file)?;
    let subject = Subject::of_file(&file, &arguments.ceremony.ptau, console)?;
    let circuits = subject.circuits();
    let names: Vec<&str> = circuits.iter().map(|(circuit, _)| circuit.name).collect();
    let wanted = circuits
        .iter()
        .find(|(circuit, _)| circuit.name == arguments.circuit);
    let Some((circuit, _)) = wanted else {
        let names = names.join(" or ");
        return Err(Failure::Usage(format!(
            "a ceremony has no such circuit: give --circuit {names}"
        )));
    };
    let written = create_atomically(&arguments.out, Readers::Everybody, |file| {
        let mut writer = BufWriter::new(file);
        circuit.matrices.write(&mut writer)?;
        writer.flush()
    });
    written.map_err(|source| Failure::Io {
        action: "write",
        path: arguments.out.clone(),
        source,
    })?;
    console.print(&Exported {
        file: arguments.out.display().to_string(),
        circuit: circuit.matrices.digest().into(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    transcript: B256,
    /// Of a ceremony that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_digest: Option<B256>,
    subject: BTreeMap<String, u64>,
    circuits: Vec<CircuitLine>,
    contributions: Vec<Contributed>,
    announced: String,
    /// Whether everybody's program compares the beacon with what was announced, or people have to.
    is_beacon_checked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    beacon: Option<BeaconLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyLine>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BeaconLine {
    value: Bytes,
    iterations: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyLine {
    name: &'static str,
    digest: B256,
}

impl Output for Checked {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let subject = self.subject.iter();
        let subject: Vec<String> = subject
            .map(|(name, size)| format!("{name} {size}"))
            .collect();
        writeln!(out, "keys for {}", subject.join(", "))?;
        for line in &self.contributions {
            line.write(out)?;
        }
        let by_whom = match self.is_beacon_checked {
            true => "its signature is checked here",
            false => "NOT checked by any program: compare what was published with it",
        };
        writeln!(out, "beacon announced: {} ({by_whom})", self.announced)?;
        if let Some(BeaconLine { value, iterations }) = &self.beacon {
            writeln!(out, "beacon: {value}, hashed 2^{iterations} times")?;
        }
        for circuit in &self.circuits {
            circuit.write(out)?;
        }
        for key in &self.keys {
            writeln!(out, "{}: key {}", key.name, key.digest)?;
        }
        writeln!(out, "ceremony: {}", self.transcript)?;
        match self.key_digest {
            Some(digest) => writeln!(out, "key digest: {digest}"),
            None => writeln!(out, "not ended: its keys are not to be used"),
        }
    }
}

fn check(arguments: &arguments::Unfinished, console: &Console) -> Result<(), Failure> {
    let arguments::Unfinished {
        ceremony,
        unfinished,
    } = arguments;
    let file = CeremonyFile::open(&ceremony.file)?;
    let is_beacon = |record: &Record| record.kind != Kind::Contribution;
    if *unfinished && !file.records().last().is_some_and(is_beacon) {
        let subject = Subject::of_file(&file, &ceremony.ptau, console)?;
        verify::check(&file, &subject.circuits(), console)?;
        return console.print(&document(&file));
    }
    let subject = Subject::of_file(&file, &ceremony.ptau, console)?;
    let verified = verify::verify(&ceremony.file, &subject.circuits(), console)?;
    console.print(&Checked {
        key_digest: Some(subject.key_digest(&verified)?),
        ..document(verified.file())
    })
}

fn make_keys(arguments: &arguments::Verify, console: &Console) -> Result<(), Failure> {
    let file = CeremonyFile::open(&arguments.file)?;
    let subject = Subject::of_file(&file, &arguments.ptau, console)?;
    let verified = verify::verify(&arguments.file, &subject.circuits(), console)?;
    let keys = subject.finish(&verified, &KeyCache::of_user()?, console)?;
    let lines = keys.into_iter().map(|(name, digest)| KeyLine {
        name,
        digest: digest.into(),
    });
    console.print(&Checked {
        key_digest: Some(subject.key_digest(&verified)?),
        keys: lines.collect(),
        ..document(verified.file())
    })
}

fn document(file: &CeremonyFile) -> Checked {
    let (mut contributions, mut beacon) = (Vec::new(), None);
    for (i, record) in file.records().iter().enumerate() {
        match &record.kind {
            Kind::Beacon(Beacon { value, iterations }) => {
                beacon = Some(BeaconLine {
                    value: value.clone().into(),
                    iterations: *iterations,
                });
            }
            Kind::Contribution => contributions.push(Contributed {
                file: file.path().display().to_string(),
                number: i + 1,
                name: record.author.clone(),
                transcript: file.heads()[i + 1].transcript.into(),
            }),
        }
    }
    Checked {
        transcript: file.head().transcript.into(),
        key_digest: None,
        subject: file.description().subject.clone(),
        circuits: circuits(file),
        contributions,
        announced: file.description().beacon.clone(),
        is_beacon_checked: matches!(Round::announced(&file.description().beacon), Ok(Some(_))),
        beacon,
        keys: Vec::new(),
    }
}
