//! What somebody would gain by, and nobody may leave in a ceremony.

use std::fs;
use std::path::{Path, PathBuf};

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use maci_nova_ceremony::file::CeremonyFile;
use maci_nova_ceremony::record::{Kind, Record};
use maci_nova_ceremony::testing::{forge, l};
use maci_nova_ceremony::verify::{check, verify};
use maci_nova_ceremony::{contribute, file, Beacon, Circuit, Error};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::world::{beacon, ceremony, circuit, file_of, World, ANNOUNCED};

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        ceremony(folder.path());
        Bench { folder }
    }

    fn file(&self, number: usize) -> PathBuf {
        file_of(self.folder.path(), number)
    }

    fn bytes(&self, number: usize) -> Vec<u8> {
        fs::read(self.file(number)).expect("read")
    }

    /// What anyone who verifies these bytes is told.
    fn verdict(&self, bytes: &[u8]) -> Result<(), Error> {
        let path = self.folder.path().join("forged");
        fs::write(&path, bytes).expect("written");
        verdict(&path)
    }
}

fn verdict(path: &Path) -> Result<(), Error> {
    verify(path, &World::get().pairs(), &()).map(drop)
}

/// The bytes with a right hash at the end.
fn hashed(mut content: Vec<u8>) -> Vec<u8> {
    let digest = Sha256::digest(&content);
    content.extend_from_slice(&digest);
    content
}

/// Where the lists begin and where the records do.
fn regions(bytes: &[u8]) -> (usize, usize) {
    let length = u32::from_le_bytes(bytes[32..36].try_into().expect("four"));
    let lists = 36 + length as usize;
    let description: file::Description = serde_json::from_slice(&bytes[36..lists]).expect("JSON");
    (lists, lists + description.points() * 64)
}

/// A file with other records.
fn with_records(bytes: &[u8], records: &[Record]) -> Vec<u8> {
    let (_, at) = regions(bytes);
    let mut content = bytes[..at].to_vec();
    content.extend_from_slice(&(records.len() as u32).to_le_bytes());
    for record in records {
        let bytes = record.bytes();
        content.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        content.extend_from_slice(&bytes);
    }
    hashed(content)
}

fn records(path: &Path) -> Vec<Record> {
    CeremonyFile::open(path).expect("open").records().to_vec()
}

/// Bytes all over the file, once with the hash of what it was and once with a right one.
#[test]
fn no_byte_can_be_changed() {
    let bench = Bench::new();
    let honest = bench.bytes(4);
    bench.verdict(&honest).expect("honest");
    let content = honest.len() - 32;
    for at in (0..content).step_by(61).chain([content - 1]) {
        for bit in [1, 0x80] {
            let mut changed = honest.clone();
            changed[at] ^= bit;
            let damaged = bench.verdict(&changed);
            assert!(matches!(damaged, Err(Error::Damaged { .. })), "{at}");
            changed.truncate(content);
            assert!(bench.verdict(&hashed(changed)).is_err(), "{at}");
        }
    }
    for length in (0..honest.len()).step_by(97) {
        assert!(bench.verdict(&honest[..length]).is_err(), "{length}");
        if length < content {
            assert!(
                bench.verdict(&hashed(honest[..length].to_vec())).is_err(),
                "{length}"
            );
        }
    }
    let longer = [&honest[..content], &[0]].concat();
    assert!(bench.verdict(&hashed(longer)).is_err());
}

#[test]
fn records_are_in_their_order_and_all_there() {
    let bench = Bench::new();
    let (honest, all) = (bench.bytes(4), records(&bench.file(4)));
    bench.verdict(&with_records(&honest, &all)).expect("honest");
    let mut others: Vec<Vec<Record>> = Vec::new();
    for i in 0..3 {
        let mut swapped = all.clone();
        swapped.swap(i, i + 1);
        let mut dropped = all.clone();
        dropped.remove(i);
        let mut repeated = all.clone();
        repeated.insert(i, all[i].clone());
        let mut renamed = all.clone();
        renamed[i].author = "Mallory".into();
        others.extend([swapped, dropped, repeated, renamed]);
    }
    for (i, other) in others.iter().enumerate() {
        let refused = bench.verdict(&with_records(&honest, other));
        assert!(
            matches!(refused, Err(Error::Record { .. })),
            "{i}: {refused:?}"
        );
    }
    // Without its beacon, and of no contributions at all.
    for count in [0, 3] {
        let early = bench.verdict(&with_records(&honest, &all[..count]));
        assert!(matches!(early, Err(Error::Stage(_))), "{count}: {early:?}");
    }
}

/// A record of another ceremony about the same circuits, and all of another one about others.
#[test]
fn nothing_comes_from_another_ceremony() {
    let (one, two) = (Bench::new(), Bench::new());
    let mut mixed = records(&one.file(4));
    mixed[1] = records(&two.file(4))[1].clone();
    let refused = one.verdict(&with_records(&one.bytes(4), &mixed));
    assert!(
        matches!(refused, Err(Error::Record { number: 2, .. })),
        "{refused:?}"
    );
    // The lists of one with the records of the other.
    let refused = one.verdict(&with_records(&one.bytes(4), &records(&two.file(4))));
    assert!(matches!(refused, Err(Error::Points { .. })), "{refused:?}");
    let world = World::get();
    let [(a, b), (c, d)] = world.pairs();
    for other in [&[(c, d), (a, b)][..], &[(a, b)]] {
        let refused = verify(&one.file(4), other, &());
        assert!(matches!(refused, Err(Error::Other(_))), "{refused:?}");
    }
    // The same constraints with another number of public variables.
    let fewer = Circuit {
        publics: 1,
        ..circuit(true)
    };
    let refused = verify(&one.file(4), &[(&fewer, b), (c, d)], &());
    assert!(matches!(refused, Err(Error::Other(_))), "{refused:?}");
}

/// Numbers that nobody may contribute.
#[test]
fn factors_that_hide_nothing_are_refused() {
    let bench = Bench::new();
    let some = Fr::from(1_234_567).inverse().expect("not 0");
    let other = Fr::from(7_654_321).inverse().expect("not 0");
    let new = bench.folder.path().join("new");
    let good = [(some, other), (other, some)];
    forge(&bench.file(2), &new, &good, &|_| ()).expect("written");
    CeremonyFile::open(&new).expect("as good as any");
    for (factors, what) in [
        ([(Fr::ONE, other), good[1]], "delta is not changed"),
        ([good[0], (Fr::ONE, some)], "delta is not changed"),
        ([(some, Fr::ONE), good[1]], "rho is not changed"),
        ([(some, some), good[1]], "changed by the same number"),
    ] {
        fs::remove_file(&new).expect("removed");
        forge(&bench.file(2), &new, &factors, &|_| ()).expect("written");
        let refused = CeremonyFile::open(&new).expect_err("refused").to_string();
        assert!(
            refused.contains(what) && refused.contains("Mallory"),
            "{refused}"
        );
    }
}

/// Somebody who undoes what the others did: delta and gamma' back at the generators, or each other.
#[test]
fn points_without_knowledge_are_refused() {
    let bench = Bench::new();
    let honest = bench.bytes(3);
    let change = |change: &dyn Fn(&mut Record)| {
        let mut all = records(&bench.file(3));
        change(&mut all[2]);
        let path = bench.folder.path().join("forged");
        fs::write(&path, with_records(&honest, &all)).expect("written");
        CeremonyFile::open(&path).expect_err("refused").to_string()
    };
    let (one, two) = (G1Affine::generator(), G2Affine::generator());
    let twice = (one + one).into_affine();
    let refused = change(&|record| {
        record.changes[0].points.delta_1 = one;
        record.changes[0].points.delta_2 = two;
    });
    assert!(refused.contains("delta is not changed"), "{refused}");
    let refused = change(&|record| record.changes[0].points.gamma_prime = two);
    assert!(refused.contains("rho is not changed"), "{refused}");
    let refused = change(&|record| {
        let points = &mut record.changes[0].points;
        points.gamma_prime = points.delta_2;
    });
    assert!(refused.contains("are the same"), "{refused}");
    let refused = change(&|record| record.changes[0].points.delta_1 = twice);
    assert!(refused.contains("both groups"), "{refused}");
    for infinite in [0, 1, 2] {
        let refused = change(&|record| {
            let points = &mut record.changes[0].points;
            match infinite {
                0 => points.delta_1 = G1Affine::zero(),
                1 => points.delta_2 = G2Affine::zero(),
                _ => points.gamma_prime = G2Affine::zero(),
            }
        });
        assert!(refused.contains("infinity"), "{refused}");
    }
    let refused = change(&|record| {
        record.changes[1].points.gamma_prime = (two + two).into_affine();
    });
    assert!(refused.contains("does not have"), "{refused}");
    // The proofs of another circuit.
    let refused = change(&|record| {
        record.changes[0].proofs = record.changes[1].proofs;
    });
    assert!(refused.contains("proof"), "{refused}");
    let refused = change(&|record| {
        let proofs = record.changes[0].proofs.as_mut().expect("proofs");
        proofs.delta.response += Fr::ONE;
    });
    assert!(refused.contains("the proof of delta"), "{refused}");
    let refused = change(&|record| {
        let proofs = record.changes[0].proofs.as_mut().expect("proofs");
        proofs.rho.as_mut().expect("of rho").response += Fr::ONE;
    });
    assert!(refused.contains("the proof of rho"), "{refused}");
    let refused = change(&|record| record.changes[0].lists[0] ^= 1);
    assert!(refused.contains("proof"), "{refused}");
    let refused = change(&|record| record.changes[0].proofs = None);
    assert!(refused.contains("does not prove"), "{refused}");
    let refused = change(&|record| {
        record.changes.pop();
    });
    assert!(!refused.is_empty());
}

/// A beacon that somebody has chosen their points for.
#[test]
fn a_beacon_is_what_everybody_computes() {
    let bench = Bench::new();
    let honest = bench.bytes(4);
    let all = records(&bench.file(4));
    let others: [&dyn Fn(&mut Record); 4] = [
        &|record| {
            record.kind = Kind::Beacon(Beacon {
                value: b"another".to_vec(),
                ..beacon()
            })
        },
        &|record| {
            record.kind = Kind::Beacon(Beacon {
                iterations: 5,
                ..beacon()
            })
        },
        &|record| {
            record.kind = Kind::Beacon(Beacon {
                iterations: 200,
                ..beacon()
            })
        },
        &|record| record.kind = Kind::Contribution,
    ];
    for (i, change) in others.into_iter().enumerate() {
        let mut changed = all.clone();
        change(&mut changed[3]);
        let refused = bench.verdict(&with_records(&honest, &changed));
        assert!(
            matches!(refused, Err(Error::Record { number: 4, .. })),
            "{i}: {refused:?}"
        );
    }
    // A contributor who says to be the beacon.
    let mut changed = all.clone();
    changed[2].kind = Kind::Beacon(beacon());
    assert!(bench.verdict(&with_records(&honest, &changed)).is_err());
}

type Change<'a> = &'a dyn Fn(&mut Vec<G1Affine>);

/// Lists that are somebody's own: proofs of what is false could be made with them.
#[test]
fn lists_are_the_circuits() {
    let bench = Bench::new();
    let world = World::get();
    let factors = factors();
    let generator = G1Affine::generator();
    let changes: [Change<'_>; 4] = [
        &|points| points[1] = (points[1] + generator).into_affine(),
        &|points| points.swap(0, 1),
        &|points| points[0] = G1Affine::zero(),
        &|points| {
            let last = points.len() - 1;
            points[last] = -points[last];
        },
    ];
    for (i, change) in changes.into_iter().enumerate() {
        // Of each list alone.
        for length in [
            world.circuits[0].matrices.witness(),
            world.circuits[0].domain() - 1,
            3,
            world.circuits[1].matrices.witness(),
        ] {
            let (new, last) = (
                bench.folder.path().join("new"),
                bench.folder.path().join("last"),
            );
            forge(&bench.file(3), &new, &factors, &|points| {
                if points.len() == length {
                    change(points);
                }
            })
            .expect("written");
            // Its records are as they should be.
            let opened = CeremonyFile::open(&new).expect("open");
            let refused = check(&opened, &world.pairs(), &());
            assert!(
                matches!(refused, Err(Error::Points { .. })),
                "{i} {length}: {refused:?}"
            );
            contribute::end_with(&new, &last, beacon(), &()).expect("ended");
            let refused = verdict(&last);
            assert!(
                matches!(refused, Err(Error::Points { .. })),
                "{i} {length}: {refused:?}"
            );
            fs::remove_file(&new).expect("removed");
            fs::remove_file(&last).expect("removed");
        }
    }
}

/// The first file is nobody's word: a ceremony that began with other lists is refused, by who contributes and by everyone else.
#[test]
fn a_ceremony_that_began_elsewhere_is_refused() {
    let bench = Bench::new();
    let mut first = bench.bytes(0);
    let (lists, _) = regions(&first);
    let (head, tail) = first.split_at_mut(lists + 64);
    head[lists..].swap_with_slice(&mut tail[64..128]);
    let content = first.len() - 32;
    first.truncate(content);
    let (zero, one, two) = ("zero", "one", "two");
    let path = |name: &str| bench.folder.path().join(name);
    fs::write(path(zero), hashed(first)).expect("written");
    let pairs = World::get().pairs();
    let honest = contribute::contribute(&path(zero), &path(one), &pairs, "Ada", b"", &());
    assert!(matches!(honest, Err(Error::Points { .. })), "{honest:?}");
    assert!(!path(one).exists());
    // With somebody who does not look, it ends; and is refused then.
    forge(&path(zero), &path(one), &factors(), &|_| ()).expect("written");
    contribute::end_with(&path(one), &path(two), beacon(), &()).expect("it does not tell");
    let refused = verdict(&path(two));
    assert!(matches!(refused, Err(Error::Points { .. })), "{refused:?}");
    let opened = CeremonyFile::open(&path(two)).expect("open");
    assert_eq!(opened.description().beacon, ANNOUNCED);
}

/// Mallory puts a point of her own into a place whose point is known to be another one, here that of a variable that no
/// constraint uses. Divided by delta it would prove what is false: with `IC / delta` anything. Afterwards she could put the
/// place right again, and nobody would see it.
#[test]
fn an_honest_contributor_divides_nothing_but_the_circuits_lists() {
    let bench = Bench::new();
    let world = World::get();
    let wanted = world.circuits[0].ic(&world.phase1[0])[0];
    let unused = l(&world.circuits[0], &world.phase1[0]);
    let unused = unused
        .iter()
        .position(AffineRepr::is_zero)
        .expect("a variable that is not used");
    let witness = unused_length();
    let (asked, answered) = (
        bench.folder.path().join("asked"),
        bench.folder.path().join("answered"),
    );
    forge(&bench.file(1), &asked, &factors(), &|points| {
        if points.len() == witness {
            points[unused] = wanted;
        }
    })
    .expect("written");
    CeremonyFile::open(&asked).expect("its records are as they should be");
    let answer = contribute::contribute(&asked, &answered, &world.pairs(), "Ada", b"", &());
    assert!(matches!(answer, Err(Error::Points { .. })), "{answer:?}");
    assert!(!answered.exists());
}

/// Points of the first circuit's L.
fn unused_length() -> usize {
    World::get().circuits[0].matrices.witness()
}

/// Numbers that somebody contributes to both circuits.
fn factors() -> [(Fr, Fr); 2] {
    [3, 5].map(|seed| {
        let one = Fr::from(seed).inverse().expect("not 0");
        (one, one + Fr::ONE)
    })
}

/// A beacon is for the end: of beacons alone everybody knows the trapdoors, and after one its number is no surprise.
#[test]
fn a_beacon_ends_contributions() {
    let bench = Bench::new();
    let all = records(&bench.file(4));
    for order in [&[3][..], &[3, 3], &[0, 3, 1, 3], &[0, 3, 3]] {
        let chosen: Vec<Record> = order.iter().map(|i| all[*i].clone()).collect();
        let refused = bench.verdict(&with_records(&bench.bytes(4), &chosen));
        let Err(Error::Record { reason, .. }) = refused else {
            panic!("{order:?}: {refused:?}");
        };
        assert!(
            reason.contains("a beacon") || order.len() == 4,
            "{order:?}: {reason}"
        );
    }
}

/// On the curve and not of the group: pairings say nothing of such a point.
#[test]
fn points_outside_the_group_are_no_points() {
    let bench = Bench::new();
    let outside = (1..)
        .filter_map(|x| {
            let x = ark_bn254::Fq2::new(ark_bn254::Fq::from(x), ark_bn254::Fq::from(0));
            G2Affine::get_point_from_x_unchecked(x, true)
        })
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("nearly all points");
    let changes: [&dyn Fn(&mut Record); 3] = [
        &|record| record.changes[0].points.delta_2 = outside,
        &|record| record.changes[0].points.gamma_prime = outside,
        &|record| {
            let proofs = record.changes[0].proofs.as_mut().expect("proofs");
            proofs.rho.as_mut().expect("of rho").commitment = outside;
        },
    ];
    for change in changes {
        let mut all = records(&bench.file(4));
        change(&mut all[1]);
        let refused = bench.verdict(&with_records(&bench.bytes(4), &all));
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    }
}
