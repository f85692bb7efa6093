// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// @title What both MACI and its polls refuse
interface ICommonErrors {
    /// @notice The calldata is not what an ABI encoder writes for these arguments.
    error MalformedCalldata();
    /// @notice A coordinate of the key is not below r.
    error KeyNotCanonical();
    /// @notice The key is not on the curve.
    error KeyNotOnCurve();
}
