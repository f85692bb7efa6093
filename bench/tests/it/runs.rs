//! Whole benches, as small as they can be.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::OnceLock;

use maci_nova_bench::configuration::{Configuration, Measurement, Method};
use maci_nova_bench::figures as is;
use maci_nova_bench::folder::Folder;
use maci_nova_bench::model::{Prices, Results, Row};
use maci_nova_bench::plan::{Effort, Plan};
use maci_nova_bench::runner::{self, Here, Runner};
use maci_nova_bench::{plots, report, Error};
use maci_nova_chain::Observer;
use maci_nova_groth16::CACHE_VARIABLE;

/// The smallest plan that compares something. Where a cache is named, as in CI, it has the decider's key of the demo's
/// depths, and the decider is measured too.
fn plan() -> Plan {
    let decider = std::env::var_os(CACHE_VARIABLE).is_some();
    Plan {
        state_depth: if decider { 4 } else { 1 },
        vote_depth: 1,
        events_per_step: vec![if decider { 1 } else { 2 }],
        batch: vec![1, 2],
        messages: vec![2, 1_000],
        threads: vec![1],
        sample: 2,
        repeats: 1,
        decider,
        decider_keys: false,
        calibration: vec![4],
        ..Plan::new(Effort::Quick)
    }
}

/// The events a step of that plan.
fn k() -> usize {
    plan().events_per_step[0]
}

fn measured() -> &'static Results {
    static RESULTS: OnceLock<Results> = OnceLock::new();
    RESULTS.get_or_init(|| {
        let plan = plan();
        let directory = tempfile::tempdir().expect("a folder");
        let mut folder = Folder::open(directory.path(), &plan).expect("opened");
        runner::run(&plan, &mut folder, &Here, &()).expect("measured");
        Results::new(&plan, "a day".into(), Prices::default(), folder.finished())
    })
}

fn find(
    method: Method,
    size: usize,
    quantity: is::Quantity,
    messages: Option<u64>,
) -> &'static Row {
    let found = measured().rows.iter().find(|row| {
        (row.method, row.size, row.messages) == (method, size, messages)
            && row.quantity == quantity.0
    });
    found.unwrap_or_else(|| panic!("{method:?} {size} has no {quantity:?}"))
}

const STEPS: [is::Quantity; 11] = [
    is::STEP_CONSTRAINTS,
    is::CONSTRAINTS,
    is::SECOND_CONSTRAINTS,
    is::OVERHEAD,
    is::PARAMETERS_SECONDS,
    is::PREPARING,
    is::PROVING,
    is::PREPARING_MESSAGE,
    is::PROVING_MESSAGE,
    is::CHECKPOINT_BYTES,
    is::VERIFYING,
];
const FOLDING: [is::Quantity; 9] = [
    is::STEP_VARIABLES,
    is::STEP_ENTRIES,
    is::VARIABLES,
    is::ENTRIES,
    is::SECOND_VARIABLES,
    is::SECOND_ENTRIES,
    is::PARAMETERS_BYTES,
    is::FINAL_SECONDS,
    is::FINAL_BYTES,
];
const BATCHES: [is::Quantity; 12] = [
    is::CONSTRAINTS,
    is::ENTRIES,
    is::DOMAIN,
    is::KEY_SECONDS,
    is::KEY_BYTES,
    is::PREPARING,
    is::PROVING,
    is::VERIFYING,
    is::GAS,
    is::CALLDATA_GAS,
    is::CALLDATA_BYTES,
    is::DEPLOYMENT_GAS,
];
const CYCLES: [is::Quantity; 6] = [
    is::CONSTRAINTS,
    is::SECOND_CONSTRAINTS,
    is::PROVING,
    is::FINAL_SECONDS,
    is::FINAL_BYTES,
    is::VERIFYING,
];

#[test]
#[ignore = "slow, it measures a small plan, which four tests share: .ci/slow"]
fn every_number_is_there_and_positive() {
    let memory = [is::PEAK, is::PEAK_FINAL];
    let known = cfg!(target_os = "linux");
    let mut expected = Vec::new();
    for size in [1, 2] {
        expected.extend(BATCHES.map(|quantity| (Method::Groth16Batches, size, quantity)));
    }
    {
        let size = k();
        expected.extend(STEPS.map(|quantity| (Method::Folding, size, quantity)));
        expected.extend(FOLDING.map(|quantity| (Method::Folding, size, quantity)));
        expected.extend(STEPS.map(|quantity| (Method::NovaIvc, size, quantity)));
        expected.extend(
            memory
                .iter()
                .filter(|_| known)
                .map(|q| (Method::Folding, size, *q)),
        );
    }
    for method in [Method::PastaSteps, Method::Bn254Steps] {
        expected.extend(CYCLES.map(|quantity| (method, 4, quantity)));
    }
    if plan().decider {
        let decider = [
            is::CONSTRAINTS,
            is::DOMAIN,
            is::KEY_BYTES,
            is::FINAL_SECONDS,
            is::VERIFYING,
            is::GAS,
            is::CALLDATA_GAS,
        ];
        expected.extend(decider.map(|quantity| (Method::FoldingDecider, k(), quantity)));
    }
    for (method, size, quantity) in expected {
        let row = find(method, size, quantity, None);
        assert!(
            row.value > 0.0 && row.spread >= Some(0.0) && row.runs > Some(0),
            "{row:?}"
        );
        assert!(!row.extrapolated, "{row:?}");
    }
}

#[test]
#[ignore = "slow, it measures a small plan, which four tests share: .ci/slow"]
fn numbers_agree_with_each_other() {
    {
        let size = k();
        let of = |quantity| find(Method::Folding, size, quantity, None).value;
        assert_eq!(
            of(is::OVERHEAD) + of(is::STEP_CONSTRAINTS),
            of(is::CONSTRAINTS) + of(is::SECOND_CONSTRAINTS)
        );
        assert_eq!(of(is::PROVING_MESSAGE) * size as f64, of(is::PROVING));
        // The relation of a batch is a step's, of products like the library's; beside it, two hashes of 321, five
        // copies that bind both, the poll and the heads, and that no bundle is open before it and after it.
        let batch = find(Method::Groth16Batches, size, is::CONSTRAINTS, None).value;
        let step = find(Method::NovaIvc, size, is::STEP_CONSTRAINTS, None).value;
        assert_eq!(batch, step + 2.0 * 321.0 + 5.0 + 2.0);
        assert!(of(is::STEP_CONSTRAINTS) < step);
        let of = |quantity| find(Method::Groth16Batches, size, quantity, None).value;
        assert!(of(is::GAS) > 21_000.0 + of(is::CALLDATA_GAS));
        assert!(
            of(is::DOMAIN) > of(is::CONSTRAINTS)
                && of(is::DOMAIN) < 2.0 * of(is::CONSTRAINTS) + 16.0
        );
    }
}

/// Totals are what their parts come to, and what was not measured says so.
#[test]
#[ignore = "slow, it measures a small plan, which four tests share: .ci/slow"]
fn totals_are_sums_and_what_is_beyond_is_marked() {
    let (near, far) = (Some(2), Some(1_000));
    for (size, proofs) in [(1, 1_000.0), (2, 500.0)] {
        let of = |quantity, messages| find(Method::Groth16Batches, size, quantity, messages);
        assert_eq!(of(is::PROOFS, far).value, proofs);
        assert_eq!(
            of(is::TOTAL_GAS, far).value,
            proofs * of(is::GAS, None).value
        );
        assert_eq!(
            of(is::TOTAL_BYTES, far).value,
            proofs * of(is::CALLDATA_BYTES, None).value
        );
        assert_eq!(of(is::PADDING, far).value, 0.0);
    }
    for row in &measured().rows {
        let Some(messages) = row.messages else {
            continue;
        };
        // Gas and bytes of several proofs are a count.
        let counted = [is::TOTAL_GAS.0, is::TOTAL_BYTES.0, is::DOLLARS.0]
            .contains(&row.quantity.as_str())
            && row.method == Method::Groth16Batches
            && row.size < messages as usize;
        assert_eq!(row.extrapolated, messages == 1_000 || counted, "{row:?}");
        assert!(row.value > 0.0 || row.quantity == is::PADDING.0, "{row:?}");
    }
    let folding = measured().measurements.iter();
    let folding = folding.filter(|one| one.configuration.method() == Method::Folding);
    let proven = folding
        .filter_map(|one| one.series.last())
        .next()
        .expect("folded")
        .1;
    let total = find(Method::Folding, k(), is::TOTAL_SECONDS, near).value;
    let end = find(Method::Folding, k(), is::FINAL_SECONDS, None).value;
    assert!(
        (total - proven - end).abs() < 1e-9,
        "the steps, and the final proof"
    );
    let comparisons = &measured().crossovers;
    assert!(comparisons
        .iter()
        .any(|one| one.quantity == is::TOTAL_SECONDS.0));
    if plan().decider {
        let gas = comparisons
            .iter()
            .filter(|one| one.quantity == is::TOTAL_GAS.0);
        assert!(gas.clone().count() == 2 && gas.clone().all(|one| one.messages.is_some()));
    }
}

#[test]
#[ignore = "slow, it measures a small plan, which four tests share: .ci/slow"]
fn files_are_what_they_seem() {
    let directory = tempfile::tempdir().expect("a folder");
    let folder = directory.path();
    report::write_all(measured(), true, folder).expect("written");
    let csv = folder.join("results.csv");
    let text = std::fs::read_to_string(&csv).expect("read");
    assert_eq!(text.lines().count(), measured().rows.len() + 1);
    let read: Results =
        serde_json::from_slice(&std::fs::read(folder.join("results.json")).expect("read"))
            .expect("JSON");
    assert_eq!(read.rows.len(), measured().rows.len());
    let page = std::fs::read_to_string(folder.join("report.html")).expect("read");
    assert!(page.contains("<svg") && page.contains("8,913,475"));
    for foreign in ["<script", "src=", "@import", "<link"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let markdown = std::fs::read_to_string(folder.join("report.md")).expect("read");
    assert!(markdown.contains(report::MARK));
    // Python's own readers, where there is one.
    let script = "\
import csv, glob, sys, xml.etree.ElementTree as tree
rows = list(csv.DictReader(open(sys.argv[1] + '/results.csv', newline='', encoding='utf-8'), strict=True))
assert all(len(row) == 17 and None not in row.values() and float(row['value']) >= 0 for row in rows)
pictures = glob.glob(sys.argv[1] + '/*.svg')
assert all(tree.parse(one).getroot().tag.endswith('svg') for one in pictures)
print(len(rows), len(pictures))
";
    match Command::new("python3")
        .args(["-c", script])
        .arg(folder)
        .output()
    {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            let expected = format!(
                "{} {}",
                measured().rows.len(),
                plots::all(measured()).expect("drawn").len()
            );
            assert_eq!(
                said.trim(),
                expected,
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Err(error) => eprintln!("python3 is not there ({error}): its readers were not asked"),
    }
}

/// Answers at once, and counts. Asked to stop, it has measured nothing.
#[derive(Debug, Default)]
struct Fake {
    measured: AtomicUsize,
    stop_after: Option<usize>,
}

impl Runner for Fake {
    fn run(
        &self,
        configuration: &Configuration,
        _: &dyn Observer,
    ) -> Result<Option<Measurement>, Error> {
        if self.stop_after == Some(self.measured.load(Ordering::SeqCst)) {
            return Ok(None);
        }
        self.measured.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Measurement {
            configuration: *configuration,
            figures: Vec::new(),
            series: vec![(1, 1.0)],
            took: 0.0,
        }))
    }
}

#[test]
fn an_interrupted_bench_resumes_and_measures_nothing_twice() {
    let plan = plan();
    let directory = tempfile::tempdir().expect("a folder");
    let all = plan.configurations().len();
    let stopped = Fake {
        stop_after: Some(3),
        ..Fake::default()
    };
    let mut folder = Folder::open(directory.path(), &plan).expect("opened");
    // Nobody else measures there meanwhile.
    let second = Folder::open(directory.path(), &plan);
    assert!(matches!(second, Err(Error::Request(_))), "{second:?}");
    let interrupted = runner::run(&plan, &mut folder, &stopped, &());
    assert!(matches!(interrupted, Err(Error::Interrupted { done: 3, total, .. }) if total == all));
    drop(folder);
    // A process that was killed while it wrote.
    let path = directory.path().join("measurements.jsonl");
    let whole = std::fs::read(&path).expect("read");
    let mut torn = whole.clone();
    torn.extend_from_slice(b"{\"configuration\":{\"wo");
    std::fs::write(&path, torn).expect("written");
    let rest = Fake::default();
    let mut folder = Folder::open(directory.path(), &plan).expect("opened again");
    assert_eq!(std::fs::read(&path).expect("read"), whole);
    runner::run(&plan, &mut folder, &rest, &()).expect("measured");
    assert_eq!(rest.measured.into_inner(), all - 3);
    drop(folder);
    let mut again = Folder::open(directory.path(), &plan).expect("opened");
    let nothing = Fake::default();
    runner::run(&plan, &mut again, &nothing, &()).expect("there");
    assert_eq!(
        (nothing.measured.into_inner(), again.finished().len()),
        (0, all)
    );
}

/// What fails is told, and the others are measured all the same.
#[test]
fn one_that_fails_does_not_stop_the_others() {
    struct Failing;
    impl Runner for Failing {
        fn run(
            &self,
            configuration: &Configuration,
            observer: &dyn Observer,
        ) -> Result<Option<Measurement>, Error> {
            match configuration.method() {
                Method::NovaIvc => Err(Error::Child {
                    what: configuration.to_string(),
                    said: "signal: 9".into(),
                }),
                _ => Fake::default().run(configuration, observer),
            }
        }
    }
    let plan = plan();
    let directory = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::open(directory.path(), &plan).expect("opened");
    let failures = runner::run(&plan, &mut folder, &Failing, &()).expect("run");
    let all = plan.configurations();
    let failing = all.iter().filter(|one| one.method() == Method::NovaIvc);
    assert_eq!(failures.len(), failing.clone().count());
    assert_eq!(folder.finished().len(), all.len() - failures.len());
    let prices = Prices::default();
    let results = Results::new(&plan, "a date".into(), prices, folder.finished());
    assert_eq!(results.missing(), failing.copied().collect::<Vec<_>>());
}

#[test]
fn a_folder_of_another_plan_is_refused() {
    let plan = plan();
    let directory = tempfile::tempdir().expect("a folder");
    Folder::open(directory.path(), &plan).expect("opened");
    let mut other = plan.clone();
    other.identity.commit = "another".into();
    Folder::open(directory.path(), &other).expect("a commit is told, and no more");
    other.identity.program = "another".into();
    let refused = Folder::open(directory.path(), &other);
    assert!(matches!(
        refused,
        Err(Error::OtherPlan {
            what: "the program",
            ..
        })
    ));
    std::fs::write(directory.path().join("plan.json"), "{}").expect("written");
    assert!(matches!(
        Folder::open(directory.path(), &plan),
        Err(Error::Damaged { .. })
    ));
}
