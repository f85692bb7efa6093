//! A poll as its contract says it: what never changes, where it is, and what was sent to it.

use maci_nova_chain::{self as chain, Chain, Log};
use maci_nova_chain::{Contract, Observer, Scan};
use maci_nova_contracts::alloy_primitives::{keccak256, Address, B256, U256};
use maci_nova_contracts::alloy_sol_types::{SolCall, SolEvent, SolValue};
use maci_nova_contracts::bindings::{Poll, VkRegistry, MACI};
use maci_nova_contracts::poll::{domain, poll_id, PollState};
use maci_nova_contracts::words;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::bundle::{Bundle, ELEMENTS};
use maci_nova_protocol::hash_chain::Link;
use maci_nova_protocol::log::{PublicFacts, Record};
use maci_nova_protocol::membership::{self, Scope};
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::{Header, Mode, State};
use maci_nova_protocol::tally::OptionResult;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::Shape;

use crate::error::{on_chain, reading, Error};
use crate::hint::Hint;
use crate::poll::file::PollFile;

/// A poll and everything about it that never changes. What can be computed is computed here, and
/// the contract must say the same.
#[derive(Clone, Debug)]
pub struct PollContract {
    /// Where it is.
    pub address: Address,
    /// It has no events before this block.
    pub first_block: u64,
    /// Its chain.
    pub chain_id: u64,
    /// What it says of itself.
    pub info: Poll::PollInfo,
    /// The MACI that made it.
    pub maci: Contract,
    header: Header,
    shape: Shape,
}

/// The two chains of a poll, as the contract has them now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollHashChains {
    /// The join chain.
    pub join_chain: Fr,
    /// One more than the joins.
    pub next_state_index: u64,
    /// The message chain; its start if there is no message.
    pub message_head: Fr,
    /// Places taken: by each message, each top-up and each bundle.
    pub message_count: u64,
}

/// The events that tell of joins, messages, top-ups and bundles.
pub const SENT: [B256; 4] = [
    Poll::Join::SIGNATURE_HASH,
    Poll::Message::SIGNATURE_HASH,
    Poll::TopUp::SIGNATURE_HASH,
    Poll::Bundle::SIGNATURE_HASH,
];

/// Something that was sent to a poll, and the log that tells it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What it was.
    pub record: Record,
    /// Its number among those of its kind, from 0: for a join its state index less one, for the
    /// others the place that it takes, or a bundle's first message takes.
    pub position: u64,
}

impl Sent {
    /// The messages in it, each with its place.
    pub fn messages(&self) -> Vec<(u64, &Message)> {
        match &self.record {
            Record::Message(message) => vec![(self.position, message)],
            Record::Bundle(bundle) => (self.position..).zip(bundle.messages()).collect(),
            Record::Header(_) | Record::Join(_) | Record::TopUp(_) => vec![],
        }
    }
}

impl PollContract {
    /// Reads a poll's facts and checks those that follow from others: what is computed from what it
    /// was given, what the poll file pins, and where it comes from. A contract of somebody else's
    /// that says what the poll says would take ballots and fees, and a twin under the same id a
    /// ballot that was meant for another one.
    ///
    /// # Errors
    /// [`Error::Chain`] if the chain does not answer; [`Error::OnChain`] if what is there is not
    /// this poll; [`Error::NotNow`] if the node does not show that it was created.
    pub fn open<C: Chain + ?Sized>(
        chain: &C,
        file: &PollFile,
        contract: Contract,
    ) -> Result<Self, Error> {
        let poll = Self::read_facts(chain, file, contract)?;
        poll.check_origin(chain, file)?;
        Ok(poll)
    }

    /// The same without a look at where it comes from, for which its first block has to be known.
    pub(crate) fn read_facts<C: Chain + ?Sized>(
        chain: &C,
        file: &PollFile,
        contract: Contract,
    ) -> Result<Self, Error> {
        let Contract {
            address,
            first_block,
        } = contract;
        let info = view(chain, address, &Poll::pollInfoCall {}, "read the poll")?;
        let shape = shape(&info)?;
        let header = header(&info)?;
        let poll = PollContract {
            address,
            first_block,
            chain_id: file.chain_id,
            info,
            maci: file.contracts.maci,
            header,
            shape,
        };
        if poll.info.maci != file.contracts.maci.address {
            return Err(poll.inconsistent("it belongs to another MACI than the poll file's"));
        }
        poll.check()?;
        match file.poll_info {
            Some(pinned) if pinned != poll.digest() => Err(poll.inconsistent(
                "what never changes about it is not what the poll file says: the node lies, or the file is of another poll",
            )),
            _ => Ok(poll),
        }
    }

    /// keccak256 of everything that never changes, as the poll file has it.
    pub fn digest(&self) -> B256 {
        keccak256(self.info.abi_encode())
    }

    /// What the contract computed must be what it is computed here from what the contract was
    /// given.
    fn check(&self) -> Result<(), Error> {
        let info = &self.info;
        let initial = State::initial(&self.header).to_array();
        let computed = [
            (initial[0], info.pollContext),
            (initial[6], info.emptyStateRoot),
            (initial[7], info.emptyTallyRoot),
            (self.scope().0, info.scope),
        ];
        match computed
            .iter()
            .all(|(computed, said)| words::scalar(computed) == *said)
        {
            true => Ok(()),
            false => Err(self.inconsistent("it does not compute what a poll's contract computes")),
        }
    }

    /// Checks that the poll is one of its MACI's, and its verifiers those that MACI, the registry and
    /// the poll file have.
    fn check_origin<C: Chain + ?Sized>(&self, chain: &C, file: &PollFile) -> Result<(), Error> {
        let maci = self.info.maci;
        let what = "read the polls of MACI";
        let registry = view(chain, maci, &MACI::REGISTRYCall {}, what)?;
        let join_verifier = view(chain, maci, &MACI::JOIN_VERIFIERCall {}, what)?;
        let bundle_verifier = view(chain, maci, &MACI::BUNDLE_VERIFIERCall {}, what)?;
        let index = self.index(chain)?;
        let call = MACI::pollAtCall {
            index: U256::from(index),
        };
        let listed = view(chain, maci, &call, what)?;
        let settings = &self.info.settings.shape;
        let call = VkRegistry::verifierOfCall {
            shape: VkRegistry::Shape {
                stateTreeDepth: settings.stateTreeDepth,
                voteOptionTreeDepth: settings.voteOptionTreeDepth,
                eventsPerStep: settings.eventsPerStep,
            },
        };
        let registered = view(chain, registry, &call, "read the registry of verifiers")?;
        let contracts = &file.contracts;
        let checks = [
            (
                listed == self.address
                    && poll_id(self.chain_id, maci, index) == self.header.poll_id,
                "its MACI has another poll in its place",
            ),
            (
                registry == contracts.registry.address,
                "its MACI has another registry than the poll file",
            ),
            (
                registered.verifier == self.info.verifier,
                "its verifier is not the registry's for its shape",
            ),
            (
                self.info.verifier == contracts.decider_verifier.address,
                "its verifier is not the poll file's",
            ),
            (
                self.info.joinVerifier == join_verifier,
                "its join verifier is not its MACI's",
            ),
            (
                join_verifier == contracts.join_verifier.address,
                "its join verifier is not the poll file's",
            ),
            (
                self.info.bundleVerifier == bundle_verifier,
                "its bundle verifier is not its MACI's",
            ),
            (
                bundle_verifier == contracts.bundle_verifier.address,
                "its bundle verifier is not the poll file's",
            ),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, contradiction)) => Err(self.inconsistent(contradiction)),
            None => Ok(()),
        }
    }

    /// Its number among its MACI's polls, from the event of its creation in its first block.
    fn index<C: Chain + ?Sized>(&self, chain: &C) -> Result<u64, Error> {
        let topics = [
            vec![MACI::PollCreated::SIGNATURE_HASH],
            vec![],
            vec![self.address.into_word()],
        ];
        let block = self.first_block;
        let logs = chain
            .logs(self.info.maci, block, block, &topics)
            .map_err(on_chain("read the polls of MACI"))?;
        let created: Option<MACI::PollCreated> = logs.iter().find_map(Log::decode);
        let index = created.and_then(|created| created.index.try_into().ok());
        index.ok_or_else(|| {
            self.not_now(&format!(
                "its MACI did not create it in block {block}, which the poll file names, as far as the node tells: it leaves the event out, or this is not a poll of that MACI; try another node"
            ))
            .with_hint(Hint::OtherNode)
        })
    }

    /// Something about the poll cannot be as it is.
    pub fn inconsistent(&self, text: &str) -> Error {
        Error::OnChain(format!("poll {}: {text}", self.address))
    }

    /// The same for now: it is too early, or the node lags or leaves things out.
    pub fn not_now(&self, text: &str) -> Error {
        Error::NotNow(format!("poll {}: {text}", self.address))
    }

    /// The node does not show all the events that the contract counts; `what` are they.
    pub fn left_out(&self, what: &str) -> Error {
        self.not_now(&format!(
            "the node leaves out {what} that the contract counts, or the poll file's first block is too late; try again, or another node"
        ))
        .with_hint(Hint::OtherNode)
    }

    /// The poll as the protocol has it.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether credits can be bought.
    pub fn has_top_ups(&self) -> bool {
        self.info.settings.topUpToken != Address::ZERO
    }

    /// The circuit that its verifier is for.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// What nullifiers are made for.
    pub fn scope(&self) -> Scope {
        let maci = membership::Address(self.info.maci.into());
        Scope::new(self.chain_id, &maci, self.header.poll_id)
    }

    /// What its final proof is bound to.
    pub fn domain(&self) -> [u8; 32] {
        domain(self.chain_id, self.address, self.info.verifier)
    }

    /// When it takes joins, messages and top-ups, in seconds since 1970: from the first on, until
    /// before the second.
    pub fn times(&self) -> (u64, u64) {
        let settings = &self.info.settings;
        (settings.startTime, settings.endTime)
    }

    /// Asks the contract.
    pub fn ask<C: Chain + ?Sized, S: SolCall>(
        &self,
        chain: &C,
        call: &S,
    ) -> Result<S::Return, Error> {
        view(chain, self.address, call, "read the poll")
    }

    /// Where it is now.
    pub fn state<C: Chain + ?Sized>(&self, chain: &C) -> Result<PollState, Error> {
        let number = self.ask(chain, &Poll::stateCall {})?;
        PollState::from_number(number).ok_or_else(|| self.inconsistent("its state is unknown"))
    }

    /// Its chains now.
    pub fn chains<C: Chain + ?Sized>(&self, chain: &C) -> Result<PollHashChains, Error> {
        let said = self.ask(chain, &Poll::chainsCall {})?;
        let read = || {
            Some(PollHashChains {
                join_chain: words::to_scalar(said.joinChain)?,
                next_state_index: said.joinCount.try_into().ok()?,
                message_head: words::to_scalar(said.messageChain)?,
                message_count: said.messageCount.try_into().ok()?,
            })
        };
        read().ok_or_else(|| self.inconsistent("its chains are no field elements"))
    }

    /// The anchor of a block, as it takes messages with it now, and the hash that it is made of.
    pub fn anchor_of<C: Chain + ?Sized>(
        &self,
        chain: &C,
        block_number: u64,
    ) -> Result<Poll::anchorOfReturn, Error> {
        let call = Poll::anchorOfCall {
            blockNumber: U256::from(block_number),
        };
        self.ask(chain, &call)
    }

    /// From when on it can be given up, in seconds since 1970.
    pub fn deadline<C: Chain + ?Sized>(&self, chain: &C) -> Result<u64, Error> {
        let deadline = self.ask(chain, &Poll::deadlineCall {})?;
        Ok(deadline.saturating_to())
    }

    /// The stored results of a finalized poll.
    pub fn results<C: Chain + ?Sized>(&self, chain: &C) -> Result<Vec<OptionResult>, Error> {
        let results = self.ask(chain, &Poll::resultsCall {})?;
        let results = results.iter().map(|result| OptionResult {
            votes: result.votes,
            spent: result.spent,
        });
        Ok(results.collect())
    }

    /// What was sent to it in these blocks, in its order.
    pub fn sent<C: Chain + ?Sized>(
        &self,
        chain: &C,
        from_block: u64,
        to_block: u64,
    ) -> Result<Vec<Sent>, Error> {
        let logs = chain
            .logs(self.address, from_block, to_block, &[SENT.to_vec()])
            .map_err(on_chain("read the poll's events"))?;
        logs.iter().map(|log| self.read(log)).collect()
    }

    /// Its logs with these topics, from its first block on; `what` completes "cannot read the ...".
    pub fn scan<'a>(
        &self,
        topics: &'a [Vec<B256>],
        what: &'static str,
        observer: &'a dyn Observer,
    ) -> Scan<'a> {
        Scan {
            contract: Contract {
                address: self.address,
                first_block: self.first_block,
            },
            topics,
            what,
            observer,
        }
    }

    /// All that was sent to it, in its order, as many as the contract counts.
    pub fn all_sent<C: Chain + ?Sized>(
        &self,
        chain: &C,
        observer: &dyn Observer,
    ) -> Result<Vec<Sent>, Error> {
        // Before the events: some may come meanwhile, none can go.
        let least = self.chains(chain)?;
        let topics = &[SENT.to_vec()];
        let mut all = Vec::new();
        self.scan(topics, "poll's events", observer).each(
            chain,
            reading("poll's events"),
            |log| {
                all.push(self.read(log)?);
                Ok(())
            },
        )?;
        match least.are_within(&all) {
            true => Ok(all),
            false => Err(self.left_out("events")),
        }
    }

    /// What a log of one of the kinds [`SENT`] tells.
    pub fn read(&self, log: &Log) -> Result<Sent, Error> {
        if log.topics.first() == Some(&Poll::Bundle::SIGNATURE_HASH) {
            return self.bundle(log);
        }
        let sent = join(log).or_else(|| message(log)).or_else(|| top_up(log));
        sent.ok_or_else(|| self.of_another_form())
    }

    fn of_another_form(&self) -> Error {
        self.inconsistent("an event is not of the poll's form")
    }

    /// A bundle, whose messages have to come to what the contract has seen a proof of.
    fn bundle(&self, log: &Log) -> Result<Sent, Error> {
        let (sent, inner) = bundle(log).ok_or_else(|| self.of_another_form())?;
        match sent.record.link() == Some(Link::of_bundle(inner)) {
            true => Ok(sent),
            false => Err(self
                .not_now("a bundle's messages do not come to what the contract has seen proven: the node leaves some out or changes them; try another node")
                .with_hint(Hint::OtherNode)),
        }
    }
}

impl PollHashChains {
    /// Whether these are all that the chains count, and perhaps more, each the next of its kind.
    fn are_within(&self, sent: &[Sent]) -> bool {
        let (mut joins, mut messages) = (0, 0);
        let in_order = sent.iter().all(|Sent { record, position }| {
            let (next, places) = match record {
                Record::Join(_) => (&mut joins, 1),
                _ => (&mut messages, record.places()),
            };
            let is_next = *position == *next;
            *next += places;
            is_next
        });
        in_order && joins >= self.next_state_index - 1 && messages >= self.message_count
    }

    /// Whether a log has come to these chains.
    pub fn are_of(&self, facts: &PublicFacts) -> bool {
        self.join_chain == facts.join_chain
            && self.next_state_index == facts.next_state_index
            && self.message_head == facts.message_head
            && self.message_count == facts.message_count
    }
}

/// Asks a contract; `what` completes "cannot ...".
pub fn view<C: Chain + ?Sized, S: SolCall>(
    chain: &C,
    contract: Address,
    call: &S,
    what: &str,
) -> Result<S::Return, Error> {
    chain::view(chain, contract, call).map_err(on_chain(format!("{what} at {contract}")))
}

/// A key as calldata has it.
pub fn poll_key(key: &Point) -> Poll::PublicKey {
    let [x, y] = [&key.x, &key.y].map(words::scalar);
    Poll::PublicKey { x, y }
}

fn shape(info: &Poll::PollInfo) -> Result<Shape, Error> {
    let shape = &info.settings.shape;
    let sizes = [
        shape.stateTreeDepth,
        shape.voteOptionTreeDepth,
        shape.eventsPerStep,
    ];
    let [state, vote, events] = sizes.map(usize::from);
    Ok(Shape::new(state, vote, events)?)
}

fn header(info: &Poll::PollInfo) -> Result<Header, Error> {
    let Poll::PollSettings {
        coordinatorKey: key,
        voteOptions: options,
        mode,
        signedWithin: blocks,
        shape,
        ..
    } = &info.settings;
    let wrong = |text: String| Error::OnChain(format!("the contract is not a poll: {text}"));
    let mode = Mode::from_number(*mode).ok_or_else(|| wrong(format!("mode {mode} is unknown")))?;
    let coordinator_key =
        point(key.x, key.y).ok_or_else(|| wrong("its coordinator's key is invalid".into()))?;
    let header = Header {
        poll_id: info.pollId,
        coordinator_key,
        vote_options: u64::from(*options),
        mode,
        signed_within: u32::from(*blocks),
        state_tree_depth: shape.stateTreeDepth.into(),
        vote_option_tree_depth: shape.voteOptionTreeDepth.into(),
    };
    header
        .validate()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(header)
}

fn point(x: U256, y: U256) -> Option<Point> {
    Some(Point {
        x: words::to_scalar(x)?,
        y: words::to_scalar(y)?,
    })
}

fn join(log: &Log) -> Option<Sent> {
    let event: Poll::Join = log.decode()?;
    let index: u64 = event.stateIndex.try_into().ok()?;
    let join = Join {
        public_key: point(event.x, event.y)?,
        voice_credits: event.credits.try_into().ok()?,
    };
    Some(Sent {
        record: Record::Join(join),
        position: index.checked_sub(1)?,
    })
}

fn message(log: &Log) -> Option<Sent> {
    let event: Poll::Message = log.decode()?;
    let mut data = [Fr::from(0); 10];
    for (element, word) in data.iter_mut().zip(event.data) {
        *element = words::to_scalar(word)?;
    }
    let message = Message {
        data,
        encryption_key: point(event.x, event.y)?,
        anchor: words::to_scalar(event.anchor)?,
    };
    Some(Sent {
        record: Record::Message(Box::new(message)),
        position: event.index.try_into().ok()?,
    })
}

/// A bundle, and what its own chain is said to end with.
fn bundle(log: &Log) -> Option<(Sent, Fr)> {
    let event: Poll::Bundle = log.decode()?;
    let message = |words: &[U256; ELEMENTS]| {
        let [anchor, data @ .., x, y] = words;
        let mut message = Message {
            data: [Fr::from(0); 10],
            encryption_key: point(*x, *y)?,
            anchor: words::to_scalar(*anchor)?,
        };
        for (element, word) in message.data.iter_mut().zip(data) {
            *element = words::to_scalar(*word)?;
        }
        Some(message)
    };
    let messages: Option<Vec<Message>> = event.messages.iter().map(message).collect();
    let sent = Sent {
        record: Record::Bundle(Bundle::new(messages?).ok()?),
        position: event.index.try_into().ok()?,
    };
    Some((sent, words::to_scalar(event.inner)?))
}

fn top_up(log: &Log) -> Option<Sent> {
    let event: Poll::TopUp = log.decode()?;
    let top_up = TopUp {
        state_index: event.stateIndex.try_into().ok()?,
        amount: event.credits.try_into().ok()?,
    };
    Some(Sent {
        record: Record::TopUp(top_up),
        position: event.index.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests;
