//! Proof files: `final.proof` and `decider.json`, and proofs as a contract has them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maci_nova_compressor::decider::DeciderProof;
use maci_nova_compressor::FinalProof;
use maci_nova_contracts::decider::Refusal;
use maci_nova_coordinator::prove::finalization::Finalization;
use maci_nova_fuzz::scratch;
use maci_nova_sdk::voter::join_proof::JoinProof;
use sha2::{Digest, Sha256};

const HASH_BYTES: usize = 32;

/// The bytes with the right hash at their end, which only who wrote them has otherwise.
fn with_hash(bytes: &[u8]) -> Option<Vec<u8>> {
    let content = &bytes[..bytes.len().checked_sub(HASH_BYTES)?];
    Some([content, &Sha256::digest(content)].concat())
}

fn final_proof(data: &[u8]) {
    let _ = FinalProof::from_bytes(data);
    let Some(bytes) = with_hash(data) else {
        return;
    };
    if let Ok(proof) = FinalProof::from_bytes(&bytes) {
        assert!(proof.to_bytes() == bytes, "a proof has one encoding");
    }
}

fn words(data: &[u8]) {
    let _ = Refusal::decode(data);
    if let Ok(proof) = DeciderProof::from_bytes(data) {
        assert!(proof.to_bytes() == data);
    }
    if let Ok(proof) = JoinProof::from_bytes(data) {
        assert!(proof.to_bytes() == data);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    match kind % 3 {
        0 => final_proof(data),
        1 => scratch::with(|scratch| {
            let _ = Finalization::read(&scratch.file("decider.json", data));
        }),
        _ => words(data),
    }
});
