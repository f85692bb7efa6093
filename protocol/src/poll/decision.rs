//! What becomes of a message, and why.

use crate::eddsa::SignatureError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a valid message must fulfil. The first rule that fails, in this order, is a refusal's
/// reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The encryption key is on the curve.
    EncryptionKey,
    /// The ciphertext's authentication tag is right.
    Tag,
    /// The two padding elements are 0.
    Padding,
    /// The state index is that of a voter: 0 < stateIndex < nextStateIndex. The only rule for a
    /// top-up.
    StateIndex,
    /// The vote option index is below the number of options.
    VoteOption,
    /// The nonce is one more than the voter's.
    Nonce,
    /// The poll id is this poll's.
    PollId,
    /// The message has no anchor, or its command's salt is the anchor.
    Anchor,
    /// The signature's R8 is on the curve.
    SignatureR8,
    /// The voter's present key is on the curve and not of low order.
    SignatureKey,
    /// The signature's S is below the subgroup order.
    SignatureScalar,
    /// The signature's equation holds under the voter's present key.
    SignatureEquation,
    /// The weight is one of the mode's: below 2^49, but for a sign in negative voting.
    Weight,
    /// balance + cost(old weight) >= cost(new weight).
    Credits,
    /// In full voting: balance + cost(old weight) = cost(new weight), and the new weight is not 0.
    WholeBalance,
}

impl Rule {
    /// All rules, in the order in which they apply.
    pub const ALL: [Rule; 15] = [
        Rule::EncryptionKey,
        Rule::Tag,
        Rule::Padding,
        Rule::StateIndex,
        Rule::VoteOption,
        Rule::Nonce,
        Rule::PollId,
        Rule::Anchor,
        Rule::SignatureR8,
        Rule::SignatureKey,
        Rule::SignatureScalar,
        Rule::SignatureEquation,
        Rule::Weight,
        Rule::Credits,
        Rule::WholeBalance,
    ];

    /// A stable name for machines, such as `state-index`; the same as in the serde form.
    pub fn name(self) -> &'static str {
        match self {
            Rule::EncryptionKey => "encryption-key",
            Rule::Tag => "tag",
            Rule::Padding => "padding",
            Rule::StateIndex => "state-index",
            Rule::VoteOption => "vote-option",
            Rule::Nonce => "nonce",
            Rule::PollId => "poll-id",
            Rule::Anchor => "anchor",
            Rule::SignatureR8 => "signature-r8",
            Rule::SignatureKey => "signature-key",
            Rule::SignatureScalar => "signature-scalar",
            Rule::SignatureEquation => "signature-equation",
            Rule::Weight => "weight",
            Rule::Credits => "credits",
            Rule::WholeBalance => "whole-balance",
        }
    }
}

impl fmt::Display for Rule {
    /// The reason of a refusal, in words.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Rule::EncryptionKey => "the encryption key is not on the curve",
            Rule::Tag => "the ciphertext's authentication tag is wrong",
            Rule::Padding => "the ciphertext's padding is not zero",
            Rule::StateIndex => "the state index is that of no voter",
            Rule::VoteOption => "the vote option does not exist",
            Rule::Nonce => "the nonce is not the voter's next one",
            Rule::PollId => "the command is for another poll",
            Rule::Anchor => "the command was signed for another anchor than it was sent with",
            Rule::SignatureR8 => "the signature's point is not on the curve",
            Rule::SignatureKey => "the voter's present key can sign nothing",
            Rule::SignatureScalar => "the signature's scalar is not below the subgroup order",
            Rule::SignatureEquation => "the signature is not by the voter's present key",
            Rule::Weight => "the weight is not one of this mode's",
            Rule::Credits => "the voice credits do not suffice",
            Rule::WholeBalance => "the vote does not spend the whole balance",
        })
    }
}

impl From<SignatureError> for Rule {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::R8 => Rule::SignatureR8,
            SignatureError::PublicKey => Rule::SignatureKey,
            SignatureError::Scalar => Rule::SignatureScalar,
            SignatureError::Equation => Rule::SignatureEquation,
        }
    }
}

/// Whether an event changes the poll. Joins and blind events always do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It does.
    Applied,
    /// It changes nothing but the message cursor, because this rule fails.
    Refused(Rule),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_serde_form() {
        for rule in Rule::ALL {
            let text = serde_json::to_string(&rule).unwrap();
            assert_eq!(text, format!("\"{}\"", rule.name()));
            assert_eq!(serde_json::from_str::<Rule>(&text).unwrap(), rule);
        }
        assert!(Rule::ALL.is_sorted());
    }
}
