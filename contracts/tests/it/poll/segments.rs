//! Counts that are proven in segments: what the verifier is asked of each, what is remembered, and
//! that no row of them is in anybody's way.

use maci_nova_chain::{ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::evm::CHAIN_ID;
use maci_nova_contracts::poll::{domain, PollState};
use maci_nova_contracts::words;
use maci_nova_protocol::hash_chain::zero;

use crate::poll::world::{
    asked, finalize_call, finalize_from_call, message, result_words, segment_call, Answer,
    MockVerifier, World, ALICE, BOB, MALLORY, OPTIONS,
};

const RESULTS: [(i128, u128); OPTIONS] = [(1, 2), (0, 0), (3, 9), (0, 0), (-5, 25)];

type Outcome = Result<Receipt, ChainError>;

fn prove(world: &mut World, from: u64, to: u64) -> Outcome {
    world.send(BOB, world.poll, &segment_call(from, to))
}

fn finalize_from(world: &mut World, link: u64) -> Outcome {
    world.send(MALLORY, world.poll, &finalize_from_call(link, &RESULTS))
}

fn proven(world: &World, link: u64) -> bool {
    let link = U256::from(link);
    world.view(world.poll, Poll::linkProvenCall { link })
}

fn state(world: &World) -> PollState {
    let state = world.view(world.poll, Poll::stateCall {});
    PollState::from_number(state).unwrap()
}

/// A poll with a voter and a message, at its end.
fn ended() -> World {
    let mut world = World::open();
    world.voter(1);
    world.publish(ALICE, &message(1)).unwrap();
    world.go_to_end();
    world
}

fn first_state(world: &World) -> [U256; 8] {
    let info = world.info();
    let [one, none] = [1, 0].map(U256::from);
    let start = words::scalar(&zero());
    [
        info.pollContext,
        start,
        one,
        none,
        none,
        none,
        info.emptyStateRoot,
        info.emptyTallyRoot,
    ]
}

fn link_words(link: u64) -> [U256; 8] {
    let mut words = [U256::ZERO; 8];
    words[0] = U256::from(link);
    words
}

/// What the verifier is asked by an action.
fn question(world: &World, action: impl FnOnce(&mut World) -> Outcome) -> Vec<U256> {
    let mut world = world.clone();
    world.answer(world.verifier, Answer::Echo);
    asked(action(&mut world))
}

#[test]
fn what_the_verifier_is_asked_of_each_segment() {
    let mut world = ended();
    let domain = U256::from_be_bytes(domain(CHAIN_ID, world.poll, world.verifier));
    let segment = |first: [U256; 8], last: [U256; 8]| {
        // Then where the results begin, the proof, and how many results there are.
        [
            &[domain],
            &first[..],
            &last,
            &[U256::from(32 * 40)],
            &segment_call(0, 1).proof,
            &[U256::ZERO],
        ]
        .concat()
    };
    let asked = question(&world, |world| prove(world, 0, 7));
    assert_eq!(asked, segment(first_state(&world), link_words(7)));
    prove(&mut world, 0, 7).unwrap();
    let asked = question(&world, |world| prove(world, 7, 8));
    assert_eq!(asked, segment(link_words(7), link_words(8)));
    prove(&mut world, 7, 8).unwrap();
    // The last is asked as the whole is, but for where it begins.
    let whole = question(&world, |world| world.finalize(&RESULTS));
    let last = question(&world, |world| finalize_from(world, 8));
    assert_eq!(whole[1..9], first_state(&world));
    assert_eq!(last[1..9], link_words(8));
    assert_eq!(last[..1], whole[..1]);
    assert_eq!(last[9..], whole[9..]);
    assert_eq!(last[41..], result_words(&RESULTS));
}

#[test]
fn segments_lead_to_the_results() {
    let mut world = ended();
    let receipt = prove(&mut world, 0, 5).unwrap();
    let event: Poll::SegmentProven = receipt.event(world.poll).unwrap();
    assert_eq!([event.from, event.to], [0, 5].map(U256::from));
    assert_eq!(event.proof, segment_call(0, 5).proof);
    prove(&mut world, 5, 6).unwrap();
    assert!([5, 6].iter().all(|link| proven(&world, *link)));
    assert!(![0, 7].iter().any(|link| proven(&world, *link)));
    assert_eq!(state(&world), PollState::Ended);
    let mut whole = world.clone();
    finalize_from(&mut world, 6).unwrap();
    assert_eq!(state(&world), PollState::Finalized);
    // The same is stored and emitted as by one proof of it all.
    whole.finalize(&RESULTS).unwrap();
    assert_eq!(world.facts(), whole.facts());
    let results = world.view(world.poll, Poll::resultsCall {});
    assert_eq!(results, finalize_call(&RESULTS).newResults);
}

/// A segment left out, in another order, or one of another poll.
#[test]
fn a_segment_begins_where_proven_ones_end() {
    let mut world = ended();
    let unknown = |link: u64| Poll::UnknownLink {
        link: U256::from(link),
    };
    world.refuses(|world| prove(world, 5, 6), unknown(5));
    world.refuses(|world| finalize_from(world, 5), unknown(5));
    // 0 is where the whole begins, and no link.
    world.refuses(|world| finalize_from(world, 0), unknown(0));
    prove(&mut world, 0, 5).unwrap();
    world.refuses(|world| prove(world, 6, 7), unknown(6));
    world.refuses(|world| finalize_from(world, 6), unknown(6));
    let (first, settings) = (world.poll, world.settings());
    world.open_with(settings);
    assert_ne!(world.poll, first);
    world.go_to_end();
    world.refuses(|world| prove(world, 5, 6), unknown(5));
    world.refuses(|world| finalize_from(world, 5), unknown(5));
}

/// Sent again, by anybody: nothing changes, and the sender learns that there is nothing to do.
#[test]
fn a_segment_is_proven_once() {
    let mut world = ended();
    prove(&mut world, 0, 5).unwrap();
    let again = || Poll::LinkAlreadyProven {
        link: U256::from(5),
    };
    world.refuses(|world| prove(world, 0, 5), again());
    world.refuses(|world| prove(world, 5, 5), again());
    // The first state needs no proof, and is no link.
    let first = Poll::LinkAlreadyProven { link: U256::ZERO };
    world.refuses(|world| prove(world, 5, 0), first);
    prove(&mut world, 5, 6).unwrap();
    world.refuses(|world| prove(world, 6, 5), again());
}

#[test]
fn a_proof_that_the_verifier_rejects() {
    let mut world = ended();
    prove(&mut world, 0, 5).unwrap();
    world.answer(world.verifier, Answer::Reject);
    world.refuses(|world| prove(world, 0, 9), MockVerifier::ProofRejected {});
    world.refuses(|world| prove(world, 5, 9), MockVerifier::ProofRejected {});
    world.refuses(
        |world| finalize_from(world, 5),
        MockVerifier::ProofRejected {},
    );
    assert!(!proven(&world, 9));
    world.answer(world.verifier, Answer::Accept);
    prove(&mut world, 5, 9).unwrap();
}

/// Rows that their senders never finish lock nothing: neither other rows, nor one proof of it all,
/// nor the end without a result.
#[test]
fn a_row_that_is_never_finished() {
    let mut world = ended();
    prove(&mut world, 0, 5).unwrap();
    prove(&mut world, 0, 15).unwrap();
    prove(&mut world, 5, 6).unwrap();
    prove(&mut world, 15, 16).unwrap();
    let mut other = world.clone();
    finalize_from(&mut other, 16).unwrap();
    let mut whole = world.clone();
    whole.finalize(&RESULTS).unwrap();
    world.go_to_deadline();
    let late = || Poll::DeadlinePassed {};
    world.refuses(|world| prove(world, 6, 7), late());
    world.refuses(|world| finalize_from(world, 6), late());
    world.abort_now();
    assert_eq!(state(&world), PollState::Aborted);
    world.refuses(|world| prove(world, 6, 7), late());
    world.refuses(|world| finalize_from(world, 6), late());
}

/// Before the end segments may be proven, but nothing is final.
#[test]
fn before_the_end_and_after_the_result() {
    let mut world = World::open();
    world.voter(1);
    prove(&mut world, 0, 5).unwrap();
    world.refuses(|world| finalize_from(world, 5), Poll::PollNotEnded {});
    world.publish(ALICE, &message(1)).unwrap();
    world.go_to_end();
    // What is asked of the last one is of all that came meanwhile.
    let last = question(&world, |world| finalize_from(world, 5));
    assert_eq!(last[12], world.chains().messageChain);
    finalize_from(&mut world, 5).unwrap();
    let done = || Poll::AlreadyFinalized {};
    world.refuses(|world| prove(world, 5, 6), done());
    world.refuses(|world| finalize_from(world, 5), done());
    world.refuses(|world| world.finalize(&RESULTS), done());
}

#[test]
fn one_result_for_each_option() {
    let mut world = ended();
    prove(&mut world, 0, 5).unwrap();
    for count in [0, OPTIONS - 1, OPTIONS + 1] {
        let call = finalize_from_call(5, &vec![(0, 0); count]);
        let error = Poll::WrongNumberOfResults {
            given: U256::from(count),
            expected: U256::from(OPTIONS),
        };
        world.refuses(|world| world.send(MALLORY, world.poll, &call), error);
    }
}
