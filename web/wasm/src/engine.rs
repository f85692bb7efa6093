//! Operations that run, with the keys and polls that they share.

use std::collections::HashMap;

use maci_nova_chain::alloy_primitives::Address;
use maci_nova_chain::ChainError;

use crate::operation::{self, Operation};
use crate::outcome::{Failure, Outcome};
use crate::rehearsal::{Need, Rehearsal};
use crate::request::{self, Answer, Transaction};
use crate::shared::Shared;

/// A running operation's number.
pub type RunHandle = u32;

/// An operation that runs.
#[derive(Debug)]
struct Run {
    operation: Operation,
    chain: Rehearsal,
    lacks: Option<Need>,
}

/// Runs operations.
#[derive(Debug, Default)]
pub struct Engine {
    /// What they share.
    pub shared: Shared,
    runs: HashMap<RunHandle, Run>,
    next: RunHandle,
}

impl Engine {
    /// Begins an operation, to be [run](Self::run). `account` is what sends its transactions.
    pub fn begin(&mut self, operation: Operation, account: Option<Address>) -> RunHandle {
        let handle = self.next;
        self.next += 1;
        self.runs.insert(
            handle,
            Run {
                operation,
                chain: Rehearsal::new(account),
                lacks: None,
            },
        );
        handle
    }

    /// Runs an operation from its beginning to the first thing that is lacking, or to its end, after
    /// which there is no such operation.
    pub fn run(&mut self, handle: RunHandle) -> Outcome {
        let Some(run) = self.runs.get_mut(&handle) else {
            return failed("there is no such operation, or no longer");
        };
        let result = operation::run(&run.operation, &mut run.chain, &mut self.shared);
        // Whatever the operation made of an error that only says that it was not asked yet.
        run.lacks = run.chain.take_need();
        if let Some(need) = &run.lacks {
            return Outcome::of_need(need);
        }
        self.runs.remove(&handle);
        match result {
            Ok(value) => Outcome::Done { value },
            Err(error) => Outcome::Failed { error },
        }
    }

    /// A node's answer to what the operation lacked.
    pub fn answer(&mut self, handle: RunHandle, answer: Answer) -> Result<(), Failure> {
        let run = self.running(handle)?;
        match run.lacks.take() {
            Some(Need::Read(request)) => {
                run.chain.answer(request, answer);
                Ok(())
            }
            Some(Need::Send(transaction)) => {
                let result = match answer {
                    Answer::Result(value) => request::receipt(&value),
                    Answer::Error(error) => Err(error.into_chain_error("eth_estimateGas")),
                };
                run.chain.landed(transaction, result);
                Ok(())
            }
            None => Err(Failure::request("the operation lacks nothing")),
        }
    }

    /// A transaction of the operation that was sent before it began here, and its receipt.
    pub fn sent(
        &mut self,
        handle: RunHandle,
        transaction: Transaction,
        receipt: &serde_json::Value,
    ) -> Result<(), Failure> {
        let run = self.running(handle)?;
        let result: Result<_, ChainError> = request::receipt(receipt);
        run.chain.landed(transaction, result);
        Ok(())
    }

    /// Gives up an operation.
    pub fn end(&mut self, handle: RunHandle) {
        self.runs.remove(&handle);
    }

    fn running(&mut self, handle: RunHandle) -> Result<&mut Run, Failure> {
        let run = self.runs.get_mut(&handle);
        run.ok_or_else(|| Failure::request("there is no such operation, or no longer"))
    }
}

fn failed(message: &str) -> Outcome {
    Outcome::Failed {
        error: Failure::request(message),
    }
}
