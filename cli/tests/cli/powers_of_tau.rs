//! A setup from a file: powers of a tau that makes the file quick to write.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use ff::{Field, PrimeField};
use halo2curves::bn256::{Fq, G1Affine, G2Affine, G1, G2};
use halo2curves::group::{Curve, Group};
use halo2curves::serde::SerdeObject;

use crate::harness::{run_line, Poll};

/// Enough for a poll of a few hundred voters.
const POWER: u32 = 16;

/// Writes 2^power points for tau = 2 or tau = 3, as pruned ceremony files are.
fn write(path: &Path, tau: u64) {
    assert!(tau == 2 || tau == 3);
    let times_tau = |point: G1| {
        if tau == 2 {
            point.double()
        } else {
            point.double() + point
        }
    };
    let mut g1 = vec![G1::generator()];
    for i in 1..1 << POWER {
        g1.push(times_tau(g1[i - 1]));
    }
    let mut affine = vec![G1Affine::default(); g1.len()];
    G1::batch_normalize(&g1, &mut affine);
    let g2 = G2::generator();
    let tau_g2 = if tau == 2 {
        g2.double()
    } else {
        g2.double() + g2
    };
    let g2: Vec<G2Affine> = vec![g2.to_affine(), tau_g2.to_affine()];

    let mut out = BufWriter::new(File::create(path).expect("file"));
    let mut put = |bytes: &[u8]| out.write_all(bytes).expect("written");
    put(b"ptau");
    put(&1u32.to_le_bytes());
    put(&3u32.to_le_bytes());
    section(&mut put, 1, &header());
    let raw: Vec<u8> = affine.iter().flat_map(SerdeObject::to_raw_bytes).collect();
    section(&mut put, 2, &raw);
    let raw: Vec<u8> = g2.iter().flat_map(SerdeObject::to_raw_bytes).collect();
    section(&mut put, 3, &raw);
}

fn section(put: &mut impl FnMut(&[u8]), id: u32, bytes: &[u8]) {
    put(&id.to_le_bytes());
    put(&(bytes.len() as u64).to_le_bytes());
    put(bytes);
}

/// Size of the prime, the prime, the power.
fn header() -> Vec<u8> {
    // The prime is odd: its last byte is one more than that of prime - 1.
    let mut prime = (-Fq::ONE).to_repr().as_ref().to_vec();
    prime[0] += 1;
    [&32u32.to_le_bytes()[..], &prime, &POWER.to_le_bytes()].concat()
}

#[test]
fn a_proof_with_a_file_needs_that_file_to_verify() {
    let poll = Poll::tiny();
    let out = poll.beside("proof");
    let (ours, others) = (poll.beside("ours.ptau"), poll.beside("others.ptau"));
    write(&ours, 2);
    write(&others, 3);
    let proved = run_line(
        "prove --production --json --log {} --key-file {} --out {} --ptau {}",
        &[&poll.log, &poll.key, &out, &ours],
    )
    .ok();
    assert!(!proved.stderr.contains("INSECURE"), "{proved:?}");
    let proved = proved.json();
    assert_eq!(proved["insecure"], false);
    assert_eq!(proved["setup"], "powers of tau");

    let verify = "verify --production --json --log {} --proof {} --ptau {}";
    let verified = run_line(verify, &[&poll.log, &out, &ours]).ok();
    assert_eq!(verified.stderr, "");
    assert_eq!(verified.json(), proved);

    let verify = "verify --log {} --proof {}";
    let error = run_line(verify, &[&poll.log, &out]).failed(5);
    assert!(error.contains("--ptau"), "{error}");
    let verify = "verify --log {} --proof {} --ptau {}";
    let error = run_line(verify, &[&poll.log, &out, &others]).failed(5);
    assert!(error.contains("others.ptau"), "{error}");
}

/// A file that is given is what the verifier trusts, whatever the proof says it rests on.
#[test]
fn a_development_proof_does_not_pass_for_one_with_a_file() {
    let poll = Poll::tiny();
    let out = poll.beside("proof");
    let ours = poll.beside("ours.ptau");
    write(&ours, 2);
    run_line(
        "prove --json --log {} --key-file {} --out {} --insecure-setup",
        &[&poll.log, &poll.key, &out],
    )
    .ok();
    let error = run_line(
        "verify --log {} --proof {} --ptau {}",
        &[&poll.log, &out, &ours],
    )
    .failed(5);
    assert!(error.contains("INSECURE"), "{error}");
}
