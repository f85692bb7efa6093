use super::*;
use crate::kind::ErrorKind;
use crate::testing::{World, BENEFICIARY, CREDIT_UNIT, FEE};

fn balance(world: &World, poll: &PollContract, account: Address) -> u64 {
    let call = SampleToken::balanceOfCall { account };
    let token = poll.info.settings.topUpToken;
    chain::view(&world.evm, token, &call).unwrap().to()
}

fn wei(world: &World, account: Address) -> U256 {
    world.evm.balance(account).unwrap()
}

/// What a command that can never be done says.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, words: &str) {
    fails(result, ErrorKind::Chain, words);
}

/// What a command that cannot be done now says.
fn not_now<T: std::fmt::Debug>(result: Result<T, Error>, words: &str) {
    fails(result, ErrorKind::Later, words);
}

fn fails<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, words: &str) {
    let failure = result.unwrap_err();
    assert_eq!(failure.kind(), kind, "{failure}");
    assert!(failure.to_string().contains(words), "{words}: {failure}");
}

fn try_all(world: &mut World, poll: &PollContract, words: [&str; 3]) {
    let (now, newest, from) = (world.now(), world.evm.latest(), world.account(0));
    not_now(abort(&mut world.evm, from, poll, now), words[0]);
    not_now(withdraw(&mut world.evm, from, poll, now), words[1]);
    not_now(collect(&mut world.evm, from, poll, now), words[2]);
    assert_eq!(world.evm.latest(), newest, "nothing was sent");
}

#[test]
fn nothing_is_paid_before_the_end() {
    let (mut world, poll) = World::with_payments();
    let at_least = "at the earliest from";
    try_all(&mut world, &poll, [at_least, at_least, "it ends at"]);
    let end = poll.times().1;
    world.go_to(end);
    try_all(
        &mut world,
        &poll,
        [
            "(in 2 h 0 min) on",
            "(in 2 h 0 min) on",
            "it has no results yet",
        ],
    );
    let deadline = poll.deadline(&world.evm).unwrap();
    world.go_to(deadline - 1);
    try_all(
        &mut world,
        &poll,
        ["(in 1 s) on", "(in 1 s) on", "it has no results yet"],
    );
    world.go_to(deadline);
    let (now, from) = (world.now(), world.account(0));
    not_now(
        withdraw(&mut world.evm, from, &poll, now),
        "anyone may do that now",
    );
}

#[test]
fn who_has_paid_gets_it_back() {
    let (mut world, poll) = World::with_payments();
    world.top_up(&poll, 1, 5);
    world.publish(&poll, 1);
    world.publish(&poll, 1);
    world.publish(&poll, 2);
    let deadline = poll.deadline(&world.evm).unwrap();
    world.go_to(deadline);
    let now = world.now();
    assert!(abort(
        &mut world.evm,
        world.file.contracts.maci.address,
        &poll,
        now
    )
    .is_err());
    let [nobody, both, fees_only] = [0, 1, 2].map(|index| world.account(index));
    assert!(abort(&mut world.evm, nobody, &poll, now).unwrap().is_some());
    let newest = world.evm.latest();
    assert_eq!(abort(&mut world.evm, nobody, &poll, now).unwrap(), None);
    assert_eq!(world.evm.latest(), newest);

    let before = [wei(&world, both), wei(&world, fees_only)];
    let paid = withdraw(&mut world.evm, both, &poll, now).unwrap();
    assert_eq!(paid.tokens, U256::from(5 * CREDIT_UNIT));
    assert_eq!(paid.fees, U256::from(3 * FEE), "of a top-up as well");
    assert!(paid.gas > 40_000);
    assert_eq!(balance(&world, &poll, both), 1_000_000);
    // Gas has no price here.
    assert_eq!(wei(&world, both), before[0] + U256::from(3 * FEE));
    let paid = withdraw(&mut world.evm, fees_only, &poll, now).unwrap();
    assert_eq!((paid.tokens, paid.fees), (U256::ZERO, U256::from(FEE)));
    assert_eq!(wei(&world, fees_only), before[1] + U256::from(FEE));

    let newest = world.evm.latest();
    for account in [nobody, both, fees_only] {
        let paid = withdraw(&mut world.evm, account, &poll, now).unwrap();
        assert_eq!(paid, Paid::default(), "as after collect");
    }
    refused(
        collect(&mut world.evm, nobody, &poll, now),
        "it was aborted",
    );
    assert_eq!(world.evm.latest(), newest);
}

#[test]
fn a_finalized_poll_pays_its_beneficiary_and_owner() {
    let (mut world, poll) = World::with_payments();
    world.top_up(&poll, 1, 3);
    world.publish(&poll, 2);
    world.finalize(&poll, &[(1, 1), (0, 0), (2, 4), (0, 0), (0, 0)]);
    let (now, owner, other) = (world.now(), world.account(0), world.account(3));
    let before = wei(&world, owner);
    let paid = collect(&mut world.evm, other, &poll, now).unwrap();
    assert_eq!(paid.tokens, U256::from(3 * CREDIT_UNIT));
    assert_eq!(paid.fees, U256::from(2 * FEE));
    assert_eq!(balance(&world, &poll, BENEFICIARY), 3 * CREDIT_UNIT);
    assert_eq!(wei(&world, owner), before + U256::from(2 * FEE));
    // A second time there is nothing.
    let newest = world.evm.latest();
    let paid = collect(&mut world.evm, other, &poll, now).unwrap();
    assert!(paid.is_nothing());
    assert_eq!((paid, world.evm.latest()), (Paid::default(), newest));
    refused(abort(&mut world.evm, owner, &poll, now), "has its results");
    refused(
        withdraw(&mut world.evm, owner, &poll, now),
        "it has its results: top-ups",
    );
}

#[test]
fn a_poll_without_payments() {
    let mut world = World::new();
    let terms = world.terms();
    let poll = world.create(&terms);
    world.finalize(&poll, &[(0, 0); 5]);
    let (now, from) = (world.now(), world.account(1));
    assert!(collect(&mut world.evm, from, &poll, now)
        .unwrap()
        .is_nothing());
}
