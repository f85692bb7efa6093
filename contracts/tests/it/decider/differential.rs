//! Every intermediate value of the contract against the second computation of the simulator.

use maci_nova_chain::{deploy, view};
use maci_nova_contracts::alloy_primitives::{hex, Address, B256, U256};
use maci_nova_contracts::alloy_sol_types::{sol, SolConstructor};
use maci_nova_contracts::bindings::DeciderVerifier;
use maci_nova_contracts::decider::{key_words, PROOF_WORDS};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::words;
use proptest::prelude::*;

use maci_nova_contracts::testing::decider::{
    base_modulus, group_order, rng, Case, Transcript, Trapdoors, MAX_OPTIONS,
};

sol! {
    struct OptionResult { int128 votes; uint128 spent; }
    function intermediates(
        bytes32 domain,
        uint256[8] z0,
        uint256[8] z,
        OptionResult[] results,
        uint256[22] proof
    ) returns (uint256[] transcript, uint256 c, uint256 ev, uint256 t);
}

const HARNESS: &str =
    include_str!("../../out/DeciderVerifierHarness.sol/DeciderVerifierHarness.json");

fn harness() -> (Evm, Address) {
    let artifact: serde_json::Value = serde_json::from_str(HARNESS).unwrap();
    let code = artifact["bytecode"]["object"].as_str().unwrap();
    let arguments = DeciderVerifier::constructorCall {
        key: key_words(&Trapdoors::random(&mut rng(60)).key()),
        maxOptions: U256::from(MAX_OPTIONS),
        development: true,
    };
    let code = [hex::decode(code).unwrap(), arguments.abi_encode()].concat();
    let mut evm = Evm::new();
    let contract = deploy(&mut evm, SENDER, code.into()).unwrap().contract;
    (evm, contract)
}

fn contract_side(evm: &Evm, contract: Address, case: &Case) -> intermediatesReturn {
    let half =
        |range: core::ops::Range<usize>| core::array::from_fn(|i| case.states[range.start + i]);
    let call = intermediatesCall {
        domain: B256::from(case.domain),
        z0: half(0..8),
        z: half(8..16),
        results: case.results.chunks(2).map(option_result).collect(),
        proof: case.proof,
    };
    view(evm, contract, &call).unwrap()
}

fn option_result(words: &[U256]) -> OptionResult {
    let votes = words[0];
    OptionResult {
        votes: if votes.bit(255) {
            !(!votes).to::<i128>()
        } else {
            votes.to()
        },
        spent: words[1].to(),
    }
}

fn agree(evm: &Evm, contract: Address, case: &Case) {
    let there = contract_side(evm, contract, case);
    let here = Transcript::of(case);
    let prefix = [case.domain, case.proof[8], case.proof[9]];
    assert_eq!(there.transcript, [&prefix[..], &here.v].concat());
    assert_eq!(here.v.len(), 27 + case.results.len());
    let scalars = [here.c, here.ev, here.t].each_ref().map(words::scalar);
    assert_eq!([there.c, there.ev, there.t], scalars);
}

/// Words below `modulus`, the ends and the powers of two among them.
fn below(modulus: U256) -> impl Strategy<Value = U256> {
    prop_oneof![
        6 => any::<[u64; 4]>().prop_map(move |limbs| U256::from_limbs(limbs) % modulus),
        1 => (0u64..3).prop_map(U256::from),
        1 => (1u64..3).prop_map(move |less| modulus - U256::from(less)),
        1 => (0usize..253).prop_map(move |bit| (U256::ONE << bit) % modulus),
        1 => (1usize..254).prop_map(move |bit| ((U256::ONE << bit) - U256::ONE) % modulus),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let word = |i: usize| match i {
        6 | 7 | 18 | 19 => below(group_order()).boxed(),
        _ => below(base_modulus()).boxed(),
    };
    let proof: Vec<_> = (0..PROOF_WORDS).map(word).collect();
    let states: Vec<_> = (0..16).map(|_| below(group_order())).collect();
    let votes =
        (below(U256::ONE << 127), any::<bool>())
            .prop_map(|(votes, against)| if against { !votes } else { votes });
    let option = (votes, below(U256::ONE << 128)).prop_map(|(votes, spent)| [votes, spent]);
    (
        any::<[u8; 32]>(),
        states,
        prop::collection::vec(option, 0..=MAX_OPTIONS),
        proof,
    )
        .prop_map(|(domain, states, results, proof)| Case {
            domain: U256::from_be_bytes(domain),
            states: states.try_into().unwrap(),
            results: results.concat(),
            proof: proof.try_into().unwrap(),
        })
}

#[test]
fn intermediate_values() {
    let (evm, contract) = harness();
    proptest!(ProptestConfig::with_cases(256), |(case in case())| {
        agree(&evm, contract, &case);
    });
}

#[test]
fn intermediate_values_at_the_ends() {
    let (evm, contract) = harness();
    for options in [0, 1, MAX_OPTIONS] {
        let largest = base_modulus() - U256::ONE;
        let mut proof = [largest; PROOF_WORDS];
        for scalar in [6, 7, 18, 19] {
            proof[scalar] = group_order() - U256::ONE;
        }
        let case = Case {
            domain: U256::MAX,
            states: [group_order() - U256::ONE; 16],
            results: vec![],
            proof,
        };
        let most: U256 = (U256::ONE << 127) - U256::ONE;
        for votes in [most, !most, !U256::ZERO, U256::ZERO] {
            let mut case = case.clone();
            case.results = [votes, (U256::ONE << 128) - U256::ONE].repeat(options);
            agree(&evm, contract, &case);
        }
    }
}
