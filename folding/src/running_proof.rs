//! The running proof: all steps of a poll so far, folded into one.

use std::fmt;

use maci_nova_protocol::poll::{Header, State};
use maci_nova_step_circuit::{Fr, Shape, StepCircuit};

use crate::{
    accumulator::CommittedPart,
    engine::{EngineError, IvcProof},
    Parameters, ParametersDigest,
};

/// Why a running proof could not be begun, extended or verified.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The poll's tree depths are not the parameters'.
    #[error("the poll's trees have depths {poll:?}, the parameters are for {parameters:?}")]
    PollShape {
        /// State and vote option tree depth of the poll.
        poll: (usize, usize),
        /// The same of the parameters.
        parameters: (usize, usize),
    },
    /// The header describes no valid poll: the text says why.
    #[error("the poll's header is invalid: {0}")]
    Header(String),
    /// The parameters are not those that the proof was begun with.
    #[error("the proof was begun with parameters {proof}, these are {parameters}")]
    OtherParameters {
        /// The proof's.
        proof: ParametersDigest,
        /// Those given.
        parameters: ParametersDigest,
    },
    /// The step's circuit has another shape than the parameters.
    #[error("the step has shape {step:?}, the parameters are for {parameters:?}")]
    StepShape {
        /// The step's shape.
        step: Shape,
        /// The parameters' shape.
        parameters: Shape,
    },
    /// The step does not begin where the proof ends.
    #[error("the step does not begin in the state that the proof has reached")]
    OtherState,
    /// The circuit's output is not the state that the step says it ends in.
    #[error("the step's circuit ends in another state than the step states")]
    OtherOutput,
    /// The engine failed, or the proof does not verify.
    #[error("the proof system failed: {0}")]
    Engine(String),
}

impl From<EngineError> for FoldError {
    fn from(error: EngineError) -> Self {
        FoldError::Engine(error.to_string())
    }
}

/// A step with what can be committed to before the proof has come to it.
pub(crate) struct CommittedStep {
    circuit: StepCircuit,
    committed: Option<CommittedPart>,
}

impl CommittedStep {
    /// Commits, which takes most of a folding's time: call it on another thread.
    pub(crate) fn committed(parameters: &Parameters, circuit: StepCircuit) -> Self {
        let committed = parameters.engine().commit_ahead(&circuit);
        CommittedStep { circuit, committed }
    }

    /// A step that the folding commits to.
    pub(crate) fn plain(circuit: StepCircuit) -> Self {
        let committed = None;
        CommittedStep { circuit, committed }
    }
}

/// A proof that a poll's state is what the steps so far make of the state that it began in.
///
/// Its size does not depend on the number of steps. It holds the witness of the folded steps:
/// **secret**, never to be published (the compressor makes what can be).
#[derive(Clone)]
pub struct RunningProof {
    header: Header,
    parameters: ParametersDigest,
    /// The state before the first step.
    start: State,
    state: State,
    /// None before the first step: the engine's own proofs begin with one.
    proof: Option<IvcProof>,
}

impl RunningProof {
    /// Begins the proof of a poll: no steps, the initial state.
    ///
    /// # Errors
    /// [`FoldError::Header`], [`FoldError::PollShape`].
    pub fn new(parameters: &Parameters, header: &Header) -> Result<Self, FoldError> {
        Self::begin_at(parameters, header, State::initial(header))
    }

    /// Begins the proof of a segment: no steps, and a state that the poll was in, which is for others
    /// to prove.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`FoldError::OtherState`] for one of another poll.
    pub fn begin_at(
        parameters: &Parameters,
        header: &Header,
        start: State,
    ) -> Result<Self, FoldError> {
        header
            .validate()
            .map_err(|error| FoldError::Header(error.to_string()))?;
        check_poll_shape(parameters.shape(), header)?;
        if start.poll != State::initial(header).poll {
            return Err(FoldError::OtherState);
        }
        Ok(RunningProof {
            header: header.clone(),
            parameters: parameters.digest(),
            start,
            state: start,
            proof: None,
        })
    }

    /// Folds one more step.
    ///
    /// # Errors
    /// [`FoldError::OtherParameters`], [`FoldError::StepShape`], [`FoldError::OtherState`],
    /// [`FoldError::OtherOutput`], [`FoldError::Engine`]; the proof is then unchanged.
    pub fn fold(&mut self, parameters: &Parameters, circuit: StepCircuit) -> Result<(), FoldError> {
        self.fold_committed(parameters, CommittedStep::plain(circuit))
    }

    /// The same of a step that has been committed to.
    pub(crate) fn fold_committed(
        &mut self,
        parameters: &Parameters,
        step: CommittedStep,
    ) -> Result<(), FoldError> {
        let CommittedStep { circuit, committed } = step;
        self.check_parameters(parameters)?;
        if circuit.shape() != parameters.shape() {
            return Err(FoldError::StepShape {
                step: circuit.shape(),
                parameters: parameters.shape(),
            });
        }
        if circuit.before() != &self.state {
            return Err(FoldError::OtherState);
        }
        let engine = parameters.engine();
        let next = match &self.proof {
            None => IvcProof::first(engine, &circuit, &self.state.to_array())?,
            Some(proof) => proof.next_ahead(engine, &circuit, committed)?,
        };
        if next.z() != circuit.after().to_array() {
            return Err(FoldError::OtherOutput);
        }
        self.state = *circuit.after();
        self.proof = Some(next);
        Ok(())
    }

    /// The state after the steps so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The number of steps folded.
    pub fn steps(&self) -> u64 {
        self.proof.as_ref().map_or(0, IvcProof::steps)
    }

    /// The poll.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The parameters that the proof was begun with.
    pub fn parameters(&self) -> ParametersDigest {
        self.parameters
    }

    /// The state before the first step.
    pub fn start(&self) -> &State {
        &self.start
    }

    /// Checks the whole proof against the state that it began in, and returns the state proven.
    ///
    /// # Errors
    /// [`FoldError::OtherParameters`]; [`FoldError::Engine`] when the proof is false.
    pub fn verify(&self, parameters: &Parameters) -> Result<State, FoldError> {
        self.check_parameters(parameters)?;
        let Some(proof) = &self.proof else {
            return Ok(self.start);
        };
        let z = proof.verify(parameters.engine(), &self.start.to_array())?;
        state_of(&z)
    }

    /// The engine's proof, for the compressor and checkpoints.
    #[doc(hidden)]
    pub fn engine_proof(&self) -> Option<&IvcProof> {
        self.proof.as_ref()
    }

    /// A proof from the engine's, which is verified here.
    pub(crate) fn from_engine(
        parameters: &Parameters,
        header: &Header,
        start: State,
        proof: Option<IvcProof>,
    ) -> Result<Self, FoldError> {
        let mut running = RunningProof::begin_at(parameters, header, start)?;
        running.proof = proof;
        running.state = running.verify(parameters)?;
        Ok(running)
    }

    fn check_parameters(&self, parameters: &Parameters) -> Result<(), FoldError> {
        if self.parameters == parameters.digest() {
            return Ok(());
        }
        Err(FoldError::OtherParameters {
            proof: self.parameters,
            parameters: parameters.digest(),
        })
    }
}

impl fmt::Debug for RunningProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningProof")
            .field("steps", &self.steps())
            .field("parameters", &self.parameters)
            .field("witness", &"<secret>")
            .finish_non_exhaustive()
    }
}

fn check_poll_shape(shape: Shape, header: &Header) -> Result<(), FoldError> {
    let poll = (header.state_tree_depth, header.vote_option_tree_depth);
    let parameters = (shape.state_depth, shape.vote_depth);
    if poll == parameters {
        return Ok(());
    }
    Err(FoldError::PollShape { poll, parameters })
}

fn state_of(z: &[Fr]) -> Result<State, FoldError> {
    let array = z
        .try_into()
        .map_err(|_| FoldError::Engine("a state of another arity".into()))?;
    Ok(State::from_array(array))
}
