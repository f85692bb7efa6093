//! What everything costs, compared with the committed snapshot, and with bars that it must stay
//! below.
//!
//! All figures are whole transactions, with real verifiers and proofs from known trapdoors.

use std::collections::BTreeMap;

use halo2curves::bn256::Fr;
use maci_nova_chain::{self as chain, Receipt};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::{Poll, SampleToken, MACI};
use maci_nova_contracts::decider::{OptionResult, Statement};
use maci_nova_contracts::deploy::{self, system, Addresses, Step};
use maci_nova_contracts::evm::{Evm, CHAIN_ID, SENDER};
use maci_nova_contracts::{poll, words};
use maci_nova_protocol::bundle::{Bundle, BundleStatement};
use maci_nova_protocol::message::Message;

use crate::poll::deployment::plan;
use crate::poll::world::{
    batch_call, binding, bundle_call, join_call, key, maci_key, message, publish_call, scope,
    top_up_call, HOUR,
};
use crate::snapshot::{compare, read, Gas};
use maci_nova_contracts::testing::decider::{rng, Choices, Trapdoors};
use maci_nova_contracts::testing::groth16::Trapdoors as PlainTrapdoors;

/// Options of the larger one of the measured polls.
const OPTIONS: u32 = 25;
/// Shape: 5^4 leaves, 5^2 options.
const VOTE_DEPTH: u8 = 2;

struct Measured {
    vote_depth: u8,
    evm: Evm,
    addresses: Addresses,
    journal: BTreeMap<Step, chain::Deployment>,
    gas: Gas,
    poll: Address,
    token: Address,
    credits: Address,
}

impl Measured {
    fn new(vote_depth: u8) -> Self {
        let mut evm = Evm::new();
        let mut journal = BTreeMap::new();
        let addresses = system(&mut evm, SENDER, &plan(vote_depth), &mut journal).unwrap();
        let mut measured = Self {
            vote_depth,
            evm,
            addresses,
            journal,
            gas: Gas::new(),
            poll: Address::ZERO,
            token: Address::ZERO,
            credits: Address::ZERO,
        };
        measured.token = measured.deploy("deploy SampleToken", deploy::sample_token(SENDER));
        let credits = deploy::constant_credits(100);
        measured.credits = measured.deploy("deploy ConstantInitialVoiceCreditProxy", credits);
        measured.note_deployments();
        measured
    }

    fn deploy(
        &mut self,
        name: &str,
        code: Result<Bytes, maci_nova_contracts::artifact::ArtifactError>,
    ) -> Address {
        let deployment = chain::deploy(&mut self.evm, SENDER, code.unwrap()).unwrap();
        self.note(name, deployment.gas_used);
        deployment.contract
    }

    fn note_deployments(&mut self) {
        for (step, deployment) in self.journal.clone() {
            let name = match step {
                Step::SetVerifier | Step::SetMaci => step.name().to_owned(),
                _ => format!("deploy {}", step.name()),
            };
            self.note(&name, deployment.gas_used);
        }
    }

    fn note(&mut self, name: &str, gas: u64) {
        let before = self.gas.insert(name.to_owned(), gas);
        assert_eq!(before, None, "{name} was measured before");
    }

    fn send(&mut self, to: Address, call: &impl SolCall) -> Receipt {
        chain::send(&mut self.evm, SENDER, to, call, U256::ZERO).unwrap()
    }

    fn measure(&mut self, name: &str, to: Address, call: &impl SolCall) {
        let gas = self.send(to, call).gas_used;
        self.note(name, gas);
    }

    fn sign_ups(&mut self) {
        let maci = self.addresses.maci;
        let costs: Vec<_> = (1..=100)
            .map(|number| {
                let call = MACI::signUpCall {
                    key: maci_key(&key(number)),
                    gatekeeperData: Bytes::new(),
                };
                self.send(maci, &call).gas_used
            })
            .collect();
        self.note(
            "signUp, mean of the first 100",
            costs.iter().sum::<u64>() / 100,
        );
        self.note(
            "signUp, least of the first 100",
            *costs.iter().min().unwrap(),
        );
        self.note(
            "signUp, most of the first 100",
            *costs.iter().max().unwrap(),
        );
    }

    /// Creates a poll and goes to its start; the gas of its creation.
    fn create_poll(&mut self, options: u32) -> u64 {
        let now = self.evm.latest().timestamp;
        let settings = MACI::PollSettings {
            coordinatorKey: maci_key(&key(1)),
            voteOptions: options,
            mode: 0,
            shape: crate::poll::world::shape(4, self.vote_depth),
            startTime: now + HOUR,
            endTime: now + 25 * HOUR,
            signedWithin: 75,
            lastRoot: u32::MAX,
            provingBase: 24 * HOUR,
            provingPerMessage: 60,
            provingMax: 30 * 24 * HOUR as u32,
            credits: self.credits,
            topUpToken: self.token,
            creditUnit: U256::from(10),
            beneficiary: SENDER,
            messageFee: U256::ZERO,
        };
        let maci = self.addresses.maci;
        let receipt = self.send(maci, &MACI::createPollCall { settings });
        self.poll = receipt.event::<MACI::PollCreated>(maci).unwrap().poll;
        self.evm.advance_time(HOUR);
        receipt.gas_used
    }

    fn info(&self) -> Poll::PollInfo {
        chain::view(&self.evm, self.poll, &Poll::pollInfoCall {}).unwrap()
    }

    /// A join with a proof of the root after the hundredth sign-up.
    fn join(&mut self, number: u64) -> Poll::joinCall {
        let index = U256::from(99);
        let root = MACI::rootAtCall { index };
        let root = chain::view(&self.evm, self.addresses.maci, &root).unwrap();
        let mut call = join_call(number);
        // A nullifier of full size, as they all are.
        call.nullifier = words::scalar(&key(7000 + number).x);
        call.rootIndex = index;
        call.minCredits = U256::from(100);
        let poll_key = key(3000 + number);
        let inputs = [
            words::to_scalar(root).unwrap(),
            words::to_scalar(call.nullifier).unwrap(),
            scope(CHAIN_ID, self.addresses.maci, self.info().pollId),
            binding(CHAIN_ID, self.poll, poll_key, SENDER, &[], 100),
        ];
        let mut rng = rng(401);
        let trapdoors = PlainTrapdoors::random(&mut rng);
        call.proof = trapdoors.prove(&inputs, &mut rng).words();
        call
    }

    fn joins(&mut self) {
        for (number, name) in [(1, "join, the first"), (2, "join")] {
            let call = self.join(number);
            self.measure(name, self.poll, &call);
        }
    }

    /// A recent block and its anchor.
    fn anchor(&self) -> (U256, U256) {
        let number = U256::from(self.evm.latest().number - 1);
        let call = Poll::anchorOfCall {
            blockNumber: number,
        };
        let told = chain::view(&self.evm, self.poll, &call).unwrap();
        (number, told.anchor)
    }

    fn message(&self, seed: u64) -> Poll::publishMessageCall {
        let mut call = publish_call(&message(seed));
        (call.blockNumber, call.anchor) = self.anchor();
        call
    }

    fn messages(&mut self) {
        for (seed, name) in [(1, "publishMessage, the first"), (2, "publishMessage")] {
            let call = self.message(seed);
            self.measure(name, self.poll, &call);
        }
        let messages: Vec<_> = (3..13).map(message).collect();
        let mut batch = batch_call(&messages);
        (batch.blockNumber, batch.anchor) = self.anchor();
        self.measure("publishMessageBatch of 10", self.poll, &batch);
    }

    /// Bundles whose messages were signed after five different blocks.
    fn bundles(&mut self) {
        let newest = self.evm.latest().number - 1;
        let anchors: Vec<[U256; 2]> = (0..5)
            .map(|back| {
                let number = U256::from(newest - 5 * back);
                let call = Poll::anchorOfCall {
                    blockNumber: number,
                };
                let told = chain::view(&self.evm, self.poll, &call).unwrap();
                [number, told.anchor]
            })
            .collect();
        let trapdoors = PlainTrapdoors::random(&mut rng(402));
        for count in [10, 100] {
            let places: Vec<u8> = (0..count).map(|i| (i % 5) as u8).collect();
            let messages = (0..count).map(|i| Message {
                anchor: words::to_scalar(anchors[(i % 5) as usize][1]).unwrap(),
                ..message(100 + i)
            });
            let bundle = Bundle::new(messages.collect()).unwrap();
            let inputs = BundleStatement::of(&bundle).to_array();
            let call = Poll::publishBundleCall {
                anchors: anchors.clone(),
                anchorPlaces: places.into(),
                proof: trapdoors.prove(&inputs, &mut rng(403)).words(),
                ..bundle_call(&bundle)
            };
            self.measure(&format!("publishBundle of {count}"), self.poll, &call);
        }
    }

    fn top_ups(&mut self) {
        let amount = U256::from(1_000_000);
        let to = SENDER;
        self.send(self.token, &SampleToken::mintCall { to, amount });
        let spender = self.poll;
        let value = U256::MAX;
        self.send(self.token, &SampleToken::approveCall { spender, value });
        self.measure("topUp, the first", self.poll, &top_up_call(1, 100));
        self.measure("topUp", self.poll, &top_up_call(2, 100));
    }

    /// The statement that the contract will make of its own values.
    fn statement(&self, state_root: Fr, tally_root: Fr) -> Statement {
        let info = self.info();
        let chains = chain::view(&self.evm, self.poll, &Poll::chainsCall {}).unwrap();
        let element = |word: U256| words::to_scalar(word).unwrap();
        let start = maci_nova_protocol::hash_chain::zero();
        let number = |value: u64| Fr::from(value);
        Statement {
            domain: poll::domain(CHAIN_ID, self.poll, info.verifier),
            z0: [
                element(info.pollContext),
                start,
                number(1),
                number(0),
                number(0),
                number(0),
                element(info.emptyStateRoot),
                element(info.emptyTallyRoot),
            ],
            z: [
                element(info.pollContext),
                element(chains.joinChain),
                element(chains.joinCount),
                element(chains.messageChain),
                start,
                number(0),
                state_root,
                tally_root,
            ],
            results: vec![
                OptionResult {
                    votes: 0x5a_5a5a_5a5a,
                    spent: 0x5a_5a5a_5a5a,
                };
                info.settings.voteOptions as usize
            ],
        }
    }

    /// Lets a poll with messages end, and finalizes it.
    fn finalize(&mut self, name: &str) {
        let mut rng = rng(400);
        let trapdoors = Trapdoors::random(&mut rng);
        let [state_root, tally_root] = [key(8001).x, key(8002).x];
        let statement = self.statement(state_root, tally_root);
        let proof = trapdoors.prove(&statement, &Choices::random(&mut rng));
        let results = statement.results.iter().map(|result| Poll::OptionResult {
            votes: result.votes,
            spent: result.spent,
        });
        let call = Poll::finalizeCall {
            newStateRoot: words::scalar(&state_root),
            tallyRoot: words::scalar(&tally_root),
            newResults: results.collect(),
            proof: proof.words(),
        };
        self.evm.advance_time(24 * HOUR);
        self.measure(name, self.poll, &call);
    }

    /// Proves the first segment of a poll with messages, whose last state is that of a link.
    fn prove_segment(&mut self) {
        let mut rng = rng(400);
        let trapdoors = Trapdoors::random(&mut rng);
        let mut statement = self.statement(Fr::from(0), Fr::from(0));
        statement.z = [Fr::from(0); 8];
        statement.z[0] = key(8003).x;
        statement.results.clear();
        let proof = trapdoors.prove(&statement, &Choices::random(&mut rng));
        let call = Poll::proveSegmentCall {
            from: U256::ZERO,
            to: words::scalar(&statement.z[0]),
            proof: proof.words(),
        };
        self.measure("proveSegment", self.poll, &call);
    }

    fn give_up(&mut self) {
        self.evm.advance_time(365 * 24 * HOUR);
        self.measure("abort", self.poll, &Poll::abortCall {});
        self.measure("withdraw", self.poll, &Poll::withdrawCall {});
    }
}

fn measured() -> Gas {
    let mut measured = Measured::new(VOTE_DEPTH);
    measured.sign_ups();
    let created = measured.create_poll(OPTIONS);
    measured.note("createPoll", created);
    measured.joins();
    measured.messages();
    measured.bundles();
    measured.top_ups();
    let poll = measured.evm.clone();
    measured.prove_segment();
    measured.finalize("finalize, 25 options");
    measured.measure("collect", measured.poll, &Poll::collectCall {});
    measured.evm = poll;
    measured.give_up();
    measured.create_poll(5);
    let call = measured.message(1);
    measured.send(measured.poll, &call);
    measured.finalize("finalize, 5 options");
    let mut larger = Measured::new(3);
    larger.create_poll(125);
    let call = larger.message(1);
    larger.send(larger.poll, &call);
    larger.finalize("finalize, 125 options");
    let name = "finalize, 125 options";
    measured.note(name, larger.gas[name]);
    measured.gas
}

#[test]
fn gas_is_what_the_snapshot_says() {
    let measured = measured();
    let bars = [
        ("createPoll", 700_000),
        // The first ones pay for the slots of the counters and of their chain: nothing runs when a
        // poll is made.
        ("publishMessage, the first", 320_000),
        ("publishMessage", 300_000),
        ("publishMessageBatch of 10", 10 * 300_000),
        // At the price of calldata since EIP-7623, 40 gas a byte that is not 0; EIP-7976 would make it 64.
        ("publishBundle of 100", 100 * 17_000),
        ("join, the first", 400_000),
        ("join", 360_000),
        ("signUp, mean of the first 100", 230_000),
        ("proveSegment", 450_000),
        ("finalize, 5 options", 530_000),
        ("finalize, 25 options", 700_000),
        ("finalize, 125 options", 1_300_000),
    ];
    for (name, bar) in bars {
        assert!(measured[name] < bar, "{name}: {}", measured[name]);
    }
    compare(&measured);
}

/// What the READMEs say is what is measured.
#[test]
fn the_tables_have_these_figures() {
    let gas = read();
    let figure = |what: &str| grouped(gas[what]);
    let contracts = include_str!("../../../README.md");
    for what in [
        "createPoll",
        "finalize, 125 options",
        "finalize, 25 options",
        "finalize, 5 options",
        "join",
        "join, the first",
        "proveSegment",
        "publishMessage",
        "publishMessage, the first",
        "publishMessageBatch of 10",
        "publishBundle of 10",
        "publishBundle of 100",
        "signUp, least of the first 100",
        "signUp, mean of the first 100",
        "signUp, most of the first 100",
        "topUp",
        "verify",
    ] {
        assert!(
            contracts.contains(&figure(what)),
            "{what} in contracts/README.md"
        );
    }
    let project = include_str!("../../../../README.md");
    for what in [
        "createPoll",
        "finalize, 5 options",
        "join",
        "publishMessage",
        "signUp, mean of the first 100",
    ] {
        assert!(project.contains(&figure(what)), "{what} in README.md");
    }
}

/// With commas between the thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let rest = digits.as_bytes()[first..].chunks(3);
    let rest = rest.map(|group| format!(",{}", String::from_utf8_lossy(group)));
    digits[..first].to_owned() + &rest.collect::<String>()
}
