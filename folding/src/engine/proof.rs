//! The running proof: what it consists of, its next step, its verification and its encoding.

use super::*;

/// What a proof consists of, but for the witnesses on BN254.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// i, at least 1.
    pub(crate) steps: u64,
    pub(crate) z0: Vec<Fr>,
    /// z_i.
    pub(crate) z: Vec<Fr>,
    /// The salt of the last step's hash.
    pub(crate) salt: Fr,
    /// U.
    pub(crate) running: Accumulator,
    /// The public inputs that step i left.
    pub(crate) x: [Fr; PUBLIC_INPUTS],
    /// U_cf.
    pub(crate) cyclefold: Instance<Secondary>,
    /// W_cf.
    pub(crate) cyclefold_witness: Witness<Secondary>,
}

impl Parts {
    pub(crate) fn statement(&self) -> Statement<'_> {
        Statement {
            steps: self.steps,
            z0: &self.z0,
            z: &self.z,
        }
    }
}

/// A proof as it is saved.
#[derive(Serialize)]
struct Saved<'a> {
    parts: &'a Parts,
    /// W and its blinding.
    w: &'a Secret<Fr>,
    blind: Fr,
    /// The witness of step i.
    incoming: &'a Secret<Fr>,
}

/// The same when it is read.
#[derive(Deserialize)]
struct Loaded {
    parts: Parts,
    w: Secret<Fr>,
    blind: Fr,
    incoming: Secret<Fr>,
}

/// A proof of one step or more.
#[derive(Clone)]
pub struct IvcProof {
    pub(super) parts: Parts,
    /// W, with what the rows come to: folded along, since multiplying anew costs more.
    pub(super) opening: Opening,
    /// The witness of step i, with the same.
    pub(super) incoming: Values<Fr>,
    /// What has been committed to of it.
    pub(super) committed: Option<CommittedPart>,
    /// The CycleFold circuit's matrices times W_cf, folded along likewise.
    pub(super) products: Products<Secondary>,
}

impl fmt::Debug for IvcProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The witness is secret.
        f.debug_struct("IvcProof")
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

impl IvcProof {
    /// Proves the first step, from `z0`.
    ///
    /// # Errors
    /// [`EngineError::Unsatisfied`] when the step's own constraints do not hold.
    pub fn first<S: StepFunction>(
        engine: &PublicParams,
        function: &S,
        z0: &[Fr],
    ) -> Result<Self, EngineError> {
        let inputs = engine.first_inputs(z0);
        let step = engine.step(&inputs, function)?.satisfied()?;
        Self::begin(engine, &inputs, step)
    }

    /// The proof of a first step.
    pub(super) fn begin(
        engine: &PublicParams,
        inputs: &Inputs,
        step: Step,
    ) -> Result<Self, EngineError> {
        let (running, opening) = engine.primary.zero();
        let (cyclefold, cyclefold_witness) = engine.secondary.zero();
        let products = engine
            .secondary
            .running_products(&cyclefold, &cyclefold_witness)?;
        let parts = Parts {
            steps: 1,
            z0: inputs.z0.clone(),
            z: step.z,
            salt: inputs.next_salt,
            running,
            x: step.x,
            cyclefold,
            cyclefold_witness,
        };
        Ok(IvcProof {
            parts,
            opening,
            incoming: step.values,
            committed: None,
            products,
        })
    }

    /// Proves one more step; `self` stays as it is.
    ///
    /// # Errors
    /// As [`IvcProof::first`], and [`EngineError::Statement`] after
    /// [`MAX_STEPS`](crate::MAX_STEPS).
    pub fn next<S: StepFunction>(
        &self,
        engine: &PublicParams,
        function: &S,
    ) -> Result<Self, EngineError> {
        self.next_ahead(engine, function, None)
    }

    /// The same of a step function whose values have been committed to, by
    /// [`PublicParams::commit_ahead`].
    pub(crate) fn next_ahead<S: StepFunction>(
        &self,
        engine: &PublicParams,
        function: &S,
        committed: Option<CommittedPart>,
    ) -> Result<Self, EngineError> {
        if self.parts.steps >= MAX_STEPS {
            return Err(EngineError::Statement(
                "the number of steps is out of range",
            ));
        }
        let (mut next, folded) = self.folded(engine);
        let inputs = next.state(self.inputs(engine)?, engine, &folded)?;
        let step = engine.step(&inputs, function)?.satisfied()?;
        let committed = committed.filter(|_| step.appended);
        next.follow(&inputs, step);
        next.committed = committed;
        Ok(next)
    }

    /// Takes over the instance that a step leaves.
    pub(super) fn follow(&mut self, inputs: &Inputs, step: Step) {
        self.parts.steps += 1;
        self.parts.salt = inputs.next_salt;
        self.parts.z = step.z;
        self.parts.x = step.x;
        self.incoming = step.values;
        self.committed = None;
    }

    /// Folds the incoming instance into the running ones; returns what the next step's circuit is
    /// told of it.
    #[cfg(test)]
    pub(super) fn fold(&mut self, engine: &PublicParams) -> Result<Inputs, EngineError> {
        let inputs = self.inputs(engine)?;
        let folded = self.fold_primary(engine);
        self.state(inputs, engine, &folded)
    }

    /// States in a CycleFold instance what the folding of U claims, and folds it.
    fn state(
        &mut self,
        inputs: Inputs,
        engine: &PublicParams,
        folded: &Folded,
    ) -> Result<Inputs, EngineError> {
        let (values, violated) = cyclefold_values_of(&folded.claim);
        if let Some(constraint) = violated {
            return Err(EngineError::Unsatisfied(constraint));
        }
        self.fold_claim(engine, inputs, folded, &values)
    }

    /// What the next step's circuit is told, but for what the foldings bring.
    pub(super) fn inputs(&self, engine: &PublicParams) -> Result<Inputs, EngineError> {
        let Parts {
            steps,
            z0,
            z,
            salt,
            running,
            cyclefold,
            ..
        } = &self.parts;
        Ok(Inputs {
            step: *steps,
            z: z.clone(),
            salt: *salt,
            running: running_values(running),
            cyclefold: cyclefold_values(cyclefold)?,
            ..engine.first_inputs(z0)
        })
    }

    /// Folds the CycleFold instance of a claim, and puts both foldings into the inputs.
    pub(super) fn fold_claim(
        &mut self,
        engine: &PublicParams,
        mut inputs: Inputs,
        folded: &Folded,
        values: &Values<Fq>,
    ) -> Result<Inputs, EngineError> {
        let Folded { claim, messages } = folded;
        let commitment = self.fold_cyclefold(engine, claim, values)?;
        inputs.difference = claim.q;
        inputs.f.clone_from(&messages.f);
        inputs.k = messages.k;
        inputs.folded = claim.sum;
        inputs.cyclefold_commitment = coordinates::<Secondary>(&commitment);
        Ok(inputs)
    }

    /// Folds the last step's instance into U, in place.
    pub(super) fn fold_primary(&mut self, engine: &PublicParams) -> Folded {
        let (next, folded) = self.folded(engine);
        *self = next;
        folded
    }

    /// A proof with the last step's instance folded into U, and none in its place.
    fn folded(&self, engine: &PublicParams) -> (Self, Folded) {
        let Folding {
            messages,
            gamma_hash,
            folded,
            opening,
        } = self.last_folding(engine);
        let claim = Claim {
            challenge: Challenge::new(oracle::low_bits(gamma_hash)),
            p: coordinates::<Primary>(&self.parts.running.commitment),
            q: coordinates::<Primary>(&messages.difference),
            sum: coordinates::<Primary>(&folded.commitment),
        };
        let next = IvcProof {
            parts: Parts {
                running: folded,
                ..self.parts.clone()
            },
            opening,
            incoming: Values::default(),
            committed: None,
            products: self.products.clone(),
        };
        (next, Folded { claim, messages })
    }

    /// Folds a CycleFold instance into U_cf, with the challenge for `claim`; returns the commitment
    /// to its witness and cross term.
    pub(super) fn fold_cyclefold(
        &mut self,
        engine: &PublicParams,
        claim: &Claim,
        values: &Values<Fq>,
    ) -> Result<Commitment<Secondary>, EngineError> {
        let parts = &mut self.parts;
        let incoming = engine
            .secondary
            .incoming(&parts.cyclefold.u, &self.products, values)?;
        let bits = engine.cyclefold_challenge(&parts.x[1], claim, &incoming.commitment);
        let rho: Fq = cyclefold_multiplier(bits);
        parts.cyclefold = parts
            .cyclefold
            .fold(&rho, &values.inputs, &incoming.commitment);
        parts
            .cyclefold_witness
            .fold(&mut self.products, &rho, &values.witness, &incoming);
        Ok(incoming.commitment)
    }

    /// The state after the last step.
    pub fn z(&self) -> &[Fr] {
        &self.parts.z
    }

    /// The number of steps.
    pub fn steps(&self) -> u64 {
        self.parts.steps
    }

    /// What it proves.
    pub fn statement(&self) -> Statement<'_> {
        self.parts.statement()
    }

    /// The opening of the running commitment, and the witness of the last step, on BN254: secret.
    pub fn primary_witnesses(&self) -> (&Opening, &[Fr]) {
        (&self.opening, &self.incoming.witness)
    }

    /// The running CycleFold instance's witness: secret.
    pub fn cyclefold_witness(&self) -> &Witness<Secondary> {
        &self.parts.cyclefold_witness
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The last step's folding into U, which is left as it is.
    pub(crate) fn last_folding(&self, engine: &PublicParams) -> Folding {
        let parts = &self.parts;
        engine.fold_incoming(
            &parts.running,
            &self.opening,
            &parts.x,
            &self.incoming,
            self.committed.as_ref(),
        )
    }

    /// Checks the whole proof: the hashes that bind the statement and both running instances, and
    /// that all three instances are satisfied by their witnesses. Returns the state proven.
    ///
    /// # Errors
    /// [`EngineError::Statement`] or [`EngineError::Relation`] when it is false.
    pub fn verify(&self, engine: &PublicParams, z0: &[Fr]) -> Result<Vec<Fr>, EngineError> {
        let Parts {
            steps: _,
            z0: own_z0,
            z,
            salt,
            running,
            x,
            cyclefold,
            cyclefold_witness,
        } = &self.parts;
        if own_z0 != z0 {
            return Err(EngineError::Statement("it begins in another state"));
        }
        if engine.public_inputs(&self.parts.statement(), salt, running, cyclefold)? != *x {
            return Err(EngineError::Statement(
                "the last step has other public inputs than its statement has hashes",
            ));
        }
        engine
            .primary
            .check_incoming(x, &self.incoming.witness)
            .map_err(|error| EngineError::Relation("the last step", error))?;
        engine
            .primary
            .check(running, &self.opening)
            .map_err(|error| EngineError::Relation("the running instance", error))?;
        engine
            .secondary
            .check(cyclefold, cyclefold_witness)
            .map_err(|error| EngineError::Relation("the running CycleFold instance", error))?;
        Ok(z.clone())
    }

    /// Encodes the proof with its witness: secret.
    ///
    /// # Errors
    /// [`EngineError::Layout`] when these are not the sizes of its engine.
    pub fn encode(&self, sizes: &Sizes) -> Result<Zeroizing<Vec<u8>>, EngineError> {
        let saved = Saved {
            parts: &self.parts,
            w: &self.opening.values.witness,
            blind: self.opening.blind,
            incoming: &self.incoming.witness,
        };
        let library = Zeroizing::new(encode(&saved)?);
        Ok(layout(sizes).pack(&library)?.into())
    }

    /// Decodes; checks sizes and that every element and point is valid, not what they prove.
    ///
    /// # Errors
    /// [`EngineError::Layout`], [`EngineError::Encoding`].
    pub fn decode(engine: &PublicParams, bytes: &[u8]) -> Result<Self, EngineError> {
        let library = Zeroizing::new(layout(&engine.sizes()).unpack(bytes)?);
        let Loaded {
            parts,
            w,
            blind,
            incoming,
        } = decode(&library)?;
        Self::from_parts(engine, parts, (&w, blind), &incoming)
    }

    /// Bytes of [`IvcProof::encode`].
    pub fn encoded_size(sizes: &Sizes) -> usize {
        layout(sizes).packed_size()
    }

    /// A proof of these parts: W with its blinding, and the witness of step i.
    pub(super) fn from_parts(
        engine: &PublicParams,
        parts: Parts,
        (w, blind): (&[Fr], Fr),
        incoming: &[Fr],
    ) -> Result<Self, EngineError> {
        let opening = engine.primary.opening(w, &parts.running.x, blind)?;
        let incoming = engine.primary.opening(incoming, &parts.x, Fr::ZERO)?.values;
        let products = engine
            .secondary
            .running_products(&parts.cyclefold, &parts.cyclefold_witness)?;
        Ok(IvcProof {
            parts,
            opening,
            incoming,
            committed: None,
            products,
        })
    }
}

/// A folding of the last step, as the next step's circuit is told of it.
pub(super) struct Folded {
    /// What the CycleFold instance shall say.
    pub(super) claim: Claim,
    pub(super) messages: Messages,
}

/// The values of the CycleFold circuit for a claim, and the first constraint that they violate.
pub(super) fn cyclefold_values_of(claim: &Claim) -> (Values<Fq>, Option<&'static str>) {
    let mut values = Values::plain();
    let mut gadget = Gadget::new(&mut values);
    claim.fill(&mut gadget);
    let violated = gadget.violated();
    (values, violated)
}

/// The fields of [`Saved`], in order.
fn layout(sizes: &Sizes) -> Layout {
    let layout = Layout::default().counter();
    let layout = layout.vector(sizes.arity).vector(sizes.arity).elements(1);
    let layout = accumulator_layout(layout, sizes.t);
    let layout = layout.elements(PUBLIC_INPUTS);
    let layout = instance_layout(layout, cyclefold::PUBLIC_INPUTS);
    let layout = witness_layout(layout, sizes.variables.1, sizes.constraints.1);
    let layout = layout.vector(sizes.variables.0).elements(1);
    layout.vector(sizes.variables.0)
}

/// A running instance on BN254: commitment, x, beta, e.
fn accumulator_layout(layout: Layout, t: usize) -> Layout {
    layout.elements(1 + PUBLIC_INPUTS).vector(t).elements(1)
}

/// A witness on Grumpkin: W, E, the blinding.
fn witness_layout(layout: Layout, variables: usize, constraints: usize) -> Layout {
    layout.vector(variables).vector(constraints).elements(1)
}
