//! What results look like: files for programs, and tables and plots for people.

use std::fmt::Write as _;
use std::path::Path;

use crate::configuration::{Measurement, Method, Work};
use crate::figures::{self as is, Quantity};
use crate::folder::write;
use crate::literature::Literature;
use crate::measure::Sample;
use crate::model::{Crossover, Results, Value, Way, CROSSING, MOST_COMPARED};
use crate::plan::Effort;
use crate::plots::{self, Plot};
use crate::scaling::Simulated;
use crate::Error;

/// Marks what is not measured, in tables.
pub const MARK: &str = "\u{2248}";

/// Where there is no figure, in tables.
const NOTHING: &str = "-";

/// Writes `results.csv`, `results.json`, `report.md`, `report.html` and the plots.
///
/// # Errors
/// [`Error::Io`], [`Error::Plot`].
pub fn write_all(results: &Results, literature: bool, folder: &Path) -> Result<(), Error> {
    let plots = plots::all(results)?;
    write(&folder.join("results.csv"), csv(results).as_bytes())?;
    write(&folder.join("results.json"), json(results)?.as_bytes())?;
    for Plot { name, svg, .. } in &plots {
        write(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
    }
    let text = markdown(results, literature);
    let pictures: String = plots
        .iter()
        .map(|plot| format!("![{}]({}.svg)\n\n", plot.title, plot.name))
        .collect();
    write(
        &folder.join("report.md"),
        format!("{text}\n## Plots\n\n{pictures}").as_bytes(),
    )?;
    write(&folder.join("report.html"), html(&text, &plots).as_bytes())
}

/// The results as one JSON document.
///
/// # Errors
/// [`Error::Proof`]: never.
pub fn json(results: &Results) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(results).map_err(Error::proof("JSON"))?;
    text.push('\n');
    Ok(text)
}

/// The columns of `results.csv`.
pub const COLUMNS: [&str; 17] = [
    "method",
    "size",
    "threads",
    "state_depth",
    "vote_depth",
    "messages",
    "quantity",
    "unit",
    "value",
    "spread",
    "runs",
    "extrapolated",
    "date",
    "version",
    "commit",
    "compiler",
    "machine",
];

/// Rows as CSV (RFC 4180), one a figure. A cell is empty where there is nothing: a figure that is not a poll's has no
/// messages, one that is computed has no spread and no runs.
pub fn csv(results: &Results) -> String {
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    let identity = &results.plan.identity;
    let (version, commit) = (&identity.version, &identity.commit);
    let run = [
        &results.date,
        version,
        commit,
        &identity.compiler,
        &identity.machine,
    ];
    let run = run.map(|field| quoted(field));
    for row in &results.rows {
        let fields = [
            row.method.name().to_owned(),
            row.size.to_string(),
            row.threads.to_string(),
            row.state_depth.to_string(),
            row.vote_depth.to_string(),
            or_empty(row.messages),
            quoted(&row.quantity),
            quoted(&row.unit),
            row.value.to_string(),
            or_empty(row.spread),
            or_empty(row.runs),
            row.extrapolated.to_string(),
        ];
        text.push_str(&fields.join(","));
        text.push(',');
        text.push_str(&run.join(","));
        text.push_str("\r\n");
    }
    text
}

fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.into(),
    }
}

/// The report without its plots.
pub fn markdown(results: &Results, literature: bool) -> String {
    let mut text = String::from("# Folding beside fixed batches\n\n");
    text.push_str(&origin(results));
    text.push_str(&missing(results));
    text.push_str("\n## Where folding becomes cheaper\n\n");
    let _ = writeln!(text, "{}\n", compared());
    text.push_str(&crossovers(results));
    text.push_str("\n## A poll of N messages\n\n");
    let _ = writeln!(text, "{}\n", marks());
    text.push_str(&polls(results));
    text.push_str("\n## US dollars a thousand votes\n\n");
    text.push_str(&dollars(results));
    text.push_str("\n## One configuration at a time\n\n");
    for (title, table) in configurations(results) {
        let _ = writeln!(text, "### {title}\n\n{table}");
    }
    text.push_str(&calibration(results));
    if literature {
        text.push_str("\n## Peers\n\n");
        text.push_str(&Literature::known().markdown());
    }
    text
}

/// What the crossovers say.
pub fn compared() -> String {
    format!(
        "The number of messages from which on a poll is cheaper folded, up to {MARK}{}.",
        grouped(MOST_COMPARED as f64)
    )
}

/// What the mark means.
pub fn marks() -> String {
    format!(
        "{MARK} marks what was not measured: it comes from the line through the times of the messages that were proven, or from a count."
    )
}

/// Which measurements these are, and how to read them.
pub fn origin(results: &Results) -> String {
    let plan = &results.plan;
    let effort = match plan.effort {
        Effort::Quick => "a `--quick` run",
        Effort::Usual => "a run",
        Effort::Full => "a `--full` run",
    };
    format!(
        "{}, {effort}, {} of measuring: state tree depth {}, vote option tree depth {}. {}; version {}, commit {}, {}.\n\
        Figures are medians; spreads and numbers of runs are in `results.csv`. A total is preparing and proving, one after \
        the other, and the final proof. Deciding messages natively, which each way needs alike, and making keys or \
        parameters, which is done once, are not in it. In `process` the next step is prepared while one is folded.\n\
        The two ways do not end at the same: the decider's proof states the results, a batch's a hash of the state, from \
        which results would have to be proven. Nor do batches prove the joins. What that takes is in no figure of theirs.\n",
        results.date,
        minutes(results.measurements.iter().map(|one| one.took).sum()),
        plan.state_depth,
        plan.vote_depth,
        plain(&plan.identity.machine),
        plain(&plan.identity.version),
        plain(&plan.identity.commit),
        plain(&plan.identity.compiler),
    )
}

fn minutes(seconds: f64) -> String {
    match (seconds / 60.0).round() {
        1.0 => "a minute".into(),
        whole => format!("{whole:.0} minutes"),
    }
}

/// A line for each configuration that could not be measured.
pub fn missing(results: &Results) -> String {
    let lines = results.missing().into_iter();
    lines
        .map(|missing| format!("- NOT MEASURED: {missing}.\n"))
        .collect()
}

/// For each quantity, from how many messages on a folding is below each size of batches.
pub fn crossovers(results: &Results) -> String {
    let mut text = String::new();
    for (quantity, _) in CROSSING {
        let here: Vec<&Crossover> = results
            .crossovers
            .iter()
            .filter(|one| one.quantity == quantity)
            .collect();
        let Some(first) = here.first() else {
            continue;
        };
        let width = here
            .iter()
            .filter(|one| one.from_here == first.from_here)
            .count();
        let _ = write!(text, "| {quantity} of |");
        for one in &here[..width] {
            let _ = write!(text, " below {} |", one.than);
        }
        let _ = writeln!(text, "\n| --- |{}", " ---: |".repeat(width));
        for line in here.chunks(width) {
            let _ = write!(text, "| {} |", line[0].from_here);
            for one in line {
                let _ = write!(text, " {} |", crossing(one));
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

fn crossing(crossover: &Crossover) -> String {
    let mark = if crossover.extrapolated { MARK } else { "" };
    match crossover.messages {
        Some(n) => format!("from {mark}{}", grouped(n as f64)),
        None => format!("not at {MARK}{}", grouped(MOST_COMPARED as f64)),
    }
}

fn marked(value: Option<Value>, write: impl Fn(f64) -> String) -> String {
    match value {
        None => NOTHING.into(),
        Some(Value {
            value,
            extrapolated,
        }) => {
            let mark = if extrapolated { MARK } else { "" };
            format!("{mark}{}", write(value))
        }
    }
}

/// What a poll's figure is, of a way and so many messages.
type Cell<'a> = &'a dyn Fn(&Way, u64) -> String;

/// One line a way, one column a number of messages; only ways that have the figure.
fn of_polls(results: &Results, title: &str, cell: Cell<'_>) -> String {
    let messages = &results.plan.messages;
    let mut text = format!("| {title} | threads |");
    for n in messages {
        let _ = write!(text, " {} |", grouped(*n as f64));
    }
    let _ = writeln!(text, "\n| --- | ---: |{}", " ---: |".repeat(messages.len()));
    for way in results.ways() {
        let cells: Vec<String> = messages.iter().map(|n| cell(&way, *n)).collect();
        if cells.iter().all(|cell| cell == NOTHING) {
            continue;
        }
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            way.name(),
            way.threads,
            cells.join(" | ")
        );
    }
    text.push('\n');
    text
}

/// The tables of polls of N messages.
pub fn polls(results: &Results) -> String {
    let proofs = |way: &Way, n: u64| match (way.proofs(n), way.padding(n)) {
        (proofs, 0) => grouped(proofs as f64),
        (proofs, padding) => format!("{} ({padding})", grouped(proofs as f64)),
    };
    [
        of_polls(results, "seconds", &|way, n| {
            marked(Some(way.seconds(n)), significant)
        }),
        of_polls(results, "gas", &|way, n| marked(way.gas(n), grouped)),
        of_polls(results, "bytes published", &|way, n| {
            marked(way.bytes(n), grouped)
        }),
        of_polls(results, "peak of memory, MB", &|way, n| {
            marked(way.memory(n), megabytes)
        }),
        of_polls(
            results,
            "proofs (empty places of the last batch or step)",
            &proofs,
        ),
    ]
    .concat()
}

/// The table of a million messages by several workers.
pub fn scaling(fastest: &[Simulated]) -> String {
    let mut text = "| workers | events in a step | segments | hours | machine hours | gas | USD |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n".to_owned();
    for one in fastest {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} | {:.1} | {} | {:.2} |",
            one.workers,
            one.events_per_step,
            one.segments,
            one.seconds / 3_600.0,
            one.worker_seconds / 3_600.0,
            grouped(one.gas),
            one.dollars
        );
    }
    text
}

fn dollars(results: &Results) -> String {
    let prices = &results.prices;
    let mut text = format!(
        "At {} gwei for gas, {} USD for ether and {} USD for an hour of the machine.\n\n| messages |",
        prices.gas, prices.ether, prices.machine
    );
    let mut ways = results.main_ways();
    ways.retain(|way| way.gas(1).is_some());
    for way in &ways {
        let _ = write!(text, " {} |", way.name());
    }
    text.push_str("\n| ---: |");
    text.push_str(&" ---: |".repeat(ways.len()));
    text.push('\n');
    for n in &results.plan.messages {
        let _ = write!(text, "| {} |", grouped(*n as f64));
        for way in &ways {
            let _ = write!(text, " {} |", marked(way.dollars(*n, prices), significant));
        }
        text.push('\n');
    }
    text
}

/// A column of a table of configurations.
struct Column {
    head: &'static str,
    quantity: Quantity,
    write: fn(f64) -> String,
}

const fn column(head: &'static str, quantity: Quantity, write: fn(f64) -> String) -> Column {
    Column {
        head,
        quantity,
        write,
    }
}

fn megabytes(bytes: f64) -> String {
    significant(bytes / 1e6)
}

const SIZES: [Column; 10] = [
    column("step", is::STEP_CONSTRAINTS, grouped),
    column("variables", is::STEP_VARIABLES, grouped),
    column("non-zeros", is::STEP_ENTRIES, grouped),
    column("F'", is::CONSTRAINTS, grouped),
    column("variables", is::VARIABLES, grouped),
    column("non-zeros", is::ENTRIES, grouped),
    column("second curve", is::SECOND_CONSTRAINTS, grouped),
    column("variables", is::SECOND_VARIABLES, grouped),
    column("non-zeros", is::SECOND_ENTRIES, grouped),
    column("overhead of recursion", is::OVERHEAD, grouped),
];

const STEPS: [Column; 9] = [
    column("parameters, s", is::PARAMETERS_SECONDS, significant),
    column("parameters, MB", is::PARAMETERS_BYTES, megabytes),
    column("preparing a step, s", is::PREPARING, significant),
    column("proving a step, s", is::PROVING, significant),
    column("preparing a message, s", is::PREPARING_MESSAGE, significant),
    column("proving a message, s", is::PROVING_MESSAGE, significant),
    column("peak, MB", is::PEAK, megabytes),
    column("running proof, MB", is::CHECKPOINT_BYTES, megabytes),
    column("verifying, s", is::VERIFYING, significant),
];

const SPARTAN: [Column; 4] = [
    column("final proof, s", is::FINAL_SECONDS, significant),
    column("its bytes", is::FINAL_BYTES, grouped),
    column("verifying it, s", is::VERIFYING, significant),
    column("peak with it, MB", is::PEAK_FINAL, megabytes),
];

const DECIDER: [Column; 13] = [
    column("constraints", is::CONSTRAINTS, grouped),
    column("domain", is::DOMAIN, grouped),
    column("making the key, s", is::KEY_SECONDS, significant),
    column("peak making it, MB", is::KEY_PEAK, megabytes),
    column("loading it, s", is::KEY_LOADING, significant),
    column("key, MB", is::KEY_BYTES, megabytes),
    column("proof, s", is::FINAL_SECONDS, significant),
    column("peak, MB", is::PEAK_FINAL, megabytes),
    column("verifying, s", is::VERIFYING, significant),
    column("gas", is::GAS, grouped),
    column("of it calldata", is::CALLDATA_GAS, grouped),
    column("bytes of calldata", is::CALLDATA_BYTES, grouped),
    column("gas of deployment", is::DEPLOYMENT_GAS, grouped),
];

const BATCHES: [Column; 14] = [
    column("constraints", is::CONSTRAINTS, grouped),
    column("non-zeros", is::ENTRIES, grouped),
    column("domain", is::DOMAIN, grouped),
    column("making the key, s", is::KEY_SECONDS, significant),
    column("peak making it, MB", is::KEY_PEAK, megabytes),
    column("key, MB", is::KEY_BYTES, megabytes),
    column("preparing, s", is::PREPARING, significant),
    column("proof, s", is::PROVING, significant),
    column("a message, s", is::PROVING_MESSAGE, significant),
    column("peak, MB", is::PEAK, megabytes),
    column("verifying, s", is::VERIFYING, significant),
    column("gas", is::GAS, grouped),
    column("of it calldata", is::CALLDATA_GAS, grouped),
    column("gas of deployment", is::DEPLOYMENT_GAS, grouped),
];

const CALIBRATION: [Column; 9] = [
    column("step", is::STEP_CONSTRAINTS, grouped),
    column("first curve", is::CONSTRAINTS, grouped),
    column("second curve", is::SECOND_CONSTRAINTS, grouped),
    column("overhead", is::OVERHEAD, grouped),
    column("parameters, s", is::PARAMETERS_SECONDS, significant),
    column("a step, s", is::PROVING, significant),
    column("compressing, s", is::FINAL_SECONDS, significant),
    column("verifying, s", is::VERIFYING, significant),
    column("proof, bytes", is::FINAL_BYTES, grouped),
];

/// Tables of what was measured of each configuration, with their titles.
pub fn configurations(results: &Results) -> Vec<(&'static str, String)> {
    let recursion = [Method::Folding, Method::NovaIvc];
    let mut tables = vec![
        ("Constraints", table(results, &recursion, &SIZES)),
        ("Steps", table(results, &recursion, &STEPS)),
        ("Spartan", table(results, &[Method::Folding], &SPARTAN)),
        (
            "Decider",
            table(results, &[Method::FoldingDecider], &DECIDER),
        ),
        (
            "Groth16 batches",
            table(results, &[Method::Groth16Batches], &BATCHES),
        ),
        ("Check points", check_points(results)),
    ];
    tables.retain(|(_, table)| !table.is_empty());
    tables
}

/// Many messages folded for real, beside what the line through few says of them; nothing where there are none.
fn check_points(results: &Results) -> String {
    let ways = results.main_ways();
    let mut lines = String::new();
    for measured in &results.measurements {
        let configuration = &measured.configuration;
        let Work::CheckPoint { events_per_step: k } = configuration.work else {
            continue;
        };
        let way = ways
            .iter()
            .find(|way| (way.method, way.size) == (Method::Folding, k));
        let Some(way) = way else {
            continue;
        };
        for (messages, seconds) in &measured.series {
            let predicted = way.line_at(*messages);
            let _ = writeln!(
                lines,
                "| {k} | {} | {} | {MARK}{} | {:.2} |",
                grouped(*messages as f64),
                significant(*seconds),
                significant(predicted),
                seconds / predicted
            );
        }
        let of = |measured: &Measurement| {
            let peak = measured.sample(is::PEAK);
            peak.map_or(NOTHING.into(), |peak| megabytes(peak.median))
        };
        let short = results
            .measurements
            .iter()
            .find(|one| one.configuration.work == Work::Folding { events_per_step: k });
        let _ = writeln!(
            lines,
            "\nPeak of memory while these were folded: {} MB; with the few of the line: {} MB.\n",
            of(measured),
            short.map_or(NOTHING.into(), of)
        );
    }
    match lines.is_empty() {
        true => lines,
        false => format!("| K | messages | s, measured | s, by the line | ratio |\n| ---: | ---: | ---: | ---: | ---: |\n{lines}"),
    }
}

/// Steps of 2^k constraints, where they were measured.
pub fn calibration(results: &Results) -> String {
    let table = table(
        results,
        &[Method::PastaSteps, Method::Bn254Steps],
        &CALIBRATION,
    );
    match table.is_empty() {
        true => table,
        false => format!(
            "\n## Steps of 2^k constraints\n\nThe proving library's IVC, with its Spartan over inner-product arguments at the end.\n\n{table}"
        ),
    }
}

/// One line a configuration; check points have none. Nothing where there are no configurations.
fn table(results: &Results, methods: &[Method], columns: &[Column]) -> String {
    let mut text = String::from("| method | size | threads |");
    for column in columns {
        let _ = write!(text, " {} |", column.head);
    }
    text.push_str("\n| --- | ---: | ---: |");
    text.push_str(&" ---: |".repeat(columns.len()));
    text.push('\n');
    let mut lines = 0;
    for measured in &results.measurements {
        let configuration = &measured.configuration;
        let part = matches!(
            configuration.work,
            Work::CheckPoint { .. } | Work::DeciderKey { .. }
        );
        if part || !methods.contains(&configuration.method()) {
            continue;
        }
        lines += 1;
        let (method, size) = (configuration.method(), configuration.size());
        let _ = write!(
            text,
            "| {} | {} = {size} | {} |",
            method.name(),
            method.size_name(),
            configuration.threads
        );
        for column in columns {
            let figure = measured
                .sample(column.quantity)
                .or_else(|| of_key(results, measured, column.quantity));
            let cell = figure.map_or(NOTHING.into(), |figure| (column.write)(figure.median));
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    match lines {
        0 => String::new(),
        _ => text,
    }
}

/// A figure of the process that made the keys of this one.
fn of_key(results: &Results, measured: &Measurement, quantity: Quantity) -> Option<Sample> {
    let this = &measured.configuration;
    let Work::Decider { events_per_step } = this.work else {
        return None;
    };
    let key = results.measurements.iter().find(|one| {
        one.configuration.work == Work::DeciderKey { events_per_step }
            && one.configuration.threads == this.threads
    });
    key?.sample(quantity)
}

/// Digits in groups of three.
pub fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits that matter.
pub fn significant(value: f64) -> String {
    if value >= 1_000.0 {
        return grouped(value);
    }
    if value <= 0.0 {
        return "0".into();
    }
    let before = value.log10().floor() as i32 + 1;
    let decimals = usize::try_from(3 - before).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// Markdown of this module, with plots, as one page without scripts that needs no other file.
fn html(text: &str, plots: &[Plot]) -> String {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>Folding beside fixed batches</title>\n<style>\nbody { font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; color: #222; }\ntable { border-collapse: collapse; font-size: 13px; margin: 1em 0; display: block; overflow-x: auto; }\ntd, th { border: 1px solid #ccc; padding: 0.2em 0.6em; text-align: right; }\ntd:first-child, th:first-child { text-align: left; }\nsvg { max-width: 100%; height: auto; }\n</style>\n</head>\n<body>\n",
    );
    let mut rest = text;
    while let Some((block, after)) = rest
        .split_once("\n\n")
        .or((!rest.is_empty()).then_some((rest, "")))
    {
        page.push_str(&html_block(block.trim_matches('\n')));
        rest = after;
    }
    for plot in plots {
        let _ = writeln!(page, "<h2>{}</h2>\n{}", escaped(&plot.title), plot.svg);
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// A heading, a list, a table or a paragraph.
fn html_block(block: &str) -> String {
    let level = block.chars().take_while(|c| *c == '#').count();
    if level > 0 {
        return format!("<h{level}>{}</h{level}>\n", inline(block[level..].trim()));
    }
    let lines = block.lines();
    if block.starts_with("- ") {
        let items: String = lines
            .map(|line| format!("<li>{}</li>\n", inline(line.trim_start_matches("- "))))
            .collect();
        return format!("<ul>\n{items}</ul>\n");
    }
    if block.starts_with('|') {
        return html_table(block);
    }
    match block.is_empty() {
        true => String::new(),
        false => format!("<p>{}</p>\n", inline(block)),
    }
}

fn html_table(block: &str) -> String {
    let mut table = String::from("<table>\n");
    for (i, line) in block.lines().enumerate() {
        if i == 1 {
            continue;
        }
        let kind = if i == 0 { "th" } else { "td" };
        let cells: String = line
            .trim_matches('|')
            .split('|')
            .map(|cell| format!("<{kind}>{}</{kind}>", inline(cell.trim())))
            .collect();
        let _ = writeln!(table, "<tr>{cells}</tr>");
    }
    table.push_str("</table>\n");
    table
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A name that somebody gave, in Markdown: one line, and nothing that means anything there.
fn plain(text: &str) -> String {
    let word = |c: char| match c {
        '<' | '>' | '[' | ']' | '`' | '|' | '{' | '}' | '*' | '_' | '#' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(word).collect()
}

/// Links, escaped; marks of code are left out.
fn inline(text: &str) -> String {
    let text = escaped(text).replace('`', "");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find('[') {
        let link = rest[start..].split_once("](").and_then(|(label, after)| {
            let (address, after) = after.split_once(')')?;
            address
                .starts_with("https://")
                .then_some((&label[1..], address, after))
        });
        let Some((label, address, after)) = link else {
            break;
        };
        let _ = write!(out, "{}<a href=\"{address}\">{label}</a>", &rest[..start]);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The ways that a short summary names: the first of each.
pub fn summary(results: &Results) -> String {
    let mut text = String::new();
    let ways = results.main_ways();
    let most = results.plan.messages.iter().max().copied().unwrap_or(1);
    let line = |way: &Way| {
        let seconds = marked(Some(way.seconds(most)), significant);
        let gas = marked(way.gas(most), grouped);
        format!("{:<34}{seconds:>16} s{gas:>20} gas\n", way.name())
    };
    let _ = writeln!(
        text,
        "{} messages ({MARK}: not measured)",
        grouped(most as f64)
    );
    ways.iter().for_each(|way| text.push_str(&line(way)));
    text.push_str(&missing(results));
    text.push_str(&named(results));
    text
}

/// Sentences that name the crossovers of the first K.
fn named(results: &Results) -> String {
    let first = results.plan.events_per_step.first().copied();
    let names: Vec<String> = results
        .main_ways()
        .iter()
        .filter(|way| Some(way.size) == first)
        .map(Way::name)
        .collect();
    let ours = |one: &&Crossover| names.contains(&one.from_here);
    let sentence = |one: &Crossover| {
        let (quantity, way, than) = (&one.quantity, &one.from_here, &one.than);
        format!("{quantity}: {way} is below {than} {}\n", crossing(one))
    };
    results
        .crossovers
        .iter()
        .filter(ours)
        .map(sentence)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(grouped(12.0), "12");
        assert_eq!(significant(0.012_34), "0.0123");
        assert_eq!(significant(12.34), "12.3");
        assert_eq!(significant(123_456.0), "123,456");
        assert_eq!(significant(0.0), "0");
    }

    #[test]
    fn a_page_of_every_kind_of_block() {
        let text = "# A <title>\n\nA [link](https://a.example) and `code`.\n\n- one\n- two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n";
        let page = html(text, &[]);
        for part in [
            "<h1>A &lt;title&gt;</h1>",
            "<a href=\"https://a.example\">link</a> and code.",
            "<li>two</li>",
            "<th>a</th>",
            "<td>2</td>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<script") && !page.contains("---"));
    }

    #[test]
    fn fields_with_commas_are_quoted() {
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
