// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What decides how many voice credits a voter starts with
/// @notice Credits that are read from the address that signed up re-link it to the poll key; constant credits, joined
/// for through a relayer, do not.
abstract contract InitialVoiceCreditProxy {
    /// @notice The credits of `account`, who joins the poll that calls. The poll refuses 2^32 and more.
    /// @dev May change state, for example to let an account join a poll once. Keyed by `msg.sender`, that can only be
    /// done to polls that ask here.
    /// @param account Who sends the join.
    /// @param data Whatever the implementation needs; the join proof is bound to it.
    function getVoiceCredits(address account, bytes calldata data) external virtual returns (uint256);
}
