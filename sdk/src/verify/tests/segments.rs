//! Counts that were proven in segments.

use maci_nova_compressor::decider::end::link_words;
use maci_nova_contracts::bindings::Poll::{finalizeFromCall, proveSegmentCall};

use super::*;

impl World {
    /// The words of an end: 0 is the first state.
    fn words(&self, link: u64) -> [Fr; 8] {
        match link {
            0 => State::initial(self.poll().header()).to_array(),
            _ => link_words(Fr::from(link)),
        }
    }

    fn segment_call(&mut self, from: u64, to: u64) -> proveSegmentCall {
        let statement = DeciderStatement {
            domain: self.poll().domain(),
            z0: self.words(from),
            z: self.words(to),
            results: Vec::new(),
        };
        let proof = self.decider.prove(&statement, &mut self.rng);
        proveSegmentCall {
            from: U256::from(from),
            to: U256::from(to),
            proof: proof.words(),
        }
    }

    fn prove_segment(&mut self, from: u64, to: u64) -> Receipt {
        let call = self.segment_call(from, to);
        self.send(self.poll().address, &call)
    }

    fn finalize_from_call(&mut self, link: u64) -> finalizeFromCall {
        let mut statement = self.statement();
        statement.z0 = self.words(link);
        let proof = self.decider.prove(&statement, &mut self.rng).words();
        finalizeFromCall {
            link: U256::from(link),
            proof,
            ..whole(self.finalize_call())
        }
    }

    fn finalize_from(&mut self, link: u64) -> Receipt {
        let call = self.finalize_from_call(link);
        self.send(self.poll().address, &call)
    }
}

/// Three segments, and a branch that was never finished.
fn segmented() -> World {
    static WORLD: OnceLock<World> = OnceLock::new();
    let make = || {
        let mut world = World::with(blinding_generator(), false).voted();
        world.prove_segment(0, 5);
        world.end();
        world.prove_segment(5, 17);
        world.prove_segment(5, 6);
        world.finalize_from(6);
        world
    };
    WORLD.get_or_init(make).clone()
}

const FALSE: &str = "the proof of a segment of its count: the proof is false";

#[track_caller]
fn tampered_segments(tamper: impl FnOnce(&mut Tampered<'_>), message: &str) {
    let world = segmented();
    let mut chain = Tampered::new(&world.evm);
    tamper(&mut chain);
    refused(
        verify(&chain, world.poll(), &VerifyOptions::default(), &QUIET),
        message,
    );
}

/// Changes the event of a segment with this end, or drops it.
fn change_event(
    to: u64,
    change: impl Fn(Poll::SegmentProven) -> Option<Poll::SegmentProven> + 'static,
) -> Change<(), Vec<Log>> {
    Box::new(move |(), logs| {
        let changed = logs.into_iter().filter_map(|mut log| {
            let event = log
                .decode()
                .filter(|event: &Poll::SegmentProven| event.to == U256::from(to));
            if let Some(event) = event {
                log.data = change(event)?.encode_data().into();
            }
            Some(log)
        });
        changed.collect()
    })
}

#[test]
fn all_segments_are_verified() {
    let world = segmented();
    let verified = world.verify().unwrap();
    assert_eq!(verified.results, results());
    assert_eq!((verified.voters, verified.messages), (2, 4));
    // As if it had been proven whole.
    let whole = World::finalized().verify().unwrap();
    assert_eq!(verified.state_root, whole.state_root);
}

#[test]
fn an_event_of_a_segment_that_is_left_out() {
    for to in [5, 6] {
        let drop = |chain: &mut Tampered<'_>| chain.logs = change_event(to, |_| None);
        tampered_segments(drop, "leaves out the event of a segment of its count");
    }
    // Nothing depends on the branch.
    let world = segmented();
    let mut chain = Tampered::new(&world.evm);
    chain.logs = change_event(17, |_| None);
    assert!(verify(&chain, world.poll(), &world.strict(), &QUIET).is_ok());
}

#[test]
fn a_segment_that_begins_or_ends_elsewhere() {
    let of_first = |chain: &mut Tampered<'_>| {
        chain.logs = change_event(6, |mut event| {
            event.from = U256::ZERO;
            Some(event)
        });
    };
    tampered_segments(of_first, FALSE);
    // The branch's end in the place of the row's.
    let renamed = |chain: &mut Tampered<'_>| {
        let away = change_event(6, |_| None);
        let there = change_event(17, |mut event| {
            event.to = U256::from(6);
            Some(event)
        });
        chain.logs = Box::new(move |query, logs| there(query, away(query, logs)));
    };
    tampered_segments(renamed, FALSE);
}

#[test]
fn a_false_proof_of_a_segment() {
    for to in [5, 6] {
        // The scalars of the proof.
        let swapped = move |chain: &mut Tampered<'_>| {
            chain.logs = change_event(to, |mut event| {
                event.proof.swap(18, 19);
                Some(event)
            });
        };
        tampered_segments(swapped, FALSE);
    }
}

/// True proofs that lead from each of two links to the other say nothing of the first state.
#[test]
fn segments_in_a_circle() {
    let back = segmented().segment_call(6, 5);
    let circle = |chain: &mut Tampered<'_>| {
        chain.logs = change_event(5, move |mut event| {
            event.from = back.from;
            event.proof = back.proof;
            Some(event)
        });
    };
    tampered_segments(circle, "go in a circle");
}

#[test]
fn two_segments_with_one_end() {
    let one_end = |chain: &mut Tampered<'_>| {
        chain.logs = change_event(17, |mut event| {
            event.to = U256::from(6);
            Some(event)
        });
    };
    tampered_segments(one_end, "end at the same link");
}

/// What the last transaction says of where it begins.
#[test]
fn another_link_at_the_end() {
    let other = |chain: &mut Tampered<'_>| {
        chain.input = Box::new(|(), input| {
            let mut input = input?;
            if let Ok(mut call) = finalizeFromCall::abi_decode_validate(&input.calldata) {
                // A proven one, of the branch.
                call.link = U256::from(17);
                input.calldata = call.abi_encode().into();
            }
            Some(input)
        });
    };
    tampered_segments(other, "the proof does not show");
}

/// Somebody copies a segment's proof on its way and sends it first, by a contract: it is in the event
/// all the same.
#[test]
fn a_segment_by_way_of_another_contract() {
    let mut world = World::with(blinding_generator(), false).voted();
    let code = forwarder(world.poll().address);
    let forwarder = chain::deploy(&mut world.evm, SENDER, code).unwrap();
    let call = world.segment_call(0, 5);
    world.send(forwarder.contract, &call);
    world.end();
    let mut direct = world.clone();
    direct.finalize_from(5);
    assert_eq!(direct.verify().unwrap().results, results());
    // The last one as well: who has its proof can show it.
    let call = world.finalize_from_call(5);
    world.send(forwarder.contract, &call);
    world.is_refused("by way of another contract");
    let options = VerifyOptions {
        proof: Some(&call),
        ..world.strict()
    };
    let verified = verify(&world.evm, world.poll(), &options, &QUIET).unwrap();
    assert_eq!(verified.results, results());
}
