//! What a MACI's gatekeeper wants to see of who signs up, and what a poll's credits are.

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::bindings::{
    ConstantInitialVoiceCreditProxy, ExcubiaeGatekeeper, FreeForAllGatekeeper,
    SignUpTokenGatekeeper, VotesInitialVoiceCreditProxy, MACI,
};
use maci_nova_contracts::deploy::ask;
use serde::Serialize;

use crate::error::{on_chain, Error};
use crate::poll::contract::view;

/// What a gatekeeper wants, as far as its answers tell: whose code it has, only
/// [`verify`](mod@crate::verify) looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Evidence {
    /// Nothing: anyone may sign up.
    Nothing,
    /// The id of a token (ERC-721) that the sender owns, as a word.
    Token {
        /// The token.
        token: Address,
    },
    /// What a policy wants.
    Policy {
        /// The policy.
        policy: Address,
    },
    /// A contract of somebody else's wants something.
    Unknown {
        /// The gatekeeper.
        gatekeeper: Address,
    },
}

impl Evidence {
    /// Of a MACI.
    ///
    /// # Errors
    /// [`Error::Chain`].
    pub fn of<C: Chain + ?Sized>(chain: &C, maci: Address) -> Result<Self, Error> {
        let gatekeeper: Address = view(chain, maci, &MACI::GATEKEEPERCall {}, "read MACI")?;
        let failed = |error| on_chain("read the gatekeeper")(error);
        let token = ask(chain, gatekeeper, &SignUpTokenGatekeeper::TOKENCall {}).map_err(failed)?;
        if let Some(token) = token {
            return Ok(Evidence::Token { token });
        }
        let policy = ask(chain, gatekeeper, &ExcubiaeGatekeeper::POLICYCall {}).map_err(failed)?;
        if let Some(policy) = policy {
            return Ok(Evidence::Policy { policy });
        }
        let owner = ask(chain, gatekeeper, &FreeForAllGatekeeper::OWNERCall {}).map_err(failed)?;
        Ok(match owner {
            Some(_) => Evidence::Nothing,
            None => Evidence::Unknown { gatekeeper },
        })
    }
}

/// What voters start with, as far as the contract's answers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum CreditsSource {
    /// The same for everyone.
    Constant {
        /// So many.
        credits: U256,
    },
    /// A token's votes of the account that joins.
    Votes {
        /// The token.
        token: Address,
    },
    /// A contract of somebody else's says.
    Unknown,
}

impl CreditsSource {
    /// Of the contract that a poll names.
    ///
    /// # Errors
    /// [`Error::Chain`].
    pub fn of<C: Chain + ?Sized>(chain: &C, credits: Address) -> Result<Self, Error> {
        let failed = |error| on_chain("read the contract that gives credits")(error);
        let call = ConstantInitialVoiceCreditProxy::CREDITSCall {};
        if let Some(credits) = ask(chain, credits, &call).map_err(failed)? {
            return Ok(CreditsSource::Constant {
                credits: U256::from(credits),
            });
        }
        let call = VotesInitialVoiceCreditProxy::TOKENCall {};
        let token = ask(chain, credits, &call).map_err(failed)?;
        Ok(
            token.map_or(CreditsSource::Unknown, |token| CreditsSource::Votes {
                token,
            }),
        )
    }
}
