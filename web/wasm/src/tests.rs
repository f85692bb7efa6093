//! Operations on a node that is the embedded EVM, answered as a page answers them.

use maci_nova_chain::alloy_primitives::{Address, U256};
use maci_nova_chain::{Chain, ChainError};
use maci_nova_contracts::evm_node::EvmNode;
use maci_nova_sdk::testing::{key, World};
use serde_json::{json, Value};

use crate::engine::Engine;
use crate::keys::Handle;
use crate::operation::Operation;
use crate::outcome::{Failure, Outcome};
use crate::rehearsal::Rehearsal;
use crate::request::{Answer, Transaction};

/// A page: a node, an engine, and how often each thing was asked for.
struct Page {
    node: EvmNode,
    engine: Engine,
    account: Option<Address>,
    sent: Vec<Transaction>,
    reads: usize,
    poll: u32,
}

fn operation(operation: Value) -> Operation {
    serde_json::from_value(operation).expect("an operation")
}

fn answered(answer: Value) -> Answer {
    serde_json::from_value(answer).expect("an answer")
}

impl Page {
    /// With the world's poll opened.
    fn open(world: World) -> Self {
        let file = serde_json::to_string(&world.file).expect("JSON");
        let account = Some(world.account(2));
        let mut page = Page {
            node: EvmNode::new(world.evm),
            engine: Engine::default(),
            account,
            sent: Vec::new(),
            reads: 0,
            poll: 0,
        };
        let opened = page.run(json!({"operation": "open", "pollFile": file}));
        page.poll = opened.expect("the poll opens")["poll"]
            .as_u64()
            .expect("a number") as u32;
        page
    }

    fn ask(&mut self, method: &str, params: &Value) -> Answer {
        self.reads += 1;
        match self.node.answer(method, params) {
            Ok(result) => answered(json!({ "result": result })),
            Err(error) => answered(json!({ "error": error.to_json() })),
        }
    }

    fn run(&mut self, order: Value) -> Result<Value, Failure> {
        let handle = self.engine.begin(operation(order), self.account);
        self.go_on(handle)
    }

    fn go_on(&mut self, handle: u32) -> Result<Value, Failure> {
        loop {
            let answer = match self.engine.run(handle) {
                Outcome::Done { value } => return Ok(value),
                Outcome::Failed { error } => return Err(error),
                Outcome::Read { method, params } => self.ask(method, &params),
                Outcome::Send { transaction } => self.send(transaction),
            };
            self.engine
                .answer(handle, answer)
                .expect("it was asked for");
        }
    }

    fn send(&mut self, transaction: Transaction) -> Answer {
        let call = json!([transaction]);
        if let Err(error) = self.node.answer("eth_estimateGas", &call) {
            return answered(json!({ "error": error.to_json() }));
        }
        self.sent.push(transaction);
        let hash = self
            .node
            .answer("eth_sendTransaction", &call)
            .expect("sent");
        let receipt = self
            .node
            .answer("eth_getTransactionReceipt", &json!([hash]));
        answered(json!({"result": receipt.expect("a receipt")}))
    }

    /// A key of the world's, here.
    fn key(&mut self, seed: u64) -> Handle {
        let text = key(seed).to_serialized();
        self.engine.shared.keys.import(&text).expect("a key")
    }

    /// The order of something on the poll.
    fn order(&self, name: &str, more: Value) -> Value {
        let mut order = json!({"operation": name, "poll": self.poll});
        let object = order.as_object_mut().expect("an object");
        object.extend(more.as_object().expect("an object").clone());
        order
    }

    fn ballot(&mut self, choices: Value) -> Result<Value, Failure> {
        let poll_key = self.key(1002);
        let order = json!({"pollKey": poll_key, "choices": choices});
        self.run(self.order("ballot", order))
    }
}

/// With a voter, whose key in the poll is that of seed 1002.
fn with_voter() -> Page {
    let mut world = World::new();
    let poll = world.create(&world.terms());
    world.go_to(poll.times().0);
    world.join(&poll, 2);
    Page::open(world)
}

#[test]
fn each_question_is_asked_once() {
    let mut page = with_voter();
    let (handle, mut asked) = (
        page.engine
            .begin(operation(page.order("status", json!({}))), None),
        Vec::new(),
    );
    loop {
        match page.engine.run(handle) {
            Outcome::Read { method, params } => {
                let question = format!("{method} {params}");
                assert!(!asked.contains(&question), "{question}");
                asked.push(question);
                let answer = page.ask(method, &params);
                page.engine.answer(handle, answer).expect("asked for");
            }
            Outcome::Done { value } => {
                assert_eq!(value["state"], "open");
                assert_eq!(value["joins"], 1);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    // It has ended.
    assert!(matches!(page.engine.run(handle), Outcome::Failed { .. }));
}

#[test]
fn signing_up_sends_once() {
    let mut page = with_voter();
    let me = page.key(50);
    let order = page.order("signUp", json!({"key": me}));
    let signed_up = page.run(order.clone()).expect("signed up");
    assert_eq!(signed_up["signedUp"]["index"], 1);
    assert!(signed_up["gas"].as_u64().is_some_and(|gas| gas > 50_000));
    let again = page.run(order).expect("again");
    assert_eq!(again["signedUp"], signed_up["signedUp"]);
    assert_eq!(again["gas"], Value::Null);
    assert_eq!(page.sent.len(), 1);
    // Whoever looks from outside sees the same.
    let known = page
        .run(page.order("voter", json!({"key": me})))
        .expect("known");
    assert_eq!(known["signedUp"], signed_up["signedUp"]);
    assert_eq!(known["inTime"], true);
    assert_eq!(known["joins"], json!([]));
}

#[test]
fn a_ballot_is_published_once_whoever_asks_again() {
    let mut page = with_voter();
    let ballot = page.ballot(json!([{"option": 2, "weight": 9}, {"option": 4, "weight": 3}]));
    let ballot = ballot.expect("a ballot");
    assert_eq!(
        (&ballot["cost"], &ballot["count"]),
        (&json!("90"), &json!(2))
    );
    let order = page.order("publish", json!({"messages": ballot["messages"]}));
    let published = page.run(order.clone()).expect("published");
    assert_eq!(
        (&published["first"], &published["count"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(page.sent.len(), 1);
    page.run(order).expect("again");
    assert_eq!(page.sent.len(), 1, "nothing is sent twice");
    let order = page.order("placement", json!({"messages": ballot["messages"]}));
    let placement = page.run(order).expect("placed");
    assert_eq!(placement["places"], json!([[0], [1]]));
    assert_eq!(
        (&placement["complete"], &placement["inOrder"]),
        (&json!(true), &json!(true))
    );
}

/// The node that is asked after a transaction has landed may be behind the one that sent it.
#[test]
fn a_node_that_lags_has_nothing_sent_twice() {
    let mut page = with_voter();
    let ballot = page
        .ballot(json!([{"option": 1, "weight": 2}]))
        .expect("a ballot");
    let before = page.node.evm.clone();
    let order = page.order("publish", json!({"messages": ballot["messages"]}));
    let handle = page.engine.begin(operation(order), page.account);
    let mut sends = 0;
    loop {
        let answer = match page.engine.run(handle) {
            Outcome::Read { method, params } => {
                // As it was before.
                let mut behind = EvmNode::new(before.clone());
                match behind.answer(method, &params) {
                    Ok(result) => answered(json!({ "result": result })),
                    Err(error) => answered(json!({ "error": error.to_json() })),
                }
            }
            Outcome::Send { transaction } => {
                sends += 1;
                page.send(transaction)
            }
            Outcome::Done { value } => {
                assert_eq!(value["count"], 1);
                break;
            }
            Outcome::Failed { error } => panic!("{error:?}"),
        };
        page.engine.answer(handle, answer).expect("asked for");
    }
    assert_eq!((sends, page.sent.len()), (1, 1));
}

#[test]
fn a_top_up_that_was_sent_before_is_not_paid_again() {
    let (world, _) = World::with_payments();
    let mut page = Page::open(world);
    let order = |page: &Page| {
        page.order(
            "topUp",
            json!({"stateIndex": 1, "credits": 4, "tokens": "40", "messageFee": "7"}),
        )
    };
    let bought = page.run(order(&page)).expect("bought");
    assert_eq!(bought["credits"], 4);
    // The approval, and the top-up.
    assert_eq!(page.sent.len(), 2);
    let transaction = page.sent[1].clone();
    // After a reload, with the receipt of what was on its way.
    let receipt = page.last_receipt();
    let handle = page.engine.begin(operation(order(&page)), page.account);
    page.engine
        .sent(handle, transaction, &receipt)
        .expect("told");
    let again = page.go_on(handle).expect("known");
    assert_eq!(again["index"], bought["index"]);
    assert_eq!(page.sent.len(), 2, "nothing is paid twice");
    // Without it, it is another one.
    let another = page.run(order(&page)).expect("bought");
    assert_ne!(another["index"], bought["index"]);
    assert_eq!(page.sent.len(), 4);
    // More than was agreed to is not paid.
    let dear = page.order(
        "topUp",
        json!({"stateIndex": 1, "credits": 4, "tokens": "39", "messageFee": "7"}),
    );
    assert_eq!(page.run(dear).expect_err("too dear").kind, "usage");
    assert_eq!(page.sent.len(), 4);
}

#[test]
fn what_a_contract_refuses_is_a_sentence_and_not_sent() {
    let mut page = with_voter();
    let ballot = page
        .ballot(json!([{"option": 1, "weight": 2}]))
        .expect("a ballot");
    page.node.evm.mine(200);
    let order = page.order("publish", json!({"messages": ballot["messages"]}));
    let error = page.run(order).expect_err("too old");
    assert!(error.message.contains("too old"), "{error:?}");
    assert!(page.sent.is_empty());
    for (choices, expected) in [
        (json!([]), "empty"),
        (json!([{"option": 5, "weight": 1}]), "no option 5"),
        (json!([{"option": 1, "weight": 11}]), "121 voice credits"),
        (json!([{"option": 1, "weight": -1}]), "not negative"),
        (
            json!([{"option": 1, "weight": 1}, {"option": 1, "weight": 2}]),
            "twice",
        ),
    ] {
        let error = page.ballot(choices).expect_err("no ballot");
        assert!(error.message.contains(expected), "{error:?}");
    }
}

#[test]
fn who_has_no_account_or_key_is_told() {
    let mut page = with_voter();
    let ballot = page
        .ballot(json!([{"option": 1, "weight": 2}]))
        .expect("a ballot");
    page.account = None;
    let order = page.order("publish", json!({"messages": ballot["messages"]}));
    assert!(page
        .run(order)
        .expect_err("nobody")
        .message
        .contains("connect a wallet"));
    let gone = page.key(3);
    page.engine.shared.keys.forget(gone);
    let order = page.order("signUp", json!({"key": gone}));
    assert!(page
        .run(order)
        .expect_err("no key")
        .message
        .contains("no such key"));
    // Somebody who never joined.
    let stranger = page.key(999);
    let choices = json!([{"option": 1, "weight": 1}]);
    let order = page.order("ballot", json!({"pollKey": stranger, "choices": choices}));
    let error = page.run(order).expect_err("nobody's key");
    assert_eq!(error.hint, Some("key-of-join"));
}

#[test]
fn a_file_of_another_chain_or_poll() {
    let mut world = World::new();
    let poll = world.create(&world.terms());
    world.go_to(poll.times().0);
    let mut other = world.file.clone();
    other.chain_id += 1;
    let mut changed = world.file.clone();
    changed.poll_info = changed.poll_info.map(|digest| !digest);
    let mut page = Page::open(world);
    for (file, expected) in [
        (other, "is on chain"),
        (changed, "not what the poll file says"),
    ] {
        let file = serde_json::to_string(&file).expect("JSON");
        let error = page.run(json!({"operation": "open", "pollFile": file}));
        let error = error.expect_err("another one");
        assert!(error.message.contains(expected), "{error:?}");
    }
    let error = page.run(json!({"operation": "open", "pollFile": "{"}));
    assert_eq!(error.expect_err("no file").kind, "input");
}

/// Each run of a join makes another proof; one that is refused is not sent again under another.
#[test]
fn what_was_refused_ends_the_operation() {
    let mut page = with_voter();
    let me = page.key(50);
    let order = page.order("signUp", json!({"key": me}));
    let handle = page.engine.begin(operation(order), page.account);
    let mut sends = 0;
    let error = loop {
        let answer = match page.engine.run(handle) {
            Outcome::Read { method, params } => page.ask(method, &params),
            Outcome::Send { .. } => {
                sends += 1;
                let reverted = json!({"code": 3, "message": "execution reverted", "data": "0x"});
                answered(json!({ "error": reverted }))
            }
            Outcome::Failed { error } => break error,
            Outcome::Done { .. } => panic!("it was refused"),
        };
        page.engine.answer(handle, answer).expect("asked for");
    };
    assert_eq!((sends, error.kind), (1, "chain"));
    // Something else does not go out in its place.
    let from = page.account.expect("an account");
    let mut chain = Rehearsal::new(page.account);
    let transaction = |data: u8| Transaction {
        from,
        to: from,
        data: vec![data].into(),
        value: U256::ZERO,
    };
    let refused = ChainError::NotNow("no".into());
    chain.landed(transaction(1), Err(refused.clone()));
    let sent = chain.send(from, Some(from), vec![2].into(), U256::ZERO);
    assert_eq!(sent, Err(refused));
    assert_eq!(chain.take_need(), None);
}

/// Anybody can join with a voter's key; the voter is the one whose index they know.
#[test]
fn somebody_else_joins_with_the_same_key() {
    let mut world = World::new();
    let poll = world.create(&world.terms());
    world.go_to(poll.times().0);
    world.join(&poll, 2);
    world.join_as(&poll, 3, 2);
    let mut page = Page::open(world);
    let poll_key = page.key(1002);
    let known = page.run(page.order("voter", json!({"pollKey": poll_key})));
    let known = known.expect("known");
    assert_eq!(known["joins"].as_array().map(Vec::len), Some(2));
    let choices = json!([{"option": 1, "weight": 2}]);
    let error = page.ballot(choices.clone()).expect_err("which one?");
    assert_eq!(error.hint, Some("state-index"));
    let order = json!({"pollKey": poll_key, "choices": choices, "stateIndex": 1});
    let ballot = page.run(page.order("ballot", order)).expect("the first");
    assert_eq!(ballot["stateIndex"], 1);
}

/// Answers that are not of the form, at every question in its turn: an error, and no panic.
#[test]
fn a_node_that_says_nonsense() {
    let nonsense = [
        json!(null),
        json!(5),
        json!("0x"),
        json!("0xzz"),
        json!([]),
        json!([{}]),
        json!({}),
    ];
    let mut page = with_voter();
    let poll_key = page.key(1002);
    let choices = json!([{"option": 1, "weight": 2}]);
    for order in [
        page.order("status", json!({})),
        page.order("voter", json!({"pollKey": poll_key})),
        page.order("ballot", json!({"pollKey": poll_key, "choices": choices})),
        page.order("verify", json!({})),
    ] {
        for wrong in &nonsense {
            for at in 0.. {
                if !page.ask_wrongly(&order, at, wrong) {
                    break;
                }
            }
        }
    }
}

impl Page {
    /// Runs an operation whose question number `at` gets a wrong answer; false if it asks fewer.
    fn ask_wrongly(&mut self, order: &Value, at: usize, wrong: &Value) -> bool {
        let handle = self.engine.begin(operation(order.clone()), self.account);
        let mut questions = 0;
        loop {
            let answer = match self.engine.run(handle) {
                Outcome::Read { .. } if questions == at => answered(json!({ "result": wrong })),
                Outcome::Read { method, params } => self.ask(method, &params),
                Outcome::Send { .. } => panic!("nothing is to be sent"),
                Outcome::Done { .. } | Outcome::Failed { .. } => return questions > at,
            };
            questions += 1;
            assert!(questions < 500, "it asks for ever");
            self.engine.answer(handle, answer).expect("asked for");
        }
    }

    fn last_receipt(&mut self) -> Value {
        let block = self.node.evm.latest().number;
        let address = self.sent.last().expect("sent").to;
        let logs = self
            .node
            .evm
            .logs(address, block, block, &[])
            .expect("logs");
        let hash = logs.first().expect("a log").transaction;
        let receipt = self
            .node
            .answer("eth_getTransactionReceipt", &json!([hash]));
        receipt.expect("a receipt")
    }
}

#[test]
fn keys_stay_where_they_are() {
    use crate::keys::{Keys, KeysError};
    let mut keys = Keys::default();
    let random = keys.random();
    let text = keys.export(random).expect("exported").to_string();
    let again = keys.import(&format!("\u{feff} {text}\r\n")).expect("read");
    assert_eq!(keys.public(again), keys.public(random));
    assert!(!format!("{keys:?}").contains(&text[7..]));
    // v is 0 or 27.
    let mut signature = [7; 65];
    signature[64] = 0;
    let one = keys.derive(&signature).expect("a key");
    signature[64] = 27;
    let same = keys.derive(&signature).expect("a key");
    signature[0] = 8;
    let other = keys.derive(&signature).expect("a key");
    assert_eq!(keys.public(one), keys.public(same));
    assert_ne!(keys.public(one), keys.public(other));
    assert_eq!(keys.derive(&[7; 64]), Err(KeysError::Signature));
    assert_eq!(keys.derive(&[0; 65]), Err(KeysError::Signature));
    keys.forget(random);
    assert_eq!(keys.public(random), Err(KeysError::Unknown));
    let error = keys
        .import("macisk.not hexadecimal")
        .expect_err("no key")
        .to_string();
    assert!(!error.contains("not hex"), "{error}");
}

#[test]
fn amounts_are_decimal_or_hexadecimal() {
    for fee in ["7", "0x7"] {
        let order = json!({"operation": "publish", "poll": 0, "messages": "", "messageFee": fee});
        let Operation::Publish { message_fee, .. } = operation(order) else {
            panic!("it is one");
        };
        assert_eq!(message_fee, U256::from(7));
    }
}

/// The kit's relayer speaks without the engine, and has to take for passing what the library does.
#[test]
fn what_a_relayer_refuses_for_now_is_said_alike() {
    use std::collections::BTreeSet;

    use maci_nova_sdk::relay::document::Refusal;

    let quoted = |text: &'static str| text.split('"').skip(1).step_by(2);
    // Every refusal has its arm in `Refusal::name`.
    let document = include_str!("../../../sdk/src/relay/document.rs");
    let names = document
        .split("pub fn name(self)")
        .nth(1)
        .and_then(|rest| rest.split("pub fn words").next())
        .expect("the names");
    let for_now: BTreeSet<&str> = quoted(names)
        .filter(|name| {
            let refusal: Refusal = serde_json::from_value(json!(name)).expect("a refusal");
            refusal.is_for_now()
        })
        .collect();
    let kit = include_str!("../../kit/src/relay.ts");
    let list = kit
        .split("const FOR_NOW = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .expect("the list");
    assert!(for_now.len() > 3);
    assert_eq!(quoted(list).collect::<BTreeSet<_>>(), for_now);
}
