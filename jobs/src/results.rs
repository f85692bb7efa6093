//! Results, as the driver reads them.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, Instant};

use crate::connection::Connection;
use crate::error::BrokerError;
use crate::link::{again, Failure, Patience, Ready};
use crate::names::{message_id, result_subject, result_subjects, segment_of};
use crate::seal::JobId;

/// The form that results travel in.
const VERSION: u32 = 1;

/// The largest sealed result, in bytes: a broker takes messages of a megabyte.
pub(crate) const LARGEST_RESULT: u64 = 512 << 10;

/// Between two questions for the next result: workers take minutes for one.
const PAUSE: Duration = Duration::from_millis(100);

/// After how long without a result the stream itself is looked at: another one may have its name.
const LOOK: Duration = Duration::from_secs(5);

/// What somebody has sent as the result of a job. Whoever reaches the broker can send anything: it
/// is one when the seal opens and what it holds is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Which part of the count it is for.
    pub segment: u32,
    /// Of which job it says to be the result.
    pub job: JobId,
    /// The sealed result.
    pub sealed: Vec<u8>,
}

/// A result as it travels.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    job: JobId,
    sealed: String,
}

impl Reply {
    fn decode(subject: &str, payload: &[u8]) -> Option<Self> {
        let wire: Wire = serde_json::from_slice(payload).ok()?;
        let reply = Reply {
            segment: segment_of(subject)?,
            job: wire.job,
            sealed: STANDARD.decode(wire.sealed).ok()?,
        };
        (wire.version == VERSION).then_some(reply)
    }

    fn encode(job: JobId, sealed: &[u8]) -> Vec<u8> {
        let wire = Wire {
            version: VERSION,
            job,
            sealed: STANDARD.encode(sealed),
        };
        serde_json::to_vec(&wire).expect("numbers and text")
    }
}

impl Ready {
    /// Stores a result. Under one attempt's number it is stored once.
    pub(crate) async fn publish_result(
        &self,
        (poll, segment, job): (&[u8; 32], u32, JobId),
        sealed: &[u8],
        attempt: u64,
    ) -> Result<(), Failure> {
        let message = PublishMessage::build()
            .payload(Reply::encode(job, sealed).into())
            .message_id(message_id(&job, attempt));
        let subject = result_subject(poll, segment);
        let sent = self.context.send_publish(subject, message);
        sent.await.map_err(again)?.await.map_err(again)?;
        Ok(())
    }
}

/// Reads a poll's results, from the first that the broker has. It keeps nothing at the broker, so
/// a broker that restarts takes nothing from it. When the broker has lost its results and gets new
/// ones, it begins again: a caller may see a result twice.
#[derive(Debug)]
pub struct ResultReader {
    connection: Connection,
    subjects: String,
    collection: String,
    next: u64,
    skipped: u64,
    looked: Instant,
}

impl ResultReader {
    pub(crate) fn new(connection: Connection, poll: &[u8; 32]) -> Self {
        ResultReader {
            connection,
            subjects: result_subjects(poll),
            collection: String::new(),
            next: 1,
            skipped: 0,
            looked: Instant::now(),
        }
    }

    /// The next result, or `None` if none came in this time. With no time at all, what is there
    /// already.
    ///
    /// # Errors
    /// [`BrokerError`]; after a transient one the reader can go on.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Reply>, BrokerError> {
        let connection = self.connection.clone();
        connection.block_on(self.read(timeout))
    }

    /// How many messages were no results at all.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    async fn read(&mut self, timeout: Duration) -> Result<Option<Reply>, BrokerError> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some((subject, payload)) = self.step().await? {
                match Reply::decode(&subject, &payload) {
                    Some(reply) => return Ok(Some(reply)),
                    None => self.skipped += 1,
                }
                continue;
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            sleep(PAUSE.min(deadline - Instant::now())).await;
        }
    }

    /// The next message, whatever it is.
    async fn step(&mut self) -> Result<Option<(String, Vec<u8>)>, BrokerError> {
        let connection = self.connection.clone();
        if self.looked.elapsed() > LOOK {
            connection.link().look_again().await;
            self.looked = Instant::now();
        }
        let (collection, next, subjects) = (&self.collection, self.next, &self.subjects);
        let attempt = |ready: Arc<Ready>| async move {
            // In a new stream the numbers begin anew.
            let found = ready.collection();
            let first = if found == *collection { next } else { 1 };
            let request = ready.results.raw_message_builder().sequence(first);
            match request.next_by_subject(subjects.clone()).send().await {
                Ok(message) => Ok((found, first, Some(message))),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                    Ok((found, first, None))
                }
                Err(error) => Err(again(error)),
            }
        };
        let reading = connection
            .link()
            .call("read results", Patience::CALL, attempt);
        let (found, first, message) = reading.await?;
        self.collection = found;
        self.next = first;
        let Some(message) = message else {
            return Ok(None);
        };
        self.next = message.sequence + 1;
        self.looked = Instant::now();
        Ok(Some((
            message.subject.to_string(),
            message.payload.to_vec(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_as_it_was_written() {
        let job = JobId::of(b"job");
        let subject = result_subject(&[1; 32], 4);
        let payload = Reply::encode(job, b"\x00sealed\xff");
        let reply = Reply::decode(&subject, &payload).expect("a reply");
        assert_eq!((reply.segment, reply.job), (4, job));
        assert_eq!(reply.sealed, b"\x00sealed\xff");
    }

    #[test]
    fn rubbish_is_no_result() {
        let job = JobId::of(b"job");
        let good = String::from_utf8(Reply::encode(job, b"sealed")).expect("text");
        let subject = result_subject(&[1; 32], 4);
        let changes = [
            ("\"version\":1", "\"version\":2"),
            ("\"version\":1", "\"version\":1,\"more\":1"),
            ("\"sealed\":\"", "\"sealed\":\"*"),
            ("\"job\":\"", "\"job\":\"0"),
        ];
        for (from, to) in changes {
            let other = good.replace(from, to);
            assert_ne!(other, good);
            assert_eq!(Reply::decode(&subject, other.as_bytes()), None, "{other}");
        }
        assert_eq!(
            Reply::decode("maci-nova.results.x.y", good.as_bytes()),
            None
        );
        assert_eq!(Reply::decode(&subject, b""), None);
    }
}
