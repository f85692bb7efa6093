//! Proofs of membership, and statements that a proof is not one for.

use std::{collections::BTreeSet, sync::OnceLock};

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{pairing::Pairing, AffineRepr, CurveGroup};
use ark_ff::{Field as _, UniformRand, Zero};
use ff::Field as _;
use maci_nova_groth16::convert::{ToArk, ToHalo};
use maci_nova_groth16::words::{word, NotCanonical, Words, WORD};
use maci_nova_groth16::{
    valid_g2, KeyCache, KeyCacheError, KeyEvent, KeyParts, PlainVerifyingKey, Proof, ProvingKey,
};
use maci_nova_protocol::{
    babyjub::{Point, Scalar},
    lean_imt::{Level, Path},
    membership::{Address, Nullifier, Terms},
    Fr as HaloFr,
};
use maci_nova_step_circuit::budget::MEMBERSHIP_CONSTRAINTS;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

/// The circuit. Another digest means that all keys have to be made again.
const CIRCUIT: &str = "4a5db2a4a0ceb587c1eac2abb07a2b941344fc209f81150835e61f713ff6810d";

const CHAIN: u64 = 31337;

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| Prover::setup(Trapdoors::insecure_development()).expect("keys"))
}

fn address(byte: u8) -> Address {
    Address([byte; 20])
}

fn scope() -> Scope {
    Scope::new(CHAIN, &address(1), 7)
}

fn terms() -> Terms<'static> {
    Terms {
        chain_id: CHAIN,
        poll: address(2),
        poll_key: Point::base8(),
        sender: address(3),
        credit_data: &[1, 2, 3],
        min_credits: 5,
    }
}

/// A tree of the keys 1 to n.
fn tree(n: u64) -> LeanImt {
    let mut tree = LeanImt::new();
    for secret in 1..=n {
        let key = Point::mul_base8(&Scalar::from(secret).to_bytes());
        tree.insert(leaf(&key)).expect("another key each time");
    }
    tree
}

/// The last of the keys 1 to n.
fn member(n: u64) -> Witness {
    let path = tree(n).path(n as usize - 1).expect("in the tree");
    Witness::of_scalar(Scalar::from(n), path).expect("few levels")
}

fn statement(witness: &Witness) -> JoinStatement {
    witness.statement(scope(), Binding::new(&terms()))
}

fn honest() -> &'static (JoinStatement, Witness, JoinProof) {
    static HONEST: OnceLock<(JoinStatement, Witness, JoinProof)> = OnceLock::new();
    HONEST.get_or_init(|| {
        let witness = member(6);
        let statement = statement(&witness);
        let proof = prover().prove(statement, &witness).expect("proven");
        (statement, witness, proof)
    })
}

fn check(statement: &JoinStatement, proof: &JoinProof) -> Result<(), JoinError> {
    verify(&prover().verifying_key(), statement, proof)
}

fn refuse(forged: &JoinStatement, why: &str) {
    let (statement, _, proof) = honest();
    assert_ne!(forged, statement);
    assert_eq!(check(forged, proof), Err(JoinError::False), "{why}");
}

#[test]
fn the_circuit_is_pinned() {
    let matrices = &prover().plain.matrices;
    assert_eq!(matrices.constraints(), MEMBERSHIP_CONSTRAINTS);
    assert_eq!(matrices.instance(), 1 + INPUTS);
    let digest: String = matrices.digest().map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(digest, CIRCUIT);
    // Whoever joins, with a path of any length: the same constraints.
    let (statement, witness, _) = honest();
    let circuit = MembershipCircuit::from_claims(*statement, witness.clone());
    let other = Matrices::record(|cs| {
        circuit.fill(&mut Gadget::new(cs));
        Ok(())
    });
    assert!(other.expect("recorded") == *matrices);
}

#[test]
fn members_of_trees_of_all_depths() {
    let level = |i: u64| Level {
        sibling: HaloFr::from(i + 5),
        is_right: i % 3 == 1,
    };
    for depth in [0, 1, 31, 32] {
        let path = Path {
            levels: (0..depth).map(level).collect(),
        };
        for secret in [Scalar::ONE, -Scalar::ONE] {
            let witness = Witness::of_scalar(secret, path.clone()).expect("32 levels at most");
            let statement = statement(&witness);
            let proof = prover().prove(statement, &witness).expect("proven");
            assert_eq!(check(&statement, &proof), Ok(()));
        }
    }
}

#[test]
fn no_two_proofs_are_alike() {
    let (statement, witness, proof) = honest();
    let other = prover().prove(*statement, witness).expect("proven");
    assert_eq!(check(statement, proof), Ok(()));
    assert_eq!(check(statement, &other), Ok(()));
    let (first, second) = (proof.to_bytes(), other.to_bytes());
    for (i, (one, other)) in first.chunks(WORD).zip(second.chunks(WORD)).enumerate() {
        assert_ne!(one, other, "word {i}");
    }
}

#[test]
fn a_proof_for_another_root() {
    let (statement, witness, _) = honest();
    for size in [5, 7] {
        let root = tree(size).root().expect("leaves");
        refuse(&JoinStatement { root, ..*statement }, "another tree");
    }
    let path = Path {
        levels: witness.path().levels[1..].to_vec(),
    };
    let root = path.root(leaf(&Point::base8()));
    refuse(&JoinStatement { root, ..*statement }, "another path");
}

#[test]
fn a_proof_for_another_poll() {
    let (statement, witness, _) = honest();
    let others = [
        Scope::new(CHAIN + 1, &address(1), 7),
        Scope::new(CHAIN, &address(9), 7),
        Scope::new(CHAIN, &address(1), 8),
    ];
    for scope in others {
        refuse(
            &JoinStatement {
                scope,
                ..*statement
            },
            "scope alone",
        );
        let nullifier = Nullifier::new(witness.secret(), &scope);
        let forged = JoinStatement {
            nullifier,
            ..*statement
        };
        refuse(&forged, "nullifier alone");
        let forged = JoinStatement { scope, ..forged };
        refuse(&forged, "scope and nullifier");
    }
}

#[test]
fn a_second_nullifier() {
    let (statement, ..) = honest();
    for secret in [Scalar::from(7), -Scalar::from(6), Scalar::ZERO] {
        let nullifier = Nullifier::new(&secret, &scope());
        refuse(
            &JoinStatement {
                nullifier,
                ..*statement
            },
            "another key's",
        );
    }
    let nullifier = Nullifier(statement.nullifier.0 + HaloFr::ONE);
    refuse(
        &JoinStatement {
            nullifier,
            ..*statement
        },
        "any",
    );
}

#[test]
fn a_proof_on_other_terms() {
    let (statement, ..) = honest();
    let terms = terms();
    let poll_key = terms.poll_key.double();
    let others = [
        Terms { poll_key, ..terms },
        Terms {
            chain_id: 1,
            ..terms
        },
        Terms {
            poll: address(9),
            ..terms
        },
        Terms {
            sender: address(9),
            ..terms
        },
        Terms {
            credit_data: &[],
            ..terms
        },
        Terms {
            min_credits: 0,
            ..terms
        },
    ];
    for other in others {
        let binding = Binding::new(&other);
        refuse(
            &JoinStatement {
                binding,
                ..*statement
            },
            "other terms",
        );
    }
    for binding in [HaloFr::ZERO, -statement.binding.0].map(Binding) {
        refuse(
            &JoinStatement {
                binding,
                ..*statement
            },
            "any",
        );
    }
}

#[test]
fn false_statements_are_not_proven() {
    let (statement, witness, _) = honest();
    let root = tree(5).root().expect("leaves");
    let false_root = prover().prove(JoinStatement { root, ..*statement }, witness);
    let expected = MembershipError::Root;
    assert!(matches!(false_root, Err(ProverError::Statement(error)) if error == expected));
    let nullifier = Nullifier(HaloFr::ONE);
    let false_nullifier = prover().prove(
        JoinStatement {
            nullifier,
            ..*statement
        },
        witness,
    );
    let expected = MembershipError::Nullifier;
    assert!(matches!(false_nullifier, Err(ProverError::Statement(error)) if error == expected));
    // Nor by who leaves the check out.
    let claims = [
        JoinStatement { root, ..*statement },
        JoinStatement {
            nullifier,
            ..*statement
        },
    ];
    for claim in claims {
        let circuit = MembershipCircuit::from_claims(claim, witness.clone());
        let values = assignment(&circuit).expect("values");
        let refused = groth16::prove(&prover().plain.key, &prover().plain.matrices, &values);
        assert!(matches!(refused, Err(groth16::ProveError::Unsatisfied(_))));
    }
}

/// An input that no constraint has would have a base that binds nothing.
#[test]
fn every_input_is_in_a_constraint_and_has_a_base() {
    let rows = prover().plain.matrices.rows();
    let columns: BTreeSet<usize> = rows
        .iter()
        .flatten()
        .flatten()
        .map(|(_, column)| *column)
        .collect();
    assert_eq!(
        columns.len(),
        prover().plain.matrices.instance() + prover().plain.matrices.witness()
    );
    let key = prover().verifying_key();
    for (i, base) in key.ic.iter().enumerate() {
        assert!(!base.is_zero());
        for other in &key.ic[..i] {
            assert!(base != other && *base != -*other);
        }
    }
}

/// The words mean what the contract computes with them.
#[test]
fn the_words_satisfy_the_equation() {
    let (statement, _, proof) = honest();
    let key = prover().verifying_key().to_bytes();
    let proof = proof.to_bytes();
    let (mut key, mut proof) = (Words::new(&key), Words::new(&proof));
    let mut read = || {
        let alpha = key.g1()?;
        let [beta, gamma, delta] = [key.g2()?, key.g2()?, key.g2()?];
        let mut instance = key.g1()?.into_group();
        for input in statement.to_array() {
            instance += key.g1()? * input.to_ark();
        }
        let (a, b, c) = (proof.g1()?, proof.g2()?, proof.g1()?);
        let left = [-a, alpha, instance.into_affine(), c];
        Ok::<_, NotCanonical>((left, [b, beta, gamma, delta]))
    };
    let (left, right) = read().expect("canonical");
    assert!(Bn254::multi_pairing(left, right).is_zero());
    for [x, y] in [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]] {
        assert_ne!(right[x], right[y], "points of their own");
    }
}

#[test]
fn changed_proofs() {
    let (statement, _, honest) = honest();
    let JoinProof(proof) = honest;
    let generator = G1Affine::generator();
    let moved = |point: G1Affine| (point + generator).into_affine();
    let b = (proof.b + G2Affine::generator()).into_affine();
    let forged = [
        Proof {
            a: moved(proof.a),
            ..proof.clone()
        },
        Proof {
            a: -proof.a,
            ..proof.clone()
        },
        Proof { b, ..proof.clone() },
        Proof {
            c: moved(proof.c),
            ..proof.clone()
        },
        Proof {
            a: G1Affine::zero(),
            ..proof.clone()
        },
        Proof {
            b: G2Affine::zero(),
            ..proof.clone()
        },
        Proof {
            c: G1Affine::zero(),
            ..proof.clone()
        },
        Proof {
            a: proof.c,
            c: proof.a,
            ..proof.clone()
        },
    ];
    for forged in forged.map(JoinProof) {
        assert_eq!(check(statement, &forged), Err(JoinError::False));
    }
    // Anybody can make another proof of the same statement.
    let k = Fr::from(5);
    let inverse = k.inverse().expect("not 0");
    let again = JoinProof(Proof {
        a: (proof.a * k).into_affine(),
        b: (proof.b * inverse).into_affine(),
        c: proof.c,
    });
    assert_eq!(check(statement, &again), Ok(()));
}

#[test]
fn points_outside_their_groups() {
    let (statement, _, JoinProof(proof)) = honest();
    let off = G1Affine::new_unchecked(Fq::from(1), Fq::from(3));
    // On the curve, and not of order r.
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let large = core::iter::repeat_with(|| Fq2::rand(&mut rng))
        .find_map(|x| G2Affine::get_point_from_x_unchecked(x, false))
        .expect("there are many");
    assert!(large.is_on_curve() && !valid_g2(&large));
    let forged = [
        (
            0,
            Proof {
                a: off,
                ..proof.clone()
            },
        ),
        (
            2,
            Proof {
                b: large,
                ..proof.clone()
            },
        ),
        (
            6,
            Proof {
                c: off,
                ..proof.clone()
            },
        ),
    ];
    for (at, forged) in forged {
        let forged = JoinProof(forged);
        assert_eq!(check(statement, &forged), Err(JoinError::Point(at)));
        let read = JoinProof::from_bytes(&forged.to_bytes());
        assert_eq!(read, Err(JoinError::Point(at)));
        let key = prover().plain.key.plain().expect("nothing is committed to");
        let inputs = statement.to_array().map(|input| input.to_ark());
        let refused = groth16::verify_plain(key, &inputs, &forged.0);
        assert_eq!(refused, Err(groth16::VerifyError::Point));
    }
}

#[test]
fn only_eight_canonical_words_are_read() {
    let (.., proof) = honest();
    let bytes = proof.to_bytes();
    assert_eq!(JoinProof::from_bytes(&bytes).as_ref(), Ok(proof));
    for length in [0, 1, 255] {
        let refused = JoinProof::from_bytes(&bytes[..length]);
        assert_eq!(refused, Err(JoinError::Length(length)));
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(JoinProof::from_bytes(&longer), Err(JoinError::Length(257)));
    // q - 1, and one more in the last byte: q.
    let mut modulus = word(&-Fq::from(1));
    modulus[WORD - 1] += 1;
    for at in 0..JoinProof::WORDS {
        for word in [modulus, [0xff; WORD]] {
            let mut changed = bytes;
            changed[at * WORD..][..WORD].copy_from_slice(&word);
            let refused = JoinProof::from_bytes(&changed);
            assert_eq!(refused, Err(JoinError::NotCanonical(at)));
        }
    }
}

#[test]
fn a_key_is_kept_and_is_that_of_this_circuit() {
    let directory = tempfile::tempdir().expect("directory");
    let cache = KeyCache::new(directory.path().join("keys"));
    let mut made = 0;
    let mut report =
        |event: KeyEvent<'_>| made += usize::from(matches!(event, KeyEvent::Making(_)));
    let first = Prover::cached(&cache, false, &mut report).expect("made");
    let again = Prover::cached(&cache, false, &mut report).expect("read");
    assert_eq!(made, 1);
    assert_eq!(first.verifying_key(), again.verifying_key());
    assert_eq!(again.ceremony(), None);
    let production = Prover::cached(&cache, true, &mut |_| {});
    let insecure = KeyCacheError::Insecure.to_string();
    assert_eq!(
        production.map(|_| ()).map_err(|e| e.to_string()),
        Err(insecure)
    );

    let (statement, witness, proof) = honest();
    let other = again.prove(*statement, witness).expect("proven");
    assert_eq!(verify(&first.verifying_key(), statement, &other), Ok(()));
    // Another setup's.
    assert_eq!(check(statement, &other), Err(JoinError::False));
    let refused = verify(&first.verifying_key(), statement, proof);
    assert_eq!(refused, Err(JoinError::False));
}

/// The digest of verifying keys says nothing of the lists of points.
#[test]
fn a_key_with_other_lists_is_tried_out() {
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    let honest = prover();
    honest.try_out(&mut rng).expect("proven");
    for change in [
        (|parts: &mut KeyParts| parts.l.rotate_left(1)) as fn(&mut KeyParts),
        |parts| parts.h.rotate_left(1),
        |parts| parts.a.rotate_left(1),
        |parts| parts.b_1.rotate_left(1),
    ] {
        let mut parts = honest.plain.key.parts();
        change(&mut parts);
        let key = ProvingKey::of_ceremony(&honest.plain.matrices, parts, [1; 32]).expect("fits");
        let matrices = honest.plain.matrices.clone();
        let other = Prover {
            plain: PlainProver { matrices, key },
        };
        assert_eq!(other.verifying_key(), honest.verifying_key());
        let error = other.try_out(&mut rng).expect_err("no proof");
        assert!(matches!(error, ProverError::Lists), "{error}");
    }
}

/// Plain is only what commits to nothing.
#[test]
fn a_key_with_committed_inputs_is_not_plain() {
    let matrices = &prover().plain.matrices;
    let trapdoors = Trapdoors::insecure_development();
    let key = groth16::setup(matrices, INPUTS - 1, trapdoors).expect("keys");
    assert!(key.plain().is_none());
    let few = PlainVerifyingKey {
        gamma_abc_g1: prover().verifying_key().ic[..INPUTS].to_vec(),
        ..prover().verifying_key().plain()
    };
    assert!(JoinKey::new(&few).is_none());
    let (statement, _, proof) = honest();
    let inputs = statement.to_array().map(|input| input.to_ark());
    let publics = Err(groth16::VerifyError::Publics);
    assert_eq!(groth16::verify_plain(&few, &inputs, &proof.0), publics);
    let key = prover().verifying_key().plain();
    for few in 0..INPUTS {
        assert_eq!(
            groth16::verify_plain(&key, &inputs[..few], &proof.0),
            publics
        );
    }
    let none = PlainVerifyingKey {
        gamma_abc_g1: vec![],
        ..key
    };
    assert_eq!(groth16::verify_plain(&none, &[], &proof.0), publics);
    assert_eq!(inputs.map(|input| input.to_halo()), statement.to_array());
}

#[test]
fn keys_go_to_voters_in_a_file() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("poll.join.key");
    prover().write(&path).expect("written");
    let read = Prover::read(&path).expect("read");
    assert_eq!(read.digest(), prover().digest());
    assert_eq!(read.verifying_key(), prover().verifying_key());
    assert!(Prover::read_known(&path, &prover().digest()).is_ok());
    let (statement, witness, _) = honest();
    let proof = read.prove(*statement, witness).expect("proven");
    assert_eq!(check(statement, &proof), Ok(()));

    let refused = |result: Result<Prover, ProverError>| match result {
        Err(ProverError::File(error)) => error,
        other => panic!("{other:?}"),
    };
    let error = refused(Prover::read_known(&path, &[7; 32]));
    assert!(matches!(error, KeyFileError::OtherKey(found) if found == prover().digest()));
    let error = refused(Prover::read(&directory.path().join("none")));
    assert!(matches!(error, KeyFileError::Io(_)), "{error}");
    let bytes = std::fs::read(&path).expect("read");
    for bytes in [&[][..], &bytes[..1000], &bytes[..bytes.len() - 1]] {
        std::fs::write(&path, bytes).expect("written");
        refused(Prover::read(&path));
    }
}

/// A key with which A is not blinded by what the verifying key says: its proofs would tell of the
/// witness, and do not verify.
#[test]
fn proofs_of_a_spying_key_do_not_verify() {
    let mut spy = Prover {
        plain: PlainProver {
            matrices: matrices().expect("circuit"),
            key: prover().plain.key.clone(),
        },
    };
    spy.plain.key.replace_query(|a_query| {
        for (i, point) in a_query.iter_mut().enumerate() {
            *point = (G1Affine::generator() * Fr::from(i as u64)).into_affine();
        }
    });
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("poll.join.key");
    spy.write(&path).expect("written");
    let spy = Prover::read(&path).expect("its points are points");
    let (statement, witness, _) = honest();
    let proof = spy.prove(*statement, witness).expect("made");
    assert_eq!(
        verify(&spy.verifying_key(), statement, &proof),
        Err(JoinError::False)
    );
}
