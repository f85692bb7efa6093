use maci_nova_chain::{ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::Bytes;
use maci_nova_contracts::alloy_sol_types::{SolCall, SolValue};
use maci_nova_contracts::bindings::{Poll, SampleToken, MACI};
use maci_nova_contracts::evm::{Evm, GENESIS_TIME, SENDER};
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::field::Fr;

use super::*;
use crate::kind::ErrorKind;
use crate::testing::{public_key, World, QUIET};

fn run(world: &mut World, terms: &Terms) -> Result<(PollContract, Option<Created>), Error> {
    let (path, now) = (world.path(), world.now());
    create_or_find(
        &mut world.evm,
        SENDER,
        &mut world.file,
        &path,
        terms,
        now,
        &QUIET,
    )
}

#[test]
fn a_poll_is_created_once() {
    let mut world = World::new();
    let (terms, now) = (world.terms(), world.now());
    let (poll, created) = run(&mut world, &terms).unwrap();
    let created = created.unwrap();
    assert_eq!(created.poll_id, poll.header().poll_id);
    assert_eq!(created.contract.first_block, world.evm.latest().number);
    assert_eq!(PollFile::read(&world.path()).unwrap(), world.file);
    assert_eq!(world.file.poll, Some(created.contract));
    // The contract for the credits took a block.
    let start = now + 12 + 60;
    assert_eq!(poll.times(), (start, start + 3600));
    let settings = &poll.info.settings;
    assert_eq!((settings.voteOptions, settings.mode), (5, 0));
    assert_eq!(
        (settings.provingBase, settings.provingPerMessage),
        (7200, 5)
    );
    assert_eq!(settings.topUpToken, Address::ZERO);
    assert_eq!(poll.info.owner, SENDER);

    // A node that names another coordinator's key for the poll is not believed.
    let mut other = world.file.clone();
    other.poll_info = Some([1; 32].into());
    let outcome = PollContract::open(&world.evm, &other, created.contract);
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("not what the poll file says"), "{error}");

    let newest = world.evm.latest();
    // As a process leaves it that is killed right after it wrote the poll file.
    let beside = world.path().with_extension("create.json");
    std::fs::write(&beside, "{}").unwrap();
    let (again, nothing) = run(&mut world, &terms).unwrap();
    assert_eq!((again.address, nothing), (poll.address, None));
    assert!(!beside.exists());
    assert_eq!(world.evm.latest(), newest);
    type Change = fn(&mut Terms);
    let changes: [(&str, Change); 3] = [
        ("coordinator key", |terms| {
            terms.coordinator_key = public_key(2)
        }),
        ("options", |terms| terms.options = 4),
        ("mode", |terms| terms.mode = Mode::Linear),
    ];
    for (name, change) in changes {
        let mut other = terms.clone();
        change(&mut other);
        let failure = run(&mut world, &other).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Request);
        assert!(
            failure.to_string().contains(&format!("values of: {name};")),
            "{failure}"
        );
    }
    assert_eq!(world.evm.latest(), newest);
}

/// Under another file, with nothing of the first but the contracts.
#[test]
fn another_poll_of_the_same_contracts() {
    let mut world = World::new();
    let terms = world.terms();
    let (first, _) = run(&mut world, &terms).unwrap();
    let old = world.path();
    let path = old.with_file_name("second.json");
    let create = |world: &mut World, terms: &Terms| {
        let now = world.now();
        let mut file = PollFile::read_or_begin(&path, &old).unwrap();
        let evm = &mut world.evm;
        create_or_find(evm, SENDER, &mut file, &path, terms, now, &QUIET)
    };
    let (second, created) = create(&mut world, &terms).unwrap();
    assert!(created.is_some());
    assert_ne!(second.address, first.address);
    assert_ne!(second.header().poll_id, first.header().poll_id);
    let file = PollFile::read(&path).unwrap();
    assert_eq!(file.poll.unwrap().address, second.address);
    assert!(file.same_deployment(&world.file));
    assert_eq!(PollFile::read(&old).unwrap(), world.file, "as it was");
    // Again: it is there.
    let (again, created) = create(&mut world, &terms).unwrap();
    assert_eq!((again.address, created), (second.address, None));
}

/// The poll file as it was before, and what an attempt leaves behind: as if the process had been
/// killed when the transaction was in its block.
#[test]
fn a_poll_that_nobody_wrote_down_is_found_again() {
    let mut world = World::new();
    let (terms, before) = (world.terms(), world.file.clone());
    let beside = world.path().with_extension("create.json");
    // Killed before it was sent: the attempt is there and the poll is not.
    let shape = shape(&world.evm, &world.file).unwrap();
    let settings = terms.settings(shape, world.now(), SENDER).unwrap();
    Attempt::of(&world.path())
        .begin(&world.evm, &world.file, SENDER, &settings)
        .unwrap();
    let (first, created) = run(&mut world, &terms).unwrap();
    assert!(created.is_some());
    assert!(!beside.exists());

    let attempt = Attempt::of(&world.path());
    world.file = before;
    world.file.replace(&world.path()).unwrap();
    // The generated types of the two contracts are the same words.
    let words = first.info.settings.abi_encode();
    let settings = MACI::PollSettings::abi_decode_validate(&words).unwrap();
    attempt
        .begin(&world.evm, &world.file, SENDER, &settings)
        .unwrap();
    let newest = world.evm.latest();
    let mut other = terms.clone();
    other.options = 4;
    assert_eq!(
        run(&mut world, &other).unwrap_err().kind(),
        ErrorKind::Request
    );
    let (again, created) = run(&mut world, &terms).unwrap();
    assert_eq!((again.address, created), (first.address, None));
    assert_eq!(world.evm.latest(), newest, "nothing was sent");
    assert_eq!(PollFile::read(&world.path()).unwrap(), world.file);
    assert!(!beside.exists());
}

/// The node loses the poll's transaction, or its answer: the contract for the credits is there.
#[test]
fn credits_are_deployed_once() {
    let mut world = World::new();
    let (terms, file) = (world.terms(), world.file.clone());
    let shape = shape(&world.evm, &world.file).unwrap();
    let attempt = Attempt::of(&world.path());
    let credits = |world: &mut World, credits| {
        super::credits(&mut world.evm, SENDER, &file, credits, &attempt, &QUIET).unwrap()
    };
    let first = credits(&mut world, terms.credits);
    let newest = world.evm.latest();
    assert_eq!(credits(&mut world, terms.credits), first);
    assert_eq!(world.evm.latest(), newest, "nothing was sent");
    // Other credits are another contract.
    assert_ne!(credits(&mut world, Credits::Constant(7)), first);
    // Two attempts at the poll, of which the first gets into a block late.
    let settings = [60, 90].map(|start| {
        let terms = Terms {
            start: Start::In(start),
            ..terms.clone()
        };
        terms.settings(shape, world.now(), first).unwrap()
    });
    for settings in &settings {
        attempt
            .begin(&world.evm, &world.file, SENDER, settings)
            .unwrap();
    }
    let [late, _] = settings;
    let created = create_poll(&mut world.evm, SENDER, &world.file, late).unwrap();
    let (poll, sent) = run(&mut world, &terms).unwrap();
    assert_eq!((poll.address, sent), (created.contract.address, None));
    assert!(!world.path().with_extension("create.json").exists());
}

/// Shows no logs.
struct Forgetful<'a>(&'a maci_nova_contracts::evm::Evm);

impl Chain for Forgetful<'_> {
    maci_nova_chain::forward!(0: chain_id accounts call block code input balance);

    fn send(
        &mut self,
        _from: Address,
        _to: Option<Address>,
        _calldata: maci_nova_contracts::alloy_primitives::Bytes,
        _value: U256,
    ) -> Result<maci_nova_chain::Receipt, maci_nova_chain::ChainError> {
        panic!("nothing is sent")
    }

    fn logs(
        &self,
        _address: Address,
        _from_block: u64,
        _to_block: u64,
        _topics: &[Vec<maci_nova_contracts::alloy_primitives::B256>],
    ) -> Result<Vec<maci_nova_chain::Log>, maci_nova_chain::ChainError> {
        Ok(Vec::new())
    }
}

/// A node that leaves out logs must not make another poll of one.
#[test]
fn a_poll_that_the_node_does_not_show_is_not_created_again() {
    let mut world = World::new();
    let (terms, mut file, path) = (world.terms(), world.file.clone(), world.path());
    let shape = shape(&world.evm, &world.file).unwrap();
    let settings = terms.settings(shape, world.now(), SENDER).unwrap();
    let attempt = Attempt::of(&path);
    attempt
        .begin(&world.evm, &world.file, SENDER, &settings)
        .unwrap();
    create_poll(
        &mut world.evm,
        SENDER,
        &world.file,
        MACI::PollSettings {
            credits: world.file.contracts.maci.address,
            ..settings
        },
    )
    .unwrap();
    let now = world.now();
    let mut node = Forgetful(&world.evm);
    let outcome = create_or_find(&mut node, SENDER, &mut file, &path, &terms, now, &QUIET);
    let failure = outcome.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Later, "{failure}");
    assert_eq!(failure.hint(), Some(&Hint::OtherNode));
    assert!(
        failure.to_string().contains("leaves out polls"),
        "{failure}"
    );
}

/// Of order 2.
fn low_order() -> PublicKey {
    let x = Fr::from(0);
    PublicKey::new(Point { x, y: -Fr::from(1) }).unwrap()
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of refused terms")]
fn what_the_contract_would_refuse_is_not_sent() {
    let mut world = World::new();
    let nobody = Address::repeat_byte(0x99);
    let top_ups = TopUps {
        token: world.token(),
        unit: U256::from(1),
        beneficiary: SENDER,
    };
    let newest = world.evm.latest();
    type Change = Box<dyn Fn(&mut Terms)>;
    let changes: Vec<(&str, Change)> = vec![
        ("1 to 5 options", Box::new(|terms| terms.options = 0)),
        ("1 to 5 options", Box::new(|terms| terms.options = 6)),
        (
            "low order",
            Box::new(|terms| terms.coordinator_key = low_order()),
        ),
        ("later start", Box::new(|terms| terms.start = Start::In(0))),
        (
            "later start",
            Box::new(|terms| terms.start = Start::At(GENESIS_TIME)),
        ),
        (
            "too far away",
            Box::new(|terms| terms.start = Start::In(u64::MAX)),
        ),
        (
            "not after its start",
            Box::new(|terms| terms.end = End::After(0)),
        ),
        (
            "not after its start",
            Box::new(|terms| terms.end = End::At(GENESIS_TIME)),
        ),
        (
            "too far away",
            Box::new(|terms| terms.end = End::After(u64::MAX)),
        ),
        (
            "between 1 hour",
            Box::new(|terms| terms.proving_base = 3599),
        ),
        (
            "between 1 hour",
            Box::new(|terms| terms.proving_base = 365 * 86_400 + 1),
        ),
        ("1 hour", Box::new(|terms| terms.proving_per_message = 3601)),
        ("1 hour", Box::new(|terms| terms.proving_per_message = 0)),
        ("most-proving-time", Box::new(|terms| terms.proving_max = 4)),
        (
            "most-proving-time",
            Box::new(|terms| terms.proving_max = 90 * 86_400 + 1),
        ),
        (
            "more than a year ahead",
            Box::new(|terms| terms.end = End::After(365 * 86_400)),
        ),
        (
            "full has no top-ups",
            Box::new(move |terms| {
                terms.mode = Mode::Full;
                terms.top_ups = Some(top_ups);
            }),
        ),
        (
            "1 hour",
            Box::new(|terms| terms.proving_per_message = u64::MAX),
        ),
        (
            "no contract at 0x9999",
            Box::new(move |terms| terms.credits = Credits::Contract(nobody)),
        ),
        (
            "no contract at 0x9999",
            Box::new(move |terms| {
                terms.credits = Credits::Votes(VotesCredits {
                    token: nobody,
                    snapshot: 1,
                    factor: U256::from(1),
                })
            }),
        ),
        (
            "votes-per-credit",
            Box::new(move |terms| {
                terms.credits = Credits::Votes(VotesCredits {
                    token: top_ups.token,
                    snapshot: 1,
                    factor: U256::ZERO,
                })
            }),
        ),
        (
            "no contract at 0x9999",
            Box::new(move |terms| {
                terms.top_ups = Some(TopUps {
                    token: nobody,
                    ..top_ups
                })
            }),
        ),
        (
            "credit-unit",
            Box::new(move |terms| {
                terms.top_ups = Some(TopUps {
                    unit: U256::ZERO,
                    ..top_ups
                })
            }),
        ),
        (
            "beneficiary",
            Box::new(move |terms| {
                terms.top_ups = Some(TopUps {
                    beneficiary: Address::ZERO,
                    ..top_ups
                })
            }),
        ),
    ];
    for (words, change) in changes {
        let mut terms = world.terms();
        change(&mut terms);
        let failure = run(&mut world, &terms).unwrap_err();
        assert!(failure.to_string().contains(words), "{words}: {failure}");
        assert_eq!(world.evm.latest(), newest, "{words}");
    }
    assert_eq!(world.file.poll, None);
}

#[test]
fn the_limits_themselves_are_allowed() {
    for (base, per_message, options, mode) in [
        (3600, 1, 1, Mode::Linear),
        (365 * 86_400, 3600, 5, Mode::Quadratic),
    ] {
        let mut world = World::new();
        let terms = Terms {
            proving_base: base,
            proving_per_message: per_message,
            options,
            mode,
            start: Start::At(world.now() + 1000),
            end: End::At(world.now() + 1001),
            ..world.terms()
        };
        let poll = world.create(&terms);
        assert_eq!(poll.header().vote_options, u64::from(options));
        assert_eq!(poll.header().mode, mode);
    }
}

#[test]
fn blocks_to_sign_within() {
    // Blocks of 12 seconds: 15 minutes are 75.
    let mut world = World::new();
    let terms = world.terms();
    assert_eq!(world.create(&terms).header().signed_within, 75);
    for (asked, blocks) in [
        (SignedWithin::Off, 0),
        (SignedWithin::Blocks(5), 5),
        (SignedWithin::Blocks(255), 255),
    ] {
        let mut world = World::new();
        let terms = Terms {
            signed_within: Some(asked),
            ..world.terms()
        };
        let poll = world.create(&terms);
        assert_eq!(poll.header().signed_within, blocks);
        assert_eq!(poll.header().has_anchors(), blocks != 0);
        assert_eq!(poll.info.settings.lastRoot, u32::MAX);
    }
}

#[test]
fn blocks_that_come_too_fast() {
    let mut world = World::new();
    let second = |world: &mut World| {
        let next = world.evm.latest().timestamp + 1;
        world.go_to(next);
    };
    (0..300).for_each(|_| second(&mut world));
    assert_eq!(proposed(clock::block_time(&world.evm).unwrap()), 255);
    // 255 blocks of a second are 17 in the end.
    let (path, now) = (world.path(), world.now());
    let terms = world.terms();
    let (evm, file) = (&mut world.evm, &mut world.file);
    let failure = create_or_find(evm, SENDER, file, &path, &terms, now, &QUIET).unwrap_err();
    assert!(failure.to_string().contains("17 s"), "{failure}");
    let terms = Terms {
        signed_within: Some(SignedWithin::Off),
        ..terms
    };
    assert_eq!(world.create(&terms).header().signed_within, 0);
}

#[test]
fn only_earlier_sign_ups() {
    let mut world = World::new();
    let terms = Terms {
        last_sign_up: Some(7),
        ..world.terms()
    };
    assert_eq!(world.create(&terms).info.settings.lastRoot, 7);
}

#[test]
fn credits_of_each_kind() {
    let mut world = World::new();
    let token = world.token();
    // 3 million of the smallest unit are no credit yet; one vote in ten billion of a token is.
    let to = world.account(0);
    let amount = U256::from(10_000_000_000_u64);
    world.send(0, token, &SampleToken::mintCall { to, amount }, 0);
    let snapshot = world.evm.latest().number;
    world.evm.mine(1);
    let votes = Credits::Votes(VotesCredits {
        token,
        snapshot,
        factor: U256::from(1_000_000_000),
    });
    let mut contract = Address::ZERO;
    for credits in [Credits::Constant(7), votes] {
        world.file.poll = None;
        world.file.poll_info = None;
        let terms = Terms {
            credits,
            ..world.terms()
        };
        let poll = world.create(&terms);
        contract = poll
            .ask(&world.evm, &Poll::pollInfoCall {})
            .unwrap()
            .settings
            .credits;
    }
    // Another poll may use the same contract: nothing but the poll is sent.
    world.file.poll = None;
    world.file.poll_info = None;
    let blocks = world.evm.latest().number;
    let terms = Terms {
        credits: Credits::Contract(contract),
        ..world.terms()
    };
    let poll = world.create(&terms);
    assert_eq!(poll.info.settings.credits, contract);
    assert_eq!(world.evm.latest().number, blocks + 1);
}

#[test]
fn a_registry_without_the_files_verifier() {
    let mut world = World::new();
    world.file.contracts.decider_verifier.address = SENDER;
    let terms = world.terms();
    let failure = run(&mut world, &terms).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Chain);
    assert!(
        failure.to_string().contains("does not have the verifier"),
        "{failure}"
    );
}

/// A node that has somebody else create the same poll, and shows that one.
#[test]
fn the_same_poll_of_somebody_else() {
    struct Accomplice(Evm);
    impl Chain for Accomplice {
        maci_nova_chain::forward!(0: chain_id accounts call logs block code input balance);

        fn send(
            &mut self,
            from: Address,
            to: Option<Address>,
            calldata: Bytes,
            value: U256,
        ) -> Result<Receipt, ChainError> {
            let sent = self.0.send(from, to, calldata.clone(), value)?;
            if !calldata.starts_with(&MACI::createPollCall::SELECTOR) {
                return Ok(sent);
            }
            let other = self.0.accounts()[1];
            self.0.send(other, to, calldata, value)
        }
    }
    let mut world = World::new();
    let (path, now, terms) = (world.path(), world.now(), world.terms());
    let mut node = Accomplice(world.evm.clone());
    let file = &mut world.file;
    let created = create_or_find(&mut node, SENDER, file, &path, &terms, now, &QUIET);
    let text = created.unwrap_err().to_string();
    assert!(text.contains("somebody else created it"), "{text}");
    assert!(world.file.poll.is_none());
}
