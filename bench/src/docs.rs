//! Pages of this repository that are made of results: `docs/performance.md`, `docs/peers.md` and the README's plot.

use std::collections::BTreeMap;
use std::path::Path;

use crate::configuration::Method;
use crate::figures::{self as is, Quantity};
use crate::folder::write;
use crate::literature::Literature;
use crate::model::Results;
use crate::plots;
use crate::report;
use crate::scaling::{self, Gas};
use crate::Error;

const PERFORMANCE: &str = include_str!("../templates/performance.md");
const PEERS: &str = include_str!("../templates/peers.md");
const SCALING: &str = include_str!("../templates/scaling.md");
/// What calls cost in the tests of the contracts.
const GAS: &str = include_str!("../../contracts/gas.json");

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
/// [`Error::Plot`]; [`Error::Request`] when something that the pages tell was not measured.
pub fn pages(results: &Results) -> Result<Vec<(&'static str, String)>, Error> {
    let tables: String = report::configurations(results)
        .into_iter()
        .map(|(title, table)| format!("### {title}\n\n{table}\n"))
        .collect();
    let origin = report::origin(results) + &report::missing(results);
    let performance = PERFORMANCE
        .replace("{{origin}}", origin.trim_end())
        .replace("{{compared}}", &report::compared())
        .replace("{{marks}}", &report::marks())
        .replace("{{crossovers}}", report::crossovers(results).trim_end())
        .replace("{{polls}}", report::polls(results).trim_end())
        .replace("{{configurations}}", tables.trim_end())
        .replace("{{calibration}}", report::calibration(results).trim());
    let performance = filled(performance, &figures(results)?)?;
    let peers = PEERS.replace("{{literature}}", Literature::known().markdown().trim_end());
    let simulated = scaling::simulate(results, gas()?);
    let fastest = scaling::fastest(&simulated);
    let scaling = SCALING.replace("{{simulation}}", report::scaling(&fastest).trim_end());
    Ok(vec![
        ("performance.md", performance),
        ("peers.md", peers),
        ("scaling.md", scaling),
        ("scaling.csv", scaling::csv(&simulated)),
        ("scaling.svg", plots::scaling(&simulated)?.svg),
        (PLOT, plots::seconds(results)?.svg),
    ])
}

/// What the transactions of a count in segments cost.
fn gas() -> Result<Gas, Error> {
    let all = contract_gas()?;
    let of = |name: &str| {
        let found = all.get(name).copied();
        found.ok_or_else(|| Error::Request(format!("contracts/gas.json has no {name}")))
    };
    Ok(Gas {
        segment: of("proveSegment")?,
        finalize: of("finalize, 25 options")?,
    })
}

fn contract_gas() -> Result<BTreeMap<String, f64>, Error> {
    serde_json::from_str(GAS).map_err(Error::proof("the gas of the contracts"))
}

/// The figures of the prose, by their names there.
fn figures(results: &Results) -> Result<Vec<(String, f64)>, Error> {
    let mut all: Vec<(String, f64)> = contract_gas()?.into_iter().collect();
    for (method, prefix) in [(Method::Folding, ""), (Method::NovaIvc, "library ")] {
        let of = |(quantity, _): Quantity| {
            let mut rows = results.rows.iter();
            rows.find(|row| row.method == method && row.quantity == quantity)
                .map(|row| row.value)
        };
        let sizes = [
            is::CONSTRAINTS,
            is::STEP_CONSTRAINTS,
            is::SECOND_CONSTRAINTS,
        ]
        .map(of);
        if let [Some(whole), Some(step), Some(second)] = sizes {
            all.push((format!("{prefix}augmented"), whole - step));
            all.push((format!("{prefix}second"), second));
        }
    }
    Ok(all)
}

/// A text with its figures in their places.
fn filled(mut text: String, figures: &[(String, f64)]) -> Result<String, Error> {
    for (name, value) in figures {
        text = text.replace(&format!("{{{{{name}}}}}"), &report::grouped(*value));
    }
    match text
        .split_once("{{")
        .and_then(|(_, rest)| rest.split_once("}}"))
    {
        None => Ok(text),
        Some((missing, _)) => Err(Error::Request(format!(
            "these results have no {missing}, which the pages tell"
        ))),
    }
}

/// Writes them.
///
/// # Errors
/// [`Error::Io`], and those of [`pages`].
pub fn write_docs(results: &Results, folder: &Path) -> Result<(), Error> {
    for (name, text) in pages(results)? {
        write(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}
