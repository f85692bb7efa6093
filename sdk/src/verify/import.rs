//! A poll file from the chain: for whoever has a poll's address from somebody they trust, and no
//! file.
//!
//! What a poll file pins is then what one node says once. The poll is one of its MACI's, of this
//! program's code, and where its factory makes it; that it is the poll that was meant, its address
//! alone tells. Digests of proving keys are not on a chain, so the file has none: a key for joining
//! is compared with the verifier's instead.

use maci_nova_chain::{BlockId, Chain, Contract, Log, Observer, RpcUrl, Stage};
use maci_nova_contracts::alloy_primitives::{Address, B256};
use maci_nova_contracts::alloy_sol_types::SolEvent;
use maci_nova_contracts::bindings::{Poll, VkRegistry, MACI};

use super::code::Verifier;
use super::registers;
use crate::code::{check_poll, Comparison};
use crate::error::{on_chain, Error};
use crate::poll::contract::{view, PollContract};
use crate::poll::file::{Contracts, PollFile};
use crate::voter::sign_ups::newest_root;

/// Blocks that are searched at first; each time none fits, twice as many.
const FIRST_BLOCKS: u64 = 10_000;

/// A poll that was read from its chain.
#[derive(Debug)]
pub struct Imported {
    /// What its poll file says.
    pub file: PollFile,
    /// The poll.
    pub poll: PollContract,
    /// Why its proof shows nothing to somebody who does not trust whoever made the keys.
    pub insecure: Option<String>,
    /// [`keys::digest`](crate::poll::keys::digest) of both verifying keys, which names the ceremony.
    pub key_digest: B256,
}

impl Imported {
    /// Whether another node has said the same.
    ///
    /// # Errors
    /// [`Error::OnChain`] if it has not; [`Error::NotNow`] if the two have different sign-ups as
    /// the newest ones, since one is behind then, or lies.
    pub fn compare(&self, other: &Imported) -> Result<(), Error> {
        let mut but_for_sign_ups = other.file.clone();
        but_for_sign_ups.sign_ups = self.file.sign_ups;
        let keys = |imported: &Imported| (imported.insecure.clone(), imported.key_digest);
        if self.file != but_for_sign_ups || keys(self) != keys(other) {
            return Err(self
                .poll
                .inconsistent("the two nodes do not say the same of it"));
        }
        if self.file.sign_ups != other.file.sign_ups {
            return Err(self
                .poll
                .not_now("the two nodes have not the same newest sign-up of its MACI: one is behind, or lies"));
        }
        Ok(())
    }
}

/// Reads a poll and its deployment from the chain, with the checks of
/// [`verify`](fn@super::verify) that need no result. `since` is a block that the registry of
/// verifiers is not older than, 0 if none is known.
///
/// # Errors
/// [`Error::OnChain`] if what is there is not a poll of this program's contracts;
/// [`Error::NotNow`] if the node leaves events out; [`Error::Chain`] if it does not answer.
pub fn import<C: Chain + ?Sized>(
    chain: &C,
    address: Address,
    since: u64,
    rpc_url: Option<&RpcUrl>,
    observer: &dyn Observer,
) -> Result<Imported, Error> {
    let chain_id = chain.chain_id().map_err(on_chain("read the chain id"))?;
    let contracts = contracts(chain, address)?;
    let mut file = PollFile::new(chain_id, rpc_url, contracts, None);
    let contract = at(address, 0);
    let poll = PollContract::read_facts(chain, &file, contract)?;
    // From here on the node has to say the same: its address is the hash of all that it says.
    file.poll_info = Some(poll.digest());
    if poll.info.joinVerifier != contracts.join_verifier.address {
        return Err(poll.inconsistent("its join verifier is not its MACI's"));
    }
    if poll.info.bundleVerifier != contracts.bundle_verifier.address {
        return Err(poll.inconsistent("its bundle verifier is not its MACI's"));
    }
    // Before blocks are searched for what may be nothing of ours.
    let mut comparison = Comparison::new(chain)?;
    let system = comparison.system(contracts.maci.address)?;
    check_poll(chain, &poll, &system)?;
    let verifier = Verifier::read(chain, &poll, &mut comparison)?;
    let search = Search {
        chain,
        poll: &poll,
        since,
        observer,
    };
    let (contracts, created) = search.blocks(&contracts)?;
    file.contracts = contracts;
    let contract = at(address, created);
    let poll = PollContract::open(chain, &file, contract)?;
    registers::check(chain, poll.maci, observer)?;
    file.poll = Some(contract);
    file.sign_ups = newest_root(chain, poll.maci)?;
    Ok(Imported {
        file,
        poll,
        insecure: verifier.insecure,
        key_digest: verifier.digest,
    })
}

fn at(address: Address, first_block: u64) -> Contract {
    Contract {
        address,
        first_block,
    }
}

/// The contracts that the poll names, from no known block on.
fn contracts<C: Chain + ?Sized>(chain: &C, address: Address) -> Result<Contracts, Error> {
    let code = chain
        .code(address)
        .map_err(on_chain(format!("read the code at {address}")))?;
    if code.is_empty() {
        return Err(Error::OnChain(format!(
            "there is no contract at {address} on this chain"
        )));
    }
    let info = view(chain, address, &Poll::pollInfoCall {}, "read the poll")?;
    let what = "read the MACI that the poll names";
    Ok(Contracts {
        registry: at(view(chain, info.maci, &MACI::REGISTRYCall {}, what)?, 0),
        decider_verifier: at(info.verifier, 0),
        join_verifier: at(
            view(chain, info.maci, &MACI::JOIN_VERIFIERCall {}, what)?,
            0,
        ),
        bundle_verifier: at(
            view(chain, info.maci, &MACI::BUNDLE_VERIFIERCall {}, what)?,
            0,
        ),
        maci: at(info.maci, 0),
    })
}

/// Looks for events that tell since when contracts have been there. Nodes without old state answer
/// for events as well.
struct Search<'a, C: ?Sized> {
    chain: &'a C,
    poll: &'a PollContract,
    since: u64,
    observer: &'a dyn Observer,
}

impl<C: Chain + ?Sized> Search<'_, C> {
    /// First blocks of the contracts, and of the poll.
    fn blocks(&self, contracts: &Contracts) -> Result<(Contracts, u64), Error> {
        let newest = chain_head(self.chain)?;
        let (registry, maci) = (contracts.registry.address, contracts.maci.address);
        let created = [
            vec![MACI::PollCreated::SIGNATURE_HASH],
            vec![],
            vec![self.poll.address.into_word()],
        ];
        let created = self.newest(maci, &created, newest)?;
        let created = created.ok_or_else(|| self.missing("its creation"))?;
        // Its constructor gives it an owner, who had none before.
        let owned = [
            vec![VkRegistry::OwnershipTransferred::SIGNATURE_HASH],
            vec![B256::ZERO],
        ];
        let registered = self.newest(registry, &owned, created.block_number)?;
        let registered = registered.ok_or_else(|| self.missing("its registry's creation"))?;
        // MACI takes a registry that is there, and has no event but these before its second ones.
        let first = [
            vec![
                MACI::SignUp::SIGNATURE_HASH,
                MACI::PollCreated::SIGNATURE_HASH,
            ],
            vec![B256::ZERO],
        ];
        let (from, to) = (registered.block_number, created.block_number);
        let logs = self.chain.logs(maci, from, to, &first);
        let logs = logs.map_err(on_chain("read the events of MACI"))?;
        // The first poll is this one, or older.
        let kind = Some(&MACI::PollCreated::SIGNATURE_HASH);
        if !logs.iter().any(|log| log.topics.first() == kind) {
            return Err(self.missing("its MACI's first poll"));
        }
        let first = logs.first().map_or(to, |log| log.block_number);
        let contracts = Contracts {
            registry: at(registry, from),
            // They have no events, so none before any block.
            decider_verifier: at(contracts.decider_verifier.address, from),
            join_verifier: at(contracts.join_verifier.address, from),
            bundle_verifier: at(contracts.bundle_verifier.address, from),
            maci: at(maci, first),
        };
        Ok((contracts, created.block_number))
    }

    /// The newest log that fits, in blocks up to `last`: most polls are not old.
    fn newest(
        &self,
        contract: Address,
        topics: &[Vec<B256>],
        last: u64,
    ) -> Result<Option<Log>, Error> {
        let mut progress = self.observer.begin(Stage::Counted {
            label: "poll's contracts",
            unit: "blocks",
            done: 0,
            total: last.saturating_add(1).saturating_sub(self.since),
        });
        let (mut to, mut blocks) = (last, FIRST_BLOCKS);
        while to >= self.since {
            let from = to.saturating_sub(blocks - 1).max(self.since);
            let logs = self.chain.logs(contract, from, to, topics);
            let mut logs = logs.map_err(on_chain("read the events of MACI"))?;
            if let Some(log) = logs.pop() {
                return Ok(Some(log));
            }
            progress.at(last - from);
            let Some(before) = from.checked_sub(1) else {
                break;
            };
            (to, blocks) = (before, blocks.saturating_mul(2));
        }
        Ok(None)
    }

    fn missing(&self, event: &str) -> Error {
        self.poll.not_now(&format!(
            "no event tells of {event} since block {}: the node leaves some out, or that was earlier",
            self.since
        ))
    }
}

fn chain_head<C: Chain + ?Sized>(chain: &C) -> Result<u64, Error> {
    let newest = chain.block(BlockId::Latest);
    Ok(newest.map_err(on_chain("read the newest block"))?.number)
}
