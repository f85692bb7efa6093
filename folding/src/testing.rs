//! For tests: powers-of-tau files, of a tau that makes them quick to write, and as they are read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use halo2curves::bn256::{G1Affine, G2Affine, G1, G2};
use halo2curves::group::{Curve, Group};
use halo2curves::serde::SerdeObject;

use crate::powers_of_tau::PowersOfTau;
use crate::ptau_file::{header, PtauError, MAGIC, VERSION};

/// Writes 2^power points for tau = 2^(16 + seed), as pruned ceremony files are: not far above what
/// is refused since it is found by trying.
///
/// # Panics
/// If the file cannot be written, or the seed is 0.
pub fn write_powers(path: &Path, seed: u32, power: u32) {
    assert!(seed > 0);
    let mut g1 = vec![G1::generator()];
    for i in 1..1 << power {
        let doubled = (0..16 + seed).fold(g1[i - 1], |point, _| point.double());
        g1.push(doubled);
    }
    let mut affine = vec![G1Affine::default(); g1.len()];
    G1::batch_normalize(&g1, &mut affine);
    let g2 = G2::generator();
    let tau_g2 = (0..16 + seed).fold(g2, |point, _| point.double());
    let g2: Vec<G2Affine> = vec![g2.to_affine(), tau_g2.to_affine()];

    let mut out = BufWriter::new(File::create(path).expect("file"));
    let mut put = |bytes: &[u8]| out.write_all(bytes).expect("written");
    put(MAGIC);
    put(&VERSION.to_le_bytes());
    put(&3u32.to_le_bytes());
    section(&mut put, 1, &header(power));
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

/// The digest of the first `count` powers of a file, if it holds them.
///
/// # Errors
/// As for parameters that are made with the file.
pub fn read_powers(path: &Path, count: usize) -> Result<[u8; 32], PtauError> {
    PowersOfTau::read(path, count).map(|powers| powers.digest())
}
