//! For tests: chains that differ from another one in a few answers.

/// Methods of a [`Chain`](crate::Chain) that ask the chain in a field: `forward!(evm: chain_id
/// call)` stands in an `impl Chain` whose other methods are written out.
#[macro_export]
macro_rules! forward {
    (@ $chain:tt chain_id) => {
        fn chain_id(&self) -> Result<u64, $crate::ChainError> {
            self.$chain.chain_id()
        }
    };
    (@ $chain:tt accounts) => {
        fn accounts(&self) -> Vec<$crate::alloy_primitives::Address> {
            self.$chain.accounts()
        }
    };
    (@ $chain:tt send) => {
        fn send(
            &mut self,
            from: $crate::alloy_primitives::Address,
            to: Option<$crate::alloy_primitives::Address>,
            calldata: $crate::alloy_primitives::Bytes,
            value: $crate::alloy_primitives::U256,
        ) -> Result<$crate::Receipt, $crate::ChainError> {
            self.$chain.send(from, to, calldata, value)
        }
    };
    (@ $chain:tt call) => {
        fn call(
            &self,
            to: $crate::alloy_primitives::Address,
            calldata: $crate::alloy_primitives::Bytes,
        ) -> Result<$crate::alloy_primitives::Bytes, $crate::ChainError> {
            self.$chain.call(to, calldata)
        }
    };
    (@ $chain:tt try_create) => {
        fn try_create(
            &self,
            code: $crate::alloy_primitives::Bytes,
        ) -> Result<Option<$crate::alloy_primitives::Bytes>, $crate::ChainError> {
            self.$chain.try_create(code)
        }
    };
    (@ $chain:tt logs) => {
        fn logs(
            &self,
            address: $crate::alloy_primitives::Address,
            from_block: u64,
            to_block: u64,
            topics: &[Vec<$crate::alloy_primitives::B256>],
        ) -> Result<Vec<$crate::Log>, $crate::ChainError> {
            self.$chain.logs(address, from_block, to_block, topics)
        }
    };
    (@ $chain:tt block) => {
        fn block(&self, block: $crate::BlockId) -> Result<$crate::Block, $crate::ChainError> {
            self.$chain.block(block)
        }
    };
    (@ $chain:tt code) => {
        fn code(
            &self,
            address: $crate::alloy_primitives::Address,
        ) -> Result<$crate::alloy_primitives::Bytes, $crate::ChainError> {
            self.$chain.code(address)
        }
    };
    (@ $chain:tt input) => {
        fn input(
            &self,
            transaction: $crate::alloy_primitives::B256,
        ) -> Result<Option<$crate::TransactionInput>, $crate::ChainError> {
            self.$chain.input(transaction)
        }
    };
    (@ $chain:tt balance) => {
        fn balance(
            &self,
            address: $crate::alloy_primitives::Address,
        ) -> Result<$crate::alloy_primitives::U256, $crate::ChainError> {
            self.$chain.balance(address)
        }
    };
    ($chain:tt: $($method:ident)+) => {
        $($crate::forward!(@ $chain $method);)+
    };
}
