//! Who may sign up.

use maci_nova_chain::{ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::bindings::{
    FreeForAllGatekeeper, SignUpToken, SignUpTokenGatekeeper, MACI,
};
use maci_nova_contracts::deploy;
use maci_nova_contracts::evm::SENDER;

use crate::poll::world::{key, maci_key, World, ALICE, BOB, MALLORY, OWNER};

maci_nova_contracts::alloy_sol_types::sol! {
    error ERC721NonexistentToken(uint256 tokenId);
    error OwnableUnauthorizedAccount(address account);
}

/// A MACI for owners of a token, of which Alice has number 0 and Bob number 1.
fn token_world() -> (World, Address) {
    let mut world = World::new();
    let owner = world.account(OWNER);
    let token = world.deploy(deploy::sign_up_token(owner).unwrap());
    let code = deploy::sign_up_token_gatekeeper(SENDER, token).unwrap();
    world.gatekeeper = world.deploy(code);
    world.maci = world.new_maci(world.gatekeeper, 32).unwrap();
    world.others.push(token);
    for to in [ALICE, BOB] {
        let to = world.account(to);
        let call = SignUpToken::giveTokenCall { to };
        world.send(OWNER, token, &call).unwrap();
    }
    (world, token)
}

fn sign_up(
    world: &mut World,
    from: usize,
    seed: u64,
    data: Vec<u8>,
) -> Result<Receipt, ChainError> {
    let call = MACI::signUpCall {
        key: maci_key(&key(seed)),
        gatekeeperData: data.into(),
    };
    world.send(from, world.maci, &call)
}

fn id(token: u64) -> Vec<u8> {
    U256::from(token).abi_encode()
}

#[test]
fn owners_of_a_token_sign_up_once_for_each() {
    let (mut world, _) = token_world();
    sign_up(&mut world, ALICE, 1, id(0)).unwrap();
    sign_up(&mut world, BOB, 2, id(1)).unwrap();
    let token_id = U256::ZERO;
    let error = SignUpTokenGatekeeper::TokenAlreadyUsed { tokenId: token_id };
    world.refuses(|world| sign_up(world, ALICE, 3, id(0)), error);
    let gatekeeper = world.gatekeeper;
    let used = |token| SignUpTokenGatekeeper::usedCall {
        tokenId: U256::from(token),
    };
    assert!(world.view(gatekeeper, used(0)));
    assert!(!world.view(gatekeeper, used(2)));
}

/// A token that moves on does not let its next owner in as well.
#[test]
fn a_token_that_was_passed_on_is_used() {
    let (mut world, token) = token_world();
    sign_up(&mut world, ALICE, 1, id(0)).unwrap();
    let call = SignUpToken::transferFromCall {
        from: world.account(ALICE),
        to: world.account(MALLORY),
        tokenId: U256::ZERO,
    };
    world.send(ALICE, token, &call).unwrap();
    let error = SignUpTokenGatekeeper::TokenAlreadyUsed {
        tokenId: U256::ZERO,
    };
    world.refuses(|world| sign_up(world, MALLORY, 2, id(0)), error);
}

#[test]
fn somebody_elses_token() {
    let (mut world, _) = token_world();
    let error = SignUpTokenGatekeeper::NotTokenOwner {
        tokenId: U256::ZERO,
    };
    world.refuses(|world| sign_up(world, MALLORY, 1, id(0)), error);
    // It is not used up by the attempt.
    sign_up(&mut world, ALICE, 1, id(0)).unwrap();
}

#[test]
fn a_token_that_does_not_exist() {
    let (mut world, _) = token_world();
    let error = ERC721NonexistentToken {
        tokenId: U256::from(2),
    };
    world.refuses(|world| sign_up(world, ALICE, 1, id(2)), error);
}

#[test]
fn data_that_is_not_one_word() {
    let (mut world, _) = token_world();
    for length in [0, 1, 31, 33, 64] {
        let error = SignUpTokenGatekeeper::MalformedGatekeeperData {};
        world.refuses(|world| sign_up(world, ALICE, 1, vec![0; length]), error);
    }
}

#[test]
fn only_the_maci_registers() {
    let (mut world, _) = token_world();
    let call = SignUpTokenGatekeeper::registerCall {
        user: world.account(ALICE),
        data: id(0).into(),
    };
    for from in [OWNER, ALICE] {
        let register = |world: &mut World| world.send(from, world.gatekeeper, &call);
        world.refuses(register, SignUpTokenGatekeeper::OnlyMaci {});
    }
}

#[test]
fn before_a_maci_is_named_nobody_gets_in() {
    let mut world = World::new();
    let gatekeeper = world.deploy(deploy::free_for_all_gatekeeper(SENDER).unwrap());
    let call = FreeForAllGatekeeper::registerCall {
        user: world.account(ALICE),
        data: Bytes::new(),
    };
    let register = |world: &mut World| world.send(ALICE, gatekeeper, &call);
    world.refuses(register, FreeForAllGatekeeper::OnlyMaci {});
}

#[test]
fn the_maci_is_named_once_and_by_the_owner() {
    let mut world = World::new();
    let gatekeeper = world.deploy(deploy::free_for_all_gatekeeper(SENDER).unwrap());
    world.others.push(gatekeeper);
    let call = FreeForAllGatekeeper::setMaciCall {
        newMaci: world.maci,
    };
    let set = |from: usize| {
        let call = call.clone();
        move |world: &mut World| world.send(from, gatekeeper, &call)
    };
    world.refuses(set(MALLORY), FreeForAllGatekeeper::OnlyOwner {});
    let nobody = FreeForAllGatekeeper::setMaciCall {
        newMaci: Address::ZERO,
    };
    let clear = |world: &mut World| world.send(OWNER, gatekeeper, &nobody);
    world.refuses(clear, FreeForAllGatekeeper::MaciIsZero {});
    set(OWNER)(&mut world).unwrap();
    let maci = world.view(gatekeeper, FreeForAllGatekeeper::maciCall {});
    assert_eq!(maci, world.maci);
    world.refuses(set(OWNER), FreeForAllGatekeeper::MaciAlreadySet {});
}

#[test]
fn only_the_owner_gives_tokens() {
    let (mut world, token) = token_world();
    let to = world.account(MALLORY);
    let call = SignUpToken::giveTokenCall { to };
    let give = |world: &mut World| world.send(MALLORY, token, &call);
    world.refuses(give, OwnableUnauthorizedAccount { account: to });
}
