//! `serve --check`: whether a configuration can be served, held against its chain. Nothing is
//! written but folders, and nothing is sent.

use std::path::Path;
use std::sync::Arc;

use maci_nova_chain::clock::disagreement;
use maci_nova_chain::words::ether;
use maci_nova_chain::{BlockId, Chain, ChainError, Observer, RpcUrl};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_coordinator::finalize::check_ahead;
use maci_nova_coordinator::readiness::{self, Finding, State};
use maci_nova_coordinator::Error as CoordinatorError;
use maci_nova_node::{Options, RpcChain, RpcError};
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys;
use maci_nova_sdk::ErrorKind;

use crate::config::{Config, CoordinatorConfig, RelayConfig};
use crate::error::Error;
use crate::http::token::Token;
use crate::key::Key;
use crate::node::kind_of;
use crate::polls as poll_files;
use crate::service::{check_own_account, polls, Poll, Secrets};

/// Everything that can be looked at before anything runs.
pub fn check(config: &Config, secrets: &Secrets, observer: &Arc<dyn Observer>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match config.http.token_file.as_deref().map(Token::read) {
        Some(Ok(_)) => ready("token", "it can be used"),
        Some(Err(error)) => missing("token", error.kind(), &error),
        None => ready("token", "none: nothing can be changed by HTTP"),
    });
    if let Some(relay) = &config.relay {
        findings.extend(of_relay(config, relay, secrets, observer));
    }
    let Some(coordinator) = &config.coordinator else {
        findings.push(ready("polls", "none are counted"));
        return findings;
    };
    let polls = match polls(coordinator) {
        Ok(polls) => polls,
        Err(error) => {
            findings.push(missing("polls", error.kind(), &error));
            return findings;
        }
    };
    findings.push(match ProofDirectory::open(&coordinator.out) {
        Ok(directory) => ready("folder", &directory.root().display().to_string()),
        Err(error) => missing("folder", error.kind(), &error),
    });
    findings.push(match &secrets.account {
        Some(account) => ready("account", &account.address().to_checksum(None)),
        None => missing(
            "account",
            ErrorKind::Input,
            &"none is named: proofs cannot be sent",
        ),
    });
    let url = config.node.rpc_url.as_ref();
    let url = url.or(polls.first().and_then(|poll| poll.file.rpc_url.as_ref()));
    let Some(url) = url else {
        findings.push(missing("node", ErrorKind::Request, &"none is named"));
        return findings;
    };
    let second = config.node.second_rpc_url.as_ref();
    for (name, url) in [("node", Some(url)), ("second node", second)] {
        if let Some(url) = url {
            findings.push(of_node(name, url, &polls, secrets, observer));
        }
    }
    if findings.iter().all(|finding| finding.state == State::Ready) {
        of_polls(&mut findings, url, coordinator, &polls, secrets, observer);
    }
    findings
}

/// The relayer's folder, account, node and polls.
fn of_relay(
    config: &Config,
    relay: &RelayConfig,
    secrets: &Secrets,
    observer: &Arc<dyn Observer>,
) -> Vec<Finding> {
    const NAME: &str = "relayer";
    let looked = || -> Result<Vec<Finding>, Error> {
        check_own_account(secrets)?;
        let folder = ProofDirectory::open(&relay.out)?;
        let folder = ready(NAME, &format!("folder {}", folder.root().display()));
        let files = poll_files::read(relay.polls.iter().map(|path| &**path))?;
        let url = poll_files::node(&config.node, files.iter().map(|(_, file)| file))?;
        let options = Options {
            chain_id: files.first().map(|(_, file)| file.chain_id),
            accounts: secrets.relay_account.clone().into_iter().collect(),
            observer: Arc::clone(observer),
            ..Options::default()
        };
        let mut findings = vec![folder];
        let chain = match RpcChain::connect(&url, options) {
            Ok(chain) => chain,
            Err(error) => {
                findings.push(missing(NAME, kind_of(&error), &error));
                return Ok(findings);
            }
        };
        findings.push(of_relay_account(&chain));
        for (path, file) in files {
            let found = relayed_poll(&chain, &path, &file, relay, secrets);
            findings.push(match found {
                Ok(text) => ready(NAME, &text),
                Err(error) => missing(NAME, error.kind(), &error),
            });
        }
        Ok(findings)
    };
    looked().unwrap_or_else(|error| vec![missing(NAME, error.kind(), &error)])
}

fn of_relay_account(chain: &RpcChain) -> Finding {
    const NAME: &str = "relayer";
    let Some(account) = chain.accounts().first().copied() else {
        return missing(NAME, ErrorKind::Input, &"no account is named");
    };
    match chain.balance(account) {
        Ok(balance) if balance.is_zero() => {
            let text = format!("account {account} has nothing to pay with");
            missing(NAME, ErrorKind::Chain, &text)
        }
        Ok(balance) => ready(NAME, &format!("account {account} has {}", ether(balance))),
        Err(error) => missing(NAME, ErrorKind::Later, &error),
    }
}

/// A poll with the verifiers that it names, whose fee the relayer may pay.
fn relayed_poll(
    chain: &RpcChain,
    path: &Path,
    file: &PollFile,
    relay: &RelayConfig,
    secrets: &Secrets,
) -> Result<String, CoordinatorError> {
    let checked = keys::check(chain, &file.contracts, &secrets.policy)?;
    let contract = file.poll(path).map_err(maci_nova_sdk::Error::from)?;
    let poll = PollContract::open(chain, file, contract)?;
    checked.check_poll(chain, &poll)?;
    let fee = poll.info.settings.messageFee;
    if fee > U256::from(relay.message_fee) {
        let text = format!("it takes {fee} wei for each message, and message_fee allows less");
        return Err(poll.inconsistent(&text).into());
    }
    Ok(format!("poll {}", poll.address))
}

fn ready(name: &'static str, text: &str) -> Finding {
    Finding {
        name,
        state: State::Ready,
        text: text.into(),
    }
}

fn missing(name: &'static str, kind: ErrorKind, error: &dyn std::fmt::Display) -> Finding {
    Finding {
        name,
        state: State::Missing(kind),
        text: error.to_string(),
    }
}

fn connect(
    url: &RpcUrl,
    polls: &[Poll],
    secrets: &Secrets,
    observer: &Arc<dyn Observer>,
) -> Result<RpcChain, RpcError> {
    let options = Options {
        chain_id: polls.first().map(|poll| poll.file.chain_id),
        accounts: secrets.account.clone().into_iter().collect(),
        observer: Arc::clone(observer),
        ..Options::default()
    };
    RpcChain::connect(url, options)
}

fn of_node(
    name: &'static str,
    url: &RpcUrl,
    polls: &[Poll],
    secrets: &Secrets,
    observer: &Arc<dyn Observer>,
) -> Finding {
    let chain = match connect(url, polls, secrets, observer) {
        Ok(chain) => chain,
        Err(error) => return missing(name, kind_of(&error), &error),
    };
    let look = || -> Result<String, ChainError> {
        let newest = chain.block(BlockId::Latest)?;
        let clock = disagreement(&chain)?.map_or_else(String::new, |text| format!("; {text}"));
        Ok(format!("{url}, block {}{clock}", newest.number))
    };
    match look() {
        Ok(text) => ready(name, &text),
        Err(error) => missing(name, ErrorKind::Later, &error),
    }
}

fn of_polls(
    findings: &mut Vec<Finding>,
    url: &RpcUrl,
    config: &CoordinatorConfig,
    polls: &[Poll],
    secrets: &Secrets,
    observer: &Arc<dyn Observer>,
) {
    let mut shapes = Vec::new();
    for (poll, key) in polls.iter().zip(&secrets.keys) {
        let chain = match connect(url, polls, secrets, observer) {
            Ok(chain) => chain,
            Err(error) => return findings.push(missing("node", ErrorKind::Later, &error)),
        };
        match of_poll(&chain, poll, key, secrets, observer) {
            Ok((text, found)) => {
                findings.push(ready("poll", &text));
                if !shapes.contains(&found.shape()) {
                    shapes.push(found.shape());
                    let file = Some(&poll.file);
                    let policy = &secrets.policy;
                    if policy.production {
                        let ptau = config.ptau.as_deref();
                        let of_keys =
                            readiness::of_keys(found.shape(), ptau, policy, file, &**observer);
                        findings.extend(of_keys.0);
                    }
                }
            }
            Err(error) => findings.push(missing("poll", error.kind(), &error)),
        }
    }
}

/// A poll that the key is of, which still takes a proof.
fn of_poll(
    chain: &RpcChain,
    poll: &Poll,
    key: &Key,
    secrets: &Secrets,
    observer: &Arc<dyn Observer>,
) -> Result<(String, PollContract), CoordinatorError> {
    let checked = keys::check(chain, &poll.file.contracts, &secrets.policy)?;
    let contract = poll.file.poll(&poll.path);
    let contract = contract.map_err(maci_nova_sdk::Error::from)?;
    let found = PollContract::open(chain, &poll.file, contract)?;
    checked.check_poll(chain, &found)?;
    maci_nova_coordinator::coordinator::check_key(&key.0, &found)?;
    if let Some(account) = chain.accounts().first() {
        check_ahead(chain, *account, &found, 0, &**observer)?;
    }
    let deadline = found.deadline(chain)?;
    let newest = chain.block(BlockId::Latest);
    let now = newest.map_err(on_chain("read a block"))?.timestamp;
    let insecure = checked
        .insecure
        .map_or_else(String::new, |reason| format!("; INSECURE: {reason}"));
    let due = maci_nova_chain::clock::moment(deadline, now);
    Ok((
        format!("{}, proof due {due}{insecure}", found.address),
        found,
    ))
}

/// What a configuration lacks, as the command ends with it: how many things, and the first one's
/// kind.
pub fn lacking(findings: &[Finding]) -> Option<(ErrorKind, usize)> {
    let kinds = findings.iter().filter_map(|finding| match finding.state {
        State::Missing(kind) => Some(kind),
        State::Ready | State::Unknown => None,
    });
    let kinds: Vec<ErrorKind> = kinds.collect();
    kinds.first().map(|kind| (*kind, kinds.len()))
}
