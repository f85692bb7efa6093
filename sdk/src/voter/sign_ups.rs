//! The tree of sign-ups, rebuilt from MACI's events. The node that tells them is not trusted: the
//! root has to be the contract's.

use maci_nova_chain::{Chain, Contract, Log, Observer, Scan};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::MACI;
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::keys::PublicKey;
use maci_nova_protocol::lean_imt::{LeanImt, Path};
use maci_nova_protocol::membership::leaf;
use maci_nova_protocol::Fr;

use crate::error::{reading, Error};
use crate::hint::Hint;
use crate::poll::contract::view;

/// Every key that has signed up, in order.
#[derive(Debug)]
pub struct SignUps {
    tree: LeanImt,
}

/// One sign-up as its event tells it.
struct SignUp {
    index: u64,
    key: Point,
    root: Fr,
}

impl SignUps {
    /// Reads the sign-ups of a MACI and checks them against its roots.
    pub fn read<C: Chain + ?Sized>(
        chain: &C,
        maci: Contract,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let what = "read the sign-ups";
        let least: U256 = view(chain, maci.address, &MACI::rootCountCall {}, what)?;
        let mut tree = LeanImt::new();
        each(chain, maci, observer, |sign_up| {
            add(&mut tree, &sign_up).ok_or_else(|| wrong(maci, "contradict each other"))
        })?;
        let sign_ups = SignUps { tree };
        // Some may have come meanwhile, none can have gone.
        if U256::from(sign_ups.count()) < least {
            return Err(wrong(maci, "are not all there"));
        }
        sign_ups.check(chain, maci)?;
        Ok(sign_ups)
    }

    /// The contract has to have had the same root after the last of them.
    fn check<C: Chain + ?Sized>(&self, chain: &C, maci: Contract) -> Result<(), Error> {
        let (Some(root), Some(last)) = (self.tree.root(), self.last()) else {
            return Ok(());
        };
        let call = MACI::rootAtCall {
            index: U256::from(last),
        };
        let said = view(chain, maci.address, &call, "read the root of sign-ups")?;
        match said == words::scalar(&root) {
            true => Ok(()),
            false => Err(wrong(maci, "lead to another root than the contract's")),
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.tree.size() as u64
    }

    /// The index of the last one, which is also that of the root of all.
    pub fn last(&self) -> Option<u64> {
        self.count().checked_sub(1)
    }

    /// The index of a key.
    pub fn position(&self, key: &PublicKey) -> Option<u64> {
        let position = self.tree.position(&leaf(&key.point()));
        position.map(|index| index as u64)
    }

    /// What connects a key to the root of all; `None` if it has not signed up.
    pub fn path(&self, key: &PublicKey) -> Option<Path> {
        let index = self.tree.position(&leaf(&key.point()))?;
        self.tree.path(index).ok()
    }
}

/// The index of a key's sign-up. Nothing is rebuilt; an index is as good as the node's word, and
/// there is none only if as many were seen as the contract counts.
pub fn index_of<C: Chain + ?Sized>(
    chain: &C,
    maci: Contract,
    key: &PublicKey,
    observer: &dyn Observer,
) -> Result<Option<u64>, Error> {
    let what = "read the sign-ups";
    let least: U256 = view(chain, maci.address, &MACI::rootCountCall {}, what)?;
    let (mut found, mut seen) = (None, 0_u64);
    each(chain, maci, observer, |sign_up| {
        seen += 1;
        if sign_up.key == key.point() {
            found = Some(sign_up.index);
        }
        Ok(())
    })?;
    match found {
        None if U256::from(seen) < least => Err(wrong(maci, "are not all there")),
        found => Ok(found),
    }
}

fn each<C: Chain + ?Sized>(
    chain: &C,
    maci: Contract,
    observer: &dyn Observer,
    mut visit: impl FnMut(SignUp) -> Result<(), Error>,
) -> Result<(), Error> {
    let scan = Scan {
        contract: maci,
        topics: &[vec![MACI::SignUp::SIGNATURE_HASH]],
        what: "sign-ups",
        observer,
    };
    scan.each(chain, reading("sign-ups"), |log| {
        visit(decode(log).ok_or_else(|| wrong(maci, "are not of the contract's form"))?)
    })
}

/// Appends a sign-up; `None` if it is not the next one or leads to another root.
fn add(tree: &mut LeanImt, sign_up: &SignUp) -> Option<()> {
    let index = tree.insert(leaf(&sign_up.key)).ok()?;
    let next = index as u64 == sign_up.index && tree.root() == Some(sign_up.root);
    next.then_some(())
}

fn decode(log: &Log) -> Option<SignUp> {
    let event: MACI::SignUp = log.decode()?;
    Some(SignUp {
        index: event.index.try_into().ok()?,
        key: Point {
            x: words::to_scalar(event.x)?,
            y: words::to_scalar(event.y)?,
        },
        root: words::to_scalar(event.root)?,
    })
}

fn wrong(maci: Contract, what: &str) -> Error {
    Error::NotNow(format!(
        "the sign-ups of MACI {} {what}: the node leaves some out, or the poll file has a later first block; try again, or another node",
        maci.address
    ))
    .with_hint(Hint::OtherNode)
}
