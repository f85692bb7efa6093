//! A deployment and a poll on the embedded chain for tests, with keys whose trapdoors are known:
//! real verifiers, proofs without circuits.

pub mod policies;

use std::path::PathBuf;

use maci_nova_chain::{self as chain, Chain, Receipt};
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::bindings::{Poll, SampleToken, MACI};
use maci_nova_contracts::decider::{OptionResult, Proof, Statement};
use maci_nova_contracts::deploy::{self, Gatekeeper, Shape};
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::words;
use maci_nova_protocol::field::Fr;
use maci_nova_protocol::keys::{PrivateKey, PublicKey};
use maci_nova_protocol::membership::{self, Binding, Terms as JoinTerms};
use maci_nova_protocol::poll::{Mode, State};
use tempfile::TempDir;

use crate::bundle::proof::ROOM;
use crate::operator::deployment::{self, Request};
use crate::operator::poll_creation::{create_or_find, Credits, End, Start, Terms, TopUps};
use crate::poll::contract::{poll_key, PollContract};
use crate::poll::file::{KeyDigests, PollFile};
use crate::voter::signing_window::Window;
use maci_nova_contracts::testing::decider::{rng, Choices, Trapdoors};
use maci_nova_contracts::testing::groth16::Trapdoors as PlainTrapdoors;

/// Says nothing.
pub const QUIET: () = ();

/// Who receives top-ups.
pub const BENEFICIARY: Address = Address::repeat_byte(0x15);

/// Tokens for one credit.
pub const CREDIT_UNIT: u64 = 10;

/// Wei for a message.
pub const FEE: u64 = 7;

fn decider_trapdoors() -> Trapdoors {
    Trapdoors::random(&mut rng(1))
}

fn join_trapdoors() -> PlainTrapdoors {
    PlainTrapdoors::random(&mut rng(2))
}

fn bundle_trapdoors() -> PlainTrapdoors {
    PlainTrapdoors::random(&mut rng(3))
}

/// A deployment for 24 voters and 5 options.
pub fn request() -> Request {
    Request {
        shape: Shape {
            state_tree_depth: 2,
            vote_option_tree_depth: 1,
            events_per_step: 1,
        },
        decider_key: decider_trapdoors().key(),
        join_key: join_trapdoors().key(),
        bundle_key: bundle_trapdoors().key(),
        bundle_messages: ROOM,
        digests: KeyDigests {
            decider: B256::repeat_byte(3),
            join: B256::repeat_byte(4),
            bundle: B256::repeat_byte(5),
        },
        development_keys: true,
        production: false,
        gatekeeper: Gatekeeper::FreeForAll,
    }
}

/// The coordinator's key, or a voter's.
pub fn key(seed: u64) -> PrivateKey {
    PrivateKey::from_element(Fr::from(seed))
}

/// A public key.
pub fn public_key(seed: u64) -> PublicKey {
    key(seed).public_key()
}

/// A chain, a deployment on it, and its poll file in a directory of its own.
#[derive(Debug)]
pub struct World {
    /// The chain.
    pub evm: Evm,
    /// The poll file.
    pub file: PollFile,
    directory: TempDir,
}

impl Default for World {
    fn default() -> Self {
        World::new()
    }
}

impl World {
    /// With no poll.
    pub fn new() -> Self {
        World::of(&request())
    }

    /// The same of another deployment.
    pub fn of(request: &Request) -> Self {
        let mut world = World::empty();
        let path = world.path();
        let deployed =
            deployment::deploy(&mut world.evm, SENDER, request, &path, None, &QUIET).unwrap();
        world.file = deployed.file;
        world
    }

    /// With nothing; the poll file is not there.
    fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let zero = maci_nova_chain::Contract {
            address: Address::ZERO,
            first_block: 0,
        };
        let contracts = crate::poll::file::Contracts {
            registry: zero,
            decider_verifier: zero,
            join_verifier: zero,
            bundle_verifier: zero,
            maci: zero,
        };
        World {
            evm: Evm::new(),
            file: PollFile::new(1, None, contracts, request().digests),
            directory,
        }
    }

    /// Where the poll file is.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("poll.json")
    }

    /// The newest block's time.
    pub fn now(&self) -> u64 {
        self.evm.latest().timestamp
    }

    /// The account of this index.
    pub fn account(&self, index: usize) -> Address {
        self.evm.accounts()[index]
    }

    /// A token of which the first accounts have a million each.
    pub fn token(&mut self) -> Address {
        let code = deploy::sample_token(SENDER).unwrap();
        let token = chain::deploy(&mut self.evm, SENDER, code).unwrap().contract;
        for index in 0..3 {
            let (to, amount) = (self.account(index), U256::from(1_000_000));
            self.send(0, token, &SampleToken::mintCall { to, amount }, 0);
        }
        token
    }

    /// A poll like most, with neither top-ups nor a fee.
    pub fn terms(&self) -> Terms {
        Terms {
            coordinator_key: public_key(1),
            options: 5,
            mode: Mode::Quadratic,
            signed_within: None,
            last_sign_up: None,
            start: Start::In(60),
            end: End::After(3600),
            proving_base: 7200,
            proving_per_message: 5,
            proving_max: 30 * 24 * 3600,
            credits: Credits::Constant(100),
            top_ups: None,
            message_fee: U256::ZERO,
        }
    }

    /// A poll with top-ups and a fee, which has started and has one voter.
    pub fn with_payments() -> (Self, PollContract) {
        let mut world = World::new();
        let token = world.token();
        let terms = Terms {
            top_ups: Some(TopUps {
                token,
                unit: U256::from(CREDIT_UNIT),
                beneficiary: BENEFICIARY,
            }),
            message_fee: U256::from(FEE),
            ..world.terms()
        };
        let poll = world.create(&terms);
        world.go_to(poll.times().0);
        world.join(&poll, 2);
        (world, poll)
    }

    /// Creates a poll.
    pub fn create(&mut self, terms: &Terms) -> PollContract {
        let (path, now) = (self.path(), self.now());
        let (evm, file) = (&mut self.evm, &mut self.file);
        let (poll, created) = create_or_find(evm, SENDER, file, &path, terms, now, &QUIET).unwrap();
        assert!(created.is_some());
        poll
    }

    /// Makes a block at this time.
    pub fn go_to(&mut self, time: u64) {
        self.evm.set_next_timestamp(time);
        self.evm.mine(1);
    }

    /// Sends a call, which must go through.
    pub fn send(
        &mut self,
        from: usize,
        to: Address,
        call: &impl maci_nova_contracts::alloy_sol_types::SolCall,
        value: u64,
    ) -> Receipt {
        let from = self.account(from);
        chain::send(&mut self.evm, from, to, call, U256::from(value)).unwrap()
    }

    /// Signs a key up, and joins with another one.
    pub fn join(&mut self, poll: &PollContract, seed: u64) {
        self.join_as(poll, seed, seed);
    }

    /// The same with the key in the poll that belongs to somebody else.
    pub fn join_as(&mut self, poll: &PollContract, seed: u64, other: u64) {
        let [x, y] = {
            let point = public_key(seed).point();
            [&point.x, &point.y].map(words::scalar)
        };
        let call = MACI::signUpCall {
            key: MACI::PublicKey { x, y },
            gatekeeperData: Bytes::new(),
        };
        let maci = poll.info.maci;
        let receipt = self.send(0, maci, &call, 0);
        let event: MACI::SignUp = receipt.event(maci).unwrap();
        let joining = public_key(other + 1000).point();
        let terms = JoinTerms {
            chain_id: poll.chain_id,
            poll: membership::Address(poll.address.into()),
            poll_key: joining,
            sender: membership::Address(SENDER.into()),
            credit_data: &[],
            min_credits: 1,
        };
        let nullifier = Fr::from(seed);
        let inputs = [
            words::to_scalar(event.root).unwrap(),
            nullifier,
            poll.scope().0,
            Binding::new(&terms).0,
        ];
        let proof = join_trapdoors().prove(&inputs, &mut rng(seed));
        let call = Poll::joinCall {
            nullifier: words::scalar(&nullifier),
            rootIndex: event.index,
            pollKey: poll_key(&joining),
            proof: proof.words(),
            creditData: Bytes::new(),
            minCredits: U256::from(1),
        };
        self.send(0, poll.address, &call, 0);
    }

    /// Publishes a message that nobody can read.
    pub fn publish(&mut self, poll: &PollContract, from: usize) {
        let anchor = Window::newest(&self.evm, poll).unwrap();
        let call = Poll::publishMessageCall {
            data: [U256::from(9); 10],
            encryptionKey: poll_key(&public_key(77).point()),
            blockNumber: U256::from(anchor.block_number),
            anchor: words::scalar(&anchor.element),
        };
        let fee = poll.info.settings.messageFee.to();
        self.send(from, poll.address, &call, fee);
    }

    /// Tops the first voter up.
    pub fn top_up(&mut self, poll: &PollContract, from: usize, credits: u64) {
        let amount = U256::from(credits * CREDIT_UNIT);
        let approve = SampleToken::approveCall {
            spender: poll.address,
            value: amount,
        };
        self.send(from, poll.info.settings.topUpToken, &approve, 0);
        let call = Poll::topUpCall {
            stateIndex: U256::from(1),
            amount,
        };
        let fee = poll.info.settings.messageFee.to();
        self.send(from, poll.address, &call, fee);
    }

    /// Goes to the end, and says what finalizes it with these votes and credits.
    pub fn end(&mut self, poll: &PollContract, results: &[(i128, u128)]) -> Statement {
        self.go_to(poll.times().1);
        let chains = poll.chains(&self.evm).unwrap();
        let initial = State::initial(poll.header()).to_array();
        let (head, cursor) = match chains.message_count {
            0 => (Fr::from(0), Fr::from(0)),
            _ => (chains.message_head, initial[1]),
        };
        let count = Fr::from(chains.next_state_index);
        let results = results.iter().map(|(votes, spent)| OptionResult {
            votes: *votes,
            spent: *spent,
        });
        Statement {
            domain: poll.domain(),
            z0: initial,
            z: [
                initial[0],
                chains.join_chain,
                count,
                head,
                cursor,
                Fr::from(0),
                Fr::from(11),
                Fr::from(12),
            ],
            results: results.collect(),
        }
    }

    /// A proof that the deployment's verifier takes.
    pub fn prove(&self, statement: &Statement) -> Proof {
        decider_trapdoors().prove(statement, &Choices::random(&mut rng(5)))
    }

    /// Goes to the end and finalizes with these votes and credits.
    pub fn finalize(&mut self, poll: &PollContract, results: &[(i128, u128)]) {
        let statement = self.end(poll, results);
        let proof = self.prove(&statement);
        let [.., state_root, tally_root] = statement.z;
        let stored = statement.results.iter().map(|result| Poll::OptionResult {
            votes: result.votes,
            spent: result.spent,
        });
        let call = Poll::finalizeCall {
            newStateRoot: words::scalar(&state_root),
            tallyRoot: words::scalar(&tally_root),
            newResults: stored.collect(),
            proof: proof.words(),
        };
        self.send(1, poll.address, &call, 0);
    }
}
