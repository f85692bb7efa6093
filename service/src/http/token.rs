//! The administrator's token: who has it may change what the service does.

use std::fmt;
use std::fs::File;
use std::path::Path;

use axum::http::header::AUTHORIZATION;
use axum::http::HeaderMap;
use maci_nova_files::read_at_most;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::Error;

/// Characters of a token: 128 bits are 32 hexadecimal digits.
const SHORTEST: usize = 32;
const LONGEST: u64 = 512;

/// A token, of which only a hash is kept. It comes in the header `Authorization: Bearer …` alone:
/// no browser sends that for another page.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads the token of a file, which has to be its owner's alone.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Token`] for one that others can read, or that can be guessed.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            action: "read token file",
            path: path.to_owned(),
            source,
        };
        let refused = |reason| Error::Token {
            path: path.to_owned(),
            reason,
        };
        let file = File::open(path).map_err(failed)?;
        if is_shared(&file).map_err(failed)? {
            return Err(refused("it is open to other users; chmod 600 it"));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
        read_at_most(file, LONGEST, &mut bytes).map_err(failed)?;
        let text = bytes.trim_ascii();
        if text.len() < SHORTEST {
            return Err(refused("it has fewer than 32 characters"));
        }
        if !text.iter().all(u8::is_ascii_graphic) {
            return Err(refused("it has characters that a header cannot have"));
        }
        Ok(Token(hash(text)))
    }

    /// Whether a request has it. Takes the same time whatever the request has.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let given = given.and_then(|value| value.strip_prefix(b"Bearer "));
        let given = given.map(hash);
        let same = given.unwrap_or_default().ct_eq(&self.0);
        given.is_some() & bool::from(same)
    }
}

/// Hashes are compared, so that no length of a token and no part of it shows.
fn hash(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(unix)]
fn is_shared(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_shared(_: &File) -> std::io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    pub(crate) fn token() -> Token {
        Token(hash(TOKEN.as_bytes()))
    }

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().expect("a value"));
        headers
    }

    #[test]
    fn the_token_alone_will_do() {
        let token = token();
        assert!(token.is_in(&headers(&format!("Bearer {TOKEN}"))));
        assert!(!token.is_in(&HeaderMap::new()));
        for wrong in [
            TOKEN.to_owned(),
            format!("Basic {TOKEN}"),
            format!("Bearer {TOKEN}0"),
            format!("Bearer {}", &TOKEN[1..]),
            "Bearer ".into(),
        ] {
            assert!(!token.is_in(&headers(&wrong)), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_its_owners_and_long_enough() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let read = |text: &str, mode: u32| {
            std::fs::write(&path, text).expect("written");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("chmod");
            Token::read(&path)
        };
        let token = read(&format!("{TOKEN}\n"), 0o600).expect("a token");
        assert!(token.is_in(&headers(&format!("Bearer {TOKEN}"))));
        for (text, mode, words) in [
            (TOKEN, 0o640, "other users"),
            (&TOKEN[1..], 0o600, "fewer than 32"),
            ("", 0o600, "fewer than 32"),
            ("ü123456789abcdef0123456789abcdef", 0o600, "header"),
        ] {
            let error = read(text, mode).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
            assert!(text.is_empty() || !error.contains(text));
        }
        std::fs::remove_file(&path).expect("removed");
        assert!(matches!(Token::read(&path), Err(Error::Io { .. })));
    }
}
