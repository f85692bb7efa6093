//! A ceremony for join proofs, checked by a second verifier that shares only the documentation with the first one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ff::Field;
use maci_nova_ceremony::contribute::{contribute, end_with};
use maci_nova_ceremony::testing::{forge, forge_beacon, write_prepared, Secrets};
use maci_nova_ceremony::verify::verify;
use maci_nova_ceremony::{file, finish, Beacon, Circuit, Phase1};
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::lean_imt::LeanImt;
use maci_nova_protocol::membership::{leaf, Binding, Scope, Witness};
use maci_nova_sdk::voter::join_proof::{self, Prover};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;
use tempfile::TempDir;

/// The folder of the second verifier, if its packages are there.
fn second_verifier() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier");
    if folder.join("node_modules").is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os("MACI_NOVA_REQUIRE_VERIFIER").is_some_and(|value| value == "1");
    assert!(!required, "run npm ci in tests/verifier");
    eprintln!("skipped: run npm ci in tests/verifier");
    None
}

/// A ceremony that has been held, for both tests.
fn held() -> &'static Ceremony {
    static HELD: OnceLock<Ceremony> = OnceLock::new();
    HELD.get_or_init(|| {
        let ceremony = Ceremony::new();
        ceremony.hold();
        ceremony
    })
}

const ANNOUNCED: &str = "drand quicknet, round 123";
/// As the network has published it.
const SIGNATURE: &str = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";

fn beacon(value: &str) -> Beacon {
    Beacon {
        value: hex::decode(value).expect("hexadecimal"),
        iterations: 0,
    }
}

struct Ceremony {
    folder: TempDir,
    circuit: Circuit,
    phase1: Phase1,
}

impl Ceremony {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let circuit = Circuit {
            name: join_proof::KEY_NAME,
            matrices: join_proof::matrices().expect("a circuit"),
            publics: join_proof::INPUTS,
        };
        let power = circuit.domain().ilog2();
        let ptau = folder.path().join("powers.ptau");
        write_prepared(&ptau, &Secrets::some(), power, &[power]);
        let phase1 = Phase1::read(&ptau, circuit.domain(), &()).expect("read");
        let r1cs = File::create(folder.path().join("join.r1cs")).expect("a file");
        circuit
            .matrices
            .write(std::io::BufWriter::new(r1cs))
            .expect("written");
        Ceremony {
            folder,
            circuit,
            phase1,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn hold(&self) {
        let circuits = [(&self.circuit, &self.phase1)];
        file::begin(&self.path("0"), &BTreeMap::new(), &circuits, ANNOUNCED, &()).expect("begun");
        for (from, to, name) in [
            ("0", "1", "Ada"),
            ("1", "2", "Bhāskara"),
            ("2", "3", "Chien-Shiung"),
        ] {
            contribute(
                &self.path(from),
                &self.path(to),
                &circuits,
                name,
                b"dice",
                &(),
            )
            .expect("contributed");
        }
        self.end("3", "last");
    }

    fn end(&self, from: &str, to: &str) {
        end_with(&self.path(from), &self.path(to), beacon(SIGNATURE), &()).expect("ended");
    }

    /// What the second verifier says: its document, or its complaint.
    fn second(&self, verifier: &Path, name: &str) -> Result<Value, String> {
        let output = Command::new("node")
            .arg(verifier.join("verify.mjs"))
            .args([self.path(name), self.path("powers.ptau")])
            .arg(format!("join={}", self.path("join.r1cs").display()))
            .output()
            .expect("node runs");
        let said = String::from_utf8(output.stderr).expect("text");
        match output.status.code() {
            Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
            _ => Err(said),
        }
    }

    /// What the first one says: the hash of all records.
    fn first(&self, name: &str) -> Result<[u8; 32], String> {
        let circuits = [(&self.circuit, &self.phase1)];
        let verified = verify(&self.path(name), &circuits, &());
        verified
            .map(|verified| verified.transcript())
            .map_err(|error| error.to_string())
    }
}

#[test]
#[ignore = "slow, another library's pairings in JavaScript over each forgery of a ceremony: .ci/slow"]
fn a_second_verifier_agrees() {
    let Some(verifier) = second_verifier() else {
        return;
    };
    let ceremony = held();
    let transcript = ceremony.first("last").expect("honest");
    let document = ceremony.second(&verifier, "last").expect("honest");
    let hexadecimal: String = transcript
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(document["transcript"], format!("0x{hexadecimal}"));
    assert_eq!(document["checked"], serde_json::json!(["join"]));
    assert_eq!(document["contributions"][1]["name"], "Bhāskara");

    // Somebody's own lists, with records and hashes as they should be.
    let some = Fr::from(77).inverse().expect("not 0");
    forge(
        &ceremony.path("3"),
        &ceremony.path("forged"),
        &[(some, some)],
        &|points| {
            points.swap(2, 5);
        },
    )
    .expect("written");
    ceremony.end("forged", "swapped");
    // A number that changes nothing, and an early end.
    forge(
        &ceremony.path("3"),
        &ceremony.path("same"),
        &[(Fr::ONE, some)],
        &|_| (),
    )
    .expect("written");
    let bytes = fs::read(ceremony.path("last")).expect("read");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    fs::write(ceremony.path("flipped"), flipped).expect("written");
    // The signature, turned round: another point of the curve.
    let turned = SIGNATURE.replacen('b', "9", 1);
    forge_beacon(
        &ceremony.path("3"),
        &ceremony.path("turned"),
        beacon(&turned),
    )
    .expect("written");
    for (name, complaint) in [
        ("turned", "is not the signature"),
        ("swapped", "is not the"),
        ("same", "delta is not changed"),
        ("3", "no beacon"),
        ("flipped", "damaged"),
    ] {
        let first = ceremony.first(name).expect_err(name);
        let second = ceremony.second(&verifier, name).expect_err(name);
        assert!(
            second.contains("refused") && second.contains(complaint),
            "{first}: {second}"
        );
    }
}

/// Voters join with the keys of a ceremony.
#[test]
fn join_proofs_under_the_keys_of_a_ceremony() {
    let ceremony = held();
    let circuits = [(&ceremony.circuit, &ceremony.phase1)];
    let verified = verify(&ceremony.path("last"), &circuits, &()).expect("honest");
    let path = ceremony.path("join.key");
    let keys = finish::finish(&verified, &circuits, &()).expect("finished");
    keys[0].write(&path).expect("written");
    let prover = Prover::read(&path).expect("a key");
    assert_eq!(prover.ceremony(), Some(verified.file().head().transcript));
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let key = PrivateKey::random(&mut rng);
    let mut tree = LeanImt::new();
    tree.insert(leaf(&key.public_key().point()))
        .expect("a leaf");
    let witness = Witness::new(&key, tree.path(0).expect("a path")).expect("a witness");
    let statement = witness.statement(Scope(5.into()), Binding(6.into()));
    let proof = prover.prove(statement, &witness).expect("proven");
    join_proof::verify(&prover.verifying_key(), &statement, &proof).expect("true");
}
