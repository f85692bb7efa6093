//! The step circuit: every gadget, its size, and that nothing in it is free.

mod budget;
mod bundle;
mod determinism;
mod gadgets;
mod membership;
mod replay;
