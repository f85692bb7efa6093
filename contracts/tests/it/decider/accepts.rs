//! What the verifier accepts, borders included.

use ff::Field;
use halo2curves::bn256::Fr;
use maci_nova_chain::Chain;
use maci_nova_contracts::decider::{verify, OptionResult};
use maci_nova_contracts::evm::SENDER;

use maci_nova_contracts::testing::decider::{rng, statement, Choices, Setting};

fn accepted(setting: &mut Setting, options: usize, choices: &Choices, seed: u64) -> bool {
    let statement = statement(options, &mut rng(seed));
    let proof = setting.trapdoors.prove(&statement, choices);
    verify(
        &mut setting.evm,
        SENDER,
        setting.contract,
        &statement,
        &proof,
    )
    .is_ok()
}

#[test]
fn proofs_for_every_number_of_options() {
    let mut rng = rng(10);
    let mut setting = Setting::new(&mut rng);
    for options in [0, 1, 2, 5, 25, 124, 125] {
        let choices = Choices::random(&mut rng);
        assert!(
            accepted(&mut setting, options, &choices, 11),
            "{options} options"
        );
    }
}

#[test]
fn nothing_is_returned() {
    let mut rng = rng(12);
    let setting = Setting::new(&mut rng);
    let calldata = setting.case(5, &mut rng).calldata();
    assert!(setting
        .evm
        .call(setting.contract, calldata.into())
        .unwrap()
        .is_empty());
}

#[test]
fn values_at_the_ends_of_their_ranges() {
    let mut rng = rng(13);
    let mut setting = Setting::new(&mut rng);
    for extreme in [Fr::ZERO, -Fr::ONE] {
        let mut statement = statement(2, &mut rng);
        statement.z0 = [extreme; 8];
        statement.z = [extreme; 8];
        statement.domain = [0xff; 32];
        statement.results = [(i128::MAX, u128::MAX), (i128::MIN, 0)]
            .map(|(votes, spent)| OptionResult { votes, spent })
            .to_vec();
        let mut choices = Choices::random(&mut rng);
        for scalar in [
            &mut choices.r1,
            &mut choices.r2,
            &mut choices.evaluation,
            &mut choices.blinding,
        ] {
            *scalar = extreme;
        }
        let proof = setting.trapdoors.prove(&statement, &choices);
        verify(
            &mut setting.evm,
            SENDER,
            setting.contract,
            &statement,
            &proof,
        )
        .unwrap();
    }
}

/// Infinity is a point like others: where the equations hold with it, the proof is accepted.
#[test]
fn infinity_where_the_equations_hold() {
    let mut rng = rng(14);
    let mut setting = Setting::new(&mut rng);
    let zeroed: [fn(&mut Choices) -> &mut Fr; 6] = [
        |choices| &mut choices.running,
        |choices| &mut choices.difference,
        |choices| &mut choices.random_difference,
        |choices| &mut choices.d,
        |choices| &mut choices.a,
        |choices| &mut choices.b,
    ];
    for (i, zeroed) in zeroed.iter().enumerate() {
        let mut choices = Choices::random(&mut rng);
        *zeroed(&mut choices) = Fr::ZERO;
        assert!(accepted(&mut setting, 3, &choices, 15), "point {i}");
    }
    let choices = setting.trapdoors.without_opening(&mut rng);
    assert!(accepted(&mut setting, 3, &choices, 15), "pi");
    let choices = setting.trapdoors.without_c(
        &statement(3, &mut maci_nova_contracts::testing::decider::rng(15)),
        &mut rng,
    );
    assert!(accepted(&mut setting, 3, &choices, 15), "C");
}
