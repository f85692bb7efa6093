//! Finalizing: what the verifier is asked, when, and what is stored.

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::{Bytes, U256};
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::evm::CHAIN_ID;
use maci_nova_contracts::poll::{domain, results_address, PollState};
use maci_nova_contracts::words;
use maci_nova_protocol::hash_chain::zero;

use crate::poll::world::{
    asked, finalize_call, message, result_words, Answer, MockVerifier, World, ALICE, MALLORY,
    OPTIONS,
};

const RESULTS: [(i128, u128); OPTIONS] = [
    (1, 2),
    (i128::MAX >> 30, 0),
    (0, 0),
    (3, u128::MAX >> 30),
    (-5, 6),
];

fn state(world: &World) -> PollState {
    let state = world.view(world.poll, Poll::stateCall {});
    PollState::from_number(state).unwrap()
}

/// Words of the question: domain, z0, z, offset, proof, number of results, results.
fn question(world: &mut World) -> Vec<U256> {
    world.answer(world.verifier, Answer::Echo);
    world.go_to_end();
    asked(world.finalize(&RESULTS))
}

#[test]
fn what_the_verifier_is_asked_after_messages() {
    let mut world = World::open();
    world.voter(1);
    world.voter(2);
    world.publish(ALICE, &message(1)).unwrap();
    world.top_up(ALICE, 2, 10).unwrap();
    let chains = world.chains();
    let info = world.info();
    let asked = question(&mut world);
    let domain = domain(CHAIN_ID, world.poll, world.verifier);
    assert_eq!(asked[0], U256::from_be_bytes(domain));
    let start = words::scalar(&zero());
    let number = |value: u64| U256::from(value);
    let z0 = [
        info.pollContext,
        start,
        number(1),
        number(0),
        number(0),
        number(0),
        info.emptyStateRoot,
        info.emptyTallyRoot,
    ];
    assert_eq!(asked[1..9], z0);
    let call = finalize_call(&RESULTS);
    let z = [
        info.pollContext,
        chains.joinChain,
        number(3),
        chains.messageChain,
        start,
        number(0),
        call.newStateRoot,
        call.tallyRoot,
    ];
    assert_eq!(asked[9..17], z);
    assert_eq!(asked[18..40], call.proof);
    assert_eq!(asked[40], U256::from(OPTIONS));
    assert_eq!(asked[41..], result_words(&RESULTS));
}

/// Without messages there is no head, and the cursor is where it was.
#[test]
fn what_the_verifier_is_asked_without_messages() {
    for voters in [0, 1] {
        let mut world = World::open();
        for number in 0..voters {
            world.voter(number);
        }
        let chains = world.chains();
        let info = world.info();
        let asked = question(&mut world);
        assert_eq!(asked[9], info.pollContext);
        assert_eq!(asked[10], chains.joinChain);
        assert_eq!(asked[11], U256::from(voters + 1));
        assert_eq!(asked[12..15], [U256::ZERO; 3]);
    }
}

#[test]
fn the_domain_differs_between_polls() {
    let mut one = World::open();
    let mut other = one.clone();
    let settings = other.settings();
    other.open_with(settings);
    assert_ne!(question(&mut one)[0], question(&mut other)[0]);
}

#[test]
fn the_results_are_stored() {
    let mut world = World::open();
    world.go_to_end();
    let receipt = world.finalize(&RESULTS).unwrap();
    let votes: i128 = RESULTS.iter().map(|(votes, _)| votes).sum();
    let spent: u128 = RESULTS.iter().map(|(_, spent)| spent).sum();
    let event: Poll::Finalized = receipt.event(world.poll).unwrap();
    let call = finalize_call(&RESULTS);
    let expected = Poll::Finalized {
        stateRoot: call.newStateRoot,
        tallyRoot: call.tallyRoot,
        totals: Poll::OptionResult { votes, spent },
        results: call.newResults.clone(),
    };
    assert_eq!(event, expected);
    assert_eq!(
        world.view(world.poll, Poll::resultsCall {}),
        call.newResults
    );
    for (option, result) in call.newResults.iter().enumerate() {
        let option = U256::from(option);
        assert_eq!(
            &world.view(world.poll, Poll::resultOfCall { option }),
            result
        );
    }
    let totals = world.view(world.poll, Poll::totalsCall {});
    assert_eq!(totals, Poll::OptionResult { votes, spent });
    let root: U256 = world.view(world.poll, Poll::stateRootCall {});
    assert_eq!(root, call.newStateRoot);
    assert_eq!(state(&world), PollState::Finalized);
}

fn pair(result: (i128, u128)) -> Vec<u8> {
    let (votes, spent) = result;
    [&votes.to_be_bytes()[3..], &spent.to_be_bytes()[3..]].concat()
}

/// A zero, 13 bytes for each number of each option, and the totals, in a contract of their own; a
/// slot for the root and one for the state.
#[test]
fn results_are_code() {
    let mut world = World::open();
    let before = world.evm.storage(world.poll).len();
    world.go_to_end();
    world.finalize(&RESULTS).unwrap();
    let after = world.evm.storage(world.poll).len();
    assert_eq!(after - before, 2);
    let mut expected = vec![0];
    expected.extend(RESULTS.iter().flat_map(|result| pair(*result)));
    let votes = RESULTS.iter().map(|(votes, _)| votes).sum();
    let spent = RESULTS.iter().map(|(_, spent)| spent).sum();
    expected.extend(pair((votes, spent)));
    let stored = results_address(world.poll);
    assert_eq!(world.evm.code(stored).unwrap().to_vec(), expected);
    // Whoever calls it is stopped at once.
    let calldata = vec![1; 40].into();
    assert_eq!(world.evm.call(stored, calldata), Ok(Bytes::new()));
    assert_eq!(world.evm.balance(stored), Ok(U256::ZERO));
}

/// No poll has that many credits, but what a byte was cut from would be another result.
#[test]
fn results_that_do_not_fit_into_their_bytes() {
    let most = (1i128 << 103) - 1;
    let spent = (1u128 << 104) - 1;
    let mut world = World::open();
    world.go_to_end();
    let none = (0, 0);
    for results in [
        [none, none, none, none, (most + 1, 0)],
        [(-most - 2, 0), none, none, none, none],
        [none, (0, spent + 1), none, none, none],
        [none, (i128::MIN, u128::MAX), none, none, none],
        [(i128::MAX, 0), none, none, none, none],
        // Each fits, the totals do not.
        [(most, 0), (1, 0), none, none, none],
        [none, none, (-most - 1, 0), (-1, 0), none],
        [(0, spent), none, none, none, (0, 1)],
    ] {
        let finalize = |world: &mut World| world.finalize(&results);
        world.refuses(finalize, Poll::ResultTooLarge {});
    }
    // Sums that their type has no room for.
    for results in [
        [(i128::MAX, 0), (i128::MAX, 0), none, none, none],
        [(0, u128::MAX), (0, u128::MAX), none, none, none],
    ] {
        assert!(world.finalize(&results).is_err());
    }
    let results = [(most, spent), (-most - 1, 0), none, (1, 0), none];
    world.finalize(&results).unwrap();
    let stored = world.view(world.poll, Poll::resultsCall {});
    assert_eq!(stored, finalize_call(&results).newResults);
    let totals = world.view(world.poll, Poll::totalsCall {});
    assert_eq!(totals, Poll::OptionResult { votes: 0, spent });
}

/// A creation that fails answers with address 0: results that went nowhere would be lost for good.
#[test]
fn results_that_cannot_be_created() {
    let mut world = World::open();
    world.go_to_end();
    let mut blocked = world.clone();
    let stored = results_address(world.poll);
    blocked.evm.set_code(stored, Bytes::from_static(&[0]));
    let finalize = |world: &mut World| world.finalize(&RESULTS);
    blocked.refuses(finalize, Poll::ResultsNotStored {});
    // Money that somebody sent there is in nobody's way.
    world
        .evm
        .send(
            world.account(MALLORY),
            Some(stored),
            Bytes::new(),
            U256::ONE,
        )
        .unwrap();
    world.finalize(&RESULTS).unwrap();
}

#[test]
fn results_are_final() {
    let mut world = World::open();
    world.go_to_end();
    world.finalize(&RESULTS).unwrap();
    let again = |world: &mut World| world.finalize(&[(0, 0); OPTIONS]);
    world.refuses(again, Poll::AlreadyFinalized {});
    world.go_to_deadline();
    world.refuses(again, Poll::AlreadyFinalized {});
    let abort = |world: &mut World| world.send(MALLORY, world.poll, &Poll::abortCall {});
    world.refuses(abort, Poll::AlreadyFinalized {});
}

#[test]
fn a_proof_that_the_verifier_rejects() {
    let mut world = World::open();
    world.answer(world.verifier, Answer::Reject);
    world.go_to_end();
    let finalize = |world: &mut World| world.finalize(&RESULTS);
    world.refuses(finalize, MockVerifier::ProofRejected {});
    assert_eq!(state(&world), PollState::Ended);
    world.answer(world.verifier, Answer::Accept);
    finalize(&mut world).unwrap();
}

#[test]
fn one_result_for_each_option() {
    let mut world = World::open();
    world.go_to_end();
    for count in [0, 1, OPTIONS - 1, OPTIONS + 1] {
        let error = Poll::WrongNumberOfResults {
            given: U256::from(count),
            expected: U256::from(OPTIONS),
        };
        world.refuses(|world| world.finalize(&vec![(0, 0); count]), error);
    }
}

#[test]
fn from_the_end_on_and_before_the_deadline() {
    let mut world = World::new();
    let settings = world.settings();
    let (start, end) = (settings.startTime, settings.endTime);
    world.poll = world.create(MALLORY, settings).unwrap();
    let finalize = |world: &mut World| world.finalize(&RESULTS);
    for time in [start - 1, start, end - 1] {
        world.go_to(time);
        world.refuses(finalize, Poll::PollNotEnded {});
    }
    let mut late = world.clone();
    world.go_to(end);
    finalize(&mut world).unwrap();
    let deadline: U256 = late.view(late.poll, Poll::deadlineCall {});
    late.go_to(deadline.to::<u64>() - 1);
    finalize(&mut late.clone()).unwrap();
    late.go_to(deadline.to());
    late.refuses(finalize, Poll::DeadlinePassed {});
}

fn refuses_to_read(world: &mut World) {
    let option = U256::ZERO;
    let error = || Poll::NotFinalized {};
    let read = |world: &mut World| world.send(ALICE, world.poll, &Poll::resultsCall {});
    world.refuses(read, error());
    let read = |world: &mut World| world.send(ALICE, world.poll, &Poll::resultOfCall { option });
    world.refuses(read, error());
    let read = |world: &mut World| world.send(ALICE, world.poll, &Poll::totalsCall {});
    world.refuses(read, error());
}

#[test]
fn there_is_nothing_to_read_before() {
    let mut world = World::open();
    refuses_to_read(&mut world);
    world.abort_now();
    refuses_to_read(&mut world);
    let mut world = World::open();
    world.finalize_now();
    for option in [U256::from(OPTIONS), U256::MAX] {
        let call = Poll::resultOfCall { option };
        let error = Poll::UnknownOption { option };
        world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    }
}

#[test]
fn the_states_of_a_poll() {
    let mut world = World::new();
    let settings = world.settings();
    let times = [settings.startTime, settings.endTime];
    world.poll = world.create(MALLORY, settings).unwrap();
    assert_eq!(state(&world), PollState::Pending);
    for (time, expected) in times.into_iter().zip([PollState::Open, PollState::Ended]) {
        world.go_to(time);
        world.evm.mine(1);
        assert_eq!(state(&world), expected);
    }
    let mut aborted = world.clone();
    aborted.go_to_deadline();
    aborted.evm.mine(1);
    assert_eq!(state(&aborted), PollState::Ended);
    aborted
        .send(ALICE, aborted.poll, &Poll::abortCall {})
        .unwrap();
    assert_eq!(state(&aborted), PollState::Aborted);
    world.finalize(&RESULTS).unwrap();
    assert_eq!(state(&world), PollState::Finalized);
}

/// The most options whose results fit into one piece of code. They fit into one transaction too
/// (EIP-7825).
#[test]
fn a_poll_of_944_options_can_be_finalized() {
    let mut world = World::new();
    let verifier = world.mock_verifier(5, false);
    world.verifier = verifier;
    world.set_verifier(2, 5, verifier);
    let mut settings = world.settings();
    settings.shape = crate::poll::world::shape(2, 5);
    settings.voteOptions = 944;
    world.open_with(settings);
    world.go_to_end();
    let results: Vec<_> = (0..944)
        .map(|i| ((i128::MIN >> 40) + i, (u128::MAX >> 40) - i as u128))
        .collect();
    let receipt = world.finalize(&results).unwrap();
    let stored = world.view(world.poll, Poll::resultsCall {});
    assert_eq!(stored, finalize_call(&results).newResults);
    let option = U256::from(943);
    let last = world.view(world.poll, Poll::resultOfCall { option });
    assert_eq!(Some(&last), stored.last());
    // The verifier's own work comes on top: less than a million for this many.
    assert!(receipt.gas_used + 1_000_000 < maci_nova_contracts::evm::GAS_LIMIT);
}
