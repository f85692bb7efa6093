//! What was paid, and how long it took.

use std::time::Instant;

use serde::Serialize;

/// Gas of transactions, by what they did, and seconds of stages.
#[derive(Clone, Debug, Default)]
pub struct GasReport {
    actions: Vec<Action>,
    stages: Vec<Timed>,
}

/// Transactions that did the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// What they did, as the contracts name it.
    pub action: &'static str,
    /// How many there were.
    pub times: u64,
    /// Their mean gas, rounded down.
    pub gas: u64,
    /// Their gas in all.
    pub total_gas: u64,
}

/// A stage and its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timed {
    /// What was done.
    pub stage: &'static str,
    /// How long it took, to the millisecond.
    pub seconds: f64,
}

impl GasReport {
    /// A transaction. None, for one that was not needed, is not counted.
    pub fn paid(&mut self, action: &'static str, gas: Option<u64>) {
        let Some(gas) = gas else {
            return;
        };
        let known = self.actions.iter().position(|known| known.action == action);
        let place = known.unwrap_or_else(|| {
            self.actions.push(Action {
                action,
                times: 0,
                gas: 0,
                total_gas: 0,
            });
            self.actions.len() - 1
        });
        let known = &mut self.actions[place];
        known.times += 1;
        known.total_gas = known.total_gas.saturating_add(gas);
        known.gas = known.total_gas / known.times;
    }

    /// A stage that began at `start` is over. Stages of one name are added up.
    pub fn done(&mut self, stage: &'static str, start: Instant) -> f64 {
        let seconds = start.elapsed().as_secs_f64();
        let whole = |seconds: f64| (seconds * 1000.0).round() / 1000.0;
        match self.stages.iter_mut().find(|known| known.stage == stage) {
            Some(known) => known.seconds = whole(known.seconds + seconds),
            None => self.stages.push(Timed {
                stage,
                seconds: whole(seconds),
            }),
        }
        seconds
    }

    /// Everything that was paid, in order of its first time.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The stages in their order.
    pub fn stages(&self) -> &[Timed] {
        &self.stages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_actions_are_one_line() {
        let mut report = GasReport::default();
        report.paid("join", Some(10));
        report.paid("publishMessage", Some(5));
        report.paid("join", None);
        report.paid("join", Some(21));
        let lines: Vec<_> = report
            .actions()
            .iter()
            .map(|action| (action.action, action.times, action.gas, action.total_gas))
            .collect();
        assert_eq!(lines, [("join", 2, 15, 31), ("publishMessage", 1, 5, 5)]);
    }

    #[test]
    fn equal_stages_add_up() {
        let mut report = GasReport::default();
        let start = Instant::now();
        for stage in ["vote", "fold", "vote"] {
            report.done(stage, start);
        }
        let names: Vec<_> = report.stages().iter().map(|stage| stage.stage).collect();
        assert_eq!(names, ["vote", "fold"]);
    }
}
