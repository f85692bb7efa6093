// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVoiceCreditProxy} from "../interfaces/IVoiceCreditProxy.sol";

/// @title What decides how many voice credits a voter starts with
abstract contract InitialVoiceCreditProxy is IVoiceCreditProxy {
    /// @dev The most credits that a poll takes.
    uint256 internal constant MAX_CREDITS = type(uint32).max;
}
