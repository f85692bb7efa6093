//! `deploy`: the contracts that polls need.

use std::path::Path;

use maci_nova_ceremony::drand::Round;
use maci_nova_ceremony::file::CeremonyFile;
use maci_nova_ceremony::record::Kind;
use maci_nova_chain::Chain;
use maci_nova_compressor::decider::{contract, DeciderFacts};
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::deploy::{Gatekeeper, Shape as ContractShape};
use maci_nova_coordinator::parameters::parameters;
use maci_nova_coordinator::prove::ceremony;
use maci_nova_coordinator::prove::keys::{self, DeploymentKeys};
use maci_nova_sdk::bundle::proof::BundleFacts;
use maci_nova_sdk::operator::deployment::{check_chain, deploy, Deployed, Request};
use maci_nova_sdk::poll::file::{KeyDigests, PollFile};
use maci_nova_sdk::poll::keys::KeyPolicy;
use maci_nova_sdk::voter::{join_key, join_proof};
use maci_nova_sdk::Error as PollError;
use maci_nova_step_circuit::Shape;
use serde::Serialize;

use crate::arguments::operator::Deploy;
use crate::connection::{connect, tidy};
use crate::console::Console;
use crate::failure::Failure;
use crate::setup::source;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    poll_file: String,
    join_key_file: String,
    #[serde(flatten)]
    file: &'a PollFile,
    steps: Vec<Step<'a>>,
    gas: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Step<'a> {
    step: &'a str,
    contract: String,
    gas: u64,
}

/// What somebody has to know who does not say who may sign up.
const QUESTION: &str =
    "Anyone could sign up as often as they want, and so vote as often as they want. \
    To let everyone in, type yes (for others see --gatekeeper): ";

/// Runs the command.
pub fn run(arguments: &Deploy, console: &Console) -> Result<(), Failure> {
    let shape = arguments.sizes.shape()?;
    let path = &arguments.node.poll_file;
    let url = arguments.node.endpoint.rpc_url.as_ref().ok_or_else(|| {
        Failure::Usage("deploy needs a node; give --rpc-url or set MACI_NOVA_RPC_URL".into())
    })?;
    let gatekeeper = gatekeeper(arguments, || console.ask(QUESTION))?;
    let source = source(arguments.setup.ptau.as_ref(), console)?;
    console.listen()?;
    // Before the keys, which take minutes.
    let mut chain = connect(url, None, Some(&arguments.sender), Some(path), console)?;
    let from = chain.accounts().first().copied();
    let from = from.ok_or_else(|| Failure::Internal("there is no account".into()))?;
    check_chain(&chain, from, path)?;
    let policy = trusted(arguments, shape, console)?;
    let parameters = parameters(shape, &source, console)?;
    let keys = keys::deployment(&parameters, &policy, console)?;
    if console.interrupt.asked() {
        return Err(Failure::Interrupted("nothing was sent"));
    }
    if !policy.is_known() && keys.decider.ceremony.is_some() {
        console.warn("nobody has named these keys: the verifiers will say for ever that their keys are for development, and --production will refuse them; give --key-digest or --ceremony");
    }
    let DeploymentKeys {
        decider,
        join,
        bundle,
    } = &keys;
    let request = request(shape, (decider, join, bundle), &policy, gatekeeper)?;
    let deployed = deploy(&mut chain, from, &request, path, Some(url), console)?;
    tidy(&mut chain, console);
    write_join_key(&keys.join, &join_key::beside(path), console)?;
    print(&deployed, path, console)
}

/// Which keys are relied on: those of the ceremony that is given, which is verified first, or those that somebody has named.
fn trusted(arguments: &Deploy, shape: Shape, console: &Console) -> Result<KeyPolicy, Failure> {
    let policy = console.keys();
    let (Some(file), Some(ptau)) = (&arguments.ceremony, &arguments.setup.ptau) else {
        policy.require_digest()?;
        return Ok(policy);
    };
    let (verified, digest) = ceremony::verified(file, ptau, shape, console)?;
    tell(verified.file(), digest, console);
    match policy.digest {
        Some(named) if named != digest => Err(PollError::OtherKeys(digest).into()),
        _ => Ok(KeyPolicy {
            digest: Some(digest),
            ..policy
        }),
    }
}

/// What the keys rest on, which is for people to compare with what was published.
fn tell(file: &CeremonyFile, digest: B256, console: &Console) {
    let transcript = B256::from(file.head().transcript);
    let records = file.records().iter();
    let names: Vec<&str> = records
        .filter(|record| record.kind == Kind::Contribution)
        .map(|record| record.author.as_str())
        .collect();
    console.note(format!("ceremony {transcript}, key digest {digest}"));
    console.note(format!("contributions: {}", names.join("; ")));
    let announced = &file.description().beacon;
    match Round::announced(announced) {
        Ok(Some(round)) => console.note(format!("beacon: {round}, whose signature was checked")),
        _ => console.warn(format!(
            "no program can tell whether the beacon is what was announced: {announced}"
        )),
    }
    if names.len() == 1 {
        console.warn("one contributor alone made these keys: whoever does not trust them has nothing to rely on");
    }
}

/// Who may sign up: everybody only if that was said, here or to the question.
fn gatekeeper(
    arguments: &Deploy,
    ask: impl FnOnce() -> Option<String>,
) -> Result<Gatekeeper, Failure> {
    if let Some(gatekeeper) = arguments.gatekeeper {
        return Ok(gatekeeper);
    }
    if let Some(token) = arguments.sign_up_token {
        return Ok(Gatekeeper::SignUpToken(token));
    }
    match ask() {
        Some(answer) if answer.trim() == "yes" => Ok(Gatekeeper::FreeForAll),
        _ => Err(Failure::Usage(
            "who may sign up? give --gatekeeper token:ADDRESS (owners of an ERC-721's tokens), excubiae:ADDRESS (whom a policy lets in), the ADDRESS of a gatekeeper, or free-for-all: then anyone can sign up, and vote, as often as they want".into(),
        )),
    }
}

/// What the verifiers of keys are deployed with, which have passed a policy.
pub fn request(
    shape: Shape,
    (decider, join, bundle): (&DeciderFacts, &join_proof::Prover, &BundleFacts),
    policy: &KeyPolicy,
    gatekeeper: Gatekeeper,
) -> Result<Request, Failure> {
    let internal = |error: &dyn ToString| Failure::Internal(error.to_string());
    let byte = |size: usize| u8::try_from(size).map_err(|error| internal(&error));
    Ok(Request {
        shape: ContractShape {
            state_tree_depth: byte(shape.state_depth)?,
            vote_option_tree_depth: byte(shape.vote_depth)?,
            events_per_step: byte(shape.events_per_step)?,
        },
        decider_key: contract::key(&decider.key).map_err(|error| internal(&error))?,
        join_key: (&join.verifying_key()).into(),
        bundle_key: (&bundle.key).into(),
        bundle_messages: bundle.room,
        digests: KeyDigests {
            decider: B256::from(decider.digest),
            join: B256::from(join.digest()),
            bundle: B256::from(bundle.digest),
        },
        development_keys: !policy.is_known(),
        production: policy.production,
        gatekeeper,
    })
}

/// Voters need the key to make their proofs.
fn write_join_key(
    join: &join_proof::Prover,
    path: &Path,
    console: &Console,
) -> Result<(), Failure> {
    join.write(path).map_err(|error| Failure::Io {
        action: "write",
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })?;
    console.note(format!(
        "{}: the key that voters join with; publish it with the poll file",
        path.display()
    ));
    Ok(())
}

fn print(deployed: &Deployed, path: &Path, console: &Console) -> Result<(), Failure> {
    let Deployed { file, steps } = deployed;
    let steps = steps.iter().map(|(step, contract, gas)| Step {
        step,
        contract: contract.to_string(),
        gas: *gas,
    });
    let document = Document {
        poll_file: path.display().to_string(),
        join_key_file: join_key::beside(path).display().to_string(),
        file,
        steps: steps.collect(),
        gas: deployed.gas(),
    };
    let contracts = &file.contracts;
    console.show(&document, |out| {
        writeln!(out, "chain             {}", file.chain_id)?;
        for (name, contract) in [
            ("VkRegistry", contracts.registry),
            ("DeciderVerifier", contracts.decider_verifier),
            ("JoinVerifier", contracts.join_verifier),
            ("BundleVerifier", contracts.bundle_verifier),
            ("MACI", contracts.maci),
        ] {
            writeln!(out, "{name:<18}{}", contract.address)?;
        }
        writeln!(out, "poll file         {}", path.display())?;
        match deployed.gas() {
            0 => Ok(()),
            gas => writeln!(out, "gas               {gas}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use maci_nova_contracts::alloy_primitives::Address;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use maci_nova_sdk::ErrorKind;

    fn arguments(more: &str) -> Deploy {
        let line = format!("maci-nova deploy --insecure-setup {more}");
        match Arguments::parse_from(line.split_whitespace()).command {
            Command::Deploy(deploy) => deploy,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everybody_signs_up_only_if_somebody_says_so() {
        for answer in [None, Some(""), Some("y"), Some("no"), Some("yes, but")] {
            let answer = answer.map(str::to_owned);
            let failure = gatekeeper(&arguments(""), || answer.clone()).unwrap_err();
            assert_eq!(failure.kind(), ErrorKind::Request);
            let text = failure.to_string();
            for choice in ["token:", "excubiae:", "ADDRESS of", "free-for-all"] {
                assert!(text.contains(choice), "{answer:?}: {text}");
            }
        }
        let asked = gatekeeper(&arguments(""), || Some("yes\n".into()));
        assert_eq!(asked.unwrap(), Gatekeeper::FreeForAll);
    }

    #[test]
    fn who_was_told_does_not_ask() {
        let address = Address::repeat_byte(9);
        for (more, expected) in [
            ("--gatekeeper free-for-all", Gatekeeper::FreeForAll),
            ("--gatekeeper ADDRESS", Gatekeeper::Existing(address)),
            (
                "--gatekeeper token:ADDRESS",
                Gatekeeper::SignUpToken(address),
            ),
            ("--sign-up-token ADDRESS", Gatekeeper::SignUpToken(address)),
        ] {
            let more = more.replace("ADDRESS", &address.to_string());
            let found = gatekeeper(&arguments(&more), || panic!("asked"));
            assert_eq!(found.unwrap(), expected);
        }
    }
}
