//! `deploy`: the contracts that polls need.

use std::path::Path;

use maci_nova_compressor::{decider, join};
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::chain::Chain;
use maci_nova_contracts::deploy::{Gatekeeper, Shape as ContractShape};
use maci_nova_step_circuit::Shape;
use serde::Serialize;

use crate::arguments::Deploy;
use crate::connection::connect;
use crate::console::Console;
use crate::contract;
use crate::deployment::{deploy, Deployed, Request};
use crate::failure::Failure;
use crate::finalizer;
use crate::interrupt::Interrupt;
use crate::join_key;
use crate::poll_file::{KeyDigests, PollFile};
use crate::prover::source;
use crate::proving_keys;

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

/// Runs the command.
pub fn run(arguments: &Deploy, production: bool, console: &Console) -> Result<(), Failure> {
    let shape = Shape::new(
        arguments.state_depth,
        arguments.vote_depth,
        arguments.events_per_step,
    )?;
    let path = &arguments.node.poll_file;
    let url = arguments.node.endpoint.rpc_url.as_ref().ok_or_else(|| {
        Failure::Usage("deploy needs a node; give --rpc-url or set MACI_NOVA_RPC_URL".into())
    })?;
    let source = source(arguments.setup.ptau.as_ref(), production, console)?;
    let interrupt = Interrupt::listen()?;
    // Before the keys, which take minutes.
    let mut chain = connect(url, None, Some(&arguments.sender), &interrupt, console)?;
    let join = proving_keys::join(production, console)?;
    let parameters = finalizer::parameters(shape, &source, console)?;
    let decider = proving_keys::decider(&parameters, production, console)?;
    if interrupt.asked() {
        return Err(Failure::Interrupted("nothing was sent".into()));
    }
    let gatekeeper = match arguments.sign_up_token {
        Some(token) => Gatekeeper::SignUpToken(token),
        None => Gatekeeper::FreeForAll,
    };
    let request = request(shape, &decider, &join, production, gatekeeper)?;
    let from = chain.accounts().first().copied();
    let from = from.ok_or_else(|| Failure::Internal("there is no account".into()))?;
    let deployed = deploy(&mut chain, from, &request, path, Some(url), console)?;
    write_join_key(&join, &join_key::beside(path), console)?;
    print(&deployed, path, console)
}

/// What these provers' verifiers are deployed with.
pub fn request(
    shape: Shape,
    decider: &decider::Prover,
    join: &join::Prover,
    production: bool,
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
        decider_key: contract::key(&decider.verifying_key()).map_err(|error| internal(&error))?,
        join_key: contract::join_key(&join.verifying_key()),
        digests: KeyDigests {
            decider: B256::from(decider.digest()),
            join: B256::from(join.digest()),
        },
        development_keys: !(decider.origin().is_secure() && join.origin().is_secure()),
        production,
        gatekeeper,
    })
}

/// Voters need the key to make their proofs.
fn write_join_key(join: &join::Prover, path: &Path, console: &Console) -> Result<(), Failure> {
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
    if console.json {
        let steps = steps.iter().map(|(step, contract, gas)| Step {
            step,
            contract: contract.to_string(),
            gas: *gas,
        });
        return console.json_result(&Document {
            poll_file: path.display().to_string(),
            join_key_file: join_key::beside(path).display().to_string(),
            file,
            steps: steps.collect(),
            gas: deployed.gas(),
        });
    }
    let contracts = &file.contracts;
    console.result(|out| {
        writeln!(out, "chain             {}", file.chain_id)?;
        for (name, contract) in [
            ("VkRegistry", contracts.registry),
            ("DeciderVerifier", contracts.decider_verifier),
            ("JoinVerifier", contracts.join_verifier),
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
