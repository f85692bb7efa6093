//! Whether an account can pay, asked before anything takes long.

use maci_nova_chain::Chain;
use maci_nova_contracts::alloy_primitives::{Address, U256};

use crate::error::{on_chain, Error};

/// The account must have the money for so much gas at the price of now; `what` costs it.
///
/// # Errors
/// [`Error::OnChain`] if it has not; [`Error::Chain`].
pub fn require<C: Chain + ?Sized>(
    chain: &C,
    from: Address,
    gas: u64,
    what: &str,
) -> Result<(), Error> {
    let price = chain.gas_price();
    let Some(price) = price.map_err(on_chain("read the price of gas"))? else {
        return Ok(());
    };
    let cost = price.saturating_mul(U256::from(gas));
    let balance = chain.balance(from);
    let balance = balance.map_err(on_chain(format!("read the balance of {from}")))?;
    match balance >= cost {
        true => Ok(()),
        false => Err(Error::OnChain(format!(
            "account {from} has {balance} wei, and {what} costs about {cost} wei now: {gas} gas at {price} wei each"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_chain::{ChainError, Receipt};
    use maci_nova_contracts::alloy_primitives::Bytes;
    use maci_nova_contracts::evm::{Evm, FUNDS, SENDER};

    use super::*;

    struct Priced {
        evm: Evm,
        price: u64,
    }

    impl Chain for Priced {
        maci_nova_chain::forward!(evm: chain_id accounts call logs block code input balance);

        fn send(
            &mut self,
            from: Address,
            to: Option<Address>,
            calldata: Bytes,
            value: U256,
        ) -> Result<Receipt, ChainError> {
            self.evm.send(from, to, calldata, value)
        }

        fn gas_price(&self) -> Result<Option<U256>, ChainError> {
            Ok(Some(U256::from(self.price)))
        }
    }

    #[test]
    fn what_is_dearer_than_there_is_money_is_refused() {
        let (evm, price) = (Evm::new(), 3);
        let funds = evm.balance(SENDER).unwrap();
        assert_eq!(funds, U256::from(FUNDS));
        let most = u64::try_from(funds / U256::from(price)).unwrap_or(u64::MAX);
        require(&evm, SENDER, u64::MAX, "this").unwrap();
        let chain = Priced { evm, price };
        require(&chain, SENDER, most.min(1_000_000), "this").unwrap();
        let poor = Address::repeat_byte(0x99);
        let error = require(&chain, poor, 1000, "this").unwrap_err();
        let text = "has 0 wei, and this costs about 3000 wei now: 1000 gas at 3 wei each";
        assert!(error.to_string().contains(text), "{error}");
        let huge = Priced {
            evm: chain.evm,
            price: u64::MAX,
        };
        require(&huge, SENDER, u64::MAX, "this").unwrap_err();
    }
}
