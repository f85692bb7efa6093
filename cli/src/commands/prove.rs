//! `prove`: the count and its proof.

use maci_nova_folding::SetupSource;

use crate::arguments::Prove;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::poll_log::PollLog;
use crate::proof_document::ProofDocument;
use crate::prover::{prove, Job};
use crate::{key, proof_file};

/// Runs the command.
pub fn run(arguments: &Prove, production: bool, console: &Console) -> Result<(), Failure> {
    let source = match &arguments.ptau {
        Some(path) => SetupSource::PowersOfTau(path.clone()),
        None if production => return Err(Failure::Insecure("--insecure-setup")),
        None => SetupSource::InsecureDevelopment,
    };
    if arguments.ptau.is_none() {
        console.warn(proof_file::INSECURE);
    }
    let key = key::read(&arguments.key, console)?;
    let log = PollLog::open(&arguments.log)?;
    log.check_key(&key)?;
    let interrupt = Interrupt::listen()?;
    let job = Job {
        log: &log,
        key: &key,
        out: &arguments.out,
        source,
        events_per_step: arguments.events_per_step,
        checkpoint_every: arguments.checkpoint_every,
        resume: arguments.resume,
    };
    let proof = prove(&job, &interrupt, console)?;
    ProofDocument::new(&proof, true).print(console)
}
