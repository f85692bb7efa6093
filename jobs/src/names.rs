//! What things are called at the broker.

use base64::engine::general_purpose::URL_SAFE;
use base64::Engine;

use crate::announcement::Announcement;
use crate::seal::JobId;

/// The stream of announcements, and the bucket of jobs.
pub(crate) const JOBS: &str = "maci-nova-jobs";
/// The stream of results.
pub(crate) const RESULTS: &str = "maci-nova-results";
/// The stream that the bucket is made of.
pub(crate) const OBJECTS: &str = "OBJ_maci-nova-jobs";
/// The queue's one reader, which all workers are.
pub(crate) const WORKERS: &str = "workers";
/// What the stream of announcements holds.
pub(crate) const ALL_JOBS: &str = "maci-nova.jobs.*.*";
/// What the stream of results holds.
pub(crate) const ALL_RESULTS: &str = "maci-nova.results.*.*";

/// Where a segment's job is announced.
pub(crate) fn job_subject(poll: &[u8; 32], segment: u32) -> String {
    format!("maci-nova.jobs.{}.{segment}", hex::encode(poll))
}

/// Where all of a poll's jobs are announced.
pub(crate) fn job_subjects(poll: &[u8; 32]) -> String {
    format!("maci-nova.jobs.{}.*", hex::encode(poll))
}

/// Where a segment's results are.
pub(crate) fn result_subject(poll: &[u8; 32], segment: u32) -> String {
    format!("maci-nova.results.{}.{segment}", hex::encode(poll))
}

/// Where all of a poll's results are.
pub(crate) fn result_subjects(poll: &[u8; 32]) -> String {
    format!("maci-nova.results.{}.*", hex::encode(poll))
}

/// The segment that a subject is of.
pub(crate) fn segment_of(subject: &str) -> Option<u32> {
    let (_, segment) = subject.rsplit_once('.')?;
    let number = segment.parse().ok()?;
    // One way to write it.
    (u32::to_string(&number) == segment).then_some(number)
}

/// What the objects of a poll, or of one of its segments, begin with.
pub(crate) fn object_prefix(poll: &[u8; 32], segment: Option<u32>) -> String {
    let poll = hex::encode(poll);
    match segment {
        Some(segment) => format!("{poll}.{segment}."),
        None => format!("{poll}."),
    }
}

/// What the object of a job is called.
pub(crate) fn object_name(announcement: &Announcement) -> String {
    let prefix = object_prefix(&announcement.poll, Some(announcement.segment));
    format!("{prefix}{}", announcement.job)
}

/// Where what is said of all objects is.
pub(crate) fn all_metadata() -> String {
    format!("$O.{JOBS}.M.>")
}

/// Where what is said of an object is, as the format of object stores wants it.
pub(crate) fn metadata_subject(object: &str) -> String {
    format!("$O.{JOBS}.M.{}", URL_SAFE.encode(object))
}

/// The object that a subject says something of.
pub(crate) fn object_of(subject: &str) -> Option<String> {
    let (_, name) = subject.rsplit_once('.')?;
    String::from_utf8(URL_SAFE.decode(name).ok()?).ok()
}

/// Where the chunks of an object are that was put under this name. The name begins with the
/// object's, so that what an interrupted put has left is found by it, too.
pub(crate) fn chunk_subject(put: &str) -> String {
    format!("$O.{JOBS}.C.{put}")
}

/// Where all chunks are of objects with this beginning, which ends with a dot.
pub(crate) fn chunk_subjects(prefix: &str) -> String {
    format!("$O.{JOBS}.C.{prefix}>")
}

/// The name of a message, by which the broker knows one that is sent again because its answer was
/// lost. It is of one attempt: a job that was removed may be announced again at once, and the
/// broker remembers names for two minutes.
pub(crate) fn message_id(job: &JobId, attempt: u64) -> String {
    format!("{job}.{attempt:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_read_from_subjects_as_they_are_written() {
        for segment in [0, 1, 15, u32::MAX] {
            assert_eq!(segment_of(&job_subject(&[1; 32], segment)), Some(segment));
            assert_eq!(
                segment_of(&result_subject(&[1; 32], segment)),
                Some(segment)
            );
        }
        for subject in ["", "1", "a.", "a.01", "a.+1", "a.-1", "a.4294967296", "a.x"] {
            assert_eq!(segment_of(subject), None, "{subject}");
        }
    }

    #[test]
    fn objects_are_read_from_subjects_as_they_are_written() {
        let name = format!("{}{}", object_prefix(&[3; 32], Some(7)), JobId::of(b"job"));
        assert_eq!(
            object_of(&metadata_subject(&name)).as_deref(),
            Some(&name[..])
        );
        assert!(name.starts_with(&object_prefix(&[3; 32], None)));
        assert!(!name.starts_with(&object_prefix(&[3; 32], Some(70))));
        assert_eq!(object_of("$O.maci-nova-jobs.M.!"), None);
    }
}
