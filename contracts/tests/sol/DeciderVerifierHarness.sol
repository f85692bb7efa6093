// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DeciderVerifier, OptionResult, VerifyingKey} from "src/DeciderVerifier.sol";

/// @title The verifier with its intermediate values in the open, for tests only
contract DeciderVerifierHarness is DeciderVerifier {
    constructor(VerifyingKey memory key, uint256 maxOptions, bool development)
        DeciderVerifier(key, maxOptions, development)
    {}

    /// @notice The words that c is the hash of, c, e_v and t, for the arguments of `verify`.
    function intermediates(
        bytes32 domain,
        uint256[8] calldata z0,
        uint256[8] calldata z,
        OptionResult[] calldata results,
        uint256[22] calldata proof
    ) external pure returns (uint256[] memory transcript, uint256 c, uint256 ev, uint256 t) {
        _checkProofWords(proof);
        transcript = _transcript(domain, z0, z, results, proof);
        c = _challenge(transcript);
        ev = _evaluate(transcript, c);
        t = _batchChallenge(c, proof);
    }
}
