//! The coordinator: from a poll's log, in a file or on its chain, to one proof of the count.
//!
//! Everything that takes time is on disk as soon as it is done, in a
//! [`ProofDirectory`](directory::ProofDirectory): stopped at any moment and opened again, work
//! resumes. Nothing here writes to a terminal: progress goes to an
//! [`Observer`](maci_nova_chain::Observer), which also says when to stop.
//!
//! # A poll on its chain
//!
//! [`Coordinator`](coordinator::Coordinator) follows the poll, folds joins as they come and, once
//! the poll has ended, messages from the last to the first. [`finalize`](finalize::finalize) does
//! all of it, makes the last proof and sends it in one transaction.
//!
//! ```
//! # use maci_nova_coordinator::coordinator::{Coordinator, CoordinatorContext, Reached};
//! # use maci_nova_coordinator::directory::ProofDirectory;
//! # use maci_nova_coordinator::fold::checkpoints::Interval;
//! # use maci_nova_coordinator::parameters::parameters;
//! # use maci_nova_folding::SetupSource;
//! # use maci_nova_sdk::testing::{key, World};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut world = World::new();
//! # let poll = world.create(&world.terms());
//! # world.go_to(poll.times().0);
//! # world.join(&poll, 7);
//! # let key = key(1);
//! # let scratch = tempfile::tempdir()?;
//! # let path = scratch.path().join("proof");
//! // INSECURE parameters: for trying things out. A real poll has a ceremony's powers of tau.
//! let parameters = parameters(poll.shape(), &SetupSource::InsecureDevelopment, &())?;
//! let context = CoordinatorContext {
//!     poll: &poll,
//!     key: &key,
//!     parameters: &parameters,
//!     confirmations: 0,
//!     checkpoint_every: Interval::Steps(100),
//!     second: None,
//!     workers: None,
//!     observer: &(),
//! };
//! let directory = ProofDirectory::open(&path)?;
//! let mut coordinator = Coordinator::open(context, &directory)?;
//! // The join is folded while the poll goes on.
//! assert_eq!(coordinator.work(&world.evm)?, Reached::Open);
//! assert_eq!(coordinator.steps(), 1);
//! # let account = 0;
//! world.publish(&poll, account);
//! world.go_to(poll.times().1);
//! // The poll has ended: its message, and a step that blinds the result.
//! assert_eq!(coordinator.work(&world.evm)?, Reached::Complete);
//! assert_eq!(coordinator.steps(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! # A poll's log in a file
//!
//! [`PollLog`](log::poll_log::PollLog) reads one, [`count`](count::count) counts it without a
//! proof, [`prove`](prove::spartan::prove) makes a proof for anyone who has the log,
//! [`dry_run`](prove::decider::dry_run) the one for a contract, which a verifier in an embedded EVM
//! accepts. [`estimate`](prove::estimate) says before that how long it will take.
//!
//! # The parts
//!
//! - [`log`]: a [`ChainLog`](log::chain_log::ChainLog) grows with its chain and shrinks when the
//!   chain reorganises.
//! - [`fold`]: a [`Fold`](fold::Fold) is a running proof on its way, with its checkpoint.
//! - [`folded`]: how far a proof is, for who looks at its directory.
//! - [`prove`]: a [`Conclusion`](prove::decider::Conclusion) makes or reads the proof of a folded
//!   poll, for a [`ProofTarget`](prove::target::ProofTarget); the end of both ways.
//!
//! - [`segments`]: a [`Plan`](segments::plan::Plan) cuts a long count into parts that other machines fold and prove.
//! - [`guardians`]: the coordinator's key in shares, for when a coordinator vanishes.
//!
//! # Secrets
//!
//! The coordinator's key decrypts every vote. So does, in effect, a checkpoint: it is written for
//! its owner alone, and removed once the proof is on disk.

pub mod coordinator;
pub mod count;
pub mod directory;
pub mod error;
mod files;
pub mod finalize;
pub mod fold;
pub mod folded;
pub mod guardians;
mod key;
pub mod log;
pub mod machine;
pub mod parameters;
pub mod prove;
pub mod readiness;
pub mod segments;

pub use error::{Error, Kept};
