//! `keygen`: a new key.

use std::io::ErrorKind;

use maci_nova_protocol::keys::PrivateKey;
use rand_core::OsRng;

use crate::arguments::shared::Keygen;
use crate::commands::pubkey;
use crate::console::Console;
use crate::failure::Failure;
use crate::key;

/// Runs the command.
pub fn run(arguments: &Keygen, console: &Console) -> Result<(), Failure> {
    let Some(path) = &arguments.out else {
        let text = "keygen needs --out FILE for the secret key, which is never printed";
        return Err(Failure::Usage(text.into()));
    };
    let key = PrivateKey::random(&mut OsRng);
    key::write_new(path, &key).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => Failure::Usage(format!(
            "{} already exists and keys are never overwritten; give another --out",
            path.display()
        )),
        _ => Failure::Io {
            action: "write key file",
            path: path.clone(),
            source,
        },
    })?;
    console.note(format!(
        "secret key written to {}; keep it safe",
        path.display()
    ));
    pubkey::print(&key.public_key(), console)
}
