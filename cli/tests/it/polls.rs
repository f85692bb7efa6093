//! Whole polls on a chain in this process, with real proofs: from the contracts to the results.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ff::Field;
use maci_nova::demo::chain::DemoChain;
use maci_nova::demo::gas_report::GasReport;
use maci_nova::demo::scenario::{Keys, Scenario, Setting, Voter};
use maci_nova::failure::Failure;
use maci_nova_chain::{self, Chain, ChainError, Log, Observer, Receipt};
use maci_nova_compressor::decider;
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::bindings::Poll;
use maci_nova_contracts::evm::Evm;
use maci_nova_coordinator::coordinator::{Coordinator, Reached};
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_coordinator::prove::finalization::Finalization;
use maci_nova_coordinator::prove::keys::DeciderKeys;
use maci_nova_coordinator::Error;
use maci_nova_folding::{Parameters, SetupSource};
use maci_nova_groth16::KeyCache;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::message::Message;
use maci_nova_protocol::poll::Mode;
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::Fr;
use maci_nova_sdk::bundle::proof::{BundleProver, ROOM};
use maci_nova_sdk::operator::poll_creation::SignedWithin;
use maci_nova_sdk::poll::results::Results;
use maci_nova_sdk::voter::ballot::Choice;
use maci_nova_sdk::voter::join_proof;
use maci_nova_sdk::ErrorKind;
use maci_nova_step_circuit::Shape;
use rand_core::OsRng;
use tempfile::TempDir;

use crate::finalizing::shared_cache;

const OPTIONS: usize = 3;
const CREDITS: u32 = 100;
const HOUR: u64 = 3600;

/// Asks to stop when it is told to.
#[derive(Default)]
struct Stopping(AtomicBool);

impl Observer for Stopping {
    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The keys of the shape that all tests of this binary share.
fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let shape = Shape::new(4, 1, 1).expect("in range");
        let parameters =
            Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
        let cache = KeyCache::new(shared_cache().join("maci-nova"));
        let engine = Arc::clone(parameters.engine());
        let silent = &mut |_: maci_nova_groth16::KeyEvent<'_>| {};
        Keys {
            decider: DeciderKeys {
                prover: decider::Prover::cached(engine, 1, &cache, false, silent).expect("keys"),
                are_known: false,
            },
            join: join_proof::Prover::cached(&cache, false, silent).expect("keys"),
            bundle: BundleProver::cached(&cache, ROOM, false, silent).expect("keys"),
            parameters,
        }
    })
}

/// A poll and the directory that it is in.
struct Scene {
    poll: Scenario<'static>,
    voters: Vec<Voter>,
    _directory: TempDir,
}

impl Scene {
    /// A poll that has started, with so many voters who have joined.
    fn new(mode: Mode, voters: usize) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let setting = Setting {
            options: OPTIONS as u32,
            mode,
            signed_within: SignedWithin::Blocks(75),
            credits: CREDITS,
            times: (HOUR, 24 * HOUR),
        };
        let stage = DemoChain::embedded();
        let path = directory.path();
        let poll = Scenario::begin(stage, setting, keys(), path, GasReport::default(), &())
            .expect("begun");
        let mut scene = Scene {
            poll,
            voters: vec![],
            _directory: directory,
        };
        scene.poll.open().expect("open");
        (0..voters).for_each(|_| scene.joins());
        scene
    }

    /// Somebody signs up and joins.
    fn joins(&mut self) {
        let person = self.voters.len() + 1;
        let mut voter = self.poll.sign_up(person).expect("signed up");
        self.poll.join(&mut voter).expect("joined");
        self.voters.push(voter);
    }

    fn vote(&mut self, voter: usize, choices: &[(u64, i64)]) {
        let choices: Vec<Choice> = choices.iter().map(|pair| choice(*pair)).collect();
        self.poll.vote(&self.voters[voter], &choices).expect("sent");
    }

    fn publish(&mut self, message: Message) {
        let account = self.voters[0].account;
        let anchor = self.poll.anchor().expect("an anchor");
        let message = Message {
            anchor: anchor.element,
            ..message
        };
        let signed = SignedMessage {
            message,
            block_number: anchor.block_number,
        };
        self.poll.publish(account, &[signed]).expect("sent");
    }

    /// Ends the poll, finalizes it, and checks the results.
    #[track_caller]
    fn ends_with(&mut self, results: [(i128, u128); OPTIONS]) {
        self.poll.close().expect("closed");
        let document = self.poll.finalize().expect("finalized");
        assert_eq!(*document.results(), expected(results));
        self.has(results);
        let gas = document.gas().expect("sent");
        // The bar: 500,000 and 25,000 for each stored result.
        assert!(gas < 500_000 + 25_000 * OPTIONS as u64, "{gas} gas");
    }

    /// What the contract says.
    #[track_caller]
    fn has(&mut self, results: [(i128, u128); OPTIONS]) {
        let poll = self.poll.poll().clone();
        let stored = poll
            .results(self.poll.demo_chain().chain())
            .expect("results");
        assert_eq!(stored, results.map(result));
    }

    fn evm(&mut self) -> &mut Evm {
        match self.poll.demo_chain() {
            DemoChain::Embedded(evm) => evm,
            DemoChain::Shared(_) | DemoChain::Node { .. } => {
                unreachable!("the stage is in this process")
            }
        }
    }

    fn lines(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.poll.proof().join("poll.jsonl")).expect("a log");
        log.lines().map(str::to_owned).collect()
    }
}

fn choice((option, weight): (u64, i64)) -> Choice {
    Choice { option, weight }
}

fn result((votes, spent): (i128, u128)) -> OptionResult {
    OptionResult { votes, spent }
}

fn expected(results: [(i128, u128); OPTIONS]) -> Results {
    let spent = results.iter().map(|(_, spent)| spent).sum();
    Results::new(&results.map(result), spent)
}

fn garbage() -> Message {
    Message {
        data: core::array::from_fn(|_| Fr::random(OsRng)),
        encryption_key: PrivateKey::random(&mut OsRng).public_key().point(),
        anchor: Fr::ZERO,
    }
}

#[test]
fn a_poll_that_nobody_joins() {
    Scene::new(Mode::Quadratic, 0).ends_with([(0, 0); OPTIONS]);
}

#[test]
fn a_poll_without_messages() {
    Scene::new(Mode::Quadratic, 2).ends_with([(0, 0); OPTIONS]);
}

#[test]
fn a_poll_with_one_message() {
    let mut scene = Scene::new(Mode::Quadratic, 1);
    scene.vote(0, &[(2, 7)]);
    scene.ends_with([(0, 0), (0, 0), (7, 49)]);
}

#[test]
fn a_poll_with_invalid_messages_only() {
    let mut scene = Scene::new(Mode::Quadratic, 2);
    scene.publish(garbage());
    scene.vote(0, &[(1, 11)]);
    // Somebody else's key, and nobody's index.
    let [one, two] = [0, 1].map(|i: usize| scene.voters[i].clone());
    let thief = Voter {
        poll_key: one.poll_key.clone(),
        ..two
    };
    let nobody = Voter {
        state_index: 3,
        ..one
    };
    for voter in [thief, nobody] {
        scene.poll.vote(&voter, &[choice((0, 1))]).expect("sent");
    }
    // A point of order 2 as encryption key.
    let mut low = garbage();
    low.encryption_key.x = Fr::ZERO;
    low.encryption_key.y = -Fr::ONE;
    scene.publish(low);
    scene.ends_with([(0, 0); OPTIONS]);
}

/// Each time a new process, which goes on from what is on disk.
#[test]
fn messages_come_while_joins_are_folded() {
    let mut scene = Scene::new(Mode::Linear, 1);
    assert_eq!(scene.poll.work().expect("worked"), Reached::Open);
    scene.vote(0, &[(0, 60), (1, 40)]);
    scene.joins();
    assert_eq!(scene.poll.work().expect("worked"), Reached::Open);
    scene.joins();
    scene.vote(1, &[(1, 100)]);
    assert_eq!(scene.poll.work().expect("worked"), Reached::Open);
    scene.vote(0, &[(2, 99)]);
    let voter = scene.voters[1].clone();
    scene.poll.top_up(&voter, 5).expect("topped up");
    scene.poll.close().expect("closed");
    assert_eq!(scene.poll.work().expect("worked"), Reached::Complete);
    let kinds: Vec<bool> = scene
        .lines()
        .iter()
        .skip(1)
        .map(|line| line.contains(r#""kind":"join""#))
        .collect();
    assert_eq!(
        kinds,
        [true, false, false, true, true, false, false, false],
        "joins and messages in order of arrival"
    );
    scene.ends_with([(0, 0), (100, 100), (99, 99)]);
    // Again: nothing is sent, and the results are the same.
    let document = scene.poll.finalize().expect("finalized");
    assert_eq!(document.gas(), None);
}

#[test]
fn a_reorganisation_is_followed() {
    let mut scene = Scene::new(Mode::Quadratic, 2);
    scene.poll.work().expect("worked");
    let two_joins = scene.evm().clone();
    scene.joins();
    scene.vote(2, &[(0, 9)]);
    scene.poll.work().expect("worked");
    assert_eq!(scene.lines().len(), 5);

    // The third join and its vote are no more; another one is there, and another vote.
    *scene.evm() = two_joins;
    scene.voters.pop();
    // A shorter chain may be one that the node is still catching up with.
    scene.evm().mine(1);
    scene.poll.work().expect("worked");
    assert_eq!(scene.lines().len(), 5);
    scene.evm().mine(10);
    scene.poll.work().expect("worked");
    assert_eq!(scene.lines().len(), 3);
    scene.joins();
    scene.vote(2, &[(1, 3)]);
    scene.poll.work().expect("worked");
    assert_eq!(scene.lines().len(), 5);

    // The end is reorganised too, after everything was folded.
    let before_end = scene.evm().clone();
    scene.poll.close().expect("closed");
    assert_eq!(scene.poll.work().expect("worked"), Reached::Complete);
    *scene.evm() = before_end;
    scene.evm().mine(2);
    scene.vote(0, &[(2, 4)]);
    scene.ends_with([(0, 0), (3, 9), (4, 16)]);
}

/// Whatever the first node shows, nothing is folded to its end, and so nothing proven, before the
/// second one has the same poll with the same messages, and its end.
#[test]
fn nothing_is_proven_before_a_second_node_agrees() {
    let mut scene = Scene::new(Mode::Quadratic, 1);
    let without = scene.evm().clone();
    scene.vote(0, &[(0, 1)]);
    let open = scene.evm().clone();
    scene.poll.close().expect("closed");
    let ended = scene.evm().clone();
    let mut without_ended = without.clone();
    without_ended.set_next_timestamp(ended.latest().timestamp);
    without_ended.mine(1);
    for other in [&without, &without_ended, &open] {
        let reached = scene.poll.work_with(other).expect("worked");
        assert_eq!(reached, Reached::Open);
    }
    let reached = scene.poll.work_with(&ended).expect("worked");
    assert_eq!(reached, Reached::Complete);
}

fn checkpoint(scene: &Scene) -> Vec<u8> {
    std::fs::read(scene.poll.proof().join("running.checkpoint")).expect("a checkpoint")
}

/// The same transactions in other blocks: nothing is folded again.
#[test]
fn what_a_reorganisation_gives_back_is_kept() {
    let mut scene = Scene::new(Mode::Quadratic, 2);
    // More messages than joins are lost: they are no joins, and are not taken for any.
    scene.vote(0, &[(1, 5)]);
    scene.vote(0, &[(0, 1)]);
    let before = scene.evm().clone();
    scene.joins();
    scene.poll.work().expect("worked");
    let with = scene.evm().clone();
    let folded = checkpoint(&scene);

    // Gone, and after some blocks back again.
    *scene.evm() = before;
    scene.evm().mine(10);
    scene.poll.work().expect("worked");
    assert_eq!(scene.lines().len(), 5);
    assert_eq!(checkpoint(&scene), folded);
    *scene.evm() = with;
    scene.evm().mine(20);
    scene.poll.work().expect("worked");
    assert_eq!(scene.lines().len(), 6);
    assert_eq!(checkpoint(&scene), folded);

    // Everything is folded, the last message is taken back and comes again.
    scene.vote(2, &[(2, 2)]);
    let before = scene.evm().clone();
    scene.vote(2, &[(2, 3)]);
    scene.poll.close().expect("closed");
    assert_eq!(scene.poll.work().expect("worked"), Reached::Complete);
    let (with, folded) = (scene.evm().clone(), checkpoint(&scene));
    *scene.evm() = before;
    scene.evm().mine(30);
    assert_eq!(scene.poll.work().expect("worked"), Reached::Open);
    assert_eq!(checkpoint(&scene), folded);
    *scene.evm() = with;
    scene.evm().mine(40);
    assert_eq!(scene.poll.work().expect("worked"), Reached::Complete);
    assert_eq!(checkpoint(&scene), folded);
    scene.ends_with([(1, 1), (0, 0), (3, 9)]);
}

#[test]
fn a_proof_that_is_there_is_sent_and_not_made_again() {
    let mut scene = Scene::new(Mode::Quadratic, 1);
    scene.vote(0, &[(0, 1)]);
    scene.poll.close().expect("closed");
    // Stopped after the proof was written and before it was sent: the chain as it was then.
    let ended = scene.evm().clone();
    scene.poll.finalize().expect("finalized");
    let path = scene.poll.proof().join("decider.json");
    let proof = |path: &Path| Finalization::read(path).expect("a proof").proof;
    let made = proof(&path);
    *scene.evm() = ended;
    scene.ends_with([(1, 1), (0, 0), (0, 0)]);
    assert_eq!(proof(&path), made);

    // One of other votes is made again.
    let mut other = Scene::new(Mode::Quadratic, 1);
    other.vote(0, &[(0, 2)]);
    let directory = other.poll.proof();
    drop(ProofDirectory::open(&directory).expect("made"));
    std::fs::copy(&path, directory.join("decider.json")).expect("copied");
    other.ends_with([(2, 4), (0, 0), (0, 0)]);
}

#[test]
fn nobody_proves_after_the_deadline() {
    let mut scene = Scene::new(Mode::Quadratic, 1);
    let poll = scene.poll.poll().clone();
    let deadline = poll
        .deadline(scene.poll.demo_chain().chain())
        .expect("asked");
    scene.evm().set_next_timestamp(deadline);
    scene.evm().mine(1);
    let error = scene.poll.finalize().expect_err("too late");
    assert_eq!(error.kind(), ErrorKind::Chain);
    assert!(error.to_string().contains("deadline"), "{error}");
    let from = scene.voters[0].account;
    let call = Poll::abortCall {};
    maci_nova_chain::send(
        scene.poll.demo_chain().chain_mut(),
        from,
        poll.address,
        &call,
        Default::default(),
    )
    .expect("aborted");
    let error = scene.poll.finalize().expect_err("given up");
    assert!(error.to_string().contains("aborted"), "{error}");
}

/// A node that leaves out an event, always or once.
struct Forgetful<'a> {
    chain: &'a dyn Chain,
    /// Which event of an answer, from its end, and how often.
    left_out: usize,
    times: Cell<u32>,
}

impl Chain for Forgetful<'_> {
    maci_nova_chain::forward!(chain: chain_id accounts call block code balance input);

    fn send(
        &mut self,
        _: Address,
        _: Option<Address>,
        _: Bytes,
        _: U256,
    ) -> Result<Receipt, ChainError> {
        unreachable!("coordinators read")
    }

    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        let mut logs = self.chain.logs(address, from_block, to_block, topics)?;
        if self.times.get() > 0 && logs.len() > self.left_out {
            self.times.set(self.times.get() - 1);
            logs.remove(logs.len() - 1 - self.left_out);
        }
        Ok(logs)
    }
}

/// A gap shows at the next event, the end at the poll's end. Either way all is read again, once.
#[test]
fn events_that_a_node_leaves_out_are_missed() {
    let mut scene = Scene::new(Mode::Quadratic, 1);
    scene.vote(0, &[(0, 1), (1, 1)]);
    scene.vote(0, &[(2, 1)]);
    scene.poll.close().expect("closed");
    for left_out in [0, 1] {
        for times in [1, u32::MAX] {
            let _ = std::fs::remove_dir_all(scene.poll.proof());
            let directory = ProofDirectory::open(&scene.poll.proof()).expect("made");
            let context = scene.poll.context();
            let mut coordinator = Coordinator::open(context, &directory).expect("open");
            let node = Forgetful {
                chain: scene.poll.chain(),
                left_out,
                times: Cell::new(times),
            };
            let outcome = coordinator.work(&node);
            match times {
                1 => assert_eq!(outcome.expect("read again"), Reached::Complete),
                _ => {
                    let error = outcome.expect_err("always left out");
                    assert_eq!(error.kind(), ErrorKind::Later);
                    assert!(error.to_string().contains("another node"), "{error}");
                }
            }
        }
    }
}

#[test]
fn whoever_stops_loses_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let stopping = Stopping::default();
    let setting = Setting {
        options: OPTIONS as u32,
        mode: Mode::Quadratic,
        signed_within: SignedWithin::Blocks(75),
        credits: CREDITS,
        times: (HOUR, 24 * HOUR),
    };
    let stage = DemoChain::embedded();
    let mut poll = Scenario::begin(
        stage,
        setting,
        keys(),
        directory.path(),
        GasReport::default(),
        &stopping,
    )
    .expect("begun");
    poll.open().expect("open");
    let mut voter = poll.sign_up(1).expect("signed up");
    poll.join(&mut voter).expect("joined");
    poll.work().expect("worked");
    stopping.0.store(true, Ordering::Relaxed);
    let error = poll.work().expect_err("stopped");
    assert!(
        matches!(error, Failure::Coordinator(Error::Interrupted(_))),
        "{error}"
    );
    assert!(error.to_string().contains("1 of 2 steps"), "{error}");
}
