//! What the harnesses that disturb the program share: their arguments, and what may not be different
//! after a disturbed run.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use rand_core::{OsRng, RngCore};
use serde_json::Value;

use crate::town::{document, files, Town};

/// What the arguments ask for.
#[derive(Debug)]
pub struct Asked {
    /// How often each is disturbed.
    pub count: u32,
    /// What moments and faults are drawn from.
    pub seed: u64,
    /// Which of them.
    pub names: Vec<String>,
}

impl Asked {
    /// `[FLAG N] [--seed S] [NAME...]`, with this many if none is asked for, a random seed, and all
    /// names. `None` if they are something else.
    pub fn read(flag: &str, count: u32, names: &[&str]) -> Option<Self> {
        let mut asked = Asked {
            count,
            seed: OsRng.next_u64() >> 32,
            names: vec![],
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seed" => asked.seed = arguments.next()?.parse().ok()?,
                given if given == flag => asked.count = arguments.next()?.parse().ok()?,
                name if names.contains(&name) => asked.names.push(argument),
                _ => return None,
            }
        }
        if asked.names.is_empty() {
            asked.names = names.iter().map(ToString::to_string).collect();
        }
        Some(asked)
    }
}

/// What a run that ended leaves.
#[derive(Debug)]
pub struct Left {
    /// What it printed.
    pub document: Value,
    /// The names of all files.
    files: BTreeSet<String>,
    /// That were paid for since the trial began.
    pub transactions: u64,
}

impl Left {
    /// What is in the folder after a run, and on the chain, where `before` transactions were when
    /// the trial began. What it said if it failed.
    pub fn of(town: &Town, folder: &Path, before: u64, output: &Output) -> Result<Self, String> {
        Ok(Left {
            document: document(output)?,
            files: files(folder, ""),
            transactions: town.transactions() - before,
        })
    }

    /// Whether there are the same files as after an undisturbed run, and as many transactions, or as
    /// many for each of `payments` runs.
    pub fn compare(&self, undisturbed: &Left, payments: u64) -> Result<(), String> {
        if self.files != undisturbed.files {
            let differ = self.files.symmetric_difference(&undisturbed.files);
            return Err(format!("other files: {:?}", differ.collect::<Vec<_>>()));
        }
        let (paid, usual) = (self.transactions, undisturbed.transactions);
        match (usual..=usual * payments).contains(&paid) {
            true => Ok(()),
            false => Err(format!("{paid} transactions, not {usual}")),
        }
    }
}

/// Whether a document has these fields, and says there what an undisturbed run does.
pub fn same(fields: &[&str], document: &Value, undisturbed: &Value) -> Result<(), String> {
    for field in fields {
        let (found, expected) = (&document[field], &undisturbed[field]);
        if found != expected || found.is_null() {
            return Err(format!("{field} is {found}, not {expected}"));
        }
    }
    Ok(())
}
