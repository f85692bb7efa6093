//! Creating a poll. What the contracts would refuse is refused here, with the reason in words.

use std::path::Path;

use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::artifact::ArtifactError;
use maci_nova_contracts::bindings::{Poll, MACI};
use maci_nova_contracts::chain::{self, BlockId, Chain};
use maci_nova_contracts::deploy::{constant_credits, votes_credits, Shape};
use maci_nova_contracts::words;
use maci_nova_protocol::keys::PublicKey;
use maci_nova_protocol::poll::{Header, HeaderError, Mode};

use crate::clock::{self, span, utc};
use crate::console::Console;
use crate::deployment::{require_code, shape};
use crate::failure::{on_chain, Failure};
use crate::poll_attempt::Attempt;
use crate::poll_contract::PollContract;
use crate::poll_file::{Contract, PollFile};

const HOUR: u64 = 3600;
const PROVING_BASE: std::ops::RangeInclusive<u64> = HOUR..=365 * 24 * HOUR;
const LONGEST_PER_MESSAGE: u64 = HOUR;

/// Results of so many options can be stored by one transaction: a transaction has at most 2^24 gas.
const MOST_STORED: u32 = 625;

/// What the creator of a poll decides, before there is a contract for the credits.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Messages are encrypted to it.
    pub coordinator_key: PublicKey,
    /// How many options there are.
    pub options: u32,
    /// What a weight costs.
    pub mode: Mode,
    /// When it starts.
    pub start: Start,
    /// When it ends.
    pub end: End,
    /// Seconds for the proof after the end.
    pub proving_base: u64,
    /// Seconds for the proof that each message adds.
    pub proving_per_message: u64,
    /// What voters start with.
    pub credits: Credits,
    /// How credits are bought, if they can be.
    pub top_ups: Option<TopUps>,
    /// Wei for each message.
    pub message_fee: U256,
}

/// When a poll starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// So many seconds from now.
    In(u64),
    /// At this time, in seconds since 1970.
    At(u64),
}

/// When a poll ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// So many seconds after its start.
    After(u64),
    /// At this time, in seconds since 1970.
    At(u64),
}

/// Where voice credits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credits {
    /// Everybody has so many; a contract that says so is deployed.
    Constant(u32),
    /// One for each `factor` votes of a token; a contract that reads them is deployed.
    Votes {
        /// The token.
        token: Address,
        /// The block whose votes are read.
        snapshot: u64,
        /// Votes for one credit.
        factor: U256,
    },
    /// What this contract says.
    Contract(Address),
}

/// How credits are bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopUps {
    /// The token that pays.
    pub token: Address,
    /// Tokens for one credit.
    pub unit: U256,
    /// Who receives them in the end.
    pub beneficiary: Address,
}

/// A poll that was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// Where it is.
    pub contract: Contract,
    /// Its id.
    pub poll_id: u64,
    /// Gas of the transaction.
    pub gas: u64,
}

impl Terms {
    /// The settings that a contract takes; `now` is what times are counted from.
    pub fn settings(
        &self,
        shape: Shape,
        now: u64,
        credits: Address,
    ) -> Result<MACI::PollSettings, Failure> {
        let (start, end) = self.times(now)?;
        let per_message = u32::try_from(self.proving_per_message);
        let per_message =
            per_message.map_err(|_| per_message_too_long(self.proving_per_message))?;
        let [x, y] = {
            let point = self.coordinator_key.point();
            [&point.x, &point.y].map(words::scalar)
        };
        let none = TopUps {
            token: Address::ZERO,
            unit: U256::ZERO,
            beneficiary: Address::ZERO,
        };
        let top_ups = self.top_ups.unwrap_or(none);
        Ok(MACI::PollSettings {
            coordinatorKey: MACI::PublicKey { x, y },
            voteOptions: self.options,
            mode: mode_number(self.mode),
            shape: MACI::Shape {
                stateTreeDepth: shape.state_tree_depth,
                voteOptionTreeDepth: shape.vote_option_tree_depth,
                eventsPerStep: shape.events_per_step,
            },
            startTime: start,
            endTime: end,
            provingBase: self.proving_base,
            provingPerMessage: per_message,
            credits,
            topUpToken: top_ups.token,
            creditUnit: top_ups.unit,
            beneficiary: top_ups.beneficiary,
            messageFee: self.message_fee,
        })
    }

    fn times(&self, now: u64) -> Result<(u64, u64), Failure> {
        let after = |time: u64, seconds: u64| {
            let sum = time.checked_add(seconds);
            sum.ok_or_else(|| Failure::Usage("the poll's times are too far away".into()))
        };
        let start = match self.start {
            Start::In(seconds) => after(now, seconds)?,
            Start::At(time) => time,
        };
        let end = match self.end {
            End::After(seconds) => after(start, seconds)?,
            End::At(time) => time,
        };
        Ok((start, end))
    }
}

/// Creates a poll of the deployment and puts it into the poll file; deploys the contract for the
/// credits if there is none. `now` is what times are counted from. A poll that the file names already
/// is returned as it is if it is the same: nothing is sent then, and there is no [`Created`].
pub fn establish<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    file: &mut PollFile,
    path: &Path,
    terms: &Terms,
    now: u64,
    console: &Console,
) -> Result<(PollContract, Option<Created>), Failure> {
    if let Some(contract) = file.poll {
        let poll = PollContract::open(chain, file, contract)?;
        check_same(&poll, terms, path)?;
        console.note(format!("{} has this poll already", path.display()));
        return Ok((poll, None));
    }
    let attempt = Attempt::of(path);
    if let Some(contract) = attempt.found(chain, file, from, console)? {
        let poll = PollContract::open(chain, file, contract)?;
        check_same(&poll, terms, path)?;
        console.note(format!(
            "an earlier attempt created the poll at {}",
            contract.address
        ));
        keep(file, path, contract, &poll, &attempt)?;
        return Ok((poll, None));
    }
    let shape = shape(chain, file)?;
    check(&terms.settings(shape, now, Address::ZERO)?, now)?;
    check_contracts(chain, terms)?;
    advise(terms, console);
    // Where the file cannot be written, the poll would be one that nobody finds.
    file.replace(path)?;
    let waiting = clock::newest(chain)?;
    let credits = credits(chain, from, terms.credits, console)?;
    // That may have taken some blocks.
    let now = now.saturating_add(clock::newest(chain)?.saturating_sub(waiting));
    let settings = terms.settings(shape, now, credits)?;
    let newest = chain.block(BlockId::Latest);
    let newest = newest.map_err(on_chain("read the newest block"))?;
    attempt.begin(file, from, newest.number, &settings)?;
    let asked_for = settings.abi_encode();
    let created = create_poll(chain, from, file, settings)?;
    console.note(format!("the poll is at {}", created.contract.address));
    let poll = PollContract::open(chain, file, created.contract)?;
    // The node says what the poll is; it must be the one that was asked for.
    if poll.info.settings.abi_encode() != asked_for {
        return Err(poll.contradiction("it has other settings than those that were sent"));
    }
    keep(file, path, created.contract, &poll, &attempt)?;
    Ok((poll, Some(created)))
}

/// Puts a poll into the poll file.
fn keep(
    file: &mut PollFile,
    path: &Path,
    contract: Contract,
    poll: &PollContract,
    attempt: &Attempt,
) -> Result<(), Failure> {
    file.poll = Some(contract);
    file.poll_info = Some(poll.digest());
    file.replace(path)?;
    attempt.end()
}

/// Creates a poll of the deployment, which `from` owns.
///
/// # Errors
/// [`Failure::Usage`] for settings that the contract would refuse, before anything is sent.
pub fn create_poll<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    file: &PollFile,
    settings: MACI::PollSettings,
) -> Result<Created, Failure> {
    check(&settings, clock::newest(chain)?)?;
    require_code(chain, settings.credits, "the contract that gives credits")?;
    if settings.topUpToken != Address::ZERO {
        require_code(chain, settings.topUpToken, "the token of top-ups")?;
    }
    let maci = file.contracts.maci.address;
    let call = MACI::createPollCall { settings };
    let receipt =
        chain::send(chain, from, maci, &call, U256::ZERO).map_err(on_chain("create the poll"))?;
    let event: Option<MACI::PollCreated> = receipt.event(maci);
    let event = event.ok_or_else(|| {
        Failure::OnChain(format!("MACI at {maci} tells of no poll that was created"))
    })?;
    Ok(Created {
        contract: Contract {
            address: event.poll,
            first_block: receipt.block_number,
        },
        poll_id: event.pollId,
        gas: receipt.gas_used,
    })
}

/// What the contract would refuse whatever the chain's state.
fn check(settings: &MACI::PollSettings, now: u64) -> Result<(), Failure> {
    check_header(settings)?;
    check_times(settings, now)?;
    if settings.topUpToken == Address::ZERO {
        return Ok(());
    }
    if settings.creditUnit.is_zero() {
        return usage("--credit-unit is 0: a credit would cost nothing");
    }
    if settings.beneficiary == Address::ZERO {
        return usage("--beneficiary is the zero address: top-ups would be lost");
    }
    Ok(())
}

fn check_header(settings: &MACI::PollSettings) -> Result<(), Failure> {
    let header = header(settings)?;
    let most = 5_u64.saturating_pow(header.vote_option_tree_depth as u32);
    match header.validate() {
        Ok(()) => Ok(()),
        Err(HeaderError::VoteOptions) => usage(format!(
            "--options {}: polls of this deployment have 1 to {most} options",
            settings.voteOptions
        )),
        Err(HeaderError::CoordinatorKey) => usage(
            "--coordinator-key is none that messages can be encrypted to: it is of low order; make one with keygen",
        ),
        Err(error) => usage(error.to_string()),
    }
}

/// The poll as the protocol has it, but for its id.
fn header(settings: &MACI::PollSettings) -> Result<Header, Failure> {
    let key = &settings.coordinatorKey;
    let (Some(x), Some(y)) = (words::to_scalar(key.x), words::to_scalar(key.y)) else {
        return usage("--coordinator-key is no point");
    };
    let mode = match settings.mode {
        0 => Mode::Quadratic,
        1 => Mode::Linear,
        other => return usage(format!("mode {other} is unknown")),
    };
    Ok(Header {
        poll_id: 0,
        coordinator_key: maci_nova_protocol::babyjub::Point { x, y },
        vote_options: settings.voteOptions.into(),
        mode,
        state_tree_depth: settings.shape.stateTreeDepth.into(),
        vote_option_tree_depth: settings.shape.voteOptionTreeDepth.into(),
    })
}

fn check_times(settings: &MACI::PollSettings, now: u64) -> Result<(), Failure> {
    let (start, end) = (settings.startTime, settings.endTime);
    if start <= now {
        return usage(format!(
            "the poll would start at {}, when its transaction may not be in a block yet; give a later start",
            utc(start)
        ));
    }
    if end <= start {
        return usage(format!(
            "the poll would end at {}, not after its start at {}",
            utc(end),
            utc(start)
        ));
    }
    if !PROVING_BASE.contains(&settings.provingBase) {
        return usage(format!(
            "--proving-time is {}, not between 1 hour and 365 days",
            span(settings.provingBase)
        ));
    }
    let per_message = u64::from(settings.provingPerMessage);
    match per_message > LONGEST_PER_MESSAGE {
        true => Err(per_message_too_long(per_message)),
        false => Ok(()),
    }
}

fn per_message_too_long(seconds: u64) -> Failure {
    Failure::Usage(format!(
        "--proving-time-per-message is {}, more than an hour",
        span(seconds)
    ))
}

fn usage<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Usage(text.into()))
}

fn check_contracts<C: Chain + ?Sized>(chain: &C, terms: &Terms) -> Result<(), Failure> {
    if let Some(top_ups) = terms.top_ups {
        require_code(chain, top_ups.token, "the token of top-ups")?;
    }
    match terms.credits {
        Credits::Constant(_) => Ok(()),
        Credits::Votes { factor, .. } if factor.is_zero() => {
            usage("--votes-per-credit is 0: give the votes for one credit")
        }
        Credits::Votes { token, .. } => require_code(chain, token, "the token with votes"),
        Credits::Contract(address) => {
            require_code(chain, address, "the contract that gives credits")
        }
    }
}

fn advise(terms: &Terms, console: &Console) {
    if terms.options > MOST_STORED {
        console.warn(format!(
            "results of more than {MOST_STORED} options do not fit into a transaction of 2^24 gas: where that is the limit, as on Ethereum, this poll cannot be finalized"
        ));
    }
    if !matches!(terms.credits, Credits::Constant(_)) {
        console.warn("credits are read from the address that joins: who joins from the address that signed up shows which sign-up is theirs");
    }
}

/// The contract that gives credits.
fn credits<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    credits: Credits,
    console: &Console,
) -> Result<Address, Failure> {
    let internal = |error: ArtifactError| Failure::Internal(error.to_string());
    let code = match credits {
        Credits::Contract(address) => return Ok(address),
        Credits::Constant(credits) => constant_credits(credits).map_err(internal)?,
        Credits::Votes {
            token,
            snapshot,
            factor,
        } => votes_credits(token, snapshot, factor).map_err(internal)?,
    };
    let deployment = chain::deploy(chain, from, code)
        .map_err(on_chain("deploy the contract that gives credits"))?;
    console.note(format!(
        "the contract that gives credits: {} ({} gas)",
        deployment.contract, deployment.gas_used
    ));
    Ok(deployment.contract)
}

/// The poll in the file must be what is asked for.
fn check_same(poll: &PollContract, terms: &Terms, path: &Path) -> Result<(), Failure> {
    let (header, settings) = (poll.header(), &poll.info.settings);
    let differs = [
        (
            header.coordinator_key != terms.coordinator_key.point(),
            "coordinator key",
        ),
        (header.vote_options != u64::from(terms.options), "options"),
        (header.mode != terms.mode, "mode"),
        (settings.provingBase != terms.proving_base, "proving time"),
        (
            u64::from(settings.provingPerMessage) != terms.proving_per_message,
            "proving time per message",
        ),
        (settings.messageFee != terms.message_fee, "message fee"),
        (top_ups(settings) != terms.top_ups, "top-ups"),
        (
            matches!(terms.credits, Credits::Contract(credits) if credits != settings.credits),
            "contract of credits",
        ),
    ];
    let different = differs.iter().filter(|(differs, _)| *differs);
    let different: Vec<_> = different.map(|(_, name)| *name).collect();
    match different.is_empty() {
        true => Ok(()),
        false => usage(format!(
            "poll file {} has a poll already, with other values of: {}; for another poll give a copy of the file without \"poll\" and \"pollInfo\", under another name",
            path.display(),
            different.join(", ")
        )),
    }
}

fn top_ups(settings: &Poll::PollSettings) -> Option<TopUps> {
    (settings.topUpToken != Address::ZERO).then_some(TopUps {
        token: settings.topUpToken,
        unit: settings.creditUnit,
        beneficiary: settings.beneficiary,
    })
}

/// A mode as contracts have it.
fn mode_number(mode: Mode) -> u8 {
    match mode {
        Mode::Quadratic => 0,
        Mode::Linear => 1,
    }
}

#[cfg(test)]
mod tests;
