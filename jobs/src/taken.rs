//! A job that a worker has.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::message::Acker;
use async_nats::jetstream::AckKind;
use async_nats::Subject;
use rand_core::{OsRng, RngCore};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::announcement::Announcement;
use crate::connection::Connection;
use crate::error::BrokerError;
use crate::link::{again, Failure, Link, Patience, Ready};
use crate::names::job_subject;
use crate::results::LARGEST_RESULT;

/// How many signs of life there are in the time after which a worker counts as gone.
const BEATS: u32 = 3;

/// How long a job is given back for: if it takes longer, the broker finds out by itself.
const GIVING_BACK: Duration = Duration::from_secs(1);

/// A job that was taken from the queue. While it is held, the broker is told that it is worked on,
/// by threads of the broker's own, however busy the others are. Dropped, it goes to another worker
/// at once.
pub struct TakenJob {
    connection: Connection,
    announcement: Announcement,
    ticket: Ticket,
    deliveries: u64,
    beating: JoinHandle<()>,
    settled: bool,
}

impl fmt::Debug for TakenJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakenJob")
            .field("announcement", &self.announcement)
            .field("deliveries", &self.deliveries)
            .finish_non_exhaustive()
    }
}

/// What the broker says of a delivery.
pub(crate) struct Delivery {
    /// Where it is told what became of it.
    pub(crate) reply: Subject,
    /// The announcement's number in the queue.
    pub(crate) number: u64,
    /// How many there were, with this one.
    pub(crate) count: u64,
}

/// What says to the broker which delivery is spoken of: a subject that consists of numbers of one
/// queue. A broker that has lost its store counts from 1 again, and takes these for another job's.
#[derive(Clone)]
struct Ticket {
    queue: String,
    number: u64,
    reply: Subject,
}

impl Ticket {
    fn acker(&self, ready: &Ready) -> Acker {
        Acker::new(ready.context.clone(), Some(self.reply.clone()))
    }

    /// Tells the broker something of this delivery, if it is still its queue's.
    async fn say(&self, ready: &Ready, kind: AckKind) -> Result<(), Failure> {
        if ready.queue() != self.queue {
            return Ok(());
        }
        self.acker(ready).ack_with(kind).await.map_err(again)
    }

    /// Tells the broker that the job is done. Its number may be another job's by now, which would
    /// be taken for done: also a broker that has lost only the end of its queue gives numbers
    /// again.
    async fn done(&self, ready: &Ready, announcement: &Announcement) -> Result<(), Failure> {
        let subject = job_subject(&announcement.poll, announcement.segment);
        let number = ready.announced(&subject).await?.map(|(number, _)| number);
        match ready.queue() == self.queue && number == Some(self.number) {
            true => self.acker(ready).double_ack().await.map_err(again),
            false => ready.withdraw_job(announcement).await,
        }
    }
}

impl TakenJob {
    pub(crate) fn new(
        connection: Connection,
        ready: &Ready,
        announcement: Announcement,
        delivery: Delivery,
    ) -> Self {
        let ticket = Ticket {
            queue: ready.queue(),
            number: delivery.number,
            reply: delivery.reply,
        };
        let beats = beat(
            connection.shared_link(),
            ticket.clone(),
            ready.ack_wait() / BEATS,
        );
        let beating = connection.spawn(beats);
        TakenJob {
            connection,
            announcement,
            ticket,
            deliveries: delivery.count,
            beating,
            settled: false,
        }
    }

    /// What was announced of it.
    pub fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    /// How often it was given to a worker: more than once if others did not come to an end.
    pub fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// Whether the broker cannot be reached. The work may go on.
    pub fn is_lost(&self) -> bool {
        !self.connection.link().is_connected()
    }

    /// The sealed job.
    ///
    /// # Errors
    /// [`BrokerError::NoJob`] if it is not there, or not all of it: the driver mends that when it
    /// submits the job again. [`BrokerError::TooLarge`] by what the options say. Others as the
    /// broker gives them.
    pub fn fetch(&self) -> Result<Vec<u8>, BrokerError> {
        let (most, announcement) = (self.connection.options().largest_job, &self.announcement);
        let attempt = |ready: Arc<Ready>| async move { ready.get(announcement, most).await };
        let call = self
            .connection
            .link()
            .call("fetch the job", Patience::of(most), attempt);
        self.connection.block_on(call)
    }

    /// Hands the sealed result over: it is stored, and then the job is done. While the broker is
    /// away, this waits for it, as long as the options say.
    ///
    /// # Errors
    /// [`BrokerError`]; the job then goes to another worker.
    pub fn complete(mut self, sealed_result: &[u8]) -> Result<(), BrokerError> {
        let bytes = sealed_result.len() as u64;
        if bytes > LARGEST_RESULT {
            return Err(BrokerError::TooLarge {
                what: "a result",
                bytes,
                most: LARGEST_RESULT,
            });
        }
        let patience = Patience::all(self.connection.options().patience);
        let attempt = OsRng.next_u64();
        let (announcement, ticket) = (&self.announcement, &self.ticket);
        let complete = |ready: Arc<Ready>| async move {
            let Announcement {
                poll, segment, job, ..
            } = announcement;
            // With every try: a broker may have lost its store since the last one.
            let whose = (poll, *segment, *job);
            ready.publish_result(whose, sealed_result, attempt).await?;
            ticket.done(&ready, announcement).await
        };
        let call = self
            .connection
            .link()
            .call("take the result", patience, complete);
        self.connection.block_on(call)?;
        self.settled = true;
        Ok(())
    }

    /// Gives the job back, to whoever asks for one after so much time.
    pub fn give_back(mut self, delay: Duration) {
        self.refuse(Some(delay).filter(|delay| !delay.is_zero()));
    }

    fn refuse(&mut self, delay: Option<Duration>) {
        self.settled = true;
        self.beating.abort();
        let (link, ticket) = (self.connection.shared_link(), self.ticket.clone());
        // Best effort: in silence the job goes to another one, too, only later.
        let giving_back = async move {
            let said = async {
                let ready = link.ready().await.ok()?;
                ticket.say(&ready, AckKind::Nak(delay)).await.ok()?;
                link.client().flush().await.ok()
            };
            if link.is_connected() {
                let _ = timeout(GIVING_BACK, said).await;
            }
        };
        self.connection.finish(giving_back);
    }
}

impl Drop for TakenJob {
    fn drop(&mut self) {
        self.beating.abort();
        if !self.settled {
            self.refuse(None);
        }
    }
}

/// Says again and again that a job is worked on.
async fn beat(link: Arc<Link>, ticket: Ticket, pause: Duration) {
    loop {
        sleep(pause).await;
        // In vain while the broker is away, and when it comes back it has waited for nobody.
        if link.is_connected() {
            if let Ok(ready) = link.ready().await {
                let _ = ticket.say(&ready, AckKind::Progress).await;
            }
        }
    }
}
