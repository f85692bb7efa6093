//! A whole poll with everybody's part: from the contracts to the results. The demo plays one, tests
//! play many.
//!
//! It goes through the same functions as the commands of each role, on a chain in this process or on
//! a node's.

mod ledger;
mod stage;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use maci_nova_chain::{self as chain, Chain, Receipt};
use maci_nova_compressor::decider;
use maci_nova_compressor::join;
use maci_nova_contracts::alloy_primitives::{Address, Bytes, U256};
use maci_nova_contracts::alloy_sol_types::{SolCall, SolValue};
use maci_nova_contracts::bindings::{SampleToken, SignUpToken};
use maci_nova_contracts::deploy::{self, Gatekeeper};
use maci_nova_folding::Parameters;
use maci_nova_protocol::keys::{PrivateKey, PublicKey};
use maci_nova_protocol::log::SignedMessage;
use maci_nova_protocol::poll::Mode;
use rand_core::OsRng;

use crate::anchor::Anchor;
use crate::arguments::{Choice, Interval, SignedWithin};
use crate::ballot::Ballot;
use crate::commands::deploy::request;
use crate::console::Console;
use crate::coordinator::{self, Coordinator, Office, Reached};
use crate::deployment;
use crate::failure::{on_chain, Failure};
use crate::finalization::Document;
use crate::interrupt::Interrupt;
use crate::poll_contract::PollContract;
use crate::poll_creation::{self, Credits, End, Start, Terms, TopUps};
use crate::poll_file::PollFile;
use crate::proof_directory::ProofDirectory;
use crate::signing_window::Window;
use crate::voter;

pub use ledger::{Action, Ledger, Timed};
pub use stage::Stage;

/// Tokens, in their smallest unit, for one voice credit.
pub const CREDIT_UNIT: u64 = 10;

/// Seconds for the proof after the end.
const PROVING_TIME: u64 = 7 * 24 * 3600;

/// Between two checkpoints.
const CHECKPOINTS: Duration = Duration::from_secs(30);

/// Between two looks at the chain.
const EVERY: Duration = Duration::from_secs(1);

/// Where the poll file is in the rehearsal's directory, and where the coordinator's things are.
const POLL_FILE: &str = "poll.json";
const PROOF: &str = "proof";

/// Parameters and keys of one shape.
#[derive(Debug)]
pub struct Keys {
    /// Of the folding.
    pub parameters: Parameters,
    /// Of the final proof.
    pub decider: decider::Prover,
    /// Of join proofs.
    pub join: join::Prover,
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
pub struct Rehearsal<'a> {
    stage: Stage,
    keys: &'a Keys,
    directory: PathBuf,
    file: PollFile,
    poll: PollContract,
    coordinator: PrivateKey,
    sign_up_token: Address,
    top_up_token: Address,
    ledger: Ledger,
    interrupt: &'a Interrupt,
    console: &'a Console,
}

impl<'a> Rehearsal<'a> {
    /// Deploys everything, in `directory`, which is empty, and creates a poll. What follows is added to the
    /// ledger.
    pub fn begin(
        mut stage: Stage,
        setting: Setting,
        keys: &'a Keys,
        directory: &Path,
        mut ledger: Ledger,
        interrupt: &'a Interrupt,
        console: &'a Console,
    ) -> Result<Self, Failure> {
        let owner = stage.account(0)?;
        let start = Instant::now();
        let chain = stage.chain_mut();
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
        let request = request(shape, &keys.decider, &keys.join, false, gatekeeper)?;
        let deployed = deployment::deploy(chain, owner, &request, &path, None, console)?;
        for (step, _, gas) in &deployed.steps {
            ledger.paid(step, Some(*gas));
        }
        ledger.done("deploy", start);
        let coordinator = PrivateKey::random(&mut OsRng);
        let terms = terms(setting, &coordinator.public_key(), top_up_token, owner);
        let mut file = deployed.file;
        let start = Instant::now();
        let now = stage.now()?;
        let (poll, created) = poll_creation::establish(
            stage.chain_mut(),
            owner,
            &mut file,
            &path,
            &terms,
            now,
            console,
        )?;
        ledger.paid("createPoll", created.map(|created| created.gas));
        ledger.done("create the poll", start);
        Ok(Rehearsal {
            stage,
            keys,
            directory: directory.to_owned(),
            file,
            poll,
            coordinator,
            sign_up_token,
            top_up_token,
            ledger,
            interrupt,
            console,
        })
    }

    /// The poll.
    pub fn poll(&self) -> &PollContract {
        &self.poll
    }

    /// The chain.
    pub fn stage(&mut self) -> &mut Stage {
        &mut self.stage
    }

    /// The chain, to look at.
    pub fn chain(&self) -> &dyn Chain {
        self.stage.chain()
    }

    /// What was paid, and how long it took.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Does something that is a stage of its own.
    pub fn timed<T>(
        &mut self,
        stage: &'static str,
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.interrupt.asked() {
            return Err(Failure::Interrupted("the poll stays as it is".into()));
        }
        let start = Instant::now();
        let value = work(self)?;
        self.ledger.done(stage, start);
        Ok(value)
    }

    /// Somebody new who has a token and signs up.
    pub fn sign_up(&mut self, person: usize) -> Result<Voter, Failure> {
        let account = self.stage.account(person)?;
        let owner = self.stage.account(0)?;
        let token = self.sign_up_token;
        let call = SignUpToken::giveTokenCall { to: account };
        let given = self.send(owner, token, &call, "give a sign-up token")?;
        let transfer: SignUpToken::Transfer = given
            .event(token)
            .ok_or_else(|| Failure::OnChain("the token tells of no transfer".into()))?;
        let key = PrivateKey::random(&mut OsRng);
        let data: Bytes = transfer.tokenId.abi_encode().into();
        let maci = self.file.contracts.maci;
        let chain = self.stage.chain_mut();
        let signed_up = voter::sign_up(chain, account, maci, &key.public_key(), data)?;
        self.ledger.paid("signUp", signed_up.gas);
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
        self.stage.go_to(start, self.interrupt, self.console)
    }

    /// Joins the poll under the voter's other key.
    pub fn join(&mut self, voter: &mut Voter) -> Result<(), Failure> {
        let request = voter::JoinRequest {
            poll: &self.poll,
            maci: self.file.contracts.maci,
            prover: &self.keys.join,
            key: &voter.key,
            poll_key: &voter.poll_key.public_key(),
            credit_data: &Bytes::new(),
            min_credits: 1,
        };
        let chain = self.stage.chain_mut();
        let joined = voter::join(chain, voter.account, &request, self.console)?;
        self.ledger.paid("join", joined.gas);
        voter.state_index = joined.state_index;
        Ok(())
    }

    /// All that a voter wants, with the key that they joined with, and everything before it void.
    pub fn vote(&mut self, voter: &Voter, choices: &[Choice]) -> Result<(), Failure> {
        let drafts = self.ballot(voter, choices).drafts()?;
        let chain = self.stage.chain_mut();
        let published = voter::cast(chain, voter.account, &self.poll, &drafts)?;
        self.published(drafts.len(), &published);
        Ok(())
    }

    /// The ballot that [`Rehearsal::vote`] publishes, to be changed.
    pub fn ballot<'b>(&'b self, voter: &'b Voter, choices: &'b [Choice]) -> Ballot<'b> {
        Ballot {
            header: self.poll.header(),
            state_index: voter.state_index,
            key: &voter.poll_key,
            choices,
            new_key: None,
            first_nonce: 1,
        }
    }

    /// What messages are signed with now.
    pub fn anchor(&self) -> Result<Anchor, Failure> {
        Window::newest(self.stage.chain(), &self.poll)
    }

    /// Publishes messages in their order.
    pub fn publish(&mut self, account: Address, messages: &[SignedMessage]) -> Result<(), Failure> {
        let chain = self.stage.chain_mut();
        let published = voter::publish(chain, account, &self.poll, messages, self.console)?;
        self.published(messages.len(), &published);
        Ok(())
    }

    fn published(&mut self, messages: usize, published: &voter::Published) {
        let action = match messages {
            1 => "publishMessage",
            _ => "publishMessageBatch",
        };
        self.ledger.paid(action, Some(published.gas));
    }

    /// Buys credits for a voter, with tokens that are given for it.
    pub fn top_up(&mut self, voter: &Voter, credits: u64) -> Result<(), Failure> {
        let owner = self.stage.account(0)?;
        let call = SampleToken::mintCall {
            to: voter.account,
            amount: U256::from(credits) * U256::from(CREDIT_UNIT),
        };
        self.send(owner, self.top_up_token, &call, "mint tokens")?;
        let chain = self.stage.chain_mut();
        let topped_up =
            voter::top_up(chain, voter.account, &self.poll, voter.state_index, credits)?;
        self.ledger
            .paid("topUp, with the approval", Some(topped_up.gas));
        Ok(())
    }

    /// The coordinator does what can be done now, as a new process would: from what is on disk.
    pub fn work(&mut self) -> Result<Reached, Failure> {
        let directory = ProofDirectory::open(&self.proof())?;
        let mut coordinator = Coordinator::open(self.office(), &directory)?;
        coordinator.work(self.stage.chain())
    }

    /// Waits for the poll's end.
    pub fn close(&mut self) -> Result<(), Failure> {
        let (_, end) = self.poll.times();
        self.stage.go_to(end, self.interrupt, self.console)
    }

    /// The coordinator works with a second node.
    pub fn work_with(&mut self, second: &dyn Chain) -> Result<Reached, Failure> {
        let directory = ProofDirectory::open(&self.proof())?;
        let office = Office {
            second: Some(second),
            ..self.office()
        };
        let mut coordinator = Coordinator::open(office, &directory)?;
        coordinator.work(self.stage.chain())
    }

    /// The coordinator proves and finalizes.
    pub fn settle(&mut self) -> Result<Document, Failure> {
        let directory = ProofDirectory::open(&self.proof())?;
        let owner = self.stage.account(0)?;
        // Not of all of self, whose chain is sent to.
        let office = office(
            &self.poll,
            &self.coordinator,
            self.keys,
            self.interrupt,
            self.console,
        );
        let chain = self.stage.chain_mut();
        let prover = &self.keys.decider;
        coordinator::check_verifier(chain, &self.poll, prover)?;
        let document = coordinator::settle(chain, owner, office, &directory, prover, EVERY)?;
        self.ledger.paid("finalize", document.gas());
        Ok(document)
    }

    /// Where the coordinator's things are.
    pub fn proof(&self) -> PathBuf {
        self.directory.join(PROOF)
    }

    /// What the coordinator works with.
    pub fn office(&self) -> Office<'_> {
        office(
            &self.poll,
            &self.coordinator,
            self.keys,
            self.interrupt,
            self.console,
        )
    }

    fn send(
        &mut self,
        from: Address,
        to: Address,
        call: &impl SolCall,
        what: &str,
    ) -> Result<Receipt, Failure> {
        let chain: &mut dyn Chain = self.stage.chain_mut();
        chain::send(chain, from, to, call, U256::ZERO).map_err(on_chain(what))
    }
}

fn office<'a>(
    poll: &'a PollContract,
    key: &'a PrivateKey,
    keys: &'a Keys,
    interrupt: &'a Interrupt,
    console: &'a Console,
) -> Office<'a> {
    Office {
        poll,
        key,
        parameters: &keys.parameters,
        confirmations: 0,
        checkpoint_every: Interval::Time(CHECKPOINTS),
        second: None,
        interrupt,
        observer: console,
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
