//! Logs: one line for each event, for people or as JSON. Only what this service says itself is
//! written, never what its libraries do: they may name addresses with an API key in them.

use std::str::FromStr;

use maci_nova_chain::RpcUrl;
use serde::Deserialize;
use tracing::level_filters::LevelFilter;
use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;

/// Characters of a text from elsewhere that are kept.
const LONGEST: usize = 400;

/// Shorter parts of an address are no secrets, and are words of other texts.
const SHORTEST_SECRET: usize = 5;

/// What lines look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// Which lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What somebody has to do something about.
    Error,
    /// And what must not be missed.
    Warn,
    /// And what happens.
    #[default]
    Info,
    /// And each request.
    Debug,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Format::Text),
            "json" => Ok(Format::Json),
            _ => Err("text or json"),
        }
    }
}

impl FromStr for Level {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "error" => Ok(Level::Error),
            "warn" => Ok(Level::Warn),
            "info" => Ok(Level::Info),
            "debug" => Ok(Level::Debug),
            _ => Err("error, warn, info or debug"),
        }
    }
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
        }
    }
}

/// What writes lines to `writer`, for the program to install.
pub fn subscriber<W>(format: Format, level: Level, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let ours = Targets::new().with_target("maci_nova_service", LevelFilter::from(level));
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    match format {
        Format::Text => Box::new(registry().with(lines.with_filter(ours))),
        Format::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            Box::new(registry().with(lines.with_filter(ours)))
        }
    }
}

/// From here on a panic is a line of the log, which says where it was. Its text may hold what was
/// being worked on.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("none");
        tracing::error!(thread, "panic at {}", place.unwrap_or_default());
    }));
}

/// Takes what must not be seen out of texts from elsewhere: what a node says, and errors.
#[derive(Clone, Default)]
pub struct Redaction {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redaction")
    }
}

impl Redaction {
    /// Of what is more in these addresses than scheme, host and port.
    pub fn of<'a>(urls: impl IntoIterator<Item = &'a RpcUrl>) -> Self {
        let mut secrets = Vec::new();
        for url in urls {
            let url = url.whole();
            let user = [Some(url.username()), url.password()];
            secrets.extend(user.into_iter().flatten().map(str::to_owned));
            secrets.extend(url.path().split('/').map(str::to_owned));
            for (name, value) in url.query_pairs() {
                secrets.extend([name.into_owned(), value.into_owned()]);
            }
            secrets.extend(url.query().map(str::to_owned));
            secrets.extend(url.fragment().map(str::to_owned));
        }
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        // The longest first: one may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Redaction { secrets }
    }

    /// The text on one line, not too long, and without secrets.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, "…");
        }
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let mut short: String = text.chars().take(LONGEST).map(clean).collect();
        if text.chars().count() > LONGEST {
            short.push('…');
        }
        short
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, level: Level) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, level, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(poll = "0x1", "a \"quoted\"\nline");
            tracing::debug!("detail");
            tracing::error!(target: "hyper", "https://node.example/hunter2");
        });
        let bytes = lines.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn lines_are_text_or_json_and_only_ours() {
        let text = logged(Format::Text, Level::Info);
        assert!(
            text.contains("INFO") && text.contains("poll=\"0x1\""),
            "{text}"
        );
        let json = logged(Format::Json, Level::Info);
        assert_eq!(json.lines().count(), 1, "{json}");
        let line: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(line["message"], "a \"quoted\"\nline");
        assert_eq!(
            (&line["poll"], &line["level"]),
            (&"0x1".into(), &"INFO".into())
        );
        assert!(logged(Format::Text, Level::Debug).contains("detail"));
        assert_eq!(logged(Format::Text, Level::Error), "");
        for level in [Level::Info, Level::Debug] {
            assert!(!logged(Format::Json, level).contains("hunter2"));
        }
    }

    #[test]
    fn what_an_address_hides_is_hidden() {
        let urls = [
            "https://user:hunter22@node.example/v2/hunter2?apikey=hunter3#hunter4",
            "http://127.0.0.1:8545",
        ];
        let urls = urls.map(|url| url.parse::<RpcUrl>().expect("URL"));
        let redaction = Redaction::of(&urls);
        let said = "error for https://user:hunter22@node.example/v2/hunter2?apikey=hunter3 at v2";
        let shown = redaction.apply(said);
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("node.example/v2/…"), "{shown}");
        let long = redaction.apply(&"ü\n".repeat(1000));
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(!long.contains('\n'));
        assert!(!format!("{redaction:?}").contains("hunter"));
    }
}
