//! What is said of a job in public.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::seal::{Context, Direction, JobId};

/// The form that announcements have.
pub const ANNOUNCEMENT_VERSION: u32 = 1;

/// What a job is a part of, for workers that choose, and for who watches. No secret is in it, and
/// nobody has signed it: the seal of the job says what it really is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// The form of this: [`ANNOUNCEMENT_VERSION`].
    pub version: u32,
    /// Digest of the parameters that are folded with.
    #[serde(with = "digest")]
    pub parameters: [u8; 32],
    /// Digest of the keys that are proven with.
    #[serde(with = "digest")]
    pub keys: [u8; 32],
    /// Digest of the poll.
    #[serde(with = "digest")]
    pub poll: [u8; 32],
    /// Which part of the count, from 0.
    pub segment: u32,
    /// How many parts there are.
    pub segments: u32,
    /// The job.
    pub job: JobId,
    /// How many steps the job folds.
    pub steps: u64,
    /// Depths of the poll's trees and the size of its steps, in the order of the folding's shape.
    pub shape: [u32; 3],
}

/// Why bytes are no announcement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnouncementError {
    /// It has a form that is not known here.
    #[error("an announcement of version {0}, and only version {ANNOUNCEMENT_VERSION} is known")]
    Version(u32),
    /// It is no announcement.
    #[error("not an announcement: {0}")]
    Form(String),
}

impl Announcement {
    /// As it travels: JSON.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and text")
    }

    /// What was sent.
    ///
    /// # Errors
    /// [`AnnouncementError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, AnnouncementError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let form = |error: serde_json::Error| AnnouncementError::Form(error.to_string());
        let Versioned { version } = serde_json::from_slice(bytes).map_err(form)?;
        if version != ANNOUNCEMENT_VERSION {
            return Err(AnnouncementError::Version(version));
        }
        let announcement: Self = serde_json::from_slice(bytes).map_err(form)?;
        match announcement.segment < announcement.segments {
            true => Ok(announcement),
            false => Err(AnnouncementError::Form(format!(
                "segment {} of {}",
                announcement.segment, announcement.segments
            ))),
        }
    }

    /// What the job, or its result, is sealed for.
    pub fn context(&self, direction: Direction) -> Context {
        Context {
            parameters: self.parameters,
            poll: self.poll,
            segment: self.segment,
            job: self.job,
            direction,
        }
    }
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} of {}", self.segment, self.segments)
    }
}

/// Digests in hexadecimal.
mod digest {
    use super::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        digest: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(digest))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(serde::de::Error::custom)?;
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement() -> Announcement {
        Announcement {
            version: ANNOUNCEMENT_VERSION,
            parameters: [0xab; 32],
            keys: [0xef; 32],
            poll: [0xcd; 32],
            segment: 3,
            segments: 16,
            job: JobId::of(b"job"),
            steps: 62_500,
            shape: [10, 20, 5],
        }
    }

    fn json() -> serde_json::Value {
        serde_json::from_slice(&announcement().encode()).expect("JSON")
    }

    fn decode(json: &serde_json::Value) -> Result<Announcement, AnnouncementError> {
        Announcement::decode(json.to_string().as_bytes())
    }

    #[test]
    fn an_announcement_is_read_as_it_was_written() {
        assert_eq!(decode(&json()), Ok(announcement()));
        assert_eq!(json()["parameters"], "ab".repeat(32));
        assert_eq!(json()["job"], JobId::of(b"job").to_string());
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let mut other = json();
        other["version"] = 2.into();
        other["salt"] = "new".into();
        assert_eq!(decode(&other), Err(AnnouncementError::Version(2)));
    }

    #[test]
    fn what_is_no_announcement_is_refused() {
        let changes: [(&str, serde_json::Value); 7] = [
            ("unknown", 1.into()),
            ("poll", "ab".into()),
            ("job", "xy".repeat(32).into()),
            ("segment", 16.into()),
            ("segment", (-1).into()),
            ("steps", "1".into()),
            ("shape", vec![1, 2].into()),
        ];
        for (field, value) in changes {
            let mut other = json();
            other[field] = value;
            let refused = decode(&other).expect_err(field);
            assert!(matches!(refused, AnnouncementError::Form(_)), "{refused}");
        }
        for bytes in [&b""[..], b"{}", b"[]", b"\xff", b"{\"version\":1}"] {
            assert!(Announcement::decode(bytes).is_err());
        }
    }

    #[test]
    fn a_context_is_of_the_announced_job() {
        let context = announcement().context(Direction::Result);
        assert_eq!((context.parameters, context.poll), ([0xab; 32], [0xcd; 32]));
        assert_eq!((context.segment, context.job), (3, JobId::of(b"job")));
        assert_eq!(context.direction, Direction::Result);
    }
}
