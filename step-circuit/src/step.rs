//! The step circuit: K events, one after another.

use std::sync::Arc;

use ff::Field;
use maci_nova_protocol::babyjub::{Point as NativePoint, Scalar};
use maci_nova_protocol::poll::{Header, Mode, Poll, State as NativeState, Transition};
use nova_snark::frontend::num::AllocatedNum;
use nova_snark::frontend::{ConstraintSystem, Index, SynthesisError, Variable};

use crate::constraints::{Constraints, Plain, Values};
use crate::function::StepFunction;
use crate::num::{Gadget, Num};
use crate::recorder::Recorder;
use crate::shape::{Shape, ShapeError};
use crate::state::{State, ARITY};
use crate::Fr;

/// Why a step cannot be made from these events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The number of transitions is not the shape's K. Fill up with blind events.
    #[error("a step of this shape takes {expected} events, not {found}")]
    EventCount {
        /// K of the shape.
        expected: usize,
        /// Transitions given.
        found: usize,
    },
    /// A transition does not start where the one before it ends.
    #[error("event {0} of the step does not start where the one before it ends")]
    NotConsecutive(usize),
    /// A path or the poll's header has other depths than the shape.
    #[error("event {0} of the step belongs to trees of another depth")]
    Depth(usize),
    /// A size of the shape is out of its range.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The values violate this constraint: the events are not those of a poll with this header
    /// and key.
    #[error("the events do not satisfy the circuit: {0}")]
    Unsatisfied(&'static str),
    /// The circuit comes to another state than the state machine.
    #[error("the circuit comes to another state than the events say")]
    OtherOutcome,
}

/// What a step is made of; without it there is only a shape.
struct Work {
    header: Header,
    secret: Scalar,
    transitions: Vec<Transition>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.secret = Scalar::ZERO;
        core::hint::black_box(&self.secret);
    }
}

/// K events as a step function over `z`, the eight elements of
/// [`maci_nova_protocol::poll::State`]. It is a step circuit of `nova_snark` too, whose constraint
/// systems have no power rows.
///
/// Cloning is cheap. Equal shapes have equal constraints whatever the events are.
#[derive(Clone)]
pub struct StepCircuit {
    shape: Shape,
    work: Arc<Work>,
    /// The values of an honest run from `before`, once prepared, the state after it last. They hold
    /// the coordinator's scalar and the decrypted votes.
    prepared: Option<Arc<Values<Fr>>>,
}

/// The values of a step's variables, honest or not.
#[derive(Debug)]
pub struct Assignment {
    /// Variable 0 is one, 1 to 8 are z.
    pub values: Vec<Fr>,
    /// The state after.
    pub after: NativeState,
    /// The first constraint violated, a division by zero included.
    pub violated: Option<&'static str>,
}

/// A step with everything that a test or a report wants to know of it.
#[derive(Debug)]
pub struct Recording {
    /// Constraints and values. Variable 0 is one, 1 to 8 are z.
    pub recorder: Recorder,
    /// The state after.
    pub after: NativeState,
    /// The values of the hints.
    pub hints: Vec<Fr>,
    /// The first constraint violated, a division by zero included.
    pub violated: Option<&'static str>,
}

impl core::fmt::Debug for StepCircuit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // The witness and the coordinator's scalar are secret.
        f.debug_struct("StepCircuit")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl StepCircuit {
    /// The circuit of a shape, for making parameters.
    ///
    /// # Panics
    /// When the shape is not one that [`Shape::validate`] accepts.
    pub fn blank(shape: Shape) -> Self {
        let header = Header {
            poll_id: 0,
            coordinator_key: NativePoint::base8(),
            vote_options: 1,
            mode: Mode::Quadratic,
            signed_within: 0,
            state_tree_depth: shape.state_depth,
            vote_option_tree_depth: shape.vote_depth,
        };
        let secret = Scalar::ONE;
        let mut poll = Poll::new(header.clone(), secret)
            .expect("1 is the secret scalar of the base point, and a shape's depths are in range");
        let transitions = (0..shape.events_per_step)
            .map(|_| poll.blind(Fr::ONE))
            .collect();
        Self::from_claims(shape, &header, secret, transitions)
    }

    /// A step of exactly K consecutive events, with its values, which are checked to satisfy the
    /// circuit. This is where the time goes that does not depend on the running proof: call it on
    /// another thread than the one that folds.
    pub fn prepare(
        shape: Shape,
        header: &Header,
        secret: Scalar,
        transitions: Vec<Transition>,
    ) -> Result<Self, StepError> {
        Self::prepare_for(Values::with_powers(), shape, header, secret, transitions)
    }

    /// The same for constraint systems without power rows, among them the proving library's.
    pub fn prepare_plain(
        shape: Shape,
        header: &Header,
        secret: Scalar,
        transitions: Vec<Transition>,
    ) -> Result<Self, StepError> {
        Self::prepare_for(Values::plain(), shape, header, secret, transitions)
    }

    fn prepare_for(
        mut values: Values<Fr>,
        shape: Shape,
        header: &Header,
        secret: Scalar,
        transitions: Vec<Transition>,
    ) -> Result<Self, StepError> {
        check_events(&shape, header, &transitions)?;
        let mut circuit = Self::from_claims(shape, header, secret, transitions);
        let z = circuit.before().to_array().map(Num::from_value);
        let mut gadget = Gadget::new(&mut values);
        let after = circuit.fill_events(&mut gadget, z).value();
        if let Some(constraint) = gadget.violated() {
            return Err(StepError::Unsatisfied(constraint));
        }
        if after != *circuit.after() {
            return Err(StepError::OtherOutcome);
        }
        circuit.prepared = Some(Arc::new(values));
        Ok(circuit)
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The state that the step starts from.
    pub fn before(&self) -> &NativeState {
        &self.work.transitions[0].before
    }

    /// The state that the step ends in.
    pub fn after(&self) -> &NativeState {
        &self.work.transitions[self.work.transitions.len() - 1].after
    }

    /// Fills a gadget with the step's constraints from the state `z`. The state after it stands in
    /// the last eight variables.
    fn fill_events<CS: Constraints<Fr>>(
        &self,
        gadget: &mut Gadget<'_, CS>,
        z: [Num; ARITY],
    ) -> State {
        let Work {
            header,
            secret,
            transitions,
        } = &*self.work;
        let mut state = State::from_array(z);
        let poll = gadget.scope("poll", |g| g.open_poll(header, secret, &state.poll));
        for transition in transitions {
            state = gadget.event(&self.shape, &poll, &state, transition);
        }
        gadget.scope("output", |g| {
            State::from_array(state.to_array().map(|element| g.materialize(element)))
        })
    }

    /// A step of events that are only claimed: nothing is checked but what the constraints check.
    /// For tests of what they refuse.
    pub fn from_claims(
        shape: Shape,
        header: &Header,
        secret: Scalar,
        transitions: Vec<Transition>,
    ) -> Self {
        StepCircuit {
            shape,
            work: Arc::new(Work {
                header: header.clone(),
                secret,
                transitions,
            }),
            prepared: None,
        }
    }

    /// The step with all its constraints and values, some hints replaced as in
    /// [`Gadget::with_replacements`].
    pub fn record(&self, replacements: &[(usize, Fr)]) -> Recording {
        self.record_into(Recorder::with_powers(), replacements)
    }

    /// The same without power rows.
    pub fn record_plain(&self, replacements: &[(usize, Fr)]) -> Recording {
        self.record_into(Recorder::default(), replacements)
    }

    fn record_into(&self, mut recorder: Recorder, replacements: &[(usize, Fr)]) -> Recording {
        let z = self.before().to_array().map(|value| {
            let variable = recorder
                .alloc_input(|| "z", || Ok(value))
                .expect("the closure that gives the value cannot fail");
            Num::from_variable(variable, value)
        });
        let mut gadget = Gadget::with_replacements(&mut recorder, replacements);
        let after = self.fill_events(&mut gadget, z).value();
        let hints = gadget.hints().to_vec();
        let violated = gadget.violated();
        Recording {
            recorder,
            after,
            hints,
            violated,
        }
    }

    /// The values alone, some hints replaced, numbered as [`StepCircuit::record`] numbers them;
    /// the state after, and the first constraint that the values violate.
    pub fn assignment(&self, replacements: &[(usize, Fr)]) -> Assignment {
        let mut cs = Values::with_powers();
        let z = self.before().to_array();
        let mut gadget = Gadget::with_replacements(&mut cs, replacements);
        let after = self.fill_events(&mut gadget, z.map(Num::from_value));
        let after = after.value();
        let violated = gadget.violated();
        let mut values = vec![Fr::ONE];
        values.extend(z);
        values.extend_from_slice(&cs.witness);
        Assignment {
            values,
            after,
            violated,
        }
    }

    /// Copies the prepared values, if they are of products only and start from `z`.
    fn copy_witness<CS: ConstraintSystem<Fr>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<Fr>],
    ) -> Option<Vec<AllocatedNum<Fr>>> {
        let prepared = self.prepared.as_ref().filter(|values| !values.has_powers());
        let witness = &prepared?.witness;
        let before = self.before().to_array();
        let starts_here = z
            .iter()
            .zip(before)
            .all(|(element, value)| element.get_value() == Some(value));
        if !cs.is_witness_generator() || !starts_here {
            return None;
        }
        let first = cs.aux_slice().len();
        cs.extend_aux(witness);
        let outputs = witness.len() - ARITY..witness.len();
        Some(
            outputs
                .map(|i| {
                    let variable = Variable::new_unchecked(Index::Aux(first + i));
                    AllocatedNum::from_parts(variable, Some(witness[i]))
                })
                .collect(),
        )
    }
}

fn check_events(
    shape: &Shape,
    header: &Header,
    transitions: &[Transition],
) -> Result<(), StepError> {
    shape.validate()?;
    if transitions.len() != shape.events_per_step {
        return Err(StepError::EventCount {
            expected: shape.events_per_step,
            found: transitions.len(),
        });
    }
    let header_fits = header.state_tree_depth == shape.state_depth
        && header.vote_option_tree_depth == shape.vote_depth;
    for (i, transition) in transitions.iter().enumerate() {
        let fits = header_fits
            && transition.state_path.siblings.len() == shape.state_depth
            && transition.vote_path.siblings.len() == shape.vote_depth
            && transition.tally_path.siblings.len() == shape.vote_depth;
        if !fits {
            return Err(StepError::Depth(i));
        }
        if i > 0 && transitions[i - 1].after != transition.before {
            return Err(StepError::NotConsecutive(i));
        }
    }
    Ok(())
}

impl StepFunction for StepCircuit {
    fn arity(&self) -> usize {
        ARITY
    }

    fn fill<CS: Constraints<Fr>>(&self, g: &mut Gadget<'_, CS>, z: &[Num]) -> Vec<Num> {
        if let Some(prepared) = &self.prepared {
            let before = self.before().to_array();
            let starts_here = z.iter().zip(before).all(|(z, before)| z.value() == before);
            if g.makes_values() && starts_here && g.append(prepared) {
                return self.after().to_array().map(Num::from_value).to_vec();
            }
        }
        let z = core::array::from_fn(|i| z[i].clone());
        self.fill_events(g, z).to_array().map(Clone::clone).to_vec()
    }

    fn prepared(&self) -> Option<&Values<Fr>> {
        self.prepared.as_deref()
    }
}

impl nova_snark::traits::circuit::StepCircuit<Fr> for StepCircuit {
    fn arity(&self) -> usize {
        ARITY
    }

    fn synthesize<CS: ConstraintSystem<Fr>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<Fr>],
    ) -> Result<Vec<AllocatedNum<Fr>>, SynthesisError> {
        if let Some(outputs) = self.copy_witness(cs, z) {
            return Ok(outputs);
        }
        let defaults = self.before().to_array();
        let mut inputs = Vec::with_capacity(ARITY);
        for (element, default) in z.iter().zip(defaults) {
            let value = element.get_value().unwrap_or(default);
            inputs.push(if cs.is_witness_generator() {
                Num::from_value(value)
            } else {
                Num::from_variable(element.get_variable(), value)
            });
        }
        let inputs: [Num; ARITY] = inputs
            .try_into()
            .map_err(|_| SynthesisError::IncompatibleLengthVector("z".into()))?;
        let after = self.fill_events(&mut Gadget::new(&mut Plain(cs)), inputs);
        // Without combinations the outputs are known by their place: the last eight variables.
        let end = cs.is_witness_generator().then(|| cs.aux_slice().len());
        after
            .to_array()
            .iter()
            .enumerate()
            .map(|(i, element)| {
                let variable = match (element.variable(), end) {
                    (Some(variable), _) => variable,
                    (None, Some(end)) => Variable::new_unchecked(Index::Aux(end - ARITY + i)),
                    (None, None) => return Err(SynthesisError::UnconstrainedVariable),
                };
                Ok(AllocatedNum::from_parts(variable, Some(element.value())))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
