//! Three contributors and a beacon make keys that prove what is true and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ff::Field;
use maci_nova_ceremony::drand::Round;
use maci_nova_ceremony::testing::{beacon_factors, forge, forge_beacon, write_prepared, Secrets};
use maci_nova_ceremony::verify::{check, verify};
use maci_nova_ceremony::{contribute, file, finish, Beacon, Error, Phase1};
use maci_nova_groth16::{prove, setup, verify as verify_proof, ProvingKey, Trapdoors};

use crate::world::{
    assignment, beacon, ceremony, circuit, file_of, World, ANNOUNCED, COMMITTED, NAMES, PUBLICS,
};

fn keys(folder: &Path) -> Vec<ProvingKey> {
    let world = World::get();
    let verified = verify(&file_of(folder, 4), &world.pairs(), &()).expect("verified");
    let keys = finish::finish(&verified, &world.pairs(), &()).expect("finished");
    let transcript = verified.file().head().transcript;
    assert!(keys.iter().all(|key| key.ceremony() == Some(transcript)));
    keys
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
    for announced in [
        "",
        "two\nlines",
        &"long".repeat(200),
        "drand round 5",
        "Drand quicknet, round 05",
    ] {
        let begun = file::begin(&new, &BTreeMap::new(), &world.pairs(), announced, &());
        assert!(matches!(begun, Err(Error::Request(_))), "{announced}");
    }
    // Powers of tau for fewer rows, which hold for another circuit.
    let ptau = "../folding/tests/data/snarkjs-power-4-prepared.ptau";
    let smaller = Phase1::read(Path::new(ptau), 8, &()).expect("read");
    let circuits = [(&world.circuits[0], &smaller)];
    assert!(world.circuits[0].domain() > smaller.domain());
    let begun = file::begin(&new, &BTreeMap::new(), &circuits, "later", &());
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

/// With trapdoors that are known, a ceremony's keys are the library's own, point by point.
#[test]
fn keys_are_those_of_the_library() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ptau, at) = (folder.path().join("ptau"), |name: &str| {
        folder.path().join(name)
    });
    let inverse = |number: u64| Fr::from(number).inverse().expect("not 0");
    let seed = [6; 32];
    for commits in [true, false] {
        let circuit = circuit(commits);
        let domain = circuit.domain();
        let secrets = Secrets {
            tau: Trapdoors::point(seed, domain),
            alpha: inverse(7),
            beta: inverse(11),
        };
        write_prepared(&ptau, &secrets, 5, &[domain.ilog2()]);
        let phase1 = Phase1::read(&ptau, domain, &()).expect("read");
        let pairs = [(&circuit, &phase1)];
        let [first, second, last] =
            ["first", "second", "last"].map(|name| at(&format!("{name}{commits}")));
        file::begin(&first, &BTreeMap::new(), &pairs, ANNOUNCED, &()).expect("begun");
        let factors = (inverse(13), inverse(17));
        forge(&first, &second, &[factors], &|_| ()).expect("written");
        contribute::end_with(&second, &last, beacon(), &()).expect("ended");
        let verified = verify(&last, &pairs, &()).expect("honest");
        let made = finish::finish(&verified, &pairs, &()).expect("finished");

        let (delta, rho) = beacon_factors(&beacon(), 1)[0];
        let known = [
            secrets.alpha,
            secrets.beta,
            factors.0 * delta,
            factors.1 * rho,
        ];
        let theirs =
            setup(&circuit.matrices, PUBLICS, Trapdoors::known(known, seed)).expect("made");
        let mut expected = theirs.parts();
        if !commits {
            expected.gamma_prime = made[0].parts().gamma_prime;
            assert_eq!(expected.gamma_prime, ark_bn254::G2Affine::generator());
        }
        assert_eq!(made[0].parts(), expected);
    }
}

/// Where a round of drand was announced, its signature ends the ceremony and nothing else.
#[test]
fn a_round_of_drand_ends_a_ceremony() {
    let signature = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";
    let signature = hex::decode(signature).expect("hexadecimal");
    let world = World::get();
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for (name, round, is_right) in [("right", 123, true), ("wrong", 124, false)] {
        let round = Round::new(round).expect("a round").to_string();
        let [new, contributed, last] =
            ["new", "contributed", "last"].map(|stage| at(&format!("{name}-{stage}")));
        file::begin(&new, &BTreeMap::new(), &world.pairs(), &round, &()).expect("begun");
        contribute::contribute(&new, &contributed, &world.pairs(), "Ada", b"", &())
            .expect("contributed");
        let beacon = Beacon {
            value: signature.clone(),
            iterations: 0,
        };
        let ended = contribute::end_with(&contributed, &last, beacon.clone(), &());
        assert_eq!(ended.is_ok(), is_right);
        if is_right {
            verify(&last, &world.pairs(), &()).expect("honest");
            // As often as one likes would be as many beacons as one likes.
            let more = Beacon {
                iterations: 1,
                ..beacon
            };
            let hashed = at("hashed");
            let chosen = contribute::end_with(&contributed, &hashed, more.clone(), &());
            assert!(matches!(chosen, Err(Error::Beacon(_))), "{chosen:?}");
            forge_beacon(&contributed, &hashed, more).expect("written");
            let chosen = verify(&hashed, &world.pairs(), &());
            assert!(matches!(chosen, Err(Error::Beacon(_))), "{chosen:?}");
            continue;
        }
        assert!(matches!(ended, Err(Error::Beacon(_))), "{ended:?}");
        // Somebody's own program does not look.
        forge_beacon(&contributed, &last, beacon).expect("written");
        let forged = verify(&last, &world.pairs(), &());
        assert!(matches!(forged, Err(Error::Beacon(_))), "{forged:?}");
    }
}
