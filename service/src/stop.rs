//! Asking all threads to end, and waiting until that is asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A lock whose holder has panicked is a lock: what it guards is replaced as a whole each time.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the service is to end. Clones are of the same question.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    asked: AtomicBool,
    /// Counts what wakes those who wait, beside the end itself.
    woken: Mutex<u64>,
    bell: Condvar,
}

impl Stop {
    /// The service is to end.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether it is.
    pub fn asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Ends all pauses: something may have changed.
    pub fn wake(&self) {
        *lock(&self.0.woken) += 1;
        self.0.bell.notify_all();
    }

    /// Waits so long, or until it is woken.
    pub fn pause(&self, time: Duration) {
        let begun = Instant::now();
        let mut woken = lock(&self.0.woken);
        let before = *woken;
        while *woken == before && !self.asked() {
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            let waited = self.0.bell.wait_timeout(woken, left);
            woken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_when_the_service_does() {
        let stop = Stop::default();
        let begun = Instant::now();
        stop.pause(Duration::from_millis(5));
        assert!(begun.elapsed() >= Duration::from_millis(5));
        let asking = stop.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            asking.wake();
            std::thread::sleep(Duration::from_millis(20));
            asking.ask();
        });
        stop.pause(Duration::from_secs(60));
        assert!(!stop.asked());
        stop.pause(Duration::from_secs(60));
        assert!(stop.asked() && begun.elapsed() < Duration::from_secs(30));
        stop.pause(Duration::from_secs(60));
        thread.join().expect("ended");
    }
}
