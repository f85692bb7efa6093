//! Three contributors and a beacon make keys that prove what is true and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use ark_bn254::Fr;
use ark_ff::Field;
use maci_nova_ceremony::verify::{check, verify};
use maci_nova_ceremony::{contribute, file, finish, Beacon, Error, Phase1};
use maci_nova_groth16::{prove, verify as verify_proof, Origin, ProvingKey};

use crate::world::{
    assignment, beacon, ceremony, file_of, World, ANNOUNCED, COMMITTED, NAMES, PUBLICS,
};

fn keys(folder: &Path) -> Vec<ProvingKey> {
    let world = World::get();
    let verified = verify(&file_of(folder, 4), &world.pairs(), &()).expect("verified");
    finish::finish(&verified, &world.pairs(), &()).expect("finished")
}

#[test]
fn keys_of_a_ceremony_prove_and_verify() {
    let folder = tempfile::tempdir().expect("a folder");
    ceremony(folder.path());
    let keys = keys(folder.path());
    for (key, (commits, circuit)) in keys
        .iter()
        .zip([true, false].into_iter().zip(&World::get().circuits))
    {
        assert_eq!(key.origin(), Origin::Ceremony);
        let values = assignment(commits, [3, 4, 5]);
        let proof = prove(key, &circuit.matrices, &values).expect("proven");
        let (publics, committed) = values.instance()[1..].split_at(PUBLICS);
        assert_eq!(committed.len(), if commits { COMMITTED } else { 0 });
        let d = key.commit(committed).expect("committed");
        verify_proof(key.verifying_key(), publics, &d, &proof).expect("true");
        let mut other = publics.to_vec();
        other[1] += Fr::ONE;
        assert!(verify_proof(key.verifying_key(), &other, &d, &proof).is_err());
        if commits {
            let mut other = committed.to_vec();
            other[0] += Fr::ONE;
            let d = key.commit(&other).expect("committed");
            assert!(verify_proof(key.verifying_key(), publics, &d, &proof).is_err());
        }
        // It comes back from a file as any key does.
        let path = folder.path().join(circuit.name);
        key.write(&path).expect("written");
        let read = ProvingKey::read_foreign(&path, &circuit.matrices, PUBLICS, Some(&key.digest()));
        assert!(read.expect("read") == *key);
    }
}

#[test]
fn everybody_verifies_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    ceremony(folder.path());
    let world = World::get();
    let verified = verify(&file_of(folder.path(), 4), &world.pairs(), &()).expect("verified");
    let records = verified.file().records();
    let names: Vec<&str> = records
        .iter()
        .map(|record| record.author.as_str())
        .collect();
    assert_eq!(names, [NAMES[0], NAMES[1], NAMES[2], "beacon"]);
    assert_eq!(verified.file().description().beacon, ANNOUNCED);
    // What a contributor was told is found again.
    for (i, head) in verified.file().heads().iter().enumerate() {
        let then = file::CeremonyFile::open(&file_of(folder.path(), i)).expect("open");
        assert_eq!(then.head(), head);
        check(&then, &world.pairs(), &()).expect("true at each stage");
    }
}

#[test]
fn what_is_not_at_the_right_stage() {
    let folder = tempfile::tempdir().expect("a folder");
    ceremony(folder.path());
    let world = World::get();
    for number in 0..4 {
        let early = verify(&file_of(folder.path(), number), &world.pairs(), &());
        assert!(matches!(early, Err(Error::Stage(_))), "{number}");
    }
    let (last, new) = (file_of(folder.path(), 4), folder.path().join("new"));
    let late = contribute::contribute(&last, &new, &World::get().pairs(), "late", b"", &());
    assert!(matches!(late, Err(Error::Stage(_))));
    let twice = contribute::end_with(&last, &new, beacon(), &());
    assert!(matches!(twice, Err(Error::Stage(_))));
    for (value, iterations) in [
        (vec![], 4),
        (vec![1; 257], 4),
        (vec![1], 31),
        (vec![1; 70_000], 4),
    ] {
        let beacon = Beacon { value, iterations };
        let refused = contribute::end_with(&file_of(folder.path(), 3), &new, beacon, &());
        assert!(matches!(refused, Err(Error::Request(_))), "{refused:?}");
    }
    for announced in ["", "two\nlines", &"long".repeat(200)] {
        let begun = file::begin(&new, &BTreeMap::new(), &world.pairs(), announced);
        assert!(matches!(begun, Err(Error::Request(_))), "{announced}");
    }
    // Powers of tau for fewer rows, which hold for another circuit.
    let ptau = "../folding/tests/data/snarkjs-power-4-prepared.ptau";
    let smaller = Phase1::read(Path::new(ptau), 8).expect("read");
    let circuits = [(&world.circuits[0], &smaller)];
    assert!(world.circuits[0].domain() > smaller.domain());
    let begun = file::begin(&new, &BTreeMap::new(), &circuits, "later");
    assert!(matches!(begun, Err(Error::Request(_))), "{begun:?}");
    let alone = contribute::end_with(&file_of(folder.path(), 0), &new, beacon(), &());
    assert!(matches!(alone, Err(Error::Stage(_))));
    let hidden = [
        "",
        "two\nlines",
        "\u{1b}[2J",
        "turned \u{202e}round",
        "not\u{200b}seen",
    ];
    for name in hidden.into_iter().chain([&*"long".repeat(30)]) {
        let refused = contribute::contribute(
            &file_of(folder.path(), 0),
            &new,
            &world.pairs(),
            name,
            b"",
            &(),
        );
        assert!(matches!(refused, Err(Error::Request(_))), "{name}");
    }
    assert!(!new.exists());
    // A file that is there is not replaced.
    let there = contribute::contribute(
        &file_of(folder.path(), 0),
        &last,
        &world.pairs(),
        "Ada",
        b"",
        &(),
    );
    assert!(matches!(there, Err(Error::Io { .. })));
}

/// Whoever waits may stop, and nothing is left of it.
#[test]
fn an_interrupted_contribution_leaves_nothing() {
    struct Impatient;
    impl maci_nova_chain::Observer for Impatient {
        fn interrupted(&self) -> bool {
            true
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    ceremony(folder.path());
    let new = folder.path().join("new");
    let from = file_of(folder.path(), 1);
    let stopped =
        contribute::contribute(&from, &new, &World::get().pairs(), "Ada", b"", &Impatient);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("read").collect();
    assert_eq!(left.len(), 5);
}
