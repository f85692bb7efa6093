use maci_nova_step_circuit::recorder::Recorder;

use super::*;

fn names<const N: usize>(name: &str) -> [String; N] {
    core::array::from_fn(|i| format!("{name}{i}"))
}

/// Each query with names in the places of elements.
fn with_queries<T>(body: impl Fn(&Query<'_, String>) -> T) -> Vec<T> {
    let one = |name: &str| name.to_owned();
    let (z0, z): ([String; 2], [String; 2]) = (names("z0_"), names("z_"));
    let queries = [
        Query::Running {
            step: &one("i"),
            salt: &one("salt"),
            z0: &z0,
            z: &z,
            commitment: &names("U.C"),
            x: &names("x"),
            beta: &names::<3>("beta"),
            e: &one("e"),
        },
        Query::CycleFold {
            commitment: &names("U_cf.C"),
            u: &one("u_cf"),
            x: &names::<3>("x_cf"),
        },
        Query::Delta {
            x: &names("x"),
            difference: &names("D"),
        },
        Query::Alpha {
            delta: &one("delta"),
            f: &names::<3>("F"),
        },
        Query::Gamma {
            alpha: &one("alpha"),
            k: &names("K"),
        },
        Query::CycleFoldChallenge {
            x1: &one("x1"),
            halves: &names("gamma"),
            p: &names("P"),
            q: &names("D"),
            sum: &names("R"),
            commitment: &names("C_cf"),
        },
        Query::Blinding {
            gamma: &one("gamma"),
            difference: &names("D"),
            random_x: &names("rx"),
            random_e: &one("e"),
            k: &names("K"),
        },
        Query::CycleFoldBlinding {
            x1: &one("x1"),
            random_commitments: [&names("W"), &names("E")],
            random_scalars: &names::<3>("s"),
        },
    ];
    queries.iter().map(body).collect()
}

/// What each hash absorbs, in order, after the digest plus its tag.
#[test]
fn the_inventory_of_challenges() {
    let inventory = with_queries(|query| (query.tag(), query.elements().join(" ")));
    let expected = [
        "i salt z0_0 z0_1 z_0 z_1 U.C0 U.C1 U.C2 x0 x1 beta0 beta1 beta2 e",
        "U_cf.C0 U_cf.C1 u_cf x_cf0 x_cf1 x_cf2",
        "x0 x1 D0 D1 D2",
        "delta F0 F1 F2",
        "alpha K0 K1 K2 K3",
        "x1 gamma0 gamma1 P0 P1 P2 D0 D1 D2 R0 R1 R2 C_cf0 C_cf1",
        "gamma D0 D1 D2 rx0 rx1 e K0 K1 K2 K3",
        "x1 W0 W1 E0 E1 s0 s1 s2",
    ];
    for (i, (tag, elements)) in inventory.iter().enumerate() {
        assert_eq!((*tag, elements.as_str()), (i as u64, expected[i]));
    }
    assert_eq!(inventory.len(), expected.len());
}

fn cyclefold<'a, N>(commitment: &'a [N; 2], u: &'a N, x: &'a [N]) -> Query<'a, N> {
    Query::CycleFold { commitment, u, x }
}

/// Of each length that a sponge of one or more permutations takes, with all of its words used and
/// with some left; and with a digest that is a variable or a constant.
#[test]
fn the_circuit_hashes_as_the_native_side() {
    let digest = Fr::from(77);
    for count in [0usize, 1, 2, 3, 12, 13, 14, 20, 21, 22, 29, 30, 47, 60] {
        let x: Vec<Fr> = (0..count as u64).map(|i| Fr::from(i).square()).collect();
        let commitment = [Fr::from(3), Fr::from(4)];
        let native = hash(digest, &cyclefold(&commitment, &Fr::from(5), &x));
        for constant in [true, false] {
            let mut recorder = Recorder::with_powers();
            let mut g = Gadget::new(&mut recorder);
            let digest = if constant {
                Num::constant(digest)
            } else {
                g.alloc(digest)
            };
            let nums: Vec<Num> = x.iter().map(|value| g.alloc(*value)).collect();
            let commitment = commitment.map(|value| g.alloc(value));
            let u = g.alloc(Fr::from(5));
            let hash = hash_in_circuit(&mut g, &digest, &cyclefold(&commitment, &u, &nums));
            assert_eq!(hash.value(), native);
            let bits = low_bits_in_circuit(&mut g, &hash);
            let bits = bits.iter().rev();
            let value = bits.fold(0u128, |acc, bit| acc << 1 | u128::from(bit.value()));
            assert_eq!(value, low_bits(native));
            assert!(recorder.violated().is_none());
        }
    }
}

/// The widths of the queries at t = 15, and what they cost beside the others.
#[test]
fn sponges_are_as_narrow_as_they_can_be() {
    assert_eq!([5, 16, 24, 32, 35].map(width), [6, 17, 25, 17, 25]);
    assert_eq!(SPONGES.map(boxes), [108, 204, 259]);
}

/// Queries of equal elements and different purposes have different hashes, and so have other
/// digests; each element counts, wherever it stands.
#[test]
fn purposes_digests_and_elements_are_separated() {
    let zero = Fr::ZERO;
    let alpha = Query::Alpha {
        delta: &zero,
        f: &[zero; 4],
    };
    let gamma = Query::Gamma {
        alpha: &zero,
        k: &[zero; 4],
    };
    assert_eq!(alpha.elements(), gamma.elements());
    assert_ne!(hash(zero, &alpha), hash(zero, &gamma));
    assert_ne!(hash(Fr::from(9), &alpha), hash(zero, &alpha));
    for count in [4, 15, 31, 40] {
        let all = vec![zero; count];
        let before = hash(
            zero,
            &Query::Alpha {
                delta: &zero,
                f: &all,
            },
        );
        for i in 0..count {
            let mut f = all.clone();
            f[i] = Fr::ONE;
            assert_ne!(
                hash(
                    zero,
                    &Query::Alpha {
                        delta: &zero,
                        f: &f
                    }
                ),
                before
            );
        }
    }
}
