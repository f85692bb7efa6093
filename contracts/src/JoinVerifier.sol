// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Groth16Verifier, Groth16VerifyingKey} from "./Groth16Verifier.sol";

/// @title Verifier of join proofs
/// @notice Checks a proof that somebody knows the key of a sign-up under a root, without saying which. Its inputs are
/// root, nullifier, scope and binding.
contract JoinVerifier is Groth16Verifier {
    /// @param key The verifying key; refused unless every point is in its group and none is infinity.
    /// @param development Whether the key was made without a ceremony.
    constructor(Groth16VerifyingKey memory key, bool development) Groth16Verifier(key, development) {}
}
