use std::fs;
use std::path::PathBuf;

use maci_nova_chain::{ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::{Bytes, B256, U256};
use maci_nova_contracts::evm::{Evm, SENDER};
use tempfile::TempDir;

use super::*;
use crate::kind::ErrorKind;
use crate::testing::{request, QUIET};

mod gatekeepers;

/// Steps of a deployment without a policy, whose target would be set.
const STEPS: usize = Step::ALL.len() - 1;

fn steps() -> Vec<Step> {
    request().gatekeeper.steps().collect()
}

/// A poll file in a directory of its own.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("poll.json");
    (directory, path)
}

fn run<C: Chain + ?Sized>(
    chain: &mut C,
    request: &Request,
    path: &Path,
) -> Result<Deployed, Error> {
    deploy(chain, SENDER, request, path, None, &QUIET)
}

fn names(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// A chain that ends after so many transactions; the last one may have got into a block.
struct Dying<'a> {
    evm: &'a mut Evm,
    left: usize,
    last_counts: bool,
}

impl Chain for Dying<'_> {
    maci_nova_chain::forward!(evm: chain_id accounts call input logs block code balance);

    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        if self.left > 0 {
            self.left -= 1;
            return self.evm.send(from, to, calldata, value);
        }
        if self.last_counts {
            self.evm.send(from, to, calldata, value)?;
        }
        Err(ChainError::Transport("killed".into()))
    }
}

/// Deploys until the chain ends.
fn interrupted(evm: &mut Evm, left: usize, last_counts: bool, path: &Path) {
    interrupted_with(evm, &request(), left, last_counts, path);
}

fn interrupted_with(evm: &mut Evm, request: &Request, left: usize, last_counts: bool, path: &Path) {
    let mut dying = Dying {
        evm,
        left,
        last_counts,
    };
    let failure = run(&mut dying, request, path).unwrap_err();
    assert!(failure.to_string().contains("killed"), "{failure}");
}

#[test]
fn everything_is_deployed_and_known_again() {
    let (directory, path) = place();
    let mut evm = Evm::new();
    let url: RpcUrl = "http://127.0.0.1:8545/?key=hunter2".parse().unwrap();
    let deployed = deploy(&mut evm, SENDER, &request(), &path, Some(&url), &QUIET).unwrap();
    assert_eq!(names(&directory), ["poll.json"]);
    assert_eq!(PollFile::read(&path).unwrap(), deployed.file);
    assert_eq!(deployed.file.keys, Some(request().digests));
    assert_eq!(deployed.file.rpc_url, None, "it may be a secret");
    assert_eq!(deployed.steps.len(), STEPS);
    assert!(deployed.steps.iter().all(|(_, _, gas)| *gas > 20_000));
    assert_eq!(shape(&evm, &deployed.file).unwrap(), request().shape);
    // A contract is there from its first block on: each step was a block.
    let contracts = deployed.file.contracts;
    let blocks = [
        (contracts.registry, Step::VkRegistry),
        (contracts.decider_verifier, Step::DeciderVerifier),
        (contracts.join_verifier, Step::JoinVerifier),
        (contracts.bundle_verifier, Step::BundleVerifier),
        (contracts.maci, Step::Maci),
    ];
    for (contract, step) in blocks {
        let position = steps().iter().position(|other| *other == step).unwrap();
        assert_eq!(contract.first_block, 1 + position as u64, "{step:?}");
    }
    // The other names of the command find it done.
    let newest = evm.latest();
    for _ in 0..2 {
        let again = run(&mut evm, &request(), &path).unwrap();
        assert_eq!(again.file, deployed.file);
        assert_eq!(again.steps, []);
        assert_eq!(evm.latest(), newest);
    }
}

#[test]
fn a_deployment_goes_on_wherever_it_was_killed() {
    for last_counts in [false, true] {
        for left in 0..STEPS {
            let (directory, path) = place();
            let mut evm = Evm::new();
            interrupted(&mut evm, left, last_counts, &path);
            assert_eq!(names(&directory), ["poll.deploy.jsonl"]);
            let sent = evm.latest().number;
            let deployed = run(&mut evm, &request(), &path).unwrap();
            assert_eq!(names(&directory), ["poll.json"]);
            assert_eq!(shape(&evm, &deployed.file).unwrap(), request().shape);
            // What is in the journal is not sent again, nor is a call that nobody noted.
            let step = steps()[left];
            let call = [Step::SetVerifier, Step::SetMaci].contains(&step);
            let rest = STEPS - left - usize::from(call && last_counts);
            assert_eq!(evm.latest().number, sent + rest as u64, "{step:?}");
            assert!(deployed.file.contracts.registry.first_block > 0);
        }
    }
}

#[test]
fn a_torn_line_is_cut_off() {
    let (_directory, path) = place();
    let journal = FileJournal::path(&path);
    let mut evm = Evm::new();
    interrupted(&mut evm, 3, false, &path);
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    let last = lines[3];
    for length in [0, 1, last.len()] {
        let mut evm = evm.clone();
        let torn = format!("{}\n{}", lines[..3].join("\n"), &last[..length]);
        fs::write(&journal, torn).unwrap();
        let sent = evm.latest().number;
        run(&mut evm, &request(), &path).unwrap();
        assert_eq!(evm.latest().number - sent, STEPS as u64 - 2);
        fs::remove_file(&path).unwrap();
    }
    // Of the first line as well.
    fs::write(&journal, &lines[0][..30]).unwrap();
    run(&mut evm, &request(), &path).unwrap();
}

#[test]
fn what_is_no_journal_stays() {
    let (_directory, path) = place();
    let journal = FileJournal::path(&path);
    let mut evm = Evm::new();
    interrupted(&mut evm, 2, false, &path);
    let text = fs::read_to_string(&journal).unwrap();
    for damaged in [
        "precious".to_owned(),
        "precious\n".to_owned(),
        text.replacen("PoseidonT3", "PoseidonT9", 1),
        text.replacen("gasUsed", "gas", 1),
        text.replacen("chainId", "chain", 1),
        format!("{text}{{}}\n"),
    ] {
        fs::write(&journal, &damaged).unwrap();
        let failure = run(&mut evm, &request(), &path).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Request, "{failure}");
        assert!(failure.to_string().contains("not a journal"), "{failure}");
        assert_eq!(fs::read_to_string(&journal).unwrap(), damaged);
    }
}

#[test]
fn another_deployment_does_not_go_on_with_the_journal() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    interrupted(&mut evm, 3, false, &path);
    type Change = fn(&mut Request);
    let changes: [(&str, Change); 5] = [
        ("shape", |request| request.shape.state_tree_depth = 3),
        ("keys", |request| {
            request.digests.join = B256::repeat_byte(9)
        }),
        ("origin of the keys", |request| {
            request.development_keys = false
        }),
        ("production", |request| request.production = true),
        ("gatekeeper", |request| {
            request.gatekeeper = Gatekeeper::SignUpToken(SENDER);
        }),
    ];
    for (name, change) in changes {
        let mut other = request();
        change(&mut other);
        let mut evm = evm.clone();
        if let Gatekeeper::SignUpToken(token) = &mut other.gatekeeper {
            let code = deploy::sign_up_token(SENDER).unwrap();
            let deployment = maci_nova_chain::deploy(&mut evm, SENDER, code);
            *token = deployment.unwrap().contract;
        }
        let failure = run(&mut evm, &other, &path).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Request, "{failure}");
        let words = format!("values of: {name}");
        assert!(failure.to_string().ends_with(&words), "{failure}");
    }
    let other = evm.accounts()[1];
    let failure = deploy(&mut evm, other, &request(), &path, None, &QUIET).unwrap_err();
    assert!(
        failure.to_string().ends_with("values of: account"),
        "{failure}"
    );
    let failure = run(&mut Evm::with_chain_id(5), &request(), &path).unwrap_err();
    assert!(
        failure.to_string().ends_with("values of: chain"),
        "{failure}"
    );
}

#[test]
fn a_journal_without_steps_binds_nobody() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    interrupted(&mut evm, 0, false, &path);
    let other = evm.accounts()[1];
    deploy(&mut evm, other, &request(), &path, None, &QUIET).unwrap();
}

#[test]
fn a_chain_that_was_reset() {
    let (_directory, path) = place();
    interrupted(&mut Evm::new(), 3, false, &path);
    let failure = run(&mut Evm::new(), &request(), &path).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Chain, "{failure}");
    assert!(failure.to_string().contains("remove the file"), "{failure}");
    fs::remove_file(FileJournal::path(&path)).unwrap();
    run(&mut Evm::new(), &request(), &path).unwrap();
    let failure = run(&mut Evm::new(), &request(), &path).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Chain, "{failure}");
    assert!(failure.to_string().contains("remove the file"), "{failure}");
}

#[test]
fn a_call_that_a_reorganisation_has_undone() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    let calls = steps().iter().position(|step| *step == Step::SetVerifier);
    interrupted(&mut evm, calls.unwrap(), false, &path);
    let mut lost = evm.clone();
    interrupted(&mut lost, 1, false, &path);
    // It is sent again, before anything else is paid.
    let deployed = run(&mut evm, &request(), &path).unwrap();
    assert!(deployed
        .steps
        .iter()
        .any(|(name, ..)| *name == "setVerifier"));
    assert!(shape(&evm, &deployed.file).is_ok());
}

#[test]
fn another_deployment_in_the_poll_file() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    run(&mut evm, &request(), &path).unwrap();
    let code = deploy::sign_up_token(SENDER).unwrap();
    let token = maci_nova_chain::deploy(&mut evm, SENDER, code);
    let token = token.unwrap().contract;
    let cases = [
        (
            "other keys",
            Request {
                digests: KeyDigests {
                    decider: B256::repeat_byte(9),
                    ..request().digests
                },
                ..request()
            },
        ),
        (
            "another shape",
            Request {
                shape: Shape {
                    state_tree_depth: 3,
                    ..request().shape
                },
                ..request()
            },
        ),
        (
            "production",
            Request {
                production: true,
                ..request()
            },
        ),
        (
            "gatekeeper",
            Request {
                gatekeeper: Gatekeeper::SignUpToken(token),
                ..request()
            },
        ),
    ];
    for (words, other) in cases {
        let failure = run(&mut evm, &other, &path).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Request, "{failure}");
        assert!(failure.to_string().contains(words), "{failure}");
    }
    let failure = run(&mut Evm::with_chain_id(5), &request(), &path).unwrap_err();
    assert!(
        failure.to_string().contains("on chain 31337, not 5"),
        "{failure}"
    );
    // With a token, it is known again as well.
    let (_directory, path) = place();
    let with_token = Request {
        gatekeeper: Gatekeeper::SignUpToken(token),
        ..request()
    };
    run(&mut evm, &with_token, &path).unwrap();
    assert_eq!(run(&mut evm, &with_token, &path).unwrap().steps, []);
    assert!(run(&mut evm, &request(), &path).is_err());
}

#[test]
fn a_journal_that_was_not_removed_goes() {
    let (directory, path) = place();
    let journal = FileJournal::path(&path);
    let mut evm = Evm::new();
    interrupted(&mut evm, STEPS - 1, false, &path);
    let text = fs::read(&journal).unwrap();
    run(&mut evm, &request(), &path).unwrap();
    fs::write(&journal, text).unwrap();
    run(&mut evm, &request(), &path).unwrap();
    assert_eq!(names(&directory), ["poll.json"]);
}

#[test]
fn one_process_at_a_time() {
    let (_directory, path) = place();
    let journal = FileJournal::path(&path);
    let header = header(&request(), 31_337, SENDER);
    let first = FileJournal::open(journal, &header, &QUIET).unwrap();
    let failure = run(&mut Evm::new(), &request(), &path).unwrap_err();
    assert!(failure.to_string().contains("another process"), "{failure}");
    drop(first);
    run(&mut Evm::new(), &request(), &path).unwrap();
}

#[test]
fn a_refusal_is_in_words() {
    let (_directory, path) = place();
    let production = Request {
        production: true,
        ..request()
    };
    let failure = run(&mut Evm::new(), &production, &path).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Chain);
    let text = failure.to_string();
    assert!(
        text.contains("setVerifier") && text.contains("DevelopmentVerifier"),
        "{text}"
    );
    let no_token = Request {
        gatekeeper: Gatekeeper::SignUpToken(Address::repeat_byte(9)),
        ..request()
    };
    let (directory, path) = place();
    let failure = run(&mut Evm::new(), &no_token, &path).unwrap_err();
    assert!(failure.to_string().contains("no contract"), "{failure}");
    assert!(names(&directory).is_empty());
}

/// A node that names another contract than the one that a transaction made.
struct Swapper {
    evm: Evm,
    creations: usize,
    nth: usize,
    other: Address,
}

impl Chain for Swapper {
    maci_nova_chain::forward!(evm: chain_id accounts call input logs block code balance);

    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        let mut receipt = self.evm.send(from, to, calldata, value)?;
        if to.is_none() {
            self.creations += 1;
            if self.creations == self.nth {
                receipt.contract = Some(self.other);
            }
        }
        Ok(receipt)
    }
}

/// One lie while contracts are deployed would let whoever tells it join at will, or prove anything.
/// Whatever it is about, no poll file is written.
#[test]
fn a_node_does_not_choose_the_contracts() {
    // It answers 0 to every call: not for development, every proof is right.
    let yes: Bytes = "0x6460206000f36000526005601bf3".parse().unwrap();
    let creations = steps().iter().filter(|step| step.is_creation()).count();
    assert_eq!(creations, 12);
    for nth in 1..=creations {
        let mut evm = Evm::new();
        let other = maci_nova_chain::deploy(&mut evm, SENDER, yes.clone());
        let other = other.unwrap().contract;
        assert_eq!(evm.code(other).unwrap().len(), 5);
        let mut node = Swapper {
            evm,
            creations: 0,
            nth,
            other,
        };
        let (_directory, path) = place();
        let failure = run(&mut node, &request(), &path).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Chain, "{nth}: {failure}");
        assert!(!path.exists(), "{nth}");
    }
}

/// A gatekeeper that says that it asks a token, and lets in whom it wants.
#[test]
fn a_gatekeeper_is_not_believed() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    let code = deploy::sign_up_token(SENDER).unwrap();
    let token = maci_nova_chain::deploy(&mut evm, SENDER, code).unwrap();
    let with_token = Request {
        gatekeeper: Gatekeeper::SignUpToken(token.contract),
        ..request()
    };
    let deployed = run(&mut evm, &with_token, &path).unwrap();
    let maci = deployed.file.contracts.maci.address;
    let gatekeeper = view(&evm, maci, &MACI::GATEKEEPERCall {}, "read MACI").unwrap();
    let mut code = evm.code(gatekeeper).unwrap().to_vec();
    assert_eq!(run(&mut evm, &with_token, &path).unwrap().steps, []);
    // A byte of what is appended to code for people who read it.
    *code.last_mut().unwrap() ^= 1;
    evm.set_code(gatekeeper, code.into());
    let failure = run(&mut evm, &with_token, &path).unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("is not that of a compiled one"), "{text}");
}

/// A chain of before Cancun, and an account without money: both before anything is sent.
#[test]
fn what_a_deployment_needs_is_asked_first() {
    struct Old {
        evm: Evm,
        price: u64,
    }
    impl Chain for Old {
        maci_nova_chain::forward!(evm: chain_id accounts call logs block code input balance);

        fn send(
            &mut self,
            from: Address,
            _: Option<Address>,
            _: Bytes,
            _: U256,
        ) -> Result<Receipt, ChainError> {
            panic!("{from} pays")
        }

        fn try_create(&self, code: Bytes) -> Result<Option<Bytes>, ChainError> {
            // TSTORE
            match self.price == 0 && code.contains(&0x5d) {
                true => Err(ChainError::Halted("invalid opcode".into())),
                false => self.evm.try_create(code),
            }
        }

        fn gas_price(&self) -> Result<Option<U256>, ChainError> {
            Ok(Some(U256::from(self.price)))
        }
    }
    for (price, text) in [(0, "lacks transient storage"), (u64::MAX, "costs about")] {
        let (directory, path) = place();
        let evm = Evm::new();
        let failure = run(&mut Old { evm, price }, &request(), &path).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Chain, "{failure}");
        assert!(failure.to_string().contains(text), "{failure}");
        assert!(names(&directory).is_empty());
    }
}

/// A gatekeeper of this program, and not the one that was asked for.
#[test]
fn a_node_does_not_choose_who_signs_up() {
    let mut evm = Evm::new();
    let code = deploy::sign_up_token(SENDER).unwrap();
    let token = maci_nova_chain::deploy(&mut evm, SENDER, code).unwrap();
    let code = deploy::sign_up_token_gatekeeper(SENDER, token.contract).unwrap();
    let other = maci_nova_chain::deploy(&mut evm, SENDER, code).unwrap();
    let mut node = Swapper {
        evm,
        creations: 0,
        nth: 1,
        other: other.contract,
    };
    let (_directory, path) = place();
    let failure = run(&mut node, &request(), &path).unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("has another gatekeeper"), "{text}");
    assert!(!path.exists());
}
