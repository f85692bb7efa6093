//! What is shown of a poll: to the log, to metrics, to the page and to whoever asks by HTTP.
//!
//! A poll has to keep secret whether a message counts, and so does its service, also in the time
//! that things take. So nothing is shown of the plain count, which is quicker with a message that
//! is refused early; steps are shown sixteen at a time and every ten seconds at most; seconds a
//! step are a mean over as many. Results are nowhere: they are the chain's to show.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use maci_nova_chain::{Notice, Observer, Progress, Stage};
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_coordinator::directory::checkpoint_file;
use maci_nova_sdk::ErrorKind;
use metrics::{Counter, Gauge};
use serde::Serialize;
use tracing::{debug, info, warn};

use crate::config::Finalize;
use crate::logs::Redaction;
use crate::metrics::{self as names, Metrics};
use crate::stop::{lock, Stop};
use crate::turns::Turns;

/// Steps that are shown at a time.
const STEPS: u64 = 16;

/// Time between two pictures of how far a proof is, and what a checkpoint's age is rounded to.
const PICTURE: Duration = Duration::from_secs(10);

/// Stages whose time does not depend on what messages say.
const TIMED: [&str; 6] = [
    "parameters",
    "keys",
    "join keys",
    "bundle keys",
    "decider proof",
    "verifying",
];

/// The stage that folds, as [`Fold`](maci_nova_coordinator::fold::Fold) calls it.
const FOLDING: &str = "proving";

/// Where a poll is, as its service sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The node is asked what the poll is.
    Connecting,
    /// The poll has not started.
    Pending,
    /// The poll takes messages; joins are folded.
    Open,
    /// The poll has ended; its last blocks are not confirmed, or the second node lags.
    Ended,
    /// There is something to do, and another poll's turn.
    Queued,
    /// Parameters or keys are made or read.
    Preparing,
    /// Steps are folded.
    Folding,
    /// The last proof is made.
    Proving,
    /// The proof is made, and an administrator has to say that it is sent.
    Asking,
    /// The proof is being sent.
    Sending,
    /// The poll has its results.
    Finalized,
    /// The poll was given up.
    Aborted,
    /// The deadline has passed.
    Expired,
    /// Somebody has to do something.
    Failed,
}

impl Phase {
    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Connecting => "connecting",
            Phase::Pending => "pending",
            Phase::Open => "open",
            Phase::Ended => "ended",
            Phase::Queued => "queued",
            Phase::Preparing => "preparing",
            Phase::Folding => "folding",
            Phase::Proving => "proving",
            Phase::Asking => "asking",
            Phase::Sending => "sending",
            Phase::Finalized => "finalized",
            Phase::Aborted => "aborted",
            Phase::Expired => "expired",
            Phase::Failed => "failed",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Phase::Connecting => "looking for the poll on its chain",
            Phase::Pending => "has not started",
            Phase::Open => "open: takes joins and messages",
            Phase::Ended => "ended: its last blocks are being confirmed",
            Phase::Queued => "waits for another poll's work to end",
            Phase::Preparing => "preparing parameters and keys",
            Phase::Folding => "folding what was sent into one proof",
            Phase::Proving => "making the last proof",
            Phase::Asking => "proven: waits for the administrator to send the proof",
            Phase::Sending => "sending the proof",
            Phase::Finalized => "finalized: its results are on its chain",
            Phase::Aborted => "aborted: deposits can be withdrawn",
            Phase::Expired => "expired: the deadline passed without a proof",
            Phase::Failed => "stopped: the operator has to do something",
        }
    }

    /// Nothing is left to be done.
    pub fn is_over(self) -> bool {
        matches!(self, Phase::Finalized | Phase::Aborted | Phase::Expired)
    }
}

/// What strangers are told of an error: its own text may name files, nodes and what they say.
pub(crate) fn sentence(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Later => "a node is away, lags or leaves something out; it is waited for",
        ErrorKind::Chain => "a node or a contract refuses",
        ErrorKind::Io => "reading or writing failed",
        ErrorKind::WrongKey => "the key is not this poll's coordinator's",
        ErrorKind::Parameters => "parameters or keys are missing, or not allowed",
        ErrorKind::Checkpoint => "the checkpoint cannot be used",
        ErrorKind::Proof => "the proof is not accepted",
        ErrorKind::Input | ErrorKind::Request => "the configuration or a file does not fit",
        ErrorKind::Internal | ErrorKind::Interrupted => "the service made a mistake",
    }
}

/// An error that is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Its kind: the exit code's name.
    pub kind: &'static str,
    /// What everybody is told.
    pub message: &'static str,
    /// What the administrator is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When it came first, in seconds since 1970.
    pub since: u64,
    /// How often it has come in a row.
    pub times: u32,
    /// Whether it is tried again without anybody doing anything.
    pub retried: bool,
}

/// How far a proof is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepsShown {
    /// Steps that are folded, in round numbers.
    pub done: u64,
    /// Steps in all, if nothing more is sent.
    pub total: u64,
    /// Seconds a step, over the last ones.
    pub seconds_a_step: Option<f64>,
    /// Seconds until all are folded, at that pace.
    pub seconds_left: Option<u64>,
}

/// What is left until something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeLeft {
    /// `start`, `end` or `deadline`.
    pub until: &'static str,
    /// When that is, in seconds since 1970.
    pub at: u64,
    /// How far away it is.
    pub seconds: u64,
}

/// What is shown of a poll.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Its address.
    pub poll: String,
    /// Its chain.
    pub chain_id: u64,
    /// Where it is.
    pub phase: Phase,
    /// What is next, and when.
    pub time_left: Option<TimeLeft>,
    /// When it starts, ends, and when its proof is due, in seconds since 1970.
    pub start_time: Option<u64>,
    /// See [`View::start_time`].
    pub end_time: Option<u64>,
    /// See [`View::start_time`].
    pub deadline: Option<u64>,
    /// Joins that were read.
    pub joins: u64,
    /// Places in the message chain that were read: of messages, top-ups and bundles.
    pub messages: u64,
    /// The last block that was read.
    pub read_to: Option<u64>,
    /// How far the proof is.
    pub steps: StepsShown,
    /// `auto` or `ask`.
    pub finalize: &'static str,
    /// Whether its keys are for development.
    pub insecure: bool,
    /// The transaction that finalized it, if this process sent it.
    pub transaction: Option<B256>,
    /// Its gas.
    pub gas: Option<u64>,
    /// What went wrong last, until it goes well again.
    pub last_error: Option<Trouble>,
}

/// A poll on the wall.
#[derive(Debug)]
pub struct Board {
    /// The poll.
    pub poll: Address,
    root: PathBuf,
    redaction: Redaction,
    figures: PollMetrics,
    metrics: Arc<Metrics>,
    view: Mutex<View>,
    /// What is wrong with what was sent, whatever the chain and the disk do.
    alarm: Mutex<Option<Trouble>>,
}

/// A poll's metrics that have no labels of their own.
struct PollMetrics {
    poll: String,
    seen: [Gauge; 2],
    folded: Gauge,
    steps: Gauge,
    queue: Gauge,
    step_seconds: Gauge,
    lag: Gauge,
    deadline: Gauge,
    checkpoint_age: Gauge,
    reorganisations: Counter,
    left_out: Counter,
    gas: Counter,
}

impl std::fmt::Debug for PollMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PollMetrics").field(&self.poll).finish()
    }
}

impl PollMetrics {
    fn new(metrics: &Metrics, poll: String) -> Self {
        let gauge = |metric| metrics.gauge(metric, &[&poll]);
        let counter = |metric| metrics.counter(metric, &[&poll]);
        PollMetrics {
            seen: ["join", "message"].map(|kind| metrics.gauge(&names::SEEN, &[&poll, kind])),
            folded: gauge(&names::FOLDED),
            steps: gauge(&names::STEPS),
            queue: gauge(&names::QUEUE),
            step_seconds: gauge(&names::STEP_SECONDS),
            lag: gauge(&names::LAG),
            deadline: gauge(&names::DEADLINE),
            checkpoint_age: gauge(&names::CHECKPOINT_AGE),
            reorganisations: counter(&names::REORGANISATIONS),
            left_out: counter(&names::LEFT_OUT),
            gas: counter(&names::GAS),
            poll,
        }
    }
}

/// What was read of a poll.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// Joins.
    pub joins: u64,
    /// Places in the message chain: of messages, top-ups and bundles.
    pub messages: u64,
    /// The last block.
    pub to: Option<u64>,
    /// Steps that are folded.
    pub steps: u64,
    /// Steps that joins fill.
    pub join_steps: u64,
    /// Steps in all, if nothing more is sent.
    pub total: u64,
}

impl Board {
    /// A poll that nothing is known of yet, with its proof in the folder `root`.
    pub fn new(
        poll: Address,
        chain_id: u64,
        finalize: Finalize,
        root: PathBuf,
        redaction: Redaction,
        metrics: Arc<Metrics>,
    ) -> Self {
        let figures = PollMetrics::new(&metrics, poll.to_checksum(None));
        let view = View {
            poll: poll.to_checksum(None),
            chain_id,
            phase: Phase::Connecting,
            time_left: None,
            start_time: None,
            end_time: None,
            deadline: None,
            joins: 0,
            messages: 0,
            read_to: None,
            steps: StepsShown::default(),
            finalize: finalize.name(),
            insecure: false,
            transaction: None,
            gas: None,
            last_error: None,
        };
        let board = Board {
            poll,
            root,
            redaction,
            figures,
            metrics,
            view: Mutex::new(view),
            alarm: Mutex::default(),
        };
        board.mark(Phase::Connecting, 1.0);
        board
    }

    /// Whether it is known that its keys are for development.
    pub fn is_insecure(&self) -> bool {
        lock(&self.view).insecure
    }

    /// What is shown at the time `now`, in seconds since 1970. What errors say themselves is for the
    /// administrator alone.
    pub fn view(&self, now: u64, is_administrator: bool) -> View {
        let mut view = lock(&self.view).clone();
        view.last_error = view.last_error.or_else(|| lock(&self.alarm).clone());
        view.time_left = time_left(&view, now);
        if let Some(trouble) = view.last_error.as_mut().filter(|_| !is_administrator) {
            trouble.detail = None;
        }
        view
    }

    /// Where it is.
    pub fn phase(&self) -> Phase {
        lock(&self.view).phase
    }

    /// It is somewhere else.
    pub fn enter(&self, phase: Phase) {
        let before = std::mem::replace(&mut lock(&self.view).phase, phase);
        if before != phase {
            self.mark(before, 0.0);
            self.mark(phase, 1.0);
            info!(poll = %self.poll, phase = phase.name(), "{}", phase.words());
        }
    }

    fn mark(&self, phase: Phase, value: f64) {
        let labels = [&*self.figures.poll, phase.name()];
        self.metrics.gauge(&names::PHASE, &labels).set(value);
    }

    /// Its times are known.
    pub fn set_times(&self, (start, end): (u64, u64), deadline: u64, insecure: bool) {
        let mut view = lock(&self.view);
        (view.start_time, view.end_time) = (Some(start), Some(end));
        view.deadline = Some(deadline);
        view.insecure = insecure;
        self.figures.deadline.set(deadline as f64);
    }

    /// Its deadline may be later than before.
    pub fn set_deadline(&self, deadline: u64) {
        lock(&self.view).deadline = Some(deadline);
        self.figures.deadline.set(deadline as f64);
    }

    /// So much was read.
    pub fn set_read(&self, read: Read) {
        let mut view = lock(&self.view);
        (view.joins, view.messages, view.read_to) = (read.joins, read.messages, read.to);
        view.steps.total = read.total;
        let is_of_joins = read.steps <= read.join_steps || read.steps == read.total;
        view.steps.done = match is_of_joins {
            true => read.steps,
            false => read.steps / STEPS * STEPS,
        };
        drop(view);
        for (gauge, number) in self.figures.seen.iter().zip([read.joins, read.messages]) {
            gauge.set(number as f64);
        }
        self.show_steps();
    }

    fn show_steps(&self) {
        let view = lock(&self.view);
        let StepsShown { done, total, .. } = view.steps;
        self.figures.folded.set(done as f64);
        self.figures.steps.set(total as f64);
        let events = view.joins.saturating_add(view.messages);
        let left = match total {
            0 => events,
            // Each step takes as many events; the last is filled up with blindings.
            _ => (events as f64 * total.saturating_sub(done) as f64 / total as f64) as u64,
        };
        self.figures.queue.set(left as f64);
        if let Some(seconds) = view.steps.seconds_a_step {
            self.figures.step_seconds.set(seconds);
        }
    }

    fn set_folded(&self, done: u64, total: u64, seconds_a_step: Option<f64>) {
        let mut view = lock(&self.view);
        let pace = seconds_a_step.or(view.steps.seconds_a_step);
        view.steps = StepsShown {
            done,
            total,
            seconds_a_step: pace,
            seconds_left: pace.map(|pace| (pace * total.saturating_sub(done) as f64) as u64),
        };
        drop(view);
        self.show_steps();
    }

    /// It was finalized, by this process if there is a transaction.
    pub fn set_finalized(&self, transaction: Option<(B256, u64)>) {
        if let Some((hash, gas)) = transaction {
            let mut view = lock(&self.view);
            (view.transaction, view.gas) = (Some(hash), Some(gas));
            self.figures.gas.increment(gas);
        }
    }

    /// Something went wrong. The whole text goes to the log, without what addresses hide.
    pub fn fail(&self, kind: ErrorKind, text: &str, retried: bool) {
        if matches!(kind, ErrorKind::Later | ErrorKind::Chain) {
            self.metrics.counter(&names::RPC_ERRORS, &[]).increment(1);
        }
        let mut view = lock(&self.view);
        let before = view.last_error.take();
        view.last_error = Some(self.trouble(kind, text, retried, before));
    }

    /// What was sent cannot be counted, which stays so until [`Board::settle`].
    pub fn alarm(&self, kind: ErrorKind, text: &str) {
        let mut alarm = lock(&self.alarm);
        let before = alarm.take();
        *alarm = Some(self.trouble(kind, text, true, before));
    }

    /// What was sent can be counted.
    pub fn settle(&self) {
        *lock(&self.alarm) = None;
    }

    fn trouble(
        &self,
        kind: ErrorKind,
        text: &str,
        retried: bool,
        before: Option<Trouble>,
    ) -> Trouble {
        let text = self.redaction.apply(text);
        let name = kind.name();
        let labels = [&*self.figures.poll, name];
        self.metrics.counter(&names::FAILURES, &labels).increment(1);
        warn!(poll = %self.poll, kind = name, retried, "{text}");
        let before = before.filter(|before| before.kind == name);
        Trouble {
            kind: name,
            message: sentence(kind),
            detail: Some(text),
            since: before.as_ref().map_or_else(now, |before| before.since),
            times: before.map_or(0, |before| before.times).saturating_add(1),
            retried,
        }
    }

    /// It goes well again.
    pub fn recover(&self) {
        self.recover_from(|_| true);
    }

    /// The node answers again, whatever the disk does.
    pub fn recover_from_the_node(&self) {
        let of_node = [ErrorKind::Later, ErrorKind::Chain].map(ErrorKind::name);
        self.recover_from(|kind| of_node.contains(&kind));
    }

    fn recover_from(&self, is_over: impl Fn(&str) -> bool) {
        let mut view = lock(&self.view);
        let over = view.last_error.take_if(|trouble| is_over(trouble.kind));
        if over.is_some() {
            info!(poll = %self.poll, "it goes well again");
        }
    }

    /// Before metrics are read: what changes by itself.
    pub fn refresh(&self, head: Option<u64>) {
        let read_to = lock(&self.view).read_to;
        if let (Some(head), Some(read_to)) = (head, read_to) {
            self.figures.lag.set(head.saturating_sub(read_to) as f64);
        }
        let written = std::fs::metadata(checkpoint_file(&self.root));
        let age = written.and_then(|metadata| metadata.modified()).ok();
        let age = age.and_then(|written| written.elapsed().ok());
        let rounded = age.map_or(0, |age| age.as_secs() / PICTURE.as_secs());
        self.figures
            .checkpoint_age
            .set((rounded * PICTURE.as_secs()) as f64);
    }
}

/// This machine's clock, in seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs())
}

fn time_left(view: &View, now: u64) -> Option<TimeLeft> {
    if view.phase.is_over() {
        return None;
    }
    let times = [
        ("start", view.start_time),
        ("end", view.end_time),
        ("deadline", view.deadline),
    ];
    times.into_iter().find_map(|(until, at)| {
        let at = at?;
        let seconds = at.checked_sub(now).filter(|seconds| *seconds > 0)?;
        Some(TimeLeft { until, at, seconds })
    })
}

/// What a poll's work is watched by.
#[derive(Debug)]
pub struct Watch {
    /// Where it is shown.
    pub board: Arc<Board>,
    /// Whether it is to end.
    pub stop: Stop,
    /// Whether it is to give its turn up: whose turns, and its number there.
    pub turns: Option<(Arc<Turns>, usize)>,
}

impl Observer for Watch {
    fn note(&self, text: &str) {
        info!(poll = %self.board.poll, "{}", self.board.redaction.apply(text));
    }

    fn warn(&self, text: &str) {
        warn!(poll = %self.board.poll, "{}", self.board.redaction.apply(text));
    }

    fn notice(&self, notice: &Notice) {
        let board = &self.board;
        match notice {
            Notice::Retrying { method, .. } => {
                board
                    .metrics
                    .counter(&names::RETRIES, &[method])
                    .increment(1);
            }
            // They are said as well.
            Notice::Reorganised => return board.figures.reorganisations.increment(1),
            Notice::LeftOut { .. } => return board.figures.left_out.increment(1),
            Notice::Pending { .. } => return,
            _ => {}
        }
        let text = board.redaction.apply(&notice.to_string());
        match notice {
            Notice::Sent { .. } | Notice::Price { .. } | Notice::Queued { .. } => {
                info!(poll = %board.poll, "{text}");
            }
            _ => debug!(poll = %board.poll, "{text}"),
        }
    }

    fn stage(&self, stage: Stage) -> Box<dyn Progress> {
        let board = Arc::clone(&self.board);
        match stage {
            Stage::Timed { label } if TIMED.contains(&label) => {
                if label == "decider proof" {
                    board.enter(Phase::Proving);
                }
                Box::new(Timed {
                    board,
                    label,
                    begun: Instant::now(),
                })
            }
            Stage::Counted {
                label: FOLDING,
                done,
                total,
                ..
            } => Box::new(Folding {
                board,
                total,
                first: done,
                begun: Instant::now(),
                shown: Instant::now(),
            }),
            _ => Box::new(()),
        }
    }

    fn interrupted(&self) -> bool {
        let yields = |(turns, poll): &(Arc<Turns>, usize)| turns.must_yield(*poll);
        self.stop.asked() || self.turns.as_ref().is_some_and(yields)
    }
}

struct Timed {
    board: Arc<Board>,
    label: &'static str,
    begun: Instant,
}

impl Progress for Timed {}

impl Drop for Timed {
    fn drop(&mut self) {
        let labels = [&*self.board.figures.poll, self.label];
        let gauge = self.board.metrics.gauge(&names::STAGE_SECONDS, &labels);
        gauge.set(self.begun.elapsed().as_secs_f64().round());
    }
}

struct Folding {
    board: Arc<Board>,
    total: u64,
    first: u64,
    begun: Instant,
    shown: Instant,
}

impl Progress for Folding {
    fn at(&mut self, done: u64) {
        if self.shown.elapsed() < PICTURE {
            return;
        }
        let round = done / STEPS * STEPS;
        if round <= self.first {
            return;
        }
        self.shown = Instant::now();
        let seconds = self.begun.elapsed().as_secs_f64() / (done - self.first) as f64;
        self.board
            .set_folded(round, self.total, Some(rounded(seconds)));
    }
}

/// To hundredths.
fn rounded(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn board() -> Arc<Board> {
        Arc::new(Board::new(
            Address::repeat_byte(1),
            1,
            Finalize::Ask,
            "nowhere".into(),
            Redaction::of(&["https://node.example/hunter2".parse().expect("URL")]),
            Arc::default(),
        ))
    }

    fn watch(board: &Arc<Board>) -> Watch {
        Watch {
            board: Arc::clone(board),
            stop: Stop::default(),
            turns: None,
        }
    }

    #[test]
    fn errors_are_for_the_administrator_and_never_show_a_key() {
        let board = board();
        for _ in 0..2 {
            board.fail(
                ErrorKind::Later,
                "https://node.example/hunter2 is away",
                true,
            );
        }
        let trouble = board.view(now(), false).last_error.expect("shown");
        assert_eq!(
            (trouble.kind, trouble.times, trouble.retried),
            ("later", 2, true)
        );
        assert_eq!(trouble.detail, None);
        let trouble = board.view(now(), true).last_error.expect("shown");
        assert_eq!(
            trouble.detail.as_deref(),
            Some("https://node.example/… is away")
        );
        board.recover_from_the_node();
        assert!(board.view(now(), true).last_error.is_none());
        board.fail(ErrorKind::Io, "no room", true);
        board.recover_from_the_node();
        assert!(board.view(now(), true).last_error.is_some());
        board.recover();
        assert!(board.view(now(), true).last_error.is_none());
    }

    /// Neither the plain count's steps nor each folded step.
    #[test]
    fn what_shows_does_not_follow_each_message() {
        let board = board();
        let watch = watch(&board);
        let counted = |label, total| Stage::Counted {
            label,
            unit: "steps",
            done: 0,
            total,
        };
        let mut counting = watch.stage(counted("counting", 100));
        let mut folding = watch.stage(counted("proving", 100));
        for step in 1..100 {
            counting.at(step);
            folding.at(step);
        }
        assert_eq!(board.view(now(), true).steps, StepsShown::default());
        drop((counting, folding));
        let mut folding = Folding {
            board: Arc::clone(&board),
            total: 100,
            first: 0,
            begun: Instant::now(),
            shown: Instant::now() - PICTURE,
        };
        folding.at(15);
        assert_eq!(board.view(now(), true).steps.done, 0);
        folding.at(39);
        folding.at(60);
        assert_eq!(
            (
                board.view(now(), true).steps.done,
                board.view(now(), true).steps.total
            ),
            (32, 100)
        );
    }

    #[test]
    fn metrics_follow() {
        let board = board();
        board.enter(Phase::Folding);
        board.set_read(Read {
            joins: 3,
            messages: 5,
            to: Some(90),
            steps: 4,
            join_steps: 4,
            total: 9,
        });
        board.refresh(Some(100));
        let watch = watch(&board);
        watch.notice(&Notice::Reorganised);
        drop(watch.stage(Stage::Timed { label: "keys" }));
        drop(watch.stage(Stage::Timed { label: "counting" }));
        let text = board.metrics.render();
        let poll = Address::repeat_byte(1).to_checksum(None);
        for line in [
            format!("maci_nova_poll_phase{{poll=\"{poll}\",phase=\"connecting\"}} 0"),
            format!("maci_nova_poll_phase{{poll=\"{poll}\",phase=\"folding\"}} 1"),
            format!("maci_nova_poll_events{{poll=\"{poll}\",kind=\"message\"}} 5"),
            format!("maci_nova_poll_lag_blocks{{poll=\"{poll}\"}} 10"),
            format!("maci_nova_poll_queue_events{{poll=\"{poll}\"}} 4"),
            format!("maci_nova_poll_reorganisations_total{{poll=\"{poll}\"}} 1"),
            format!("maci_nova_poll_stage_seconds{{poll=\"{poll}\",stage=\"keys\"}} 0"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(!text.contains("counting"), "{text}");
    }

    #[test]
    fn what_is_left_is_until_what_comes_next() {
        let board = board();
        assert_eq!(board.view(now(), false).time_left, None);
        board.set_times((10, now() + 50), now() + 90, false);
        assert_eq!(
            board.view(now(), false).time_left.expect("some").until,
            "end"
        );
        board.set_times((10, 20), now() + 90, false);
        let left = board.view(now(), false).time_left.expect("some");
        assert_eq!(
            (left.until, left.seconds / 10),
            ("deadline", 8 + u64::from(left.seconds == 90))
        );
        board.enter(Phase::Finalized);
        assert_eq!(board.view(now(), false).time_left, None);
    }
}
