//! Calldata changed at random: whatever is not the accepted bytes must revert, and the machine must
//! not stop for another reason than a refused precompile call.

use maci_nova_contracts::alloy_primitives::U256;
use maci_nova_contracts::testing::decider::{base_modulus, rng, Setting};
use proptest::prelude::*;

use crate::calldata::{self, cases, change, changed, check_reverted};

fn word() -> impl Strategy<Value = U256> {
    prop_oneof![
        calldata::WORDS => calldata::word(),
        1 => Just(base_modulus()),
        1 => (0usize..2000).prop_map(U256::from),
    ]
}

#[test]
fn changed_calldata_is_never_accepted() {
    let mut rng = rng(70);
    let setting = Setting::new(&mut rng);
    let accepted = setting.case(3, &mut rng).calldata();
    let changes = prop::collection::vec(change(word()), 1..4);
    proptest!(cases(512), |(changes in changes)| {
        let calldata = changed(&accepted, &changes);
        match setting.clone().call(calldata.clone()) {
            Ok(_) => prop_assert_eq!(&calldata, &accepted),
            Err(error) => check_reverted(&error)?,
        }
    });
}

#[test]
fn arbitrary_bytes_are_never_accepted() {
    let mut rng = rng(71);
    let setting = Setting::new(&mut rng);
    let selector = setting.case(0, &mut rng).calldata()[..4].to_vec();
    let body = prop::collection::vec(any::<u8>(), 0..2000);
    proptest!(cases(256), |(body in body)| {
        let calldata = [&selector[..], &body].concat();
        prop_assert!(setting.clone().call(calldata).is_err());
    });
}
