//! What crosses crates: MACI's vectors, whole polls, forgeries.

mod ceremony;
mod decider;
mod edge_polls;
mod folding_polls;
mod peer_battery;
mod protocol_polls;
mod protocol_primitives;
mod step_bundles;
mod step_forgeries;
mod step_polls;
