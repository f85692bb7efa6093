//! For tests: powers-of-tau files, prepared for phase 2, of trapdoors that everybody knows.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{PrimeGroup, ScalarMul};
use ark_ff::Field;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use halo2curves::serde::SerdeObject;
use maci_nova_folding::ptau_file::{header, Section, MAGIC, VERSION};
use maci_nova_groth16::convert::ToHalo;

use crate::contribute::{divided, next, record};
use crate::file::{create, CeremonyFile};
use crate::meter::Meter;
use crate::record::{Factors, Kind};
use crate::{Beacon, Circuit, Error, Phase1};

/// What nobody may know.
#[derive(Clone, Copy, Debug)]
pub struct Secrets {
    /// x.
    pub tau: Fr,
    /// alpha.
    pub alpha: Fr,
    /// beta.
    pub beta: Fr,
}

impl Secrets {
    /// Some that are not found by trying.
    pub fn some() -> Self {
        let [tau, alpha, beta] = [5, 7, 11].map(|seed| Fr::from(seed).inverse().expect("not 0"));
        Secrets { tau, alpha, beta }
    }
}

/// L of a circuit before anyone has contributed.
pub fn l(circuit: &Circuit, phase1: &Phase1) -> Vec<G1Affine> {
    let all = circuit.l(phase1, &mut Meter::silent());
    all.expect("nobody asks to stop")
}

/// The factors of delta and rho that a beacon has, for each of so many circuits.
pub fn beacon_factors(beacon: &Beacon, circuits: usize) -> Vec<(Fr, Fr)> {
    let factors = beacon.factors(circuits).into_iter();
    factors
        .map(|factors| (factors.delta, factors.rho))
        .collect()
}

/// A contribution with these factors of delta and rho, of which nothing is checked, and whose new lists are changed before
/// they are written and hashed.
///
/// # Errors
/// Those of the files.
pub fn forge(
    input: &Path,
    output: &Path,
    factors: &[(Fr, Fr)],
    change: &dyn Fn(&mut Vec<G1Affine>),
) -> Result<(), Error> {
    let file = CeremonyFile::open(input)?;
    let factors: Vec<Factors> = factors
        .iter()
        .map(|(delta, rho)| Factors {
            delta: *delta,
            rho: *rho,
        })
        .collect();
    create(output, file.description(), |writer| {
        let lists = divided(&file, &factors, None, &(), |points, hash| {
            let mut changed = points.to_vec();
            change(&mut changed);
            let written: io::Result<()> = writer.put(&changed, hash);
            written.map_err(Error::io("write", output))
        })?;
        let mut records = file.records().to_vec();
        records.push(record(
            &file,
            "Mallory",
            Kind::Contribution,
            &factors,
            &lists,
        ));
        Ok(records)
    })
}

/// Ends a ceremony with a beacon, whatever was announced.
///
/// # Errors
/// Those of the files.
pub fn forge_beacon(input: &Path, output: &Path, beacon: Beacon) -> Result<(), Error> {
    let file = CeremonyFile::open(input)?;
    let factors = beacon.factors(file.commits().len());
    next(
        &file,
        output,
        "beacon",
        Kind::Beacon(beacon),
        &factors,
        None,
        &(),
    )
    .map(|_| ())
}

/// Scalars at once: their multiples of a generator are in memory.
const AT_ONCE: usize = 1 << 18;

/// Writes a file of power `power` whose Lagrange bases are there for these powers of two alone. What nobody reads is left
/// out or a hole.
///
/// # Panics
/// If it cannot be written.
pub fn write_prepared(path: &Path, secrets: &Secrets, power: u32, prepared: &[u32]) {
    let file = File::create(path).expect("a file");
    let mut out = Out(BufWriter::new(file));
    out.bytes(MAGIC);
    out.bytes(&VERSION.to_le_bytes());
    out.bytes(&10u32.to_le_bytes());
    out.section(Section::HEADER, 40);
    out.bytes(&header(power));
    let n = 1 << power;
    let Secrets { tau, alpha, beta } = *secrets;
    out.section(Section::TAU, (2 * n - 1) * 64);
    out.powers(tau, Fr::ONE, 2 * n - 1);
    out.section(Section::TAU_2, 2 * 128);
    out.g2(&[Fr::ONE, tau]);
    out.section(Section::ALPHA, n * 64);
    out.powers(tau, alpha, n);
    out.section(Section::BETA, 64);
    out.g1(&[beta]);
    out.section(Section::BETA_2, 128);
    out.g2(&[beta]);
    for (section, factor, bytes) in [
        (Section::LAGRANGE, Fr::ONE, 64),
        (Section::LAGRANGE_2, Fr::ONE, 128),
        (Section::ALPHA_LAGRANGE, alpha, 64),
        (Section::BETA_LAGRANGE, beta, 64),
    ] {
        out.section(section, (2 * n - 1) * bytes);
        let start = out.0.stream_position().expect("a position");
        for k in prepared {
            let at = start + (((1_u64 << k) - 1) * bytes as u64);
            out.0.seek(SeekFrom::Start(at)).expect("there");
            let scalars = lagrange(tau, *k, factor);
            match section == Section::LAGRANGE_2 {
                true => out.g2(&scalars),
                false => out.g1(&scalars),
            }
        }
        let end = start + ((2 * n - 1) * bytes) as u64;
        out.0.seek(SeekFrom::Start(end)).expect("there");
    }
    out.0.flush().expect("written");
    // A hole at the end is part of the file all the same.
    let end = out.0.stream_position().expect("a position");
    out.0.get_ref().set_len(end).expect("grown");
}

/// L_i(tau) times a factor, over the roots of unity of order 2^power.
fn lagrange(tau: Fr, power: u32, factor: Fr) -> Vec<Fr> {
    let domain = Radix2EvaluationDomain::<Fr>::new(1 << power).expect("a domain");
    let mut all = domain.evaluate_all_lagrange_coefficients(tau);
    all.iter_mut().for_each(|value| *value *= factor);
    all
}

struct Out(BufWriter<File>);

impl Out {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("written");
    }

    fn section(&mut self, section: Section, bytes: usize) {
        self.bytes(&section.number().to_le_bytes());
        self.bytes(&(bytes as u64).to_le_bytes());
    }

    fn powers(&mut self, tau: Fr, factor: Fr, count: usize) {
        let mut power = factor;
        let mut left = count;
        while left > 0 {
            let mut scalars = Vec::with_capacity(AT_ONCE.min(left));
            for _ in 0..AT_ONCE.min(left) {
                scalars.push(power);
                power *= tau;
            }
            left -= scalars.len();
            self.g1(&scalars);
        }
    }

    fn g1(&mut self, scalars: &[Fr]) {
        for part in scalars.chunks(AT_ONCE) {
            let points: Vec<G1Affine> = G1Projective::generator().batch_mul(part);
            for point in points {
                self.bytes(&point.to_halo().to_raw_bytes());
            }
        }
    }

    fn g2(&mut self, scalars: &[Fr]) {
        for part in scalars.chunks(AT_ONCE) {
            let points: Vec<G2Affine> = G2Projective::generator().batch_mul(part);
            for point in points {
                self.bytes(&point.to_halo().to_raw_bytes());
            }
        }
    }
}
