//! The contracts of a poll: Solidity sources, their compiled artifacts, Rust bindings, and an EVM
//! in this process to run them on.
//!
//! So far there is the verifier of the final proof, `DeciderVerifier.sol`. The compiled artifact is
//! part of this crate and takes the verifying key as constructor argument, so neither a compiler
//! nor Node is needed to deploy a verifier for a new key.
//!
//! ```no_run
//! use maci_nova_contracts::{decider, evm::Evm};
//! # fn check(
//! #     key: &decider::Key,
//! #     statement: &decider::Statement,
//! #     proof: &decider::Proof,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let mut evm = Evm::new();
//! let verifier = evm.deploy(decider::deploy_code(key, 25))?;
//! let receipt = decider::verify(&mut evm, verifier.contract, statement, proof)?;
//! println!("{} gas", receipt.gas_used);
//! # Ok(())
//! # }
//! ```

pub mod chain;
pub mod decider;
pub mod evm;
pub mod words;

pub use alloy_primitives;
pub use alloy_sol_types;

/// Bindings made from the artifacts' ABI: calls, structs and custom errors under their Solidity
/// names, which are documented in the Solidity sources.
#[allow(missing_docs)]
pub mod bindings {
    use alloy_sol_types::sol;

    sol!(
        #[derive(Debug, PartialEq, Eq)]
        DeciderVerifier,
        "out/DeciderVerifier.sol/DeciderVerifier.json"
    );

    // The other contracts, as their artifacts will declare them.
    sol! {
        #[derive(Debug, PartialEq, Eq)]
        contract MACI {
            struct PublicKey { uint256 x; uint256 y; }
            struct Shape { uint8 stateTreeDepth; uint8 voteOptionTreeDepth; uint8 eventsPerStep; }
            struct PollSettings {
                PublicKey coordinatorKey;
                uint32 voteOptions;
                uint8 mode;
                Shape shape;
                uint64 startTime;
                uint64 endTime;
                uint64 provingBase;
                uint32 provingPerMessage;
                address credits;
                address topUpToken;
                uint256 creditUnit;
                address beneficiary;
                uint256 messageFee;
            }

            event SignUp(uint256 indexed index, uint256 x, uint256 y, uint256 root);
            event PollCreated(uint256 indexed index, address indexed poll, uint64 pollId, address owner);

            constructor(address gatekeeper, address factory, address registry, address joinVerifier, uint8 joinDepth);
            function signUp(PublicKey calldata key, bytes calldata gatekeeperData) external;
            function createPoll(PollSettings calldata settings) external returns (address poll);
            function rootAt(uint256 index) external view returns (uint256);
            function rootCount() external view returns (uint256);
            function pollAt(uint256 index) external view returns (address);
            function pollCount() external view returns (uint256);
            function GATEKEEPER() external view returns (address);
            function FACTORY() external view returns (address);
            function REGISTRY() external view returns (address);
            function JOIN_VERIFIER() external view returns (address);
            function JOIN_DEPTH() external view returns (uint8);
        }

        #[derive(Debug, PartialEq, Eq)]
        contract Poll {
            struct PublicKey { uint256 x; uint256 y; }
            struct Shape { uint8 stateTreeDepth; uint8 voteOptionTreeDepth; uint8 eventsPerStep; }
            struct PollSettings {
                PublicKey coordinatorKey;
                uint32 voteOptions;
                uint8 mode;
                Shape shape;
                uint64 startTime;
                uint64 endTime;
                uint64 provingBase;
                uint32 provingPerMessage;
                address credits;
                address topUpToken;
                uint256 creditUnit;
                address beneficiary;
                uint256 messageFee;
            }
            struct PollInfo {
                address maci;
                address owner;
                uint64 pollId;
                address verifier;
                address joinVerifier;
                uint256 pollContext;
                uint256 scope;
                uint256 emptyStateRoot;
                uint256 emptyTallyRoot;
                PollSettings settings;
            }
            struct OptionResult { uint128 votes; uint128 spent; }
            enum PollState { Pending, Open, Ended, Finalized, Aborted }

            event Join(uint256 indexed stateIndex, uint256 x, uint256 y, uint256 credits);
            event Message(uint256 indexed index, uint256[10] data, uint256 x, uint256 y);
            event TopUp(uint256 indexed index, uint256 stateIndex, uint256 credits, address depositor);
            event Finalized(uint256 stateRoot, uint256 tallyRoot, uint256 totalVotes, uint256 totalSpent);
            event Aborted();

            function join(
                uint256 nullifier,
                uint256 rootIndex,
                PublicKey calldata pollKey,
                uint256[8] calldata proof,
                bytes calldata creditData
            ) external;
            function publishMessage(uint256[10] calldata data, PublicKey calldata encryptionKey) external payable;
            function publishMessageBatch(uint256[10][] calldata data, PublicKey[] calldata encryptionKeys) external payable;
            function topUp(uint256 stateIndex, uint256 amount) external;
            function topUpBatch(uint256[] calldata stateIndices, uint256[] calldata amounts) external;
            function finalize(
                uint256 stateRoot,
                uint256 tallyRoot,
                OptionResult[] calldata results,
                uint256[24] calldata proof
            ) external;
            function abort() external;
            // After finalization: top-up tokens to the beneficiary, fees to the owner; anybody may call.
            function collect() external;
            function collectFees() external;
            // After an abort: the caller's own top-up tokens, and the caller's own fees.
            function withdraw() external;
            function withdrawFees() external;
            function deadline() external view returns (uint256);
            function state() external view returns (PollState);
            function result(uint256 option) external view returns (OptionResult memory);
            function results() external view returns (OptionResult[] memory);
            function totals() external view returns (OptionResult memory);
            function stateRoot() external view returns (uint256);
            function pollInfo() external view returns (PollInfo memory);
            function chains() external view returns (uint256 joinChain, uint256 joinCount, uint256 messageChain, uint256 messageCount);
            function nullifierUsed(uint256 nullifier) external view returns (bool);
            function depositOf(address depositor) external view returns (uint256);
            function feesOf(address payer) external view returns (uint256);
        }

        #[derive(Debug, PartialEq, Eq)]
        contract VkRegistry {
            struct Shape { uint8 stateTreeDepth; uint8 voteOptionTreeDepth; uint8 eventsPerStep; }
            event VerifierSet(Shape shape, address verifier, uint256 emptyStateRoot, uint256 emptyTallyRoot);
            constructor(address owner, bool production);
            function setVerifier(Shape calldata shape, address verifier) external;
            // The verifier is zero for a shape that none is set for.
            function verifierOf(Shape calldata shape) external view returns (address verifier, uint256 emptyStateRoot, uint256 emptyTallyRoot);
            function PRODUCTION() external view returns (bool);
            function owner() external view returns (address);
        }

        #[derive(Debug, PartialEq, Eq)]
        contract JoinVerifier {
            struct G1Point { uint256 x; uint256 y; }
            struct G2Point { uint256 x1; uint256 x0; uint256 y1; uint256 y0; }
            struct JoinVerifyingKey { G1Point alpha; G2Point beta; G2Point gamma; G2Point delta; G1Point[5] ic; }
            constructor(JoinVerifyingKey memory key, bool development);
            function verify(uint256[4] calldata inputs, uint256[8] calldata proof) external view;
            function verifyingKey() external view returns (JoinVerifyingKey memory key);
            function DEVELOPMENT() external view returns (bool);
        }

        #[derive(Debug, PartialEq, Eq)]
        contract PollFactory {
            constructor();
        }

        #[derive(Debug, PartialEq, Eq)]
        contract FreeForAllGatekeeper {
            constructor();
            function setMaci(address maci) external;
        }

        #[derive(Debug, PartialEq, Eq)]
        contract SignUpTokenGatekeeper {
            constructor(address token);
            function setMaci(address maci) external;
        }

        #[derive(Debug, PartialEq, Eq)]
        contract ConstantInitialVoiceCreditProxy {
            constructor(uint256 credits);
        }

        #[derive(Debug, PartialEq, Eq)]
        contract VotesInitialVoiceCreditProxy {
            constructor(address token, uint256 snapshot, uint256 factor);
        }

        #[derive(Debug, PartialEq, Eq)]
        contract SignUpToken {
            constructor(address owner);
            function giveToken(address to) external returns (uint256 tokenId);
        }

        #[derive(Debug, PartialEq, Eq)]
        contract SampleToken {
            constructor(address owner);
            function mint(address to, uint256 amount) external;
            function approve(address spender, uint256 value) external returns (bool);
            function delegate(address delegatee) external;
            function balanceOf(address account) external view returns (uint256);
            function transfer(address to, uint256 value) external returns (bool);
        }
    }
}
