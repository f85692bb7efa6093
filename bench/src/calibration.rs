//! The axis of Nova's paper: [`maci_nova_calibration`], measured.

use maci_nova_calibration::{run, Curves, Done};

use crate::configuration::{Configuration, Cycle, Measurement};
use crate::figures as is;
use crate::Error;

pub(crate) fn measure(
    configuration: &Configuration,
    cycle: Cycle,
    power: u32,
) -> Result<Measurement, Error> {
    let curves = match cycle {
        Cycle::Pasta => Curves::Pasta,
        Cycle::Bn254 => Curves::Bn254,
    };
    let mut measured = Measurement::new(configuration);
    let (mut proving, mut elapsed) = (Vec::new(), 0.0);
    let mut done = |done: Done, seconds: f64| match done {
        Done::Parameters(one, two) => {
            measured.push(is::PARAMETERS_SECONDS, &[seconds]);
            measured.count(is::STEP_CONSTRAINTS, 1 << power);
            measured.count(is::CONSTRAINTS, one);
            measured.count(is::SECOND_CONSTRAINTS, two);
            measured.count(is::OVERHEAD, one + two - (1 << power));
        }
        Done::Step => {
            proving.push(seconds);
            elapsed += seconds;
            measured.series.push((proving.len() as u64, elapsed));
            if proving.len() == configuration.messages {
                measured.push(is::PROVING, &proving);
                measured.peak(is::PEAK);
            }
        }
        Done::Proof => measured.push(is::FINAL_SECONDS, &[seconds]),
        Done::Verification { bytes } => {
            measured.push(is::VERIFYING, &[seconds]);
            measured.count(is::FINAL_BYTES, bytes);
        }
    };
    let ran = run(curves, power, configuration.messages, &mut done);
    ran.map_err(Error::proof("a calibration"))?;
    measured.peak(is::PEAK_FINAL);
    Ok(measured)
}
