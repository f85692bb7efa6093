//! Whether a coordinator's key is fresh.

use maci_nova_chain::{Chain, Observer, Scan, Stage};
use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::{Poll, MACI};
use maci_nova_contracts::words;
use maci_nova_protocol::keys::PublicKey;

use crate::error::{reading, Error};
use crate::poll::contract::view;
use crate::poll::file::PollFile;

/// The newest polls are looked at, so many: anybody may create polls.
const MOST: usize = 200;

/// Whether one of the newest polls of the deployment's MACI is encrypted to this key.
pub fn is_used<C: Chain + ?Sized>(
    chain: &C,
    file: &PollFile,
    key: &PublicKey,
    observer: &dyn Observer,
) -> Result<bool, Error> {
    let point = key.point();
    let [x, y] = [&point.x, &point.y].map(words::scalar);
    let scan = Scan {
        contract: file.contracts.maci,
        topics: &[vec![MACI::PollCreated::SIGNATURE_HASH]],
        what: "polls of MACI",
        observer,
    };
    let mut polls = Vec::new();
    scan.each(chain, reading("polls of MACI"), |log| {
        polls.extend(log.decode().map(|created: MACI::PollCreated| created.poll));
        Ok(())
    })?;
    let polls = polls.split_off(polls.len().saturating_sub(MOST));
    let mut progress = observer.begin(Stage::Counted {
        label: "keys of polls",
        unit: "polls",
        done: 0,
        total: polls.len() as u64,
    });
    for (number, poll) in (1..).zip(polls) {
        let info = view(chain, poll, &Poll::pollInfoCall {}, "read the poll")?;
        let other = info.settings.coordinatorKey;
        if (other.x, other.y) == (x, y) {
            return Ok(true);
        }
        progress.at(number);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::poll_creation::Terms;
    use crate::testing::{public_key, World, QUIET};

    #[test]
    fn a_key_is_for_one_poll() {
        let mut world = World::new();
        let used = |world: &World, seed| {
            is_used(&world.evm, &world.file, &public_key(seed), &QUIET).unwrap()
        };
        assert!(!used(&world, 1));
        for seed in [1, 2] {
            world.file.poll = None;
            world.file.poll_info = None;
            let terms = Terms {
                coordinator_key: public_key(seed),
                ..world.terms()
            };
            world.create(&terms);
        }
        assert!(used(&world, 1) && used(&world, 2));
        assert!(!used(&world, 3));
    }
}
