//! What people take for a keystore, by name, with the way to one.

use maci_nova_chain::alloy_primitives::hex;
use serde_json::Value;

use super::fields::Fields;

/// Numbers of words that a phrase of BIP-39 has.
const PHRASE_WORDS: [usize; 5] = [12, 15, 18, 21, 24];

/// Bytes of a key of Solana's in a file: the secret and the public half.
const SOLANA_BYTES: usize = 64;

/// Names a text that is not JSON.
pub(super) fn text(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Some("it is empty");
    }
    if is_phrase(text) {
        return Some("it is a recovery phrase (BIP-39) and not a keystore; import it into a wallet and export the account's keystore or private key from there");
    }
    if is_key(text) {
        return Some("it is a private key that is not encrypted; give it as the account's key file and not as a keystore");
    }
    if text.starts_with("macisk.") {
        return Some("it is MACI's key of a voter or a coordinator; transactions are signed by an account's key, of another kind");
    }
    text.starts_with("-----BEGIN").then_some("it is a key in PEM; write the 32 bytes of its private key to a key file, as 0x and 64 hexadecimal digits")
}

/// Names a document that is not a keystore of version 3.
pub(super) fn document(value: &Value) -> Option<String> {
    let name = match value {
        Value::Array(items) if items.len() == SOLANA_BYTES => {
            "it is a key of Solana, on another curve; make an Ethereum account"
        }
        Value::String(inner) => return text(inner).map(str::to_owned),
        _ => return Fields::of(value).and_then(|fields| object(&fields)),
    };
    Some(name.to_owned())
}

fn object(fields: &Fields<'_>) -> Option<String> {
    let has = |names: &[&str]| names.iter().all(|name| fields.get(name).is_some());
    let name = if has(&["encseed", "ethaddr"]) {
        "it is a presale wallet; convert it with `geth wallet import FILE`"
    } else if has(&["vault"]) || has(&["data", "iv", "salt"]) {
        "it is a MetaMask vault; show the account's private key in MetaMask (Account details) and write it to a key file"
    } else if has(&["mnemonic"]) || has(&["seed"]) && !has(&["crypto"]) {
        "it is a recovery phrase or a seed and not a keystore; import it into a wallet and export the account's keystore or private key from there"
    } else if has(&["encoded", "encoding"]) {
        "it is an account of polkadot-js; export the private key of an Ethereum account and write it to a key file"
    } else {
        return version(fields);
    };
    Some(name.to_owned())
}

fn version(fields: &Fields<'_>) -> Option<String> {
    let name = match fields.number("version") {
        Ok(Some(3)) => return None,
        Ok(Some(1)) => "its version is not 3 but 1, of go-ethereum's first releases; convert it with `geth account update ADDRESS`, which writes version 3".into(),
        Ok(Some(4)) => "its version is not 3 but 4 (EIP-2335): it holds a validator's key, on another curve; make an account with `geth account new`".into(),
        Ok(Some(other)) => format!("its version is not 3 but {other}; open it with the program that made it, and export version 3 or the private key"),
        // Of version 1 it was a text from the first.
        Ok(None) | Err(_) => "it does not say that it is a keystore of version 3".into(),
    };
    Some(name)
}

/// Words of small letters. Which words there are is of no interest.
fn is_phrase(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_word = |word: &&str| word.chars().all(|letter| letter.is_alphabetic());
    PHRASE_WORDS.contains(&words.len()) && words.iter().all(is_word)
}

fn is_key(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits.len() == 64 && hex::check(digits).is_ok()
}
