//! `serve`: the coordinator's service.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use maci_nova_chain::Observer;
use maci_nova_node::{Account, AccountSource, KEY_ENVIRONMENT};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_service::check::{check, lacking};
use maci_nova_service::config::{Config, CoordinatorConfig, Overrides};
use maci_nova_service::key::Key;
use maci_nova_service::logs;
use maci_nova_service::service::{Secrets, Service};
use serde::Serialize;

use crate::arguments::coordinator::Serve;
use crate::arguments::shared::KeySource;
use crate::console::Console;
use crate::failure::Failure;
use crate::findings::{lines, write_lines, Line};
use crate::key;
use crate::output::Output;
use crate::setup::source;

/// Of the five seconds in which the process ends.
const END: Duration = Duration::from_secs(4);

/// Between two looks whether a signal has come.
const TICK: Duration = Duration::from_millis(50);

#[derive(Serialize)]
struct Started {
    listening: SocketAddr,
}

impl Output for Started {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "listening on http://{}", self.listening)
    }
}

#[derive(Serialize)]
struct Checked {
    fits: bool,
    findings: Vec<Line>,
}

impl Output for Checked {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_lines(&self.findings, out)
    }
}

/// Runs the command.
pub fn run(arguments: &Serve, console: &Console) -> Result<(), Failure> {
    let config = Config::read(&arguments.config, overrides(arguments))?;
    let secrets = secrets(arguments, &config, console)?;
    if arguments.check {
        return run_check(&config, &secrets, console);
    }
    console.interrupt.listen_silently()?;
    let subscriber = logs::subscriber(config.log.format, config.log.level, io::stderr);
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    logs::log_panics();
    let service = Service::start(&config, secrets)?;
    console.print(&Started {
        listening: service.address(),
    })?;
    while !console.interrupt.asked() {
        thread::sleep(TICK);
    }
    service.stop(END);
    Ok(())
}

fn overrides(arguments: &Serve) -> Overrides {
    Overrides {
        rpc_url: arguments.endpoint.rpc_url.clone(),
        second_rpc_url: arguments.second_rpc_url.clone(),
        listen: arguments.listen,
        token_file: arguments.token_file.clone(),
        log_format: arguments.log_format,
        log_level: arguments.log_level,
        out: arguments.out.clone(),
    }
}

/// Keys are read once, before anything runs: what is missing is missed at once.
fn secrets(arguments: &Serve, config: &Config, console: &Console) -> Result<Secrets, Failure> {
    let mut secrets = Secrets {
        policy: console.keys(),
        ..Secrets::default()
    };
    if let Some(coordinator) = &config.coordinator {
        source(coordinator.ptau.as_ref(), console)?;
        secrets.keys = keys(arguments, coordinator, console)?;
        secrets.account = Some(account(arguments, coordinator)?);
    }
    if let Some(relay) = &config.relay {
        let named = named(
            &relay.keystore,
            &relay.password_file,
            &relay.account_key_file,
        );
        secrets.relay_account = named.map(|source| Account::open(&source)).transpose()?;
    }
    Ok(secrets)
}

/// The account that is named, if one is.
fn named(
    keystore: &Option<PathBuf>,
    password_file: &Option<PathBuf>,
    key_file: &Option<PathBuf>,
) -> Option<AccountSource> {
    match (keystore.clone(), key_file.clone()) {
        (Some(path), _) => Some(AccountSource::Keystore {
            path,
            password_file: password_file.clone(),
        }),
        (None, path) => path.map(AccountSource::KeyFile),
    }
}

/// The key of each poll: its own, else that of the arguments, of the environment, of all polls.
fn keys(
    arguments: &Serve,
    config: &CoordinatorConfig,
    console: &Console,
) -> Result<Vec<Arc<Key>>, Failure> {
    let mut common: Option<PrivateKey> = None;
    let mut keys = Vec::with_capacity(config.polls.len());
    for poll in &config.polls {
        let key = match (&poll.key_file, &common) {
            (Some(path), _) => key::read_file(path, console)?,
            (None, Some(key)) => key.clone(),
            (None, None) => {
                let named = arguments.key.key_file.as_ref();
                let path = named.or(config
                    .key_file
                    .as_ref()
                    .filter(|_| !is_set(key::ENVIRONMENT)));
                let source = KeySource {
                    key_file: path.cloned(),
                };
                common.insert(key::read(&source, console)?).clone()
            }
        };
        keys.push(Arc::new(Key(key)));
    }
    Ok(keys)
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The account of the arguments, of the environment or of the configuration, in this order.
fn account(arguments: &Serve, config: &CoordinatorConfig) -> Result<Account, Failure> {
    let Serve {
        keystore,
        password_file,
        account_key_file,
        ..
    } = arguments;
    let of_arguments = named(keystore, password_file, account_key_file);
    let configured = || {
        named(
            &config.keystore,
            &config.password_file,
            &config.account_key_file,
        )
    };
    let source = match of_arguments {
        Some(source) => source,
        None if is_set(KEY_ENVIRONMENT) => AccountSource::Environment,
        None => configured().unwrap_or(AccountSource::Environment),
    };
    Ok(Account::open(&source)?)
}

fn run_check(config: &Config, secrets: &Secrets, console: &Console) -> Result<(), Failure> {
    console.listen()?;
    let observer: Arc<dyn Observer> = Arc::new(console.clone());
    let findings = check(config, secrets, &observer);
    let lacking = lacking(&findings);
    console.print(&Checked {
        fits: lacking.is_none(),
        findings: lines(findings),
    })?;
    match lacking {
        Some((kind, lacking)) => Err(Failure::Unfit { kind, lacking }),
        None => Ok(()),
    }
}
