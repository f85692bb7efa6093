//! MACI's sign-ups and polls, each of which has to have its event.

use maci_nova_chain::{Chain, Contract, Observer, Scan};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::MACI;

use crate::error::{reading, Error};
use crate::hint::Hint;
use crate::poll::contract::view;
use crate::voter::sign_ups::SignUps;

/// Rebuilds the tree of sign-ups, and counts the polls. A MACI that began with some that nobody
/// made has no events of them.
pub(super) fn check<C: Chain + ?Sized>(
    chain: &C,
    maci: Contract,
    observer: &dyn Observer,
) -> Result<(), Error> {
    SignUps::read(chain, maci, observer)?;
    let call = MACI::pollCountCall {};
    let count: U256 = view(chain, maci.address, &call, "read the polls of MACI")?;
    let scan = Scan {
        contract: maci,
        topics: &[vec![MACI::PollCreated::SIGNATURE_HASH]],
        what: "polls",
        observer,
    };
    let mut polls = U256::ZERO;
    let mut in_order = true;
    scan.each(chain, reading("polls"), |log| {
        let created: Option<MACI::PollCreated> = log.decode();
        in_order &= created.is_some_and(|created| created.index == polls);
        polls += U256::ONE;
        Ok(())
    })?;
    // Some may have come meanwhile.
    match in_order && polls >= count {
        true => Ok(()),
        false => Err(Error::NotNow(format!(
            "the polls of MACI {} are not all told of: the node leaves some out, or MACI began with polls that nobody created, or the poll file has a later first block; try another node",
            maci.address
        ))
        .with_hint(Hint::OtherNode)),
    }
}
