//! Contracts that a poll is created with are asked once what the poll will ask them: where one does
//! not answer, nobody could join, or top up, and the poll cannot be changed.

use maci_nova_chain::{self as chain, Chain, ChainError, Observer};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::SampleToken;
use maci_nova_contracts::bindings::VotesInitialVoiceCreditProxy::getVoiceCreditsCall;

use crate::error::{on_chain, setting, Error};
use crate::revert;
use crate::setting::Setting;

/// More credits than a poll takes from one account, see the contract of the credits.
pub const TOO_MANY_CREDITS: U256 = U256::from_limbs([1 << 32, 0, 0, 0]);

/// What a contract answers, or the data that it refuses with: empty also where it has no such
/// function.
pub fn ask<C: Chain + ?Sized, S: SolCall>(
    chain: &C,
    contract: Address,
    call: &S,
) -> Result<Result<S::Return, Bytes>, Error> {
    match chain::view(chain, contract, call) {
        Ok(answer) => Ok(Ok(answer)),
        Err(ChainError::Reverted { data, .. }) => Ok(Err(data)),
        Err(ChainError::Answer(_) | ChainError::Halted(_)) => Ok(Err(Bytes::new())),
        Err(error) => Err(on_chain(format!("ask the contract at {contract}"))(error)),
    }
}

/// Refuses a contract that does not give voice credits. It may refuse this account, `from`, and give
/// others theirs, so that is said and no more.
pub fn check_credits<C: Chain + ?Sized>(
    chain: &C,
    contract: Address,
    from: Address,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let call = getVoiceCreditsCall {
        account: from,
        data: Bytes::new(),
    };
    match ask(chain, contract, &call)? {
        Ok(credits) if credits >= TOO_MANY_CREDITS => setting(
            Setting::CreditsContract,
            format!("{contract} gives account {from} {credits} voice credits: whom it gives 2^32 or more, no poll lets join"),
        ),
        Ok(credits) => {
            observer.note(&format!("an account such as {from} would join with {credits} voice credits"));
            Ok(())
        }
        Err(data) if data.is_empty() && !knows::<C, getVoiceCreditsCall>(chain, contract)? => setting(
            Setting::CreditsContract,
            format!(
                "{contract} has no function {}: it does not give voice credits, and no one could join",
                getVoiceCreditsCall::SIGNATURE
            ),
        ),
        Err(data) => {
            let reason = revert::name(&data).unwrap_or_else(|| format!("revert data {data}"));
            observer.warn(&format!(
                "the contract that gives credits refuses account {from} now, with {reason}: make sure that voters get theirs"
            ));
            Ok(())
        }
    }
}

/// Refuses a token that is no ERC-20. One of single pieces, ERC-721, has balances as well, and no
/// allowances.
pub fn check_top_up_token<C: Chain + ?Sized>(
    chain: &C,
    token: Address,
    from: Address,
) -> Result<(), Error> {
    let balance = SampleToken::balanceOfCall { account: from };
    let allowance = SampleToken::allowanceCall {
        owner: from,
        spender: from,
    };
    let answers = [
        ("balances", ask(chain, token, &balance)?.is_ok()),
        ("allowances", ask(chain, token, &allowance)?.is_ok()),
    ];
    match answers.iter().find(|(_, answers)| !answers) {
        None => Ok(()),
        Some((what, _)) => setting(
            Setting::TopUpToken,
            format!("{token} tells no {what}: it is not an ERC-20, and no one could top up"),
        ),
    }
}

/// Whether the code names a function.
fn knows<C: Chain + ?Sized, S: SolCall>(chain: &C, contract: Address) -> Result<bool, Error> {
    let code = chain
        .code(contract)
        .map_err(on_chain(format!("read the code at {contract}")))?;
    let mut selectors = code.windows(S::SELECTOR.len());
    Ok(selectors.any(|bytes| bytes == S::SELECTOR))
}

#[cfg(test)]
mod tests;
