//! The chain around the embedded EVM.

use maci_nova_chain::{view, BlockId, Chain, ChainError, TransactionInput};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::{SolCall, SolEvent};
use maci_nova_contracts::bindings::{Poll, SampleToken, MACI};
use maci_nova_contracts::evm::{Evm, ACCOUNTS, BLOCK_TIME, CHAIN_ID, FUNDS, GENESIS_TIME, SENDER};

use crate::poll::world::{batch_call, key, message, publish_call, World, ALICE, BOB, OWNER};

#[test]
fn a_new_chain() {
    let evm = Evm::new();
    assert_eq!(evm.chain_id(), Ok(CHAIN_ID));
    assert_eq!(evm.accounts().len(), usize::from(ACCOUNTS));
    assert_eq!(evm.accounts()[0], SENDER);
    for account in evm.accounts() {
        assert_eq!(evm.balance(account), Ok(U256::from(FUNDS)));
    }
    let block = evm.block(BlockId::Latest).unwrap();
    assert_eq!((block.number, block.timestamp), (0, GENESIS_TIME));
}

#[test]
fn every_transaction_is_in_a_block_of_its_own() {
    let mut world = World::open();
    let before = world.evm.latest();
    let receipt = world.publish(ALICE, &message(1)).unwrap();
    let block = world.evm.latest();
    assert_eq!(block.number, before.number + 1);
    assert_eq!(block.timestamp, before.timestamp + BLOCK_TIME);
    assert_eq!(
        (receipt.block_number, receipt.block_hash),
        (block.number, block.hash)
    );
    for number in [before.number, block.number] {
        let told = world.evm.block(BlockId::Number(number)).unwrap();
        assert_eq!(told.number, number);
    }
    let next = block.number + 1;
    let error = world.evm.block(BlockId::Number(next)).unwrap_err();
    assert_eq!(error, ChainError::UnknownBlock(next));
    let error = world.evm.block(BlockId::Number(u64::MAX)).unwrap_err();
    assert_eq!(error, ChainError::UnknownBlock(u64::MAX));
}

#[test]
fn what_a_transaction_asked_for_can_be_looked_up() {
    let mut world = World::open();
    let receipt = world.publish(ALICE, &message(1)).unwrap();
    let expected = TransactionInput {
        to: Some(world.poll),
        calldata: publish_call(&message(1)).abi_encode().into(),
    };
    assert_eq!(world.evm.input(receipt.transaction), Ok(Some(expected)));
    // Empty runtime code: the creation code is the input.
    let code = Bytes::from_static(&[0x5f, 0x5f, 0xf3]);
    let created = world.evm.send(SENDER, None, code.clone(), U256::ZERO);
    let expected = TransactionInput {
        to: None,
        calldata: code,
    };
    let created = created.unwrap().transaction;
    assert_eq!(world.evm.input(created), Ok(Some(expected)));
    assert_eq!(world.evm.input(B256::repeat_byte(1)), Ok(None));
}

/// As on a real chain: what reverts is in a block too, without logs.
#[test]
fn a_transaction_that_reverts_takes_a_block() {
    let mut world = World::new();
    let before = world.evm.latest().number;
    let mut off = key(1);
    off.x += off.y;
    let error = world.sign_up(ALICE, &off).unwrap_err();
    let ChainError::Reverted { gas_used, .. } = error else {
        panic!("{error}");
    };
    assert!(gas_used.is_some_and(|gas| gas > 21_000));
    assert_eq!(world.evm.latest().number, before + 1);
    let logs = world.evm.logs(world.maci, before + 1, before + 1, &[]);
    assert_eq!(logs, Ok(vec![]));
}

#[test]
fn time_moves_as_it_is_told() {
    let mut evm = Evm::new();
    let start = evm.latest().timestamp;
    evm.advance_time(1000);
    assert_eq!(evm.latest().timestamp, start + 1000);
    evm.set_next_timestamp(start + 5000);
    assert_eq!(evm.latest().timestamp, start + 1000);
    evm.mine(2);
    assert_eq!(evm.latest().timestamp, start + 5000 + BLOCK_TIME);
    // It does not go back.
    let now = evm.latest().timestamp;
    evm.set_next_timestamp(0);
    evm.mine(1);
    assert_eq!(evm.latest().timestamp, now);
}

#[test]
fn contracts_see_number_time_and_chain() {
    let mut world = World::with(32, Evm::with_chain_id(5), false);
    let clock = view(&world.evm, world.token, &SampleToken::clockCall {}).unwrap();
    assert_eq!(clock.to::<u64>(), world.evm.latest().number);
    world.evm.mine(3);
    let later = view(&world.evm, world.token, &SampleToken::clockCall {}).unwrap();
    assert_eq!(later.to::<u64>(), clock.to::<u64>() + 3);
    let domain = view(&world.evm, world.token, &SampleToken::eip712DomainCall {}).unwrap();
    assert_eq!(domain.chainId, U256::from(5));
}

#[test]
fn logs_by_range_and_topics() {
    let mut world = World::open();
    world.voter(1);
    let first = world.publish(ALICE, &message(1)).unwrap();
    let call = batch_call(&[message(2), message(3)]);
    let second = world.send(BOB, world.poll, &call).unwrap();
    let evm = &world.evm;
    let count =
        |from, to, topics: &[Vec<B256>]| evm.logs(world.poll, from, to, topics).unwrap().len();
    let newest = evm.latest().number;
    assert_eq!(count(0, newest, &[]), 4);
    assert_eq!(count(0, u64::MAX, &[]), 4);
    assert_eq!(count(first.block_number, first.block_number, &[]), 1);
    assert_eq!(count(second.block_number, newest, &[]), 2);
    assert_eq!(count(newest + 1, newest + 9, &[]), 0);
    assert_eq!(count(newest, 0, &[]), 0);
    let join = Poll::Join::SIGNATURE_HASH;
    let message = Poll::Message::SIGNATURE_HASH;
    assert_eq!(count(0, newest, &[vec![join]]), 1);
    assert_eq!(count(0, newest, &[vec![message]]), 3);
    assert_eq!(count(0, newest, &[vec![join, message]]), 4);
    let two = B256::from(U256::from(2));
    assert_eq!(count(0, newest, &[vec![message], vec![two]]), 1);
    assert_eq!(count(0, newest, &[vec![], vec![two]]), 1);
    assert_eq!(count(0, newest, &[vec![], vec![], vec![two]]), 0);
    let other = evm.logs(world.maci, 0, newest, &[vec![message]]);
    assert_eq!(other, Ok(vec![]));
    let logs = evm
        .logs(world.poll, second.block_number, newest, &[])
        .unwrap();
    assert_eq!(logs, second.logs);
    for (index, log) in logs.iter().enumerate() {
        assert_eq!(log.index, index as u64);
        assert_eq!(log.block_hash, second.block_hash);
        assert_eq!(log.transaction, second.transaction);
    }
}

#[test]
fn views_change_nothing() {
    let world = World::open();
    let before = (world.evm.latest(), world.facts());
    let call = publish_call(&message(1)).abi_encode();
    world.evm.call(world.poll, call.into()).unwrap();
    assert_eq!((world.evm.latest(), world.facts()), before);
}

#[test]
fn money_moves() {
    let mut evm = Evm::new();
    let [from, to] = [evm.accounts()[1], Address::repeat_byte(0xee)];
    let receipt = evm
        .send(from, Some(to), Bytes::new(), U256::from(5))
        .unwrap();
    assert_eq!(receipt.gas_used, 21_000);
    assert_eq!(evm.balance(to), Ok(U256::from(5)));
    assert_eq!(evm.balance(from), Ok(U256::from(FUNDS - 5)));
    let before = evm.latest();
    let outcome = evm.send(from, Some(to), Bytes::new(), U256::from(FUNDS));
    assert!(
        matches!(outcome, Err(ChainError::Invalid(_))),
        "{outcome:?}"
    );
    assert_eq!(evm.latest(), before, "it got into no block");
}

#[test]
fn who_can_send_and_to_whom() {
    let mut evm = Evm::new();
    let stranger = Address::repeat_byte(0xdd);
    let outcome = evm.send(stranger, Some(SENDER), Bytes::new(), U256::ZERO);
    assert_eq!(outcome, Err(ChainError::UnknownAccount(stranger)));
    evm.add_account(stranger);
    evm.send(stranger, Some(SENDER), Bytes::new(), U256::ZERO)
        .unwrap();
    let calldata = Bytes::from_static(&[1]);
    let outcome = evm.send(SENDER, Some(stranger), calldata.clone(), U256::ZERO);
    assert_eq!(outcome, Err(ChainError::NoContract(stranger)));
    let outcome = evm.call(stranger, calldata);
    assert_eq!(outcome, Err(ChainError::NoContract(stranger)));
}

#[test]
fn code_is_told() {
    let world = World::new();
    assert!(world.evm.code(world.maci).unwrap().len() > 1000);
    assert_eq!(world.evm.code(SENDER), Ok(Bytes::new()));
    assert_eq!(world.evm.code(Address::repeat_byte(9)), Ok(Bytes::new()));
}

#[test]
fn code_that_halts() {
    let mut evm = Evm::new();
    let invalid = Bytes::from_static(&[0xfe]);
    let outcome = evm.send(SENDER, None, invalid, U256::ZERO);
    assert!(matches!(outcome, Err(ChainError::Halted(_))), "{outcome:?}");
}

/// A clone goes its own way from here: what a reorganisation is to who watches.
#[test]
fn clones_are_branches() {
    let mut one = World::open();
    let mut other = one.clone();
    one.publish(ALICE, &message(1)).unwrap();
    other.publish(BOB, &message(2)).unwrap();
    let (a, b) = (one.evm.latest(), other.evm.latest());
    assert_eq!(a.number, b.number);
    assert_ne!(a.hash, b.hash);
    one.publish(ALICE, &message(3)).unwrap();
    other.publish(ALICE, &message(3)).unwrap();
    assert_ne!(one.evm.latest().hash, other.evm.latest().hash);
}

#[test]
fn a_trait_object_will_do() {
    let mut world = World::new();
    let owner = world.account(OWNER);
    let chain: &mut dyn Chain = &mut world.evm;
    let call = MACI::rootCountCall {};
    assert_eq!(view(chain, world.maci, &call), Ok(U256::ZERO));
    let outcome = maci_nova_chain::send(
        chain,
        owner,
        world.maci,
        &MACI::rootAtCall { index: U256::ZERO },
        U256::ZERO,
    );
    assert!(outcome.is_err());
}

#[test]
fn an_answer_of_another_form() {
    // A function of the same name that answers with something else.
    maci_nova_contracts::alloy_sol_types::sol! {
        function rootCount() returns (uint256, uint256);
    }
    let mut world = World::new();
    world.sign_up(ALICE, &key(1)).unwrap();
    let outcome = view(&world.evm, world.maci, &rootCountCall {});
    assert!(matches!(outcome, Err(ChainError::Answer(_))));
    assert!(view(&world.evm, world.maci, &MACI::rootCountCall {}).is_ok());
}
