//! What a Prometheus server reads at `/metrics`. [`ALL`] is the whole list, each name with its unit.
//!
//! Nothing here depends on what a message says: see [`progress`](crate::progress).

use std::fmt;

use metrics::{Counter, Gauge, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

const METADATA: Metadata<'static> = Metadata::new("maci_nova", Level::INFO, None);

/// A metric: its name, what it is, its labels beside those of Prometheus.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name; a counter's ends in `_total`.
    pub name: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, with its unit.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: Metric = Metric {
            name: concat!("maci_nova_", $name),
            labels: &[$($label),*],
            help: $help,
        };)*

        /// All of them.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    BUILD "build_info" ["version"] "1, with the program's version";
    NODE_UP "node_up" [] "1 if the node answered when it was last asked, else 0";
    HEAD "node_head_block" [] "number of the node's newest block";
    SKEW "node_clock_skew_seconds" [] "newest block's time less this machine's, in seconds";
    RETRIES "rpc_retries_total" ["method"] "requests that were made again, by JSON-RPC method";
    RPC_ERRORS "rpc_errors_total" [] "requests that failed for good, or were refused";
    PHASE "poll_phase" ["poll", "phase"] "1 for the phase that a poll is in, 0 for those that it was in";
    SEEN "poll_events" ["poll", "kind"] "joins and messages (with top-ups) that were read from the chain";
    FOLDED "poll_steps_folded" ["poll"] "steps of the proof that are folded, in round numbers";
    STEPS "poll_steps" ["poll"] "steps of the whole proof, as far as is known";
    QUEUE "poll_queue_events" ["poll"] "events that were read and are not folded, in round numbers";
    STEP_SECONDS "poll_step_seconds" ["poll"] "seconds a step, mean over the steps that were folded last";
    LAG "poll_lag_blocks" ["poll"] "blocks between the node's newest and the last that was read; the confirmations at least";
    DEADLINE "poll_deadline_seconds" ["poll"] "when the proof is due, in seconds since 1970";
    REORGANISATIONS "poll_reorganisations_total" ["poll"] "times that blocks that were read were replaced";
    LEFT_OUT "poll_left_out_total" ["poll"] "times that the node left events out";
    CHECKPOINT_AGE "poll_checkpoint_age_seconds" ["poll"] "seconds since the checkpoint was written, in steps of ten";
    STAGE_SECONDS "poll_stage_seconds" ["poll", "stage"] "seconds that a stage took: parameters, keys, join keys, bundle keys, decider proof, verifying";
    FAILURES "poll_failures_total" ["poll", "kind"] "times that work on a poll stopped with an error, by its kind";
    GAS "poll_gas_spent_total" ["poll"] "gas of the transactions that this process has sent";
    REQUESTS "http_requests_total" ["route", "status"] "requests that were answered";
    RELAY_REQUESTS "relay_requests_total" ["poll", "outcome"] "ballots and joins that were taken, refused (and why), or came to nothing";
    RELAY_QUEUE "relay_queue_messages" ["poll"] "messages that wait to be published, or are on their way";
    RELAY_JOINS "relay_queue_joins" ["poll"] "joins that wait to be sent";
    RELAY_BUNDLES "relay_bundles_total" ["poll"] "bundles that this process has published";
    RELAY_MESSAGES "relay_messages_total" ["poll"] "messages that this process has published";
    RELAY_GAS "relay_gas_today" ["poll"] "gas that was used today";
    LIMITED "http_limited_total" [] "requests that were refused since their address made too many";
}

/// Where metrics are kept.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for metric in ALL {
            let (name, help) = (KeyName::from(metric.name), SharedString::from(metric.help));
            match metric.name.ends_with("_total") {
                true => recorder.describe_counter(name, Some(Unit::Count), help),
                false => recorder.describe_gauge(name, None, help),
            }
        }
        let metrics = Metrics {
            handle: recorder.handle(),
            recorder,
        };
        metrics.gauge(&BUILD, &[env!("CARGO_PKG_VERSION")]).set(1.0);
        metrics
    }
}

impl Metrics {
    /// A number that grows.
    pub fn counter(&self, metric: &Metric, values: &[&str]) -> Counter {
        self.recorder
            .register_counter(&key(metric, values), &METADATA)
    }

    /// A number of now.
    pub fn gauge(&self, metric: &Metric, values: &[&str]) -> Gauge {
        self.recorder
            .register_gauge(&key(metric, values), &METADATA)
    }

    /// All of them, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }
}

fn key(metric: &Metric, values: &[&str]) -> Key {
    debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let labels = metric.labels.iter().zip(values);
    let labels: Vec<Label> = labels
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect();
    Key::from_parts(metric.name, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered() {
        let metrics = Metrics::default();
        metrics
            .counter(&REQUESTS, &["/metrics", "200"])
            .increment(3);
        metrics.gauge(&HEAD, &[]).set(17.0);
        let text = metrics.render();
        for line in [
            "maci_nova_http_requests_total{route=\"/metrics\",status=\"200\"} 3",
            "maci_nova_node_head_block 17",
            "# TYPE maci_nova_http_requests_total counter",
            "# TYPE maci_nova_node_head_block gauge",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }

    #[test]
    fn the_operators_page_has_all_of_them() {
        let page = include_str!("../../docs/serving.md");
        for metric in ALL {
            assert!(page.contains(metric.name), "{}", metric.name);
        }
    }
}
