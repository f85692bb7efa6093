//! The tree of sign-ups, rebuilt from MACI's events. The node that tells them is not trusted: the
//! root has to be the contract's, and where something was known of the tree before, it has to be so.
//!
//! A node that shows a voter a tree of its own, or one that is cut, sees from what comes next
//! whether the voter is in it; with enough attempts it finds out who joins. A [`KnownRoot`] of
//! before leaves it no choice: the tree contains all the sign-ups that lead to it.

use maci_nova_chain::{Chain, Contract, Log, Observer, Scan};
use maci_nova_contracts::alloy_primitives::{B256, U256};
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
use crate::poll::known_root::KnownRoot;

/// The newest root of a MACI, as a node tells it; none before the first sign-up.
///
/// # Errors
/// [`Error::Chain`].
pub fn newest_root<C: Chain + ?Sized>(
    chain: &C,
    maci: Contract,
) -> Result<Option<KnownRoot>, Error> {
    let what = "read the root of sign-ups";
    let count: U256 = view(chain, maci.address, &MACI::rootCountCall {}, what)?;
    let Some(index) = count.checked_sub(U256::ONE) else {
        return Ok(None);
    };
    let root: U256 = view(chain, maci.address, &MACI::rootAtCall { index }, what)?;
    let index = u64::try_from(index)
        .map_err(|_| Error::OnChain(format!("MACI {} counts {count} sign-ups", maci.address)))?;
    Ok(Some(KnownRoot {
        index,
        root: root.into(),
    }))
}

/// Every key that has signed up, in order.
#[derive(Debug)]
pub struct SignUps {
    tree: LeanImt,
    /// As it was after the last sign-up that may be used, if others have followed.
    usable: Option<LeanImt>,
}

/// One sign-up as its event tells it.
struct SignUp {
    index: u64,
    key: Point,
    root: Fr,
}

impl SignUps {
    /// Reads the sign-ups of a MACI and checks them against its roots.
    ///
    /// # Errors
    /// [`Error::NotNow`] if the node leaves some out; [`Error::Chain`].
    pub fn read<C: Chain + ?Sized>(
        chain: &C,
        maci: Contract,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        Self::read_knowing(chain, maci, u64::MAX, &[], observer)
    }

    /// The same for a poll that takes roots up to that after the sign-up `last`, where some roots
    /// are known.
    ///
    /// # Errors
    /// The same; [`Error::OnChain`] if the tree never had a root that is known.
    pub fn read_knowing<C: Chain + ?Sized>(
        chain: &C,
        maci: Contract,
        last: u64,
        known: &[KnownRoot],
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let what = "read the sign-ups";
        let least: U256 = view(chain, maci.address, &MACI::rootCountCall {}, what)?;
        let mut tree = LeanImt::new();
        let mut usable = None;
        each(chain, maci, observer, |sign_up| {
            if sign_up.index == last.saturating_add(1) {
                usable = Some(tree.clone());
            }
            let root = B256::from(words::scalar(&sign_up.root));
            let differs = |known: &&KnownRoot| known.index == sign_up.index && known.root != root;
            if known.iter().any(|known| differs(&known)) {
                return Err(contradicted(maci, &format!("sign-up {}", sign_up.index)));
            }
            add(&mut tree, &sign_up).ok_or_else(|| wrong(maci, "contradict each other"))
        })?;
        let sign_ups = SignUps { tree, usable };
        // Some may have come meanwhile, none can have gone.
        if U256::from(sign_ups.tree.size()) < least {
            return Err(wrong(maci, "are not all there"));
        }
        sign_ups.check(chain, maci)?;
        let unseen = known
            .iter()
            .find(|known| known.index >= sign_ups.tree.size() as u64);
        match unseen {
            Some(known) => Err(contradicted(maci, &format!("sign-up {}", known.index))),
            None => Ok(sign_ups),
        }
    }

    /// The contract has to have had the same root after the last of them.
    fn check<C: Chain + ?Sized>(&self, chain: &C, maci: Contract) -> Result<(), Error> {
        let Some(root) = self.tree.root() else {
            return Ok(());
        };
        let call = MACI::rootAtCall {
            index: U256::from(self.tree.size() - 1),
        };
        let said = view(chain, maci.address, &call, "read the root of sign-ups")?;
        match said == words::scalar(&root) {
            true => Ok(()),
            false => Err(wrong(maci, "lead to another root than the contract's")),
        }
    }

    /// The tree that a poll takes.
    fn usable(&self) -> &LeanImt {
        self.usable.as_ref().unwrap_or(&self.tree)
    }

    /// How many there are that a poll takes.
    pub fn count(&self) -> u64 {
        self.usable().size() as u64
    }

    /// The index of the last of them, which is also that of the root of all.
    pub fn last(&self) -> Option<u64> {
        self.count().checked_sub(1)
    }

    /// The index of a key, whether a poll takes it or not.
    pub fn position(&self, key: &PublicKey) -> Option<u64> {
        let position = self.tree.position(&leaf(&key.point()));
        position.map(|index| index as u64)
    }

    /// What connects a key to the root of all that a poll takes; `None` if it is not one of them.
    pub fn path(&self, key: &PublicKey) -> Option<Path> {
        let index = self.usable().position(&leaf(&key.point()))?;
        self.usable().path(index).ok()
    }
}

/// A key's sign-up, and the root that it led to. Nothing is rebuilt; what is found is as good as the
/// node's word, and there is none only if as many were seen as the contract counts.
///
/// # Errors
/// [`Error::NotNow`] if the node leaves some out; [`Error::Chain`].
pub fn find<C: Chain + ?Sized>(
    chain: &C,
    maci: Contract,
    key: &PublicKey,
    observer: &dyn Observer,
) -> Result<Option<KnownRoot>, Error> {
    let what = "read the sign-ups";
    let least: U256 = view(chain, maci.address, &MACI::rootCountCall {}, what)?;
    let (mut found, mut seen) = (None, 0_u64);
    each(chain, maci, observer, |sign_up| {
        seen += 1;
        if sign_up.key == key.point() {
            found = Some(KnownRoot {
                index: sign_up.index,
                root: words::scalar(&sign_up.root).into(),
            });
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

/// The node shows another tree than the one that was there.
pub(super) fn contradicted(maci: Contract, what: &str) -> Error {
    Error::OnChain(format!(
        "the node's tree of sign-ups of MACI {} contradicts what is known of {what}: it lies, or it is far behind; joining with what it says could tell it who you are; use another node",
        maci.address
    ))
    .with_hint(Hint::OtherNode)
}

fn wrong(maci: Contract, what: &str) -> Error {
    Error::NotNow(format!(
        "the sign-ups of MACI {} {what}: the node leaves some out, or the poll file has a later first block; try again, or another node",
        maci.address
    ))
    .with_hint(Hint::OtherNode)
}
