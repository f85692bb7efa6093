//! Progress on stderr: a bar on a terminal, now and then a line elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Console;

/// Nothing shows before so much time has passed.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

const BAR: &str = "{prefix} [{bar:30}] {pos}/{len}, {msg}";
const SPINNER: &str = "{prefix} {spinner} {elapsed}";

/// One stage of the work.
#[derive(Debug)]
pub struct Progress {
    label: &'static str,
    unit: &'static str,
    total: Option<u64>,
    done_before: u64,
    started: Instant,
    next_line: Instant,
    bar: Option<ProgressBar>,
    lines: bool,
}

impl Progress {
    /// A stage of `total` units, `done` of which were done earlier.
    pub fn counted(
        console: &Console,
        label: &'static str,
        unit: &'static str,
        done: u64,
        total: u64,
    ) -> Self {
        let mut progress = Progress::new(console, label, unit, Some(total), BAR);
        progress.done_before = done;
        progress
    }

    /// A stage of unknown length.
    pub fn timed(console: &Console, label: &'static str) -> Self {
        let progress = Progress::new(console, label, "", None, SPINNER);
        if let Some(bar) = &progress.bar {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        progress
    }

    fn new(
        console: &Console,
        label: &'static str,
        unit: &'static str,
        total: Option<u64>,
        style: &str,
    ) -> Self {
        let terminal = io::stderr().is_terminal();
        let bar = (terminal && !console.quiet).then(|| make_bar(label, total, style));
        let now = Instant::now();
        Progress {
            label,
            unit,
            total,
            done_before: 0,
            started: now,
            next_line: now + PATIENCE,
            bar,
            lines: !terminal && !console.quiet,
        }
    }

    /// `done` units of all are done.
    pub fn at(&mut self, done: u64) {
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

    /// Seconds since the start; takes the bar away.
    pub fn finish(self) -> f64 {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.started.elapsed().as_secs_f64()
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

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn make_bar(label: &'static str, total: Option<u64>, style: &str) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(5);
    let bar = ProgressBar::with_draw_target(total, target);
    // The templates are constants; should one be wrong, the default style serves.
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.with_prefix(label)
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
