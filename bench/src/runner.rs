//! Measures a plan's configurations, one after another.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use maci_nova_chain::{Observer, Stage};
use maci_nova_groth16::CACHE_VARIABLE;

use crate::configuration::{Configuration, Measurement, Work};
use crate::folder::Folder;
use crate::plan::Plan;
use crate::{batches, calibration, folding, library, Error};

/// Time between two looks at a process.
const TICK: Duration = Duration::from_millis(50);
/// Last lines of a process that failed.
const LAST_LINES: usize = 5;
/// How many threads the proving libraries take.
const THREADS: &str = "RAYON_NUM_THREADS";

/// How a configuration is measured.
pub trait Runner {
    /// Measures it; nothing when the observer asks to stop.
    ///
    /// # Errors
    /// [`Error::Child`], or those of the measurement.
    fn run(
        &self,
        configuration: &Configuration,
        observer: &dyn Observer,
    ) -> Result<Option<Measurement>, Error>;
}

/// Measures a configuration in this process, whose number of threads is the caller's to set.
///
/// # Errors
/// [`Error::Proof`], when something cannot be proven or verified.
pub fn measure(configuration: &Configuration) -> Result<Measurement, Error> {
    match configuration.work {
        Work::Folding { events_per_step } => folding::measure(configuration, events_per_step),
        Work::CheckPoint { events_per_step } => {
            folding::check_point(configuration, events_per_step)
        }
        Work::DeciderKey { events_per_step } => {
            folding::decider_key(configuration, events_per_step)
        }
        Work::Decider { events_per_step } => folding::decider(configuration, events_per_step),
        Work::Batch { size } => batches::measure(configuration, size),
        Work::Library { events_per_step } => library::measure(configuration, events_per_step),
        Work::Calibration { cycle, power } => calibration::measure(configuration, cycle, power),
    }
}

/// Measures in this process, with as many threads as it has. For tests: a peak of memory is then that of everything
/// before.
#[derive(Clone, Copy, Debug)]
pub struct Here;

impl Runner for Here {
    fn run(
        &self,
        configuration: &Configuration,
        observer: &dyn Observer,
    ) -> Result<Option<Measurement>, Error> {
        if observer.interrupted() {
            return Ok(None);
        }
        measure(configuration).map(Some)
    }
}

/// Measures each configuration in a process of its own: a program that is given these arguments and the configuration,
/// and prints what [`child`] returns as the last line of its output.
#[derive(Clone, Debug)]
pub struct Children {
    program: PathBuf,
    arguments: Vec<OsString>,
    keys: Option<PathBuf>,
}

/// What such a process does: the answer to its last argument.
///
/// # Errors
/// Those of the measurement; [`Error::Request`] when it is no configuration.
pub fn child(configuration: &str) -> Result<String, Error> {
    let configuration: Configuration = serde_json::from_str(configuration)
        .map_err(|error| Error::Request(format!("not a configuration: {error}")))?;
    // Whoever started this process holds its standard input open. When they are gone, killed even, nobody wants this
    // measurement any more, and it would disturb the next one.
    thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
    let measured = measure(&configuration)?;
    serde_json::to_string(&measured).map_err(Error::proof("a measurement's JSON"))
}

impl Children {
    /// Processes of this very program. The decider's keys are kept in that folder; without one, in the user's cache.
    ///
    /// # Errors
    /// [`Error::Io`] when the program's path is not known.
    pub fn of_this_program(arguments: &[&str], keys: Option<PathBuf>) -> Result<Self, Error> {
        let here = PathBuf::from("this program");
        let program = std::env::current_exe().map_err(Error::io("find", &here))?;
        // A process's own folder need not be this one's.
        let keys = keys.map(std::path::absolute).transpose();
        Ok(Children {
            program,
            arguments: arguments.iter().map(OsString::from).collect(),
            keys: keys.map_err(Error::io("find", &here))?,
        })
    }

    fn start(&self, configuration: &Configuration) -> Result<Running, Error> {
        let argument = serde_json::to_string(configuration).map_err(Error::proof("JSON"))?;
        let mut command = Command::new(&self.program);
        if let Some(keys) = &self.keys {
            command.env(CACHE_VARIABLE, keys);
        }
        let mut child = command
            .args(&self.arguments)
            .arg(argument)
            .env(THREADS, configuration.threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::io("start", &self.program))?;
        let output = child.stdout.take().map(reading);
        let said = child.stderr.take().map(reading);
        Ok(Running {
            child,
            output,
            said,
        })
    }
}

/// A process; it does not outlive this.
struct Running {
    child: Child,
    output: Option<JoinHandle<String>>,
    said: Option<JoinHandle<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or nobody waits for it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reading(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn all_of(reader: &mut Option<JoinHandle<String>>) -> String {
    reader
        .take()
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("; ")
}

impl Runner for Children {
    fn run(
        &self,
        configuration: &Configuration,
        observer: &dyn Observer,
    ) -> Result<Option<Measurement>, Error> {
        let mut running = self.start(configuration)?;
        let status = loop {
            if observer.interrupted() {
                return Ok(None);
            }
            match running
                .child
                .try_wait()
                .map_err(Error::io("wait for", &self.program))?
            {
                Some(status) => break status,
                None => thread::sleep(TICK),
            }
        };
        // Ctrl-C reaches the child too, and may do so first.
        thread::sleep(if status.success() {
            Duration::ZERO
        } else {
            TICK
        });
        if !status.success() && observer.interrupted() {
            return Ok(None);
        }
        let failed = |said: String| Error::Child {
            what: configuration.to_string(),
            said,
        };
        if !status.success() {
            let said = last_lines(&all_of(&mut running.said));
            return Err(failed(match said.is_empty() {
                true => status.to_string(),
                false => format!("{status}: {said}"),
            }));
        }
        let output = all_of(&mut running.output);
        let line = output.lines().next_back().unwrap_or_default();
        let measured: Measurement = serde_json::from_str(line)
            .map_err(|error| failed(format!("no measurement: {error}")))?;
        match measured.configuration == *configuration {
            true => Ok(Some(measured)),
            false => Err(failed("it measured something else".into())),
        }
    }
}

/// Measures what a plan has and its folder has not. Returns what failed: a process may be killed for its memory, and the
/// others are of use all the same.
///
/// # Errors
/// [`Error::Interrupted`] when the observer asks to stop; [`Error::Io`]. What is finished is kept.
pub fn run(
    plan: &Plan,
    folder: &mut Folder,
    runner: &dyn Runner,
    observer: &dyn Observer,
) -> Result<Vec<Error>, Error> {
    let all = plan.configurations();
    let mut failures = Vec::new();
    let work =
        |of: &mut dyn Iterator<Item = &Configuration>| of.map(Configuration::weight).sum::<u64>();
    let mut count = all.iter().filter(|one| folder.has(one)).count();
    let mut done = work(&mut all.iter().filter(|one| folder.has(one)));
    if count > 0 {
        observer.note(&format!(
            "resuming: {count} of {} measurements are there",
            all.len()
        ));
    }
    let mut stage = observer.begin(Stage::Counted {
        label: "measuring",
        unit: "s of work",
        done,
        total: work(&mut all.iter()),
    });
    for configuration in &all {
        if folder.has(configuration) {
            continue;
        }
        observer.note(&format!("{} of {}: {configuration}", count + 1, all.len()));
        let begun = Instant::now();
        match runner.run(configuration, observer) {
            Ok(Some(measured)) => folder.keep(Measurement {
                took: begun.elapsed().as_secs_f64(),
                ..measured
            })?,
            Err(failure @ (Error::Child { .. } | Error::Proof { .. })) => {
                observer.warn(&failure.to_string());
                failures.push(failure);
            }
            Err(other) => return Err(other),
            Ok(None) => {
                return Err(Error::Interrupted {
                    done: count,
                    total: all.len(),
                    path: folder.path().to_owned(),
                })
            }
        }
        count += 1;
        done += configuration.weight();
        stage.at(done);
    }
    Ok(failures)
}
