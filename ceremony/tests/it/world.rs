//! Two small circuits, one with a committed part, and a powers-of-tau file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ff::Field;
use halo2curves::bn256::Fr;
use maci_nova_ceremony::testing::{write_prepared, Secrets};
use maci_nova_ceremony::{contribute, file, Beacon, Circuit, Phase1};
use maci_nova_groth16::adapter::{Assignment, Matrices};
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use tempfile::TempDir;

/// Public variables of both.
pub const PUBLICS: usize = 2;
/// Committed variables of the first one.
pub const COMMITTED: usize = 3;

/// `x^3 + 5 x + v_0 v_1 = y` with public 7 x and y, and `v_2 = v_0 + 10 v_1`; without a committed part, v_i are witnesses.
fn fill<CS: ConstraintSystem<Fr>>(
    cs: &mut CS,
    commits: bool,
    [x, v0, v1]: [u64; 3],
) -> Result<(), SynthesisError> {
    let (x, v) = (Fr::from(x), [v0, v1, v0 + 10 * v1].map(Fr::from));
    let seven = Fr::from(7);
    let y = x.cube() + Fr::from(5) * x + v[0] * v[1];
    let sevenfold = AllocatedNum::alloc_input(&mut *cs, || Ok(seven * x))?;
    let result = AllocatedNum::alloc_input(&mut *cs, || Ok(y))?;
    let variable = |cs: &mut CS, value: Fr| match commits {
        true => AllocatedNum::alloc_input(&mut *cs, || Ok(value)),
        false => AllocatedNum::alloc(&mut *cs, || Ok(value)),
    };
    let v0 = variable(cs, v[0])?;
    let v1 = variable(cs, v[1])?;
    let v2 = variable(cs, v[2])?;
    let root = AllocatedNum::alloc(&mut *cs, || Ok(x))?;
    // Nothing uses it: its points are infinity.
    AllocatedNum::alloc(&mut *cs, || Ok(Fr::ONE))?;
    cs.enforce(
        || "7 x",
        |lc| lc + (seven, root.get_variable()),
        |lc| lc + CS::one(),
        |lc| lc + sevenfold.get_variable(),
    );
    let square = root.square(cs.namespace(|| "square"))?;
    let cube = square.mul(cs.namespace(|| "cube"), &root)?;
    let product = v0.mul(cs.namespace(|| "product"), &v1)?;
    cs.enforce(
        || "y",
        |lc| {
            let five = (Fr::from(5), root.get_variable());
            lc + cube.get_variable() + five + product.get_variable()
        },
        |lc| lc + CS::one(),
        |lc| lc + result.get_variable(),
    );
    cs.enforce(
        || "v_2",
        |lc| lc + v0.get_variable() + (Fr::from(10), v1.get_variable()) - v2.get_variable(),
        |lc| lc + (-seven.invert().expect("not 0"), CS::one()),
        |lc| lc,
    );
    Ok(())
}

pub fn circuit(commits: bool) -> Circuit {
    let matrices = Matrices::record(|cs| fill(cs, commits, [0; 3])).expect("recorded");
    Circuit {
        name: if commits { "commits" } else { "plain" },
        matrices,
        publics: PUBLICS,
    }
}

pub fn assignment(commits: bool, values: [u64; 3]) -> Assignment {
    Assignment::record(|cs| fill(cs, commits, values)).expect("values")
}

/// Circuits and powers of tau, read once.
pub struct World {
    _folder: TempDir,
    pub circuits: [Circuit; 2],
    pub phase1: [Phase1; 2],
}

impl World {
    pub fn get() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("powers.ptau");
            let circuits = [circuit(true), circuit(false)];
            let logs = circuits.each_ref().map(|circuit| circuit.domain().ilog2());
            write_prepared(&path, &Secrets::some(), 5, &logs);
            let phase1 = circuits
                .each_ref()
                .map(|circuit| Phase1::read(&path, circuit.domain(), &()).expect("read"));
            World {
                _folder: folder,
                circuits,
                phase1,
            }
        })
    }

    pub fn pairs(&self) -> [(&Circuit, &Phase1); 2] {
        let [a, b] = &self.circuits;
        let [c, d] = &self.phase1;
        [(a, c), (b, d)]
    }
}

pub const NAMES: [&str; 3] = ["Ada", "Brahmagupta", "Chien-Shiung"];
pub const ANNOUNCED: &str = "what is published tomorrow";

pub fn beacon() -> Beacon {
    Beacon {
        value: b"published".to_vec(),
        iterations: 4,
    }
}

/// The file after so many contributions: `0` is the first one, and `3` is followed by `4`, after the beacon.
pub fn file_of(folder: &Path, number: usize) -> PathBuf {
    folder.join(number.to_string())
}

/// A whole ceremony: files 0 to 4.
pub fn ceremony(folder: &Path) {
    let world = World::get();
    let subject = BTreeMap::from([("circuits".to_owned(), 2)]);
    file::begin(
        &file_of(folder, 0),
        &subject,
        &world.pairs(),
        ANNOUNCED,
        &(),
    )
    .expect("begun");
    for (i, name) in NAMES.iter().enumerate() {
        let (from, to) = (file_of(folder, i), file_of(folder, i + 1));
        contribute::contribute(&from, &to, &world.pairs(), name, b"dice", &())
            .expect("contributed");
    }
    let (from, to) = (file_of(folder, 3), file_of(folder, 4));
    contribute::end_with(&from, &to, beacon(), &()).expect("ended");
}
