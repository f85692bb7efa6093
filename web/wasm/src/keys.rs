//! Private keys, under numbers: they do not leave but by [`Keys::export`].

use std::fmt;

use maci_nova_protocol::keys::{KeyError, PrivateKey, PublicKey};
use rand_core::OsRng;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// Said before a signature when it becomes a key, so that nothing else that is hashed is one.
const DOMAIN: &[u8] = b"maci-nova key from a signature, version 1";

/// Bytes of a signature that is recoverable: r, s and v.
const SIGNATURE: usize = 65;

/// A key's number.
pub type Handle = u32;

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysError {
    /// There is none with this number.
    Unknown,
    /// The text is none.
    Text(KeyError),
    /// The signature has another length, or is the same byte over and over.
    Signature,
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeysError::Unknown => f.write_str("there is no such key here"),
            KeysError::Text(error) => error.fmt(f),
            KeysError::Signature => f.write_str("this is not a signature of an account"),
        }
    }
}

/// Private keys in memory, each erased when it is dropped.
#[derive(Debug, Default)]
pub struct Keys {
    held: Vec<Option<PrivateKey>>,
}

impl Keys {
    fn hold(&mut self, key: PrivateKey) -> Handle {
        self.held.push(Some(key));
        (self.held.len() - 1) as Handle
    }

    /// A random one.
    pub fn random(&mut self) -> Handle {
        self.hold(PrivateKey::random(&mut OsRng))
    }

    /// From `macisk.` and hexadecimal digits, as every program of MACI writes them, with white space
    /// around it: what a key file of the program holds.
    pub fn import(&mut self, text: &str) -> Result<Handle, KeysError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let key = PrivateKey::from_serialized(text).map_err(KeysError::Text)?;
        Ok(self.hold(key))
    }

    /// From an account's signature (65 bytes): the same signature gives the same key. Whoever has the
    /// signature has the key.
    pub fn derive(&mut self, signature: &[u8]) -> Result<Handle, KeysError> {
        let first = signature.first();
        if signature.len() != SIGNATURE || signature.iter().all(|byte| Some(byte) == first) {
            return Err(KeysError::Signature);
        }
        let mut hash = Sha512::new();
        hash.update(DOMAIN);
        // v is 0 or 1 with some wallets, 27 or 28 with others.
        hash.update(&signature[..SIGNATURE - 1]);
        let wide = Zeroizing::new(<[u8; 64]>::from(hash.finalize()));
        let mut text = Zeroizing::new(String::from("macisk."));
        for byte in &wide[..32] {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        let key = PrivateKey::from_serialized(&text).map_err(KeysError::Text)?;
        Ok(self.hold(key))
    }

    /// One of them.
    pub fn get(&self, handle: Handle) -> Result<&PrivateKey, KeysError> {
        let held = self.held.get(handle as usize);
        held.and_then(Option::as_ref).ok_or(KeysError::Unknown)
    }

    /// Its public key.
    pub fn public(&self, handle: Handle) -> Result<PublicKey, KeysError> {
        Ok(self.get(handle)?.public_key())
    }

    /// The key in the clear, as its file has it.
    pub fn export(&self, handle: Handle) -> Result<Zeroizing<String>, KeysError> {
        Ok(self.get(handle)?.to_serialized())
    }

    /// Erases one.
    pub fn forget(&mut self, handle: Handle) {
        if let Some(held) = self.held.get_mut(handle as usize) {
            *held = None;
        }
    }
}
