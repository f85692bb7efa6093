//! What a poll may take of whoever sends: for messages in wei, for credits in its token. Gas is the
//! chain's, and not of this.

use maci_nova_chain::words::{count, ether};
use maci_nova_chain::Observer;
use maci_nova_contracts::alloy_primitives::U256;

use crate::error::Error;
use crate::poll::contract::PollContract;
use crate::voter::price::PriceError;

/// The most that a poll may take. By default nothing: whoever created the poll has set its prices,
/// and whoever pays has to have seen them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Wei for each message and each top-up.
    pub message_fee: U256,
    /// Tokens for the credits of a top-up, in their smallest unit.
    pub tokens: U256,
}

impl Budget {
    /// What a poll takes for messages, in wei. It is said before anything is sent.
    ///
    /// # Errors
    /// [`Error::Price`] if it is more than the budget.
    pub fn for_messages(
        &self,
        poll: &PollContract,
        messages: usize,
        observer: &dyn Observer,
    ) -> Result<U256, Error> {
        let fee = poll.info.settings.messageFee;
        let messages = messages as u64;
        if fee > self.message_fee {
            let most = self.message_fee;
            return Err(PriceError::MessageFee {
                fee,
                messages,
                most,
            }
            .into());
        }
        let all = fee
            .checked_mul(U256::from(messages))
            .ok_or_else(|| Error::Request("the poll's fees are more than there is money".into()))?;
        if !all.is_zero() {
            observer.note(&format!(
                "the poll takes {} for {}, besides gas",
                ether(all),
                count(messages, "message")
            ));
        }
        Ok(all)
    }

    /// What a poll takes for credits, in its token.
    ///
    /// # Errors
    /// [`Error::Price`] if it is more than the budget; [`Error::Request`] if it is more than there
    /// can be.
    pub fn for_credits(
        &self,
        poll: &PollContract,
        credits: u64,
        observer: &dyn Observer,
    ) -> Result<U256, Error> {
        let settings = &poll.info.settings;
        let (token, most) = (settings.topUpToken, self.tokens);
        let tokens = U256::from(credits).checked_mul(settings.creditUnit);
        let tokens =
            tokens.ok_or_else(|| Error::Request("so many credits cannot be paid".into()))?;
        if tokens > most {
            return Err(PriceError::Tokens {
                credits,
                tokens,
                token,
                most,
            }
            .into());
        }
        observer.note(&format!(
            "the poll takes {tokens} of token {token}, in its smallest unit, for {credits} voice credits"
        ));
        Ok(tokens)
    }
}
