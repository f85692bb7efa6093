//! A whole poll with everybody's part: from the contracts to the results. The demo plays one, tests
//! play many.
//!
//! It goes through the same functions as the commands of each role, on a chain in this process or
//! on a node's.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maci_nova_chain::Observer;
use maci_nova_chain::{self as chain, Chain, Receipt};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::{SolCall, SolValue};
use maci_nova_contracts::bindings::{SampleToken, SignUpToken};
use maci_nova_contracts::deploy::{self, Gatekeeper};
use maci_nova_coordinator::coordinator::{Coordinator, CoordinatorContext, Reached};
use maci_nova_coordinator::directory::ProofDirectory;
use maci_nova_coordinator::finalize::{self, check_verifier};
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_coordinator::prove::finalization::Document;
use maci_nova_coordinator::prove::keys::DeciderKeys;
use maci_nova_coordinator::segments::driver::Workers;
use maci_nova_folding::Parameters;
use maci_nova_protocol::keys::{PrivateKey, PublicKey};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::poll::Mode;
use maci_nova_sdk::bundle::proof::BundleProver;
use maci_nova_sdk::bundle::publish::publish as publish_bundle;
use maci_nova_sdk::error::on_chain;
use maci_nova_sdk::operator::deployment;
use maci_nova_sdk::operator::poll_creation::{
    self, Credits, End, SignedWithin, Start, Terms, TopUps,
};
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::poll::keys::KeyPolicy;
use maci_nova_sdk::voter;
use maci_nova_sdk::voter::anchor::Anchor;
use maci_nova_sdk::voter::ballot::{Ballot, Choice};
use maci_nova_sdk::voter::budget::Budget;
use maci_nova_sdk::voter::join_proof;
use maci_nova_sdk::voter::signing_window::Window;
use maci_nova_sdk::Error as PollError;
use rand_core::OsRng;

use super::chain::DemoChain;
use super::gas_report::GasReport;
use crate::commands::deploy::request;
use crate::failure::Failure;

/// Tokens, in their smallest unit, for one voice credit.
pub const CREDIT_UNIT: u64 = 10;

/// The poll takes no fee, and as many of its own tokens as a top-up costs.
const BUDGET: Budget = Budget {
    message_fee: U256::ZERO,
    tokens: U256::MAX,
};

/// Seconds for the proof after the end.
const PROVING_TIME: u64 = 7 * 24 * 3600;

/// Between two checkpoints.
const CHECKPOINTS: Duration = Duration::from_secs(30);

/// Between two looks at the chain.
const EVERY: Duration = Duration::from_secs(1);

/// Where the poll file is in the scenario's directory, and where the coordinator's things are.
const POLL_FILE: &str = "poll.json";
const PROOF: &str = "proof";

/// Parameters and keys of one shape.
#[derive(Debug)]
pub struct Keys {
    /// Of the folding.
    pub parameters: Parameters,
    /// Of the final proof.
    pub decider: DeciderKeys,
    /// Of join proofs.
    pub join: join_proof::Prover,
    /// Of bundles.
    pub bundle: BundleProver,
}

/// What kind of poll it is.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many options there are.
    pub options: u32,
    /// What weights mean and cost.
    pub mode: Mode,
    /// Within how many blocks messages have to be signed.
    pub signed_within: SignedWithin,
    /// What voters start with.
    pub credits: u32,
    /// Seconds until it starts, and from its start to its end.
    pub times: (u64, u64),
}

/// A voter: who sends, the key that has signed up, and the key in the poll.
#[derive(Clone, Debug)]
pub struct Voter {
    /// Sends the voter's transactions.
    pub account: Address,
    /// Has signed up.
    pub key: PrivateKey,
    /// Joins and votes.
    pub poll_key: PrivateKey,
    /// Index in the poll, once the voter has joined.
    pub state_index: u64,
}

/// A poll that is played.
#[derive(Debug)]
pub struct Scenario<'a> {
    chain: DemoChain,
    keys: &'a Keys,
    directory: PathBuf,
    file: PollFile,
    poll: PollContract,
    coordinator: PrivateKey,
    sign_up_token: Address,
    top_up_token: Address,
    gas: GasReport,
    observer: &'a dyn Observer,
}

impl<'a> Scenario<'a> {
    /// Deploys everything, in `directory`, which is empty, and creates a poll. What follows is
    /// added to the gas.
    pub fn begin(
        mut demo_chain: DemoChain,
        setting: Setting,
        keys: &'a Keys,
        directory: &Path,
        mut gas: GasReport,
        observer: &'a dyn Observer,
    ) -> Result<Self, Failure> {
        let owner = demo_chain.account(0)?;
        let start = Instant::now();
        let chain = demo_chain.chain_mut();
        let tokens = [deploy::sign_up_token(owner), deploy::sample_token(owner)];
        let tokens = tokens.map(|code| {
            let code = code.map_err(|error| Failure::Internal(error.to_string()))?;
            let deployed = chain::deploy(&mut *chain, owner, code);
            Ok::<_, Failure>(deployed.map_err(on_chain("deploy a token"))?.contract)
        });
        let [sign_up_token, top_up_token] = tokens;
        let (sign_up_token, top_up_token) = (sign_up_token?, top_up_token?);
        let path = directory.join(POLL_FILE);
        let gatekeeper = Gatekeeper::SignUpToken(sign_up_token);
        let shape = keys.parameters.shape();
        let request = request(
            shape,
            (
                &keys.decider.prover.facts(),
                &keys.join,
                &keys.bundle.facts(),
            ),
            &KeyPolicy::default(),
            gatekeeper,
        )?;
        let deployed = deployment::deploy(chain, owner, &request, &path, None, observer)?;
        for (step, _, paid) in &deployed.steps {
            gas.paid(step, Some(*paid));
        }
        gas.done("deploy", start);
        let coordinator = PrivateKey::random(&mut OsRng);
        let terms = terms(setting, &coordinator.public_key(), top_up_token, owner);
        let mut file = deployed.file;
        let start = Instant::now();
        let now = demo_chain.now()?;
        let (poll, created) = poll_creation::create_or_find(
            demo_chain.chain_mut(),
            owner,
            &mut file,
            &path,
            &terms,
            now,
            observer,
        )?;
        gas.paid("createPoll", created.map(|created| created.gas));
        gas.done("create the poll", start);
        Ok(Scenario {
            chain: demo_chain,
            keys,
            directory: directory.to_owned(),
            file,
            poll,
            coordinator,
            sign_up_token,
            top_up_token,
            gas,
            observer,
        })
    }

    /// The poll.
    pub fn poll(&self) -> &PollContract {
        &self.poll
    }

    /// The chain.
    pub fn demo_chain(&mut self) -> &mut DemoChain {
        &mut self.chain
    }

    /// The chain, to look at.
    pub fn chain(&self) -> &dyn Chain {
        self.chain.chain()
    }

    /// What was paid, and how long it took.
    pub fn gas_report(&self) -> &GasReport {
        &self.gas
    }

    /// Does something that is a stage of its own.
    pub fn timed<T>(
        &mut self,
        stage: &'static str,
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.observer.interrupted() {
            return Err(Failure::Interrupted("the poll stays as it is"));
        }
        let start = Instant::now();
        let value = work(self)?;
        self.gas.done(stage, start);
        Ok(value)
    }

    /// Gives somebody what signing up and buying credits take.
    pub fn equip(&mut self, person: usize) -> Result<(), Failure> {
        let account = self.chain.account(person)?;
        self.give_token(account)?;
        self.mint(account, 100)
    }

    /// Gives a token to sign up with; its id.
    fn give_token(&mut self, account: Address) -> Result<U256, Failure> {
        let owner = self.chain.account(0)?;
        let token = self.sign_up_token;
        let call = SignUpToken::giveTokenCall { to: account };
        let given = self.send(owner, token, &call, "give a sign-up token")?;
        let transfer: SignUpToken::Transfer = given
            .event(token)
            .ok_or_else(|| PollError::OnChain("the token tells of no transfer".into()))?;
        Ok(transfer.tokenId)
    }

    /// Gives tokens for so many credits.
    fn mint(&mut self, account: Address, credits: u64) -> Result<(), Failure> {
        let owner = self.chain.account(0)?;
        let call = SampleToken::mintCall {
            to: account,
            amount: U256::from(credits) * U256::from(CREDIT_UNIT),
        };
        self.send(owner, self.top_up_token, &call, "mint tokens")?;
        Ok(())
    }

    /// Somebody new who has a token and signs up.
    pub fn sign_up(&mut self, person: usize) -> Result<Voter, Failure> {
        let account = self.chain.account(person)?;
        let token = self.give_token(account)?;
        let key = PrivateKey::random(&mut OsRng);
        let data: Bytes = token.abi_encode().into();
        let maci = self.file.contracts.maci;
        let chain = self.chain.chain_mut();
        let signed_up = voter::sign_up(chain, account, maci, &key.public_key(), data)?;
        self.gas.paid("signUp", signed_up.gas);
        Ok(Voter {
            account,
            key,
            poll_key: PrivateKey::random(&mut OsRng),
            state_index: 0,
        })
    }

    /// Waits for the poll's start.
    pub fn open(&mut self) -> Result<(), Failure> {
        let (start, _) = self.poll.times();
        self.chain.go_to(start, self.observer)
    }

    /// Joins the poll under the voter's other key.
    pub fn join(&mut self, voter: &mut Voter) -> Result<(), Failure> {
        let request = voter::JoinRequest {
            poll: &self.poll,
            signed_up: None,
            known: &[],
            prover: &self.keys.join,
            key: &voter.key,
            poll_key: &voter.poll_key.public_key(),
            credit_data: &Bytes::new(),
            min_credits: 1,
        };
        let chain = self.chain.chain_mut();
        let joined = voter::join(chain, voter.account, &request, self.observer)?;
        self.gas.paid("join", joined.gas);
        voter.state_index = joined.state_index;
        Ok(())
    }

    /// All that a voter wants, with the key that they joined with, and everything before it void.
    pub fn vote(&mut self, voter: &Voter, choices: &[Choice]) -> Result<(), Failure> {
        let drafts = self.ballot(voter, choices).drafts()?;
        let chain = self.chain.chain_mut();
        let published = voter::cast(
            chain,
            voter.account,
            &self.poll,
            &drafts,
            &BUDGET,
            self.observer,
        )?;
        self.published(drafts.len(), &published);
        Ok(())
    }

    /// The ballot that [`Scenario::vote`] publishes, to be changed.
    pub fn ballot<'b>(&'b self, voter: &'b Voter, choices: &'b [Choice]) -> Ballot<'b> {
        Ballot {
            header: self.poll.header(),
            state_index: voter.state_index,
            key: &voter.poll_key,
            choices,
            new_key: None,
            first_nonce: 1,
            at_least: 1,
        }
    }

    /// What messages are signed with now.
    pub fn anchor(&self) -> Result<Anchor, Failure> {
        Ok(Window::newest(self.chain.chain(), &self.poll)?)
    }

    /// Publishes messages in their order.
    pub fn publish(&mut self, account: Address, messages: &[SignedMessage]) -> Result<(), Failure> {
        let chain = self.chain.chain_mut();
        let published =
            voter::publish(chain, account, &self.poll, messages, &BUDGET, self.observer)?;
        self.published(messages.len(), &published);
        Ok(())
    }

    /// Publishes ballots of several voters as a bundle, which `account` pays for.
    pub fn bundle(
        &mut self,
        account: Address,
        ballots: &[(&Voter, &[Choice])],
    ) -> Result<(), Failure> {
        let anchor = self.anchor()?;
        let mut messages = vec![];
        for (voter, choices) in ballots {
            messages.extend(self.ballot(voter, choices).messages(&anchor)?);
        }
        let published = publish_bundle(
            self.chain.chain_mut(),
            account,
            &self.poll,
            &self.keys.bundle,
            &messages,
            &BUDGET,
            self.observer,
        )?;
        self.gas.paid("publishBundle", Some(published.gas));
        Ok(())
    }

    fn published(&mut self, messages: usize, published: &voter::Published) {
        let action = match messages {
            1 => "publishMessage",
            _ => "publishMessageBatch",
        };
        self.gas.paid(action, Some(published.gas));
    }

    /// Buys credits for a voter, with tokens that are given for it.
    pub fn top_up(&mut self, voter: &Voter, credits: u64) -> Result<(), Failure> {
        self.mint(voter.account, credits)?;
        let chain = self.chain.chain_mut();
        let topped_up = voter::top_up(
            chain,
            voter.account,
            &self.poll,
            voter.state_index,
            credits,
            &BUDGET,
            self.observer,
        )?;
        self.gas
            .paid("topUp, with the approval", Some(topped_up.gas));
        Ok(())
    }

    /// The coordinator does what can be done now, as a new process would: from what is on disk.
    pub fn work(&mut self) -> Result<Reached, Failure> {
        let directory = ProofDirectory::open(&self.proof())?;
        let mut coordinator = Coordinator::open(self.context(), &directory)?;
        Ok(coordinator.work(self.chain.chain())?)
    }

    /// Waits for the poll's end.
    pub fn close(&mut self) -> Result<(), Failure> {
        let (_, end) = self.poll.times();
        self.chain.go_to(end, self.observer)
    }

    /// The coordinator works with a second node.
    pub fn work_with(&mut self, second: &dyn Chain) -> Result<Reached, Failure> {
        let directory = ProofDirectory::open(&self.proof())?;
        let context = CoordinatorContext {
            second: Some(second),
            ..self.context()
        };
        let mut coordinator = Coordinator::open(context, &directory)?;
        Ok(coordinator.work(self.chain.chain())?)
    }

    /// The coordinator proves and finalizes.
    pub fn finalize(&mut self) -> Result<Document, Failure> {
        self.finalize_with(None)
    }

    /// The same with others who fold and prove.
    pub fn finalize_with(&mut self, workers: Option<&Workers<'_>>) -> Result<Document, Failure> {
        let directory = ProofDirectory::open(&self.proof())?;
        let owner = self.chain.account(0)?;
        // Not of all of self, whose chain is sent to.
        let context = CoordinatorContext {
            workers,
            ..context(&self.poll, &self.coordinator, self.keys, self.observer)
        };
        let chain = self.chain.chain_mut();
        let keys = &self.keys.decider;
        check_verifier(chain, &self.poll, &keys.prover)?;
        let document = finalize::finalize(chain, owner, context, &directory, keys, EVERY)?;
        for gas in document.segments_gas() {
            self.gas.paid("proveSegment", Some(gas));
        }
        self.gas.paid("finalize", document.gas());
        Ok(document)
    }

    /// Where the coordinator's things are.
    pub fn proof(&self) -> PathBuf {
        self.directory.join(PROOF)
    }

    /// What the coordinator works with.
    pub fn context(&self) -> CoordinatorContext<'_> {
        context(&self.poll, &self.coordinator, self.keys, self.observer)
    }

    fn send(
        &mut self,
        from: Address,
        to: Address,
        call: &impl SolCall,
        what: &str,
    ) -> Result<Receipt, Failure> {
        let chain: &mut dyn Chain = self.chain.chain_mut();
        Ok(chain::send(chain, from, to, call, U256::ZERO).map_err(on_chain(what))?)
    }
}

fn context<'a>(
    poll: &'a PollContract,
    key: &'a PrivateKey,
    keys: &'a Keys,
    observer: &'a dyn Observer,
) -> CoordinatorContext<'a> {
    CoordinatorContext {
        poll,
        key,
        parameters: &keys.parameters,
        confirmations: 0,
        checkpoint_every: Interval::Time(CHECKPOINTS),
        second: None,
        workers: None,
        observer,
    }
}

fn terms(setting: Setting, coordinator: &PublicKey, token: Address, owner: Address) -> Terms {
    let (start, length) = setting.times;
    Terms {
        coordinator_key: *coordinator,
        options: setting.options,
        mode: setting.mode,
        signed_within: Some(setting.signed_within),
        last_sign_up: None,
        start: Start::In(start),
        end: End::After(length),
        proving_base: PROVING_TIME,
        proving_per_message: 5,
        proving_max: 30 * 24 * 3600,
        credits: Credits::Constant(setting.credits),
        top_ups: (setting.mode != Mode::Full).then_some(TopUps {
            token,
            unit: U256::from(CREDIT_UNIT),
            beneficiary: owner,
        }),
        message_fee: U256::ZERO,
    }
}
