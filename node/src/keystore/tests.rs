use maci_nova_chain::alloy_primitives::{address, b256};
use serde_json::json;

use super::*;

/// Of the test vectors of the Web3 Secret Storage definition.
const PASSWORD: &[u8] = b"testpassword";
const KEY: B256 = b256!("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d");
const ADDRESS: Address = address!("008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b");

/// The key in `text`.
fn open(text: &str) -> Result<B256, KeystoreFault> {
    let key = Keystore::parse(text)?.open(PASSWORD)?;
    Ok(B256::from(*key))
}

fn fault(text: &str) -> String {
    match open(text) {
        Err(KeystoreFault::Unusable(reason)) => reason,
        other => panic!("{text}: {other:?}"),
    }
}

/// As ethers 5 writes it. Its n is small, so that it opens at once; so are those of the others.
fn ethers_5() -> Value {
    json!({
        "address": "008aeeda4d805471df9b2a5b0f38a0c3bcba786b",
        "id": "5b15a1e1-8203-4de0-b8db-9165846a0f64",
        "version": 3,
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "92387145a794a72537c6a91bb462827c" },
            "ciphertext": "9f4d255e9d3aaae52bbad883dc7c06ccba5c211791791aa78cd17dad26f5870a",
            "kdf": "scrypt",
            "kdfparams": {
                "salt": "869053c390bdffe55c7b63ed8dbee0bc9c18f58a170a7f353f02d925c56cea5a",
                "n": 1024,
                "dklen": 32,
                "p": 1,
                "r": 8
            },
            "mac": "4aa5dedaa1dd98ae590bd03fb9c914cb7b2edb7f9a09fdc41da2e496b6fdab13"
        }
    })
}

fn ethers_6() -> Value {
    json!({
        "address": "008aeeda4d805471df9b2a5b0f38a0c3bcba786b",
        "id": "b033cd87-087a-41d1-953e-59165bc60675",
        "version": 3,
        "Crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "1934a8c236bfcad62c18b42e2144cf3a" },
            "ciphertext": "aeac776e05c5730e8d4e393d1d4c8d2ecb4fefefeacf96eb632bf952fab58659",
            "kdf": "scrypt",
            "kdfparams": {
                "salt": "adcc1d099034dfe1d608db55c9cd1ba9f81e6a6f6f635a6682e4b02fa3642fb7",
                "n": 1024,
                "dklen": 32,
                "p": 1,
                "r": 8
            },
            "mac": "5d6409870f26c48f90b7873fec90164f8c7a42fa78cbd7b3a1cd83d65804fa78"
        },
        "x-ethers": {
            "client": "ethers/6.15.0",
            "gethFilename": "UTC--2026-11-28T13-18-52.0Z--008aeeda4d805471df9b2a5b0f38a0c3bcba786b",
            "path": "m/44'/60'/0'/0/0",
            "locale": "en",
            "mnemonicCounter": "913223df69e8c085e92d5cba86e44859",
            "mnemonicCiphertext": "fde7b1635e6176a7b1916b12d80c7060",
            "version": "0.1"
        }
    })
}

/// As eth-account, and so web3.py and brownie, write it.
fn eth_account_scrypt() -> Value {
    json!({
        "address": "008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b",
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "913a52d0e43dc7fac5ce40de188556e6" },
            "ciphertext": "556cde08b424c064779d8cc0d60b09bfeea56f5597da07950eacc9e0b2c970d6",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 1024,
                "r": 8,
                "p": 1,
                "salt": "3abfbaa08c6b26c8aca3e22ea47b67c6"
            },
            "mac": "e1a236d338246415ed17eefe05c2e4c19baa5fb7f25709e689e9c9a60af047d3"
        },
        "id": "b41d6e3b-7ac9-41f1-b4c8-3059741fa2b5",
        "version": 3
    })
}

fn eth_account_pbkdf2() -> Value {
    json!({
        "address": "008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b",
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "13b80241f65935839bda59ac6bb1740f" },
            "ciphertext": "c1f12459ab564c4fa95812dbab6a29bf6df253a8cd5a66c38f2773dd3afa06c4",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 1000,
                "dklen": 32,
                "prf": "hmac-sha256",
                "salt": "a7ee407dc55793cfd257a24a66fb6c0e"
            },
            "mac": "780133206e977bff5678db1c121234079b167fd9d4e489ca0ae9f21f158316e5"
        },
        "id": "9836a4ed-1d32-4f26-9eff-171ce3910db7",
        "version": 3
    })
}

/// The definition's own vector, with r = 1 and an n that RFC 7914 has no room for.
fn definition() -> Value {
    json!({
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "83dbcc02d8ccb40e466191a123791e0e" },
            "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 262144,
                "p": 8,
                "r": 1,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"
            },
            "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3
    })
}

/// With scrypt's smallest n, and what else is given.
fn made(iv: &str, salt: &str, n: u32, ciphertext: &str, mac: &str) -> Value {
    let mut keystore = ethers_5();
    keystore["crypto"]["cipherparams"]["iv"] = iv.into();
    keystore["crypto"]["kdfparams"]["salt"] = salt.into();
    keystore["crypto"]["kdfparams"]["n"] = n.into();
    keystore["crypto"]["ciphertext"] = ciphertext.into();
    keystore["crypto"]["mac"] = mac.into();
    keystore
}

const IV: &str = "000102030405060708090a0b0c0d0e0f";

#[test]
fn keystores_of_other_programs() {
    for keystore in [
        ethers_5(),
        ethers_6(),
        eth_account_scrypt(),
        eth_account_pbkdf2(),
        definition(),
    ] {
        assert_eq!(open(&keystore.to_string()), Ok(KEY), "{keystore}");
    }
}

type Change = fn(&mut Value);

/// What programs write otherwise than ethers 5.
const SPELLINGS: [(&str, Change); 26] = [
    ("MyEtherWallet", |it| {
        it["Crypto"] = it["crypto"].take();
        it["address"] = ADDRESS.to_string().into();
    }),
    ("MyCrypto", |it| it["id"] = "not a UUID".into()),
    ("Parity and OpenEthereum", |it| {
        it["name"] = "savings".into();
        it["meta"] = r#"{"description":"","passwordHint":"hm"}"#.into();
        it["address"] = "008aeeda4d805471df9b2a5b0f38a0c3bcba786b".into();
    }),
    ("no address", |it| {
        drop(it.as_object_mut().unwrap().remove("address"))
    }),
    ("an empty address", |it| it["address"] = "".into()),
    ("an address that is null", |it| it["address"] = Value::Null),
    ("an address with 0x", |it| {
        it["address"] = "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b".into();
    }),
    ("an address with 0X and capitals", |it| {
        it["address"] = "0X008AEEDA4D805471DF9B2A5B0F38A0C3BCBA786B".into();
    }),
    ("no id", |it| drop(it.as_object_mut().unwrap().remove("id"))),
    ("an id that is null", |it| it["id"] = Value::Null),
    ("a version that is a text", |it| it["version"] = "3".into()),
    ("0x and capitals", |it| {
        for name in ["ciphertext", "mac"] {
            let text = it["crypto"][name].as_str().unwrap().to_uppercase();
            it["crypto"][name] = format!("0x{text}").into();
        }
    }),
    ("an iv with 0x", |it| {
        prefix(&mut it["crypto"]["cipherparams"]["iv"])
    }),
    ("a salt with 0x", |it| {
        prefix(&mut it["crypto"]["kdfparams"]["salt"])
    }),
    ("a mac with 0x", |it| prefix(&mut it["crypto"]["mac"])),
    ("a ciphertext with 0x", |it| {
        prefix(&mut it["crypto"]["ciphertext"])
    }),
    ("numbers that are texts", |it| {
        for name in ["n", "r", "p", "dklen"] {
            let number = it["crypto"]["kdfparams"][name].to_string();
            it["crypto"]["kdfparams"][name] = number.into();
        }
    }),
    ("no dklen", |it| {
        let parameters = it["crypto"]["kdfparams"].as_object_mut();
        drop(parameters.unwrap().remove("dklen"));
    }),
    ("a cipher in capitals", |it| {
        it["crypto"]["cipher"] = "AES-128-CTR".into()
    }),
    ("a kdf in capitals", |it| {
        it["crypto"]["kdf"] = "Scrypt".into()
    }),
    ("capitals inside of names", |it| {
        it["crypto"]["cipherParams"] = it["crypto"]["cipherparams"].take();
        it["crypto"]["kdfParams"] = it["crypto"]["kdfparams"].take();
    }),
    ("names in capitals", |it| {
        it["Version"] = it["version"].take()
    }),
    ("fields that nobody knows", |it| {
        it["crypto"]["version"] = 4.into();
        it["crypto"]["more"] = json!([1, { "iv": "" }]);
        it["kind"] = Value::Null;
    }),
    ("parameters of another kdf", |it| {
        it["crypto"]["kdfparams"]["c"] = 0.into()
    }),
    ("a short key's whole form", |it| {
        *it = made(
            IV,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            1024,
            "aa13b2c4cf7a09f4dde745d58b371f718549cbb6db09bf803b240e2d69780423",
            "34e92fcc8275e324327ba629b295ad948cadd93b5ec66ccc541456c79de86df0",
        );
    }),
    ("a short key that is written short", |it| {
        *it = made(
            IV,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            1024,
            "828ebd295d893c47dd2c683897c2bafeb6f7384ab47191d65b1ead34089267",
            "dbcff71cc000bc2efc2d46049c3b81adf6f7ef67fbe1b26a9633c3b81c1c056c",
        );
    }),
];

fn prefix(value: &mut Value) {
    *value = format!("0x{}", value.as_str().unwrap()).into();
}

#[test]
fn every_spelling() {
    for (name, change) in SPELLINGS {
        let mut keystore = ethers_5();
        change(&mut keystore);
        let found = open(&keystore.to_string()).map_err(|error| format!("{name}: {error}"));
        let mut expected = KEY;
        if name.starts_with("a short key") {
            expected.0[0] = 0;
        }
        assert_eq!(found, Ok(expected), "{name}");
    }
}

#[test]
fn zeros_that_a_program_left_out() {
    let cut = [
        (
            "0000000000000000000000000000000000000000000000000000000000000036",
            "a6de71ea896e11150066f64cdbb3374eae4481668e6ed28812da0bb8a09800",
            "1235aad545e3d758df728980e6d43e906e1152f99e36916d1bab5e2a3e2eb21f",
        ),
        (
            "0000000000000000000000000000000000000000000000000000000000000316",
            "2927aad3e154eb89840d27e0e4e33a944c28c9f77dfc075e5d69df7bce56202f",
            "ea166c48b6760ef306df82776cafed88cc95fa2b58c7836bab1b9ff836e8ba",
        ),
        // Half a byte alone.
        (
            "0000000000000000000000000000000000000000000000000000000000000036",
            "0a6de71ea896e11150066f64cdbb3374eae4481668e6ed28812da0bb8a09800",
            "1235aad545e3d758df728980e6d43e906e1152f99e36916d1bab5e2a3e2eb21f",
        ),
    ];
    for (salt, ciphertext, mac) in cut {
        let keystore = made(IV, salt, 2, ciphertext, mac);
        assert_eq!(open(&keystore.to_string()), Ok(KEY), "{keystore}");
    }
    // Its MAC tells nothing of the iv, but the address of the key that comes out does.
    let (salt, _, mac) = cut[0];
    let ciphertext = format!("00{}", cut[0].1);
    let short = &IV[2..];
    let mut keystore = made(short, salt, 2, &ciphertext, mac);
    assert_eq!(open(&keystore.to_string()), Ok(KEY));
    keystore["address"] = "".into();
    assert!(fault(&keystore.to_string()).contains("iv"));
}

#[test]
fn a_mark_in_front_is_none_of_its_text() {
    assert_eq!(open(&format!("\u{feff}{}", ethers_5())), Ok(KEY));
}

#[test]
fn a_wrong_password() {
    for keystore in [ethers_5(), eth_account_pbkdf2()] {
        let keystore = Keystore::parse(&keystore.to_string()).unwrap();
        for wrong in [&b""[..], b"Testpassword", b"testpassword ", &[0xff]] {
            assert_eq!(keystore.open(wrong), Err(KeystoreFault::Password));
        }
    }
}

#[test]
fn addresses_that_are_none() {
    for text in ["00", "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb", "0x", "hm"] {
        let mut keystore = ethers_5();
        keystore["address"] = text.into();
        assert!(fault(&keystore.to_string()).contains("address"), "{text}");
    }
}

/// What people take for a keystore, and a word of what they are told.
#[test]
fn what_is_no_keystore_is_named() {
    let numbers: Vec<u8> = (0..64).collect();
    let mut first = ethers_5();
    first["version"] = "1".into();
    let mut second = ethers_5();
    second["version"] = 2.into();
    let cases = [
        (first.to_string(), "geth account update"),
        (second.to_string(), "not 3 but 2"),
        (
            json!({ "version": 4, "crypto": {}, "pubkey": "" }).to_string(),
            "EIP-2335",
        ),
        (
            json!({ "crypto": ethers_5()["crypto"] }).to_string(),
            "version 3",
        ),
        (
            json!({ "encseed": "00", "ethaddr": "00", "email": "", "btcaddr": "" }).to_string(),
            "geth wallet import",
        ),
        (
            json!({ "data": "a", "iv": "b", "salt": "c" }).to_string(),
            "MetaMask",
        ),
        (
            json!({ "data": "a", "iv": "b", "salt": "c", "keyMetadata": {} }).to_string(),
            "MetaMask",
        ),
        (
            json!({ "vault": r#"{"data":"a","iv":"b","salt":"c"}"# }).to_string(),
            "MetaMask",
        ),
        (
            json!({ "mnemonic": "test", "path": "m" }).to_string(),
            "recovery phrase",
        ),
        (
            json!({ "encoded": "a", "encoding": {} }).to_string(),
            "polkadot-js",
        ),
        (json!(numbers).to_string(), "Solana"),
        (
            "test test test test test test test test test test test junk\n".into(),
            "recovery phrase",
        ),
        ("word ".repeat(24), "recovery phrase"),
        (json!("word ".repeat(12)).to_string(), "recovery phrase"),
        (format!("{KEY}\n"), "key file"),
        (KEY.to_string()[2..].to_owned(), "key file"),
        ("macisk.01".into(), "MACI"),
        ("-----BEGIN EC PRIVATE KEY-----\n".into(), "PEM"),
        (String::new(), "empty"),
        (" \n".into(), "empty"),
        ("{".into(), "not JSON"),
        ("word word".into(), "not JSON"),
        ("[1, 2]".into(), "object"),
        ("{}".into(), "version 3"),
    ];
    for (text, words) in cases {
        let reason = fault(&text);
        assert!(reason.contains(words), "{text}: {reason}");
        assert!(!reason.contains("test test") && !reason.contains(&KEY.to_string()[2..]));
    }
}

#[test]
fn what_nobody_waits_for_is_refused_before_it_is_begun() {
    let opens = |n: Value, r: u64, p: u64| {
        let mut keystore = ethers_5();
        let parameters = &mut keystore["crypto"]["kdfparams"];
        (parameters["n"], parameters["r"], parameters["p"]) = (n, r.into(), p.into());
        Keystore::parse(&keystore.to_string()).map(|_| ())
    };
    // go-ethereum's, its light ones, those of other programs, and a table of 1 GiB.
    for (n, r, p) in [
        (1 << 18, 8, 1),
        (1 << 12, 8, 6),
        (1 << 18, 1, 8),
        (1 << 13, 8, 1),
        (1 << 20, 8, 1),
    ] {
        assert_eq!(opens(n.into(), r, p), Ok(()), "{n} {r} {p}");
    }
    for (n, r, p) in [
        (0, 8, 1),
        (1, 8, 1),
        (262_143, 8, 1),
        (1 << 21, 8, 1),
        (1 << 31, 8, 1),
        (1_u64 << 63, u64::MAX, u64::MAX),
        (1 << 20, 1 << 20, 1),
        (2, 1, u64::MAX),
        (2, u64::from(u32::MAX) + 1, 1),
        (262_144, 0, 1),
        (262_144, 1, 0),
        (262_144, 8, 33),
    ] {
        assert!(opens(n.into(), r, p).is_err(), "{n} {r} {p}");
    }
    for n in [json!(-2), json!(2.5), json!("2x"), json!(null), json!([2])] {
        assert!(opens(n.clone(), 8, 1).is_err(), "{n}");
    }
}
