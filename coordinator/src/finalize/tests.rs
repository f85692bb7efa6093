//! Transactions that are sent again, or that somebody else sends first.

use maci_nova_chain::{ChainError, Receipt};
use maci_nova_compressor::decider::end::link_words;
use maci_nova_compressor::decider::{contract, DeciderProof, DeciderStatement};
use maci_nova_contracts::alloy_primitives::Bytes;
use maci_nova_contracts::evm::Evm;
use maci_nova_protocol::Fr;
use maci_nova_sdk::testing::World;

use super::*;
use crate::prove::finalization::SegmentProof;

/// A chain where a stranger who sees a transaction gets the same one into a block before it.
struct Overtaken<'a> {
    evm: &'a mut Evm,
    stranger: Address,
    /// Of the transactions that are sent, which.
    overtakes: &'a [usize],
    /// What is sent before them, if not the same.
    with: Option<Bytes>,
    sent: usize,
}

impl Chain for Overtaken<'_> {
    maci_nova_chain::forward!(evm: chain_id accounts call logs block code input balance);

    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        if self.overtakes.contains(&self.sent) {
            let first = self.with.clone().unwrap_or_else(|| calldata.clone());
            self.evm.send(self.stranger, to, first, value)?;
        }
        self.sent += 1;
        self.evm.send(from, to, calldata, value)
    }
}

/// A poll that has ended, with what finalizes it: two segments and the last one.
struct Scene {
    world: World,
    poll: PollContract,
    finalization: Finalization,
}

impl Scene {
    fn new() -> Self {
        let (mut world, poll) = World::with_payments();
        let stated = world.end(&poll, &[(0, 0); 5]);
        let last = DeciderStatement {
            domain: stated.domain,
            z0: stated.z0,
            z: stated.z,
            results: vec![OptionResult::default(); 5],
        };
        let [first, second] = [Fr::from(5), Fr::from(17)].map(link_words);
        let segment = |z0, z| DeciderStatement {
            z0,
            z,
            results: vec![],
            ..last.clone()
        };
        let segments = [segment(last.z0, first), segment(first, second)];
        let last = DeciderStatement { z0: second, ..last };
        Scene {
            finalization: Finalization {
                segments: segments
                    .map(|statement| SegmentProof {
                        proof: proof(&world, &statement),
                        statement,
                    })
                    .to_vec(),
                proof: proof(&world, &last),
                statement: last,
            },
            world,
            poll,
        }
    }

    /// Sends all of it, while a stranger overtakes these transactions. Says which were sent.
    fn send(&mut self, overtakes: &[usize]) -> Result<Vec<bool>, Error> {
        let [from, stranger] = [0, 1].map(|account| self.world.account(account));
        let mut chain = Overtaken {
            evm: &mut self.world.evm,
            stranger,
            overtakes,
            with: None,
            sent: 0,
        };
        let sent = send(&mut chain, from, &self.poll, &self.finalization)?;
        let all = sent.segments.iter().chain([&sent.last]);
        Ok(all.map(Option::is_some).collect())
    }

    fn is_finalized(&self) -> bool {
        let results = stored(&self.world.evm, &self.poll).expect("read");
        results.is_some_and(|results| agree(&self.poll, &results, &self.finalization).is_ok())
    }
}

fn proof(world: &World, statement: &DeciderStatement) -> DeciderProof {
    let proof = world.prove(&contract::statement(statement));
    let words = proof.words();
    let bytes: Vec<u8> = words
        .iter()
        .flat_map(|word| word.to_be_bytes::<32>())
        .collect();
    DeciderProof::from_bytes(&bytes).expect("a proof")
}

#[test]
fn everything_is_sent_once() {
    let mut scene = Scene::new();
    assert_eq!(scene.send(&[]).expect("sent"), [true, true, true]);
    assert!(scene.is_finalized());
    assert_eq!(scene.send(&[]).expect("it is there"), [false]);
}

#[test]
fn what_a_stranger_has_sent_is_not_sent_again() {
    let mut scene = Scene::new();
    let call = scene.finalization.segments[0].call();
    let stranger = scene.world.account(1);
    let address = scene.poll.address;
    chain::send(&mut scene.world.evm, stranger, address, &call, U256::ZERO).expect("anybody may");
    assert_eq!(scene.send(&[]).expect("sent"), [false, true, true]);
    assert!(scene.is_finalized());
}

#[test]
fn a_stranger_who_is_faster_does_no_harm() {
    for overtaken in 0..3 {
        let mut scene = Scene::new();
        let expected = [0, 1, 2].map(|transaction| transaction != overtaken);
        assert_eq!(scene.send(&[overtaken]).expect("sent"), expected);
        assert!(scene.is_finalized());
    }
    let mut scene = Scene::new();
    assert_eq!(scene.send(&[0, 1, 2]).expect("sent"), [false; 3]);
    assert!(scene.is_finalized());
}

/// By a coordinator with the same key and other salts.
#[test]
fn whoever_has_counted_too_may_be_faster() {
    for at in 0..3 {
        let mut scene = Scene::new();
        let mut other = scene.finalization.clone();
        other.segments.clear();
        other.statement.z0 = scene.finalization.segments[0].statement.z0;
        other.proof = proof(&scene.world, &other.statement);
        let calldata = calldata(&other);
        let [from, stranger] = [0, 1].map(|account| scene.world.account(account));
        let mut chain = Overtaken {
            evm: &mut scene.world.evm,
            stranger,
            overtakes: &[at],
            with: Some(calldata),
            sent: 0,
        };
        let sent = send(&mut chain, from, &scene.poll, &scene.finalization).expect("it is there");
        assert_eq!((sent.segments.len(), sent.last), (at, None));
        assert!(scene.is_finalized());
    }
    // With results that were not proven here.
    let mut scene = Scene::new();
    scene.send(&[]).expect("sent");
    scene.finalization.statement.results[0].votes += 1;
    let error = scene.send(&[]).expect_err("others").to_string();
    assert!(error.contains("others than those"), "{error}");
}

#[test]
fn a_false_proof_is_told() {
    for segment in [0, 1] {
        let mut scene = Scene::new();
        let proofs = &mut scene.finalization.segments;
        let proof = &mut proofs[segment].proof;
        proof.blind = -proof.blind;
        let error = scene.send(&[]).expect_err("false").to_string();
        assert!(error.contains("have a segment verified"), "{error}");
        assert!(!scene.is_finalized());
    }
    let mut scene = Scene::new();
    let proof = &mut scene.finalization.proof;
    proof.blind = -proof.blind;
    let error = scene.send(&[]).expect_err("false").to_string();
    assert!(error.contains("finalize the poll"), "{error}");
    // The segments before it are proven, and are not sent again.
    scene.finalization = Scene::new().finalization;
    assert_eq!(scene.send(&[]).expect("sent"), [false, false, true]);
}
