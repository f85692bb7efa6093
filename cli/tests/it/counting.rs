//! `tally` and `inspect`: everything before proving.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{expected_results, maci_nova, run, run_line, Poll, Run};

#[test]
fn tallies_are_those_of_macis_own_core() {
    for name in ["small", "medium", "linear"] {
        let poll = Poll::vector(name);
        let tally = run_line(
            "tally --json --log {} --key-file {}",
            &[&poll.log, &poll.key],
        )
        .ok()
        .json();
        let (results, total) = expected_results(name);
        assert_eq!(tally["results"], results, "{name}");
        assert_eq!(tally["totalSpent"], total, "{name}");
    }
}

#[test]
fn every_message_has_a_decision() {
    let poll = Poll::vector("medium");
    let tally = run_line(
        "tally --json --log {} --key-file {}",
        &[&poll.log, &poll.key],
    )
    .ok()
    .json();
    let messages = tally["messages"].as_array().expect("array");
    assert_eq!(messages.len(), 120);
    let lines = poll.lines();
    let mut refused = 0;
    for (i, message) in messages.iter().enumerate() {
        assert_eq!(message["index"], i as u64 + 1);
        assert_eq!(message["kind"], "vote");
        let line = message["line"].as_u64().expect("number") as usize;
        assert!(lines[line - 1].contains(r#""kind":"message""#));
        match message["decision"].as_str() {
            Some("applied") => assert_eq!(message.get("rule"), None),
            Some("refused") => {
                refused += 1;
                assert!(message["rule"].is_string() && message["reason"].is_string());
            }
            other => panic!("{other:?}"),
        }
    }
    let counted = tally["decisions"].as_object().expect("object");
    let number = |value: &Value| value.as_u64().expect("a number");
    let sum: u64 = counted.values().map(number).sum();
    assert_eq!(sum, 120);
    assert_eq!(number(&counted["applied"]) + refused, 120);
    for rule in ["nonce", "tag", "state-index"] {
        assert!(counted.contains_key(rule), "{counted:?}");
    }
}

#[test]
fn tables_are_for_people() {
    let poll = Poll::vector("small");
    let tally = run_line("tally --log {} --key-file {}", &[&poll.log, &poll.key]).ok();
    let table = "\
option     votes     spent
     0         4        10
     1         8        30
     2         6        36
     3         0         0
     4         2         4
 total        20        80
";
    assert!(tally.stdout.starts_with(table), "{}", tally.stdout);
    assert!(tally.stdout.contains("16 messages: "), "{}", tally.stdout);
    assert!(!tally.stdout.contains("message 1 "), "{}", tally.stdout);

    let listed = run_line("tally -m --log {} --key-file {}", &[&poll.log, &poll.key]).ok();
    assert!(listed.stdout.starts_with(table), "{}", listed.stdout);
    let first = "message 1 (line 7): ";
    assert!(listed.stdout.contains(first), "{}", listed.stdout);
    assert!(
        listed.stdout.contains("message 16 (line 22): "),
        "{}",
        listed.stdout
    );
}

#[test]
fn a_poll_without_voters_has_a_count() {
    let small = Poll::vector("small");
    let poll = Poll::from_log("small", &format!("{}\n", small.lines()[0]));
    let tally = run_line(
        "tally --json --log {} --key-file {}",
        &[&poll.log, &poll.key],
    )
    .ok()
    .json();
    assert_eq!(tally["totalSpent"], "0");
    assert_eq!(tally["results"].as_array().map(Vec::len), Some(5));
    assert_eq!(tally["messages"], Value::Array(vec![]));
}

#[test]
fn top_ups_are_listed_and_their_order_matters() {
    let poll = Poll::vector("small");
    let mut lines = poll.lines();
    lines.push(r#"{"kind":"topUp","stateIndex":"1","amount":"50"}"#.into());
    fs::write(&poll.log, lines.join("\n") + "\n").expect("written");
    let tally = run_line(
        "tally --json --log {} --key-file {}",
        &[&poll.log, &poll.key],
    )
    .ok()
    .json();
    let last = &tally["messages"][16];
    assert_eq!(last["kind"], "topUp");
    assert_eq!(last["decision"], "applied");
    assert_eq!(last["line"], 23);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let poll = Poll::vector("medium");
    let mut child = maci_nova()
        .args(["tally", "--json", "--log"])
        .arg(&poll.log)
        .arg("--key-file")
        .arg(&poll.key)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let run: Run = child.wait_with_output().expect("ends").into();
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_full_output_device_is_an_error() {
    let poll = Poll::vector("small");
    let full = fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let output = maci_nova()
        .args(["tally", "--json", "--log"])
        .arg(&poll.log)
        .arg("--key-file")
        .arg(&poll.key)
        .stdout(full)
        .output();
    let run = Run::from(output.expect("runs"));
    assert_eq!(run.code, Some(8), "{run:?}");
    assert!(
        run.stderr.contains(r#""kind":"io","exitCode":8"#),
        "{run:?}"
    );
}

#[test]
fn inspect_adds_up() {
    let inspected = run("inspect --state-depth 4 --vote-depth 2 --json".split(' '))
        .ok()
        .json();
    let gadgets = inspected["gadgets"].as_array().expect("array");
    assert!(gadgets.len() > 3);
    for (field, total) in [
        ("constraints", "stepConstraints"),
        ("entries", "stepEntries"),
    ] {
        let sum: u64 = gadgets
            .iter()
            .filter_map(|gadget| gadget[field].as_u64())
            .sum();
        assert_eq!(Some(sum), inspected[total].as_u64());
        assert!(sum > 1000);
    }
    assert_eq!(inspected["shape"]["stateDepth"], 4);
    assert_eq!(inspected["estimate"], Value::Null);

    let text = run("inspect --state-depth 4 --vote-depth 2".split(' '))
        .ok()
        .stdout;
    assert!(text.contains("constraints"), "{text}");
}

#[test]
fn inspect_estimates_a_poll_before_it_starts() {
    let poll = Poll::vector("small");
    let inspected = run_line("inspect --json --log {}", &[&poll.log])
        .ok()
        .json();
    let estimate = &inspected["estimate"];
    assert_eq!(estimate["steps"], 22);
    for figure in ["secondsPerStep", "seconds", "memoryBytes"] {
        assert!(
            estimate[figure].as_f64().is_some_and(|n| n > 0.0),
            "{estimate}"
        );
    }
    let asked = "inspect --json --state-depth 4 --vote-depth 1 --messages 1000 --voters 200 --events-per-step 2";
    let inspected = run(asked.split(' ')).ok().json();
    let estimate = &inspected["estimate"];
    assert_eq!(estimate["steps"], 601);
    assert_eq!(estimate["finalize"]["steps"], 601);
    assert_eq!(estimate["finalize"]["powers"], 20);
    let choices = estimate["choices"].as_array().expect("array");
    let best = &estimate["bestEventsPerStep"];
    assert!(choices
        .iter()
        .any(|choice| choice["eventsPerStep"] == *best));
    assert!(choices.iter().any(|choice| *choice == estimate["finalize"]));
}

#[test]
fn inspect_says_what_workers_bring_and_what_this_machine_has_room_for() {
    let asked = "inspect --state-depth 10 --vote-depth 3 --messages 100000 --workers 8 --json";
    let inspected = run(asked.split(' ')).ok().json();
    let workers = &inspected["workers"];
    let choices = workers["choices"].as_array().expect("array");
    let numbers: Vec<_> = choices.iter().map(|choice| &choice["workers"]).collect();
    assert_eq!(numbers, [1, 2, 4, 8, 16], "{workers}");
    let seconds: Vec<_> = choices
        .iter()
        .map(|choice| choice["seconds"].as_f64())
        .collect();
    assert!(seconds.windows(2).all(|two| two[1] < two[0]), "{workers}");
    let here = &workers["thisMachine"];
    let [cores, free] = ["cores", "freeBytes"].map(|field| here[field].as_u64().expect("a number"));
    // Other tests take memory meanwhile.
    if !here["best"].is_null() {
        let number = |field: &str| here["best"][field].as_u64().expect("a number");
        let most = (cores / 2).max(1);
        assert!((1..=most).contains(&number("workers")), "{here}");
        assert!(number("workers") * number("workerBytes") <= free, "{here}");
    }
}

#[test]
fn inspect_estimates_for_any_numbers() {
    let most = u64::MAX;
    let asked = format!("inspect --state-depth 1 --vote-depth 1 --messages {most} --voters {most}");
    let inspected = run(format!("{asked} --json").split(' ')).ok().json();
    let estimate = &inspected["estimate"];
    for field in ["messages", "voters", "steps"] {
        assert_eq!(estimate[field], most, "{estimate}");
    }
    let text = run(format!("{asked} --workers 3").split(' ')).ok().stdout;
    assert!(text.contains("a very long time"), "{text}");
    assert!(text.contains("has no memory for a worker"), "{text}");
}
