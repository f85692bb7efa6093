// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {InitialVoiceCreditProxy} from "src/credits/InitialVoiceCreditProxy.sol";

/// @title Credits from the votes of an ERC-20 at a snapshot
/// @notice A plain balance could be sent around and back many joins; votes at a past block cannot, and an address
/// backs one join of a poll.
contract VotesInitialVoiceCreditProxy is InitialVoiceCreditProxy {
    /// @notice Votes cannot be divided by zero.
    error FactorIsZero();
    /// @notice Nothing has to be said to get these credits.
    error UnexpectedCreditData();
    /// @notice The address has joined this poll already.
    error AccountAlreadyUsed(address account);

    /// @notice The token.
    IVotes public immutable TOKEN;
    /// @notice The block (or time, as the token counts) whose votes are read.
    uint256 public immutable SNAPSHOT;
    /// @notice Votes for one credit.
    uint256 public immutable FACTOR;

    /// @notice Whether an address has joined a poll.
    mapping(address poll => mapping(address account => bool)) public used;

    /// @param token An ERC-20 with votes.
    /// @param snapshot In the past when the poll starts; the token refuses to answer before.
    /// @param factor Votes for one credit, the remainder is lost.
    constructor(IVotes token, uint256 snapshot, uint256 factor) {
        if (factor == 0) revert FactorIsZero();
        TOKEN = token;
        SNAPSHOT = snapshot;
        FACTOR = factor;
    }

    /// @inheritdoc InitialVoiceCreditProxy
    function getVoiceCredits(address account, bytes calldata data) external override returns (uint256) {
        if (data.length != 0) revert UnexpectedCreditData();
        if (used[msg.sender][account]) revert AccountAlreadyUsed(account);
        used[msg.sender][account] = true;
        return TOKEN.getPastVotes(account, SNAPSHOT) / FACTOR;
    }
}
