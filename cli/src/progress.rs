//! Progress on stderr: a bar on a terminal, now and then a line elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use maci_nova_chain::clock::duration;
use maci_nova_chain::{Observer, Progress, Stage};

use crate::console::Console;

/// Nothing shows before so much time has passed.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time between two pictures of what has no length.
const TICK: Duration = Duration::from_millis(200);
/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

const BAR: &str = "{prefix} [{bar:30}] {pos}/{len}, {msg}";
const SPINNER: &str = "{prefix} {spinner} {elapsed}";

/// One stage of the work.
#[derive(Debug)]
pub struct Bar {
    label: &'static str,
    unit: &'static str,
    total: Option<u64>,
    done_before: u64,
    started: Instant,
    next_line: Instant,
    bar: Option<ProgressBar>,
    lines: bool,
}

impl Bar {
    /// Shows a stage, unless nobody wants to see it.
    pub fn new(console: &Console, stage: Stage) -> Self {
        let (label, unit, done_before, total) = match stage {
            Stage::Timed { label } => (label, "", 0, None),
            Stage::Counted {
                label,
                unit,
                done,
                total,
            } => (label, unit, done, Some(total)),
        };
        let terminal = io::stderr().is_terminal();
        let bar = (terminal && !console.quiet).then(|| make_bar(label, total));
        let now = Instant::now();
        Bar {
            label,
            unit,
            total,
            done_before,
            started: now,
            next_line: now + PATIENCE,
            bar,
            lines: !terminal && !console.quiet,
        }
    }

    /// Units a second and the time left.
    fn pace(&self, done: u64) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = done.saturating_sub(self.done_before) as f64 / seconds.max(1e-9);
        let left = self.total.unwrap_or(0).saturating_sub(done) as f64;
        if rate <= 0.0 {
            return format!("no {} yet", self.unit);
        }
        format!("{rate:.1} {}/s, {} left", self.unit, duration(left / rate))
    }
}

impl Observer for Console {
    fn note(&self, text: &str) {
        Console::note(self, text);
    }

    fn warn(&self, text: &str) {
        Console::warn(self, text);
    }

    fn stage(&self, stage: Stage) -> Box<dyn Progress> {
        Box::new(Bar::new(self, stage))
    }

    fn interrupted(&self) -> bool {
        self.interrupt.asked()
    }
}

impl Progress for Bar {
    fn at(&mut self, done: u64) {
        let now = Instant::now();
        if now < self.next_line {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_message(self.pace(done));
            bar.set_position(done);
        } else if self.lines {
            self.next_line = now + LINE_INTERVAL;
            let total = self.total.unwrap_or(0);
            let pace = self.pace(done);
            let _ = writeln!(
                io::stderr().lock(),
                "{}: {done}/{total}, {pace}",
                self.label
            );
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn make_bar(label: &'static str, total: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(5);
    let bar = ProgressBar::with_draw_target(total, target);
    let style = if total.is_some() { BAR } else { SPINNER };
    // The templates are constants; should one be wrong, the default style serves.
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    if total.is_none() {
        bar.enable_steady_tick(TICK);
    }
    bar.with_prefix(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        assert_eq!(duration(0.04), "0.0 s");
        assert_eq!(duration(59.6), "60 s");
        assert_eq!(duration(150.0), "2 min 30 s");
        assert_eq!(duration(7_260.0), "2 h 1 min");
        assert_eq!(duration(200_000.0), "2 days 7 h");
        assert_eq!(duration(f64::INFINITY), "a very long time");
    }
}
