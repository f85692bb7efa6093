//! The coordinator's key, shared among guardians, so that a coordinator who vanishes does not end the poll.
//!
//! Feldman's verifiable secret sharing: the key k, an integer below the order n of secp256k1, is f(0) for a random polynomial f
//! modulo n of degree t - 1. Guardian i has f(i), and all of them the same commitments `C_j = f_j G`, so that each can check that
//! `f(i) G = sum_j i^j C_j`: any t shares that pass lead to the same key. `C_0 = k G` is for guardians alone: it shows a key of 256
//! random bits to nobody who cannot take discrete logarithms, but helps whoever knows nearly all of a key, or that it is a small
//! number. A share says whose key it is, which is checked when shares are joined: before that,
//! guardians have the word of whoever split it that it is this one.
//!
//! t guardians together can do all that the coordinator can: read every vote, and prove. Fewer than t learn nothing of a key that
//! was drawn at random.

use std::fmt;
use std::str::FromStr;

use k256::elliptic_curve::group::{Group, GroupEncoding};
use k256::elliptic_curve::PrimeField;
use k256::{ProjectivePoint, Scalar};
use maci_nova_protocol::keys::{PrivateKey, PublicKey};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vsss_rs::{
    feldman, DefaultShare, FeldmanVerifierSet, IdentifierPrimeField, ReadableShareSet, Share as _,
    ShareVerifierGroup, ValueGroup,
};
use zeroize::{Zeroize, Zeroizing};

type Element = IdentifierPrimeField<Scalar>;
type Point = DefaultShare<Element, Element>;
type Commitment = ShareVerifierGroup<ProjectivePoint>;

const KIND: &str = "maci-nova guardian's share";
const VERSION: u32 = 1;
/// Before the digits of a serialized private key.
const KEY_PREFIX: &str = "macisk.";

/// Why a key is not shared, or shares are not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardianError {
    /// Not a number of guardians.
    #[error("guardians are written as 3-of-5: at least 2 of at most 255, so many of whom recover the key")]
    Threshold,
    /// One key of 2^128 is.
    #[error("this key is too large a number to be shared: make another one")]
    Key,
    /// Sharing failed.
    #[error("the key cannot be shared: {0}")]
    Sharing(String),
    /// It is not a share's text.
    #[error("this is not a guardian's share: {0}")]
    NoShare(String),
    /// It is no point of the polynomial that everybody's commitments are of.
    #[error("the share of guardian {0} is not one of the key that was split: it was changed, or made wrongly")]
    False(u8),
    /// It is of another split than the first one.
    #[error("the shares of guardians {0} and {1} are not of one key that was split once")]
    Foreign(u8, u8),
    /// The same one again.
    #[error("the share of guardian {0} is given twice")]
    Twice(u8),
    /// Too few.
    #[error("{found} of {needed} shares that are needed")]
    TooFew {
        /// So many are given.
        found: usize,
        /// So many are needed.
        needed: u8,
    },
    /// Whoever split it said that it was another one.
    #[error("the shares lead to the key {found}, and say that they are of {said}: whoever split it was wrong, or lied")]
    OtherKey {
        /// What is recovered.
        found: String,
        /// What the shares say.
        said: String,
    },
}

/// How many guardians there are, and how many of them recover the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    needed: u8,
    all: u8,
}

impl Threshold {
    /// # Errors
    /// [`GuardianError::Threshold`] unless `2 <= needed <= all`.
    pub fn new(needed: u8, all: u8) -> Result<Self, GuardianError> {
        match needed >= 2 && needed <= all {
            true => Ok(Threshold { needed, all }),
            false => Err(GuardianError::Threshold),
        }
    }

    /// So many recover the key.
    pub fn needed(&self) -> u8 {
        self.needed
    }

    /// So many there are.
    pub fn all(&self) -> u8 {
        self.all
    }
}

impl FromStr for Threshold {
    type Err = GuardianError;

    /// As `3-of-5`.
    fn from_str(text: &str) -> Result<Self, GuardianError> {
        let parts = text.split_once("-of-").ok_or(GuardianError::Threshold)?;
        let number = |text: &str| text.parse().map_err(|_| GuardianError::Threshold);
        Threshold::new(number(parts.0)?, number(parts.1)?)
    }
}

/// What one guardian keeps: secret, and checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    key: PublicKey,
    threshold: Threshold,
    number: u8,
    secret: Zeroizing<[u8; 32]>,
    commitments: Vec<[u8; 33]>,
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("key", &self.key)
            .field("threshold", &self.threshold)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// A share's text.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    kind: String,
    version: u32,
    public_key: String,
    needed: u8,
    guardians: u8,
    number: u8,
    share: String,
    commitments: Vec<String>,
}

impl Drop for Document {
    fn drop(&mut self) {
        self.share.zeroize();
    }
}

/// Splits a key: a share for each guardian, numbered from 1. What is secret is wiped, but for copies that the sharing library makes.
///
/// # Errors
/// [`GuardianError::Key`], [`GuardianError::Sharing`].
pub fn split<R: RngCore + CryptoRng>(
    key: &PrivateKey,
    threshold: Threshold,
    rng: &mut R,
) -> Result<Vec<Share>, GuardianError> {
    let mut bytes = Zeroizing::new([0; 32]);
    let text = key.to_serialized();
    let digits = text.strip_prefix(KEY_PREFIX).ok_or(GuardianError::Key)?;
    hex::decode_to_slice(digits, &mut *bytes).map_err(|_| GuardianError::Key)?;
    let mut secret = IdentifierPrimeField(scalar(&bytes).ok_or(GuardianError::Key)?);
    let (needed, all) = (threshold.needed.into(), threshold.all.into());
    let split = feldman::split_secret::<Point, Commitment>(needed, all, &secret, None, &mut *rng);
    secret.0.zeroize();
    let (mut points, set) = split.map_err(|error| GuardianError::Sharing(error.to_string()))?;
    let commitments = <Vec<Commitment> as FeldmanVerifierSet<Point, Commitment>>::verifiers(&set);
    let commitments: Vec<[u8; 33]> = commitments
        .iter()
        .map(|commitment| commitment.0.to_bytes().into())
        .collect();
    let shares = (1..=threshold.all).zip(&mut points).map(|(number, point)| {
        let share = Share {
            key: key.public_key(),
            threshold,
            number,
            secret: Zeroizing::new(point.value().0.to_repr().into()),
            commitments: commitments.clone(),
        };
        point.value_mut().0.zeroize();
        share.checked()
    });
    shares.collect()
}

/// Joins shares.
///
/// # Errors
/// [`GuardianError::TooFew`], [`GuardianError::Twice`], [`GuardianError::Foreign`], [`GuardianError::OtherKey`].
pub fn recover(shares: &[Share]) -> Result<PrivateKey, GuardianError> {
    let needed = |needed| GuardianError::TooFew {
        found: shares.len(),
        needed,
    };
    let first = shares.first().ok_or(needed(2))?;
    for (i, share) in shares.iter().enumerate() {
        if !share.is_beside(first) {
            return Err(GuardianError::Foreign(first.number, share.number));
        }
        if shares[..i].iter().any(|other| other.number == share.number) {
            return Err(GuardianError::Twice(share.number));
        }
    }
    if shares.len() < first.threshold.needed.into() {
        return Err(needed(first.threshold.needed));
    }
    let points: Result<Vec<Point>, _> = shares.iter().map(Share::point).collect();
    let mut points = points?;
    let joined = points.combine();
    points
        .iter_mut()
        .for_each(|point| point.value_mut().0.zeroize());
    let mut joined = joined.map_err(|error| GuardianError::Sharing(error.to_string()))?;
    let bytes = Zeroizing::new(<[u8; 32]>::from(joined.0.to_repr()));
    joined.0.zeroize();
    let mut text = Zeroizing::new([0; 2 * 32]);
    hex::encode_to_slice(*bytes, &mut *text).map_err(|_| GuardianError::Key)?;
    let digits = std::str::from_utf8(&*text).map_err(|_| GuardianError::Key)?;
    let text = Zeroizing::new([KEY_PREFIX, digits].concat());
    let key = PrivateKey::from_serialized(&text).map_err(|_| GuardianError::Key)?;
    match key.public_key() == first.key {
        true => Ok(key),
        false => Err(GuardianError::OtherKey {
            found: key.public_key().to_serialized(),
            said: first.key.to_serialized(),
        }),
    }
}

impl Share {
    /// The public key of the key that was split, as whoever split it says.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// How many there are, and are needed.
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// Its guardian, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// SHA-256 of all that every share of a split has in common (the public key, the two numbers and the commitments), in
    /// hexadecimal digits: guardians for whom it is the same can recover one key.
    pub fn split_digest(&self) -> String {
        let hash = Sha256::new()
            .chain_update(KIND)
            .chain_update(self.key.to_serialized())
            .chain_update([self.threshold.needed, self.threshold.all])
            .chain_update(self.commitments.concat());
        hex::encode(hash.finalize())
    }

    /// Its text: JSON, in the clear.
    pub fn to_text(&self) -> Zeroizing<String> {
        let document = Document {
            kind: KIND.into(),
            version: VERSION,
            public_key: self.key.to_serialized(),
            needed: self.threshold.needed,
            guardians: self.threshold.all,
            number: self.number,
            share: hex::encode(*self.secret),
            commitments: self.commitments.iter().map(hex::encode).collect(),
        };
        // Long enough from the beginning: a text that grows leaves copies.
        let mut bytes = Vec::with_capacity(1024 + 80 * self.commitments.len());
        serde_json::to_writer_pretty(&mut bytes, &document).expect("text and numbers");
        bytes.push(b'\n');
        Zeroizing::new(String::from_utf8(bytes).expect("JSON"))
    }

    /// Reads a share's text, and checks it against its commitments.
    ///
    /// # Errors
    /// [`GuardianError::NoShare`], [`GuardianError::False`].
    pub fn from_text(text: &str) -> Result<Self, GuardianError> {
        let wrong = |reason: &str| GuardianError::NoShare(reason.into());
        // What serde says repeats what is there, and that may be secret.
        let document: Document = serde_json::from_str(text).map_err(|error| {
            GuardianError::NoShare(format!("line {} cannot be read", error.line()))
        })?;
        if document.kind != KIND || document.version != VERSION {
            return Err(wrong("it is something else, or of another version"));
        }
        let threshold = Threshold::new(document.needed, document.guardians)?;
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&document.share, &mut *secret)
            .map_err(|_| wrong("the share is not a number of 64 digits"))?;
        let commitments = document.commitments.iter().map(|commitment| {
            let mut bytes = [0; 33];
            hex::decode_to_slice(commitment, &mut bytes).map(|()| bytes)
        });
        let commitments: Result<Vec<_>, _> = commitments.collect();
        let share = Share {
            key: PublicKey::from_serialized(&document.public_key)
                .map_err(|error| GuardianError::NoShare(error.to_string()))?,
            threshold,
            number: document.number,
            secret,
            commitments: commitments.map_err(|_| wrong("a commitment is not a point"))?,
        };
        if share.commitments.len() != usize::from(threshold.needed) {
            return Err(wrong(
                "there are not as many commitments as are needed to recover",
            ));
        }
        if !(1..=threshold.all).contains(&share.number) {
            return Err(wrong("it is of no guardian"));
        }
        share.checked()
    }

    /// Itself, if it is a point of the polynomial that is committed to.
    fn checked(self) -> Result<Self, GuardianError> {
        let mut set = vec![ValueGroup(ProjectivePoint::GENERATOR)];
        for bytes in &self.commitments {
            let point: Option<ProjectivePoint> = ProjectivePoint::from_bytes(bytes.into()).into();
            // Infinity would be a coefficient 0: of a key 0, or of a polynomial that fewer shares determine.
            let point = point.filter(|point| !bool::from(point.is_identity()));
            let no_point = || GuardianError::NoShare("a commitment is not a point".into());
            set.push(ValueGroup(point.ok_or_else(no_point)?));
        }
        let point = self.point()?;
        FeldmanVerifierSet::<Point, Commitment>::verify_share(&set, &point)
            .map_err(|_| GuardianError::False(self.number))?;
        Ok(self)
    }

    fn point(&self) -> Result<Point, GuardianError> {
        let value = scalar(&self.secret).ok_or(GuardianError::False(self.number))?;
        Ok(DefaultShare::with_identifier_and_value(
            IdentifierPrimeField(Scalar::from(u64::from(self.number))),
            IdentifierPrimeField(value),
        ))
    }

    /// Whether both come from one split.
    fn is_beside(&self, other: &Share) -> bool {
        (self.key, self.threshold, &self.commitments)
            == (other.key, other.threshold, &other.commitments)
    }
}

/// Of big-endian bytes; none for numbers that are not below the order.
fn scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    Scalar::from_repr((*bytes).into()).into()
}

#[cfg(test)]
mod tests {
    use maci_nova_protocol::Fr;
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn three_of_five(seed: u64) -> (PrivateKey, Vec<Share>) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let key = PrivateKey::random(&mut rng);
        let threshold = "3-of-5".parse().expect("a threshold");
        let shares = split(&key, threshold, &mut rng).expect("split");
        (key, shares)
    }

    #[test]
    fn any_three_of_five_recover_the_key() {
        let (key, shares) = three_of_five(1);
        for a in 0..5 {
            for b in (0..5).filter(|b| *b != a) {
                for c in (0..5).filter(|c| ![a, b].contains(c)) {
                    let three = [&shares[a], &shares[b], &shares[c]].map(Share::clone);
                    assert!(recover(&three).expect("recovered") == key);
                }
                let two = [&shares[a], &shares[b]].map(Share::clone);
                let few = GuardianError::TooFew {
                    found: 2,
                    needed: 3,
                };
                assert_eq!(recover(&two).expect_err("too few"), few);
            }
        }
        assert!(recover(&shares).expect("recovered") == key);
        assert_eq!(
            recover(&[]).expect_err("none"),
            GuardianError::TooFew {
                found: 0,
                needed: 2
            }
        );
    }

    #[test]
    fn a_key_in_each_form_is_split() {
        let threshold = Threshold::new(2, 2).expect("a threshold");
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for element in [Fr::from(1), Fr::from(u64::MAX), -Fr::from(1)] {
            let key = PrivateKey::from_element(element);
            let shares = split(&key, threshold, &mut rng).expect("split");
            assert!(recover(&shares).expect("recovered") == key);
        }
        let largest = format!("macisk.{}", "ff".repeat(32));
        let largest = PrivateKey::from_serialized(&largest).expect("a key");
        let refused = split(&largest, threshold, &mut rng).expect_err("too large");
        assert_eq!(refused, GuardianError::Key);
    }

    #[test]
    fn a_share_comes_back_and_says_nothing_in_errors() {
        let (key, shares) = three_of_five(3);
        for share in &shares {
            let text = share.to_text();
            assert!(Share::from_text(&text).expect("read") == *share);
            let secret = hex::encode(*share.secret);
            assert!(text.contains(&secret) && !format!("{share:?}").contains(&secret));
            assert_eq!(share.key(), &key.public_key());
        }
        let text = shares[0].to_text();
        let secret = hex::encode(*shares[0].secret);
        let broken = text.replace(&secret, &format!("{secret}\\q"));
        let error = Share::from_text(&broken).expect_err("broken");
        assert!(!error.to_string().contains(&secret), "{error}");
    }

    #[test]
    fn a_false_share_is_known_by_itself() {
        let (_, shares) = three_of_five(4);
        let (_, others) = three_of_five(5);
        let text = shares[1].to_text();
        let with =
            |from: &str, to: &str| Share::from_text(&text.replace(from, to)).expect_err("changed");
        let secret = hex::encode(*shares[1].secret);
        assert_eq!(
            with(&secret, &hex::encode(*shares[2].secret)),
            GuardianError::False(2)
        );
        assert_eq!(with(&secret, &"0".repeat(64)), GuardianError::False(2));
        assert_eq!(with(&secret, &"f".repeat(64)), GuardianError::False(2));
        assert_eq!(
            with("\"number\": 2", "\"number\": 3"),
            GuardianError::False(3)
        );
        for (from, to) in [
            ("\"number\": 2", "\"number\": 0"),
            ("\"number\": 2", "\"number\": 6"),
            ("\"needed\": 3", "\"needed\": 2"),
            ("\"version\": 1", "\"version\": 2"),
            (&secret, "12"),
        ] {
            let error = with(from, to);
            assert!(
                matches!(error, GuardianError::NoShare(_)),
                "{from}: {error}"
            );
        }
        let first = hex::encode(shares[1].commitments[0]);
        let other = hex::encode(others[1].commitments[0]);
        assert_eq!(with(&first, &other), GuardianError::False(2));
        // As infinity is written.
        for commitment in &shares[1].commitments {
            let error = with(&hex::encode(commitment), &"00".repeat(33));
            assert!(matches!(error, GuardianError::NoShare(_)), "{error}");
        }
    }

    #[test]
    fn shares_of_different_splits_are_not_joined() {
        let (key, shares) = three_of_five(6);
        let (_, others) = three_of_five(7);
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let again = split(&key, shares[0].threshold(), &mut rng).expect("split");
        for strangers in [&others, &again] {
            let mixed = [&shares[0], &shares[1], &strangers[2]].map(Share::clone);
            assert_eq!(
                recover(&mixed).expect_err("mixed"),
                GuardianError::Foreign(1, 3)
            );
        }
        assert_eq!(shares[0].split_digest(), shares[4].split_digest());
        assert_ne!(shares[0].split_digest(), again[0].split_digest());
        let mut lied = shares[0].clone();
        lied.key = others[0].key;
        assert_ne!(shares[0].split_digest(), lied.split_digest());
        let twice = [&shares[0], &shares[1], &shares[1]].map(Share::clone);
        assert_eq!(recover(&twice).expect_err("twice"), GuardianError::Twice(2));
    }

    /// Commitments are not of the public key, so that its owner can say another one.
    #[test]
    fn a_lie_about_the_key_comes_out_in_the_end() {
        let (_, mut shares) = three_of_five(9);
        let (other, _) = three_of_five(10);
        for share in &mut shares {
            share.key = other.public_key();
        }
        let error = recover(&shares[..3]).expect_err("another key");
        assert!(matches!(error, GuardianError::OtherKey { .. }), "{error}");
    }

    #[test]
    fn thresholds_have_one_form() {
        let threshold: Threshold = "2-of-3".parse().expect("a threshold");
        assert_eq!((threshold.needed(), threshold.all()), (2, 3));
        for text in [
            "1-of-3",
            "4-of-3",
            "3of5",
            "3-of-256",
            "-of-",
            "0-of-0",
            "3-of-5-of-7",
        ] {
            assert_eq!(
                text.parse::<Threshold>(),
                Err(GuardianError::Threshold),
                "{text}"
            );
        }
    }
}
