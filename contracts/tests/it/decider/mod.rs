//! The verifier contract on the embedded EVM, with proofs made from known trapdoors.

mod accepts;
mod differential;
mod fuzz;
mod gas;
mod keys;
mod refuses;
