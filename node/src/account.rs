//! The key that signs transactions: from an encrypted keystore, a key file or the environment,
//! never from an argument.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use ethers_core::k256::ecdsa::SigningKey;
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::Bytes;
use ethers_signers::{LocalWallet, Signer, WalletError};
use maci_nova_chain::alloy_primitives::{hex, Address};
use maci_nova_files::{as_text, read_at_most, without_mark};
use zeroize::Zeroizing;

use crate::keystore::{Keystore, KeystoreFault};
use crate::types::alloy_address;

/// Holds a private key, `0x` and 64 hexadecimal digits, when no file is named.
pub const KEY_ENVIRONMENT: &str = "MACI_NOVA_ETH_KEY";

/// Holds the password of a keystore when no file with it is named.
pub const PASSWORD_ENVIRONMENT: &str = "MACI_NOVA_PASSWORD";

/// Keys, passwords and keystores are shorter than this many bytes.
const LARGEST_FILE: u64 = 1 << 16;

/// Bytes of a private key.
const KEY_BYTES: usize = 32;

/// Where the key of transactions comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountSource {
    /// An encrypted JSON keystore, version 3. The password comes from the file if one is named,
    /// else from [`PASSWORD_ENVIRONMENT`], else from the terminal.
    Keystore {
        /// The keystore.
        path: PathBuf,
        /// First line: the password.
        password_file: Option<PathBuf>,
    },
    /// A file that only its owner can use, with the key as `0x` and 64 hexadecimal digits.
    KeyFile(PathBuf),
    /// The variable [`KEY_ENVIRONMENT`].
    Environment,
}

/// A key that signs transactions. `Debug` shows the address alone; the key is wiped when dropped.
#[derive(Clone, Debug)]
pub struct Account(LocalWallet);

/// Why there is no account. What files and variables hold is never shown.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The variable is not set.
    #[error("no transaction key: give a keystore or a key file, or set {KEY_ENVIRONMENT}")]
    None,
    /// A file cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else than the owner can use the file.
    #[error(
        "{} is open to other users (mode {mode:04o}); chmod 600 {}", path.display(), path.display()
    )]
    Shared {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a private key.
    #[error("{place} does not hold a private key: 0x and 64 hexadecimal digits, above zero and below the order of secp256k1")]
    NoKey {
        /// The file or the variable.
        place: String,
    },
    /// Not a keystore that can be used.
    #[error("{} is not a usable keystore: {reason}", path.display())]
    Keystore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a keystore but no password.
    #[error("no password for keystore {}: name a file with it, set {PASSWORD_ENVIRONMENT}, or run in a terminal", .0.display())]
    NoPassword(PathBuf),
    /// The password does not open the keystore.
    #[error("wrong password for keystore {}", .0.display())]
    WrongPassword(PathBuf),
}

impl Account {
    /// Reads the key. Asks for a password only for a keystore, and only if nothing else gives it.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub fn open(source: &AccountSource) -> Result<Self, AccountError> {
        open_with(source, &|name| std::env::var_os(name))
    }

    /// The account of a key of 32 bytes, big-endian; `None` for zero and for what is not below the
    /// order of secp256k1.
    pub fn from_bytes(key: &[u8; KEY_BYTES]) -> Option<Self> {
        let key = SigningKey::from_slice(key).ok()?;
        Some(Account(key.into()))
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        alloy_address(self.0.address())
    }

    /// The transaction signed for its own chain id, encoded as a node takes it.
    pub(crate) fn sign(&self, transaction: &TypedTransaction) -> Result<Bytes, WalletError> {
        let signature = self.0.sign_transaction_sync(transaction)?;
        Ok(transaction.rlp_signed(&signature))
    }
}

/// The environment's variables.
type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

fn open_with(source: &AccountSource, variables: Variables<'_>) -> Result<Account, AccountError> {
    match source {
        AccountSource::Keystore {
            path,
            password_file,
        } => from_keystore(path, password_file.as_deref(), variables),
        AccountSource::KeyFile(path) => from_key_file(path),
        AccountSource::Environment => from_environment(variables),
    }
}

fn from_key_file(path: &Path) -> Result<Account, AccountError> {
    let file = open(path)?;
    refuse_shared(path, &file)?;
    let text = read(path, file)?;
    parse(&text).ok_or_else(|| AccountError::NoKey {
        place: format!("key file {}", path.display()),
    })
}

fn from_environment(variables: Variables<'_>) -> Result<Account, AccountError> {
    // One that is empty is unset.
    let text = variables(KEY_ENVIRONMENT).filter(|text| !text.is_empty());
    let text = text.ok_or(AccountError::None)?;
    let text = Zeroizing::new(text.into_string().unwrap_or_default());
    parse(&text).ok_or_else(|| AccountError::NoKey {
        place: format!("the environment variable {KEY_ENVIRONMENT}"),
    })
}

fn parse(text: &str) -> Option<Account> {
    let text = without_mark(text).trim();
    // MetaMask and go-ethereum have no 0x in front.
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    // The decoder would take a second 0x.
    let digits = Some(digits.unwrap_or(text)).filter(|digits| digits.len() == 2 * KEY_BYTES)?;
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    hex::decode_to_slice(digits, &mut *key).ok()?;
    Account::from_bytes(&key)
}

fn from_keystore(
    path: &Path,
    password_file: Option<&Path>,
    variables: Variables<'_>,
) -> Result<Account, AccountError> {
    let unusable = |reason: String| AccountError::Keystore {
        path: path.to_owned(),
        reason,
    };
    let text = read(path, open(path)?)?;
    let fault = |fault: KeystoreFault| match fault {
        KeystoreFault::Password => AccountError::WrongPassword(path.to_owned()),
        KeystoreFault::Unusable(reason) => unusable(reason),
    };
    let keystore = Keystore::parse(&text).map_err(fault)?;
    let password = password(path, password_file, variables)?;
    let key = keystore.open(password.as_bytes()).map_err(fault)?;
    let account = Account::from_bytes(&key)
        .ok_or_else(|| unusable("what it holds is not a private key".to_owned()))?;
    match keystore.address() {
        Some(named) if named != account.address() => Err(unusable(format!(
            "it names the address {named}, but its key is that of {}: it was changed, or mixed with another",
            account.address()
        ))),
        _ => Ok(account),
    }
}

/// The password without the line's end.
fn password(
    keystore: &Path,
    file: Option<&Path>,
    variables: Variables<'_>,
) -> Result<Zeroizing<String>, AccountError> {
    if let Some(path) = file {
        let file = open(path)?;
        refuse_shared(path, &file)?;
        let text = read(path, file)?;
        let line = text.split(['\r', '\n']).next().unwrap_or("");
        return Ok(Zeroizing::new(line.to_owned()));
    }
    if let Some(text) = variables(PASSWORD_ENVIRONMENT) {
        return text
            .into_string()
            .map(Zeroizing::new)
            .map_err(|_| AccountError::NoPassword(keystore.to_owned()));
    }
    ask(keystore)
}

fn ask(keystore: &Path) -> Result<Zeroizing<String>, AccountError> {
    let nobody = || AccountError::NoPassword(keystore.to_owned());
    if !io::stdin().is_terminal() {
        return Err(nobody());
    }
    let prompt = format!("Password for {}: ", keystore.display());
    let answer = rpassword::prompt_password(prompt).map_err(|_| nobody())?;
    Ok(Zeroizing::new(answer))
}

fn open(path: &Path) -> Result<File, AccountError> {
    File::open(path).map_err(|source| unreadable(path, source))
}

fn read(path: &Path, file: File) -> Result<Zeroizing<String>, AccountError> {
    // Room for all from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST_FILE as usize + 1));
    read_at_most(file, LARGEST_FILE, &mut bytes).map_err(|source| unreadable(path, source))?;
    let text = as_text(&bytes).map_err(|source| unreadable(path, source))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn unreadable(path: &Path, source: io::Error) -> AccountError {
    AccountError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

/// The mode is that of the opened file, so that it is the one of what is read.
#[cfg(unix)]
fn refuse_shared(path: &Path, file: &File) -> Result<(), AccountError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|source| unreadable(path, source))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(AccountError::Shared {
        path: path.to_owned(),
        mode,
    })
}

#[cfg(not(unix))]
fn refuse_shared(_path: &Path, _file: &File) -> Result<(), AccountError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use maci_nova_chain::alloy_primitives::address;
    use serde_json::{json, Value};
    use tempfile::TempDir;

    use super::*;

    /// Of the test vectors of the Web3 Secret Storage definition, like the first keystore.
    const PASSWORD: &str = "testpassword";
    const KEY: &str = "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
    const ADDRESS: Address = address!("008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b");

    fn pbkdf2() -> Value {
        json!({
            "crypto": {
                "cipher": "aes-128-ctr",
                "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
                "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
                "kdf": "pbkdf2",
                "kdfparams": {
                    "c": 262144,
                    "dklen": 32,
                    "prf": "hmac-sha256",
                    "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
                },
                "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
            },
            "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
            "version": 3
        })
    }

    /// The same key with go-ethereum's parameters, made with OpenSSL and Python's hashlib.
    fn scrypt() -> Value {
        let mut keystore = pbkdf2();
        keystore["crypto"] = json!({
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "000102030405060708090a0b0c0d0e0f" },
            "ciphertext": "afe85c3df0b509e866393a7d991cee6f7a871201a3838305fea6c51f7395d892",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 262144,
                "p": 1,
                "r": 8,
                "salt": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            },
            "mac": "6da7a4fe178d4b2a9cbb21a0188190e21a64b0c3eb8ce685624eced36a45e089"
        });
        keystore
    }

    /// Files for one test.
    struct Files(TempDir);

    impl Files {
        fn new() -> Self {
            Files(tempfile::tempdir().unwrap())
        }

        /// A file that only its owner can use.
        fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            set_mode(&path, 0o600);
            path
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn no_variables(_: &str) -> Option<OsString> {
        None
    }

    fn key_file(path: &Path) -> Result<Account, AccountError> {
        open_with(&AccountSource::KeyFile(path.to_owned()), &no_variables)
    }

    /// A keystore whose password the environment has.
    fn keystore(text: &str, password: &str) -> Result<Account, AccountError> {
        let files = Files::new();
        let source = AccountSource::Keystore {
            path: files.write("keystore", text),
            password_file: None,
        };
        open_with(&source, &|name| {
            (name == PASSWORD_ENVIRONMENT).then(|| password.into())
        })
    }

    #[test]
    fn keystores_of_other_programs() {
        for vector in [pbkdf2(), scrypt()] {
            let account = keystore(&vector.to_string(), PASSWORD).unwrap();
            assert_eq!(account.address(), ADDRESS);
        }
    }

    #[test]
    fn a_keystore_of_the_library() {
        let files = Files::new();
        let key = Zeroizing::new(hex::decode(KEY).unwrap());
        let random = &mut rand_core::OsRng;
        eth_keystore::encrypt_key(files.0.path(), random, &*key, "pass word", Some("it")).unwrap();
        for text in [
            "pass word",
            "pass word\n",
            "pass word\r\nand a second line",
            "\u{feff}pass word\r\n",
        ] {
            let source = AccountSource::Keystore {
                path: files.0.path().join("it"),
                password_file: Some(files.write("password", text)),
            };
            let account = open_with(&source, &no_variables).unwrap();
            assert_eq!(account.address(), ADDRESS);
        }
    }

    #[test]
    fn an_address_that_is_not_its_keys() {
        let mut vector = pbkdf2();
        vector["address"] = ADDRESS.to_string().into();
        let account = keystore(&vector.to_string(), PASSWORD).unwrap();
        assert_eq!(account.address(), ADDRESS);
        let other = Address::repeat_byte(0x11);
        vector["address"] = other.to_string()[2..].into();
        let error = keystore(&vector.to_string(), PASSWORD).unwrap_err();
        assert!(matches!(error, AccountError::Keystore { .. }), "{error}");
        let text = error.to_string();
        for address in [other, ADDRESS] {
            assert!(text.contains(&address.to_string()), "{text}");
        }
    }

    #[test]
    fn a_wrong_password() {
        for wrong in ["", "Testpassword", "testpassword "] {
            let error = keystore(&pbkdf2().to_string(), wrong).unwrap_err();
            assert!(matches!(error, AccountError::WrongPassword(_)), "{error}");
            assert!(wrong.is_empty() || !error.to_string().contains(wrong));
        }
    }

    #[test]
    fn a_password_file_that_others_can_read() {
        let files = Files::new();
        let password = files.write("password", PASSWORD);
        set_mode(&password, 0o640);
        let source = AccountSource::Keystore {
            path: files.write("keystore", pbkdf2().to_string()),
            password_file: Some(password),
        };
        let error = open_with(&source, &no_variables).unwrap_err();
        assert!(
            matches!(error, AccountError::Shared { mode: 0o640, .. }),
            "{error}"
        );
    }

    #[test]
    fn keystores_that_no_program_makes() {
        let broken: [fn(&mut Value); 18] = [
            |keystore| keystore["version"] = 1.into(),
            |keystore| keystore["crypto"]["cipher"] = "aes-128-cbc".into(),
            |keystore| keystore["crypto"]["cipherparams"]["iv"] = "00".into(),
            |keystore| keystore["crypto"]["ciphertext"] = "00".into(),
            |keystore| keystore["crypto"]["mac"] = "".into(),
            |keystore| keystore["crypto"]["mac"] = "xy".into(),
            |keystore| keystore["crypto"]["kdf"] = "scrypt".into(),
            |keystore| keystore["crypto"]["kdf"] = "argon2".into(),
            |keystore| keystore["crypto"]["kdfparams"]["dklen"] = 16.into(),
            |keystore| keystore["crypto"]["kdfparams"]["dklen"] = 64.into(),
            |keystore| keystore["crypto"]["kdfparams"]["dklen"] = 288.into(),
            |keystore| keystore["crypto"]["kdfparams"]["prf"] = "hmac-sha1".into(),
            |keystore| keystore["crypto"]["kdfparams"]["c"] = 0.into(),
            |keystore| keystore["crypto"]["kdfparams"]["c"] = u32::MAX.into(),
            |keystore| keystore["crypto"]["kdfparams"]["salt"] = Value::Null,
            |keystore| keystore["crypto"] = Value::Null,
            |keystore| *keystore = json!([]),
            |keystore| *keystore = json!(""),
        ];
        for (i, broken) in broken.into_iter().enumerate() {
            let mut bad = pbkdf2();
            broken(&mut bad);
            let error = keystore(&bad.to_string(), PASSWORD).unwrap_err();
            assert!(
                matches!(error, AccountError::Keystore { .. }),
                "{i}: {error}"
            );
        }
    }

    #[test]
    fn work_that_nobody_waits_for() {
        for (n, r, p) in [
            (0, 8, 1),
            (1, 8, 1),
            (262_143, 8, 1),
            (1 << 31, 8, 1),
            (1 << 20, 1 << 20, 1),
            (2, 1, u32::MAX),
            (2, u32::MAX, u32::MAX),
            (262_144, 0, 1),
            (262_144, 1, 0),
        ] {
            let mut bad = scrypt();
            let parameters = &mut bad["crypto"]["kdfparams"];
            (parameters["n"], parameters["r"], parameters["p"]) = (n.into(), r.into(), p.into());
            let error = keystore(&bad.to_string(), PASSWORD).unwrap_err();
            assert!(
                matches!(error, AccountError::Keystore { .. }),
                "{n} {r} {p}: {error}"
            );
        }
    }

    #[test]
    fn a_password_that_nobody_gives() {
        // Tests have no terminal to ask on, or nobody there.
        if io::stdin().is_terminal() {
            return;
        }
        let files = Files::new();
        let source = AccountSource::Keystore {
            path: files.write("keystore", pbkdf2().to_string()),
            password_file: None,
        };
        let error = open_with(&source, &no_variables).unwrap_err();
        assert!(matches!(error, AccountError::NoPassword(_)), "{error}");
        assert!(error.to_string().contains(PASSWORD_ENVIRONMENT));
    }

    #[test]
    fn a_key_file() {
        let files = Files::new();
        for text in [
            KEY.to_owned(),
            format!("{KEY}\n"),
            format!("\u{feff}{KEY}\r\n"),
            KEY.to_uppercase().replace('X', "x"),
            KEY.to_uppercase(),
            // As MetaMask shows it, and as go-ethereum imports it.
            KEY[2..].to_owned(),
        ] {
            let path = files.write("key", text);
            assert_eq!(key_file(&path).unwrap().address(), ADDRESS);
        }
    }

    #[test]
    fn a_key_file_that_others_can_use_is_refused() {
        let files = Files::new();
        let path = files.write("key", KEY);
        for mode in [0o644, 0o640, 0o620, 0o604, 0o601, 0o610, 0o666] {
            set_mode(&path, mode);
            match key_file(&path) {
                Err(AccountError::Shared { mode: found, .. }) => assert_eq!(found, mode),
                other => panic!("{mode:o}: {other:?}"),
            }
        }
        set_mode(&path, 0o400);
        assert!(key_file(&path).is_ok());
    }

    #[test]
    fn what_is_no_key_is_not_shown() {
        let files = Files::new();
        let digits = &KEY[2..];
        for text in [
            "",
            &digits[1..],
            &format!("0x0x{digits}"),
            &KEY[..65],
            &format!("{KEY}00"),
            &KEY.replace('7', "g"),
            &format!("0x{}", "0".repeat(64)),
            // The order of secp256k1.
            "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
            &format!("0x{}", "f".repeat(64)),
        ] {
            let error = key_file(&files.write("key", text)).unwrap_err();
            assert!(
                matches!(error, AccountError::NoKey { .. }),
                "{text}: {error}"
            );
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
        let error = key_file(&files.write("key", [0xff, 0xfe])).unwrap_err();
        assert!(matches!(error, AccountError::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains("UTF-16"), "{error}");
        let long = " ".repeat(LARGEST_FILE as usize + 1);
        let error = key_file(&files.write("key", long)).unwrap_err();
        assert!(matches!(error, AccountError::Unreadable { .. }), "{error}");
        let error = key_file(Path::new("/nonexistent/key")).unwrap_err();
        assert!(matches!(error, AccountError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_key_in_the_environment() {
        let source = AccountSource::Environment;
        let set = |text: &'static str| {
            move |name: &str| (name == KEY_ENVIRONMENT).then(|| OsString::from(text))
        };
        let account = open_with(&source, &set(KEY)).unwrap();
        assert_eq!(account.address(), ADDRESS);
        let error = open_with(&source, &set("hunter2")).unwrap_err();
        assert!(matches!(error, AccountError::NoKey { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"));
        let error = open_with(&source, &no_variables).unwrap_err();
        assert!(matches!(error, AccountError::None), "{error}");
    }

    #[test]
    fn a_key_does_not_show() {
        let account = parse(KEY).unwrap();
        assert!(!format!("{account:?}").to_lowercase().contains(&KEY[2..]));
    }
}
