//! What a voter proves to join a poll: "I know the scalar of a signed-up key under this root; this
//! is its nullifier for this poll; and I join on these terms".
//!
//! With s the secret scalar of the key that signed up, as a canonical integer below l:
//! ```text
//! key       = s B8
//! leaf      = P3(2, key.x, key.y), in a LeanIMT with this root, at most 32 siblings above it
//! nullifier = P2(s, scope)
//! scope     = keccak256(abi.encode(chainId, MACI address, pollId)) mod r
//! binding   = keccak256(abi.encode(
//!     chainId, poll address, pollKey.x, pollKey.y, sender, keccak256(creditData), minCredits)) mod r
//! ```
//! The binding enters no relation; a proof is one for its binding only, so it can neither be taken
//! over by another sender or poll key nor be spent on other credits, nor on fewer than its maker
//! wants.
//!
//! # One nullifier a sign-up
//!
//! The contract takes any point of the curve for a key: it cannot know whether somebody knows its
//! scalar. So the two elements of a leaf's preimage are chosen freely but for the curve's equation,
//! and **a leaf P2(x, y) would be a node**. Let R be the root of a tree of a thousand keys of one's
//! own. For half of all R there is a y with (R, y) on the curve. Sign that point up: its leaf P2(R,
//! y) is the node with the children R and y, so each of the thousand keys has a path to the root,
//! through the tree of R, then y, then the path of the one sign-up: a thousand nullifiers. No
//! scalar of (R, y) is needed, and a leaf of several nested P2 with a constant is no help, since
//! its inner hashes are nodes too.
//!
//! `P3(2, x, y)` is another permutation (four words, its own constants and matrix), and closes it.
//! Take an accepted path and descend from the root, beside the honest tree of the sign-ups. While
//! the honest node is an inner one, its children are the path's, or P2 has a collision. So the
//! descent comes to where one of the two ends:
//! * both end: the path's leaf is the leaf of a sign-up, so the key is the signed-up key (or P3 has
//!   a collision);
//! * the path goes on below a sign-up's leaf: `P2(a, b) = P3(2, x, y)` for elements that somebody
//!   chose;
//! * the path ends at an inner node: the same equation, with the path's key as (x, y).
//!
//! The last two need an element that is an image of two unrelated functions, by a birthday search
//! of about 2^127 hashes like any other collision. Levels at which a node is carried up change no
//! value and are no choice. The key has one scalar below l, the scalar one nullifier in a scope,
//! and the tree refuses a second leaf of one key. So a sign-up gives at most one nullifier a poll:
//! one if somebody knows its scalar, none for a key such as (R, y) or one with a part of low order,
//! which is no multiple of B8.
//!
//! The scalar 0 is not excluded. It belongs to the neutral element (0, 1), which anybody may sign
//! up and everybody can then join with, once a poll: as if the key's owner had published its
//! scalar.
//!
//! # What a nullifier tells
//!
//! Polls and deployments have different scopes, and nobody without s can tell two nullifiers of one
//! key from those of two. Who learns s later can compute all of them.

use crate::babyjub::{Point, Scalar};
use crate::field::Fr;
use crate::keys::PrivateKey;
use crate::lean_imt::Path;
use crate::poseidon::hash;
use crate::words::{digest, element, integer, reduce, WORD};
use sha3::{Digest, Keccak256};
use std::fmt;
use zeroize::Zeroizing;

/// Most levels of a path, and the most siblings that it may have.
pub const MAX_DEPTH: usize = 32;

/// First element of a leaf's preimage. (`P3(1, ..)` is the digest of a top-up.)
pub const LEAF_TAG: u64 = 2;

/// The leaf of a key that signs up: `P3(2, key.x, key.y)`.
pub fn leaf(key: &Point) -> Fr {
    hash(&[Fr::from(LEAF_TAG), key.x, key.y])
}

/// An account or a contract: 20 bytes, as they are written in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// Left-padded with zeros.
    pub(crate) fn word(&self) -> [u8; WORD] {
        let mut word = [0; WORD];
        word[WORD - 20..].copy_from_slice(&self.0);
        word
    }
}

/// Where a nullifier is used: a poll of one contract on one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(pub Fr);

impl Scope {
    /// `keccak256(abi.encode(chainId, MACI address, pollId)) mod r`.
    pub fn new(chain_id: u64, maci: &Address, poll_id: u64) -> Self {
        Scope(digest(&[integer(chain_id), maci.word(), integer(poll_id)]))
    }
}

/// What a key leaves behind when it joins a poll, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nullifier(pub Fr);

impl Nullifier {
    /// `P2(secret, scope)`, the secret as an integer in [0, l).
    pub fn new(secret: &Scalar, scope: &Scope) -> Self {
        Nullifier(hash(&[integer_of(secret), scope.0]))
    }
}

/// The terms of a join, all of which its proof is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// The chain's id.
    pub chain_id: u64,
    /// The poll's contract.
    pub poll: Address,
    /// The voter's first key in the poll.
    pub poll_key: Point,
    /// Who sends the transaction, whose credits are read.
    pub sender: Address,
    /// What the transaction passes on to the contract that gives credits.
    pub credit_data: &'a [u8],
    /// The poll refuses the join if that contract gives fewer credits.
    pub min_credits: u64,
}

/// The digest of the [`Terms`] of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binding(pub Fr);

impl Binding {
    /// `keccak256(abi.encode(chainId, poll, pollKey.x, pollKey.y, sender, keccak256(creditData),
    /// minCredits)) mod r`.
    pub fn new(terms: &Terms<'_>) -> Self {
        Binding(digest(&[
            integer(terms.chain_id),
            terms.poll.word(),
            element(&terms.poll_key.x),
            element(&terms.poll_key.y),
            terms.sender.word(),
            Keccak256::digest(terms.credit_data).into(),
            integer(terms.min_credits),
        ]))
    }
}

/// What a proof of membership states: its public inputs, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinStatement {
    /// Root of the tree of sign-ups, of any time.
    pub root: Fr,
    /// The nullifier.
    pub nullifier: Nullifier,
    /// The poll.
    pub scope: Scope,
    /// The terms.
    pub binding: Binding,
}

/// What the prover knows: the key's scalar, wiped when dropped, and where its leaf is.
#[derive(Clone)]
pub struct Witness {
    secret: Zeroizing<Scalar>,
    path: Path,
}

/// Why a statement does not follow from a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// The path has more levels than the relation.
    #[error("a path of {0} levels, more than {MAX_DEPTH}")]
    Depth(usize),
    /// The path from the key's leaf leads to another root.
    #[error("the key is not in the tree with this root at this path")]
    Root,
    /// The nullifier is not that of the key in this scope.
    #[error("the nullifier is not that of the key in this poll")]
    Nullifier,
}

impl Witness {
    /// The witness of a private key whose leaf has this path.
    ///
    /// # Errors
    /// [`MembershipError::Depth`].
    pub fn new(key: &PrivateKey, path: Path) -> Result<Self, MembershipError> {
        Self::of_scalar(key.secret_scalar(), path)
    }

    /// The witness of a secret scalar.
    ///
    /// # Errors
    /// [`MembershipError::Depth`].
    pub fn of_scalar(secret: Scalar, path: Path) -> Result<Self, MembershipError> {
        let secret = Zeroizing::new(secret);
        match path.levels.len() {
            0..=MAX_DEPTH => Ok(Witness { secret, path }),
            depth => Err(MembershipError::Depth(depth)),
        }
    }

    /// The secret scalar.
    pub fn secret(&self) -> &Scalar {
        &self.secret
    }

    /// The path of the key's leaf, at most [`MAX_DEPTH`] levels.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What can be stated: the root is the one that the path leads to.
    pub fn statement(&self, scope: Scope, binding: Binding) -> JoinStatement {
        let bytes = Zeroizing::new(self.secret.to_bytes());
        JoinStatement {
            root: self.path.root(leaf(&Point::mul_base8(&bytes))),
            nullifier: Nullifier::new(&self.secret, &scope),
            scope,
            binding,
        }
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Witness(hidden)")
    }
}

impl JoinStatement {
    /// Whether the statement follows from the witness: what a proof proves.
    ///
    /// # Errors
    /// [`MembershipError::Root`] or [`MembershipError::Nullifier`].
    pub fn check(&self, witness: &Witness) -> Result<(), MembershipError> {
        let honest = witness.statement(self.scope, self.binding);
        if honest.root != self.root {
            return Err(MembershipError::Root);
        }
        if honest.nullifier != self.nullifier {
            return Err(MembershipError::Nullifier);
        }
        Ok(())
    }

    /// The public inputs in order.
    pub fn to_array(&self) -> [Fr; 4] {
        [self.root, self.nullifier.0, self.scope.0, self.binding.0]
    }
}

/// The integer in [0, l) of a scalar, as an element: l is below r.
fn integer_of(scalar: &Scalar) -> Fr {
    let bytes = Zeroizing::new(scalar.to_bytes());
    reduce(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjub::SUBGROUP_ORDER;
    use crate::lean_imt::{LeanImt, Level};
    use ff::Field;
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    fn scalar(value: u64) -> Scalar {
        Scalar::from(value)
    }

    fn key(secret: &Scalar) -> Point {
        Point::mul_base8(&secret.to_bytes())
    }

    fn terms(secret: u64) -> (Scope, Binding) {
        (Scope(Fr::from(secret)), Binding(Fr::from(secret + 1)))
    }

    #[test]
    fn every_member_of_a_tree_has_a_statement() {
        let secrets: Vec<Scalar> = (0..9).map(scalar).collect();
        let mut tree = LeanImt::new();
        for secret in &secrets {
            tree.insert(leaf(&key(secret))).unwrap();
        }
        let (scope, binding) = terms(5);
        for (i, secret) in secrets.iter().enumerate() {
            let path = tree.path(i).unwrap();
            let witness = Witness::of_scalar(*secret, path).unwrap();
            let statement = witness.statement(scope, binding);
            assert_eq!(Some(statement.root), tree.root());
            assert_eq!(statement.check(&witness), Ok(()));
            let other = Witness::of_scalar(secrets[(i + 1) % 9], tree.path(i).unwrap()).unwrap();
            assert_eq!(statement.check(&other), Err(MembershipError::Root));
            let mut false_one = statement;
            false_one.scope = Scope(Fr::from(6));
            assert_eq!(false_one.check(&witness), Err(MembershipError::Nullifier));
        }
    }

    #[test]
    fn at_most_32_levels() {
        let level = Level {
            sibling: Fr::ONE,
            is_right: false,
        };
        let path = |depth| Path {
            levels: vec![level; depth],
        };
        assert!(Witness::of_scalar(scalar(1), path(32)).is_ok());
        let refused = Witness::of_scalar(scalar(1), path(33));
        assert_eq!(refused.unwrap_err(), MembershipError::Depth(33));
    }

    #[test]
    fn every_term_is_bound() {
        let terms = Terms {
            chain_id: 1,
            poll: Address([1; 20]),
            poll_key: Point::base8(),
            sender: Address([2; 20]),
            credit_data: &[1, 2, 3],
            min_credits: 5,
        };
        let binding = Binding::new(&terms);
        let moved = Point {
            x: terms.poll_key.x,
            y: -terms.poll_key.y,
        };
        let others = [
            Terms {
                chain_id: 2,
                ..terms
            },
            Terms {
                poll: terms.sender,
                ..terms
            },
            Terms {
                poll_key: moved,
                ..terms
            },
            Terms {
                sender: terms.poll,
                ..terms
            },
            Terms {
                credit_data: &[1, 2],
                ..terms
            },
            Terms {
                min_credits: 4,
                ..terms
            },
        ];
        for other in others {
            assert_ne!(Binding::new(&other), binding, "{other:?}");
        }
        let scope = Scope::new(1, &terms.poll, 3);
        assert_ne!(Scope::new(2, &terms.poll, 3), scope);
        assert_ne!(Scope::new(1, &terms.sender, 3), scope);
        assert_ne!(Scope::new(1, &terms.poll, 4), scope);
    }

    /// Keys of one's own, and a point whose x is the root of their tree. Gives the point, and for
    /// each key its path up to a leaf of that point, as if that leaf were a node.
    fn subtree(leaf_of: fn(&Point) -> Fr) -> (Point, Vec<(Scalar, Path)>) {
        for first in 1000.. {
            let secrets: Vec<Scalar> = (first..first + 8).map(scalar).collect();
            let mut tree = LeanImt::new();
            for secret in &secrets {
                tree.insert(leaf_of(&key(secret))).unwrap();
            }
            let x = tree.root().unwrap();
            // y^2 = (1 - a x^2) / (1 - d x^2)
            let (a, d) = (Fr::from(168_700), Fr::from(168_696));
            let inverse = (Fr::ONE - d * x.square()).invert().unwrap();
            let y: Option<Fr> = ((Fr::ONE - a * x.square()) * inverse).sqrt().into();
            let Some(y) = y else { continue };
            let level = Level {
                sibling: y,
                is_right: false,
            };
            let paths = secrets.into_iter().enumerate().map(|(i, secret)| {
                let mut path = tree.path(i).unwrap();
                path.levels.push(level);
                (secret, path)
            });
            return (Point { x, y }, paths.collect());
        }
        unreachable!("half of all x are on the curve")
    }

    /// The attack of the module's documentation: one sign-up, eight members. It works for leaves
    /// that look like nodes and not for these.
    #[test]
    fn a_tree_signed_up_as_one_key() {
        let like_nodes: fn(&Point) -> Fr = |key| hash(&[key.x, key.y]);
        for (leaf_of, works) in [(like_nodes, true), (leaf as fn(&Point) -> Fr, false)] {
            let (point, members) = subtree(leaf_of);
            assert!(crate::keys::PublicKey::new(point).is_ok(), "can sign up");
            let mut tree = LeanImt::new();
            for other in 1..4 {
                tree.insert(leaf_of(&key(&scalar(other)))).unwrap();
            }
            let index = tree.insert(leaf_of(&point)).unwrap();
            let above = tree.path(index).unwrap();
            for (secret, mut path) in members {
                path.levels.extend_from_slice(&above.levels);
                let reached = path.root(leaf_of(&key(&secret)));
                assert_eq!(Some(reached) == tree.root(), works);
                // Without the level of y: the root of the eight as an inner node, or as a leaf.
                path.levels.remove(3);
                assert_ne!(Some(path.root(leaf_of(&key(&secret)))), tree.root());
            }
        }
    }

    /// s and s + l have one key; the type holds the smaller only.
    #[test]
    fn a_scalar_is_below_the_order() {
        assert_eq!(Scalar::from_bytes(&SUBGROUP_ORDER), None);
        assert_eq!(key(&scalar(0)), Point::IDENTITY);
        assert_eq!(Point::mul_base8(&SUBGROUP_ORDER), Point::IDENTITY);
    }

    #[test]
    fn debug_hides_the_witness() {
        let private = PrivateKey::random(&mut ChaCha20Rng::seed_from_u64(1));
        let witness = Witness::new(&private, Path::default()).unwrap();
        assert_eq!(format!("{witness:?}"), "Witness(hidden)");
        assert_eq!(*witness.secret(), private.secret_scalar());
    }
}
