//! What a message is signed with: the hash of a recent block. Each refusal is somebody who sends
//! again, later or elsewhere, what was signed before.

use maci_nova_chain::{view, BlockId, Chain, ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::{keccak256, Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::bindings::{Poll, MACI};
use maci_nova_contracts::evm::{Evm, BLOCK_TIME, HISTORY, HISTORY_CODE};
use maci_nova_contracts::words;
use maci_nova_protocol::hash_chain::{extend, zero, Link};
use maci_nova_protocol::message::{Message, TopUp};

use crate::poll::world::{
    batch_call, message, order, publish_call, World, ALICE, BOB, HOUR, MALLORY, OWNER,
};

/// 15 minutes of blocks.
const WINDOW: u64 = 75;

/// The poll of [`World::open`], but votes have to be signed within so many blocks.
fn world(signed_within: u16) -> World {
    let mut world = World::new();
    let mut settings = world.settings();
    settings.signedWithin = signed_within;
    world.open_with(settings);
    world.evm.mine(2 * u64::from(signed_within));
    world
}

/// What the contract should make of a block: keccak256(abi.encode(hash, chain id, poll)) mod r.
fn anchor(world: &World, number: u64) -> U256 {
    let hash = world.evm.block(BlockId::Number(number)).unwrap().hash;
    let chain_id = U256::from(world.evm.chain_id().unwrap());
    let encoded = (hash, chain_id, world.poll).abi_encode();
    U256::from_be_bytes(keccak256(encoded).0) % order()
}

/// A message's link with the anchor of a block.
fn link(message: &Message, anchor: U256) -> Link {
    Link::from(&Message {
        anchor: words::to_scalar(anchor).unwrap(),
        ..*message
    })
}

fn signed(call: Poll::publishMessageCall, number: u64, anchor: U256) -> Poll::publishMessageCall {
    Poll::publishMessageCall {
        blockNumber: U256::from(number),
        anchor,
        ..call
    }
}

/// A message signed after the block `number`, sent in the next one.
fn publish(world: &mut World, from: usize, number: u64) -> Result<Receipt, ChainError> {
    let call = signed(publish_call(&message(1)), number, anchor(world, number));
    world.send(from, world.poll, &call)
}

fn too_old(number: u64, oldest: u64) -> Poll::AnchorTooOld {
    Poll::AnchorTooOld {
        blockNumber: U256::from(number),
        oldest: U256::from(oldest),
    }
}

fn unknown(number: u64) -> Poll::AnchorUnknown {
    Poll::AnchorUnknown {
        blockNumber: U256::from(number),
    }
}

fn window(world: &World) -> u64 {
    let told = world.view(world.poll, Poll::anchorWindowCall {});
    assert_eq!(told.newest, U256::from(world.evm.latest().number - 1));
    told.blocks.to()
}

#[test]
fn a_message_is_linked_with_its_anchor() {
    let mut world = world(75);
    let mut head = zero();
    for (i, back) in [0, 3, 74].into_iter().enumerate() {
        let number = world.evm.latest().number - back;
        let expected = anchor(&world, number);
        let receipt = publish(&mut world, ALICE, number).unwrap();
        let event: Poll::Message = receipt.event(world.poll).unwrap();
        assert_eq!(event.index, U256::from(i));
        assert_eq!(event.blockNumber, U256::from(number));
        assert_eq!(event.anchor, expected);
        head = extend(head, link(&message(1), expected));
        assert_eq!(world.chains().messageChain, words::scalar(&head));
    }
}

#[test]
fn the_poll_tells_anchors_itself() {
    let world = world(75);
    let newest = world.evm.latest().number;
    // A view is in the newest block, which does not know its own hash.
    for number in [newest - 1, newest - 2, newest - WINDOW] {
        let block = U256::from(number);
        let told = world.view(world.poll, Poll::anchorOfCall { blockNumber: block });
        assert_eq!(told.anchor, anchor(&world, number));
        let block = world.evm.block(BlockId::Number(number)).unwrap();
        assert_eq!(told.blockHash, block.hash);
    }
    let refusal = |number| {
        let call = Poll::anchorOfCall {
            blockNumber: U256::from(number),
        };
        let told = view(&world.evm, world.poll, &call);
        told.map(drop).unwrap_err().revert()
    };
    for number in [newest, newest + 1, u64::MAX] {
        let expected = Poll::PollErrors::AnchorUnknown(unknown(number));
        assert_eq!(refusal(number), Some(expected));
    }
    for number in [newest - WINDOW - 1, 0] {
        let expected = Poll::PollErrors::AnchorTooOld(too_old(number, newest - WINDOW));
        assert_eq!(refusal(number), Some(expected));
    }
}

/// The audit's replay, turned round: what a stranger sends again after the window is refused. What
/// remains is the window itself: within it a stranger's copy is let in, is counted first and so
/// undoes what the voter sent in between, until the voter sends once more.
#[test]
fn somebody_else_publishes_the_same_message_again() {
    let mut world = world(75);
    let first = world.evm.latest().number;
    publish(&mut world, ALICE, first).unwrap();
    world.evm.mine(5);
    let second = world.evm.latest().number;
    publish(&mut world, ALICE, second).unwrap();
    publish(&mut world, MALLORY, first).unwrap();
    assert_eq!(world.chains().messageCount, U256::from(3));
    // Up to the last block in which it is taken, first + 75; the next one is first + 76.
    world
        .evm
        .mine(first + WINDOW - 1 - world.evm.latest().number);
    publish(&mut world, MALLORY, first).unwrap();
    let again = |world: &mut World| publish(world, MALLORY, first);
    world.refuses(again, too_old(first, first + 1));
    publish(&mut world, MALLORY, second).unwrap();
    // The same for whoever sends for others, in a batch.
    let mut batch = batch_call(&[message(1), message(2)]);
    batch.blockNumber = U256::from(first);
    batch.anchor = anchor(&world, first);
    let oldest = world.evm.latest().number + 1 - WINDOW;
    let again = |world: &mut World| world.send(MALLORY, world.poll, &batch);
    world.refuses(again, too_old(first, oldest));
}

/// The ciphertext is signed with the anchor of its block. Another block's number with it is
/// refused; with that block's anchor it gets in, as a vote that is void, since its salt is another
/// one: its link says so.
#[test]
fn another_block_named_for_an_old_ciphertext() {
    let mut world = world(75);
    let old = world.evm.latest().number;
    let old_anchor = anchor(&world, old);
    publish(&mut world, ALICE, old).unwrap();
    let before = world.chains().messageChain;
    world.evm.mine(100);
    let new = world.evm.latest().number;
    let call = signed(publish_call(&message(1)), new, old_anchor);
    let error = Poll::WrongAnchor {
        given: old_anchor,
        expected: anchor(&world, new),
    };
    world.refuses(|world| world.send(MALLORY, world.poll, &call), error);
    publish(&mut world, MALLORY, new).unwrap();
    let head = words::to_scalar(before).unwrap();
    let links = [old, new].map(|number| {
        let link = link(&message(1), anchor(&world, number));
        words::scalar(&extend(head, link))
    });
    assert_eq!(world.chains().messageChain, links[1]);
    assert_ne!(links[0], links[1]);
}

#[test]
fn anchors_that_are_off_by_something() {
    let mut world = world(75);
    let number = world.evm.latest().number;
    let expected = anchor(&world, number);
    for given in [
        U256::ZERO,
        expected + U256::ONE,
        expected + order(),
        U256::MAX,
    ] {
        let call = signed(publish_call(&message(1)), number, given);
        let error = || Poll::WrongAnchor { given, expected };
        world.refuses(|world| world.send(ALICE, world.poll, &call), error());
        let mut batch = batch_call(&[message(1), message(2)]);
        (batch.blockNumber, batch.anchor) = (U256::from(number), given);
        world.refuses(|world| world.send(ALICE, world.poll, &batch), error());
    }
    // Numbers that are no recent block's: the present one, which has no hash yet, later ones, and
    // their lowest bits.
    let present = |world: &World| world.evm.latest().number + 1;
    for ahead in [0, 1, 1000] {
        let number = present(&world) + ahead;
        let call = signed(publish_call(&message(1)), number, expected);
        world.refuses(
            |world| world.send(ALICE, world.poll, &call),
            unknown(number),
        );
    }
    for high in [U256::ONE << 64, U256::ONE << 255] {
        let mut call = signed(publish_call(&message(1)), number, expected);
        call.blockNumber += high;
        let error = Poll::AnchorUnknown {
            blockNumber: call.blockNumber,
        };
        world.refuses(|world| world.send(ALICE, world.poll, &call), error);
    }
}

/// A twin of the poll, made by the same MACI or by anybody else, learns nothing that is good here.
#[test]
fn anchors_of_another_poll_and_chain() {
    let mut world = world(75);
    let settings = world.info().settings;
    let mut twin = world.clone();
    let created = MACI::PollSettings::abi_decode(&settings.abi_encode()).unwrap();
    let now = world.evm.latest().timestamp;
    let later = MACI::PollSettings {
        startTime: now + HOUR,
        ..created
    };
    twin.poll = twin.create(MALLORY, later).unwrap();
    let number = world.evm.latest().number;
    assert_ne!(anchor(&world, number), anchor(&twin, number));
    let mut others = vec![anchor(&twin, number)];
    let hash = world.evm.block(BlockId::Number(number)).unwrap().hash;
    let encoded = (hash, U256::from(5), world.poll).abi_encode();
    others.push(U256::from_be_bytes(keccak256(encoded).0) % order());
    others.push(U256::from_be_bytes(hash.0) % order());
    let expected = anchor(&world, number);
    for given in others {
        let call = signed(publish_call(&message(1)), number, given);
        let error = Poll::WrongAnchor { given, expected };
        world.refuses(|world| world.send(MALLORY, world.poll, &call), error);
    }
}

/// The block that a vote was signed after is gone: the vote is refused, not taken and void.
#[test]
fn a_reorganised_block() {
    let before = world(75);
    let [mut one, mut other] = [before.clone(), before];
    one.send(
        OWNER,
        one.verifier,
        &crate::poll::world::MockVerifier::setCall { newAnswer: 0 },
    )
    .unwrap();
    other.evm.mine(1);
    let number = one.evm.latest().number;
    assert_eq!(number, other.evm.latest().number);
    let (given, expected) = (anchor(&one, number), anchor(&other, number));
    assert_ne!(given, expected);
    let call = signed(publish_call(&message(1)), number, given);
    one.send(ALICE, one.poll, &call).unwrap();
    let error = Poll::WrongAnchor { given, expected };
    other.refuses(|world| world.send(ALICE, world.poll, &call), error);
    publish(&mut other, ALICE, number).unwrap();
}

#[test]
fn one_anchor_for_a_batch() {
    let mut world = world(75);
    let number = world.evm.latest().number - 7;
    let messages: Vec<Message> = (1..4).map(message).collect();
    let mut batch = batch_call(&messages);
    batch.blockNumber = U256::from(number);
    batch.anchor = anchor(&world, number);
    let receipt = world.send(BOB, world.poll, &batch).unwrap();
    let events: Vec<Poll::Message> = receipt.logs.iter().filter_map(|log| log.decode()).collect();
    assert_eq!(events.len(), 3);
    let mut head = zero();
    for (event, message) in events.iter().zip(&messages) {
        assert_eq!(event.blockNumber, batch.blockNumber);
        assert_eq!(event.anchor, batch.anchor);
        head = extend(head, link(message, batch.anchor));
    }
    assert_eq!(world.chains().messageChain, words::scalar(&head));
}

/// Nobody signs a top-up: whoever pays may always.
#[test]
fn top_ups_have_no_anchor() {
    let mut world = world(75);
    world.voter(1);
    world.top_up(ALICE, 1, 10).unwrap();
    let top_up = TopUp {
        state_index: 1,
        amount: 1,
    };
    let head = extend(zero(), Link::from(&top_up));
    assert_eq!(world.chains().messageChain, words::scalar(&head));
}

#[test]
fn without_anchors_both_are_zero() {
    let mut world = World::open();
    assert_eq!(window(&world), 0);
    let number = world.evm.latest().number;
    let of = |world: &World, number: u64| {
        let call = Poll::anchorOfCall {
            blockNumber: U256::from(number),
        };
        view(&world.evm, world.poll, &call).unwrap()
    };
    let told = of(&world, 0);
    assert_eq!((told.anchor, told.blockHash), (U256::ZERO, B256::ZERO));
    let [block, anchor] = [U256::from(number), anchor(&world, number)];
    for (block, given, named) in [
        (block, U256::ZERO, block),
        (block, anchor, block),
        (U256::ZERO, anchor, anchor),
        (U256::ZERO, order(), order()),
    ] {
        let mut call = publish_call(&message(1));
        (call.blockNumber, call.anchor) = (block, given);
        let mut batch = batch_call(&[message(1), message(2)]);
        (batch.blockNumber, batch.anchor) = (block, given);
        let error = || Poll::WrongAnchor {
            given: named,
            expected: U256::ZERO,
        };
        world.refuses(|world| world.send(ALICE, world.poll, &call), error());
        world.refuses(|world| world.send(ALICE, world.poll, &batch), error());
    }
    world.publish(ALICE, &message(1)).unwrap();
}

/// max(5, ceil(W / 15), min(W, floor(W t / 3600))), computed here once more.
fn expected_window(within: u64, left: u64) -> u64 {
    let shrunk = within.min(within * left / HOUR);
    5.max(within.div_ceil(15)).max(shrunk)
}

/// Block by block through the last hour: the oldest one that is taken is taken, the one before is
/// not.
#[test]
fn the_window_shrinks_block_by_block() {
    for within in [5, 6, 75, 76, 255] {
        let mut world = world(within);
        let end = world.info().settings.endTime;
        let within = u64::from(within);
        world.go_to(end - HOUR - 2 * BLOCK_TIME);
        world.evm.mine(1);
        let mut seen = Vec::new();
        loop {
            let latest = world.evm.latest();
            let time = latest.timestamp + BLOCK_TIME;
            if time >= end {
                break;
            }
            let expected = expected_window(within, end - time);
            seen.push(expected);
            let oldest = latest.number + 1 - expected;
            let mut refused = world.clone();
            let too_early = |world: &mut World| publish(world, MALLORY, oldest - 1);
            refused.refuses(too_early, too_old(oldest - 1, oldest));
            publish(&mut world, ALICE, oldest).unwrap();
            // In the block that the message is in, and that a view is in.
            assert_eq!(window(&world), expected);
        }
        assert_eq!(seen.first(), Some(&within));
        assert_eq!(seen.last(), Some(&5.max(within.div_ceil(15))));
        assert!(seen.windows(2).all(|pair| pair[1] <= pair[0]));
        let newest = world.evm.latest().number;
        world.go_to(end);
        let late = |world: &mut World| publish(world, ALICE, newest);
        world.refuses(late, Poll::PollEnded {});
        assert_eq!(window(&world), expected_window(within, 0));
    }
}

/// A chain that is younger than the window.
#[test]
fn a_young_chain() {
    let mut world = World::with(32, Evm::new(), false);
    let mut settings = world.settings();
    settings.signedWithin = 255;
    settings.startTime = world.evm.latest().timestamp + 2 * BLOCK_TIME;
    world.open_with(settings);
    assert!(world.evm.latest().number < 255);
    publish(&mut world, ALICE, 0).unwrap();
    let number = world.evm.latest().number;
    publish(&mut world, ALICE, number).unwrap();
}

fn refused_at_creation(world: &mut World, within: u16, expected: Option<MACI::MACIErrors>) {
    let mut settings = world.settings();
    settings.signedWithin = within;
    let before = world.facts();
    let error = world.create(OWNER, settings).unwrap_err();
    assert_eq!(error.revert(), expected, "{within}");
    assert_eq!(world.facts(), before);
}

fn accepted_at_creation(world: &World, within: u16) {
    let mut settings = world.settings();
    settings.signedWithin = within;
    world.clone().create(OWNER, settings).unwrap();
}

fn out_of_range(within: u16) -> Option<MACI::MACIErrors> {
    let error = MACI::SignedWithinOutOfRange {
        signedWithin: within,
    };
    Some(MACI::MACIErrors::SignedWithinOutOfRange(error))
}

fn no_history() -> Option<MACI::MACIErrors> {
    Some(MACI::MACIErrors::NoBlockHistory(MACI::NoBlockHistory {}))
}

#[test]
fn windows_that_are_too_small_or_too_large() {
    let mut world = World::new();
    for within in [1, 2, 3, 4, 8191, u16::MAX] {
        refused_at_creation(&mut world, within, out_of_range(within));
    }
    for within in [0, 5, 255] {
        accepted_at_creation(&world, within);
    }
    // More than BLOCKHASH knows, without a history contract.
    for within in [256, 8190] {
        refused_at_creation(&mut world, within, no_history());
    }
    world.evm.set_code(HISTORY, HISTORY_CODE);
    for within in [256, 8190] {
        accepted_at_creation(&world, within);
    }
    for within in [8191, u16::MAX] {
        refused_at_creation(&mut world, within, out_of_range(within));
    }
}

/// Something else at the address: it refuses, answers 0, another hash, too much, too little, or
/// nothing at all.
#[test]
fn history_contracts_that_answer_wrongly() {
    let mut world = World::new();
    let codes = [
        // revert(0, 0)
        "5f5ffd",
        // return(0, 32) of 0
        "60205ff3",
        // The number itself for a hash.
        "5f355f5260205ff3",
        // The right hash, with another word behind it: BLOCKHASH(calldata[0]), return(0, 64).
        "5f35405f5260405ff3",
        // The first 31 bytes of the right hash.
        "5f35405f52601f5ff3",
        // stop
        "00",
        // invalid
        "fe",
        // The hash of the block before.
        "60015f3503405f5260205ff3",
    ];
    for code in codes {
        let bytes: Bytes = code.parse().unwrap();
        world.evm.set_code(HISTORY, bytes);
        for within in [256, 8190] {
            refused_at_creation(&mut world, within, no_history());
        }
        // A window within BLOCKHASH's needs none.
        accepted_at_creation(&world, 255);
    }
    // What answers rightly is taken, whatever its code: BLOCKHASH(calldata[0]), return(0, 32).
    let bytes: Bytes = "5f35405f5260205ff3".parse().unwrap();
    world.evm.set_code(HISTORY, bytes);
    accepted_at_creation(&world, 256);
}

/// Blocks that BLOCKHASH has forgotten, to the last one that the history contract keeps for any
/// window.
#[test]
fn a_window_of_8190_blocks() {
    let mut world = World::new();
    world.evm.set_code(HISTORY, HISTORY_CODE);
    let mut settings = world.settings();
    settings.signedWithin = 8190;
    settings.endTime = settings.startTime + 100 * HOUR;
    world.open_with(settings);
    world.evm.mine(8300);
    for back in [0, 254, 255, 256, 257, 5000, 8188, 8189] {
        let number = world.evm.latest().number - back;
        let mut world = world.clone();
        publish(&mut world, ALICE, number).unwrap();
        assert_eq!(window(&world), 8190);
    }
    let number = world.evm.latest().number - 8190;
    let early = |world: &mut World| publish(world, ALICE, number);
    world.refuses(early, too_old(number, number + 1));
    // A fork of the chain that takes the history away: votes signed just now are still taken.
    world.evm.set_code(HISTORY, Bytes::new());
    let number = world.evm.latest().number - 256;
    let gone = |world: &mut World| publish(world, ALICE, number);
    world.refuses(gone, unknown(number));
    let number = world.evm.latest().number - 200;
    publish(&mut world, ALICE, number).unwrap();
}

#[test]
fn the_history_is_the_chains_own() {
    let mut evm = Evm::new();
    evm.mine(9000);
    evm.set_code(HISTORY, HISTORY_CODE);
    let newest = evm.latest().number;
    let ask = |number: u64| evm.call(HISTORY, U256::from(number).abi_encode().into());
    for number in [
        newest - 1,
        newest - 2,
        newest - 256,
        newest - 257,
        newest - 8191,
    ] {
        let hash = evm.block(BlockId::Number(number)).unwrap().hash;
        assert_eq!(ask(number), Ok(hash.to_vec().into()));
    }
    for number in [newest, newest + 1, newest - 8192, 0] {
        assert!(matches!(ask(number), Err(ChainError::Reverted { .. })));
    }
    let young = {
        let mut evm = Evm::new();
        evm.set_code(HISTORY, HISTORY_CODE);
        evm.mine(3);
        evm
    };
    let genesis = young.block(BlockId::Number(0)).unwrap().hash;
    let told = young.call(HISTORY, U256::ZERO.abi_encode().into());
    assert_eq!(told, Ok(genesis.to_vec().into()));
    assert_eq!(evm.code(HISTORY), Ok(HISTORY_CODE));
    assert_eq!(evm.code(Address::ZERO), Ok(Bytes::new()));
}
