//! Calldata changed at random: what is common to all contracts.

use maci_nova_chain::ChainError;
use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::words::group_order;
use proptest::prelude::*;
use proptest::sample::Index;

/// How often calldata is changed in all of these tests together is so many times as much as usual.
const FACTOR: &str = "MACI_NOVA_FUZZ_FACTOR";

/// So many cases, or as many times as much as the environment says: `just calldata`.
pub fn cases(count: u32) -> ProptestConfig {
    let factor = std::env::var(FACTOR).ok();
    let factor = factor.map_or(1, |text| text.parse().expect("a number"));
    ProptestConfig::with_cases(count.saturating_mul(factor))
}

/// A change behind the selector, which stays: another one is another function.
#[derive(Clone, Debug)]
pub enum Change {
    Byte(Index, u8),
    Word(Index, U256),
    Swap(Index, Index),
    Truncate(Index),
    Append(Vec<u8>),
    Remove(Index),
    Insert(Index, U256),
}

/// How many different changes `change` makes: all but `Insert`.
pub const CHANGES: u32 = 6;

/// Each of the changes but `Insert`, as often as any other. Words are drawn from `word`.
pub fn change(word: impl Strategy<Value = U256>) -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 1u8..).prop_map(|(place, bits)| Change::Byte(place, bits)),
        (index(), word).prop_map(|(place, word)| Change::Word(place, word)),
        (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
        index().prop_map(Change::Truncate),
        prop::collection::vec(any::<u8>(), 1..70).prop_map(Change::Append),
        index().prop_map(Change::Remove),
    ]
}

/// How many kinds of words `word` draws from.
pub const WORDS: u32 = 5;

/// The words at the bounds of what is taken anywhere, and any word, each kind as often.
pub fn word() -> impl Strategy<Value = U256> {
    prop_oneof![
        Just(U256::ZERO),
        Just(U256::ONE),
        Just(U256::MAX),
        Just(group_order()),
        any::<[u64; 4]>().prop_map(U256::from_limbs),
    ]
}

/// The calldata after these changes, in their order.
pub fn changed(calldata: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut calldata = calldata.to_vec();
    for change in changes {
        apply(&mut calldata, change);
    }
    calldata
}

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
        Change::Insert(place, word) if body >= 32 => {
            let start = start(place);
            calldata.splice(start..start, word.to_be_bytes::<32>());
        }
        _ => {}
    }
}

/// Whatever is refused reverts: the machine stops for no other reason.
pub fn check_reverted(error: &ChainError) -> Result<(), TestCaseError> {
    let reverted = matches!(error, ChainError::Reverted { .. });
    prop_assert!(reverted, "{error}");
    Ok(())
}
