//! The tree of sign-ups and the words of a join, as other implementations compute them
//! (`tests/vectors/sign-ups.mjs`).

use maci_nova_protocol::babyjub::{Point, Scalar};
use maci_nova_protocol::field::{from_decimal, to_bytes};
use maci_nova_protocol::lean_imt::{IndexError, LeafError, LeanImt, Level, Path};
use maci_nova_protocol::membership::{leaf, Address, Binding, Nullifier, Scope, Terms};
use maci_nova_protocol::poseidon::hash;
use maci_nova_protocol::Fr;
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("the vectors")).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn element(value: &Value) -> Fr {
    from_decimal(text(value)).expect("a canonical element")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn index(value: &Value) -> usize {
    let index = value.as_u64().expect("a number");
    usize::try_from(index).expect("small")
}

fn integer(value: &Value) -> u64 {
    text(value).parse().expect("a number")
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = text(value).strip_prefix("0x").expect("hexadecimal");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn address(value: &Value) -> Address {
    Address(bytes(value).try_into().expect("20 bytes"))
}

/// A path as the package writes it: a bit for each sibling.
fn path(proof: &Value) -> Path {
    let bits = index(&proof["index"]);
    let siblings = list(&proof["siblings"]).iter().enumerate();
    let level = |(i, sibling)| Level {
        sibling: element(sibling),
        is_right: bits >> i & 1 == 1,
    };
    Path {
        levels: siblings.map(level).collect(),
    }
}

#[test]
fn trees_are_those_of_the_package() {
    let vectors = vectors("lean-imt.json");
    let leaves: Vec<Fr> = list(&vectors["leaves"]).iter().map(element).collect();
    let mut tree = LeanImt::new();
    let mut trees = list(&vectors["trees"]).iter().peekable();
    let mut paths = 0;
    for (i, leaf) in leaves.iter().enumerate() {
        assert_eq!(tree.insert(*leaf), Ok(i));
        let Some(expected) = trees.next_if(|tree| index(&tree["size"]) == i + 1) else {
            continue;
        };
        assert_eq!(
            (tree.size(), tree.depth()),
            (i + 1, index(&expected["depth"]))
        );
        assert_eq!(
            tree.root(),
            Some(element(&expected["root"])),
            "{} leaves",
            i + 1
        );
        for proof in list(&expected["proofs"]) {
            let index = index(&proof["leafIndex"]);
            assert_eq!(tree.path(index), Ok(path(proof)));
            paths += 1;
        }
    }
    assert_eq!((trees.next(), paths), (None, 28 + 3 * 34));
}

/// Every leaf of every tree of up to 20 leaves, and no other.
#[test]
fn paths_lead_from_their_leaf_to_the_root() {
    let mut tree = LeanImt::new();
    for size in 1..=20 {
        tree.insert(hash(&[Fr::from(size), Fr::from(1)]))
            .expect("new");
        let root = tree.root().expect("not empty");
        for index in 0..tree.size() {
            let path = tree.path(index).expect("in the tree");
            assert!(path.levels.len() <= tree.depth());
            for other in 0..tree.size() {
                let leaf = hash(&[Fr::from(other as u64 + 1), Fr::from(1)]);
                assert_eq!(path.root(leaf) == root, other == index);
            }
        }
    }
    // The last leaf of 33 is carried up five levels, and has one sibling.
    let mut tree = LeanImt::new();
    for i in 1..=33 {
        tree.insert(Fr::from(i)).expect("new");
    }
    assert_eq!(
        (tree.depth(), tree.path(32).expect("there").levels.len()),
        (6, 1)
    );
}

#[test]
fn what_is_not_inserted() {
    let mut tree = LeanImt::new();
    assert_eq!((tree.root(), tree.depth(), tree.size()), (None, 0, 0));
    assert_eq!(tree.path(0), Err(IndexError { index: 0, size: 0 }));
    assert_eq!(tree.insert(Fr::from(0)), Err(LeafError::Zero));
    assert_eq!(tree.insert(Fr::from(7)), Ok(0));
    assert_eq!(tree.root(), Some(Fr::from(7)));
    assert_eq!(tree.insert(Fr::from(8)), Ok(1));
    let root = tree.root();
    assert_eq!(tree.insert(Fr::from(7)), Err(LeafError::Duplicate(0)));
    assert_eq!(tree.insert(Fr::from(0)), Err(LeafError::Zero));
    assert_eq!((tree.root(), tree.size()), (root, 2));
    assert_eq!(tree.path(2), Err(IndexError { index: 2, size: 2 }));
    assert_eq!(tree.position(&Fr::from(8)), Some(1));
    assert_eq!(tree.position(&Fr::from(9)), None);
}

#[test]
fn scope_binding_and_nullifier_are_those_of_the_contract() {
    let vectors = vectors("membership.json");
    let cases = list(&vectors["cases"]);
    assert_eq!(cases.len(), 6);
    for case in cases {
        let chain_id = integer(&case["chainId"]);
        let scope = Scope::new(chain_id, &address(&case["maci"]), integer(&case["pollId"]));
        assert_eq!(scope.0, element(&case["scope"]));
        let [x, y] = [0, 1].map(|i| element(&case["pollKey"][i]));
        let poll_key = Point { x, y };
        let binding = Binding::new(&Terms {
            chain_id,
            poll: address(&case["poll"]),
            poll_key,
            sender: address(&case["sender"]),
            credit_data: &bytes(&case["creditData"]),
            min_credits: integer(&case["minCredits"]),
        });
        assert_eq!(binding.0, element(&case["binding"]));
        let secret = Scalar::from_bytes(&to_bytes(&element(&case["secret"]))).expect("below l");
        assert_eq!(
            Nullifier::new(&secret, &scope).0,
            element(&case["nullifier"])
        );
        assert_eq!(leaf(&poll_key), element(&case["leaf"]));
    }
}
