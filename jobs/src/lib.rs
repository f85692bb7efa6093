//! Carries sealed jobs and results between the driver of a poll's count and the machines that work
//! for it, by way of a broker: [NATS](https://nats.io) with JetStream. It knows bytes and nothing
//! of what they mean.
//!
//! # What holds, and what does not
//!
//! - **A job is secret.** Whoever has a job and the job key, or the machine of a worker, can open
//!   every ballot in it. The key belongs on the coordinator's own machines alone.
//! - **The broker sees sizes, names and times** (so what is put into a job must not show in its size): how many segments a poll has, how many steps
//!   each, how large the jobs are, when they come and go. It cannot read a job or a result, change
//!   one, or pass one off as another's: both are sealed for one poll, segment, job and direction.
//!   Someone who is let in there can delete everything, and send rubbish, which the driver's
//!   reader hands over like any result: one counts when its seal opens and what it holds is
//!   verified.
//! - **The broker may lose everything.** What it holds, the driver can make again. A driver
//!   [submits](Broker::submit) the jobs that it has no result of now and then again, which does
//!   nothing where they are still there.
//! - **A job is done at least once.** A worker that falls silent loses its job to another one, and
//!   both may come to an end. The first result that verifies wins; the driver keeps it, and
//!   [finishes](Broker::finish) the job.
//!
//! # Example
//!
//! The driver:
//!
//! ```no_run
//! use std::{path::Path, time::Duration};
//! use maci_nova_jobs::{
//!     Announcement, Broker, BrokerOptions, Direction, JobId, JobKey, ANNOUNCEMENT_VERSION,
//! };
//! # fn drive(parameters: [u8; 32], keys: [u8; 32], poll: [u8; 32], job: &[u8])
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let key = JobKey::read(Path::new("job-key"))?;
//! let broker = Broker::connect(&BrokerOptions::new("tls://broker.example".parse()?))?;
//! let announcement = Announcement {
//!     version: ANNOUNCEMENT_VERSION,
//!     parameters,
//!     keys,
//!     poll,
//!     segment: 0,
//!     segments: 16,
//!     job: JobId::of(job),
//!     steps: 62_500,
//!     shape: [10, 20, 5],
//! };
//! broker.submit(&announcement, &key.seal(&announcement.context(Direction::Job), job))?;
//! let mut results = broker.results(&poll)?;
//! while let Some(reply) = results.next(Duration::from_secs(60))? {
//!     let expected = announcement.context(Direction::Result);
//!     if let Ok(result) = key.open(&expected, &reply.sealed) {
//!         // Verify the result, keep it, and then:
//!         broker.finish(&poll, reply.segment)?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A worker:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use maci_nova_jobs::{Broker, Direction, JobKey};
//! # fn fold(job: &[u8]) -> Vec<u8> { job.to_vec() }
//! # fn work(broker: &Broker, key: &JobKey) -> Result<(), Box<dyn std::error::Error>> {
//! while let Some(taken) = broker.take(Duration::from_secs(60))? {
//!     let announcement = taken.announcement().clone();
//!     let job = key.open(&announcement.context(Direction::Job), &taken.fetch()?)?;
//!     let result = fold(&job);
//!     taken.complete(&key.seal(&announcement.context(Direction::Result), &result))?;
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod announcement;
mod broker;
mod connection;
mod credentials;
mod error;
mod late;
mod link;
mod names;
mod objects;
mod options;
mod private;
mod queue;
mod results;
mod seal;
mod server;
mod taken;

pub use address::{BrokerUrl, BrokerUrlError};
pub use announcement::{Announcement, AnnouncementError, ANNOUNCEMENT_VERSION};
pub use broker::{Broker, Load, Submitted};
pub use error::BrokerError;
pub use late::LateBroker;
pub use options::BrokerOptions;
pub use private::PrivateFileError;
pub use results::{Reply, ResultReader};
pub use seal::{Context, Direction, JobId, JobIdError, JobKey, SealError, SEAL_BYTES};
pub use server::{NatsServer, ServerError};
pub use taken::TakenJob;
