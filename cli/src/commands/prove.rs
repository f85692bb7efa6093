//! `prove`: the count and its proof.

use maci_nova_coordinator::log::poll_log::PollLog;
use maci_nova_coordinator::prove::session::ProveRequest;
use maci_nova_coordinator::prove::spartan::prove;

use crate::arguments::coordinator::Proving;
use crate::console::Console;
use crate::failure::Failure;
use crate::key;
use crate::proof_document::ProofDocument;
use crate::setup::source;

/// Runs the command.
pub fn run(arguments: &Proving, console: &Console) -> Result<(), Failure> {
    let source = source(arguments.ptau.as_ref(), console)?;
    let key = key::read(&arguments.key, console)?;
    let log = PollLog::open(&arguments.log)?;
    console.listen()?;
    let request = ProveRequest {
        log: &log,
        key: &key,
        out: &arguments.out,
        source,
        events_per_step: arguments.events_per_step,
        checkpoint_every: arguments.checkpoint_every,
        resume: arguments.resume,
    };
    let proof = prove(&request, console)?;
    console.print(&ProofDocument::new(&proof, true))
}
