//! Who may sign up: policies of Excubiae, made by their own factories, and gatekeepers that are
//! there.

use maci_nova_chain::{deploy as deploy_code, send, view};
use maci_nova_contracts::alloy_sol_types::{sol, SolCall, SolValue};
use maci_nova_contracts::artifact::Artifact;
use maci_nova_contracts::bindings::ExcubiaePolicy;
use maci_nova_contracts::deploy::GatekeeperError;

use super::*;
use crate::testing::policies::{self, test_artifact};
use crate::testing::public_key;
use crate::voter::sign_up;

sol! {
    #![sol(alloy_sol_types = maci_nova_contracts::alloy_sol_types)]

    interface SharedFactory {
        event Deployed(address made);
        function deploy(bytes32 salt, bytes memory code) external;
    }
    function renounceOwnership() external;
}

/// Accounts by what they do.
const OWNER: usize = 0;
const ALICE: usize = 1;
const BOB: usize = 2;
const MALLORY: usize = 3;

/// Deploys code as this account.
fn put(evm: &mut Evm, from: usize, code: Bytes) -> Address {
    let from = evm.accounts()[from];
    deploy_code(evm, from, code).unwrap().contract
}

fn put_test(evm: &mut Evm, from: usize, artifact: Artifact) -> Address {
    let from = evm.accounts()[from];
    policies::put(evm, from, artifact)
}

fn tell(evm: &mut Evm, from: usize, to: Address, call: &impl SolCall) -> Receipt {
    let from = evm.accounts()[from];
    send(evm, from, to, call, U256::ZERO).unwrap()
}

/// A policy of `owner`'s that lets Alice and Bob in.
fn policy(evm: &mut Evm, owner: usize) -> Address {
    let [owner, alice, bob] = [owner, ALICE, BOB].map(|account| evm.accounts()[account]);
    policies::policy(evm, owner, [alice, bob])
}

/// Alice's proof that she is in the tree.
fn evidence(evm: &Evm) -> Bytes {
    policies::evidence(evm.accounts()[BOB])
}

fn set_target(evm: &mut Evm, from: usize, policy: Address, guarded: Address) {
    tell(
        evm,
        from,
        policy,
        &ExcubiaePolicy::setTargetCall { guarded },
    );
}

fn set_maci(evm: &mut Evm, from: usize, gatekeeper: Address, maci: Address) {
    let call = FreeForAllGatekeeper::setMaciCall { newMaci: maci };
    tell(evm, from, gatekeeper, &call);
}

/// A gatekeeper that lets everybody in, of this account.
fn gatekeeper_of(evm: &mut Evm, owner: usize) -> Address {
    let owner = evm.accounts()[owner];
    let code = deploy::free_for_all_gatekeeper(owner).unwrap();
    put(evm, OWNER, code)
}

fn adapter_to(evm: &mut Evm, policy: Address) -> Address {
    put(
        evm,
        OWNER,
        deploy::excubiae_gatekeeper(SENDER, policy).unwrap(),
    )
}

fn with(gatekeeper: Gatekeeper) -> Request {
    Request {
        gatekeeper,
        ..request()
    }
}

/// What the deployment is refused with.
#[track_caller]
fn refused(evm: &mut Evm, gatekeeper: Gatekeeper, path: &Path) -> GatekeeperError {
    match run(evm, &with(gatekeeper), path) {
        Err(Error::Gatekeeper(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The gatekeeper of the deployment, which has to let people in.
#[track_caller]
fn works(evm: &Evm, file: &PollFile) -> Address {
    let maci = file.contracts.maci.address;
    let gatekeeper = view(evm, maci, &MACI::GATEKEEPERCall {}).unwrap();
    let served = view(evm, gatekeeper, &FreeForAllGatekeeper::maciCall {}).unwrap();
    assert_eq!(served, maci);
    gatekeeper
}

/// Everything is there: nothing is sent, and another gatekeeper is not taken for it.
#[track_caller]
fn known_again(evm: &mut Evm, gatekeeper: Gatekeeper, others: &[Gatekeeper], path: &Path) {
    let newest = evm.latest();
    assert_eq!(run(evm, &with(gatekeeper), path).unwrap().steps, []);
    for other in others {
        let failure = run(evm, &with(*other), path).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Request, "{other}: {failure}");
        assert!(
            failure.to_string().contains("with another gatekeeper"),
            "{other}: {failure}"
        );
    }
    assert_eq!(evm.latest(), newest);
}

#[test]
fn a_policy_of_the_sender() {
    let (directory, path) = place();
    let mut evm = Evm::new();
    let (mine, other) = (policy(&mut evm, OWNER), policy(&mut evm, OWNER));
    let gatekeeper = Gatekeeper::Excubiae { policy: mine };
    let deployed = run(&mut evm, &with(gatekeeper), &path).unwrap();
    assert_eq!(names(&directory), ["poll.json"]);
    let steps: Vec<&str> = deployed.steps.iter().map(|(name, _, _)| *name).collect();
    let expected: Vec<&str> = Step::ALL.into_iter().map(Step::name).collect();
    assert_eq!(steps, expected);
    assert!(deployed.steps.iter().all(|(_, _, gas)| *gas > 20_000));
    let adapter = works(&evm, &deployed.file);
    let guarded = view(&evm, mine, &ExcubiaePolicy::guardedCall {}).unwrap();
    assert_eq!(guarded, adapter);
    let others = [
        Gatekeeper::FreeForAll,
        Gatekeeper::SignUpToken(mine),
        Gatekeeper::Excubiae { policy: other },
        Gatekeeper::Existing(mine),
    ];
    known_again(&mut evm, gatekeeper, &others, &path);
    // It is that contract, whoever deployed it.
    known_again(&mut evm, Gatekeeper::Existing(adapter), &[], &path);

    // Alice is let in, once; nobody else is with her evidence.
    let (maci, evidence) = (deployed.file.contracts.maci, evidence(&evm));
    let mut sign_up = |from: usize, seed: u64, evidence: &Bytes| {
        let from = evm.accounts()[from];
        sign_up(&mut evm, from, maci, &public_key(seed), evidence.clone())
    };
    for (from, evidence) in [
        (MALLORY, &evidence),
        (BOB, &evidence),
        (ALICE, &vec![B256::ZERO].abi_encode().into()),
    ] {
        let failure = sign_up(from, 1, evidence).unwrap_err().to_string();
        assert!(failure.contains("refuses with InvalidProof"), "{failure}");
    }
    assert_eq!(sign_up(ALICE, 1, &evidence).unwrap().root.index, 0);
    let failure = sign_up(ALICE, 2, &evidence).unwrap_err().to_string();
    assert!(
        failure.contains("refuses with AlreadyEnforced"),
        "{failure}"
    );
}

/// Its owner is asked before the rest is paid, and once it has agreed the same command goes on.
#[test]
fn a_policy_of_somebody_else() {
    let (directory, path) = place();
    let mut evm = Evm::new();
    let (alice, policy) = (evm.accounts()[ALICE], policy(&mut evm, ALICE));
    let gatekeeper = Gatekeeper::Excubiae { policy };
    let newest = evm.latest().number;
    let error = refused(&mut evm, gatekeeper, &path);
    let GatekeeperError::TargetMissing { adapter, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(
        error.to_string(),
        format!("the adapter is at {adapter}; let the owner {alice} of policy {policy} call setTarget({adapter}), then deploy again")
    );
    assert_eq!(evm.latest().number, newest + 1, "the adapter alone");
    assert_eq!(names(&directory), ["poll.deploy.jsonl"]);
    assert_eq!(refused(&mut evm, gatekeeper, &path), error);
    assert_eq!(evm.latest().number, newest + 1);
    // Another deployment does not take the adapter.
    for other in [Gatekeeper::FreeForAll, Gatekeeper::SignUpToken(policy)] {
        let failure = run(&mut evm, &with(other), &path).unwrap_err().to_string();
        assert!(failure.ends_with("values of: gatekeeper"), "{failure}");
    }

    let mut lost = evm.clone();
    set_target(&mut lost, ALICE, policy, alice);
    assert_eq!(
        refused(&mut lost, gatekeeper, &path),
        GatekeeperError::PolicyTaken {
            policy,
            guarded: alice
        }
    );

    set_target(&mut evm, ALICE, policy, adapter);
    let deployed = run(&mut evm, &with(gatekeeper), &path).unwrap();
    assert_eq!(works(&evm, &deployed.file), adapter);
    let step = deployed.steps.iter().find(|step| step.0 == "setTarget");
    assert_eq!(step, Some(&("setTarget", policy, 0)), "seen, not sent");
    assert_eq!(names(&directory), ["poll.json"]);
}

/// One that does not say who its owner is.
#[test]
fn a_policy_without_an_owner_and_a_target_that_changes() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    let policy = put_test(
        &mut evm,
        OWNER,
        test_artifact!("Ecosystem", "HostilePolicy"),
    );
    let gatekeeper = Gatekeeper::Excubiae { policy };
    let error = refused(&mut evm, gatekeeper, &path);
    let GatekeeperError::TargetMissing {
        adapter,
        owner: None,
        ..
    } = error
    else {
        panic!("{error}");
    };
    set_target(&mut evm, MALLORY, policy, adapter);
    let deployed = run(&mut evm, &with(gatekeeper), &path).unwrap();
    known_again(&mut evm, gatekeeper, &[], &path);
    works(&evm, &deployed.file);
    // Nobody can sign up any more, so it is not done.
    for target in [SENDER, Address::ZERO] {
        set_target(&mut evm, MALLORY, policy, target);
        let failure = run(&mut evm, &with(gatekeeper), &path).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Chain, "{failure}");
        assert!(failure.to_string().contains("policy guards"), "{failure}");
    }
}

#[test]
fn a_gatekeeper_of_the_sender() {
    let (directory, path) = place();
    let mut evm = Evm::new();
    let code = test_artifact!("Hostile", "HostileGatekeeper");
    let (mine, other) = (put_test(&mut evm, OWNER, code), gatekeeper_of(&mut evm, 0));
    let gatekeeper = Gatekeeper::Existing(mine);
    let newest = evm.latest().number;
    let deployed = run(&mut evm, &with(gatekeeper), &path).unwrap();
    assert_eq!(evm.latest().number, newest + STEPS as u64 - 1);
    assert_eq!(names(&directory), ["poll.json"]);
    assert_eq!(works(&evm, &deployed.file), mine);
    // It has neither a token nor a policy, and does not let everybody in for that.
    let others = [
        Gatekeeper::FreeForAll,
        Gatekeeper::SignUpToken(other),
        Gatekeeper::Excubiae { policy: other },
        Gatekeeper::Existing(other),
    ];
    known_again(&mut evm, gatekeeper, &others, &path);
}

/// The owner is an argument, not who makes the contract.
#[test]
fn a_gatekeeper_out_of_a_factory() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    let factory = test_artifact!("Ecosystem", "SharedFactory");
    let factory = put_test(&mut evm, MALLORY, factory);
    let call = SharedFactory::deployCall {
        salt: B256::repeat_byte(1),
        code: deploy::free_for_all_gatekeeper(SENDER).unwrap(),
    };
    let receipt = tell(&mut evm, MALLORY, factory, &call);
    let made: SharedFactory::Deployed = receipt.event(factory).unwrap();
    let deployed = run(&mut evm, &with(Gatekeeper::Existing(made.made)), &path).unwrap();
    assert_eq!(works(&evm, &deployed.file), made.made);
    known_again(&mut evm, Gatekeeper::FreeForAll, &[], &path);
    let maci = deployed.file.contracts.maci;
    sign_up(&mut evm, SENDER, maci, &public_key(1), Bytes::new()).unwrap();
}

#[test]
fn a_gatekeeper_of_somebody_else() {
    let (directory, path) = place();
    let mut evm = Evm::new();
    let (alice, theirs) = (evm.accounts()[ALICE], gatekeeper_of(&mut evm, ALICE));
    let gatekeeper = Gatekeeper::Existing(theirs);
    let error = refused(&mut evm, gatekeeper, &path);
    let GatekeeperError::MaciMissing { maci, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(
        error.to_string(),
        format!("MACI is at {maci}; let the owner {alice} of gatekeeper {theirs} call setMaci({maci}), then deploy again")
    );
    assert_eq!(names(&directory), ["poll.deploy.jsonl"]);
    let newest = evm.latest();
    assert_eq!(refused(&mut evm, gatekeeper, &path), error);

    let mut lost = evm.clone();
    set_maci(&mut lost, ALICE, theirs, alice);
    assert_eq!(
        refused(&mut lost, gatekeeper, &path),
        GatekeeperError::GatekeeperTaken {
            gatekeeper: theirs,
            maci: alice
        }
    );

    assert_eq!(evm.latest(), newest);
    set_maci(&mut evm, ALICE, theirs, maci);
    let newest = evm.latest();
    let deployed = run(&mut evm, &with(gatekeeper), &path).unwrap();
    assert_eq!(evm.latest(), newest, "nothing was left to send");
    assert_eq!(deployed.file.contracts.maci.address, maci);
    assert_eq!(works(&evm, &deployed.file), theirs);
}

/// With an adapter of one's own, in either order of its two ties.
#[test]
fn an_adapter_that_is_there() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    let policy = policy(&mut evm, OWNER);
    let adapter = adapter_to(&mut evm, policy);
    let gatekeeper = Gatekeeper::Existing(adapter);
    let newest = evm.latest();
    let missing = GatekeeperError::TargetMissing {
        policy,
        adapter,
        owner: Some(SENDER),
    };
    assert_eq!(refused(&mut evm, gatekeeper, &path), missing);
    assert_eq!(evm.latest(), newest, "its setMaci would refuse in the end");
    set_target(&mut evm, OWNER, policy, adapter);
    let deployed = run(&mut evm, &with(gatekeeper), &path).unwrap();
    assert_eq!(works(&evm, &deployed.file), adapter);
    known_again(&mut evm, Gatekeeper::Excubiae { policy }, &[], &path);
}

/// Everything that can be known is known before the first transaction.
#[test]
fn what_cannot_work_costs_nothing() {
    let mut evm = Evm::new();
    let nobody = Address::repeat_byte(9);
    let token = put(&mut evm, OWNER, deploy::sign_up_token(SENDER).unwrap());
    let [taken, abandoned] = [OWNER, OWNER].map(|owner| policy(&mut evm, owner));
    let late = adapter_to(&mut evm, taken);
    set_target(&mut evm, OWNER, taken, token);
    tell(&mut evm, OWNER, abandoned, &renounceOwnershipCall {});
    let never = adapter_to(&mut evm, abandoned);
    let busy = gatekeeper_of(&mut evm, OWNER);
    set_maci(&mut evm, OWNER, busy, token);
    let none = |what| GatekeeperError::NoContract {
        address: nobody,
        what,
    };
    let other = |what, call| GatekeeperError::OtherContract {
        address: token,
        what,
        call,
    };
    let guards_another = GatekeeperError::PolicyTaken {
        policy: taken,
        guarded: token,
    };
    let serves_another = GatekeeperError::GatekeeperTaken {
        gatekeeper: busy,
        maci: token,
    };
    let excubiae = |policy| Gatekeeper::Excubiae { policy };
    let newest = evm.latest();
    for (gatekeeper, expected) in [
        (
            Gatekeeper::SignUpToken(nobody),
            none("the token that lets people sign up"),
        ),
        (excubiae(nobody), none("a policy of Excubiae")),
        (Gatekeeper::Existing(nobody), none("a gatekeeper")),
        (excubiae(token), other("a policy of Excubiae", "guarded()")),
        (Gatekeeper::Existing(token), other("a gatekeeper", "maci()")),
        (excubiae(taken), guards_another.clone()),
        (Gatekeeper::Existing(late), guards_another),
        (
            excubiae(abandoned),
            GatekeeperError::PolicyAbandoned(abandoned),
        ),
        (
            Gatekeeper::Existing(never),
            GatekeeperError::PolicyAbandoned(abandoned),
        ),
        (Gatekeeper::Existing(busy), serves_another),
    ] {
        let (directory, path) = place();
        assert_eq!(refused(&mut evm, gatekeeper, &path), expected);
        assert_eq!(evm.latest(), newest, "{gatekeeper}: something was sent");
        assert!(names(&directory).is_empty(), "{gatekeeper}");
    }
}

#[test]
fn each_gatekeeper_goes_on_wherever_it_was_killed() {
    let mut evm = Evm::new();
    let token = put(&mut evm, OWNER, deploy::sign_up_token(SENDER).unwrap());
    let policy = policy(&mut evm, OWNER);
    let existing = gatekeeper_of(&mut evm, OWNER);
    for gatekeeper in [
        Gatekeeper::SignUpToken(token),
        Gatekeeper::Excubiae { policy },
        Gatekeeper::Existing(existing),
    ] {
        let steps: Vec<Step> = gatekeeper.steps().collect();
        for last_counts in [false, true] {
            for (left, step) in steps.iter().enumerate() {
                let (directory, path) = place();
                let mut evm = evm.clone();
                interrupted_with(&mut evm, &with(gatekeeper), left, last_counts, &path);
                assert_eq!(names(&directory), ["poll.deploy.jsonl"]);
                let sent = evm.latest().number;
                let deployed = run(&mut evm, &with(gatekeeper), &path).unwrap();
                works(&evm, &deployed.file);
                let call = [Step::SetVerifier, Step::SetTarget, Step::SetMaci].contains(step);
                let rest = steps.len() - left - usize::from(call && last_counts);
                let name = format!("{gatekeeper}, {step:?}");
                assert_eq!(evm.latest().number, sent + rest as u64, "{name}");
                known_again(&mut evm, gatekeeper, &[], &path);
            }
        }
    }
}

/// The poll file alone does not make it done: a reorganisation may have taken the last call.
#[test]
fn a_maci_that_its_gatekeeper_does_not_serve() {
    let (_directory, path) = place();
    let mut evm = Evm::new();
    interrupted(&mut evm, STEPS - 1, false, &path);
    run(&mut evm.clone(), &request(), &path).unwrap();
    let newest = evm.latest();
    let failure = run(&mut evm, &request(), &path).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Chain, "{failure}");
    assert!(failure.to_string().contains("sign up there"), "{failure}");
    assert_eq!(evm.latest(), newest);
}

/// What was begun with other code is not finished with this one: the parts may not fit each other.
#[test]
fn a_journal_of_other_code() {
    let (_directory, path) = place();
    let journal = FileJournal::path(&path);
    let mut evm = Evm::new();
    interrupted(&mut evm, 3, false, &path);
    let text = fs::read_to_string(&journal).unwrap();
    let digest = format!(",\"code\":\"{}\"", deploy::code_digest());
    let other = format!(",\"code\":\"{}\"", B256::repeat_byte(1));
    assert!(text.contains(&digest), "{text}");
    let newest = evm.latest();
    // A journal of an older program does not say.
    for changed in [text.replace(&digest, ""), text.replace(&digest, &other)] {
        fs::write(&journal, changed).unwrap();
        let failure = run(&mut evm, &request(), &path).unwrap_err();
        assert!(failure.to_string().contains("contracts' code"), "{failure}");
        assert_eq!(evm.latest(), newest);
    }
    // In whichever order the steps were done.
    let mut lines: Vec<&str> = text.lines().collect();
    assert!(lines.remove(1).contains("Gatekeeper"));
    fs::write(&journal, lines.join("\n") + "\n").unwrap();
    let deployed = run(&mut evm, &request(), &path).unwrap();
    works(&evm, &deployed.file);
}
