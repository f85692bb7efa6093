//! Poll files from a chain.

use maci_nova_chain::Scan;
use maci_nova_contracts::bindings::VkRegistry;

use super::*;
use crate::error::reading;
use crate::operator::deployment;
use crate::verify::import::{import, Imported};

fn imported<C: Chain + ?Sized>(chain: &C, world: &World, since: u64) -> Result<Imported, Error> {
    import(chain, world.poll().address, since, None, &QUIET)
}

/// A poll that goes on, of which nothing is known but where it is.
fn open_poll() -> World {
    let mut world = World::with(blinding_generator(), false);
    world.join(1);
    world
}

#[test]
fn the_file_of_a_poll_is_made_from_its_address() {
    let world = open_poll();
    let found = imported(&world.evm, &world, 0).unwrap();
    let file = &found.file;
    let addresses = &world.addresses;
    let contracts = [
        (file.contracts.registry, addresses.registry),
        (file.contracts.decider_verifier, addresses.decider_verifier),
        (file.contracts.join_verifier, addresses.join_verifier),
        (file.contracts.bundle_verifier, addresses.bundle_verifier),
        (file.contracts.maci, addresses.maci),
    ];
    for (contract, address) in contracts {
        assert_eq!(contract.address, address);
        assert!(contract.first_block > 0);
    }
    assert_eq!(file.keys, None);
    assert_eq!(file.poll_info, Some(world.poll().digest()));
    let poll = world.poll();
    assert_eq!(
        file.poll.map(|poll| (poll.address, poll.first_block)),
        Some((poll.address, poll.first_block))
    );
    assert_eq!(
        (found.insecure, Some(found.key_digest)),
        (None, world.strict().keys.digest)
    );

    // What reads it finds what it needs: no event is before the first blocks.
    assert_eq!(deployment::shape(&world.evm, file).unwrap(), SHAPE);
    let kinds = [vec![
        MACI::SignUp::SIGNATURE_HASH,
        MACI::PollCreated::SIGNATURE_HASH,
    ]];
    let [mut since, mut all] = [0, 0];
    for (first_block, count) in [(file.contracts.maci.first_block, &mut since), (0, &mut all)] {
        let scan = Scan {
            contract: Contract {
                first_block,
                ..file.contracts.maci
            },
            topics: &kinds,
            what: "events of MACI",
            observer: &QUIET,
        };
        let counted = scan.each(&world.evm, reading("events of MACI"), |_| {
            *count += 1;
            Ok(())
        });
        counted.unwrap();
    }
    assert_eq!((since, all), (2, 2));
}

#[test]
fn a_sign_up_may_be_older_than_every_poll() {
    let mut world = World::with(blinding_generator(), false);
    world.join(1);
    let first = imported(&world.evm, &world, 0).unwrap();
    world.evm.mine(3);
    // A later poll of the same MACI.
    world.poll = Some(world.create());
    let second = imported(&world.evm, &world, 0).unwrap();
    assert!(first.file.same_deployment(&second.file));
    assert_ne!(first.file.poll, second.file.poll);
    assert_ne!(first.file.poll_info, second.file.poll_info);
}

#[test]
fn a_second_node_has_to_say_the_same() {
    let mut world = open_poll();
    let one = imported(&world.evm, &world, 0).unwrap();
    one.compare(&imported(&world.evm, &world, 0).unwrap())
        .unwrap();
    let other_key = Imported {
        key_digest: B256::repeat_byte(1),
        ..imported(&world.evm, &world, 0).unwrap()
    };
    let insecure = Imported {
        insecure: Some("one machine made them".into()),
        ..imported(&world.evm, &world, 0).unwrap()
    };
    for lie in [other_key, insecure] {
        let error = one.compare(&lie).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Chain, "{error}");
    }
    // Somebody signs up between the two.
    world.join(2);
    let later = imported(&world.evm, &world, 0).unwrap();
    let error = one.compare(&later).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Later, "{error}");
    world.poll = Some(world.create());
    let another = imported(&world.evm, &world, 0).unwrap();
    let error = later.compare(&another).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Chain, "{error}");
}

#[test]
fn many_blocks_are_searched() {
    let mut world = open_poll();
    let registry = imported(&world.evm, &world, 0).unwrap();
    let registry = registry.file.contracts.registry.first_block;
    world.evm.mine(45_000);
    let all = imported(&world.evm, &world, 0).unwrap();
    let from = imported(&world.evm, &world, registry).unwrap();
    assert_eq!(all.file, from.file);
    for too_late in [registry + 1, world.evm.latest().number + 1] {
        let error = imported(&world.evm, &world, too_late).unwrap_err();
        assert!(error.to_string().contains("earlier"), "{error}");
    }
}

#[test]
fn what_is_not_a_poll() {
    let world = open_poll();
    let addresses = &world.addresses;
    for (address, message) in [
        (Address::repeat_byte(0x77), "no contract at"),
        (addresses.maci, "read the poll"),
        (addresses.poll, "poll"),
        (world.token, "read the poll"),
    ] {
        let error = import(&world.evm, address, 0, None, &QUIET).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Chain, "{error}");
        assert!(error.to_string().contains(message), "{message}: {error}");
    }
}

/// A node that lies is found out where anything contradicts it.
#[test]
fn a_node_that_lies() {
    type Tamper = Box<dyn Fn(&mut Tampered<'_>, &World)>;
    let drop = |kind, number| -> Tamper {
        Box::new(move |chain, _| chain.logs = change_log(kind, number, |_| None))
    };
    let cases: [(&str, Tamper); 8] = [
        ("its creation", drop(MACI::PollCreated::SIGNATURE_HASH, 0)),
        (
            "its registry's creation",
            drop(VkRegistry::OwnershipTransferred::SIGNATURE_HASH, 0),
        ),
        (
            "not its MACI's",
            Box::new(|chain, world| answers::<MACI::JOIN_VERIFIERCall>(last_bit)(chain, world)),
        ),
        (
            "no contract",
            Box::new(|chain, world| answers::<MACI::FACTORYCall>(last_bit)(chain, world)),
        ),
        (
            "another poll in its place",
            Box::new(|chain, world| answers::<MACI::pollAtCall>(last_bit)(chain, world)),
        ),
        (
            "not the registry's",
            Box::new(|chain, world| {
                let change = |mut answer: Vec<u8>| {
                    answer[31] ^= 1;
                    answer
                };
                answers::<VkRegistry::verifierOfCall>(change)(chain, world);
            }),
        ),
        (
            "its code is not the compiled contract's",
            Box::new(|chain, world| chain.code = recoded(world.poll().address, 40)),
        ),
        (
            "is not that of the compiled DeciderVerifier",
            Box::new(|chain, world| chain.code = recoded(world.addresses.decider_verifier, 5_000)),
        ),
    ];
    let world = open_poll();
    for (message, tamper) in cases {
        let mut chain = Tampered::new(&world.evm);
        tamper(&mut chain, &world);
        let error = imported(&chain, &world, 0).unwrap_err();
        assert!(error.to_string().contains(message), "{message}: {error}");
    }
}

/// What is pinned is what the address is the hash of, whatever the node says another time.
#[test]
fn a_node_of_two_minds() {
    let world = open_poll();
    let honest = imported(&world.evm, &world, 0).unwrap().file;
    let poll = world.poll().address;
    for lie in 1..=3 {
        let asked = std::cell::Cell::new(0);
        let mut chain = Tampered::new(&world.evm);
        chain.call = Box::new(move |(to, calldata), answer| {
            let is_asked = *to == poll && calldata[..4] == Poll::pollInfoCall::SELECTOR;
            asked.set(asked.get() + u32::from(is_asked));
            // The last word is the fee, which nothing else follows from.
            match is_asked && asked.get() == lie {
                true => last_bit(answer.to_vec()).into(),
                false => answer,
            }
        });
        match imported(&chain, &world, 0) {
            // Of the first answer only addresses are taken.
            Ok(found) => assert_eq!((lie, found.file), (1, honest.clone())),
            Err(error) => assert!(lie > 1, "{error}"),
        }
    }
}
