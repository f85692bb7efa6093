// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {IERC6372} from "@openzeppelin/contracts/interfaces/IERC6372.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IVoiceCreditProxy} from "../interfaces/IVoiceCreditProxy.sol";
import {InitialVoiceCreditProxy} from "./InitialVoiceCreditProxy.sol";

/// @title Credits from the votes of an ERC-20 at a snapshot
/// @notice A plain balance could be sent around and back many joins; votes at a past block cannot, and an address
/// backs one join of a poll. Who has more votes than a poll takes credits gets the most that it takes: whoever
/// delegates votes to somebody cannot lock them out.
/// @dev What a client has to ask before it makes a poll with this: that `hasPassed()` (else the token refuses every
/// join), that `CLOCK_MODE()` is what the snapshot was meant in, and that `supplyInCredits()` fits the token: a factor
/// that forgets the token's decimals makes everybody's credits the same, 0 or the most.
contract VotesInitialVoiceCreditProxy is InitialVoiceCreditProxy {
    /// @notice There is no contract at the token's address.
    /// @param account The address.
    error NoContract(address account);
    /// @notice Votes cannot be divided by zero.
    error FactorIsZero();
    /// @notice Nothing has to be said to get these credits.
    error UnexpectedCreditData();
    /// @notice The address has joined this poll already.
    /// @param account The address.
    error AccountAlreadyUsed(address account);

    /// @notice The token.
    IVotes public immutable TOKEN;
    /// @notice The block (or time, as the token's clock counts) whose votes are read.
    uint256 public immutable SNAPSHOT;
    /// @notice Votes for one credit, in the token's smallest unit; not 0.
    uint256 public immutable FACTOR;

    /// @notice Whether an address has joined a poll.
    mapping(address poll => mapping(address account => bool)) public used;

    /// @param token An ERC-20 with votes.
    /// @param snapshot In the past when the poll starts; the token refuses to answer before.
    /// @param factor Votes for one credit, the remainder is lost. Not 0.
    constructor(IVotes token, uint256 snapshot, uint256 factor) {
        if (address(token).code.length == 0) revert NoContract(address(token));
        if (factor == 0) revert FactorIsZero();
        TOKEN = token;
        SNAPSHOT = snapshot;
        FACTOR = factor;
    }

    /// @inheritdoc IVoiceCreditProxy
    function getVoiceCredits(address account, bytes calldata data) external override returns (uint256) {
        if (data.length != 0) revert UnexpectedCreditData();
        if (used[msg.sender][account]) revert AccountAlreadyUsed(account);
        used[msg.sender][account] = true;
        return Math.min(TOKEN.getPastVotes(account, SNAPSHOT) / FACTOR, MAX_CREDITS);
    }

    /// @notice What the snapshot counts in (ERC-6372): "mode=timestamp" for seconds since 1970, and
    /// "mode=blocknumber&from=default" for blocks, also of tokens that do not say, as ERC-5805 wants it.
    function CLOCK_MODE() external view returns (string memory) {
        try IERC6372(address(TOKEN)).CLOCK_MODE() returns (string memory mode) {
            return mode;
        } catch {
            return "mode=blocknumber&from=default";
        }
    }

    /// @notice The token's present time, in what the snapshot counts in.
    function clock() public view returns (uint48) {
        try IERC6372(address(TOKEN)).clock() returns (uint48 timepoint) {
            return timepoint;
        } catch {
            return uint48(block.number);
        }
    }

    /// @notice Whether the snapshot is in the past, so that the token answers.
    function hasPassed() external view returns (bool) {
        return SNAPSHOT < clock();
    }

    /// @notice All tokens at the snapshot as credits: what one account would get that had them all, if a poll took any
    /// number. Reverts before the snapshot has passed.
    function supplyInCredits() external view returns (uint256) {
        return TOKEN.getPastTotalSupply(SNAPSHOT) / FACTOR;
    }
}
