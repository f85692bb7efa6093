//! The folder of a bench: its plan, and what has been measured so far.
//!
//! `plan.json` says whose measurements they are; `measurements.jsonl` has one a line, each written whole and synced
//! before the next begins. A last line without its end is of a process that was killed while it wrote, and is cut off.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt;
use maci_nova_files::{write_atomically, Readers};

use crate::configuration::{Configuration, Measurement};
use crate::plan::Plan;
use crate::Error;

const PLAN: &str = "plan.json";
const LOCK: &str = "lock";
const MEASUREMENTS: &str = "measurements.jsonl";

/// A plan's measurements on disk.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    finished: Vec<Measurement>,
    /// Two processes would disturb each other's times. The lock is held as long as this is open.
    _lock: File,
}

impl Folder {
    /// Begins or resumes a plan's folder.
    ///
    /// # Errors
    /// [`Error::OtherPlan`], [`Error::Damaged`], [`Error::Io`].
    pub fn open(path: &Path, plan: &Plan) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(Error::io("make folder", path))?;
        let lock = lock(path)?;
        let file = path.join(PLAN);
        match fs::read(&file) {
            Ok(bytes) => {
                let found: Plan =
                    serde_json::from_slice(&bytes).map_err(|error| Error::damaged(&file, error))?;
                if let Some(what) = plan.difference(&found) {
                    let path = path.to_owned();
                    return Err(Error::OtherPlan { path, what });
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text =
                    serde_json::to_vec_pretty(plan).map_err(Error::proof("a plan's JSON"))?;
                write(&file, &text)?;
            }
            Err(error) => return Err(Error::io("read", &file)(error)),
        }
        let mut folder = Folder {
            path: path.to_owned(),
            finished: Vec::new(),
            _lock: lock,
        };
        folder.load()?;
        Ok(folder)
    }

    /// What is measured already.
    pub fn finished(&self) -> &[Measurement] {
        &self.finished
    }

    /// Whether this has been measured.
    pub fn has(&self, configuration: &Configuration) -> bool {
        self.finished
            .iter()
            .any(|one| one.configuration == *configuration)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps one more measurement.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep(&mut self, measurement: Measurement) -> Result<(), Error> {
        let path = self.path.join(MEASUREMENTS);
        let mut line = serde_json::to_vec(&measurement).map_err(Error::proof("JSON"))?;
        line.push(b'\n');
        let append = || {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(&line)?;
            file.sync_data()
        };
        append().map_err(Error::io("write", &path))?;
        self.finished.push(measurement);
        Ok(())
    }

    fn load(&mut self) -> Result<(), Error> {
        let path = self.path.join(MEASUREMENTS);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        if whole < bytes.len() {
            let cut = || {
                File::options()
                    .write(true)
                    .open(&path)?
                    .set_len(whole as u64)
            };
            cut().map_err(Error::io("cut", &path))?;
        }
        for (i, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let one = serde_json::from_slice(line);
            let one =
                one.map_err(|error| Error::damaged(&path, format!("line {}: {error}", i + 1)))?;
            self.finished.push(one);
        }
        Ok(())
    }
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = path.join(LOCK);
    let failed = Error::io("lock", &file);
    let mut options = OpenOptions::new();
    let lock = options
        .create(true)
        .append(true)
        .open(&file)
        .map_err(&failed)?;
    match lock.try_lock_exclusive().map_err(&failed)? {
        true => Ok(lock),
        false => Err(Error::Request(format!(
            "another process measures in {}: wait for it, or give another folder",
            path.display()
        ))),
    }
}

/// Writes a file of results, whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomically(path, Readers::Everybody, |writer| writer.write_all(bytes))
        .map_err(Error::io("write", path))
}
