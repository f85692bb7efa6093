//! A coordinator's key, in a form that shows in no output.

use std::fmt;

use maci_nova_protocol::keys::PrivateKey;

/// A coordinator's key.
pub struct Key(pub PrivateKey);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
