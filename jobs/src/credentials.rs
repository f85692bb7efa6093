//! With what this program shows a broker who it is.

use std::fmt;
use std::path::Path;

use async_nats::ConnectOptions;
use zeroize::Zeroizing;

use crate::private::{self, PrivateFileError};

/// The longest file of credentials, in bytes: a token in it has hundreds.
const LONGEST: u64 = 64 << 10;

/// What a file of credentials holds, told apart by its content.
pub(crate) enum Credentials {
    /// A NATS `.creds` file: a token and a seed.
    Token(Zeroizing<String>),
    /// An nkey's seed.
    Seed(Zeroizing<String>),
    /// A name and a password.
    Password {
        user: String,
        password: Zeroizing<String>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credentials::Token(_) => "Token(<secret>)",
            Credentials::Seed(_) => "Seed(<secret>)",
            Credentials::Password { .. } => "Password(<secret>)",
        })
    }
}

impl Credentials {
    /// What is in a file that nobody but its owner can read.
    pub(crate) fn read(path: &Path) -> Result<Self, PrivateFileError> {
        let text = private::read(path, LONGEST)?;
        Credentials::parse(&text).ok_or_else(|| PrivateFileError::Form {
            path: path.to_owned(),
            expected: "credentials: NATS' own (.creds), an nkey's seed, or USER:PASSWORD",
        })
    }

    fn parse(text: &str) -> Option<Self> {
        if text.contains("-----BEGIN NATS USER JWT-----") {
            return Some(Credentials::Token(Zeroizing::new(text.to_owned())));
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let seed = |line: &&str| {
            let base32 = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
            line.len() == 58 && line.starts_with("SU") && line.bytes().all(base32)
        };
        if let Some(line) = lines.clone().find(seed) {
            return Some(Credentials::Seed(Zeroizing::new(line.to_owned())));
        }
        let (user, password) = lines.next()?.split_once(':')?;
        let complete = !user.is_empty() && !password.is_empty() && lines.next().is_none();
        complete.then(|| Credentials::Password {
            user: user.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        })
    }

    /// Adds them. The client keeps them for as long as it connects anew.
    pub(crate) fn apply(&self, options: ConnectOptions) -> std::io::Result<ConnectOptions> {
        match self {
            Credentials::Token(text) => options.credentials(text),
            Credentials::Seed(seed) => Ok(options.nkey(seed.to_string())),
            Credentials::Password { user, password } => {
                Ok(options.user_and_password(user.clone(), password.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

    #[test]
    fn credentials_are_told_apart_by_their_content() {
        let creds = format!(
            "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{SEED}\n------END USER NKEY SEED------\n"
        );
        let parsed = Credentials::parse(&creds).expect("parsed");
        assert!(matches!(&parsed, Credentials::Token(text) if **text == creds));
        assert!(parsed.apply(ConnectOptions::new()).is_ok());
        for text in [SEED.to_owned(), format!("# worker 1\n\n {SEED} \n")] {
            let parsed = Credentials::parse(&text).expect("parsed");
            assert!(matches!(parsed, Credentials::Seed(seed) if *seed == SEED));
        }
        for text in ["worker:a:b", "worker:a:b\r\n", "\nworker:a:b\n\n"] {
            let Some(Credentials::Password { user, password }) = Credentials::parse(text) else {
                panic!("no password in {text:?}");
            };
            assert_eq!((&user[..], &password[..]), ("worker", "a:b"));
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for text in [
            "",
            "\n",
            "worker",
            ":",
            "worker:",
            ":secret",
            "a:b\nc:d",
            &SEED[1..],
        ] {
            assert!(Credentials::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn credentials_say_nothing() {
        for text in [SEED, "worker:hunter2"] {
            let shown = format!("{:?}", Credentials::parse(text).expect("parsed"));
            assert!(shown.ends_with("(<secret>)"), "{shown}");
        }
    }
}
