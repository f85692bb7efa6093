//! The running proof over the real step circuit.

use std::{
    env, ops::ControlFlow, process::Command, sync::OnceLock, thread, time::Duration, time::Instant,
};

use maci_nova_folding::{
    fold_all, FoldError, Outcome, Parameters, PipelineError, RunningProof, SetupSource,
};
use maci_nova_protocol::poll::State;
use maci_nova_step_circuit::testing::{header, key, small_poll, SmallPoll};
use maci_nova_step_circuit::{Fr, Shape, StepCircuit};

fn never() -> bool {
    false
}

fn setup(state_depth: usize, vote_depth: usize, events: usize) -> Parameters {
    let shape = Shape::new(state_depth, vote_depth, events).expect("in range");
    Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters")
}

fn parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| setup(2, 1, 1))
}

fn poll() -> &'static SmallPoll {
    static POLL: OnceLock<SmallPoll> = OnceLock::new();
    POLL.get_or_init(|| small_poll(2, 1))
}

fn step(index: usize) -> StepCircuit {
    poll()
        .steps()
        .nth(index)
        .expect("a step")
        .expect("prepared")
}

/// The first two steps folded.
fn begun() -> RunningProof {
    static BEGUN: OnceLock<RunningProof> = OnceLock::new();
    let begin = || {
        let mut proof = RunningProof::new(parameters(), &poll().header).expect("begun");
        proof.fold(parameters(), step(0)).expect("folded");
        proof.fold(parameters(), step(1)).expect("folded");
        proof
    };
    BEGUN.get_or_init(begin).clone()
}

fn assert_unchanged(proof: &RunningProof) {
    assert_eq!((proof.steps(), proof.state()), (2, step(1).after()));
    let verified = proof.verify(parameters()).expect("still true");
    assert_eq!(&verified, proof.state());
}

#[test]
fn a_proof_without_steps_proves_the_initial_state() {
    let proof = RunningProof::new(parameters(), &poll().header).expect("begun");
    let initial = State::initial(&poll().header);
    assert_eq!((proof.steps(), proof.state()), (0, &initial));
    assert_eq!(proof.verify(parameters()).expect("true"), initial);
    assert_eq!(proof.header(), &poll().header);
}

#[test]
fn a_whole_poll_ends_in_the_native_state() {
    let mut proof = RunningProof::new(parameters(), &poll().header).expect("begun");
    let mut events = poll().transitions.iter();
    let outcome = fold_all(parameters(), &mut proof, poll().steps(), &never, |proof| {
        let event = events.next().expect("as many steps as events");
        assert_eq!(proof.state(), &event.after);
        ControlFlow::Continue(())
    });
    assert_eq!(outcome.expect("no error"), Outcome::Finished);
    assert!(events.next().is_none());
    assert_eq!(proof.steps(), poll().transitions.len() as u64);
    assert_eq!(proof.verify(parameters()).expect("true"), poll().end);
}

#[test]
fn a_stopped_pipeline_can_be_continued() {
    let mut proof = begun();
    let stop_at_three = |proof: &RunningProof| match proof.steps() {
        3 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let rest = poll().steps().skip(2);
    let outcome = fold_all(parameters(), &mut proof, rest, &never, stop_at_three);
    assert_eq!(outcome.expect("no error"), Outcome::Stopped);
    assert_eq!((proof.steps(), proof.state()), (3, step(2).after()));
    let rest = poll().steps().skip(3);
    let go_on = |_: &RunningProof| ControlFlow::Continue(());
    let outcome = fold_all(parameters(), &mut proof, rest, &never, go_on);
    assert_eq!(outcome.expect("no error"), Outcome::Finished);
    assert_eq!(proof.verify(parameters()).expect("true"), poll().end);
}

#[test]
fn errors_leave_the_pipelines_proof_whole() {
    let mut proof = begun();
    let go_on = |_: &RunningProof| ControlFlow::Continue(());
    let producer = [Err("the log ends")].into_iter();
    let error = fold_all(parameters(), &mut proof, producer, &never, go_on);
    assert!(matches!(
        error,
        Err(PipelineError::Producer("the log ends"))
    ));
    assert_unchanged(&proof);
    // The third step is missing.
    let error = fold_all(
        parameters(),
        &mut proof,
        poll().steps().skip(3),
        &never,
        go_on,
    );
    assert!(matches!(
        error,
        Err(PipelineError::Fold(FoldError::OtherState))
    ));
    assert_unchanged(&proof);
}

#[test]
fn steps_that_do_not_continue_the_proof_are_refused() {
    let mut proof = begun();
    for index in [0, 1, 3, 8] {
        let refused = proof.fold(parameters(), step(index));
        assert!(
            matches!(refused, Err(FoldError::OtherState)),
            "step {index}"
        );
    }
    assert_unchanged(&proof);
    let mut empty = RunningProof::new(parameters(), &poll().header).expect("begun");
    let refused = empty.fold(parameters(), step(1));
    assert!(matches!(refused, Err(FoldError::OtherState)));
    assert_eq!(empty.steps(), 0);
}

#[test]
fn steps_and_polls_of_other_shapes_are_refused() {
    let other = small_poll(3, 1);
    let refused = RunningProof::new(parameters(), &other.header);
    assert!(matches!(
        refused,
        Err(FoldError::PollShape {
            poll: (3, 1),
            parameters: (2, 1)
        })
    ));
    let mut invalid = header(7, 2, 1);
    invalid.vote_options = 6;
    let refused = RunningProof::new(parameters(), &invalid);
    assert!(matches!(refused, Err(FoldError::Header(_))));
    let mut proof = begun();
    let foreign = other.steps().next().expect("a step").expect("prepared");
    let refused = proof.fold(parameters(), foreign);
    assert!(matches!(refused, Err(FoldError::StepShape { .. })));
    assert_unchanged(&proof);
}

#[test]
fn a_step_that_lies_about_its_end_is_refused() {
    let mut proof = begun();
    let mut event = poll().transitions[2].clone();
    event.after.tally_root += Fr::from(1);
    let (header, secret) = (&poll().header, poll().secret);
    let lie = StepCircuit::from_claims(parameters().shape(), header, secret, vec![event]);
    let refused = proof.fold(parameters(), lie);
    assert!(
        matches!(refused, Err(FoldError::OtherOutput)),
        "{refused:?}"
    );
    assert_unchanged(&proof);
    proof
        .fold(parameters(), step(2))
        .expect("the true step still folds");
}

#[test]
fn other_parameters_are_refused() {
    let others = setup(2, 1, 2);
    assert_ne!(others.digest(), parameters().digest());
    let mut proof = begun();
    let refused = proof.fold(&others, step(2));
    assert!(matches!(refused, Err(FoldError::OtherParameters { .. })));
    let refused = proof.verify(&others);
    assert!(matches!(refused, Err(FoldError::OtherParameters { .. })));
    assert_unchanged(&proof);
    // Two events a step fold too.
    let mut pair = RunningProof::new(&others, &poll().header).expect("begun");
    let events = poll().transitions[..2].to_vec();
    let circuit = StepCircuit::prepare(others.shape(), &poll().header, poll().secret, events);
    pair.fold(&others, circuit.expect("prepared"))
        .expect("folded");
    assert_eq!(pair.verify(&others).expect("true"), *proof.state());
}

#[test]
fn debug_output_holds_no_witness() {
    let text = format!("{:?}", begun());
    assert!(text.contains("<secret>") && text.len() < 300, "{text}");
    let scalar = format!("{:?}", key(1000).secret_scalar());
    assert!(!text.contains(&scalar));
    assert!(!text.contains(&format!("{:?}", Fr::from(7))));
}

/// Polls that begin at the same time with the same parameters, on one thread and on two: in a process of its own, which has its
/// own pool of threads.
#[test]
fn polls_that_begin_together_do_not_stop_each_other() {
    for threads in ["1", "2"] {
        let mut polls = Command::new(env::current_exe().expect("a program"))
            .args(["running_proof::begin_together", "--exact", "--ignored"])
            .env("RAYON_NUM_THREADS", threads)
            .spawn()
            .expect("started");
        let deadline = Instant::now() + Duration::from_secs(240);
        let status = loop {
            if let Some(status) = polls.try_wait().expect("a child") {
                break status;
            }
            if Instant::now() > deadline {
                polls.kill().expect("killed");
                panic!("they wait for each other, {threads} threads");
            }
            thread::sleep(Duration::from_millis(50));
        };
        assert!(status.success(), "{threads} threads");
    }
}

#[test]
#[ignore = "polls_that_begin_together_do_not_stop_each_other runs it in a process of its own"]
fn begin_together() {
    for _ in 0..4 {
        let parameters = setup(2, 1, 1);
        let begin = || RunningProof::new(&parameters, &poll().header).expect("begun");
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let (mut proof, steps) = (begin(), poll().steps().take(3));
                    let go_on = |_: &RunningProof| ControlFlow::Continue(());
                    let outcome = fold_all(&parameters, &mut proof, steps, &never, go_on);
                    assert_eq!(outcome.expect("folded"), Outcome::Finished);
                });
                scope.spawn(|| {
                    let mut proof = begin();
                    for index in 0..3 {
                        proof.fold(&parameters, step(index)).expect("folded");
                    }
                });
            }
        });
    }
}

/// On a thread of the pool, which waits while it folds, nothing is left to others.
#[test]
fn a_thread_of_the_pool_folds_alone() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let proof = pool.expect("a pool").install(|| {
        let mut proof = begun();
        let rest = poll().steps().skip(2).take(2);
        let go_on = |_: &RunningProof| ControlFlow::Continue(());
        fold_all(parameters(), &mut proof, rest, &never, go_on).expect("folded");
        proof
    });
    assert_eq!(proof.steps(), 4);
    proof.verify(parameters()).expect("true");
}
