//! Rounds of drand, as beacons.
//!
//! drand is a network whose members sign the number of each round together, so that nobody knows a signature before its round
//! and everybody can check it afterwards. A ceremony that announces such a round ends with its signature, hashed once: nobody's
//! word is needed for what was published, and whoever ends it has nothing to choose (but how many contributions stand before it).

use std::fmt;
use std::str::FromStr;

use drand_verify::{G2PubkeyRfc, Pubkey};

use crate::Error;

/// Of the network `quicknet` (scheme `bls-unchained-g1-rfc9380`; its chain's hash is
/// 52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971).
const PUBLIC_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
/// When its first round was, in seconds since 1970, and between two of them.
const GENESIS: u64 = 1_692_803_367;
const PERIOD: u64 = 3;
/// How a round is announced, before its number.
const PREFIX: &str = "drand quicknet, round ";

/// A round of drand's network `quicknet`. Its text is what a ceremony announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round(u64);

impl Round {
    /// This one, from 1; none for numbers whose time no clock shows.
    pub fn new(number: u64) -> Option<Self> {
        let in_range = (1..=u64::from(u32::MAX)).contains(&number);
        in_range.then_some(Round(number))
    }

    /// The round that a ceremony announces; none if it announces something else.
    ///
    /// # Errors
    /// [`Error::Request`] for what would be taken for a round, and is checked by nobody.
    pub fn announced(text: &str) -> Result<Option<Self>, Error> {
        match text.parse::<Round>() {
            Ok(round) => Ok(Some(round)),
            Err(()) if Round::is_nearly(text) => Err(Error::Request(format!(
                "a round of drand is announced as \"{PREFIX}N\", and not as {text:?}"
            ))),
            Err(()) => Ok(None),
        }
    }

    fn is_nearly(text: &str) -> bool {
        let text: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
        text.to_lowercase().starts_with("drand")
    }

    /// When it is published, in seconds since 1970.
    pub fn time(&self) -> u64 {
        GENESIS + (self.0 - 1) * PERIOD
    }

    /// Whether these bytes are what the network publishes for it.
    pub fn has_signature(&self, signature: &[u8]) -> bool {
        let mut key = [0; 96];
        hex::decode_to_slice(PUBLIC_KEY, &mut key).expect("a constant");
        let key = G2PubkeyRfc::from_fixed(key).expect("a constant");
        key.verify(self.0, &[], signature).unwrap_or(false)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl FromStr for Round {
    type Err = ();

    /// Of an announcement, as [`Display`](fmt::Display) writes it and not otherwise.
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = text.strip_prefix(PREFIX).and_then(|rest| rest.parse().ok());
        let round = number.and_then(Round::new).ok_or(())?;
        match round.to_string() == text {
            true => Ok(round),
            false => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the network has published it.
    const SIGNATURE_123: &str = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";

    #[test]
    fn a_round_has_its_signature_and_no_other() {
        let signature = hex::decode(SIGNATURE_123).expect("hexadecimal");
        let round = Round::new(123).expect("a round");
        assert!(round.has_signature(&signature));
        assert!(!Round::new(124).expect("a round").has_signature(&signature));
        for at in [0, 1, 20, 47] {
            let mut other = signature.clone();
            other[at] ^= 1;
            assert!(!round.has_signature(&other), "{at}");
        }
        for bytes in [
            &[][..],
            &signature[..47],
            &[signature.as_slice(), &[0]].concat(),
        ] {
            assert!(!round.has_signature(bytes));
        }
        // Infinity, as its curve writes it.
        let mut infinity = [0; 48];
        infinity[0] = 0xc0;
        assert!(!round.has_signature(&infinity));
    }

    #[test]
    fn an_announcement_is_written_in_one_way() {
        let round = Round::new(5_000_000).expect("a round");
        assert_eq!(round.to_string(), "drand quicknet, round 5000000");
        assert_eq!("drand quicknet, round 5000000".parse(), Ok(round));
        for other in [
            "drand quicknet, round 05000000",
            "drand quicknet, round +5",
            "drand quicknet, round 0",
            "drand quicknet, round 5 ",
            "drand quicknet, round 99999999999999",
            "drand, round 5",
            "the answer",
        ] {
            assert_eq!(other.parse::<Round>(), Err(()), "{other}");
        }
        for near in [
            "Drand quicknet, round 5",
            " drand quicknet, round 05",
            "\u{a0}DRAND",
            "drand",
        ] {
            assert!(
                near.parse::<Round>().is_err() && Round::is_nearly(near),
                "{near}"
            );
        }
        assert!(!Round::is_nearly("the answer of drand"));
        assert_eq!(Round::new(1).expect("a round").time(), 1_692_803_367);
        assert_eq!(round.time(), 1_707_803_364);
    }
}
