//! What is paid when a poll is over, and giving one up.

use maci_nova_chain::clock::moment;
use maci_nova_chain::{self as chain, Chain};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::{Poll, SampleToken};
use maci_nova_contracts::poll::PollState;

use crate::error::{on_chain, Error};
use crate::poll::contract::{view, PollContract};

/// What was paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// Tokens of top-ups, in their smallest unit.
    pub tokens: U256,
    /// Fees of messages, in wei.
    pub fees: U256,
    /// Gas of the transactions; 0 if none was sent.
    pub gas: u64,
}

impl Paid {
    /// Whether there was nothing to pay.
    pub fn is_nothing(&self) -> bool {
        self.tokens.is_zero() && self.fees.is_zero()
    }
}

/// Gives a poll up whose deadline has passed. Returns the transaction's gas, or `None` if the poll
/// was given up before. `now` is about when the next block will be.
///
/// # Errors
/// [`Error::OnChain`] if the poll has its results; [`Error::NotNow`] before its deadline;
/// [`Error::Chain`].
pub fn abort<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    now: u64,
) -> Result<Option<u64>, Error> {
    match poll.state(chain)? {
        PollState::Aborted => return Ok(None),
        PollState::Finalized => {
            return Err(poll.inconsistent("it has its results and cannot be aborted"))
        }
        PollState::Pending | PollState::Open | PollState::Ended => {}
    }
    let deadline = poll.deadline(chain)?;
    if now < deadline {
        return Err(poll.not_now(&format!(
            "it can still be finalized; {}",
            give_up(poll, deadline, now)
        )));
    }
    let receipt = chain::send(chain, from, poll.address, &Poll::abortCall {}, U256::ZERO);
    let receipt = receipt.map_err(on_chain("abort the poll"))?;
    Ok(Some(receipt.gas_used))
}

/// Takes the top-ups and fees that `from` has paid back from a poll that was given up. If that was
/// done, nothing is.
///
/// # Errors
/// [`Error::OnChain`] if the poll has its results; [`Error::NotNow`] if it was not aborted;
/// [`Error::Chain`].
pub fn withdraw<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    now: u64,
) -> Result<Paid, Error> {
    match poll.state(chain)? {
        PollState::Aborted => {}
        PollState::Finalized => {
            return Err(poll.inconsistent(
                "it has its results: top-ups are the beneficiary's and fees the owner's",
            ))
        }
        PollState::Pending | PollState::Open | PollState::Ended => {
            return Err(not_given_up(chain, poll, now)?)
        }
    }
    let fees = poll.ask(chain, &Poll::feesOfCall { payer: from })?;
    let tokens = poll.ask(chain, &Poll::depositOfCall { depositor: from })?;
    let mut payer = Payer { chain, from, poll };
    // The one must not wait for the other: a token may refuse.
    let gas = [
        payer.pay(&Poll::withdrawFeesCall {}, fees, "withdraw the fees"),
        payer.pay(&Poll::withdrawCall {}, tokens, "withdraw the top-ups"),
    ];
    paid(tokens, fees, gas)
}

/// Pays the top-ups to the beneficiary and the fees to the owner of a poll that has its results. If
/// that was done, nothing is.
///
/// # Errors
/// [`Error::OnChain`] if the poll was aborted; [`Error::NotNow`] if it is not finalized yet;
/// [`Error::Chain`].
pub fn collect<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    poll: &PollContract,
    now: u64,
) -> Result<Paid, Error> {
    match poll.state(chain)? {
        PollState::Finalized => {}
        PollState::Aborted => {
            return Err(poll.inconsistent("it was aborted: what was paid can be withdrawn"))
        }
        PollState::Pending | PollState::Open => {
            let (_, end) = poll.times();
            return Err(poll.not_now(&format!(
                "it has no results: it ends at {}",
                moment(end, now)
            )));
        }
        PollState::Ended => return Err(poll.not_now("it has no results yet")),
    }
    let fees = chain
        .balance(poll.address)
        .map_err(on_chain("read the poll's balance"))?;
    let tokens = tokens(chain, poll)?;
    let mut payer = Payer { chain, from, poll };
    let gas = [
        payer.pay(&Poll::collectFeesCall {}, fees, "pay the fees to the owner"),
        payer.pay(
            &Poll::collectCall {},
            tokens,
            "pay the top-ups to the beneficiary",
        ),
    ];
    paid(tokens, fees, gas)
}

/// Tokens that a poll holds.
pub fn tokens<C: Chain + ?Sized>(chain: &C, poll: &PollContract) -> Result<U256, Error> {
    let token = poll.info.settings.topUpToken;
    if token == Address::ZERO {
        return Ok(U256::ZERO);
    }
    let call = SampleToken::balanceOfCall {
        account: poll.address,
    };
    view(chain, token, &call, "read the token of top-ups")
}

/// Who pays the gas of payments out of a poll.
struct Payer<'a, C: ?Sized> {
    chain: &'a mut C,
    from: Address,
    poll: &'a PollContract,
}

impl<C: Chain + ?Sized> Payer<'_, C> {
    /// Calls the poll unless nothing is due; the gas.
    fn pay(&mut self, call: &impl SolCall, due: U256, what: &str) -> Result<u64, Error> {
        if due.is_zero() {
            return Ok(0);
        }
        let receipt = chain::send(self.chain, self.from, self.poll.address, call, U256::ZERO);
        Ok(receipt.map_err(on_chain(what))?.gas_used)
    }
}

fn paid(tokens: U256, fees: U256, gas: [Result<u64, Error>; 2]) -> Result<Paid, Error> {
    let [first, second] = gas;
    Ok(Paid {
        tokens,
        fees,
        gas: first?.saturating_add(second?),
    })
}

fn not_given_up<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    now: u64,
) -> Result<Error, Error> {
    let deadline = poll.deadline(chain)?;
    Ok(poll.not_now(&format!(
        "it was not aborted, so nothing is paid back; {}",
        give_up(poll, deadline, now)
    )))
}

/// When a poll can be given up. The deadline moves with each message until the poll ends.
fn give_up(poll: &PollContract, deadline: u64, now: u64) -> String {
    let (_, end) = poll.times();
    if now >= deadline {
        return "anyone may do that now, with abort".into();
    }
    let least = if now < end { "at the earliest " } else { "" };
    format!(
        "without results anyone may abort it {least}from {} on",
        moment(deadline, now)
    )
}

#[cfg(test)]
mod tests;
