//! Powers of tau: the structured reference string of the KZG commitments on BN254.
//!
//! A `.ptau` file holds `tau^i * G1` and `tau^i * G2` for a secret tau that nobody kept. The file
//! comes from outside, so everything that the proofs rely on is checked here before a point of it
//! is used: the container, the curve, each point, and that the points are the powers of one tau.

use std::path::Path;

use ff::{Field, FromUniformBytes, PrimeField};
use halo2curves::{
    bn256::{Bn256, Fr, G1Affine, G2Affine, G1, G2},
    group::{cofactor::CofactorCurveAffine, Curve, Group},
    msm::msm_best,
    pairing::Engine,
    serde::SerdeObject,
};
use rand_core::{OsRng, RngCore};
use rayon::prelude::*;
use sha2::{Digest, Sha256, Sha512};

use crate::ptau_file::{base_prime, PtauError, PtauFile, Section};

/// A tau, or its negative, up to this number is found by trying.
const SMALL_TAU: u64 = 1 << 16;

/// Where there is nothing but one point in G2, numbers up to this are tried,
const SMALL_TAU_2: u64 = 1 << 10;
/// and the roots of unity whose order divides this.
const SMALL_ORDER: u32 = 1 << 5;

/// Tau of the development setup is SHA-512 of this text as a little-endian integer mod r.
const DEVELOPMENT_LABEL: &[u8] =
    b"maci-nova INSECURE development powers of tau, version 1: this tau is known to everybody";

/// Prefix of the digest that names a set of powers.
const DIGEST_DOMAIN: &[u8] = b"maci-nova powers of tau, version 1";

/// `tau^i * G1` for i in 0..count, and `tau * G2`, over the standard generators.
pub(crate) struct PowersOfTau {
    g1: Vec<G1Affine>,
    tau_g2: G2Affine,
}

impl PowersOfTau {
    /// Reads and checks the first `count` powers (at least 2) of a file.
    pub(crate) fn read(path: &Path, count: usize) -> Result<Self, PtauError> {
        let mut file = PtauFile::open(path)?;
        let needed = count.ilog2();
        if file.power() < needed {
            return Err(PtauError::TooSmall {
                needed,
                found: file.power(),
            });
        }
        let g1 = file.read(Section::TAU, 0, count)?;
        let g2: Vec<G2Affine> = file.read(Section::TAU_2, 0, 2)?;
        let powers = PowersOfTau { g1, tau_g2: g2[1] };
        if powers.g1[0] != G1Affine::generator() || g2[0] != G2Affine::generator() {
            return Err(PtauError::NotPowers);
        }
        powers.check()?;
        Ok(powers)
    }

    /// The first `count` (a power of two) powers of the development tau. INSECURE by design.
    pub(crate) fn development(count: usize) -> Self {
        PowersOfTau::of(development_tau(), count)
    }

    fn of(tau: Fr, count: usize) -> Self {
        PowersOfTau {
            g1: fixed_base_powers(tau, count),
            tau_g2: (G2::generator() * tau).to_affine(),
        }
    }

    /// `2^power` points of G1 are used.
    pub(crate) fn power(&self) -> u32 {
        self.g1.len().ilog2()
    }

    /// SHA-256 over the domain, the prime, the number of points, and the points as a file holds
    /// them: `tau^i * G1` for i in 0..count, `G2`, `tau * G2`.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(DIGEST_DOMAIN);
        hash.update(base_prime());
        hash.update((self.g1.len() as u64).to_le_bytes());
        for point in &self.g1 {
            hash.update(point.to_raw_bytes());
        }
        hash.update(G2Affine::generator().to_raw_bytes());
        hash.update(self.tau_g2.to_raw_bytes());
        hash.finalize().into()
    }

    /// The powers in G1, and tau times the generator of G2.
    pub(crate) fn into_points(self) -> (Vec<G1Affine>, G2Affine) {
        (self.g1, self.tau_g2)
    }

    /// `tau * G2` is a non-zero element of the prime-order group, and with random rho_i
    /// `e(sum rho_i G1[i+1], G2) = e(sum rho_i G1[i], tau G2)`; as `G1[0]` is the generator, each
    /// `G1[i]` is then `tau^i G1` (but with probability 2^-128) and none is infinity.
    fn check(&self) -> Result<(), PtauError> {
        let invalid = PtauError::InvalidPoint {
            group: "G2",
            index: 1,
        };
        // (r - 1) Q = -Q, that is r Q = 0; the multiplication is a plain double-and-add.
        let in_subgroup = self.tau_g2 * -Fr::ONE == -G2::from(self.tau_g2);
        if bool::from(self.tau_g2.is_identity()) || !in_subgroup {
            return Err(invalid);
        }
        let last = self.g1.len() - 1;
        let rho: Vec<Fr> = (0..last).map(|_| random_128()).collect();
        let high = msm_best(&rho, &self.g1[1..]).to_affine();
        let low = msm_best(&rho, &self.g1[..last]).to_affine();
        let left = Bn256::pairing(&high, &G2Affine::generator());
        if left != Bn256::pairing(&low, &self.tau_g2) {
            return Err(PtauError::NotPowers);
        }
        if self.g1[1] == (G1::generator() * development_tau()).to_affine() {
            return Err(PtauError::DevelopmentTau);
        }
        self.check_guessable()
    }

    /// What anyone finds out about tau without its maker: powers that repeat, and small numbers.
    fn check_guessable(&self) -> Result<(), PtauError> {
        if let Some(after) = self.g1[1..].iter().position(|power| *power == self.g1[0]) {
            return Err(PtauError::RepeatingPowers(after + 1));
        }
        let (generator, tau) = (G1::generator(), G1::from(self.g1[1]));
        let mut multiple = generator;
        for number in 1..=SMALL_TAU {
            if multiple == tau || multiple == -tau {
                return Err(PtauError::SmallTau(number));
            }
            multiple += generator;
        }
        Ok(())
    }
}

/// The first `count` powers of tau in G1 (at least 2), and tau in G2, of a file whose powers are checked as those of the
/// commitments are: each point, that they are the powers of one tau, and that it is none that anyone finds out.
///
/// # Errors
/// See [`PtauError`].
pub fn read_powers_of_tau(
    path: &Path,
    count: usize,
) -> Result<(Vec<G1Affine>, G2Affine), PtauError> {
    PowersOfTau::read(path, count).map(PowersOfTau::into_points)
}

/// Why anyone who sees tau times the generator of G2 knows tau, if they do: it is that of the
/// development setup, a small number, its negative, or a root of unity of small order. (Of one that
/// somebody has chosen in another way, nobody sees it.)
pub fn known_tau(tau_g2: &G2Affine) -> Option<&'static str> {
    let (generator, tau) = (G2::generator(), G2::from(*tau_g2));
    if tau == generator * development_tau() {
        return Some("the development setup, whose secret is public");
    }
    let mut multiple = generator;
    for _ in 1..=SMALL_TAU_2 {
        if multiple == tau || multiple == -tau {
            return Some("a setup whose secret is a small number");
        }
        multiple += generator;
    }
    let root = Fr::ROOT_OF_UNITY.pow_vartime([1 << (Fr::S - SMALL_ORDER.ilog2())]);
    let mut power = generator;
    for _ in 0..SMALL_ORDER {
        if power == tau {
            return Some("a setup whose powers repeat");
        }
        power *= root;
    }
    None
}

fn development_tau() -> Fr {
    let wide: [u8; 64] = Sha512::digest(DEVELOPMENT_LABEL).into();
    Fr::from_uniform_bytes(&wide)
}

fn random_128() -> Fr {
    let mut bytes = [0u8; 16];
    OsRng.fill_bytes(&mut bytes);
    Fr::from_u128(u128::from_le_bytes(bytes))
}

/// Bits a window of the fixed-base table covers.
const WINDOW: usize = 8;
const WINDOWS: usize = 256 / WINDOW;

/// `tau^i * G1` for i in 0..count, by a table of `d * 2^(8w) * G1` for all digits d and windows w.
fn fixed_base_powers(tau: Fr, count: usize) -> Vec<G1Affine> {
    let table = fixed_base_table();
    let mut powers = Vec::with_capacity(count);
    let mut power = Fr::ONE;
    for _ in 0..count {
        powers.push(power);
        power *= tau;
    }
    let chunk = 1024.min(count);
    let mut points = vec![G1Affine::default(); count];
    points
        .par_chunks_mut(chunk)
        .zip(powers.par_chunks(chunk))
        .for_each(|(points, powers)| {
            let sums: Vec<G1> = powers.iter().map(|p| fixed_base_mul(&table, p)).collect();
            G1::batch_normalize(&sums, points);
        });
    points
}

fn fixed_base_table() -> Vec<G1Affine> {
    let mut base = G1::generator();
    let mut multiples = Vec::with_capacity(WINDOWS << WINDOW);
    for _ in 0..WINDOWS {
        let mut multiple = G1::identity();
        for _ in 0..1 << WINDOW {
            multiples.push(multiple);
            multiple += base;
        }
        base = multiple;
    }
    let mut table = vec![G1Affine::default(); multiples.len()];
    G1::batch_normalize(&multiples, &mut table);
    table
}

fn fixed_base_mul(table: &[G1Affine], scalar: &Fr) -> G1 {
    let mut sum = G1::identity();
    for (window, digit) in scalar.to_repr().as_ref().iter().enumerate() {
        if *digit != 0 {
            sum += table[(window << WINDOW) + usize::from(*digit)];
        }
    }
    sum
}

#[cfg(test)]
pub(crate) mod tests {
    use halo2curves::{bn256::Fq2, CurveAffine};

    use super::*;
    use crate::ptau_file::{header, G1_BYTES, G2_BYTES, MAGIC, VERSION};

    const COUNT: usize = 16;

    /// Writes what a ceremony with this tau would have left.
    pub(crate) fn write_ceremony(tau: u64, count: usize, path: &Path) {
        let parts = parts_of(secret(tau), count.ilog2());
        std::fs::write(path, parts.bytes()).expect("written");
    }

    /// A tau that is not found by trying, or not soon.
    fn secret(seed: u64) -> Fr {
        Fr::from(seed).invert().expect("not 0")
    }

    /// A file's parts, to be broken one at a time.
    #[derive(Clone)]
    struct Parts {
        magic: [u8; 4],
        version: u32,
        header: Vec<u8>,
        g1: Vec<u8>,
        g2: Vec<u8>,
    }

    fn raw<P: SerdeObject>(points: &[P]) -> Vec<u8> {
        points.iter().flat_map(SerdeObject::to_raw_bytes).collect()
    }

    /// The first 16 powers of `tau`.
    fn parts(tau: Fr) -> Parts {
        parts_of(tau, COUNT.ilog2())
    }

    /// The first `2^power` powers of `tau`.
    fn parts_of(tau: Fr, power: u32) -> Parts {
        let g2 = [Fr::ONE, tau].map(|power| (G2::generator() * power).to_affine());
        Parts {
            magic: *MAGIC,
            version: VERSION,
            header: header(power).to_vec(),
            g1: raw(&fixed_base_powers(tau, 1 << power)),
            g2: raw(&g2),
        }
    }

    impl Parts {
        fn sections(&self) -> Vec<(u32, &[u8])> {
            vec![(1, &self.header), (2, &self.g1), (3, &self.g2)]
        }

        fn bytes(&self) -> Vec<u8> {
            self.with_sections(&self.sections())
        }

        fn with_sections(&self, sections: &[(u32, &[u8])]) -> Vec<u8> {
            let mut bytes = self.magic.to_vec();
            bytes.extend_from_slice(&self.version.to_le_bytes());
            bytes.extend_from_slice(&(sections.len() as u32).to_le_bytes());
            for (id, content) in sections {
                bytes.extend_from_slice(&id.to_le_bytes());
                bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
                bytes.extend_from_slice(content);
            }
            bytes
        }
    }

    fn read(bytes: &[u8], count: usize) -> Result<PowersOfTau, PtauError> {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), bytes).expect("written");
        PowersOfTau::read(file.path(), count)
    }

    fn error(bytes: &[u8]) -> PtauError {
        match read(bytes, COUNT) {
            Ok(_) => panic!("accepted"),
            Err(error) => error,
        }
    }

    fn good() -> Parts {
        parts(Fr::from(0x1234_5678_9abc_def0))
    }

    fn malformed(bytes: &[u8]) -> &'static str {
        match error(bytes) {
            PtauError::Malformed(text) => text,
            other => panic!("another error: {other}"),
        }
    }

    #[test]
    fn files_of_snarkjs_are_read() {
        let plain: &[u8] = include_bytes!("../tests/data/snarkjs-power-4.ptau");
        let prepared: &[u8] = include_bytes!("../tests/data/snarkjs-power-4-prepared.ptau");
        let one = read(plain, COUNT).expect("valid");
        let two = read(prepared, COUNT).expect("valid");
        assert_eq!(one.power(), 4);
        assert_eq!(read(plain, 8).expect("valid").power(), 3);
        assert_eq!(one.digest(), two.digest());
        // Another number of points is another setup.
        assert_ne!(one.digest(), read(plain, 8).expect("valid").digest());
        assert_eq!(one.g1[0], G1Affine::generator());
        assert!(one.g1.iter().all(|p| bool::from(p.is_on_curve())));
    }

    #[test]
    fn fixed_base_powers_are_powers() {
        let tau = development_tau();
        let points = fixed_base_powers(tau, 40);
        let mut power = Fr::ONE;
        for point in points {
            assert_eq!(point, (G1::generator() * power).to_affine());
            power *= tau;
        }
    }

    #[test]
    fn development_powers_are_consistent_but_refused_as_a_ceremony() {
        let powers = PowersOfTau::development(COUNT);
        assert!(matches!(powers.check(), Err(PtauError::DevelopmentTau)));
        let reason = known_tau(&powers.tau_g2).expect("known");
        assert!(reason.contains("development"), "{reason}");
        let file = parts(development_tau()).bytes();
        assert!(matches!(error(&file), PtauError::DevelopmentTau));
    }

    #[test]
    fn powers_that_anyone_can_compute_are_refused() {
        // No contribution at all; then tau = -1, and a root of unity of order 8.
        let root = |order: u32| Fr::ROOT_OF_UNITY.pow_vartime([1 << (Fr::S - order.ilog2())]);
        for (tau, after) in [(Fr::ONE, 1), (-Fr::ONE, 2), (root(8), 8)] {
            let error = error(&parts(tau).bytes());
            assert!(
                matches!(error, PtauError::RepeatingPowers(found) if found == after),
                "{error}"
            );
        }
        for number in [2, 3, SMALL_TAU] {
            for tau in [Fr::from(number), -Fr::from(number)] {
                let error = error(&parts(tau).bytes());
                assert!(
                    matches!(error, PtauError::SmallTau(found) if found == number),
                    "{error}"
                );
            }
        }
        assert!(read(&parts(Fr::from(SMALL_TAU + 1)).bytes(), COUNT).is_ok());
    }

    #[test]
    fn a_point_tells_what_anyone_knows() {
        let root = |order: u32| Fr::ROOT_OF_UNITY.pow_vartime([1 << (Fr::S - order.ilog2())]);
        let small = Fr::from(SMALL_TAU_2);
        for (tau, reason) in [
            (Fr::ONE, Some("small number")),
            (-Fr::ONE, Some("small number")),
            (small, Some("small number")),
            (-small, Some("small number")),
            (small + Fr::ONE, None),
            (root(4), Some("powers repeat")),
            (root(SMALL_ORDER), Some("powers repeat")),
            (root(SMALL_ORDER).pow_vartime([77]), Some("powers repeat")),
            (development_tau() + Fr::ONE, None),
        ] {
            let found = known_tau(&PowersOfTau::of(tau, 2).tau_g2);
            match reason {
                None => assert_eq!(found, None),
                Some(reason) => assert!(found.is_some_and(|found| found.contains(reason))),
            }
        }
    }

    #[test]
    fn development_powers_are_pinned() {
        assert_eq!(
            hex::encode(PowersOfTau::development(COUNT).digest()),
            "4337ef4136bd99f945a3c759e02c910c8435cd5254bdd74eba90ef47ad905fb9"
        );
    }

    #[test]
    fn containers_that_contradict_themselves_are_refused() {
        let good = good();
        let file = good.bytes();
        assert!(read(&file, COUNT).is_ok());
        let mut other = good.clone();
        other.magic = *b"zkey";
        assert!(matches!(error(&other.bytes()), PtauError::NotPtau));
        assert!(matches!(error(b""), PtauError::NotPtau));
        assert!(matches!(error(b"ptau"), PtauError::NotPtau));
        other = good.clone();
        other.version = 2;
        assert!(matches!(error(&other.bytes()), PtauError::Version(2)));
        assert_eq!(
            malformed(&[&file[..], &[0]].concat()),
            "bytes follow its last section"
        );
        let sections = good.sections();
        for missing in 0..3 {
            let mut fewer = sections.clone();
            fewer.remove(missing);
            let text = malformed(&good.with_sections(&fewer));
            assert_eq!(text, "a section is missing");
        }
        let twice = [&sections[..], &sections[1..2]].concat();
        assert_eq!(
            malformed(&good.with_sections(&twice)),
            "a section occurs twice"
        );
        let empty: &[u8] = &[];
        let many = [&sections[..], &[(9, empty); 62]].concat();
        assert_eq!(
            malformed(&good.with_sections(&many)),
            "it states too many sections"
        );
    }

    #[test]
    fn section_sizes_are_checked_against_the_file() {
        let mut file = good().bytes();
        // The size of the header section, then of the one after it.
        let second = 12 + 12 + 40 + 4;
        for position in [16, second] {
            let kept = file[position..position + 8].to_vec();
            for size in [u64::MAX, u64::MAX - 11, i64::MAX as u64, file.len() as u64] {
                file[position..position + 8].copy_from_slice(&size.to_le_bytes());
                assert_eq!(malformed(&file), "a section reaches past its end");
            }
            file[position..position + 8].copy_from_slice(&kept);
        }
        file[8..12].copy_from_slice(&4u32.to_le_bytes());
        assert_eq!(malformed(&file), "it ends before its last section");
    }

    #[test]
    fn headers_are_checked() {
        let good = good();
        let mut short = good.clone();
        short.header.pop();
        assert_eq!(malformed(&short.bytes()), "its header is too short");
        for position in [0, 4, 20, 35] {
            let mut other = good.clone();
            other.header[position] ^= 1;
            assert!(matches!(error(&other.bytes()), PtauError::OtherCurve));
        }
        for power in [0u32, 29, u32::MAX] {
            let mut other = good.clone();
            other.header[36..40].copy_from_slice(&power.to_le_bytes());
            assert_eq!(malformed(&other.bytes()), "its power is out of range");
        }
    }

    #[test]
    fn too_few_points_are_an_error_that_says_so() {
        let file = good().bytes();
        let small = read(&file, 2 * COUNT).err();
        assert!(matches!(
            small,
            Some(PtauError::TooSmall {
                needed: 5,
                found: 4
            })
        ));
        let mut pruned = good();
        pruned.g1.truncate(15 * G1_BYTES);
        let few = error(&pruned.bytes());
        assert!(matches!(
            few,
            PtauError::TooFewPoints {
                needed: 16,
                found: 15
            }
        ));
        pruned.g1.pop();
        assert_eq!(
            malformed(&pruned.bytes()),
            "a section holds part of a point"
        );
        let mut one = good();
        one.g2.truncate(G2_BYTES);
        assert_eq!(
            malformed(&one.bytes()),
            "it holds fewer than two points of G2"
        );
    }

    #[test]
    fn invalid_points_are_refused() {
        let good = good();
        for (index, offset) in [(0, 0), (5, 40), (15, 63)] {
            let mut other = good.clone();
            other.g1[index * G1_BYTES + offset] ^= 4;
            let found = error(&other.bytes());
            assert!(
                matches!(found, PtauError::InvalidPoint { group: "G1", index: i } if i == index)
            );
        }
        let mut large = good.clone();
        large.g1[..32].fill(0xff);
        assert!(matches!(
            error(&large.bytes()),
            PtauError::InvalidPoint { .. }
        ));
        let mut other = good.clone();
        other.g2[G2_BYTES + 1] ^= 4;
        let found = error(&other.bytes());
        assert!(matches!(
            found,
            PtauError::InvalidPoint {
                group: "G2",
                index: 1
            }
        ));
    }

    /// A point of the twisted curve outside the subgroup.
    fn outside_subgroup() -> G2Affine {
        let mut x = Fq2::ONE;
        loop {
            let square = x.square() * x + G2Affine::b();
            if let Some(y) = Option::<Fq2>::from(square.sqrt()) {
                return Option::from(G2Affine::from_xy(x, y)).expect("on the curve");
            }
            x += Fq2::ONE;
        }
    }

    #[test]
    fn points_of_g2_outside_the_subgroup_are_refused() {
        for point in [outside_subgroup(), G2Affine::default()] {
            let mut other = good();
            other.g2[G2_BYTES..].copy_from_slice(&point.to_raw_bytes());
            let found = error(&other.bytes());
            assert!(matches!(
                found,
                PtauError::InvalidPoint {
                    group: "G2",
                    index: 1
                }
            ));
        }
    }

    #[test]
    fn points_that_are_not_the_powers_of_one_tau_are_refused() {
        let good = good();
        let second = parts(Fr::from(3));
        let mut mixed = good.clone();
        mixed.g2 = second.g2.clone();
        assert!(matches!(error(&mixed.bytes()), PtauError::NotPowers));
        for index in [1, 7, 15] {
            let span = index * G1_BYTES..(index + 1) * G1_BYTES;
            let mut swapped = good.clone();
            swapped.g1[span.clone()].copy_from_slice(&second.g1[span.clone()]);
            assert!(matches!(error(&swapped.bytes()), PtauError::NotPowers));
            let mut infinity = good.clone();
            infinity.g1[span].fill(0);
            assert!(matches!(error(&infinity.bytes()), PtauError::NotPowers));
        }
        // Powers of tau over another generator.
        let mut shifted = good.clone();
        shifted.g1.rotate_left(G1_BYTES);
        assert!(matches!(error(&shifted.bytes()), PtauError::NotPowers));
        let mut doubled = good.clone();
        let double = (G2::generator() + G2::generator()).to_affine();
        doubled.g2[..G2_BYTES].copy_from_slice(&double.to_raw_bytes());
        assert!(matches!(error(&doubled.bytes()), PtauError::NotPowers));
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let file = good().bytes();
        for length in (0..file.len()).step_by(13) {
            assert!(read(&file[..length], COUNT).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_missing_file_is_an_io_error() {
        let missing = PowersOfTau::read(Path::new("/nonexistent/pot.ptau"), COUNT);
        assert!(matches!(missing, Err(PtauError::Io(_))));
        let directory = PowersOfTau::read(Path::new("/"), COUNT);
        assert!(directory.is_err());
    }
}
