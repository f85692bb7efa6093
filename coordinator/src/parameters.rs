//! The parameters that steps are folded with.

use maci_nova_chain::{Observer, Stage};
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_step_circuit::Shape;

use crate::error::Error;

/// Parameters of a shape, made anew.
///
/// # Errors
/// [`Error::Setup`].
pub fn parameters(
    shape: Shape,
    source: &SetupSource,
    observer: &dyn Observer,
) -> Result<Parameters, Error> {
    let stage = observer.begin(Stage::Timed {
        label: "parameters",
    });
    let parameters = Parameters::setup(shape, source)?;
    let seconds = stage.finish();
    observer.note(&format!("parameters made in {seconds:.1} s"));
    Ok(parameters)
}
