//! Folding one step while the next one's witness is made, and committed to, on another thread.

use std::{
    ops::ControlFlow,
    panic,
    sync::mpsc::{sync_channel, Receiver, SyncSender},
    thread,
};

use maci_nova_step_circuit::StepCircuit;

use crate::{running_proof::CommittedStep, FoldError, Parameters, RunningProof};

/// Prepared steps that wait between the two threads. One keeps the folding thread busy; more would
/// only cost memory.
const WAITING_STEPS: usize = 1;

/// Asked, from both threads, whether to stop.
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// How [`fold_all`] ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The producer had no more steps, and all are folded.
    Finished,
    /// The callback or `stop` asked to stop; the proof is whole and can be continued.
    Stopped,
}

/// Why [`fold_all`] ended early. The proof then holds the steps before the one that failed.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError<E> {
    /// The producer returned an error instead of a step.
    #[error("{0}")]
    Producer(E),
    /// A step could not be folded.
    #[error("{0}")]
    Fold(#[from] FoldError),
}

/// Folds every step that `producer` yields, in order, into `proof`.
///
/// The producer runs on a thread of its own, one step ahead of the folding. After each fold
/// `on_step` sees the proof; when it breaks, or once `stop` says so, no further step is folded or
/// asked for. Steps already made are dropped.
///
/// It commits to steps ahead only if it is not called on a thread of rayon's pool, which waits here: none might be left
/// to commit.
///
/// # Errors
/// The producer's first error, after the steps before it are folded; or the first failing fold.
///
/// # Panics
/// When the producer panics: with its panic.
pub fn fold_all<E: Send>(
    parameters: &Parameters,
    proof: &mut RunningProof,
    producer: impl Iterator<Item = Result<StepCircuit, E>> + Send,
    stop: Stop<'_>,
    mut on_step: impl FnMut(&RunningProof) -> ControlFlow<()>,
) -> Result<Outcome, PipelineError<E>> {
    let ahead = rayon::current_thread_index().is_none();
    // Each is one job of the thread pool, which others help with when they have nothing else. As many small jobs, those of the
    // folding would wait for all of a commitment.
    let committed = producer.map(|circuit| {
        let circuit = circuit?;
        Ok(match ahead {
            true => in_pool(|| CommittedStep::committed(parameters, circuit)),
            false => CommittedStep::plain(circuit),
        })
    });
    run(committed, stop, |step| {
        in_pool(|| proof.fold_committed(parameters, step))?;
        Ok(on_step(proof))
    })
}

fn in_pool<T: Send>(job: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| job())
}

/// The pipeline for any kind of item.
fn run<T: Send, E: Send>(
    producer: impl Iterator<Item = Result<T, E>> + Send,
    stop: Stop<'_>,
    consume: impl FnMut(T) -> Result<ControlFlow<()>, FoldError>,
) -> Result<Outcome, PipelineError<E>> {
    let (sender, receiver) = sync_channel(WAITING_STEPS);
    thread::scope(|scope| {
        let producing = scope.spawn(|| produce(producer, stop, sender));
        // Taking the receiver, so that it is gone (and the producer told) before joining.
        let outcome = consume_all(receiver, stop, consume);
        match producing.join() {
            Ok(()) => outcome,
            Err(payload) => panic::resume_unwind(payload),
        }
    })
}

fn produce<T, E>(
    producer: impl Iterator<Item = Result<T, E>>,
    stop: Stop<'_>,
    sender: SyncSender<Result<T, E>>,
) {
    for item in producer {
        let last = item.is_err() || stop();
        // Sending fails when the folding thread has ended.
        if sender.send(item).is_err() || last {
            return;
        }
    }
}

fn consume_all<T, E>(
    receiver: Receiver<Result<T, E>>,
    stop: Stop<'_>,
    mut consume: impl FnMut(T) -> Result<ControlFlow<()>, FoldError>,
) -> Result<Outcome, PipelineError<E>> {
    while let Ok(item) = receiver.recv() {
        if stop() {
            return Ok(Outcome::Stopped);
        }
        let item = item.map_err(PipelineError::Producer)?;
        if consume(item)?.is_break() {
            return Ok(Outcome::Stopped);
        }
    }
    Ok(if stop() {
        Outcome::Stopped
    } else {
        Outcome::Finished
    })
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
        time::{Duration, Instant},
    };

    use super::*;

    fn never() -> bool {
        false
    }

    fn numbers(count: usize) -> impl Iterator<Item = Result<usize, String>> + Send {
        (0..count).map(Ok)
    }

    #[test]
    fn items_arrive_in_order_and_all() {
        let mut seen = Vec::new();
        let outcome = run(numbers(50), &never, |item| {
            seen.push(item);
            Ok(ControlFlow::Continue(()))
        });
        assert_eq!(outcome.expect("no error"), Outcome::Finished);
        assert!(seen.iter().copied().eq(0..50));
    }

    #[test]
    fn the_producer_runs_beside_but_not_far_ahead() {
        let made = AtomicUsize::new(0);
        let producer = (0..10).map(|item| {
            made.fetch_add(1, Ordering::SeqCst);
            Ok::<usize, String>(item)
        });
        run(producer, &never, |item| {
            // While this item is being consumed, the next one is made.
            let deadline = Instant::now() + Duration::from_secs(30);
            while item < 9 && made.load(Ordering::SeqCst) < item + 2 {
                assert!(Instant::now() < deadline, "nothing is made meanwhile");
                thread::yield_now();
            }
            // One waits in the channel and one in the producer's hand.
            assert!(made.load(Ordering::SeqCst) <= item + 1 + WAITING_STEPS + 1);
            Ok(ControlFlow::Continue(()))
        })
        .expect("no error");
    }

    #[test]
    fn a_producers_error_comes_after_the_items_before_it() {
        let producer = (0..10).map(|item| if item == 4 { Err("four") } else { Ok(item) });
        let mut seen = Vec::new();
        let error = run(producer, &never, |item| {
            seen.push(item);
            Ok(ControlFlow::Continue(()))
        })
        .expect_err("fails");
        assert!(matches!(error, PipelineError::Producer("four")));
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    #[test]
    fn a_failing_fold_ends_an_endless_producer() {
        let producer = (0..).map(Ok::<u64, String>);
        let error = run(producer, &never, |item| match item {
            3 => Err(FoldError::OtherState),
            _ => Ok(ControlFlow::Continue(())),
        })
        .expect_err("fails");
        assert!(matches!(error, PipelineError::Fold(FoldError::OtherState)));
    }

    #[test]
    fn the_callback_can_stop() {
        let mut seen = Vec::new();
        let outcome = run((0..).map(Ok::<u64, String>), &never, |item| {
            seen.push(item);
            Ok(if item == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        });
        assert_eq!(outcome.expect("no error"), Outcome::Stopped);
        assert_eq!(seen, [0, 1, 2]);
    }

    #[test]
    fn the_flag_can_stop() {
        let stop = AtomicBool::new(false);
        let mut seen = Vec::new();
        let outcome = run(
            (0..).map(Ok::<u64, String>),
            &|| stop.load(Ordering::Relaxed),
            |item| {
                seen.push(item);
                stop.store(item == 2, Ordering::Relaxed);
                Ok(ControlFlow::Continue(()))
            },
        );
        assert_eq!(outcome.expect("no error"), Outcome::Stopped);
        assert_eq!(seen, [0, 1, 2]);
        let before = run(numbers(5), &|| true, |_| Err(FoldError::OtherState));
        assert_eq!(before.expect("nothing folded"), Outcome::Stopped);
    }

    #[test]
    #[should_panic(expected = "the producer's panic")]
    fn a_producers_panic_comes_through() {
        let producer = (0..3).map(|item| {
            assert!(item < 2, "the producer's panic");
            Ok::<usize, String>(item)
        });
        let _ = run(producer, &never, |_| Ok(ControlFlow::Continue(())));
    }
}
