//! The verifier of join proofs by itself.

use ff::Field;
use halo2curves::bn256::{Fr, G1Affine, G2Affine};
use maci_nova_chain::{deploy, view, Chain, ChainError};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::{SolCall, SolError};
use maci_nova_contracts::bindings::JoinVerifier;
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::groth16::{join_verifier_code, Key, Proof};
use maci_nova_contracts::words;

use crate::poll::world::assert_reverts;
use maci_nova_contracts::testing::decider::{base_modulus, group_order, rng};
use maci_nova_contracts::testing::groth16::Trapdoors;

/// A verifier with a proof that it accepts.
struct Setting {
    trapdoors: Trapdoors,
    evm: Evm,
    contract: Address,
    inputs: [Fr; 4],
    call: JoinVerifier::verifyCall,
}

fn call(inputs: &[Fr; 4], proof: &Proof) -> JoinVerifier::verifyCall {
    JoinVerifier::verifyCall {
        inputs: inputs.each_ref().map(words::scalar),
        proof: proof.words(),
    }
}

impl Setting {
    fn new(seed: u64) -> Self {
        let mut rng = rng(seed);
        let trapdoors = Trapdoors::random(&mut rng);
        let mut evm = Evm::new();
        let code = join_verifier_code(&trapdoors.key(), false);
        let contract = deploy(&mut evm, SENDER, code).unwrap().contract;
        let inputs = core::array::from_fn(|_| Fr::random(&mut rng));
        let call = call(&inputs, &trapdoors.prove(&inputs, &mut rng));
        Self {
            trapdoors,
            evm,
            contract,
            inputs,
            call,
        }
    }

    fn verify(&self, call: &JoinVerifier::verifyCall) -> Result<Bytes, ChainError> {
        self.evm.call(self.contract, call.abi_encode().into())
    }

    #[track_caller]
    fn refuses(&self, call: &JoinVerifier::verifyCall, error: impl SolError) {
        assert_reverts(self.verify(call), error);
    }
}

#[test]
fn a_proof_of_its_inputs() {
    let setting = Setting::new(200);
    assert!(setting.verify(&setting.call).unwrap().is_empty());
}

#[test]
fn values_at_the_ends_of_their_ranges() {
    let setting = Setting::new(201);
    for inputs in [[Fr::ZERO; 4], [-Fr::ONE; 4]] {
        let proof = setting.trapdoors.prove(&inputs, &mut rng(202));
        setting.verify(&call(&inputs, &proof)).unwrap();
    }
    // Infinity is a point like others.
    for (a, b) in [
        (Fr::ZERO, Fr::ONE),
        (Fr::ONE, Fr::ZERO),
        (Fr::ZERO, Fr::ZERO),
    ] {
        let proof = setting.trapdoors.prove_with(&setting.inputs, a, b);
        setting.verify(&call(&setting.inputs, &proof)).unwrap();
    }
}

/// No input is without effect: each is bound on its own, and two cannot be exchanged.
#[test]
fn every_other_input() {
    let setting = Setting::new(203);
    for i in 0..4 {
        for change in [U256::ONE, group_order() - U256::ONE, U256::ONE << 200] {
            let mut other = setting.call.clone();
            other.inputs[i] = other.inputs[i].add_mod(change, group_order());
            setting.refuses(&other, JoinVerifier::ProofRejected {});
        }
        for j in 0..i {
            let mut other = setting.call.clone();
            other.inputs.swap(i, j);
            setting.refuses(&other, JoinVerifier::ProofRejected {});
        }
    }
}

#[test]
fn every_other_word_of_the_proof() {
    let setting = Setting::new(204);
    for word in 0..8 {
        let mut other = setting.call.clone();
        other.proof[word] = other.proof[word].add_mod(U256::ONE, base_modulus());
        setting.refuses(&other, JoinVerifier::InvalidPoint {});
    }
    // Other points of the right groups.
    let proof = setting.trapdoors.prove(&setting.inputs, &mut rng(205));
    for range in [0..2, 2..6, 6..8] {
        let mut mixed = setting.call.clone();
        mixed.proof[range.clone()].copy_from_slice(&proof.words()[range]);
        setting.refuses(&mixed, JoinVerifier::ProofRejected {});
    }
    for y in [1, 7] {
        let mut negated = setting.call.clone();
        negated.proof[y] = base_modulus() - negated.proof[y];
        setting.refuses(&negated, JoinVerifier::ProofRejected {});
    }
}

#[test]
fn words_that_are_not_canonical() {
    let setting = Setting::new(206);
    for i in 0..4 {
        let mut values = vec![group_order(), U256::MAX];
        let mut value = setting.call.inputs[i];
        while let Some(next) = value.checked_add(group_order()) {
            value = next;
            values.push(value);
        }
        for value in values {
            let mut other = setting.call.clone();
            other.inputs[i] = value;
            let index = U256::from(i);
            setting.refuses(&other, JoinVerifier::NonCanonicalInput { index });
        }
    }
    for word in 0..8 {
        for value in [
            base_modulus(),
            U256::MAX,
            setting.call.proof[word] + base_modulus(),
        ] {
            let mut other = setting.call.clone();
            other.proof[word] = value;
            let index = U256::from(word);
            setting.refuses(&other, JoinVerifier::NonCanonicalProof { index });
        }
    }
}

#[test]
fn a_point_of_g2_outside_the_subgroup() {
    use halo2curves::bn256::{Fq, Fq2};
    let setting = Setting::new(207);
    let mut rng = rng(208);
    let nine_plus_i = Fq2::new(Fq::from(9), Fq::ONE);
    let b = Fq2::from(3) * nine_plus_i.invert().unwrap();
    let [x, y] = loop {
        let x = Fq2::random(&mut rng);
        let y: Option<Fq2> = (x.square() * x + b).sqrt().into();
        if let Some(y) = y {
            break [x, y];
        }
    };
    let mut other = setting.call.clone();
    other.proof[2..6].copy_from_slice(&[x.c1(), x.c0(), y.c1(), y.c0()].map(words::coordinate));
    setting.refuses(&other, JoinVerifier::InvalidPoint {});
}

#[test]
fn calldata_of_another_length() {
    let setting = Setting::new(209);
    let calldata = setting.call.abi_encode();
    for length in [calldata.len() + 1, calldata.len() + 32] {
        let mut longer = calldata.clone();
        longer.resize(length, 0);
        let outcome = setting.evm.call(setting.contract, longer.into());
        assert_reverts(outcome, JoinVerifier::MalformedCalldata {});
    }
    for length in (4..calldata.len()).step_by(19) {
        let shorter = calldata[..length].to_vec();
        assert!(setting.evm.call(setting.contract, shorter.into()).is_err());
    }
}

#[test]
fn a_proof_for_another_key() {
    let (one, other) = (Setting::new(210), Setting::new(211));
    other.refuses(&one.call, JoinVerifier::ProofRejected {});
}

fn key_refused(key: &Key, error: impl SolError) {
    let outcome = deploy(&mut Evm::new(), SENDER, join_verifier_code(key, false));
    assert_reverts(outcome, error);
}

#[test]
fn the_contract_tells_its_key() {
    let key = Trapdoors::random(&mut rng(212)).key();
    for development in [false, true] {
        let mut evm = Evm::new();
        let code = join_verifier_code(&key, development);
        let contract = deploy(&mut evm, SENDER, code).unwrap().contract;
        let told = view(&evm, contract, &JoinVerifier::verifyingKeyCall {}).unwrap();
        assert_eq!(told, key.to_words());
        let told = view(&evm, contract, &JoinVerifier::DEVELOPMENTCall {}).unwrap();
        assert_eq!(told, development);
    }
}

#[test]
fn keys_with_infinity_or_shared_trapdoors() {
    let good = Trapdoors::random(&mut rng(213)).key();
    let g2: [fn(&mut Key) -> &mut G2Affine; 3] = [
        |key| &mut key.beta,
        |key| &mut key.gamma,
        |key| &mut key.delta,
    ];
    for i in 0..5 {
        let mut key = good.clone();
        key.ic[i] = G1Affine::default();
        key_refused(&key, JoinVerifier::InvalidKey {});
    }
    let mut key = good.clone();
    key.alpha = G1Affine::default();
    key_refused(&key, JoinVerifier::InvalidKey {});
    for (i, point) in g2.iter().enumerate() {
        let mut key = good.clone();
        *point(&mut key) = G2Affine::default();
        key_refused(&key, JoinVerifier::InvalidKey {});
        for other in &g2[..i] {
            for sign in [Fr::ONE, -Fr::ONE] {
                let mut key = good.clone();
                *point(&mut key) = (*other(&mut key) * sign).into();
                key_refused(&key, JoinVerifier::DegenerateKey {});
            }
        }
    }
}

#[test]
fn keys_with_points_off_their_curves() {
    use maci_nova_contracts::alloy_sol_types::SolConstructor;
    let good = Trapdoors::random(&mut rng(214)).key().to_words();
    let changes: [fn(&mut JoinVerifier::Groth16VerifyingKey); 5] = [
        |key| key.alpha.x += base_modulus(),
        |key| key.ic[4].y += U256::ONE,
        |key| key.beta.x0 += base_modulus(),
        |key| key.gamma.y1 += U256::ONE,
        |key| key.delta.y0 = U256::ZERO,
    ];
    for change in changes {
        let mut key = good.clone();
        change(&mut key);
        let development = false;
        let arguments = JoinVerifier::constructorCall { key, development }.abi_encode();
        let code = [JoinVerifier::BYTECODE.as_ref(), &arguments].concat();
        let outcome = deploy(&mut Evm::new(), SENDER, code.into());
        assert_reverts(outcome, JoinVerifier::InvalidKey {});
    }
}
