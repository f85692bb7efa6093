// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {InitialVoiceCreditProxy} from "src/credits/InitialVoiceCreditProxy.sol";

/// @notice A point of BabyJubJub as affine coordinates, both below BN254's group order r.
struct PublicKey {
    uint256 x;
    uint256 y;
}

/// @notice What one option received. Both numbers are below 2^128 by their type.
struct OptionResult {
    uint128 votes;
    uint128 spent;
}

/// @notice What a step circuit is made for: the depth of the state tree (5^depth leaves), the depth of the vote
/// option trees (5^depth options), and the number of events in a step.
struct Shape {
    uint8 stateTreeDepth;
    uint8 voteOptionTreeDepth;
    uint8 eventsPerStep;
}

/// @notice What the creator of a poll decides. Times are in seconds since 1970.
struct PollSettings {
    /// Messages are encrypted to it. In the prime-order subgroup, x not 0.
    PublicKey coordinatorKey;
    /// Options are 0 to voteOptions - 1; at most 5^voteOptionTreeDepth.
    uint32 voteOptions;
    /// What a weight w costs: 0 quadratic (w^2), 1 linear (w).
    uint8 mode;
    Shape shape;
    /// Joins, messages and top-ups are taken while startTime <= time < endTime.
    uint64 startTime;
    uint64 endTime;
    /// Time to prove after endTime: provingBase, and provingPerMessage for each message and top-up.
    uint64 provingBase;
    uint32 provingPerMessage;
    /// What decides how many voice credits who joins has.
    InitialVoiceCreditProxy credits;
    /// Zero for a poll without top-ups.
    IERC20 topUpToken;
    /// Tokens (in their smallest unit) for one voice credit.
    uint256 creditUnit;
    /// Receives the tokens of the top-ups once the poll is finalized.
    address beneficiary;
    /// Wei for each message, paid to the owner once the poll is finalized.
    uint256 messageFee;
}

/// @notice Everything about a poll that never changes.
struct PollInfo {
    address maci;
    address owner;
    /// Below 2^50.
    uint64 pollId;
    address verifier;
    address joinVerifier;
    /// P5(pollId, coordinatorKey.x, coordinatorKey.y, voteOptions, mode).
    uint256 pollContext;
    /// What nullifiers are made for.
    uint256 scope;
    uint256 emptyStateRoot;
    uint256 emptyTallyRoot;
    PollSettings settings;
}

/// @notice Before startTime; until endTime; from then on; with results; given up.
enum PollState {
    Pending,
    Open,
    Ended,
    Finalized,
    Aborted
}
