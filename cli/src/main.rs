//! The program `maci-nova`.

use std::process::ExitCode;

fn main() -> ExitCode {
    maci_nova::run()
}
