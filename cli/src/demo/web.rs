//! `demo --web`: the page for voters, over a poll on a chain in this process whose time is this
//! machine's.

mod server;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use maci_nova_chain::clock::duration;
use maci_nova_protocol::poll::Mode;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::metadata::{self, Metadata, OptionText};
use maci_nova_sdk::voter::join_key;
use maci_nova_sdk::Error as PollError;
use serde::Serialize;

use super::chain::{DemoChain, SharedNode};
use super::gas_report::GasReport;
use super::scenario::{Keys, Scenario, Setting};
use super::{keys, scratch, CREDITS, OPTIONS, SIGNED_WITHIN};
use crate::console::Console;
use crate::failure::Failure;

/// Seconds until the poll starts.
const START: u64 = 20;

/// People with a token to sign up with, and tokens to buy credits with.
const PEOPLE: std::ops::RangeInclusive<usize> = 1..=3;

/// Time between two looks at whether to stop.
const LOOK: Duration = Duration::from_millis(200);

const NAMES: [&str; OPTIONS] = ["A well", "A bridge", "A school", "A park", "Nothing"];

#[derive(Serialize)]
struct Document {
    /// What to open in a browser.
    page: String,
}

/// Serves the built page in `site`, and plays the operator's and the coordinator's part.
pub fn run(site: &Path, minutes: u16, console: &Console) -> Result<(), Failure> {
    if !site.join("index.html").is_file() {
        return Err(Failure::Input(format!(
            "there is no built page in {}: build it with (cd web && npm ci && npm run wasm && npm run build), and name web/site/dist",
            site.display()
        )));
    }
    console.listen()?;
    let directory = scratch()?;
    let keys = keys(console)?;
    console.note("deploying the contracts, and creating a poll");
    let node = SharedNode::now();
    let setting = Setting {
        options: OPTIONS as u32,
        mode: Mode::Quadratic,
        signed_within: SIGNED_WITHIN,
        credits: CREDITS,
        times: (START, u64::from(minutes) * 60),
    };
    let chain = DemoChain::Shared(node.clone());
    let gas = GasReport::default();
    let mut poll = Scenario::begin(chain, setting, &keys, directory.path(), gas, console)?;
    for person in PEOPLE {
        poll.equip(person)?;
    }
    let public = publish(directory.path(), &keys)?;
    let address = server::start(site, &public, node)?;
    let page = format!("http://{address}/?poll=polls/poll.json&node=node");
    console.show(&Document { page: page.clone() }, |out| {
        writeln!(out, "{page}")
    })?;
    console.note(format!(
        "the page has three wallets, whose owners may sign up with the tokens 0, 1 and 2; the poll is open for {}, then it is counted",
        duration(f64::from(minutes) * 60.0)
    ));
    poll.close()?;
    console.note("the poll has ended: counting and proving");
    poll.work()?;
    poll.finalize()?;
    console.note("finalized: the page shows the results; Ctrl-C ends the demo");
    wait(console)
}

/// What an operator publishes, in a folder of its own: beside it are the coordinator's secrets.
fn publish(directory: &Path, keys: &Keys) -> Result<PathBuf, Failure> {
    let public = directory.join("public");
    std::fs::create_dir(&public).map_err(|source| Failure::Io {
        action: "make",
        path: public.clone(),
        source,
    })?;
    let path = public.join("poll.json");
    let mut file = PollFile::read(&directory.join("poll.json")).map_err(PollError::from)?;
    let described = serde_json::to_vec_pretty(&description())
        .map_err(|error| Failure::Internal(error.to_string()))?;
    file.describe(&path, &described).map_err(PollError::from)?;
    let written = keys.join.write(&join_key::beside(&path));
    written.map_err(|error| PollError::JoinKey(error.to_string()))?;
    Ok(public)
}

fn description() -> Metadata {
    let option = |name: &&str| OptionText {
        name: (*name).to_owned(),
        description: String::new(),
    };
    Metadata {
        version: metadata::VERSION,
        title: "What shall the town build?".into(),
        description: "A poll for trying out, on a chain that ends with this program.".into(),
        options: NAMES.iter().map(option).collect(),
    }
}

/// Until somebody stops it.
fn wait(console: &Console) -> Result<(), Failure> {
    let begun = Instant::now();
    while !console.interrupt.asked() {
        thread::sleep(LOOK);
    }
    console.note(format!(
        "ended after {}",
        duration(begun.elapsed().as_secs_f64())
    ));
    Ok(())
}
