//! Whether a key is a poll's coordinator's.

use maci_nova_protocol::keys::{PrivateKey, PublicKey};
use maci_nova_protocol::poll::Header;

use crate::error::{Error, PollName};

/// The key must be the one that the poll's messages are encrypted to.
pub(crate) fn check(key: &PrivateKey, header: &Header, poll: PollName) -> Result<(), Error> {
    let (found, expected) = (key.public_key(), header.coordinator_key);
    if found.point() == expected {
        return Ok(());
    }
    Err(Error::WrongKey {
        poll,
        // The header's key has been checked: it is a point of the curve.
        expected: PublicKey::new(expected).map_or_else(
            |error| error.to_string(),
            |expected| expected.to_serialized(),
        ),
        found: found.to_serialized(),
    })
}
