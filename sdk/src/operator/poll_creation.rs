//! Creating a poll. What the contracts would refuse is refused here, with the reason in words.

use std::path::Path;

use maci_nova_chain::clock::{self, span, utc};
use maci_nova_chain::words::ether;
use maci_nova_chain::{self as chain, Chain};
use maci_nova_chain::{Contract, Observer};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::artifact::ArtifactError;
use maci_nova_contracts::bindings::{Poll, MACI};
use maci_nova_contracts::deploy::{constant_credits, votes_credits, Shape};
use maci_nova_contracts::words;
use maci_nova_protocol::keys::PublicKey;
use maci_nova_protocol::poll::{Header, HeaderError, Mode, MAX_SIGNED_WITHIN, MIN_SIGNED_WITHIN};

use crate::error::{on_chain, request, setting, Error};
use crate::hint::Hint;
use crate::operator::coordinator_keys;
use crate::operator::deployment::{require_code, shape};
use crate::operator::poll_attempt::Attempt;
use crate::operator::probes;
use crate::operator::votes_credits::VotesCredits;
use crate::poll::contract::PollContract;
use crate::poll::file::PollFile;
use crate::setting::Setting;
use crate::voter::sign_ups::newest_root;
use crate::voter::signing_window::Outlook;

const HOUR: u64 = 3600;
const PROVING_BASE: std::ops::RangeInclusive<u64> = HOUR..=365 * 24 * HOUR;
const PROVING_PER_MESSAGE: std::ops::RangeInclusive<u64> = 1..=HOUR;
const LONGEST_FOR_ALL: u64 = 90 * 24 * HOUR;
/// From now to a poll's end.
const LONGEST: u64 = 365 * 24 * HOUR;

/// Results of so many options fit into the code of one contract, of 24,576 bytes (EIP-170): a byte,
/// then 26 for each option and for the totals.
const MOST_OPTIONS: u32 = (24_576 - 1) / 26 - 1;

/// Seconds that are proposed for signing within, and the fewest that may be left when a poll ends.
const SIGNING_TIME: f64 = 900.0;
const SHORTEST_WINDOW: f64 = 20.0;

/// What the creator of a poll decides, before there is a contract for the credits.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Messages are encrypted to it.
    pub coordinator_key: PublicKey,
    /// How many options there are.
    pub options: u32,
    /// What weights mean and cost.
    pub mode: Mode,
    /// Within how many blocks messages have to be signed; none for what fits the chain.
    pub signed_within: Option<SignedWithin>,
    /// The highest index of a sign-up after which the tree may be joined with; none for all.
    pub last_sign_up: Option<u32>,
    /// When it starts.
    pub start: Start,
    /// When it ends.
    pub end: End,
    /// Seconds for the proof after the end.
    pub proving_base: u64,
    /// Seconds for the proof that each message adds.
    pub proving_per_message: u64,
    /// The most seconds that all messages add.
    pub proving_max: u64,
    /// What voters start with.
    pub credits: Credits,
    /// How credits are bought, if they can be.
    pub top_ups: Option<TopUps>,
    /// Wei for each message.
    pub message_fee: U256,
}

/// Within how many blocks a message has to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedWithin {
    /// Any time: whoever sends an old message again brings it back.
    Off,
    /// So many blocks.
    Blocks(u16),
}

impl std::str::FromStr for SignedWithin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let blocks = text.parse().ok();
        let known = blocks
            .filter(|blocks| (MIN_SIGNED_WITHIN..=MAX_SIGNED_WITHIN).contains(&u32::from(*blocks)));
        match (text, known) {
            ("off", _) => Ok(SignedWithin::Off),
            (_, Some(blocks)) => Ok(SignedWithin::Blocks(blocks)),
            _ => Err(format!(
                "neither off nor {MIN_SIGNED_WITHIN} to {MAX_SIGNED_WITHIN} blocks"
            )),
        }
    }
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
    /// One for so many votes of a token; a contract that reads them is deployed.
    Votes(VotesCredits),
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
    ) -> Result<MACI::PollSettings, Error> {
        let (start, end) = self.times(now)?;
        let each = u32::try_from(self.proving_per_message);
        let each = each.map_err(|_| per_message(self.proving_per_message))?;
        let proving_max =
            u32::try_from(self.proving_max).map_err(|_| most_proving(self.proving_max))?;
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
            mode: self.mode.number(),
            shape: MACI::Shape {
                stateTreeDepth: shape.state_tree_depth,
                voteOptionTreeDepth: shape.vote_option_tree_depth,
                eventsPerStep: shape.events_per_step,
            },
            startTime: start,
            endTime: end,
            provingBase: self.proving_base,
            signedWithin: match self.signed_within {
                Some(SignedWithin::Blocks(blocks)) => blocks,
                Some(SignedWithin::Off) | None => 0,
            },
            lastRoot: self.last_sign_up.unwrap_or(u32::MAX),
            provingPerMessage: each,
            provingMax: proving_max,
            credits,
            topUpToken: top_ups.token,
            creditUnit: top_ups.unit,
            beneficiary: top_ups.beneficiary,
            messageFee: self.message_fee,
        })
    }

    fn times(&self, now: u64) -> Result<(u64, u64), Error> {
        let after = |time: u64, seconds: u64| {
            let sum = time.checked_add(seconds);
            sum.ok_or_else(|| Error::Request("the poll's times are too far away".into()))
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
/// credits if there is none. `now` is what times are counted from. A poll that the file names
/// already is returned as it is if it is the same: nothing is sent then, and there is no
/// [`Created`].
///
/// # Errors
/// [`Error::Setting`] and [`Error::Request`] for what the contract would refuse, before anything is
/// sent; [`Error::PollFile`]; [`Error::Chain`]; [`Error::OnChain`].
pub fn create_or_find<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    file: &mut PollFile,
    path: &Path,
    terms: &Terms,
    now: u64,
    observer: &dyn Observer,
) -> Result<(PollContract, Option<Created>), Error> {
    let attempt = Attempt::of(path);
    if let Some(contract) = file.poll {
        let poll = PollContract::open(chain, file, contract)?;
        check_same(&poll, terms, path)?;
        observer.note(&format!("{} has this poll already", path.display()));
        // A process that ended right after it wrote the file has left it.
        attempt.end()?;
        return Ok((poll, None));
    }
    if let Some(contract) = attempt.found(chain, file, from, observer)? {
        let poll = PollContract::open(chain, file, contract)?;
        check_same(&poll, terms, path)?;
        check_owner(&poll, from)?;
        observer.note(&format!(
            "an earlier attempt created the poll at {}",
            contract.address
        ));
        keep(chain, file, path, &poll, &attempt)?;
        return Ok((poll, None));
    }
    let shape = shape(chain, file)?;
    let terms = &Terms {
        signed_within: Some(signing_window(chain, terms, observer)?),
        ..terms.clone()
    };
    let settings = terms.settings(shape, now, Address::ZERO)?;
    check(&settings, now)?;
    check_contracts(chain, from, terms, settings.startTime, observer)?;
    advise(terms, observer);
    match coordinator_keys::is_used(chain, file, &terms.coordinator_key, observer) {
        Ok(false) => {}
        Ok(true) => observer.warn("another poll of this MACI has the same coordinator's key: unless another coordinator made that one, whoever can read its messages can read this one's; make a key for each poll"),
        Err(failure) => observer.warn(&format!(
            "whether another poll has the same coordinator's key is not known: {failure}"
        )),
    }
    // Where the file cannot be written, the poll would be one that nobody finds.
    file.replace(path)?;
    let waiting = clock::newest(chain).map_err(on_chain("read the newest block"))?;
    let credits = credits(chain, from, file, terms.credits, &attempt, observer)?;
    // That may have taken some blocks.
    let now = now.saturating_add(
        clock::newest(chain)
            .map_err(on_chain("read the newest block"))?
            .saturating_sub(waiting),
    );
    let settings = terms.settings(shape, now, credits)?;
    attempt.begin(chain, file, from, &settings)?;
    let asked_for = settings.abi_encode();
    let created = create_poll(chain, from, file, settings)?;
    observer.note(&format!("the poll is at {}", created.contract.address));
    let poll = PollContract::open(chain, file, created.contract)?;
    // The node says what the poll is; it must be the one that was asked for.
    if poll.info.settings.abi_encode() != asked_for {
        return Err(poll.inconsistent("it has other settings than those that were sent"));
    }
    check_owner(&poll, from)?;
    keep(chain, file, path, &poll, &attempt)?;
    check_blocks(chain, &poll, observer);
    Ok((poll, Some(created)))
}

/// What contracts see of blocks can be asked of a contract alone.
fn check_blocks<C: Chain + ?Sized>(chain: &C, poll: &PollContract, observer: &dyn Observer) {
    let counted = Outlook::now(chain, poll).map(|outlook| outlook.of_node);
    if poll.header().has_anchors() && matches!(counted, Ok(false)) {
        observer.warn("contracts of this chain count other blocks than its nodes: anchors are as good as this chain's BLOCKHASH, see docs/integrating.md");
    }
}

/// Puts a poll into the poll file, and with it what no node can tell otherwise later on.
fn keep<C: Chain + ?Sized>(
    chain: &C,
    file: &mut PollFile,
    path: &Path,
    poll: &PollContract,
    attempt: &Attempt,
) -> Result<(), Error> {
    file.poll = Some(Contract {
        address: poll.address,
        first_block: poll.first_block,
    });
    file.poll_info = Some(poll.digest());
    file.sign_ups = newest_root(chain, poll.maci)?;
    file.replace(path)?;
    attempt.end()
}

/// Creates a poll of the deployment, which `from` owns.
///
/// # Errors
/// [`Error::Request`] for settings that the contract would refuse, before anything is sent.
pub fn create_poll<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    file: &PollFile,
    settings: MACI::PollSettings,
) -> Result<Created, Error> {
    check(
        &settings,
        clock::newest(chain).map_err(on_chain("read the newest block"))?,
    )?;
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
        Error::OnChain(format!("MACI at {maci} tells of no poll that was created"))
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
fn check(settings: &MACI::PollSettings, now: u64) -> Result<(), Error> {
    check_header(settings)?;
    check_times(settings, now)?;
    if settings.topUpToken == Address::ZERO {
        return Ok(());
    }
    if settings.mode == Mode::Full.number() {
        return setting(
            Setting::Mode,
            "full has no top-ups: a ballot spends all that its voter joined with",
        );
    }
    if settings.creditUnit.is_zero() {
        return setting(Setting::CreditUnit, "is 0: a credit would cost nothing");
    }
    if settings.beneficiary == Address::ZERO {
        return setting(
            Setting::Beneficiary,
            "is the zero address: top-ups would be lost",
        );
    }
    Ok(())
}

fn check_header(settings: &MACI::PollSettings) -> Result<(), Error> {
    let header = header(settings)?;
    let most = 5_u64.saturating_pow(header.vote_option_tree_depth as u32);
    let most = most.min(MOST_OPTIONS.into());
    if !(1..=most).contains(&header.vote_options) {
        return setting(
            Setting::Options,
            format!(
                "{}: polls of this deployment have 1 to {most} options",
                settings.voteOptions
            ),
        );
    }
    match header.validate() {
        Ok(()) => Ok(()),
        Err(HeaderError::CoordinatorKey) => setting(
            Setting::CoordinatorKey,
            "cannot be encrypted to: it is of low order",
        )
        .map_err(|error| error.with_hint(Hint::MakeKey)),
        Err(error) => request(error.to_string()),
    }
}

/// The poll as the protocol has it, but for its id.
fn header(settings: &MACI::PollSettings) -> Result<Header, Error> {
    let key = &settings.coordinatorKey;
    let (Some(x), Some(y)) = (words::to_scalar(key.x), words::to_scalar(key.y)) else {
        return setting(Setting::CoordinatorKey, "is not a point");
    };
    let Some(mode) = Mode::from_number(settings.mode) else {
        return request(format!("mode {} is unknown", settings.mode));
    };
    Ok(Header {
        poll_id: 0,
        coordinator_key: maci_nova_protocol::babyjub::Point { x, y },
        vote_options: settings.voteOptions.into(),
        mode,
        signed_within: settings.signedWithin.into(),
        state_tree_depth: settings.shape.stateTreeDepth.into(),
        vote_option_tree_depth: settings.shape.voteOptionTreeDepth.into(),
    })
}

fn check_times(settings: &MACI::PollSettings, now: u64) -> Result<(), Error> {
    let (start, end) = (settings.startTime, settings.endTime);
    if start <= now {
        return request(format!(
            "the poll would start at {}, when its transaction may not be in a block yet; give a later start",
            utc(start)
        ));
    }
    if end <= start {
        return request(format!(
            "the poll would end at {}, not after its start at {}",
            utc(end),
            utc(start)
        ));
    }
    if end > now.saturating_add(LONGEST) {
        return request(format!(
            "the poll would end at {}, more than a year ahead",
            utc(end)
        ));
    }
    if !PROVING_BASE.contains(&settings.provingBase) {
        return setting(
            Setting::ProvingTime,
            format!(
                "is {}, not between 1 hour and 365 days",
                span(settings.provingBase)
            ),
        );
    }
    let seconds = u64::from(settings.provingPerMessage);
    if !PROVING_PER_MESSAGE.contains(&seconds) {
        return Err(per_message(seconds));
    }
    let most = u64::from(settings.provingMax);
    match (seconds..=LONGEST_FOR_ALL).contains(&most) {
        true => Ok(()),
        false => Err(most_proving(most)),
    }
}

fn per_message(seconds: u64) -> Error {
    Error::Setting {
        setting: Setting::ProvingTimePerMessage,
        problem: format!("is {}, not between 1 second and 1 hour", span(seconds)),
    }
}

fn most_proving(seconds: u64) -> Error {
    Error::Setting {
        setting: Setting::MostProvingTime,
        problem: format!(
            "is {}, not between the time for one message and 90 days",
            span(seconds)
        ),
    }
}

/// What [`Terms::signed_within`] says, or 15 minutes of the chain's blocks, for a poll that is
/// created now.
fn signing_window<C: Chain + ?Sized>(
    chain: &C,
    terms: &Terms,
    observer: &dyn Observer,
) -> Result<SignedWithin, Error> {
    let seconds = clock::block_time(chain).map_err(on_chain("read the newest block"))?;
    let blocks = match terms.signed_within {
        Some(SignedWithin::Off) => {
            observer.warn("messages need no recent block: anyone can send an old ballot again, and it then counts in place of a newer one; this is for clients that know nothing of anchors, such as MACI v3's");
            return Ok(SignedWithin::Off);
        }
        Some(SignedWithin::Blocks(blocks)) => blocks,
        None => proposed(seconds),
    };
    // In the end the window is a fifteenth, and never fewer than 5 blocks.
    let least = f64::from(blocks.div_ceil(15).max(5)) * seconds;
    if least < SHORTEST_WINDOW {
        return setting(Setting::SignedWithin, format!("{blocks} leaves {least:.0} s to send a message when the poll ends, less than {SHORTEST_WINDOW} s, since this chain makes a block every {seconds:.1} s; give more blocks (above 255 where the chain keeps their hashes, EIP-2935), or off"
        ));
    }
    observer.note(&format!(
        "messages have to be signed within {blocks} blocks, {} at present; in the last hour within fewer",
        span((f64::from(blocks) * seconds) as u64)
    ));
    Ok(SignedWithin::Blocks(blocks))
}

/// 15 minutes of blocks, as far as every chain allows.
fn proposed(seconds: f64) -> u16 {
    // Between 5 and 255, whatever comes out.
    (SIGNING_TIME / seconds).clamp(5.0, 255.0) as u16
}

/// What the contract does not look at, and nobody could vote with.
fn check_contracts<C: Chain + ?Sized>(
    chain: &C,
    from: Address,
    terms: &Terms,
    start: u64,
    observer: &dyn Observer,
) -> Result<(), Error> {
    if let Some(top_ups) = terms.top_ups {
        require_code(chain, top_ups.token, "the token of top-ups")?;
        probes::check_top_up_token(chain, top_ups.token, from)?;
    }
    match terms.credits {
        Credits::Constant(0) if terms.top_ups.is_none() => setting(
            Setting::Credits,
            "is 0, and there are no top-ups: no one could vote",
        ),
        Credits::Constant(_) => Ok(()),
        Credits::Votes(credits) => {
            require_code(chain, credits.token, "the token with votes")?;
            credits.check(chain, start, observer)
        }
        Credits::Contract(address) => {
            require_code(chain, address, "the contract that gives credits")?;
            probes::check_credits(chain, address, from, observer)
        }
    }
}

fn advise(terms: &Terms, observer: &dyn Observer) {
    let places = terms.proving_max / terms.proving_per_message.max(1);
    observer.note(&format!(
        "takes {places} messages and top-ups at most, as the most proving time allows; who pays for all of them, in gas and in message fees ({} each), keeps others from voting",
        ether(terms.message_fee)
    ));
    if !matches!(terms.credits, Credits::Constant(_)) {
        observer.warn("credits are read from the address that joins: who joins from the address that signed up shows which sign-up is theirs");
    }
}

/// The contract that gives credits.
fn credits<C: Chain + ?Sized>(
    chain: &mut C,
    from: Address,
    file: &PollFile,
    credits: Credits,
    attempt: &Attempt,
    observer: &dyn Observer,
) -> Result<Address, Error> {
    let internal = |error: ArtifactError| Error::Internal(error.to_string());
    let code = match credits {
        Credits::Contract(address) => return Ok(address),
        Credits::Constant(credits) => constant_credits(credits).map_err(internal)?,
        Credits::Votes(VotesCredits {
            token,
            snapshot,
            factor,
        }) => votes_credits(token, snapshot, factor).map_err(internal)?,
    };
    if let Some(contract) = attempt.credits(chain, file, from, &code)? {
        observer.note(&format!(
            "an earlier attempt deployed the contract that gives credits, {contract}"
        ));
        return Ok(contract);
    }
    let deployment = chain::deploy(chain, from, code.clone())
        .map_err(on_chain("deploy the contract that gives credits"))?;
    observer.note(&format!(
        "the contract that gives credits: {} ({} gas)",
        deployment.contract, deployment.gas_used
    ));
    attempt.keep_credits(chain, file, from, &code, deployment.contract)?;
    Ok(deployment.contract)
}

/// Anybody may create a poll with the same settings, and would get its fees.
fn check_owner(poll: &PollContract, owner: Address) -> Result<(), Error> {
    match poll.info.owner == owner {
        true => Ok(()),
        false => Err(poll.inconsistent(&format!(
            "it belongs to {} and not to {owner}: somebody else created it, or the node lies",
            poll.info.owner
        ))),
    }
}

/// The poll in the file must be what is asked for.
fn check_same(poll: &PollContract, terms: &Terms, path: &Path) -> Result<(), Error> {
    let (header, settings) = (poll.header(), &poll.info.settings);
    let differs = [
        (
            header.coordinator_key != terms.coordinator_key.point(),
            "coordinator key",
        ),
        (header.vote_options != u64::from(terms.options), "options"),
        (header.mode != terms.mode, "mode"),
        (
            match terms.signed_within {
                None => false,
                Some(SignedWithin::Off) => header.has_anchors(),
                Some(SignedWithin::Blocks(blocks)) => header.signed_within != u32::from(blocks),
            },
            "blocks to sign within",
        ),
        (
            settings.lastRoot != terms.last_sign_up.unwrap_or(u32::MAX),
            "last sign-up",
        ),
        (
            u64::from(settings.provingMax) != terms.proving_max,
            "most proving time",
        ),
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
        false => request(format!(
            "poll file {} has a poll already, with other values of: {}; another poll needs a file of its own",
            path.display(),
            different.join(", ")
        ))
        .map_err(|error| error.with_hint(Hint::AnotherPoll(path.to_owned()))),
    }
}

fn top_ups(settings: &Poll::PollSettings) -> Option<TopUps> {
    (settings.topUpToken != Address::ZERO).then_some(TopUps {
        token: settings.topUpToken,
        unit: settings.creditUnit,
        beneficiary: settings.beneficiary,
    })
}

#[cfg(test)]
mod tests;
