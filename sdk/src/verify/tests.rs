//! Whole polls in an EVM, with proofs by somebody who knows the trapdoors of both keys, and what a
//! node or a deployer may do to them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use maci_nova_chain::Contract;
use maci_nova_chain::{self as chain, Block, ChainError, Receipt, TransactionInput};
use maci_nova_compressor::decider::contract;
use maci_nova_contracts::alloy_primitives::{Bytes, B256};
use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::{DeciderVerifier, SampleToken, MACI};
use maci_nova_contracts::deploy::{self, Addresses, Gatekeeper, Plan, Shape};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::groth16::INPUTS;
use maci_nova_folding::blinding_generator;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::membership::{self, Binding, Terms};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;
use simulator::{DeciderTrapdoors, PlainTrapdoors};

use super::*;
use crate::kind::ErrorKind;
use crate::poll::contract::poll_key;
use crate::poll::file::{Contracts, KeyDigests, PollFile};
use crate::voter::signing_window::Window;

mod importing;
mod segments;
mod simulator;

const SHAPE: Shape = Shape {
    state_tree_depth: 2,
    vote_option_tree_depth: 1,
    events_per_step: 1,
};
const OPTIONS: u32 = 3;
const HOUR: u64 = 3600;
const QUIET: () = ();

/// A poll and who can prove anything about it.
#[derive(Clone)]
struct World {
    evm: Evm,
    rng: ChaCha20Rng,
    decider: DeciderTrapdoors,
    joins: PlainTrapdoors,
    addresses: Addresses,
    token: Address,
    poll: Option<PollContract>,
}

fn key(seed: u64) -> Point {
    let key = PrivateKey::from_element(Fr::from(seed));
    key.public_key().point()
}

fn maci_key(key: &Point) -> MACI::PublicKey {
    let Poll::PublicKey { x, y } = poll_key(key);
    MACI::PublicKey { x, y }
}

fn results() -> Vec<OptionResult> {
    [(9, 45), (0, 0), (5, 29)]
        .map(|(votes, spent)| OptionResult { votes, spent })
        .to_vec()
}

impl World {
    /// Everything deployed, for a key whose base of blindings is `h`, with a poll that is open.
    fn with(h: halo2curves::bn256::G1Affine, development: bool) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let decider = DeciderTrapdoors::random(h, &mut rng);
        Self::of(decider, rng, development)
    }

    fn of(decider: DeciderTrapdoors, mut rng: ChaCha20Rng, development: bool) -> Self {
        let mut evm = Evm::new();
        let joins = PlainTrapdoors::random(&mut rng);
        let plan = Plan {
            shape: SHAPE,
            decider_key: decider.key(),
            join_key: joins.key(),
            bundle_key: PlainTrapdoors::random(&mut rng).key(),
            bundle_messages: 100,
            development_keys: development,
            production: false,
            join_depth: 32,
            gatekeeper: Gatekeeper::FreeForAll,
            owner: SENDER,
        };
        let addresses = deploy::system(&mut evm, SENDER, &plan, &mut BTreeMap::new()).unwrap();
        let code = deploy::sample_token(SENDER).unwrap();
        let token = chain::deploy(&mut evm, SENDER, code).unwrap().contract;
        let mut world = World {
            evm,
            rng,
            decider,
            joins,
            addresses,
            token,
            poll: None,
        };
        world.poll = Some(world.create());
        world
    }

    fn create(&mut self) -> PollContract {
        let credits = deploy::constant_credits(100).unwrap();
        let credits = chain::deploy(&mut self.evm, SENDER, credits).unwrap();
        let start = self.evm.latest().timestamp + HOUR;
        let settings = MACI::PollSettings {
            coordinatorKey: maci_key(&key(1)),
            voteOptions: OPTIONS,
            mode: 0,
            shape: MACI::Shape {
                stateTreeDepth: SHAPE.state_tree_depth,
                voteOptionTreeDepth: SHAPE.vote_option_tree_depth,
                eventsPerStep: SHAPE.events_per_step,
            },
            startTime: start,
            endTime: start + HOUR,
            provingBase: HOUR,
            signedWithin: 75,
            lastRoot: u32::MAX,
            provingPerMessage: 60,
            provingMax: 24 * 3600,
            credits: credits.contract,
            topUpToken: self.token,
            creditUnit: U256::from(10),
            // Where a new EVM's first account would deploy a library.
            beneficiary: SENDER.create(1),
            messageFee: U256::ZERO,
        };
        let receipt = self.send(self.addresses.maci, &MACI::createPollCall { settings });
        let event: MACI::PollCreated = receipt.event(self.addresses.maci).unwrap();
        let created = Contract {
            address: event.poll,
            first_block: receipt.block_number,
        };
        self.evm.set_next_timestamp(start);
        PollContract::open(&self.evm, &self.file(), created).unwrap()
    }

    fn file(&self) -> PollFile {
        let contract = |address| Contract {
            address,
            first_block: 0,
        };
        let contracts = Contracts {
            registry: contract(self.addresses.registry),
            decider_verifier: contract(self.addresses.decider_verifier),
            join_verifier: contract(self.addresses.join_verifier),
            bundle_verifier: contract(self.addresses.bundle_verifier),
            maci: contract(self.addresses.maci),
        };
        let digests = KeyDigests {
            decider: B256::repeat_byte(1),
            join: B256::repeat_byte(2),
            bundle: B256::repeat_byte(3),
        };
        PollFile::new(self.evm.chain_id().unwrap(), None, contracts, digests)
    }

    fn poll(&self) -> &PollContract {
        self.poll.as_ref().unwrap()
    }

    fn send(&mut self, to: Address, call: &impl SolCall) -> Receipt {
        chain::send(&mut self.evm, SENDER, to, call, U256::ZERO).unwrap()
    }

    fn join(&mut self, seed: u64) {
        let maci = self.addresses.maci;
        let sign_up = MACI::signUpCall {
            key: maci_key(&key(1000 + seed)),
            gatekeeperData: Bytes::new(),
        };
        let sign_up: MACI::SignUp = self.send(maci, &sign_up).event(maci).unwrap();
        let poll = self.poll().clone();
        let terms = Terms {
            chain_id: poll.chain_id,
            poll: membership::Address(poll.address.into()),
            poll_key: key(2000 + seed),
            sender: membership::Address(SENDER.into()),
            credit_data: &[],
            min_credits: 1,
        };
        let root = words::to_scalar(sign_up.root).unwrap();
        let nullifier = Fr::from(3000 + seed);
        let inputs: [Fr; INPUTS] = [root, nullifier, poll.scope().0, Binding::new(&terms).0];
        let call = Poll::joinCall {
            nullifier: words::scalar(&nullifier),
            rootIndex: sign_up.index,
            pollKey: poll_key(&terms.poll_key),
            proof: self.joins.prove(&inputs, &mut self.rng).words(),
            creditData: Bytes::new(),
            minCredits: U256::from(1),
        };
        self.send(poll.address, &call);
    }

    fn publish(&mut self, seed: u64) {
        let anchor = Window::newest(&self.evm, self.poll()).unwrap();
        let call = Poll::publishMessageCall {
            data: core::array::from_fn(|i| U256::from(seed * 100 + i as u64)),
            encryptionKey: poll_key(&key(4000 + seed)),
            blockNumber: U256::from(anchor.block_number),
            anchor: words::scalar(&anchor.element),
        };
        self.send(self.poll().address, &call);
    }

    fn top_up(&mut self, index: u64) {
        let (poll, amount) = (self.poll().address, U256::from(50));
        let mint = SampleToken::mintCall { to: SENDER, amount };
        self.send(self.token, &mint);
        let approve = SampleToken::approveCall {
            spender: poll,
            value: amount,
        };
        self.send(self.token, &approve);
        let call = Poll::topUpCall {
            stateIndex: U256::from(index),
            amount,
        };
        self.send(poll, &call);
    }

    fn end(&mut self) {
        let (_, end) = self.poll().times();
        self.evm.set_next_timestamp(end);
    }

    /// What the contract has, and these results.
    fn statement(&self) -> DeciderStatement {
        let poll = self.poll().clone();
        let chains = poll.chains(&self.evm).unwrap();
        let facts = PublicFacts {
            header: poll.header().clone(),
            join_chain: chains.join_chain,
            next_state_index: chains.next_state_index,
            message_head: chains.message_head,
            message_count: chains.message_count,
        };
        let (state_root, results) = (Fr::from(77), results());
        let tally_root = results_root(1, &results).unwrap();
        let (head, cursor) = match facts.message_count {
            0 => (Fr::from(0), Fr::from(0)),
            _ => (facts.message_head, hash_chain::zero()),
        };
        DeciderStatement {
            domain: poll.domain(),
            z0: State::initial(poll.header()).to_array(),
            z: [
                poll.header().context(),
                facts.join_chain,
                Fr::from(facts.next_state_index),
                head,
                cursor,
                Fr::from(0),
                state_root,
                tally_root,
            ],
            results,
        }
    }

    /// The call with a proof of it.
    fn finalize_call(&mut self) -> finalizeCall {
        let statement = self.statement();
        let proof = self.decider.prove(&statement, &mut self.rng);
        let [.., state_root, tally_root] = &statement.z;
        let results = statement.results.iter().map(|result| Poll::OptionResult {
            votes: result.votes,
            spent: result.spent,
        });
        finalizeCall {
            newStateRoot: words::scalar(state_root),
            tallyRoot: words::scalar(tally_root),
            newResults: results.collect(),
            proof: proof.words(),
        }
    }

    fn finalize(&mut self) -> Receipt {
        self.end();
        let call = self.finalize_call();
        self.send(self.poll().address, &call)
    }

    /// Two voters, three messages, one top-up, no results yet.
    fn voted(mut self) -> Self {
        self.join(1);
        self.publish(1);
        self.join(2);
        self.top_up(2);
        self.publish(2);
        self.publish(3);
        self
    }

    /// The same with its results.
    fn finalized() -> Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        let make = || {
            let mut world = World::with(blinding_generator(), false).voted();
            world.finalize();
            world
        };
        WORLD.get_or_init(make).clone()
    }

    /// As in production, where the key is known.
    fn strict(&self) -> VerifyOptions<'static> {
        // A verifier that is refused is so whatever is demanded.
        let mut comparison = Comparison::new(&self.evm).unwrap();
        let verifier = Verifier::read(&self.evm, self.poll(), &mut comparison);
        VerifyOptions {
            keys: KeyPolicy {
                production: true,
                digest: verifier.ok().map(|verifier| verifier.digest),
            },
            proof: None,
        }
    }

    fn verify(&self) -> Result<VerifiedPoll, Error> {
        verify(&self.evm, self.poll(), &self.strict(), &QUIET)
    }

    #[track_caller]
    fn is_refused(&self, message: &str) {
        refused(self.verify(), message);
    }
}

/// What may be otherwise with the next try, or with another node.
const FOR_NOW: [&str; 12] = [
    "contradict each other",
    "lead to another root",
    "are not all there",
    "are not all told of",
    "not finalized",
    "do not lead to its hash chains",
    "the node leaves events out",
    "leaves out the event of its results",
    "leaves out the event of a segment of its count",
    "is not one of this poll",
    "this node does not have transaction",
    "was reorganised",
];

#[track_caller]
fn refused(outcome: Result<VerifiedPoll, Error>, message: &str) {
    let error = outcome.expect_err(message);
    let expected = match FOR_NOW.contains(&message) {
        true => ErrorKind::Later,
        false => ErrorKind::Chain,
    };
    assert_eq!(error.kind(), expected, "{error}");
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn a_whole_poll() {
    let world = World::finalized();
    let verified = world.verify().unwrap();
    let kind = vec![Poll::Finalized::SIGNATURE_HASH];
    let newest = world.evm.latest().number;
    let logs = world.evm.logs(world.poll().address, 0, newest, &[kind]);
    let logs = logs.unwrap();
    let expected = VerifiedPoll {
        results: results(),
        total_spent: 74,
        voters: 2,
        messages: 4,
        state_root: Fr::from(77),
        verifier: world.addresses.decider_verifier,
        insecure: None,
        key_digest: world.strict().keys.digest.unwrap(),
        unknown: Unknown {
            gatekeeper: false,
            credits: false,
        },
        transaction: logs[0].transaction,
        block: newest,
    };
    assert_eq!(verified, expected);
}

#[test]
fn a_poll_that_nobody_took_part_in() {
    let mut world = World::with(blinding_generator(), false);
    world.finalize();
    let verified = world.verify().unwrap();
    assert_eq!((verified.voters, verified.messages), (0, 0));
}

#[test]
fn many_empty_blocks_between_the_events() {
    let mut world = World::with(blinding_generator(), false);
    world.join(1);
    world.evm.mine(5);
    world.end();
    world.finalize();
    world.evm.mine(25_000);
    assert_eq!(world.verify().unwrap().voters, 1);
}

/// A key that says nothing against itself is not known to be good.
#[test]
fn in_production_the_key_has_to_be_known() {
    let world = World::finalized();
    let strict = world.strict();
    let with = |digest| VerifyOptions {
        keys: KeyPolicy {
            production: true,
            digest,
        },
        ..strict
    };
    let outcome = verify(&world.evm, world.poll(), &with(None), &QUIET);
    let Err(Error::Hinted { error, hint }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(matches!(*error, Error::InsecureKeys(_)), "{error:?}");
    assert_eq!(hint, Hint::KeyDigest);
    let other = with(Some(B256::repeat_byte(1)));
    let other = verify(&world.evm, world.poll(), &other, &QUIET);
    assert!(matches!(other, Err(Error::OtherKeys(_))), "{other:?}");
}

#[test]
fn keys_for_development_are_told() {
    let mut world = World::with(blinding_generator(), true);
    world.finalize();
    let verified = verify(&world.evm, world.poll(), &VerifyOptions::default(), &QUIET).unwrap();
    let reason = verified.insecure.expect("a reason");
    assert!(reason.contains("without a ceremony"), "{reason}");
    let outcome = world.verify();
    assert!(
        matches!(outcome, Err(Error::InsecureKeys(_))),
        "{outcome:?}"
    );
}

/// Whatever the contract says of itself.
#[test]
fn a_setup_that_anyone_knows_is_recognised_by_its_tau() {
    for (tau, words) in [
        (simulator::development_tau(), "development setup"),
        (Fr::from(3), "small number"),
    ] {
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let mut decider = DeciderTrapdoors::random(blinding_generator(), &mut rng);
        decider.tau = tau;
        let mut world = World::of(decider, rng, false);
        world.finalize();
        let options = VerifyOptions::default();
        let verified = verify(&world.evm, world.poll(), &options, &QUIET).unwrap();
        let reason = verified.insecure.expect("a reason");
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn another_base_of_blindings() {
    let mut world = World::with(simulator::g1(Fr::from(12)), false);
    world.finalize();
    world.is_refused("the base of blindings");
}

#[test]
fn polls_without_results() {
    let mut world = World::with(blinding_generator(), false).voted();
    world.is_refused("not finalized");
    world.end();
    world.evm.mine(1);
    world.is_refused("not finalized");
    let deadline = world.poll().deadline(&world.evm).unwrap();
    world.evm.set_next_timestamp(deadline);
    world.send(world.poll().address, &Poll::abortCall {});
    world.is_refused("aborted");
}

#[test]
fn a_poll_of_another_maci() {
    let mut world = World::finalized();
    let created = Contract {
        address: world.poll().address,
        first_block: 0,
    };
    world.addresses.maci = Address::repeat_byte(0xaa);
    let outcome = PollContract::open(&world.evm, &world.file(), created);
    match outcome {
        Err(Error::OnChain(text)) => assert!(text.contains("another MACI"), "{text}"),
        other => panic!("{other:?}"),
    }
}

/// A contract that passes its calldata on to the poll.
fn forwarder(poll: Address) -> Bytes {
    let mut runtime = vec![0x36, 0x5f, 0x5f, 0x37, 0x5f, 0x5f, 0x36, 0x5f, 0x5f, 0x73];
    runtime.extend(poll.as_slice());
    runtime.extend([0x5a, 0xf1, 0x00]);
    let length = runtime.len() as u8;
    let deploy = [0x60, length, 0x80, 0x60, 0x09, 0x5f, 0x39, 0x5f, 0xf3];
    [&deploy[..], &runtime].concat().into()
}

#[test]
fn finalized_by_way_of_another_contract() {
    let mut world = World::with(blinding_generator(), false).voted();
    let code = forwarder(world.poll().address);
    let forwarder = chain::deploy(&mut world.evm, SENDER, code).unwrap();
    world.end();
    let call = world.finalize_call();
    world.send(forwarder.contract, &call);
    world.is_refused("by way of another contract");
    // Whoever has the proof can show it.
    let call = whole(call);
    let with = |call| VerifyOptions {
        proof: Some(call),
        ..world.strict()
    };
    let verified = verify(&world.evm, world.poll(), &with(&call), &QUIET).unwrap();
    assert_eq!(verified.results, results());
    let mut other = call.clone();
    other.newResults[0].votes += 1;
    refused(
        verify(&world.evm, world.poll(), &with(&other), &QUIET),
        "its stored results are not those",
    );
    // The scalars of the proof.
    let mut other = call.clone();
    other.proof.swap(18, 19);
    refused(
        verify(&world.evm, world.poll(), &with(&other), &QUIET),
        "the proof does not show",
    );
}

/// What the chain answers, changed.
type Change<Q, A> = Box<dyn Fn(&Q, A) -> A>;

/// A chain whose answers are changed on their way.
struct Tampered<'a> {
    evm: &'a Evm,
    logs: Change<(), Vec<Log>>,
    input: Change<(), Option<TransactionInput>>,
    code: Change<Address, Bytes>,
    call: Change<(Address, Bytes), Bytes>,
    block: Change<BlockId, Block>,
}

impl<'a> Tampered<'a> {
    fn new(evm: &'a Evm) -> Self {
        Tampered {
            evm,
            logs: Box::new(|_, answer| answer),
            input: Box::new(|_, answer| answer),
            code: Box::new(|_, answer| answer),
            call: Box::new(|_, answer| answer),
            block: Box::new(|_, answer| answer),
        }
    }
}

impl Chain for Tampered<'_> {
    maci_nova_chain::forward!(evm: chain_id balance);

    fn accounts(&self) -> Vec<Address> {
        Vec::new()
    }

    fn send(
        &mut self,
        from: Address,
        _: Option<Address>,
        _: Bytes,
        _: U256,
    ) -> Result<Receipt, ChainError> {
        Err(ChainError::UnknownAccount(from))
    }

    fn call(&self, to: Address, calldata: Bytes) -> Result<Bytes, ChainError> {
        let answer = self.evm.call(to, calldata.clone())?;
        Ok((self.call)(&(to, calldata), answer))
    }

    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        let answer = self.evm.logs(address, from_block, to_block, topics)?;
        Ok((self.logs)(&(), answer))
    }

    fn block(&self, block: BlockId) -> Result<Block, ChainError> {
        Ok((self.block)(&block, self.evm.block(block)?))
    }

    fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        Ok((self.code)(&address, self.evm.code(address)?))
    }

    fn input(&self, transaction: B256) -> Result<Option<TransactionInput>, ChainError> {
        Ok((self.input)(&(), self.evm.input(transaction)?))
    }
}

/// A finalized poll on a chain whose answers `tamper` changes is refused with this message.
#[track_caller]
fn tampered(tamper: impl FnOnce(&mut Tampered<'_>, &World), message: &str) {
    let world = World::finalized();
    let mut chain = Tampered::new(&world.evm);
    tamper(&mut chain, &world);
    refused(
        verify(&chain, world.poll(), &VerifyOptions::default(), &QUIET),
        message,
    );
}

/// Drops the event of this number among those of one kind, or changes it.
fn change_log(
    kind: B256,
    number: usize,
    change: impl Fn(Log) -> Option<Log> + 'static,
) -> Change<(), Vec<Log>> {
    Box::new(move |(), logs| {
        let mut seen = 0;
        let changed = logs.into_iter().filter_map(|log| {
            if log.topics[0] != kind {
                return Some(log);
            }
            seen += 1;
            if seen - 1 == number {
                change(log)
            } else {
                Some(log)
            }
        });
        changed.collect()
    })
}

#[test]
fn an_event_that_is_left_out() {
    let next = "the node leaves events out";
    let end = "do not lead to its hash chains";
    let top_up = "is not one of this poll";
    let cases = [
        (Poll::Join::SIGNATURE_HASH, 0, next),
        (Poll::Join::SIGNATURE_HASH, 1, top_up),
        (Poll::Message::SIGNATURE_HASH, 0, next),
        (Poll::Message::SIGNATURE_HASH, 2, end),
        (Poll::TopUp::SIGNATURE_HASH, 0, next),
        (
            Poll::Finalized::SIGNATURE_HASH,
            0,
            "leaves out the event of its results",
        ),
    ];
    for (kind, number, message) in cases {
        let drop = move |chain: &mut Tampered<'_>, _: &World| {
            chain.logs = change_log(kind, number, |_| None);
        };
        tampered(drop, message);
    }
}

#[test]
fn an_event_that_is_altered() {
    let kinds = [
        Poll::Join::SIGNATURE_HASH,
        Poll::Message::SIGNATURE_HASH,
        Poll::TopUp::SIGNATURE_HASH,
    ];
    for kind in kinds {
        // The last byte of the second word: a coordinate, an element, the credits.
        let alter = move |chain: &mut Tampered<'_>, _: &World| {
            chain.logs = change_log(kind, 0, |mut log| {
                let mut data = log.data.to_vec();
                data[63] ^= 1;
                log.data = data.into();
                Some(log)
            });
        };
        tampered(alter, "do not lead to its hash chains");
    }
}

#[test]
fn events_of_no_form() {
    let cut = |chain: &mut Tampered<'_>, _: &World| {
        chain.logs = change_log(Poll::Message::SIGNATURE_HASH, 1, |mut log| {
            log.data = log.data.slice(..64);
            Some(log)
        });
    };
    tampered(cut, "not of the poll's form");
    let cut = |chain: &mut Tampered<'_>, _: &World| {
        chain.logs = change_log(Poll::Finalized::SIGNATURE_HASH, 0, |mut log| {
            log.data = log.data.slice(..64);
            Some(log)
        });
    };
    tampered(cut, "its event of the results");
}

#[test]
fn two_events_of_the_results() {
    let twice = |chain: &mut Tampered<'_>, _: &World| {
        chain.logs = Box::new(|(), mut logs| {
            let again = logs.last().cloned();
            logs.extend(again.filter(|log| log.topics[0] == Poll::Finalized::SIGNATURE_HASH));
            logs
        });
    };
    tampered(twice, "it has 2 events");
}

/// Another calldata in the place of the transaction's.
fn recalled(
    change: impl Fn(&mut finalizeCall) + 'static,
) -> impl FnOnce(&mut Tampered<'_>, &World) {
    |chain, _| {
        chain.input = Box::new(move |(), input| {
            let mut input = input?;
            let mut call = finalizeCall::abi_decode_validate(&input.calldata).unwrap();
            change(&mut call);
            input.calldata = call.abi_encode().into();
            Some(input)
        });
    }
}

#[test]
fn another_calldata() {
    let one = U256::ONE;
    let roots = "has other roots than its event";
    tampered(recalled(move |call| call.newStateRoot += one), roots);
    tampered(recalled(move |call| call.tallyRoot += one), roots);
    tampered(
        recalled(|call| call.newResults[1].votes = 1),
        "its stored results are not those",
    );
    let drop = recalled(|call| {
        call.newResults.pop();
    });
    tampered(drop, "one result for each option");
    // The evaluation, and a coordinate.
    tampered(
        recalled(move |call| call.proof[18] += one),
        "the proof does not show",
    );
    tampered(
        recalled(move |call| call.proof[0] += one),
        "its proof is invalid",
    );
    tampered(
        recalled(|call| call.proof[3] = U256::MAX),
        "its proof is invalid",
    );
}

#[test]
fn a_transaction_that_is_missing_or_something_else() {
    tampered(
        |chain, _| chain.input = Box::new(|(), _| None),
        "this node does not have transaction",
    );
    let cut = |chain: &mut Tampered<'_>, _: &World| {
        chain.input = Box::new(|(), input| {
            let mut input = input?;
            input.calldata = input.calldata.slice(..100);
            Some(input)
        });
    };
    tampered(cut, "by way of another contract");
}

/// One byte of the code at an address is another one.
fn recoded(address: Address, place: usize) -> Change<Address, Bytes> {
    Box::new(move |asked, code| {
        if *asked != address {
            return code;
        }
        let mut code = code.to_vec();
        code[place] ^= 1;
        code.into()
    })
}

#[test]
fn code_with_one_byte_changed() {
    for place in [0, 5_000] {
        tampered(
            |chain, world| chain.code = recoded(world.addresses.decider_verifier, place),
            "is not that of the compiled DeciderVerifier",
        );
    }
    // Its own, the address of what it executes, and its settings.
    for place in [0, 15, 40, 100, 490] {
        tampered(
            |chain, world| chain.code = recoded(world.poll().address, place),
            "its code is not the compiled contract's",
        );
    }
    let addresses = World::finalized().addresses;
    for (name, address) in [
        ("VkRegistry", addresses.registry),
        ("JoinVerifier", addresses.join_verifier),
        ("BundleVerifier", addresses.bundle_verifier),
        ("PollFactory", addresses.factory),
        ("Poll", addresses.poll),
        ("MACI", addresses.maci),
    ] {
        for place in [0, 500] {
            tampered(
                |chain, _| chain.code = recoded(address, place),
                &format!("is not that of the compiled {name}:"),
            );
        }
    }
    for (name, address) in addresses.libraries {
        tampered(
            move |chain, _| chain.code = recoded(address, 500),
            &format!("is not that of {name}"),
        );
    }
}

/// Who lets people in and what gives them credits may be anybody's contracts, and that is told.
#[test]
fn contracts_of_others_are_told() {
    let world = World::finalized();
    let unknown = |address: Address| {
        let mut chain = Tampered::new(&world.evm);
        chain.code = recoded(address, 100);
        let options = VerifyOptions::default();
        verify(&chain, world.poll(), &options, &QUIET)
            .unwrap()
            .unknown
    };
    let (gatekeeper, credits) = (
        world.addresses.gatekeeper,
        world.poll().info.settings.credits,
    );
    let of_others = |gatekeeper, credits| Unknown {
        gatekeeper,
        credits,
    };
    assert_eq!(unknown(gatekeeper), of_others(true, false));
    assert_eq!(unknown(credits), of_others(false, true));
    assert_eq!(unknown(world.token), of_others(false, false));
}

/// Sign-ups and polls that MACI counts, and nobody made: as if it had begun with them.
#[test]
fn registers_have_their_events() {
    for (kind, message) in [
        (MACI::SignUp::SIGNATURE_HASH, "contradict each other"),
        (MACI::PollCreated::SIGNATURE_HASH, "are not all told of"),
    ] {
        tampered(
            move |chain, _| chain.logs = change_log(kind, 0, |_| None),
            message,
        );
    }
    let root = answers::<MACI::rootAtCall>(last_bit);
    tampered(root, "lead to another root");
    let count = answers::<MACI::rootCountCall>(|mut count| {
        count[31] += 1;
        count
    });
    tampered(count, "are not all there");
    let polls = answers::<MACI::pollCountCall>(|mut count| {
        count[31] += 1;
        count
    });
    tampered(polls, "are not all told of");
}

#[test]
fn a_poll_without_code() {
    let empty = |chain: &mut Tampered<'_>, world: &World| {
        let poll = world.poll().address;
        chain.code = Box::new(move |asked, code| match *asked == poll {
            true => Bytes::new(),
            false => code,
        });
    };
    tampered(empty, "its code is not the compiled contract's");
}

/// What contracts answer to one call is another thing.
fn answers<S: SolCall>(
    change: impl Fn(Vec<u8>) -> Vec<u8> + 'static,
) -> impl FnOnce(&mut Tampered<'_>, &World) {
    |chain, _| {
        chain.call = Box::new(
            move |(_, calldata), answer| match calldata[..4] == S::SELECTOR {
                true => change(answer.to_vec()).into(),
                false => answer,
            },
        );
    }
}

fn last_bit(mut answer: Vec<u8>) -> Vec<u8> {
    if let Some(last) = answer.last_mut() {
        *last ^= 1;
    }
    answer
}

/// The same of the decider's verifier alone.
fn verifier_answers<S: SolCall>(
    change: impl Fn(Vec<u8>) -> Vec<u8> + 'static,
) -> impl FnOnce(&mut Tampered<'_>, &World) {
    |chain, world| {
        let verifier = world.addresses.decider_verifier;
        chain.call = Box::new(move |(to, calldata), answer| {
            match *to == verifier && calldata[..4] == S::SELECTOR {
                true => change(answer.to_vec()).into(),
                false => answer,
            }
        });
    }
}

#[test]
fn a_verifier_that_tells_another_key() {
    type Key = DeciderVerifier::verifyingKeyCall;
    tampered(verifier_answers::<Key>(last_bit), "has an invalid point");
    // The base of blindings, as it should be or not, in the place of alpha.
    let swap = |mut answer: Vec<u8>| {
        let start = answer.len() - 64;
        let h = answer[start..].to_vec();
        answer[..64].copy_from_slice(&h);
        answer
    };
    let message = "is not that of the compiled DeciderVerifier";
    tampered(verifier_answers::<Key>(swap), message);
    type Development = DeciderVerifier::DEVELOPMENTCall;
    tampered(verifier_answers::<Development>(last_bit), message);
}

#[test]
fn a_poll_that_tells_something_else() {
    let stored = "its stored totals";
    tampered(answers::<Poll::totalsCall>(last_bit), stored);
    tampered(
        answers::<Poll::resultsCall>(last_bit),
        "its stored results are not those",
    );
    tampered(
        answers::<Poll::stateRootCall>(last_bit),
        "its stored state root",
    );
    tampered(
        answers::<Poll::chainsCall>(last_bit),
        "do not lead to its hash chains",
    );
}

#[test]
fn totals_in_the_event() {
    let alter = |chain: &mut Tampered<'_>, _: &World| {
        chain.logs = change_log(Poll::Finalized::SIGNATURE_HASH, 0, |mut log| {
            let mut data = log.data.to_vec();
            // Behind both roots.
            data[3 * 32 - 1] ^= 1;
            log.data = data.into();
            Some(log)
        });
    };
    tampered(alter, "the totals in its event");
}

#[test]
fn results_in_the_event() {
    let alter = |chain: &mut Tampered<'_>, _: &World| {
        chain.logs = change_log(Poll::Finalized::SIGNATURE_HASH, 0, |mut log| {
            log.data = last_bit(log.data.to_vec()).into();
            Some(log)
        });
    };
    tampered(alter, "the results in its event");
}

/// What MACI says that it stands on is in its code.
#[test]
fn a_maci_that_tells_something_else() {
    let message = "is not that of the compiled MACI";
    tampered(answers::<MACI::GATEKEEPERCall>(last_bit), message);
    tampered(answers::<MACI::JOIN_DEPTHCall>(last_bit), message);
    // Where there is nothing that could answer.
    tampered(answers::<MACI::FACTORYCall>(last_bit), "no contract");
    tampered(answers::<MACI::REGISTRYCall>(last_bit), "no contract");
}

/// Everything that is told agrees, but the results were never those of the tally root.
#[test]
fn results_that_are_not_those_of_the_tally_root() {
    let lie = |chain: &mut Tampered<'_>, world: &World| {
        recalled(|call| call.newResults.swap(0, 2))(chain, world);
        answers::<Poll::resultsCall>(|mut answer| {
            let start = answer.len() - 3 * 64;
            let (first, last) = answer[start..].split_at_mut(128);
            first[..64].swap_with_slice(last);
            answer
        })(chain, world);
    };
    tampered(lie, "its tally root is not that of its results");
}

#[test]
fn a_reorganisation_meanwhile() {
    let replace = |chain: &mut Tampered<'_>, _: &World| {
        chain.block = Box::new(|asked, mut block| {
            if let BlockId::Number(_) = asked {
                block.hash = B256::repeat_byte(9);
            }
            block
        });
    };
    tampered(replace, "was reorganised");
}

/// Two polls of one MACI, in which the same happened: nothing.
#[test]
fn the_proof_of_another_poll() {
    let mut world = World::with(blinding_generator(), false);
    let other = world.finalize_call();
    let second = world.create();
    world.poll = Some(second);
    world.finalize();
    assert!(world.verify().is_ok());
    let mut chain = Tampered::new(&world.evm);
    chain.input = Box::new(move |(), input| {
        let mut input = input?;
        input.calldata = other.abi_encode().into();
        Some(input)
    });
    let outcome = verify(&chain, world.poll(), &VerifyOptions::default(), &QUIET);
    refused(outcome, "the proof does not show");
}

#[test]
fn keys_go_to_the_verification_in_rust_and_back() {
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let key = DeciderTrapdoors::random(blinding_generator(), &mut rng).key();
    let there = contract::from_key(&key);
    assert_eq!(contract::key(&there), Ok(key));
}
