//! A poll: its file, its contract, where it is and what came of it.

pub mod contract;
pub mod file;
pub mod keys;
pub mod known_root;
pub mod metadata;
pub mod results;
pub mod status;
