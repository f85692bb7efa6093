//! Each gadget against native arithmetic: random and edge values, and what a prover gains who
//! leaves the honest path.

use ff::{Field, PrimeField};
use maci_nova_protocol::babyjub::{Point as NativePoint, Scalar};
use maci_nova_protocol::poseidon::hash;
use maci_nova_step_circuit::babyjub::{Point, SCALAR_BITS};
use maci_nova_step_circuit::bits::FIELD_BITS;
use maci_nova_step_circuit::num::{Bit, Gadget, Num};
use maci_nova_step_circuit::recorder::Recorder;
use maci_nova_step_circuit::Fr;
use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Runs `body`, expects the constraints to hold, and gives its result and what it cost.
fn run<R>(body: impl FnOnce(&mut Gadget<'_, Recorder>) -> R) -> (R, usize) {
    run_in(Recorder::default(), body)
}

fn run_in<R>(
    mut recorder: Recorder,
    body: impl FnOnce(&mut Gadget<'_, Recorder>) -> R,
) -> (R, usize) {
    let mut gadget = Gadget::new(&mut recorder);
    let out = body(&mut gadget);
    // Divisions by zero included.
    assert_eq!(gadget.violated(), None);
    assert!(recorder.violated().is_none());
    (out, recorder.total().constraints)
}

fn is_satisfied(body: impl FnOnce(&mut Gadget<'_, Recorder>)) -> bool {
    let mut recorder = Recorder::default();
    body(&mut Gadget::new(&mut recorder));
    recorder.violated().is_none()
}

fn biguint(value: &Fr) -> BigUint {
    BigUint::from_bytes_le(value.to_repr().as_ref())
}

fn modulus() -> BigUint {
    biguint(&-Fr::ONE) + 1u8
}

fn order() -> BigUint {
    BigUint::from_bytes_le((-Scalar::ONE).to_repr().as_ref()) + 1u8
}

fn le_bytes(value: &BigUint) -> [u8; 32] {
    let mut bytes = [0; 32];
    let digits = value.to_bytes_le();
    bytes[..digits.len()].copy_from_slice(&digits);
    bytes
}

fn element(value: &BigUint) -> Fr {
    Option::from(Fr::from_repr(le_bytes(value).into())).expect("below r")
}

fn bits_of(gadget: &mut Gadget<'_, Recorder>, value: &BigUint, n: usize) -> Vec<Bit> {
    (0..n as u64)
        .map(|i| gadget.alloc_bit(value.bit(i)))
        .collect()
}

/// An S-box is three products, or one power.
#[test]
fn poseidon_is_native_poseidon() {
    let mut rng = rng(1);
    let x: [Fr; 5] = core::array::from_fn(|_| Fr::random(&mut rng));
    let [a, b, c, d, _] = x;
    let expected = [
        (hash(&[a, b]), 80),
        (hash(&[a, b, c]), 87),
        (hash(&[a, b, c, d]), 99),
        (hash(&x), 107),
    ];
    for (inputs, (native, boxes)) in (2..).zip(expected) {
        let hashed = |g: &mut Gadget<'_, Recorder>| {
            let n = x.map(|x| g.alloc(x));
            match inputs {
                2 => g.hash([&n[0], &n[1]]),
                3 => g.hash([&n[0], &n[1], &n[2]]),
                4 => g.hash([&n[0], &n[1], &n[2], &n[3]]),
                _ => g.hash([&n[0], &n[1], &n[2], &n[3], &n[4]]),
            }
        };
        let (out, cost) = run_in(Recorder::default(), hashed);
        assert_eq!((out.value(), cost), (native, 3 * boxes));
        let (out, cost) = run_in(Recorder::with_powers(), hashed);
        assert_eq!((out.value(), cost), (native, boxes));
    }
}

#[test]
fn a_fifth_power() {
    for x in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(3)] {
        for (recorder, expected) in [(Recorder::default(), 3), (Recorder::with_powers(), 1)] {
            let (power, cost) = run_in(recorder, |g| {
                let x = g.alloc(x);
                g.fifth_power(&x)
            });
            assert_eq!((power.value(), cost), (x.pow_vartime([5]), expected));
        }
        for recorder in [Recorder::default(), Recorder::with_powers()] {
            let (power, cost) = run_in(recorder, |g| g.fifth_power(&Num::constant(x)));
            let constant = power.as_constant();
            assert_eq!((constant, cost), (Some(x.pow_vartime([5])), 0));
        }
    }
}

/// Of an S-box neither what is raised nor the power can be another one, and no place of a hash is
/// free.
#[test]
fn no_variable_of_a_power_can_be_changed_alone() {
    let mut recorder = Recorder::with_powers();
    let mut gadget = Gadget::new(&mut recorder);
    let inputs = [1, 2].map(|input| gadget.alloc_input(Fr::from(input)));
    let digest = gadget.hash([&inputs[0], &inputs[1]]);
    gadget.publish(&digest);
    assert_eq!(recorder.total().powers, 80);
    let touching = recorder.constraints_of_variables();
    for (variable, constraints) in touching.iter().enumerate().skip(1) {
        let value = recorder.assignment()[variable];
        assert!(recorder.all_hold_with(constraints, variable, value));
        for other in [Fr::ZERO, Fr::ONE, -value, value + Fr::ONE, value.double()] {
            let accepted = recorder.all_hold_with(constraints, variable, other);
            assert_eq!(accepted, other == value, "variable {variable}");
        }
    }
}

#[test]
fn canonical_bits_are_those_of_the_integer() {
    let mut rng = rng(2);
    let two_253: BigUint = BigUint::from(1u8) << 253;
    let mut values = vec![
        BigUint::from(0u8),
        BigUint::from(1u8),
        modulus() - 1u8,
        modulus() - 2u8,
        two_253.clone(),
        two_253 - 1u8,
        modulus() - (BigUint::from(1u8) << 28),
        modulus() - (BigUint::from(1u8) << 28) - 1u8,
    ];
    values.extend((0..8).map(|_| biguint(&Fr::random(&mut rng))));
    for value in values {
        let (bits, _) = run(|g| {
            let a = g.alloc(element(&value));
            g.canonical_bits(&a)
        });
        for (i, bit) in bits.iter().enumerate() {
            assert_eq!(bit.value(), value.bit(i as u64), "{value} bit {i}");
        }
    }
}

/// The bits of a + r make a too. Whatever chunk the prover names as the highest that differs,
/// whatever it says the comparison gives, the constraints do not hold.
#[test]
fn bits_of_the_element_plus_the_modulus_are_not_canonical() {
    for small in [0u8, 1, 77] {
        let other = modulus() + small;
        let attempt = |replacements: &[(usize, Fr)]| {
            let mut recorder = Recorder::default();
            let mut gadget = Gadget::with_replacements(&mut recorder, replacements);
            let a = Num::constant(Fr::from(u64::from(small)));
            let bits = bits_of(&mut gadget, &other, FIELD_BITS);
            gadget.enforce_equal("sum", &Num::from_bits_le(&bits), &a);
            let below = gadget.less_than_constant(&bits, &le_bytes(&modulus()));
            gadget.enforce_equal("below", below.num(), &Num::one());
            let hints = gadget.hints().len();
            (recorder.violated().is_none(), hints)
        };
        let (satisfied, hints) = attempt(&[]);
        assert!(!satisfied);
        for index in FIELD_BITS..hints {
            for value in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(1 << 32)] {
                assert!(!attempt(&[(index, value)]).0, "hint {index}");
            }
        }
    }
}

#[test]
fn less_than_constant_is_exact_around_the_bound() {
    let mut rng = rng(3);
    let mut bounds = vec![order(), modulus()];
    bounds.push(BigUint::from(1u8) << 250);
    for bound in bounds {
        let n = bound.bits() as usize;
        let mut values: Vec<BigUint> = (0u32..3).map(|d| &bound - d.min(2)).collect();
        values.push(BigUint::from(0u8));
        values.push((BigUint::from(1u8) << n) - 1u8);
        for shift in [1usize, 31, 32, 33, 64, 200] {
            values.push(&bound - (BigUint::from(1u8) << shift));
            values.push(&bound + (BigUint::from(1u8) << shift));
        }
        for _ in 0..4 {
            values.push(biguint(&Fr::random(&mut rng)));
        }
        for value in values.into_iter().filter(|v| v.bits() as usize <= n) {
            let (below, _) = run(|g| {
                let bits = bits_of(g, &value, n);
                g.less_than_constant(&bits, &le_bytes(&bound))
            });
            assert_eq!(below.value(), value < bound, "{value} < {bound}");
        }
    }
}

#[test]
fn less_than_compares_and_refuses_what_is_out_of_range() {
    for (a, b) in [
        (0u64, 0u64),
        (0, 1),
        (1, 0),
        (5, 5),
        ((1 << 50) - 1, 1 << 50),
        ((1 << 50) - 1, 0),
    ] {
        let (below, _) = run(|g| {
            let (a, b) = (g.alloc(Fr::from(a)), g.alloc(Fr::from(b)));
            g.less_than(&a, &b, 50)
        });
        assert_eq!(below.value(), a < b);
    }
    assert!(!is_satisfied(|g| {
        let (a, b) = (g.alloc(-Fr::ONE), g.alloc(Fr::from(1 << 51)));
        g.less_than(&a, &b, 50);
    }));
}

/// A point of order 8, and with it all of the low orders.
fn torsion() -> NativePoint {
    let mut x = Fr::ONE;
    loop {
        // y^2 = (1 - a x^2) / (1 - d x^2)
        let xx = x * x;
        let denominator = Fr::ONE - Fr::from(168_696) * xx;
        let yy = (Fr::ONE - Fr::from(168_700) * xx) * denominator.invert().unwrap();
        if let Some(y) = Option::<Fr>::from(yy.sqrt()) {
            let low = NativePoint { x, y }.mul(&le_bytes(&order()));
            if low.double().double() != NativePoint::IDENTITY {
                assert!(low.double().double().double() == NativePoint::IDENTITY);
                return low;
            }
        }
        x += Fr::ONE;
    }
}

/// Points of every order: 1, 2, 4, 8, ℓ, 2 ℓ, 4 ℓ, 8 ℓ.
fn points() -> Vec<NativePoint> {
    let low = torsion();
    let large = NativePoint::base8().mul(&le_bytes(&BigUint::from(987_654_321u64)));
    let mut points = vec![NativePoint::IDENTITY, NativePoint::base8(), large];
    for multiple in 1u8..8 {
        let part = low.mul(&le_bytes(&BigUint::from(multiple)));
        points.push(part);
        points.push(large.add(&part));
    }
    points
}

fn scalars() -> Vec<BigUint> {
    let mut rng = rng(4);
    let mut scalars: Vec<BigUint> = (0u32..12).map(BigUint::from).collect();
    scalars.extend((1u32..10).map(|d| order() - d));
    scalars.push(BigUint::from(1u8) << 250);
    scalars.push((BigUint::from(1u8) << 250) - 1u8);
    scalars.push(order() >> 1);
    scalars.push(order() >> 2);
    scalars.extend(
        (0..3).map(|_| BigUint::from_bytes_le(Scalar::random(&mut rng).to_repr().as_ref())),
    );
    scalars
}

#[test]
fn edwards_additions_and_doublings_hold_for_all_pairs() {
    for p in points() {
        for q in points() {
            let ((sum, twice), _) = run(|g| {
                let (a, b) = (g.alloc_point(&p), g.alloc_point(&q));
                (g.add_points(&a, &b), g.double_point(&a))
            });
            assert_eq!(sum.value(), p.add(&q));
            assert_eq!(twice.value(), p.double());
        }
    }
}

#[test]
fn a_point_is_on_the_curve_or_not() {
    let off = [(0u64, 0u64), (1, 1), (3, 5)].map(|(x, y)| NativePoint {
        x: Fr::from(x),
        y: Fr::from(y),
    });
    for point in points().into_iter().chain(off) {
        let (on, cost) = run(|g| {
            let p = g.alloc_point(&point);
            g.is_on_curve(&p)
        });
        assert_eq!(on.value(), point.is_on_curve());
        assert_eq!(cost, 6);
    }
}

#[test]
fn scalar_times_any_point() {
    for point in points() {
        for scalar in scalars() {
            let (product, _) = run(|g| {
                let p = g.alloc_point(&point);
                let bits = bits_of(g, &scalar, SCALAR_BITS);
                let windows = g.scalar_windows(&bits);
                g.mul_point(&windows, &p)
            });
            assert_eq!(product.value(), point.mul(&le_bytes(&scalar)), "{scalar}");
        }
    }
}

/// Scalars that run into multiples of the order at the end of the ladder, from both sides.
#[test]
fn any_element_times_the_cofactor_multiple_of_any_point() {
    let mut scalars = scalars();
    for quotient in 1u32..8 {
        for off in 0u32..8 {
            scalars.push(order() * quotient + off);
            scalars.push(order() * quotient - off);
        }
    }
    scalars.push(modulus() - 1u8);
    let scalars: Vec<_> = scalars.into_iter().filter(|s| *s < modulus()).collect();
    for (i, point) in points().into_iter().enumerate() {
        for scalar in scalars.iter().skip(i % 3).step_by(3) {
            let ((is_low, product), _) = run(|g| {
                let p = g.alloc_point(&point);
                let bits = bits_of(g, scalar, FIELD_BITS);
                let windows = g.scalar_windows(&bits);
                g.mul_cofactor_multiple(&windows, &p)
            });
            let eight = point.double().double().double();
            assert_eq!(is_low.value(), eight == NativePoint::IDENTITY);
            assert_eq!(product.value(), eight.mul(&le_bytes(scalar)), "{scalar}");
        }
    }
}

#[test]
fn scalar_times_the_base_point() {
    let mut scalars = scalars();
    // Any 251 bits: a signature's scalar need not be below the order.
    scalars.extend((0u32..8).map(|off| order() + off));
    scalars.push((BigUint::from(1u8) << 251) - 1u8);
    scalars.push((BigUint::from(1u8) << 251) - 2u8);
    for scalar in scalars {
        let (product, _) = run(|g| {
            let bits = bits_of(g, &scalar, SCALAR_BITS);
            let windows = g.scalar_windows(&bits);
            g.mul_base(&windows)
        });
        assert_eq!(
            product.value(),
            NativePoint::base8().mul(&le_bytes(&scalar)),
            "{scalar}"
        );
    }
}

#[test]
fn positions_are_unique_and_bounded() {
    use maci_nova_protocol::tree::SparseTree;
    let mut rng = rng(5);
    let mut tree = SparseTree::new(3, Fr::ZERO);
    for index in [0u64, 1, 4, 5, 24, 25, 63, 124] {
        tree.set(index, Fr::random(&mut rng))
            .expect("index in range");
    }
    for index in [0u64, 1, 4, 5, 24, 25, 63, 99, 124] {
        let path = tree.path(index).expect("index in range");
        let (root, _) = run(|g| {
            let i = g.alloc(Fr::from(index));
            let position = g.position(&i, 3);
            let siblings = g.alloc_path(&path);
            let leaf = g.alloc(tree.leaf(index));
            g.root(&leaf, &position, &siblings)
        });
        assert_eq!(root.value(), tree.root());
    }
    assert!(!is_satisfied(|g| {
        let i = g.alloc(Fr::from(125));
        g.position(&i, 3);
    }));
    // No other digits make the same index.
    let attempt = |replacements: &[(usize, Fr)]| {
        let mut recorder = Recorder::default();
        let mut gadget = Gadget::with_replacements(&mut recorder, replacements);
        let index = Num::constant(Fr::from(7));
        gadget.position(&index, 3);
        let hints = gadget.hints().len();
        (recorder.violated().is_none(), hints)
    };
    let (_, hints) = attempt(&[]);
    let accepted = (0..hints).filter(|i| attempt(&[(*i, Fr::ONE)]).0).count();
    // Digits 2, 1, 0 set three of the twelve bits: replacing those by 1 changes nothing.
    assert_eq!((hints, accepted), (12, 3));
}

#[test]
fn every_triple_of_elements_has_a_verification() {
    use maci_nova_protocol::eddsa::{sign, verify};
    use maci_nova_protocol::keys::PrivateKey;
    use maci_nova_step_circuit::eddsa::Signature;
    let mut rng = rng(6);
    let private = PrivateKey::random(&mut rng);
    let public = private.public_key().point();
    let message = Fr::random(&mut rng);
    let good = sign(&private, message);
    let off = NativePoint {
        x: Fr::ONE,
        y: Fr::ONE,
    };
    let mut cases = vec![(public, message, good)];
    cases.push((public, message + Fr::ONE, good));
    for key in points().into_iter().chain([
        off,
        NativePoint {
            x: Fr::ZERO,
            y: Fr::ZERO,
        },
    ]) {
        cases.push((key, message, good));
        // S B8 = R8 + h O: what anyone can make for a key of low order.
        let mut anyone = good;
        anyone.s = Fr::from(5);
        anyone.r8 = NativePoint::base8().mul(&le_bytes(&BigUint::from(5u8)));
        cases.push((key, message, anyone));
    }
    for r8 in points().into_iter().chain([off]) {
        let mut other = good;
        other.r8 = r8;
        cases.push((public, message, other));
    }
    let s = biguint(&good.s);
    for s in [
        BigUint::from(0u8),
        &s + order(),
        order(),
        order() - 1u8,
        modulus() - 1u8,
        BigUint::from(rng.next_u64()),
    ] {
        let mut other = good;
        other.s = element(&s);
        cases.push((public, message, other));
    }
    let mut accepted = 0;
    for (key, message, signature) in cases {
        let (valid, _) = run(|g| {
            let k = g.alloc_point(&key);
            let m = g.alloc(message);
            let r8 = g.alloc_point(&signature.r8);
            let s = g.alloc(signature.s);
            g.verify_signature(&k, &m, &Signature { r8, s })
        });
        assert_eq!(valid.value(), verify(&key, message, &signature).is_ok());
        accepted += usize::from(valid.value());
    }
    // The honest one alone: what anyone can make for a key of low order is nothing.
    assert_eq!(accepted, 1);
}

#[test]
fn the_point_gadget_keeps_constants_free() {
    let (_, cost) = run(|g| {
        let p = Point::constant(&NativePoint::base8());
        g.select_point(&Bit::constant(true), &p, &Point::identity())
    });
    assert_eq!(cost, 0);
}
