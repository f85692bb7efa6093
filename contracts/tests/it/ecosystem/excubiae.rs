//! Sign-ups that policies of Excubiae decide: their own contracts, made by their own factories.

use maci_nova_chain::{ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::{keccak256, Address, Bytes, B256, U256};
use maci_nova_contracts::alloy_sol_types::{sol, SolCall, SolValue};
use maci_nova_contracts::artifact::Artifact;
use maci_nova_contracts::bindings::{ExcubiaeGatekeeper, SampleToken, MACI};
use maci_nova_contracts::deploy;

use crate::poll::world::{key, maci_key, test_artifact, World, ALICE, BOB, MALLORY, OWNER};

sol! {
    #[derive(Debug, PartialEq, Eq)]
    interface Policy {
        event CloneDeployed(address indexed clone);
        event Enforced(address indexed subject, address indexed guarded, bytes evidence);
        error AlreadyEnforced();
        error TargetOnly();
        error TargetAlreadySet();
        error OwnableUnauthorizedAccount(address account);
        function setTarget(address guarded) external;
        function guarded() external view returns (address);
        function enforce(address subject, bytes evidence) external;
    }

    #[derive(Debug)]
    interface Checkers {
        error InvalidProof();
        error BalanceTooLow();
        error InvalidSchema();
        error AttesterNotTrusted();
        error AttestationRevoked();
        error NotYourAttestation();
        error InvalidGroup();
        error InvalidProver();
        error ReentrancyGuardReentrantCall();
    }

    struct SemaphoreProof {
        uint256 merkleTreeDepth;
        uint256 merkleTreeRoot;
        uint256 nullifier;
        uint256 message;
        uint256 scope;
        uint256[8] points;
    }
}

/// The factories differ in what `deploy` takes alone.
mod factories {
    use maci_nova_contracts::alloy_sol_types::sol;

    sol!(
        MerkleProof,
        "tests/out/MerkleProofCheckerFactory.sol/MerkleProofCheckerFactory.json"
    );
    sol!(
        Votes,
        "tests/out/ERC20VotesCheckerFactory.sol/ERC20VotesCheckerFactory.json"
    );
    sol!(
        Balance,
        "tests/out/ERC20CheckerFactory.sol/ERC20CheckerFactory.json"
    );
    sol!(
        Eas,
        "tests/out/EASCheckerFactory.sol/EASCheckerFactory.json"
    );
    sol!(
        Semaphore,
        "tests/out/SemaphoreCheckerFactory.sol/SemaphoreCheckerFactory.json"
    );
    sol!(
        AnyPolicy,
        "tests/out/MerkleProofPolicyFactory.sol/MerkleProofPolicyFactory.json"
    );
}

sol!(
    #[derive(Debug)]
    HostilePolicy,
    "tests/out/Ecosystem.sol/HostilePolicy.json"
);
sol!(
    #[derive(Debug)]
    HostileAccount,
    "tests/out/Hostile.sol/HostileAccount.json"
);

/// What a factory, deployed first, makes of this call. The sender becomes a policy's owner.
fn clone_of(world: &mut World, factory: Artifact, call: &impl SolCall) -> Address {
    let factory = world.deploy_test(factory, &[]);
    let receipt = world.send(OWNER, factory, call).unwrap();
    let event: Policy::CloneDeployed = receipt.event(factory).unwrap();
    world.others.push(event.clone);
    event.clone
}

fn policy_of(world: &mut World, factory: Artifact, checker: Address) -> Address {
    let call = factories::AnyPolicy::deployCall {
        checkerAddress: checker,
    };
    clone_of(world, factory, &call)
}

fn adapter_to(world: &mut World, policy: Address) -> Address {
    let code = deploy::excubiae_gatekeeper(world.account(OWNER), policy).unwrap();
    let adapter = world.deploy(code);
    world.others.push(adapter);
    adapter
}

fn set_target(world: &mut World, policy: Address, guarded: Address) {
    let call = Policy::setTargetCall { guarded };
    world.send(OWNER, policy, &call).unwrap();
}

/// A MACI that the policy decides for.
fn guard(world: &mut World, policy: Address) {
    let adapter = adapter_to(world, policy);
    set_target(world, policy, adapter);
    world.gatekeeper = adapter;
    world.maci = world.new_maci(adapter, 32).unwrap();
}

fn sign_up_call(seed: u64, evidence: &[u8]) -> MACI::signUpCall {
    MACI::signUpCall {
        key: maci_key(&key(seed)),
        gatekeeperData: evidence.to_vec().into(),
    }
}

/// A sign-up of this account under a key of this number.
fn sign_up(
    world: &mut World,
    from: usize,
    seed: u64,
    evidence: &[u8],
) -> Result<Receipt, ChainError> {
    world.send(from, world.maci, &sign_up_call(seed, evidence))
}

fn signed_up(world: &World) -> u64 {
    world.view(world.maci, MACI::rootCountCall {}).to()
}

/// A leaf and an inner node of OpenZeppelin's Merkle trees.
fn leaf(account: Address) -> B256 {
    keccak256(keccak256(account.abi_encode()))
}

fn node(one: B256, two: B256) -> B256 {
    let (low, high) = if one < two { (one, two) } else { (two, one) };
    keccak256([low, high].concat())
}

/// A policy for Alice and Bob, the evidence of both, and a MACI that it decides for.
fn merkle_world() -> (World, Address, [Vec<u8>; 2]) {
    let mut world = World::new();
    let [alice, bob] = [ALICE, BOB].map(|account| leaf(world.account(account)));
    let call = factories::MerkleProof::deployCall {
        root: node(alice, bob),
    };
    let checker = test_artifact!("MerkleProofCheckerFactory", "MerkleProofCheckerFactory");
    let checker = clone_of(&mut world, checker, &call);
    let policy = test_artifact!("MerkleProofPolicyFactory", "MerkleProofPolicyFactory");
    let policy = policy_of(&mut world, policy, checker);
    guard(&mut world, policy);
    let evidence = [bob, alice].map(|sibling| vec![sibling].abi_encode());
    (world, policy, evidence)
}

#[test]
fn addresses_in_a_merkle_tree_sign_up_once() {
    let (mut world, policy, [alice, bob]) = merkle_world();
    let receipt = sign_up(&mut world, ALICE, 1, &alice).unwrap();
    let enforced: Policy::Enforced = receipt.event(policy).unwrap();
    let expected = Policy::Enforced {
        subject: world.account(ALICE),
        guarded: world.gatekeeper,
        evidence: alice.clone().into(),
    };
    assert_eq!(enforced, expected);
    let again = |world: &mut World| sign_up(world, ALICE, 2, &alice);
    world.refuses(again, Policy::AlreadyEnforced {});
    sign_up(&mut world, BOB, 2, &bob).unwrap();
    assert_eq!(signed_up(&world), 2);
}

#[test]
fn an_address_outside_the_merkle_tree() {
    let (mut world, _, [alice, bob]) = merkle_world();
    let nothing = Vec::<B256>::new().abi_encode();
    for (from, evidence) in [
        (MALLORY, &alice),
        (MALLORY, &bob),
        (ALICE, &bob),
        (ALICE, &nothing),
    ] {
        let stolen = |world: &mut World| sign_up(world, from, 1, evidence);
        world.refuses(stolen, Checkers::InvalidProof {});
    }
    // It is not used up by the attempts.
    sign_up(&mut world, ALICE, 1, &alice).unwrap();
}

/// Whoever sends to MACI is the subject: what is sent on by somebody else is that somebody's.
#[test]
fn a_sign_up_cannot_be_relayed() {
    let (mut world, _, [alice, _]) = merkle_world();
    let relayer = world.deploy_test(test_artifact!("Hostile", "HostileAccount"), &[]);
    let call = HostileAccount::executeCall {
        to: world.maci,
        data: sign_up_call(1, &alice).abi_encode().into(),
    };
    let relay = |world: &mut World| world.send(ALICE, relayer, &call);
    world.refuses(relay, Checkers::InvalidProof {});
}

fn token_votes(world: &mut World, from: usize) {
    let delegatee = world.account(from);
    let call = SampleToken::delegateCall { delegatee };
    world.send(from, world.token, &call).unwrap();
}

fn transfer(world: &mut World, from: usize, to: usize) {
    let call = SampleToken::transferCall {
        to: world.account(to),
        value: U256::from(1_000_000),
    };
    world.send(from, world.token, &call).unwrap();
}

/// Everybody has a million tokens; Alice's are votes at the snapshot.
#[test]
fn votes_at_a_snapshot_sign_up_once() {
    let mut world = World::new();
    token_votes(&mut world, ALICE);
    let snapshot = world.evm.latest().number;
    world.evm.mine(1);
    let call = factories::Votes::deployCall {
        _token: world.token,
        _snapshotBlock: U256::from(snapshot),
        _threshold: U256::from(999_999),
    };
    let checker = test_artifact!("ERC20VotesCheckerFactory", "ERC20VotesCheckerFactory");
    let checker = clone_of(&mut world, checker, &call);
    let policy = test_artifact!("ERC20VotesPolicyFactory", "ERC20VotesPolicyFactory");
    let policy = policy_of(&mut world, policy, checker);
    guard(&mut world, policy);

    sign_up(&mut world, ALICE, 1, &[]).unwrap();
    let again = |world: &mut World| sign_up(world, ALICE, 2, &[]);
    world.refuses(again, Policy::AlreadyEnforced {});
    // The tokens go on, the votes of the snapshot do not.
    transfer(&mut world, ALICE, BOB);
    token_votes(&mut world, BOB);
    let second = |world: &mut World| sign_up(world, BOB, 2, &[]);
    world.refuses(second, Checkers::BalanceTooLow {});
    assert_eq!(signed_up(&world), 1);
}

/// What the adapter and the docs warn of: with balances as they are now, the same tokens sign up
/// every address that they are sent to.
#[test]
fn live_balances_sign_up_one_address_after_the_other() {
    let mut world = World::new();
    transfer(&mut world, BOB, OWNER);
    let call = factories::Balance::deployCall {
        _token: world.token,
        _threshold: U256::from(999_999),
    };
    let checker = test_artifact!("ERC20CheckerFactory", "ERC20CheckerFactory");
    let checker = clone_of(&mut world, checker, &call);
    let policy = test_artifact!("ERC20PolicyFactory", "ERC20PolicyFactory");
    let policy = policy_of(&mut world, policy, checker);
    guard(&mut world, policy);

    let poor = |world: &mut World| sign_up(world, BOB, 1, &[]);
    world.refuses(poor, Checkers::BalanceTooLow {});
    sign_up(&mut world, ALICE, 1, &[]).unwrap();
    transfer(&mut world, ALICE, BOB);
    sign_up(&mut world, BOB, 2, &[]).unwrap();
    assert_eq!(signed_up(&world), 2);
}

/// Of the mock's attestations 1 is revoked, 2 of another schema, 3 somebody else's, 4 by another
/// attester; all others are Alice's.
#[test]
fn attestations_sign_up_once() {
    let mut world = World::new();
    let (attester, schema) = (world.account(OWNER), B256::repeat_byte(7));
    let arguments = (attester, schema, world.account(ALICE)).abi_encode();
    let eas = world.deploy_test(test_artifact!("MockEAS", "MockEAS"), &arguments);
    let call = factories::Eas::deployCall {
        eas,
        attester,
        schema,
    };
    let checker = test_artifact!("EASCheckerFactory", "EASCheckerFactory");
    let checker = clone_of(&mut world, checker, &call);
    let policy = test_artifact!("EASPolicyFactory", "EASPolicyFactory");
    let policy = policy_of(&mut world, policy, checker);
    guard(&mut world, policy);

    let with = |from: usize, id: u64| {
        move |world: &mut World| sign_up(world, from, 1, &U256::from(id).abi_encode())
    };
    world.refuses(with(ALICE, 1), Checkers::AttestationRevoked {});
    world.refuses(with(ALICE, 2), Checkers::InvalidSchema {});
    world.refuses(with(ALICE, 3), Checkers::NotYourAttestation {});
    world.refuses(with(ALICE, 4), Checkers::AttesterNotTrusted {});
    world.refuses(with(BOB, 5), Checkers::NotYourAttestation {});
    with(ALICE, 5)(&mut world).unwrap();
    let again = |world: &mut World| sign_up(world, ALICE, 2, &U256::from(5).abi_encode());
    world.refuses(again, Policy::AlreadyEnforced {});
}

/// The package's mock of Semaphore takes the proofs that it was made with.
#[test]
fn members_of_a_semaphore_group_sign_up_once() {
    const GROUP: u64 = 3;
    const NULLIFIER: u64 = 11;
    let mut world = World::new();
    let groups = vec![U256::from(GROUP)];
    let nullifiers = vec![U256::from(NULLIFIER)];
    let arguments = (groups, nullifiers, vec![true]).abi_encode_params();
    let semaphore = world.deploy_test(test_artifact!("SemaphoreMock", "SemaphoreMock"), &arguments);
    let call = factories::Semaphore::deployCall {
        semaphore,
        groupId: U256::from(GROUP),
    };
    let checker = test_artifact!("SemaphoreCheckerFactory", "SemaphoreCheckerFactory");
    let checker = clone_of(&mut world, checker, &call);
    let policy = test_artifact!("SemaphorePolicyFactory", "SemaphorePolicyFactory");
    let policy = policy_of(&mut world, policy, checker);
    guard(&mut world, policy);

    let alice = world.account(ALICE);
    let evidence = |group: u64, nullifier: u64| {
        let prover = U256::from_be_slice(alice.as_slice()) << 96;
        let proof = SemaphoreProof {
            merkleTreeDepth: U256::from(20),
            merkleTreeRoot: U256::ONE,
            nullifier: U256::from(nullifier),
            message: U256::ZERO,
            scope: prover | U256::from(group),
            points: [U256::ZERO; 8],
        };
        proof.abi_encode()
    };
    let with = |from: usize, group: u64, nullifier: u64| {
        let evidence = evidence(group, nullifier);
        move |world: &mut World| sign_up(world, from, 1, &evidence)
    };
    world.refuses(with(BOB, GROUP, NULLIFIER), Checkers::InvalidProver {});
    world.refuses(with(ALICE, 4, NULLIFIER), Checkers::InvalidGroup {});
    world.refuses(with(ALICE, GROUP, 12), Checkers::InvalidProof {});
    with(ALICE, GROUP, NULLIFIER)(&mut world).unwrap();
    let evidence = evidence(GROUP, NULLIFIER);
    let again = |world: &mut World| sign_up(world, ALICE, 2, &evidence);
    world.refuses(again, Policy::AlreadyEnforced {});
}

/// A MACI's sign-ups would all revert if its policy had another target, and the target is set once.
#[test]
fn no_maci_before_the_policy_guards_the_adapter() {
    let (mut world, used, _) = merkle_world();
    let checker = test_artifact!("MerkleProofPolicyFactory", "MerkleProofPolicyFactory");
    let policy = policy_of(&mut world, checker, used);
    let adapter = adapter_to(&mut world, policy);
    let is_guarded = ExcubiaeGatekeeper::isGuardedCall {};
    let maci = world.maci;
    let tie = |adapter: Address| {
        let call = ExcubiaeGatekeeper::setMaciCall { newMaci: maci };
        move |world: &mut World| world.send(OWNER, adapter, &call)
    };
    // It has no target yet.
    assert!(!world.view(adapter, is_guarded.clone()));
    let nobody = Address::ZERO;
    world.refuses(
        tie(adapter),
        ExcubiaeGatekeeper::PolicyGuardsAnother { guarded: nobody },
    );
    // A second adapter comes first.
    let other = adapter_to(&mut world, policy);
    set_target(&mut world, policy, other);
    assert!(!world.view(adapter, is_guarded.clone()));
    world.refuses(
        tie(adapter),
        ExcubiaeGatekeeper::PolicyGuardsAnother { guarded: other },
    );
    assert!(world.view(other, is_guarded));
    tie(other)(&mut world).unwrap();
    // For good.
    let call = Policy::setTargetCall { guarded: adapter };
    let move_on = |world: &mut World| world.send(OWNER, policy, &call);
    world.refuses(move_on, Policy::TargetAlreadySet {});
}

/// What people do who know the other order of MACI v3, where the policy guards MACI itself.
#[test]
fn a_policy_that_guards_maci_itself() {
    let (mut world, used, _) = merkle_world();
    let checker = test_artifact!("MerkleProofPolicyFactory", "MerkleProofPolicyFactory");
    let policy = policy_of(&mut world, checker, used);
    let adapter = adapter_to(&mut world, policy);
    let maci = world.maci;
    set_target(&mut world, policy, maci);
    let call = ExcubiaeGatekeeper::setMaciCall { newMaci: maci };
    let tie = |world: &mut World| world.send(OWNER, adapter, &call);
    world.refuses(
        tie,
        ExcubiaeGatekeeper::PolicyGuardsAnother { guarded: maci },
    );
}

/// A stranger who could enforce would use the voters' evidence up.
#[test]
fn only_maci_asks_the_policy() {
    let (mut world, policy, [alice, _]) = merkle_world();
    let subject = world.account(ALICE);
    let gatekeeper = world.gatekeeper;
    let evidence: Bytes = alice.clone().into();
    let enforce = Policy::enforceCall { subject, evidence };
    let register = ExcubiaeGatekeeper::registerCall {
        user: subject,
        data: alice.clone().into(),
    };
    for from in [OWNER, ALICE, MALLORY] {
        let direct = |world: &mut World| world.send(from, policy, &enforce);
        world.refuses(direct, Policy::TargetOnly {});
        let adapted = |world: &mut World| world.send(from, gatekeeper, &register);
        world.refuses(adapted, ExcubiaeGatekeeper::OnlyMaci {});
    }
    sign_up(&mut world, ALICE, 1, &alice).unwrap();
}

/// Whoever sets the target first decides; only the owner can.
#[test]
fn a_stranger_sets_no_target() {
    let (mut world, used, _) = merkle_world();
    let checker = test_artifact!("MerkleProofPolicyFactory", "MerkleProofPolicyFactory");
    let policy = policy_of(&mut world, checker, used);
    let account = world.account(MALLORY);
    let call = Policy::setTargetCall { guarded: account };
    let set = |world: &mut World| world.send(MALLORY, policy, &call);
    world.refuses(set, Policy::OwnableUnauthorizedAccount { account });
}

#[test]
fn a_policy_that_is_no_contract() {
    let mut world = World::new();
    let account = world.account(MALLORY);
    let code = deploy::excubiae_gatekeeper(world.account(OWNER), account).unwrap();
    let error = ExcubiaeGatekeeper::NoContract { account };
    world.refuses(|world| world.try_deploy(code), error);
}

/// A policy that calls back gets nobody in who did not ask.
#[test]
fn a_policy_that_calls_back() {
    let mut world = World::new();
    let policy = world.deploy_test(test_artifact!("Ecosystem", "HostilePolicy"), &[]);
    guard(&mut world, policy);
    let register = ExcubiaeGatekeeper::registerCall {
        user: world.account(MALLORY),
        data: Bytes::new(),
    };
    let attempts: [(Address, Bytes, Vec<u8>); 2] = [
        (
            world.maci,
            sign_up_call(50, &[]).abi_encode().into(),
            error(&Checkers::ReentrancyGuardReentrantCall {}),
        ),
        (
            world.gatekeeper,
            register.abi_encode().into(),
            error(&ExcubiaeGatekeeper::OnlyMaci {}),
        ),
    ];
    for (number, (target, payload, refusal)) in attempts.into_iter().enumerate() {
        let call = HostilePolicy::prepareCall {
            newTarget: target,
            newPayload: payload,
        };
        world.send(MALLORY, policy, &call).unwrap();
        sign_up(&mut world, ALICE, number as u64 + 1, &[]).unwrap();
        assert_eq!(signed_up(&world), number as u64 + 1);
        let reason: Bytes = world.view(policy, HostilePolicy::reasonCall {});
        assert_eq!(reason.to_vec(), refusal);
    }
}

fn error(error: &impl maci_nova_contracts::alloy_sol_types::SolError) -> Vec<u8> {
    error.abi_encode()
}
