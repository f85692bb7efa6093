// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IVoiceCreditProxy} from "../interfaces/IVoiceCreditProxy.sol";

/// @notice A point of BabyJubJub as affine coordinates, both below BN254's group order r.
struct PublicKey {
    uint256 x;
    uint256 y;
}

/// @notice What one option received. In a poll with negative voting the sum of the votes may be below 0.
struct OptionResult {
    int128 votes;
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
    /// Options are 0 to voteOptions - 1; at most 5^voteOptionTreeDepth, and at most 944.
    uint32 voteOptions;
    /// What a weight w costs: 0 quadratic (w^2), 1 linear (w), 2 full (w, and every ballot spends all that there is;
    /// without top-ups), 3 negative (w^2, and votes may be against an option).
    uint8 mode;
    Shape shape;
    /// Joins, messages and top-ups are taken while startTime <= time < endTime.
    uint64 startTime;
    /// At most a year ahead.
    uint64 endTime;
    /// Messages are taken that were signed within so many blocks (fewer in the last hour): 5 to 255, or up to 8190 where
    /// the history contract of EIP-2935 answers. 0 for off: whoever sends an old message again then brings it back.
    uint16 signedWithin;
    /// The highest index of a root that may join; 2^32 - 1, the highest that there can be, for no bound.
    uint32 lastRoot;
    /// Time to prove after endTime: provingBase, and provingPerMessage (1 second to 1 hour) for each message, top-up and bundle.
    /// Joins are folded while the poll is open and add nothing: provingBase has to cover those of the last moments, which
    /// the sign-ups and the chain's gas bound, and the final proof.
    uint64 provingBase;
    uint32 provingPerMessage;
    /// The most time for all messages, top-ups and bundles together, at most 90 days. No more of them are taken than can be
    /// proven in it.
    uint32 provingMax;
    /// What decides how many voice credits who joins has.
    IVoiceCreditProxy credits;
    /// Zero for a poll without top-ups.
    IERC20 topUpToken;
    /// Tokens (in their smallest unit) for one voice credit.
    uint256 creditUnit;
    /// Receives the tokens of the top-ups once the poll is finalized.
    address beneficiary;
    /// Wei for each message and each top-up, paid to the owner once the poll is finalized.
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
    address bundleVerifier;
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
