//! Joins, a transaction each. A sign-up joins a poll once, so that one may be sent again at any time.

use maci_nova_chain::{Chain, ChainError, Log, Receipt, Scan};
use maci_nova_contracts::alloy_primitives::{B256, U256};
use maci_nova_contracts::alloy_sol_types::{SolCall, SolEvent};
use maci_nova_contracts::bindings::Poll;
use maci_nova_node::RpcChain;
use maci_nova_sdk::error::{on_chain, reading};
use maci_nova_sdk::Error as PollError;
use tracing::info;

use super::{newest, Case, Sender};
use crate::progress::now;
use crate::relay::intake::GAS_A_JOIN;
use crate::relay::journal::Record;
use crate::relay::office::Fault;
use crate::relay::queue::Join;
use crate::stop::lock;

/// Blocks in which a join has to be before a higher price is offered for it.
const BLOCKS: u64 = 10;

/// How often that is done before others have their turn.
const PRICES: u32 = 5;

impl Sender {
    /// Whether the blocks of joins are deep enough, or were replaced.
    pub(super) fn follow_joins(&self, chain: &RpcChain, case: &Case<'_>) -> Result<(), Fault> {
        let landed = lock(&case.intake.queue).landed_joins().to_vec();
        if landed.is_empty() {
            return Ok(());
        }
        let head = newest(chain)?.number;
        for landed in landed {
            if head < landed.block.saturating_add(self.office.confirmations) {
                continue;
            }
            let nullifier = landed.join.nullifier;
            case.write(match is_used(chain, case, nullifier)? {
                true => Record::JoinConfirmed { nullifier },
                false => Record::JoinVanished { nullifier },
            })?;
        }
        Ok(())
    }

    /// Sends joins, until ballots cannot wait any longer.
    pub(super) fn join(&self, chain: &mut RpcChain, case: &Case<'_>) -> Result<(), Fault> {
        let waiting = lock(&case.intake.queue).waiting_joins().clone();
        for join in waiting {
            if self.office.stop.asked() || self.is_due(chain, case)? {
                break;
            }
            let sent = send(chain, case, &join);
            let outcome = settled(chain, case, &join, sent)?;
            case.write(outcome)?;
        }
        Ok(())
    }
}

fn is_used(chain: &RpcChain, case: &Case<'_>, nullifier: U256) -> Result<bool, Fault> {
    let call = Poll::nullifierUsedCall { nullifier };
    Ok(case.facts.poll.ask(chain, &call)?)
}

/// At a higher price where it waits for long.
fn send(chain: &mut RpcChain, case: &Case<'_>, join: &Join) -> Result<Receipt, ChainError> {
    let (account, poll) = (case.intake.account, case.facts.poll.address);
    let mut replaces: Option<B256> = None;
    for _ in 0..PRICES {
        let newest = chain.block(maci_nova_chain::BlockId::Latest)?.number;
        let last = newest.saturating_add(BLOCKS);
        let data = join.calldata.clone();
        match chain.send_until(account, poll, data, U256::ZERO, last, replaces) {
            Err(ChainError::Overdue { transaction }) => replaces = Some(transaction),
            sent => return sent,
        }
    }
    Err(ChainError::Undecided {
        transaction: replaces.unwrap_or_default(),
        reason: "it has been in no block for long".into(),
    })
}

/// What became of a join. One that the poll refuses may have been in a block before.
fn settled(
    chain: &RpcChain,
    case: &Case<'_>,
    join: &Join,
    sent: Result<Receipt, ChainError>,
) -> Result<Record, Fault> {
    let (poll, nullifier) = (&case.facts.poll, join.nullifier);
    let (gas, error) = match sent {
        Ok(receipt) => {
            let event: Option<Poll::Join> = receipt.event(poll.address);
            let missing = || poll.inconsistent("a join went through without the poll's event");
            let event = event.ok_or_else(missing)?;
            info!(poll = %poll.address, "relayed a join in block {}", receipt.block_number);
            return Ok(Record::Joined {
                nullifier,
                transaction: receipt.transaction,
                block: receipt.block_number,
                state_index: event.stateIndex.saturating_to(),
                gas: receipt.gas_used,
                time: now(),
            });
        }
        Err(error @ ChainError::Reverted { gas_used, .. }) => (gas_used.unwrap_or(0), error),
        Err(error @ ChainError::Halted(_)) => (GAS_A_JOIN, error),
        Err(error @ ChainError::Earlier(_)) => (0, error),
        Err(error) => return Err(on_chain("relay a join")(error).into()),
    };
    if is_used(chain, case, nullifier)? {
        if let Some(joined) = find(chain, case, join)? {
            return Ok(joined);
        }
    }
    if matches!(error, ChainError::Earlier(_)) {
        return Err(on_chain("relay a join")(error).into());
    }
    case.intake.count("join-refused");
    Ok(Record::Refused {
        nullifier,
        gas,
        time: now(),
    })
}

/// The event of a join with this poll key, from whoever it came: a nullifier that is used was used for
/// the key that its proof is bound to.
fn find(chain: &RpcChain, case: &Case<'_>, join: &Join) -> Result<Option<Record>, Fault> {
    let poll = &case.facts.poll;
    let Ok(call) = Poll::joinCall::abi_decode(&join.calldata) else {
        return Ok(None);
    };
    let mut found = None;
    let scan = Scan {
        contract: maci_nova_chain::Contract {
            address: poll.address,
            first_block: poll.first_block,
        },
        topics: &[vec![Poll::Join::SIGNATURE_HASH]],
        what: "joins",
        observer: &(),
    };
    let failed = reading("joins");
    scan.each(chain, failed, |log: &Log| -> Result<(), PollError> {
        let event: Option<Poll::Join> = log.decode();
        let ours = event.filter(|event| (event.x, event.y) == (call.pollKey.x, call.pollKey.y));
        if let Some(event) = ours {
            found = Some(Record::Joined {
                nullifier: join.nullifier,
                transaction: log.transaction,
                block: log.block_number,
                state_index: event.stateIndex.saturating_to(),
                gas: 0,
                time: now(),
            });
        }
        Ok(())
    })?;
    Ok(found)
}
