//! Public parameters: everything that prover and verifier must agree on before a proof.

use std::{fmt, io, path::PathBuf, sync::Arc};

use ff::PrimeField;
use maci_nova_step_circuit::{Shape, StepCircuit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    engine::{PublicParams, SetupFailure},
    powers_of_tau::PowersOfTau,
    ptau_file::PtauError,
};

/// Prefix of the parameters' digest; its version changes with what the digest covers.
const DIGEST_DOMAIN: &[u8] = b"maci-nova parameters, version 3";

/// Where the powers of tau for the KZG commitments come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupSource {
    /// A `.ptau` file of a ceremony on BN254: as snarkjs writes it, or pruned to the first powers
    /// of G1 and two of G2. `2^p` points of G1 are needed, the least power of two that holds one for
    /// each variable and each product row and three for each power row (p = 16 for the usual shapes
    /// with one event a step).
    PowersOfTau(PathBuf),
    /// Powers of a tau that is public. INSECURE: anybody can forge proofs. For development.
    InsecureDevelopment,
}

/// What the powers of tau are, as a proof states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SetupOrigin {
    /// From a ceremony's file.
    PowersOfTau {
        /// SHA-256 over a domain, the prime (32 bytes), the number of points of G1 (u64) and
        /// exactly the points used, as the file holds them: those of G1, then G2 and tau*G2.
        #[serde(with = "hex::serde")]
        digest: [u8; 32],
        /// `2^power` points of G1 are used. (The file may hold more.)
        power: u32,
    },
    /// The development setup. INSECURE.
    InsecureDevelopment,
}

impl SetupOrigin {
    /// Whether proofs under these parameters mean anything to somebody who did not make them.
    pub fn is_secure(&self) -> bool {
        matches!(self, SetupOrigin::PowersOfTau { .. })
    }
}

impl fmt::Display for SetupOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupOrigin::PowersOfTau { digest, power } => {
                write!(f, "powers of tau {} (2^{power} used)", hex::encode(digest))
            }
            SetupOrigin::InsecureDevelopment => {
                f.write_str("INSECURE development setup (anyone can forge proofs)")
            }
        }
    }
}

/// Names public parameters: SHA-256 over a domain, the shape (three u64, little endian) and the
/// engine's digest, which covers both circuits, both commitment keys and the hash constants.
/// Displayed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParametersDigest(#[serde(with = "hex::serde")] pub [u8; 32]);

impl fmt::Display for ParametersDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ParametersDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParametersDigest({self})")
    }
}

/// Why there are no parameters.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The powers-of-tau file is missing, not one, too small, for another curve or corrupt.
    #[error("the powers-of-tau file {path} {source}", path = .path.display())]
    Ptau {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PtauError,
    },
    /// Standard output could not be kept clean of what a library prints.
    #[error("standard output could not be redirected for the setup: {0}")]
    Io(#[from] io::Error),
    /// The library refused the circuit.
    #[error("the circuit's parameters could not be made: {0}")]
    Library(String),
}

/// The public parameters of a shape.
///
/// They are made anew in each process: at shape (10, 3, 1) that takes about as long as reading the
/// 20 MB of them from disk would (points have to be decompressed and checked), so there is no
/// cache.
pub struct Parameters {
    shape: Shape,
    origin: SetupOrigin,
    digest: ParametersDigest,
    engine: Arc<PublicParams>,
}

impl Parameters {
    /// Makes the parameters for `shape` with the powers of tau from `source`.
    ///
    /// The result depends on nothing else: everybody with the same shape and powers gets the same
    /// digest.
    ///
    /// # Errors
    /// See [`SetupError`]. A file is checked before it is used: a malformed one is an error, a
    /// wrong one (not the powers of one tau) too.
    pub fn setup(shape: Shape, source: &SetupSource) -> Result<Self, SetupError> {
        let blank = StepCircuit::blank(shape);
        let (engine, origin) =
            PublicParams::setup(&blank, |count| obtain(source, count)).map_err(|failure| {
                match failure {
                    SetupFailure::Powers(error) => error,
                    SetupFailure::Io(error) => SetupError::Io(error),
                    SetupFailure::Engine(error) => SetupError::Library(error.to_string()),
                }
            })?;
        Ok(Parameters {
            shape,
            origin,
            digest: digest(&shape, &engine),
            engine: Arc::new(engine),
        })
    }

    /// The sizes of the step circuit.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The name of these parameters.
    pub fn digest(&self) -> ParametersDigest {
        self.digest
    }

    /// What the powers of tau are.
    pub fn origin(&self) -> SetupOrigin {
        self.origin
    }

    /// Constraints of the augmented circuits on BN254 and on Grumpkin.
    pub fn constraints(&self) -> (usize, usize) {
        self.engine.sizes().constraints
    }

    /// The engine, for the compressor.
    #[doc(hidden)]
    pub fn engine(&self) -> &Arc<PublicParams> {
        &self.engine
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters")
            .field("shape", &self.shape)
            .field("origin", &self.origin)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

fn obtain(source: &SetupSource, count: usize) -> Result<(PowersOfTau, SetupOrigin), SetupError> {
    match source {
        SetupSource::InsecureDevelopment => Ok((
            PowersOfTau::development(count),
            SetupOrigin::InsecureDevelopment,
        )),
        SetupSource::PowersOfTau(path) => {
            let powers = PowersOfTau::read(path, count).map_err(|source| SetupError::Ptau {
                path: path.clone(),
                source,
            })?;
            let origin = SetupOrigin::PowersOfTau {
                digest: powers.digest(),
                power: powers.power(),
            };
            Ok((powers, origin))
        }
    }
}

fn digest(shape: &Shape, engine: &PublicParams) -> ParametersDigest {
    let mut hash = Sha256::new();
    hash.update(DIGEST_DOMAIN);
    for size in [shape.state_depth, shape.vote_depth, shape.events_per_step] {
        hash.update((size as u64).to_le_bytes());
    }
    hash.update(engine.digest().to_repr());
    ParametersDigest(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::{path::Path, process::Command};

    use super::*;
    use crate::powers_of_tau::tests::write_ceremony;

    /// Set in the process that [`setup_keeps_stdout_clean`] starts.
    const CHILD: &str = "MACI_NOVA_TEST_CHILD";

    fn shape() -> Shape {
        Shape::new(2, 1, 1).expect("in range")
    }

    fn development() -> Parameters {
        Parameters::setup(shape(), &SetupSource::InsecureDevelopment).expect("parameters")
    }

    fn from_file(path: &Path) -> Result<Parameters, SetupError> {
        Parameters::setup(shape(), &SetupSource::PowersOfTau(path.to_owned()))
    }

    #[test]
    fn the_source_alone_decides_the_parameters() {
        let directory = tempfile::tempdir().expect("directory");
        let (exact, larger) = (directory.path().join("a"), directory.path().join("b"));
        let insecure = development();
        // One element a variable, one a product row and three a power row.
        let rows = insecure.engine().primary().rows();
        let elements = rows.variables() + rows.products() + 3 * rows.powers();
        let count = elements.next_power_of_two();
        write_ceremony(5, count, &exact);
        write_ceremony(5, 2 * count, &larger);
        let one = from_file(&exact).expect("parameters");
        let two = from_file(&larger).expect("parameters");
        assert_eq!(one.digest(), two.digest());
        assert_eq!(one.origin(), two.origin());
        assert!(one.origin().is_secure());
        let used = count.ilog2();
        assert!(matches!(one.origin(), SetupOrigin::PowersOfTau { power, .. } if power == used));
        assert_ne!(one.digest(), insecure.digest());
        assert_eq!(insecure.origin(), SetupOrigin::InsecureDevelopment);
        assert_eq!(insecure.digest(), development().digest());
    }

    /// Shows a change of the circuit, the powers or the library; it is updated with them.
    #[test]
    fn development_parameters_are_pinned() {
        let parameters = development();
        assert_eq!(parameters.constraints(), (13_999, 498));
        assert_eq!(
            parameters.digest().to_string(),
            "7979b596fd128b238ae129bb174416461fcec2c721cd32ad074f4728f3c50310"
        );
    }

    #[test]
    fn files_that_will_not_do_are_errors_that_say_why() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("pot.ptau");
        let message = |path: &Path| from_file(path).expect_err("refused").to_string();
        assert!(message(&path).contains("cannot be read"));
        std::fs::write(&path, b"something else entirely").expect("written");
        assert!(message(&path).ends_with("is not a powers-of-tau file"));
        write_ceremony(5, 1 << 8, &path);
        let small = message(&path);
        assert!(small.contains("needs power 1") && small.ends_with("the file has power 8"));
    }

    #[test]
    fn the_insecure_origin_says_so() {
        let text = SetupOrigin::InsecureDevelopment.to_string();
        assert!(text.contains("INSECURE"));
        assert!(!SetupOrigin::InsecureDevelopment.is_secure());
    }

    #[test]
    fn setup_keeps_stdout_clean() {
        if std::env::var_os(CHILD).is_some() {
            development();
            return;
        }
        let name = "setup::tests::setup_keeps_stdout_clean";
        let output = Command::new(std::env::current_exe().expect("this test's program"))
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .expect("started");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success());
        assert!(text.contains("1 passed"), "{text}");
        assert!(
            !text.lines().any(|line| line == "true" || line == "false"),
            "{text}"
        );
    }
}
