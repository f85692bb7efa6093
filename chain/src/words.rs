//! Numbers in sentences.

use alloy_primitives::U256;

/// Wei in a gwei, and in a coin.
const GWEI_DIGITS: usize = 9;
const ETHER_DIGITS: usize = 18;

/// How many there are of something whose plural ends in s: `1 join`, `2 joins`.
pub fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// An amount of the chain's coin, in the largest unit that shows it well: `3 ETH`, `0.25 ETH`,
/// `1.5 gwei`, `7 wei`. Chains with a coin of another name have the same units.
pub fn ether(wei: U256) -> String {
    let digits = wei.to_string();
    let (decimals, unit) = match digits.len() {
        ..=GWEI_DIGITS => return format!("{wei} wei"),
        10..=14 => (GWEI_DIGITS, "gwei"),
        _ => (ETHER_DIGITS, "ETH"),
    };
    let digits = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    match fraction.trim_end_matches('0') {
        "" => format!("{whole} {unit}"),
        fraction => format!("{whole}.{fraction} {unit}"),
    }
}

/// The next number up that has no more than three digits before its zeros.
pub fn rounded_up(number: U256) -> U256 {
    let more = number.to_string().len().saturating_sub(3);
    let unit = U256::from(10).pow(U256::from(more));
    let rest = number % unit;
    match rest.is_zero() {
        true => number,
        false => number.saturating_add(unit - rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let texts = [0, 1, 2].map(|number| count(number, "join"));
        assert_eq!(texts, ["0 joins", "1 join", "2 joins"]);
    }

    #[test]
    fn amounts_have_the_unit_that_fits() {
        for (wei, text) in [
            (0_u64, "0 wei"),
            (7, "7 wei"),
            (999_999_999, "999999999 wei"),
            (1_000_000_000, "1 gwei"),
            (1_500_000_000, "1.5 gwei"),
            (99_999_000_000_000, "99999 gwei"),
            (100_000_000_000_000, "0.0001 ETH"),
            (250_000_000_000_000_000, "0.25 ETH"),
            (3_000_000_000_000_000_000, "3 ETH"),
            (12_000_000_000_000_000_001, "12.000000000000000001 ETH"),
        ] {
            assert_eq!(ether(U256::from(wei)), text);
        }
        assert!(ether(U256::MAX).ends_with(" ETH"));
    }

    #[test]
    fn estimates_have_three_digits() {
        for (exact, rounded) in [
            (0_u64, 0),
            (999, 999),
            (1000, 1000),
            (1001, 1010),
            (123_456, 124_000),
            (999_999, 1_000_000),
        ] {
            assert_eq!(rounded_up(U256::from(exact)), U256::from(rounded));
        }
        assert_eq!(rounded_up(U256::MAX), U256::MAX);
    }
}
