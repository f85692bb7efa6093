//! Voters of real contracts, with real join proofs, in an embedded EVM.

use std::collections::{BTreeMap, HashSet};
use std::sync::OnceLock;

use halo2curves::bn256::{Fr as Scalar, G1Affine, G2Affine};
use halo2curves::group::Curve;
use maci_nova_chain::{Block, BlockId};
use maci_nova_contracts::alloy_primitives::B256;
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::deploy::{self, Gatekeeper, Plan, Shape};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::{decider, groth16 as contract};
use maci_nova_groth16::convert::ToHalo;
use maci_nova_groth16::Trapdoors;
use maci_nova_protocol::lean_imt::LeanImt;
use maci_nova_protocol::log::Record;
use maci_nova_protocol::membership::leaf;
use maci_nova_protocol::Fr;

use super::*;
use crate::poll::file::{Contracts, KeyDigests, PollFile};
use crate::voter::ballot::{Ballot, Choice};
use crate::voter::join_key;
use crate::voter::price::PriceError;
use crate::voter::sign_ups::newest_root;
use crate::voter::signing_window::{can_be_repeated, is_refused};
use crate::ErrorKind;

const HOUR: u64 = 3600;
const CREDITS: u32 = 100;
const CREDIT_UNIT: u64 = 10;
/// Blocks that an anchor is good for.
const WITHIN: u16 = 75;
const FEE: u64 = 7;
/// Who pays, and who else there is.
const OTHER: Address = Address::repeat_byte(0x12);

/// What the poll asks, and enough tokens for every top-up here.
const BUDGET: Budget = Budget {
    message_fee: U256::from_limbs([FEE, 0, 0, 0]),
    tokens: U256::from_limbs([1_000_000, 0, 0, 0]),
};

#[derive(Clone)]
struct World {
    evm: Evm,
    maci: Contract,
    poll: PollContract,
    token: Address,
    file: PollFile,
}

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| Prover::setup(Trapdoors::insecure_development()).unwrap())
}

fn key(seed: u64) -> PrivateKey {
    PrivateKey::from_element(Fr::from(seed))
}

fn g1(scalar: u64) -> G1Affine {
    (G1Affine::generator() * Scalar::from(scalar)).to_affine()
}

fn g2(scalar: u64) -> G2Affine {
    (G2Affine::generator() * Scalar::from(scalar)).to_affine()
}

/// Of a verifier that nobody asks.
fn decider_key() -> decider::Key {
    decider::Key {
        alpha: g1(2),
        beta: g2(3),
        gamma_prime: g2(4),
        delta: g2(5),
        ic: [6, 7, 8, 9].map(g1),
        tau: g2(10),
        h: g1(11),
    }
}

fn contract_key() -> contract::Key {
    let key = prover().verifying_key();
    contract::Key {
        alpha: key.alpha.to_halo(),
        beta: key.beta.to_halo(),
        gamma: key.gamma.to_halo(),
        delta: key.delta.to_halo(),
        ic: key.ic.map(|point| point.to_halo()),
    }
}

fn plan() -> Plan {
    Plan {
        shape: Shape {
            state_tree_depth: 2,
            vote_option_tree_depth: 1,
            events_per_step: 1,
        },
        decider_key: decider_key(),
        join_key: contract_key(),
        bundle_key: contract_key(),
        bundle_messages: 100,
        development_keys: true,
        production: false,
        join_depth: 32,
        gatekeeper: Gatekeeper::FreeForAll,
        owner: SENDER,
    }
}

fn deploy_code(evm: &mut Evm, code: Bytes) -> Address {
    chain::deploy(evm, SENDER, code).unwrap().contract
}

fn create(evm: &mut Evm, file: &PollFile, settings: MACI::PollSettings) -> PollContract {
    let maci = file.contracts.maci.address;
    let call = MACI::createPollCall { settings };
    let receipt = chain::send(evm, SENDER, maci, &call, U256::ZERO).unwrap();
    let created: MACI::PollCreated = receipt.event(maci).unwrap();
    let contract = Contract {
        address: created.poll,
        first_block: receipt.block_number,
    };
    PollContract::open(evm, file, contract).unwrap()
}

impl World {
    /// A poll that starts in an hour.
    fn new() -> Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(World::make).clone()
    }

    fn make() -> Self {
        let mut evm = Evm::new();
        let addresses = deploy::system(&mut evm, SENDER, &plan(), &mut BTreeMap::new()).unwrap();
        let at = |address| Contract {
            address,
            first_block: 1,
        };
        let contracts = Contracts {
            registry: at(addresses.registry),
            decider_verifier: at(addresses.decider_verifier),
            join_verifier: at(addresses.join_verifier),
            bundle_verifier: at(addresses.bundle_verifier),
            maci: at(addresses.maci),
        };
        let keys = KeyDigests {
            decider: B256::repeat_byte(1),
            join: prover().digest().into(),
            bundle: B256::repeat_byte(2),
        };
        let credits = deploy::constant_credits(CREDITS).unwrap();
        let credits = deploy_code(&mut evm, credits);
        let token = deploy::sample_token(SENDER).unwrap();
        let token = deploy_code(&mut evm, token);
        let mint = SampleToken::mintCall {
            to: SENDER,
            amount: U256::from(10_000),
        };
        chain::send(&mut evm, SENDER, token, &mint, U256::ZERO).unwrap();
        let chain_id = evm.chain_id().unwrap();
        let file = PollFile::new(chain_id, None, contracts, keys);
        let settings = settings(&evm, credits, token);
        let poll = create(&mut evm, &file, settings);
        World {
            poll,
            maci: contracts.maci,
            token,
            evm,
            file,
        }
    }

    /// Another poll, whose settings differ.
    fn create(&mut self, change: impl FnOnce(&mut MACI::PollSettings)) -> PollContract {
        let credits = self.poll.info.settings.credits;
        let mut settings = settings(&self.evm, credits, self.token);
        change(&mut settings);
        create(&mut self.evm, &self.file, settings)
    }

    fn open() -> Self {
        let mut world = World::new();
        world.go_to(world.poll.times().0);
        world
    }

    /// An open poll with one voter, whose keys are 100 and 200.
    fn with_voter() -> Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        let make = || {
            let mut world = World::open();
            world.sign_up(100).unwrap();
            world.join(100, 200).unwrap();
            world
        };
        WORLD.get_or_init(make).clone()
    }

    fn go_to(&mut self, time: u64) {
        self.evm.set_next_timestamp(time);
        self.evm.mine(1);
    }

    fn sign_up(&mut self, seed: u64) -> Result<SignedUp, Error> {
        let key = key(seed).public_key();
        sign_up(&mut self.evm, SENDER, self.maci, &key, Bytes::new())
    }

    fn join(&mut self, seed: u64, poll_seed: u64) -> Result<Joined, Error> {
        let request = JoinRequest {
            poll: &self.poll,
            signed_up: None,
            known: &[],
            prover: prover(),
            key: &key(seed),
            poll_key: &key(poll_seed).public_key(),
            credit_data: &Bytes::new(),
            min_credits: 1,
        };
        join(&mut self.evm, OTHER, &request, &())
    }

    fn ballot(&self, options: u64) -> Vec<SignedMessage> {
        let anchor = Window::newest(&self.evm, &self.poll).unwrap();
        self.with_ballot(options, |ballot| ballot.messages(&anchor).unwrap())
    }

    fn with_ballot<T>(&self, options: u64, use_it: impl FnOnce(Ballot<'_>) -> T) -> T {
        let choices = (0..options).map(|option| Choice { option, weight: 2 });
        use_it(Ballot {
            header: self.poll.header(),
            state_index: 1,
            key: &key(200),
            choices: &choices.collect::<Vec<_>>(),
            new_key: None,
            first_nonce: 1,
            at_least: 1,
        })
    }

    fn publish(&mut self, messages: &[SignedMessage]) -> Result<Published, Error> {
        publish(&mut self.evm, OTHER, &self.poll, messages, &BUDGET, &())
    }

    fn publish_again(&mut self, messages: &[SignedMessage]) -> Result<Published, Error> {
        publish_again(&mut self.evm, OTHER, &self.poll, messages, &BUDGET, &())
    }

    /// The messages of the poll's log.
    fn messages(&self) -> Vec<Message> {
        let sent = self.poll.all_sent(&self.evm, &()).unwrap();
        let messages = sent.iter().filter_map(|sent| match &sent.record {
            Record::Message(message) => Some(**message),
            _ => None,
        });
        messages.collect()
    }

    fn top_up(&mut self, state_index: u64, credits: u64) -> Result<ToppedUp, Error> {
        let (evm, poll) = (&mut self.evm, &self.poll);
        top_up(evm, SENDER, poll, state_index, credits, &BUDGET, &())
    }

    fn allowance(&self) -> U256 {
        let query = SampleToken::allowanceCall {
            owner: SENDER,
            spender: self.poll.address,
        };
        chain::view(&self.evm, self.token, &query).unwrap()
    }
}

fn settings(evm: &Evm, credits: Address, token: Address) -> MACI::PollSettings {
    let coordinator = key(1).public_key().point();
    let [x, y] = [&coordinator.x, &coordinator.y].map(words::scalar);
    let now = evm.latest().timestamp;
    MACI::PollSettings {
        coordinatorKey: MACI::PublicKey { x, y },
        voteOptions: 5,
        mode: 0,
        shape: MACI::Shape {
            stateTreeDepth: 2,
            voteOptionTreeDepth: 1,
            eventsPerStep: 1,
        },
        startTime: now + HOUR,
        endTime: now + 25 * HOUR,
        provingBase: HOUR,
        signedWithin: WITHIN,
        lastRoot: u32::MAX,
        provingPerMessage: 60,
        provingMax: 30 * 24 * 3600,
        credits,
        topUpToken: token,
        creditUnit: U256::from(CREDIT_UNIT),
        beneficiary: SENDER,
        messageFee: U256::from(FEE),
    }
}

#[track_caller]
fn fails<T: std::fmt::Debug>(result: Result<T, Error>, text: &str) {
    let error = result.expect_err("refused").to_string();
    assert!(error.contains(text), "{error}");
}

#[test]
fn a_key_signs_up_once() {
    let mut world = World::new();
    for index in 0..3 {
        let signed_up = world.sign_up(100 + index).unwrap();
        assert_eq!(signed_up.root.index, index);
        let newest = newest_root(&world.evm, world.maci).unwrap();
        assert_eq!(newest, Some(signed_up.root));
        assert!(signed_up.gas.is_some());
    }
    let again = world.sign_up(101).unwrap();
    assert_eq!((again.root.index, again.gas), (1, None));
    let call = MACI::rootAtCall { index: U256::ONE };
    let root: U256 = view(&world.evm, world.maci.address, &call, "read").unwrap();
    assert_eq!(again.root.root, B256::from(root));
    let sign_ups = SignUps::read(&world.evm, world.maci, &()).unwrap();
    assert_eq!((sign_ups.count(), sign_ups.last()), (3, Some(2)));
    assert_eq!(sign_ups.position(&key(102).public_key()), Some(2));
    assert!(sign_ups.path(&key(99).public_key()).is_none());
    let data = Bytes::from(vec![1]);
    let key = key(110).public_key();
    let refused = sign_up(&mut world.evm, SENDER, world.maci, &key, data);
    fails(refused, "UnexpectedGatekeeperData");
}

/// A node that shows the first `shown` sign-ups alone, or a tree of its own; either with roots that
/// fit.
struct Liar {
    evm: Evm,
    maci: Address,
    shown: usize,
    fake: Option<Vec<PublicKey>>,
    sent: u32,
}

impl Liar {
    fn fake_logs(&self, keys: &[PublicKey]) -> (Vec<Log>, U256) {
        let mut tree = LeanImt::new();
        let logs = keys.iter().enumerate().map(|(index, key)| {
            tree.insert(leaf(&key.point())).unwrap();
            let event = MACI::SignUp {
                index: U256::from(index),
                x: words::scalar(&key.point().x),
                y: words::scalar(&key.point().y),
                root: words::scalar(&tree.root().unwrap()),
            };
            let data = event.encode_log_data();
            Log {
                address: self.maci,
                topics: data.topics().to_vec(),
                data: data.data.clone(),
                block_number: 1,
                block_hash: B256::ZERO,
                transaction: B256::ZERO,
                index: index as u64,
            }
        });
        let logs = logs.collect();
        (logs, words::scalar(&tree.root().unwrap()))
    }
}

impl Chain for Liar {
    maci_nova_chain::forward!(evm: chain_id accounts block code input balance);

    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        self.sent += 1;
        self.evm.send(from, to, calldata, value)
    }

    fn call(&self, to: Address, calldata: Bytes) -> Result<Bytes, ChainError> {
        if to == self.maci && calldata.starts_with(&MACI::rootCountCall::SELECTOR) {
            let count = self.fake.as_ref().map_or(self.shown, Vec::len);
            return Ok(U256::from(count).abi_encode().into());
        }
        let asks_root = calldata.starts_with(&MACI::rootAtCall::SELECTOR);
        match &self.fake {
            Some(keys) if to == self.maci && asks_root => {
                Ok(self.fake_logs(keys).1.abi_encode().into())
            }
            _ => self.evm.call(to, calldata),
        }
    }

    fn logs(
        &self,
        address: Address,
        from: u64,
        to: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        let mut logs = self.evm.logs(address, from, to, topics)?;
        match &self.fake {
            Some(keys) if address == self.maci => logs = self.fake_logs(keys).0,
            None if address == self.maci => logs.truncate(self.shown),
            _ => {}
        }
        Ok(logs)
    }
}

/// With what a voter knows of the tree, a node that shows another one learns nothing: nothing is
/// sent, whoever the voter is, and the voter hears that it lies.
#[test]
fn a_node_does_not_find_out_who_joins() {
    let mut world = World::open();
    let mut own = BTreeMap::new();
    for seed in 100..104 {
        own.insert(seed, world.sign_up(seed).unwrap().root);
    }
    let pinned = newest_root(&world.evm, world.maci).unwrap().unwrap();
    for seed in 104..108 {
        own.insert(seed, world.sign_up(seed).unwrap().root);
    }
    let join_at = |node: &mut Liar, seed, known: &[KnownRoot], signed_up| {
        let request = JoinRequest {
            poll: &world.poll,
            signed_up,
            known,
            prover: prover(),
            key: &key(seed),
            poll_key: &key(200).public_key(),
            credit_data: &Bytes::new(),
            min_credits: 1,
        };
        join(node, OTHER, &request, &())
    };
    let node = |shown, fake| Liar {
        evm: world.evm.clone(),
        maci: world.maci.address,
        shown,
        fake,
        sent: 0,
    };
    let lies = |outcome: Result<Joined, Error>| {
        let error = outcome.expect_err("refused");
        assert!(
            error.to_string().contains("contradicts what is known"),
            "{error}"
        );
        assert_eq!(error.hint(), Some(&Hint::OtherNode));
    };
    // A cut tree: the poll file's root is not in it, or one's own sign-up.
    for seed in [101, 102] {
        let mut cut = node(2, None);
        lies(join_at(&mut cut, seed, &[pinned], None));
        assert_eq!(cut.sent, 0);
    }
    let mut cut = node(5, None);
    lies(join_at(&mut cut, 106, &[pinned], Some(own[&106])));
    assert_eq!(cut.sent, 0);
    // The node's own keys and one suspect.
    for suspect in 100..108 {
        let keys = [900, suspect, 901].map(|seed| key(seed).public_key());
        for (known, signed_up) in [
            (vec![pinned], None),
            (vec![], Some(own[&105])),
            (vec![pinned], Some(own[&105])),
        ] {
            let mut fake = node(3, Some(keys.to_vec()));
            lies(join_at(&mut fake, 105, &known, signed_up));
            assert_eq!(fake.sent, 0);
        }
    }
    // Another node knows a newer root.
    let newest = newest_root(&world.evm, world.maci).unwrap().unwrap();
    lies(join_at(&mut node(6, None), 105, &[pinned, newest], None));
    // One's own sign-up elsewhere in a tree that is right.
    lies(join_at(&mut node(8, None), 105, &[pinned], Some(own[&106])));
    // What is known is true of an honest node.
    let mut honest = node(8, None);
    let known = [pinned, newest];
    join_at(&mut honest, 105, &known, Some(own[&105])).unwrap();
    assert_eq!(honest.sent, 1);
}

/// A poll for those who had signed up before: with the root after the last of them, however many
/// have followed.
#[test]
fn a_poll_for_the_first_sign_ups() {
    let mut world = World::open();
    for seed in 100..103 {
        world.sign_up(seed).unwrap();
    }
    world.poll = world.create(|settings| settings.lastRoot = 1);
    world.go_to(world.poll.times().0);
    for seed in 103..105 {
        world.sign_up(seed).unwrap();
    }
    assert_eq!(world.join(101, 201).unwrap().state_index, 1);
    fails(world.join(102, 202), "too late for this poll: with index 2");
    let late = world.join(104, 203).expect_err("refused");
    assert_eq!(late.hint(), None);
    assert_eq!(world.join(100, 204).unwrap().state_index, 2);
}

/// A later first block than MACI's, and so no root of the contract's.
#[test]
fn sign_ups_that_are_missing_are_noticed() {
    let mut world = World::new();
    world.sign_up(100).unwrap();
    world.sign_up(101).unwrap();
    let mut late = world.maci;
    late.first_block = world.evm.latest().number;
    let read = |maci| SignUps::read(&world.evm, maci, &());
    fails(read(late), "the node leaves some out");
    late.first_block += 1;
    fails(read(late), "not all there");
    assert_eq!(read(world.maci).unwrap().count(), 2);
}

/// Leaves out the log of this number of each answer, or all.
struct Forgetful<'a> {
    evm: &'a Evm,
    left_out: Option<usize>,
}

impl Chain for Forgetful<'_> {
    maci_nova_chain::forward!(evm: chain_id accounts call block code input balance);

    fn send(
        &mut self,
        _from: Address,
        _to: Option<Address>,
        _calldata: Bytes,
        _value: U256,
    ) -> Result<Receipt, ChainError> {
        panic!("nothing is sent")
    }

    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        let mut logs = self.evm.logs(address, from_block, to_block, topics)?;
        match self.left_out {
            None => logs.clear(),
            Some(number) if number < logs.len() => drop(logs.remove(number)),
            Some(_) => {}
        }
        Ok(logs)
    }
}

/// What a node leaves out is not taken for what never was.
#[test]
fn events_that_a_node_leaves_out_are_the_nodes_fault() {
    let mut world = World::with_voter();
    world.sign_up(101).unwrap();
    world.join(101, 201).unwrap();
    world.top_up(1, 5).unwrap();
    let voters_key = key(2_000).public_key();
    let named = signer::Signer {
        key: &voters_key,
        state_index: Some(1),
        first_nonce: 1,
        before_key_change: false,
    };
    for left_out in [None, Some(0), Some(1)] {
        let node = Forgetful {
            evm: &world.evm,
            left_out,
        };
        let outcomes = [
            find_join(&node, &world.poll, &voters_key, &()).map(drop),
            named.find(&node, &world.poll, &()).map(drop),
            joined_already(&node, &world.poll, &voters_key, &()).map(drop),
            world.poll.all_sent(&node, &()).map(drop),
            sign_ups::find(&node, world.maci, &key(9).public_key(), &()).map(drop),
        ];
        for (number, outcome) in outcomes.into_iter().enumerate() {
            let failure = outcome.expect_err("left out");
            assert_eq!(failure.kind(), ErrorKind::Later, "{number}: {failure}");
            assert_eq!(failure.hint(), Some(&Hint::OtherNode), "{number}");
        }
    }
    // Whole, the same says that there is nobody.
    let whole = Forgetful {
        evm: &world.evm,
        left_out: Some(9),
    };
    let found = find_join(&whole, &world.poll, &voters_key, &());
    assert_eq!(found.unwrap(), None);
    let found = sign_ups::find(&whole, world.maci, &key(9).public_key(), &());
    assert_eq!(found.unwrap(), None);
}

#[test]
fn nobody_has_signed_up() {
    let mut world = World::open();
    let sign_ups = SignUps::read(&world.evm, world.maci, &()).unwrap();
    assert_eq!((sign_ups.count(), sign_ups.last()), (0, None));
    let error = world.join(100, 200).expect_err("refused");
    assert_eq!(error.hint(), Some(&Hint::SignUp));
}

#[test]
fn a_sign_up_joins_once() {
    let mut world = World::open();
    for seed in 100..105 {
        world.sign_up(seed).unwrap();
    }
    let first = world.join(102, 200).unwrap();
    assert_eq!((first.state_index, first.credits), (1, u64::from(CREDITS)));
    assert!(first.gas.is_some());
    let gas = None;
    assert_eq!(world.join(102, 200).unwrap(), Joined { gas, ..first });
    fails(world.join(102, 201), "under another poll key");
    assert!(has_joined(&world.evm, &world.poll, &key(102)).unwrap());
    assert!(!has_joined(&world.evm, &world.poll, &key(103)).unwrap());
    assert_eq!(world.join(104, 201).unwrap().state_index, 2);
    fails(world.join(103, 103), "another one than the key");
    fails(world.join(99, 202), "has not signed up");

    let index = |seed: u64| {
        let joined = find_join(&world.evm, &world.poll, &key(seed).public_key(), &());
        joined.map(|joined| joined.map(|joined| joined.state_index))
    };
    assert_eq!(index(200).unwrap(), Some(1));
    assert_eq!(index(201).unwrap(), Some(2));
    assert_eq!(index(202).unwrap(), None);
    // Somebody else takes the first one's key.
    assert_eq!(world.join(100, 200).unwrap().state_index, 3);
    let several = find_join(&world.evm, &world.poll, &key(200).public_key(), &());
    fails(several, "indices 1, 3;");
}

/// Where the key comes from, and what happens with another one.
#[test]
fn proofs_of_another_setup_are_refused_by_the_contract() {
    let mut world = World::open();
    world.sign_up(100).unwrap();
    let other = Prover::setup(Trapdoors::insecure_development()).unwrap();
    let request = JoinRequest {
        poll: &world.poll,
        signed_up: None,
        known: &[],
        prover: &other,
        key: &key(100),
        poll_key: &key(200).public_key(),
        credit_data: &Bytes::new(),
        min_credits: 1,
    };
    let refused = join(&mut world.evm, OTHER, &request, &());
    fails(refused, "cannot join the poll");

    // The poll file tells which key is the right one, or else the verifier does.
    let contracts = Contracts {
        registry: world.maci,
        decider_verifier: world.maci,
        join_verifier: world.maci,
        bundle_verifier: world.maci,
        maci: world.maci,
    };
    let digests = KeyDigests {
        decider: B256::repeat_byte(1),
        join: prover().digest().into(),
        bundle: B256::repeat_byte(2),
    };
    for keys in [Some(digests), None] {
        let file = PollFile::new(world.poll.chain_id, None, contracts, keys);
        let wanted = join_key::Wanted::of(&world.evm, &file, &world.poll).unwrap();
        the_right_key_is_found(&wanted, &other);
    }
}

fn the_right_key_is_found(wanted: &join_key::Wanted, other: &Prover) {
    let directory = tempfile::tempdir().unwrap();
    let poll_file = directory.path().join("poll.json");
    let beside = join_key::beside(&poll_file);
    fails(
        join_key::open(None, &poll_file, wanted),
        "there is no proving key",
    );
    other.write(&beside).unwrap();
    let other_key = join_key::open(None, &poll_file, wanted).expect_err("refused");
    let Error::Hinted { hint, .. } = other_key else {
        panic!("{other_key}");
    };
    assert_eq!(hint, Hint::JoinKey(beside.clone()));
    fails(
        join_key::open(Some(&beside), &poll_file, wanted),
        "another proving key",
    );
    prover().write(&beside).unwrap();
    let read = join_key::open(None, &poll_file, wanted).unwrap();
    assert_eq!(read.digest(), prover().digest());
    let missing = directory.path().join("none");
    fails(
        join_key::open(Some(&missing), &poll_file, wanted),
        "No such file",
    );
}

#[test]
fn a_poll_that_is_not_open() {
    let mut world = World::new();
    world.sign_up(100).unwrap();
    let messages = world.ballot(1);
    fails(world.join(100, 200), "has not started");
    fails(world.publish(&messages), "has not started");
    fails(world.top_up(1, 5), "has not started");
    let mut world = World::with_voter();
    world.go_to(world.poll.times().1);
    fails(world.publish(&messages), "has ended");
    fails(world.top_up(1, 5), "has ended");
    world.sign_up(101).unwrap();
    fails(world.join(101, 201), "has ended");
    // What was done before is told still.
    assert_eq!(world.join(100, 200).unwrap().state_index, 1);
}

#[test]
fn ballots_are_in_the_poll_as_they_were_made() {
    let mut world = World::with_voter();
    let one = world.ballot(1);
    let published = world.publish(&one).unwrap();
    assert_eq!((published.first, published.count), (0, 1));
    let five = world.ballot(5);
    let published = world.publish(&five).unwrap();
    assert_eq!((published.first, published.count), (1, 5));
    let sent = [one, five].concat();
    let sent: Vec<Message> = sent.iter().map(|signed| signed.message).collect();
    assert_eq!(world.messages(), sent);
    let fees = world.evm.balance(world.poll.address).unwrap();
    assert_eq!(fees, U256::from(6 * FEE));
    fails(world.publish(&[]), "no message");
}

#[test]
fn what_was_sent_cannot_be_sent_again_later() {
    let mut world = World::with_voter();
    let old = world.ballot(2);
    world.publish(&old).unwrap();
    // As long as its anchor is taken, anybody can.
    let outlook = Outlook::now(&world.evm, &world.poll).unwrap();
    assert!(outlook.of_node && can_be_repeated(&world.evm, &world.poll, &outlook).unwrap());
    let last = outlook.last(old[0].block_number);
    world.evm.mine(last - outlook.window.present - 1);
    world.publish_again(&old).unwrap();
    fails(world.publish_again(&old), "too old");
    // The contract says the same, to whoever asks nobody.
    let bare: Vec<Message> = old.iter().map(|signed| signed.message).collect();
    let anchor = anchor_of(&old[0]);
    let refused = send_batch(&mut world.evm, OTHER, &world.poll, &bare, &anchor, None);
    let refused = refused.unwrap_err();
    assert!(is_refused(&refused), "{refused}");
    // Under the anchor of now they would not count; the client does not send them.
    let now = Window::newest(&world.evm, &world.poll).unwrap();
    let mut renamed = old.clone();
    for signed in &mut renamed {
        signed.block_number = now.block_number;
    }
    fails(world.publish_again(&renamed), "another anchor");
    // A ballot that is signed now is taken.
    let new = world.ballot(2);
    world.publish(&new).unwrap();
}

#[test]
fn a_ballot_is_signed_again_for_each_transaction() {
    let mut world = World::with_voter();
    let drafts = world.with_ballot(5, |ballot| ballot.drafts().unwrap());
    let many: Vec<Draft> = (0..6)
        .flat_map(|_| world.with_ballot(5, |ballot| ballot.drafts().unwrap()))
        .collect();
    let (evm, poll) = (&mut world.evm, &world.poll);
    let published = cast(evm, OTHER, poll, &drafts, &BUDGET, &()).unwrap();
    assert_eq!(published.count, 5);
    // Near the end the window is short, and each block has an anchor of its own.
    world.go_to(world.poll.times().1 - 600);
    let (evm, poll) = (&mut world.evm, &world.poll);
    let published = cast(evm, OTHER, poll, &many, &BUDGET, &()).unwrap();
    assert_eq!((published.first, published.count), (5, 30));
    assert_eq!(published.fees, U256::from(30 * FEE));
    let messages = world.messages();
    let batches = [&messages[..5], &messages[5..30], &messages[30..]];
    let anchors = batches.map(|batch| -> HashSet<Fr> { batch.iter().map(|m| m.anchor).collect() });
    assert!(anchors.iter().all(|of_one| of_one.len() == 1));
    let all: HashSet<Fr> = anchors.into_iter().flatten().collect();
    assert!(all.len() == 3 && !all.contains(&Fr::from(0)));
    let none = cast(&mut world.evm, OTHER, &world.poll, &[], &BUDGET, &());
    fails(none, "no message");
}

#[test]
fn messages_of_another_poll_are_not_sent() {
    let mut world = World::with_voter();
    world.evm.mine(u64::from(WITHIN));
    let mut foreign = world.ballot(1);
    foreign[0].message.anchor += Fr::from(1);
    fails(world.publish(&foreign), "another anchor");
    foreign[0].block_number = 0;
    fails(world.publish(&foreign), "too old");
    let ahead = world.evm.latest().number + 1;
    foreign[0].block_number = ahead;
    fails(world.publish(&foreign), "AnchorUnknown");
}

/// A rollup whose nodes count other blocks than its contracts, and where BLOCKHASH is no header's.
struct Rollup<'a>(&'a mut Evm);

impl Chain for Rollup<'_> {
    maci_nova_chain::forward!(0: chain_id accounts send call input code balance);

    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        self.0.logs(address, from_block / 48, to_block / 48, topics)
    }
    fn block(&self, block: BlockId) -> Result<Block, ChainError> {
        let block = self.0.block(match block {
            BlockId::Latest => BlockId::Latest,
            BlockId::Number(number) => BlockId::Number(number / 48),
        })?;
        Ok(Block {
            number: 48 * block.number,
            hash: !block.hash,
            ..block
        })
    }
}

#[test]
fn a_rollup_whose_contracts_count_other_blocks() {
    let mut world = World::with_voter();
    let drafts = world.with_ballot(3, |ballot| ballot.drafts().unwrap());
    let signed = world.ballot(2);
    let mut rollup = Rollup(&mut world.evm);
    assert_eq!(
        cast(&mut rollup, OTHER, &world.poll, &drafts, &BUDGET, &())
            .unwrap()
            .count,
        3
    );
    publish(&mut rollup, OTHER, &world.poll, &signed, &BUDGET, &()).unwrap();
    let outlook = Outlook::now(&rollup, &world.poll).unwrap();
    assert!(!outlook.of_node);
    assert_eq!(outlook.last_for_node(outlook.window.present), None);
    assert_eq!(world.messages().len(), 5);
}

#[test]
fn whether_something_can_be_repeated() {
    let mut world = World::with_voter();
    let repeatable = |world: &World| {
        let outlook = Outlook::now(&world.evm, &world.poll).unwrap();
        can_be_repeated(&world.evm, &world.poll, &outlook).unwrap()
    };
    assert!(!repeatable(&world), "nothing was sent");
    let ballot = world.ballot(1);
    world.publish(&ballot).unwrap();
    assert!(repeatable(&world));
    world.evm.mine(u64::from(WITHIN) - 2);
    assert!(repeatable(&world));
    world.evm.mine(2);
    assert!(!repeatable(&world));
}

/// A chain on which a node reorders blocks, or lies about them.
#[test]
fn an_anchor_that_is_not_of_its_block_is_not_signed() {
    let world = World::with_voter();
    let anchor = Window::newest(&world.evm, &world.poll).unwrap();
    assert_eq!(anchor.block_number % 5, 0);
    let mut twin = world.poll.clone();
    twin.chain_id += 1;
    fails(Window::newest(&world.evm, &twin), "not made of the hash");
}

#[test]
fn many_messages_take_several_transactions() {
    let mut world = World::with_voter();
    let messages: Vec<SignedMessage> = (0..6).flat_map(|_| world.ballot(5)).collect();
    let before = world.evm.latest().number;
    let published = world.publish(&messages).unwrap();
    assert_eq!((published.first, published.count), (0, 30));
    assert_eq!(world.evm.latest().number, before + 2);
    assert_eq!(world.poll.chains(&world.evm).unwrap().message_count, 30);

    // The second transaction fails: what is in the poll already is said.
    let mut bad = messages;
    bad[27].message.encryption_key.x += Fr::from(1);
    fails(
        world.publish_again(&bad),
        "publish messages 26 to 30 of 30 (those before are in the poll)",
    );
    assert_eq!(world.poll.chains(&world.evm).unwrap().message_count, 55);
    fails(world.publish(&bad[27..28]), "cannot publish the message:");
}

#[test]
fn top_ups_approve_what_they_pay() {
    let mut world = World::with_voter();
    let topped_up = world.top_up(1, 50).unwrap();
    assert_eq!((topped_up.index, topped_up.credits), (0, 50));
    assert_eq!(topped_up.tokens, U256::from(500));
    assert_eq!(world.allowance(), U256::ZERO);
    // An allowance that is enough stays, one that is not is replaced.
    let approve = |world: &mut World, value: u64| {
        let call = SampleToken::approveCall {
            spender: world.poll.address,
            value: U256::from(value),
        };
        chain::send(&mut world.evm, SENDER, world.token, &call, U256::ZERO).unwrap();
    };
    approve(&mut world, 25);
    let blocks = world.evm.latest().number;
    world.top_up(1, 2).unwrap();
    assert_eq!(world.evm.latest().number, blocks + 1);
    assert_eq!(world.allowance(), U256::from(5));
    world.top_up(1, 2).unwrap();
    assert_eq!(world.evm.latest().number, blocks + 4);
    assert_eq!(world.allowance(), U256::ZERO);

    fails(world.top_up(0, 1), "there is no voter");
    fails(world.top_up(2, 1), "there is no voter");
    fails(world.top_up(1, 0), "at least 1");
    fails(world.top_up(1, 1 << 48), "below 2^48");
    fails(world.top_up(1, 100_000), "has 9460");
    let poor = top_up(&mut world.evm, OTHER, &world.poll, 1, 1, &BUDGET, &());
    fails(poor, "has 0");
    world.poll.info.settings.topUpToken = Address::ZERO;
    fails(world.top_up(1, 1), "no top-ups");
}

/// Whoever pays has to have seen the price.
#[test]
fn what_a_poll_asks_is_not_paid_without_a_word() {
    let mut world = World::with_voter();
    let messages = world.ballot(3);
    let drafts = world.with_ballot(3, |ballot| ballot.drafts().unwrap());
    let before = world.evm.latest();
    let less = U256::from(FEE - 1);
    for most in [U256::ZERO, less] {
        let budget = Budget {
            message_fee: most,
            ..BUDGET
        };
        let (evm, poll) = (&mut world.evm, &world.poll);
        let outcomes = [
            cast(evm, OTHER, poll, &drafts, &budget, &()).map(|_| ()),
            publish(evm, OTHER, poll, &messages, &budget, &()).map(|_| ()),
            publish_again(evm, OTHER, poll, &messages, &budget, &()).map(|_| ()),
            top_up(evm, SENDER, poll, 1, 5, &budget, &()).map(|_| ()),
        ];
        for (outcome, count) in outcomes.into_iter().zip([3, 3, 3, 1]) {
            let fee = U256::from(FEE);
            let expected = PriceError::MessageFee {
                fee,
                messages: count,
                most,
            };
            match outcome.unwrap_err() {
                Error::Price(error) => assert_eq!(error, expected),
                other => panic!("{other}"),
            }
        }
    }
    let budget = Budget {
        tokens: U256::from(5 * CREDIT_UNIT - 1),
        ..BUDGET
    };
    let dear = top_up(&mut world.evm, SENDER, &world.poll, 1, 5, &budget, &());
    fails(dear, "5 voice credits cost 50 of the poll's token");
    assert_eq!(world.evm.latest(), before, "nothing was sent");
    assert_eq!(world.allowance(), U256::ZERO);

    let budget = Budget {
        tokens: U256::from(5 * CREDIT_UNIT),
        ..BUDGET
    };
    let paid = top_up(&mut world.evm, SENDER, &world.poll, 1, 5, &budget, &()).unwrap();
    assert_eq!((paid.tokens, paid.fee), (U256::from(50), U256::from(FEE)));
    assert_eq!(world.publish(&messages).unwrap().fees, U256::from(3 * FEE));
}

/// Three ether a message, as a poll of somebody else's may ask.
#[test]
fn a_price_is_told_in_words() {
    let mut world = World::with_voter();
    let ether = U256::from(1_000_000_000_000_000_000_u64);
    world.poll.info.settings.messageFee = ether;
    let messages = world.ballot(3);
    let error = world.publish(&messages).unwrap_err().to_string();
    for words in [
        "1 ETH (1000000000000000000 wei)",
        "3 ETH for 3 messages",
        "7 wei for each",
    ] {
        assert!(error.contains(words), "{error}");
    }
    world.poll.info.settings.messageFee = U256::MAX;
    let budget = Budget {
        message_fee: U256::MAX,
        ..BUDGET
    };
    let (evm, poll) = (&mut world.evm, &world.poll);
    let endless = publish(evm, OTHER, poll, &messages, &budget, &());
    fails(endless, "more than there is money");
}

#[test]
fn a_file_is_published_once() {
    let mut world = World::with_voter();
    let messages = world.ballot(4);
    // All that an attempt may have left behind: the first ones, or all.
    for begun in 0..=messages.len() {
        let mut world = world.clone();
        let first = match begun {
            0 => 0,
            _ => world.publish(&messages[..begun]).unwrap().first,
        };
        let published = world.publish(&messages).unwrap();
        assert_eq!(published.first, first);
        assert_eq!(published.already, begun as u64);
        assert_eq!(published.count, (messages.len() - begun) as u64);
        let fees = U256::from(FEE) * U256::from(published.count);
        assert_eq!(published.fees, fees);
        let sent: Vec<Message> = messages.iter().map(|signed| signed.message).collect();
        assert_eq!(world.messages(), sent, "{begun}");
        // Once more, and after the poll's end: there is nothing to do.
        world.go_to(world.poll.times().1);
        let again = world.publish(&messages).unwrap();
        assert_eq!((again.count, again.already, again.gas), (0, 4, 0));
        assert_eq!(world.messages(), sent);
    }
    // Others' messages in between change nothing.
    world.publish(&messages[..2]).unwrap();
    let other = world.ballot(1);
    world.publish(&other).unwrap();
    let published = world.publish(&messages).unwrap();
    assert_eq!((published.already, published.count), (2, 2));
    // Whoever insists pays.
    assert_eq!(world.publish_again(&messages).unwrap().count, 4);
    assert_eq!(world.publish(&messages).unwrap().count, 0);
}

#[test]
fn what_would_not_be_in_order_is_not_published() {
    let mut world = World::with_voter();
    let messages = world.ballot(3);
    let before = world.clone();
    for there in [
        &[1][..],
        &[2],
        &[1, 2],
        &[0, 2],
        &[1, 0],
        &[2, 1, 0],
        &[0, 2, 1],
    ] {
        world.clone_from(&before);
        for index in there {
            world.publish_again(&messages[*index..=*index]).unwrap();
        }
        let error = world.publish(&messages).unwrap_err();
        assert_eq!(error.hint(), Some(&Hint::VoteAgain), "{there:?}: {error}");
        assert_eq!(world.messages().len(), there.len());
    }
    // A copy that somebody else sends does not disturb.
    world.clone_from(&before);
    for index in [0, 1, 0] {
        world.publish_again(&messages[index..=index]).unwrap();
    }
    assert_eq!(world.publish(&messages).unwrap().count, 1);
    let twice = [&messages[..], &messages[1..2]].concat();
    world.clone_from(&before);
    fails(world.publish(&twice), "message 4 is the same as message 2");
}

/// A node that does not show what is there.
struct Blind<'a>(&'a mut Evm);

impl Chain for Blind<'_> {
    maci_nova_chain::forward!(0: chain_id accounts send call block input code balance);

    fn logs(&self, _: Address, _: u64, _: u64, _: &[Vec<B256>]) -> Result<Vec<Log>, ChainError> {
        Ok(vec![])
    }
}

#[test]
fn a_node_that_leaves_messages_out_makes_nobody_pay_twice() {
    let mut world = World::with_voter();
    let messages = world.ballot(2);
    world.publish(&messages).unwrap();
    let mut blind = Blind(&mut world.evm);
    let blinded = publish(&mut blind, OTHER, &world.poll, &messages, &BUDGET, &());
    fails(blinded, "the node leaves out");
    assert_eq!(world.messages().len(), 2);
}

/// Before a proof is made, and in the contract.
#[test]
fn a_join_for_too_few_credits_is_not_sent() {
    let mut world = World::open();
    world.sign_up(100).unwrap();
    let none = deploy::constant_credits(0).unwrap();
    let none = deploy_code(&mut world.evm, none);
    let before = world.evm.latest();
    let (real, token) = (world.poll.info.settings.credits, world.token);
    for (credits, token, least, hint) in [
        (real, token, 101, true),
        (none, token, 1, true),
        (none, Address::ZERO, 1, true),
        (none, Address::ZERO, 0, false),
    ] {
        world.poll.info.settings.credits = credits;
        world.poll.info.settings.topUpToken = token;
        let request = JoinRequest {
            poll: &world.poll,
            signed_up: None,
            known: &[],
            prover: prover(),
            key: &key(100),
            poll_key: &key(200).public_key(),
            credit_data: &Bytes::new(),
            min_credits: least,
        };
        let error = join(&mut world.evm, OTHER, &request, &()).unwrap_err();
        assert!(error.to_string().contains("nothing was sent"), "{error}");
        assert_eq!(error.hint() == Some(&Hint::MinCredits), hint);
    }
    assert_eq!(world.evm.latest(), before);
    assert!(!has_joined(&world.evm, &world.poll, &key(100)).unwrap());
    world.poll.info.settings.credits = real;
    world.poll.info.settings.topUpToken = token;
    assert_eq!(world.join(100, 200).unwrap().credits, u64::from(CREDITS));
}

/// The first of a ballot's messages do not count without the others, and are paid for.
#[test]
fn a_ballot_that_does_not_fit_is_not_begun() {
    let mut world = World::open();
    world.poll = world.create(|settings| settings.provingMax = 2 * settings.provingPerMessage);
    world.go_to(world.poll.times().0);
    let before = world.evm.latest();
    let messages = world.ballot(3);
    let refused = publish(&mut world.evm, OTHER, &world.poll, &messages, &BUDGET, &());
    fails(refused, "it takes 2 more messages, and these are 3");
    assert_eq!(world.evm.latest(), before);
    world.publish(&world.ballot(2)).unwrap();
}

/// Who tries again pays for the first messages again: that is for a person to decide.
#[test]
fn a_ballot_that_stopped_in_the_middle_is_not_for_now() {
    let later = || Error::NotNow("the node lags".into());
    let begun = Published {
        count: 25,
        ..Published::default()
    };
    assert_eq!(
        Published::default().stopped(30, later()).kind(),
        ErrorKind::Later
    );
    let stopped = begun.stopped(30, later());
    assert_eq!(stopped.kind(), ErrorKind::Chain);
    assert!(stopped.to_string().contains("25 of 30"), "{stopped}");
}
