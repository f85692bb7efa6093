//! The file that goes from one contributor to the next.
//!
//! ```text
//! "maci-nova ceremony, version 1  "  32 bytes
//! length of the description          u32, little endian
//! description                        JSON, see [`Description`]
//! for each circuit: L, H, bases of D each point 64 bytes
//! number of records                  u32
//! for each record: length, content   u32, see [`Record::bytes`]
//! SHA-256 of all of that             32 bytes
//! ```
//! The description says how long the lists are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ark_bn254::G1Affine;
use maci_nova_chain::Observer;
use maci_nova_files::{create_atomically, trailing_digest, Hashing, Readers, DIGEST_BYTES};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::circuit::Sizes;
use crate::drand::Round;
use crate::encoding::{decode, encode, G1_BYTES};
use crate::meter::Meter;
use crate::record::{check_all, is_line, Head};
use crate::{Circuit, Error, Phase1, Record};

const MAGIC: &[u8; 32] = b"maci-nova ceremony, version 1  \n";
const VERSION: u32 = 1;
const LONGEST_DESCRIPTION: u32 = 1 << 16;
const LONGEST_RECORD: u32 = 1 << 16;
/// Records of a file at most.
pub(crate) const MOST_RECORDS: u32 = 1 << 12;
/// Points of a list at most: the field has no larger domain.
const MOST_POINTS: usize = 1 << 28;
/// Circuits of a ceremony at most.
const MOST_CIRCUITS: usize = 16;
/// Letters of a circuit's name.
const LONGEST_WORD: usize = 32;
/// Characters of what is announced.
const LONGEST_ANNOUNCEMENT: usize = 500;
const BUFFER_BYTES: usize = 1 << 18;
/// Points that are read or written at once.
const AT_ONCE: usize = 1 << 14;

/// What a ceremony is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Description {
    /// Of the format.
    pub version: u32,
    /// What the circuits are of, for whoever has to make them again: names and numbers.
    pub subject: BTreeMap<String, u64>,
    /// Each circuit.
    pub circuits: Vec<CircuitDescription>,
    /// What the last record's randomness will be, in words, said before the first contribution.
    pub beacon: String,
}

/// What a ceremony says of a circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CircuitDescription {
    /// Its name.
    pub name: String,
    /// Digest of its constraints, [`Matrices::digest`](maci_nova_groth16::adapter::Matrices::digest).
    #[serde(with = "hex::serde")]
    pub circuit: [u8; 32],
    /// Public variables.
    pub publics: usize,
    /// Points of L.
    pub l: usize,
    /// Points of H.
    pub h: usize,
    /// Bases of D.
    pub committed: usize,
    /// [`Phase1::digest`].
    #[serde(with = "hex::serde")]
    pub powers_of_tau: [u8; 32],
}

impl CircuitDescription {
    /// Of a circuit with its powers of tau.
    ///
    /// # Errors
    /// [`Error::Request`] when the circuit has fewer instance variables than public ones.
    pub fn new(circuit: &Circuit, phase1: &Phase1) -> Result<Self, Error> {
        let Sizes { l, h, committed } = circuit.sizes().ok_or_else(|| {
            let name = circuit.name;
            Error::Request(format!("{name} does not have so many public variables"))
        })?;
        Ok(CircuitDescription {
            name: circuit.name.into(),
            circuit: circuit.matrices.digest(),
            publics: circuit.publics,
            l,
            h,
            committed,
            powers_of_tau: phase1.digest(),
        })
    }

    fn points(&self) -> usize {
        self.l + self.h + self.committed
    }
}

impl Description {
    /// Of these circuits.
    ///
    /// # Errors
    /// As [`CircuitDescription::new`].
    pub fn new(
        subject: &BTreeMap<String, u64>,
        circuits: &[(&Circuit, &Phase1)],
        beacon: &str,
    ) -> Result<Self, Error> {
        let each = circuits.iter();
        let each = each.map(|(circuit, phase1)| CircuitDescription::new(circuit, phase1));
        Ok(Description {
            version: VERSION,
            subject: subject.clone(),
            circuits: each.collect::<Result<_, _>>()?,
            beacon: beacon.into(),
        })
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and text")
    }

    fn commits(&self) -> Vec<bool> {
        let circuits = self.circuits.iter();
        circuits.map(|circuit| circuit.committed > 0).collect()
    }

    /// Points of all lists.
    pub fn points(&self) -> usize {
        self.circuits.iter().map(CircuitDescription::points).sum()
    }

    /// Lengths that fit, and texts that show what they say.
    fn is_in_range(&self) -> bool {
        let is_word = |text: &str| {
            (1..=LONGEST_WORD).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric())
        };
        let fits = |circuit: &CircuitDescription| {
            let lists = [circuit.l, circuit.h, circuit.committed];
            is_word(&circuit.name) && lists.into_iter().all(|points| points <= MOST_POINTS)
        };
        self.version == VERSION
            && (1..=MOST_CIRCUITS).contains(&self.circuits.len())
            && self.circuits.iter().all(fits)
            && self.subject.len() <= MOST_CIRCUITS
            && self.subject.keys().all(|name| is_word(name))
            && is_line(&self.beacon, LONGEST_ANNOUNCEMENT)
    }
}

/// The lists of a circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists {
    /// L.
    pub l: Vec<G1Affine>,
    /// H.
    pub h: Vec<G1Affine>,
    /// The bases of D.
    pub committed: Vec<G1Affine>,
}

/// A file of a ceremony whose hash is right and whose records follow from each other.
#[derive(Debug)]
pub struct CeremonyFile {
    path: PathBuf,
    description: Description,
    records: Vec<Record>,
    heads: Vec<Head>,
    /// Where the lists begin.
    lists: u64,
}

impl CeremonyFile {
    /// Opens a file and checks its hash and its records; not yet its lists.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`], [`Error::Record`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(Error::io("read", path))?;
        let digest = trailing_digest(&mut file).map_err(Error::io("read", path))?;
        digest.ok_or_else(|| Error::damaged(path, "damaged, or not a file of a ceremony"))?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let parsed = parse(&mut reader).map_err(|failure| match failure {
            Failure::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                Error::damaged(path, "it ends too early")
            }
            Failure::Io(source) => Error::io("read", path)(source),
            Failure::Content(reason) => Error::damaged(path, reason),
        })?;
        let (description, lists, records) = parsed;
        let first = Head::first(&description.bytes(), description.circuits.len());
        let heads = check_all(first, &records, &description.commits())?;
        Ok(CeremonyFile {
            path: path.to_owned(),
            description,
            records,
            heads,
            lists,
        })
    }

    /// What it is about.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Its records.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What it has come to after each record; before the first one.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// What it has come to.
    pub fn head(&self) -> &Head {
        &self.heads[self.heads.len() - 1]
    }

    /// Which circuits have a committed part.
    pub fn commits(&self) -> Vec<bool> {
        self.description.commits()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its points, from the first.
    pub(crate) fn points(&self) -> Result<PointReader<'_>, Error> {
        let open = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.lists))?;
            Ok(BufReader::with_capacity(BUFFER_BYTES, file))
        };
        let reader = open().map_err(Error::io("read", &self.path))?;
        Ok(PointReader {
            reader,
            path: &self.path,
        })
    }
}

/// Reads the points of a file, one part after another.
pub(crate) struct PointReader<'a> {
    reader: BufReader<File>,
    path: &'a Path,
}

impl PointReader<'_> {
    /// The next points, as many as are left of a list, and their bytes go into the hash.
    pub(crate) fn next(&mut self, left: usize, hash: &mut Sha256) -> Result<Vec<G1Affine>, Error> {
        let mut bytes = vec![0; left.min(AT_ONCE) * G1_BYTES];
        self.reader
            .read_exact(&mut bytes)
            .map_err(Error::io("read", self.path))?;
        hash.update(&bytes);
        decode(&bytes).ok_or_else(|| Error::damaged(self.path, "a point is not on the curve"))
    }
}

enum Failure {
    Io(io::Error),
    Content(&'static str),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

type Parsed = (Description, u64, Vec<Record>);

fn parse(reader: &mut BufReader<File>) -> Result<Parsed, Failure> {
    let bytes = reader.get_ref().metadata()?.len();
    reader.seek(SeekFrom::Start(0))?;
    let mut magic = [0; MAGIC.len()];
    reader.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(Failure::Content("not a file of a ceremony"));
    }
    let content = prefixed(reader, LONGEST_DESCRIPTION)?;
    let description: Description = serde_json::from_slice(&content)
        .map_err(|_| Failure::Content("its description is malformed"))?;
    // One form alone: whoever hashes it hashes the same.
    if !description.is_in_range() || description.bytes() != content {
        return Err(Failure::Content("its description is malformed"));
    }
    let lists = reader.stream_position()?;
    let length = description.points() as u64 * G1_BYTES as u64;
    if bytes < lists + length {
        return Err(Failure::Content("it ends within its points"));
    }
    reader.seek(SeekFrom::Start(lists + length))?;
    let count = number(reader)?;
    if count > MOST_RECORDS {
        return Err(Failure::Content("it states too many records"));
    }
    let mut records = Vec::new();
    for _ in 0..count {
        let content = prefixed(reader, LONGEST_RECORD)?;
        let record = Record::from_bytes(&content, description.circuits.len());
        records.push(record.ok_or(Failure::Content("a record is malformed"))?);
    }
    match reader.stream_position()? + DIGEST_BYTES as u64 == bytes {
        true => Ok((description, lists, records)),
        false => Err(Failure::Content("bytes follow its records")),
    }
}

fn number(reader: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn prefixed(reader: &mut impl Read, most: u32) -> Result<Vec<u8>, Failure> {
    let length = number(reader)?;
    if length > most {
        return Err(Failure::Content("a part of it is too long"));
    }
    let mut bytes = vec![0; length as usize];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Writes the points of a new file.
pub(crate) struct PointWriter<'a>(&'a mut dyn Write);

impl PointWriter<'_> {
    /// The next points; their bytes go into the hash too.
    pub(crate) fn put(&mut self, points: &[G1Affine], hash: &mut Sha256) -> io::Result<()> {
        for part in points.chunks(AT_ONCE) {
            let bytes = encode(part);
            hash.update(&bytes);
            self.0.write_all(&bytes)?;
        }
        Ok(())
    }
}

/// Makes a file that is not there yet. `points` writes the lists and then gives the records.
pub(crate) fn create(
    path: &Path,
    description: &Description,
    points: impl FnOnce(&mut PointWriter<'_>) -> Result<Vec<Record>, Error>,
) -> Result<(), Error> {
    let mut failure = None;
    let written = create_atomically(path, Readers::Everybody, |file| {
        let mut hashing = Hashing::new(BufWriter::with_capacity(BUFFER_BYTES, file));
        hashing.write_all(MAGIC)?;
        let content = description.bytes();
        hashing.write_all(&(content.len() as u32).to_le_bytes())?;
        hashing.write_all(&content)?;
        let records = points(&mut PointWriter(&mut hashing)).map_err(|error| {
            failure = Some(error);
            io::Error::other("see the failure")
        })?;
        hashing.write_all(&(records.len() as u32).to_le_bytes())?;
        for record in records {
            let bytes = record.bytes();
            hashing.write_all(&(bytes.len() as u32).to_le_bytes())?;
            hashing.write_all(&bytes)?;
        }
        let (mut writer, digest) = hashing.finish();
        writer.write_all(&digest)?;
        writer.flush()
    });
    match (written, failure) {
        (_, Some(failure)) => Err(failure),
        (Err(source), None) => Err(Error::io("write", path)(source)),
        (Ok(()), None) => Ok(()),
    }
}

/// Begins a ceremony: the file that the first contributor takes.
///
/// # Errors
/// [`Error::Request`], [`Error::Io`], [`Error::Interrupted`]. The file is there whole or not at all.
pub fn begin(
    path: &Path,
    subject: &BTreeMap<String, u64>,
    circuits: &[(&Circuit, &Phase1)],
    beacon: &str,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let description = Description::new(subject, circuits, beacon)?;
    if !description.is_in_range() || description.bytes().len() > LONGEST_DESCRIPTION as usize {
        return Err(Error::Request(format!(
            "a ceremony has 1 to {MOST_CIRCUITS} circuits, and announces its beacon in one line of at most {LONGEST_ANNOUNCEMENT} characters"
        )));
    }
    Round::announced(beacon)?;
    let fit = |(circuit, phase1): &(&Circuit, &Phase1)| circuit.domain() == phase1.domain();
    if !circuits.iter().all(fit) {
        return Err(Error::Request(
            "the powers of tau are for other domains than the circuits'".into(),
        ));
    }
    create(path, &description, |writer| {
        // No record has a hash of these.
        let mut hash = Sha256::new();
        let meter = &mut Meter::new(observer, "first points", description.points());
        for (circuit, phase1) in circuits {
            let mut put = |list: &[G1Affine]| {
                let written = writer.put(list, &mut hash);
                written.map_err(Error::io("write", path))
            };
            put(&circuit.l(phase1, meter)?)?;
            put(&phase1.vanishing)?;
            meter.add(phase1.vanishing.len())?;
            put(&circuit.committed(phase1, meter)?)?;
        }
        Ok(Vec::new())
    })
}
