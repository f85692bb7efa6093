//! Powers-of-tau files that will not do.

use std::fs;

use ark_bn254::Fr;
use ark_ff::Field;
use maci_nova_ceremony::testing::{write_prepared, Secrets};
use maci_nova_ceremony::{Error, Phase1};

const POWER: u32 = 4;
const DOMAIN: usize = 1 << POWER;

fn read(bytes: &[u8]) -> Result<Phase1, Error> {
    read_for(bytes, DOMAIN)
}

fn read_for(bytes: &[u8], domain: usize) -> Result<Phase1, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, bytes).expect("written");
    let phase1 = Phase1::read(&path, domain, &())?;
    phase1.lagrange_2(&())?;
    Ok(phase1)
}

fn bytes(secrets: &Secrets, prepared: &[u32]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    write_prepared(&path, secrets, POWER, prepared);
    fs::read(&path).expect("read")
}

/// Where a section's content begins.
fn start_of(bytes: &[u8], section: u32) -> usize {
    let mut at = 12;
    loop {
        let number = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().expect("eight"));
        if number == section {
            return at + 12;
        }
        at += 12 + length as usize;
    }
}

#[test]
fn a_file_of_snarkjs_is_read() {
    let file = include_bytes!("../../../folding/tests/data/snarkjs-power-4-prepared.ptau");
    let theirs = read(file).expect("prepared by snarkjs");
    assert_eq!(theirs.domain(), DOMAIN);
    // The bases over smaller domains come before.
    for power in 1..POWER {
        let smaller = read_for(file, 1 << power).expect("prepared by snarkjs");
        assert_eq!(smaller.domain(), 1 << power);
    }
    for domain in [0, 1, 3, 12] {
        assert!(
            matches!(read_for(file, domain), Err(Error::Request(_))),
            "{domain}"
        );
    }
    let plain = include_bytes!("../../../folding/tests/data/snarkjs-power-4.ptau");
    assert!(matches!(
        read(plain),
        Err(Error::NotPrepared { power: POWER, .. })
    ));
}

#[test]
fn every_list_is_compared() {
    let honest = bytes(&Secrets::some(), &[POWER]);
    read(&honest).expect("honest");
    let other = Secrets {
        alpha: Fr::from(99).inverse().expect("not 0"),
        beta: Fr::from(98).inverse().expect("not 0"),
        tau: Fr::from(97).inverse().expect("not 0"),
    };
    let other = bytes(&other, &[POWER]);
    // Section, point, bytes a point.
    for (section, point, size) in [
        (2, 2 * DOMAIN - 2, 64),
        (3, 1, 128),
        (4, 0, 64),
        (4, 7, 64),
        (4, DOMAIN - 1, 64),
        (5, 0, 64),
        (6, 0, 128),
        (12, DOMAIN - 1, 64),
        (12, 2 * DOMAIN - 2, 64),
        (13, DOMAIN + 3, 128),
        (14, DOMAIN + 2, 64),
        (15, DOMAIN + 1, 64),
    ] {
        let at = start_of(&honest, section) + point * size;
        let mut changed = honest.clone();
        changed[at..at + size].copy_from_slice(&other[at..at + size]);
        let refused = read(&changed).expect_err("a point of another ceremony");
        assert!(
            matches!(
                refused,
                Error::Contradiction { .. } | Error::PowersOfTau { .. }
            ),
            "{section} {point}: {refused}"
        );
        // Infinity, and no point at all.
        changed[at..at + size].fill(0);
        assert!(read(&changed).is_err(), "{section} {point}");
        changed[at] = 1;
        assert!(read(&changed).is_err(), "{section} {point}");
    }
}

#[test]
fn another_domain_is_not_prepared() {
    let honest = bytes(&Secrets::some(), &[POWER - 1]);
    assert!(matches!(read(&honest), Err(Error::Contradiction { .. })));
}

#[test]
fn alpha_and_beta_that_nobody_drew() {
    let (good, tau) = (Fr::from(99).inverse().expect("not 0"), Secrets::some().tau);
    for (alpha, beta) in [
        (Fr::ONE, good),
        (-Fr::ONE, good),
        (good, Fr::ONE),
        (Fr::from(65_536), good),
        (good, -Fr::from(4_321)),
        (tau, good),
        (good, -tau),
        (good, good),
        (good, -good),
    ] {
        let secrets = Secrets {
            alpha,
            beta,
            ..Secrets::some()
        };
        let refused = read(&bytes(&secrets, &[POWER])).expect_err("found out");
        assert!(matches!(refused, Error::Contradiction { .. }), "{refused}");
    }
}
