//! Joining a poll.

use maci_nova_contracts::alloy_primitives::{Bytes, U256};
use maci_nova_contracts::bindings::{ConstantInitialVoiceCreditProxy, Poll, MACI};
use maci_nova_contracts::evm::{Evm, CHAIN_ID};
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::field::Fr;

use crate::poll::world::{
    asked, binding, join_call, key, order, poll_key, scope, Answer, MockVerifier, World, ALICE,
    BOB, CREDITS, MALLORY, OWNER,
};

/// A poll with one sign-up.
fn world() -> World {
    let mut world = World::open();
    world.sign_up(ALICE, &key(1)).unwrap();
    world
}

#[test]
fn voters_get_indices_from_one() {
    let mut world = world();
    for number in 1..=3u64 {
        let call = join_call(number);
        let receipt = world.send(ALICE, world.poll, &call).unwrap();
        let event: Poll::Join = receipt.event(world.poll).unwrap();
        let Poll::PublicKey { x, y } = call.pollKey;
        let expected = Poll::Join {
            stateIndex: U256::from(number),
            x,
            y,
            credits: U256::from(CREDITS),
        };
        assert_eq!(event, expected);
        assert_eq!(world.chains().joinCount, U256::from(number + 1));
        let nullifier = call.nullifier;
        let used = Poll::nullifierUsedCall { nullifier };
        assert!(world.view(world.poll, used));
    }
}

#[test]
fn a_nullifier_is_used_once() {
    let mut world = world();
    world.send(ALICE, world.poll, &join_call(1)).unwrap();
    let mut again = join_call(2);
    again.nullifier = join_call(1).nullifier;
    let nullifier = again.nullifier;
    let error = Poll::NullifierAlreadyUsed { nullifier };
    world.refuses(|world| world.send(BOB, world.poll, &again), error);
}

#[test]
fn a_root_that_is_not_there() {
    let mut world = world();
    for index in [1, u64::from(u32::MAX)] {
        let index = U256::from(index);
        let mut call = join_call(1);
        call.rootIndex = index;
        let error = MACI::UnknownRoot { index };
        world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    }
}

/// A poll for those who signed up before somebody else: later roots have both of them.
#[test]
fn a_root_that_is_too_new_for_the_poll() {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.lastRoot = 1;
    world.open_with(settings);
    for number in 0..4 {
        world.sign_up(ALICE, &key(10 + number)).unwrap();
    }
    let with_root = |number: u64, index: U256| {
        let mut call = join_call(number);
        call.rootIndex = index;
        move |world: &mut World| world.send(ALICE, world.poll, &call)
    };
    for index in [U256::from(2), U256::from(3), U256::ONE << 32, U256::MAX] {
        let error = Poll::RootTooNew {
            rootIndex: index,
            lastRoot: U256::ONE,
        };
        world.refuses(with_root(1, index), error);
    }
    with_root(1, U256::ZERO)(&mut world).unwrap();
    with_root(2, U256::ONE)(&mut world).unwrap();
}

/// A join is used up once and for all, so nobody's goes for fewer credits than they wanted it for.
#[test]
fn fewer_credits_than_asked_for() {
    let mut world = world();
    let least = |least: U256| {
        let mut call = join_call(1);
        call.minCredits = least;
        move |world: &mut World| world.send(ALICE, world.poll, &call)
    };
    let credits = U256::from(CREDITS);
    for minimum in [credits + U256::ONE, U256::ONE << 128, U256::MAX] {
        let error = Poll::TooFewCredits {
            credits,
            minCredits: minimum,
        };
        world.refuses(least(minimum), error);
    }
    least(credits)(&mut world).unwrap();
}

/// Voters whose proof is older than the newest sign-up can still use it.
#[test]
fn old_roots_stay_good() {
    let mut world = world();
    let mut roots = Vec::new();
    for index in 0..5u64 {
        world.sign_up(BOB, &key(10 + index)).unwrap();
        let index = U256::from(index);
        let root: U256 = world.view(world.maci, MACI::rootAtCall { index });
        roots.push(root);
    }
    world.answer(world.join_verifier, Answer::Echo);
    for (index, root) in roots.into_iter().enumerate() {
        let mut call = join_call(1);
        call.rootIndex = U256::from(index);
        let asked = asked(world.send(ALICE, world.poll, &call));
        assert_eq!(asked[0], root);
    }
}

#[test]
fn a_proof_that_the_verifier_rejects() {
    let mut world = world();
    world.answer(world.join_verifier, Answer::Reject);
    let join = |world: &mut World| world.send(ALICE, world.poll, &join_call(1));
    world.refuses(join, MockVerifier::ProofRejected {});
    world.answer(world.join_verifier, Answer::Accept);
    join(&mut world).unwrap();
}

/// The verifier is asked about root, nullifier, scope, binding, and the proof as it came.
#[test]
fn what_the_verifier_is_asked() {
    let mut world = world();
    world.answer(world.join_verifier, Answer::Echo);
    let poll = world.poll;
    let info = world.info();
    let root: U256 = world.view(world.maci, MACI::rootAtCall { index: U256::ZERO });
    let keys = [key(3001), key(3002)];
    let terms = [(vec![], 0), (vec![0], 7), (vec![7; 100], u64::MAX)];
    for from in [ALICE, BOB] {
        for voters_key in &keys {
            for (credit_data, least) in &terms {
                let mut call = join_call(1);
                call.minCredits = U256::from(*least);
                call.pollKey = poll_key(voters_key);
                call.creditData = credit_data.clone().into();
                let asked = asked(world.send(from, poll, &call));
                let sender = world.account(from);
                let bound = binding(CHAIN_ID, poll, *voters_key, sender, credit_data, *least);
                let poll_scope = scope(CHAIN_ID, world.maci, info.pollId);
                let inputs = [
                    root,
                    call.nullifier,
                    words::scalar(&poll_scope),
                    words::scalar(&bound),
                ];
                assert_eq!(asked, [&inputs[..], &call.proof].concat());
            }
        }
    }
}

/// The same proof is about something else on another poll, MACI and chain.
#[test]
fn scope_and_binding_differ_between_polls_and_chains() {
    let mut seen = Vec::new();
    for chain_id in [1, CHAIN_ID] {
        let mut world = World::with(32, Evm::with_chain_id(chain_id), false);
        world.sign_up(ALICE, &key(1)).unwrap();
        world.answer(world.join_verifier, Answer::Echo);
        for _ in 0..2 {
            let settings = world.settings();
            world.open_with(settings);
            let asked = asked(world.send(ALICE, world.poll, &join_call(1)));
            let (asked_scope, asked_binding) = (asked[2], asked[3]);
            let id = world.info().pollId;
            assert_eq!(asked_scope, words::scalar(&scope(chain_id, world.maci, id)));
            seen.extend([asked_scope, asked_binding]);
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 8);
}

#[test]
fn poll_keys_that_are_none() {
    let mut world = world();
    let Poll::PublicKey { x, y } = join_call(1).pollKey;
    for (x, y) in [(x + order(), y), (x, y + order()), (order(), U256::ONE)] {
        let mut call = join_call(1);
        call.pollKey = Poll::PublicKey { x, y };
        let error = Poll::KeyNotCanonical {};
        world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    }
    let off = Point {
        x: Fr::from(1),
        y: Fr::from(2),
    };
    let mut call = join_call(1);
    call.pollKey = poll_key(&off);
    let error = Poll::KeyNotOnCurve {};
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
}

#[test]
fn before_the_start_and_from_the_end_on() {
    let mut world = World::new();
    world.sign_up(ALICE, &key(1)).unwrap();
    let settings = world.settings();
    let (start, end) = (settings.startTime, settings.endTime);
    world.poll = world.create(OWNER, settings).unwrap();
    let join =
        |number: u64| move |world: &mut World| world.send(ALICE, world.poll, &join_call(number));
    world.go_to(start - 1);
    world.refuses(join(1), Poll::PollNotStarted {});
    world.go_to(start);
    join(1)(&mut world).unwrap();
    world.go_to(end - 1);
    join(2)(&mut world).unwrap();
    world.go_to(end);
    world.refuses(join(3), Poll::PollEnded {});
}

#[test]
fn credit_data_for_a_proxy_that_wants_none() {
    let mut world = world();
    let mut call = join_call(1);
    call.creditData = Bytes::from_static(&[0]);
    let error = ConstantInitialVoiceCreditProxy::UnexpectedCreditData {};
    world.refuses(|world| world.send(ALICE, world.poll, &call), error);
}

/// A join with wei attached is none: there would be nobody to give it back.
#[test]
fn joins_take_no_money() {
    let mut world = world();
    let before = world.facts();
    let outcome = world.pay(MALLORY, world.poll, &join_call(1), 1);
    assert!(outcome.is_err());
    assert_eq!(world.facts(), before);
}
