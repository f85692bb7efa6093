//! Whether a file is what an honest ceremony leaves: for anyone, from the circuits and the powers of tau.

use std::path::Path;

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use maci_nova_chain::Observer;
use sha2::{Digest, Sha256};

use crate::drand::Round;
use crate::file::{CeremonyFile, CircuitDescription, Description, Lists, PointReader};
use crate::meter::Meter;
use crate::record::{Kind, Points};
use crate::sums::{is_ratio, sum, weights};
use crate::{Beacon, Circuit, Error, Phase1};

/// What has been verified: a ceremony that has ended.
#[derive(Debug)]
pub struct Verified {
    file: CeremonyFile,
}

impl Verified {
    /// The file.
    pub fn file(&self) -> &CeremonyFile {
        &self.file
    }

    /// Whether these circuits and powers of tau are what it was verified for.
    pub fn is_of(&self, circuits: &[(&Circuit, &Phase1)]) -> bool {
        is_about(&self.file, circuits).is_ok()
    }

    /// The hash of all records: the name of the ceremony.
    pub fn transcript(&self) -> [u8; 32] {
        self.file.head().transcript
    }
}

/// Verifies a ceremony that has ended.
///
/// # Errors
/// Those of [`CeremonyFile::open`]; [`Error::Other`] when it is about other circuits or powers of tau; [`Error::Stage`] when
/// it has not ended; [`Error::Beacon`]; [`Error::Points`].
pub fn verify(
    path: &Path,
    circuits: &[(&Circuit, &Phase1)],
    observer: &dyn Observer,
) -> Result<Verified, Error> {
    let file = CeremonyFile::open(path)?;
    let Some(Kind::Beacon(beacon)) = file.records().last().map(|record| &record.kind) else {
        return Err(Error::Stage("no beacon has ended this ceremony yet"));
    };
    is_announced(&file, beacon)?;
    check(&file, circuits, observer)?;
    for ((circuit, phase1), points) in circuits.iter().zip(&file.head().points) {
        check_distinct(circuit, phase1, points)?;
    }
    Ok(Verified { file })
}

/// Where a round of drand was announced, the beacon is its signature, hashed once: more hashes would be a choice, and nobody
/// could have tried the signature before. What else was announced, people have to compare.
pub(crate) fn is_announced(file: &CeremonyFile, beacon: &Beacon) -> Result<(), Error> {
    match Round::announced(&file.description().beacon)? {
        Some(round) if beacon.iterations != 0 || !round.has_signature(&beacon.value) => {
            Err(Error::Beacon(round.to_string()))
        }
        _ => Ok(()),
    }
}

/// Verifies a ceremony that has not ended: what a contributor may do first.
///
/// # Errors
/// As [`verify`], but that a beacon is not asked for.
pub fn check(
    file: &CeremonyFile,
    circuits: &[(&Circuit, &Phase1)],
    observer: &dyn Observer,
) -> Result<(), Error> {
    is_about(file, circuits)?;
    let mut meter = Meter::new(observer, "verifying", terms(circuits));
    let mut reader = file.points()?;
    for (i, (circuit, phase1)) in circuits.iter().enumerate() {
        let lists = read(&mut reader, file, i)?;
        check_lists(circuit, phase1, &lists, &file.head().points[i], &mut meter)?;
    }
    Ok(())
}

/// Whether a file is about these circuits and powers of tau.
pub(crate) fn is_about(file: &CeremonyFile, circuits: &[(&Circuit, &Phase1)]) -> Result<(), Error> {
    let found = file.description();
    compare(
        found,
        &Description::new(&found.subject, circuits, &found.beacon)?,
    )
}

/// All lists of a file, of which the last record's hash is right.
pub(crate) fn read(
    reader: &mut PointReader<'_>,
    file: &CeremonyFile,
    circuit: usize,
) -> Result<Lists, Error> {
    let mut hash = Sha256::new();
    let mut list = |count: usize| {
        let mut points = Vec::with_capacity(count);
        while points.len() < count {
            points.append(&mut reader.next(count - points.len(), &mut hash)?);
        }
        Ok::<_, Error>(points)
    };
    let described = &file.description().circuits[circuit];
    let lists = Lists {
        l: list(described.l)?,
        h: list(described.h)?,
        committed: list(described.committed)?,
    };
    check_before(file, circuit, hash)?;
    Ok(lists)
}

/// The lists are those that the last record hashed.
fn check_before(file: &CeremonyFile, circuit: usize, hash: Sha256) -> Result<(), Error> {
    let Some(record) = file.records().last() else {
        return Ok(());
    };
    match record.changes[circuit].lists == *hash.finalize() {
        true => Ok(()),
        false => Err(Error::Points {
            circuit: file.description().circuits[circuit].name.clone(),
            reason: "they are not those of the last record",
        }),
    }
}

fn compare(found: &Description, expected: &Description) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let other = |what: String| Err(Error::Other(what));
    if found.circuits.len() != expected.circuits.len() {
        return other(format!(
            "it has {} circuits, not {}",
            found.circuits.len(),
            expected.circuits.len()
        ));
    }
    for (found, expected) in found.circuits.iter().zip(&expected.circuits) {
        if found == expected {
            continue;
        }
        let CircuitDescription { name, .. } = expected;
        let same_circuit = CircuitDescription {
            powers_of_tau: expected.powers_of_tau,
            ..found.clone()
        } == *expected;
        return other(match same_circuit {
            true => format!(
                "its powers of tau for {name} are {}, not {}",
                hex::encode(found.powers_of_tau),
                hex::encode(expected.powers_of_tau)
            ),
            false => format!("its circuit {} is not {name} of this program", found.name),
        });
    }
    other("its description".into())
}

/// Terms of all the sums that [`check_lists`] takes.
pub(crate) fn terms(circuits: &[(&Circuit, &Phase1)]) -> usize {
    let of = |(circuit, _): &(&Circuit, &Phase1)| {
        let rows = circuit.matrices.constraints();
        // y twice, over the rows of three matrices, those of A having one more for each instance variable.
        let y = 2 * (3 * rows + circuit.matrices.instance());
        let lists = circuit.sizes();
        y + lists.map_or(0, |lists| lists.l + 2 * lists.h + lists.committed)
    };
    circuits.iter().map(of).sum()
}

/// For random weights w:
/// ```text
/// e(sum w_i L_i, delta_2) = e(sum w_i y_i, G2)            over the witness
/// e(sum w_j H_j, delta_2) = e(sum w_j x^j (x^n - 1), G2)
/// e(sum w_i D_i, gamma')  = e(sum w_i y_i, G2)            over the committed variables
/// ```
pub(crate) fn check_lists(
    circuit: &Circuit,
    phase1: &Phase1,
    lists: &Lists,
    points: &Points,
    meter: &mut Meter<'_>,
) -> Result<(), Error> {
    let refuse = |reason| {
        Err(Error::Points {
            circuit: circuit.name.into(),
            reason,
        })
    };
    if phase1.domain() != circuit.domain() {
        return refuse("the powers of tau are for another domain");
    }
    if lists.h.iter().any(AffineRepr::is_zero) {
        return refuse("a point of H is infinity");
    }
    // Weights are as large as half a list: each go before the next come.
    let y_is = |list: &[G1Affine], first: usize, q: &G2Affine, meter: &mut Meter<'_>| {
        let w = weights(list.len());
        let y = circuit.weighted_y(phase1, first, &w, meter)?;
        is_multiple(list, &w, q, y, meter)
    };
    if !y_is(
        &lists.l,
        circuit.matrices.instance(),
        &points.delta_2,
        meter,
    )? {
        return refuse("L is not the circuit's, divided by delta");
    }
    if !is_of_domain(phase1, &lists.h, &points.delta_2, meter)? {
        return refuse("H is not the domain's, divided by delta");
    }
    let first = circuit.publics + 1;
    match y_is(&lists.committed, first, &points.gamma_prime, meter)? {
        true => Ok(()),
        false => refuse("the bases of D are not the circuit's, divided by rho"),
    }
}

fn is_of_domain(
    phase1: &Phase1,
    h: &[G1Affine],
    delta_2: &G2Affine,
    meter: &mut Meter<'_>,
) -> Result<bool, Error> {
    let w = weights(h.len());
    let expected = sum(&phase1.vanishing, &w, meter)?;
    is_multiple(h, &w, delta_2, expected, meter)
}

/// No two points of the verifying key in G2 are the same, or each other's negatives: the contract takes no such key.
fn check_distinct(circuit: &Circuit, phase1: &Phase1, points: &Points) -> Result<(), Error> {
    let mut all = vec![
        G2Affine::generator(),
        phase1.beta_2(),
        phase1.tau_2(),
        points.delta_2,
    ];
    if circuit.sizes().is_some_and(|sizes| sizes.committed > 0) {
        all.push(points.gamma_prime);
    }
    let repeats = |(i, point): (usize, &G2Affine)| all[..i].iter().any(|other| other.x == point.x);
    match all.iter().enumerate().any(repeats) {
        false => Ok(()),
        true => Err(Error::Points {
            circuit: circuit.name.into(),
            reason: "two points of its verifying key are the same",
        }),
    }
}

/// `e(sum w_i P_i, q) = e(expected, G2)`.
fn is_multiple(
    list: &[G1Affine],
    weights: &[Fr],
    q: &G2Affine,
    expected: G1Projective,
    meter: &mut Meter<'_>,
) -> Result<bool, Error> {
    let (sum, expected) = (
        sum(list, weights, meter)?.into_affine(),
        expected.into_affine(),
    );
    Ok(is_ratio(&expected, &sum, q, &G2Affine::generator()))
}
