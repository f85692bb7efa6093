//! Who may sign up: what is asked of contracts that are there already, before anything is paid, and
//! the two calls that tie a gatekeeper to its policy and to its MACI.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::Address;
use alloy_sol_types::{sol, SolCall};
use maci_nova_chain::{self as chain, Chain, ChainError};
use thiserror::Error;

use super::{
    already, excubiae_gatekeeper, free_for_all_gatekeeper, sign_up_token_gatekeeper, DeployError,
    Journal, Site, Step,
};
use crate::bindings::{ExcubiaeGatekeeper, ExcubiaePolicy, FreeForAllGatekeeper};

/// ERC-165's number of ERC-721.
const ERC721: [u8; 4] = [0x80, 0xac, 0x58, 0xcd];

sol! {
    #[allow(missing_docs)]
    interface Erc165 {
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
    }
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gatekeeper {
    /// Everybody.
    FreeForAll,
    /// Owners of this ERC-721's tokens, once for each.
    SignUpToken(Address),
    /// Whom a policy of Excubiae lets in, through an adapter that is deployed.
    Excubiae {
        /// The policy, whose target is to be the adapter.
        policy: Address,
    },
    /// Whom a gatekeeper lets in that is on the chain already.
    Existing(Address),
}

/// A text that names no gatekeeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not free-for-all, token:ADDRESS (an ERC-721), excubiae:ADDRESS (a policy) or the ADDRESS of a gatekeeper")]
pub struct UnknownGatekeeper;

/// Why people cannot sign up with the gatekeeper, or not yet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GatekeeperError {
    /// Nothing is at an address that was given.
    #[error("there is no contract at {address}, which is to be {what}")]
    NoContract {
        /// The address.
        address: Address,
        /// What should be there.
        what: &'static str,
    },
    /// The contract is another one than it should be.
    #[error("the contract at {address} is not {what}: it does not answer {call}")]
    OtherContract {
        /// The contract.
        address: Address,
        /// What it should be.
        what: &'static str,
        /// What it was asked.
        call: &'static str,
    },
    /// The policy has a target that is not the adapter.
    #[error("policy {policy} guards another contract, {guarded}; a policy's target can be set only once, so no one could sign up here with it, unless {guarded} is an adapter of yours that serves no MACI yet (then give --gatekeeper {guarded}): deploy a new policy")]
    PolicyTaken {
        /// The policy.
        policy: Address,
        /// Its target.
        guarded: Address,
    },
    /// The policy has no target and nobody who could set it.
    #[error(
        "policy {0} has no target and no owner any more who could set it: deploy a new policy"
    )]
    PolicyAbandoned(Address),
    /// The policy has no target yet, and it is for somebody else to set it.
    #[error("the adapter is at {adapter}; let {} call setTarget({adapter}), then deploy again", whose(.owner, "policy", .policy))]
    TargetMissing {
        /// The policy.
        policy: Address,
        /// What has to be its target.
        adapter: Address,
        /// Who can set it, if the policy tells.
        owner: Option<Address>,
    },
    /// The policy does not do what policies do.
    #[error("adapter {adapter} does not find itself the target of policy {policy}: if the node is of the chain's newest block, the policy is not as those of Excubiae; deploy another one")]
    NotGuarded {
        /// The policy.
        policy: Address,
        /// What should be its target.
        adapter: Address,
    },
    /// The gatekeeper serves no MACI, and nobody can name one.
    #[error("gatekeeper {0} serves no MACI yet and has no owner who could name one: deploy a new gatekeeper")]
    GatekeeperAbandoned(Address),
    /// The gatekeeper serves another MACI, for good.
    #[error("gatekeeper {gatekeeper} serves another MACI, {maci}; that can be set only once, so no one could sign up here with it: deploy a new gatekeeper")]
    GatekeeperTaken {
        /// The gatekeeper.
        gatekeeper: Address,
        /// What it serves.
        maci: Address,
    },
    /// The gatekeeper serves no MACI yet, and it is for somebody else to name it.
    #[error("MACI is at {maci}; let {} call setMaci({maci}), then deploy again", whose(.owner, "gatekeeper", .gatekeeper))]
    MaciMissing {
        /// The gatekeeper.
        gatekeeper: Address,
        /// What it has to serve.
        maci: Address,
        /// Who can name it, if the gatekeeper tells.
        owner: Option<Address>,
    },
}

fn whose(owner: &Option<Address>, what: &str, contract: &Address) -> String {
    match owner {
        Some(owner) => format!("the owner {owner} of {what} {contract}"),
        None => format!("the owner of {what} {contract}"),
    }
}

/// What is to be at an address that was given.
const TOKEN: &str = "the token that lets people sign up";
const POLICY: &str = "a policy of Excubiae";
const GATEKEEPER: &str = "a gatekeeper";

impl Gatekeeper {
    /// The steps of a deployment with this gatekeeper, in their order.
    pub fn steps(self) -> impl Iterator<Item = Step> {
        let has = move |step| match step {
            Step::Gatekeeper => !matches!(self, Self::Existing(_)),
            Step::SetTarget => matches!(self, Self::Excubiae { .. }),
            _ => true,
        };
        Step::ALL.into_iter().filter(move |step| has(*step))
    }
}

impl fmt::Display for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FreeForAll => write!(f, "free-for-all"),
            Self::SignUpToken(token) => write!(f, "token:{token}"),
            Self::Excubiae { policy } => write!(f, "excubiae:{policy}"),
            Self::Existing(gatekeeper) => write!(f, "{gatekeeper}"),
        }
    }
}

impl FromStr for Gatekeeper {
    type Err = UnknownGatekeeper;

    fn from_str(text: &str) -> Result<Self, UnknownGatekeeper> {
        if text == "free-for-all" {
            return Ok(Self::FreeForAll);
        }
        let (name, address) = match text.split_once(':') {
            Some((name, address)) => (Some(name), address),
            None => (None, text),
        };
        let address = address.parse().map_err(|_| UnknownGatekeeper)?;
        match name {
            None => Ok(Self::Existing(address)),
            Some("token") => Ok(Self::SignUpToken(address)),
            Some("excubiae") => Ok(Self::Excubiae { policy: address }),
            Some(_) => Err(UnknownGatekeeper),
        }
    }
}

/// Whether a contract says (ERC-165) that it is an ERC-721. One that does not may be one all the
/// same.
///
/// # Errors
/// [`ChainError`] if it could not be asked.
pub fn says_erc721<C: Chain + ?Sized>(chain: &C, token: Address) -> Result<bool, ChainError> {
    let call = Erc165::supportsInterfaceCall {
        interfaceId: ERC721.into(),
    };
    Ok(ask(chain, token, &call)?.unwrap_or(false))
}

/// Refuses what can be known to fail before a transaction is sent.
pub(super) fn check<C: Chain + ?Sized>(
    chain: &C,
    gatekeeper: Gatekeeper,
    journal: &dyn Journal,
) -> Result<(), DeployError> {
    match gatekeeper {
        Gatekeeper::FreeForAll => Ok(()),
        Gatekeeper::SignUpToken(token) => require_code(chain, token, TOKEN),
        Gatekeeper::Excubiae { policy } => {
            require_code(chain, policy, POLICY)?;
            let adapter = journal.done(Step::Gatekeeper);
            let is_set = is_target(chain, policy, adapter)?;
            let abandoned = !is_set && policy_owner(chain, policy)? == Some(Address::ZERO);
            refuse_if(abandoned, || GatekeeperError::PolicyAbandoned(policy))
        }
        Gatekeeper::Existing(gatekeeper) => {
            require_code(chain, gatekeeper, GATEKEEPER)?;
            let is_set = is_served(chain, gatekeeper, journal.done(Step::Maci))?;
            let call = FreeForAllGatekeeper::OWNERCall {};
            let owner = ask(chain, gatekeeper, &call).map_err(failed(Step::Gatekeeper))?;
            let abandoned = !is_set && owner == Some(Address::ZERO);
            refuse_if(abandoned, || {
                GatekeeperError::GatekeeperAbandoned(gatekeeper)
            })?;
            check_adapter(chain, gatekeeper)
        }
    }
}

/// An adapter whose policy has another target, or none yet, takes no MACI.
fn check_adapter<C: Chain + ?Sized>(chain: &C, adapter: Address) -> Result<(), DeployError> {
    let failed = failed(Step::Gatekeeper);
    // Other gatekeepers know nothing of policies.
    let call = ExcubiaeGatekeeper::POLICYCall {};
    match ask(chain, adapter, &call).map_err(failed)? {
        None => Ok(()),
        Some(policy) if !is_target(chain, policy, Some(adapter))? => {
            Err(target_missing(chain, policy, adapter)?.into())
        }
        Some(policy) => require_guarded(chain, policy, adapter),
    }
}

/// An adapter takes no MACI unless it finds itself the policy's target.
fn require_guarded<C: Chain + ?Sized>(
    chain: &C,
    policy: Address,
    adapter: Address,
) -> Result<(), DeployError> {
    let call = ExcubiaeGatekeeper::isGuardedCall {};
    let guarded = ask(chain, adapter, &call).map_err(failed(Step::SetTarget))?;
    refuse_if(guarded != Some(true), || GatekeeperError::NotGuarded {
        policy,
        adapter,
    })
}

impl<C: Chain + ?Sized> Site<'_, C> {
    /// The gatekeeper, which is deployed unless it is there already, with its policy's target set.
    pub(super) fn gatekeeper(&mut self, gatekeeper: Gatekeeper) -> Result<Address, DeployError> {
        let from = self.from;
        let contract = match gatekeeper {
            Gatekeeper::Existing(contract) => contract,
            _ => self.contract(Step::Gatekeeper, || match gatekeeper {
                Gatekeeper::SignUpToken(token) => sign_up_token_gatekeeper(from, token),
                Gatekeeper::Excubiae { policy } => excubiae_gatekeeper(from, policy),
                Gatekeeper::FreeForAll | Gatekeeper::Existing(_) => free_for_all_gatekeeper(from),
            })?,
        };
        if let Gatekeeper::Excubiae { policy } = gatekeeper {
            self.set_target(policy, contract)?;
        }
        Ok(contract)
    }

    fn set_target(&mut self, policy: Address, adapter: Address) -> Result<(), DeployError> {
        let seen = is_target(self.chain, policy, Some(adapter))?;
        if !seen && policy_owner(self.chain, policy)? != Some(self.from) {
            return Err(target_missing(self.chain, policy, adapter)?.into());
        }
        let call = ExcubiaePolicy::setTargetCall { guarded: adapter };
        self.tie(Step::SetTarget, self.from, policy, &call, seen)?;
        // Before the rest is paid: what the adapter will ask when it is given its MACI.
        require_guarded(self.chain, policy, adapter)
    }

    /// The gatekeeper serves MACI from now on.
    pub(super) fn set_maci(
        &mut self,
        kind: Gatekeeper,
        gatekeeper: Address,
        maci: Address,
    ) -> Result<(), DeployError> {
        let seen = match kind {
            Gatekeeper::Existing(_) => self.may_set_maci(gatekeeper, maci)?,
            _ => already(Step::SetMaci, served(self.chain, gatekeeper)?, maci)?,
        };
        let call = FreeForAllGatekeeper::setMaciCall { newMaci: maci };
        self.tie(Step::SetMaci, self.from, gatekeeper, &call, seen)
    }

    /// Whether the MACI of a gatekeeper of somebody's is named; an error if others have to name it.
    fn may_set_maci(&self, gatekeeper: Address, maci: Address) -> Result<bool, DeployError> {
        let seen = is_served(self.chain, gatekeeper, Some(maci))?;
        let call = FreeForAllGatekeeper::OWNERCall {};
        let owner = ask(self.chain, gatekeeper, &call).map_err(failed(Step::SetMaci))?;
        let missing = GatekeeperError::MaciMissing {
            gatekeeper,
            maci,
            owner,
        };
        refuse_if(!seen && owner != Some(self.from), || missing)?;
        Ok(seen)
    }
}

/// Whether the policy's target is `adapter`; an error if it is another one.
fn is_target<C: Chain + ?Sized>(
    chain: &C,
    policy: Address,
    adapter: Option<Address>,
) -> Result<bool, DeployError> {
    let call = ExcubiaePolicy::guardedCall {};
    let guarded = ask(chain, policy, &call).map_err(failed(Step::SetTarget))?;
    let guarded = guarded.ok_or(GatekeeperError::OtherContract {
        address: policy,
        what: POLICY,
        call: "guarded()",
    })?;
    let taken = guarded != Address::ZERO && Some(guarded) != adapter;
    refuse_if(taken, || GatekeeperError::PolicyTaken { policy, guarded })?;
    Ok(guarded != Address::ZERO)
}

/// Whether the gatekeeper serves `maci`; an error if it serves another one.
fn is_served<C: Chain + ?Sized>(
    chain: &C,
    gatekeeper: Address,
    maci: Option<Address>,
) -> Result<bool, DeployError> {
    let found = served(chain, gatekeeper)?;
    let taken = found != Address::ZERO && Some(found) != maci;
    refuse_if(taken, || GatekeeperError::GatekeeperTaken {
        gatekeeper,
        maci: found,
    })?;
    Ok(found != Address::ZERO)
}

fn served<C: Chain + ?Sized>(chain: &C, gatekeeper: Address) -> Result<Address, DeployError> {
    let call = FreeForAllGatekeeper::maciCall {};
    let found = ask(chain, gatekeeper, &call).map_err(failed(Step::SetMaci))?;
    let found = found.ok_or(GatekeeperError::OtherContract {
        address: gatekeeper,
        what: GATEKEEPER,
        call: "maci()",
    })?;
    Ok(found)
}

fn target_missing<C: Chain + ?Sized>(
    chain: &C,
    policy: Address,
    adapter: Address,
) -> Result<GatekeeperError, DeployError> {
    let owner = policy_owner(chain, policy)?;
    Ok(match owner {
        Some(Address::ZERO) => GatekeeperError::PolicyAbandoned(policy),
        _ => GatekeeperError::TargetMissing {
            policy,
            adapter,
            owner,
        },
    })
}

fn policy_owner<C: Chain + ?Sized>(
    chain: &C,
    policy: Address,
) -> Result<Option<Address>, DeployError> {
    let call = ExcubiaePolicy::ownerCall {};
    ask(chain, policy, &call).map_err(failed(Step::SetTarget))
}

fn require_code<C: Chain + ?Sized>(
    chain: &C,
    address: Address,
    what: &'static str,
) -> Result<(), DeployError> {
    let code = chain.code(address).map_err(failed(Step::Gatekeeper))?;
    refuse_if(code.is_empty(), || GatekeeperError::NoContract {
        address,
        what,
    })
}

fn refuse_if(refused: bool, error: impl FnOnce() -> GatekeeperError) -> Result<(), DeployError> {
    match refused {
        true => Err(error().into()),
        false => Ok(()),
    }
}

fn failed(step: Step) -> impl Fn(ChainError) -> DeployError {
    move |error| DeployError::Chain { step, error }
}

/// What a contract answers; nothing if it does not know the call.
///
/// # Errors
/// [`ChainError`] if it could not be asked.
pub fn ask<C: Chain + ?Sized, S: SolCall>(
    chain: &C,
    contract: Address,
    call: &S,
) -> Result<Option<S::Return>, ChainError> {
    match chain::view(chain, contract, call) {
        Ok(answer) => Ok(Some(answer)),
        Err(ChainError::Reverted { .. } | ChainError::Halted(_) | ChainError::Answer(_)) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gatekeepers_have_names() {
        let address = Address::repeat_byte(0xab);
        for (text, expected) in [
            ("free-for-all".to_owned(), Gatekeeper::FreeForAll),
            (format!("token:{address}"), Gatekeeper::SignUpToken(address)),
            (
                format!("excubiae:{address}"),
                Gatekeeper::Excubiae { policy: address },
            ),
            (address.to_string(), Gatekeeper::Existing(address)),
        ] {
            assert_eq!(text.parse(), Ok(expected));
            assert_eq!(expected.to_string(), text);
            // As some tools write addresses.
            assert_eq!(text.to_lowercase().parse(), Ok(expected));
        }
        for bad in [
            "",
            "free",
            "Free-for-all ",
            "token",
            "token:",
            "token:0x12",
            "excubiae:",
            ":",
            "0x12",
            &format!("semaphore:{address}"),
            &format!("token:{address}0"),
            &format!("token:token:{address}"),
            &format!("free-for-all:{address}"),
        ] {
            assert_eq!(bad.parse::<Gatekeeper>(), Err(UnknownGatekeeper), "{bad}");
        }
    }

    #[test]
    fn steps_of_each() {
        let zero = Address::ZERO;
        for (gatekeeper, missing) in [
            (Gatekeeper::FreeForAll, vec![Step::SetTarget]),
            (Gatekeeper::SignUpToken(zero), vec![Step::SetTarget]),
            (Gatekeeper::Excubiae { policy: zero }, vec![]),
            (
                Gatekeeper::Existing(zero),
                vec![Step::Gatekeeper, Step::SetTarget],
            ),
        ] {
            let steps: Vec<Step> = gatekeeper.steps().collect();
            let all = Step::ALL.into_iter();
            let expected: Vec<Step> = all.filter(|step| !missing.contains(step)).collect();
            assert_eq!(steps, expected, "{gatekeeper}");
        }
    }
}
