//! A prover who leaves the honest path, for the tests of whatever takes over a proof.

use super::proof::cyclefold_values_of;
use super::*;

impl IvcProof {
    /// One more step, by a prover who drops all that was proven before: he claims that the fold of
    /// the commitments is that to `w`, but for one variable of it, which he chooses so that the
    /// folded claim is true.
    ///
    /// The step's instance and the running one are satisfied and bound by their hashes. That the
    /// fold is not what he claims only the running CycleFold instance says, which is not satisfied.
    ///
    /// # Errors
    /// As [`IvcProof::next`]; [`EngineError::Vectors`] when `w` has another length than the
    /// circuit, or no variable of it can be chosen so.
    pub fn next_from_nothing<S: StepFunction>(
        &self,
        engine: &PublicParams,
        function: &S,
        w: Secret<Fr>,
    ) -> Result<Self, EngineError> {
        let mut next = self.clone();
        let inputs = next.inputs(engine)?;
        let mut folded = next.fold_primary(engine);
        let running = &mut next.parts.running;
        let w = engine.primary.solve(running, w)?;
        let blind = Fr::random(&mut OsRng);
        running.commitment = engine.primary.commit(&w, &blind);
        folded.claim.sum = coordinates::<Primary>(&running.commitment);
        next.opening = engine.primary.opening(&w, &running.x, blind)?;
        let (values, _) = cyclefold_values_of(&folded.claim);
        let inputs = next.fold_claim(engine, inputs, &folded, &values)?;
        let step = engine.step(&inputs, function)?.satisfied()?;
        next.follow(&inputs, step);
        Ok(next)
    }
}

impl RowRelation {
    /// `w` with one variable chosen anew, for which the claim is linear, so that it is true.
    pub(crate) fn solve(
        &self,
        accumulator: &Accumulator,
        mut w: Secret<Fr>,
    ) -> Result<Secret<Fr>, RelationError> {
        // The last ones are those of the last hashes, in which most are linear.
        for variable in (0..w.len()).rev() {
            let mut at = |value: Fr| -> Result<Fr, RelationError> {
                w[variable] = value;
                let opening = self.opening(&w, &accumulator.x, Fr::ZERO)?;
                Ok(claims::sum(&opening.values, &accumulator.beta) - accumulator.e)
            };
            let (zero, one, five) = (at(Fr::ZERO)?, at(Fr::ONE)?, at(Fr::from(5))?);
            let slope = one - zero;
            let linear = five == zero + slope * Fr::from(5);
            if let (true, Some(inverse)) = (linear, Option::<Fr>::from(slope.invert())) {
                w[variable] = -zero * inverse;
                return Ok(w);
            }
        }
        Err(RelationError::Unsatisfied)
    }
}
