//! Checkpoints: a true one with some bytes changed, its hashes made right again or not, or nothing
//! but the input. What is loaded must be what would be saved.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use maci_nova_coordinator::fold::blinding_plan::BlindingPlan;
use maci_nova_folding::checkpoint::{load, save};
use maci_nova_folding::{Parameters, RunningProof, SetupSource};
use maci_nova_fuzz::scratch;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::poll::{Header, Mode, Poll};
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::{Shape, StepCircuit};
use sha2::{Digest, Sha256};

/// Bytes of the head before its hash, and with it.
const FIELDS: usize = 8 + 4 + 32 + 32 + 3 * 8;
const HEAD: usize = FIELDS + 32;

/// The bit of an input's first byte that says that the hashes stay as they are, and the byte, with
/// that bit, of the checkpoint after two steps. Of the others the even ones are no checkpoint.
const UNHASHED: u8 = 4;
const LONG: u8 = 0xff;

/// One change of a file: where, from the start or the end, and what its bits are changed by.
const EDIT: usize = 5;

struct World {
    parameters: Parameters,
    header: Header,
    /// A checkpoint before the first step, and one after two.
    files: [Vec<u8>; 2],
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let shape = Shape::new(2, 1, 1).expect("a shape");
        let parameters =
            Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
        let key = PrivateKey::from_element(Fr::from(1));
        let header = Header {
            poll_id: 0,
            coordinator_key: key.public_key().point(),
            vote_options: 1,
            mode: Mode::Quadratic,
            signed_within: 0,
            state_tree_depth: 2,
            vote_option_tree_depth: 1,
        };
        let mut proof = RunningProof::new(&parameters, &header).expect("a proof");
        let mut poll = Poll::new(header.clone(), key.secret_scalar()).expect("a poll");
        let empty = saved(&parameters, &proof);
        for salt in 1..=2 {
            let blinded = vec![poll.blind(Fr::from(salt))];
            let step = StepCircuit::prepare(shape, &header, key.secret_scalar(), blinded);
            proof
                .fold(&parameters, step.expect("a step"))
                .expect("folded");
        }
        let files = [empty, saved(&parameters, &proof)];
        World {
            parameters,
            header,
            files,
        }
    })
}

/// With an application section as a poll log's that grows has it.
fn saved(parameters: &Parameters, proof: &RunningProof) -> Vec<u8> {
    let application = br#"{"version":1,"log":null,"salts":["7"]}"#;
    scratch::with(|scratch| {
        let path = scratch.path("checkpoint");
        save(&path, parameters, proof, application).expect("saved");
        fs::read(path).expect("read")
    })
}

fn edited(file: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for edit in edits.chunks_exact(EDIT) {
        let offset = u32::from_le_bytes([edit[1], edit[2], edit[3], 0]) as usize;
        let place = match edit[0] % 3 {
            0 => offset % FIELDS,
            1 => offset % bytes.len(),
            _ => bytes.len() - 1 - offset % 128,
        };
        bytes[place] ^= edit[4];
    }
    bytes
}

/// As who wrote the file would have hashed it.
fn hash_again(bytes: &mut [u8]) {
    let Some(end) = bytes.len().checked_sub(32).filter(|end| *end >= HEAD) else {
        return;
    };
    let head: [u8; 32] = Sha256::digest(&bytes[..FIELDS]).into();
    bytes[FIELDS..HEAD].copy_from_slice(&head);
    let whole: [u8; 32] = Sha256::digest(&bytes[..end]).into();
    bytes[end..].copy_from_slice(&whole);
}

fuzz_target!(init: {
    world();
}, |data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let world = world();
    let mut bytes = match (kind | UNHASHED, kind & 1) {
        // It takes a second to verify.
        (LONG, _) => edited(&world.files[1], rest),
        (_, 0) => rest.to_vec(),
        _ => edited(&world.files[0], rest),
    };
    if kind & UNHASHED == 0 {
        hash_again(&mut bytes);
    }
    scratch::with(|scratch| {
        let path = scratch.file("checkpoint", &bytes);
        let Ok(loaded) = load(&path, &world.parameters, &world.header) else {
            return;
        };
        if let Ok(plan) = BlindingPlan::from_bytes(&loaded.application, &world.parameters.shape()) {
            let again = BlindingPlan::from_bytes(&plan.to_bytes(), &world.parameters.shape());
            assert!(again.is_ok_and(|again| again == plan));
        }
        let again = scratch.path("again");
        save(
            &again,
            &world.parameters,
            &loaded.proof,
            &loaded.application,
        )
        .expect("saved");
        assert!(
            fs::read(again).expect("read") == bytes,
            "a checkpoint has one encoding"
        );
    });
});
