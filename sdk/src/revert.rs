//! What contracts refuse, as sentences.

use maci_nova_chain::ChainError;
use maci_nova_contracts::alloy_primitives::Bytes;
use maci_nova_contracts::alloy_sol_types::{Panic, Revert, SolError, SolInterface};
use maci_nova_contracts::bindings::{
    BundleVerifier, ConstantInitialVoiceCreditProxy, DeciderVerifier, ExcubiaeGatekeeper,
    ExcubiaePolicy, FreeForAllGatekeeper, JoinVerifier, Poll, PollFactory, SampleToken,
    SignUpToken, SignUpTokenGatekeeper, VkRegistry, VotesInitialVoiceCreditProxy, MACI,
};

/// The error as a sentence; a contract's own error by its name and fields.
pub fn explain(error: &ChainError) -> String {
    match error {
        ChainError::Reverted { data, .. } => match name(data) {
            Some(name) => format!("the contract refuses with {name}"),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}

/// Whether a contract refuses because of the time or of what has yet to happen: the same goes well
/// once it has.
pub fn is_too_early(error: &ChainError) -> bool {
    matches!(
        error.revert(),
        Some(
            Poll::PollErrors::PollNotStarted(_)
                | Poll::PollErrors::PollNotEnded(_)
                | Poll::PollErrors::DeadlineNotReached(_)
                | Poll::PollErrors::NotFinalized(_)
                | Poll::PollErrors::NotAborted(_)
        )
    )
}

/// Reads revert data as the errors of one contract.
type Decoder = fn(&[u8]) -> Option<String>;

/// Errors of each of the contracts, and the two that the language has. (Contracts that call others
/// pass their errors on.)
macro_rules! decoders {
    ($($interface:ty),* $(,)?) => {
        [$(|data: &[u8]| <$interface>::abi_decode_validate(data).ok().map(|error| format!("{error:?}"))),*]
    };
}

/// The name and the fields of a contract's error, as Solidity writes them.
pub fn name(data: &Bytes) -> Option<String> {
    let decoders: [Decoder; 15] = decoders![
        Poll::PollErrors,
        MACI::MACIErrors,
        PollFactory::PollFactoryErrors,
        VkRegistry::VkRegistryErrors,
        DeciderVerifier::DeciderVerifierErrors,
        JoinVerifier::JoinVerifierErrors,
        BundleVerifier::BundleVerifierErrors,
        FreeForAllGatekeeper::FreeForAllGatekeeperErrors,
        SignUpTokenGatekeeper::SignUpTokenGatekeeperErrors,
        ExcubiaeGatekeeper::ExcubiaeGatekeeperErrors,
        ExcubiaePolicy::ExcubiaePolicyErrors,
        ConstantInitialVoiceCreditProxy::ConstantInitialVoiceCreditProxyErrors,
        VotesInitialVoiceCreditProxy::VotesInitialVoiceCreditProxyErrors,
        SignUpToken::SignUpTokenErrors,
        SampleToken::SampleTokenErrors,
    ];
    if let Some(debug) = decoders.iter().find_map(|decode| decode(data)) {
        return Some(plain(&debug));
    }
    if let Ok(revert) = Revert::abi_decode_validate(data) {
        return Some(format!("\"{}\"", revert.reason));
    }
    let panic = Panic::abi_decode_validate(data).ok()?;
    Some(format!("a panic ({panic})"))
}

/// From the debug form `PollEnded(PollEnded)` or `WrongFee(WrongFee { given: 1, due: 2 })`.
fn plain(debug: &str) -> String {
    let Some((name, rest)) = debug.split_once('(') else {
        return debug.to_owned();
    };
    let fields = rest.strip_suffix(')').unwrap_or(rest);
    let fields = fields.strip_prefix(name).unwrap_or(fields).trim();
    match fields {
        "" => name.to_owned(),
        fields => format!("{name} {fields}"),
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_contracts::alloy_primitives::U256;

    use super::*;

    fn reverted(data: Vec<u8>) -> ChainError {
        ChainError::Reverted {
            data: data.into(),
            gas_used: None,
        }
    }

    #[test]
    fn errors_have_their_names_and_fields() {
        let text = explain(&reverted(Poll::PollEnded {}.abi_encode()));
        assert_eq!(text, "the contract refuses with PollEnded");
        let error = Poll::WrongFee {
            given: U256::from(1),
            due: U256::from(2),
        };
        let text = explain(&reverted(error.abi_encode()));
        assert!(text.ends_with("WrongFee { given: 1, due: 2 }"), "{text}");
        let error = SignUpTokenGatekeeper::NotTokenOwner {
            tokenId: U256::from(7),
        };
        let text = explain(&reverted(error.abi_encode()));
        assert!(text.contains("NotTokenOwner { tokenId: 7 }"), "{text}");
    }

    #[test]
    fn what_is_too_early_goes_well_later() {
        for data in [
            Poll::PollNotStarted {}.abi_encode(),
            Poll::PollNotEnded {}.abi_encode(),
            Poll::DeadlineNotReached {}.abi_encode(),
            Poll::NotFinalized {}.abi_encode(),
            Poll::NotAborted {}.abi_encode(),
        ] {
            assert!(is_too_early(&reverted(data)));
        }
        for data in [
            Poll::PollEnded {}.abi_encode(),
            Poll::DeadlinePassed {}.abi_encode(),
            Poll::AlreadyAborted {}.abi_encode(),
            vec![],
        ] {
            assert!(!is_too_early(&reverted(data)));
        }
    }

    #[test]
    fn the_languages_own_errors() {
        let error = Revert::from("no");
        let text = explain(&reverted(error.abi_encode()));
        assert!(text.ends_with("\"no\""), "{text}");
        let error = Panic::from(0x11);
        let text = explain(&reverted(error.abi_encode()));
        assert!(text.contains("panic"), "{text}");
    }

    #[test]
    fn what_no_contract_says() {
        for data in [vec![], vec![1], vec![1, 2, 3, 4]] {
            let error = reverted(data);
            assert_eq!(explain(&error), error.to_string());
        }
    }
}
