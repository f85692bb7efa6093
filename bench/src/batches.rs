//! Groth16 with fixed batches: one proof for each B messages of the same relation.
//!
//! The circuit is a step of B events, with the poll opened once. Four elements are public, as a contract that chains
//! batches would need them: the poll's context and its message chain, which the contract knows, and
//! `P5(joinChain, nextStateIndex, messageCursor, stateRoot, tallyRoot)` before and after the batch, of which it stores
//! the latter and compares the former. The head of the message chain is that after the first message; before it, it is
//! 0 as in the folding, so a batch begins where one has been processed: the first message is processed ahead of all.

use maci_nova_chain::{deploy, Chain};
use maci_nova_contracts::alloy_primitives::{Address, U256};
use maci_nova_contracts::alloy_sol_types::SolCall;
use maci_nova_contracts::bindings::JoinVerifier;
use maci_nova_contracts::evm::{Evm, SENDER};
use maci_nova_contracts::groth16::{
    join_verifier_code, Key as ContractKey, Proof as ContractProof,
};
use maci_nova_contracts::words;
use maci_nova_groth16::adapter::{Assignment, Matrices};
use maci_nova_groth16::convert::ToHalo;
use maci_nova_groth16::{self as groth16, Proof, ProvingKey, Trapdoors};
use maci_nova_protocol::poll::{State, Transition};
use maci_nova_protocol::poseidon;
use maci_nova_protocol::Fr;
use maci_nova_step_circuit::constraints::Constraints;
use maci_nova_step_circuit::num::{Gadget, Num};
use maci_nova_step_circuit::{Shape, StepCircuit, StepFunction};
use nova_snark::frontend::SynthesisError;

use crate::configuration::{Configuration, Measurement};
use crate::figures as is;
use crate::measure::{forget_peak, timed};
use crate::random_poll::RandomPoll;
use crate::Error;

/// Public elements of a batch.
pub const PUBLICS: usize = 4;

/// What a batch states, in the order of the public elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchStatement {
    /// The poll's context.
    pub poll: Fr,
    /// The message chain.
    pub message_head: Fr,
    /// The hash of the rest of the state before.
    pub before: Fr,
    /// The same after.
    pub after: Fr,
}

impl BatchStatement {
    /// The batch that leads from one state to another.
    pub fn new(before: &State, after: &State) -> Self {
        BatchStatement {
            poll: before.poll,
            message_head: before.message_head,
            before: state_hash(before),
            after: state_hash(after),
        }
    }

    /// The public elements.
    pub fn elements(&self) -> [Fr; PUBLICS] {
        [self.poll, self.message_head, self.before, self.after]
    }
}

/// `P5(joinChain, nextStateIndex, messageCursor, stateRoot, tallyRoot)`. Batches end outside bundles.
pub fn state_hash(state: &State) -> Fr {
    poseidon::hash(&[
        state.join_chain,
        state.next_state_index,
        state.message_cursor,
        state.state_root,
        state.tally_root,
    ])
}

/// Fills a constraint system with a batch. Returns the first constraint that its values violate.
fn fill<CS: Constraints<Fr>>(
    cs: &mut CS,
    step: &StepCircuit,
    statement: &BatchStatement,
) -> Option<&'static str> {
    let mut gadget = Gadget::new(cs);
    let publics = statement.elements().map(|value| gadget.alloc_input(value));
    let z = step.before().to_array().map(|value| gadget.alloc(value));
    let [poll, head, before, after] = &publics;
    gadget.enforce_equal("poll", &z[0], poll);
    gadget.enforce_equal("message head before", &z[3], head);
    let bound = |gadget: &mut Gadget<'_, CS>, z: &[Num], hash: &Num, name| {
        let found = gadget.hash([1, 2, 4, 6, 7].map(|i: usize| &z[i]));
        gadget.enforce_equal(name, &found, hash);
        gadget.enforce_equal("no bundle is open", &z[5], &Num::zero());
    };
    bound(&mut gadget, &z, before, "state before");
    let end = step.fill(&mut gadget, &z);
    gadget.enforce_equal("message head after", &end[3], head);
    bound(&mut gadget, &end, after, "state after");
    gadget.violated()
}

/// The circuit of batches of so many messages, with its keys. **INSECURE**, the trapdoors are this process's.
#[derive(Debug)]
pub struct Batches {
    shape: Shape,
    matrices: Matrices,
    key: ProvingKey,
}

/// The witness of a batch.
#[derive(Debug)]
pub struct Prepared {
    /// What is proven of it.
    pub statement: BatchStatement,
    assignment: Assignment,
}

impl Batches {
    /// Makes the circuit and its keys.
    ///
    /// # Errors
    /// [`Error::Proof`].
    pub fn setup(shape: Shape) -> Result<Self, Error> {
        let matrices = Self::matrices(shape)?;
        Self::with_matrices(shape, matrices)
    }

    fn matrices(shape: Shape) -> Result<Matrices, Error> {
        let blank = StepCircuit::blank(shape);
        let statement = BatchStatement::new(blank.before(), blank.after());
        Matrices::record(|cs| {
            fill(cs, &blank, &statement);
            Ok::<_, SynthesisError>(())
        })
        .map_err(Error::proof("a batch's circuit"))
    }

    fn with_matrices(shape: Shape, matrices: Matrices) -> Result<Self, Error> {
        let key = groth16::setup(&matrices, PUBLICS, Trapdoors::insecure_development());
        Ok(Batches {
            shape,
            matrices,
            key: key.map_err(Error::proof("a batch's keys"))?,
        })
    }

    /// The witness of a batch of events of this poll, which leads to `after` or is said to.
    ///
    /// # Errors
    /// [`Error::Proof`] when the values violate the relation.
    pub fn prepare(
        &self,
        poll: &RandomPoll,
        events: Vec<Transition>,
        statement: BatchStatement,
    ) -> Result<Prepared, Error> {
        let step = poll.relation(self.shape, events);
        let assignment = Assignment::record(|cs| match fill(cs, &step, &statement) {
            None => Ok(()),
            Some(constraint) => Err(SynthesisError::Unsatisfiable(constraint.into())),
        });
        Ok(Prepared {
            statement,
            assignment: assignment.map_err(Error::proof("a batch"))?,
        })
    }

    /// Proves a batch.
    ///
    /// # Errors
    /// [`Error::Proof`].
    pub fn prove(&self, prepared: &Prepared) -> Result<Proof, Error> {
        groth16::prove(&self.key, &self.matrices, &prepared.assignment)
            .map_err(Error::proof("proving a batch"))
    }

    /// Verifies a batch's proof in Rust.
    ///
    /// # Errors
    /// [`Error::Proof`] when it is false.
    pub fn verify(&self, statement: &BatchStatement, proof: &Proof) -> Result<(), Error> {
        use maci_nova_groth16::convert::ToArk;
        let publics = statement.elements().map(|element| element.to_ark());
        let key = self.key.plain().expect("nothing is committed to");
        groth16::verify_plain(key, &publics, proof).map_err(Error::proof("verifying a batch"))
    }

    /// A contract that verifies batches: the one that verifies joins, which also have four public elements.
    ///
    /// # Errors
    /// [`Error::Proof`].
    pub fn deploy(&self) -> Result<OnChain, Error> {
        let plain = self.key.plain().expect("nothing is committed to");
        let ic: Vec<_> = plain.gamma_abc_g1.iter().map(ToHalo::to_halo).collect();
        let key = ContractKey {
            alpha: plain.alpha_g1.to_halo(),
            beta: plain.beta_g2.to_halo(),
            gamma: plain.gamma_g2.to_halo(),
            delta: plain.delta_g2.to_halo(),
            ic: ic
                .try_into()
                .expect("one base for each public element, and one"),
        };
        let mut evm = Evm::with_chain_id(1);
        let deployed = deploy(&mut evm, SENDER, join_verifier_code(&key, true));
        let deployed = deployed.map_err(Error::proof("the verifier of batches"))?;
        Ok(OnChain {
            evm,
            contract: deployed.contract,
            deployment_gas: deployed.gas_used,
        })
    }
}

/// The verifier of batches in an embedded EVM.
#[derive(Debug)]
pub struct OnChain {
    evm: Evm,
    contract: Address,
    /// Gas of its deployment.
    pub deployment_gas: u64,
}

/// What a verification on chain takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Gas of the transaction.
    pub gas: u64,
    /// The part of it that is the price of calldata.
    pub calldata_gas: u64,
    /// Bytes of calldata.
    pub calldata: usize,
}

impl OnChain {
    /// Verifies a proof in a transaction.
    ///
    /// # Errors
    /// [`Error::Proof`] when the contract refuses.
    pub fn verify(&mut self, statement: &BatchStatement, proof: &Proof) -> Result<Cost, Error> {
        let proof = ContractProof {
            a: proof.a.to_halo(),
            b: proof.b.to_halo(),
            c: proof.c.to_halo(),
        };
        let call = JoinVerifier::verifyCall {
            inputs: statement.elements().each_ref().map(words::scalar),
            proof: proof.words(),
        };
        let calldata = call.abi_encode();
        // EIP-2028: 4 for a byte that is 0, else 16.
        let calldata_gas = calldata
            .iter()
            .map(|byte| if *byte == 0 { 4 } else { 16 })
            .sum();
        let length = calldata.len();
        let receipt = self
            .evm
            .send(SENDER, Some(self.contract), calldata.into(), U256::ZERO);
        let receipt = receipt.map_err(Error::proof("a batch on chain"))?;
        Ok(Cost {
            gas: receipt.gas_used,
            calldata_gas,
            calldata: length,
        })
    }
}

/// A poll whose first message has been processed, so that the message chain's head stands in its state.
pub(crate) fn begun(shape: Shape, messages: usize) -> Result<RandomPoll, Error> {
    let single = Shape {
        events_per_step: 1,
        ..shape
    };
    let mut poll = RandomPoll::new(single, messages + 1)?;
    poll.take_opening();
    poll.decide(1)?;
    Ok(poll)
}

pub(crate) fn measure(configuration: &Configuration, size: usize) -> Result<Measurement, Error> {
    let shape = configuration.shape(size);
    let mut measured = Measurement::new(configuration);
    let matrices = Batches::matrices(shape)?;
    measured.count(is::CONSTRAINTS, matrices.constraints());
    measured.count(is::ENTRIES, matrices.entries());
    measured.count(is::DOMAIN, matrices.domain());
    let (batches, seconds) = timed(|| Batches::with_matrices(shape, matrices));
    let batches = batches?;
    measured.push(is::KEY_SECONDS, &[seconds]);
    measured.peak(is::KEY_PEAK);
    measured.count(is::KEY_BYTES, key_bytes(&batches.key)?);
    forget_peak();
    let mut on_chain = batches.deploy()?;
    measured.count(is::DEPLOYMENT_GAS, on_chain.deployment_gas as usize);
    let proofs = configuration
        .messages
        .div_ceil(size)
        .max(configuration.repeats);
    let mut poll = begun(shape, proofs * size)?;
    let (mut preparing, mut proving, mut verifying) = (vec![], vec![], vec![]);
    // Each proof is verified on chain: what its calldata costs depends on how many of its bytes are 0.
    let (mut gas, mut calldata_gas, mut calldata) = (vec![], vec![], vec![]);
    let mut elapsed = 0.0;
    for proof in 1..=proofs {
        let events = poll.decide(size)?;
        let statement = BatchStatement::new(&events[0].before, &events[size - 1].after);
        let (prepared, seconds) = timed(|| batches.prepare(&poll, events, statement));
        let prepared = prepared?;
        preparing.push(seconds);
        let (made, seconds) = timed(|| batches.prove(&prepared));
        let made = made?;
        proving.push(seconds);
        elapsed += preparing[proof - 1] + seconds;
        measured.series.push(((proof * size) as u64, elapsed));
        let (verified, seconds) = timed(|| batches.verify(&statement, &made));
        verified?;
        verifying.push(seconds);
        let cost = on_chain.verify(&statement, &made)?;
        gas.push(cost.gas as f64);
        calldata_gas.push(cost.calldata_gas as f64);
        calldata.push(cost.calldata as f64);
    }
    let per_message = |seconds: &[f64]| -> Vec<f64> {
        seconds
            .iter()
            .map(|seconds| seconds / size as f64)
            .collect()
    };
    measured.push(is::PREPARING, &preparing);
    measured.push(is::PROVING, &proving);
    measured.push(is::PREPARING_MESSAGE, &per_message(&preparing));
    measured.push(is::PROVING_MESSAGE, &per_message(&proving));
    measured.push(is::VERIFYING, &verifying);
    measured.push(is::GAS, &gas);
    measured.push(is::CALLDATA_GAS, &calldata_gas);
    measured.push(is::CALLDATA_BYTES, &calldata);
    measured.peak(is::PEAK);
    Ok(measured)
}

fn key_bytes(key: &ProvingKey) -> Result<usize, Error> {
    let folder = tempfile::tempdir().map_err(Error::proof("a key's file"))?;
    let path = folder.path().join("key");
    key.write(&path).map_err(Error::proof("a key's file"))?;
    let metadata = std::fs::metadata(&path).map_err(Error::io("read", &path))?;
    Ok(metadata.len() as usize)
}
