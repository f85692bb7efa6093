//! Whole ceremonies over small circuits, and what nobody may leave in one.

mod forgeries;
mod phase1;
mod whole;
mod world;
