// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// @title What decides who may sign up
/// @notice Of this, MACI calls `register` alone; the rest is what a deployment needs to tie the two to each other.
/// Implementations have to take calls of `register` from their MACI alone, or strangers use up what voters need.
interface IGatekeeper {
    /// @notice Returns if `user` may sign up, and remembers what must not be used twice. Reverts otherwise.
    /// @dev MACI calls it last, after its own changes, and takes no second sign-up before it has returned.
    /// @param user Who sends the transaction to MACI. It is not whose key is signed up: that is not known here.
    /// @param data The evidence, whatever the implementation wants.
    function register(address user, bytes calldata data) external;

    /// @notice Names the MACI that is served, once.
    /// @dev The MACI's constructor takes the gatekeeper's address, so this comes after both are deployed.
    /// @param newMaci The only caller of `register` from now on.
    function setMaci(address newMaci) external;

    /// @notice The MACI that this gatekeeper serves.
    /// @return Its address, zero before it is set.
    function maci() external view returns (address);
}
