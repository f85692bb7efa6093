//! The configuration: a file, then what environment and flags say in its place.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use maci_nova_chain::RpcUrl;
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_files::{as_text, read_at_most};
use serde::{Deserialize, Deserializer};

use crate::error::Error;
use crate::logs::{Format, Level};

/// In wei: what prices are given in.
pub(crate) const GWEI: U256 = U256::from_limbs([1_000_000_000, 0, 0, 0]);

/// A configuration has a few hundred bytes; a file of more than this holds something else.
const LARGEST_FILE: u64 = 1 << 20;

/// What a file, the environment and flags say. Paths in the file are relative to its folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node that everything is read from and sent through.
    #[serde(default)]
    pub node: NodeConfig,
    /// Who may ask what is going on.
    #[serde(default)]
    pub http: HttpConfig,
    /// How events are logged.
    #[serde(default)]
    pub log: LogConfig,
    /// The polls that are counted; none for a service that counts none.
    pub coordinator: Option<CoordinatorConfig>,
    /// The polls whose ballots and joins are published for their voters.
    pub relay: Option<RelayConfig>,
}

/// `[node]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// Where it is. May hold an API key: shown as scheme, host and port alone.
    #[serde(deserialize_with = "optional")]
    pub rpc_url: Option<RpcUrl>,
    /// Another node, which has to agree about what was sent before anything is proven.
    #[serde(deserialize_with = "optional")]
    pub second_rpc_url: Option<RpcUrl>,
    /// Blocks that have to follow one before it counts.
    pub confirmations: u64,
    /// Time between two looks at the chain.
    #[serde(deserialize_with = "time")]
    pub every: Duration,
}

impl Default for NodeConfig {
    fn default() -> Self {
        NodeConfig {
            rpc_url: None,
            second_rpc_url: None,
            confirmations: 12,
            every: Duration::from_secs(6),
        }
    }
}

/// `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Where it listens: loopback unless somebody says otherwise.
    pub listen: SocketAddr,
    /// A file with the administrator's token. With none, nothing can be changed by HTTP.
    pub token_file: Option<PathBuf>,
    /// Requests a second that one address may make for long.
    pub requests_a_second: u32,
    /// Requests that one address may make at once, before that.
    pub burst: u32,
    /// Connections at once.
    pub connections: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            token_file: None,
            requests_a_second: 10,
            burst: 50,
            connections: 256,
        }
    }
}

/// `[log]`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Lines for people, or JSON.
    pub format: Format,
    /// The least important lines that are written.
    pub level: Level,
}

/// When a poll's proof is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finalize {
    /// As soon as it is made.
    #[default]
    Auto,
    /// When an administrator says so.
    Ask,
}

impl Finalize {
    /// As the configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Finalize::Auto => "auto",
            Finalize::Ask => "ask",
        }
    }
}

/// `[coordinator]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorConfig {
    /// The folder in which each poll has one of its own, named by its address.
    pub out: PathBuf,
    /// The coordinator's key, of every poll that names none.
    pub key_file: Option<PathBuf>,
    /// A powers-of-tau file of a public ceremony.
    pub ptau: Option<PathBuf>,
    /// INSECURE: the development setup in its place.
    #[serde(default)]
    pub insecure_setup: bool,
    /// How often a checkpoint is written.
    #[serde(default = "two_seconds", deserialize_with = "text")]
    pub checkpoint_every: Interval,
    /// When proofs are sent, of every poll that does not say.
    #[serde(default)]
    pub finalize: Finalize,
    /// Polls that fold or prove at the same time.
    #[serde(default = "one")]
    pub at_once: usize,
    /// The account that finalizes: an encrypted keystore,
    pub keystore: Option<PathBuf>,
    /// with the file of its password,
    pub password_file: Option<PathBuf>,
    /// or a file with the key.
    pub account_key_file: Option<PathBuf>,
    /// The most that a unit of gas may cost, in gwei.
    #[serde(default = "max_fee")]
    pub max_fee: u64,
    /// The most of it that goes to whoever makes the block, in gwei.
    #[serde(default = "max_tip")]
    pub max_tip: u64,
    /// The polls, of one MACI.
    pub polls: Vec<PollConfig>,
}

/// `[[coordinator.polls]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollConfig {
    /// Its poll file.
    pub file: PathBuf,
    /// Its coordinator's key.
    pub key_file: Option<PathBuf>,
    /// When its proof is sent.
    pub finalize: Option<Finalize>,
}

/// `[relay]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// The folder for what was taken and sent, not the coordinator's.
    pub out: PathBuf,
    /// Poll files.
    pub polls: Vec<PathBuf>,
    /// The keystore of the account that pays, which pays for nothing else.
    pub keystore: Option<PathBuf>,
    /// The keystore's password.
    pub password_file: Option<PathBuf>,
    /// The account's key, in the place of a keystore.
    pub account_key_file: Option<PathBuf>,
    /// The bundles' proving key; else the cache's.
    pub bundle_key: Option<PathBuf>,
    /// The longest time that a ballot waits for others, with which it costs less.
    #[serde(default = "a_minute", deserialize_with = "time")]
    pub wait: Duration,
    /// Blocks for which a message has to be good when it is taken.
    #[serde(default = "eight")]
    pub margin: u64,
    /// Blocks that have to follow a bundle before the next one is sent.
    #[serde(default = "three")]
    pub confirmations: u64,
    /// Messages that may wait, and joins.
    #[serde(default = "a_thousand")]
    pub queue: usize,
    /// Gas that may be used a day, for each poll.
    #[serde(default = "gas_a_day")]
    pub gas_a_day: u64,
    /// The most that a poll may take for each message, in wei.
    #[serde(default)]
    pub message_fee: u64,
    /// Whether joins are taken, of polls that give everybody the same.
    #[serde(default)]
    pub joins: bool,
    /// The most that a unit of gas may cost, in gwei.
    #[serde(default = "max_fee")]
    pub max_fee: u64,
    /// The most of it for whoever makes the block, in gwei.
    #[serde(default = "max_tip")]
    pub max_tip: u64,
}

/// What the environment or flags say in the place of the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Of [`NodeConfig::rpc_url`].
    pub rpc_url: Option<RpcUrl>,
    /// Of [`NodeConfig::second_rpc_url`].
    pub second_rpc_url: Option<RpcUrl>,
    /// Of [`HttpConfig::listen`].
    pub listen: Option<SocketAddr>,
    /// Of [`HttpConfig::token_file`].
    pub token_file: Option<PathBuf>,
    /// Of [`LogConfig::format`].
    pub log_format: Option<Format>,
    /// Of [`LogConfig::level`].
    pub log_level: Option<Level>,
    /// Of [`CoordinatorConfig::out`].
    pub out: Option<PathBuf>,
}

impl Config {
    /// Reads a file, and what is said in its place.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`], and [`Error::Config`] for what cannot be.
    pub fn read(path: &Path, overrides: Overrides) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            action: "read configuration",
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        read_at_most(file, LARGEST_FILE, &mut bytes).map_err(failed)?;
        let text = as_text(&bytes).map_err(failed)?;
        let mut config = Self::parse(text, path)?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        config.apply(overrides);
        config.check()?;
        Ok(config)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Format {
            path: path.to_owned(),
            // The error's own text shows the line, in which there may be a secret.
            line: error.span().map(|span| {
                let before = text.get(..span.start).unwrap_or_default();
                before.matches('\n').count() + 1
            }),
            reason: error.message().to_owned(),
        })
    }

    /// Paths of the file are of its folder.
    fn resolve(&mut self, folder: &Path) {
        let of = |path: &mut PathBuf| *path = folder.join(&*path);
        let each = |paths: Vec<&mut Option<PathBuf>>| {
            paths.into_iter().flatten().for_each(of);
        };
        each(vec![&mut self.http.token_file]);
        if let Some(coordinator) = &mut self.coordinator {
            of(&mut coordinator.out);
            each(vec![
                &mut coordinator.key_file,
                &mut coordinator.ptau,
                &mut coordinator.keystore,
                &mut coordinator.password_file,
                &mut coordinator.account_key_file,
            ]);
            for poll in &mut coordinator.polls {
                of(&mut poll.file);
                each(vec![&mut poll.key_file]);
            }
        }
        if let Some(relay) = &mut self.relay {
            of(&mut relay.out);
            relay.polls.iter_mut().for_each(of);
            each(vec![
                &mut relay.keystore,
                &mut relay.password_file,
                &mut relay.account_key_file,
                &mut relay.bundle_key,
            ]);
        }
    }

    fn apply(&mut self, overrides: Overrides) {
        fn put<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        let Overrides {
            rpc_url,
            second_rpc_url,
            listen,
            token_file,
            log_format,
            log_level,
            out,
        } = overrides;
        self.node.rpc_url = rpc_url.or(self.node.rpc_url.take());
        self.node.second_rpc_url = second_rpc_url.or(self.node.second_rpc_url.take());
        self.http.token_file = token_file.or(self.http.token_file.take());
        put(&mut self.http.listen, listen);
        put(&mut self.log.format, log_format);
        put(&mut self.log.level, log_level);
        if let Some(coordinator) = &mut self.coordinator {
            put(&mut coordinator.out, out);
        }
    }

    fn check(&self) -> Result<(), Error> {
        let http = &self.http;
        let wrong: &str = if http.requests_a_second == 0 || http.burst == 0 || http.connections == 0
        {
            "http: a limit of 0 lets nobody in"
        } else if self.node.every.is_zero() {
            "node: every has to be longer than 0 s"
        } else {
            self.coordinator
                .as_ref()
                .map_or(Ok(()), CoordinatorConfig::check)?;
            self.relay.as_ref().map_or(Ok(()), RelayConfig::check)?;
            let out = |coordinator: &CoordinatorConfig| coordinator.out.clone();
            let one = self.coordinator.as_ref().map(out);
            if one.is_none() || one != self.relay.as_ref().map(|relay| relay.out.clone()) {
                return Ok(());
            }
            "relay: out is the coordinator's; each has a folder of its own"
        };
        Err(Error::Config(wrong.into()))
    }
}

impl CoordinatorConfig {
    fn check(&self) -> Result<(), Error> {
        let files: BTreeSet<&Path> = self.polls.iter().map(|poll| &*poll.file).collect();
        let wrong = if self.ptau.is_some() == self.insecure_setup {
            "coordinator: give ptau, a powers-of-tau file, or insecure_setup = true, and not both"
        } else if self.polls.is_empty() {
            "coordinator: name at least one poll, with [[coordinator.polls]]"
        } else if files.len() < self.polls.len() {
            "coordinator: a poll file is named twice"
        } else if self.at_once == 0 {
            "coordinator: at_once has to be at least 1"
        } else if self.keystore.is_some() && self.account_key_file.is_some() {
            "coordinator: give keystore or account_key_file, and not both"
        } else if self.password_file.is_some() && self.keystore.is_none() {
            "coordinator: password_file is a keystore's, and none is given"
        } else {
            return Ok(());
        };
        Err(Error::Config(wrong.into()))
    }
}

impl RelayConfig {
    fn check(&self) -> Result<(), Error> {
        let files: BTreeSet<&PathBuf> = self.polls.iter().collect();
        let wrong = if self.polls.is_empty() {
            "relay: name at least one poll file in polls"
        } else if files.len() < self.polls.len() {
            "relay: a poll file is named twice"
        } else if self.keystore.is_some() == self.account_key_file.is_some() {
            "relay: give keystore or account_key_file, and not both"
        } else if self.password_file.is_some() && self.keystore.is_none() {
            "relay: password_file is a keystore's, and none is given"
        } else if self.queue == 0 || self.gas_a_day == 0 {
            "relay: a queue or gas_a_day of 0 takes nothing"
        } else {
            return Ok(());
        };
        Err(Error::Config(wrong.into()))
    }
}

fn a_minute() -> Duration {
    Duration::from_secs(60)
}

fn eight() -> u64 {
    8
}

fn three() -> u64 {
    3
}

fn a_thousand() -> usize {
    1000
}

/// About 40 bundles of 50 messages.
fn gas_a_day() -> u64 {
    50_000_000
}

fn two_seconds() -> Interval {
    Interval::Time(Duration::from_secs(2))
}

fn one() -> usize {
    1
}

fn max_fee() -> u64 {
    200
}

fn max_tip() -> u64 {
    5
}

/// A value that has a text of its own. The text is not shown when it is wrong.
fn text<'de, D: Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn optional<'de, D: Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    text(deserializer).map(Some)
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match text(deserializer)? {
        Interval::Time(time) => Ok(time),
        Interval::Steps(_) => Err(serde::de::Error::custom("not a time, such as 6s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        [node]
        rpc_url = "https://node.example/v2/hunter2"
        second_rpc_url = "http://127.0.0.1:8545"
        confirmations = 3
        every = "2s"
        [http]
        listen = "0.0.0.0:80"
        token_file = "token"
        requests_a_second = 1
        burst = 2
        connections = 3
        [log]
        format = "json"
        level = "debug"
        [coordinator]
        out = "state"
        key_file = "/etc/key"
        ptau = "powers.ptau"
        checkpoint_every = "100steps"
        finalize = "ask"
        at_once = 2
        keystore = "keystore"
        password_file = "password"
        max_fee = 7
        max_tip = 1
        [[coordinator.polls]]
        file = "one.json"
        [[coordinator.polls]]
        file = "two.json"
        key_file = "two.key"
        finalize = "auto"
        [relay]
        out = "relayed"
        polls = ["one.json", "three.json"]
        keystore = "relayer"
        password_file = "relayer.password"
        bundle_key = "poll.bundle.key"
        wait = "30s"
        margin = 9
        confirmations = 2
        queue = 500
        gas_a_day = 1000000
        message_fee = 3
        joins = true
        max_fee = 9
        max_tip = 2
    "#;

    fn read(text: &str, overrides: Overrides) -> Result<Config, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("serve.toml");
        std::fs::write(&path, text).expect("written");
        let mut config = Config::read(&path, overrides)?;
        // So that paths can be compared.
        if let Some(coordinator) = &mut config.coordinator {
            coordinator.out = coordinator
                .out
                .strip_prefix(folder.path())
                .map_or(coordinator.out.clone(), Path::to_owned);
        }
        Ok(config)
    }

    #[test]
    fn everything_that_can_be_said() {
        let config = read(WHOLE, Overrides::default()).expect("a configuration");
        let coordinator = config.coordinator.as_ref().expect("polls");
        assert_eq!(coordinator.out, Path::new("state"));
        assert_eq!(coordinator.key_file.as_deref(), Some(Path::new("/etc/key")));
        assert_eq!(coordinator.checkpoint_every, Interval::Steps(100));
        assert_eq!((coordinator.max_fee, coordinator.at_once), (7, 2));
        let finalize: Vec<_> = coordinator.polls.iter().map(|poll| poll.finalize).collect();
        assert_eq!(finalize, [None, Some(Finalize::Auto)]);
        assert!(coordinator.polls[0].file.ends_with("one.json"));
        assert!(coordinator.polls[0].file.is_absolute());
        assert_eq!(config.node.every, Duration::from_secs(2));
        let relay = config.relay.as_ref().expect("a relayer");
        let paths = [&relay.out, &relay.polls[1]];
        assert!(paths.iter().all(|path| path.is_absolute()));
        assert_eq!(
            (relay.wait, relay.margin, relay.confirmations, relay.queue),
            (Duration::from_secs(30), 9, 2, 500)
        );
        assert_eq!(
            (relay.gas_a_day, relay.message_fee, relay.joins),
            (1_000_000, 3, true)
        );
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn flags_stand_above_the_file() {
        let overrides = Overrides {
            rpc_url: Some("http://127.0.0.1:1".parse().expect("URL")),
            listen: Some("127.0.0.1:5".parse().expect("an address")),
            log_level: Some(Level::Error),
            out: Some("elsewhere".into()),
            ..Overrides::default()
        };
        let config = read(WHOLE, overrides).expect("a configuration");
        let url = config.node.rpc_url.expect("a node");
        assert_eq!(url.to_string(), "http://127.0.0.1:1");
        assert_eq!(config.http.listen.port(), 5);
        assert_eq!(
            (config.log.format, config.log.level),
            (Format::Json, Level::Error)
        );
        assert_eq!(
            config.coordinator.expect("polls").out,
            Path::new("elsewhere")
        );
    }

    #[test]
    fn a_service_without_polls_listens_on_loopback() {
        let config = read("", Overrides::default()).expect("a configuration");
        assert!(config.coordinator.is_none() && config.http.listen.ip().is_loopback());
        assert_eq!(config.http.token_file, None);
    }

    /// Neither the line nor the value is shown: a secret may stand there.
    #[test]
    fn what_is_wrong_is_named_and_not_shown() {
        for (old, new, words) in [
            (
                "\"https://node.example/v2/hunter2\"",
                "\"hunter2\"",
                "line 3: not a URL",
            ),
            (
                "rpc_url = ",
                "rpc_ulr = ",
                "line 3: unknown field `rpc_ulr`",
            ),
            (
                "https://node.example/v2/hunter2\"",
                "https://hunter2",
                "line 3",
            ),
            ("every = \"2s\"", "every = \"5steps\"", "not a time"),
            ("every = \"2s\"", "every = \"0s\"", "above 0"),
            ("burst = 2", "burst = 0", "limit of 0"),
            ("at_once = 2", "at_once = 0", "at_once"),
            ("ptau = \"powers.ptau\"", "", "ptau"),
            ("\"two.json\"", "\"one.json\"", "named twice"),
            ("keystore = \"keystore\"", "", "password_file"),
            ("password_file = ", "account_key_file = ", "not both"),
            ("\"three.json\"", "\"one.json\"", "relay: a poll file"),
            ("keystore = \"relayer\"", "", "relay: give keystore"),
            ("\"relayed\"", "\"state\"", "each has a folder"),
            ("queue = 500", "queue = 0", "takes nothing"),
            ("[\"one.json\", \"three.json\"]", "[]", "relay: name"),
        ] {
            let text = WHOLE.replacen(old, new, 1);
            assert_ne!(text, WHOLE);
            let error = read(&text, Overrides::default())
                .expect_err(new)
                .to_string();
            assert!(error.contains(words), "{new}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
