//! A prover who leaves the honest path, for the tests of whatever takes over a proof.

use super::*;

impl IvcProof {
    /// One more step, by a prover who drops all that was proven before: he claims that the fold of
    /// the commitments is that to `w`, with the error that makes it satisfy the folded instance.
    ///
    /// The step's instance and the running one are satisfied and bound by their hashes. That the
    /// claim is false only the running CycleFold instance says, which is not satisfied.
    ///
    /// # Errors
    /// As [`IvcProof::next`]; [`EngineError::Vectors`] when `w` has another length than the
    /// circuit.
    pub fn next_from_nothing<C: StepCircuit<Fr>>(
        &self,
        engine: &PublicParams,
        circuit: &C,
        w: Secret<Fr>,
    ) -> Result<Self, EngineError> {
        let mut next = self.clone();
        let inputs = next.inputs(engine)?;
        let mut claim = next.fold_primary(engine)?;
        let running = &mut next.parts.running;
        let products = engine.primary.products(&w, &running.u, &running.x)?;
        let e = products.error(&running.u);
        let blind = Fr::random(&mut OsRng);
        running.commitment = engine.primary.commit(&w, &e, &blind);
        claim.sum = coordinates::<Primary>(&running.commitment);
        next.parts.running_witness = Witness { w, e, blind };
        next.products.0 = products;
        let (x, w, _) = cyclefold_witness(&claim);
        let inputs = next.fold_claim(engine, inputs, &claim, (&x, &w))?;
        let step = engine.step(&inputs, circuit)?.satisfied()?;
        next.follow(&inputs, step);
        Ok(next)
    }
}
