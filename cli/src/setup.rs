//! The setup that the arguments name.

use std::path::PathBuf;

use maci_nova_folding::SetupSource;

use crate::console::Console;
use crate::failure::Failure;

/// The powers of tau of a file, or the development setup, which is refused in production.
pub fn source(ptau: Option<&PathBuf>, console: &Console) -> Result<SetupSource, Failure> {
    match ptau {
        Some(path) => Ok(SetupSource::PowersOfTau(path.clone())),
        None if console.production => Err(Failure::Insecure("--insecure-setup")),
        None => {
            console
                .warn("INSECURE: the development setup: anyone can forge proofs that rest on it");
            Ok(SetupSource::InsecureDevelopment)
        }
    }
}
