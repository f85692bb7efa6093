//! What the contracts need of a chain, asked before anything is paid.

use alloy_primitives::{hex, Bytes};
use maci_nova_chain::{Chain, ChainError};

/// Something that a chain has to have, and code that returns 1 where it has.
struct Requirement {
    name: &'static str,
    code: &'static [u8],
}

/// `mstore(0, 1) return(0, 32)`, with instructions that every EVM has.
const ONE: &[u8] = &hex!("600160005260206000f3");

const REQUIREMENTS: [Requirement; 6] = [
    Requirement {
        name: "the instruction PUSH0 (Shanghai)",
        code: &hex!("5f50600160005260206000f3"),
    },
    Requirement {
        name: "the instruction MCOPY (Cancun)",
        code: &hex!("6000600060005e600160005260206000f3"),
    },
    // tstore(0, 1) mstore(0, tload(0)) return(0, 32)
    Requirement {
        name: "transient storage (Cancun)",
        code: &hex!("600160005d60005c60005260206000f3"),
    },
    // (1, 2) at 0; staticcall(6, 0..128, 128..192) pop return(128, 32): (1, 2) + 0
    Requirement {
        name: "the precompile of additions on BN254",
        code: &hex!("60016000526002602052604060806080600060065afa5060206080f3"),
    },
    // (1, 2) at 0, 1 at 64; staticcall(7, 0..96, 128..192) pop return(128, 32): 1 (1, 2)
    Requirement {
        name: "the precompile of multiplications on BN254",
        code: &hex!("600160005260026020526001604052604060806060600060075afa5060206080f3"),
    },
    // staticcall(8, 0..0, 0..32) pop return(0, 32): the empty product is 1
    Requirement {
        name: "the precompile of pairings on BN254",
        code: &hex!("602060006000600060085afa5060206000f3"),
    },
];

/// What a chain lacks of that which the contracts need; nothing too if it cannot be asked.
///
/// # Errors
/// [`ChainError::Transport`].
pub fn lacking<C: Chain + ?Sized>(chain: &C) -> Result<Option<&'static str>, ChainError> {
    // A node that runs no code without a transaction, or in a way of its own, tells nothing.
    if !holds(chain, ONE)? {
        return Ok(None);
    }
    for requirement in &REQUIREMENTS {
        // Whether it is that, and not the node's limit on questions.
        if !holds(chain, requirement.code)? && holds(chain, ONE)? {
            return Ok(Some(requirement.name));
        }
    }
    Ok(None)
}

fn holds<C: Chain + ?Sized>(chain: &C, code: &'static [u8]) -> Result<bool, ChainError> {
    let mut one = [0; 32];
    one[31] = 1;
    match chain.try_create(Bytes::from_static(code)) {
        Ok(answer) => Ok(answer.is_some_and(|answer| answer[..] == one)),
        Err(error @ ChainError::Transport(_)) => Err(error),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::Evm;

    /// A chain without what this piece of code asks for.
    struct Lacking {
        evm: Evm,
        code: &'static [u8],
        answer: Result<Option<Bytes>, ChainError>,
    }

    impl Chain for Lacking {
        maci_nova_chain::forward!(evm: chain_id accounts send call logs block code input balance);

        fn try_create(&self, code: Bytes) -> Result<Option<Bytes>, ChainError> {
            match code[..] == *self.code {
                true => self.answer.clone(),
                false => self.evm.try_create(code),
            }
        }
    }

    #[test]
    fn the_embedded_chain_has_all_that_is_needed() {
        let evm = Evm::new();
        assert_eq!(lacking(&evm), Ok(None));
        assert_eq!(holds(&evm, ONE), Ok(true));
        for requirement in &REQUIREMENTS {
            let answer = holds(&evm, requirement.code);
            assert_eq!(answer, Ok(true), "{}", requirement.name);
        }
    }

    #[test]
    fn what_is_lacking_is_named() {
        let zero = Bytes::from_static(&[0; 32]);
        let halted = || Err(ChainError::Halted("invalid opcode".into()));
        for answer in [halted(), Ok(Some(zero)), Ok(Some(Bytes::new()))] {
            for requirement in &REQUIREMENTS {
                let chain = Lacking {
                    evm: Evm::new(),
                    code: requirement.code,
                    answer: answer.clone(),
                };
                assert_eq!(lacking(&chain), Ok(Some(requirement.name)));
            }
        }
        // Where nothing is known nothing is said, and a node that is away is that.
        let unknown = Lacking {
            evm: Evm::new(),
            code: ONE,
            answer: Ok(None),
        };
        assert_eq!(lacking(&unknown), Ok(None));
        let away = Lacking {
            answer: Err(ChainError::Transport("away".into())),
            ..unknown
        };
        assert!(lacking(&away).is_err());
    }
}
