// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {OptionResult} from "src/libraries/Types.sol";

/// @title A verifier that answers as it is told, for tests only
abstract contract MockVerifier {
    /// @notice What it was asked: the whole calldata.
    error Asked(bytes calldata_);
    /// @notice As the real one.
    error ProofRejected();

    enum Answer {
        Accept,
        Reject,
        Echo
    }

    Answer public answer;
    bool public immutable DEVELOPMENT;

    constructor(bool development) {
        DEVELOPMENT = development;
    }

    function set(Answer newAnswer) external {
        answer = newAnswer;
    }

    function _answer() internal view {
        if (answer == Answer.Reject) revert ProofRejected();
        if (answer == Answer.Echo) revert Asked(msg.data);
    }
}

/// @title In the place of DeciderVerifier
contract MockDeciderVerifier is MockVerifier {
    uint256 public immutable MAX_OPTIONS;

    constructor(uint256 maxOptions, bool development) MockVerifier(development) {
        MAX_OPTIONS = maxOptions;
    }

    function verify(
        bytes32,
        uint256[8] calldata,
        uint256[8] calldata,
        OptionResult[] calldata,
        uint256[22] calldata
    ) external view {
        _answer();
    }
}

/// @title In the place of JoinVerifier and BundleVerifier
contract MockJoinVerifier is MockVerifier {
    constructor(bool development) MockVerifier(development) {}

    function verify(uint256[4] calldata, uint256[8] calldata) external view {
        _answer();
    }
}
