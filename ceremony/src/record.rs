//! What each contributor leaves: the new points of delta and rho, hashes of the new lists, and proofs.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use sha2::{Digest, Sha256, Sha512};

use crate::encoding::{put, put_prefixed, scalar_of, Reader};
use crate::knowledge::{Context, Knowledge};
use crate::sums::is_ratio;
use crate::Error;

/// Prefix of the hash that a chain begins with.
const FIRST_DOMAIN: &[u8] = b"maci-nova ceremony, description, version 1";
/// Prefix of the hash after each record.
const NEXT_DOMAIN: &[u8] = b"maci-nova ceremony, record, version 1";
/// Prefix of what proofs of knowledge are bound to.
const STATEMENT_DOMAIN: &[u8] = b"maci-nova ceremony, statement, version 1";
const BEACON_DOMAIN: &[u8] = b"maci-nova ceremony, beacon, version 1";

/// Characters of a name.
pub const LONGEST_NAME: usize = 100;
/// Bytes of a beacon's value.
pub const LONGEST_BEACON: usize = 256;
/// Hashes of a beacon: 2 to the power of at most this, minutes.
pub const MOST_ITERATIONS: u8 = 30;

/// Randomness that nobody could know while contributions were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// What was published.
    pub value: Vec<u8>,
    /// It is hashed two to the power of this times.
    pub iterations: u8,
}

impl Beacon {
    /// The factors of delta and rho, for each circuit: SHA-256 of the value, so many times over, then SHA-512 of that with
    /// the circuit's number and the name of the factor.
    pub(crate) fn factors(&self, circuits: usize) -> Vec<Factors> {
        let mut seed: [u8; 32] = Sha256::new()
            .chain_update(BEACON_DOMAIN)
            .chain_update(&self.value)
            .finalize()
            .into();
        for _ in 0..1_u64 << self.iterations {
            seed = Sha256::digest(seed).into();
        }
        let factor = |circuit: usize, label: &str| {
            let hash = Sha512::new()
                .chain_update(BEACON_DOMAIN)
                .chain_update(seed)
                .chain_update((circuit as u64).to_le_bytes());
            scalar_of(hash.chain_update(label.as_bytes()))
        };
        let of = |circuit| Factors {
            delta: factor(circuit, DELTA),
            rho: factor(circuit, RHO),
        };
        (0..circuits).map(of).collect()
    }

    /// Whether its value and its number of hashes are.
    pub fn is_in_range(&self) -> bool {
        (1..=LONGEST_BEACON).contains(&self.value.len()) && self.iterations <= MOST_ITERATIONS
    }
}

/// By what somebody multiplies delta and rho.
#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub(crate) struct Factors {
    pub(crate) delta: Fr,
    pub(crate) rho: Fr,
}

pub(crate) const DELTA: &str = "delta";
pub(crate) const RHO: &str = "rho";

/// Who knew the factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its author, who has forgotten them.
    Contribution,
    /// Everybody, after it was published.
    Beacon(Beacon),
}

/// The points that a record changes, for one circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Points {
    /// `[delta]_1`.
    pub delta_1: G1Affine,
    /// `[delta]_2`.
    pub delta_2: G2Affine,
    /// `[rho]_2`; the generator where nothing is committed to.
    pub gamma_prime: G2Affine,
}

impl Points {
    /// Before anyone has contributed.
    pub fn first() -> Self {
        Points {
            delta_1: G1Affine::generator(),
            delta_2: G2Affine::generator(),
            gamma_prime: G2Affine::generator(),
        }
    }

    /// After somebody has.
    pub(crate) fn times(&self, factors: &Factors, commits: bool) -> Self {
        Points {
            delta_1: (self.delta_1 * factors.delta).into_affine(),
            delta_2: (self.delta_2 * factors.delta).into_affine(),
            gamma_prime: match commits {
                true => (self.gamma_prime * factors.rho).into_affine(),
                false => self.gamma_prime,
            },
        }
    }
}

/// One circuit's part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new points.
    pub points: Points,
    /// SHA-256 of the new lists: L, H, the bases of D, as the file has them.
    pub lists: [u8; 32],
    /// That the author knew the factors; none of a beacon, whose factors everybody knows.
    pub proofs: Option<Proofs>,
}

/// That somebody knew the factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proofs {
    /// Of delta.
    pub delta: Knowledge<G1Affine>,
    /// Of rho, where something is committed to.
    pub rho: Option<Knowledge<G2Affine>>,
}

/// What one contributor leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who says that it is theirs.
    pub author: String,
    /// Who knew the factors.
    pub kind: Kind,
    /// A change for each circuit.
    pub changes: Vec<Change>,
}

/// What a ceremony has come to after a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The hash of all so far.
    pub transcript: [u8; 32],
    /// The points of each circuit.
    pub points: Vec<Points>,
}

impl Head {
    /// Before the first record.
    pub fn first(description: &[u8], circuits: usize) -> Self {
        let hash = Sha256::new()
            .chain_update(FIRST_DOMAIN)
            .chain_update(description);
        Head {
            transcript: hash.finalize().into(),
            points: vec![Points::first(); circuits],
        }
    }

    /// What proofs of a record that comes next are bound to.
    pub(crate) fn statement(&self, record: &Record) -> [u8; 32] {
        let mut bytes = Vec::new();
        record.put_statement(&mut bytes);
        let hash = Sha256::new()
            .chain_update(STATEMENT_DOMAIN)
            .chain_update(self.transcript);
        hash.chain_update(bytes).finalize().into()
    }

    /// Checks the next record and adds it. `commits` says which circuits have a committed part.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(&mut self, record: &Record, commits: &[bool]) -> Result<(), &'static str> {
        if !is_name(&record.author) {
            return Err("a name that cannot be shown");
        }
        if record.changes.len() != self.points.len() || commits.len() != self.points.len() {
            return Err("not as many changes as there are circuits");
        }
        match &record.kind {
            Kind::Beacon(beacon) if !beacon.is_in_range() => return Err("a beacon out of range"),
            _ => {}
        }
        for (i, change) in record.changes.iter().enumerate() {
            check_points(&self.points[i], &change.points, commits[i])?;
        }
        let statement = self.statement(record);
        let known = match &record.kind {
            Kind::Contribution => None,
            Kind::Beacon(beacon) => Some(beacon.factors(self.points.len())),
        };
        for (i, change) in record.changes.iter().enumerate() {
            let before = &self.points[i];
            match &known {
                None => check_proofs(&statement, i, before, change, commits[i])?,
                Some(factors) => {
                    let honest = before.times(&factors[i], commits[i]);
                    if change.proofs.is_some() || change.points != honest {
                        return Err("it is not what its beacon makes");
                    }
                }
            }
        }
        self.transcript = Sha256::new()
            .chain_update(NEXT_DOMAIN)
            .chain_update(self.transcript)
            .chain_update(record.bytes())
            .finalize()
            .into();
        self.points = record.changes.iter().map(|change| change.points).collect();
        Ok(())
    }
}

/// New points that are no infinity, the same number in both groups, and new.
fn check_points(before: &Points, after: &Points, commits: bool) -> Result<(), &'static str> {
    let (one, two) = (G1Affine::generator(), G2Affine::generator());
    if after.delta_1.is_zero() || after.delta_2.is_zero() || after.gamma_prime.is_zero() {
        return Err("a point at infinity");
    }
    if !is_ratio(&after.delta_1, &one, &after.delta_2, &two) {
        return Err("delta is not the same in both groups");
    }
    if after.delta_1 == before.delta_1 || after.delta_2 == two || after.delta_2 == -two {
        return Err("delta is not changed");
    }
    if !commits {
        return match after.gamma_prime == before.gamma_prime {
            true => Ok(()),
            false => Err("a committed part that the circuit does not have"),
        };
    }
    let (gamma, delta) = (after.gamma_prime, after.delta_2);
    if gamma == before.gamma_prime || gamma == two || gamma == -two {
        return Err("rho is not changed");
    }
    // One number for both would make bases of one side of those of the other.
    if gamma == delta || gamma == -delta {
        return Err("delta and rho are the same");
    }
    match is_ratio(&after.delta_1, &before.delta_1, &gamma, &before.gamma_prime) {
        true => Err("delta and rho are changed by the same number"),
        false => Ok(()),
    }
}

fn check_proofs(
    statement: &[u8; 32],
    circuit: usize,
    before: &Points,
    change: &Change,
    commits: bool,
) -> Result<(), &'static str> {
    let Some(proofs) = &change.proofs else {
        return Err("it does not prove that its author knew the numbers");
    };
    let context = |label| Context {
        statement,
        circuit,
        label,
    };
    let after = &change.points;
    let delta = (&before.delta_1, &after.delta_1);
    if !proofs.delta.is_true(context(DELTA), delta.0, delta.1) {
        return Err("the proof of delta is false");
    }
    let rho = (&before.gamma_prime, &after.gamma_prime);
    match (&proofs.rho, commits) {
        (None, false) => Ok(()),
        (Some(proof), true) if proof.is_true(context(RHO), rho.0, rho.1) => Ok(()),
        (Some(_), true) => Err("the proof of rho is false"),
        _ => Err("not as many proofs as there are numbers"),
    }
}

/// Whether a name can be shown: a [line](is_line) of at most [`LONGEST_NAME`] characters.
pub fn is_name(text: &str) -> bool {
    is_line(text, LONGEST_NAME)
}

/// Whether a text is one line that shows what it says: 1 to `most` characters, none that breaks a line, moves the cursor,
/// turns the direction of writing or is not seen.
pub fn is_line(text: &str, most: usize) -> bool {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}')
    };
    (1..=most).contains(&text.chars().count()) && !text.chars().any(is_hidden)
}

const CONTRIBUTION: u8 = 0;
const BEACON: u8 = 1;
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

impl Record {
    /// Everything but the proofs.
    fn put_statement(&self, bytes: &mut Vec<u8>) {
        put_prefixed(bytes, self.author.as_bytes());
        match &self.kind {
            Kind::Contribution => bytes.push(CONTRIBUTION),
            Kind::Beacon(beacon) => {
                bytes.push(BEACON);
                put_prefixed(bytes, &beacon.value);
                bytes.push(beacon.iterations);
            }
        }
        for change in &self.changes {
            put(bytes, &change.points.delta_1);
            put(bytes, &change.points.delta_2);
            put(bytes, &change.points.gamma_prime);
            bytes.extend_from_slice(&change.lists);
        }
    }

    /// As a file has it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.put_statement(&mut bytes);
        for change in &self.changes {
            match &change.proofs {
                None => bytes.push(ABSENT),
                Some(proofs) => {
                    bytes.push(PRESENT);
                    proofs.delta.put(&mut bytes);
                    match &proofs.rho {
                        None => bytes.push(ABSENT),
                        Some(rho) => {
                            bytes.push(PRESENT);
                            rho.put(&mut bytes);
                        }
                    }
                }
            }
        }
        bytes
    }

    /// Of a file's bytes, for so many circuits. Nothing that is not exactly what [`bytes`](Self::bytes) gives.
    pub fn from_bytes(bytes: &[u8], circuits: usize) -> Option<Self> {
        let mut reader = Reader(bytes);
        let author = String::from_utf8(reader.prefixed()?.to_vec()).ok()?;
        let kind = match reader.byte()? {
            CONTRIBUTION => Kind::Contribution,
            BEACON => Kind::Beacon(Beacon {
                value: reader.prefixed()?.to_vec(),
                iterations: reader.byte()?,
            }),
            _ => return None,
        };
        let mut changes = Vec::with_capacity(circuits);
        for _ in 0..circuits {
            changes.push(Change {
                points: Points {
                    delta_1: reader.g1()?,
                    delta_2: reader.g2()?,
                    gamma_prime: reader.g2()?,
                },
                lists: reader.array()?,
                proofs: None,
            });
        }
        for change in &mut changes {
            change.proofs = proofs(&mut reader)?;
        }
        let record = Record {
            author,
            kind,
            changes,
        };
        reader.is_at_end().then_some(record)
    }
}

fn is_present(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.byte()? {
        ABSENT => Some(false),
        PRESENT => Some(true),
        _ => None,
    }
}

fn proofs(reader: &mut Reader<'_>) -> Option<Option<Proofs>> {
    if !is_present(reader)? {
        return Some(None);
    }
    let delta = Knowledge {
        commitment: reader.g1()?,
        response: reader.scalar()?,
    };
    let rho = match is_present(reader)? {
        false => None,
        true => Some(Knowledge {
            commitment: reader.g2()?,
            response: reader.scalar()?,
        }),
    };
    Some(Some(Proofs { delta, rho }))
}

/// Checks all records, one after another. A beacon comes after a contribution, and nothing comes after it: nobody who knows it
/// contributes.
///
/// # Errors
/// [`Error::Record`].
pub fn check_all(first: Head, records: &[Record], commits: &[bool]) -> Result<Vec<Head>, Error> {
    let mut heads = vec![first];
    for (i, record) in records.iter().enumerate() {
        let refused = |reason| Error::Record {
            number: i + 1,
            name: match is_name(&record.author) {
                true => record.author.clone(),
                false => "of a name that cannot be shown".into(),
            },
            reason,
        };
        if let Kind::Beacon(_) = record.kind {
            match (i, i + 1 == records.len()) {
                (0, _) => return Err(refused("a beacon before any contribution")),
                (_, false) => return Err(refused("a beacon that is not the last record")),
                _ => {}
            }
        }
        let mut head = heads[i].clone();
        head.add(record, commits).map_err(refused)?;
        heads.push(head);
    }
    Ok(heads)
}
