use maci_nova_chain::{ChainError, Receipt};
use maci_nova_contracts::alloy_primitives::Bytes;
use maci_nova_contracts::bindings::PollFactory;
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::poll::{arguments, clone_address};

use super::*;
use crate::testing::World;

fn opened() -> (World, PollContract) {
    let mut world = World::new();
    let poll = world.create(&world.terms());
    (world, poll)
}

fn at(poll: &PollContract, address: Address) -> Contract {
    Contract {
        address,
        first_block: poll.first_block,
    }
}

/// The file without a word for what the poll is.
fn unpinned(world: &World) -> PollFile {
    let mut file = world.file.clone();
    (file.poll, file.poll_info, file.sign_ups) = (None, None, None);
    file
}

#[track_caller]
fn refuses<C: Chain>(chain: &C, file: &PollFile, contract: Contract, text: &str) {
    let error = PollContract::open(chain, file, contract).expect_err("refused");
    assert!(error.to_string().contains(text), "{error}");
}

/// The poll's very code with its very settings, at another address: it says everything that the poll
/// says, and takes ballots and fees for whoever put it there.
#[test]
fn a_copy_of_the_poll() {
    let (mut world, poll) = opened();
    let copy = Address::repeat_byte(0x77);
    let code = world.evm.code(poll.address).unwrap();
    world.evm.set_code(copy, code);
    let said = view(&world.evm, copy, &Poll::pollInfoCall {}, "read").unwrap();
    assert_eq!(said.abi_encode(), poll.info.abi_encode());
    for file in [&world.file, &unpinned(&world)] {
        refuses(&world.evm, file, at(&poll, copy), "did not create it");
    }
    PollContract::open(&world.evm, &world.file, at(&poll, poll.address)).unwrap();
}

/// The factory makes polls for everybody: one with the poll's id, which names its maker as its MACI.
#[test]
fn a_twin_from_the_factory() {
    let (mut world, poll) = opened();
    let maker = world.account(1);
    let mut info = poll.info.clone();
    let what = "read the factory";
    let factory = view(&world.evm, info.maci, &MACI::FACTORYCall {}, what).unwrap();
    let call = PollFactory::IMPLEMENTATIONCall {};
    let implementation = view(&world.evm, factory, &call, what).unwrap();
    let call = PollFactory::deployCall {
        setup: PollFactory::PollSetup {
            owner: maker,
            pollId: info.pollId,
            joinVerifier: info.joinVerifier,
            bundleVerifier: info.bundleVerifier,
            verifier: info.verifier,
            emptyStateRoot: info.emptyStateRoot,
            emptyTallyRoot: info.emptyTallyRoot,
        },
        // Settings are encoded alike for all contracts.
        settings: SolValue::abi_decode(&info.settings.abi_encode()).unwrap(),
    };
    chain::send(&mut world.evm, maker, factory, &call, U256::ZERO).unwrap();
    (info.maci, info.owner) = (maker, maker);
    let named = membership::Address(maker.into());
    info.scope = words::scalar(&Scope::new(poll.chain_id, &named, info.pollId).0);
    let twin = clone_address(factory, implementation, &arguments(&info));
    let said = view(&world.evm, twin, &Poll::pollInfoCall {}, what).unwrap();
    assert_eq!(said.abi_encode(), info.abi_encode());

    let file = unpinned(&world);
    refuses(&world.evm, &file, at(&poll, twin), "another MACI");
    let mut of_maker = file;
    of_maker.contracts.maci.address = maker;
    refuses(&world.evm, &of_maker, at(&poll, twin), "no contract");
}

/// A chain where one contract gives another answer to one call.
struct Changed<'a> {
    evm: &'a Evm,
    contract: Address,
    selector: [u8; 4],
}

impl Chain for Changed<'_> {
    maci_nova_chain::forward!(evm: chain_id accounts logs block code input balance);

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
        let mut answer = self.evm.call(to, calldata.clone())?.to_vec();
        if to == self.contract && calldata.starts_with(&self.selector) {
            // The last byte of the first word: an address.
            answer[31] ^= 1;
        }
        Ok(answer.into())
    }
}

/// A poll's verifiers are those of its MACI and its registry, and the poll file's.
#[test]
fn where_a_poll_comes_from() {
    let (world, poll) = opened();
    let contracts = world.file.contracts;
    let (maci, registry) = (contracts.maci.address, contracts.registry.address);
    for (contract, selector, text) in [
        (
            maci,
            MACI::pollAtCall::SELECTOR,
            "another poll in its place",
        ),
        (maci, MACI::JOIN_VERIFIERCall::SELECTOR, "is not its MACI's"),
        (
            registry,
            VkRegistry::verifierOfCall::SELECTOR,
            "is not the registry's",
        ),
    ] {
        let chain = Changed {
            evm: &world.evm,
            contract,
            selector,
        };
        refuses(&chain, &world.file, at(&poll, poll.address), text);
    }
    for (change, text) in [
        (
            (|file| file.contracts.registry.address = SENDER) as fn(&mut PollFile),
            "another registry than the poll file",
        ),
        (
            |file| file.contracts.decider_verifier.address = SENDER,
            "its verifier is not the poll file's",
        ),
        (
            |file| file.contracts.join_verifier.address = SENDER,
            "its join verifier is not the poll file's",
        ),
    ] {
        let mut file = world.file.clone();
        change(&mut file);
        refuses(&world.evm, &file, at(&poll, poll.address), text);
    }
    let mut elsewhere = at(&poll, poll.address);
    elsewhere.first_block += 1;
    refuses(&world.evm, &world.file, elsewhere, "did not create it");
}
