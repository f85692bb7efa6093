//! What a node answers, to each method that is asked of it and to what a poll is read with. The
//! first byte says what is asked, the lines after it are the answers.
#![no_main]

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use maci_nova_chain::{BlockId, Chain};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_fuzz::node::{answers, Node};
use maci_nova_node::testing::KEYS;
use maci_nova_node::{Account, Options, RetryPolicy, RpcChain};
use maci_nova_sdk::operator::payouts;
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys;
use maci_nova_sdk::poll::status::status;
use maci_nova_sdk::testing::World;
use maci_nova_sdk::voter::signing_window::{Outlook, Window};

const CHAIN: u64 = 31_337;

struct Client {
    node: Node,
    chain: RpcChain,
    asked: u32,
}

/// After so many inputs a new client is made: what it remembers is not to pile up.
const INPUTS: u32 = 2_000;

fn node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(Node::start)
}

fn connect() -> Client {
    let node = node().clone();
    node.say(answers(br#""0x7a69""#));
    let key = maci_nova_contracts::alloy_primitives::hex::decode(KEYS[0]).expect("a key");
    let key = <[u8; 32]>::try_from(key.as_slice()).expect("32 bytes");
    let options = Options {
        chain_id: Some(CHAIN),
        accounts: vec![Account::from_bytes(&key).expect("a key")],
        max_fee: U256::MAX,
        max_tip: U256::MAX,
        outbox: None,
        patience: RetryPolicy {
            first: Duration::ZERO,
            longest: Duration::ZERO,
            tries: 2,
            answer: Duration::from_secs(2),
        },
        receipt: Duration::from_millis(1),
        observer: Arc::new(node.clone()),
    };
    let chain = RpcChain::connect(&node.url(), options).expect("connected");
    let asked = 0;
    Client { node, chain, asked }
}

/// A poll, as its file tells of it.
fn poll() -> &'static (PollFile, PollContract) {
    static POLL: OnceLock<(PollFile, PollContract)> = OnceLock::new();
    POLL.get_or_init(|| {
        let (world, poll) = World::with_payments();
        (world.file.clone(), poll)
    })
}

const THERE: Address = Address::repeat_byte(0xa5);
const HASH: B256 = B256::repeat_byte(7);

fn ask(chain: &mut RpcChain, what: u8) {
    let from = chain.accounts()[0];
    let data = Bytes::from_static(&[1, 2, 3, 4]);
    let (file, poll) = poll();
    match what % 20 {
        0 => drop(chain.block(BlockId::Latest)),
        1 => drop(chain.block(BlockId::Number(5))),
        2 => drop(chain.code(THERE)),
        3 => drop(chain.call(THERE, data)),
        4 => drop(chain.logs(THERE, 0, u64::MAX, &[vec![HASH], vec![]])),
        5 => drop(chain.input(HASH)),
        6 => drop(chain.balance(THERE)),
        7 => drop(chain.receipt(HASH)),
        8 => drop(chain.send(from, Some(THERE), data, U256::from(1))),
        9 => drop(chain.send(from, None, data, U256::ZERO)),
        10 => drop(chain.send_until(from, THERE, data, U256::ZERO, 7, None)),
        11 => {
            let mut unpinned = file.clone();
            unpinned.poll_info = None;
            let contract = unpinned.poll.expect("a poll");
            drop(PollContract::open(chain, &unpinned, contract).map(|poll| poll.digest()));
        }
        12 => drop(status(chain, poll, 1_800_000_000)),
        13 => drop(poll.chains(chain)),
        14 => drop(poll.results(chain)),
        15 => drop(poll.sent(chain, 0, u64::MAX)),
        16 => drop(Window::newest(chain, poll)),
        17 => drop(Outlook::now(chain, poll).map(|outlook| outlook.last(0))),
        18 => drop(keys::insecure(chain, &file.contracts)),
        _ => drop(payouts::collect(chain, from, poll, 1_800_000_000)),
    }
}

thread_local! {
    static CLIENT: RefCell<Client> = RefCell::new(connect());
}

fuzz_target!(init: {
    poll();
}, |data: &[u8]| {
    let Some((what, said)) = data.split_first() else {
        return;
    };
    CLIENT.with_borrow_mut(|client| {
        client.asked += 1;
        if client.asked > INPUTS {
            *client = connect();
        }
        client.node.say(answers(said));
        ask(&mut client.chain, *what);
    });
});
