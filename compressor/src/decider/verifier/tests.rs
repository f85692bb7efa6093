//! Proofs made with the trapdoors, for any statement and without a circuit; and what must not pass.

use ark_bn254::{Fq2, G2Projective};
use ark_ec::PrimeGroup;
use ark_ff::{Field, UniformRand};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

use super::*;
use maci_nova_groth16::convert::{bytes, ToHalo};

/// The words of a proof that are scalars.
const SCALARS: [usize; 4] = [6, 7, 18, 19];

/// Everything that is secret: with it proofs of anything can be made.
struct Logs {
    alpha: Fr,
    beta: Fr,
    gamma_prime: Fr,
    delta: Fr,
    tau: Fr,
    h: Fr,
    ic: [Fr; 4],
}

fn g1(log: Fr) -> G1Affine {
    (G1Projective::generator() * log).into_affine()
}

fn g2(log: Fr) -> G2Affine {
    (G2Projective::generator() * log).into_affine()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(11)
}

impl Logs {
    fn new(gamma_prime: Fr) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(10);
        let mut random = || Fr::rand(&mut rng);
        Logs {
            alpha: random(),
            beta: random(),
            gamma_prime,
            delta: random(),
            tau: random(),
            h: random(),
            ic: [random(), random(), random(), random()],
        }
    }

    /// The committed part with its own trapdoor.
    fn own() -> Self {
        Self::new(Fr::from(987654321))
    }

    /// The committed part with the trapdoor of the public one, which is 1.
    fn shared() -> Self {
        Self::new(Fr::ONE)
    }

    fn key(&self) -> DeciderKey {
        DeciderKey {
            groth16: VerifyingKey {
                alpha: g1(self.alpha),
                beta: g2(self.beta),
                gamma_prime: g2(self.gamma_prime),
                delta: g2(self.delta),
                ic: self.ic.map(g1).to_vec(),
            },
            tau_2: g2(self.tau),
            h: g1(self.h),
        }
    }

    /// A, B and C with `A B = alpha beta + IC(publics) + D gamma' + C delta`.
    fn groth16(&self, publics: [Fr; 3], d: Fr, rng: &mut ChaCha20Rng) -> Proof {
        let [a, b] = [Fr::rand(rng), Fr::rand(rng)];
        let ic = self.ic[0] + (0..3).map(|i| publics[i] * self.ic[i + 1]).sum::<Fr>();
        let rest = a * b - self.alpha * self.beta - ic - d * self.gamma_prime;
        Proof {
            a: g1(a),
            b: g2(b),
            c: g1(rest / self.delta),
        }
    }

    /// An accepted proof of any statement: D is `[d + shift]_1`, and the Groth16 proof is one for
    /// `[d]_1` and for e_v moved by `e_v_shift`.
    fn simulate_shifted(
        &self,
        statement: &DeciderStatement,
        shift: Fr,
        e_v_shift: Fr,
    ) -> DeciderProof {
        let mut rng = rng();
        let [uc, dn, dr, r1, r2, d, e, blind] = [(); 8].map(|()| Fr::rand(&mut rng));
        let fold = Fold {
            uc: g1(uc),
            dn: g1(dn),
            dr: g1(dr),
            r1,
            r2,
        };
        let committed = g1(d + shift);
        let v = statement.v(&fold);
        let challenge = statement.challenge(&committed, &v);
        let e_v = evaluate(&v, &challenge) + e_v_shift;
        // F - b h - e + c pi = tau pi
        let folded = uc + r1 * dn + r2 * dr;
        let opening = (folded - blind * self.h - e) / (self.tau - challenge);
        DeciderProof {
            fold,
            d: committed,
            groth16: self.groth16([challenge, e_v, e], d, &mut rng),
            e,
            blind,
            opening: g1(opening),
        }
    }

    fn simulate(&self, statement: &DeciderStatement) -> DeciderProof {
        self.simulate_shifted(statement, Fr::ZERO, Fr::ZERO)
    }
}

fn statement() -> DeciderStatement {
    let number = |i: usize| maci_nova_step_circuit::Fr::from(i as u64 + 100);
    let result = |votes, spent| OptionResult { votes, spent };
    DeciderStatement {
        domain: core::array::from_fn(|i| i as u8),
        z0: core::array::from_fn(number),
        z: core::array::from_fn(|i| number(i + 50)),
        results: vec![
            result(3, 9),
            result(0, 0),
            result(i128::MAX, 7),
            result(i128::MIN, u128::MAX),
            result(1, 1),
        ],
    }
}

fn check(proof: &DeciderProof) -> Result<(), DeciderError> {
    verify(&Logs::own().key(), &statement(), proof)
}

fn honest() -> DeciderProof {
    Logs::own().simulate(&statement())
}

#[test]
fn honest_proofs_are_accepted() {
    for logs in [Logs::own(), Logs::shared()] {
        let mut statement = statement();
        for options in [4, 1, 0] {
            statement.results.truncate(options);
            let proof = logs.simulate(&statement);
            assert_eq!(equations(&logs.key(), &statement, &proof), Ok(()));
            let read = DeciderProof::from_bytes(&proof.to_bytes()).expect("read");
            assert_eq!(read, proof);
        }
    }
    assert_ne!(
        equations(&Logs::shared().key(), &statement(), &honest()),
        Ok(())
    );
    assert_eq!(check(&honest()), Ok(()));
}

/// v, c, e_v, t, F and the calldata of a fixed proof, as an implementation apart from this one
/// (integers and the curve's formulas only) computes them.
#[test]
fn the_layout_is_the_specified_one() {
    let scalar = |value: u64| Fr::from(value);
    let fold = Fold {
        uc: g1(scalar(2)),
        dn: g1(scalar(3)),
        dr: g1(scalar(4)),
        r1: scalar(6),
        r2: -scalar(1),
    };
    let proof = DeciderProof {
        fold,
        d: g1(scalar(7)),
        groth16: Proof {
            a: g1(scalar(8)),
            b: g2(scalar(9)),
            c: g1(scalar(10)),
        },
        e: scalar(11),
        blind: scalar(12),
        opening: g1(scalar(13)),
    };
    let result = |votes, spent| OptionResult { votes, spent };
    let statement = DeciderStatement {
        domain: core::array::from_fn(|i| i as u8),
        z0: core::array::from_fn(|i| scalar(i as u64 + 1).to_halo()),
        z: core::array::from_fn(|i| (-scalar(i as u64 + 1)).to_halo()),
        results: vec![result(5, 25), result(6, 36), result(-7, u128::MAX)],
    };
    let v = statement.v(&fold);
    assert_eq!(v.len(), FIXED + 6);
    let packed = [
        "133590921130067234979778852496967263698799246692307",
        "1342678597349698600663539997778381114848213269521092",
        "256377135862639719670818885740338362050932178870593",
    ];
    assert_eq!(
        v[18..21].iter().map(Fr::to_string).collect::<Vec<_>>(),
        packed
    );
    let Challenges { c, e_v, t } = Challenges::new(&statement, &proof);
    let expected = [
        "3796309283134846616299662251243010020664456858172283111072704255495886923875",
        "9818091979480804966590212470451982706555874113868236657192258187713901733944",
        "17574911598115698522699827046883430202763188560755453157251596952842282945480",
    ];
    assert_eq!([c, e_v, t].map(|element| element.to_string()), expected);
    assert_eq!(
        fold.commitment().into_affine().x.to_string(),
        "10835225521862395592687560951453385602895512958032257955899877380493200080708"
    );
    let calldata: [u8; 32] = Keccak256::digest(proof.to_bytes()).into();
    let expected = "276ee1ee0a76a597858587820564589cfa19389c7f8914f2e89df61c4540df52";
    assert_eq!(
        calldata.map(|byte| format!("{byte:02x}")).concat(),
        expected
    );
}

#[test]
fn a_coordinate_is_split_where_specified() {
    let power = |bits: u64| Fq::from(2).pow([bits]);
    assert_eq!(split(Fq::ZERO), (Fr::ZERO, 0));
    assert_eq!(split(power(169)), (Fr::from(2).pow([169]), 0));
    assert_eq!(split(power(170)), (Fr::ZERO, 1));
    assert_eq!(split(power(192)), (Fr::ZERO, 1 << 22));
    assert_eq!(split(power(253)), (Fr::ZERO, 1 << 83));
    for coordinate in [-Fq::from(1), -Fq::from(12345), power(200) - Fq::from(1)] {
        let (low, high) = split(coordinate);
        let low = Fq::from_bigint(low.into_bigint()).expect("below 2^170");
        assert_eq!(low + Fq::from(high) * power(170), coordinate);
        assert!(high < 1 << (HIGH_BITS - 1));
    }
}

#[test]
fn every_word_matters() {
    let bytes = honest().to_bytes();
    for word in 0..DeciderProof::WORDS {
        for (at, bit) in [(31, 0x01), (31, 0x80), (16, 0x10), (0, 0x01), (0, 0x80)] {
            let mut changed = bytes;
            changed[word * WORD + at] ^= bit;
            let refused = DeciderProof::from_bytes(&changed).and_then(|proof| check(&proof));
            assert!(refused.is_err(), "word {word}");
        }
        let mut zeroed = bytes;
        zeroed[word * WORD..][..WORD].fill(0);
        let refused = DeciderProof::from_bytes(&zeroed).and_then(|proof| check(&proof));
        assert!(refused.is_err(), "word {word}");
    }
}

/// All points and scalars replaced by other valid ones, so that only the equation can tell.
#[test]
fn every_element_matters() {
    type Change = fn(&mut DeciderProof);
    fn move_g1(point: &mut G1Affine) {
        *point = (*point + G1Affine::generator()).into_affine();
    }
    let changes: [Change; 16] = [
        |p| move_g1(&mut p.fold.uc),
        |p| move_g1(&mut p.fold.dn),
        |p| move_g1(&mut p.fold.dr),
        |p| move_g1(&mut p.d),
        |p| move_g1(&mut p.groth16.a),
        |p| move_g1(&mut p.groth16.c),
        |p| move_g1(&mut p.opening),
        |p| p.groth16.b = (p.groth16.b + G2Affine::generator()).into_affine(),
        |p| p.fold.r1 += Fr::from(1),
        |p| p.fold.r2 += Fr::from(1),
        |p| p.e += Fr::from(1),
        |p| p.blind += Fr::from(1),
        |p| core::mem::swap(&mut p.fold.uc, &mut p.fold.dn),
        |p| core::mem::swap(&mut p.fold.dn, &mut p.fold.dr),
        |p| core::mem::swap(&mut p.fold.r1, &mut p.fold.r2),
        |p| core::mem::swap(&mut p.groth16.c, &mut p.opening),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut proof = honest();
        change(&mut proof);
        assert_eq!(check(&proof), Err(DeciderError::False), "change {number}");
    }
    let points: [fn(&mut DeciderProof) -> &mut G1Affine; 7] = [
        |p| &mut p.fold.uc,
        |p| &mut p.fold.dn,
        |p| &mut p.fold.dr,
        |p| &mut p.d,
        |p| &mut p.groth16.a,
        |p| &mut p.groth16.c,
        |p| &mut p.opening,
    ];
    for point in points {
        for replace in [|p: G1Affine| -p, |_| G1Affine::zero()] {
            let mut proof = honest();
            let point = point(&mut proof);
            *point = replace(*point);
            assert_eq!(check(&proof), Err(DeciderError::False));
        }
    }
}

/// Adds a modulus to a word.
fn add(word: &mut [u8], modulus: BigInt<4>) {
    let modulus = bytes(modulus.0);
    let mut carry = 0;
    for (byte, add) in word.iter_mut().rev().zip(modulus) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
}

#[test]
fn only_canonical_words_are_read() {
    let bytes = honest().to_bytes();
    for word in 0..DeciderProof::WORDS {
        let modulus = match SCALARS.contains(&word) {
            true => Fr::MODULUS,
            false => Fq::MODULUS,
        };
        let refused = Err(DeciderError::NotCanonical(word));
        // The same residue plus one, two and three moduli, 0 plus one, and the largest word.
        let mut changed = bytes;
        for _ in 0..3 {
            add(&mut changed[word * WORD..][..WORD], modulus);
            assert_eq!(DeciderProof::from_bytes(&changed), refused);
        }
        changed[word * WORD..][..WORD].fill(0);
        add(&mut changed[word * WORD..][..WORD], modulus);
        assert_eq!(DeciderProof::from_bytes(&changed), refused);
        changed[word * WORD..][..WORD].fill(0xff);
        assert_eq!(DeciderProof::from_bytes(&changed), refused);
    }
    // Between r and q: a coordinate may be there, a scalar not.
    let mut changed = bytes;
    changed[SCALARS[0] * WORD..][..WORD].copy_from_slice(&word(&-Fq::from(1)));
    let refused = Err(DeciderError::NotCanonical(SCALARS[0]));
    assert_eq!(DeciderProof::from_bytes(&changed), refused);
    let largest = word(&-Fq::from(1));
    let mut words = Words::new(&largest);
    assert_eq!(words.element(), Ok(-Fq::from(1)));
}

#[test]
fn only_22_words_are_read() {
    let bytes = honest().to_bytes();
    for length in [0, 1, 31, 32, 672, 703] {
        let refused = DeciderProof::from_bytes(&bytes[..length]);
        assert_eq!(refused, Err(DeciderError::Length(length)));
    }
    for more in [1, 32] {
        let longer = [bytes.as_slice(), &[0; 32][..more]].concat();
        let refused = DeciderProof::from_bytes(&longer);
        assert_eq!(refused, Err(DeciderError::Length(704 + more)));
    }
}

#[test]
fn no_bytes_cause_a_panic() {
    let mut rng = rng();
    let honest = honest().to_bytes();
    for round in 0..2000 {
        let mut bytes = honest;
        if round % 2 == 0 {
            rng.fill_bytes(&mut bytes);
            // Mostly below the moduli.
            bytes
                .iter_mut()
                .step_by(WORD)
                .for_each(|byte| *byte &= 0x1f);
        } else {
            let (word, other) = (rng.next_u32() as usize % 22, rng.next_u32() as usize % 22);
            bytes.copy_within(word * WORD..(word + 1) * WORD, other * WORD);
        }
        let result = DeciderProof::from_bytes(&bytes).and_then(|proof| check(&proof));
        assert!(result.is_err() || bytes == honest);
    }
}

#[test]
fn points_outside_the_groups_are_refused() {
    let off = G1Affine::new_unchecked(Fq::from(1), Fq::from(1));
    type Place = fn(&mut DeciderProof) -> &mut G1Affine;
    let places: [(usize, Place); 7] = [
        (0, |p| &mut p.fold.uc),
        (2, |p| &mut p.fold.dn),
        (4, |p| &mut p.fold.dr),
        (8, |p| &mut p.d),
        (10, |p| &mut p.groth16.a),
        (16, |p| &mut p.groth16.c),
        (20, |p| &mut p.opening),
    ];
    for (word, place) in places {
        let mut proof = honest();
        *place(&mut proof) = off;
        let refused = Err(DeciderError::Point(word));
        assert_eq!(check(&proof), refused);
        let read = DeciderProof::from_bytes(&proof.to_bytes());
        assert_eq!(read.map(|_| ()), refused);
    }
    // On the twist, of another order.
    let other_order = (1_u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("most points");
    let x = honest().groth16.b.x;
    for point in [other_order, G2Affine::new_unchecked(x, x)] {
        let mut proof = honest();
        proof.groth16.b = point;
        assert_eq!(check(&proof), Err(DeciderError::Point(12)));
        let read = DeciderProof::from_bytes(&proof.to_bytes());
        assert_eq!(read, Err(DeciderError::Point(12)));
    }
}

#[test]
fn a_proof_is_for_one_statement() {
    let (key, proof) = (Logs::own().key(), honest());
    let refused = |change: &dyn Fn(&mut DeciderStatement)| {
        let mut other = statement();
        change(&mut other);
        assert_ne!(other, statement());
        assert_eq!(verify(&key, &other, &proof), Err(DeciderError::False));
    };
    let one = maci_nova_step_circuit::Fr::from(1);
    for i in 0..32 {
        refused(&|statement| statement.domain[i] ^= 1);
    }
    for i in 0..ARITY {
        refused(&|statement| statement.z0[i] += one);
        refused(&|statement| statement.z[i] += one);
    }
    refused(&|statement| core::mem::swap(&mut statement.z0, &mut statement.z));
    for i in 0..5 {
        refused(&|statement| statement.results[i].votes ^= 1);
        refused(&|statement| statement.results[i].votes ^= i128::MIN);
        refused(&|statement| statement.results[i].spent ^= 1 << 127);
    }
    refused(&|statement| statement.results.swap(0, 1));
    refused(&|statement| statement.results.truncate(3));
    refused(&|statement| statement.results.clear());
    refused(&|statement| statement.results.push(OptionResult::default()));
}

#[test]
fn a_key_without_three_inputs_is_refused() {
    let mut key = Logs::own().key();
    key.groth16.ic.pop();
    let refused = verify(&key, &statement(), &honest());
    assert_eq!(refused, Err(DeciderError::Key));
    key.groth16.ic.clear();
    let refused = verify(&key, &statement(), &honest());
    assert_eq!(refused, Err(DeciderError::Key));
}

/// Every part of the key counts.
#[test]
fn a_proof_is_for_one_key() {
    let changes: [fn(&mut Logs); 9] = [
        |logs| logs.alpha += Fr::from(1),
        |logs| logs.beta += Fr::from(1),
        |logs| logs.gamma_prime += Fr::from(1),
        |logs| logs.delta += Fr::from(1),
        |logs| logs.tau += Fr::from(1),
        |logs| logs.h += Fr::from(1),
        |logs| logs.ic[0] += Fr::from(1),
        |logs| logs.ic[2] += Fr::from(1),
        |logs| logs.ic.swap(1, 3),
    ];
    for change in changes {
        let mut logs = Logs::own();
        change(&mut logs);
        let refused = verify(&logs.key(), &statement(), &honest());
        assert_eq!(refused, Err(DeciderError::False));
    }
}

/// D moved by multiples of every base that a prover has.
#[test]
fn d_moved_along_a_base_is_refused() {
    let key = Logs::own().key();
    // A committed base is a point like any other to the verifier.
    let committed = g1(Fr::from(31337));
    for base in key.groth16.ic.iter().chain([&committed]) {
        for t in [Fr::from(1), -Fr::from(1), Fr::from(12345)] {
            let mut proof = honest();
            proof.d = (proof.d + *base * t).into_affine();
            assert_eq!(check(&proof), Err(DeciderError::False));
        }
    }
}

/// The forgery that D's own trapdoor is for. The claim differs from what the circuit proves in v_0
/// alone, so e_v differs by 1 whatever c is, and `D - IC_2` in place of D carries it:
/// `IC(c, e_v + 1, e) + (D - IC_2) = IC(c, e_v, e) + D`.
/// The Groth16 proof in it is one for the true statement and its own D.
#[test]
fn moving_d_forges_only_without_its_own_trapdoor() {
    let mut claimed = statement();
    claimed.z0[0] += maci_nova_step_circuit::Fr::from(1);
    let forge = |logs: &Logs| {
        let proof = logs.simulate_shifted(&claimed, -logs.ic[2], -Fr::from(1));
        equations(&logs.key(), &claimed, &proof)
    };
    assert_eq!(forge(&Logs::shared()), Ok(()), "the attack works");
    assert_eq!(forge(&Logs::own()), Err(DeciderError::False));
}

/// `e(A, B + s gamma') = e(A, B) e(s A, gamma')`: D takes it in the bare equation, but c is made
/// from D.
#[test]
fn b_moved_by_gamma_prime_is_refused() {
    let key = Logs::own().key();
    let mut proof = honest();
    let before = Challenges::new(&statement(), &proof);
    let s = Fr::from(77);
    proof.groth16.b = (proof.groth16.b + key.groth16.gamma_prime * s).into_affine();
    assert_eq!(check(&proof), Err(DeciderError::False));
    proof.d = (proof.d + proof.groth16.a * s).into_affine();
    assert_eq!(
        holds(&key, &before, &proof),
        Ok(true),
        "with the old challenge"
    );
    assert_eq!(check(&proof), Err(DeciderError::False));
}

/// An error in the one equation that the other takes back, for a t that is guessed.
#[test]
fn the_two_equations_do_not_make_up_for_each_other() {
    let logs = Logs::own();
    let key = logs.key();
    let error = Fr::from(5);
    let honest_t = Challenges::new(&statement(), &honest()).t;
    for guessed in [Fr::from(1), honest_t] {
        let mut proof = honest();
        // C delta + error, t (K - error / t)
        proof.groth16.c = (proof.groth16.c + g1(error / logs.delta)).into_affine();
        proof.blind += error / (guessed * logs.h);
        let mut challenges = Challenges::new(&statement(), &proof);
        assert_ne!(challenges.t, guessed);
        assert_eq!(check(&proof), Err(DeciderError::False));
        challenges.t = guessed;
        assert_eq!(holds(&key, &challenges, &proof), Ok(true), "with the guess");
    }
}

/// A proof for another e than the opening's: e stands in both equations.
#[test]
fn e_is_the_same_in_both_equations() {
    let logs = Logs::own();
    let mut proof = honest();
    let Challenges { c, e_v, .. } = Challenges::new(&statement(), &proof);
    let publics = [c, e_v, proof.e + Fr::from(1)];
    let d = Fr::from(4);
    proof.d = g1(d);
    let v = statement().v(&proof.fold);
    let c = statement().challenge(&proof.d, &v);
    let right = [c, evaluate(&v, &c), proof.e];
    // With D known, a Groth16 proof of the right publics passes the first equation.
    proof.groth16 = logs.groth16(right, d, &mut rng());
    let first = |proof: &DeciderProof, publics: &[Fr]| {
        maci_nova_groth16::verify(&logs.key().groth16, publics, &proof.d, &proof.groth16)
    };
    assert_eq!(first(&proof, &right), Ok(()));
    // The opening is for the old challenge.
    assert_eq!(check(&proof), Err(DeciderError::False));
    let Fold { uc, dn, dr, r1, r2 } = proof.fold;
    let folded = uc + dn * r1 + dr * r2;
    let opened = folded - g1(logs.h) * proof.blind - g1(proof.e);
    let divisor = (logs.tau - c).inverse().expect("not tau");
    proof.opening = (opened * divisor).into_affine();
    assert_eq!(check(&proof), Ok(()));
    // Now a Groth16 proof for e + 1, the opening for e, and the reverse.
    let wrong = [right[0], right[1], publics[2]];
    let mut mixed = proof.clone();
    mixed.groth16 = logs.groth16(wrong, d, &mut rng());
    assert_eq!(first(&mixed, &wrong), Ok(()));
    assert_eq!(check(&mixed), Err(DeciderError::False));
    mixed.e = publics[2];
    assert_eq!(check(&mixed), Err(DeciderError::False));
}

/// Proofs are not unique, as documented: nobody may take one for a serial number.
#[test]
fn proofs_can_be_rerandomized() {
    let mut proof = honest();
    let s = Fr::from(3);
    let Proof { a, b, .. } = proof.groth16;
    proof.groth16.a = (a * s).into_affine();
    proof.groth16.b = (b * s.inverse().expect("not 0")).into_affine();
    assert_ne!(proof, honest());
    assert_eq!(check(&proof), Ok(()));
}

#[test]
fn keys_that_the_contract_refuses_are_refused() {
    type Change = fn(&mut DeciderKey);
    let changes: [Change; 9] = [
        |key| key.groth16.alpha = G1Affine::zero(),
        |key| key.groth16.ic[2] = G1Affine::zero(),
        |key| key.h = G1Affine::zero(),
        |key| key.h.x += Fq::ONE,
        |key| key.tau_2 = G2Affine::zero(),
        |key| key.groth16.gamma_prime = G2Affine::generator(),
        |key| key.groth16.gamma_prime = -key.groth16.delta,
        |key| key.tau_2 = key.groth16.beta,
        |key| key.groth16.delta.x.c0 += Fq::ONE,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut key = Logs::own().key();
        change(&mut key);
        let refused = verify(&key, &statement(), &honest());
        assert_eq!(refused, Err(DeciderError::Key), "change {i}");
    }
}
