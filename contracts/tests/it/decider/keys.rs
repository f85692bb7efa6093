//! Verifying keys that the constructor takes and refuses.

use ff::Field;
use halo2curves::bn256::{Fq, Fq2, G1Affine, G2Affine};
use maci_nova_chain::{deploy, view, ChainError};
use maci_nova_contracts::alloy_primitives::{Bytes, U256};
use maci_nova_contracts::alloy_sol_types::SolConstructor;
use maci_nova_contracts::bindings::DeciderVerifier::{
    self, constructorCall, verifyingKeyCall, DEVELOPMENTCall, MAX_OPTIONSCall, VerifyingKey,
};
use maci_nova_contracts::decider::{deploy_code, key_words, Key, Refusal};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::words;
use rand_core::RngCore;

use maci_nova_contracts::testing::decider::{base_modulus, rng, Trapdoors};

/// An element of the field that G2's coordinates are in.
pub fn random_fq2(rng: &mut impl RngCore) -> Fq2 {
    Fq2::random(rng)
}

/// A point of the twist's curve. Its cofactor has 254 bits, so a random one is not in the subgroup.
pub fn on_twist_outside_subgroup(rng: &mut impl RngCore) -> [Fq2; 2] {
    let nine_plus_i = Fq2::new(Fq::from(9), Fq::ONE);
    let b = Fq2::from(3) * nine_plus_i.invert().unwrap();
    loop {
        let x = random_fq2(rng);
        let y: Option<Fq2> = (x.square() * x + b).sqrt().into();
        if let Some(y) = y {
            return [x, y];
        }
    }
}

fn valid_key() -> Key {
    Trapdoors::random(&mut rng(50)).key()
}

fn refusal(code: Bytes) -> Refusal {
    match deploy(&mut Evm::new(), SENDER, code) {
        Err(ChainError::Reverted { data, .. }) => Refusal::decode(&data).expect("a reason"),
        other => panic!("not refused: {other:?}"),
    }
}

fn refusal_of_words(change: impl FnOnce(&mut VerifyingKey)) -> Refusal {
    let mut key = key_words(&valid_key());
    change(&mut key);
    let arguments = constructorCall {
        key,
        maxOptions: U256::from(25),
        development: false,
    };
    let code = [
        DeciderVerifier::BYTECODE.as_ref(),
        &arguments.abi_encode()[..],
    ];
    refusal(code.concat().into())
}

#[test]
fn the_contract_tells_its_key() {
    let mut evm = Evm::new();
    let key = valid_key();
    for development in [false, true] {
        let code = deploy_code(&key, 25, development);
        let contract = deploy(&mut evm, SENDER, code).unwrap().contract;
        let told = view(&evm, contract, &verifyingKeyCall {}).unwrap();
        assert_eq!(told, key_words(&key));
        let options = view(&evm, contract, &MAX_OPTIONSCall {}).unwrap();
        assert_eq!(options, U256::from(25));
        let told = view(&evm, contract, &DEVELOPMENTCall {}).unwrap();
        assert_eq!(told, development);
    }
}

#[test]
fn infinity_in_a_key() {
    let g1: [fn(&mut Key) -> &mut G1Affine; 6] = [
        |key| &mut key.alpha,
        |key| &mut key.h,
        |key| &mut key.ic[0],
        |key| &mut key.ic[1],
        |key| &mut key.ic[2],
        |key| &mut key.ic[3],
    ];
    for point in g1 {
        let mut key = valid_key();
        *point(&mut key) = G1Affine::default();
        assert_eq!(refusal(deploy_code(&key, 25, false)), Refusal::InvalidKey);
    }
    for point in g2_points() {
        let mut key = valid_key();
        *point(&mut key) = G2Affine::default();
        assert_eq!(refusal(deploy_code(&key, 25, false)), Refusal::InvalidKey);
    }
}

fn g2_points() -> [fn(&mut Key) -> &mut G2Affine; 4] {
    [
        |key| &mut key.beta,
        |key| &mut key.gamma_prime,
        |key| &mut key.delta,
        |key| &mut key.tau,
    ]
}

#[test]
fn points_that_are_not_in_their_groups() {
    assert_eq!(
        refusal_of_words(|key| key.alpha.y = U256::ONE),
        Refusal::InvalidKey
    );
    assert_eq!(
        refusal_of_words(|key| key.h.x += base_modulus()),
        Refusal::InvalidKey
    );
    assert_eq!(
        refusal_of_words(|key| key.ic[3].y += U256::ONE),
        Refusal::InvalidKey
    );
    assert_eq!(
        refusal_of_words(|key| key.tau.x0 += base_modulus()),
        Refusal::InvalidKey
    );
    let [x, y] = on_twist_outside_subgroup(&mut rng(51));
    let outside = [x.c1(), x.c0(), y.c1(), y.c0()].map(words::coordinate);
    let points: [fn(&mut VerifyingKey) -> &mut DeciderVerifier::G2Point; 4] = [
        |key| &mut key.beta,
        |key| &mut key.gammaPrime,
        |key| &mut key.delta,
        |key| &mut key.tau,
    ];
    for point in points {
        let refused = refusal_of_words(|key| {
            let [x1, x0, y1, y0] = outside;
            *point(key) = DeciderVerifier::G2Point { x1, x0, y1, y0 };
        });
        assert_eq!(refused, Refusal::InvalidKey);
    }
}

/// Among them the classic mistake of a setup without its second phase, where delta is gamma.
#[test]
fn points_with_the_same_trapdoor() {
    for (i, first) in g2_points().iter().enumerate() {
        for generator in [G2Affine::generator(), -G2Affine::generator()] {
            let mut key = valid_key();
            *first(&mut key) = generator;
            assert_eq!(
                refusal(deploy_code(&key, 25, false)),
                Refusal::DegenerateKey
            );
        }
        for second in &g2_points()[..i] {
            let mut key = valid_key();
            *first(&mut key) = *second(&mut key);
            assert_eq!(
                refusal(deploy_code(&key, 25, false)),
                Refusal::DegenerateKey
            );
        }
    }
}
