use maci_nova_contracts::deploy;
use maci_nova_contracts::evm::SENDER;

use super::*;
use crate::testing::{World, QUIET};

/// Code that does one thing with every call.
fn always(world: &mut World, runtime: &[u8]) -> Address {
    // PUSH1 length, DUP1, PUSH1 11, PUSH1 0, CODECOPY, PUSH1 0, RETURN: 11 bytes.
    let mut code = vec![
        0x60,
        runtime.len() as u8,
        0x80,
        0x60,
        11,
        0x60,
        0,
        0x39,
        0x60,
        0,
        0xf3,
    ];
    code.extend(runtime);
    create(world, code.into())
}

fn create(world: &mut World, code: Bytes) -> Address {
    chain::deploy(&mut world.evm, SENDER, code)
        .unwrap()
        .contract
}

#[track_caller]
fn refused(outcome: Result<(), Error>, setting: Setting) -> String {
    match outcome {
        Err(Error::Setting {
            setting: named,
            problem,
        }) if named == setting => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_gives_credits_answers() {
    let mut world = World::new();
    let check = |world: &World, contract| check_credits(&world.evm, contract, SENDER, &QUIET);
    for credits in [0, 7, u32::MAX] {
        let contract = create(&mut world, deploy::constant_credits(credits).unwrap());
        check(&world, contract).unwrap();
    }
    let token = world.token();
    let pieces = create(&mut world, deploy::sign_up_token(SENDER).unwrap());
    // Takes every call, and answers none: STOP.
    let silent = always(&mut world, &[0x00]);
    // INVALID.
    let broken = always(&mut world, &[0xfe]);
    for contract in [
        token,
        pieces,
        silent,
        broken,
        world.file.contracts.maci.address,
    ] {
        let problem = refused(check(&world, contract), Setting::CreditsContract);
        assert!(problem.contains("no one could join"), "{problem}");
    }
    // 2^32: PUSH5 2^32, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
    let generous = [0x64, 1, 0, 0, 0, 0, 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3];
    let generous = always(&mut world, &generous);
    let problem = refused(check(&world, generous), Setting::CreditsContract);
    assert!(problem.contains("4294967296"), "{problem}");
}

/// It may refuse one account and give others theirs.
#[test]
fn what_refuses_one_account_is_no_reason_to_refuse() {
    let mut world = World::new();
    let token = world.token();
    let factor = U256::from(1);
    let future = deploy::votes_credits(token, 1_000_000, factor).unwrap();
    let contract = create(&mut world, future);
    let answer = ask(
        &world.evm,
        contract,
        &getVoiceCreditsCall {
            account: SENDER,
            data: Bytes::new(),
        },
    );
    assert!(!answer.unwrap().unwrap_err().is_empty(), "with a reason");
    check_credits(&world.evm, contract, SENDER, &QUIET).unwrap();
    // PUSH4 the selector, and then a revert without a reason.
    let mut code = vec![0x63];
    code.extend(getVoiceCreditsCall::SELECTOR);
    code.extend([0x50, 0x60, 0, 0x60, 0, 0xfd]);
    let contract = always(&mut world, &code);
    check_credits(&world.evm, contract, SENDER, &QUIET).unwrap();
}

#[test]
fn what_pays_for_top_ups_is_an_erc20() {
    let mut world = World::new();
    let token = world.token();
    check_top_up_token(&world.evm, token, SENDER).unwrap();
    let pieces = create(&mut world, deploy::sign_up_token(SENDER).unwrap());
    let credits = create(&mut world, deploy::constant_credits(9).unwrap());
    let silent = always(&mut world, &[0x00]);
    for contract in [pieces, credits, silent, world.file.contracts.maci.address] {
        let outcome = check_top_up_token(&world.evm, contract, SENDER);
        let problem = refused(outcome, Setting::TopUpToken);
        assert!(problem.contains("not an ERC-20"), "{problem}");
    }
}
