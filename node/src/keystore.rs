//! Encrypted keystores of version 3 (Web3 Secret Storage), as go-ethereum, ethers, web3.py, brownie,
//! MyEtherWallet, Parity and others write them: what they leave out, add and spell in their own way
//! is read alike. What is something else is named, with what makes a keystore of it.

use aes::cipher::{KeyIvInit, StreamCipher};
use aes::Aes128;
use ctr::Ctr128BE;
use maci_nova_chain::alloy_primitives::{keccak256, Address, B256};
use maci_nova_files::without_mark;
use pbkdf2::pbkdf2_hmac;
use scrypt::scrypt;
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use fields::{decode, Fields};

mod fields;
mod foreign;

/// Memory that deriving a keystore's key may take, in bytes: a table of 1 GiB, and blocks.
const LARGEST_MEMORY: u64 = (1 << 30) + (1 << 20);

/// Work that deriving a keystore's key may take: rounds of PBKDF2, or blocks of scrypt.
const LARGEST_WORK: u64 = 1 << 26;

/// Bytes of a private key, of a derived key and of a MAC.
const KEY_BYTES: usize = 32;

/// Bytes of a keystore's initialization vector.
const IV_BYTES: usize = 16;

/// Numbers that a program wrote without the zeros in front: a key has four bytes of them once in
/// 2^32 keys.
const MOST_LEFT_OUT: usize = 4;

/// A keystore whose form and cost are known to be good.
#[derive(Debug)]
pub(crate) struct Keystore {
    derivation: Derivation,
    iv: [u8; IV_BYTES],
    ciphertext: Vec<u8>,
    mac: B256,
    address: Option<Address>,
}

/// How a password becomes a key.
#[derive(Debug)]
enum Derivation {
    Scrypt {
        parameters: scrypt::Params,
        salt: Vec<u8>,
    },
    Pbkdf2 {
        rounds: u32,
        salt: Vec<u8>,
    },
}

/// Why a keystore cannot be used. Nothing that it holds is shown but its address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeystoreFault {
    /// It is not of this form, or asks for too much.
    #[error("{0}")]
    Unusable(String),
    /// The password does not open it.
    #[error("wrong password")]
    Password,
}

impl From<String> for KeystoreFault {
    fn from(reason: String) -> Self {
        KeystoreFault::Unusable(reason)
    }
}

impl From<&str> for KeystoreFault {
    fn from(reason: &str) -> Self {
        KeystoreFault::Unusable(reason.to_owned())
    }
}

impl Keystore {
    /// Reads a keystore's text, and refuses what would take more memory or work than anybody wants
    /// to spend.
    pub(crate) fn parse(text: &str) -> Result<Self, KeystoreFault> {
        let text = without_mark(text);
        if let Some(name) = foreign::text(text) {
            return Err(name.into());
        }
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        if let Some(name) = foreign::document(&value) {
            return Err(name.into());
        }
        let document = Fields::of(&value).ok_or("it is not an object of JSON")?;
        let crypto = document.object("crypto")?;
        let cipher = crypto.text("cipher")?;
        if !cipher.eq_ignore_ascii_case("aes-128-ctr") {
            return Err("its cipher is not aes-128-ctr".into());
        }
        let address = address(&document)?;
        let ciphertext = crypto.bytes("ciphertext")?;
        if !(KEY_BYTES - MOST_LEFT_OUT..=KEY_BYTES).contains(&ciphertext.len()) {
            return Err("its ciphertext does not have 32 bytes".into());
        }
        let mac = padded::<KEY_BYTES>(&crypto.bytes("mac")?)
            .ok_or("its mac does not have 32 bytes")?
            .into();
        // The MAC does not cover it: only the address tells whether it was completed rightly.
        let iv = crypto.object("cipherparams")?.bytes("iv")?;
        let iv = padded(&iv).filter(|_| iv.len() == IV_BYTES || address.is_some());
        Ok(Keystore {
            derivation: Derivation::read(&crypto)?,
            iv: iv.ok_or("its iv does not have 16 bytes")?,
            ciphertext,
            mac,
            address,
        })
    }

    /// The address that it names, which must be that of its key.
    pub(crate) fn address(&self) -> Option<Address> {
        self.address
    }

    /// The private key.
    pub(crate) fn open(
        &self,
        password: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeystoreFault> {
        let derived = self.derivation.key(password)?;
        let (cipher_key, mac_key) = derived.split_at(KEY_BYTES / 2);
        // Short ones are of a short key, or lack their zeros: the MAC tells which.
        let mut full = [0; KEY_BYTES];
        full[KEY_BYTES - self.ciphertext.len()..].copy_from_slice(&self.ciphertext);
        let ciphertext = [self.ciphertext.as_slice(), &full]
            .into_iter()
            .find(|ciphertext| keccak256([mac_key, ciphertext].concat()) == self.mac)
            .ok_or(KeystoreFault::Password)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let place = &mut key[KEY_BYTES - ciphertext.len()..];
        place.copy_from_slice(ciphertext);
        let mut cipher = Ctr128BE::<Aes128>::new_from_slices(cipher_key, &self.iv)
            .map_err(|_| "its iv does not have 16 bytes")?;
        cipher.apply_keystream(place);
        Ok(key)
    }
}

impl Derivation {
    fn read(crypto: &Fields<'_>) -> Result<Self, KeystoreFault> {
        let kdf = crypto.text("kdf")?.to_ascii_lowercase();
        let parameters = crypto.object("kdfparams")?;
        let length = parameters.number("dklen")?.unwrap_or(KEY_BYTES as u64);
        if length != KEY_BYTES as u64 {
            return Err("its derived key does not have 32 bytes".into());
        }
        let salt = parameters.bytes("salt")?;
        match kdf.as_str() {
            "scrypt" => {
                let [n, r, p] = ["n", "r", "p"].map(|name| parameters.needed(name));
                let parameters = scrypt_parameters(n?, r?, p?)?;
                Ok(Derivation::Scrypt { parameters, salt })
            }
            "pbkdf2" => {
                let prf = parameters.optional_text("prf")?.unwrap_or("hmac-sha256");
                if !prf.eq_ignore_ascii_case("hmac-sha256") {
                    return Err("its PBKDF2 does not use hmac-sha256".into());
                }
                let rounds = parameters.needed("c")?;
                check_cost(rounds, 0)?;
                let rounds = u32::try_from(rounds).map_err(|_| TOO_DEAR)?;
                Ok(Derivation::Pbkdf2 { rounds, salt })
            }
            _ => Err("its kdf is neither scrypt nor pbkdf2".into()),
        }
    }

    fn key(&self, password: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeystoreFault> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        match self {
            Derivation::Scrypt { parameters, salt } => {
                scrypt(password, salt, parameters, &mut *key)
                    .map_err(|_| "its derived key has an impossible length")?;
            }
            Derivation::Pbkdf2 { rounds, salt } => {
                pbkdf2_hmac::<Sha256>(password, salt, *rounds, &mut *key);
            }
        }
        Ok(key)
    }
}

/// Said of what would take the memory or the patience of whoever opens it.
const TOO_DEAR: &str =
    "deriving its key takes no work at all, or more than 1 GiB or several minutes";

fn check_cost(work: u64, memory: u64) -> Result<(), KeystoreFault> {
    match work == 0 || work > LARGEST_WORK || memory > LARGEST_MEMORY {
        true => Err(TOO_DEAR.into()),
        false => Ok(()),
    }
}

fn scrypt_parameters(n: u64, r: u64, p: u64) -> Result<scrypt::Params, KeystoreFault> {
    if !n.is_power_of_two() || n < 2 {
        return Err("its scrypt parameter n is not a power of two".into());
    }
    // RFC 7914: 128 r n bytes of table and 128 r p of blocks.
    let table = n.saturating_mul(r);
    let blocks = table.saturating_add(p.saturating_mul(r));
    check_cost(table.saturating_mul(p), blocks.saturating_mul(128))?;
    let [r, p] = [r, p].map(|parameter| u32::try_from(parameter).map_err(|_| TOO_DEAR));
    let parameters = scrypt::Params::new(n.trailing_zeros() as u8, r?, p?);
    parameters.map_err(|_| "its scrypt parameters do not fit each other".into())
}

/// The address that it names; some programs leave it out, or empty.
fn address(document: &Fields<'_>) -> Result<Option<Address>, KeystoreFault> {
    match document.optional_text("address")? {
        None => Ok(None),
        Some(text) if text.trim().is_empty() => Ok(None),
        Some(text) => match decode(text).map(|bytes| Address::try_from(bytes.as_slice())) {
            Some(Ok(address)) => Ok(Some(address)),
            _ => Err("its address is not one of Ethereum".into()),
        },
    }
}

/// A number whose zeros in front may have been left out.
fn padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let missing = N.checked_sub(bytes.len())?;
    let mut whole = [0; N];
    whole[missing..].copy_from_slice(bytes);
    (missing <= MOST_LEFT_OUT).then_some(whole)
}

#[cfg(test)]
mod tests;
