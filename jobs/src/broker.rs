//! A broker, as the driver and its workers use it.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use rand_core::{OsRng, RngCore};
use tokio::time::Instant;

use crate::announcement::Announcement;
use crate::connection::Connection;
use crate::error::BrokerError;
use crate::link::{again, Failure, Link, Patience, Ready, CALL};
use crate::names::{job_subject, object_prefix, result_subjects};
use crate::options::BrokerOptions;
use crate::results::ResultReader;
use crate::taken::{Delivery, TakenJob};

/// How long one request for a job stands at the broker.
const PULL: Duration = Duration::from_secs(30);

/// A connection to a broker, which comes back by itself when it breaks. Copies share it.
///
/// Its calls block, so they are not for threads of an asynchronous runtime.
#[derive(Clone, Debug)]
pub struct Broker {
    connection: Connection,
}

/// What came of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The job is in the queue now.
    New,
    /// It was there already, waiting or with a worker.
    AlreadyThere,
}

/// What there is to do, and who does it. It is of all polls of this broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Jobs that no worker has had yet.
    pub jobs_waiting: u64,
    /// Jobs that a worker has or has had. One whose worker is gone counts here until another one
    /// takes it and is done.
    pub jobs_taken: u64,
    /// Workers that wait for a job.
    pub workers_waiting: u64,
}

impl Broker {
    /// Connects, and makes the queue and what belongs to it unless they are there.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn connect(options: &BrokerOptions) -> Result<Self, BrokerError> {
        Ok(Broker {
            connection: Connection::open(options)?,
        })
    }

    /// Whether the broker can be reached, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.connection.link().is_connected()
    }

    /// Whether a job is in the queue, waiting or with a worker, and all of it is there. One that the
    /// broker would give to nobody any more is announced anew, as by [`submit`](Self::submit), in whose
    /// place a driver asks this first: a large job is not read from its disk for nothing.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn holds(&self, announcement: &Announcement) -> Result<bool, BrokerError> {
        let subject = &job_subject(&announcement.poll, announcement.segment);
        let holds = |ready: Arc<Ready>| async move {
            match ready.announced(subject).await? {
                Some((_, bytes)) if is_announced(&bytes, announcement) => {
                    if !ready.has_whole(announcement).await? {
                        return Ok(false);
                    }
                    ready.revive(announcement).await?;
                    Ok(true)
                }
                _ => Ok(false),
            }
        };
        self.connection.block_on(self.connection.link().call(
            "look for a job",
            Patience::CALL,
            holds,
        ))
    }

    /// Puts a sealed job into the queue unless it is there. Another job for the same segment is
    /// replaced: it was made of another count. A driver submits what it has no result of now and
    /// then again, since a broker may lose what it holds.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn submit(
        &self,
        announcement: &Announcement,
        sealed: &[u8],
    ) -> Result<Submitted, BrokerError> {
        let bytes = sealed.len() as u64;
        let most = self.connection.options().largest_job;
        if bytes > most {
            let what = "a job";
            return Err(BrokerError::TooLarge { what, bytes, most });
        }
        let attempt = OsRng.next_u64();
        let submit = |ready: Arc<Ready>| async move {
            submit_once(&ready, announcement, sealed, attempt).await
        };
        let call = self
            .connection
            .link()
            .call("take the job", Patience::of(bytes), submit);
        self.connection.block_on(call)
    }

    /// Reads a poll's results, from the first that the broker has.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn results(&self, poll: &[u8; 32]) -> Result<ResultReader, BrokerError> {
        Ok(ResultReader::new(self.connection.clone(), poll))
    }

    /// What there is to do, and who does it.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn load(&self) -> Result<Load, BrokerError> {
        let load = |ready: Arc<Ready>| async move {
            let info = ready.workers.get_info().await.map_err(again)?;
            Ok(Load {
                jobs_waiting: info.num_pending,
                jobs_taken: info.num_ack_pending as u64,
                workers_waiting: info.num_waiting as u64,
            })
        };
        self.connection.block_on(
            self.connection
                .link()
                .call("count jobs", Patience::CALL, load),
        )
    }

    /// Removes a segment's job, so that nobody does it again. Its results stay.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn finish(&self, poll: &[u8; 32], segment: u32) -> Result<(), BrokerError> {
        let finish = |ready: Arc<Ready>| async move {
            ready.withdraw(&job_subject(poll, segment)).await?;
            let prefix = object_prefix(poll, Some(segment));
            ready.remove_objects(&prefix).await
        };
        self.connection.block_on(self.connection.link().call(
            "remove a job",
            Patience::CALL,
            finish,
        ))
    }

    /// Removes all jobs and results of a poll. A worker that is still at one may send its result
    /// later, which then stays until the broker throws it away, after 30 days.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn forget(&self, poll: &[u8; 32]) -> Result<(), BrokerError> {
        let forget = |ready: Arc<Ready>| async move {
            ready.withdraw_poll(poll).await?;
            ready.remove_objects(&object_prefix(poll, None)).await?;
            let results = ready.results.purge().filter(result_subjects(poll));
            results.await.map_err(again)?;
            Ok(())
        };
        self.connection.block_on(self.connection.link().call(
            "remove a poll",
            Patience::CALL,
            forget,
        ))
    }

    /// Takes a job from the queue, or `None` if there was none in this time. Announcements that
    /// cannot be read are removed from the queue.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn take(&self, timeout: Duration) -> Result<Option<TakenJob>, BrokerError> {
        self.connection.block_on(self.take_within(timeout))
    }

    async fn take_within(&self, timeout: Duration) -> Result<Option<TakenJob>, BrokerError> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let pull = |ready: Arc<Ready>| async move {
                // A request that goes out late is still answered: the broker's time counts.
                let pulled = pull(self.connection.link(), &ready, left.min(PULL)).await?;
                Ok((ready, pulled))
            };
            let patience = Patience {
                whole: CALL + left.min(PULL),
                away: CALL.min(left),
            };
            let pulled = self
                .connection
                .link()
                .call("give a job", patience, pull)
                .await?;
            let (ready, Some(message)) = pulled else {
                continue;
            };
            if let Some(job) = self.accept(&ready, message).await {
                return Ok(Some(job));
            }
        }
    }

    /// A job, or nothing if the message is rubbish.
    async fn accept(&self, ready: &Ready, message: Message) -> Option<TakenJob> {
        let announcement = Announcement::decode(&message.payload).ok();
        let place = |announcement: &Announcement| {
            message.subject.as_str() == job_subject(&announcement.poll, announcement.segment)
        };
        let Some(announcement) = announcement.filter(place) else {
            // If this does not arrive, the next one who gets it says it again.
            let _ = message.ack_with(AckKind::Term).await;
            return None;
        };
        let info = message.info().ok()?;
        let delivery = Delivery {
            reply: message.reply.clone()?,
            number: info.stream_sequence,
            count: u64::try_from(info.delivered).unwrap_or(1),
        };
        Some(TakenJob::new(
            self.connection.clone(),
            ready,
            announcement,
            delivery,
        ))
    }
}

/// Whether these bytes announce just this.
fn is_announced(bytes: &[u8], announcement: &Announcement) -> bool {
    Announcement::decode(bytes).is_ok_and(|found| found == *announcement)
}

async fn submit_once(
    ready: &Ready,
    announcement: &Announcement,
    sealed: &[u8],
    attempt: u64,
) -> Result<Submitted, Failure> {
    let subject = job_subject(&announcement.poll, announcement.segment);
    if let Some((_, bytes)) = ready.announced(&subject).await? {
        if is_announced(&bytes, announcement) {
            ready.put(announcement, sealed).await?;
            return Ok(match ready.revive(announcement).await? {
                true => Submitted::New,
                false => Submitted::AlreadyThere,
            });
        }
        ready.withdraw(&subject).await?;
        let prefix = object_prefix(&announcement.poll, Some(announcement.segment));
        ready.remove_objects(&prefix).await?;
    }
    // First, so that a job is there when it is announced.
    ready.put(announcement, sealed).await?;
    ready.announce(announcement, attempt).await?;
    Ok(Submitted::New)
}

/// One message of the queue, if one comes in time. `None` also when the connection breaks: the
/// broker then knows nothing of the request any more.
async fn pull(link: &Link, ready: &Ready, wait: Duration) -> Result<Option<Message>, Failure> {
    let batch = ready.workers.batch().max_messages(1).expires(wait);
    let mut messages = batch.messages().await.map_err(again)?;
    tokio::select! {
        message = messages.next() => message.transpose().map_err(again),
        () = link.broken(ready) => Ok(None),
    }
}
