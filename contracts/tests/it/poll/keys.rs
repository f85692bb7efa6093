//! The checks of keys against the protocol's own.

use ff::Field;
use maci_nova_chain::{Chain, ChainError};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::{sol, SolCall};
use maci_nova_contracts::bindings::MACI;
use maci_nova_protocol::babyjub::{is_scalar, Point};
use maci_nova_protocol::field::Fr;
use proptest::prelude::*;

use crate::poll::world::{key, maci_key, order, test_artifact, World};

sol! {
    struct PublicKey { uint256 x; uint256 y; }
    function requireOnCurve(PublicKey key);
    function requireValidKey(PublicKey key);
}

fn harness() -> (World, Address) {
    let mut world = World::new();
    let harness = test_artifact!("BabyJubJubHarness", "BabyJubJubHarness");
    let address = world.deploy_test(harness, &[]);
    (world, address)
}

/// The error of one of the checks, `None` if it passes.
fn refusal(world: &World, harness: Address, calldata: Vec<u8>) -> Option<MACI::MACIErrors> {
    match world.evm.call(harness, calldata.into()) {
        Ok(_) => None,
        Err(error @ ChainError::Reverted { .. }) => Some(error.revert().expect("a reason")),
        Err(error) => panic!("{error}"),
    }
}

fn words(key: &Point) -> PublicKey {
    let MACI::PublicKey { x, y } = maci_key(key);
    PublicKey { x, y }
}

/// What the protocol says of a key.
fn expected(point: &Point) -> Option<MACI::MACIErrors> {
    use MACI::MACIErrors as Error;
    if !point.is_on_curve() {
        Some(Error::KeyNotOnCurve(MACI::KeyNotOnCurve {}))
    } else if point.x == Fr::ZERO {
        Some(Error::KeyXIsZero(MACI::KeyXIsZero {}))
    } else if !point.is_in_subgroup() {
        Some(Error::KeyNotInSubgroup(MACI::KeyNotInSubgroup {}))
    } else {
        None
    }
}

/// A point of order 8: a random point times the subgroup's order.
fn order_eight() -> Point {
    let mut x = Fr::from(2);
    loop {
        // y^2 = (1 - a x^2) / (1 - d x^2).
        let x2 = x.square();
        let [above, below] =
            [168_700, 168_696].map(|coefficient| Fr::ONE - Fr::from(coefficient) * x2);
        let y: Option<Fr> = (above * below.invert().unwrap()).sqrt().into();
        if let Some(y) = y {
            let point = Point { x, y };
            let low = point.mul(&maci_nova_protocol::babyjub::SUBGROUP_ORDER);
            if low.double().double() != Point::IDENTITY {
                return low;
            }
        }
        x += Fr::ONE;
    }
}

fn torsion() -> [Point; 8] {
    let step = order_eight();
    let mut points = [Point::IDENTITY; 8];
    for i in 1..8 {
        points[i] = points[i - 1].add(&step);
    }
    assert_eq!(points[7].add(&step), Point::IDENTITY);
    points
}

#[test]
fn every_coset_of_the_subgroup() {
    let (world, harness) = harness();
    for low in torsion() {
        for base in [Point::IDENTITY, Point::base8(), key(7)] {
            let point = base.add(&low);
            let key = words(&point);
            let call = requireOnCurveCall { key: key.clone() };
            assert_eq!(refusal(&world, harness, call.abi_encode()), None);
            let call = requireValidKeyCall { key };
            let told = refusal(&world, harness, call.abi_encode());
            assert_eq!(told, expected(&point));
            assert_eq!(told.is_none(), low == Point::IDENTITY && base != low);
        }
    }
}

#[test]
fn random_points_and_elements() {
    let (world, harness) = harness();
    let torsion = torsion();
    let element = || any::<[u64; 4]>().prop_map(Fr::from_raw);
    proptest!(ProptestConfig::with_cases(64), |(
        seed in any::<u64>(), low in 0usize..8, noise in element(), off in 0u8..4,
    )| {
        let mut point = key(seed).add(&torsion[low]);
        if off == 0 {
            point.x += noise;
        }
        let key = words(&point);
        let told = refusal(&world, harness, requireValidKeyCall { key }.abi_encode());
        prop_assert_eq!(told, expected(&point));
    });
}

#[test]
fn coordinates_that_are_not_canonical() {
    let (world, harness) = harness();
    let PublicKey { x, y } = words(&key(3));
    let mut others = vec![(order(), y), (x, order()), (U256::MAX, y), (x, U256::MAX)];
    let mut wrapped = x;
    while let Some(next) = wrapped.checked_add(order()) {
        wrapped = next;
        others.push((wrapped, y));
    }
    for (x, y) in others {
        let expected = MACI::MACIErrors::KeyNotCanonical(MACI::KeyNotCanonical {});
        let key = PublicKey { x, y };
        let call = requireOnCurveCall { key: key.clone() };
        let told = refusal(&world, harness, call.abi_encode());
        assert_eq!(told.as_ref(), Some(&expected));
        let told = refusal(&world, harness, requireValidKeyCall { key }.abi_encode());
        assert_eq!(told, Some(expected));
    }
}

/// The order in the contract is the protocol's, or the cosets above would not come out right; this
/// is about the helper of these tests.
#[test]
fn the_subgroups_order_is_no_scalar() {
    let order = Fr::from_raw(core::array::from_fn(|i| {
        let bytes = &maci_nova_protocol::babyjub::SUBGROUP_ORDER[8 * i..8 * i + 8];
        u64::from_le_bytes(bytes.try_into().unwrap())
    }));
    assert!(!is_scalar(&order));
    assert!(is_scalar(&(order - Fr::ONE)));
}
