//! The same values in ethers' types and in the contracts' bindings'.

use ethers_core::types::{H160, H256, U256 as EthersU256};
use maci_nova_chain::alloy_primitives::{Address, B256, U256};

pub fn alloy_address(address: H160) -> Address {
    Address::from(address.to_fixed_bytes())
}

pub fn ethers_address(address: Address) -> H160 {
    H160(address.into_array())
}

pub fn alloy_hash(hash: H256) -> B256 {
    B256::from(hash.to_fixed_bytes())
}

pub fn ethers_hash(hash: B256) -> H256 {
    H256(hash.0)
}

pub fn alloy_word(word: EthersU256) -> U256 {
    U256::from_limbs(word.0)
}

pub fn ethers_word(word: U256) -> EthersU256 {
    EthersU256(word.into_limbs())
}

/// `None` for a number that does not fit, which no honest node sends.
pub fn small(word: EthersU256) -> Option<u64> {
    (word.bits() <= 64).then(|| word.low_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_value() {
        let word = U256::from_be_bytes(core::array::from_fn::<u8, 32, _>(|i| i as u8 + 1));
        assert_eq!(alloy_word(ethers_word(word)), word);
        assert_eq!(ethers_word(word).to_string(), word.to_string());
    }

    #[test]
    fn numbers_that_do_not_fit() {
        assert_eq!(small(u64::MAX.into()), Some(u64::MAX));
        assert_eq!(small(EthersU256::from(u64::MAX) + 1), None);
    }
}
