//! Numbers in sentences.

/// How many there are of something whose plural ends in s: `1 join`, `2 joins`.
pub fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn one_is_no_plural() {
        let texts = [0, 1, 2].map(|number| count(number, "join"));
        assert_eq!(texts, ["0 joins", "1 join", "2 joins"]);
    }
}
