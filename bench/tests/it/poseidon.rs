//! The folding's Poseidon, width 25, against neptune's over the same field.

use ff::Field;
use generic_array::typenum::U24;
use maci_nova_protocol::Fr;
use neptune::poseidon::PoseidonConstants;
use neptune::sponge::api::{IOPattern, SpongeAPI, SpongeOp};
use neptune::sponge::vanilla::{Mode, Sponge, SpongeTrait};
use neptune::Strength;
use nova_snark::provider::poseidon::{PoseidonConstantsCircuit, PoseidonRO};
use nova_snark::traits::ROTrait;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// All bits of an element.
const BITS: usize = 254;

fn neptunes() -> PoseidonConstants<Fr, U24> {
    Sponge::<Fr, U24>::api_constants(Strength::Standard)
}

/// Matrices, round constants, numbers of rounds: both libraries write them in the same form.
#[test]
fn the_constants_are_neptunes() {
    let folding = serde_json::to_value(PoseidonConstantsCircuit::<Fr>::default()).expect("JSON");
    let neptune = serde_json::to_value(neptunes()).expect("JSON");
    let fields = neptune.as_object().expect("an object");
    assert_eq!(fields.len(), 8);
    for (name, value) in fields {
        assert_eq!(&folding["wide"][name], value, "{name}");
    }
}

/// One permutation and more: of what fits into one block, and of what does not.
#[test]
fn the_hashes_are_neptunes() {
    let (constants, library) = (neptunes(), PoseidonConstantsCircuit::<Fr>::default());
    let mut rng = ChaCha20Rng::seed_from_u64(25);
    for length in [1, 2, 23, 24, 25, 48, 60] {
        let elements: Vec<Fr> = (0..length).map(|_| Fr::random(&mut rng)).collect();
        let mut folding = PoseidonRO::<Fr>::new(library.clone());
        elements.iter().for_each(|element| folding.absorb(*element));
        let mut sponge = Sponge::new_with_constants(&constants, Mode::Simplex);
        let pattern = IOPattern(vec![SpongeOp::Absorb(length), SpongeOp::Squeeze(1)]);
        let acc = &mut ();
        sponge.start(pattern, None, acc);
        SpongeAPI::absorb(&mut sponge, length, &elements, acc);
        let hash = SpongeAPI::squeeze(&mut sponge, 1, acc);
        sponge.finish(acc).expect("as the pattern says");
        assert_eq!(folding.squeeze(BITS, false), hash[0], "{length}");
    }
}
