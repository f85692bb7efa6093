//! `pubkey`: the public key of a secret one.

use maci_nova_protocol::field::to_decimal;
use maci_nova_protocol::keys::PublicKey;
use serde::Serialize;

use crate::arguments::shared::Pubkey;
use crate::console::Console;
use crate::failure::Failure;
use crate::key;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    public_key: PublicKeyDocument,
}

/// A public key, in each form that is asked for.
#[derive(Serialize)]
pub struct PublicKeyDocument {
    /// `macipk.…`
    pub serialized: String,
    x: String,
    y: String,
}

impl PublicKeyDocument {
    /// Of this key.
    pub fn new(key: &PublicKey) -> Self {
        let point = key.point();
        PublicKeyDocument {
            serialized: key.to_serialized(),
            x: to_decimal(&point.x),
            y: to_decimal(&point.y),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Pubkey, console: &Console) -> Result<(), Failure> {
    let key = key::read(&arguments.key, console)?;
    print(&key.public_key(), console)
}

/// Prints a public key.
pub fn print(key: &PublicKey, console: &Console) -> Result<(), Failure> {
    let document = Document {
        public_key: PublicKeyDocument::new(key),
    };
    console.show(&document, |out| {
        writeln!(out, "{}", document.public_key.serialized)
    })
}
