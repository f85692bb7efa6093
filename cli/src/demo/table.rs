//! The demo's result for people: gas beside MACI's, and time.

use std::io::{self, Write};

use maci_nova_chain::clock::duration;
use maci_nova_chain::words::count;

use super::Document;
use crate::output::Output;

/// Gas of MACI v3, measured on a local node with real proofs; means where there is a range.
const MACI: [(&str, u64); 4] = [
    ("createPoll", 1_580_793),
    ("signUp", 256_864),
    ("join", 579_775),
    ("publishMessage", 358_667),
];

/// Of MACI's count: the first batch of 20 messages and each further one, each proof of two ballots,
/// and once the merge of its state.
const FIRST_BATCH: u64 = 556_667;
const BATCH: u64 = 468_921;
const TALLY: u64 = 400_216;
const MERGE: u64 = 301_380;

impl Output for Document {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.finalization.write_lines(out)?;
        writeln!(
            out,
            "\n{}, {} and top-ups\n",
            count(self.voters, "voter"),
            count(self.messages, "message")
        )?;
        self.write_gas(out)?;
        writeln!(out, "\n{:<32}{:>10}", "stage", "time")?;
        for stage in &self.stages {
            let time = duration(stage.seconds);
            writeln!(out, "{:<32}{time:>10}", stage.stage)?;
        }
        Ok(())
    }
}

impl Document {
    fn write_gas(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<32}{:>6}{:>12}{:>14}",
            "transaction", "times", "gas each", "MACI v3"
        )?;
        for call in &self.calls {
            let maci = match call.action {
                "finalize" => self.macis_count().to_string(),
                action => MACI
                    .iter()
                    .find(|(known, _)| *known == action)
                    .map_or_else(|| "-".into(), |(_, gas)| gas.to_string()),
            };
            writeln!(
                out,
                "{:<32}{:>6}{:>12}{maci:>14}",
                call.action, call.times, call.gas
            )?;
        }
        Ok(())
    }

    /// What MACI would pay for the same count, without storing results.
    fn macis_count(&self) -> u64 {
        let batches = self.messages.div_ceil(20).max(1);
        let ballots = (self.voters + 1).div_ceil(2);
        MERGE + FIRST_BATCH + (batches - 1) * BATCH + ballots * TALLY
    }
}
