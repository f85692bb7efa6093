//! The client and a real node.

use std::time::Duration;

use maci_nova_chain::{self as chain, BlockId, Chain, ChainError, Log, TransactionInput};
use maci_nova_chain::{Follower, Step};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::{SolConstructor, SolError};
use maci_nova_contracts::bindings::DeciderVerifier::{
    self, constructorCall, DeciderVerifierErrors, G1Point, G2Point, VerifyingKey,
};
use maci_nova_node::testing::{accounts, hurried, Anvil, CHAIN};
use maci_nova_node::{Options, RpcChain, RpcError};
use serde_json::{json, Value};

use crate::echo;

fn topic(number: u64) -> B256 {
    B256::from(U256::from(number))
}

/// Makes the contract say a number, which is one block.
fn say(chain: &mut RpcChain, contract: Address, number: u64) -> u64 {
    let from = chain.accounts()[0];
    let data = number.to_be_bytes();
    let calldata = echo::say(topic(number), &data);
    let sent = chain.send(from, Some(contract), calldata, U256::ZERO);
    sent.expect("said").block_number
}

fn said(log: &Log) -> u64 {
    u64::from_be_bytes(log.data.as_ref().try_into().expect("a number"))
}

/// Code that deploys a verifier whose key is all zeros.
fn verifier_of_nothing() -> Bytes {
    let zero = U256::ZERO;
    let g1 = || G1Point { x: zero, y: zero };
    let g2 = || G2Point {
        x1: zero,
        x0: zero,
        y1: zero,
        y0: zero,
    };
    let arguments = constructorCall {
        key: VerifyingKey {
            alpha: g1(),
            beta: g2(),
            gammaPrime: g2(),
            delta: g2(),
            ic: core::array::from_fn(|_| g1()),
            tau: g2(),
            h: g1(),
        },
        maxOptions: U256::from(25),
        development: true,
    };
    let code = DeciderVerifier::BYTECODE.as_ref();
    [code, &arguments.abi_encode()[..]].concat().into()
}

#[test]
fn another_chain_is_refused() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let options = Options {
        chain_id: Some(1),
        ..Options::default()
    };
    match RpcChain::connect(&anvil.url(), options) {
        Err(RpcError::WrongChain { expected, found }) => assert_eq!((expected, found), (1, CHAIN)),
        other => panic!("{other:?}"),
    }
    assert_eq!(anvil.chain().chain_id().unwrap(), CHAIN);
}

#[test]
fn a_constructor_that_refuses_is_not_sent() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let mut chain = anvil.chain();
    let from = chain.accounts()[0];
    let before = chain.block(BlockId::Latest).unwrap();
    let error = chain::deploy(&mut chain, from, verifier_of_nothing()).unwrap_err();
    let refusal = error.revert::<DeciderVerifierErrors>();
    let expected = DeciderVerifier::InvalidKey {};
    assert_eq!(refusal, Some(DeciderVerifierErrors::InvalidKey(expected)));
    assert!(matches!(error, ChainError::Reverted { gas_used: None, .. }));
    assert_eq!(chain.block(BlockId::Latest).unwrap(), before);
    let nonce: String = chain
        .request("eth_getTransactionCount", json!([from, "pending"]))
        .unwrap();
    assert_eq!(nonce, "0x0");
}

/// A node recommends what a unit of gas shall cost; the sender says how much is too much.
#[test]
fn a_price_that_is_too_high_is_not_paid() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let mut chain = anvil.chain_with(Options {
        max_fee: U256::from(1),
        ..Options::default()
    });
    let from = chain.accounts()[0];
    let before = chain.block(BlockId::Latest).unwrap();
    let error = chain.send(from, Some(from), Bytes::new(), U256::from(1));
    match error {
        Err(ChainError::NotNow(text)) => assert!(text.contains("--max-fee"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(chain.block(BlockId::Latest).unwrap(), before);
}

#[test]
fn transactions_calls_and_reverts() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let mut chain = anvil.chain();
    let from = chain.accounts()[0];
    let contract = echo::deploy(&mut chain);
    assert_eq!(chain.code(contract).unwrap().len(), 24);

    let calldata = echo::say(topic(7), b"hello");
    let receipt = chain
        .send(from, Some(contract), calldata.clone(), U256::ZERO)
        .unwrap();
    let [log] = &receipt.logs[..] else {
        panic!("{receipt:?}");
    };
    assert_eq!((log.address, &log.topics[..]), (contract, &[topic(7)][..]));
    assert_eq!(log.data.as_ref(), b"hello");
    let place = (log.block_number, log.block_hash, log.transaction);
    assert_eq!(
        place,
        (
            receipt.block_number,
            receipt.block_hash,
            receipt.transaction
        )
    );
    let block = chain.block(BlockId::Number(receipt.block_number)).unwrap();
    assert_eq!(block.hash, receipt.block_hash);
    assert_eq!(chain.receipt(receipt.transaction).unwrap(), Some(receipt));

    // An error of a contract's own, by a call and by a transaction.
    let refusal = DeciderVerifier::NonCanonicalProof {
        index: U256::from(3),
    };
    let reverting = echo::say(B256::ZERO, &refusal.abi_encode());
    let called = chain.call(contract, reverting.clone()).unwrap_err();
    let sent = chain.send(from, Some(contract), reverting, U256::ZERO);
    for error in [called, sent.unwrap_err()] {
        match error.revert() {
            Some(DeciderVerifierErrors::NonCanonicalProof(found)) => assert_eq!(found, refusal),
            other => panic!("{error}: {other:?}"),
        }
    }
    assert_eq!(
        chain.call(contract, calldata.clone()).unwrap(),
        Bytes::new()
    );

    let nobody = Address::repeat_byte(0xee);
    let error = ChainError::NoContract(nobody);
    assert_eq!(chain.call(nobody, calldata.clone()).unwrap_err(), error);
    let sent = chain.send(from, Some(nobody), calldata, U256::ZERO);
    assert_eq!(sent.unwrap_err(), error);
}

/// A busy node has a transaction's receipt a moment before the transaction.
fn input(chain: &RpcChain, transaction: B256) -> TransactionInput {
    for _ in 0..50 {
        if let Some(input) = chain.input(transaction).unwrap() {
            return input;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{transaction} has a receipt and is not there");
}

#[test]
fn what_a_transaction_asked_for() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let mut chain = anvil.chain();
    let from = chain.accounts()[0];
    let created = chain.send(from, None, echo::code(), U256::ZERO).unwrap();
    let expected = TransactionInput {
        to: None,
        calldata: echo::code(),
    };
    assert_eq!(input(&chain, created.transaction), expected);
    let calldata = echo::say(topic(7), b"hello");
    let called = chain.send(from, created.contract, calldata.clone(), U256::ZERO);
    let expected = TransactionInput {
        to: created.contract,
        calldata,
    };
    assert_eq!(input(&chain, called.unwrap().transaction), expected);
    assert_eq!(chain.input(B256::repeat_byte(1)).unwrap(), None);
}

#[test]
fn accounts_and_ether() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let mut chain = anvil.chain();
    let [rich, poor] = [chain.accounts()[2], Address::repeat_byte(0xee)];
    let before = chain.balance(rich).unwrap();
    let value = U256::from(1_000_000_007);
    chain.send(rich, Some(poor), Bytes::new(), value).unwrap();
    assert_eq!(chain.balance(poor).unwrap(), value);
    assert!(
        chain.balance(rich).unwrap() < before - value,
        "gas has a price"
    );
    let too_much = chain.send(rich, Some(poor), Bytes::new(), before);
    assert!(
        matches!(too_much, Err(ChainError::Invalid(_))),
        "{too_much:?}"
    );
    let error = chain
        .send(poor, Some(rich), Bytes::new(), value)
        .unwrap_err();
    assert_eq!(error, ChainError::UnknownAccount(poor));
}

#[test]
fn a_chain_without_a_base_fee() {
    let Some(anvil) = Anvil::start(&["--hardfork", "berlin"]) else {
        return;
    };
    let mut chain = anvil.chain();
    let [from, to] = [chain.accounts()[0], Address::repeat_byte(0xee)];
    let receipt = chain.send(from, Some(to), Bytes::new(), U256::ONE).unwrap();
    let sent: Value = chain
        .request("eth_getTransactionByHash", json!([receipt.transaction]))
        .unwrap();
    assert_eq!(sent["type"], "0x0");
    assert_eq!(sent["chainId"], "0x7a69");
}

#[test]
fn logs_of_ranges_and_topics() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let mut chain = anvil.chain();
    let contract = echo::deploy(&mut chain);
    let other = echo::deploy(&mut chain);
    let mut blocks = Vec::new();
    for number in 1..=6 {
        blocks.push(say(&mut chain, contract, number));
        say(&mut chain, other, 100 + number);
    }
    let read = |from, to, topics: &[Vec<B256>]| -> Vec<u64> {
        let logs = chain.logs(contract, from, to, topics).unwrap();
        logs.iter().map(said).collect()
    };
    assert_eq!(read(0, u64::MAX, &[]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(read(blocks[1], blocks[3], &[]), [2, 3, 4]);
    assert_eq!(read(blocks[1] + 1, blocks[1] + 1, &[]), [0; 0]);
    assert_eq!(read(0, u64::MAX, &[vec![topic(5), topic(2)]]), [2, 5]);
    assert_eq!(read(0, u64::MAX, &[vec![topic(9)]]), [0; 0]);
    assert_eq!(read(0, u64::MAX, &[vec![]]), [1, 2, 3, 4, 5, 6]);
}

/// What is read through a follower: numbers that the contract said, each with its block.
fn follow(
    chain: &RpcChain,
    follower: &mut Follower<usize>,
    contract: Address,
    read: &mut Vec<u64>,
) -> usize {
    let mut rolled_back = 0;
    loop {
        match follower.next(chain, 3).expect("blocks") {
            Step::Read(range) => {
                let logs = chain.logs(contract, range.from(), range.to(), &[]);
                let before = read.len();
                read.extend(logs.expect("logs").iter().map(said));
                if !follower.keep(chain, range, read.len()).expect("blocks") {
                    read.truncate(before);
                }
            }
            Step::RolledBack(mark) => {
                rolled_back += 1;
                read.truncate(mark.map_or(0, |mark| mark.value));
            }
            Step::Idle | Step::Behind { .. } => return rolled_back,
        }
    }
}

#[test]
fn a_reorganisation_is_rolled_back() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let mut chain = anvil.chain();
    let contract = echo::deploy(&mut chain);
    let mut follower = Follower::new(0, 1);
    let mut read = Vec::new();
    for number in 1..=6 {
        say(&mut chain, contract, number);
    }
    assert_eq!(follow(&chain, &mut follower, contract, &mut read), 0);
    assert_eq!(
        read,
        [1, 2, 3, 4, 5],
        "the newest block has no confirmation"
    );

    // The last three blocks are replaced by empty ones.
    let _: Value = chain.request("anvil_reorg", json!([3, []])).unwrap();
    assert_eq!(follow(&chain, &mut follower, contract, &mut read), 1);
    assert_eq!(read, [1, 2, 3]);
    say(&mut chain, contract, 7);
    say(&mut chain, contract, 8);
    assert_eq!(follow(&chain, &mut follower, contract, &mut read), 0);
    assert_eq!(read, [1, 2, 3, 7]);
}

#[test]
fn a_chain_that_became_shorter_and_went_on_otherwise() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let mut chain = anvil.chain();
    let contract = echo::deploy(&mut chain);
    let mut follower = Follower::new(0, 0);
    let mut read = Vec::new();
    say(&mut chain, contract, 1);
    follow(&chain, &mut follower, contract, &mut read);
    let snapshot: String = chain.request("evm_snapshot", json!([])).unwrap();
    say(&mut chain, contract, 2);
    say(&mut chain, contract, 3);
    follow(&chain, &mut follower, contract, &mut read);
    assert_eq!(read, [1, 2, 3]);

    let reverted: bool = chain.request("evm_revert", json!([snapshot])).unwrap();
    assert!(reverted);
    assert_eq!(follow(&chain, &mut follower, contract, &mut read), 0);
    assert_eq!(read, [1, 2, 3], "nothing contradicts it yet");
    say(&mut chain, contract, 4);
    say(&mut chain, contract, 5);
    assert_eq!(follow(&chain, &mut follower, contract, &mut read), 1);
    assert_eq!(read, [1, 4, 5]);
}

#[test]
fn a_node_that_dies_and_comes_back() {
    let Some(mut anvil) = Anvil::start(&[]) else {
        return;
    };
    // Half a minute: starting the node again takes a moment.
    let patience = maci_nova_node::RetryPolicy {
        longest: Duration::from_millis(500),
        tries: 60,
        ..hurried()
    };
    let mut chain = anvil.chain_with(Options {
        patience,
        ..Options::default()
    });
    let contract = echo::deploy(&mut chain);
    anvil.kill();
    let asking = std::thread::spawn(move || {
        let code = chain.code(contract);
        (chain, code)
    });
    // It asks in vain for some time.
    std::thread::sleep(Duration::from_millis(300));
    assert!(!asking.is_finished());
    anvil.restart(&[]);
    let (mut chain, code) = asking.join().unwrap();
    assert_eq!(code.unwrap(), Bytes::new(), "the new node knows nothing");
    let contract = echo::deploy(&mut chain);
    say(&mut chain, contract, 1);
    assert_eq!(chain.logs(contract, 0, u64::MAX, &[]).unwrap().len(), 1);

    anvil.kill();
    let options = Options {
        patience: hurried(),
        ..Options::default()
    };
    let error = RpcChain::connect(&anvil.url(), options).unwrap_err();
    assert!(matches!(error, RpcError::Unreachable { .. }), "{error}");
}

#[test]
fn a_transaction_that_waits_for_a_block() {
    let Some(anvil) = Anvil::start(&["--no-mining"]) else {
        return;
    };
    let mut chain = anvil.chain_with(Options {
        receipt: Duration::from_millis(500),
        ..Options::default()
    });
    let [from, to] = [chain.accounts()[0], Address::repeat_byte(0xee)];
    let transaction = match chain.send(from, Some(to), Bytes::new(), U256::ONE) {
        Err(ChainError::Undecided { transaction, .. }) => transaction,
        other => panic!("{other:?}"),
    };
    assert_eq!(chain.receipt(transaction).unwrap(), None);
    // The next one waits behind it and does not take its place.
    let second = match chain.send(from, Some(to), Bytes::new(), U256::from(2)) {
        Err(ChainError::Undecided { transaction, .. }) => transaction,
        other => panic!("{other:?}"),
    };
    let _: Value = chain.request("evm_mine", json!([])).unwrap();
    for transaction in [transaction, second] {
        let receipt = chain.receipt(transaction).unwrap().expect("in a block");
        assert_eq!(receipt.block_number, 1);
    }
    assert_eq!(chain.balance(to).unwrap(), U256::from(3));
}

#[test]
fn the_accounts_are_anvils() {
    let Some(anvil) = Anvil::start(&[]) else {
        return;
    };
    let chain = anvil.chain();
    let theirs: Vec<Address> = chain.request("eth_accounts", json!([])).unwrap();
    let ours: Vec<Address> = accounts().iter().map(|account| account.address()).collect();
    assert_eq!(ours, theirs[..3]);
}
