//! What a ceremony takes from a powers-of-tau file: x, alpha and beta, in the form that circuits need.
//!
//! A file that is prepared for phase 2 (`snarkjs powersoftau prepare phase2`) has, for each power of two, the Lagrange
//! basis over its roots of unity at x, L_i(x), in sections 12 (G1), 13 (G2), 14 (times alpha) and 15 (times beta); the one
//! for 2^k begins at point 2^k - 1. Section 2 has the powers of x in G1, 3 those in G2, 4 those times alpha, 5 those times
//! beta, and 6 beta in G2.
//!
//! Everything is checked before it is used. For random weights w and the coefficients c of the polynomial that takes them:
//! * powers of x: as for the commitments, and none that anyone finds out;
//! * `sum w_i alpha x^i`: its next powers are x times these, by a pairing;
//! * `sum w_i L_i = sum c_i x^i`, and the same times alpha;
//! * `e(sum w_i beta L_i, G2) = e(sum w_i L_i, beta_2)`, `e(sum w_i L_i, G2) = e(G1, sum w_i L_i)`;
//! * every point of G2 is of the group.

use std::path::{Path, PathBuf};

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use halo2curves::bn256;
use halo2curves::serde::SerdeObject;
use maci_nova_chain::{Observer, Stage};
use maci_nova_folding::ptau_file::{PtauFile, Section};
use maci_nova_folding::{read_powers_of_tau, PtauError};
use maci_nova_groth16::convert::ToArk;
use maci_nova_groth16::valid_g2;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::encoding::{encode, put};
use crate::meter::Meter;
use crate::sums::{is_ratio, sum, weights};
use crate::Error;

/// Prefix of [`Phase1::digest`].
const DIGEST_DOMAIN: &[u8] = b"maci-nova ceremony, powers of tau, version 1";
/// Alpha and beta up to this number, and their negatives, are found by trying.
const SMALL: usize = 1 << 16;
/// Sums over the domain that [`Phase1::read`] checks with, and what [`Phase1::lagrange_2`] does with each of its points.
const SUMS: usize = 7;
const SUMS_2: usize = 3;
/// Points that are read at once.
const AT_ONCE: usize = 1 << 16;

/// The bases over one domain, checked.
pub struct Phase1 {
    path: PathBuf,
    /// x^j (x^n - 1) for j below n - 1: H before anyone has contributed.
    pub(crate) vanishing: Vec<G1Affine>,
    /// L_i(x).
    pub(crate) lagrange: Vec<G1Affine>,
    /// alpha L_i(x).
    pub(crate) alpha_lagrange: Vec<G1Affine>,
    /// beta L_i(x).
    pub(crate) beta_lagrange: Vec<G1Affine>,
    pub(crate) alpha_1: G1Affine,
    pub(crate) beta_1: G1Affine,
    pub(crate) beta_2: G2Affine,
    tau_2: G2Affine,
    digest: [u8; 32],
}

impl core::fmt::Debug for Phase1 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Phase1")
            .field("path", &self.path)
            .field("domain", &self.domain())
            .finish_non_exhaustive()
    }
}

impl Phase1 {
    /// Reads and checks what a domain of this size, a power of two, needs.
    ///
    /// # Errors
    /// [`Error::PowersOfTau`], [`Error::NotPrepared`], [`Error::Contradiction`], [`Error::Interrupted`].
    pub fn read(path: &Path, domain: usize, observer: &dyn Observer) -> Result<Self, Error> {
        if !domain.is_power_of_two() || domain < 2 {
            return Err(Error::Request(format!(
                "there is no domain of {domain} rows"
            )));
        }
        let stage = observer.begin(Stage::Timed {
            label: "powers of tau",
        });
        let (powers, tau_2) =
            read_powers_of_tau(path, 2 * domain - 1).map_err(Error::powers_of_tau(path))?;
        drop(stage);
        let mut phase1 = Phase1 {
            path: path.to_owned(),
            vanishing: Vec::new(),
            lagrange: Vec::new(),
            alpha_lagrange: Vec::new(),
            beta_lagrange: Vec::new(),
            alpha_1: G1Affine::zero(),
            beta_1: G1Affine::zero(),
            beta_2: G2Affine::zero(),
            tau_2: tau_2.to_ark(),
            digest: [0; 32],
        };
        let mut meter = Meter::new(observer, "bases", SUMS * domain);
        phase1.take(&to_ark(powers), domain, &mut meter)?;
        Ok(phase1)
    }

    /// Reads the rest, and checks it. A list is let go as soon as nothing needs it: each has as many points as the domain has
    /// rows.
    fn take(
        &mut self,
        powers: &[G1Affine],
        domain: usize,
        meter: &mut Meter<'_>,
    ) -> Result<(), Error> {
        let (path, start) = (self.path.clone(), domain - 1);
        let mut file = Opened::new(&path)?;
        self.beta_1 = file.points::<bn256::G1Affine>(Section::BETA, 0, 1)?[0];
        self.beta_2 = file.points::<bn256::G2Affine>(Section::BETA_2, 0, 1)?[0];
        let w = weights(domain);
        let roots = Radix2EvaluationDomain::<Fr>::new(domain)
            .ok_or_else(|| self.contradiction("there is no domain of that size"))?;
        let coefficients = roots.ifft(&w);
        let expected = sum(&powers[..domain], &coefficients, meter)?;
        let expected_alpha = {
            let alpha_powers = file.points::<bn256::G1Affine>(Section::ALPHA, 0, domain)?;
            self.alpha_1 = alpha_powers[0];
            self.check_secrets(&powers[1])?;
            self.check_alpha(&alpha_powers, meter)?;
            self.digest = self.digest_with(powers, &alpha_powers);
            sum(&alpha_powers, &coefficients, meter)?
        };
        let mut prepared = |section| file.prepared::<bn256::G1Affine>(section, start, domain);
        self.lagrange = prepared(Section::LAGRANGE)?;
        self.alpha_lagrange = prepared(Section::ALPHA_LAGRANGE)?;
        self.beta_lagrange = prepared(Section::BETA_LAGRANGE)?;
        if sum(&self.lagrange, &w, meter)? != expected {
            return Err(self.contradiction("the Lagrange bases in G1"));
        }
        if sum(&self.alpha_lagrange, &w, meter)? != expected_alpha {
            return Err(self.contradiction("the Lagrange bases times alpha"));
        }
        let beta = sum(&self.beta_lagrange, &w, meter)?;
        let lagrange = expected.into_affine();
        let two = G2Affine::generator();
        if !is_ratio(&beta.into_affine(), &lagrange, &self.beta_2, &two) {
            return Err(self.contradiction("the Lagrange bases times beta"));
        }
        self.vanishing = differences(powers, domain);
        Ok(())
    }

    /// L_i(x) in G2, which only whoever makes the keys needs.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn lagrange_2(&self, observer: &dyn Observer) -> Result<Vec<G2Affine>, Error> {
        let domain = self.domain();
        let meter = &mut Meter::new(observer, "bases in G2", SUMS_2 * domain);
        let mut file = Opened::new(&self.path)?;
        let points = file.prepared::<bn256::G2Affine>(Section::LAGRANGE_2, domain - 1, domain)?;
        for part in points.chunks(AT_ONCE) {
            if !part.par_iter().all(valid_g2) {
                return Err(self.contradiction("a Lagrange base in G2 is not of the group"));
            }
            meter.add(part.len())?;
        }
        let weights = weights(domain);
        let one = sum(&self.lagrange, &weights, meter)?.into_affine();
        let two = sum(&points, &weights, meter)?.into_affine();
        match is_ratio(&one, &G1Affine::generator(), &two, &G2Affine::generator()) {
            true => Ok(points),
            false => Err(self.contradiction("the Lagrange bases of both groups")),
        }
    }

    /// `[alpha]_1`.
    pub fn alpha_1(&self) -> G1Affine {
        self.alpha_1
    }

    /// `[beta]_2`.
    pub fn beta_2(&self) -> G2Affine {
        self.beta_2
    }

    /// `[x]_2`.
    pub fn tau_2(&self) -> G2Affine {
        self.tau_2
    }

    /// Rows of the domain.
    pub fn domain(&self) -> usize {
        self.lagrange.len()
    }

    /// SHA-256 over a prefix, the number of rows, and, as a ceremony's file has them: the powers of x in G1, those times
    /// alpha, beta in G1 and in G2, and x in G2. All the rest follows from these.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    fn digest_with(&self, powers: &[G1Affine], alpha_powers: &[G1Affine]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(DIGEST_DOMAIN);
        hash.update((alpha_powers.len() as u64).to_le_bytes());
        for points in powers.chunks(AT_ONCE).chain(alpha_powers.chunks(AT_ONCE)) {
            hash.update(encode(points));
        }
        let mut rest = encode(&[self.beta_1]);
        put(&mut rest, &self.beta_2);
        put(&mut rest, &self.tau_2);
        hash.update(rest);
        hash.finalize().into()
    }

    fn contradiction(&self, what: &'static str) -> Error {
        Error::Contradiction {
            path: self.path.clone(),
            what,
        }
    }

    /// Alpha and beta are none that anyone finds out, and beta is the same in both groups.
    fn check_secrets(&self, tau: &G1Affine) -> Result<(), Error> {
        let (one, two) = (G1Affine::generator(), G2Affine::generator());
        if !valid_g2(&self.beta_2) || self.beta_2.is_zero() {
            return Err(self.contradiction("beta in G2 is not of the group"));
        }
        for (point, what) in [
            (self.alpha_1, "alpha is found by trying"),
            (self.beta_1, "beta is found by trying"),
        ] {
            if point.is_zero() || point == *tau || point == -*tau || is_small(&point) {
                return Err(self.contradiction(what));
            }
        }
        if self.alpha_1 == self.beta_1 || self.alpha_1 == -self.beta_1 {
            return Err(self.contradiction("alpha and beta are the same"));
        }
        match is_ratio(&self.beta_1, &one, &self.beta_2, &two) {
            true => Ok(()),
            false => Err(self.contradiction("beta in both groups")),
        }
    }

    /// Each power of x times alpha is x times the one before.
    fn check_alpha(&self, alpha_powers: &[G1Affine], meter: &mut Meter<'_>) -> Result<(), Error> {
        let last = alpha_powers.len() - 1;
        let w = weights(last);
        let low = sum(&alpha_powers[..last], &w, meter)?.into_affine();
        let high = sum(&alpha_powers[1..], &w, meter)?.into_affine();
        match is_ratio(&high, &low, &self.tau_2, &G2Affine::generator()) {
            true => Ok(()),
            false => Err(self.contradiction("the powers of tau times alpha")),
        }
    }
}

/// `x^(j + n) - x^j` for j below n - 1, from `x^i` for i below 2n - 1.
fn differences(powers: &[G1Affine], n: usize) -> Vec<G1Affine> {
    let mut all = Vec::with_capacity(n - 1);
    for start in (0..n - 1).step_by(AT_ONCE) {
        let end = (n - 1).min(start + AT_ONCE);
        let part: Vec<G1Projective> = (start..end)
            .into_par_iter()
            .map(|j| powers[j + n] - powers[j])
            .collect();
        all.extend(G1Projective::normalize_batch(&part));
    }
    all
}

/// Whether a point is a multiple of the generator, or the negative of one, by a number up to [`SMALL`].
fn is_small(point: &G1Affine) -> bool {
    let one = G1Projective::generator();
    let (point, mut multiple) = (point.into_group(), one);
    (0..SMALL).any(|_| {
        let found = multiple == point || multiple == -point;
        multiple += one;
        found
    })
}

/// A file, with its name for errors.
struct Opened<'a> {
    path: &'a Path,
    file: PtauFile,
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path) -> Result<Self, Error> {
        let file = PtauFile::open(path).map_err(Error::powers_of_tau(path))?;
        Ok(Opened { path, file })
    }

    fn points<P>(
        &mut self,
        section: Section,
        start: usize,
        count: usize,
    ) -> Result<Vec<P::Ark>, Error>
    where
        P: SerdeObject + ToArk<Ark: Send> + Send + Sync,
    {
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let part = AT_ONCE.min(count - all.len());
            let read = self.file.read::<P>(section, start + all.len(), part);
            let read = read.map_err(Error::powers_of_tau(self.path))?;
            all.par_extend(read.par_iter().map(ToArk::to_ark));
        }
        Ok(all)
    }

    fn prepared<P>(
        &mut self,
        section: Section,
        start: usize,
        count: usize,
    ) -> Result<Vec<P::Ark>, Error>
    where
        P: SerdeObject + ToArk<Ark: Send> + Send + Sync,
    {
        let missing = |source: &PtauError| {
            matches!(
                source,
                PtauError::NoSection(_) | PtauError::TooFewPoints { .. }
            )
        };
        self.points::<P>(section, start, count)
            .map_err(|error| match error {
                Error::PowersOfTau { path, source } if missing(&source) => Error::NotPrepared {
                    path,
                    power: count.ilog2(),
                },
                other => other,
            })
    }
}

/// Takes the points, so that a list of them is not in memory twice for longer than this.
fn to_ark(points: Vec<bn256::G1Affine>) -> Vec<G1Affine> {
    points.par_iter().map(ToArk::to_ark).collect()
}
