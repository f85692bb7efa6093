//! The relation of a join: `protocol::membership` inside the circuit.
//!
//! Public inputs, in this order: root, nullifier, scope, binding. What they mean, and why a sign-up
//! gives at most one nullifier, is said in the protocol's module. What the circuit adds:
//! * the bits of s are those of an integer below ℓ. With s + ℓ, which has the same key and also
//!   fits into 251 bits, a key would have a second nullifier;
//! * the leaf is computed from s, never taken from outside, so no node can be given for one;
//! * the binding is squared. That says nothing about it, but makes it a variable that a constraint
//!   holds: an input without any could be dropped when keys are made, and would then bind nothing.
//!
//! The assignment is a function of the inputs, s and the path: no variable is free.

use maci_nova_protocol::babyjub::Scalar;
use maci_nova_protocol::lean_imt::Path;
use maci_nova_protocol::membership::{
    Binding, JoinStatement, MembershipError, Scope, Witness, LEAF_TAG,
};

use ff::Field;

use crate::babyjub::Point;
use crate::constraints::Constraints;
use crate::num::{Bit, Gadget, Num};
use crate::recording::Recording;
use crate::Fr;

/// Public inputs.
pub const INPUTS: usize = 4;

/// A statement and what it follows from.
#[derive(Clone, Debug)]
pub struct MembershipCircuit {
    statement: JoinStatement,
    witness: Witness,
}

impl MembershipCircuit {
    /// The circuit of a statement that follows from the witness.
    ///
    /// # Errors
    /// As [`JoinStatement::check`] gives them.
    pub fn prepare(statement: JoinStatement, witness: Witness) -> Result<Self, MembershipError> {
        statement.check(&witness)?;
        Ok(Self::from_claims(statement, witness))
    }

    /// The circuit of a statement that is only claimed: nothing is checked but what the constraints
    /// check. For tests of what they refuse.
    pub fn from_claims(statement: JoinStatement, witness: Witness) -> Self {
        MembershipCircuit { statement, witness }
    }

    /// A circuit of which only the constraints are wanted.
    pub fn blank() -> Self {
        let witness = Witness::of_scalar(Scalar::ONE, Path::default()).expect("no levels");
        let statement = witness.statement(Scope(Fr::ZERO), Binding(Fr::ZERO));
        Self::from_claims(statement, witness)
    }

    /// What is stated.
    pub fn statement(&self) -> &JoinStatement {
        &self.statement
    }

    /// Fills a constraint system that has no inputs yet.
    pub fn fill<CS: Constraints<Fr>>(&self, gadget: &mut Gadget<'_, CS>) {
        let inputs = self.statement.to_array();
        let [root, nullifier, scope, binding] = inputs.map(|value| gadget.alloc_input(value));
        let bits = gadget.scope("secret", |g| g.alloc_scalar(self.witness.secret()));
        let key = gadget.scope("key", |g| {
            let windows = g.scalar_windows(&bits);
            g.mul_base(&windows)
        });
        let leaf = gadget.scope("leaf", |g| g.sign_up_leaf(&key));
        let path = gadget.scope("levels", |g| g.alloc_lean_path(self.witness.path()));
        let reached = gadget.scope("path", |g| g.lean_root(&leaf, &path));
        gadget.enforce_equal("the key is in the tree", &reached, &root);
        let own = gadget.scope("nullifier", |g| g.nullifier(&bits, &scope));
        gadget.enforce_equal("the nullifier is the key's", &own, &nullifier);
        gadget.scope("binding", |g| g.mul(&binding, &binding));
    }

    /// The circuit with all its constraints and values, some hints replaced as in
    /// [`Gadget::with_replacements`].
    pub fn record(&self, replacements: &[(usize, Fr)]) -> Recording {
        Recording::of(replacements, |gadget| self.fill(gadget))
    }
}

impl<CS: Constraints<Fr>> Gadget<'_, CS> {
    /// The leaf of a key that signs up: `P3(2, key.x, key.y)`.
    pub fn sign_up_leaf(&mut self, key: &Point) -> Num {
        let tag = Num::constant(Fr::from(LEAF_TAG));
        self.hash([&tag, &key.x, &key.y])
    }

    /// `P2(s, scope)`; s below ℓ < r, so its bits make one element.
    pub fn nullifier(&mut self, secret: &[Bit], scope: &Num) -> Num {
        self.hash([&Num::from_bits_le(secret), scope])
    }
}
