//! The container of powers of tau, as snarkjs writes it.
//!
//! All integers little endian: `"ptau"`, version u32 = 1, number of sections u32, then for each section id u32, size u64 and
//! its bytes. Section 1: n8 u32 = 32, the prime of the base field (32 bytes), power u32, and optionally the ceremony's own
//! power. The others hold points, 64 bytes each in G1 and 128 in G2; coordinates in Montgomery form (R = 2^256). [`Section`]
//! says of what; in a pruned file they hold fewer.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use ff::{Field, PrimeField};
use halo2curves::{bn256::Fq, serde::SerdeObject};
use rayon::prelude::*;

/// What a file begins with.
#[doc(hidden)]
pub const MAGIC: &[u8; 4] = b"ptau";
/// The version of the format.
#[doc(hidden)]
pub const VERSION: u32 = 1;
pub(crate) const G1_BYTES: usize = 64;
pub(crate) const G2_BYTES: usize = 128;
const PRIME_BYTES: usize = 32;
/// The two-adicity of the scalar field bounds every ceremony: 2^28.
const MAX_POWER: u32 = 28;
/// Known files have 3 to 15 sections.
const MAX_SECTIONS: u32 = 64;

/// Why a powers-of-tau file is refused.
#[derive(Debug, thiserror::Error)]
pub enum PtauError {
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file does not begin with the format's magic bytes.
    #[error("is not a powers-of-tau file")]
    NotPtau,
    /// The container's version is not 1.
    #[error("has version {0} of the format, only version {VERSION} is known")]
    Version(u32),
    /// The container contradicts itself: the text says where.
    #[error("is malformed: {0}")]
    Malformed(&'static str),
    /// The base field is not that of BN254.
    #[error("is for another curve than BN254")]
    OtherCurve,
    /// The file's power is too small for the circuit.
    #[error("is too small: this shape needs power {needed} or more, the file has power {found}")]
    TooSmall {
        /// The least sufficient power.
        needed: u32,
        /// The file's power.
        found: u32,
    },
    /// A section that is not in every file is missing.
    #[error("has no section {0}")]
    NoSection(u32),
    /// A pruned file that holds fewer points than the circuit needs.
    #[error("is pruned too far: this shape needs {needed} points, the file has {found}")]
    TooFewPoints {
        /// Points of G1 needed.
        needed: usize,
        /// Points of G1 in the file.
        found: usize,
    },
    /// Coordinates that are not canonical, off the curve, outside the subgroup, or infinity.
    #[error("holds an invalid point: number {index} of {group}")]
    InvalidPoint {
        /// `"G1"` or `"G2"`.
        group: &'static str,
        /// Index in its section, from 0.
        index: usize,
    },
    /// The points are not the powers of one tau over the standard generators.
    #[error("does not hold the powers of one tau (corrupt, or not from a ceremony)")]
    NotPowers,
    /// Tau is a root of unity, as 1 is, which files begin with before anyone has contributed:
    /// powers are equal.
    #[error("holds no contribution: its powers repeat after {0}, so that anyone can forge proofs")]
    RepeatingPowers(usize),
    /// Tau is a number that is found by trying.
    #[error(
        "holds powers of a tau that is found by trying ({0}), so that anyone can forge proofs"
    )]
    SmallTau(u64),
    /// The file holds the development setup's powers, whose tau is public.
    #[error("holds the INSECURE development powers, whose tau is public")]
    DevelopmentTau,
}

/// A section by its number. With n = 2^power, L_i the Lagrange basis over the roots of unity of order 2^k:
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section(u32);

impl Section {
    /// The curve and the power.
    pub const HEADER: Section = Section(1);
    /// `tau^i` in G1, 2n - 1 of them.
    pub const TAU: Section = Section(2);
    /// `tau^i` in G2, n.
    pub const TAU_2: Section = Section(3);
    /// `alpha tau^i` in G1, n.
    pub const ALPHA: Section = Section(4);
    /// `beta tau^i` in G1, n.
    pub const BETA: Section = Section(5);
    /// `beta` in G2.
    pub const BETA_2: Section = Section(6);
    /// `L_i(tau)` in G1 for each k up to the power and one more; those for 2^k begin at point 2^k - 1. Only in prepared
    /// files, as those that follow.
    pub const LAGRANGE: Section = Section(12);
    /// `L_i(tau)` in G2.
    pub const LAGRANGE_2: Section = Section(13);
    /// `alpha L_i(tau)` in G1.
    pub const ALPHA_LAGRANGE: Section = Section(14);
    /// `beta L_i(tau)` in G1.
    pub const BETA_LAGRANGE: Section = Section(15);

    /// Its number in a file.
    pub fn number(self) -> u32 {
        self.0
    }

    fn is_in_g2(self) -> bool {
        [Section::TAU_2, Section::BETA_2, Section::LAGRANGE_2].contains(&self)
    }

    fn point_bytes(self) -> usize {
        match self.is_in_g2() {
            true => G2_BYTES,
            false => G1_BYTES,
        }
    }
}

#[derive(Clone, Copy)]
struct Span {
    start: u64,
    length: u64,
}

/// A file whose container is sound. Of its points nothing is checked yet.
pub struct PtauFile {
    reader: BufReader<File>,
    power: u32,
    sections: Vec<(Section, Span)>,
}

impl core::fmt::Debug for PtauFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PtauFile")
            .field("power", &self.power)
            .finish_non_exhaustive()
    }
}

impl PtauFile {
    /// Opens a file: the header and the powers of tau in both groups are there, each of whole points.
    ///
    /// # Errors
    /// See [`PtauError`].
    pub fn open(path: &Path) -> Result<Self, PtauError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut reader = BufReader::new(file);
        let sections = read_sections(&mut reader, length)?;
        let span = |section| {
            let mut all = sections.iter();
            let found = all.find(|(other, _)| *other == section);
            found.map(|(_, span)| *span)
        };
        let wanted = [Section::HEADER, Section::TAU, Section::TAU_2].map(span);
        let [Some(header), Some(g1), Some(g2)] = wanted else {
            return Err(PtauError::Malformed("a section is missing"));
        };
        let power = read_header(&mut reader, header)?;
        if g1.length % G1_BYTES as u64 != 0 || g2.length % G2_BYTES as u64 != 0 {
            return Err(PtauError::Malformed("a section holds part of a point"));
        }
        if g2.length < 2 * G2_BYTES as u64 {
            return Err(PtauError::Malformed("it holds fewer than two points of G2"));
        }
        Ok(PtauFile {
            reader,
            power,
            sections,
        })
    }

    /// The logarithm of the largest domain.
    pub fn power(&self) -> u32 {
        self.power
    }

    /// `count` points of a section from the one numbered `start` on; each is canonical and on the curve.
    ///
    /// # Errors
    /// [`PtauError::NoSection`], [`PtauError::TooFewPoints`], [`PtauError::InvalidPoint`], [`PtauError::Io`].
    pub fn read<P: SerdeObject + Send>(
        &mut self,
        section: Section,
        start: usize,
        count: usize,
    ) -> Result<Vec<P>, PtauError> {
        let mut all = self.sections.iter();
        let span = all.find(|(other, _)| *other == section);
        let span = span.ok_or(PtauError::NoSection(section.0))?.1;
        let size = section.point_bytes();
        let found = (span.length / size as u64) as usize;
        let needed = start.saturating_add(count);
        if found < needed {
            return Err(PtauError::TooFewPoints { needed, found });
        }
        let position = span.start + (start * size) as u64;
        self.reader.seek(SeekFrom::Start(position))?;
        let mut bytes = vec![0u8; count * size];
        self.reader.read_exact(&mut bytes)?;
        let group = if section.is_in_g2() { "G2" } else { "G1" };
        bytes
            .par_chunks_exact(size)
            .enumerate()
            .map(|(index, raw)| {
                let index = start + index;
                P::from_raw_bytes(raw).ok_or(PtauError::InvalidPoint { group, index })
            })
            .collect()
    }
}

/// The header's section of a file of this power.
#[doc(hidden)]
pub fn header(power: u32) -> [u8; 4 + PRIME_BYTES + 4] {
    let mut bytes = [0; 4 + PRIME_BYTES + 4];
    bytes[..4].copy_from_slice(&(PRIME_BYTES as u32).to_le_bytes());
    bytes[4..36].copy_from_slice(&base_prime());
    bytes[36..].copy_from_slice(&power.to_le_bytes());
    bytes
}

/// The prime of the base field, as a file's header states it.
pub(crate) fn base_prime() -> [u8; PRIME_BYTES] {
    let minus_one = -Fq::ONE;
    let mut bytes: [u8; PRIME_BYTES] = minus_one.to_repr().into();
    // The prime is odd, so q - 1 is even: adding one carries nothing.
    bytes[0] += 1;
    bytes
}

fn read_u32(reader: &mut impl Read) -> Result<u32, PtauError> {
    let mut bytes = [0u8; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn read_u64(reader: &mut impl Read) -> Result<u64, PtauError> {
    let mut bytes = [0u8; 8];
    reader.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn read_sections(
    reader: &mut (impl Read + Seek),
    file_length: u64,
) -> Result<Vec<(Section, Span)>, PtauError> {
    let count = read_preamble(reader, file_length)?;
    let mut found: Vec<(Section, Span)> = Vec::new();
    let mut position = 12u64;
    for _ in 0..count {
        if file_length - position < 12 {
            return Err(PtauError::Malformed("it ends before its last section"));
        }
        reader.seek(SeekFrom::Start(position))?;
        let section = Section(read_u32(reader)?);
        let length = read_u64(reader)?;
        let start = position + 12;
        if length > file_length - start {
            return Err(PtauError::Malformed("a section reaches past its end"));
        }
        position = start + length;
        let is_known = (Section::HEADER.0..=Section::BETA_LAGRANGE.0).contains(&section.0);
        if is_known && found.iter().any(|(other, _)| *other == section) {
            return Err(PtauError::Malformed("a section occurs twice"));
        }
        found.push((section, Span { start, length }));
    }
    match position == file_length {
        true => Ok(found),
        false => Err(PtauError::Malformed("bytes follow its last section")),
    }
}

/// Magic, version and number of sections.
fn read_preamble(reader: &mut impl Read, file_length: u64) -> Result<u32, PtauError> {
    let mut magic = [0u8; 4];
    if file_length < 12 {
        return Err(PtauError::NotPtau);
    }
    reader.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(PtauError::NotPtau);
    }
    let version = read_u32(reader)?;
    if version != VERSION {
        return Err(PtauError::Version(version));
    }
    let count = read_u32(reader)?;
    if count > MAX_SECTIONS {
        return Err(PtauError::Malformed("it states too many sections"));
    }
    Ok(count)
}

/// The header section: checks the field, returns the power.
fn read_header(reader: &mut (impl Read + Seek), span: Span) -> Result<u32, PtauError> {
    if span.length < 4 + PRIME_BYTES as u64 + 4 {
        return Err(PtauError::Malformed("its header is too short"));
    }
    reader.seek(SeekFrom::Start(span.start))?;
    if read_u32(reader)? != PRIME_BYTES as u32 {
        return Err(PtauError::OtherCurve);
    }
    let mut prime = [0u8; PRIME_BYTES];
    reader.read_exact(&mut prime)?;
    if prime != base_prime() {
        return Err(PtauError::OtherCurve);
    }
    let power = read_u32(reader)?;
    if !(1..=MAX_POWER).contains(&power) {
        return Err(PtauError::Malformed("its power is out of range"));
    }
    Ok(power)
}
