//! Pages of this repository that are made of results: `docs/performance.md`, `docs/peers.md` and the README's plot.

use std::path::Path;

use crate::folder::write;
use crate::literature::Literature;
use crate::model::Results;
use crate::plots;
use crate::report;
use crate::Error;

const PERFORMANCE: &str = include_str!("../templates/performance.md");
const PEERS: &str = include_str!("../templates/peers.md");

/// The name of the README's plot.
pub const PLOT: &str = "seconds.svg";

/// Results from the folder of a bench. What follows from the measurements is computed anew.
///
/// # Errors
/// [`Error::Io`], [`Error::Damaged`].
pub fn read(folder: &Path) -> Result<Results, Error> {
    let path = folder.join("results.json");
    let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
    let read: Results =
        serde_json::from_slice(&bytes).map_err(|error| Error::damaged(&path, error))?;
    let Results {
        plan,
        date,
        prices,
        measurements,
        ..
    } = read;
    Ok(Results::new(&plan, date, prices, &measurements))
}

/// The pages, with the names of their files.
///
/// # Errors
/// [`Error::Plot`].
pub fn pages(results: &Results) -> Result<Vec<(&'static str, String)>, Error> {
    let tables: String = report::configurations(results)
        .into_iter()
        .map(|(title, table)| format!("### {title}\n\n{table}\n"))
        .collect();
    let origin = report::origin(results) + &report::missing(results);
    let performance = PERFORMANCE
        .replace("{{origin}}", origin.trim_end())
        .replace("{{crossovers}}", report::crossovers(results).trim_end())
        .replace("{{polls}}", report::polls(results).trim_end())
        .replace("{{configurations}}", tables.trim_end())
        .replace("{{calibration}}", report::calibration(results).trim());
    let peers = PEERS.replace("{{literature}}", Literature::known().markdown().trim_end());
    Ok(vec![
        ("performance.md", performance),
        ("peers.md", peers),
        (PLOT, plots::seconds(results)?.svg),
    ])
}

/// Writes them.
///
/// # Errors
/// [`Error::Io`], [`Error::Plot`].
pub fn write_docs(results: &Results, folder: &Path) -> Result<(), Error> {
    for (name, text) in pages(results)? {
        write(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}
