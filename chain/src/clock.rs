//! Times on a chain, and times for people.

use web_time::{SystemTime, UNIX_EPOCH};

use crate::{BlockId, Chain, ChainError};

const DAY: u64 = 86_400;

/// Seconds between two clocks that are nothing to speak of.
const CLOSE: u64 = 180;

/// How many blocks a chain's block time is taken from.
const MOST_SAMPLED: u64 = 256;
const LEAST_SAMPLED: u64 = 32;
/// Seconds between two blocks where too few are known.
pub const USUAL_BLOCK_TIME: f64 = 12.0;
const SHORTEST_BLOCK_TIME: f64 = 0.1;

/// The newest block's time, in seconds since 1970.
///
/// # Errors
/// Those of [`Chain::block`].
pub fn newest<C: Chain + ?Sized>(chain: &C) -> Result<u64, ChainError> {
    Ok(chain.block(BlockId::Latest)?.timestamp)
}

/// About when the next block will be: a chain that waits for transactions may not have had a block
/// for long, and another may be ahead of this machine's clock.
///
/// # Errors
/// Those of [`Chain::block`].
pub fn now<C: Chain + ?Sized>(chain: &C) -> Result<u64, ChainError> {
    Ok(newest(chain)?.max(here()))
}

/// This machine's clock, in seconds since 1970.
pub fn here() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs())
}

/// How far the newest block's time is from this machine's clock, in a sentence, if it is minutes:
/// [`now`] is the later one of the two, and contracts go by the chain's.
///
/// # Errors
/// Those of [`Chain::block`].
pub fn disagreement<C: Chain + ?Sized>(chain: &C) -> Result<Option<String>, ChainError> {
    Ok(compare(newest(chain)?, here()))
}

fn compare(newest: u64, here: u64) -> Option<String> {
    if newest > here.saturating_add(CLOSE) {
        return Some(format!(
            "the chain's clock is {} ahead of this machine's: times count from the chain's",
            span(newest - here)
        ));
    }
    if here > newest.saturating_add(CLOSE) {
        return Some(format!(
            "the chain's newest block is {} old: the node is behind, or nothing happens on this chain, or this machine's clock is ahead; times count from this machine's clock",
            span(here - newest)
        ));
    }
    None
}

/// Seconds between two blocks of the last few hundred.
///
/// # Errors
/// Those of [`Chain::block`].
pub fn block_time<C: Chain + ?Sized>(chain: &C) -> Result<f64, ChainError> {
    let newest = chain.block(BlockId::Latest)?;
    let sample = newest.number.min(MOST_SAMPLED);
    if sample < LEAST_SAMPLED {
        return Ok(USUAL_BLOCK_TIME);
    }
    let earlier = chain.block(BlockId::Number(newest.number - sample))?;
    let seconds = newest.timestamp.saturating_sub(earlier.timestamp);
    Ok((seconds as f64 / sample as f64).max(SHORTEST_BLOCK_TIME))
}

/// A time as a date, and how far it is from now.
pub fn moment(time: u64, now: u64) -> String {
    format!("{} ({})", utc(time), relative(time, now))
}

/// How far a time is from now.
pub fn relative(time: u64, now: u64) -> String {
    match time.checked_sub(now) {
        Some(0) => "now".into(),
        Some(left) => format!("in {}", span(left)),
        None => format!("{} ago", span(now - time)),
    }
}

/// A length of time in seconds.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        _ => duration(seconds as f64),
    }
}

/// A time for people, from seconds.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds > 1e9 {
        return "a very long time".into();
    }
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..=119 => format!("{whole} s"),
        120..=7199 => format!("{} min {} s", whole / 60, whole % 60),
        7200..=172_799 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} days {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A time as a date of the Gregorian calendar.
pub fn utc(time: u64) -> String {
    let (day, second) = (time / DAY, time % DAY);
    // 9999 is the last year of four digits.
    if day > 2_932_896 {
        return format!("{time} s after 1970");
    }
    let (year, month, day) = date(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a day since 1970. Years are counted from March here, so that a leap day
/// is the last of its year, and in eras of 400 years, which all have the same days.
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (next, month) = if month < 10 {
        (0, month + 3)
    } else {
        (1, month - 9)
    };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (time, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_704_067_199, "2023-12-31 23:59:59 UTC"),
            (1_800_000_000, "2027-01-15 08:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(utc(time), text);
        }
        assert!(utc(u64::MAX).ends_with("after 1970"));
    }

    #[test]
    fn clocks_that_are_far_apart_are_told() {
        for (newest, here) in [(1000, 1000), (1000, 1180), (1180, 1000)] {
            assert_eq!(compare(newest, here), None, "{newest} {here}");
        }
        let ahead = compare(8200, 1000).unwrap();
        assert!(ahead.contains("is 2 h 0 min ahead"), "{ahead}");
        let behind = compare(1000, 1181).unwrap();
        assert!(behind.contains("is 3 min 1 s old"), "{behind}");
        assert!(compare(u64::MAX, 0).is_some() && compare(0, u64::MAX).is_some());
    }

    #[test]
    fn distances_have_a_direction() {
        assert_eq!(relative(100, 100), "now");
        assert_eq!(relative(160, 100), "in 60 s");
        assert_eq!(relative(100, 7_600), "2 h 5 min ago");
        assert_eq!(moment(60, 0), "1970-01-01 00:01:00 UTC (in 60 s)");
    }
}
