//! Announcements in the queue.
//!
//! What is in it is removed by its number. Removing by subject would be one question less, but a
//! server of 2.9 then takes all that its workers have not seen yet for removed, and never delivers
//! it.
//!
//! A server that is killed may lose the last numbers that it has given, and keep that they were
//! delivered. It gives them again, to other announcements, which it then never delivers.

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures_util::TryStreamExt;
use rand_core::{OsRng, RngCore};

use crate::announcement::Announcement;
use crate::link::{again, Failure, Ready};
use crate::names::{job_subject, job_subjects, message_id, JOBS};

impl Ready {
    /// The number and the bytes of what is announced at a subject.
    pub(crate) async fn announced(&self, subject: &str) -> Result<Option<(u64, Vec<u8>)>, Failure> {
        match self.jobs.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some((message.sequence, message.payload.to_vec()))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(again(error)),
        }
    }

    /// Announces a job, and returns its number. Under one attempt's number it is announced once.
    pub(crate) async fn announce(
        &self,
        announcement: &Announcement,
        attempt: u64,
    ) -> Result<u64, Failure> {
        let subject = job_subject(&announcement.poll, announcement.segment);
        let message = PublishMessage::build()
            .payload(announcement.encode().into())
            .expected_stream(JOBS)
            .message_id(message_id(&announcement.job, attempt));
        let sent = self.context.send_publish(subject, message);
        let stored = sent.await.map_err(again)?.await.map_err(again)?;
        Ok(stored.sequence)
    }

    /// Announces a job again whose announcement has a number that is never delivered, if that is
    /// so.
    pub(crate) async fn revive(&self, announcement: &Announcement) -> Result<bool, Failure> {
        let subject = job_subject(&announcement.poll, announcement.segment);
        let workers = self.workers.get_info().await.map_err(again)?;
        let delivered = workers.delivered.stream_sequence;
        let settled = match workers.num_ack_pending {
            0 => delivered,
            _ => workers.ack_floor.stream_sequence,
        };
        // Asked for after the workers: what one of them has just done is not here any more.
        let mut number = match self.announced(&subject).await? {
            Some((number, _)) if number <= settled => number,
            _ => return Ok(false),
        };
        while number <= delivered {
            self.withdraw_number(number).await?;
            number = self.announce(announcement, OsRng.next_u64()).await?;
        }
        Ok(true)
    }

    /// Removes what is announced at a subject.
    pub(crate) async fn withdraw(&self, subject: &str) -> Result<(), Failure> {
        while let Some((number, _)) = self.announced(subject).await? {
            self.withdraw_number(number).await?;
        }
        Ok(())
    }

    async fn withdraw_number(&self, number: u64) -> Result<(), Failure> {
        let removed = self.jobs.delete_message(number).await;
        removed.map_err(again)?;
        Ok(())
    }

    /// Removes a job's announcement, if it is there, and leaves that of another job.
    pub(crate) async fn withdraw_job(&self, announcement: &Announcement) -> Result<(), Failure> {
        let subject = job_subject(&announcement.poll, announcement.segment);
        let Some((number, bytes)) = self.announced(&subject).await? else {
            return Ok(());
        };
        match Announcement::decode(&bytes) {
            Ok(found) if found.job == announcement.job => self.withdraw_number(number).await,
            _ => Ok(()),
        }
    }

    /// Removes all of a poll's announcements.
    pub(crate) async fn withdraw_poll(&self, poll: &[u8; 32]) -> Result<(), Failure> {
        let found = self.jobs.info_with_subjects(job_subjects(poll)).await;
        let found: Vec<(String, usize)> =
            found.map_err(again)?.try_collect().await.map_err(again)?;
        for (subject, _) in found {
            self.withdraw(&subject).await?;
        }
        Ok(())
    }
}
