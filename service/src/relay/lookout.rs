//! Looks at the polls every so often, so that nobody who asks has to wait for the node.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use maci_nova_chain::{clock, BlockId, Chain, ChainError};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::bindings::{JoinVerifier, VotesInitialVoiceCreditProxy, MACI};
use maci_nova_contracts::poll::PollState;
use maci_nova_contracts::words;
use maci_nova_node::RpcChain;
use maci_nova_protocol::Fr;
use maci_nova_sdk::bundle::publish::room;
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::poll::contract::{view, PollContract};
use maci_nova_sdk::poll::keys;
use maci_nova_sdk::relay::document::Refusal;
use maci_nova_sdk::voter::join_proof::JoinKey;
use maci_nova_sdk::voter::signing_window::Outlook;
use maci_nova_sdk::Error as PollError;

use super::intake::{Facts, Intake, Sight};
use super::office::{Office, RelayedPoll};
use crate::error::Error;
use crate::progress::now;
use crate::stop::lock;

/// Sign-ups whose roots are taken: a ticket's is as new as its voter's node was when it was made.
const ROOTS: u64 = 64;

/// Blocks whose anchors are read at once.
const ANCHORS: usize = 64;

/// What looks.
#[derive(Debug)]
pub(crate) struct Lookout {
    pub office: Arc<Office>,
}

impl Lookout {
    /// Looks until the service ends.
    pub(crate) fn start(self) -> Result<thread::JoinHandle<()>, Error> {
        let thread = thread::Builder::new().name("relay lookout".into());
        thread.spawn(move || self.run()).map_err(Error::Thread)
    }

    fn run(&self) {
        let mut chain = None;
        while !self.office.stop.asked() {
            for relayed in &self.office.polls {
                let looked = self
                    .office
                    .with_chain(&mut chain, false, |chain| self.look(chain, relayed));
                self.office.note(relayed, super::office::LOOK, looked);
                relayed.intake.show(now());
            }
            self.office.stop.pause(self.office.every);
        }
    }

    fn look(&self, chain: &mut RpcChain, relayed: &RelayedPoll) -> Result<(), PollError> {
        let intake = &relayed.intake;
        let known = lock(&intake.facts).clone();
        let facts = match known {
            Some(facts) => facts,
            None => {
                let facts = Arc::new(self.find(chain, relayed)?);
                *lock(&intake.facts) = Some(Arc::clone(&facts));
                facts
            }
        };
        let before = lock(&intake.sight).clone();
        let sight = see(chain, &facts.poll, intake, before.as_deref())?;
        *lock(&intake.sight) = Some(Arc::new(sight));
        Ok(())
    }

    /// The poll, with verifiers that are what they are called.
    fn find(&self, chain: &RpcChain, relayed: &RelayedPoll) -> Result<Facts, PollError> {
        let (file, office) = (&relayed.file, &self.office);
        let checked = keys::check(chain, &file.contracts, &office.policy)?;
        let poll = PollContract::open(chain, file, relayed.contract)?;
        checked.check_poll(chain, &poll)?;
        let call = JoinVerifier::verifyingKeyCall {};
        let key = view(
            chain,
            poll.info.joinVerifier,
            &call,
            "read the join verifier",
        )?;
        let join_key = JoinKey::from_bytes(&key.abi_encode())
            .map_err(|error| poll.inconsistent(&format!("its join verifier's key: {error}")))?;
        let credits = match office.joins {
            true => credits(chain, &poll, relayed.intake.account)?,
            false => None,
        };
        Ok(Facts {
            join_key,
            room: room(chain, &poll)?,
            credits,
            poll,
        })
    }
}

/// What everybody gets who joins, if all get the same: otherwise they would get what the relayer's
/// account is worth.
fn credits<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    account: Address,
) -> Result<Option<u64>, PollError> {
    let mut all = None;
    for account in [
        account,
        Address::repeat_byte(0x11),
        Address::repeat_byte(0xee),
    ] {
        let call = VotesInitialVoiceCreditProxy::getVoiceCreditsCall {
            account,
            data: Default::default(),
        };
        let credits = maci_nova_chain::view(chain, poll.info.settings.credits, &call);
        let credits: u64 = match credits {
            Ok(credits) => credits.saturating_to(),
            Err(ChainError::Reverted { .. } | ChainError::Halted(_) | ChainError::Answer(_)) => {
                return Ok(None)
            }
            Err(error) => return Err(on_chain("read the voice credits")(error)),
        };
        if *all.get_or_insert(credits) != credits {
            return Ok(None);
        }
    }
    Ok(all)
}

fn see(
    chain: &RpcChain,
    poll: &PollContract,
    intake: &Intake,
    before: Option<&Sight>,
) -> Result<Sight, PollError> {
    let at = Instant::now();
    let head = chain.block(BlockId::Latest);
    let head = head.map_err(on_chain("read the newest block"))?;
    let outlook = match poll.header().has_anchors() {
        true => Some(Outlook::now(chain, poll)?),
        false => None,
    };
    let state = poll.state(chain)?;
    let (old_anchors, old_roots) = before
        .map(|sight| (sight.anchors.clone(), sight.roots.clone()))
        .unwrap_or_default();
    let left = poll.times().1.saturating_sub(head.timestamp);
    let is_open = state == PollState::Open
        && match &outlook {
            Some(outlook) => {
                let present = outlook.window.present;
                let newest = outlook.last(present.saturating_sub(1));
                newest >= present.saturating_add(intake.limits.margin)
            }
            None => left > margin_in_seconds(chain, intake.limits.margin)?,
        };
    Ok(Sight {
        at,
        open: is_open.then_some(()).ok_or(Refusal::Closed),
        anchors: match (&outlook, is_open) {
            (Some(outlook), true) => anchors(chain, poll, outlook, old_anchors)?,
            _ => BTreeMap::new(),
        },
        outlook,
        roots: roots(chain, poll, old_roots)?,
    })
}

fn margin_in_seconds<C: Chain + ?Sized>(chain: &C, blocks: u64) -> Result<u64, PollError> {
    let time = clock::block_time(chain).map_err(on_chain("read the newest block"))?;
    Ok((blocks as f64 * time).ceil() as u64)
}

/// Of blocks that the poll takes anchors of. The newest known one shows whether the others are still
/// what they were: blocks are replaced from one on.
fn anchors<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    outlook: &Outlook,
    mut known: BTreeMap<u64, Fr>,
) -> Result<BTreeMap<u64, Fr>, PollError> {
    let window = outlook.window;
    let oldest = window.oldest();
    known = known.split_off(&oldest);
    while let Some((&block, &anchor)) = known.last_key_value() {
        if block < window.present && anchor_of(chain, poll, block)? == Some(anchor) {
            break;
        }
        known.remove(&block);
    }
    // The newest first: those are what voters sign after.
    let missing = (oldest..window.present)
        .rev()
        .filter(|block| !known.contains_key(block));
    for block in missing.take(ANCHORS).collect::<Vec<_>>() {
        if let Some(anchor) = anchor_of(chain, poll, block)? {
            known.insert(block, anchor);
        }
    }
    Ok(known)
}

/// The anchor that a poll takes of a block, if it takes one: made of this chain and this poll.
pub(super) fn anchor_of<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    block: u64,
) -> Result<Option<Fr>, PollError> {
    match poll.anchor_of(chain, block) {
        Ok(told) => Ok(words::to_scalar(told.anchor)),
        Err(PollError::Chain {
            source: ChainError::Reverted { .. },
            ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The newest roots that the poll takes. A root never changes, but where blocks were replaced.
fn roots<C: Chain + ?Sized>(
    chain: &C,
    poll: &PollContract,
    mut known: HashMap<u64, Fr>,
) -> Result<HashMap<u64, Fr>, PollError> {
    let what = "read the roots of sign-ups";
    let maci = poll.maci.address;
    let count: U256 = view(chain, maci, &MACI::rootCountCall {}, what)?;
    let count: u64 = count.saturating_to();
    let end = count.min(u64::from(poll.info.settings.lastRoot) + 1);
    let first = end.saturating_sub(ROOTS);
    known.retain(|index, _| (first..end).contains(index));
    let read = |index: u64| -> Result<Option<Fr>, PollError> {
        let index = U256::from(index);
        let root: U256 = view(chain, maci, &MACI::rootAtCall { index }, what)?;
        Ok(words::to_scalar(root))
    };
    // The newest known one shows whether the others are what they were: sign-ups are replaced from one
    // on.
    if let Some(newest) = known.keys().max().copied() {
        if read(newest)? != known.get(&newest).copied() {
            known.clear();
        }
    }
    for index in first..end {
        if known.contains_key(&index) {
            continue;
        }
        if let Some(root) = read(index)? {
            known.insert(index, root);
        }
    }
    Ok(known)
}
