//! The poll file: where a poll's contracts are. A deployment writes it, creating a poll adds the
//! poll, and everything later reads it. It is public, and the only word for where the poll is and
//! what never changes about it: whoever gives it to voters is believed.

use std::io;
use std::path::{Path, PathBuf};

use maci_nova_chain::{Contract, RpcUrl};
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_contracts::words;
use maci_nova_files::without_mark;
use serde::{Deserialize, Serialize};

use crate::kind::ErrorKind;
use crate::poll::known_root::KnownRoot;

#[cfg(feature = "files")]
mod disk;

/// The format that is read and written.
pub const VERSION: u32 = 2;

/// What a poll file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PollFile {
    /// The format, [`VERSION`].
    version: u32,
    /// The chain that the contracts are on; not zero.
    pub chain_id: u64,
    /// A node of that chain. Scheme, host and port alone: more could be an API key.
    #[serde(with = "bare_url", default, skip_serializing_if = "Option::is_none")]
    pub rpc_url: Option<RpcUrl>,
    /// What a deployment consists of.
    pub contracts: Contracts,
    /// Digests of the keys that the verifiers were deployed with; none in a file that was made from
    /// a chain, which does not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyDigests>,
    /// The poll, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Contract>,
    /// keccak256 of everything that the poll's contract says of itself and that never changes (its
    /// `PollInfo`, ABI-encoded): whoever has the file from somebody they trust need not believe a
    /// node about the coordinator's key, the times or the prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_info: Option<B256>,
    /// The newest root of sign-ups when the poll was created; none if nobody had signed up. A node
    /// that shows another tree lies to those who join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_ups: Option<KnownRoot>,
    /// keccak256 of the document that says what the poll is about, byte for byte: see
    /// [`Metadata`](crate::poll::metadata::Metadata).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<B256>,
}

/// The contracts that polls share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contracts {
    /// `VkRegistry`.
    pub registry: Contract,
    /// `DeciderVerifier`.
    pub decider_verifier: Contract,
    /// `JoinVerifier`.
    pub join_verifier: Contract,
    /// `BundleVerifier`.
    pub bundle_verifier: Contract,
    /// `MACI`.
    pub maci: Contract,
}

/// Digests of proving keys, which tell whether the keys at hand are those of the verifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyDigests {
    /// The decider's.
    pub decider: B256,
    /// The join proof's.
    pub join: B256,
    /// The bundles'.
    pub bundle: B256,
}

/// Why a poll file cannot be read, written or used.
#[derive(Debug, thiserror::Error)]
pub enum PollFileError {
    /// Reading or writing failed.
    #[error("cannot {action} poll file {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a file, which must not be lost.
    #[error("poll file {} already exists; name another one", .0.display())]
    Exists(PathBuf),
    /// Not of the format.
    #[error("{} is not a poll file: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where, and why.
        source: serde_json::Error,
    },
    /// A later format, or none.
    #[error("poll file {} has version {found}, {VERSION} is known", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A value that cannot be.
    #[error("poll file {}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// A deployment without a poll.
    #[error("poll file {} names no poll", .0.display())]
    NoPoll(PathBuf),
    /// The file of a poll is of another deployment than the one that is named.
    #[error(
        "poll file {} is of another deployment than {}", path.display(), deployment.display()
    )]
    OtherDeployment {
        /// The file.
        path: PathBuf,
        /// The deployment's file.
        deployment: PathBuf,
    },
}

impl PollFileError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            PollFileError::Io { action, source, .. }
                if *action != "read"
                    || !matches!(
                        source.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::InvalidData
                    ) =>
            {
                ErrorKind::Io
            }
            PollFileError::Exists(_)
            | PollFileError::NoPoll(_)
            | PollFileError::OtherDeployment { .. } => ErrorKind::Request,
            _ => ErrorKind::Input,
        }
    }
}

impl PollFile {
    /// A deployment without a poll. An address of a node that may hold a key is left out.
    pub fn new(
        chain_id: u64,
        rpc_url: Option<&RpcUrl>,
        contracts: Contracts,
        keys: impl Into<Option<KeyDigests>>,
    ) -> Self {
        PollFile {
            version: VERSION,
            chain_id,
            rpc_url: rpc_url.filter(|url| url.is_bare()).cloned(),
            contracts,
            keys: keys.into(),
            poll: None,
            poll_info: None,
            sign_ups: None,
            metadata: None,
        }
    }

    /// The same deployment without its poll: what the file of another poll begins with.
    pub fn without_poll(&self) -> Self {
        PollFile {
            poll: None,
            poll_info: None,
            sign_ups: None,
            metadata: None,
            ..self.clone()
        }
    }

    /// Whether both are of one deployment, whatever their polls and nodes.
    pub fn same_deployment(&self, other: &Self) -> bool {
        let deployment = |file: &Self| PollFile {
            rpc_url: None,
            ..file.without_poll()
        };
        deployment(self) == deployment(other)
    }

    /// Reads and checks the text of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// All of [`PollFileError`] but those of reading and writing.
    pub fn parse(text: &str, path: &Path) -> Result<Self, PollFileError> {
        let format = |source| PollFileError::Format {
            path: path.to_owned(),
            source,
        };
        let text = without_mark(text);
        // A later format may have other fields, so its version is read alone.
        let Versioned { version } = serde_json::from_str(text).map_err(format)?;
        if version != u64::from(VERSION) {
            return Err(PollFileError::Version {
                path: path.to_owned(),
                found: version,
            });
        }
        let file: PollFile = serde_json::from_str(text).map_err(format)?;
        file.check(path)?;
        Ok(file)
    }

    /// The poll that the file at `path` names.
    ///
    /// # Errors
    /// [`PollFileError::NoPoll`].
    pub fn poll(&self, path: &Path) -> Result<Contract, PollFileError> {
        self.poll
            .ok_or_else(|| PollFileError::NoPoll(path.to_owned()))
    }

    fn check(&self, path: &Path) -> Result<(), PollFileError> {
        let Contracts {
            registry,
            decider_verifier,
            join_verifier,
            bundle_verifier,
            maci,
        } = self.contracts;
        let mut all = vec![
            registry,
            decider_verifier,
            join_verifier,
            bundle_verifier,
            maci,
        ];
        all.extend(self.poll);
        let mut addresses: Vec<Address> = all.iter().map(|contract| contract.address).collect();
        addresses.sort_unstable();
        let reason = if self.chain_id == 0 {
            "the chain id is zero"
        } else if addresses.contains(&Address::ZERO) {
            "an address is zero"
        } else if addresses.windows(2).any(|pair| pair[0] == pair[1]) {
            "two contracts have the same address"
        } else if self
            .keys
            .is_some_and(|keys| [keys.decider, keys.join, keys.bundle].contains(&B256::ZERO))
        {
            "a key's digest is zero"
        } else if self
            .poll
            .is_some_and(|poll| poll.first_block < maci.first_block)
        {
            "the poll is older than its MACI"
        } else if self.poll.is_some() != self.poll_info.is_some() {
            "a poll and the digest of its facts belong together"
        } else if self.metadata.is_some() && self.poll.is_none() {
            "a poll is described, and there is none"
        } else if self.sign_ups.is_some() && self.poll.is_none() {
            "a root of sign-ups is kept for a poll, and there is none"
        } else if self
            .sign_ups
            .is_some_and(|known| words::to_scalar(known.root.into()).is_none())
        {
            "the root of sign-ups is no field element"
        } else if self.rpc_url.as_ref().is_some_and(|url| !url.is_bare()) {
            "the node's address has more than scheme, host and port, which may be a secret"
        } else {
            return Ok(());
        };
        Err(PollFileError::Invalid {
            path: path.to_owned(),
            reason,
        })
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

mod bare_url {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use maci_nova_chain::RpcUrl;

    pub fn serialize<S: Serializer>(
        url: &Option<RpcUrl>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match url {
            Some(url) => serializer.collect_str(url),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<RpcUrl>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let url = text.parse();
        url.map(Some)
            .map_err(|error| D::Error::custom(format!("the node's address is {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{json, Value};

    use super::*;

    fn contract(byte: u8) -> Contract {
        Contract {
            address: Address::repeat_byte(byte),
            first_block: 100 + u64::from(byte),
        }
    }

    fn deployment() -> PollFile {
        let url = "http://127.0.0.1:8545".parse().unwrap();
        let contracts = Contracts {
            registry: contract(0xa1),
            decider_verifier: contract(0xa2),
            join_verifier: contract(0xa3),
            bundle_verifier: contract(0xa6),
            maci: contract(0xa4),
        };
        let keys = KeyDigests {
            decider: B256::repeat_byte(5),
            join: B256::repeat_byte(6),
            bundle: B256::repeat_byte(9),
        };
        PollFile::new(31_337, Some(&url), contracts, keys)
    }

    fn with_poll() -> PollFile {
        PollFile {
            poll: Some(contract(0xa5)),
            poll_info: Some(B256::repeat_byte(7)),
            sign_ups: Some(KnownRoot {
                index: 6,
                root: B256::repeat_byte(8),
            }),
            ..deployment()
        }
    }

    /// Reads a file with this text.
    fn read(text: &str) -> Result<PollFile, PollFileError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("poll.json");
        fs::write(&path, text).unwrap();
        PollFile::read(&path)
    }

    fn read_changed(change: impl FnOnce(&mut Value)) -> Result<PollFile, PollFileError> {
        let mut value = serde_json::to_value(with_poll()).unwrap();
        change(&mut value);
        read(&value.to_string())
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("poll.json");
        deployment().create(&path).unwrap();
        assert_eq!(PollFile::read(&path).unwrap(), deployment());
        let error = PollFile::read(&path).unwrap().poll(&path).unwrap_err();
        assert!(matches!(error, PollFileError::NoPoll(_)), "{error}");

        with_poll().replace(&path).unwrap();
        let file = PollFile::read(&path).unwrap();
        assert_eq!(file, with_poll());
        assert_eq!(file.poll(&path).unwrap(), contract(0xa5));
        let names = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 1, "nothing is left behind");
    }

    #[test]
    fn the_text_is_for_people_and_other_programs() {
        let expected = json!({
            "version": 2,
            "chainId": 31337,
            "rpcUrl": "http://127.0.0.1:8545",
            "contracts": {
                "registry": {
                    "address": Address::repeat_byte(0xa1).to_string(),
                    "firstBlock": 261
                },
                "deciderVerifier": {
                    "address": Address::repeat_byte(0xa2).to_string(),
                    "firstBlock": 262
                },
                "joinVerifier": {
                    "address": Address::repeat_byte(0xa3).to_string(),
                    "firstBlock": 263
                },
                "bundleVerifier": {
                    "address": Address::repeat_byte(0xa6).to_string(),
                    "firstBlock": 266
                },
                "maci": { "address": Address::repeat_byte(0xa4).to_string(), "firstBlock": 264 }
            },
            "keys": {
                "decider": B256::repeat_byte(5).to_string(),
                "join": B256::repeat_byte(6).to_string(),
                "bundle": B256::repeat_byte(9).to_string()
            },
            "poll": { "address": Address::repeat_byte(0xa5).to_string(), "firstBlock": 265 },
            "pollInfo": B256::repeat_byte(7).to_string(),
            "signUps": { "index": 6, "root": B256::repeat_byte(8).to_string() }
        });
        assert_eq!(serde_json::to_value(with_poll()).unwrap(), expected);
    }

    #[test]
    fn a_file_from_a_chain_names_no_keys() {
        let file = PollFile {
            keys: None,
            ..with_poll()
        };
        let value = serde_json::to_value(&file).unwrap();
        assert_eq!(value.get("keys"), None);
        assert_eq!(read(&value.to_string()).unwrap(), file);
    }

    #[test]
    fn another_poll_begins_with_the_same_deployment() {
        let directory = tempfile::tempdir().unwrap();
        let [old, new] = ["old.json", "new.json"].map(|name| directory.path().join(name));
        let begin = || PollFile::read_or_begin(&new, &old);
        let error = begin().unwrap_err();
        assert!(matches!(error, PollFileError::Io { .. }), "{error}");
        with_poll().create(&old).unwrap();
        assert_eq!(begin().unwrap(), deployment());
        assert!(!new.exists());
        // What the file says by then is not lost, nor is the old poll taken for the new one.
        let other = PollFile {
            poll: Some(contract(0xa7)),
            rpc_url: None,
            ..with_poll()
        };
        other.create(&new).unwrap();
        assert_eq!(begin().unwrap(), other);
        let mut foreign = other;
        foreign.contracts.maci.address = Address::repeat_byte(0xb4);
        foreign.replace(&new).unwrap();
        let error = begin().unwrap_err();
        assert!(
            matches!(error, PollFileError::OtherDeployment { .. }),
            "{error}"
        );
        assert_eq!(error.kind(), ErrorKind::Request);
    }

    #[cfg(unix)]
    #[test]
    fn everybody_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("poll.json");
        deployment().create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }

    #[test]
    fn a_file_that_is_there_is_not_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("poll.json");
        fs::write(&path, "precious").unwrap();
        let error = deployment().create(&path).unwrap_err();
        assert!(matches!(error, PollFileError::Exists(_)), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        // Nor by something that would not be read again.
        let mut wrong = deployment();
        wrong.chain_id = 0;
        let error = wrong.replace(&path).unwrap_err();
        assert!(matches!(error, PollFileError::Invalid { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_nodes_key_is_not_written() {
        let url: RpcUrl = "https://node.example/v2/hunter2".parse().unwrap();
        let file = deployment();
        let file = PollFile::new(1, Some(&url), file.contracts, file.keys);
        assert_eq!(file.rpc_url, None);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("poll.json");
        let file = PollFile {
            rpc_url: Some(url),
            ..file
        };
        assert!(file.create(&path).is_err());
        assert!(!path.exists());
        let error = read_changed(|file| file["rpcUrl"] = "https://hunter2@node.example".into());
        let error = error.unwrap_err();
        assert!(matches!(error, PollFileError::Invalid { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_mark_is_skipped_and_another_encoding_named() {
        let text = serde_json::to_string(&with_poll()).unwrap();
        assert_eq!(read(&format!("\u{feff}{text}")).unwrap(), with_poll());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("poll.json");
        let units = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes);
        fs::write(&path, units.collect::<Vec<u8>>()).unwrap();
        let error = PollFile::read(&path).unwrap_err();
        assert!(error.to_string().contains("UTF-16"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Input);
    }

    #[test]
    fn values_that_cannot_be() {
        let zero = Address::ZERO.to_string();
        let maci = Address::repeat_byte(0xa4).to_string();
        type Change = Box<dyn Fn(&mut Value)>;
        let changes: [(&str, Change); 9] = [
            (
                "kept for a poll",
                Box::new(|file| {
                    file["poll"] = Value::Null;
                    file["pollInfo"] = Value::Null;
                }),
            ),
            (
                "no field element",
                Box::new(|file| {
                    file["signUps"]["root"] = B256::repeat_byte(0xff).to_string().into()
                }),
            ),
            (
                "belong together",
                Box::new(|file| file["pollInfo"] = Value::Null),
            ),
            ("chain id", Box::new(|file| file["chainId"] = 0.into())),
            (
                "address is zero",
                Box::new(move |file| file["poll"]["address"] = zero.clone().into()),
            ),
            (
                "same address",
                Box::new(move |file| file["poll"]["address"] = maci.clone().into()),
            ),
            (
                "digest",
                Box::new(|file| file["keys"]["join"] = B256::ZERO.to_string().into()),
            ),
            (
                "older",
                Box::new(|file| file["poll"]["firstBlock"] = 1.into()),
            ),
            (
                "secret",
                Box::new(|file| file["rpcUrl"] = "http://node.example/?key".into()),
            ),
        ];
        for (words, change) in changes {
            match read_changed(change) {
                Err(PollFileError::Invalid { reason, .. }) => {
                    assert!(reason.contains(words), "{words}: {reason}");
                }
                other => panic!("{words}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_of_the_format() {
        let changes: [fn(&mut Value); 10] = [
            |file| file["chainId"] = "1".into(),
            |file| file["chainId"] = (-1).into(),
            |file| file["more"] = 1.into(),
            |file| file["poll"]["more"] = 1.into(),
            |file| file["poll"]["firstBlock"] = 1.5.into(),
            |file| file["contracts"]["maci"] = Value::Null,
            |file| file["contracts"]["maci"]["address"] = "0x1".into(),
            |file| file["contracts"]["maci"]["address"] = "a".repeat(40).into(),
            |file| file["keys"]["decider"] = "0x05".into(),
            |file| file["rpcUrl"] = "ws://node.example".into(),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let error = read_changed(change).unwrap_err();
            assert!(
                matches!(error, PollFileError::Format { .. }),
                "{i}: {error}"
            );
        }
        for text in ["", "{", "[]", "{}", "precious"] {
            let error = read(text).unwrap_err();
            assert!(
                matches!(error, PollFileError::Format { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn checksums_of_addresses() {
        // Of EIP-55's examples.
        let right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        let address = |text: &str| {
            read_changed(|file| file["poll"]["address"] = text.into())
                .map(|file| file.poll.unwrap().address)
        };
        let lower = right.to_lowercase();
        let upper = format!("0x{}", right[2..].to_uppercase());
        for text in [right, &lower, &upper] {
            assert_eq!(address(text).unwrap().to_string(), right);
        }
        let swapped = |digit: char| match digit {
            'a' => 'A',
            'A' => 'a',
            other => other,
        };
        let wrong: String = right.chars().map(swapped).collect();
        let error = address(&wrong).unwrap_err();
        assert!(matches!(error, PollFileError::Format { .. }), "{error}");
    }

    #[test]
    fn other_versions_are_named() {
        for version in [0, 1, 3, u64::MAX] {
            let text = format!(r#"{{"version": {version}, "somethingNew": true}}"#);
            match read(&text) {
                Err(PollFileError::Version { found, .. }) => assert_eq!(found, version),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn files_that_cannot_be_read() {
        let error = PollFile::read(Path::new("/nonexistent/poll.json")).unwrap_err();
        assert!(matches!(error, PollFileError::Io { .. }), "{error}");
        let error = read(&" ".repeat(disk::LARGEST_FILE as usize + 1)).unwrap_err();
        assert!(matches!(error, PollFileError::Io { .. }), "{error}");
        let error = deployment().create(Path::new("/nonexistent/poll.json"));
        assert!(matches!(error, Err(PollFileError::Io { .. })), "{error:?}");
    }
}
