//! Decisions about a poll, as errors name them.

use std::fmt;

/// What an error is about: a decision of whoever creates a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// Who receives top-ups.
    Beneficiary,
    /// The coordinator's public key.
    CoordinatorKey,
    /// What every voter starts with.
    Credits,
    /// The contract that gives credits.
    CreditsContract,
    /// Tokens for one credit.
    CreditUnit,
    /// What weights mean and cost.
    Mode,
    /// How many options there are.
    Options,
    /// Seconds for the proof after the end.
    ProvingTime,
    /// Seconds for the proof that each message adds.
    ProvingTimePerMessage,
    /// The most seconds that all messages add.
    MostProvingTime,
    /// Within how many blocks messages have to be signed.
    SignedWithin,
    /// When votes are counted that give credits.
    Snapshot,
    /// The token that pays for top-ups.
    TopUpToken,
    /// Votes for one credit.
    VotesPerCredit,
    /// The token whose votes give credits.
    VotesToken,
}

impl Setting {
    /// Its name: words with hyphens between them.
    pub fn name(self) -> &'static str {
        match self {
            Setting::Beneficiary => "beneficiary",
            Setting::CoordinatorKey => "coordinator-key",
            Setting::Credits => "credits",
            Setting::CreditsContract => "credits-contract",
            Setting::CreditUnit => "credit-unit",
            Setting::Mode => "mode",
            Setting::Options => "options",
            Setting::ProvingTime => "proving-time",
            Setting::ProvingTimePerMessage => "proving-time-per-message",
            Setting::MostProvingTime => "most-proving-time",
            Setting::SignedWithin => "signed-within",
            Setting::Snapshot => "snapshot",
            Setting::TopUpToken => "top-up-token",
            Setting::VotesPerCredit => "votes-per-credit",
            Setting::VotesToken => "votes-token",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
