//! A system of contracts with verifiers that answer as they are told, where the proof itself does
//! not matter, and everything that can be done to it in one call each.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ff::Field;
use maci_nova_chain::{self as chain, Chain, ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::{sol, SolCall, SolError, SolValue};
use maci_nova_contracts::artifact::{self, Artifact, Libraries};
use maci_nova_contracts::bindings::{Poll, SampleToken, VkRegistry, MACI};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::{deploy, words};
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::bundle::{elements, Bundle};
use maci_nova_protocol::field::Fr;
use maci_nova_protocol::hash_chain::{extend, Link};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::membership::{self, Binding, Scope, Terms};
use maci_nova_protocol::message::Message;

// Both mocks are told what to answer in the same way.
sol!(
    #[derive(Debug, PartialEq, Eq)]
    MockVerifier,
    "tests/out/MockVerifiers.sol/MockJoinVerifier.json"
);

/// Accounts by what they do.
pub const OWNER: usize = 0;
pub const ALICE: usize = 1;
pub const BOB: usize = 2;
pub const MALLORY: usize = 3;
pub const BENEFICIARY: usize = 4;

/// 25 leaves of which 24 are voters', 5 options.
pub const STATE_DEPTH: u8 = 2;
pub const VOTE_DEPTH: u8 = 1;
pub const OPTIONS: usize = 5;
pub const CREDITS: u32 = 100;
pub const HOUR: u64 = 3600;

/// Tokens for one credit.
pub const CREDIT_UNIT: u64 = 10;

/// What a mock answers.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    Accept = 0,
    Reject = 1,
    /// Reverts with everything that it was asked.
    Echo = 2,
}

#[derive(Clone, Debug)]
pub struct World {
    pub evm: Evm,
    pub libraries: Libraries,
    pub registry: Address,
    pub verifier: Address,
    pub join_verifier: Address,
    pub bundle_verifier: Address,
    /// What all polls execute.
    pub implementation: Address,
    pub factory: Address,
    pub gatekeeper: Address,
    pub maci: Address,
    pub credits: Address,
    /// Everybody has a million and has approved the poll of [`World::open`].
    pub token: Address,
    /// The poll of [`World::open`].
    pub poll: Address,
    /// Further contracts whose storage [`World::refuses`] compares.
    pub others: Vec<Address>,
}

/// An artifact of `tests/out`.
macro_rules! test_artifact {
    ($file:literal, $name:literal) => {
        maci_nova_contracts::artifact::Artifact {
            name: $name,
            json: include_str!(concat!("../../out/", $file, ".sol/", $name, ".json")),
        }
    };
}
pub(crate) use test_artifact;

impl World {
    /// Everything deployed, no poll.
    pub fn new() -> Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD
            .get_or_init(|| Self::with(32, Evm::new(), false))
            .clone()
    }

    /// The same for a join depth and a chain; `production` registries refuse development keys.
    pub fn with(join_depth: u8, evm: Evm, production: bool) -> Self {
        let mut world = Self::empty(evm);
        let code = deploy::vk_registry(&world.libraries, world.account(OWNER), production);
        world.registry = world.deploy(code.unwrap());
        world.verifier = world.mock_verifier(VOTE_DEPTH, false);
        world.set_verifier(STATE_DEPTH, VOTE_DEPTH, world.verifier);
        world.join_verifier = world.mock_join_verifier(false);
        world.bundle_verifier = world.mock_join_verifier(false);
        world.implementation = world.deploy(deploy::poll_implementation(&world.libraries).unwrap());
        let code = deploy::poll_factory(&world.libraries, world.implementation);
        world.factory = world.deploy(code.unwrap());
        world.gatekeeper = world.deploy(deploy::free_for_all_gatekeeper(SENDER).unwrap());
        world.credits = world.deploy(deploy::constant_credits(CREDITS).unwrap());
        world.token = world.sample_token();
        world.maci = world.new_maci(world.gatekeeper, join_depth).unwrap();
        world
    }

    fn empty(evm: Evm) -> Self {
        let mut world = Self {
            evm,
            libraries: Libraries::new(),
            registry: Address::ZERO,
            verifier: Address::ZERO,
            join_verifier: Address::ZERO,
            bundle_verifier: Address::ZERO,
            implementation: Address::ZERO,
            factory: Address::ZERO,
            gatekeeper: Address::ZERO,
            maci: Address::ZERO,
            credits: Address::ZERO,
            token: Address::ZERO,
            poll: Address::ZERO,
            others: Vec::new(),
        };
        for library in [
            artifact::POSEIDON_T3,
            artifact::POSEIDON_T4,
            artifact::POSEIDON_T5,
            artifact::POSEIDON_T6,
        ] {
            let address = world.deploy(library.link(&Libraries::new()).unwrap());
            world.libraries.insert(library.name.to_owned(), address);
        }
        world
    }

    /// A world with the poll of [`World::settings`], at its start.
    pub fn open() -> Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        let open = || {
            let mut world = Self::new();
            let settings = world.settings();
            world.open_with(settings);
            world
        };
        WORLD.get_or_init(open).clone()
    }

    /// Creates a poll and goes to its start; a block at that time is made.
    pub fn open_with(&mut self, settings: MACI::PollSettings) {
        let (start, token) = (settings.startTime, settings.topUpToken);
        self.poll = self.create(OWNER, settings).unwrap();
        if token == self.token {
            for account in 0..5 {
                self.approve(account);
            }
        }
        self.go_to(start);
        self.evm.mine(1);
    }

    /// A poll that everybody could create: starts in an hour, takes a day, 5 options, quadratic.
    pub fn settings(&self) -> MACI::PollSettings {
        let now = self.evm.latest().timestamp;
        MACI::PollSettings {
            coordinatorKey: maci_key(&key(1)),
            voteOptions: OPTIONS as u32,
            mode: 0,
            shape: shape(STATE_DEPTH, VOTE_DEPTH),
            startTime: now + HOUR,
            endTime: now + 25 * HOUR,
            signedWithin: 0,
            lastRoot: u32::MAX,
            provingBase: 7 * 24 * HOUR,
            provingPerMessage: 60,
            provingMax: 30 * 24 * HOUR as u32,
            credits: self.credits,
            topUpToken: self.token,
            creditUnit: U256::from(CREDIT_UNIT),
            beneficiary: self.account(BENEFICIARY),
            messageFee: U256::ZERO,
        }
    }

    pub fn account(&self, index: usize) -> Address {
        self.evm.accounts()[index]
    }

    pub fn deploy(&mut self, code: Bytes) -> Address {
        self.try_deploy(code).expect("deployed")
    }

    pub fn try_deploy(&mut self, code: Bytes) -> Result<Address, ChainError> {
        let from = self.account(OWNER);
        chain::deploy(&mut self.evm, from, code).map(|deployment| deployment.contract)
    }

    /// Deploys one of the tests' own contracts, and watches its storage.
    pub fn deploy_test(&mut self, artifact: Artifact, arguments: &[u8]) -> Address {
        let code = artifact.link(&self.libraries).unwrap();
        let contract = self.deploy([&code, arguments].concat().into());
        self.others.push(contract);
        contract
    }

    pub fn mock_verifier(&mut self, vote_depth: u8, development: bool) -> Address {
        let max = U256::from(5).pow(U256::from(vote_depth));
        let mock = test_artifact!("MockVerifiers", "MockDeciderVerifier");
        self.deploy_test(mock, &(max, development).abi_encode())
    }

    pub fn mock_join_verifier(&mut self, development: bool) -> Address {
        let mock = test_artifact!("MockVerifiers", "MockJoinVerifier");
        self.deploy_test(mock, &development.abi_encode())
    }

    fn sample_token(&mut self) -> Address {
        let owner = self.account(OWNER);
        let token = self.deploy(deploy::sample_token(owner).unwrap());
        for account in 0..5 {
            let to = self.account(account);
            let amount = U256::from(1_000_000);
            self.send(OWNER, token, &SampleToken::mintCall { to, amount })
                .unwrap();
        }
        token
    }

    fn approve(&mut self, account: usize) {
        let call = SampleToken::approveCall {
            spender: self.poll,
            value: U256::MAX,
        };
        self.send(account, self.token, &call).unwrap();
    }

    pub fn set_verifier(&mut self, state_depth: u8, vote_depth: u8, verifier: Address) {
        let call = VkRegistry::setVerifierCall {
            shape: VkRegistry::Shape {
                stateTreeDepth: state_depth,
                voteOptionTreeDepth: vote_depth,
                eventsPerStep: 1,
            },
            verifier,
        };
        self.send(OWNER, self.registry, &call).unwrap();
    }

    /// A MACI with this world's other contracts that `gatekeeper` serves.
    pub fn new_maci(&mut self, gatekeeper: Address, join_depth: u8) -> Result<Address, ChainError> {
        let arguments = MACI::constructorCall {
            gatekeeper,
            factory: self.factory,
            registry: self.registry,
            joinVerifier: self.join_verifier,
            bundleVerifier: self.bundle_verifier,
            joinDepth: join_depth,
        };
        let code = artifact::MACI.code(&self.libraries, &arguments).unwrap();
        let maci = self.try_deploy(code)?;
        let call =
            maci_nova_contracts::bindings::FreeForAllGatekeeper::setMaciCall { newMaci: maci };
        self.send(OWNER, gatekeeper, &call)?;
        Ok(maci)
    }

    pub fn send(
        &mut self,
        from: usize,
        to: Address,
        call: &impl SolCall,
    ) -> Result<Receipt, ChainError> {
        self.pay(from, to, call, 0)
    }

    pub fn pay(
        &mut self,
        from: usize,
        to: Address,
        call: &impl SolCall,
        wei: u64,
    ) -> Result<Receipt, ChainError> {
        let from = self.account(from);
        chain::send(&mut self.evm, from, to, call, U256::from(wei))
    }

    pub fn view<S: SolCall>(&self, to: Address, call: S) -> S::Return {
        chain::view(&self.evm, to, &call).expect("an answer")
    }

    /// The next transaction is at this time.
    pub fn go_to(&mut self, timestamp: u64) {
        self.evm.set_next_timestamp(timestamp);
    }

    pub fn go_to_end(&mut self) {
        self.go_to(self.info().settings.endTime);
    }

    pub fn go_to_deadline(&mut self) {
        let deadline: U256 = self.view(self.poll, Poll::deadlineCall {});
        self.go_to(deadline.to());
    }

    pub fn info(&self) -> Poll::PollInfo {
        self.view(self.poll, Poll::pollInfoCall {})
    }

    pub fn chains(&self) -> Poll::chainsReturn {
        self.view(self.poll, Poll::chainsCall {})
    }

    pub fn answer(&mut self, mock: Address, answer: Answer) {
        let call = MockVerifier::setCall {
            newAnswer: answer as u8,
        };
        self.send(OWNER, mock, &call).unwrap();
    }

    pub fn sign_up(&mut self, from: usize, key: &Point) -> Result<Receipt, ChainError> {
        let call = MACI::signUpCall {
            key: maci_key(key),
            gatekeeperData: Bytes::new(),
        };
        self.send(from, self.maci, &call)
    }

    pub fn create(
        &mut self,
        from: usize,
        settings: MACI::PollSettings,
    ) -> Result<Address, ChainError> {
        let receipt = self.send(from, self.maci, &MACI::createPollCall { settings })?;
        let event: MACI::PollCreated = receipt.event(self.maci).expect("an event");
        Ok(event.poll)
    }

    /// A sign-up, and a join under another key with a nullifier of its own.
    pub fn voter(&mut self, number: u64) {
        self.sign_up(OWNER, &key(1000 + number)).unwrap();
        self.send(ALICE, self.poll, &join_call(number)).unwrap();
    }

    pub fn publish(&mut self, from: usize, message: &Message) -> Result<Receipt, ChainError> {
        self.send(from, self.poll, &publish_call(message))
    }

    /// `tokens` of the poll's token for the voter at `index`.
    pub fn top_up(&mut self, from: usize, index: u64, tokens: u64) -> Result<Receipt, ChainError> {
        self.send(from, self.poll, &top_up_call(index, tokens))
    }

    pub fn finalize(&mut self, results: &[(i128, u128)]) -> Result<Receipt, ChainError> {
        self.send(MALLORY, self.poll, &finalize_call(results))
    }

    /// Ends the poll and finalizes it.
    pub fn finalize_now(&mut self) {
        self.go_to_end();
        self.finalize(&[(0, 0); OPTIONS]).unwrap();
    }

    /// Waits for the deadline and gives the poll up.
    pub fn abort_now(&mut self) {
        self.go_to_deadline();
        self.send(MALLORY, self.poll, &Poll::abortCall {}).unwrap();
    }

    pub fn tokens(&self, account: Address) -> u64 {
        let balance: U256 = self.view(self.token, SampleToken::balanceOfCall { account });
        balance.to()
    }

    /// All storage and all balances of contracts.
    pub fn facts(&self) -> BTreeMap<Address, (U256, BTreeMap<U256, U256>)> {
        let contracts = [
            self.registry,
            self.verifier,
            self.join_verifier,
            self.bundle_verifier,
            self.implementation,
            self.factory,
            self.gatekeeper,
            self.maci,
            self.credits,
            self.token,
            self.poll,
        ];
        let contracts = contracts.iter().chain(&self.others);
        let facts = contracts.map(|contract| {
            let balance = self.evm.balance(*contract).unwrap();
            (*contract, (balance, self.evm.storage(*contract)))
        });
        facts.collect()
    }

    /// Asserts that the action reverts with exactly this error and that nothing has changed.
    #[track_caller]
    pub fn refuses<T: std::fmt::Debug>(
        &mut self,
        action: impl FnOnce(&mut Self) -> Result<T, ChainError>,
        error: impl SolError,
    ) {
        let before = self.facts();
        let outcome = action(self);
        assert_reverts(outcome, error);
        assert_eq!(self.facts(), before);
    }
}

/// Asserts that it reverted with exactly this error.
#[track_caller]
pub fn assert_reverts<T: std::fmt::Debug, E: SolError>(outcome: Result<T, ChainError>, error: E) {
    match outcome {
        Err(ChainError::Reverted { data, .. }) => {
            assert_eq!(data, error.abi_encode(), "expected {}", E::SIGNATURE);
        }
        other => panic!("expected {}, not {other:?}", E::SIGNATURE),
    }
}

/// What the echoing mock was asked, without the selector.
#[track_caller]
pub fn asked(outcome: Result<Receipt, ChainError>) -> Vec<U256> {
    let error = outcome.expect_err("the mock reverts");
    let data = match &error {
        ChainError::Reverted { data, .. } => data,
        other => panic!("{other}"),
    };
    let asked = MockVerifier::Asked::abi_decode_validate(data).expect("the mock's error");
    asked.calldata_[4..]
        .chunks(32)
        .map(U256::from_be_slice)
        .collect()
}

pub fn shape(state_depth: u8, vote_depth: u8) -> MACI::Shape {
    MACI::Shape {
        stateTreeDepth: state_depth,
        voteOptionTreeDepth: vote_depth,
        eventsPerStep: 1,
    }
}

/// A valid key.
pub fn key(seed: u64) -> Point {
    PrivateKey::from_element(Fr::from(seed))
        .public_key()
        .point()
}

pub fn maci_key(key: &Point) -> MACI::PublicKey {
    let [x, y] = [&key.x, &key.y].map(words::scalar);
    MACI::PublicKey { x, y }
}

pub fn poll_key(key: &Point) -> Poll::PublicKey {
    let [x, y] = [&key.x, &key.y].map(words::scalar);
    Poll::PublicKey { x, y }
}

/// A message of full-size elements.
pub fn message(seed: u64) -> Message {
    let element = |i: u64| (Fr::from(seed) + Fr::from(i << 32)).invert().unwrap();
    Message {
        data: core::array::from_fn(|i| element(i as u64 + 1)),
        encryption_key: key(2000 + seed),
        anchor: Fr::ZERO,
    }
}

/// The join of [`World::voter`].
pub fn join_call(number: u64) -> Poll::joinCall {
    Poll::joinCall {
        nullifier: U256::from(5000 + number),
        rootIndex: U256::ZERO,
        pollKey: poll_key(&key(3000 + number)),
        proof: core::array::from_fn(U256::from),
        creditData: Bytes::new(),
        minCredits: U256::ZERO,
    }
}

/// A message with its anchor, which is 0 in a poll without; the block is still to be named
/// otherwise.
pub fn publish_call(message: &Message) -> Poll::publishMessageCall {
    Poll::publishMessageCall {
        data: message.data.each_ref().map(words::scalar),
        encryptionKey: poll_key(&message.encryption_key),
        blockNumber: U256::ZERO,
        anchor: words::scalar(&message.anchor),
    }
}

/// Messages in a poll without anchors.
pub fn batch_call(messages: &[Message]) -> Poll::publishMessageBatchCall {
    let calls = messages.iter().map(publish_call);
    let (data, keys) = calls.map(|call| (call.data, call.encryptionKey)).unzip();
    Poll::publishMessageBatchCall {
        data,
        encryptionKeys: keys,
        blockNumber: U256::ZERO,
        anchor: U256::ZERO,
    }
}

/// A bundle of messages without anchors. Its proof is none.
pub fn bundle_call(bundle: &Bundle) -> Poll::publishBundleCall {
    let messages = bundle.messages().iter().map(elements);
    Poll::publishBundleCall {
        anchors: vec![],
        anchorPlaces: Bytes::new(),
        messages: messages
            .map(|elements| core::array::from_fn(|i| words::scalar(&elements[i + 1])))
            .collect(),
        inner: words::scalar(&bundle.inner()),
        proof: [U256::ZERO; 8],
    }
}

/// The message chain after a link without an anchor.
pub fn extend_plain(head: Fr, digest: Fr) -> Fr {
    let anchor = Fr::ZERO;
    extend(head, Link { digest, anchor })
}

pub fn top_up_call(index: u64, tokens: u64) -> Poll::topUpCall {
    Poll::topUpCall {
        stateIndex: U256::from(index),
        amount: U256::from(tokens),
    }
}

pub fn finalize_call(results: &[(i128, u128)]) -> Poll::finalizeCall {
    let results = results.iter().map(|(votes, spent)| Poll::OptionResult {
        votes: *votes,
        spent: *spent,
    });
    Poll::finalizeCall {
        newStateRoot: U256::from(77),
        tallyRoot: U256::from(88),
        newResults: results.collect(),
        proof: core::array::from_fn(U256::from),
    }
}

/// Of the first segment if `from` is 0.
pub fn segment_call(from: u64, to: u64) -> Poll::proveSegmentCall {
    Poll::proveSegmentCall {
        from: U256::from(from),
        to: U256::from(to),
        proof: core::array::from_fn(|word| U256::from(1_000 + word)),
    }
}

pub fn finalize_from_call(link: u64, results: &[(i128, u128)]) -> Poll::finalizeFromCall {
    let call = finalize_call(results);
    Poll::finalizeFromCall {
        link: U256::from(link),
        newStateRoot: call.newStateRoot,
        tallyRoot: call.tallyRoot,
        newResults: call.newResults,
        proof: call.proof,
    }
}

/// Results as words of calldata: votes as 256 bits with a sign.
pub fn result_words(results: &[(i128, u128)]) -> Vec<U256> {
    let words = |(votes, spent): &(i128, u128)| {
        let magnitude = U256::from(votes.unsigned_abs());
        let votes = if *votes < 0 { -magnitude } else { magnitude };
        [votes, U256::from(*spent)]
    };
    results.iter().flat_map(words).collect()
}

/// The protocol's scope of a poll.
pub fn scope(chain_id: u64, maci: Address, poll_id: u64) -> Fr {
    Scope::new(chain_id, &membership::Address(maci.into()), poll_id).0
}

/// The protocol's binding of a join.
pub fn binding(
    chain_id: u64,
    poll: Address,
    poll_key: Point,
    sender: Address,
    credit_data: &[u8],
    min_credits: u64,
) -> Fr {
    let terms = Terms {
        chain_id,
        poll: membership::Address(poll.into()),
        poll_key,
        sender: membership::Address(sender.into()),
        credit_data,
        min_credits,
    };
    Binding::new(&terms).0
}

/// r, which no element reaches.
pub fn order() -> U256 {
    words::scalar(&-Fr::ONE) + U256::ONE
}
