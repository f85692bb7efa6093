//! The contracts among those of others: gatekeepers that ask foreign policies, factories that
//! everybody shares, tokens with votes, and contracts that act on a poll's result.

mod credits;
mod excubiae;
mod factories;
mod interfaces;
mod package;
mod pay_by_result;
