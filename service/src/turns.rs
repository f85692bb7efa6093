//! Who may fold or prove: that takes all cores and much memory, so polls take turns. The most
//! urgent one comes first, and one that works gives its turn up for a more urgent one.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::stop::lock;

/// Which poll comes first: the smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It has ended, and its proof is due at this time, in seconds since 1970.
    Ended(u64),
    /// It takes messages until this time: its joins may be folded now, and can be later.
    Open(u64),
}

/// The turns of a service.
#[derive(Debug)]
pub struct Turns {
    at_once: usize,
    claims: Mutex<Vec<Entry>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Entry {
    urgency: Urgency,
    /// Which poll, which decides between two of the same urgency.
    poll: usize,
    works: bool,
}

impl Entry {
    fn rank(&self) -> (Urgency, usize) {
        (self.urgency, self.poll)
    }
}

/// A poll's wish to work, or its turn. It ends when it is dropped.
#[derive(Debug)]
pub struct Claim<'a> {
    turns: &'a Turns,
    poll: usize,
}

impl Turns {
    /// So many polls may work at once.
    pub fn new(at_once: usize) -> Self {
        Turns {
            at_once,
            claims: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// A poll wants to work. Each poll has one claim at a time.
    pub fn claim(&self, poll: usize, urgency: Urgency) -> Claim<'_> {
        let mut claims = lock(&self.claims);
        claims.push(Entry {
            urgency,
            poll,
            works: false,
        });
        self.changed.notify_all();
        Claim { turns: self, poll }
    }

    /// Whether a poll works while a more urgent one waits for its place.
    pub fn must_yield(&self, poll: usize) -> bool {
        let claims = lock(&self.claims);
        let mine = claims.iter().find(|entry| entry.poll == poll);
        mine.is_some_and(|mine| mine.works && self.place(&claims, mine) >= self.at_once)
    }

    /// How many come before it.
    fn place(&self, claims: &[Entry], mine: &Entry) -> usize {
        let before = |entry: &&Entry| entry.rank() < mine.rank();
        claims.iter().filter(before).count()
    }
}

impl Claim<'_> {
    /// Waits so long for the turn, and no longer than `ended` says no; whether it has come.
    pub fn wait(&self, time: Duration, ended: &dyn Fn() -> bool) -> bool {
        /// Between two looks whether the service ends.
        const TICK: Duration = Duration::from_millis(200);
        let begun = Instant::now();
        let turns = self.turns;
        let mut claims = lock(&turns.claims);
        loop {
            let working = claims.iter().filter(|entry| entry.works).count();
            let mine = claims.iter().position(|entry| entry.poll == self.poll);
            let Some(mine) = mine else {
                return false;
            };
            if claims[mine].works {
                return true;
            }
            let is_next = turns.place(&claims, &claims[mine]) < turns.at_once;
            if is_next && working < turns.at_once {
                claims[mine].works = true;
                return true;
            }
            let left = time.saturating_sub(begun.elapsed()).min(TICK);
            if left.is_zero() || ended() {
                return false;
            }
            let waited = turns.changed.wait_timeout(claims, left);
            claims = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        lock(&self.turns.claims).retain(|entry| entry.poll != self.poll);
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn goes_on() -> bool {
        false
    }

    #[test]
    fn one_works_and_gives_its_turn_up_for_a_more_urgent_one() {
        let turns = Turns::new(1);
        let open = turns.claim(0, Urgency::Open(5));
        assert!(open.wait(NOW, &goes_on) && open.wait(NOW, &goes_on));
        assert!(!turns.must_yield(0));
        // Joins can wait.
        let other = turns.claim(1, Urgency::Open(9));
        assert!(!other.wait(NOW, &goes_on) && !turns.must_yield(0) && !turns.must_yield(1));
        let ended = turns.claim(2, Urgency::Ended(100));
        assert!(!ended.wait(NOW, &goes_on) && turns.must_yield(0));
        drop(open);
        assert!(
            !other.wait(NOW, &goes_on),
            "the one that has ended comes first"
        );
        assert!(ended.wait(NOW, &goes_on));
        // Its own deadline is nearer than a later one's.
        let later = turns.claim(3, Urgency::Ended(101));
        assert!(!turns.must_yield(2) && !later.wait(NOW, &goes_on));
        drop(ended);
        assert!(later.wait(NOW, &goes_on) && !other.wait(NOW, &goes_on));
        drop(later);
        assert!(other.wait(NOW, &goes_on));
    }

    #[test]
    fn several_work_if_they_may() {
        let turns = Turns::new(2);
        let claims = [0, 1, 2].map(|poll| turns.claim(poll, Urgency::Ended(7)));
        let work: Vec<bool> = claims
            .iter()
            .map(|claim| claim.wait(NOW, &goes_on))
            .collect();
        assert_eq!(work, [true, true, false]);
        let urgent = turns.claim(9, Urgency::Ended(6));
        assert!(!turns.must_yield(0) && turns.must_yield(1));
        drop(urgent);
        assert!(!turns.must_yield(1));
    }

    #[test]
    fn a_turn_is_waited_for() {
        let turns = Turns::new(1);
        let first = turns.claim(0, Urgency::Ended(1));
        assert!(first.wait(NOW, &goes_on));
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let claim = turns.claim(1, Urgency::Ended(2));
                claim.wait(Duration::from_secs(60), &goes_on)
            });
            std::thread::sleep(Duration::from_millis(20));
            drop(first);
            assert!(second.join().expect("no panic"));
        });
        let ended = turns.claim(2, Urgency::Open(0));
        let _works = turns.claim(3, Urgency::Ended(0));
        assert!(!ended.wait(Duration::from_secs(60), &|| true));
    }
}
