//! Every vector of `maci-primitives.json` and `maci-keys.json`, as MACI's own packages computed
//! them.

use maci_nova_protocol::babyjub::{Point, Scalar};
use maci_nova_protocol::cipher::{decrypt, encrypt};
use maci_nova_protocol::command::Command;
use maci_nova_protocol::eddsa::{sign, verify, Signature, SignatureError};
use maci_nova_protocol::field::{from_decimal, to_bytes, to_decimal};
use maci_nova_protocol::keys::{ecdh, shared_key, PrivateKey, PublicKey};
use maci_nova_protocol::message::Message;
use maci_nova_protocol::{hash_chain, poseidon, Fr};
use maci_nova_tests::vectors;
use serde_json::Value;

fn vectors() -> Value {
    json("maci-primitives.json")
}

fn json(name: &str) -> Value {
    let file = std::fs::read(vectors::path(name)).expect("the vectors");
    serde_json::from_slice(&file).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn element(value: &Value) -> Fr {
    from_decimal(text(value)).expect("a canonical element")
}

fn elements<const N: usize>(value: &Value) -> [Fr; N] {
    let list: Vec<Fr> = list(value).iter().map(element).collect();
    list.try_into().expect("the vector's length")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn point(value: &Value) -> Point {
    let [x, y] = elements(value);
    Point { x, y }
}

fn private(value: &Value) -> PrivateKey {
    PrivateKey::from_element(element(value))
}

fn number(value: &Value) -> u64 {
    text(value).parse().expect("a number")
}

#[test]
fn chain_start() {
    let vectors = vectors();
    assert_eq!(hash_chain::zero(), element(&vectors["nothingUpMySleeve"]));
    let modulus = to_decimal(&-Fr::from(1));
    assert_eq!(
        format!("{}7", &modulus[..modulus.len() - 1]),
        text(&vectors["field"])
    );
}

#[test]
fn poseidon_hashes() {
    let vectors = vectors();
    for vector in list(&vectors["poseidon"]) {
        let inputs = &vector["inputs"];
        let output = match list(inputs).len() {
            2 => poseidon::hash::<2>(&elements(inputs)),
            3 => poseidon::hash::<3>(&elements(inputs)),
            4 => poseidon::hash::<4>(&elements(inputs)),
            5 => poseidon::hash::<5>(&elements(inputs)),
            other => panic!("{other} inputs"),
        };
        assert_eq!(output, element(&vector["output"]));
    }
}

#[test]
fn key_pairs() {
    let vectors = vectors();
    for vector in list(&vectors["keys"]) {
        let key = private(&vector["privateKey"]);
        let serialized = text(&vector["serializedPrivateKey"]);
        assert_eq!(key.to_serialized().as_str(), serialized);
        assert_eq!(PrivateKey::from_serialized(serialized), Ok(key.clone()));
        let scalar = to_bytes(&element(&vector["secretScalar"]));
        assert_eq!(Some(key.secret_scalar()), Scalar::from_bytes(&scalar));

        let public = key.public_key();
        assert_eq!(public.point(), point(&vector["publicKey"]));
        let serialized = text(&vector["serializedPublicKey"]);
        assert_eq!(public.to_serialized(), serialized);
        assert_eq!(PublicKey::from_serialized(serialized), Ok(public));
        assert_eq!(public.hash(), element(&vector["publicKeyHash"]));
    }
}

/// Any integer below 2^256 is a private key, as what it is and not modulo anything.
#[test]
fn keys_of_256_bits() {
    let vectors = json("maci-keys.json");
    let other = PublicKey::new(point(&vectors["otherPublicKey"])).expect("on the curve");
    let mut above_the_modulus = 0;
    for vector in list(&vectors["keys"]) {
        let serialized = text(&vector["serializedPrivateKey"]);
        let key = PrivateKey::from_serialized(serialized).expect("a key");
        assert_eq!(key.to_serialized().as_str(), serialized);
        for form in list(&vector["texts"]) {
            assert_eq!(PrivateKey::from_serialized(text(form)), Ok(key.clone()));
        }
        // Those below the modulus are elements.
        match from_decimal(text(&vector["privateKey"])) {
            Ok(element) => assert_eq!(PrivateKey::from_element(element), key),
            Err(_) => above_the_modulus += 1,
        }
        let scalar = to_bytes(&element(&vector["secretScalar"]));
        assert_eq!(Some(key.secret_scalar()), Scalar::from_bytes(&scalar));

        let public = key.public_key();
        assert_eq!(public.point(), point(&vector["publicKey"]));
        let serialized = text(&vector["serializedPublicKey"]);
        assert_eq!(public.to_serialized(), serialized);
        assert_eq!(PublicKey::from_serialized(serialized), Ok(public));
        assert_eq!(ecdh(&key, &other), point(&vector["sharedKey"]));

        let (message, signature) = (element(&vector["message"]), signature(&vector["signature"]));
        assert_eq!(sign(&key, message), signature);
        assert_eq!(verify(&public.point(), message, &signature), Ok(()));
    }
    assert!(above_the_modulus > 8, "{above_the_modulus}");
}

#[test]
fn shared_keys() {
    let vectors = vectors();
    for vector in list(&vectors["ecdh"]) {
        let key = private(&vector["privateKey"]);
        let public = PublicKey::new(point(&vector["publicKey"])).expect("on the curve");
        assert_eq!(ecdh(&key, &public), point(&vector["sharedKey"]));
    }
}

fn command(vector: &Value) -> Command {
    Command::new(
        number(&vector["stateIndex"]),
        point(&vector["newPublicKey"]),
        number(&vector["voteOptionIndex"]),
        number(&vector["newVoteWeight"]),
        number(&vector["nonce"]),
        number(&vector["pollId"]),
        element(&vector["salt"]),
    )
    .expect("50-bit fields")
}

fn signature(vector: &Value) -> Signature {
    Signature {
        r8: point(&vector["R8"]),
        s: element(&vector["S"]),
    }
}

#[test]
fn commands_and_signatures() {
    let vectors = vectors();
    for vector in list(&vectors["commands"]) {
        let command = command(vector);
        let packed: [Fr; 4] = elements(&vector["packed"]);
        let key = command.new_public_key;
        assert_eq!([command.pack(), key.x, key.y, command.salt], packed);
        assert_eq!(Command::unpack(packed[0], key, command.salt), command);
        assert_eq!(command.hash(), element(&vector["hash"]));

        let signer = private(&vector["signer"]);
        let signature = signature(&vector["signature"]);
        assert_eq!(command.sign(&signer), signature);
        assert_eq!(vector["verifies"], Value::Bool(true));
        assert_eq!(
            verify(&signer.public_key().point(), command.hash(), &signature),
            Ok(())
        );
        assert_eq!(vector["verifiesUnderOtherKey"], Value::Bool(false));
        let other = PrivateKey::from_element(element(&vector["ephemeralPrivateKey"])).public_key();
        assert_eq!(
            verify(&other.point(), command.hash(), &signature),
            Err(SignatureError::Equation)
        );
    }
}

#[test]
fn messages() {
    let vectors = vectors();
    for vector in list(&vectors["commands"]) {
        let command = command(vector);
        let signature = signature(&vector["signature"]);
        let coordinator = private(&vector["coordinatorPrivateKey"]);
        let ephemeral = private(&vector["ephemeralPrivateKey"]);
        let encryption_key = point(&vector["encryptionPublicKey"]);
        assert_eq!(ephemeral.public_key().point(), encryption_key);
        let shared = point(&vector["sharedKey"]);
        assert_eq!(ecdh(&ephemeral, &coordinator.public_key()), shared);
        assert_eq!(
            shared_key(&coordinator.secret_scalar(), &encryption_key),
            shared
        );

        let data: [Fr; 10] = elements(&vector["ciphertext"]);
        assert_eq!(command.encrypt(&signature, &shared), data);
        let decryption = decrypt(&data, &shared);
        assert!(decryption.tag_valid && decryption.padding_zero);
        let plaintext: [Fr; 7] = std::array::from_fn(|i| decryption.plaintext[i]);
        assert_eq!(plaintext[0], command.pack());
        assert_eq!(plaintext[6], signature.s);
        assert_eq!(encrypt(&plaintext, &shared), data);
        let message = Message {
            data,
            encryption_key,
            anchor: Fr::from(0),
        };
        assert_eq!(message.digest(), element(&vector["messageHash"]));
    }
}
