// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {StrictCalldata} from "src/libraries/StrictCalldata.sol";

/// @title What decides who may sign up
abstract contract SignUpGatekeeper {
    /// @notice Only the deployer names the MACI.
    error OnlyDeployer();
    /// @notice The MACI is named once.
    error MaciAlreadySet();
    /// @notice Only the MACI lets people in.
    error OnlyMaci();

    address private immutable DEPLOYER;

    /// @notice The MACI that this gatekeeper serves, zero before it is set.
    address public maci;

    constructor() {
        DEPLOYER = msg.sender;
    }

    /// @notice Names the MACI, once.
    function setMaci(address newMaci) external {
        StrictCalldata.requireStatic(1);
        if (msg.sender != DEPLOYER) revert OnlyDeployer();
        if (maci != address(0)) revert MaciAlreadySet();
        maci = newMaci;
    }

    /// @notice Returns if `user` may sign up, and remembers what must not be used twice. Reverts otherwise.
    /// @param user Who signs up.
    /// @param data Whatever the implementation needs.
    function register(address user, bytes calldata data) external {
        if (msg.sender != maci) revert OnlyMaci();
        _register(user, data);
    }

    /// @dev The rule.
    function _register(address user, bytes calldata data) internal virtual;
}
