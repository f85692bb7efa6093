//! A chain that knows what it has been told, and asks for one thing more.

use std::cell::RefCell;
use std::collections::HashMap;

use maci_nova_chain::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_chain::{Block, BlockId, Chain, ChainError, Log, Receipt, TransactionInput};
use serde_json::Value;

use crate::request::{self, Answer, Request, Transaction};

/// As many blocks as a scan asks for at once: where it asks for so many, it goes on to the newest.
const SCANNED: u64 = 10_000;

/// What is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// An answer of a node.
    Read(Request),
    /// A receipt of a transaction, which has not been sent.
    Send(Transaction),
}

/// A chain made of answers. What is not among them is noted, and is an error for whoever asked: from
/// there on nothing is answered, so that nobody goes on without it.
#[derive(Debug, Default)]
pub struct Rehearsal {
    account: Option<Address>,
    answers: HashMap<Request, Answer>,
    /// What was read of logs; later entries than the block that was the newest are not in them.
    logs: Vec<Range>,
    /// Transactions that were sent, and what came of them.
    sent: Vec<(Transaction, Result<Receipt, ChainError>)>,
    need: RefCell<Option<Need>>,
}

/// Logs of a range of blocks.
#[derive(Debug)]
struct Range {
    address: Address,
    topics: Vec<Vec<B256>>,
    from: u64,
    to: u64,
    logs: Vec<Log>,
}

impl Rehearsal {
    /// Before any answer, with the account that sends.
    pub fn new(account: Option<Address>) -> Self {
        Rehearsal {
            account,
            ..Self::default()
        }
    }

    /// What is lacking, if anything is, and forgets it.
    pub fn take_need(&self) -> Option<Need> {
        self.need.take()
    }

    /// An answer to a question. Logs that are not what was asked for are an error of the node.
    pub fn answer(&mut self, request: Request, answer: Answer) {
        if let (
            Request::Logs {
                address,
                from,
                to,
                topics,
            },
            Answer::Result(value),
        ) = (&request, &answer)
        {
            if let Ok(logs) = request::logs(&request, value) {
                self.logs.push(Range {
                    address: *address,
                    topics: topics.clone(),
                    from: *from,
                    to: *to,
                    logs,
                });
                return;
            }
        }
        self.answers.insert(request, answer);
    }

    /// What came of a transaction. What was read before it is of an earlier state, and forgotten.
    pub fn landed(&mut self, transaction: Transaction, result: Result<Receipt, ChainError>) {
        self.answers.clear();
        self.logs.clear();
        self.sent.push((transaction, result));
    }

    /// The receipts of what has been sent.
    pub fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.sent.iter().filter_map(|(_, sent)| sent.as_ref().ok())
    }

    fn lacks(&self, need: Need) -> ChainError {
        let mut first = self.need.borrow_mut();
        first.get_or_insert(need);
        ChainError::Transport("not asked yet".into())
    }

    /// The value that a node gave; an error if it gave one, or was not asked.
    fn ask(&self, request: Request) -> Result<&Value, ChainError> {
        // After the first question that has no answer there is none to any.
        if self.need.borrow().is_some() {
            return Err(self.lacks(Need::Read(request)));
        }
        match self.answers.get(&request) {
            Some(Answer::Result(value)) => Ok(value),
            Some(Answer::Error(error)) => Err(error.clone().into_chain_error(request.method())),
            None => Err(self.lacks(Need::Read(request))),
        }
    }

    fn read<T: for<'a> serde::Deserialize<'a>>(&self, request: Request) -> Result<T, ChainError> {
        let method = request.method();
        request::read(method, self.ask(request)?)
    }

    /// What is known of logs covers this range.
    fn known(
        &self,
        address: Address,
        from: u64,
        to: u64,
        topics: &[Vec<B256>],
    ) -> Option<Vec<Log>> {
        let range = self.logs.iter().find(|range| {
            range.address == address
                && range.topics == topics
                && range.from <= from
                && to <= range.to
        })?;
        let within = |log: &&Log| (from..=to).contains(&log.block_number);
        Some(range.logs.iter().filter(within).cloned().collect())
    }
}

impl Chain for Rehearsal {
    fn chain_id(&self) -> Result<u64, ChainError> {
        let id: maci_nova_chain::alloy_primitives::U64 = self.read(Request::ChainId)?;
        Ok(id.to())
    }

    fn accounts(&self) -> Vec<Address> {
        self.account.into_iter().collect()
    }

    fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        calldata: Bytes,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        let Some(to) = to else {
            return Err(ChainError::Refused("contracts are not created here".into()));
        };
        if self.account != Some(from) {
            return Err(ChainError::UnknownAccount(from));
        }
        let transaction = Transaction {
            from,
            to,
            data: calldata,
            value,
        };
        if self.need.borrow().is_some() {
            return Err(self.lacks(Need::Send(transaction)));
        }
        let sent = self.sent.iter().find(|(sent, _)| *sent == transaction);
        // What failed ends the operation, even if it would send something else now, another proof for
        // instance.
        let failed = || self.sent.iter().find(|(_, result)| result.is_err());
        match sent.or_else(failed) {
            Some((_, result)) => result.clone(),
            None => Err(self.lacks(Need::Send(transaction))),
        }
    }

    fn earlier(
        &mut self,
        from: Address,
        to: Address,
        calldata: Bytes,
        value: U256,
    ) -> Result<Option<Receipt>, ChainError> {
        let transaction = Transaction {
            from,
            to,
            data: calldata,
            value,
        };
        let sent = self.sent.iter().find(|(sent, _)| *sent == transaction);
        sent.map(|(_, result)| result.clone()).transpose()
    }

    fn call(&self, to: Address, calldata: Bytes) -> Result<Bytes, ChainError> {
        let answer: Bytes = self.read(Request::Call { to, calldata })?;
        if answer.is_empty() && self.code(to)?.is_empty() {
            return Err(ChainError::NoContract(to));
        }
        Ok(answer)
    }

    fn try_create(&self, code: Bytes) -> Result<Option<Bytes>, ChainError> {
        self.read(Request::Create(code)).map(Some)
    }

    fn gas_price(&self) -> Result<Option<U256>, ChainError> {
        self.read(Request::GasPrice).map(Some)
    }

    fn logs(
        &self,
        address: Address,
        from_block: u64,
        to_block: u64,
        topics: &[Vec<B256>],
    ) -> Result<Vec<Log>, ChainError> {
        // Nodes differ in what they say of blocks that are not there yet.
        let newest = self.block(BlockId::Latest)?.number;
        let to = to_block.min(newest);
        if from_block > to {
            return Ok(Vec::new());
        }
        if let Some(logs) = self.known(address, from_block, to, topics) {
            return Ok(logs);
        }
        let is_scan = to - from_block + 1 >= SCANNED;
        let request = Request::Logs {
            address,
            from: from_block,
            to: if is_scan { newest } else { to },
            topics: topics.to_vec(),
        };
        let method = request.method();
        let value = self.ask(request.clone())?;
        // What was of the form would be known.
        request::logs(&request, value)?;
        Err(ChainError::Transport(format!(
            "its answer to {method} is not of the form"
        )))
    }

    fn block(&self, block: BlockId) -> Result<Block, ChainError> {
        let request = Request::of_block(block);
        let method = request.method();
        let found = request::block(method, self.ask(request)?)?;
        let number = match block {
            BlockId::Latest => 0,
            BlockId::Number(number) => number,
        };
        found.ok_or(ChainError::UnknownBlock(number))
    }

    fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.read(Request::Code(address))
    }

    fn input(&self, transaction: B256) -> Result<Option<TransactionInput>, ChainError> {
        let request = Request::Transaction(transaction);
        let method = request.method();
        request::input(method, self.ask(request)?)
    }

    fn balance(&self, address: Address) -> Result<U256, ChainError> {
        self.read(Request::Balance(address))
    }
}
