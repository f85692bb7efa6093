//! The JSON-RPC client against anvil, a node, and against a server that plays one by a script.
#![cfg(unix)]

mod echo;
mod faults;
mod node;
mod script;
mod server;
