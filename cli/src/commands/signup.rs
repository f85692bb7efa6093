//! `signup`: a key that is good for every poll.

use maci_nova_contracts::alloy_primitives::Bytes;
use maci_nova_sdk::voter::{sign_up, sign_up_file, SignedUp};
use serde::Serialize;

use crate::arguments::voter::Signup;
use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::key;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    public_key: String,
    index: u64,
    already_done: bool,
    gas: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: &Signup, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let public_key = key::read(&arguments.key, console)?.public_key();
    let mut connection = Connection::sending(&arguments.node, &arguments.sender, console)?;
    let (from, maci) = (
        connection.sending_account()?,
        connection.file.contracts.maci,
    );
    let data = gatekeeper_data(arguments);
    let signed_up = sign_up(&mut connection.chain, from, maci, &public_key, data)?;
    if let Some(path) = &arguments.key.key_file {
        let chain_id = connection.file.chain_id;
        // Without it the voter can join, and a node can lie to them more easily.
        let kept = sign_up_file::keep(&sign_up_file::beside(path), chain_id, maci, signed_up.root);
        if let Err(error) = kept {
            console.warn(format!("the sign-up is not kept beside the key: {error}"));
        }
    }
    let shown = print(signed_up, public_key.to_serialized(), console);
    connection.conclude(shown, console)
}

/// The token's id as a word, or what was given, or nothing.
fn gatekeeper_data(arguments: &Signup) -> Bytes {
    match (arguments.token_id, &arguments.gatekeeper_data) {
        (Some(id), _) => id.to_be_bytes::<32>().into(),
        (None, Some(data)) => data.clone(),
        (None, None) => Bytes::new(),
    }
}

fn print(signed_up: SignedUp, public_key: String, console: &Console) -> Result<(), Failure> {
    let SignedUp { root, gas } = signed_up;
    let index = root.index;
    let document = Document {
        public_key,
        index,
        already_done: gas.is_none(),
        gas,
    };
    console.show(&document, |out| match gas {
        Some(gas) => writeln!(
            out,
            "signed up {} with index {index} ({gas} gas)",
            document.public_key
        ),
        None => writeln!(
            out,
            "{} had signed up with index {index}",
            document.public_key
        ),
    })
}
