use super::*;
use crate::kind::ErrorKind;
use crate::testing::{public_key, World, QUIET};

/// A poll with two voters, who joined with the keys 1002 and 1003.
fn world() -> (World, PollContract) {
    let mut world = World::new();
    let terms = world.terms();
    let poll = world.create(&terms);
    world.go_to(poll.times().0);
    world.join(&poll, 2);
    world.join(&poll, 3);
    (world, poll)
}

fn find(
    (world, poll): &(World, PollContract),
    seed: u64,
    state_index: Option<u64>,
    first_nonce: u64,
    before_key_change: bool,
) -> Result<u64, Error> {
    let signer = Signer {
        key: &public_key(seed),
        state_index,
        first_nonce,
        before_key_change,
    };
    let joined = signer.find(&world.evm, poll, &QUIET)?;
    Ok(joined.state_index)
}

#[test]
fn the_key_of_the_join_signs_the_last_ballot() {
    let poll = world();
    for (seed, index) in [(1002, 1), (1003, 2)] {
        assert_eq!(find(&poll, seed, None, 1, false).unwrap(), index);
        assert_eq!(find(&poll, seed, Some(index), 1, false).unwrap(), index);
    }
    // By name and by key.
    let error = find(&poll, 9, None, 1, false).unwrap_err();
    assert_eq!(error.hint(), Some(&Hint::KeyOfJoin));
    assert_eq!(error.kind(), ErrorKind::Chain);
    for index in [1, 2] {
        let error = find(&poll, 9, Some(index), 1, false).unwrap_err();
        assert_eq!(error.hint(), Some(&Hint::KeyOfJoin));
        assert_eq!(error.kind(), ErrorKind::WrongKey);
        assert!(matches!(error.without_hint(), Error::SigningKey(named) if *named == index));
    }
    // Somebody else's.
    let error = find(&poll, 1003, Some(1), 1, false).unwrap_err();
    assert!(matches!(error.without_hint(), Error::SigningKey(1)));
    for before_key_change in [false, true] {
        let error = find(&poll, 1002, Some(3), 2, before_key_change).unwrap_err();
        assert!(error.to_string().contains("no voter at"), "{error}");
    }
}

#[test]
fn another_key_signs_what_is_published_before_it_is_the_voters() {
    let poll = world();
    assert_eq!(find(&poll, 9, Some(1), 2, true).unwrap(), 1);
    assert_eq!(find(&poll, 9, Some(2), 7, true).unwrap(), 2);
    // The ballot that changes the key has nonce 1 itself.
    for nonce in [0, 1] {
        let error = find(&poll, 9, Some(1), nonce, true).unwrap_err();
        assert_eq!(error.hint(), Some(&Hint::Nonce));
        assert_eq!(error.kind(), ErrorKind::Request);
    }
    let error = find(&poll, 9, None, 2, true).unwrap_err();
    assert_eq!(error.hint(), Some(&Hint::StateIndex));
}
