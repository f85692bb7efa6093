//! What a deployment's verifiers say of their keys, what names the keys, and which keys are relied on.
//!
//! That keys are a ceremony's, nothing tells but the ceremony: a file or a contract can say so of any key. So production takes
//! the keys with the digest that somebody names who has verified the ceremony, and no others.

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::{keccak256, Address, B256};
use maci_nova_contracts::alloy_sol_types::SolValue;
use maci_nova_contracts::bindings::DeciderVerifier::{self, VerifyingKey};
use maci_nova_contracts::bindings::{BundleVerifier, JoinVerifier};
use maci_nova_contracts::groth16::{key_of_bundles, KeyWords};

#[cfg(any(feature = "operator", feature = "verify"))]
use crate::code::{check_poll, Comparison, System};
use crate::error::Error;
use crate::hint::Hint;
use crate::poll::contract::view;
#[cfg(any(feature = "operator", feature = "verify"))]
use crate::poll::contract::PollContract;
use crate::poll::file::Contracts;

/// Said of the key of the final proof.
pub(crate) const DECIDER: &str =
    "the verifier's key was made without a ceremony: whoever made it can prove any results";

/// Said of the key of join proofs.
pub(crate) const JOIN: &str =
    "the join verifier's key was made without a ceremony: whoever made it can join at will";

/// Said of the key of bundles.
pub(crate) const BUNDLE: &str =
    "the bundle verifier's key was made without a ceremony: whoever made it can publish messages that nobody sees";

/// Why a deployment's polls show nothing to those who do not trust whoever made its keys, as far as
/// its verifiers say so; `None` if they do not, which means little: see [`KeyPolicy`].
///
/// # Errors
/// [`Error::Chain`] if the chain does not answer, or there are no verifiers.
pub fn insecure<C: Chain + ?Sized>(
    chain: &C,
    contracts: &Contracts,
) -> Result<Option<&'static str>, Error> {
    let (decider, join) = (contracts.decider_verifier, contracts.join_verifier);
    let call = DeciderVerifier::DEVELOPMENTCall {};
    if view(chain, decider.address, &call, "read the verifier")? {
        return Ok(Some(DECIDER));
    }
    let call = JoinVerifier::DEVELOPMENTCall {};
    if view(chain, join.address, &call, "read the join verifier")? {
        return Ok(Some(JOIN));
    }
    let (bundle, call) = (
        contracts.bundle_verifier,
        BundleVerifier::DEVELOPMENTCall {},
    );
    let bundles = view(chain, bundle.address, &call, "read the bundle verifier")?;
    Ok(bundles.then_some(BUNDLE))
}

/// The keys of the verifiers of join proofs and of bundles.
///
/// # Errors
/// [`Error::Chain`] if the chain does not answer, or there are no verifiers.
pub fn plain_keys<C: Chain + ?Sized>(
    chain: &C,
    join: Address,
    bundle: Address,
) -> Result<[KeyWords; 2], Error> {
    let call = JoinVerifier::verifyingKeyCall {};
    let joins = view(chain, join, &call, "read the join verifier")?;
    let call = BundleVerifier::verifyingKeyCall {};
    let bundles = view(chain, bundle, &call, "read the bundle verifier")?;
    Ok([joins, key_of_bundles(&bundles)])
}

/// Which keys are relied on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyPolicy {
    /// Only a ceremony's keys.
    pub production: bool,
    /// Only those with this [digest], from somebody who has verified the ceremony.
    pub digest: Option<B256>,
}

impl KeyPolicy {
    /// Whether keys that [`check`](Self::check) lets pass are known to be those that somebody has named.
    pub fn is_known(&self) -> bool {
        self.digest.is_some()
    }

    /// Whether keys are only taken that are there, and say they are a ceremony's: none is made in the place of named ones.
    pub fn takes_ceremonies_alone(&self) -> bool {
        self.production || self.is_known()
    }

    /// What can be told before there are keys to check.
    ///
    /// # Errors
    /// [`Error::InsecureKeys`] in production, where nobody has named the keys.
    pub fn require_digest(&self) -> Result<(), Error> {
        match (self.production, self.digest) {
            (true, None) => {
                let unknown =
                    Error::InsecureKeys("it is not known which keys are the ceremony's".into());
                Err(unknown.with_hint(Hint::KeyDigest))
            }
            _ => Ok(()),
        }
    }

    /// Whether keys with a digest may be relied on, `insecure` being what is known against them.
    ///
    /// # Errors
    /// [`Error::OtherKeys`] for others than the named ones; [`Error::InsecureKeys`] in production.
    pub fn check(&self, found: B256, insecure: Option<&str>) -> Result<(), Error> {
        if self.digest.is_some_and(|digest| digest != found) {
            return Err(Error::OtherKeys(found));
        }
        match insecure {
            Some(reason) if self.production => Err(Error::InsecureKeys(reason.into())),
            _ => self.require_digest(),
        }
    }
}

/// What is known of a deployment whose verifiers' keys a policy lets pass.
#[cfg(any(feature = "operator", feature = "verify"))]
#[derive(Clone, Copy, Debug)]
pub struct CheckedKeys {
    /// Why they are INSECURE, where the policy allows it and the verifiers say so.
    pub insecure: Option<&'static str>,
    /// What MACI stands on, where keys had to be named ones and all code was compared.
    system: Option<System>,
}

#[cfg(any(feature = "operator", feature = "verify"))]
impl CheckedKeys {
    /// Where the code of the deployment was compared, checks that a poll of it is a clone of the compiled contract, made by its
    /// factory with what it says of itself: it is what asks the verifiers.
    ///
    /// # Errors
    /// [`Error::OnChain`] if it is another one; [`Error::Chain`] if the chain does not answer.
    pub fn check_poll<C: Chain + ?Sized>(
        &self,
        chain: &C,
        poll: &PollContract,
    ) -> Result<(), Error> {
        match &self.system {
            Some(system) => check_poll(chain, poll, system),
            None => Ok(()),
        }
    }
}

/// Checks the keys of a deployment's verifiers. Where they have to be named ones, the code of all verifiers, of MACI and of what it
/// stands on is compared with the compiled contracts': another one could say that it has any key, and accept any proof.
///
/// # Errors
/// As [`KeyPolicy::check`]; [`Error::OnChain`] for contracts of other code, or that do not belong together; [`Error::Chain`] if the
/// chain does not answer.
#[cfg(any(feature = "operator", feature = "verify"))]
pub fn check<C: Chain + ?Sized>(
    chain: &C,
    contracts: &Contracts,
    policy: &KeyPolicy,
) -> Result<CheckedKeys, Error> {
    let reason = insecure(chain, contracts)?;
    if let (Some(reason), true) = (reason, policy.production) {
        return Err(Error::InsecureKeys(reason.into()));
    }
    policy.require_digest()?;
    let mut checked = CheckedKeys {
        insecure: reason,
        system: None,
    };
    if policy.is_known() {
        let mut comparison = Comparison::new(chain)?;
        let system = comparison.deployment(contracts)?;
        let plain = plain_keys(chain, system.join_verifier, system.bundle_verifier)?;
        let decider = comparison.decider_verifier(contracts.decider_verifier.address)?;
        policy.check(digest(&decider, &plain), reason)?;
        checked.system = Some(system);
    }
    Ok(checked)
}

/// keccak256 of all three verifying keys, the decider's and those of joins and bundles, each encoded as its contract's constructor
/// takes it: what a ceremony's keys are known by. Of the decider's alone it would say nothing of who can join, or of what counts.
pub fn digest(decider: &VerifyingKey, [join, bundle]: &[KeyWords; 2]) -> B256 {
    keccak256([decider.abi_encode(), join.abi_encode(), bundle.abi_encode()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    fn policy(production: bool, digest: Option<B256>) -> KeyPolicy {
        KeyPolicy { production, digest }
    }

    #[test]
    fn production_takes_the_keys_that_somebody_names() {
        let (ours, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let secure = |policy: KeyPolicy| policy.check(ours, None);
        assert!(secure(policy(true, Some(ours))).is_ok());
        assert!(secure(policy(false, Some(ours))).is_ok());
        assert!(secure(policy(false, None)).is_ok());
        let unknown = secure(policy(true, None)).unwrap_err();
        assert!(matches!(unknown.without_hint(), Error::InsecureKeys(_)));
        assert_eq!(unknown.hint(), Some(&Hint::KeyDigest));
        for production in [true, false] {
            let named = secure(policy(production, Some(other)));
            assert!(matches!(named, Err(Error::OtherKeys(found)) if found == ours));
        }
        // Keys that say they are for development are so, whoever names them.
        let insecure = |policy: KeyPolicy| policy.check(ours, Some("one machine's"));
        assert!(insecure(policy(false, Some(ours))).is_ok());
        let refused = insecure(policy(true, Some(ours)));
        assert!(matches!(refused, Err(Error::InsecureKeys(_))));
    }

    #[test]
    fn deployed_keys_are_those_that_somebody_names() {
        let world = World::new();
        let contracts = &world.file.contracts;
        let plain = plain_keys(
            &world.evm,
            contracts.join_verifier.address,
            contracts.bundle_verifier.address,
        );
        let plain = plain.unwrap();
        let decider = DeciderVerifier::verifyingKeyCall {};
        let decider = view(&world.evm, contracts.decider_verifier.address, &decider, "").unwrap();
        let known = digest(&decider, &plain);
        let checked = |policy: KeyPolicy| check(&world.evm, contracts, &policy);
        assert_eq!(
            checked(policy(false, None)).unwrap().insecure,
            Some(DECIDER)
        );
        assert_eq!(
            checked(policy(false, Some(known))).unwrap().insecure,
            Some(DECIDER)
        );
        let other = checked(policy(false, Some(B256::ZERO)));
        assert!(matches!(other, Err(Error::OtherKeys(found)) if found == known));
        let refused = checked(policy(true, Some(known)));
        assert!(matches!(refused, Err(Error::InsecureKeys(_))));
    }

    /// A contract that says it has the key that somebody names may accept any proof.
    #[test]
    fn code_is_compared_where_keys_are_named() {
        let mut world = World::new();
        let contracts = world.file.contracts;
        let plain = plain_keys(
            &world.evm,
            contracts.join_verifier.address,
            contracts.bundle_verifier.address,
        );
        let plain = plain.unwrap();
        let decider = DeciderVerifier::verifyingKeyCall {};
        let decider = view(&world.evm, contracts.decider_verifier.address, &decider, "").unwrap();
        let named = policy(false, Some(digest(&decider, &plain)));
        for changed in [
            contracts.decider_verifier,
            contracts.join_verifier,
            contracts.bundle_verifier,
            contracts.maci,
            contracts.registry,
        ] {
            let honest = world.evm.code(changed.address).unwrap();
            // It does the same, to begin with.
            let other = [&honest[..], &[0]].concat();
            world.evm.set_code(changed.address, other.into());
            let refused = check(&world.evm, &contracts, &named);
            assert!(
                matches!(&refused, Err(Error::OnChain(text)) if text.contains("compiled")),
                "{refused:?}"
            );
            check(&world.evm, &contracts, &policy(false, None)).unwrap();
            world.evm.set_code(changed.address, honest);
            check(&world.evm, &contracts, &named).unwrap();
        }
        // Verifiers of the right code and key that MACI does not ask.
        let mut elsewhere = contracts;
        elsewhere.join_verifier = contracts.decider_verifier;
        let refused = check(&world.evm, &elsewhere, &named);
        assert!(refused.is_err());
    }

    #[test]
    fn verifiers_say_that_their_keys_are_for_development() {
        let world = World::new();
        let reason = insecure(&world.evm, &world.file.contracts).unwrap();
        assert_eq!(reason, Some(DECIDER));
        // Where they are said to be other contracts, that is an error and not a "no".
        let mut contracts = world.file.contracts;
        contracts.decider_verifier = contracts.maci;
        insecure(&world.evm, &contracts).unwrap_err();
    }
}
