//! Jobs from a poll's transitions to proofs that follow each other, without a broker; then with one.

use std::sync::OnceLock;

use maci_nova_compressor::decider::{DeciderProof, Prover, Salt};
use maci_nova_folding::{checkpoint, Parameters, RunningProof, SetupSource};
use maci_nova_protocol::poll::{Decision, Event, Transition};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::Fr;
use maci_nova_sdk::poll::keys::KeyPolicy;
use maci_nova_step_circuit::testing::{small_poll, SmallPoll};
use maci_nova_step_circuit::Shape;
use zeroize::Zeroizing;

use super::job::{transition_bytes, Job, JobError, JobWriter, SegmentPlace};
use crate::prove::decider::Conclusion;
use crate::prove::finalization::{Finalization, Mismatch, SegmentProof};
use crate::prove::keys::{self, DeciderKeys};
use crate::prove::target::ProofTarget;
use maci_nova_compressor::decider::End;

pub(super) const SHAPE: Shape = Shape {
    state_depth: 4,
    vote_depth: 1,
    events_per_step: 1,
};

pub(super) fn parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| {
        Parameters::setup(SHAPE, &SetupSource::InsecureDevelopment).expect("parameters")
    })
}

pub(super) fn decider_keys() -> &'static DeciderKeys {
    static KEYS: OnceLock<DeciderKeys> = OnceLock::new();
    KEYS.get_or_init(|| keys::decider(parameters(), &KeyPolicy::default(), &()).expect("keys"))
}

fn prover() -> &'static Prover {
    &decider_keys().prover
}

fn poll() -> &'static SmallPoll {
    static POLL: OnceLock<SmallPoll> = OnceLock::new();
    POLL.get_or_init(|| small_poll(4, 1))
}

/// The job of these transitions, which go on from a running proof.
fn job(
    begun: &RunningProof,
    transitions: &[Transition],
    domain: [u8; 32],
    place: &SegmentPlace,
) -> Zeroizing<Vec<u8>> {
    let events = transitions.len() as u64;
    let mut writer =
        JobWriter::new(parameters(), begun, domain, place, poll().secret, events).expect("begun");
    for transition in transitions {
        writer.push(transition).expect("written");
    }
    let (bytes, statement) = writer.finish(poll().results.clone()).expect("finished");
    let read = Job::decode(bytes.clone()).expect("read");
    let stated = read.facts().statement().expect("stated");
    assert_eq!((stated.z0, stated.z), (statement.z0, statement.z));
    bytes
}

fn begin(at: usize) -> RunningProof {
    let start = poll().transitions[at].before;
    RunningProof::begin_at(parameters(), &poll().header, start).expect("begun")
}

fn whole() -> SegmentPlace {
    SegmentPlace {
        segment: (0, 1),
        ends: [End::State, End::State],
    }
}

fn prove(bytes: &Zeroizing<Vec<u8>>) -> Result<(), JobError> {
    let job = Job::decode(bytes.clone())?;
    job.prove(parameters(), prover(), None, &|| false, |_, _| {})
        .map(|_| ())
}

#[test]
fn transitions_are_not_larger_than_there_is_room_for() {
    for (state_depth, vote_depth) in [(2, 1), (4, 1), (4, 3)] {
        let shape = Shape {
            state_depth,
            vote_depth,
            ..SHAPE
        };
        for transition in small_poll(state_depth, vote_depth).transitions {
            let mut bytes = vec![];
            super::job::write(&transition, &mut bytes).expect("written");
            assert!(bytes.len() <= transition_bytes(&shape), "{}", bytes.len());
            let (read, used): (Transition, usize) = super::job::read(&bytes).expect("read");
            assert_eq!((read, used), (transition, bytes.len()));
        }
    }
}

/// Whoever carries a sealed job must not learn from its size how many messages counted, or how much they weighed.
#[test]
fn a_jobs_size_tells_nothing_of_decisions() {
    let transitions = &poll().transitions;
    let votes: Vec<&Transition> = transitions
        .iter()
        .filter(|transition| matches!(transition.event, Event::Vote { .. }))
        .collect();
    let find = |is_applied: bool| {
        let mut found = votes.iter();
        let found = found.find(|vote| (vote.decision == Decision::Applied) == is_applied);
        (*found.expect("both kinds")).clone()
    };
    let (applied, refused) = (find(true), find(false));
    let mut weighty = applied.clone();
    weighty.old_result.votes = i128::MAX;
    weighty.leaf.balance = u128::MAX;
    let size = |transition: &Transition| {
        let transitions = [transition.clone()];
        job(&begin(0), &transitions, [1; 32], &whole()).len()
    };
    assert_eq!(size(&applied), size(&refused));
    assert_eq!(size(&applied), size(&weighty));
    let mut writer =
        JobWriter::new(parameters(), &begin(0), [1; 32], &whole(), poll().secret, 1).expect("room");
    writer.push(&applied).expect("written");
    let rich = vec![
        OptionResult {
            votes: -7,
            spent: u128::MAX
        };
        5
    ];
    let (bytes, _) = writer.finish(rich).expect("finished");
    assert_eq!(bytes.len(), size(&applied));
}

#[test]
fn bytes_that_are_no_job_are_refused() {
    let bytes = job(&begin(0), &poll().transitions, [1; 32], &whole());
    for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        let cut = Zeroizing::new(bytes[..length].to_vec());
        // Where the cut leaves something that looks like facts, its transitions are none.
        let refused = Job::decode(cut).is_err_and(|error| matches!(error, JobError::Form(_)));
        assert!(refused, "{length} of {} bytes", bytes.len());
    }
    let end = bytes.len() - 8;
    for length in [u64::MAX, u64::MAX - 7, 0, 1 << 40] {
        let mut other = bytes.clone();
        other[end..].copy_from_slice(&length.to_le_bytes());
        assert!(Job::decode(other).is_err(), "{length}");
    }
    let debug = format!("{:?}", Job::decode(bytes).expect("a job"));
    assert!(!debug.contains("secret"), "{debug}");
}

/// A driver that errs, or whoever has the job key, gets no proof of anything else from a worker: each of these would be a false
/// one, or none that its poll's verifier takes.
#[test]
fn jobs_that_are_not_consistent_are_not_proven() {
    let transitions = &poll().transitions;
    let of = |begun: &RunningProof, transitions: &[Transition]| {
        job(begun, transitions, [1; 32], &whole())
    };
    let mut swapped = transitions.clone();
    swapped.swap(0, 1);
    let mut altered = transitions.clone();
    altered[1].after.tally_root += Fr::from(1);
    let mut richer = transitions.clone();
    richer[0].old_leaf += Fr::from(1);
    for (what, bytes) in [
        ("swapped", of(&begin(0), &swapped)),
        ("one left out", of(&begin(0), &transitions[1..])),
        ("another state", of(&begin(0), &altered)),
        ("another leaf", of(&begin(0), &richer)),
        ("another beginning", of(&begin(1), transitions)),
        ("nothing", of(&begin(0), &[])),
    ] {
        let error = prove(&bytes).expect_err(what);
        assert!(
            matches!(error, JobError::Inconsistent(_) | JobError::Proof(_)),
            "{what}: {error}"
        );
    }
    // Of another shape.
    let shape = Shape {
        state_depth: 2,
        ..SHAPE
    };
    let other = Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
    let job = Job::decode(of(&begin(0), transitions)).expect("a job");
    let error = job.prove(&other, prover(), None, &|| false, |_, _| {});
    assert!(matches!(error, Err(JobError::Inconsistent(_))));
    // Stopped at once.
    let error = job.prove(parameters(), prover(), None, &|| true, |_, _| {});
    assert!(matches!(error, Err(JobError::Interrupted)));
}

/// The proof of a job that was stopped after two steps, and went on from its checkpoint.
fn proven_after_a_stop(second: &Job) -> DeciderProof {
    let mut saved = None;
    let stopped = std::sync::atomic::AtomicBool::new(false);
    let stop = || stopped.load(std::sync::atomic::Ordering::SeqCst);
    let outcome = second.prove(parameters(), prover(), None, &stop, |done, proof| {
        if done == 2 {
            saved = Some(checkpoint::encode(parameters(), proof, &[]).expect("encoded"));
            stopped.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    });
    assert!(matches!(outcome, Err(JobError::Interrupted)));
    let saved = saved.expect("two steps");
    let resumed = checkpoint::decode(&saved, parameters(), &poll().header).expect("loaded");
    let mut steps = vec![];
    let proof = second
        .prove(
            parameters(),
            prover(),
            Some(resumed.proof),
            &|| false,
            |done, _| steps.push(done),
        )
        .expect("proven");
    assert!(steps.iter().copied().eq(3..=second.steps()));
    proof
}

/// Two segments: the first goes on from a running proof of the joins, the second was stopped and goes on from its checkpoint. Together they
/// are the poll's count, and nothing else is.
#[test]
fn segments_are_proven_apart_and_follow_each_other() {
    let keys = decider_keys();
    let target = ProofTarget::dry_run(keys, SHAPE).expect("deployed");
    let domain = target.domain();
    let transitions = &poll().transitions;
    let cut = transitions.len() / 2;
    let salt = Salt::random();
    let places = [
        SegmentPlace {
            segment: (0, 2),
            ends: [End::State, End::Link(salt.clone())],
        },
        SegmentPlace {
            segment: (1, 2),
            ends: [End::Link(salt), End::State],
        },
    ];

    // The first two steps are folded already.
    let of_two = Job::decode(job(&begin(0), &transitions[..2], domain, &whole())).expect("a job");
    let mut joined = begin(0);
    of_two.fold_into(parameters(), &mut joined).expect("folded");
    assert_eq!(joined.steps(), 2);
    let first = job(&joined, &transitions[2..cut], domain, &places[0]);
    let first = Job::decode(first).expect("a job");
    let mut steps = vec![];
    let proof = first
        .prove(parameters(), prover(), None, &|| false, |done, _| {
            steps.push(done)
        })
        .expect("proven");
    assert!(steps.iter().copied().eq(1..=first.steps()));
    let first = SegmentProof {
        statement: first.facts().statement().expect("stated"),
        proof,
    };

    let second = job(&begin(cut), &transitions[cut..], domain, &places[1]);
    let second = Job::decode(second).expect("a job");
    let proof = proven_after_a_stop(&second);
    let finalization = Finalization {
        segments: vec![first],
        statement: second.facts().statement().expect("stated"),
        proof,
    };
    assert_eq!(finalization.statement.results, poll().results);
    assert!(finalization.segments[0].statement.results.is_empty());

    forgeries(&finalization, domain);
    let mut conclusion = Conclusion {
        keys,
        parameters: parameters(),
        facts: &poll().facts,
        target,
        observer: &(),
    };
    let proven = conclusion.conclude(finalization).expect("accepted");
    // What is written is read again, with its segments.
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("decider.json");
    proven.document.write(&path).expect("written");
    let stored = conclusion.stored(&path).expect("stored");
    assert_eq!(stored.finalization.segments.len(), 1);
    assert_eq!(
        stored.finalization.segments[0].links(),
        proven.finalization.segments[0].links()
    );
}

/// Rows of segments that are not the whole count.
fn forgeries(honest: &Finalization, domain: [u8; 32]) {
    let check = |finalization: &Finalization| {
        let facts = &poll().facts;
        let of_count = finalization.check(facts, domain);
        let proven = finalization.verify(&prover().verifying_key()).is_ok();
        of_count.map(|()| proven)
    };
    assert_eq!(check(honest), Ok(true));
    let altered = |change: &dyn Fn(&mut Finalization)| {
        let mut other = honest.clone();
        change(&mut other);
        check(&other)
    };
    let count = Err(Mismatch::Count);
    assert_eq!(altered(&|it| it.segments.clear()), count, "left out");
    let twice = |it: &mut Finalization| it.segments.push(it.segments[0].clone());
    assert_eq!(altered(&twice), count, "repeated");
    let first = poll().transitions[0].before.to_array();
    assert_eq!(
        altered(&|it| it.statement.z0 = first),
        count,
        "from the first state"
    );
    let open = |it: &mut Finalization| {
        // The state in the place of its link, at both sides of the joint.
        let state = poll().transitions[poll().transitions.len() / 2]
            .before
            .to_array();
        it.segments[0].statement.z = state;
        it.statement.z0 = state;
    };
    assert_eq!(altered(&open), count, "a state at a joint");
    let renamed = |it: &mut Finalization| {
        it.segments[0].statement.z[0] += Fr::from(1);
        it.statement.z0[0] += Fr::from(1);
    };
    assert_eq!(altered(&renamed), Ok(false), "another link");
    let elsewhere = |it: &mut Finalization| it.segments[0].statement.domain = [9; 32];
    assert_eq!(altered(&elsewhere), Err(Mismatch::Domain));
    let swapped = |it: &mut Finalization| {
        std::mem::swap(&mut it.segments[0].proof, &mut it.proof);
    };
    assert_eq!(altered(&swapped), Ok(false), "swapped proofs");
    let richer = |it: &mut Finalization| it.statement.results[0].votes += 1;
    assert_eq!(altered(&richer), Ok(false), "other results");
}
