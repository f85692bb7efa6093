//! The next file of one: delta and rho times new numbers, the lists divided by them.

use std::path::Path;

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{Field, Zero};
use maci_nova_chain::Observer;
use rand_core::{OsRng, RngCore};
use rayon::prelude::*;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::encoding::scalar_of;
use crate::file::{create, CeremonyFile, MOST_RECORDS};
use crate::knowledge::{Context, Knowledge};
use crate::meter::Meter;
use crate::record::{
    is_name, Change, Factors, Head, Kind, Proofs, DELTA, LONGEST_BEACON, MOST_ITERATIONS, RHO,
};
use crate::verify::{check_lists, is_about, is_announced, read, terms};
use crate::{Beacon, Circuit, Error, Phase1, Record};

/// The author of a beacon's record.
const BEACON_NAME: &str = "beacon";
/// Points that are multiplied between two looks at the observer.
const AT_ONCE: usize = 1 << 14;
const DOMAIN: &[u8] = b"maci-nova ceremony, contribution, version 1";

/// What somebody has contributed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The record's place, from 1.
    pub number: usize,
    /// The hash of all records up to this one: what a contributor publishes, and finds again in the end.
    pub transcript: [u8; 32],
}

/// Contributes: makes the file after `input`, with numbers that come from the system's randomness and from `entropy`, which
/// may be anything. They are wiped before this returns, but for copies that the arithmetic makes and that cannot be reached.
///
/// The lists are checked before they are divided, as [`verify`](crate::verify) does. Otherwise whoever made `input` could
/// have put any points in places that they can fill again afterwards (a variable that no constraint uses is enough), and
/// would get them back divided by delta: with `IC / delta` they prove what is false.
///
/// # Errors
/// Those of [`CeremonyFile::open`]; [`Error::Other`], [`Error::Points`] when the lists are not the circuits';
/// [`Error::Stage`] after the beacon; [`Error::Request`] for a name that cannot be shown; [`Error::Interrupted`]. The new file
/// is there whole or not at all.
pub fn contribute(
    input: &Path,
    output: &Path,
    circuits: &[(&Circuit, &Phase1)],
    author: &str,
    entropy: &[u8],
    observer: &dyn Observer,
) -> Result<Receipt, Error> {
    let file = CeremonyFile::open(input)?;
    // One place is the beacon's.
    is_open(&file, author, MOST_RECORDS - 1)?;
    is_about(&file, circuits)?;
    let factors: Vec<Factors> = (0..circuits.len())
        .map(|circuit| secret_factors(circuit, entropy))
        .collect();
    let kind = Kind::Contribution;
    next(
        &file,
        output,
        author,
        kind,
        &factors,
        Some(circuits),
        observer,
    )
}

/// Ends the contributions with randomness that nobody could have known.
///
/// # Errors
/// As [`contribute`]; [`Error::Stage`] when nobody has contributed; [`Error::Beacon`] for another one than was announced, where
/// that can be told.
pub fn end_with(
    input: &Path,
    output: &Path,
    beacon: Beacon,
    observer: &dyn Observer,
) -> Result<Receipt, Error> {
    if !beacon.is_in_range() {
        return Err(Error::Request(format!(
            "a beacon has 1 to {LONGEST_BEACON} bytes, and is hashed at most 2^{MOST_ITERATIONS} times"
        )));
    }
    let file = CeremonyFile::open(input)?;
    is_open(&file, BEACON_NAME, MOST_RECORDS)?;
    if file.records().is_empty() {
        return Err(Error::Stage("nobody has contributed yet"));
    }
    is_announced(&file, &beacon)?;
    let factors = beacon.factors(file.commits().len());
    let kind = Kind::Beacon(beacon);
    // Everybody knows these numbers and can divide by them.
    next(&file, output, BEACON_NAME, kind, &factors, None, observer)
}

/// Whether somebody of this name may contribute to it, as one of so many at most.
fn is_open(file: &CeremonyFile, author: &str, most: u32) -> Result<(), Error> {
    if !is_name(author) {
        return Err(Error::Request(
            "a name has 1 to 100 characters that can be seen, on one line".into(),
        ));
    }
    if let Some(Kind::Beacon(_)) = file.records().last().map(|record| &record.kind) {
        return Err(Error::Stage(
            "the beacon has ended this ceremony: nobody contributes after it",
        ));
    }
    match file.records().len() < most as usize {
        true => Ok(()),
        false => Err(Error::Stage(
            "this ceremony has as many contributions as a file holds",
        )),
    }
}

/// Delta's and rho's, each of its own hash.
fn secret_factors(circuit: usize, entropy: &[u8]) -> Factors {
    let factor = |label: &str| loop {
        let mut system = Zeroizing::new([0; 64]);
        OsRng.fill_bytes(&mut *system);
        let hash = Sha512::new()
            .chain_update(DOMAIN)
            .chain_update(*system)
            .chain_update((circuit as u64).to_le_bytes())
            .chain_update(label.as_bytes())
            .chain_update([0]);
        let factor = scalar_of(hash.chain_update(entropy));
        if !factor.is_zero() && factor != Fr::ONE {
            return factor;
        }
    };
    Factors {
        delta: factor(DELTA),
        rho: factor(RHO),
    }
}

pub(crate) fn next(
    file: &CeremonyFile,
    output: &Path,
    author: &str,
    kind: Kind,
    factors: &[Factors],
    checked: Option<&[(&Circuit, &Phase1)]>,
    observer: &dyn Observer,
) -> Result<Receipt, Error> {
    let mut receipt = None;
    create(output, file.description(), |writer| {
        let lists = divided(file, factors, checked, observer, |points, hash| {
            writer.put(points, hash).map_err(Error::io("write", output))
        })?;
        let record = record(file, author, kind, factors, &lists);
        let mut head: Head = file.head().clone();
        head.add(&record, &file.commits())
            .map_err(|reason| Error::Record {
                number: file.records().len() + 1,
                name: author.into(),
                reason,
            })?;
        receipt = Some(Receipt {
            number: file.records().len() + 1,
            transcript: head.transcript,
        });
        let mut records = file.records().to_vec();
        records.push(record);
        Ok(records)
    })?;
    Ok(receipt.expect("made with the file"))
}

/// Divides all lists and passes them on; those of circuits that are given are checked first. Returns each circuit's hash.
pub(crate) fn divided(
    file: &CeremonyFile,
    factors: &[Factors],
    checked: Option<&[(&Circuit, &Phase1)]>,
    observer: &dyn Observer,
    mut put: impl FnMut(&[G1Affine], &mut Sha256) -> Result<(), Error>,
) -> Result<Vec<[u8; 32]>, Error> {
    let mut reader = file.points()?;
    let mut digests = Vec::with_capacity(factors.len());
    for (i, factors) in factors.iter().enumerate() {
        // What is divided is what was checked: the file is read once.
        let lists = read(&mut reader, file, i)?;
        if let Some((circuit, phase1)) = checked.map(|circuits| circuits[i]) {
            let meter = &mut Meter::new(observer, "verifying", terms(&[(circuit, phase1)]));
            check_lists(circuit, phase1, &lists, &file.head().points[i], meter)?;
        }
        let inverse = |factor: &Fr| Zeroizing::new(factor.inverse().expect("not 0"));
        let (delta, rho) = (inverse(&factors.delta), inverse(&factors.rho));
        let mut hash = Sha256::new();
        let parts = [
            (&lists.l, &delta),
            (&lists.h, &delta),
            (&lists.committed, &rho),
        ];
        let points = parts.iter().map(|(list, _)| list.len()).sum();
        let mut meter = Meter::new(observer, "multiplying", points);
        for (list, factor) in parts {
            for part in list.chunks(AT_ONCE) {
                put(&times(part, factor), &mut hash)?;
                meter.add(part.len())?;
            }
        }
        digests.push(hash.finalize().into());
    }
    Ok(digests)
}

fn times(points: &[G1Affine], factor: &Fr) -> Vec<G1Affine> {
    let products: Vec<G1Projective> = points.par_iter().map(|point| *point * factor).collect();
    G1Projective::normalize_batch(&products)
}

pub(crate) fn record(
    file: &CeremonyFile,
    author: &str,
    kind: Kind,
    factors: &[Factors],
    lists: &[[u8; 32]],
) -> Record {
    let (head, commits) = (file.head(), file.commits());
    let change = |i: usize| Change {
        points: head.points[i].times(&factors[i], commits[i]),
        lists: lists[i],
        proofs: None,
    };
    let mut record = Record {
        author: author.into(),
        kind,
        changes: (0..factors.len()).map(change).collect(),
    };
    if record.kind != Kind::Contribution {
        return record;
    }
    let statement = head.statement(&record);
    for (i, change) in record.changes.iter_mut().enumerate() {
        let context = |label| Context {
            statement: &statement,
            circuit: i,
            label,
        };
        let (before, after) = (&head.points[i], &change.points);
        let (delta, rho) = (&factors[i].delta, &factors[i].rho);
        let of_delta = Knowledge::prove(context(DELTA), &before.delta_1, &after.delta_1, delta);
        let of_rho = commits[i]
            .then(|| Knowledge::prove(context(RHO), &before.gamma_prime, &after.gamma_prime, rho));
        change.proofs = Some(Proofs {
            delta: of_delta,
            rho: of_rho,
        });
    }
    record
}
