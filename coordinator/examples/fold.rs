//! A poll that is followed on its chain and folded: joins while it goes on, messages once it has
//! ended.
//!
//! ```sh
//! cargo run --release -p maci-nova-coordinator --example fold
//! ```
//!
//! The parameters are INSECURE, for trying things out, and the poll is one of the SDK's tests on a
//! chain in this process. `maci_nova_coordinator::finalize::finalize` does the same and then proves
//! and sends the result.

use maci_nova_chain::{Observer, Progress, Stage};
use maci_nova_coordinator::coordinator::{Coordinator, CoordinatorContext};
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_coordinator::parameters::parameters;
use maci_nova_folding::SetupSource;
use maci_nova_sdk::testing::{key, World};
use maci_nova_sdk::voter;
use maci_nova_sdk::voter::ballot::{Ballot, Choice};
use maci_nova_sdk::voter::budget::Budget;

/// Shows notes and stages as lines. A service would write them to its log.
struct Lines;

impl Observer for Lines {
    fn note(&self, text: &str) {
        eprintln!("  {text}");
    }

    fn stage(&self, stage: Stage) -> Box<dyn Progress> {
        eprintln!("  {stage:?}");
        Box::new(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut world = World::new();
    let poll = world.create(&world.terms());
    world.go_to(poll.times().0);
    world.join(&poll, 7);
    world.join(&poll, 8);

    let parameters = parameters(poll.shape(), &SetupSource::InsecureDevelopment, &Lines)?;
    let key_of_coordinator = key(1);
    let context = CoordinatorContext {
        poll: &poll,
        key: &key_of_coordinator,
        parameters: &parameters,
        confirmations: 0,
        checkpoint_every: Interval::Steps(100),
        second: None,
        workers: None,
        observer: &Lines,
    };
    let scratch = tempfile::tempdir()?;
    let directory = ProofDirectory::open(&scratch.path().join("proof"))?;
    let mut coordinator = Coordinator::open(context, &directory)?;
    println!(
        "while the poll goes on: {:?}",
        coordinator.work(&world.evm)?
    );
    println!("{} steps folded", coordinator.steps());

    let (account, voter_key) = (world.account(0), key(1007));
    let choices = [Choice {
        option: 2,
        weight: 9,
    }];
    let ballot = Ballot {
        header: poll.header(),
        state_index: 1,
        key: &voter_key,
        choices: &choices,
        new_key: None,
        first_nonce: 1,
        at_least: 1,
    };
    let budget = Budget::default();
    voter::cast(
        &mut world.evm,
        account,
        &poll,
        &ballot.drafts()?,
        &budget,
        &(),
    )?;
    world.go_to(poll.times().1);
    println!("after its end: {:?}", coordinator.work(&world.evm)?);

    // A coordinator that is stopped and opened again resumes from the checkpoint.
    drop(coordinator);
    let coordinator = Coordinator::open(context, &directory)?;
    println!("{} steps folded", coordinator.steps());
    let results = coordinator.fold().results();
    println!(
        "option 2 has {} votes for {} credits",
        results[2].votes, results[2].spent
    );
    assert_eq!((results[2].votes, results[2].spent), (9, 81));
    Ok(())
}
