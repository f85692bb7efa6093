//! The proving keys of a ceremony that has been verified.

use maci_nova_chain::{Observer, Stage};
use maci_nova_groth16::{KeyParts, ProvingKey};

use crate::verify::{read, Verified};
use crate::{Circuit, Error, Phase1};

/// The proving key of each circuit, in the order of the ceremony: of the same circuits and powers of tau as were verified.
///
/// # Errors
/// [`Error::Io`], [`Error::Damaged`] or [`Error::Points`] when the file has changed since; [`Error::Other`] for other circuits;
/// those of the powers of tau; [`Error::Interrupted`].
pub fn finish(
    verified: &Verified,
    circuits: &[(&Circuit, &Phase1)],
    observer: &dyn Observer,
) -> Result<Vec<ProvingKey>, Error> {
    let file = verified.file();
    if !verified.is_of(circuits) {
        return Err(Error::Other("other circuits than were verified".into()));
    }
    let mut stage = observer.begin(Stage::Counted {
        label: "making keys",
        unit: "keys",
        done: 0,
        total: circuits.len() as u64,
    });
    let (mut reader, mut keys) = (file.points()?, Vec::with_capacity(circuits.len()));
    for (i, (circuit, phase1)) in circuits.iter().enumerate() {
        if observer.interrupted() {
            return Err(Error::Interrupted);
        }
        let lists = read(&mut reader, file, i)?;
        let points = &file.head().points[i];
        let parts = KeyParts {
            alpha_1: phase1.alpha_1,
            beta_1: phase1.beta_1,
            beta_2: phase1.beta_2,
            delta_1: points.delta_1,
            delta_2: points.delta_2,
            gamma_prime: points.gamma_prime,
            ic: circuit.ic(phase1),
            committed: lists.committed,
            a: circuit.a(phase1),
            b_1: circuit.b(&phase1.lagrange),
            b_2: circuit.b(&phase1.lagrange_2()?),
            h: lists.h,
            l: lists.l,
        };
        keys.push(ProvingKey::of_ceremony(&circuit.matrices, parts)?);
        stage.at(i as u64 + 1);
    }
    Ok(keys)
}
