//! Creating polls: what is fixed then, and what is refused.

use ff::Field;
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::SolError;
use maci_nova_contracts::bindings::{Poll, PollFactory, MACI};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::poll::{poll_id, PollState};
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::field::Fr;
use maci_nova_protocol::poll::{Header, State};
use maci_nova_protocol::tally::Mode;

use crate::poll::world::{key, maci_key, shape, World, ALICE, HOUR, MALLORY, OPTIONS, OWNER};

fn refused(change: impl FnOnce(&mut MACI::PollSettings), error: impl SolError) {
    let mut world = World::new();
    let mut settings = world.settings();
    change(&mut settings);
    world.refuses(|world| world.create(OWNER, settings), error);
}

fn accepted(change: impl FnOnce(&mut MACI::PollSettings)) {
    let mut world = World::new();
    let mut settings = world.settings();
    change(&mut settings);
    world.create(OWNER, settings).unwrap();
}

#[test]
fn a_poll_knows_everything_that_it_was_made_with() {
    let mut world = World::new();
    let modes = [Mode::Quadratic, Mode::Linear, Mode::Full, Mode::Negative];
    for (index, mode) in (0..).zip(modes) {
        let mut settings = world.settings();
        settings.mode = index as u8;
        if mode == Mode::Full {
            settings.topUpToken = Address::ZERO;
        }
        settings.voteOptions = 3;
        settings.messageFee = U256::from(11);
        let created = settings.clone();
        world.poll = world.create(ALICE, settings).unwrap();
        let info = world.info();
        let chain_id = maci_nova_contracts::evm::CHAIN_ID;
        let header = Header {
            poll_id: poll_id(chain_id, world.maci, index),
            coordinator_key: key(1),
            vote_options: 3,
            mode,
            signed_within: 0,
            state_tree_depth: 2,
            vote_option_tree_depth: 1,
        };
        header.validate().unwrap();
        let initial = State::initial(&header)
            .to_array()
            .map(|x| words::scalar(&x));
        assert_eq!(info.maci, world.maci);
        assert_eq!(info.owner, world.account(ALICE));
        assert_eq!(info.pollId, header.poll_id);
        assert_eq!(info.verifier, world.verifier);
        assert_eq!(info.joinVerifier, world.join_verifier);
        assert_eq!(info.bundleVerifier, world.bundle_verifier);
        assert_eq!(info.pollContext, words::scalar(&header.context()));
        let scope = crate::poll::world::scope(chain_id, world.maci, header.poll_id);
        assert_eq!(info.scope, words::scalar(&scope));
        assert_eq!([info.emptyStateRoot, info.emptyTallyRoot], initial[6..]);
        assert_same(&info.settings, &created);
    }
}

/// Field by field: the two bindings have types of their own.
fn assert_same(told: &Poll::PollSettings, created: &MACI::PollSettings) {
    use maci_nova_contracts::alloy_sol_types::SolValue;
    assert_eq!(told.abi_encode(), created.abi_encode());
}

#[test]
fn polls_are_counted_and_found() {
    let mut world = World::new();
    for index in 0..3u64 {
        let settings = world.settings();
        let call = MACI::createPollCall { settings };
        let receipt = world.send(ALICE, world.maci, &call).unwrap();
        let event: MACI::PollCreated = receipt.event(world.maci).unwrap();
        assert_eq!(event.index, U256::from(index));
        assert_eq!(event.owner, world.account(ALICE));
        let chain_id = maci_nova_contracts::evm::CHAIN_ID;
        assert_eq!(event.pollId, poll_id(chain_id, world.maci, index));
        let index = event.index;
        let found = world.view(world.maci, MACI::pollAtCall { index });
        assert_eq!(found, event.poll);
        let count: U256 = world.view(world.maci, MACI::pollCountCall {});
        assert_eq!(count, index + U256::ONE);
    }
    let index = U256::from(3);
    let call = MACI::pollAtCall { index };
    let error = maci_nova_chain::view(&world.evm, world.maci, &call).unwrap_err();
    let expected = MACI::MACIErrors::UnknownPoll(MACI::UnknownPoll { index });
    assert_eq!(error.revert(), Some(expected));
}

/// Commands sign nothing but the poll id, so it differs wherever a command could be replayed.
#[test]
fn poll_ids_differ_between_polls_deployments_and_chains() {
    let mut ids = Vec::new();
    for chain_id in [1, 31_337] {
        let mut world = World::with(32, Evm::with_chain_id(chain_id), false);
        let gatekeeper = world.gatekeeper;
        for _ in 0..2 {
            for index in 0..2 {
                let settings = world.settings();
                world.poll = world.create(OWNER, settings).unwrap();
                let id = world.info().pollId;
                assert_eq!(id, poll_id(chain_id, world.maci, index));
                ids.push(id);
            }
            let free = maci_nova_contracts::deploy::free_for_all_gatekeeper(SENDER);
            world.gatekeeper = world.deploy(free.unwrap());
            world.maci = world.new_maci(world.gatekeeper, 32).unwrap();
            assert_ne!(world.gatekeeper, gatekeeper);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[test]
fn anybody_can_make_a_poll_but_not_one_of_this_maci() {
    let mut world = World::open();
    let info = world.info();
    let encoded = {
        use maci_nova_contracts::alloy_sol_types::SolValue;
        info.settings.abi_encode()
    };
    let call = PollFactory::deployCall {
        setup: PollFactory::PollSetup {
            owner: world.account(MALLORY),
            pollId: info.pollId,
            joinVerifier: info.joinVerifier,
            bundleVerifier: info.bundleVerifier,
            verifier: info.verifier,
            emptyStateRoot: info.emptyStateRoot,
            emptyTallyRoot: info.emptyTallyRoot,
        },
        settings: {
            use maci_nova_contracts::alloy_sol_types::SolValue;
            PollFactory::PollSettings::abi_decode(&encoded).unwrap()
        },
    };
    let before: U256 = world.view(world.maci, MACI::pollCountCall {});
    world.send(MALLORY, world.factory, &call).unwrap();
    let after: U256 = world.view(world.maci, MACI::pollCountCall {});
    assert_eq!(before, after);
}

#[test]
fn a_shape_without_a_verifier() {
    refused(
        |settings| settings.shape = shape(3, 1),
        MACI::UnknownShape {},
    );
    refused(
        |settings| settings.shape = shape(0, 0),
        MACI::UnknownShape {},
    );
    refused(
        |settings| settings.shape.eventsPerStep = 2,
        MACI::UnknownShape {},
    );
}

#[test]
fn a_start_in_the_past() {
    let mut world = World::new();
    let mut settings = world.settings();
    let now = world.evm.latest().timestamp + 100;
    settings.startTime = now;
    let late = settings.clone();
    let error = MACI::StartInThePast { startTime: now };
    world.go_to(now + 1);
    world.refuses(|world| world.create(OWNER, late), error);
    let mut world = World::new();
    world.go_to(now);
    world.poll = world.create(OWNER, settings).unwrap();
    assert_eq!(state(&world), PollState::Open);
}

fn state(world: &World) -> PollState {
    let state = world.view(world.poll, Poll::stateCall {});
    PollState::from_number(state).unwrap()
}

#[test]
fn an_end_that_is_not_after_the_start() {
    let error = || MACI::EndNotAfterStart {};
    refused(|settings| settings.endTime = settings.startTime, error());
    refused(
        |settings| settings.endTime = settings.startTime - 1,
        error(),
    );
    refused(|settings| settings.endTime = 0, error());
    accepted(|settings| settings.endTime = settings.startTime + 1);
}

/// Payments are kept until a poll is over.
#[test]
fn an_end_that_is_more_than_a_year_ahead() {
    let mut world = World::new();
    let mut settings = world.settings();
    let now = world.evm.latest().timestamp + 100;
    for end in [now + 365 * 24 * HOUR + 1, u64::MAX] {
        settings.endTime = end;
        let settings = settings.clone();
        world.go_to(now);
        let error = MACI::EndTooFar { endTime: end };
        world.refuses(|world| world.create(OWNER, settings), error);
        world = World::new();
    }
    settings.endTime = now + 365 * 24 * HOUR;
    world.go_to(now);
    world.create(OWNER, settings).unwrap();
}

#[test]
fn a_time_for_proving_that_is_too_short_or_too_long() {
    for base in [0, HOUR - 1, 365 * 24 * HOUR + 1, u64::MAX] {
        let error = MACI::ProvingBaseOutOfRange { provingBase: base };
        refused(|settings| settings.provingBase = base, error);
    }
    for base in [HOUR, 365 * 24 * HOUR] {
        accepted(|settings| settings.provingBase = base);
    }
    for time in [0, HOUR as u32 + 1, u32::MAX] {
        let error = MACI::ProvingPerMessageOutOfRange {
            provingPerMessage: time,
        };
        refused(|settings| settings.provingPerMessage = time, error);
    }
    for time in [1, HOUR as u32] {
        accepted(|settings| settings.provingPerMessage = time);
    }
    let most = 90 * 24 * HOUR as u32;
    for max in [0, 59, most + 1, u32::MAX] {
        let error = MACI::ProvingMaxOutOfRange { provingMax: max };
        refused(|settings| settings.provingMax = max, error);
    }
    for max in [60, most] {
        accepted(|settings| settings.provingMax = max);
    }
}

#[test]
fn top_ups_without_a_price_or_a_beneficiary() {
    refused(
        |settings| settings.creditUnit = U256::ZERO,
        MACI::CreditUnitIsZero {},
    );
    refused(
        |settings| settings.beneficiary = Address::ZERO,
        MACI::NoBeneficiary {},
    );
    // Without top-ups neither means anything.
    accepted(|settings| {
        settings.topUpToken = Address::ZERO;
        settings.creditUnit = U256::ZERO;
        settings.beneficiary = Address::ZERO;
    });
}

/// Who tops a voter up would make every one of their ballots spend too little.
#[test]
fn top_ups_in_a_poll_that_spends_all() {
    refused(|settings| settings.mode = 2, MACI::TopUpsInFullMode {});
    accepted(|settings| {
        settings.mode = 2;
        settings.topUpToken = Address::ZERO;
    });
}

#[test]
fn addresses_without_a_contract() {
    let account = Address::repeat_byte(0x99);
    let error = || MACI::NoContract { account };
    refused(|settings| settings.credits = account, error());
    refused(|settings| settings.topUpToken = account, error());
    let account = Address::ZERO;
    let error = MACI::NoContract { account };
    refused(|settings| settings.credits = account, error);
}

#[test]
fn a_coordinator_key_that_is_not_canonical_or_off_the_curve() {
    let MACI::PublicKey { x, y } = maci_key(&key(1));
    for key in [
        (x + crate::poll::world::order(), y),
        (x, y + crate::poll::world::order()),
        (crate::poll::world::order(), y),
        (U256::MAX, U256::MAX),
    ] {
        refused(
            |settings| {
                settings.coordinatorKey = MACI::PublicKey { x: key.0, y: key.1 };
            },
            MACI::KeyNotCanonical {},
        );
    }
    let off = Point {
        x: Fr::ONE,
        y: Fr::ONE,
    };
    refused(
        |settings| settings.coordinatorKey = maci_key(&off),
        MACI::KeyNotOnCurve {},
    );
}

#[test]
fn every_number_of_options_that_fits() {
    for options in 1..=OPTIONS as u32 {
        accepted(|settings| settings.voteOptions = options);
    }
}
