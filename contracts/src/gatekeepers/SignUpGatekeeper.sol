// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGatekeeper} from "../interfaces/IGatekeeper.sol";
import {StrictCalldata} from "../libraries/StrictCalldata.sol";

/// @title What decides who may sign up
/// @notice The owner is named when the contract is made, and does nothing but name the MACI. So it can be made by a
/// factory as well, and nobody who watches can name another MACI first.
abstract contract SignUpGatekeeper is IGatekeeper {
    /// @notice Nobody could ever name the MACI.
    error OwnerIsZero();
    /// @notice Only the owner names the MACI.
    error OnlyOwner();
    /// @notice The MACI is named once.
    error MaciAlreadySet();
    /// @notice There is no MACI at address zero.
    error MaciIsZero();
    /// @notice Only the MACI lets people in.
    error OnlyMaci();

    /// @notice Who names the MACI.
    address public immutable OWNER;

    /// @inheritdoc IGatekeeper
    address public maci;

    /// @param owner Who names the MACI; not zero.
    constructor(address owner) {
        if (owner == address(0)) revert OwnerIsZero();
        OWNER = owner;
    }

    /// @inheritdoc IGatekeeper
    function setMaci(address newMaci) external {
        StrictCalldata.requireStatic(1);
        if (msg.sender != OWNER) revert OnlyOwner();
        if (maci != address(0)) revert MaciAlreadySet();
        if (newMaci == address(0)) revert MaciIsZero();
        _requireReady();
        maci = newMaci;
    }

    /// @inheritdoc IGatekeeper
    function register(address user, bytes calldata data) external {
        if (msg.sender != maci) revert OnlyMaci();
        _register(user, data);
    }

    /// @dev Reverts if something is missing without which nobody could sign up.
    function _requireReady() internal view virtual {}

    /// @dev The rule.
    function _register(address user, bytes calldata data) internal virtual;
}
