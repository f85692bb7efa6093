//! Results as a table or as JSON.

use std::io::{self, Write};

use maci_nova_protocol::tally::OptionResult;
use serde::Serialize;

/// Up to so many options a table lists all of them; beyond, those that got votes or credits.
const LIST_ALL: usize = 64;

/// Results of a poll, as every document has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    results: Vec<OptionLine>,
    total_spent: String,
}

/// What one option received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptionLine {
    /// Which option, from 0.
    pub option: usize,
    /// Votes, in decimal; negative if more were against it.
    pub votes: String,
    /// Voice credits, in decimal.
    pub spent: String,
}

impl Results {
    /// From the results of options 0, 1, ….
    pub fn new(results: &[OptionResult], total_spent: u128) -> Self {
        let line = |(option, result): (usize, &OptionResult)| OptionLine {
            option,
            votes: result.votes.to_string(),
            spent: result.spent.to_string(),
        };
        Results {
            results: results.iter().enumerate().map(line).collect(),
            total_spent: total_spent.to_string(),
        }
    }

    /// From decimal strings, as MACI's own packages give them.
    pub fn from_decimals(votes: &[String], spent: &[String], total_spent: String) -> Self {
        let pairs = votes.iter().zip(spent).enumerate();
        let line = |(option, (votes, spent)): (usize, (&String, &String))| OptionLine {
            option,
            votes: votes.clone(),
            spent: spent.clone(),
        };
        Results {
            results: pairs.map(line).collect(),
            total_spent,
        }
    }

    /// What each option received, in order.
    pub fn options(&self) -> &[OptionLine] {
        &self.results
    }

    /// Voice credits spent on all options, in decimal.
    pub fn total_spent(&self) -> &str {
        &self.total_spent
    }

    /// As a table with a line of totals.
    pub fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<&OptionLine> = if self.results.len() <= LIST_ALL {
            self.results.iter().collect()
        } else {
            self.results.iter().filter(|line| line.counts()).collect()
        };
        let widths = self.widths();
        row(out, ["option", "votes", "spent"], widths)?;
        for line in &rows {
            let option = line.option.to_string();
            row(out, [&option, &line.votes, &line.spent], widths)?;
        }
        if rows.len() < self.results.len() {
            let left_out = self.results.len() - rows.len();
            writeln!(out, "({left_out} options without votes are not listed)")?;
        }
        let votes: i128 = self
            .results
            .iter()
            .filter_map(|line| line.votes.parse::<i128>().ok())
            .fold(0, i128::saturating_add);
        row(
            out,
            ["total", &votes.to_string(), &self.total_spent],
            widths,
        )
    }

    fn widths(&self) -> [usize; 3] {
        let widest = |text: fn(&OptionLine) -> usize| self.results.iter().map(text).max();
        [
            6,
            widest(|line| line.votes.len()).unwrap_or(0).max(8) + 2,
            widest(|line| line.spent.len())
                .unwrap_or(0)
                .max(self.total_spent.len())
                .max(8)
                + 2,
        ]
    }
}

impl OptionLine {
    fn counts(&self) -> bool {
        self.votes != "0" || self.spent != "0"
    }
}

fn row(out: &mut dyn Write, cells: [&str; 3], widths: [usize; 3]) -> io::Result<()> {
    let [option, votes, spent] = cells;
    let [a, b, c] = widths;
    writeln!(out, "{option:>a$}{votes:>b$}{spent:>c$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(results: &Results) -> String {
        let mut out = vec![];
        results.write_table(&mut out).expect("writing to memory");
        String::from_utf8(out).expect("text")
    }

    fn result(votes: i128, spent: u128) -> OptionResult {
        OptionResult { votes, spent }
    }

    #[test]
    fn json_has_decimal_strings() {
        let results = Results::new(&[result(9, 45), result(0, 0)], 45);
        let json = serde_json::to_string(&results).expect("serializable");
        let expected = r#"{"results":[{"option":0,"votes":"9","spent":"45"},{"option":1,"votes":"0","spent":"0"}],"totalSpent":"45"}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn tables_line_up_and_total() {
        let results = Results::new(&[result(9, 45), result(5, 29)], 74);
        let expected = "\
option     votes     spent
     0         9        45
     1         5        29
 total        14        74
";
        assert_eq!(table(&results), expected);
    }

    #[test]
    fn long_tables_list_options_with_votes() {
        let mut all = vec![result(0, 0); 125];
        all[100] = result(3, 9);
        let text = table(&Results::new(&all, 9));
        assert_eq!(text.lines().count(), 4);
        assert!(text.contains("   100         3         9\n"));
        assert!(text.contains("(124 options without votes are not listed)"));
    }
}
