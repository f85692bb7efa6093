// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// @title What decides how many voice credits a voter starts with
/// @notice Credits that are read from the address that joins re-link it to the sign-up if both are the same address;
/// constant credits, joined for through a relayer, do not.
interface IVoiceCreditProxy {
    /// @notice The credits of `account`, who joins the poll that calls. The poll refuses 2^32 and more, so an
    /// implementation has to stop there itself, or whom it gives more cannot join.
    /// @dev May change state, for example to let an account join a poll once. Keyed by `msg.sender`, that can only be
    /// done to polls that ask here.
    /// @param account Who sends the join.
    /// @param data Whatever the implementation needs; the join proof is bound to it.
    /// @return How many, below 2^32.
    function getVoiceCredits(address account, bytes calldata data) external returns (uint256);
}
