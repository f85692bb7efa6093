//! How often and how long a node is asked again.

use std::time::Duration;

/// Limits of waiting for a node. The time before a try doubles from `first` up to `longest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Time before the second try.
    pub first: Duration,
    /// The longest time between two tries.
    pub longest: Duration,
    /// Tries in all, at least 1.
    pub tries: u32,
    /// The longest time for one answer.
    pub answer: Duration,
}

impl RetryPolicy {
    /// Time before the next try, after so many; `None` if that were too many.
    pub fn wait(&self, tries: u32) -> Option<Duration> {
        if tries >= self.tries {
            return None;
        }
        let doublings = tries.saturating_sub(1).min(31);
        Some(self.first.saturating_mul(1 << doublings).min(self.longest))
    }
}

impl Default for RetryPolicy {
    /// Nine tries with 48 seconds between the first and the last: a node that is started again.
    fn default() -> Self {
        RetryPolicy {
            first: Duration::from_millis(250),
            longest: Duration::from_secs(16),
            tries: 9,
            answer: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let patience = RetryPolicy {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(5),
            tries: 6,
            answer: Duration::from_secs(1),
        };
        let waits: Vec<Option<u64>> = (1..=7)
            .map(|tries| patience.wait(tries).map(|wait| wait.as_secs()))
            .collect();
        let expected = [Some(1), Some(2), Some(4), Some(5), Some(5), None, None];
        assert_eq!(waits, expected);
    }

    #[test]
    fn no_number_of_tries_is_too_much() {
        let patience = RetryPolicy {
            tries: u32::MAX,
            ..RetryPolicy::default()
        };
        assert_eq!(patience.wait(u32::MAX - 1), Some(patience.longest));
    }

    #[test]
    fn the_default_lasts_long_enough_for_a_restart() {
        let patience = RetryPolicy::default();
        let all: Duration = (1..).map_while(|tries| patience.wait(tries)).sum();
        assert_eq!(all, Duration::from_millis(47_750));
    }
}
