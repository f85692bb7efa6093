//! Keys of voters and coordinators as text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maci_nova_protocol::keys::{PrivateKey, PublicKey};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(key) = PrivateKey::from_serialized(text) {
        let again = PrivateKey::from_serialized(&key.to_serialized()).expect("a key");
        assert_eq!(again.public_key(), key.public_key());
    }
    if let Ok(key) = PublicKey::from_serialized(text) {
        let again = PublicKey::from_serialized(&key.to_serialized());
        assert_eq!(again, Ok(key));
    }
});
