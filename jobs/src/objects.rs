//! Sealed jobs in the broker's object store, in its own format: chunks, then what is said of them.
//!
//! The client's library has a reader for that, which panics where the broker goes away while it is
//! read from, and waits for ever where chunks are missing. This one asks for one chunk after the
//! other.

use async_nats::header::NATS_ROLLUP;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::object_store::{ObjectInfo, ObjectOptions};
use async_nats::jetstream::stream::{DirectGetErrorKind, LastRawMessageErrorKind};
use base64::engine::general_purpose::URL_SAFE;
use base64::Engine;
use futures_util::TryStreamExt;
use rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};

use crate::announcement::Announcement;
use crate::error::BrokerError;
use crate::link::{again, Failure, Ready};
use crate::names::{
    all_metadata, chunk_subject, chunk_subjects, metadata_subject, object_name, object_of,
};

/// Bytes of a chunk: what NATS' own programs take.
const CHUNK: usize = 128 << 10;

/// A digest as the bucket's format has it.
fn digest(sealed: &[u8]) -> String {
    format!("SHA-256={}", URL_SAFE.encode(Sha256::digest(sealed)))
}

impl Ready {
    /// What is said of a job's object, if it is there.
    async fn object_info(&self, name: &str) -> Result<Option<ObjectInfo>, Failure> {
        let subject = metadata_subject(name);
        let found = self.objects.get_last_raw_message_by_subject(&subject);
        let message = match found.await {
            Ok(message) => message,
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                return Ok(None)
            }
            Err(error) => return Err(again(error)),
        };
        // What cannot be read is not there.
        let info: Option<ObjectInfo> = serde_json::from_slice(&message.payload).ok();
        let ours = |info: &ObjectInfo| info.nuid.starts_with(&format!("{name}."));
        Ok(info.filter(|info| !info.deleted && ours(info)))
    }

    /// How many of an object's chunks are there.
    async fn chunks(&self, info: &ObjectInfo) -> Result<usize, Failure> {
        let subject = chunk_subject(&info.nuid);
        let found = self.objects.info_with_subjects(&subject).await;
        let found: Vec<(String, usize)> =
            found.map_err(again)?.try_collect().await.map_err(again)?;
        let mut of_it = found.into_iter().filter(|(name, _)| *name == subject);
        Ok(of_it.next().map_or(0, |(_, count)| count))
    }

    /// Whether a job is there, and all of it.
    pub(crate) async fn has_whole(&self, announcement: &Announcement) -> Result<bool, Failure> {
        match self.object_info(&object_name(announcement)).await? {
            Some(info) => Ok(self.chunks(&info).await? == info.chunks),
            None => Ok(false),
        }
    }

    /// Puts a job there, unless a whole one of this size is.
    pub(crate) async fn put(
        &self,
        announcement: &Announcement,
        sealed: &[u8],
    ) -> Result<(), Failure> {
        let name = object_name(announcement);
        if let Some(info) = self.object_info(&name).await? {
            // One that was sealed anew, with another key perhaps, has another digest.
            let is_same = info.size == sealed.len() && info.digest == Some(digest(sealed));
            if is_same && self.chunks(&info).await? == info.chunks {
                return Ok(());
            }
        }
        self.remove_chunks(&format!("{name}.")).await?;
        // Chunks of a try before this one that arrive late have another name.
        let put = format!("{name}.{:016x}", OsRng.next_u64());
        for chunk in sealed.chunks(CHUNK) {
            let sent = self
                .context
                .publish(chunk_subject(&put), chunk.to_vec().into());
            sent.await.map_err(again)?.await.map_err(again)?;
        }
        let info = ObjectInfo {
            name: name.clone(),
            description: None,
            metadata: Default::default(),
            headers: None,
            options: Some(ObjectOptions {
                link: None,
                max_chunk_size: Some(CHUNK),
            }),
            bucket: crate::names::JOBS.into(),
            nuid: put,
            size: sealed.len(),
            chunks: sealed.len().div_ceil(CHUNK),
            modified: None,
            digest: Some(digest(sealed)),
            deleted: false,
        };
        let payload = serde_json::to_vec(&info).map_err(again)?;
        let message = PublishMessage::build().payload(payload.into());
        // In the place of what was said before.
        let message = message.header(NATS_ROLLUP, "sub");
        let sent = self.context.send_publish(metadata_subject(&name), message);
        sent.await.map_err(again)?.await.map_err(again)?;
        Ok(())
    }

    /// A whole job of at most so many bytes.
    pub(crate) async fn get(
        &self,
        announcement: &Announcement,
        most: u64,
    ) -> Result<Vec<u8>, Failure> {
        let name = object_name(announcement);
        let missing = |reason: &str| {
            Failure::Final(BrokerError::NoJob {
                job: announcement.job,
                reason: reason.into(),
            })
        };
        let Some(info) = self.object_info(&name).await? else {
            return Err(missing("there is nothing"));
        };
        if info.size as u64 > most {
            return Err(Failure::Final(BrokerError::TooLarge {
                what: "a job",
                bytes: info.size as u64,
                most,
            }));
        }
        let mut sealed = Vec::new();
        let mut sequence = 0;
        while sealed.len() < info.size {
            let request = self.objects.direct_get_builder();
            let request = request.sequence(sequence + 1);
            let chunk = request.next_by_subject(chunk_subject(&info.nuid)).send();
            let chunk = match chunk.await {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => {
                    return Err(missing("chunks are missing"));
                }
                Err(error) => return Err(again(error)),
            };
            sequence = chunk.sequence;
            sealed.extend_from_slice(&chunk.payload);
        }
        if sealed.len() != info.size || info.digest != Some(digest(&sealed)) {
            // Who puts it next finds nothing, and so puts all of it. What is missing is counted.
            let purged = self.objects.purge().filter(metadata_subject(&name)).await;
            purged.map_err(again)?;
            return Err(missing("it is damaged"));
        }
        Ok(sealed)
    }

    async fn remove_chunks(&self, prefix: &str) -> Result<(), Failure> {
        let purged = self.objects.purge().filter(chunk_subjects(prefix)).await;
        purged.map_err(again)?;
        Ok(())
    }

    /// Removes all objects whose names begin so, up to a dot, and what was left of putting some.
    pub(crate) async fn remove_objects(&self, prefix: &str) -> Result<(), Failure> {
        let found = self.objects.info_with_subjects(all_metadata()).await;
        let found: Vec<(String, usize)> =
            found.map_err(again)?.try_collect().await.map_err(again)?;
        for (subject, _) in found {
            if object_of(&subject).is_some_and(|name| name.starts_with(prefix)) {
                let purged = self.objects.purge().filter(subject).await;
                purged.map_err(again)?;
            }
        }
        self.remove_chunks(prefix).await
    }
}
