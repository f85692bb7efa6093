// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Groth16Verifier, Groth16VerifyingKey} from "./Groth16Verifier.sol";

/// @title Verifier of bundles of messages
/// @notice Checks a proof that the chain of a bundle's messages ends with `inner`, where `e` is the value at `c` of the
/// polynomial whose coefficients are the messages' elements, and `n` their number. Its inputs are inner, c, e and n.
/// @dev It costs the same for every number of messages; the hashes of a chain would cost 200,000 gas each.
contract BundleVerifier is Groth16Verifier {
    /// @notice The most messages that a proof is of.
    uint256 public immutable MAX_MESSAGES;

    /// @param key The verifying key; refused unless every point is in its group and none is infinity.
    /// @param maxMessages The most messages that the circuit has room for.
    /// @param development Whether the key was made without a ceremony.
    constructor(Groth16VerifyingKey memory key, uint256 maxMessages, bool development)
        Groth16Verifier(key, development)
    {
        MAX_MESSAGES = maxMessages;
    }
}
