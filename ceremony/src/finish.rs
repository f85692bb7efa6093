//! The proving keys of a ceremony that has been verified.

use maci_nova_chain::Observer;
use maci_nova_groth16::{KeyParts, ProvingKey};

use crate::meter::Meter;
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
    let (mut reader, mut keys) = (file.points()?, Vec::with_capacity(circuits.len()));
    for (i, (circuit, phase1)) in circuits.iter().enumerate() {
        let lists = read(&mut reader, file, i)?;
        let lagrange_2 = phase1.lagrange_2(observer)?;
        // A, and B in both groups.
        let meter = &mut Meter::new(observer, "making keys", 3 * circuit.variables());
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
            a: circuit.a(phase1, meter)?,
            b_1: circuit.b(&phase1.lagrange, meter)?,
            b_2: circuit.b(&lagrange_2, meter)?,
            h: lists.h,
            l: lists.l,
        };
        keys.push(ProvingKey::of_ceremony(
            &circuit.matrices,
            parts,
            file.head().transcript,
        )?);
    }
    Ok(keys)
}
