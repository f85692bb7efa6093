//! Calldata changed at random: whatever is not the accepted bytes must revert, and the machine must
//! not stop for another reason than a refused precompile call.

use maci_nova_chain::ChainError;
use maci_nova_contracts::alloy_primitives::U256;
use proptest::prelude::*;
use proptest::sample::Index;

use maci_nova_contracts::testing::decider::{base_modulus, group_order, rng, Setting};

#[derive(Clone, Debug)]
enum Change {
    Byte(Index, u8),
    Word(Index, U256),
    Swap(Index, Index),
    Truncate(Index),
    Append(Vec<u8>),
    Remove(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 1u8..).prop_map(|(place, bits)| Change::Byte(place, bits)),
        (index(), word()).prop_map(|(place, word)| Change::Word(place, word)),
        (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
        index().prop_map(Change::Truncate),
        prop::collection::vec(any::<u8>(), 1..70).prop_map(Change::Append),
        index().prop_map(Change::Remove),
    ]
}

fn word() -> impl Strategy<Value = U256> {
    prop_oneof![
        Just(U256::ZERO),
        Just(U256::ONE),
        Just(U256::MAX),
        Just(group_order()),
        Just(base_modulus()),
        any::<[u64; 4]>().prop_map(U256::from_limbs),
        (0usize..2000).prop_map(U256::from),
    ]
}

/// The selector stays: other functions may well return.
fn apply(calldata: &mut Vec<u8>, change: &Change) {
    let body = calldata.len() - 4;
    let start = |place: &Index| 4 + 32 * place.index((body / 32).max(1));
    match change {
        Change::Byte(place, bits) if body > 0 => calldata[4 + place.index(body)] ^= bits,
        Change::Word(place, word) if body >= 32 => {
            let start = start(place);
            calldata[start..start + 32].copy_from_slice(&word.to_be_bytes::<32>());
        }
        Change::Swap(one, other) if body >= 32 => {
            let [one, other] = [start(one), start(other)];
            for i in 0..32 {
                calldata.swap(one + i, other + i);
            }
        }
        Change::Truncate(length) if body > 0 => calldata.truncate(4 + length.index(body)),
        Change::Append(bytes) => calldata.extend(bytes),
        Change::Remove(place) if body >= 32 => {
            let start = start(place);
            calldata.drain(start..start + 32);
        }
        _ => {}
    }
}

#[test]
fn changed_calldata_is_never_accepted() {
    let mut rng = rng(70);
    let setting = Setting::new(&mut rng);
    let accepted = setting.case(3, &mut rng).calldata();
    let changes = prop::collection::vec(change(), 1..4);
    proptest!(ProptestConfig::with_cases(512), |(changes in changes)| {
        let mut calldata = accepted.clone();
        for change in &changes {
            apply(&mut calldata, change);
        }
        match setting.clone().call(calldata.clone()) {
            Ok(_) => prop_assert_eq!(&calldata, &accepted),
            Err(error) => {
                let reverted = matches!(error, ChainError::Reverted { .. });
                prop_assert!(reverted, "{}", error);
            }
        }
    });
}

#[test]
fn arbitrary_bytes_are_never_accepted() {
    let mut rng = rng(71);
    let setting = Setting::new(&mut rng);
    let selector = setting.case(0, &mut rng).calldata()[..4].to_vec();
    let body = prop::collection::vec(any::<u8>(), 0..2000);
    proptest!(ProptestConfig::with_cases(256), |(body in body)| {
        let calldata = [&selector[..], &body].concat();
        prop_assert!(setting.clone().call(calldata).is_err());
    });
}
