//! Numbers at their edges, as arguments and files can have them, on a chain in this process.

use std::time::Duration;

use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_coordinator::coordinator::{Coordinator, CoordinatorContext, Reached};
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::message::Message;
use maci_nova_protocol::Fr;
use maci_nova_sdk::testing::{key, public_key, World};
use maci_nova_sdk::voter::anchor::Anchor;
use maci_nova_sdk::voter::ballot::{Ballot, Choice};
use maci_nova_sdk::voter::budget::Budget;
use maci_nova_sdk::voter::signer::Signer;
use maci_nova_sdk::voter::{publish, top_up};
use maci_nova_sdk::ErrorKind;

const MOST: u64 = u64::MAX;

/// Whatever it costs.
const ANY: Budget = Budget {
    message_fee: U256::MAX,
    tokens: U256::MAX,
};

#[test]
fn top_ups_that_cannot_be() {
    let (mut world, poll) = World::with_payments();
    let from = world.account(0);
    for (state_index, credits) in [
        (MOST, 1),
        (0, 1),
        (1, MOST),
        (1, 0),
        (1, 1 << 48),
        // More than there are tokens.
        (1, (1 << 48) - 1),
        (MOST, MOST),
    ] {
        let refused = top_up(&mut world.evm, from, &poll, state_index, credits, &ANY, &());
        let kind = refused.map_err(|error| error.kind()).expect_err("refused");
        // What the amount alone shows is wrong with the request.
        let impossible = credits == 0 || credits >> 48 != 0;
        assert_eq!(
            kind == ErrorKind::Request,
            impossible,
            "{state_index} {credits}"
        );
    }
    for before_key_change in [false, true] {
        let signer = Signer {
            key: &public_key(1002),
            state_index: Some(MOST),
            first_nonce: MOST,
            before_key_change,
        };
        let nobody = signer.find(&world.evm, &poll, &());
        assert!(nobody.is_err(), "{nobody:?}");
    }
}

/// A file of messages may name any block, and any anchor.
#[test]
fn messages_of_blocks_that_cannot_be() {
    let (mut world, poll) = World::with_payments();
    let from = world.account(0);
    for block_number in [0, 1, MOST - 1, MOST] {
        for anchor in [Fr::from(0), Fr::from(6), -Fr::from(1)] {
            let message = Message {
                data: [Fr::from(9); 10],
                encryption_key: public_key(77).point(),
                anchor,
            };
            let signed = SignedMessage {
                message,
                block_number,
            };
            let refused = publish(&mut world.evm, from, &poll, &[signed], &ANY, &());
            assert!(refused.is_err(), "{block_number} {anchor:?}");
        }
    }
}

#[test]
fn ballots_that_cannot_be() {
    let (_, poll) = World::with_payments();
    let key = key(1002);
    for (state_index, first_nonce, option, weight) in [
        (MOST, 1, 0, 1),
        (1, MOST, 0, 1),
        (1, 1, MOST, 1),
        (1, 1, 0, i64::MAX),
        (1, 1, 0, i64::MIN),
        (MOST, MOST, MOST, i64::MIN),
        (0, 0, 0, 0),
    ] {
        let choices = [Choice { option, weight }];
        let ballot = Ballot {
            header: poll.header(),
            state_index,
            key: &key,
            choices: &choices,
            new_key: None,
            first_nonce,
            at_least: 1,
        };
        let what = format!("{state_index} {first_nonce} {option} {weight}");
        assert!(ballot.messages(&Anchor::NONE).is_err(), "{what}");
        assert!(ballot.check_votes().is_err(), "{what}");
        assert!(ballot.nonces().len() <= 1, "{what}");
        assert_eq!(ballot.cost(), ballot.header.mode.cost(weight), "{what}");
    }
}

/// Nothing has so many confirmations, and no checkpoint is ever due: there is nothing to do.
#[test]
fn a_coordinator_that_waits_for_ever() {
    let (world, poll) = World::with_payments();
    let key = key(1);
    let parameters =
        Parameters::setup(poll.shape(), &SetupSource::InsecureDevelopment).expect("parameters");
    for checkpoint_every in [
        Interval::Steps(MOST),
        Interval::Time(Duration::from_secs(MOST)),
    ] {
        for (confirmations, steps) in [(MOST, 0), (0, 1)] {
            let folder = tempfile::tempdir().expect("a folder");
            let directory = ProofDirectory::open(&folder.path().join("proof")).expect("a proof's");
            let context = CoordinatorContext {
                poll: &poll,
                key: &key,
                parameters: &parameters,
                confirmations,
                checkpoint_every,
                second: None,
                workers: None,
                observer: &(),
            };
            let mut coordinator = Coordinator::open(context, &directory).expect("begun");
            let reached = coordinator.work(&world.evm).expect("worked");
            assert_eq!((reached, coordinator.steps()), (Reached::Open, steps));
        }
    }
}
