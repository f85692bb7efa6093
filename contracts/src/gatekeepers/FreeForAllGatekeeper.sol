// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SignUpGatekeeper} from "./SignUpGatekeeper.sol";

/// @title Lets everybody in, as often as they like
contract FreeForAllGatekeeper is SignUpGatekeeper {
    /// @notice Nothing has to be said to get in.
    error UnexpectedGatekeeperData();

    /// @param owner Who names the MACI.
    constructor(address owner) SignUpGatekeeper(owner) {}

    function _register(address, bytes calldata data) internal pure override {
        if (data.length != 0) revert UnexpectedGatekeeperData();
    }
}
